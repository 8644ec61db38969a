/* PROTOCOL.md 9.2 to 9.4 through the driver, over lines where every answer takes longer than T_s:
 * that is the time after which another peer is asked, and what this one brings is taken still. */
#include "tests/unit/others_rules.h"

enum { CHAIN = 60, LONG_CHAIN = 200, SNAPSHOT = 56, OWN = 5, STEP_MS = 10, HELD_MAX = 4096 };

/* Answers on their way. */
static struct {
    uint32_t link, blocks_count;
    uint64_t from, due_ms;
} held[HELD_MAX];
static size_t held_first, held_count;
static uint64_t late_ms, told_ms;
/* The first so many peers send but the first block of a range, in so many of all answers. */
static uint64_t liars_count, lie_until;

static void begin_behind(uint64_t snapshot_behind_heights, uint64_t answer_ms)
{
    held_first = held_count = 0;
    told_ms = 0;
    late_ms = answer_ms;
    liars_count = lie_until = 0;
    world_open(&w, 3, NULL);
    w.snapshot_behind_heights = snapshot_behind_heights;
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, CHAIN);
    others_commit_to(&p, OWN);
    world_forget(&w);
}

/* Questions for ranges are put off; whatever else was asked for is answered at once. */
static void hold_questions(void)
{
    static struct pbft_msg m;
    for (size_t i = 0; i < w.outputs_count; i++) {
        const struct world_output *o = &w.outputs[i];
        if (o->is_answer || o->type != PBFT_FETCH)
            continue;
        assert_true(world_decode(&m, o));
        if (m.fetch.kind != PBFT_FETCH_RANGE || m.fetch.from_height > p.count)
            continue;
        uint64_t most = p.count - m.fetch.from_height + 1;
        assert_in_range(held_count, 0, HELD_MAX - 1);
        held[held_count].link = o->to;
        held[held_count].from = m.fetch.from_height;
        held[held_count].blocks_count =
            m.fetch.blocks_max < most ? m.fetch.blocks_max : (uint32_t)most;
        held[held_count++].due_ms = w.time.now_ms + late_ms;
    }
    p.withholds_ranges = true;
    (void)others_give(&p);
    p.withholds_ranges = false;
}

static void give_what_is_due(void)
{
    for (; held_first < held_count && held[held_first].due_ms <= w.time.now_ms; held_first++) {
        uint32_t link = held[held_first].link;
        bool is_short = link < liars_count && held_first < lie_until;
        uint32_t count = is_short ? 1 : held[held_first].blocks_count;
        world_range(&w, link, &p.blocks[held[held_first].from], count, 0);
    }
}

/* What they say by themselves, without blocks. */
static void tell(void)
{
    if (w.time.now_ms < told_ms)
        return;
    told_ms = w.time.now_ms + w.chain.genesis.parameters.status_ms;
    world_qc(&w, 1, CERT_COMMIT, p.blocks[p.count]);
    for (uint32_t i = 0; i < WORLD_OTHERS; i++)
        world_status(&w, i, p.count);
    others_certify(&p, 0);
}

static void step(void)
{
    tell();
    world_settle(&w);
    hold_questions();
    give_what_is_due();
    world_settle(&w);
    hold_questions();
    world_pass(&w, STEP_MS);
}

/* ---- a state ---- */

static void join(uint64_t answer_ms, uint64_t grow_every_ms)
{
    uint64_t target = 0;
    begin_behind(16, answer_ms);
    for (uint64_t ms = 0; driver_failure(w.driver, NULL) == RC_OK; ms += STEP_MS) {
        assert_true(ms < 4 * answer_ms + 2000);
        if (grow_every_ms > 0 && ms % grow_every_ms == 0)
            others_grow(&p, 8);
        step();
        struct driver_look look = world_look(&w);
        if (target == 0 && look.is_taking_snapshot)
            target = look.snapshot.height;
    }
    assert_int_equal(driver_failure(w.driver, NULL), RC_REOPEN);
    others_reopen(&p);
    assert_int_equal(store_head(w.store)->height, target); /* none was given up */
}

static void the_header_of_a_snapshot_may_come_late(void **state)
{
    static const uint64_t latencies_ms[] = {100, 300, 600, 2000};
    for (int i = 0; i < 4; i++) {
        join(latencies_ms[i], 0);
        if (i < 3)
            assert_int_equal(end_others(state), 0);
    }
}

static void it_may_while_the_chain_grows(void **state)
{
    (void)state;
    join(600, 2000);
}

/* The header takes longer than 16 questions to each, counted from the first, and a newer checkpoint
 * is certified: the pieces that came meanwhile are not thrown away for it. */
static void pieces_that_came_are_not_given_up_for_the_header(void **state)
{
    (void)state;
    uint64_t whole_ms = 0;
    begin_behind(16, 14000);
    p.piece_bytes_max = 0;
    p.manners[1] = p.manners[2] = PEER_SILENT;
    for (uint64_t ms = 0; driver_failure(w.driver, NULL) == RC_OK; ms += 250) {
        assert_true(ms < 60000);
        if (ms == 1000)
            others_grow(&p, 8);
        step();
        world_pass(&w, 250 - STEP_MS);
        if (whole_ms == 0 && world_look(&w).snapshot.done_per_mille == 1000)
            whole_ms = ms;
    }
    assert_in_range(whole_ms, 2500, 12000);
    others_reopen(&p);
    assert_int_equal(store_head(w.store)->height, SNAPSHOT);
}

/* ---- history ---- */

static void begin_joined_at(uint32_t height, uint64_t answer_ms)
{
    begin_behind(16, 0);
    others_grow(&p, height - CHAIN);
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    others_reopen(&p);
    others_commit_to(&p, height);
    assert_in_range(store_history_from_height(w.store), SNAPSHOT + 1, height + 1);
    late_ms = answer_ms;
}

static void begin_joined(uint64_t answer_ms)
{
    begin_joined_at(CHAIN, answer_ms);
}

/* Returns how many questions it took. */
static size_t fill(uint64_t limit_ms)
{
    size_t before = held_count;
    for (uint64_t ms = 0; store_history_from_height(w.store) > 1; ms += STEP_MS) {
        assert_true(ms < limit_ms);
        step();
    }
    return held_count - before;
}

static void history_is_filled_however_late_answers_are(void **state)
{
    static const uint64_t latencies_ms[] = {300, 600, 1000, 4000};
    for (int i = 0; i < 4; i++) {
        begin_joined(latencies_ms[i]);
        (void)fill(6 * latencies_ms[i]);
        if (i < 3)
            assert_int_equal(end_others(state), 0);
    }
}

/* ---- short ranges ---- */

/* He costs his own answers. */
static void one_that_sends_short_ranges_shortens_no_others(void **state)
{
    (void)state;
    begin_joined(0);
    lie_until = UINT64_MAX;
    liars_count = 1;
    assert_in_range(fill(60000), 4, 6); /* four ranges of 16, and every third answer is his */
}

/* As where blocks are large for a while: from then on history comes in long ranges again. */
static void ranges_grow_again(void **state)
{
    (void)state;
    begin_joined_at(LONG_CHAIN, 0);
    liars_count = 3;
    lie_until = 20;
    size_t asked = fill(60000);
    assert_in_range(asked, 40, 100); /* one for each block were some 180 */
}

/* ---- blocks ---- */

static void blocks_are_caught_up_with_however_late_answers_are(void **state)
{
    static const uint64_t latencies_ms[] = {300, 600, 2000};
    for (int i = 0; i < 3; i++) {
        begin_behind(1000, latencies_ms[i]);
        world_range(&w, 1, &p.blocks[OWN + 1], 1, 0); /* with which it begins */
        for (uint64_t ms = 0; store_head(w.store)->height < CHAIN; ms += STEP_MS) {
            assert_true(ms < 8 * latencies_ms[i]);
            step();
        }
        if (i < 2)
            assert_int_equal(end_others(state), 0);
    }
}

/* A block that is damaged here. */
static void a_repair_may_come_late(void **state)
{
    (void)state;
    struct buf key = {0};
    begin_behind(1000, 0);
    others_commit_to(&p, CHAIN);
    world_crash(&w, true);
    world_rot(&w, KV_BLOCK, world_block_key(&key, OWN, &p.blocks[OWN]->name.digest));
    world_begin(&w);
    late_ms = 600;
    tell();
    world_fetch_range(&w, 1, OWN); /* so it is met */
    for (uint64_t ms = 0; world_look(&w).repaired_count == 0; ms += STEP_MS) {
        assert_true(ms < 2 * late_ms);
        step();
    }
    w.is_rotten = false;
    buf_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OTHERS_TEST(the_header_of_a_snapshot_may_come_late),
        OTHERS_TEST(it_may_while_the_chain_grows),
        OTHERS_TEST(pieces_that_came_are_not_given_up_for_the_header),
        OTHERS_TEST(history_is_filled_however_late_answers_are),
        OTHERS_TEST(one_that_sends_short_ranges_shortens_no_others),
        OTHERS_TEST(ranges_grow_again),
        OTHERS_TEST(blocks_are_caught_up_with_however_late_answers_are),
        OTHERS_TEST(a_repair_may_come_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
