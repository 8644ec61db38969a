/* FORMATS.md against the code: the text that outsiders build from cannot drift away unseen. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/link.h"
#include "genesis/genesis_parts.h"
#include "ledger/receipt.h"
#include "node/evidence_file.h"
#include "tests/help/unit.h"
#include "tests/help/vectors.h"

static struct vectors vectors;
static struct buf document; /* with a terminator beyond its size */

static int open_document(void **state)
{
    (void)state;
    FILE *f = fopen("ledger/FORMATS.md", "rb");
    if (f == NULL)
        fail_msg("ledger/FORMATS.md cannot be read: run from the root");
    for (size_t size = 1; size > 0;) {
        uint8_t piece[4096];
        size = fread(piece, 1, sizeof piece, f);
        buf_add(&document, piece, size);
    }
    assert_int_equal(fclose(f), 0);
    buf_add_u8(&document, 0);
    document.size--;
    vectors_make(&vectors);
    return 0;
}

static int close_document(void **state)
{
    (void)state;
    vectors_free(&vectors);
    buf_free(&document);
    return 0;
}

static void assert_text_has(const char *text)
{
    if (strstr((const char *)document.data, text) == NULL)
        fail_msg("FORMATS.md lacks \"%s\"", text);
}

/* A row of a table that says what the code says. */
__attribute__((format(printf, 1, 2))) static void assert_text_has_row(const char *format, ...)
{
    char row[128];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(row, sizeof row, format, arguments);
    va_end(arguments);
    assert_in_range(size, 1, sizeof row - 1);
    assert_text_has(row);
}

/* ---- vectors ---- */

/* The number of the first line in which two texts differ, and the last vector named before it. */
static void fail_at_difference(struct bytes is, struct bytes should)
{
    size_t line = 1;
    size_t at = 0;
    struct bytes name = bytes_of_text("(none)");
    size_t start = 0;
    for (; at < is.size && at < should.size && is.data[at] == should.data[at]; at++) {
        if (is.data[at] != '\n')
            continue;
        line++;
        if (at > start && is.data[at - 1] == ':' && is.data[start] != ' ')
            name = bytes_of(is.data + start, at - 1 - start);
        start = at + 1;
    }
    fail_msg("FORMATS.md, line %zu, vector %.*s: the code makes something else (golden "
             "ledger/FORMATS.md prints it anew)",
             line, (int)name.size, (const char *)name.data);
}

/* Every vector in the text, and the genesis file, is what the code makes. */
static void text_shows_the_vectors_that_the_code_makes(void **state)
{
    (void)state;
    struct buf anew = {0};
    struct why why;
    if (vectors_fill(&anew, &vectors, buf_bytes(&document), &why) != RC_OK)
        fail_msg("FORMATS.md: %s", why.text);
    if (!bytes_equal(buf_bytes(&anew), buf_bytes(&document)))
        fail_at_difference(buf_bytes(&document), buf_bytes(&anew));
    for (size_t i = 0; i < vectors.count; i++) {
        if (!vectors.items[i].is_shown)
            fail_msg("FORMATS.md does not show the vector %s", vectors.items[i].name);
    }
    buf_free(&anew);
}

/* A text in which one digit of a vector is another one is not taken for good. */
static void text_with_a_wrong_digit_is_noticed(void **state)
{
    (void)state;
    struct buf anew = {0};
    struct buf spoilt = {0};
    buf_add_bytes(&spoilt, buf_bytes(&document));
    uint8_t *at = (uint8_t *)strstr((char *)document.data, "\nchain_id:\n  ");
    assert_non_null(at);
    size_t digit = (size_t)(at - document.data) + strlen("\nchain_id:\n  ");
    spoilt.data[digit] = spoilt.data[digit] == '0' ? '1' : '0';
    assert_int_equal(vectors_fill(&anew, &vectors, buf_bytes(&spoilt), NULL), RC_OK);
    assert_false(bytes_equal(buf_bytes(&anew), buf_bytes(&spoilt)));
    assert_true(bytes_equal(buf_bytes(&anew), buf_bytes(&document)));
    buf_free(&anew);
    buf_free(&spoilt);
}

/* ---- what the vectors are said to be ---- */

static struct bytes vector(const char *name)
{
    struct vector *found = vectors_find(&vectors, bytes_of_text(name));
    assert_non_null(found);
    return buf_bytes(&found->bytes);
}

/* The genesis file in the text, read as anybody's, gives the chain id in the text. */
static void genesis_in_the_text_gives_its_chain_id(void **state)
{
    (void)state;
    static const char fence[] = "```json genesis\n";
    const char *start = strstr((const char *)document.data, fence);
    assert_non_null(start);
    start += strlen(fence);
    const char *end = strstr(start, "```");
    assert_non_null(end);
    struct genesis genesis;
    struct why why;
    if (genesis_from_json(&genesis, bytes_of(start, (size_t)(end - start)), &why) != RC_OK)
        fail_msg("%s", why.text);
    assert_true(bytes_equal(vector("genesis_canonical"), buf_bytes(&genesis.canonical)));
    assert_memory_equal(genesis.chain_id.bytes, vector("chain_id").data, DIGEST_BYTES);
    genesis_close(&genesis);
}

/* The receipts are of the transactions that the text names. */
static void receipts_in_the_text_hold(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"receipt_two_headers", "tx_record"},
                                           {"receipt_one_header", "tx_two"},
                                           {"receipt_cancel", "tx_cancel"},
                                           {"receipt_key_add", "tx_key_add"}};
    const struct genesis *g = &vectors.chain.genesis;
    for (size_t i = 0; i < 4; i++) {
        struct receipt receipt;
        struct why why = {""};
        enum rc rc =
            receipt_verify(&receipt, vector(names[i][0]), &g->chain_id, &g->member_table, &why);
        assert_string_equal(why.text, "");
        assert_int_equal(rc, RC_OK);
        assert_true(bytes_equal(receipt.tx.whole, vector(names[i][1])));
        assert_int_equal(receipt.certificate.statement.height - receipt.header.height, 1 - i % 2);
    }
}

/* The state proofs end as the text says: present with these amounts, or absent in both ways. */
static void proofs_in_the_text_hold(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool present;
        uint64_t amount;
        uint8_t levels;
    } proofs[] = {{"proof_present", true, 3684, 1},
                  {"proof_present_deeper", true, 138866, 2},
                  {"proof_absent_empty", false, 0, 1},
                  {"proof_absent_other", false, 0, 1}};
    const struct genesis *g = &vectors.chain.genesis;
    for (size_t i = 0; i < sizeof proofs / sizeof proofs[0]; i++) {
        struct bytes file = vector(proofs[i].name);
        struct state_proof proof;
        struct state_balance balance = {0};
        struct why why = {""};
        enum rc rc = proof_verify(&proof, file, &g->chain_id, &g->member_table, &why);
        assert_string_equal(why.text, "");
        assert_int_equal(rc, RC_OK);
        assert_int_equal(proof.present, proofs[i].present);
        if (proof.present)
            assert_true(state_balance_decode(&balance, proof.value));
        assert_int_equal(balance.amount, proofs[i].amount);
        assert_int_equal(proof.key.data[proof.key.size + 4], proofs[i].levels);
    }
    struct bytes empty = vector("proof_absent_empty");
    struct bytes other = vector("proof_absent_other");
    size_t certificate_bytes = vector("certificate_checkpoint").size;
    assert_int_equal(empty.data[empty.size - certificate_bytes - 1], TREE_END_EMPTY);
    assert_int_equal(other.data[other.size - certificate_bytes - 1 - DIGEST_BYTES - 4 - 16],
                     TREE_END_OTHER);
}

/* The proofs of the other tables hold, and show the keys and values of section 8. */
static void proofs_of_other_tables_in_the_text_hold(void **state)
{
    (void)state;
    static const struct {
        const char *proof, *key, *value;
        enum state_table table;
    } proofs[] = {
        {"proof_participant", "state_key_participant", "state_value_participant",
         STATE_PARTICIPANT},
        {"proof_key", "state_key_key", "state_value_key", STATE_KEY},
        {"proof_asset", "state_key_asset", "state_value_asset", STATE_ASSET},
        {"proof_record", "state_key_record", "state_value_record", STATE_RECORD},
    };
    const struct genesis *g = &vectors.chain.genesis;
    for (size_t i = 0; i < sizeof proofs / sizeof proofs[0]; i++) {
        struct state_proof proof;
        struct why why = {""};
        enum rc rc =
            proof_verify(&proof, vector(proofs[i].proof), &g->chain_id, &g->member_table, &why);
        assert_string_equal(why.text, "");
        assert_int_equal(rc, RC_OK);
        assert_int_equal(proof.table, proofs[i].table);
        assert_true(proof.present);
        assert_true(bytes_equal(proof.key, vector(proofs[i].key)));
        assert_true(bytes_equal(proof.value, vector(proofs[i].value)));
    }
}

/* The five link keys that the text forbids differ and are refused, for their order: they are spelt
 * well, below 2^255-19. */
static void link_keys_that_the_text_forbids_are_refused(void **state)
{
    (void)state;
    struct bytes keys = vector("link_keys_small_order");
    assert_int_equal(keys.size, 5 * LINK_KEY_BYTES);
    for (size_t i = 0; i < 5; i++) {
        const uint8_t *key = keys.data + i * LINK_KEY_BYTES;
        assert_false(link_public_is_valid(key));
        assert_in_range(key[LINK_KEY_BYTES - 1], 0, 0x7f); /* its spelling is not the reason */
        assert_true(key[LINK_KEY_BYTES - 1] < 0x7f || key[0] < 0xed);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(key, keys.data + j * LINK_KEY_BYTES, LINK_KEY_BYTES);
    }
}

/* ---- tables of the text ---- */

/* The table of parameters has those of the code, in its order. */
static void parameters_in_the_text_are_those_of_the_code(void **state)
{
    (void)state;
    char table[4096] = "|---|---|---|---|---|\n";
    for (size_t i = 0; i < PARAMETERS_COUNT; i++) {
        const struct parameter_rule *rule = &genesis_parameter_rules[i];
        size_t used = strlen(table);
        snprintf(table + used, sizeof table - used,
                 "| %s | %s | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " |\n", rule->name,
                 rule->symbol, rule->initial, rule->least, rule->most);
    }
    assert_text_has(strcat(table, "\n"));
    assert_int_equal(PARAMETERS_COUNT, 18); /* so the text says */
}

/* Between replicas, inside one of them, or in what a client asks (node/proto.h): these are in no
 * file that outsiders see. */
static bool is_inner(enum tag tag)
{
    if (tag == TAG_PRE_PREPARE || tag == TAG_VIEW_CHANGE || tag == TAG_NEW_VIEW ||
        tag == TAG_VIEW_HIGH) /* what evidence holds is signed so */
        return false;
    return tag == TAG_TX_VERIFIED || (tag >= TAG_PRE_PREPARE && tag <= TAG_EVIDENCE) ||
           (tag >= TAG_SEAL_PAIR && tag <= TAG_READ_SIGN);
}

/* All tags that outsiders need are listed. */
static void tags_in_the_text_are_those_of_the_code(void **state)
{
    (void)state;
    for (enum tag tag = 0; tag < TAG_COUNT; tag++) {
        char text[TAG_BYTES + 1] = "";
        memcpy(text, tag_bytes(tag), TAG_BYTES);
        if (!is_inner(tag))
            assert_text_has_row("\n| `%s` |", text);
    }
}

/* Operations have the numbers and names of the code. */
static void operations_in_the_text_are_those_of_the_code(void **state)
{
    (void)state;
    for (enum op_type type = OP_TRANSFER; type < OP_TYPE_END; type++)
        assert_text_has_row("\n| %d | %s |", (int)type, op_rules_of(type)->name);
}

/* Sizes and limits that the text gives as numbers. */
static void limits_in_the_text_are_those_of_the_code(void **state)
{
    (void)state;
    assert_text_has_row("All in all it has at most %d bytes", EVIDENCE_FILE_BYTES_MAX);
    assert_text_has_row("4 to 31 objects; a member's");
    assert_int_equal(MEMBERS_MIN, 4);
    assert_int_equal(MEMBERS_MAX, 31);
    assert_text_has_row("0 to %d objects |\n| `participants[].name`", INITIAL_PARTICIPANTS_MAX);
    assert_text_has_row("1 to %d texts of 64 lower-case hex digits", PARTICIPANT_KEYS_MAX);
    assert_text_has_row("0 to %d objects; left out: none |\n| `assets[].code`", INITIAL_ASSETS_MAX);
    assert_text_has_row("0 to %d objects; left out: none |\n| `balances[].account`",
                        INITIAL_BALANCES_MAX);
    assert_text_has_row("one object in at most %d bytes", GENESIS_FILE_BYTES_MAX);
    assert_text_has_row("**address** is at most %d bytes", KEY_ADDRESS_BYTES_MAX);
    assert_text_has_row("has fewer than %d active keys", PARTICIPANT_KEYS_MAX);
    assert_text_has_row("1 to %d operations;\nthe whole is at most %d bytes", TX_OPS_MAX,
                        TX_BYTES_MAX);
    assert_text_has_row("`memo` (0 to %d bytes), `topic` (1 to %d) and record `key` (1 to %d)",
                        MEMO_BYTES_MAX, TOPIC_BYTES_MAX, RECORD_KEY_BYTES_MAX);
    assert_text_has_row("`data` is any 0 to %d bytes", RECORD_DATA_BYTES_MAX);
    assert_text_has_row("header (%d bytes):", BLOCK_HEADER_BYTES);
    assert_text_has_row("how many transactions, at most %d |", BLOCK_TXS_MAX);
    assert_text_has_row("size of the body, at most %d |", BLOCK_BODY_BYTES_MAX);
    assert_text_has_row("at most %d entries; nothing is left over", QUORUM_MAX);
    assert_text_has_row("levels_count u8, 1..%d\n", TREE_DEPTH_MAX);
    assert_text_has_row("`value_bytes` is at most %d.", STATE_VALUE_BYTES_MAX);
    assert_text_has_row("tx_bytes           u32, at most %d\n", TX_BYTES_MAX);
    assert_text_has_row("siblings_count     u8, at most %d\n", MERKLE_PATH_MAX);
    assert_text_has_row("headers_count      u16, 1..%d\n", RECEIPT_HEADERS_MAX);
    assert_text_has_row("key_bytes          u16, at most %d\n", STATE_KEY_BYTES_MAX);
    assert_text_has_row("tree_proof_bytes   u32, at most %d\n", TREE_PROOF_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_shows_the_vectors_that_the_code_makes),
        cmocka_unit_test(text_with_a_wrong_digit_is_noticed),
        cmocka_unit_test(genesis_in_the_text_gives_its_chain_id),
        cmocka_unit_test(receipts_in_the_text_hold),
        cmocka_unit_test(proofs_in_the_text_hold),
        cmocka_unit_test(proofs_of_other_tables_in_the_text_hold),
        cmocka_unit_test(link_keys_that_the_text_forbids_are_refused),
        cmocka_unit_test(parameters_in_the_text_are_those_of_the_code),
        cmocka_unit_test(tags_in_the_text_are_those_of_the_code),
        cmocka_unit_test(operations_in_the_text_are_those_of_the_code),
        cmocka_unit_test(limits_in_the_text_are_those_of_the_code),
    };
    return cmocka_run_group_tests_name("formats", tests, open_document, close_document);
}
