/* PROTOCOL.md 3.3: what a look at a message spares, and what it must not. That a message which is
 * named here is dropped for that reason, and that nothing comes of it, lone_msg() holds for every
 * message of every rule test and of the fuzz. */
#include <string.h>

#include "tests/unit/rules.h"

static enum pbft_drop glance(const struct pbft_msg *m)
{
    return pbft_glance(l.core, m);
}

static enum pbft_drop glance_at_vote(uint32_t from, enum cert_kind kind,
                                     const struct pbft_block *block)
{
    struct pbft_msg m = lone_make_vote(&l, from, kind, block);
    return glance(&m);
}

static enum pbft_drop glance_at_qc(enum cert_kind kind, const struct pbft_block *block,
                                   uint32_t signers)
{
    struct pbft_msg m = lone_make_qc(&l, kind, block, signers);
    return glance(&m);
}

static enum pbft_drop glance_at_pre_prepare(uint32_t from, const struct pbft_block *block)
{
    struct pbft_msg m = lone_make_pre_prepare(&l, from, block);
    return glance(&m);
}

static enum pbft_drop glance_at_data(uint32_t link, const struct pbft_block *block,
                                     bool has_pre_prepare)
{
    struct pbft_msg m = lone_make_data(&l, link, block, has_pre_prepare);
    return glance(&m);
}

static enum pbft_drop glance_at_range(uint32_t link, const struct pbft_block *chain,
                                      uint32_t blocks_count, uint32_t heads_count)
{
    struct pbft_msg m = lone_make_range(&l, link, chain, blocks_count, heads_count);
    return glance(&m);
}

/* ---- votes ---- */

/* Votes beyond a quorum, votes sent again, and votes of other places. */
static void glance_drops_votes_that_cannot_count(void **state)
{
    (void)state;
    begin(4, 1);
    commit(&b[1]);
    lone_accept(&l, &b[2]);
    assert_int_equal(glance_at_vote(2, CERT_PREPARE, &b[2]), PBFT_KEEP);
    (void)lone_vote(&l, 2, CERT_PREPARE, &b[2]);
    assert_int_equal(glance_at_vote(2, CERT_PREPARE, &b[2]), PBFT_DROP_DUPLICATE);
    (void)lone_qc(&l, CERT_PREPARE, &b[2], 13);
    assert_int_equal(glance_at_vote(3, CERT_PREPARE, &b[2]), PBFT_DROP_NOT_NEEDED);
    assert_int_equal(glance_at_vote(3, CERT_COMMIT, &b[2]), PBFT_KEEP);
    assert_int_equal(glance_at_vote(3, CERT_COMMIT, &b[1]), PBFT_DROP_COMMITTED);
    assert_int_equal(glance_at_vote(3, CERT_COMMIT, &b[18]), PBFT_DROP_OUT_OF_WINDOW);
    struct pbft_msg m = lone_make_vote(&l, 3, CERT_PREPARE, &b[3]);
    m.vote.statement.view = 1;
    assert_int_equal(glance(&m), PBFT_DROP_OTHER_VIEW);
    m.vote.statement.epoch = 1;
    assert_int_equal(glance(&m), PBFT_DROP_OTHER_EPOCH);
    m.from = 4;
    assert_int_equal(glance(&m), PBFT_DROP_NOT_A_MEMBER);
}

/* A second, different vote is evidence against its signer, certified or not: it is kept, and only
 * the core, which sees none that is not verified, calls it a conflict. */
static void glance_keeps_a_conflicting_vote(void **state)
{
    (void)state;
    static const enum cert_kind kinds[] = {CERT_PREPARE, CERT_COMMIT};
    begin(7, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    for (int k = 0; k < 2; k++) {
        (void)lone_vote(&l, 2, kinds[k], &b[1]);
        (void)lone_vote(&l, 3, kinds[k], &other);
        assert_int_equal(glance_at_vote(2, kinds[k], &other), PBFT_KEEP);
        (void)lone_qc(&l, kinds[k], &b[1], 0x75);
        assert_int_equal(glance_at_vote(2, kinds[k], &other), PBFT_KEEP);
        assert_int_equal(lone_vote(&l, 2, kinds[k], &other), PBFT_DROP_CONFLICT);
        /* The first was of another block than the certified one, which it votes for now. */
        assert_int_equal(glance_at_vote(3, kinds[k], &b[1]), PBFT_KEEP);
        assert_int_equal(lone_vote(&l, 3, kinds[k], &b[1]), PBFT_DROP_CONFLICT);
        assert_int_equal(glance_at_vote(4, kinds[k], &other), PBFT_KEEP);
    }
}

/* 16: the first evidence of a kind against a member is kept, so that more of them are not looked
 * at; of the primary, as long as I do not complain about it in this view (6.1). */
static void glance_drops_conflicts_whose_evidence_is_known(void **state)
{
    (void)state;
    static const enum cert_kind kinds[] = {CERT_PREPARE, CERT_COMMIT};
    begin(4, 1);
    struct pbft_block other[3] = {lone_block(&l, &b[0]), lone_block(&l, &b[0]),
                                  lone_block(&l, &b[1])};
    for (int k = 0; k < 2; k++) {
        (void)lone_vote(&l, 2, kinds[k], &b[1]);
        (void)lone_vote(&l, 2, kinds[k], &b[2]);
        assert_int_equal(glance_at_vote(2, kinds[k], &other[2]), PBFT_KEEP);
        assert_int_equal(lone_vote(&l, 2, kinds[k], &other[0]), PBFT_DROP_CONFLICT);
        assert_int_equal(lone_count(&l, PBFT_WRITE_EVIDENCE), 1);
        assert_int_equal(glance_at_vote(2, kinds[k], &other[1]), PBFT_DROP_CONFLICT);
        assert_int_equal(glance_at_vote(2, kinds[k], &other[2]), PBFT_DROP_CONFLICT);
        assert_int_equal(lone_vote(&l, 2, kinds[k], &other[2]), PBFT_DROP_CONFLICT);
    }
    lone_accept(&l, &b[1]);
    assert_int_equal(lone_pre_prepare(&l, 0, &other[0]), PBFT_DROP_CONFLICT);
    assert_int_equal(lone_count(&l, PBFT_WRITE_EVIDENCE), 1);
    assert_int_equal(glance_at_pre_prepare(0, &other[1]), PBFT_DROP_CONFLICT);
    assert_int_equal(glance_at_data(2, &other[1], true), PBFT_DROP_NOT_ASKED);
    /* The same of the primary of now is a reason to leave the view, if nothing else is. */
    lone_start(&l);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    assert_int_equal(l.look.complaint, PBFT_REASON_NONE);
    assert_int_equal(glance_at_pre_prepare(0, &other[1]), PBFT_KEEP);
    (void)lone_pre_prepare(&l, 0, &other[1]);
    assert_int_equal(l.look.complaint, PBFT_REASON_FAULTY);
    assert_int_equal(glance_at_pre_prepare(0, &other[0]), PBFT_DROP_CONFLICT);
}

/* The alarm is raised once. */
static void glance_drops_contradictions_after_the_alarm(void **state)
{
    (void)state;
    begin(7, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    (void)lone_qc(&l, CERT_COMMIT, &b[1], 0x1d | 0x60);
    l.view = 1;
    assert_int_equal(glance_at_qc(CERT_COMMIT, &other, 0x7d), PBFT_KEEP);
    (void)lone_qc(&l, CERT_COMMIT, &other, 0x7d);
    assert_true(l.look.is_alarmed);
    assert_int_equal(glance_at_qc(CERT_COMMIT, &other, 0x7d), PBFT_DROP_CONFLICT);
    struct pbft_block third = lone_block(&l, &b[0]);
    assert_int_equal(glance_at_qc(CERT_COMMIT, &third, 0x7d), PBFT_DROP_CONFLICT);
    assert_int_equal(glance_at_range(2, &third, 1, 0), PBFT_DROP_CONFLICT);
    /* Who signed it in view 0 as well is not known to have done so. */
    l.view = 0;
    assert_int_equal(glance_at_qc(CERT_COMMIT, &third, 0x7d), PBFT_KEEP);
}

/* Above a certificate, and where the way down from it is not known, votes are needed. */
static void glance_keeps_votes_that_no_certificate_covers(void **state)
{
    (void)state;
    begin(7, 1);
    (void)lone_qc(&l, CERT_PREPARE, &b[3], 0x7d);
    (void)lone_qc(&l, CERT_COMMIT, &b[3], 0x7d);
    for (int h = 1; h <= 4; h++) {
        enum pbft_drop expected = h == 3 ? PBFT_DROP_NOT_NEEDED : PBFT_KEEP;
        assert_int_equal(glance_at_vote(2, CERT_PREPARE, &b[h]), expected);
        assert_int_equal(glance_at_vote(2, CERT_COMMIT, &b[h]), expected);
    }
    (void)lone_data(&l, 0, &b[3], false);
    (void)lone_pre_prepare(&l, 0, &b[2]);
    for (int h = 1; h <= 4; h++) {
        enum pbft_drop expected = h <= 3 ? PBFT_DROP_NOT_NEEDED : PBFT_KEEP;
        assert_int_equal(glance_at_vote(2, CERT_PREPARE, &b[h]), expected);
        assert_int_equal(glance_at_vote(2, CERT_COMMIT, &b[h]), expected);
    }
}

/* A certificate from beyond the window spares no vote inside it. */
static void glance_keeps_votes_below_a_certificate_beyond_the_window(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_qc(&l, CERT_COMMIT, &b[20], 13);
    assert_int_equal(glance_at_vote(2, CERT_COMMIT, &b[16]), PBFT_KEEP);
    assert_int_equal(glance_at_vote(2, CERT_COMMIT, &b[1]), PBFT_KEEP);
}

/* ---- proposals ---- */

static void glance_drops_proposals_as_the_core_would(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block stranger = lone_block(&l, &b[9]);
    stranger.height = 1;
    assert_int_equal(glance_at_pre_prepare(2, &b[1]), PBFT_DROP_NOT_PRIMARY);
    assert_int_equal(glance_at_pre_prepare(0, &b[17]), PBFT_DROP_OUT_OF_WINDOW);
    assert_int_equal(glance_at_pre_prepare(0, &stranger), PBFT_DROP_WRONG_PARENT);
    assert_int_equal(glance_at_pre_prepare(0, &b[1]), PBFT_KEEP);
    lone_accept(&l, &b[1]);
    assert_int_equal(glance_at_pre_prepare(0, &b[1]), PBFT_DROP_DUPLICATE);
    lone_start(&l); /* the vote is left, and the body; that it was proposed is not */
    assert_int_equal(glance_at_pre_prepare(0, &b[1]), PBFT_KEEP);
}

/* 5.3: two signed proposals for one place are evidence; so is the one beside a body (5.8). */
static void glance_keeps_a_conflicting_proposal(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    lone_accept(&l, &b[1]);
    assert_int_equal(glance_at_pre_prepare(0, &other), PBFT_KEEP);
    assert_int_equal(glance_at_data(2, &other, true), PBFT_KEEP);
    assert_int_equal(glance_at_data(2, &other, false), PBFT_DROP_NOT_ASKED);
}

/* ---- certificates ---- */

static void glance_drops_certificates_that_raise_nothing(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(glance_at_qc(CERT_PREPARE, &b[3], 13), PBFT_KEEP);
    (void)lone_qc(&l, CERT_PREPARE, &b[3], 13);
    assert_int_equal(glance_at_qc(CERT_PREPARE, &b[3], 13), PBFT_DROP_NOT_NEEDED);
    /* A lower one may be what I can send COMMIT on, until headers lead down to it. */
    assert_int_equal(glance_at_qc(CERT_PREPARE, &b[2], 13), PBFT_KEEP);
    assert_int_equal(lone_data(&l, 0, &b[3], true), PBFT_KEEP);
    assert_int_equal(glance_at_qc(CERT_PREPARE, &b[2], 13), PBFT_DROP_NOT_NEEDED);
    assert_int_equal(glance_at_qc(CERT_PREPARE, &b[4], 13), PBFT_KEEP);
    /* COMMITs raise no high that stands there already, but they certify. */
    assert_int_equal(glance_at_qc(CERT_COMMIT, &b[2], 13), PBFT_KEEP);
    (void)lone_qc(&l, CERT_COMMIT, &b[2], 13);
    assert_int_equal(glance_at_qc(CERT_COMMIT, &b[2], 13), PBFT_DROP_NOT_NEEDED);
    assert_int_equal(glance_at_qc(CERT_COMMIT, &b[1], 13), PBFT_KEEP); /* a nearer one */
    (void)lone_qc(&l, CERT_COMMIT, &b[20], 13);
    assert_int_equal(glance_at_qc(CERT_COMMIT, &b[20], 13), PBFT_DROP_NOT_NEEDED);
    assert_int_equal(glance_at_qc(CERT_COMMIT, &b[19], 13), PBFT_DROP_NOT_NEEDED);
    (void)lone_range(&l, 2, &b[1], 2, 0);
    assert_int_equal(glance_at_qc(CERT_COMMIT, &b[1], 13), PBFT_DROP_COMMITTED);
}

/* 5.4: rank is view before height. */
static void glance_keeps_a_certificate_that_raises_high_from_below(void **state)
{
    (void)state;
    begin_stored(4, 1);
    l.durable.view = 4;
    l.durable.base = l.durable.tip = b[2];
    lone_start(&l);
    (void)lone_range(&l, 2, &b[1], 2, 0);
    struct pbft_msg m = lone_make_qc(&l, CERT_PREPARE, &b[1], 13);
    assert_int_equal(glance(&m), PBFT_DROP_COMMITTED);
    m.qc.statement.view = 4;
    assert_int_equal(glance(&m), PBFT_KEEP);
}

/* 13: the second certificate of a height is the alarm, before and after the first is committed. */
static void glance_keeps_a_contradicting_certificate(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other[2] = {lone_block(&l, &b[0]), lone_block(&l, &b[2])};
    commit(&b[1]);
    (void)lone_qc(&l, CERT_COMMIT, &b[3], 13);
    assert_int_equal(glance_at_qc(CERT_COMMIT, &other[0], 13), PBFT_KEEP);
    assert_int_equal(glance_at_qc(CERT_COMMIT, &other[1], 13), PBFT_KEEP);
    assert_int_equal(glance_at_range(2, &other[0], 1, 0), PBFT_KEEP);
}

/* 4.2: my signature on a vote that I do not know. */
static void glance_keeps_a_certificate_with_a_vote_of_mine_that_i_lack(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_qc(&l, CERT_COMMIT, &b[2], 13);
    assert_int_equal(glance_at_qc(CERT_COMMIT, &b[2], 13), PBFT_DROP_NOT_NEEDED);
    assert_int_equal(glance_at_qc(CERT_COMMIT, &b[2], 7), PBFT_KEEP);
    lone_accept(&l, &b[1]);
    (void)lone_qc(&l, CERT_PREPARE, &b[1], 13);
    assert_int_equal(glance_at_qc(CERT_PREPARE, &b[1], 7), PBFT_DROP_NOT_NEEDED);
    struct pbft_msg m = lone_make_range(&l, 2, &b[1], 2, 0);
    m.data.certificate = lone_make_qc(&l, CERT_COMMIT, &b[2], 7).qc;
    assert_int_equal(glance(&m), PBFT_KEEP);
}

/* ---- DATA ---- */

/* A range brings bodies that are missing below a certificate that is known, or nothing. */
static void glance_drops_ranges_that_bring_nothing(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_qc(&l, CERT_COMMIT, &b[4], 13);
    (void)lone_qc(&l, CERT_COMMIT, &b[21], 13);
    assert_int_equal(glance_at_range(3, &b[1], 4, 0), PBFT_KEEP);
    assert_int_equal(glance_at_range(3, &b[17], 5, 0), PBFT_DROP_OUT_OF_WINDOW);
    assert_int_equal(glance_at_range(3, &b[17], 6, 0), PBFT_KEEP); /* a higher certificate */
    assert_int_equal(lone_range(&l, 3, &b[1], 3, 1), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 3);
    assert_int_equal(glance_at_range(3, &b[1], 3, 0), PBFT_DROP_COMMITTED);
    assert_int_equal(glance_at_range(3, &b[2], 2, 1), PBFT_DROP_COMMITTED);
    assert_int_equal(glance_at_range(3, &b[3], 2, 0), PBFT_KEEP);
}

/* A body that nothing names, one that is here, one that was committed. */
static void glance_drops_bodies_that_nothing_needs(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(glance_at_data(3, &b[1], false), PBFT_DROP_NOT_ASKED);
    assert_int_equal(glance_at_data(3, &b[1], true), PBFT_KEEP); /* a proposal */
    (void)lone_vote(&l, 2, CERT_PREPARE, &b[1]);
    assert_int_equal(glance_at_data(3, &b[1], false), PBFT_DROP_NOT_ASKED);
    (void)lone_vote(&l, 3, CERT_PREPARE, &b[1]);
    assert_int_equal(glance_at_data(3, &b[1], false), PBFT_KEEP);
    lone_accept(&l, &b[1]);
    assert_int_equal(glance_at_data(3, &b[1], false), PBFT_DROP_NOT_ASKED);
    (void)lone_vote(&l, 0, CERT_PREPARE, &b[1]);
    lone_votes(&l, CERT_COMMIT, &b[1], 4);
    assert_int_equal(glance_at_data(3, &b[1], false), PBFT_DROP_COMMITTED);
    assert_int_equal(glance_at_data(3, &b[18], true), PBFT_DROP_OUT_OF_WINDOW);
}

/* Whatever it brings, an answer that was asked for frees its link (9.4): it is kept. */
static void glance_keeps_an_answer_that_was_asked_for(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_vote(&l, 2, CERT_PREPARE, &b[1]);
    (void)lone_vote(&l, 3, CERT_PREPARE, &b[1]);
    assert_int_equal(lone_act(&l, PBFT_SEND_FETCH, 0)->to, 2);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    assert_int_equal(glance_at_data(3, &b[1], false), PBFT_DROP_NOT_ASKED);
    assert_int_equal(glance_at_data(2, &b[1], false), PBFT_KEEP);
    assert_int_equal(lone_data(&l, 2, &b[1], false), PBFT_DROP_NOT_ASKED);
    assert_int_equal(glance_at_data(2, &b[1], false), PBFT_DROP_NOT_ASKED);
}

/* ---- the rest ---- */

static void glance_drops_old_statuses(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_msg m = lone_make_status(&l, 3, 0);
    assert_int_equal(glance(&m), PBFT_KEEP);
    (void)lone_msg(&l, &m);
    assert_int_equal(glance(&m), PBFT_DROP_STALE);
    m.from = 2;
    assert_int_equal(glance(&m), PBFT_KEEP); /* each sender has its own counter */
    m = lone_make_status(&l, 3, 0);
    assert_int_equal(glance(&m), PBFT_KEEP); /* over the budget, but the height is news */
    m.status.epoch = 1;
    assert_int_equal(glance(&m), PBFT_DROP_OTHER_EPOCH);
}

/* Nothing in these is signed for the core. */
static void glance_leaves_alone_what_is_not_signed(void **state)
{
    (void)state;
    static const enum pbft_msg_type kept[] = {PBFT_FETCH, PBFT_FORWARD, PBFT_FETCH_PIECE,
                                              PBFT_PIECE};
    begin(4, 1);
    for (int i = 0; i < 4; i++) {
        struct pbft_msg m = {.type = kept[i], .link = 2, .from = 2};
        assert_int_equal(glance(&m), PBFT_KEEP);
    }
}

/* 4.2: votes and proposals of mine that a peer shows are kept, wherever they stand. */
static void glance_keeps_messages_of_mine(void **state)
{
    (void)state;
    begin(4, 0);
    struct pbft_msg m = lone_make_vote(&l, 0, CERT_COMMIT, &b[30]);
    m.link = 2;
    assert_int_equal(glance(&m), PBFT_KEEP);
    m = lone_make_pre_prepare(&l, 0, &b[30]);
    m.link = 2;
    assert_int_equal(glance(&m), PBFT_KEEP);
    assert_int_equal(glance_at_data(2, &b[30], true), PBFT_KEEP);
    m = lone_make_status(&l, 0, 1);
    m.link = 2;
    assert_int_equal(glance(&m), PBFT_DROP_OWN);
    m = lone_make_vote(&l, 2, CERT_COMMIT, &b[1]);
    m.link = 0; /* nobody is linked to himself */
    assert_int_equal(glance(&m), PBFT_DROP_OWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(glance_drops_votes_that_cannot_count),
        RULE(glance_keeps_a_conflicting_vote),
        RULE(glance_drops_conflicts_whose_evidence_is_known),
        RULE(glance_drops_contradictions_after_the_alarm),
        RULE(glance_keeps_votes_that_no_certificate_covers),
        RULE(glance_keeps_votes_below_a_certificate_beyond_the_window),
        RULE(glance_drops_proposals_as_the_core_would),
        RULE(glance_keeps_a_conflicting_proposal),
        RULE(glance_drops_certificates_that_raise_nothing),
        RULE(glance_keeps_a_certificate_that_raises_high_from_below),
        RULE(glance_keeps_a_contradicting_certificate),
        RULE(glance_keeps_a_certificate_with_a_vote_of_mine_that_i_lack),
        RULE(glance_drops_ranges_that_bring_nothing),
        RULE(glance_drops_bodies_that_nothing_needs),
        RULE(glance_keeps_an_answer_that_was_asked_for),
        RULE(glance_drops_old_statuses),
        RULE(glance_leaves_alone_what_is_not_signed),
        RULE(glance_keeps_messages_of_mine),
    };
    return cmocka_run_group_tests_name("rules_3_glance", tests, NULL, NULL);
}
