/* State proofs: made from a store, and judged as a stranger's bytes. */
#include <stdio.h>
#include <string.h>

#include "ledger/receipt.h"
#include "tests/help/regions.h"
#include "tests/help/small_chain.h"
#include "tests/help/unit.h"

static struct small_chain chain;

/* The chain goes on above its only certified checkpoint, at 4, past a checkpoint height that is not
 * certified. */
static int open_chain(void **state)
{
    (void)state;
    small_chain_open(&chain);
    small_chain_fill(&chain);
    while (store_head(chain.store)->height < 2 * SMALL_HEIGHTS + 1)
        small_chain_append_records(&chain, 2);
    return 0;
}

static int close_chain(void **state)
{
    (void)state;
    small_chain_close(&chain);
    return 0;
}

static enum rc judge(const void *context, struct bytes file, struct why *why)
{
    const struct small_chain *c = context;
    struct state_proof proof;
    return proof_verify(&proof, file, &c->genesis.chain_id, &c->genesis.member_table, why);
}

static struct buf proof_of(enum state_table table, struct bytes key)
{
    struct buf out = {0};
    struct why why;
    if (proof_make(&out, chain.store, table, key, &why) != RC_OK)
        fail_msg("proof: %s", why.text);
    return out;
}

static struct buf balance_proof_of(const char *account)
{
    uint8_t room[STATE_KEY_BYTES_MAX];
    return proof_of(STATE_BALANCE,
                    state_balance_key(room, bytes_of_text(account), bytes_of_text("EUR")));
}

/* Make and verify; the caller ends *file, from which the result lends. */
static struct state_proof proven(struct buf *file, enum state_table table, struct bytes key)
{
    struct state_proof out;
    struct why why = {""};
    *file = proof_of(table, key);
    enum rc rc = proof_verify(&out, buf_bytes(file), &chain.genesis.chain_id,
                              &chain.genesis.member_table, &why);
    if (rc != RC_OK)
        fail_msg("refused: %s", why.text);
    assert_int_equal(out.table, table);
    assert_true(bytes_equal(out.key, key));
    assert_int_equal(out.certificate.statement.height, SMALL_HEIGHTS);
    return out;
}

/* ---- making and accepting ---- */

/* An entry of each table is proven with the value it had at the checkpoint. */
static void proof_of_an_entry_gives_its_value(void **state)
{
    (void)state;
    uint8_t room[STATE_KEY_BYTES_MAX];
    struct buf file;
    struct state_participant participant;
    struct state_key key;
    struct state_asset asset;
    struct state_balance balance;
    struct state_record record;
    struct public_key bank = chain.signers[SIGNER_BANK].public;

    struct state_proof p = proven(&file, STATE_PARTICIPANT, bytes_of_text("cafe"));
    assert_true(p.present && state_participant_decode(&participant, p.value));
    assert_int_equal(participant.keys_count, 2);
    buf_free(&file);
    p = proven(&file, STATE_KEY, bytes_of(bank.bytes, PUBLIC_KEY_BYTES));
    assert_true(p.present && state_key_decode(&key, p.value));
    assert_int_equal(key.nonce, 4);
    buf_free(&file);
    p = proven(&file, STATE_ASSET, bytes_of_text("EUR"));
    assert_true(p.present && state_asset_decode(&asset, p.value));
    assert_int_equal(asset.supply, 102550 + 50000 - 10000);
    buf_free(&file);
    p = proven(&file, STATE_BALANCE,
               state_balance_key(room, bytes_of_text("cafe/till"), bytes_of_text("EUR")));
    assert_true(p.present && state_balance_decode(&balance, p.value));
    assert_int_equal(balance.amount, 2550 + 1234 - 100);
    buf_free(&file);
    p = proven(&file, STATE_RECORD,
               state_record_key(room, bytes_of_text("cafe"), bytes_of_text("invoice"),
                                bytes_of_text("2024-001")));
    assert_true(p.present && state_record_decode(&record, p.value));
    assert_int_equal(record.version, 2);
    buf_free(&file);
}

/* What was not there at the checkpoint is proven absent, also when it came later. */
static void proof_of_an_absent_entry_says_so(void **state)
{
    (void)state;
    uint8_t room[STATE_KEY_BYTES_MAX];
    for (unsigned i = 0; i < 100; i++) {
        char account[32];
        struct buf file;
        snprintf(account, sizeof account, "cafe/%u", i);
        struct state_proof p =
            proven(&file, STATE_BALANCE,
                   state_balance_key(room, bytes_of_text(account), bytes_of_text("EUR")));
        assert_false(p.present);
        assert_int_equal(p.value.size, 0);
        buf_free(&file);
    }
    struct buf file;
    struct bytes later =
        state_record_key(room, bytes_of_text("cafe"), bytes_of_text("count"), bytes_of_text("4"));
    assert_false(proven(&file, STATE_RECORD, later).present);
    buf_free(&file);
}

/* A key that no entry can have is refused when a proof is asked for, and leaves nothing behind. */
static void proof_of_an_impossible_key_is_not_made(void **state)
{
    (void)state;
    static const struct {
        enum state_table table;
        const char *key;
    } wrong[] = {{STATE_PARTICIPANT, "Cafe"},
                 {STATE_PARTICIPANT, ""},
                 {STATE_KEY, "short"},
                 {STATE_ASSET, "eur"},
                 {STATE_BALANCE, "EUR"},
                 {STATE_BALANCE, "cafe/till"},
                 {STATE_RECORD, "\x04"
                                "cafe"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct buf out = {0};
        struct why why;
        assert_int_equal(
            proof_make(&out, chain.store, wrong[i].table, bytes_of_text(wrong[i].key), &why),
            RC_INVALID);
        assert_non_null(strstr(why.text, "not a key of the state table"));
        assert_int_equal(out.size, 0);
    }
}

/* Before the first certified checkpoint there is nothing to prove against. */
static void proof_without_a_checkpoint_is_not_made(void **state)
{
    (void)state;
    static struct small_chain c;
    struct buf out = {0};
    struct why why;
    small_chain_open(&c);
    assert_int_equal(proof_make(&out, c.store, STATE_ASSET, bytes_of_text("EUR"), &why),
                     RC_NOT_FOUND);
    assert_non_null(strstr(why.text, "no checkpoint is certified yet"));
    small_chain_append_records(&c, 1);
    small_chain_certify(&c, CERT_COMMIT, 1);
    assert_int_equal(proof_make(&out, c.store, STATE_ASSET, bytes_of_text("EUR"), &why),
                     RC_NOT_FOUND);
    assert_int_equal(out.size, 0);
    small_chain_close(&c);
}

/* ---- spoilt bytes ---- */

enum { KEY_BYTES = 10 /* "cafe/x", a zero, "EUR" */, REGIONS = 12, REGION_TREE_PROOF = 7 };

static void fill_regions(struct region out[static REGIONS], size_t key_bytes, size_t proof_bytes)
{
    const struct region regions[REGIONS] = {
        {8, "magic:", ""},
        {DIGEST_BYTES, "chain id:", ""},
        {2, "epoch changes:", ""},
        {1, "state table:", "key:"},
        {2, "structure:", ""}, /* key_bytes */
        {key_bytes, "key:", "tree proof:"},
        {4, "structure:", ""}, /* tree_proof_bytes */
        {proof_bytes, "tree proof:", ""},
        {1, "structure:", "certificate:"}, /* kind */
        {2 * 8 + 2 * DIGEST_BYTES, "certificate:", ""},
        {1, "structure:", ""}, /* entries_count */
        {SMALL_QUORUM * (1 + SIGNATURE_BYTES), "certificate:", ""},
    };
    memcpy(out, regions, sizeof regions);
}

static size_t proof_bytes_of(const struct buf *file, size_t key_bytes)
{
    enum { CERTIFICATE_BYTES = 1 + 2 * 8 + 2 * DIGEST_BYTES + 1 + SMALL_QUORUM * 65 };
    return file->size - (8 + DIGEST_BYTES + 2 + 1 + 2 + key_bytes + 4) - CERTIFICATE_BYTES;
}

/* No bit of a proof can change unseen, and the words name the field in which it is. */
static void proof_with_a_flipped_bit_blames_its_field(void **state)
{
    (void)state;
    struct region regions[REGIONS];
    struct buf file = balance_proof_of("cafe/till");
    fill_regions(regions, KEY_BYTES + 3, proof_bytes_of(&file, KEY_BYTES + 3));
    assert_flips_blamed(judge, &chain, buf_bytes(&file), regions, REGIONS);
    buf_free(&file);
}

/* The same for the tree's part of proofs of absence: an empty slot, and another entry in the way.
 */
static void proof_of_absence_with_a_flipped_bit_is_refused(void **state)
{
    (void)state;
    static const char *const accounts[] = {"cafe/a", "cafe/b"};
    static const uint8_t ends[] = {TREE_END_EMPTY, TREE_END_OTHER};
    for (size_t i = 0; i < 2; i++) {
        struct region regions[REGIONS];
        struct buf file = balance_proof_of(accounts[i]);
        size_t proof_bytes = proof_bytes_of(&file, KEY_BYTES);
        size_t end_at = 8 + DIGEST_BYTES + 2 + 1 + 2 + KEY_BYTES + 4 + proof_bytes -
                        (ends[i] == TREE_END_EMPTY ? 1 : 1 + DIGEST_BYTES + 4 + 16);
        assert_int_equal(file.data[end_at], ends[i]);
        fill_regions(regions, KEY_BYTES, proof_bytes);
        assert_region_flips_blamed(judge, &chain, buf_bytes(&file), regions, REGION_TREE_PROOF);
        buf_free(&file);
    }
}

/* A proof has one size: cut anywhere or lengthened, it is refused. */
static void proof_of_another_size_is_refused(void **state)
{
    (void)state;
    struct buf file = balance_proof_of("bank/main");
    assert_size_is_exact(judge, &chain, buf_bytes(&file));
    buf_free(&file);
}

/* A proof of another network is told from a spoilt one. */
static void proof_of_another_chain_is_refused(void **state)
{
    (void)state;
    struct buf file = balance_proof_of("bank/main");
    struct digest other = chain.genesis.chain_id;
    struct state_proof proof;
    struct why why;
    other.bytes[0] ^= 1;
    assert_int_equal(
        proof_verify(&proof, buf_bytes(&file), &other, &chain.genesis.member_table, &why),
        RC_NETWORK_MISMATCH);
    assert_memory_equal(why.text, "chain id:", 9);
    buf_free(&file);
}

/* A receipt handed in as a proof is called by its name. */
static void proof_that_is_a_receipt_is_refused(void **state)
{
    (void)state;
    assert_refused(judge, &chain, bytes_of_text("HANSARC1"), RC_MALFORMED,
                   "magic: this is a receipt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proof_of_an_entry_gives_its_value),
        cmocka_unit_test(proof_of_an_absent_entry_says_so),
        cmocka_unit_test(proof_of_an_impossible_key_is_not_made),
        cmocka_unit_test(proof_without_a_checkpoint_is_not_made),
        cmocka_unit_test(proof_with_a_flipped_bit_blames_its_field),
        cmocka_unit_test(proof_of_absence_with_a_flipped_bit_is_refused),
        cmocka_unit_test(proof_of_another_size_is_refused),
        cmocka_unit_test(proof_of_another_chain_is_refused),
        cmocka_unit_test(proof_that_is_a_receipt_is_refused),
    };
    return cmocka_run_group_tests_name("proof", tests, open_chain, close_chain);
}
