/* Pitfalls D5 at a start: a block that the state is made of, above the flushed one, is damaged on
 * the disk. The store is opened on its chain alone, the very block fetched from the others, and the
 * state made of it: none is discarded, nothing is signed meanwhile, and nobody answered. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/others_rules.h"

enum {
    FLUSHED = 8, /* K */
    HEAD = 12,
    CHAIN = 40,
    SECONDS = 200,
};

static struct buf key;

static int end_awaited(void **state)
{
    buf_free(&key);
    return end_others(state);
}

static int end_awaited_failed(void **state)
{
    buf_free(&key);
    return end_others_failed(state);
}

/* Member 3 stands at a height, and then its process is gone. */
static void begin_at(uint64_t height, bool is_certified)
{
    world_open(&w, 3, NULL);
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, 15);
    if (!is_certified) /* none is ever told of it */
        p.checkpoint.entries_count = 0;
    others_commit_to(&p, height);
    others_certify(&p, 0);
    world_settle(&w);
    others_grow(&p, CHAIN - 15);
    world_crash(&w, false);
    world_forget(&w);
}

static void rot_block(uint64_t height)
{
    world_rot(&w, KV_BLOCK, world_block_key(&key, height, &p.blocks[height]->name.digest));
}

static void rot_chain(uint64_t height)
{
    uint8_t room[8];
    struct wr at = wr_of(room, sizeof room);
    wr_be64(&at, height);
    world_rot(&w, KV_CHAIN, wr_bytes_of(&at));
}

/* It stands on its chain and waits for this block. */
static void expect_awaited(uint64_t height)
{
    assert_int_equal(world_start(&w), RC_OK);
    assert_int_equal(world_look(&w).awaited_height, height);
    assert_true(world_look(&w).damaged_count > 0);
    assert_int_equal(store_head(w.store)->height, world_look(&w).durable_height);
    world_settle(&w);
    assert_int_equal(driver_failure(w.driver, NULL), RC_OK);
}

/* The block came, and the store is opened anew. */
static void expect_fetched(uint64_t height)
{
    struct why why = {{0}};
    char words[64];
    snprintf(words, sizeof words, "the block of height %" PRIu64 " ", height);
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    assert_int_equal(driver_failure(w.driver, &why), RC_REOPEN);
    if (strstr(why.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", why.text, words);
}

static void expect_sound(uint64_t height)
{
    w.is_rotten = false;
    others_reopen(&p);
    assert_int_equal(world_look(&w).awaited_height, 0);
    assert_int_equal(store_head(w.store)->height, height);
    for (uint32_t i = 0; i < WORLD_MEMBERS; i++)
        assert_int_equal(p.pieces_asked[i], 0); /* the state is its own */
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_OK);
    assert_int_equal(store_head(w.store)->height, CHAIN);
    assert_false(world_look(&w).is_diverged);
    assert_true(others_have_same_state(&p));
}

static void a_block_above_the_flushed_state_is_fetched_and_it_goes_on(void **state)
{
    (void)state;
    begin_at(HEAD, true);
    rot_block(FLUSHED + 2);
    expect_awaited(FLUSHED + 2);
    expect_fetched(FLUSHED + 2);
    expect_sound(HEAD);
}

/* Where no state could be taken a block can all the same. */
static void no_certified_state_is_needed(void **state)
{
    (void)state;
    begin_at(HEAD, false);
    rot_block(FLUSHED + 1);
    expect_awaited(FLUSHED + 1);
    expect_fetched(FLUSHED + 1);
    expect_sound(HEAD);
}

/* Its state is there, but of the block itself only the digest. */
static void the_head_is_fetched_too_flushed_or_not(void **state)
{
    (void)state;
    static const uint64_t heads[] = {FLUSHED, HEAD};
    for (int i = 0; i < 2; i++) {
        begin_at(heads[i], true);
        rot_block(heads[i]);
        expect_awaited(heads[i]);
        struct pbft_block committed = world_look(&w).core.committed;
        assert_memory_equal(&committed, &p.blocks[heads[i]]->name, sizeof committed);
        expect_fetched(heads[i]);
        expect_sound(heads[i]);
        if (i == 0) {
            others_close(&p);
            world_close(&w);
        }
    }
}

/* With a head above, all that is needed of it is its digest; it is fetched when somebody meets it.
 */
static void the_flushed_block_below_the_head_stops_nothing(void **state)
{
    (void)state;
    begin_at(HEAD, true);
    rot_block(FLUSHED);
    assert_int_equal(world_start(&w), RC_OK);
    assert_int_equal(world_look(&w).awaited_height, 0);
    assert_int_equal(store_head(w.store)->height, HEAD);
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_OK);
    assert_int_equal(store_head(w.store)->height, CHAIN);
    assert_true(others_have_same_state(&p));
    driver_on_damaged_block(w.driver, FLUSHED);
    (void)others_answer(&p);
    (void)others_answer(&p);
    assert_int_equal(world_look(&w).repaired_count, 1);
    w.is_rotten = false;
}

static void several_of_them_come_one_after_the_other(void **state)
{
    (void)state;
    begin_at(HEAD, true);
    for (uint64_t height = FLUSHED + 1; height <= HEAD; height++)
        rot_block(height);
    for (uint64_t height = FLUSHED + 1; height <= HEAD; height++) {
        expect_awaited(height);
        expect_fetched(height);
        if (height < HEAD)
            world_crash(&w, false);
    }
    expect_sound(HEAD);
}

/* How often a block alone was asked for, since that was forgotten. */
static uint32_t asked_for(uint64_t height)
{
    static struct pbft_msg m;
    const struct world_output *o;
    uint32_t count = 0;
    for (size_t i = 0; (o = world_message(&w, PBFT_FETCH, i)) != NULL; i++) {
        assert_true(world_decode(&m, o));
        count += m.fetch.kind == PBFT_FETCH_RANGE && m.fetch.from_height == height &&
                 m.fetch.blocks_max == 1;
    }
    world_forget(&w);
    return count;
}

/* Nobody answers for long, then a start comes between: it asks on, where a block that nothing waits
 * for would have been left. */
static void it_is_asked_for_until_it_comes(void **state)
{
    (void)state;
    begin_at(HEAD, true);
    rot_block(HEAD - 1);
    expect_awaited(HEAD - 1);
    uint64_t every_ms = 4 * w.chain.genesis.parameters.status_ms;
    world_forget(&w);
    for (int start = 0; start < 2; start++) {
        uint32_t count = 0;
        others_tell(&p);
        for (int i = 0; i < SECONDS; i++) {
            world_pass(&w, 1000);
            world_settle(&w);
            count += asked_for(HEAD - 1);
        }
        assert_in_range(count, 4 * WORLD_OTHERS + 1, SECONDS * 1000 / every_ms + 1);
        world_crash(&w, false);
        expect_awaited(HEAD - 1);
    }
    expect_fetched(HEAD - 1);
    expect_sound(HEAD);
}

static void nothing_is_signed_meanwhile_and_no_client_answered(void **state)
{
    (void)state;
    begin_at(HEAD, true);
    rot_block(HEAD - 1);
    expect_awaited(HEAD - 1);
    world_propose(&w, p.blocks[HEAD + 1]);
    world_submit(&w, 1, world_record(&w, 0, p.nonces[0] + 1));
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), 0);
    assert_int_equal(world_sent(&w, PBFT_COMMIT, NULL), 0);
    assert_int_equal(world_sent(&w, PBFT_CHECKPOINT, NULL), 0);
    assert_int_equal(world_look(&w).scores[0].accusations, 0);
    assert_int_equal(world_answer(&w, 1)->outcome, DRIVER_BUSY);
    expect_fetched(HEAD - 1);
    expect_sound(HEAD);
}

/* ---- what is still refused ---- */

static void what_the_chain_does_not_name_any_more_is_refused_in_words(void **state)
{
    (void)state;
    begin_at(HEAD, true);
    rot_block(HEAD - 1);
    rot_chain(HEAD - 1);
    assert_int_equal(world_start(&w), RC_STORE_DAMAGED);
    assert_non_null(strstr(w.why.text, "the block at height 11 cannot be read"));
    assert_non_null(strstr(w.why.text, "re-enter with a new key"));
}

#define AWAITED_TEST(test)  cmocka_unit_test_teardown(test, end_awaited)
#define AWAITED_FAILS(test) cmocka_unit_test_teardown(test, end_awaited_failed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AWAITED_TEST(a_block_above_the_flushed_state_is_fetched_and_it_goes_on),
        AWAITED_TEST(no_certified_state_is_needed),
        AWAITED_TEST(the_head_is_fetched_too_flushed_or_not),
        AWAITED_TEST(the_flushed_block_below_the_head_stops_nothing),
        AWAITED_TEST(several_of_them_come_one_after_the_other),
        AWAITED_TEST(it_is_asked_for_until_it_comes),
        AWAITED_TEST(nothing_is_signed_meanwhile_and_no_client_answered),
        AWAITED_FAILS(what_the_chain_does_not_name_any_more_is_refused_in_words),
    };
    return cmocka_run_group_tests_name("driver_awaited", tests, NULL, NULL);
}
