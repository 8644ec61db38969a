/* The JSON form of a genesis. Most tests take the worked example, change one thing in it and look
 * at the verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "genesis/genesis.h"
#include "genesis/json.h"
#include "tests/unit/genesis_edit.h"

/* Also computed apart from this program, with Python's struct and hashlib. */
#define EXAMPLE_ID "a88aaf0bc32c212b89117323dd929a5c87240c0a83355d65807c10a684223cdc"

/* The example is good, has the id that stands here, and every field reaches its place. */
static void genesis_example_is_parsed(void **state)
{
    (void)state;
    struct genesis g;
    struct why why = {""};
    if (genesis_read(&g, EXAMPLE, &why) != RC_OK)
        fail_msg("%s", why.text);
    char hex[DIGEST_HEX_BYTES];
    digest_to_hex(hex, &g.chain_id);
    assert_string_equal(hex, EXAMPLE_ID);
    assert_string_equal(g.chain, "hansa-example");
    assert_int_equal(g.members_count, 4);
    assert_string_equal(g.members[3].client_address, "ledger.tallinn.example:7201");
    assert_int_equal(g.member_table.members_count, 4);
    assert_true(public_key_equal(&g.member_table.sign_keys[2], &g.members[2].sign_key));
    assert_int_equal(g.initial.participants_count, 4);
    assert_string_equal(g.initial.participants[0].name, "bank-of-hamburg");
    assert_int_equal(g.initial.participants[0].role, ROLE_GOVERNOR);
    assert_int_equal(g.initial.participants[0].keys_count, 2);
    assert_int_equal(g.initial.participants[1].role, ROLE_NONE);
    assert_string_equal(g.initial.assets[0].code, "BERTH");
    assert_int_equal(g.initial.balances_count, 4);
    assert_string_equal(g.initial.balances[2].account, "bergen-shipping/main");
    assert_string_equal(g.initial.balances[2].asset, "EUR");
    assert_true(g.initial.balances[2].amount == 2500050);
    assert_true(g.parameters.status_ms == 250);
    assert_int_equal(g.reads, READS_OPEN);
    genesis_close(&g);
}

/* Members are found by name and key, assets by code; strangers are not. */
static void genesis_lookups_find_what_is_there(void **state)
{
    (void)state;
    struct genesis g;
    assert_int_equal(genesis_read(&g, EXAMPLE, NULL), RC_OK);
    assert_int_equal(genesis_member_by_name(&g, "bergen"), 2);
    assert_int_equal(genesis_member_by_name(&g, "berge"), MEMBERS_MAX);
    assert_int_equal(genesis_member_by_key(&g, &g.members[3].sign_key), 3);
    assert_int_equal(genesis_member_by_key(&g, &g.initial.participants[0].keys[0]), MEMBERS_MAX);
    assert_int_equal(genesis_asset(&g, bytes_of_text("EUR"))->decimals, 2);
    assert_int_equal(genesis_asset(&g, bytes_of_text("BERTH"))->decimals, 0);
    assert_null(genesis_asset(&g, bytes_of_text("EU")));
    assert_null(genesis_asset(&g, bytes_of_text("EURO")));
    genesis_close(&g);
}

/* Writing it out and parsing that gives the same chain id. */
static void genesis_to_json_and_back_is_the_same_chain(void **state)
{
    (void)state;
    struct genesis g;
    struct genesis again;
    assert_int_equal(genesis_read(&g, EXAMPLE, NULL), RC_OK);
    char *text = genesis_to_json(&g);
    assert_int_equal(genesis_from_json(&again, bytes_of_text(text), NULL), RC_OK);
    assert_true(digest_equal(&g.chain_id, &again.chain_id));
    mem_free(text);
    genesis_close(&again);
    genesis_close(&g);
}

/* Swap the first two items of an array. */
static void swap(json_t *document, const char *path)
{
    json_t *array = find(document, path).value;
    assert_true(json_array_size(array) >= 2);
    json_t *first = json_incref(json_array_get(array, 0));
    assert_int_equal(json_array_remove(array, 0), 0);
    assert_int_equal(json_array_insert_new(array, 1, first), 0);
}

/* The order of participants, keys, assets and balances means nothing; that of members does. */
static void genesis_in_another_order_is_the_same_but_for_members(void **state)
{
    (void)state;
    static const char *const arrays[] = {"participants", "participants[0].keys", "assets",
                                         "balances", "members"};
    json_t *document = example();
    struct digest id = id_of(document);
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        bool is_members = strcmp(arrays[i], "members") == 0;
        json_t *other = json_deep_copy(document);
        swap(other, arrays[i]);
        struct digest other_id = id_of(other);
        assert_int_equal(digest_equal(&id, &other_id), !is_members);
        json_decref(other);
    }
    json_decref(document);
}

/* Leaving a thing out means what writing its default means. */
static void genesis_with_defaults_left_out_is_the_same(void **state)
{
    (void)state;
    json_t *document = example();
    struct digest id = id_of(document);
    set(document, "participants[1].role", json_string("none"));
    assert_int_equal(json_object_del(document, "reads"), 0);
    assert_int_equal(json_object_del(document, "parameters"), 0);
    struct digest other = id_of(document);
    assert_true(digest_equal(&id, &other));
    set(document, "reads", json_string("participants"));
    other = id_of(document);
    assert_false(digest_equal(&id, &other));
    set(document, "participants", json_array());
    assert_int_equal(json_object_del(document, "assets"), 0);
    assert_int_equal(json_object_del(document, "balances"), 0);
    other = id_of(document);
    assert_false(digest_equal(&id, &other));
    json_decref(document);
}

/* ---- every field of the example in turn ---- */

static bool may_be_missing(const char *path, const char *field)
{
    static const char *const optional[] = {"role", "assets", "balances", "reads", "parameters"};
    if (strcmp(path, "parameters") == 0)
        return true;
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++) {
        if (strcmp(field, optional[i]) == 0)
            return true;
    }
    return false;
}

static void try_without(const json_t *whole, const char *path, const char *field, const char *full)
{
    json_t *document = json_deep_copy(whole);
    json_t *object = find(document, path).value;
    json_t *value = json_incref(json_object_get(object, field));
    assert_int_equal(json_object_del(object, field), 0);
    if (strcmp(full, "assets") == 0)
        assert_refused(document, "balances[0].asset");
    else if (!may_be_missing(path, field))
        assert_refused(document, full);
    else
        (void)id_of(document);
    char other[128];
    snprintf(other, sizeof other, "%sx", field);
    json_object_set_new(object, other, value);
    snprintf(other, sizeof other, "%sx", full);
    assert_refused(document, other);
    json_decref(document);
}

static void try_twice(const json_t *whole, const char *path, const char *field)
{
    json_t *document = json_deep_copy(whole);
    json_t *object = find(document, path).value;
    char mark[64];
    size_t size = (size_t)snprintf(mark, sizeof mark, "%s", field);
    mark[size - 1] = '~'; /* as long as the field, to be overwritten in the text */
    json_object_set(object, mark, json_object_get(object, field));
    char *text = json_dumps(document, 0);
    char *at = strstr(text, mark);
    assert_non_null(at);
    memcpy(at, field, size);
    struct genesis g;
    struct why why = {""};
    assert_int_equal(genesis_from_json(&g, bytes_of_text(text), &why), RC_MALFORMED);
    assert_non_null(strstr(why.text, "duplicate"));
    mem_free(text);
    json_decref(document);
}

static void try_other_types(const json_t *whole, const char *full)
{
    static const char *const others[] = {"null", "true", "1", "1.0", "\"1\"", "[]", "{}"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        json_t *document = json_deep_copy(whole);
        json_t *other = json_loads(others[i], JSON_DECODE_ANY, NULL);
        assert_non_null(other);
        if (json_typeof(other) == json_typeof(find(document, full).value)) {
            json_decref(other);
        } else {
            set(document, full, other);
            assert_refused(document, full);
        }
        json_decref(document);
    }
}

static size_t try_all(const json_t *whole, json_t *value, const char *path)
{
    size_t tried = 1;
    char full[96];
    const char *field;
    json_t *child;
    size_t index;
    json_object_foreach(value, field, child)
    {
        snprintf(full, sizeof full, "%s%s%s", path, *path != '\0' ? "." : "", field);
        try_without(whole, path, field, full);
        try_twice(whole, path, field);
        try_other_types(whole, full);
        tried += try_all(whole, child, full);
    }
    json_array_foreach(value, index, child)
    {
        snprintf(full, sizeof full, "%s[%zu]", path, index);
        try_other_types(whole, full);
        tried += try_all(whole, child, full);
    }
    return tried;
}

/* Each field missing, misspelt, twice or of another type is refused, and the words say which. */
static void genesis_with_any_field_spoilt_is_refused(void **state)
{
    (void)state;
    json_t *document = example();
    assert_true(try_all(document, document, "") > 80);
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(genesis_example_is_parsed),
        cmocka_unit_test(genesis_lookups_find_what_is_there),
        cmocka_unit_test(genesis_to_json_and_back_is_the_same_chain),
        cmocka_unit_test(genesis_in_another_order_is_the_same_but_for_members),
        cmocka_unit_test(genesis_with_defaults_left_out_is_the_same),
        cmocka_unit_test(genesis_with_any_field_spoilt_is_refused),
    };
    if (crypto_start(NULL) != RC_OK)
        return 1;
    return cmocka_run_group_tests_name("genesis", tests, NULL, NULL);
}
