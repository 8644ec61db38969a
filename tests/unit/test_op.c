/* Operations: what each does, and every reason for which it is refused. */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/book.h"

static struct book book;

static int open_book(void **state)
{
    (void)state;
    book_open(&book);
    return 0;
}

static int close_book(void **state)
{
    (void)state;
    book_close(&book);
    return 0;
}

/* A transfer moves money; the account that receives it comes into being. */
static void transfer_moves_money(void **state)
{
    (void)state;
    assert_int_equal(
        book_do_one(&book, BANK, op_transfer_of("bank/main", "anna/home", "CZK", 30000)),
        VERDICT_OK);
    assert_int_equal(book_balance(&book, "bank/main", "CZK"), 70000);
    assert_int_equal(book_balance(&book, "anna/home", "CZK"), 30000);
    assert_int_equal(book_supply(&book, "CZK"), 100000);
}

/* All of a balance can be spent, and not a unit more. */
static void transfer_beyond_the_balance_is_an_overdraft(void **state)
{
    (void)state;
    assert_int_equal(book_do_one(&book, BANK, op_transfer_of("bank/main", "anna/a", "CZK", 100001)),
                     VERDICT_OVERDRAFT);
    assert_int_equal(book_do_one(&book, BANK, op_transfer_of("bank/empty", "anna/a", "CZK", 1)),
                     VERDICT_OVERDRAFT);
    assert_int_equal(book_do_one(&book, BANK, op_transfer_of("bank/main", "anna/a", "CZK", 100000)),
                     VERDICT_OK);
    assert_int_equal(book_balance(&book, "bank/main", "CZK"), 0);
}

/* Only the participant's own keys debit its accounts. */
static void transfer_from_anothers_account_is_refused(void **state)
{
    (void)state;
    assert_int_equal(book_do_one(&book, ANNA, op_transfer_of("bank/main", "anna/a", "CZK", 1)),
                     VERDICT_FOREIGN_ACCOUNT);
    assert_int_equal(book_do_one(&book, SHOP, op_redeem_of("bank/main", "CZK", 1)),
                     VERDICT_FOREIGN_ACCOUNT);
}

/* A transfer from an account to itself is refused: it can only be a mistake. */
static void transfer_to_itself_is_refused(void **state)
{
    (void)state;
    assert_int_equal(book_do_one(&book, BANK, op_transfer_of("bank/main", "bank/main", "CZK", 1)),
                     VERDICT_SELF_TRANSFER);
}

/* Nothing moves to a participant, or in an asset, that does not exist. */
static void transfer_needs_receiver_and_asset(void **state)
{
    (void)state;
    assert_int_equal(book_do_one(&book, BANK, op_transfer_of("bank/main", "nobody/a", "CZK", 1)),
                     VERDICT_UNKNOWN_PARTICIPANT);
    assert_int_equal(book_do_one(&book, BANK, op_transfer_of("bank/main", "anna/a", "EUR", 1)),
                     VERDICT_UNKNOWN_ASSET);
    assert_int_equal(book_do_one(&book, BANK, op_issue_of("nobody/a", "CZK", 1)),
                     VERDICT_UNKNOWN_PARTICIPANT);
    assert_int_equal(book_do_one(&book, BANK, op_issue_of("anna/a", "EUR", 1)),
                     VERDICT_UNKNOWN_ASSET);
    assert_int_equal(book_do_one(&book, BANK, op_redeem_of("bank/main", "EUR", 1)),
                     VERDICT_UNKNOWN_ASSET);
}

/* Amounts of nothing are refused in each operation on money. */
static void zero_amounts_are_refused(void **state)
{
    (void)state;
    assert_int_equal(book_do_one(&book, BANK, op_transfer_of("bank/main", "anna/a", "CZK", 0)),
                     VERDICT_ZERO_AMOUNT);
    assert_int_equal(book_do_one(&book, BANK, op_issue_of("anna/a", "CZK", 0)),
                     VERDICT_ZERO_AMOUNT);
    assert_int_equal(book_do_one(&book, BANK, op_redeem_of("bank/main", "CZK", 0)),
                     VERDICT_ZERO_AMOUNT);
}

/* Issuing makes new money and redeeming takes it away; the supply follows. */
static void issue_and_redeem_change_the_supply(void **state)
{
    (void)state;
    assert_int_equal(book_do_one(&book, BANK, op_issue_of("anna/a", "CZK", 5)), VERDICT_OK);
    assert_int_equal(book_supply(&book, "CZK"), 100005);
    assert_int_equal(book_balance(&book, "anna/a", "CZK"), 5);
    assert_int_equal(book_do_one(&book, BANK, op_redeem_of("bank/main", "CZK", 100000)),
                     VERDICT_OK);
    assert_int_equal(book_supply(&book, "CZK"), 5);
    assert_int_equal(book_do_one(&book, BANK, op_redeem_of("bank/main", "CZK", 1)),
                     VERDICT_OVERDRAFT);
}

/* Only the asset's issuer issues and redeems it, also for a governor. */
static void only_the_issuer_issues_and_redeems(void **state)
{
    (void)state;
    assert_int_equal(book_do_one(&book, SHOP, op_issue_of("shop/till", "CZK", 1)),
                     VERDICT_NOT_THE_ISSUER);
    assert_int_equal(book_do_one(&book, BANK, op_issue_of("bank/main", "PTS", 1)),
                     VERDICT_NOT_THE_ISSUER);
    assert_int_equal(book_do_one(&book, SHOP, op_transfer_of("shop/till", "bank/a", "PTS", 1)),
                     VERDICT_OK);
    assert_int_equal(book_do_one(&book, BANK, op_redeem_of("bank/a", "PTS", 1)),
                     VERDICT_NOT_THE_ISSUER);
}

/* Supply stops at 2^64-1 minor units; no balance can then overflow, since none exceeds it. */
static void supply_does_not_overflow(void **state)
{
    (void)state;
    uint64_t room = UINT64_MAX - 100000;
    assert_int_equal(book_do_one(&book, BANK, op_issue_of("anna/a", "CZK", room + 1)),
                     VERDICT_SUPPLY_OVERFLOW);
    assert_int_equal(book_do_one(&book, BANK, op_issue_of("anna/a", "CZK", room)), VERDICT_OK);
    assert_int_equal(book_do_one(&book, BANK, op_issue_of("anna/a", "CZK", 1)),
                     VERDICT_SUPPLY_OVERFLOW);
    assert_int_equal(book_do_one(&book, BANK, op_transfer_of("bank/main", "anna/a", "CZK", 100000)),
                     VERDICT_OK);
    assert_true(book_balance(&book, "anna/a", "CZK") == UINT64_MAX);
}

/* A balance that would wrap is refused even if the supply were wrong. */
static void balance_does_not_overflow(void **state)
{
    (void)state;
    struct state_balance rich = {.amount = UINT64_MAX};
    state_put_balance(book.layer, bytes_of_text("anna/a"), bytes_of_text("CZK"), &rich, true);
    assert_int_equal(book_do_one(&book, BANK, op_transfer_of("bank/main", "anna/a", "CZK", 1)),
                     VERDICT_BALANCE_OVERFLOW);
    assert_int_equal(book_balance(&book, "bank/main", "CZK"), 100000);
}

/* Names are judged where they stand: too long, of wrong characters, or no account at all. */
static void bad_names_are_refused(void **state)
{
    (void)state;
    static const char *const accounts[] = {
        "bank",
        "bank/",
        "/main",
        "Bank/main",
        "bank/ma in",
        "bank/a/b",
        "",
        "bank/\xc3\xa9",
        "abcdefghijabcdefghijabcdefghijabc/a",            /* 33 */
        "bank/abcdefghijabcdefghijabcdefghijabcdefghija", /* 41 */
    };
    for (size_t i = 0; i < sizeof accounts / sizeof accounts[0]; i++) {
        assert_int_equal(
            book_do_one(&book, BANK, op_transfer_of("bank/main", accounts[i], "CZK", 1)),
            VERDICT_BAD_NAME);
        assert_int_equal(book_do_one(&book, BANK, op_transfer_of(accounts[i], "anna/a", "CZK", 1)),
                         VERDICT_BAD_NAME);
        assert_int_equal(book_do_one(&book, BANK, op_issue_of(accounts[i], "CZK", 1)),
                         VERDICT_BAD_NAME);
        assert_int_equal(book_do_one(&book, BANK, op_redeem_of(accounts[i], "CZK", 1)),
                         VERDICT_BAD_NAME);
    }
    static const char *const assets[] = {"", "CZ", "czk", "ABCDEFGHIJKLM", "C K"};
    for (size_t i = 0; i < sizeof assets / sizeof assets[0]; i++)
        assert_int_equal(
            book_do_one(&book, BANK, op_transfer_of("bank/main", "anna/a", assets[i], 1)),
            VERDICT_BAD_NAME);
}

/* Memos have 128 bytes and no control characters. */
static void bad_memos_are_refused(void **state)
{
    (void)state;
    char memo[MEMO_BYTES_MAX + 1];
    memset(memo, 'm', sizeof memo);
    struct op op = op_transfer_of("bank/main", "anna/a", "CZK", 1);
    op.transfer.memo = bytes_of(memo, sizeof memo);
    assert_int_equal(book_do_one(&book, BANK, op), VERDICT_BAD_TEXT);
    op.transfer.memo = bytes_of_text("a\nb");
    assert_int_equal(book_do_one(&book, BANK, op), VERDICT_BAD_TEXT);
    op.transfer.memo = bytes_of(memo, MEMO_BYTES_MAX);
    assert_int_equal(book_do_one(&book, BANK, op), VERDICT_OK);
}

/* A record is versioned under its owner's name; another participant's same key is another one. */
static void records_are_versioned_per_participant(void **state)
{
    (void)state;
    uint8_t room[STATE_KEY_BYTES_MAX];
    struct state_record record;
    struct digest hash;
    assert_int_equal(
        book_do_one(&book, ANNA, op_record_of("deeds", "house 1", bytes_of_text("first"))),
        VERDICT_OK);
    assert_int_equal(
        book_do_one(&book, ANNA, op_record_of("deeds", "house 1", bytes_of_text("second"))),
        VERDICT_OK);
    assert_int_equal(
        book_do_one(&book, SHOP, op_record_of("deeds", "house 1", bytes_of_text("other"))),
        VERDICT_OK);
    struct bytes key = state_record_key(room, bytes_of_text("anna"), bytes_of_text("deeds"),
                                        bytes_of_text("house 1"));
    assert_true(state_get_record(book.layer, key, &record));
    assert_int_equal(record.version, 2);
    assert_int_equal(record.data_bytes, 6);
    digest_of(&hash, TAG_RECORD, bytes_of_text("second"));
    assert_true(digest_equal(&record.data_hash, &hash));
    key = state_record_key(room, bytes_of_text("shop"), bytes_of_text("deeds"),
                           bytes_of_text("house 1"));
    assert_true(state_get_record(book.layer, key, &record));
    assert_int_equal(record.version, 1);
}

/* Topic, key and data have their bounds, and topic and key must not be empty. */
static void record_beyond_its_bounds_is_refused(void **state)
{
    (void)state;
    static uint8_t data[RECORD_DATA_BYTES_MAX + 1];
    char text[RECORD_KEY_BYTES_MAX + 2];
    memset(text, 'x', sizeof text);
    struct op op = op_record_of("t", "k", bytes_of(data, sizeof data));
    assert_int_equal(book_do_one(&book, ANNA, op), VERDICT_DATA_TOO_LARGE);
    op.record.data.size--;
    assert_int_equal(book_do_one(&book, ANNA, op), VERDICT_OK);
    op = op_record_of("", "k", bytes_of(NULL, 0));
    assert_int_equal(book_do_one(&book, ANNA, op), VERDICT_BAD_TEXT);
    op = op_record_of("t", "", bytes_of(NULL, 0));
    assert_int_equal(book_do_one(&book, ANNA, op), VERDICT_BAD_TEXT);
    op = op_record_of("t", "k", bytes_of(NULL, 0));
    op.record.topic = bytes_of(text, TOPIC_BYTES_MAX + 1);
    assert_int_equal(book_do_one(&book, ANNA, op), VERDICT_BAD_TEXT);
    op.record.topic = bytes_of(text, TOPIC_BYTES_MAX);
    op.record.key = bytes_of(text, RECORD_KEY_BYTES_MAX + 1);
    assert_int_equal(book_do_one(&book, ANNA, op), VERDICT_BAD_TEXT);
    op.record.key = bytes_of(text, RECORD_KEY_BYTES_MAX);
    assert_int_equal(book_do_one(&book, ANNA, op), VERDICT_OK);
}

/* A key that was added signs for the participant, with nonces of its own from 1. */
static void an_added_key_signs(void **state)
{
    (void)state;
    assert_int_equal(book_do_one(&book, STRANGER, op_record_of("t", "k", bytes_of_text(""))),
                     VERDICT_UNKNOWN_KEY);
    assert_int_equal(book_do_one(&book, ANNA, op_key_add_of(&book, "anna", STRANGER)), VERDICT_OK);
    assert_int_equal(book_do_one(&book, STRANGER, op_record_of("t", "k", bytes_of_text(""))),
                     VERDICT_OK);
}

/* Nobody adds a key for another, a key twice, or a key without its consent. */
static void key_add_is_refused_for_others_twice_and_without_consent(void **state)
{
    (void)state;
    assert_int_equal(book_do_one(&book, ANNA, op_key_add_of(&book, "bank", STRANGER)),
                     VERDICT_FOREIGN_KEY);
    assert_int_equal(book_do_one(&book, ANNA, op_key_add_of(&book, "anna", BANK)),
                     VERDICT_KEY_TAKEN);
    struct op op = op_key_add_of(&book, "anna", STRANGER);
    op.key_add.consent.bytes[7] ^= 1;
    assert_int_equal(book_do_one(&book, ANNA, op), VERDICT_BAD_CONSENT);
    op = op_key_add_of(&book, "shop", STRANGER);
    op.key_add.participant = bytes_of_text("anna");
    assert_int_equal(book_do_one(&book, ANNA, op), VERDICT_BAD_CONSENT);
    op = op_key_add_of(&book, "anna", STRANGER);
    memset(op.key_add.key.bytes, 0, PUBLIC_KEY_BYTES);
    assert_int_equal(book_do_one(&book, ANNA, op), VERDICT_BAD_KEY);
}

/* Eight active keys are the most a participant has; revoking one makes room. */
static void a_participant_has_eight_keys_at_most(void **state)
{
    (void)state;
    struct sign_key extra;
    for (uint64_t i = 0; i < PARTICIPANT_KEYS_MAX; i++) {
        book_make_key(&extra, 100 + i);
        struct op op = {.type = OP_KEY_ADD,
                        .key_add = {.participant = bytes_of_text("anna"), .key = extra.public}};
        op_key_add_consent(&op.key_add.consent, &book.chain_id, op.key_add.participant, &extra);
        bool is_full = i == PARTICIPANT_KEYS_MAX - 1;
        assert_int_equal(book_do_one(&book, ANNA, op),
                         is_full ? VERDICT_TOO_MANY_KEYS : VERDICT_OK);
    }
    assert_int_equal(book_do_one(&book, ANNA, op_key_revoke_of(&book, ANNA)), VERDICT_OK);
}

/* A revoked key never signs again and is never added again, by anyone. */
static void a_revoked_key_is_gone_for_ever(void **state)
{
    (void)state;
    assert_int_equal(book_do_one(&book, BANK, op_key_revoke_of(&book, BANK2)), VERDICT_OK);
    assert_int_equal(book_do_one(&book, BANK2, op_record_of("t", "k", bytes_of_text(""))),
                     VERDICT_REVOKED_KEY);
    assert_int_equal(book_do_one(&book, BANK, op_key_add_of(&book, "bank", BANK2)),
                     VERDICT_KEY_TAKEN);
    assert_int_equal(book_do_one(&book, ANNA, op_key_add_of(&book, "anna", BANK2)),
                     VERDICT_KEY_TAKEN);
    assert_int_equal(book_do_one(&book, BANK, op_key_revoke_of(&book, BANK2)), VERDICT_FOREIGN_KEY);
}

/* The last key stays; others' and unknown keys are not revoked. */
static void key_revoke_is_refused_for_the_last_and_for_others(void **state)
{
    (void)state;
    assert_int_equal(book_do_one(&book, ANNA, op_key_revoke_of(&book, ANNA)), VERDICT_LAST_KEY);
    assert_int_equal(book_do_one(&book, ANNA, op_key_revoke_of(&book, BANK)), VERDICT_FOREIGN_KEY);
    /* Not registered is no final word: once it is, these very bytes apply (PROTOCOL.md 10.3). */
    assert_int_equal(book_do_one(&book, ANNA, op_key_revoke_of(&book, STRANGER)),
                     VERDICT_NO_SUCH_KEY);
    assert_int_equal(verdict_outcome(VERDICT_NO_SUCH_KEY), OUTCOME_NOW);
    assert_int_equal(book_do_one(&book, ANNA, op_key_add_of(&book, "anna", STRANGER)), VERDICT_OK);
    assert_int_equal(book_do_one(&book, ANNA, op_key_revoke_of(&book, STRANGER)), VERDICT_OK);
}

/* A transaction that revokes its own key still takes effect as a whole. */
static void a_key_can_revoke_itself(void **state)
{
    (void)state;
    struct op ops[] = {op_key_revoke_of(&book, BANK),
                       op_transfer_of("bank/main", "anna/a", "CZK", 1)};
    assert_int_equal(book_do(&book, BANK, ops, 2), VERDICT_OK);
    assert_int_equal(book_balance(&book, "anna/a", "CZK"), 1);
    assert_int_equal(book_do_one(&book, BANK, op_transfer_of("bank/main", "anna/a", "CZK", 1)),
                     VERDICT_REVOKED_KEY);
}

/* Cancel does nothing but use up a nonce, and stands alone. */
static void cancel_consumes_a_nonce(void **state)
{
    (void)state;
    struct op cancel = {.type = OP_CANCEL};
    struct op both[] = {cancel, op_transfer_of("bank/main", "anna/a", "CZK", 1)};
    assert_int_equal(book_do(&book, BANK, both, 2), VERDICT_CANCEL_NOT_ALONE);
    assert_int_equal(book_do_one(&book, BANK, cancel), VERDICT_OK);
    assert_int_equal(book.nonces[BANK], 1);
    assert_int_equal(book_do_one(&book, BANK, both[1]), VERDICT_OK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_book, close_book)
    const struct CMUnitTest tests[] = {
        T(transfer_moves_money),
        T(transfer_beyond_the_balance_is_an_overdraft),
        T(transfer_from_anothers_account_is_refused),
        T(transfer_to_itself_is_refused),
        T(transfer_needs_receiver_and_asset),
        T(zero_amounts_are_refused),
        T(issue_and_redeem_change_the_supply),
        T(only_the_issuer_issues_and_redeems),
        T(supply_does_not_overflow),
        T(balance_does_not_overflow),
        T(bad_names_are_refused),
        T(bad_memos_are_refused),
        T(records_are_versioned_per_participant),
        T(record_beyond_its_bounds_is_refused),
        T(an_added_key_signs),
        T(key_add_is_refused_for_others_twice_and_without_consent),
        T(a_participant_has_eight_keys_at_most),
        T(a_revoked_key_is_gone_for_ever),
        T(key_revoke_is_refused_for_the_last_and_for_others),
        T(a_key_can_revoke_itself),
        T(cancel_consumes_a_nonce),
    };
    return cmocka_run_group_tests_name("op", tests, NULL, NULL);
}
