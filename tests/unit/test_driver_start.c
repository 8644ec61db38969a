/* PROTOCOL.md 4.1 and 4.2 through the driver: where a start stands, whatever stopped the machine,
 * and what it refuses to stand on. */
#include <string.h>

#include "tests/unit/driver_rules.h"

static void a_start_says_nothing_before_it_is_counted(void **state)
{
    (void)state;
    begin_stored(1, NULL);
    assert_int_equal(world_start(&w), RC_OK);
    assert_int_equal(driver_deadline_ms(w.driver), 0);
    world_run(&w);
    assert_true(w.is_submitted);
    assert_int_equal(w.outputs_count, 0);
    world_land(&w);
    assert_int_equal(world_sent(&w, PBFT_STATUS, NULL), WORLD_OTHERS);
    assert_int_equal(w.counter, (UINT64_C(1) << 32) + 1);
}

static void each_start_counts_on_also_after_a_lost_one(void **state)
{
    (void)state;
    begin(1);
    for (int i = 0; i < 4; i++) {
        uint64_t before = w.counter;
        world_pass(&w, 300);
        world_settle(&w);
        assert_true(w.counter > before); /* one by time */
        before = w.counter;
        world_crash(&w, false);
        assert_int_equal(world_start(&w), RC_OK);
        world_run(&w);
        world_crash(&w, i % 2 == 0); /* what it would have said was not said */
        world_begin(&w);
        assert_true(w.counter > before);
    }
}

/* What left before the crash, in its order; then STATUS: rule 4.1. */
static void sends_again(const struct world_output *before, size_t count)
{
    assert_int_equal(w.outputs_count, count + WORLD_OTHERS);
    for (size_t i = 0; i < count; i++) {
        size_t found = 0;
        for (size_t k = 0; k < count; k++)
            found += w.outputs[k].to == before[i].to &&
                     bytes_equal(buf_bytes(&w.outputs[k].bytes), buf_bytes(&before[i].bytes));
        assert_int_equal(found, 1);
    }
    for (size_t i = 0; i < WORLD_OTHERS; i++)
        assert_int_equal(w.outputs[count + i].type, PBFT_STATUS);
}

/* Take what left out of the world; the test frees. */
static struct world_output *take_outputs(size_t *count)
{
    struct world_output *taken = w.outputs;
    *count = w.outputs_count;
    w.outputs = NULL;
    w.outputs_count = w.outputs_room = 0;
    return taken;
}

static void free_outputs(struct world_output *outputs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_free(&outputs[i].bytes);
    mem_free(outputs);
}

static void restart_sends_the_same(void)
{
    size_t count;
    struct world_output *before = take_outputs(&count);
    world_crash(&w, false);
    assert_int_equal(world_start(&w), RC_OK);
    world_settle(&w);
    sends_again(before, count);
    free_outputs(before, count);
}

static void a_backup_sends_its_votes_again_as_they_were(void **state)
{
    (void)state;
    begin(1);
    world_commit(&w, b[1]);
    world_forget(&w);
    world_propose(&w, b[2]);
    world_propose(&w, b[3]);
    world_settle(&w);
    world_votes(&w, CERT_PREPARE, b[2]);
    world_settle(&w);
    assert_int_equal(w.outputs_count, 3 * WORLD_OTHERS); /* two PREPAREs and a COMMIT */
    restart_sends_the_same();
    struct driver_look look = world_look(&w);
    assert_int_equal(look.core.committed.height, 1);
    assert_true(digest_equal(&look.core.tip.digest, &b[3]->name.digest));
    assert_int_equal(look.core.high.height, 2);
    assert_int_equal(look.blocks_count, 2);
}

static void a_primary_sends_its_proposals_again_as_they_were(void **state)
{
    (void)state;
    begin(0);
    for (uint64_t i = 1; i <= 3; i++) {
        world_submit(&w, i, world_record(&w, 0, i));
        world_settle(&w);
        world_pass(&w, 6); /* T_batch */
        world_settle(&w);
    }
    assert_int_equal(w.outputs_count, 6 * WORLD_OTHERS);
    restart_sends_the_same();
}

/* It votes on from there, on layers that it makes anew. */
static void after_a_start_it_goes_on_with_what_it_voted_for(void **state)
{
    (void)state;
    begin(1);
    world_propose(&w, b[1]);
    world_propose(&w, b[2]);
    world_settle(&w);
    world_crash(&w, false);
    world_begin(&w);
    world_propose(&w, b[3]);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, b[3]), WORLD_OTHERS);
    world_qc(&w, 2, CERT_COMMIT, b[3]);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 3);
    world_crash(&w, false);
    world_begin(&w);
    world_commit(&w, b[4]);
}

/* Before submit: decided in a turn that fills while another is under way. */
static void what_was_not_submitted_never_was(void **state)
{
    (void)state;
    for (int lands = 0; lands < 2; lands++) {
        begin(1);
        world_propose(&w, b[1]);
        world_run(&w);
        world_propose(&w, b[2]);
        world_run(&w);
        world_crash(&w, lands != 0);
        assert_int_equal(world_start(&w), RC_OK);
        struct driver_look look = world_look(&w);
        assert_int_equal(look.core.tip.height, lands);
        assert_int_equal(look.blocks_count, lands);
        world_settle(&w);
        assert_int_equal(world_sent(&w, PBFT_PREPARE, b[1]), lands ? WORLD_OTHERS : 0);
        assert_int_equal(world_sent(&w, PBFT_PREPARE, b[2]), 0);
        assert_int_equal(end(NULL), 0);
    }
    begin(1);
}

/* A vote that was lost with the machine left no trace: another block may have it. */
static void a_lost_vote_binds_nobody(void **state)
{
    (void)state;
    begin(1);
    world_propose(&w, b[1]);
    world_run(&w);
    world_crash(&w, false);
    world_begin(&w);
    const struct world_tx *tx = world_record(&w, 2, 1);
    const struct world_block *other = world_block(&w, NULL, &tx, 1);
    world_commit(&w, other);
}

/* One that landed binds, though nobody saw it. */
static void a_landed_vote_binds_though_nobody_saw_it(void **state)
{
    (void)state;
    begin(1);
    world_propose(&w, b[1]);
    world_run(&w);
    world_crash(&w, true);
    assert_int_equal(world_start(&w), RC_OK);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, b[1]), WORLD_OTHERS);
    const struct world_tx *tx = world_record(&w, 2, 1);
    const struct world_block *other = world_block(&w, NULL, &tx, 1);
    world_propose(&w, other);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, other), 0);
}

/* ---- a machine that stops anywhere ---- */

enum { STEPS = 9 };

static void play(int step)
{
    switch (step) {
    case 0:
        world_propose(&w, b[1]);
        break;
    case 1:
        world_propose(&w, b[2]);
        break;
    case 2:
        world_votes(&w, CERT_PREPARE, b[1]);
        break;
    case 3:
        world_qc(&w, 0, CERT_PREPARE, b[2]);
        break;
    case 4:
        world_votes(&w, CERT_COMMIT, b[1]);
        break;
    case 5:
        world_propose(&w, b[3]);
        break;
    case 6:
        world_qc(&w, 3, CERT_COMMIT, b[2]);
        break;
    case 7:
        world_propose(&w, b[4]);
        break;
    default:
        world_qc(&w, 3, CERT_COMMIT, b[4]);
        break;
    }
}

/* One batch for each step; the crash takes the last of them. The world holds all that leaves in
 * both lives against each other: one vote per place, the same bytes. */
static void stop_at(int last, bool lands)
{
    begin(1);
    for (int step = 0; step <= last; step++) {
        play(step);
        world_run(&w);
        assert_true(w.is_submitted);
        if (step < last)
            world_land(&w);
    }
    uint64_t counter = w.counter;
    struct driver_look before = world_look(&w);
    world_crash(&w, lands);
    assert_int_equal(world_start(&w), RC_OK);
    struct driver_look after = world_look(&w);
    if (lands) { /* all that it decided */
        assert_memory_equal(&after.core.tip.digest, &before.core.tip.digest, DIGEST_BYTES);
        assert_int_equal(after.core.committed.height, before.core.committed.height);
        assert_memory_equal(&after.core.high, &before.core.high, sizeof after.core.high);
        assert_int_equal(after.blocks_count, before.blocks_count);
    } else { /* all that was durable */
        assert_int_equal(after.core.committed.height, before.durable_height);
    }
    assert_int_equal(after.durable_height, after.core.committed.height);
    world_settle(&w);
    assert_true(w.counter > counter);
    for (int step = 0; step < STEPS; step++) {
        play(step);
        world_settle(&w);
    }
    assert_int_equal(world_look(&w).durable_height, 4);
    assert_int_equal(end(NULL), 0);
}

static void a_machine_may_stop_at_any_batch(void **state)
{
    (void)state;
    for (int last = 0; last < STEPS; last++) {
        stop_at(last, false);
        stop_at(last, true);
    }
    begin(1);
}

/* ---- damage ---- */

/* Down, with a tip of two blocks, votes and high on the disk. */
static void begin_damaged(uint32_t own_index)
{
    begin(own_index);
    if (own_index == 0) {
        world_submit(&w, 1, world_record(&w, 0, 1));
        world_settle(&w);
    } else {
        world_propose(&w, b[1]);
        world_propose(&w, b[2]);
        world_settle(&w);
        world_votes(&w, CERT_PREPARE, b[1]);
        world_settle(&w);
    }
    world_crash(&w, false);
}

static void refuses(const char *words)
{
    assert_int_equal(world_start(&w), RC_STORE_DAMAGED);
    if (strstr(w.why.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", w.why.text, words);
}

static void refuses_without_its_end(const char *name, uint64_t height, enum cert_kind kind)
{
    struct buf key = {0}, value = {0};
    world_record_key(&key, name, height, kind);
    assert_true(world_read(&w, KV_VOTE, buf_bytes(&key), &value));
    struct bytes whole = buf_bytes(&value), cut = bytes_of(value.data, value.size - 1);
    world_write(&w, KV_VOTE, buf_bytes(&key), &cut);
    refuses(name);
    world_write(&w, KV_VOTE, buf_bytes(&key), &whole);
    buf_free(&key);
    buf_free(&value);
}

static void a_damaged_record_is_refused(void **state)
{
    (void)state;
    begin_damaged(1);
    refuses_without_its_end("state", 0, 0);
    refuses_without_its_end("high", 0, 0);
    refuses_without_its_end("starts", 0, 0);
    refuses_without_its_end("vote", 1, CERT_PREPARE);
    refuses_without_its_end("vote", 2, CERT_PREPARE);
    refuses_without_its_end("vote", 1, CERT_COMMIT);
    assert_int_equal(world_start(&w), RC_OK);
    world_settle(&w);
    end(NULL);
    begin_damaged(0);
    refuses_without_its_end("proposal", 1, 0);
    assert_int_equal(world_start(&w), RC_OK);
}

/* Its form is right; whose votes it carries only the member table tells. */
static void a_high_that_no_quorum_signed_is_refused(void **state)
{
    (void)state;
    struct buf value = {0};
    begin_damaged(1);
    assert_true(world_read(&w, KV_VOTE, bytes_of_text("high"), &value));
    struct bytes whole = buf_bytes(&value);
    value.data[value.size - 1] ^= 1;
    world_write(&w, KV_VOTE, bytes_of_text("high"), &whole);
    refuses("high");
    value.data[value.size - 1] ^= 1;
    world_write(&w, KV_VOTE, bytes_of_text("high"), &whole);
    assert_int_equal(world_start(&w), RC_OK);
    buf_free(&value);
}

/* 5.6: what the head stands on is on the disk, and judged in the same way. */
static void a_certificate_above_the_head_is_restored_if_a_quorum_signed_it(void **state)
{
    (void)state;
    struct buf value = {0};
    begin(1);
    world_range(&w, 2, &b[1], 2, 3);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 2);
    world_qc(&w, 2, CERT_PREPARE, b[7]); /* so that it is not high */
    world_settle(&w);
    world_crash(&w, false);
    assert_true(world_read(&w, KV_VOTE, bytes_of_text("cover"), &value));
    struct bytes whole = buf_bytes(&value);
    value.data[value.size - 1] ^= 1;
    world_write(&w, KV_VOTE, bytes_of_text("cover"), &whole);
    refuses("cover");
    value.data[value.size - 1] ^= 1;
    world_write(&w, KV_VOTE, bytes_of_text("cover"), &whole);
    world_begin(&w);
    assert_int_equal(world_look(&w).core.certified_height, 5);
    for (int h = 3; h <= 5; h++)
        world_propose(&w, b[h]);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 5);
    buf_free(&value);
}

static void a_voted_body_that_is_missing_is_refused(void **state)
{
    (void)state;
    struct buf key = {0};
    begin_damaged(1);
    for (int i = 1; i <= 2; i++) {
        struct bytes whole = buf_bytes(&b[i]->bytes);
        world_block_key(&key, b[i]->name.height, &b[i]->name.digest);
        world_write(&w, KV_BLOCK, buf_bytes(&key), NULL);
        refuses("voted for");
        world_write(&w, KV_BLOCK, buf_bytes(&key), &whole);
    }
    buf_free(&key);
    assert_int_equal(world_start(&w), RC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(a_start_says_nothing_before_it_is_counted),
        DRIVER_TEST(each_start_counts_on_also_after_a_lost_one),
        DRIVER_TEST(a_backup_sends_its_votes_again_as_they_were),
        DRIVER_TEST(a_primary_sends_its_proposals_again_as_they_were),
        DRIVER_TEST(after_a_start_it_goes_on_with_what_it_voted_for),
        DRIVER_TEST(what_was_not_submitted_never_was),
        DRIVER_TEST(a_lost_vote_binds_nobody),
        DRIVER_TEST(a_landed_vote_binds_though_nobody_saw_it),
        DRIVER_TEST(a_machine_may_stop_at_any_batch),
        DRIVER_TEST(a_damaged_record_is_refused),
        DRIVER_TEST(a_high_that_no_quorum_signed_is_refused),
        DRIVER_TEST(a_certificate_above_the_head_is_restored_if_a_quorum_signed_it),
        DRIVER_TEST(a_voted_body_that_is_missing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
