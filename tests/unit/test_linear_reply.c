/* One node's reply to a linearizable read: held against its certificate, and its answer against
 * those of others. */
#include "tests/help/unit.h"

#include <string.h>

#include "tools/hansa/linear.h"

/* ---- one reply ---- */

static struct genesis genesis;
static struct sign_key keys[4];
static struct proto_reply reply;

static void make_genesis(void)
{
    memset(&genesis, 0, sizeof genesis);
    memset(genesis.chain_id.bytes, 0x11, DIGEST_BYTES);
    genesis.members_count = genesis.member_table.members_count = 4;
    for (uint8_t i = 0; i < 4; i++) {
        uint8_t seed[SIGN_SEED_BYTES] = {i};
        sign_key_from_seed(&keys[i], seed);
        genesis.member_table.sign_keys[i] = keys[i].public;
    }
}

/* Signed by members 0 to 2 for a chain. */
static void make_reply(enum cert_kind kind, uint64_t epoch, uint64_t high_height, uint64_t height,
                       uint8_t chain)
{
    struct digest chain_id;
    memset(chain_id.bytes, chain, DIGEST_BYTES);
    memset(&reply, 0, sizeof reply);
    reply.type = PROTO_READ;
    reply.height = height;
    reply.has_certificate = true;
    reply.certificate.statement =
        (struct statement){.kind = kind, .epoch = epoch, .view = 2, .height = high_height};
    reply.certificate.entries_count = 3;
    for (uint8_t i = 0; i < 3; i++) {
        reply.certificate.entries[i].member_index = i;
        statement_sign(&reply.certificate.entries[i].signature, &reply.certificate.statement,
                       &chain_id, &keys[i]);
    }
}

static enum linear_fault fault(void)
{
    struct linear_reply taken;
    linear_take(&taken, 2, &reply, &genesis);
    assert_int_equal(taken.member, 2);
    assert_true(taken.height == reply.height);
    return taken.fault;
}

static void reply_is_held_against_its_certificate(void **state)
{
    (void)state;
    struct linear_reply taken;
    make_genesis();
    make_reply(CERT_PREPARE, 0, 7, 6, 0x11);
    reply.is_learner = true;
    linear_take(&taken, 0, &reply, &genesis);
    assert_int_equal(taken.fault, LINEAR_WHOLE);
    assert_true(taken.has_high && taken.is_learner);
    assert_int_equal(taken.high_view, 2);
    assert_int_equal(taken.high_height, 7);
    make_reply(CERT_COMMIT, 0, 7, 7, 0x11);
    assert_int_equal(fault(), LINEAR_WHOLE);
    reply.height = 8;
    assert_int_equal(fault(), LINEAR_ABOVE_CERTIFICATE);
    make_reply(CERT_COMMIT, 0, 7, 7, 0x12); /* another chain */
    assert_int_equal(fault(), LINEAR_BAD_CERTIFICATE);
    make_reply(CERT_COMMIT, 0, 7, 7, 0x11);
    reply.certificate.entries[2].signature.bytes[5] ^= 1;
    assert_int_equal(fault(), LINEAR_BAD_CERTIFICATE);
    make_reply(CERT_COMMIT, 0, 7, 7, 0x11);
    reply.certificate.statement.height = 8; /* signed is 7 */
    assert_int_equal(fault(), LINEAR_BAD_CERTIFICATE);
    make_reply(CERT_COMMIT, 0, 7, 7, 0x11);
    reply.certificate.entries_count = 2; /* f+1 are no quorum */
    assert_int_equal(fault(), LINEAR_BAD_CERTIFICATE);
    make_reply(CERT_COMMIT, 1, 7, 7, 0x11);
    assert_int_equal(fault(), LINEAR_OTHER_EPOCH);
    memset(&reply, 0, sizeof reply);
    reply.type = PROTO_READ;
    assert_int_equal(fault(), LINEAR_WHOLE); /* the base */
    reply.height = 1;
    assert_int_equal(fault(), LINEAR_ABOVE_CERTIFICATE);
}

/* ---- answers ---- */

static uint32_t number(struct linear_answers *a, const char *entry)
{
    static struct proto_reply sent, decoded;
    struct buf bytes = {0};
    sent = (struct proto_reply){.type = PROTO_READ, .is_end = true, .count = 1};
    sent.keys[0] = bytes_of_text("k");
    sent.items[0] = bytes_of(entry, strlen(entry));
    proto_encode_reply(&bytes, &sent);
    assert_true(proto_decode_reply(&decoded, buf_bytes(&bytes)));
    uint32_t got = linear_number(a, &decoded, buf_bytes(&bytes));
    buf_free(&bytes);
    return got;
}

static void equal_answers_have_equal_numbers(void **state)
{
    (void)state;
    struct linear_answers *a = mem_alloc(sizeof *a);
    assert_int_equal(number(a, "one"), 0);
    assert_int_equal(number(a, "two"), 1);
    assert_int_equal(number(a, "one"), 0);
    linear_answers_clear(a);
    assert_int_equal(number(a, "two"), 0);
    linear_answers_close(a);
    mem_free(a);
}

/* Or a liar would be agreed with by whoever comes behind it. */
static void answer_that_ends_like_another_is_another(void **state)
{
    (void)state;
    struct linear_answers *a = mem_alloc(sizeof *a);
    /* is_end, count, question, key, value: the whole answer "x" again, as the value of one. */
    static struct proto_reply sent, decoded;
    static const char honest[] = "\1\1\0\0\1\0k\1\0\0\0x";
    struct buf bytes = {0};
    sent = (struct proto_reply){.type = PROTO_READ, .is_end = true, .count = 1};
    sent.keys[0] = bytes_of_text("k");
    sent.items[0] = bytes_of(honest, sizeof honest - 1);
    proto_encode_reply(&bytes, &sent);
    assert_true(proto_decode_reply(&decoded, buf_bytes(&bytes)));
    assert_int_equal(linear_number(a, &decoded, buf_bytes(&bytes)), 0);
    assert_memory_equal(bytes.data + bytes.size - sizeof honest + 1, honest, sizeof honest - 1);
    buf_free(&bytes);
    assert_int_equal(number(a, "x"), 1);
    linear_answers_close(a);
    mem_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reply_is_held_against_its_certificate),
        cmocka_unit_test(equal_answers_have_equal_numbers),
        cmocka_unit_test(answer_that_ends_like_another_is_another),
    };
    return cmocka_run_group_tests_name("linear_reply", tests, NULL, NULL);
}
