/* What messages sign: the layouts, and that no signature passes for another (pitfalls H1). */
#include "tests/help/unit.h"

#include <string.h>

#include "crypto/crypto.h"
#include "tests/help/wire_samples.h"

enum { SIGNED_TYPES_COUNT = 8, CHAINS_COUNT = 2, EPOCHS_COUNT = 2, MEMBERS_COUNT = 2 };
static const enum pbft_msg_type signed_types[SIGNED_TYPES_COUNT] = {
    PBFT_PRE_PREPARE, PBFT_PREPARE,  PBFT_COMMIT,      PBFT_CHECKPOINT,
    PBFT_STATUS,      PBFT_COMPLAIN, PBFT_VIEW_CHANGE, PBFT_NEW_VIEW};

_Static_assert((int)STATEMENT_BYTES_MAX <= (int)PBFT_SIGNED_BYTES_MAX,
               "one buffer serves all types");

/* What can be mixed up: the other fields are the same in all messages that have them. */
struct context {
    uint32_t type_index;
    uint32_t chain;
    uint64_t epoch;
};

static struct digest filled(uint8_t value)
{
    struct digest d;
    memset(d.bytes, value, sizeof d.bytes);
    return d;
}

static struct pbft_status status_of(uint64_t epoch)
{
    return (struct pbft_status){.epoch = epoch,
                                .view = 9,
                                .mode = PBFT_CHANGING,
                                .committed_height = 1025,
                                .high = {2, 3, 4},
                                .stable_height = 5,
                                .evidence_digest = filled(0xd1),
                                .counter = 6};
}

/* Of view 9, "base of e", with one complaint. */
static struct pbft_view_change view_change_of(uint64_t epoch)
{
    struct pbft_view_change v = {
        .epoch = epoch, .view = 9, .lc = {.epoch = epoch, .view = 8, .entries_count = 1}};
    v.lc.entries[0].member_index = 5;
    v.lc.entries[0].reason = PBFT_REASON_UNFAIR;
    memset(v.lc.entries[0].signature.bytes, 0x51, SIGNATURE_BYTES);
    memset(v.signature.bytes, 0x52, SIGNATURE_BYTES);
    return v;
}

static struct bytes signed_bytes_of(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                    const struct context *c)
{
    enum pbft_msg_type type = signed_types[c->type_index];
    struct digest chain_id = filled((uint8_t)c->chain);
    if (type == PBFT_PRE_PREPARE) {
        struct pbft_pre_prepare p = {
            .epoch = c->epoch, .view = 9, .block = {.height = 1025, .digest = filled(0xd1)}};
        return pbft_pre_prepare_signed(out, &p, &chain_id);
    }
    if (type == PBFT_STATUS) {
        struct pbft_status s = status_of(c->epoch);
        return pbft_status_signed(out, &s, 3, &chain_id);
    }
    if (type == PBFT_COMPLAIN) {
        struct pbft_complain m = {.epoch = c->epoch, .view = 9, .reason = PBFT_REASON_SLOW};
        return pbft_complain_signed(out, &m, 3, &chain_id);
    }
    if (type == PBFT_VIEW_CHANGE) {
        struct pbft_view_change m = view_change_of(c->epoch);
        return pbft_view_change_signed(out, &m, 3, &chain_id);
    }
    if (type == PBFT_NEW_VIEW) {
        static struct pbft_new_view m;
        m = (struct pbft_new_view){.epoch = c->epoch, .view = 9, .entries_count = 1};
        m.entries[0].from = 6;
        m.entries[0].view_change = view_change_of(c->epoch);
        return pbft_new_view_signed(out, &m, 3, &chain_id);
    }
    struct statement s = {.epoch = c->epoch, .height = 1025, .digest = filled(0xd1)};
    s.kind = type == PBFT_PREPARE ? CERT_PREPARE : CERT_COMMIT;
    if (type == PBFT_CHECKPOINT) {
        s.kind = CERT_CHECKPOINT;
        s.state_root = filled(0x5a);
    } else {
        s.view = 9;
    }
    return bytes_of(out, statement_signed_bytes(out, &s, &chain_id));
}

static struct context context_of(uint32_t number)
{
    return (struct context){.type_index = number % SIGNED_TYPES_COUNT,
                            .chain = number / SIGNED_TYPES_COUNT % CHAINS_COUNT,
                            .epoch = number / SIGNED_TYPES_COUNT / CHAINS_COUNT};
}

/* Pitfalls H1: each signature, offered as that of every other type, chain, epoch and member,
 * fails; only where it was made does it hold. */
static void signature_offered_as_another_type_chain_epoch_or_member_is_refused(void **state)
{
    (void)state;
    enum { CONTEXTS_COUNT = SIGNED_TYPES_COUNT * CHAINS_COUNT * EPOCHS_COUNT };
    struct sign_key keys[MEMBERS_COUNT];
    struct prng p = prng_of(11);
    for (int i = 0; i < MEMBERS_COUNT; i++) {
        uint8_t seed[SIGN_SEED_BYTES];
        prng_fill(&p, seed, sizeof seed);
        sign_key_from_seed(&keys[i], seed);
    }
    for (uint32_t made = 0; made < CONTEXTS_COUNT; made++) {
        uint8_t out[PBFT_SIGNED_BYTES_MAX];
        struct context c = context_of(made);
        struct signature signature;
        sign_message(&signature, signed_bytes_of(out, &c), &keys[0]);
        for (uint32_t offered = 0; offered < CONTEXTS_COUNT; offered++) {
            struct context as = context_of(offered);
            struct bytes message = signed_bytes_of(out, &as);
            assert_int_equal(sign_verify(&signature, message, &keys[0].public), offered == made);
            assert_false(sign_verify(&signature, message, &keys[1].public));
        }
    }
}

/* tag | chain_id | epoch | view | height | digest. */
static void pre_prepare_signed_is_as_described(void **state)
{
    (void)state;
    uint8_t out[PBFT_SIGNED_BYTES_MAX];
    uint8_t expected[16 + 32 + 8 + 8 + 8 + 32] = "hansa-preprepare";
    struct context c = {.type_index = 0, .chain = 0xc4, .epoch = 3};
    memset(expected + 16, 0xc4, 32);
    expected[48] = 3;
    expected[56] = 9;
    expected[64] = 1; /* 1025 */
    expected[65] = 4;
    memset(expected + 72, 0xd1, 32);
    struct bytes got = signed_bytes_of(out, &c);
    assert_int_equal(got.size, sizeof expected);
    assert_memory_equal(got.data, expected, sizeof expected);
}

/* tag | chain_id | epoch | from | view | mode | committed | high | stable | evidence | counter. */
static void status_signed_is_as_described(void **state)
{
    (void)state;
    uint8_t out[PBFT_SIGNED_BYTES_MAX];
    uint8_t expected[16 + 32 + 8 + 1 + 8 + 1 + 8 + 24 + 8 + 32 + 8] = "hansa-status";
    struct context c = {.type_index = 4, .chain = 0xc4, .epoch = 7};
    memset(expected + 16, 0xc4, 32);
    expected[48] = 7;
    expected[56] = 3;
    expected[57] = 9;
    expected[65] = 1;
    expected[66] = 1;
    expected[67] = 4;
    expected[74] = 2;
    expected[82] = 3;
    expected[90] = 4;
    expected[98] = 5;
    memset(expected + 106, 0xd1, 32);
    expected[138] = 6;
    struct bytes got = signed_bytes_of(out, &c);
    assert_int_equal(got.size, sizeof expected);
    assert_memory_equal(got.data, expected, sizeof expected);
}

/* ---- view changes ---- */

/* tag | chain_id | epoch | from | view | what follows, for view 9 and member 3. */
static void assert_signed_as(uint32_t type_index, const char *tag, struct bytes rest)
{
    uint8_t out[PBFT_SIGNED_BYTES_MAX];
    struct context c = {.type_index = type_index, .chain = 0xc4, .epoch = 7};
    struct buf expected = {0};
    struct digest chain_id = filled(0xc4);
    uint8_t padded[TAG_BYTES] = {0};
    memcpy(padded, tag, strlen(tag));
    buf_add(&expected, padded, sizeof padded);
    buf_add(&expected, chain_id.bytes, 32);
    buf_add_u64(&expected, 7);
    buf_add_u8(&expected, 3);
    buf_add_u64(&expected, 9);
    buf_add_bytes(&expected, rest);
    assert_true(bytes_equal(signed_bytes_of(out, &c), buf_bytes(&expected)));
    buf_free(&expected);
}

/* The bytes of view_change_of() as encoded, put together by hand: high | lc | signature. */
static void expect_high(struct buf *b)
{
    buf_add_u8(b, 0);
}

static void expect_lc(struct buf *b)
{
    buf_add(b, "\x01\x05\x01", 3);
    memset(buf_grow(b, 64), 0x51, 64);
}

static void complain_signed_is_as_described(void **state)
{
    (void)state;
    assert_signed_as(5, "hansa-complain", bytes_of("\x04", 1));
}

/* ... | H(high) | H(epoch | view - 1 | lc). */
static void view_change_signed_is_as_described(void **state)
{
    (void)state;
    struct buf high = {0}, lc = {0}, rest = {0};
    struct digest d;
    expect_high(&high);
    digest_of(&d, TAG_VIEW_HIGH, buf_bytes(&high));
    buf_add(&rest, d.bytes, 32);
    buf_add_u64(&lc, 7);
    buf_add_u64(&lc, 8);
    expect_lc(&lc);
    digest_of(&d, TAG_VIEW_LC, buf_bytes(&lc));
    buf_add(&rest, d.bytes, 32);
    assert_signed_as(6, "hansa-viewchange", buf_bytes(&rest));
    buf_free(&high);
    buf_free(&lc);
    buf_free(&rest);
}

/* ... | H(set). */
static void new_view_signed_is_as_described(void **state)
{
    (void)state;
    struct buf set = {0};
    struct digest d;
    buf_add(&set, "\x01\x06", 2);
    expect_high(&set);
    expect_lc(&set);
    memset(buf_grow(&set, 64), 0x52, 64);
    digest_of(&d, TAG_VIEW_SET, buf_bytes(&set));
    assert_signed_as(7, "hansa-new-view", bytes_of(d.bytes, 32));
    buf_free(&set);
}

static struct bytes signed_bytes_of_msg(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                        const struct pbft_msg *m, const struct digest *chain_id)
{
    if (m->type == PBFT_COMPLAIN)
        return pbft_complain_signed(out, &m->complain, m->from, chain_id);
    return m->type == PBFT_VIEW_CHANGE
               ? pbft_view_change_signed(out, &m->view_change, m->from, chain_id)
               : pbft_new_view_signed(out, &m->new_view, m->from, chain_id);
}

/* No byte of them is free but those of their own signature, at the end: nested parts, which enter
 * by a digest, are covered to the last byte. */
static void every_byte_of_a_view_change_is_signed(void **state)
{
    (void)state;
    static struct pbft_msg back;
    struct prng p = prng_of(12);
    struct wire_sample sample = {0};
    struct buf out = {0};
    struct digest chain_id = filled(1);
    for (int round = 0; round < 30; round++) {
        uint8_t room[PBFT_SIGNED_BYTES_MAX], changed_room[PBFT_SIGNED_BYTES_MAX];
        wire_sample_make(&sample, signed_types[5 + round % 3], &p);
        struct bytes was = signed_bytes_of_msg(room, &sample.msg, &chain_id);
        buf_clear(&out);
        pbft_encode(&out, &sample.msg);
        size_t decoded_count = 0;
        for (size_t at = 1; at < out.size; at++) {
            out.data[at] ^= 1;
            if (pbft_decode(&back, buf_bytes(&out), 0, wire_block_head)) {
                struct bytes is = signed_bytes_of_msg(changed_room, &back, &chain_id);
                assert_int_equal(bytes_equal(was, is), at >= out.size - SIGNATURE_BYTES);
                decoded_count++;
            }
            out.data[at] ^= 1;
        }
        assert_true(decoded_count > SIGNATURE_BYTES + 8);
    }
    buf_free(&out);
    wire_sample_close(&sample);
}

static int start_crypto(void **state)
{
    (void)state;
    return crypto_start(NULL) == RC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signature_offered_as_another_type_chain_epoch_or_member_is_refused),
        cmocka_unit_test(pre_prepare_signed_is_as_described),
        cmocka_unit_test(status_signed_is_as_described),
        cmocka_unit_test(complain_signed_is_as_described),
        cmocka_unit_test(view_change_signed_is_as_described),
        cmocka_unit_test(new_view_signed_is_as_described),
        cmocka_unit_test(every_byte_of_a_view_change_is_signed),
    };
    return cmocka_run_group_tests_name("wire_signed", tests, start_crypto, NULL);
}
