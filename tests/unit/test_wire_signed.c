/* What messages sign: the layouts, and that no signature passes for another (pitfalls H1). */
#include "tests/help/unit.h"

#include <string.h>

#include "crypto/crypto.h"
#include "tests/help/wire_samples.h"

enum { SIGNED_TYPES_COUNT = 5, CHAINS_COUNT = 2, EPOCHS_COUNT = 2, MEMBERS_COUNT = 2 };
static const enum pbft_msg_type signed_types[SIGNED_TYPES_COUNT] = {
    PBFT_PRE_PREPARE, PBFT_PREPARE, PBFT_COMMIT, PBFT_CHECKPOINT, PBFT_STATUS};

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
    };
    return cmocka_run_group_tests_name("wire_signed", tests, start_crypto, NULL);
}
