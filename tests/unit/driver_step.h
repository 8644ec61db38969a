/* The driver with a step that is watched, for what the core does not say by itself: turn.c is
 * compiled into the test, which notes the events of each step and adds acts of its own to what the
 * core says. */
#ifndef TESTS_UNIT_DRIVER_STEP_H
#define TESTS_UNIT_DRIVER_STEP_H

#include "node/driver/driver_impl.h"

static void watched_step(struct pbft *p, const struct pbft_event *event,
                         struct pbft_output *output);
#define pbft_step watched_step
#include "node/driver/turn.c"
#undef pbft_step

#include "tests/unit/driver_rules.h"

enum { ROOTS_MAX = 64, ACTS_MAX = 4096, EVENTS_MAX = 4 };

static struct pbft_root roots[ROOTS_MAX]; /* that the core was told */
static size_t roots_count;
static enum pbft_event_type first_events[EVENTS_MAX];
static size_t events_count;
static struct pbft_act own_act;
static bool has_own_act;
static struct pbft_act all_acts[ACTS_MAX];

static void watched_step(struct pbft *p, const struct pbft_event *event, struct pbft_output *output)
{
    if (events_count < EVENTS_MAX)
        first_events[events_count] = event->type;
    events_count++;
    if (event->type == PBFT_EVENT_ROOT) {
        assert_in_range(roots_count, 0, ROOTS_MAX - 1);
        roots[roots_count++] = event->root;
    }
    pbft_step(p, event, output);
    if (!has_own_act)
        return;
    has_own_act = false;
    memcpy(all_acts, output->acts, output->acts_count * sizeof *all_acts);
    all_acts[output->acts_count] = own_act;
    output->acts = all_acts;
    output->acts_count++;
}

/* The core decides this, and whatever is due. */
static inline void say(const struct pbft_act *act)
{
    struct pbft_event tick = {.type = PBFT_EVENT_TICK, .now_ms = w.time.now_ms};
    own_act = *act;
    has_own_act = true;
    driver_step(w.driver, &tick);
    assert_false(has_own_act);
}

static inline void ask_root(uint64_t height)
{
    say(&(struct pbft_act){.type = PBFT_ASK_ROOT, .height = height});
}

static inline void forget_events(void)
{
    roots_count = events_count = 0;
}

#define CLOSE_CHECKPOINTS                                                                          \
    "{\"pipeline_heights\": 2, \"checkpoint_every_heights\": 4, \"window_heights\": 8}"

/* Committed up to here and at rest, with all that is due flushed. */
static inline void begin_at(uint64_t height)
{
    forget_events();
    begin_with(1, CLOSE_CHECKPOINTS);
    for (uint64_t i = 1; i <= height; i++)
        world_commit(&w, b[i]);
    world_forget(&w);
}

/* As many blocks, in one message; their batch is under way, and a flush by the helper. */
static inline void commit_range(uint64_t from, uint32_t count)
{
    world_range(&w, 2, &b[from], count, 0);
    world_run(&w);
    assert_true(w.is_submitted);
}

static inline void expect_root(size_t nth, uint64_t height)
{
    struct digest root;
    assert_in_range(nth, 0, roots_count - 1);
    assert_int_equal(roots[nth].height, height);
    assert_true(digest_equal(&roots[nth].digest, &b[height]->block.digest));
    assert_int_equal(store_get_root(w.store, height, &root, NULL), RC_OK);
    assert_true(digest_equal(&roots[nth].root, &root));
    assert_false(digest_is_zero(&root));
}

#endif
