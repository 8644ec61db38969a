/* PROTOCOL.md 13: the safety alarms, which outsiders can cause only where more than f of them lie,
 * and the CHECKs, which nobody but our own driver and store can trip. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/rules_view.h"

/* ---- alarms ---- */

static void assert_alarm(uint64_t height)
{
    const struct pbft_act *act = lone_act(&l, PBFT_ALARM, 0);
    assert_non_null(act);
    assert_true(l.look.is_alarmed);
    assert_int_equal(act->certificate->statement.height, height);
}

/* It is durable before anybody is told, with both certificates. */
static void assert_alarm_is_written(void)
{
    const struct pbft_act *written = lone_act(&l, PBFT_WRITE_ALARM, 0);
    const struct pbft_act *told = lone_act(&l, PBFT_ALARM, 0);
    assert_non_null(written);
    assert_non_null(told);
    assert_true(written < told);
    assert_ptr_equal(written->certificate, told->certificate);
    assert_ptr_equal(written->other, told->other);
    assert_int_equal(lone_count(&l, PBFT_WRITE_ALARM), 1);
    assert_true(l.durable.is_alarmed);
}

/* Nothing is voted for or committed any more; what is here is still served. */
static void assert_only_serves(void)
{
    uint64_t height = l.look.committed.height;
    size_t votes_count = l.votes_count;
    (void)lone_range(&l, 2, &b[height + 1], 2, 0);
    (void)lone_pre_prepare(&l, 0, &b[height + 3]);
    lone_votes(&l, CERT_PREPARE, &b[height + 3], 4);
    assert_int_equal(l.look.committed.height, height);
    assert_int_equal(l.votes_count, votes_count);
    assert_int_equal(lone_count(&l, PBFT_ALARM), 0);
    if (height > 0)
        assert_int_equal(lone_fetch_range(&l, 2, 1), PBFT_KEEP);
}

/* Two COMMIT certificates of one height: an alarm with both. */
static void rule_13_two_certificates_of_one_height_raise_the_alarm(void **state)
{
    (void)state;
    begin(4, 1);
    commit(&b[1]);
    struct pbft_block other = lone_block(&l, &b[2]);
    assert_int_equal(lone_qc(&l, CERT_COMMIT, &b[3], 13), PBFT_KEEP);
    assert_int_equal(lone_qc(&l, CERT_COMMIT, &other, 13), PBFT_DROP_CONFLICT);
    assert_alarm(3);
    const struct pbft_act *act = lone_act(&l, PBFT_ALARM, 0);
    assert_true(digest_equal(&act->certificate->statement.digest, &other.digest));
    assert_true(digest_equal(&act->other->statement.digest, &b[3].digest));
    assert_only_serves();
}

/* Also where the first has been committed already. */
static void rule_13_a_certificate_against_the_committed_one_raises_the_alarm(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    commit(&b[1]);
    assert_int_equal(lone_qc(&l, CERT_COMMIT, &other, 13), PBFT_DROP_CONFLICT);
    assert_alarm(1);
    assert_only_serves();
}

/* Also where that height was committed as an ancestor, so that the certificate which covers it
 * stands further up. */
static void rule_13_a_certificate_against_a_committed_ancestor_raises_the_alarm(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[1]);
    (void)lone_range(&l, 2, &b[1], 3, 0);
    assert_int_equal(l.look.committed.height, 3);
    assert_int_equal(lone_qc(&l, CERT_COMMIT, &b[2], 13), PBFT_DROP_COMMITTED);
    assert_int_equal(lone_qc(&l, CERT_COMMIT, &other, 13), PBFT_DROP_CONFLICT);
    assert_alarm(2);
    assert_alarm_is_written();
    const struct pbft_act *act = lone_act(&l, PBFT_ALARM, 0);
    assert_true(digest_equal(&act->certificate->statement.digest, &other.digest));
    assert_non_null(act->other);
    assert_true(digest_equal(&act->other->statement.digest, &b[3].digest));
}

/* And where the first came before a restart: the core does not remember it, its driver does. */
static void rule_13_a_certificate_against_the_ledger_raises_the_alarm(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    commit(&b[1]);
    commit(&b[2]);
    lone_start(&l);
    struct pbft_msg m = lone_make_qc(&l, CERT_COMMIT, &other, 13);
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_COMMITTED);
    struct pbft_event event = {.type = PBFT_EVENT_CONTRADICTION, .contradiction = &m.qc};
    assert_int_equal(lone_step(&l, &event), PBFT_DROP_CONFLICT);
    assert_alarm(1);
    assert_alarm_is_written();
    assert_null(lone_act(&l, PBFT_ALARM, 0)->other); /* it stands in the ledger */
    assert_int_equal(lone_step(&l, &event), PBFT_DROP_CONFLICT);
    assert_only_serves();
}

/* And where neither has come into the window yet. */
static void rule_13_two_certificates_beyond_the_window_raise_the_alarm(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[19]);
    (void)lone_qc(&l, CERT_COMMIT, &b[20], 13);
    assert_int_equal(lone_qc(&l, CERT_COMMIT, &other, 13), PBFT_DROP_CONFLICT);
    assert_alarm(20);
    const struct pbft_act *act = lone_act(&l, PBFT_ALARM, 0);
    assert_true(digest_equal(&act->certificate->statement.digest, &other.digest));
    assert_true(digest_equal(&act->other->statement.digest, &b[20].digest));
}

/* A certified chain that does not begin at my committed head, of either kind. */
static void rule_13_a_certified_chain_that_is_not_mine_raises_the_alarm(void **state)
{
    (void)state;
    static const enum cert_kind kinds[] = {CERT_COMMIT, CERT_PREPARE};
    for (int i = 0; i < 2; i++) {
        begin(4, 1);
        struct pbft_block other[2];
        other[0] = lone_block(&l, &b[0]);
        other[1] = lone_block(&l, &other[0]);
        commit(&b[1]);
        (void)lone_qc(&l, kinds[i], &other[1], 13);
        assert_false(l.look.is_alarmed);
        assert_int_equal(lone_data(&l, 2, &other[1], false), PBFT_KEEP);
        assert_alarm(2);
        const struct pbft_act *act = lone_act(&l, PBFT_ALARM, 0);
        assert_true(digest_equal(&act->other->statement.digest, &b[1].digest));
        assert_only_serves();
        if (i == 0)
            lone_close(&l);
    }
}

/* It outlasts a restart: nothing is voted for, sent again, proposed or committed; what is here is
 * served, and the alarm is not raised again. */
static void rule_13_the_alarm_stays_over_a_restart(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    (void)lone_built(&l, &b[1], 0);
    lone_votes(&l, CERT_PREPARE, &b[1], 4);
    lone_votes(&l, CERT_COMMIT, &b[1], 4);
    (void)lone_built(&l, &b[2], 0);
    assert_int_equal(l.look.committed.height, 1);
    assert_int_equal(l.look.tip.height, 2);
    struct pbft_block other = lone_block(&l, &b[2]);
    (void)lone_qc(&l, CERT_COMMIT, &b[3], 14);
    (void)lone_qc(&l, CERT_COMMIT, &other, 14);
    assert_alarm(3);
    assert_alarm_is_written();

    lone_start(&l);
    assert_true(l.look.is_alarmed);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_PRE_PREPARE), 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_STATUS), 1);
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    (void)lone_qc(&l, CERT_COMMIT, &b[2], 14);
    assert_int_equal(l.look.committed.height, 1);
    (void)lone_status(&l, 2, 0);
    l.now_ms += 250;
    (void)lone_status(&l, 2, 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_RANGE), 1);
    assert_int_equal(lone_count(&l, PBFT_ALARM), 0);
}

/* The same of a backup: no PREPARE after the restart, and no COMMIT. */
static void rule_13_an_alarmed_backup_votes_no_more_after_a_restart(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    commit(&b[1]);
    (void)lone_qc(&l, CERT_COMMIT, &other, 13);
    assert_alarm_is_written();
    lone_start(&l);
    (void)lone_pre_prepare(&l, 0, &b[2]);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    (void)lone_qc(&l, CERT_PREPARE, &b[2], 13);
    assert_only_serves();
}

/* A quorum of votes against a certificate is the same alarm, in the midst of own votes. */
static void rule_13_votes_against_a_certificate_raise_the_alarm(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    (void)lone_qc(&l, CERT_COMMIT, &other, 13);
    (void)lone_vote(&l, 0, CERT_COMMIT, &b[1]);
    (void)lone_vote(&l, 2, CERT_COMMIT, &b[1]);
    assert_int_equal(lone_vote(&l, 3, CERT_COMMIT, &b[1]), PBFT_KEEP);
    assert_alarm(1);
}

/* A certificate inside a VIEW-CHANGE or a NEW-VIEW is one like any other. */
static void rule_13_a_certificate_inside_a_view_change_raises_the_alarm(void **state)
{
    (void)state;
    for (int is_new_view = 0; is_new_view < 2; is_new_view++) {
        begin(4, 3);
        commit(&b[1]);
        commit(&b[2]);
        struct pbft_block other = lone_block(&l, &b[0]);
        struct certificate c = lone_certificate(&l, CERT_COMMIT, 0, &other, 7);
        size_t votes_count = l.votes_count;
        if (is_new_view)
            (void)lone_new_view(&l, 1, &c);
        else
            (void)lone_view_change(&l, 0, 1, &c);
        assert_alarm(1);
        assert_alarm_is_written();
        assert_int_equal(l.votes_count, votes_count);
        assert_int_equal(lone_count(&l, PBFT_SEND_VIEW_CHANGE), 0);
        if (!is_new_view)
            lone_close(&l);
    }
}

/* An alarmed replica takes no part in view changes, and follows nobody's chain. */
static void rule_13_an_alarmed_replica_takes_no_part_in_view_changes(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    commit(&b[1]);
    (void)lone_qc(&l, CERT_COMMIT, &other, 13);
    assert_true(l.look.is_alarmed);
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_wait(&l, 10000).complaints_count, 0);
    for (uint32_t from = 0; from < 4; from++)
        if (from != 1)
            (void)lone_view_change(&l, from, 1, NULL); /* it would be the primary */
    assert_int_equal(l.look.mode, PBFT_CHANGING);
    struct lone_waited w = lone_wait(&l, 10000);
    assert_int_equal(w.view_changes_count + w.new_views_count + w.complaints_count, 0);
}

/* ---- CHECKs: in a process of its own, since it is to be ended ---- */

static bool ends_by_check(void (*what)(void))
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(2);
        what();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void start_with_high_above_view(void)
{
    l.durable.has_high = true;
    l.durable.high.statement = (struct statement){.kind = CERT_PREPARE, .view = 1, .height = 1};
    lone_start(&l);
}

static void restore_a_checkpoint(void)
{
    lone_start(&l);
    struct pbft_vote vote = {.statement = {.kind = CERT_CHECKPOINT, .height = 1}};
    pbft_restore_vote(l.core, &vote);
}

static void start_without_signing(void)
{
    l.config.sign = NULL;
    lone_start(&l);
}

static void start_as_nobody(void)
{
    l.config.own_index = 4;
    lone_start(&l);
}

static void build_what_was_not_asked(void)
{
    lone_start(&l);
    (void)lone_pool(&l, true, true);
    struct pbft_event event = {.type = PBFT_EVENT_BUILT, .built = {.has_block = true}};
    event.built.ticket = lone_act(&l, PBFT_ASK_BUILD, 0)->ticket;
    event.built.block = b[2];
    (void)lone_step(&l, &event);
}

static void tell_a_root_that_is_not_committed(void)
{
    static const struct digest root = {{1}};
    lone_start(&l);
    (void)lone_root(&l, &b[1], &root);
}

static void start_as_it_should(void)
{
    lone_start(&l);
    (void)lone_pool(&l, true, true);
    (void)lone_built(&l, &b[1], 0);
}

/* A store, a configuration or a driver that is not ours to work with ends the process. */
static void rule_13_our_own_errors_are_checks(void **state)
{
    (void)state;
    begin_stored(4, 0);
    assert_true(ends_by_check(start_with_high_above_view));
    assert_true(ends_by_check(restore_a_checkpoint));
    assert_true(ends_by_check(start_without_signing));
    assert_true(ends_by_check(start_as_nobody));
    assert_true(ends_by_check(build_what_was_not_asked));
    assert_true(ends_by_check(tell_a_root_that_is_not_committed));
    assert_false(ends_by_check(start_as_it_should));
}

/* ---- drop reasons ---- */

/* Each has a word of its own, and is counted. */
static void drops_are_counted_by_reason(void **state)
{
    (void)state;
    begin(4, 1);
    for (int i = 0; i < PBFT_DROP_COUNT; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(pbft_drop_word((enum pbft_drop)i),
                                    pbft_drop_word((enum pbft_drop)k));
    uint64_t before = pbft_drops(l.core)[PBFT_DROP_NOT_PRIMARY];
    (void)lone_pre_prepare(&l, 2, &b[1]);
    (void)lone_pre_prepare(&l, 3, &b[1]);
    assert_int_equal(pbft_drops(l.core)[PBFT_DROP_NOT_PRIMARY], before + 2);
    assert_string_equal(pbft_drop_word(PBFT_DROP_NOT_PRIMARY), "not_primary");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_13_two_certificates_of_one_height_raise_the_alarm),
        RULE(rule_13_a_certificate_against_the_committed_one_raises_the_alarm),
        RULE(rule_13_a_certificate_against_a_committed_ancestor_raises_the_alarm),
        RULE(rule_13_a_certificate_against_the_ledger_raises_the_alarm),
        RULE(rule_13_two_certificates_beyond_the_window_raise_the_alarm),
        RULE(rule_13_a_certified_chain_that_is_not_mine_raises_the_alarm),
        RULE(rule_13_the_alarm_stays_over_a_restart),
        RULE(rule_13_an_alarmed_backup_votes_no_more_after_a_restart),
        RULE(rule_13_votes_against_a_certificate_raise_the_alarm),
        RULE(rule_13_a_certificate_inside_a_view_change_raises_the_alarm),
        RULE(rule_13_an_alarmed_replica_takes_no_part_in_view_changes),
        RULE(rule_13_our_own_errors_are_checks),
        RULE(drops_are_counted_by_reason),
    };
    return cmocka_run_group_tests_name("rules_13_checks", tests, NULL, NULL);
}
