/* Giving up a snapshot that nobody has (rule 9.3): the store is what it was before it began. */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/audited.h"
#include "tests/help/snapshot_world.h"

enum { HELD = 6, TABLES = 2 };
static struct why why;

/* What of the store an intake touches, in one piece. */
static void note(struct snapshot_world *w, struct buf *out)
{
    static const enum kv_table tables[TABLES] = {KV_TREE, KV_NAME};
    buf_clear(out);
    for (int i = 0; i < TABLES; i++) {
        struct kv_cursor *c;
        struct bytes key, value;
        assert_int_equal(kv_cursor_open(&c, store_view(w->t.chain.store), tables[i]), RC_OK);
        enum rc rc = kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value);
        for (; rc == RC_OK; rc = kv_cursor_next(c, &key, &value)) {
            buf_add_bytes(out, key);
            buf_add_bytes(out, value);
        }
        kv_cursor_close(c);
    }
}

static void begin(struct snapshot_world *w, uint64_t seed, struct buf *before)
{
    snapshot_world_open(w, &(struct chain_options){.seed = seed, .specials_per_mille = 600}, 20);
    staged_append_to(&w->t, HELD);
    staged_commit(&w->t);
    assert_int_equal(store_flush(w->t.chain.store, &why), RC_OK);
    note(w, before);
    w->piece_bytes_max = 300;
    snapshot_world_start(w, false);
    snapshot_world_clear(w);
}

static void abandon(struct snapshot_world *w)
{
    bool is_done = false;
    do {
        snapshot_intake_abandon(w->intake, w->t.batch);
    } while (!snapshot_world_commit(w));
    while (!is_done) {
        assert_true(snapshot_intake_is_abandoned(w->intake));
        assert_false(snapshot_intake_is_whole(w->intake));
        assert_int_equal(snapshot_intake_undo(w->intake, w->t.batch, &is_done, &why), RC_OK);
        is_done &= snapshot_world_commit(w);
    }
    snapshot_intake_close(w->intake);
    w->intake = NULL;
    snapshot_world_reopen(w);
}

/* After any number of pieces, over crashes; and the store goes on with blocks, or takes another. */
static void a_store_is_what_it_was_before(void **state)
{
    (void)state;
    for (uint32_t steps = 0; steps < 12; steps++) {
        struct snapshot_world w;
        struct buf before = {0}, after = {0};
        begin(&w, steps, &before);
        w.crash_every = steps % 3;
        for (uint32_t i = 0; i < 2 * steps && !snapshot_intake_is_whole(w.intake); i++)
            snapshot_world_step(&w);
        abandon(&w);
        assert_false(store_is_taking_snapshot(w.t.chain.store));
        note(&w, &after);
        assert_true(bytes_equal(buf_bytes(&before), buf_bytes(&after)));
        staged_expect_audited(&w.t);
        w.crash_every = 0;
        if (steps % 2 == 0) {
            snapshot_world_follow(&w);
            staged_expect_audited(&w.t);
        } else {
            snapshot_world_take(&w, false);
            assert_int_equal(store_head(w.t.chain.store)->height, w.target.height);
        }
        buf_free(&before);
        buf_free(&after);
        snapshot_world_close(&w);
    }
}

/* Its record has one encoding, which nothing else has: it wants nothing, and discards nothing. */
static void a_record_that_cannot_be_is_refused(void **state)
{
    (void)state;
    enum { DISCARDS_AT = 8 + 2 * DIGEST_BYTES, PHASE_AT, COUNT_AT = PHASE_AT + 1 + 4 * 8 };
    struct snapshot_world w;
    struct buf before = {0}, record = {0};
    struct bytes value, key = bytes_of_text("intake");
    begin(&w, 1, &before);
    snapshot_intake_abandon(w.intake, w.t.batch);
    (void)snapshot_world_commit(&w);
    assert_int_equal(kv_view_renew(store_view(w.t.chain.store), NULL), RC_OK);
    assert_int_equal(kv_get(store_view(w.t.chain.store), KV_META, key, &value), RC_OK);
    buf_add_bytes(&record, value);
    assert_int_equal(record.data[PHASE_AT], 2);
    for (int i = 0; i < 3; i++) {
        size_t at = i == 0 ? PHASE_AT : i == 1 ? DISCARDS_AT : COUNT_AT;
        struct snapshot_intake *in;
        record.data[at] ^= 1; /* phase 3; one that discards; something wanted */
        kv_batch_put(w.t.batch, KV_META, key, buf_bytes(&record));
        assert_int_equal(kv_commit(w.t.chain.kv, w.t.batch, NULL), RC_OK);
        kv_batch_clear(w.t.batch);
        record.data[at] ^= 1;
        assert_int_equal(kv_view_renew(store_view(w.t.chain.store), NULL), RC_OK);
        assert_int_equal(snapshot_intake_open(&in, w.t.chain.store, &why), RC_STORE_DAMAGED);
    }
    kv_batch_put(w.t.batch, KV_META, key, buf_bytes(&record));
    assert_int_equal(kv_commit(w.t.chain.kv, w.t.batch, NULL), RC_OK);
    kv_batch_clear(w.t.batch);
    snapshot_world_reopen(&w);
    abandon(&w);
    buf_free(&before);
    buf_free(&record);
    snapshot_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_is_what_it_was_before),
        cmocka_unit_test(a_record_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests_name("snapshot_abandon", tests, NULL, NULL);
}
