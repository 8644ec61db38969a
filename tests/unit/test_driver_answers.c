/* Rules 9.1, 9.2 and 16 through the driver: what questions for bodies, ranges and evidence cost
 * whoever answers them. Each block here is as large as one may be. */
#include <string.h>

#include "node/driver/driver_impl.h"

static enum rc counted_block(struct store *s, uint64_t height, struct block *out, struct why *why);
static enum rc counted_body(struct store *s, uint64_t height, const struct digest *digest,
                            struct bytes *whole, struct why *why);
#define store_get_block counted_block
#define store_get_body  counted_body
#include "node/driver/send.c"
#undef store_get_block
#undef store_get_body

#include "tests/unit/driver_rules.h"

enum { BLOCKS = 16, RUNS_MS = 5, T_S_MS = 250 };
enum { LIAR = 0, OTHER_LIAR = 2, LAGGARD = 3 };
static const struct world_block *large[BLOCKS + 1]; /* by height */
static uint64_t reads_count, reads_bytes;

static enum rc counted_block(struct store *s, uint64_t height, struct block *out, struct why *why)
{
    enum rc rc = store_get_block(s, height, out, why);
    reads_count++;
    reads_bytes += rc == RC_OK ? out->whole.size : 0;
    return rc;
}

static enum rc counted_body(struct store *s, uint64_t height, const struct digest *digest,
                            struct bytes *whole, struct why *why)
{
    enum rc rc = store_get_body(s, height, digest, whole, why);
    reads_count++;
    reads_bytes += rc == RC_OK ? whole->size : 0;
    return rc;
}

/* Time goes by, and the driver is run as often as it asks for. */
static void go_on(uint64_t ms)
{
    for (uint64_t end_ms = w.time.now_ms + ms; w.time.now_ms < end_ms;) {
        world_settle(&w);
        world_pass(&w, RUNS_MS);
    }
}

/* Nothing waits, and no work is remembered. */
static void begin_while(void)
{
    go_on(4 * DRIVER_ANSWERS_MS);
    world_settle(&w);
    world_forget(&w);
    reads_count = reads_bytes = 0;
}

static void begin_giving(void)
{
    begin(1);
    large[0] = NULL;
    for (uint64_t i = 1; i <= BLOCKS; i++) {
        large[i] = large_block(large[i - 1], i - 1);
        world_commit(&w, large[i]);
    }
    begin_while();
}

static uint32_t given_to(uint32_t link)
{
    uint32_t count = 0;
    for (size_t i = 0; i < w.outputs_count; i++) {
        const struct world_output *o = &w.outputs[i];
        count += !o->is_answer && o->type == PBFT_DATA && o->to == link;
    }
    return count;
}

static uint64_t given_bytes(void)
{
    uint64_t bytes = 0;
    for (size_t i = 0; world_message(&w, PBFT_DATA, i) != NULL; i++)
        bytes += world_message(&w, PBFT_DATA, i)->bytes.size;
    return bytes;
}

/* Sixteen questions of one peer, and room for five answers: what is refused is not read before. */
static void rule_9_1_what_a_peers_budget_refuses_is_not_read(void **state)
{
    (void)state;
    begin_giving();
    for (uint64_t height = 1; height <= BLOCKS; height++)
        world_fetch_range(&w, LIAR, height);
    go_on(T_S_MS - RUNS_MS);
    uint32_t given = given_to(LIAR);
    assert_int_equal(given, 5);
    assert_true(reads_count <= 2 * given); /* of each the next one shows that it does not fit */
    assert_int_equal(world_look(&w).answer_drops, BLOCKS - given);
}

/* The last may go beyond the budget: the next T_s pays for it. */
static void rule_9_1_what_is_given_beyond_a_budget_counts_in_the_next(void **state)
{
    (void)state;
    enum { WHILES = 8 };
    begin_giving();
    for (uint32_t i = 1; i <= WHILES; i++) {
        for (uint64_t height = 1; height <= BLOCKS; height++)
            world_fetch_range(&w, LIAR, height);
        go_on(T_S_MS);
        assert_true(given_bytes() <= i * DRIVER_ANSWER_BYTES_MAX + PBFT_MSG_BYTES_MAX);
    }
    assert_true(given_bytes() > (WHILES - 1) * DRIVER_ANSWER_BYTES_MAX);
}

/* The budgets of three peers are more than is done for all: ranges and bodies alike. */
static void rule_9_1_what_is_read_for_all_has_a_bound(void **state)
{
    (void)state;
    enum { WHILES = 4 };
    begin_giving();
    w.driver->config.answer_bytes_max = SIZE_MAX / 2;
    for (uint32_t i = 1; i <= WHILES; i++) {
        for (uint32_t ms = 0; ms < DRIVER_ANSWERS_MS; ms += RUNS_MS) {
            for (uint32_t k = 1; k <= 8; k++) {
                world_fetch_range(&w, LIAR, (ms + k) % BLOCKS + 1);
                world_fetch_range(&w, OTHER_LIAR, (ms + k) % BLOCKS + 1);
                world_fetch(&w, LAGGARD, large[(ms + k) % BLOCKS + 1]);
            }
            go_on(RUNS_MS);
        }
        assert_true(reads_bytes <= i * DRIVER_ANSWERS_BYTES_MAX + 3 * PBFT_MSG_BYTES_MAX);
        assert_true(reads_bytes >= i * DRIVER_ANSWERS_BYTES_MAX / 10 * 9);
    }
    world_settle(&w);
    assert_true(driver_deadline_ms(w.driver) > w.time.now_ms); /* it rests, and goes on */
    assert_true(driver_deadline_ms(w.driver) <= w.time.now_ms + DRIVER_ANSWERS_MS);
}

static void rule_9_1_a_run_reads_for_one_of_the_largest(void **state)
{
    (void)state;
    begin_giving();
    for (uint32_t link = 0; link < WORLD_MEMBERS; link++)
        for (uint64_t height = 1; height <= 2 && link != 1; height++)
            world_fetch_range(&w, link, height);
    for (uint32_t i = 0; i < 100; i++) {
        uint64_t before_bytes = reads_bytes;
        world_run_once(&w);
        assert_true(reads_bytes - before_bytes <= 2 * PBFT_MSG_BYTES_MAX);
        world_pass(&w, RUNS_MS);
    }
    assert_int_equal(given_to(LIAR) + given_to(OTHER_LIAR) + given_to(LAGGARD), 6);
}

/* Beyond its places a peer's own newest question is dropped, and nobody else's; the same one again
 * takes no other place. */
static void rule_16_so_many_answers_wait_for_a_peer(void **state)
{
    (void)state;
    begin_giving();
    w.driver->config.answer_bytes_max = SIZE_MAX / 2;
    w.driver->answers.worked_bytes = DRIVER_ANSWERS_BYTES_MAX; /* all is done for this while */
    w.driver->answers.from_ms = w.time.now_ms;
    for (uint32_t i = 0; i < 4; i++)
        world_fetch(&w, LAGGARD, large[BLOCKS]);
    for (uint64_t height = 1; height <= BLOCKS; height++)
        world_fetch_range(&w, LIAR, height);
    world_settle(&w);
    assert_int_equal(w.outputs_count, 0);
    assert_int_equal(world_look(&w).answer_drops, BLOCKS - DRIVER_ANSWERS_WAITING_MAX);
    go_on(4 * DRIVER_ANSWERS_MS);
    assert_int_equal(given_to(LAGGARD), 1);
    assert_int_equal(given_to(LIAR), DRIVER_ANSWERS_WAITING_MAX);
}

/* One that is behind asks for the next range when the last is there; liars ask all the time, for
 * more than is done for all. It is given as much as they are, and at once after each of them. */
static void rule_9_2_a_laggard_gets_on_while_liars_ask(void **state)
{
    (void)state;
    enum { SECONDS = 4, WHILES = SECONDS * 1000 / DRIVER_ANSWERS_MS };
    begin_giving();
    w.driver->config.answer_bytes_max = SIZE_MAX / 2;
    uint32_t given = 0;
    uint64_t height = 1;
    world_fetch_range(&w, LAGGARD, height);
    for (uint64_t ms = 0; ms < SECONDS * 1000; ms += RUNS_MS) {
        for (uint64_t i = 1; i <= 4; i++) {
            world_fetch_range(&w, LIAR, (ms + i) % BLOCKS + 1);
            world_fetch_range(&w, OTHER_LIAR, (ms + i) % BLOCKS + 1);
        }
        world_settle(&w);
        if (given_to(LAGGARD) > given) {
            given = given_to(LAGGARD);
            height = height % BLOCKS + 1;
            world_fetch_range(&w, LAGGARD, height);
        }
        world_pass(&w, RUNS_MS);
    }
    uint32_t shares = given + given_to(LIAR) + given_to(OTHER_LIAR);
    assert_true(shares >= 5 * WHILES); /* each reads two blocks of the largest size */
    assert_true(given >= shares / 3 - 2);
    assert_true(reads_bytes <= (WHILES + 1) * DRIVER_ANSWERS_BYTES_MAX);
}

/* Who asks for what costs more than others' answers has his turn the less often. */
static void rule_9_2_dear_answers_leave_as_much_to_others(void **state)
{
    (void)state;
    begin_giving();
    w.driver->config.answer_bytes_max = SIZE_MAX / 2;
    w.driver->answers.worked_bytes = DRIVER_ANSWERS_BYTES_MAX;
    w.driver->answers.from_ms = w.time.now_ms;
    for (uint64_t height = 1; height <= 4; height++) {
        world_fetch_range(&w, LIAR, height);
        world_fetch(&w, LAGGARD, large[BLOCKS + 1 - height]);
    }
    world_settle(&w);
    w.driver->answers.askers[LIAR].debt_bytes = 3 * PBFT_MSG_BYTES_MAX; /* of one before */
    w.driver->answers.next_link = LIAR;
    while (given_to(LIAR) == 0)
        go_on(RUNS_MS);
    assert_int_equal(given_to(LAGGARD), 3);
    go_on(4 * DRIVER_ANSWERS_MS);
    assert_int_equal(given_to(LAGGARD), 4);
    assert_int_equal(given_to(LIAR), 4);
}

/* ---- PRE-PREPAREs of mine ---- */

/* 4.2, 13: a body that waits for its turn goes without my PRE-PREPARE once this key votes no more.
 */
static void rule_4_2_what_waits_for_its_turn_is_withdrawn(void **state)
{
    (void)state;
    struct pbft_msg *m = mem_alloc(sizeof *m);
    begin(0);
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *other = world_block(&w, NULL, &tx, 1);
    world_submit(&w, 1, world_record(&w, 1, 1));
    world_settle(&w);
    world_pass(&w, 6);
    world_settle(&w);
    const struct world_output *o = world_message(&w, PBFT_PRE_PREPARE, 0);
    assert_non_null(o);
    struct world_block mine = {.name = {.height = o->height, .digest = o->digest}};
    w.driver->answers.worked_bytes = DRIVER_ANSWERS_BYTES_MAX;
    w.driver->answers.from_ms = w.time.now_ms;
    world_fetch(&w, 2, &mine);
    world_settle(&w);
    world_make_vote(&w, w.own_index, CERT_PREPARE, other);
    assert_true(world_give(&w, 2));
    world_settle(&w);
    assert_true(world_look(&w).core.is_learner);
    world_forget(&w);
    go_on(DRIVER_ANSWERS_MS);
    assert_non_null(world_message(&w, PBFT_DATA, 0));
    assert_true(world_decode(m, world_message(&w, PBFT_DATA, 0)));
    assert_false(m->data.has_pre_prepare);
    mem_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(rule_9_1_what_a_peers_budget_refuses_is_not_read),
        DRIVER_TEST(rule_9_1_what_is_given_beyond_a_budget_counts_in_the_next),
        DRIVER_TEST(rule_9_1_what_is_read_for_all_has_a_bound),
        DRIVER_TEST(rule_9_1_a_run_reads_for_one_of_the_largest),
        DRIVER_TEST(rule_16_so_many_answers_wait_for_a_peer),
        DRIVER_TEST(rule_9_2_a_laggard_gets_on_while_liars_ask),
        DRIVER_TEST(rule_9_2_dear_answers_leave_as_much_to_others),
        DRIVER_TEST(rule_4_2_what_waits_for_its_turn_is_withdrawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
