/* Taking a snapshot into a store that is damaged beside its state (rule 9.3, pitfalls D5): what the
 * snapshot replaces or deletes is not asked what it was. */
#include "tests/help/unit.h"

#include "tests/help/snapshot_world.h"

enum { HEAD = 10, TARGET = 8 };
static struct why why;

static void rot(struct snapshot_world *w, enum kv_table table, struct bytes key)
{
    kv_mem_flip(w->t.chain.kv, table, key, 77);
    snapshot_world_reopen(w);
}

/* 8.2: the certificate names the block there, and its digest is what the chain says again. */
static void a_damaged_entry_of_the_chain_is_replaced(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct digest digest;
    uint8_t key[8];
    struct wr end = wr_of(key, sizeof key);
    snapshot_world_open(&w, &(struct chain_options){.seed = 31}, HEAD);
    staged_append_to(&w.t, HEAD);
    staged_commit(&w.t);
    assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
    wr_be64(&end, TARGET);
    rot(&w, KV_CHAIN, wr_bytes_of(&end));
    assert_int_equal(w.target.height, TARGET);
    assert_int_equal(store_get_digest(w.t.chain.store, TARGET, &digest, &why), RC_STORE_DAMAGED);
    snapshot_world_take(&w, true);
    assert_int_equal(store_get_digest(w.t.chain.store, TARGET, &digest, &why), RC_OK);
    assert_true(digest_equal(&digest, &w.target.digest));
    snapshot_world_backfill(&w);
    snapshot_world_follow(&w);
    assert_int_equal(store_history_from_height(w.t.chain.store), 1);
    snapshot_world_expect_same(&w, KV_CHAIN);
    snapshot_world_close(&w);
}

/* They are decided, and go: those below and at the height, and no other. */
static void damaged_proposals_of_decided_heights_go(void **state)
{
    (void)state;
    for (uint64_t height = TARGET - 1; height <= TARGET; height++) {
        struct snapshot_world w;
        struct buf room = {0};
        struct block block;
        struct bytes value;
        uint8_t key[8 + DIGEST_BYTES];
        struct wr end = wr_of(key, sizeof key);
        snapshot_world_open(&w, &(struct chain_options){.seed = 32}, HEAD);
        staged_append_to(&w.t, 3);
        staged_sibling(&w.t, height, &room, &block);
        store_stage_proposal(w.t.chain.store, w.t.batch, &block);
        wr_be64(&end, height);
        wr_copy(&end, block.digest.bytes, DIGEST_BYTES);
        staged_commit(&w.t);
        buf_free(&room);
        assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
        rot(&w, KV_BLOCK, wr_bytes_of(&end));
        snapshot_world_take(&w, false);
        assert_int_equal(store_head(w.t.chain.store)->height, TARGET);
        assert_int_equal(kv_get(store_view(w.t.chain.store), KV_BLOCK, wr_bytes_of(&end), &value),
                         RC_NOT_FOUND);
        snapshot_world_follow(&w);
        snapshot_world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_entry_of_the_chain_is_replaced),
        cmocka_unit_test(damaged_proposals_of_decided_heights_go),
    };
    return cmocka_run_group_tests_name("snapshot_damaged", tests, NULL, NULL);
}
