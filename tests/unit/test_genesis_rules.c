/* What the values of a genesis may be: one value of the worked example is replaced at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "genesis/genesis.h"
#include "genesis/genesis_parts.h"
#include "genesis/json.h"
#include "tests/unit/genesis_edit.h"

struct edit {
    const char *path;    /* what is replaced ... */
    const char *value;   /* ... by this JSON, or, after '=', by a copy of what stands there */
    const char *refused; /* the path in the words; NULL: where the edit was; "": accepted */
};

static void try_edits(const struct edit *edits, size_t count)
{
    json_t *whole = example();
    for (size_t i = 0; i < count; i++) {
        const struct edit *e = &edits[i];
        json_t *document = json_deep_copy(whole);
        json_t *value = e->value[0] == '=' ? json_deep_copy(find(document, e->value + 1).value)
                                           : json_loads(e->value, JSON_DECODE_ANY, NULL);
        if (value == NULL)
            fail_msg("no value: %s", e->value);
        set(document, e->path, value);
        if (e->refused != NULL && e->refused[0] == '\0')
            (void)id_of(document);
        else
            assert_refused(document, e->refused != NULL ? e->refused : e->path);
        json_decref(document);
    }
    json_decref(whole);
}

#define TRY(edits) try_edits(edits, sizeof(edits) / sizeof(edits)[0])
#define A32        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ZERO31     "00000000000000000000000000000000000000000000000000000000000000"
#define KEY63      "ca60f2795c8379f8a17eedec5d0ce7871a0284e139a3fd44bed86c776376b06"

/* Names have their characters and lengths, and stand once. */
static void genesis_with_a_bad_name_is_refused(void **state)
{
    (void)state;
    static const struct edit edits[] = {
        {"hansa_genesis", "2", NULL},
        {"hansa_genesis", "0", NULL},
        {"chain", "\"\"", NULL},
        {"chain", "\"Hansa\"", NULL},
        {"chain", "\"" A32 "\"", ""},
        {"chain", "\"" A32 "a\"", NULL},
        {"chain", "\"a\\u001b\"", NULL},
        {"members[2].name", "\"\"", NULL},
        {"members[2].name", "\"a b\"", NULL},
        {"members[2].name", "\"" A32 "\"", ""},
        {"members[2].name", "\"" A32 "a\"", NULL},
        {"members[3].name", "=members[0].name", NULL},
        {"members[0].name", "=participants[0].name", ""},
        {"participants[1].name", "\"\"", NULL},
        {"participants[1].name", "\"Port\"", NULL},
        {"participants[1].name", "\"" A32 "a\"", NULL},
        {"participants[3].name", "=participants[0].name", NULL},
        {"participants[3].role", "\"Governor\"", NULL},
        {"participants[3].role", "\"\"", NULL},
        {"assets[1].code", "\"EU\"", NULL},
        {"assets[1].code", "\"AAAAAAAAAAAAA\"", NULL},
        {"assets[1].code", "\"eur\"", NULL},
        {"assets[1].code", "\"EUR\"", NULL},
        {"assets[0].decimals", "9", NULL},
        {"assets[0].decimals", "-1", NULL},
        {"assets[0].issuer", "\"nobody\"", NULL},
        {"assets[0].issuer", "\"\"", NULL},
        {"reads", "\"closed\"", NULL},
        {"reads", "\"participants\"", ""},
    };
    TRY(edits);
}

/* Keys are 64 hex digits of a valid point, and no key stands twice, whatever its use. */
static void genesis_with_a_bad_or_repeated_key_is_refused(void **state)
{
    (void)state;
    static const struct edit edits[] = {
        {"members[0].sign_key", "\"\"", NULL},
        {"members[0].sign_key", "\"" KEY63 "\"", NULL},
        {"members[0].sign_key", "\"" KEY63 "90\"", NULL},
        {"members[0].sign_key", "\"" KEY63 "G\"", NULL},
        {"members[0].sign_key", "\"CA" ZERO31 "\"", NULL},
        {"members[0].sign_key", "\"00" ZERO31 "\"", NULL},
        {"members[0].sign_key", "\"01" ZERO31 "\"", NULL}, /* small order */
        {"participants[2].keys[0]", "\"01" ZERO31 "\"", NULL},
        {"participants[2].keys[0]", "\"\"", NULL},
        {"members[3].link_key", "\"00" ZERO31 "\"", NULL},
        {"members[3].link_key", "\"" KEY63 "\"", NULL},
        {"members[3].sign_key", "=members[0].sign_key", NULL},
        {"members[3].link_key", "=members[0].link_key", NULL},
        {"members[3].link_key", "=members[0].sign_key", NULL},
        {"members[3].link_key", "=members[3].sign_key", NULL},
        {"participants[2].keys[0]", "=members[1].sign_key", NULL},
        {"members[1].link_key", "=participants[2].keys[0]", NULL},
        {"participants[3].keys[0]", "=participants[0].keys[1]", NULL},
        {"participants[0].keys[1]", "=participants[0].keys[0]", NULL},
        {"participants[2].keys", "[]", NULL},
    };
    TRY(edits);
}

/* Addresses are host:port and stand once, peer or client, in small or capital letters. */
static void genesis_with_a_bad_or_repeated_address_is_refused(void **state)
{
    (void)state;
    static const struct edit edits[] = {
        {"members[0].peer", "\"\"", NULL},
        {"members[0].peer", "\"localhost\"", NULL},
        {"members[0].peer", "\":7101\"", NULL},
        {"members[0].peer", "\"localhost:\"", NULL},
        {"members[0].peer", "\"localhost:0\"", NULL},
        {"members[0].peer", "\"localhost:65536\"", NULL},
        {"members[0].peer", "\"local host:1\"", NULL},
        {"members[0].peer", "\"tcp://localhost:1\"", NULL},
        {"members[0].client", "\"localhost:65536\"", NULL},
        {"members[0].client", "\"localhost:65535\"", ""},
        {"members[0].client", "\"[::1]:7\"", ""},
        {"members[0].client", "\"[::g]:7\"", NULL},
        {"members[0].client", "\"" A32 A32 ":1\"", NULL},
        {"members[3].peer", "=members[1].peer", NULL},
        {"members[3].client", "=members[1].peer", NULL},
        {"members[3].client", "=members[3].peer", NULL},
        {"members[3].client", "\"Ledger.HAMBURG.example:7101\"", NULL},
    };
    TRY(edits);
}

/* Balances name a known participant and asset, have the asset's decimals and stand once. */
static void genesis_with_a_bad_balance_is_refused(void **state)
{
    (void)state;
    static const struct edit edits[] = {
        {"balances[1].account", "\"nobody/main\"", NULL},
        {"balances[1].account", "\"bergen-shipping\"", NULL},
        {"balances[1].account", "\"bergen-shipping/\"", NULL},
        {"balances[1].account", "\"bergen-shipping/a b\"", NULL},
        {"balances[1].account", "\"" A32 A32 A32 "/a\"", NULL},
        {"balances[1].account", "=balances[0].account", "balances[1]"},
        {"balances[1].asset", "\"USD\"", NULL},
        {"balances[1].asset", "\"\"", NULL},
        {"balances[1].asset", "\"BERTH\"", "balances[1].amount"},
        {"balances[3].asset", "\"EUR\"", "balances[3].amount"},
        {"balances[3].amount", "\"0\"", NULL},
        {"balances[0].amount", "\"0.00\"", NULL},
        {"balances[0].amount", "\"12.345\"", NULL},
        {"balances[0].amount", "\"1e3\"", NULL},
        {"balances[0].amount", "\"-1.00\"", NULL},
        {"balances[0].amount", "\"184467440737095516.16\"", NULL},
        {"balances[3].amount", "\"18446744073709551615\"", ""},
        {"balances[3].amount", "\"18446744073709551616\"", NULL},
        /* alone it fits a u64, with the other balances of the asset it does not */
        {"balances[0].amount", "\"184467440737095516.15\"", "balances[1].amount"},
        {"balances[1].amount", "\"184467440737095516.15\"", NULL},
        {"balances[0].amount", "\"184467440737070215.65\"", ""},
        {"balances[0].amount", "\"184467440737070215.66\"", "balances[2].amount"},
    };
    TRY(edits);
}

/* ---- parameters ---- */

static json_t *with_parameter(const json_t *whole, size_t index, uint64_t value)
{
    json_t *document = json_deep_copy(whole);
    json_t *parameters = find(document, "parameters").value;
    json_object_set_new(parameters, genesis_parameter_rules[index].name,
                        json_integer((json_int_t)value));
    return document;
}

/* One below the least and one above the most are refused, for each parameter. */
static void genesis_with_a_parameter_out_of_range_is_refused(void **state)
{
    (void)state;
    json_t *whole = example();
    for (size_t i = 0; i < PARAMETERS_COUNT; i++) {
        const struct parameter_rule *rule = &genesis_parameter_rules[i];
        char path[64];
        snprintf(path, sizeof path, "parameters.%s", rule->name);
        json_t *low = with_parameter(whole, i, rule->least - 1); /* -1 below 0 */
        json_t *high = with_parameter(whole, i, rule->most + 1);
        json_t *huge = with_parameter(whole, i, INT64_MAX);
        assert_refused(low, path);
        assert_refused(high, path);
        assert_refused(huge, path);
        json_decref(low);
        json_decref(high);
        json_decref(huge);
    }
    json_decref(whole);
}

/* All parameters at their least, and all at their most, are in proportion and accepted. */
static void genesis_with_all_parameters_at_a_limit_is_accepted(void **state)
{
    (void)state;
    json_t *low = example();
    json_t *high = example();
    for (size_t i = 0; i < PARAMETERS_COUNT; i++) {
        const struct parameter_rule *rule = &genesis_parameter_rules[i];
        json_object_set_new(find(low, "parameters").value, rule->name,
                            json_integer((json_int_t)rule->least));
        json_object_set_new(find(high, "parameters").value, rule->name,
                            json_integer((json_int_t)rule->most));
    }
    struct digest low_id = id_of(low);
    struct digest high_id = id_of(high);
    assert_false(digest_equal(&low_id, &high_id));
    json_decref(low);
    json_decref(high);
}

/* L >= 2K, 2K >= 4P, T_cap >= T_0 and A <= N_tx: equality is fine, one beyond is not. */
static void genesis_with_parameters_out_of_proportion_is_refused(void **state)
{
    (void)state;
    static const struct edit edits[] = {
        {"parameters", "{\"checkpoint_every_heights\": 100, \"window_heights\": 200}", ""},
        {"parameters", "{\"checkpoint_every_heights\": 100, \"window_heights\": 199}",
         "parameters.window_heights"},
        {"parameters", "{\"pipeline_heights\": 64, \"checkpoint_every_heights\": 128}", ""},
        {"parameters", "{\"pipeline_heights\": 64, \"checkpoint_every_heights\": 127}",
         "parameters.checkpoint_every_heights"},
        {"parameters", "{\"view_change_ms\": 5000, \"view_change_cap_ms\": 5000}", ""},
        {"parameters", "{\"view_change_ms\": 5000, \"view_change_cap_ms\": 4999}",
         "parameters.view_change_cap_ms"},
        {"parameters", "{\"nonce_window\": 100, \"pool_txs_max\": 100}", ""},
        {"parameters", "{\"nonce_window\": 101, \"pool_txs_max\": 100}", "parameters.nonce_window"},
    };
    TRY(edits);
}

/* ---- counts ---- */

static json_t *key_of(uint32_t number)
{
    uint8_t seed[SIGN_SEED_BYTES] = {0};
    struct sign_key key;
    char hex[PUBLIC_KEY_HEX_BYTES];
    memcpy(seed, &number, sizeof number);
    sign_key_from_seed(&key, seed);
    public_key_to_hex(hex, &key.public);
    return json_string(hex);
}

static json_t *link_key_of(uint32_t number)
{
    uint8_t secret[LINK_KEY_BYTES] = {0}, public[LINK_KEY_BYTES];
    char hex[2 * LINK_KEY_BYTES + 1];
    memcpy(secret, &number, sizeof number);
    secret[LINK_KEY_BYTES / 2] = 1; /* apart from the bits that X25519 clears */
    memcpy(secret + 4, &number, sizeof number);
    link_public_of(public, secret);
    hex_encode(hex, public, sizeof public);
    return json_string(hex);
}

static json_t *with_members(uint32_t count)
{
    json_t *document = example();
    json_t *members = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(
            members, json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", json_sprintf("m%u", i),
                               "sign_key", key_of(i), "link_key", link_key_of(i), "peer",
                               json_sprintf("m%u:1", i), "client", json_sprintf("m%u:2", i)));
    set(document, "members", members);
    return document;
}

/* 4 to 31 members are a consortium; 3 and 32 are not. */
static void genesis_of_3_or_32_members_is_refused(void **state)
{
    (void)state;
    for (uint32_t count = 3; count <= 32; count++) {
        json_t *document = with_members(count);
        if (count < MEMBERS_MIN || count > MEMBERS_MAX)
            assert_refused(document, "members");
        else
            (void)id_of(document);
        json_decref(document);
    }
}

/* Each list has a most, and one more is refused before any of it is looked at. */
static void genesis_with_one_entry_too_many_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        size_t most;
    } lists[] = {{"participants", INITIAL_PARTICIPANTS_MAX},
                 {"participants[0].keys", PARTICIPANT_KEYS_MAX},
                 {"assets", INITIAL_ASSETS_MAX},
                 {"balances", INITIAL_BALANCES_MAX}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        json_t *document = example();
        json_t *list = find(document, lists[i].path).value;
        json_array_clear(list);
        char first[64];
        snprintf(first, sizeof first, "%s[0]", lists[i].path);
        for (size_t k = 0; k < lists[i].most; k++)
            json_array_append_new(list, json_null());
        assert_refused(document, first);
        json_array_append_new(list, json_null());
        assert_refused(document, lists[i].path);
        json_decref(document);
    }
}

/* As many balances as there may be are judged quickly, and the last one that repeats the first is
 * found. */
static void genesis_of_the_most_balances_is_judged(void **state)
{
    (void)state;
    json_t *document = example();
    json_t *balances = find(document, "balances").value;
    json_array_clear(balances);
    for (uint32_t i = 0; i < INITIAL_BALANCES_MAX; i++)
        json_array_append_new(balances, json_pack("{s:o, s:s, s:s}", "account",
                                                  json_sprintf("bergen-shipping/%u", i), "asset",
                                                  "EUR", "amount", "0.01"));
    (void)id_of(document);
    set(document, "balances[65535].account", json_string("bergen-shipping/0"));
    assert_refused(document, "balances[65535]");
    json_decref(document);
}

/* A text larger than any genesis is refused before it is parsed. */
static void genesis_over_the_bound_of_a_file_is_refused(void **state)
{
    (void)state;
    char *text = mem_alloc(GENESIS_FILE_BYTES_MAX + 1);
    struct genesis g;
    struct why why = {""};
    memset(text, ' ', GENESIS_FILE_BYTES_MAX + 1);
    struct bytes whole = bytes_of(text, GENESIS_FILE_BYTES_MAX + 1);
    assert_int_equal(genesis_from_json(&g, whole, &why), RC_MALFORMED);
    assert_non_null(strstr(why.text, "33554433 bytes"));
    mem_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(genesis_with_a_bad_name_is_refused),
        cmocka_unit_test(genesis_with_a_bad_or_repeated_key_is_refused),
        cmocka_unit_test(genesis_with_a_bad_or_repeated_address_is_refused),
        cmocka_unit_test(genesis_with_a_bad_balance_is_refused),
        cmocka_unit_test(genesis_with_a_parameter_out_of_range_is_refused),
        cmocka_unit_test(genesis_with_all_parameters_at_a_limit_is_accepted),
        cmocka_unit_test(genesis_with_parameters_out_of_proportion_is_refused),
        cmocka_unit_test(genesis_of_3_or_32_members_is_refused),
        cmocka_unit_test(genesis_with_one_entry_too_many_is_refused),
        cmocka_unit_test(genesis_of_the_most_balances_is_judged),
        cmocka_unit_test(genesis_over_the_bound_of_a_file_is_refused),
    };
    if (crypto_start(NULL) != RC_OK)
        return 1;
    return cmocka_run_group_tests_name("genesis_rules", tests, NULL, NULL);
}
