#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "crypto/base/prng.h"
#include "crypto/cert.h"

static struct sign_key keys[MEMBERS_MAX];
static struct digest chain_id;

static int make_keys(void **state)
{
    (void)state;
    struct prng p = prng_of(7);
    for (int i = 0; i < MEMBERS_MAX; i++) {
        uint8_t seed[SIGN_SEED_BYTES];
        prng_fill(&p, seed, sizeof seed);
        sign_key_from_seed(&keys[i], seed);
    }
    prng_fill(&p, chain_id.bytes, sizeof chain_id.bytes);
    return 0;
}

static struct member_table members_of(uint32_t members_count)
{
    struct member_table members = {.members_count = members_count};
    for (uint32_t i = 0; i < members_count; i++)
        members.sign_keys[i] = keys[i].public;
    return members;
}

static struct statement statement_of(enum cert_kind kind)
{
    struct statement s = {.kind = kind, .epoch = 3, .height = 1025};
    memset(s.digest.bytes, 0xd1, DIGEST_BYTES);
    if (kind == CERT_CHECKPOINT)
        memset(s.state_root.bytes, 0x5a, DIGEST_BYTES);
    else
        s.view = 9;
    return s;
}

static void sign_entry(struct certificate *c, uint32_t at, uint8_t member_index)
{
    c->entries[at].member_index = member_index;
    statement_sign(&c->entries[at].signature, &c->statement, &chain_id, &keys[member_index]);
}

/* A good certificate of the first q members. */
static struct certificate cert_of(enum cert_kind kind, uint32_t members_count)
{
    struct certificate c = {.statement = statement_of(kind),
                            .entries_count = quorum_of(members_count)};
    for (uint32_t i = 0; i < c.entries_count; i++)
        sign_entry(&c, i, (uint8_t)i);
    return c;
}

static const enum cert_kind kinds[] = {CERT_PREPARE, CERT_COMMIT, CERT_CHECKPOINT};
enum { KINDS_COUNT = 3 };

/* f = floor((n-1)/3), q = ceil((n+f+1)/2), by hand. */
static void quorum_of_each_members_count_is_that_of_the_paper(void **state)
{
    (void)state;
    static const struct {
        uint32_t n, f, q;
    } rows[] = {{4, 1, 3}, {5, 1, 4}, {6, 1, 4}, {7, 2, 5}, {10, 3, 7}, {31, 10, 21}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(faulty_max_of(rows[i].n), rows[i].f);
        assert_int_equal(quorum_of(rows[i].n), rows[i].q);
    }
    for (uint32_t n = MEMBERS_MIN; n <= MEMBERS_MAX; n++) {
        /* Two quorums share f + 1, and the correct ones alone make one. */
        assert_true(2 * quorum_of(n) >= n + faulty_max_of(n) + 1);
        assert_true(quorum_of(n) <= n - faulty_max_of(n));
    }
}

/* The layout that FORMATS.md describes, byte for byte. */
static void statement_signed_bytes_of_each_kind_are_as_described(void **state)
{
    (void)state;
    static const char *const texts[] = {"hansa-prepare", "hansa-commit", "hansa-checkpoint"};
    for (int i = 0; i < KINDS_COUNT; i++) {
        struct statement s = statement_of(kinds[i]);
        bool is_checkpoint = kinds[i] == CERT_CHECKPOINT;
        uint8_t got[STATEMENT_BYTES_MAX], expected[STATEMENT_BYTES_MAX] = {0};
        strncpy((char *)expected, texts[i], TAG_BYTES);
        memcpy(expected + 16, chain_id.bytes, 32);
        uint8_t *at = expected + 48;
        at[0] = 3;
        at += 8;
        if (!is_checkpoint) {
            at[0] = 9;
            at += 8;
        }
        at[0] = 1;
        at[1] = 4;
        memset(at + 8, 0xd1, 32);
        at += 40;
        if (is_checkpoint) {
            memset(at, 0x5a, 32);
            at += 32;
        }
        size_t size = statement_signed_bytes(got, &s, &chain_id);
        assert_int_equal(size, at - expected);
        assert_memory_equal(got, expected, size);
    }
}

/* Exactly q signatures hold at every group size, of whichever members; q-1 and q+1 do not. */
static void cert_verify_holds_with_exactly_a_quorum(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {4, 5, 6, 7, 31};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct member_table members = members_of(sizes[i]);
        struct certificate c = cert_of(CERT_COMMIT, sizes[i]);
        uint32_t q = c.entries_count;
        assert_int_equal(cert_verify(&c, &chain_id, &members), CERT_OK);
        sign_entry(&c, q - 1, (uint8_t)(sizes[i] - 1));
        assert_int_equal(cert_verify(&c, &chain_id, &members), CERT_OK);
        c.entries_count = q - 1;
        assert_int_equal(cert_verify(&c, &chain_id, &members), CERT_NOT_A_QUORUM);
        c.entries_count = 0;
        assert_int_equal(cert_verify(&c, &chain_id, &members), CERT_NOT_A_QUORUM);
        c = cert_of(CERT_COMMIT, sizes[i]);
        if (q < QUORUM_MAX)
            sign_entry(&c, q, (uint8_t)q);
        c.entries_count = q + 1;
        assert_int_equal(cert_verify(&c, &chain_id, &members), CERT_NOT_A_QUORUM);
        c.entries_count = UINT32_MAX;
        assert_int_equal(cert_verify(&c, &chain_id, &members), CERT_NOT_A_QUORUM);
    }
}

/* One signer counts once, in ascending order; an index beyond the table is nobody's. */
static void cert_verify_with_signers_out_of_order_is_refused(void **state)
{
    (void)state;
    struct member_table members = members_of(7);
    struct certificate c = cert_of(CERT_PREPARE, 7);
    sign_entry(&c, 2, 1);
    assert_int_equal(cert_verify(&c, &chain_id, &members), CERT_NOT_ASCENDING);
    c = cert_of(CERT_PREPARE, 7);
    sign_entry(&c, 0, 1);
    sign_entry(&c, 1, 0);
    assert_int_equal(cert_verify(&c, &chain_id, &members), CERT_NOT_ASCENDING);
    c = cert_of(CERT_PREPARE, 7);
    sign_entry(&c, 4, 7);
    assert_int_equal(cert_verify(&c, &chain_id, &members), CERT_NOT_A_MEMBER);
    c.entries[4].member_index = 255;
    assert_int_equal(cert_verify(&c, &chain_id, &members), CERT_NOT_A_MEMBER);
}

/* Whole or nothing: one wrong signature anywhere spoils all, and another member's is wrong. */
static void cert_verify_with_one_wrong_signature_is_refused(void **state)
{
    (void)state;
    struct member_table members = members_of(31);
    struct certificate good = cert_of(CERT_COMMIT, 31);
    for (uint32_t i = 0; i < good.entries_count; i++) {
        struct certificate c = good;
        c.entries[i].signature.bytes[5] ^= 1;
        assert_int_equal(cert_verify(&c, &chain_id, &members), CERT_BAD_SIGNATURE);
        c.entries[i].signature = good.entries[(i + 1) % good.entries_count].signature;
        assert_int_equal(cert_verify(&c, &chain_id, &members), CERT_BAD_SIGNATURE);
    }
}

static void assert_refused_as(const struct certificate *good, const struct statement *other,
                              const struct member_table *members)
{
    struct certificate c = *good;
    c.statement = *other;
    assert_false(statement_equal(&good->statement, other));
    assert_int_equal(cert_verify(&c, &chain_id, members), CERT_BAD_SIGNATURE);
    assert_false(
        statement_verify(&good->entries[0].signature, other, &chain_id, &members->sign_keys[0]));
}

/* Each field is signed: changing any bit of any of them is refused. */
static void cert_verify_with_a_field_changed_is_refused(void **state)
{
    (void)state;
    struct member_table members = members_of(4);
    for (int k = 0; k < KINDS_COUNT; k++) {
        struct certificate good = cert_of(kinds[k], 4);
        assert_int_equal(cert_verify(&good, &chain_id, &members), CERT_OK);
        for (int bit = 0; bit < 64; bit += 7) {
            struct statement s = good.statement;
            s.epoch ^= 1ull << bit;
            assert_refused_as(&good, &s, &members);
            s = good.statement;
            s.height ^= 1ull << bit;
            assert_refused_as(&good, &s, &members);
            s = good.statement;
            s.digest.bytes[bit / 2] ^= 1;
            assert_refused_as(&good, &s, &members);
            s = good.statement;
            if (kinds[k] == CERT_CHECKPOINT)
                s.state_root.bytes[bit / 2] ^= 1;
            else
                s.view ^= 1ull << bit;
            assert_refused_as(&good, &s, &members);
        }
    }
}

/* Pitfalls H1: a signature of one kind, chain or epoch is none of another. */
static void statement_signature_offered_as_another_kind_chain_or_epoch_is_refused(void **state)
{
    (void)state;
    struct digest other_chain = chain_id;
    other_chain.bytes[31] ^= 1;
    for (int k = 0; k < KINDS_COUNT; k++) {
        struct statement s = statement_of(kinds[k]);
        struct signature signature;
        statement_sign(&signature, &s, &chain_id, &keys[0]);
        assert_true(statement_verify(&signature, &s, &chain_id, &keys[0].public));
        assert_false(statement_verify(&signature, &s, &other_chain, &keys[0].public));
        assert_false(statement_verify(&signature, &s, &chain_id, &keys[1].public));
        struct statement next = s;
        next.epoch++;
        assert_false(statement_verify(&signature, &next, &chain_id, &keys[0].public));
        for (int other = 0; other < KINDS_COUNT; other++) {
            if (other == k)
                continue;
            struct statement offered = statement_of(kinds[other]);
            assert_false(statement_verify(&signature, &offered, &chain_id, &keys[0].public));
        }
    }
}

/* A certificate of the other chain, or of another group, is refused. */
static void cert_verify_on_another_chain_or_table_is_refused(void **state)
{
    (void)state;
    struct member_table members = members_of(4), others = members_of(4);
    struct certificate c = cert_of(CERT_COMMIT, 4);
    struct digest other_chain = chain_id;
    other_chain.bytes[0] ^= 1;
    assert_int_equal(cert_verify(&c, &other_chain, &members), CERT_BAD_SIGNATURE);
    others.sign_keys[1] = keys[9].public;
    assert_int_equal(cert_verify(&c, &chain_id, &others), CERT_BAD_SIGNATURE);
    others = members_of(7);
    assert_int_equal(cert_verify(&c, &chain_id, &others), CERT_NOT_A_QUORUM);
}

static struct bytes encode(struct wr *w, uint8_t *room, const struct certificate *c)
{
    *w = wr_of(room, CERT_BYTES_MAX);
    cert_encode(w, c);
    assert_true(wr_ok(w));
    return wr_bytes_of(w);
}

/* Decoding gives back what was encoded, and encoding that the same bytes. */
static void cert_decode_of_an_encoding_gives_the_same(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS_COUNT; k++) {
        struct certificate c = cert_of(kinds[k], 31), back;
        uint8_t first_room[CERT_BYTES_MAX], second_room[CERT_BYTES_MAX];
        struct wr w;
        struct bytes first = encode(&w, first_room, &c);
        size_t fields_bytes = kinds[k] == CERT_CHECKPOINT ? 16 + 64 : 24 + 32;
        assert_int_equal(first.size, 1 + fields_bytes + 1 + 21 * 65);
        assert_int_equal(first.data[0], k + 1);
        struct rd r = rd_of(first);
        cert_decode(&r, &back);
        assert_true(rd_done(&r));
        assert_true(statement_equal(&c.statement, &back.statement));
        struct bytes second = encode(&w, second_room, &back);
        assert_true(bytes_equal(first, second));
        struct member_table members = members_of(31);
        assert_int_equal(cert_verify(&back, &chain_id, &members), CERT_OK);
    }
}

/* Every strict prefix is refused, and a byte too many is left over. */
static void cert_decode_of_a_prefix_or_with_a_byte_more_is_refused(void **state)
{
    (void)state;
    struct member_table members = members_of(4);
    for (int k = 0; k < KINDS_COUNT; k++) {
        struct certificate c = cert_of(kinds[k], 4), back;
        uint8_t room[CERT_BYTES_MAX + 1] = {0};
        struct wr w;
        struct bytes whole = encode(&w, room, &c);
        for (size_t size = 0; size < whole.size; size++) {
            struct rd r = rd_of(bytes_of(room, size));
            cert_decode(&r, &back);
            assert_true(r.failed);
            /* Even who forgets to ask the cursor is not misled. */
            assert_int_not_equal(cert_verify(&back, &chain_id, &members), CERT_OK);
        }
        struct rd r = rd_of(bytes_of(room, whole.size + 1));
        cert_decode(&r, &back);
        assert_false(r.failed);
        assert_false(rd_done(&r));
    }
}

/* Unknown kinds and counts over the largest quorum fail the cursor. */
static void cert_decode_of_unknown_kind_or_count_is_refused(void **state)
{
    (void)state;
    struct certificate c = cert_of(CERT_COMMIT, 31), back;
    uint8_t room[256 * (1 + SIGNATURE_BYTES)] = {0};
    struct wr w;
    for (int kind = 0; kind < 256; kind++) {
        room[0] = (uint8_t)kind;
        struct rd r = rd_of(bytes_of(room, sizeof room));
        cert_decode(&r, &back);
        assert_int_equal(r.failed, kind < CERT_PREPARE || kind > CERT_CHECKPOINT);
    }
    struct bytes whole = encode(&w, room, &c);
    size_t count_at = whole.size - 21 * (1 + SIGNATURE_BYTES) - 1;
    assert_int_equal(room[count_at], 21);
    for (int count = 0; count < 256; count++) {
        room[count_at] = (uint8_t)count;
        struct rd r = rd_of(bytes_of(room, sizeof room));
        cert_decode(&r, &back);
        assert_int_equal(r.failed, count > QUORUM_MAX);
    }
}

/* Encoding into too little room fails the writer and overruns nothing. */
static void cert_encode_without_room_fails_the_writer(void **state)
{
    (void)state;
    struct certificate c = cert_of(CERT_CHECKPOINT, 4);
    uint8_t room[CERT_BYTES_MAX];
    struct wr w;
    size_t size = encode(&w, room, &c).size;
    for (size_t left = 0; left < size; left++) {
        w = wr_of(room, left);
        cert_encode(&w, &c);
        assert_false(wr_ok(&w));
        assert_int_equal(wr_bytes_of(&w).size, 0);
    }
}

/* Every fault has words of its own. */
static void cert_fault_text_of_each_fault_is_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < CERT_FAULT_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(cert_fault_text((enum cert_fault)i),
                                    cert_fault_text((enum cert_fault)j));
    assert_string_equal(cert_fault_text(CERT_BAD_SIGNATURE), "a signature is wrong");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quorum_of_each_members_count_is_that_of_the_paper),
        cmocka_unit_test(statement_signed_bytes_of_each_kind_are_as_described),
        cmocka_unit_test(cert_verify_holds_with_exactly_a_quorum),
        cmocka_unit_test(cert_verify_with_signers_out_of_order_is_refused),
        cmocka_unit_test(cert_verify_with_one_wrong_signature_is_refused),
        cmocka_unit_test(cert_verify_with_a_field_changed_is_refused),
        cmocka_unit_test(statement_signature_offered_as_another_kind_chain_or_epoch_is_refused),
        cmocka_unit_test(cert_verify_on_another_chain_or_table_is_refused),
        cmocka_unit_test(cert_decode_of_an_encoding_gives_the_same),
        cmocka_unit_test(cert_decode_of_a_prefix_or_with_a_byte_more_is_refused),
        cmocka_unit_test(cert_decode_of_unknown_kind_or_count_is_refused),
        cmocka_unit_test(cert_encode_without_room_fails_the_writer),
        cmocka_unit_test(cert_fault_text_of_each_fault_is_its_own),
    };
    return cmocka_run_group_tests_name("cert", tests, make_keys, NULL);
}
