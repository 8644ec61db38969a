/* PROTOCOL.md 9.2, 9.4: from whom ranges and bodies come. Peers take turns; one that is slow, bad
 * or of no use is passed over, and nobody is asked for ever. */
#include <string.h>

#include "tests/unit/rules_view.h"

/* Member 1, to which all others claim a height. Its turn begins with member 2. */
static void begin_behind(uint64_t claimed_height)
{
    static const uint32_t others[] = {0, 2, 3};
    begin(4, 1);
    l.now_ms += 100; /* T_s does not end together with that of STATUS */
    for (int i = 0; i < 3; i++)
        (void)lone_status(&l, others[i], claimed_height);
}

/* The last event's only FETCH is of a range from this height, and to this member. */
static void assert_asked(uint32_t to, uint64_t from_height)
{
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
    assert_non_null(act);
    assert_int_equal(act->fetch.kind, PBFT_FETCH_RANGE);
    assert_int_equal(act->to, to);
    assert_int_equal(act->fetch.from_height, from_height);
    assert_int_equal(act->fetch.blocks_max, 8);
}

static void rule_9_2_each_next_range_is_asked_of_another_peer(void **state)
{
    (void)state;
    begin_behind(30);
    (void)lone_range(&l, 2, &b[1], 4, 0);
    assert_asked(2, 5);
    (void)lone_range(&l, 2, &b[5], 4, 0);
    assert_asked(3, 9);
    (void)lone_range(&l, 3, &b[9], 4, 0);
    assert_asked(0, 13);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 1);
}

/* Who does not claim to have it is passed over. */
static void rule_9_2_only_those_ahead_are_asked(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_status(&l, 0, 8);
    (void)lone_status(&l, 2, 7);
    (void)lone_range(&l, 3, &b[1], 4, 0);
    assert_asked(2, 5);
    (void)lone_range(&l, 2, &b[5], 3, 0);
    assert_asked(0, 8); /* 3 has told nothing, and 2 has come no further than I have */
    (void)lone_range(&l, 0, &b[8], 1, 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
}

/* After T_s the next is asked; what the slow one brings later is taken all the same. */
static void rule_9_2_a_slow_source_is_passed_over(void **state)
{
    (void)state;
    begin_behind(30);
    (void)lone_range(&l, 2, &b[1], 4, 0);
    assert_asked(2, 5);
    (void)lone_tick(&l, 249);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    assert_int_equal(pbft_deadline_ms(l.core), l.now_ms + 1);
    (void)lone_tick(&l, 1);
    assert_asked(3, 5);
    assert_int_equal(lone_range(&l, 2, &b[5], 4, 0), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 8);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0); /* that of 3 is under way */
    assert_int_equal(lone_range(&l, 3, &b[5], 4, 0), PBFT_DROP_COMMITTED);
    assert_asked(0, 9);
}

/* While one is late, the body that a certificate names is fetched singly beside it. */
static void rule_9_2_a_late_range_does_not_hold_up_single_bodies(void **state)
{
    (void)state;
    begin_behind(30);
    (void)lone_range(&l, 2, &b[1], 4, 0);
    (void)lone_qc(&l, CERT_PREPARE, &b[9], 13);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    (void)lone_tick(&l, 250);
    assert_asked(3, 5);
    const struct pbft_act *beside = lone_act(&l, PBFT_SEND_FETCH, 1);
    assert_non_null(beside);
    assert_int_equal(beside->fetch.kind, PBFT_FETCH_BLOCK);
    assert_true(digest_equal(&beside->fetch.digest, &b[9].digest));
}

/* An answer of no use sends me on at once; when everybody was asked in vain I stop, until a range
 * of use comes again. */
static void rule_9_2_sources_of_no_use_are_asked_once_each(void **state)
{
    (void)state;
    static const uint32_t turn[] = {2, 3, 0};
    begin_behind(60);
    (void)lone_range(&l, 2, &b[1], 1, 0);
    for (int i = 0; i < 3; i++) {
        assert_asked(turn[i], 2);
        (void)lone_range(&l, turn[i], &b[2], 1, 20); /* certified beyond my window */
        assert_int_equal(l.look.committed.height, 1);
    }
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    (void)lone_tick(&l, 250);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    (void)lone_range(&l, 3, &b[2], 2, 0);
    assert_asked(2, 4);
}

/* The same when nobody answers: as many tries as there are others, and no more. */
static void rule_9_2_silent_sources_are_asked_once_each(void **state)
{
    (void)state;
    begin_behind(30);
    (void)lone_range(&l, 2, &b[1], 4, 0);
    size_t count = 1;
    for (int i = 0; i < 20; i++) {
        (void)lone_tick(&l, 250);
        count += lone_count(&l, PBFT_SEND_FETCH);
    }
    assert_int_equal(count, 3);
}

/* What peers send unasked in answer to my STATUS is not taken for the range under way, which would
 * be asked for again while it is on its way. */
static void rule_9_2_an_unasked_range_is_not_the_answer(void **state)
{
    (void)state;
    begin_behind(30);
    (void)lone_range(&l, 2, &b[1], 4, 0);
    assert_asked(2, 5);
    assert_int_equal(lone_range(&l, 2, &b[1], 4, 0), PBFT_DROP_COMMITTED);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    assert_int_equal(lone_range(&l, 0, &b[1], 8, 0), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 8);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    assert_int_equal(lone_range(&l, 2, &b[5], 4, 0), PBFT_DROP_COMMITTED);
    assert_asked(3, 9);
}

/* Nothing is committed under the alarm (13), so nothing is asked for. */
static void rule_9_2_an_alarmed_replica_asks_for_no_ranges(void **state)
{
    (void)state;
    begin_behind(30);
    struct pbft_block other = lone_block(&l, &b[2]);
    (void)lone_qc(&l, CERT_COMMIT, &b[3], 13);
    (void)lone_qc(&l, CERT_COMMIT, &other, 13);
    assert_true(l.look.is_alarmed);
    (void)lone_range(&l, 2, &b[1], 2, 0);
    for (size_t i = 0; i < lone_count(&l, PBFT_SEND_FETCH); i++)
        assert_int_equal(lone_act(&l, PBFT_SEND_FETCH, i)->fetch.kind, PBFT_FETCH_BLOCK);
}

/* It could not commit: it would only lie here, as long as somebody likes to send such. */
static void rule_9_2_a_range_that_leaves_a_gap_is_not_kept(void **state)
{
    (void)state;
    begin_behind(30);
    assert_int_equal(lone_range(&l, 2, &b[2], 4, 0), PBFT_DROP_NOT_ASKED);
    assert_false(pbft_wants_block(l.core, &b[2].digest, 2));
    assert_int_equal(l.look.certified_height, 5); /* its certificate is as good as any */
    assert_int_equal(lone_range(&l, 2, &b[1], 4, 0), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 4);
}

/* A certificate came as a whole, and one member's vote for the block: it is not asked before those
 * whose votes were not needed any more. */
static void rule_9_4_one_lying_voter_does_not_keep_a_body_from_me(void **state)
{
    (void)state;
    begin(4, 3);
    (void)lone_vote(&l, 2, CERT_PREPARE, &b[1]);
    (void)lone_qc(&l, CERT_PREPARE, &b[1], 7);
    uint32_t asked[4] = {0};
    for (int i = 0; i < 12; i++) {
        for (size_t k = 0; k < lone_count(&l, PBFT_SEND_FETCH); k++)
            asked[lone_act(&l, PBFT_SEND_FETCH, k)->to]++;
        (void)lone_tick(&l, 250);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(asked[i], 4);
}

/* Certificates rise faster than a FETCH is answered: what was asked for is taken still. */
static void rule_9_4_a_body_that_was_asked_for_is_taken_though_certificates_rose(void **state)
{
    (void)state;
    begin(4, 3);
    (void)lone_qc(&l, CERT_PREPARE, &b[2], 7);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
    assert_non_null(act);
    uint32_t to = act->to;
    (void)lone_qc(&l, CERT_PREPARE, &b[3], 7);
    (void)lone_qc(&l, CERT_PREPARE, &b[4], 7);
    assert_int_equal(lone_data(&l, to, &b[2], false), PBFT_KEEP);
    assert_true(pbft_wants_block(l.core, &b[2].digest, 2));
}

/* ---- silent members ---- */

enum { SILENT = 4, STARVED = 12, STARVED_MEMBERS = 13, STARVED_BLOCKS = 16 };

/* Whether one of the first SILENT members leaves this question unanswered. */
typedef bool silence(uint32_t from, size_t question);

static bool always(uint32_t from, size_t question)
{
    (void)from;
    (void)question;
    return true;
}

static bool every_other(uint32_t from, size_t question)
{
    (void)from;
    return question % 2 == 1;
}

static const struct pbft_block *by_digest(const struct digest *digest)
{
    for (int h = 1; h < RULE_BLOCKS; h++)
        if (digest_equal(&b[h].digest, digest))
            return &b[h];
    return NULL;
}

static size_t questions[STARVED_MEMBERS];
static size_t vain_count;

/* All FETCHes of bodies in the last output, and what is asked when those are answered. */
static void answer_fetches(silence *is_silent)
{
    struct pbft_act asked[16];
    size_t count = 0;
    const struct pbft_act *act;
    for (size_t i = 0; (act = lone_act(&l, PBFT_SEND_FETCH, i)) != NULL; i++)
        asked[count++] = *act;
    for (size_t i = 0; i < count; i++) {
        uint32_t to = asked[i].to;
        if (to < SILENT && is_silent(to, questions[to]++)) {
            vain_count++;
            continue;
        }
        (void)lone_data(&l, to, by_digest(&asked[i].fetch.digest), false);
        answer_fetches(is_silent);
    }
}

/* A base of which I have nothing but the NEW-VIEW. Returns how long it took to vote for it. */
static uint64_t starve(silence *is_silent)
{
    begin(STARVED_MEMBERS, STARVED);
    memset(questions, 0, sizeof questions);
    vain_count = 0;
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[STARVED_BLOCKS], others());
    leave(0);
    uint64_t from_ms = l.now_ms;
    adopt(1, &high);
    answer_fetches(is_silent);
    while (!l.look.has_tip && l.now_ms < from_ms + 600000) {
        uint64_t due_ms = pbft_deadline_ms(l.core);
        (void)lone_tick(&l, due_ms > l.now_ms ? due_ms - l.now_ms : 0);
        answer_fetches(is_silent);
    }
    assert_true(l.look.has_tip);
    return l.now_ms - from_ms;
}

/* The bodies of a base are asked for one after the other, since each names the one before. */
static void rule_9_4_silent_members_cost_their_t_s_once_and_not_for_each_block(void **state)
{
    (void)state;
    uint64_t took_ms = starve(always);
    assert_int_equal(vain_count, SILENT);
    assert_true(took_ms <= (SILENT + 1) * l.config.status_ms);
}

static void rule_9_4_whoever_answers_every_other_time_costs_no_more(void **state)
{
    (void)state;
    (void)starve(every_other);
    assert_true(vain_count <= SILENT);
}

/* The only FETCH of the last output. */
static uint32_t asked_member(void)
{
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 1);
    return lone_act(&l, PBFT_SEND_FETCH, 0)->to;
}

/* A late answer, and one of another block, are good for what they bring, and put nobody before
 * those that answer in time. */
static void rule_9_4_late_and_other_answers_put_nobody_first_again(void **state)
{
    (void)state;
    static const uint32_t turn[] = {4, 5, 1, 3};
    begin(7, 6);
    (void)lone_qc(&l, CERT_PREPARE, &b[8], others());
    assert_int_equal(asked_member(), 0);
    (void)lone_data(&l, 0, &b[1], false); /* another one */
    (void)lone_tick(&l, 250);
    assert_int_equal(asked_member(), 1);
    (void)lone_data(&l, 1, &b[8], false);
    assert_int_equal(asked_member(), 2);
    (void)lone_tick(&l, 250);
    assert_int_equal(asked_member(), 3);
    (void)lone_data(&l, 2, &b[7], false); /* late */
    uint32_t next = asked_member();
    (void)lone_data(&l, 3, &b[7], false); /* in time, though not the first */
    for (size_t i = 0; i < sizeof turn / sizeof turn[0]; i++) {
        assert_int_equal(next, turn[i]);
        (void)lone_data(&l, turn[i], &b[6 - i], false);
        next = asked_member();
    }
}

/* Member 0 answers whatever else it is asked for, and keeps one block back. */
static void rule_9_4_each_is_asked_for_a_block_before_anybody_again(void **state)
{
    (void)state;
    uint32_t asked[3] = {0};
    const struct pbft_block *other = &b[2];
    begin(4, 3);
    (void)lone_qc(&l, CERT_PREPARE, &b[1], 7);
    for (int i = 0; i < 12; i++) {
        uint32_t to = asked_member();
        asked[to]++;
        if (to == 1) {
            (void)lone_vote(&l, 0, CERT_PREPARE, other);
            (void)lone_vote(&l, 1, CERT_PREPARE, other);
            assert_int_equal(asked_member(), 0);
            assert_int_equal(lone_data(&l, 0, other++, false), PBFT_KEEP);
        }
        (void)lone_tick(&l, 250);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(asked[i], 4);
}

/* ---- late answers ---- */

static void rule_9_4_a_body_may_come_later_than_others_were_asked(void **state)
{
    (void)state;
    begin(4, 3);
    (void)lone_qc(&l, CERT_PREPARE, &b[2], 7);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
    assert_non_null(act);
    uint32_t to = act->to;
    for (int i = 0; i < 5; i++)
        (void)lone_tick(&l, 250);
    assert_int_equal(lone_data(&l, to, &b[2], false), PBFT_KEEP);
    assert_true(pbft_wants_block(l.core, &b[2].digest, 2));
}

/* The driver asks for blocks from this height; of member 2, whose turn it always is. */
static void ask_of_2(uint64_t from_height)
{
    struct pbft_event event = {.type = PBFT_EVENT_FETCH_RANGE};
    event.range.from_height = from_height;
    event.range.blocks_max = 1;
    (void)lone_step(&l, &event);
    assert_int_equal(lone_act(&l, PBFT_SEND_FETCH, 0)->to, 2);
    (void)lone_tick(&l, 250);
}

static void begin_with_2_ahead(void)
{
    begin(4, 1);
    for (int i = 1; i <= 8; i++)
        commit(&b[i]);
    (void)lone_status(&l, 2, 8);
}

static enum pbft_drop glance_at_range(uint32_t link, const struct pbft_block *first)
{
    struct pbft_msg m = lone_make_range(&l, link, first, 1, 0);
    return pbft_glance(l.core, &m);
}

/* What the driver waits for lies below the head, where nothing is welcome but what was asked for:
 * of that peer, from that height, and once. */
static void rule_9_4_an_answer_is_welcome_however_late(void **state)
{
    (void)state;
    begin_with_2_ahead();
    ask_of_2(3);
    (void)lone_tick(&l, 100000);
    assert_int_equal(glance_at_range(2, &b[3]), PBFT_KEEP);
    assert_int_equal(glance_at_range(0, &b[3]), PBFT_DROP_COMMITTED);
    assert_int_equal(glance_at_range(2, &b[4]), PBFT_DROP_COMMITTED);
    assert_int_equal(glance_at_range(2, &b[0]), PBFT_DROP_COMMITTED);
    (void)lone_range(&l, 2, &b[3], 1, 0);
    assert_int_equal(glance_at_range(2, &b[3]), PBFT_DROP_COMMITTED);
    ask_of_2(3);
    assert_int_equal(glance_at_range(2, &b[3]), PBFT_KEEP);
}

/* A late one frees no link: another question is under way. */
static void rule_9_4_a_late_answer_does_not_end_the_question_after_it(void **state)
{
    (void)state;
    struct pbft_event event = {.type = PBFT_EVENT_FETCH_RANGE};
    begin_with_2_ahead();
    ask_of_2(3);
    ask_of_2(4);
    event.range.from_height = 5;
    event.range.blocks_max = 1;
    assert_int_equal(lone_step(&l, &event), PBFT_KEEP);
    (void)lone_range(&l, 2, &b[3], 1, 0);
    assert_int_equal(lone_step(&l, &event), PBFT_DROP_BUDGET);
    (void)lone_range(&l, 2, &b[5], 1, 0);
    assert_int_equal(lone_step(&l, &event), PBFT_KEEP);
}

/* Six places (state.h); the same question takes one. */
static void rule_16_a_peer_owes_so_many_answers_and_no_more(void **state)
{
    (void)state;
    begin_with_2_ahead();
    for (uint64_t from = 1; from <= 6; from++)
        for (uint64_t times = 0; times < from; times++)
            ask_of_2(from);
    for (int i = 1; i <= 6; i++)
        assert_int_equal(glance_at_range(2, &b[i]), PBFT_KEEP);
    ask_of_2(7);
    assert_int_equal(glance_at_range(2, &b[1]), PBFT_DROP_COMMITTED);
    for (int i = 2; i <= 7; i++)
        assert_int_equal(glance_at_range(2, &b[i]), PBFT_KEEP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_9_2_each_next_range_is_asked_of_another_peer),
        RULE(rule_9_2_only_those_ahead_are_asked),
        RULE(rule_9_2_a_slow_source_is_passed_over),
        RULE(rule_9_2_a_late_range_does_not_hold_up_single_bodies),
        RULE(rule_9_2_sources_of_no_use_are_asked_once_each),
        RULE(rule_9_2_silent_sources_are_asked_once_each),
        RULE(rule_9_2_an_unasked_range_is_not_the_answer),
        RULE(rule_9_2_an_alarmed_replica_asks_for_no_ranges),
        RULE(rule_9_2_a_range_that_leaves_a_gap_is_not_kept),
        RULE(rule_9_4_one_lying_voter_does_not_keep_a_body_from_me),
        RULE(rule_9_4_a_body_that_was_asked_for_is_taken_though_certificates_rose),
        RULE(rule_9_4_silent_members_cost_their_t_s_once_and_not_for_each_block),
        RULE(rule_9_4_whoever_answers_every_other_time_costs_no_more),
        RULE(rule_9_4_late_and_other_answers_put_nobody_first_again),
        RULE(rule_9_4_each_is_asked_for_a_block_before_anybody_again),
        RULE(rule_9_4_a_body_may_come_later_than_others_were_asked),
        RULE(rule_9_4_an_answer_is_welcome_however_late),
        RULE(rule_9_4_a_late_answer_does_not_end_the_question_after_it),
        RULE(rule_16_a_peer_owes_so_many_answers_and_no_more),
    };
    return cmocka_run_group_tests_name("rules_9_sources", tests, NULL, NULL);
}
