/* The canonical form of a genesis: one byte string per genesis (pitfalls H4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/base/prng.h"
#include "crypto/crypto.h"
#include "genesis/genesis.h"
#include "genesis/genesis_parts.h"

static struct genesis example;

static int open_example(void **state)
{
    (void)state;
    return genesis_read(&example, "genesis/example/genesis.json", NULL) == RC_OK ? 0 : -1;
}

static int close_example(void **state)
{
    (void)state;
    genesis_close(&example);
    return 0;
}

/* The verdict on bytes; an accepted genesis must encode to the very same bytes. */
static enum rc verdict_on(struct bytes canonical, struct digest *id)
{
    struct genesis g;
    enum rc rc = genesis_from_canonical(&g, canonical, NULL);
    if (rc != RC_OK)
        return rc;
    assert_true(bytes_equal(buf_bytes(&g.canonical), canonical));
    if (id != NULL)
        *id = g.chain_id;
    genesis_close(&g);
    return RC_OK;
}

/* The verdict on a genesis that was changed in memory and encoded as it stands. */
static enum rc verdict_on_changed(const struct genesis *g, struct why *why)
{
    struct buf encoded = {0};
    struct genesis decoded;
    genesis_encode(&encoded, g);
    enum rc rc = genesis_from_canonical(&decoded, buf_bytes(&encoded), why);
    if (rc == RC_OK)
        genesis_close(&decoded);
    buf_free(&encoded);
    return rc;
}

/* A copy to be changed; its own arrays are freed with genesis_close(). */
static struct genesis copy_of_example(void)
{
    struct genesis copy;
    assert_int_equal(genesis_from_canonical(&copy, buf_bytes(&example.canonical), NULL), RC_OK);
    return copy;
}

/* What was encoded is decoded to the same genesis with the same id. */
static void canonical_decoded_is_the_same_genesis(void **state)
{
    (void)state;
    struct genesis g = copy_of_example();
    assert_true(digest_equal(&g.chain_id, &example.chain_id));
    assert_true(bytes_equal(buf_bytes(&g.canonical), buf_bytes(&example.canonical)));
    assert_string_equal(g.members[1].peer_address, example.members[1].peer_address);
    assert_int_equal(g.member_table.members_count, 4);
    assert_true(memcmp(&g.parameters, &example.parameters, sizeof g.parameters) == 0);
    char *text = genesis_to_json(&g);
    char *other = genesis_to_json(&example);
    assert_string_equal(text, other);
    mem_free(text);
    mem_free(other);
    genesis_close(&g);
}

/* Every strict prefix and one byte more are refused. */
static void canonical_cut_short_or_lengthened_is_refused(void **state)
{
    (void)state;
    struct bytes whole = buf_bytes(&example.canonical);
    uint8_t *bytes = mem_alloc(whole.size + 1);
    memcpy(bytes, whole.data, whole.size);
    for (size_t size = 0; size < whole.size; size++)
        assert_int_equal(verdict_on(bytes_of(bytes, size), NULL), RC_MALFORMED);
    assert_int_equal(verdict_on(bytes_of(bytes, whole.size), NULL), RC_OK);
    assert_int_equal(verdict_on(bytes_of(bytes, whole.size + 1), NULL), RC_MALFORMED);
    mem_free(bytes);
}

/* A flipped bit is refused or makes another chain; it never passes for the same. */
static void canonical_with_a_flipped_bit_is_never_the_same_chain(void **state)
{
    (void)state;
    struct prng prng = prng_of(7);
    struct bytes whole = buf_bytes(&example.canonical);
    uint8_t *bytes = mem_alloc(whole.size);
    size_t accepted = 0;
    for (size_t i = 0; i < whole.size; i++) {
        struct digest id;
        memcpy(bytes, whole.data, whole.size);
        bytes[i] ^= (uint8_t)(1u << prng_below(&prng, 8));
        if (verdict_on(bytes_of(bytes, whole.size), &id) != RC_OK)
            continue;
        accepted++;
        assert_false(digest_equal(&id, &example.chain_id));
    }
    assert_true(accepted > 0);
    mem_free(bytes);
}

/* Another version, a count over its most and a choice that is none are refused. */
static void canonical_with_a_number_out_of_bounds_is_refused(void **state)
{
    (void)state;
    struct bytes whole = buf_bytes(&example.canonical);
    uint8_t *bytes = mem_alloc(whole.size);
    size_t members_at = 1 + 1 + strlen(example.chain);
    size_t participants_at = members_at + 1;
    for (uint32_t i = 0; i < example.members_count; i++) {
        const struct genesis_member *m = &example.members[i];
        participants_at +=
            3 + 64 + strlen(m->name) + strlen(m->peer_address) + strlen(m->client_address);
    }
    size_t role_at = participants_at + 4 + 1 + strlen(example.initial.participants[0].name);
    size_t reads_at = whole.size - 8 * PARAMETERS_COUNT - 1;
    const struct {
        size_t at;
        uint8_t old;
        uint8_t new;
    } changes[] = {{0, 1, 2},
                   {0, 1, 0},
                   {members_at, 4, 0},
                   {members_at, 4, 3},
                   {members_at, 4, 32},
                   {members_at, 4, 255},
                   {participants_at + 1, 0, 0x10},
                   {participants_at + 3, 0, 0xff},
                   {role_at, 1, 2},
                   {role_at + 1, 2, 0},
                   {role_at + 1, 2, 9},
                   {reads_at, 0, 2}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        memcpy(bytes, whole.data, whole.size);
        assert_int_equal(bytes[changes[i].at], changes[i].old);
        bytes[changes[i].at] = changes[i].new;
        assert_int_equal(verdict_on(bytes_of(bytes, whole.size), NULL), RC_MALFORMED);
    }
    memcpy(bytes, whole.data, whole.size);
    bytes[2 + 3] = '\0'; /* inside the chain's name */
    assert_int_equal(verdict_on(bytes_of(bytes, whole.size), NULL), RC_MALFORMED);
    mem_free(bytes);
}

/* Three members in a form that is sound otherwise are refused by the rule of JSON. */
static void canonical_of_three_members_is_refused(void **state)
{
    (void)state;
    const struct genesis_member *last = &example.members[3];
    struct buf shorter = {0};
    struct bytes whole = buf_bytes(&example.canonical);
    size_t last_size =
        3 + 64 + strlen(last->name) + strlen(last->peer_address) + strlen(last->client_address);
    const uint8_t *last_at = memmem(whole.data, whole.size, last->name, strlen(last->name));
    assert_non_null(last_at);
    size_t before = (size_t)(last_at - 1 - whole.data);
    buf_add(&shorter, whole.data, before);
    buf_add(&shorter, whole.data + before + last_size, whole.size - before - last_size);
    shorter.data[1 + 1 + strlen(example.chain)] = 3;
    struct genesis g;
    struct why why = {""};
    assert_int_equal(genesis_from_canonical(&g, buf_bytes(&shorter), &why), RC_INVALID);
    assert_non_null(strstr(why.text, "members: must be 4 to 31"));
    buf_free(&shorter);
}

#define SWAP(type, array)                                                                          \
    do {                                                                                           \
        type first = (array)[0];                                                                   \
        (array)[0] = (array)[1];                                                                   \
        (array)[1] = first;                                                                        \
    } while (0)

/* Lists out of their order are refused: the same genesis has one form. */
static void canonical_out_of_order_is_refused(void **state)
{
    (void)state;
    struct genesis g = copy_of_example();
    SWAP(struct initial_participant, g.initial.participants);
    assert_int_equal(verdict_on_changed(&g, NULL), RC_MALFORMED);
    SWAP(struct initial_participant, g.initial.participants);
    SWAP(struct public_key, g.initial.participants[0].keys);
    assert_int_equal(verdict_on_changed(&g, NULL), RC_MALFORMED);
    SWAP(struct public_key, g.initial.participants[0].keys);
    SWAP(struct initial_asset, g.initial.assets);
    assert_int_equal(verdict_on_changed(&g, NULL), RC_MALFORMED);
    SWAP(struct initial_asset, g.initial.assets);
    SWAP(struct initial_balance, g.initial.balances);
    assert_int_equal(verdict_on_changed(&g, NULL), RC_MALFORMED);
    SWAP(struct initial_balance, g.initial.balances);
    assert_int_equal(verdict_on_changed(&g, NULL), RC_OK);
    genesis_close(&g);
}

static void assert_invalid(const struct genesis *g, const char *path)
{
    struct why why = {""};
    assert_int_equal(verdict_on_changed(g, &why), RC_INVALID);
    if (strncmp(why.text, path, strlen(path)) != 0)
        fail_msg("the words \"%s\" do not begin with %s", why.text, path);
}

/* What stands twice is refused as it is in JSON, with the same words. */
static void canonical_with_a_repetition_is_refused(void **state)
{
    (void)state;
    struct genesis g = copy_of_example();
    g.members[1] = g.members[0];
    assert_invalid(&g, "members[1].name");
    g.members[1] = example.members[1];
    g.initial.participants[2] = g.initial.participants[1];
    assert_invalid(&g, "participants[2].name");
    g.initial.participants[2] = example.initial.participants[2];
    g.initial.participants[0].keys[1] = g.initial.participants[0].keys[0];
    assert_invalid(&g, "participants[0].keys[1]");
    g.initial.participants[0] = example.initial.participants[0];
    g.initial.assets[1] = g.initial.assets[0];
    assert_invalid(&g, "assets[1].code");
    g.initial.assets[1] = example.initial.assets[1];
    g.initial.balances[3] = g.initial.balances[2];
    assert_invalid(&g, "balances[3]");
    genesis_close(&g);
}

/* Values that JSON could not even spell, or would be refused there, are refused here too. */
static void canonical_with_a_value_out_of_the_rules_is_refused(void **state)
{
    (void)state;
    struct genesis g = copy_of_example();
    g.initial.balances[0].amount = 0;
    assert_invalid(&g, "balances[0].amount");
    g.initial.balances[0].amount = UINT64_MAX; /* EUR, with two more after it */
    assert_invalid(&g, "balances[2].amount");
    g.initial.balances[0] = example.initial.balances[0];
    strcpy(g.initial.balances[0].asset, "AAA");
    assert_invalid(&g, "balances[0].asset");
    g.initial.balances[0] = example.initial.balances[0];
    strcpy(g.initial.balances[0].account, "bank-of-hamburg");
    assert_invalid(&g, "balances[0].account");
    g.initial.balances[0] = example.initial.balances[0];
    g.initial.assets[0].decimals = 9;
    assert_invalid(&g, "assets[0].decimals");
    g.initial.assets[0].decimals = 0;
    strcpy(g.members[0].peer_address, "here");
    assert_invalid(&g, "members[0].peer");
    g.members[0] = example.members[0];
    g.parameters.read_ms = UINT64_MAX;
    assert_invalid(&g, "parameters.read_ms");
    g.parameters.read_ms = 1000;
    g.chain[0] = 'H';
    assert_invalid(&g, "chain");
    genesis_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_decoded_is_the_same_genesis),
        cmocka_unit_test(canonical_cut_short_or_lengthened_is_refused),
        cmocka_unit_test(canonical_with_a_flipped_bit_is_never_the_same_chain),
        cmocka_unit_test(canonical_with_a_number_out_of_bounds_is_refused),
        cmocka_unit_test(canonical_of_three_members_is_refused),
        cmocka_unit_test(canonical_out_of_order_is_refused),
        cmocka_unit_test(canonical_with_a_repetition_is_refused),
        cmocka_unit_test(canonical_with_a_value_out_of_the_rules_is_refused),
    };
    if (crypto_start(NULL) != RC_OK)
        return 1;
    return cmocka_run_group_tests_name("genesis_codec", tests, open_example, close_example);
}
