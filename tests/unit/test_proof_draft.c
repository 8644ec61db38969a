/* State proofs that no store makes: well-formed and certified, but wrong in one thing. */
#include <string.h>

#include "ledger/receipt.h"
#include "tests/help/regions.h"
#include "tests/help/small_chain.h"
#include "tests/help/unit.h"

static struct small_chain chain;

static int open_chain(void **state)
{
    (void)state;
    small_chain_open(&chain);
    small_chain_fill(&chain);
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

/* ---- proofs put together by hand, from FORMATS.md section 11 ---- */

/* A tree of one entry, its proof, and its root certified by members 0, 1 and 2 who do not care what
 * the entry is. */
struct draft {
    uint8_t table;
    struct buf key;
    struct buf tree_proof;
    struct certificate certificate;
};

static void certify_draft(struct draft *d, const struct statement *s)
{
    d->certificate = small_chain_certificate(&chain, s, (const uint8_t[]){0, 1, 2}, SMALL_QUORUM);
}

static struct draft draft_open(enum state_table table, struct bytes key, struct bytes value)
{
    struct draft d = {.table = (uint8_t)table};
    struct kv *kv = kv_mem_new();
    struct kv_batch *batch = kv_batch_new();
    struct kv_view *view;
    struct tree_ref tree;
    struct tree_change change = {.table = (uint8_t)table, .key = key, .value = value};
    assert_int_equal(kv_view_open(&view, kv, NULL), RC_OK);
    assert_int_equal(tree_update(&tree, batch, view, NULL, 1, &change, 1), RC_OK);
    assert_int_equal(kv_commit(kv, batch, NULL), RC_OK);
    kv_view_close(view);
    assert_int_equal(kv_view_open(&view, kv, NULL), RC_OK);
    assert_int_equal(tree_prove(&d.tree_proof, view, &tree, (uint8_t)table, key), RC_OK);
    kv_view_close(view);
    kv_batch_free(batch);
    kv_close(kv);
    buf_add_bytes(&d.key, key);
    certify_draft(
        &d, &(struct statement){.kind = CERT_CHECKPOINT, .height = 8, .state_root = tree.root});
    return d;
}

static void draft_close(struct draft *d)
{
    buf_free(&d->key);
    buf_free(&d->tree_proof);
}

static struct buf encode(const struct draft *d)
{
    struct buf out = {0};
    uint8_t room[CERT_BYTES_MAX];
    struct wr w = wr_of(room, sizeof room);
    buf_add(&out, "HANSAPF1", 8);
    buf_add(&out, chain.genesis.chain_id.bytes, DIGEST_BYTES);
    buf_add_u16(&out, 0);
    buf_add_u8(&out, d->table);
    buf_add_u16(&out, (uint16_t)d->key.size);
    buf_add_bytes(&out, buf_bytes(&d->key));
    buf_add_u32(&out, (uint32_t)d->tree_proof.size);
    buf_add_bytes(&out, buf_bytes(&d->tree_proof));
    cert_encode(&w, &d->certificate);
    assert_true(wr_ok(&w));
    buf_add_bytes(&out, wr_bytes_of(&w));
    return out;
}

static void assert_draft(const struct draft *d, enum rc rc, const char *words)
{
    struct buf file = encode(d);
    assert_refused(judge, &chain, buf_bytes(&file), rc, words);
    buf_free(&file);
}

static void assert_draft_is_good(const struct draft *d)
{
    struct buf file = encode(d);
    struct why why = {""};
    if (judge(&chain, buf_bytes(&file), &why) != RC_OK)
        fail_msg("refused: %s", why.text);
    buf_free(&file);
}

static struct draft draft_of_cafe(void)
{
    struct state_participant cafe = {.keys_count = 1, .keys = {chain.signers[SIGNER_CAFE].public}};
    uint8_t value[2 + PUBLIC_KEY_BYTES] = {0, 1};
    memcpy(value + 2, cafe.keys[0].bytes, PUBLIC_KEY_BYTES);
    return draft_open(STATE_PARTICIPANT, bytes_of_text("cafe"), bytes_of(value, sizeof value));
}

/* COMMIT votes say nothing of the state; a quorum is exact; the members are those of epoch 0. */
static void proof_with_an_unfit_certificate_is_refused(void **state)
{
    (void)state;
    struct draft d = draft_of_cafe();
    struct statement good = d.certificate.statement;
    assert_draft_is_good(&d);
    certify_draft(&d, &(struct statement){.kind = CERT_COMMIT, .height = 8});
    assert_draft(&d, RC_PROOF, "certificate: its kind must be CHECKPOINT (here: COMMIT)");
    d.certificate = small_chain_certificate(&chain, &good, (const uint8_t[]){1, 2}, 2);
    assert_draft(&d, RC_PROOF, "certificate: it must have exactly 3 signatures");
    d.certificate = small_chain_certificate(&chain, &good, (const uint8_t[]){0, 1, 2, 3}, 4);
    assert_draft(&d, RC_PROOF, "certificate: it must have exactly 3 signatures");
    good.epoch = 1;
    certify_draft(&d, &good);
    assert_draft(&d, RC_PROOF, "certificate: its epoch must be 0");
    draft_close(&d);
}

/* What proof_verify() hands out can be shown: keys and values that are none of their table are
 * refused even if members certified them. */
static void proof_of_a_senseless_entry_is_refused(void **state)
{
    (void)state;
    static const char *const keys[STATE_TABLE_END] = {[STATE_PARTICIPANT] = "cafe",
                                                      [STATE_KEY] =
                                                          "0123456789abcdef0123456789abcdef",
                                                      [STATE_ASSET] = "EUR",
                                                      [STATE_BALANCE] = "cafe/till_EUR",
                                                      [STATE_RECORD] = "\x04"
                                                                       "cafe"
                                                                       "\x01"
                                                                       "t"
                                                                       "\x01"
                                                                       "k"};
    for (enum state_table table = STATE_PARTICIPANT; table < STATE_TABLE_END; table++) {
        char key[64];
        size_t key_bytes = strlen(keys[table]);
        memcpy(key, keys[table], key_bytes);
        if (table == STATE_BALANCE)
            key[9] = '\0';
        struct draft d = draft_open(table, bytes_of(key, key_bytes), bytes_of_text("odd"));
        assert_draft(&d, RC_PROOF, "value: it is no value of the state table");
        draft_close(&d);
        d = draft_open(table, bytes_of_text("?"), bytes_of_text("odd"));
        assert_draft(&d, RC_PROOF, "key: it is no key of the state table");
        draft_close(&d);
    }
}

/* A proof of one key or table does not serve for another one. */
static void proof_for_another_key_is_refused(void **state)
{
    (void)state;
    struct draft d = draft_of_cafe();
    d.key.data[0] = 's';
    assert_draft(&d, RC_PROOF, "tree proof:");
    d.key.data[0] = 'c';
    d.table = STATE_ASSET;
    assert_draft(&d, RC_PROOF, "key:");
    d.table = STATE_TABLE_END;
    assert_draft(&d, RC_MALFORMED, "state table: 6 is none");
    d.table = 0;
    assert_draft(&d, RC_MALFORMED, "state table: 0 is none");
    draft_close(&d);
}

/* Each length beyond its limit is refused. */
static void proof_beyond_a_limit_is_refused(void **state)
{
    (void)state;
    struct draft d = draft_of_cafe();
    while (d.key.size <= STATE_KEY_BYTES_MAX)
        buf_add_u8(&d.key, 'a');
    assert_draft(&d, RC_MALFORMED, "structure: a key of 257 bytes");
    d.key.size--;
    assert_draft(&d, RC_PROOF, "key:");
    d.key.size = 4;
    while (d.tree_proof.size <= TREE_PROOF_BYTES_MAX)
        buf_add_u8(&d.tree_proof, 0);
    assert_draft(&d, RC_MALFORMED, "structure: a tree proof of 31399 bytes");
    d.tree_proof.size--;
    assert_draft(&d, RC_PROOF, "tree proof:");
    draft_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proof_with_an_unfit_certificate_is_refused),
        cmocka_unit_test(proof_of_a_senseless_entry_is_refused),
        cmocka_unit_test(proof_for_another_key_is_refused),
        cmocka_unit_test(proof_beyond_a_limit_is_refused),
    };
    return cmocka_run_group_tests_name("proof_draft", tests, open_chain, close_chain);
}
