/* Blocks proposed and not committed: they outlive the process, beside the chain, and are judged
 * when they are read. */
#include "tests/help/unit.h"

#include <string.h>

#include "crypto/base/check.h"
#include "tests/help/staged.h"

enum { HEAD = 5, END = 8, SEEN_MAX = 8 };

static struct staged t;

struct seen {
    uint32_t count;
    uint64_t heights[SEEN_MAX];
    struct digest digests[SEEN_MAX];
    uint32_t stop_after;
};

static int setup(void **state)
{
    (void)state;
    staged_open(&t, &(struct chain_options){.seed = 9, .txs_per_block = 16}, END);
    staged_append_to(&t, HEAD);
    staged_commit(&t);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    staged_close(&t);
    return 0;
}

static enum rc see(void *context, const struct block *block)
{
    struct seen *seen = context;
    CHECK(seen->count < SEEN_MAX);
    seen->heights[seen->count] = block->header.height;
    seen->digests[seen->count++] = block->digest;
    return seen->count == seen->stop_after ? RC_NOT_FOUND : RC_OK;
}

static void expect_seen(uint32_t count)
{
    struct seen seen = {0};
    assert_int_equal(store_proposals(t.chain.store, see, NULL, &seen, NULL), RC_OK);
    assert_int_equal(seen.count, count);
}

/* The next block of the chain, and its sibling. */
static void propose(uint64_t height)
{
    struct block block;
    struct buf room = {0};
    staged_block(&t, height, &block);
    store_stage_proposal(t.chain.store, t.batch, &block);
    staged_sibling(&t, height, &room, &block);
    store_stage_proposal(t.chain.store, t.batch, &block);
    buf_free(&room);
}

static void drop_sibling(uint64_t height)
{
    struct block block;
    struct buf room = {0};
    staged_sibling(&t, height, &room, &block);
    store_stage_proposal_drop(t.batch, height, &block.digest);
    buf_free(&room);
}

static void proposals_are_found_in_order_when_durable(void **state)
{
    (void)state;
    struct seen seen = {0};
    propose(HEAD + 3);
    propose(HEAD + 1);
    expect_seen(0);
    staged_commit(&t);
    staged_reopen(&t);
    assert_int_equal(store_proposals(t.chain.store, see, NULL, &seen, NULL), RC_OK);
    assert_int_equal(seen.count, 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(seen.heights[i], i < 2 ? HEAD + 1 : HEAD + 3);
    for (uint32_t i = 0; i < 4; i += 2)
        assert_true(memcmp(&seen.digests[i], &seen.digests[i + 1], DIGEST_BYTES) < 0);
    assert_int_equal(store_head(t.chain.store)->height, HEAD);
    struct block found;
    assert_int_equal(store_get_block(t.chain.store, HEAD + 1, &found, NULL), RC_NOT_FOUND);
}

/* One becomes the chain's, without its bytes being written again; the other one goes. */
static void a_proposal_is_committed_and_its_sibling_goes(void **state)
{
    (void)state;
    struct block wanted, found;
    propose(HEAD + 1);
    propose(HEAD + 2);
    staged_commit(&t);
    drop_sibling(HEAD + 1);
    staged_append_proposed(&t);
    assert_true(kv_batch_bytes(t.batch) < 1024); /* a body is longer */
    expect_seen(2);                              /* above the head, which is staged */
    staged_commit(&t);
    staged_reopen(&t);
    expect_seen(2);
    staged_block(&t, HEAD + 1, &wanted);
    assert_true(wanted.whole.size > 1024);
    assert_int_equal(store_get_block(t.chain.store, HEAD + 1, &found, NULL), RC_OK);
    assert_true(bytes_equal(found.whole, wanted.whole));
    drop_sibling(HEAD + 2);
    staged_append_proposed(&t);
    staged_append_to(&t, END);
    staged_commit(&t);
    staged_settle(&t);
    staged_expect_same(&t);
    staged_expect_audited(&t);
}

static void whoever_visits_may_stop(void **state)
{
    (void)state;
    struct seen seen = {.stop_after = 1};
    propose(HEAD + 1);
    staged_commit(&t);
    assert_int_equal(store_proposals(t.chain.store, see, NULL, &seen, NULL), RC_NOT_FOUND);
    assert_int_equal(seen.count, 1);
}

/* ---- what is not a proposal ---- */

static void put(uint64_t height, const struct digest *digest, size_t key_bytes, struct bytes whole)
{
    uint8_t key[64] = {0};
    struct wr w = wr_of(key, sizeof key);
    struct store_mark mark = store_mark(t.chain.store);
    wr_be64(&w, height);
    wr_copy(&w, digest->bytes, DIGEST_BYTES);
    kv_batch_clear(t.batch);
    kv_batch_put(t.batch, KV_BLOCK, bytes_of(key, key_bytes), whole);
    assert_int_equal(kv_commit(t.chain.kv, t.batch, NULL), RC_OK);
    kv_batch_clear(t.batch);
    assert_int_equal(store_on_durable(t.chain.store, &mark, NULL), RC_OK);
}

/* Read back, refused with words, and taken out again. */
static void expect_refused(uint64_t height, const struct digest *digest, size_t key_bytes,
                           struct bytes whole, const char *words)
{
    struct seen seen = {0};
    struct why why = {{0}};
    uint8_t key[64] = {0};
    struct wr w = wr_of(key, sizeof key);
    put(height, digest, key_bytes, whole);
    assert_int_equal(store_proposals(t.chain.store, see, NULL, &seen, &why), RC_STORE_DAMAGED);
    assert_int_equal(seen.count, 0);
    if (strstr(why.text, words) == NULL)
        assert_string_equal(why.text, words);
    wr_be64(&w, height);
    wr_copy(&w, digest->bytes, DIGEST_BYTES);
    kv_batch_delete(t.batch, KV_BLOCK, bytes_of(key, key_bytes));
    staged_commit(&t);
    expect_seen(0);
}

static void what_is_no_proposal_is_refused_when_read(void **state)
{
    (void)state;
    struct block block;
    struct digest other = {{1}};
    enum { KEY = 8 + DIGEST_BYTES };
    staged_block(&t, HEAD + 1, &block);
    expect_refused(HEAD + 1, &other, KEY, block.whole, "not the one of its name");
    expect_refused(HEAD + 2, &block.digest, KEY, block.whole, "not the one of its name");
    expect_refused(HEAD + 1, &block.digest, KEY - 1, block.whole, "key");
    expect_refused(HEAD + 1, &block.digest, KEY + 1, block.whole, "key");
    expect_refused(HEAD + 1, &block.digest, KEY, bytes_of(block.whole.data, block.whole.size - 1),
                   "damaged");
    /* A body that the header does not vouch for. */
    struct buf changed = {0};
    buf_add_bytes(&changed, block.whole);
    changed.data[changed.size - 1] ^= 1;
    expect_refused(HEAD + 1, &block.digest, KEY, buf_bytes(&changed), "damaged");
    buf_free(&changed);
}

/* Pitfalls D5: of one that rotted the name is known, and the others are visited. */
static void note_damaged(void *context, uint64_t height, const struct digest *digest)
{
    struct seen *seen = context;
    CHECK(seen->count < SEEN_MAX);
    seen->heights[seen->count] = height;
    seen->digests[seen->count++] = *digest;
}

static void of_a_damaged_one_the_name_is_told(void **state)
{
    (void)state;
    struct seen good = {0}, seen = {0};
    uint8_t key[8 + DIGEST_BYTES];
    struct wr end = wr_of(key, sizeof key);
    propose(HEAD + 1);
    propose(HEAD + 2);
    staged_commit(&t);
    assert_int_equal(store_proposals(t.chain.store, see, NULL, &good, NULL), RC_OK);
    assert_int_equal(good.count, 4);
    wr_be64(&end, good.heights[1]);
    wr_copy(&end, good.digests[1].bytes, DIGEST_BYTES);
    kv_mem_flip(t.chain.kv, KV_BLOCK, wr_bytes_of(&end), 1000);
    staged_reopen(&t);
    assert_int_equal(store_proposals(t.chain.store, see, note_damaged, &seen, NULL), RC_OK);
    assert_memory_equal(&seen, &good, sizeof seen);
    memset(&seen, 0, sizeof seen);
    assert_int_equal(store_proposals(t.chain.store, see, NULL, &seen, NULL), RC_STORE_DAMAGED);
    assert_int_equal(seen.count, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(proposals_are_found_in_order_when_durable),
        T(a_proposal_is_committed_and_its_sibling_goes),
        T(whoever_visits_may_stop),
        T(of_a_damaged_one_the_name_is_told),
        T(what_is_no_proposal_is_refused_when_read),
    };
    return cmocka_run_group_tests_name("store_proposals", tests, NULL, NULL);
}
