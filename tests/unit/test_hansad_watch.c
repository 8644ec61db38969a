/* What a node says by itself of peers that misbehave, of readers that died, and of its pace. */
#include "tests/help/unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "node/hansad/node_impl.h"
#include "tests/help/dead_reader.h"
#include "tests/help/scratch.h"

enum { TEXT_BYTES = 8192 };

static struct home home;
static struct log test_log;
static struct node node;
static int read_fd;

static int setup(void **state)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    read_fd = fds[0];
    memset(&home, 0, sizeof home);
    memset(&node, 0, sizeof node);
    home.genesis.members_count = 4;
    static const char *const names[] = {"alpha", "beta", "gamma", "delta"};
    for (int i = 0; i < 4; i++)
        strcpy(home.genesis.members[i].name, names[i]);
    test_log.fd = fds[1];
    test_log.level = LOG_INFO;
    node.home = &home;
    node.log = &test_log;
    node.time.now_ms = 1000;
    return scratch_setup(state);
}

static int teardown(void **state)
{
    close(read_fd);
    close(test_log.fd);
    return scratch_teardown(state);
}

/* All that was said since the last call. */
static const char *said(void)
{
    static char text[TEXT_BYTES];
    ssize_t size = read(read_fd, text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static void assert_said(const char *text, const char *words)
{
    if (strstr(text, words) == NULL)
        fail_msg("no \"%s\" in: %s", words, text);
}

/* ---- messages that no correct member sends ---- */

static void bad_signatures_are_said_with_their_count(void **state)
{
    (void)state;
    struct driver_look look = {.durable_height = 1};
    node_say_refused(&node, &look);
    assert_string_equal(said(), "");
    look.verify_drops[VERIFY_DROP_BAD_SIGNATURE] = 3;
    node_say_refused(&node, &look);
    const char *text = said();
    assert_said(text, "level=warn event=refused bad_signature=3 words=");
    assert_null(strstr(text, "malformed="));
    node_say_refused(&node, &look);
    assert_string_equal(said(), "");
}

static void a_flood_of_them_is_a_line_now_and_then(void **state)
{
    (void)state;
    struct driver_look look = {.durable_height = 1};
    for (int i = 1; i <= 5; i++) {
        look.verify_drops[VERIFY_DROP_BAD_BODY] = (uint64_t)i;
        node_say_refused(&node, &look);
    }
    assert_said(said(), "bad_body=1 words=");
    node.time.now_ms += NODE_PROGRESS_MS - 1;
    node_say_refused(&node, &look);
    assert_string_equal(said(), "");
    node.time.now_ms++;
    node_say_refused(&node, &look);
    assert_said(said(), "bad_body=4 words=");
}

/* Correct replicas send such, too (verify.h). */
static void messages_of_another_epoch_are_no_news(void **state)
{
    (void)state;
    struct driver_look look = {.durable_height = 1};
    look.verify_drops[VERIFY_DROP_OTHER_EPOCH] = 7;
    node_say_refused(&node, &look);
    assert_string_equal(said(), "");
}

/* ---- evidence ---- */

static void evidence_is_said_once_with_the_offenders_name(void **state)
{
    (void)state;
    struct driver_look look = {.durable_height = 1};
    home.genesis.members_count = 4;
    home.own_index = 1;
    strcpy(home.genesis.members[1].name, "beta");
    strcpy(home.genesis.members[3].name, "delta");
    node_say_evidence(&node, &look);
    assert_string_equal(said(), "");
    look.scores[3].evidence = PBFT_EVIDENCE_BIT(PBFT_TWO_COMMITS);
    node_say_evidence(&node, &look);
    const char *text = said();
    assert_said(text, "level=warn event=evidence offender=delta kind=two-commits what=");
    assert_said(text, "hansa evidence get");
    assert_null(strstr(text, "cut="));
    node_say_evidence(&node, &look);
    assert_string_equal(said(), "");
    look.scores[3].evidence |= PBFT_EVIDENCE_BIT(PBFT_BAD_BODY);
    look.scores[1].evidence = PBFT_EVIDENCE_BIT(PBFT_TWO_PREPARES);
    node_say_evidence(&node, &look);
    text = said();
    assert_said(text, "offender=delta kind=bad-body");
    assert_said(text, "offender=beta kind=two-prepares");
    assert_said(text, "own key was used elsewhere");
    assert_null(strstr(text, "two-commits"));
}

/* ---- damage ---- */

static void damage_is_said_with_what_and_what_to_do(void **state)
{
    (void)state;
    struct driver_look look = {.durable_height = 9};
    node_say_damaged(&node, &look);
    assert_string_equal(said(), "");
    look.damaged_count = 2;
    assert_int_equal(
        why_set(&look.damaged_why, RC_STORE_DAMAGED, "the block at height 5 is damaged"),
        RC_STORE_DAMAGED);
    node_say_damaged(&node, &look);
    const char *text = said();
    assert_said(text,
                "level=error event=damaged reads=2 what=\"the block at height 5 is damaged\"");
    assert_said(text, "hansa audit");
    assert_said(text, "never start an older copy");
    assert_null(strstr(text, "cut="));
    look.damaged_count = 3; /* asked for again and again */
    node_say_damaged(&node, &look);
    assert_string_equal(said(), "");
    node.time.now_ms += NODE_PROGRESS_MS;
    node_say_damaged(&node, &look);
    assert_said(said(), "event=damaged reads=1 what=");
    node.time.now_ms += NODE_PROGRESS_MS;
    node_say_damaged(&node, &look);
    assert_string_equal(said(), "");
}

/* ---- whether it votes ---- */

static void a_diverged_state_is_said_once_and_loudly(void **state)
{
    (void)state;
    struct driver_look look = {.durable_height = 9};
    node_say_changes(&node, &look);
    assert_string_equal(said(), "");
    look.is_diverged = true;
    node_say_changes(&node, &look);
    const char *text = said();
    assert_said(text, "level=error event=diverged words=");
    assert_said(text, "put that state aside");
    node_say_changes(&node, &look);
    assert_string_equal(said(), "");
}

static void the_two_roots_are_said_by_who_finds_them_to_differ(void **state)
{
    (void)state;
    struct driver_look look = {
        .is_diverged = true,
        .divergence = {.height = 16, .root = {{0xaa}}, .certified_root = {{0xcc}}}};
    node_say_changes(&node, &look);
    const char *text = said();
    assert_said(text, "event=diverged height=16 root=aa00");
    assert_said(text, " certified_root=cc00");
}

/* 4.2: with how this member comes back. */
static void a_key_that_never_votes_again_is_said_once_with_what_to_do(void **state)
{
    (void)state;
    struct driver_look look = {.durable_height = 9, .core = {.is_learner = true}};
    node_say_changes(&node, &look);
    const char *text = said();
    assert_said(text, "level=error event=learner words=");
    assert_said(text, "a new key");
    node_say_changes(&node, &look);
    assert_string_equal(said(), "");
}

/* 7.5, 13. */
static void the_safety_alarm_is_said_once_and_loudly(void **state)
{
    (void)state;
    struct driver_look look = {.durable_height = 9, .core = {.is_alarmed = true}};
    node_say_changes(&node, &look);
    const char *text = said();
    assert_said(text, "level=error event=safety_alarm words=");
    assert_said(text, "stays readable");
    node_say_changes(&node, &look);
    assert_string_equal(said(), "");
}

/* ---- what is counted goes on when one driver takes another's place ---- */

static void counts_do_not_fall_when_a_driver_is_made_anew(void **state)
{
    (void)state;
    struct driver_look look = {
        .inbox_drops = 1, .output_drops = 2, .answer_drops = 3, .damaged_count = 4};
    look.verify_drops[VERIFY_DROP_BAD_SIGNATURE] = 3;
    look.core_drops[PBFT_DROP_STALE] = 5;
    look.scores[2] = (struct driver_score){.bad_signatures = 3, .conflicts = 1, .evidence = 1};
    look.views = (struct driver_views){.left_count = 2,
                                       .left_view = 6,
                                       .left_ms = 500,
                                       .left_for = PBFT_REASON_STALLED,
                                       .installed_count = 1,
                                       .installed_ms = 600};
    look.views.complaints[PBFT_REASON_STALLED] = 2;
    node_say_views(&node, &look);
    node_say_refused(&node, &look);
    node_say_damaged(&node, &look);
    (void)said();
    node.before = look;
    struct driver_look next = {.durable_height = 7};
    node_count_on(&next, &node.before);
    assert_int_equal(next.durable_height, 7);
    assert_int_equal(next.inbox_drops + next.output_drops + next.answer_drops, 6);
    assert_int_equal(next.core_drops[PBFT_DROP_STALE], 5);
    assert_int_equal(next.verify_drops[VERIFY_DROP_BAD_SIGNATURE], 3);
    assert_int_equal(next.scores[2].bad_signatures, 3);
    assert_int_equal(next.scores[2].conflicts, 1);
    assert_int_equal(next.scores[2].evidence, 0); /* that is on the disk, not counted */
    assert_int_equal(next.views.left_view, 6);
    node.time.now_ms += NODE_PROGRESS_MS;
    node_say_views(&node, &next);
    node_say_refused(&node, &next);
    node_say_damaged(&node, &next);
    assert_string_equal(said(), ""); /* none of it is news */

    next = (struct driver_look){.views = {.left_count = 1, .left_view = 9, .left_ms = 900}};
    node_count_on(&next, &node.before);
    assert_int_equal(next.views.left_count, 3);
    assert_int_equal(next.views.left_view, 9);
    node_say_views(&node, &next);
    assert_said(said(), "event=view_left view=9");
}

/* ---- a state that is taken (9.3) ---- */

static void a_snapshot_is_said_when_it_begins_and_now_and_then(void **state)
{
    (void)state;
    struct driver_look look = {.history_from_height = 1};
    node_say_snapshot(&node, &look);
    assert_string_equal(said(), "");
    look.is_taking_snapshot = true;
    look.snapshot =
        (struct snapshot_progress){.height = 64, .pieces_done = 7, .done_per_mille = 55};
    node_say_snapshot(&node, &look);
    assert_said(said(), "level=info event=snapshot height=64 per_mille=55 pieces=7");
    node_say_snapshot(&node, &look);
    assert_string_equal(said(), "");
    node.time.now_ms += NODE_PROGRESS_MS;
    node_say_snapshot(&node, &look);
    assert_said(said(), "event=snapshot");
    look = (struct driver_look){.history_from_height = 65};
    node.time.now_ms += NODE_PROGRESS_MS;
    node_say_snapshot(&node, &look);
    assert_said(said(), "event=history from=65 words=");
    look.history_from_height = 1;
    node_say_snapshot(&node, &look);
    assert_said(said(), "event=history from=1 words=\"all blocks are here\"");
    node_say_snapshot(&node, &look);
    assert_string_equal(said(), "");
}

/* ---- views ---- */

static void own_complaints_are_said_once_each(void **state)
{
    (void)state;
    struct driver_look look = {.core = {.is_installed = true, .timeout_ms = 1000}};
    node_say_views(&node, &look);
    assert_string_equal(said(), "");
    look.views.complaints[PBFT_REASON_STALLED] = 1;
    look.views.complaint_reason = PBFT_REASON_STALLED;
    look.views.complaint_view = 5;
    node_say_views(&node, &look);
    assert_said(said(), "level=info event=complaint view=5 primary=beta reason=stalled "
                        "timeout_ms=1000 words=\"transactions wait and nothing commits\"");
    node_say_views(&node, &look);
    assert_string_equal(said(), "");
    look.views.complaints[PBFT_REASON_ABSENT] = 1;
    look.views.complaint_reason = PBFT_REASON_ABSENT;
    node_say_views(&node, &look);
    assert_said(said(), "reason=absent");
}

/* Between two looks: it is all said, in its order. */
static void a_view_change_is_said_from_its_complaint_to_its_end(void **state)
{
    (void)state;
    struct driver_look look = {
        .core = {.view = 2, .is_installed = true, .base = {.height = 77}, .timeout_ms = 1000},
        .views = {.complaints = {[PBFT_REASON_STALLED] = 1},
                  .complaint_view = 1,
                  .complaint_reason = PBFT_REASON_STALLED,
                  .left_count = 1,
                  .left_view = 1,
                  .left_for = PBFT_REASON_STALLED,
                  .left_ms = 1000,
                  .installed_count = 1,
                  .installed_ms = 1045}};
    node_say_views(&node, &look);
    const char *text = said();
    const char *complaint = strstr(text, "event=complaint view=1 primary=beta");
    const char *left = strstr(text, "event=view_left view=1 primary=beta reason=stalled "
                                    "next_view=2 next_primary=gamma");
    const char *installed = strstr(text, "event=view_installed view=2 primary=gamma reason=stalled "
                                         "after_ms=45 base_height=77");
    assert_true(complaint != NULL && left != NULL && installed != NULL);
    assert_true(complaint < left && left < installed);
    node_say_views(&node, &look);
    assert_string_equal(said(), "");
}

/* And left again, so that nothing is installed now; the one after it is said when it is. */
static void views_that_came_and_went_are_counted(void **state)
{
    (void)state;
    struct driver_look look = {
        .core = {.view = 3, .mode = PBFT_CHANGING},
        .views = {
            .left_count = 3, .left_view = 2, .left_for = PBFT_REASON_ABSENT, .installed_count = 1}};
    node_say_views(&node, &look);
    const char *text = said();
    assert_said(text, "event=view_left view=2 primary=gamma reason=absent views=3 next_view=3 "
                      "next_primary=delta");
    assert_null(strstr(text, "view_installed"));
    look.core.mode = PBFT_NORMAL;
    look.core.is_installed = true;
    look.views.installed_count = 2;
    node_say_views(&node, &look);
    assert_said(said(), "event=view_installed view=3 primary=delta reason=absent");
}

/* A node that starts in between knows of no view that was left. */
static void a_view_installed_after_a_start_has_no_past(void **state)
{
    (void)state;
    struct driver_look look = {.core = {.view = 4, .is_installed = true, .base = {.height = 9}},
                               .views = {.installed_count = 1}};
    node_say_views(&node, &look);
    assert_said(said(), "event=view_installed view=4 primary=alpha base_height=9\n");
}

static void a_stable_checkpoint_is_a_line_now_and_then(void **state)
{
    (void)state;
    struct driver_look look = {.core = {.stable_height = 128}};
    node_say_checkpoint(&node, &look);
    assert_said(said(), "level=info event=checkpoint stable_height=128");
    for (uint64_t height = 256; height <= 512; height += 128) {
        look.core.stable_height = height;
        node_say_checkpoint(&node, &look);
    }
    assert_string_equal(said(), "");
    node.time.now_ms += NODE_PROGRESS_MS;
    node_say_checkpoint(&node, &look);
    assert_said(said(), "stable_height=512");
    node.time.now_ms += NODE_PROGRESS_MS;
    node_say_checkpoint(&node, &look);
    assert_string_equal(said(), "");
}

/* ---- readers ---- */

static void readers_that_died_are_cleared_and_counted(void **state)
{
    const struct kv_lmdb_options options = {.create = true, .map_bytes = (uint64_t)1 << 30};
    struct dead_reader reader;
    struct why why = {{0}};
    dead_reader_prepare(&reader, *state);
    assert_int_equal(kv_lmdb_open(&home.kv, *state, &options, &why), RC_OK);
    node_clear_readers(&node);
    assert_string_equal(said(), "");
    dead_reader_die(&reader);
    node_clear_readers(&node);
    assert_said(said(), "level=info event=readers_cleared count=1 words=");
    node_clear_readers(&node);
    assert_string_equal(said(), "");
    kv_close(home.kv);
}

/* ---- pace ---- */

static void what_is_left_is_told_by_the_pace(void **state)
{
    (void)state;
    assert_int_equal(node_left_s(1000, 500, 10000), 21);
    assert_int_equal(node_left_s(1, 100000, 10000), 1);
    assert_int_equal(node_left_s(1000, 0, 10000), 0);
    assert_int_equal(node_left_s(1000, 5, 0), 0);
    assert_int_equal(node_left_s(0, 5, 10000), 1);
}

#define WATCH_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCH_TEST(bad_signatures_are_said_with_their_count),
        WATCH_TEST(a_flood_of_them_is_a_line_now_and_then),
        WATCH_TEST(messages_of_another_epoch_are_no_news),
        WATCH_TEST(evidence_is_said_once_with_the_offenders_name),
        WATCH_TEST(damage_is_said_with_what_and_what_to_do),
        WATCH_TEST(a_diverged_state_is_said_once_and_loudly),
        WATCH_TEST(the_two_roots_are_said_by_who_finds_them_to_differ),
        WATCH_TEST(a_key_that_never_votes_again_is_said_once_with_what_to_do),
        WATCH_TEST(the_safety_alarm_is_said_once_and_loudly),
        WATCH_TEST(counts_do_not_fall_when_a_driver_is_made_anew),
        WATCH_TEST(a_snapshot_is_said_when_it_begins_and_now_and_then),
        WATCH_TEST(own_complaints_are_said_once_each),
        WATCH_TEST(a_view_change_is_said_from_its_complaint_to_its_end),
        WATCH_TEST(views_that_came_and_went_are_counted),
        WATCH_TEST(a_view_installed_after_a_start_has_no_past),
        WATCH_TEST(a_stable_checkpoint_is_a_line_now_and_then),
        WATCH_TEST(readers_that_died_are_cleared_and_counted),
        WATCH_TEST(what_is_left_is_told_by_the_pace),
    };
    return cmocka_run_group_tests_name("hansad_watch", tests, NULL, NULL);
}
