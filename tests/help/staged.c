#include "tests/help/staged.h"

#include "crypto/base/check.h"
#include "tests/help/audited.h"
#include "tests/help/unit.h"

/* ---- opening and closing ---- */

void staged_open(struct staged *t, const struct chain_options *options, uint32_t blocks_count)
{
    staged_open_on(t, options, blocks_count, kv_mem_new());
}

void staged_open_on(struct staged *t, const struct chain_options *options, uint32_t blocks_count,
                    struct kv *kv)
{
    struct why why = {{0}};
    chain_open(&t->sound, options, kv_mem_new());
    t->chain = t->sound;
    t->chain.plan = NULL;
    t->chain.store = NULL;
    t->chain.kv = kv;
    CHECK(store_create(t->chain.kv, store_identity(t->sound.store),
                       buf_bytes(&t->sound.genesis.canonical), &t->sound.genesis.initial,
                       &why) == RC_OK);
    t->batch = kv_batch_new();
    t->withholds = false;
    chain_grow(&t->sound, blocks_count);
    staged_reopen(t);
}

void staged_close(struct staged *t)
{
    kv_batch_free(t->batch);
    store_close(t->chain.store);
    kv_close(t->chain.kv);
    chain_close(&t->sound);
}

void staged_reopen(struct staged *t)
{
    struct why why = {{0}};
    kv_batch_clear(t->batch);
    if (chain_reopen(&t->chain, &why) != RC_OK)
        fail_msg("the staged store does not open: %s", why.text);
}

/* ---- blocks ---- */

void staged_block(struct staged *t, uint64_t height, struct block *out)
{
    assert_int_equal(store_get_block(t->sound.store, height, out, NULL), RC_OK);
}

void staged_sibling(struct staged *t, uint64_t height, struct buf *room, struct block *out)
{
    uint8_t header[BLOCK_HEADER_BYTES];
    staged_block(t, height, out);
    out->header.time_ms++;
    block_header_encode(header, &out->header);
    buf_clear(room);
    buf_add(room, header, sizeof header);
    buf_add_bytes(room, out->body);
    enum block_fault fault = block_decode(out, buf_bytes(room));
    CHECK(fault == BLOCK_OK);
}

/* The sound chain's next block, its effects, and its certificate if it has one. */
struct next {
    struct block block;
    struct layer *layer;
    struct certificate certificate, checkpoint;
    bool is_certified, is_checkpoint;
};

static void take_next(struct next *n, struct staged *t)
{
    enum block_fault fault;
    enum verdict verdict;
    uint32_t tx_index;
    uint64_t height = store_head(t->chain.store)->height + 1;
    staged_block(t, height, &n->block);
    n->layer = layer_new(store_layer(t->chain.store), NULL);
    assert_int_equal(block_apply(&fault, &tx_index, &verdict, n->layer, &n->block, false), RC_OK);
    assert_int_equal(fault, BLOCK_OK);
    assert_int_equal(store_get_certificate(t->sound.store, height, &n->certificate, NULL), RC_OK);
    n->is_certified = n->certificate.statement.height == height;
    n->is_checkpoint =
        !t->withholds &&
        store_get_stable(t->sound.store, height + 1, &n->checkpoint, NULL) == RC_OK &&
        n->checkpoint.statement.height == height;
}

static void append(struct staged *t, bool is_proposal)
{
    struct next n;
    take_next(&n, t);
    store_stage_append(t->chain.store, t->batch, &n.block, n.layer,
                       n.is_certified ? &n.certificate : NULL, is_proposal);
    if (n.is_checkpoint)
        store_stage_checkpoint(t->chain.store, t->batch, &n.checkpoint);
    layer_free(n.layer);
}

void staged_append(struct staged *t)
{
    append(t, false);
}

void staged_append_proposed(struct staged *t)
{
    append(t, true);
}

void staged_append_to(struct staged *t, uint64_t height)
{
    while (store_head(t->chain.store)->height < height)
        append(t, false);
}

enum rc staged_append_by_itself(struct staged *t, struct why *why)
{
    struct next n;
    take_next(&n, t);
    enum rc rc = store_append(t->chain.store, &n.block, n.layer,
                              n.is_certified ? &n.certificate : NULL, why);
    layer_free(n.layer);
    if (rc == RC_OK && n.is_checkpoint)
        rc = store_put_certificate(t->chain.store, &n.checkpoint, why);
    return rc;
}

bool staged_flush(struct staged *t)
{
    struct why why = {{0}};
    struct store_flush_job *job = store_flush_begin(t->chain.store);
    if (job == NULL)
        return false;
    store_flush_compute(job);
    assert_int_equal(store_stage_flush(t->chain.store, t->batch, job, &why), RC_OK);
    return true;
}

void staged_commit(struct staged *t)
{
    struct store_mark mark = store_mark(t->chain.store);
    assert_int_equal(kv_commit(t->chain.kv, t->batch, NULL), RC_OK);
    assert_int_equal(store_on_durable(t->chain.store, &mark, NULL), RC_OK);
    kv_batch_clear(t->batch);
}

void staged_settle(struct staged *t)
{
    while (store_flushes_due(t->chain.store) > 0) {
        assert_true(staged_flush(t));
        staged_commit(t);
    }
}

/* ---- comparing ---- */

static void expect_same_table(struct staged *t, enum kv_table table)
{
    struct kv_cursor *ca, *cb;
    struct bytes key_a, key_b, value_a, value_b;
    assert_int_equal(kv_cursor_open(&ca, store_view(t->sound.store), table), RC_OK);
    assert_int_equal(kv_cursor_open(&cb, store_view(t->chain.store), table), RC_OK);
    enum rc rc_a = kv_cursor_seek(ca, bytes_of(NULL, 0), &key_a, &value_a);
    enum rc rc_b = kv_cursor_seek(cb, bytes_of(NULL, 0), &key_b, &value_b);
    while (rc_a == RC_OK && rc_b == RC_OK) {
        if (!bytes_equal(key_a, key_b) || !bytes_equal(value_a, value_b))
            fail_msg("the tables %s differ", kv_table_name(table));
        rc_a = kv_cursor_next(ca, &key_a, &value_a);
        rc_b = kv_cursor_next(cb, &key_b, &value_b);
    }
    if (rc_a != RC_NOT_FOUND || rc_b != RC_NOT_FOUND)
        fail_msg("of the tables %s one is longer", kv_table_name(table));
    kv_cursor_close(ca);
    kv_cursor_close(cb);
}

void staged_expect_same(struct staged *t)
{
    struct bytes sound, other;
    for (int table = 0; table < KV_TABLE_COUNT; table++)
        if (table != KV_META && table != KV_CHECKPOINT)
            expect_same_table(t, (enum kv_table)table);
    struct bytes derived = bytes_of_text("derived");
    assert_int_equal(kv_get(store_view(t->sound.store), KV_META, derived, &sound), RC_OK);
    assert_int_equal(kv_get(store_view(t->chain.store), KV_META, derived, &other), RC_OK);
    assert_true(bytes_equal(sound, other));
}

void staged_expect_audited(struct staged *t)
{
    struct audit_report report;
    if (audited_run_open(&t->chain, 1, &report) != RC_OK)
        fail_msg("height %llu: %s", (unsigned long long)report.fault_height, report.fault_field);
    assert_int_equal(report.head_height, store_head(t->chain.store)->height);
    assert_int_equal(report.certified_height, report.head_height);
    assert_int_equal(report.flushed_height, store_flushed_height(t->chain.store));
}
