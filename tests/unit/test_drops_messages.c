/* PROTOCOL.md 3.2, 3.3, 8.1, 9.4 and 16: messages that are not for this core, by a glance and in a
 * step alike, and what goes beyond a bound of fetching. */
#include <string.h>

#include "tests/unit/rules_view.h"

static const struct digest root = {{1}};

static enum pbft_drop glance_and_step(const struct pbft_msg *m)
{
    enum pbft_drop drop = pbft_glance(l.core, m);
    assert_int_equal(lone_msg(&l, m), drop);
    return drop;
}

/* ---- 3.2: who, and what ---- */

/* One message of each type that a member may sign, with nothing wrong about it. */
static size_t one_of_each(struct pbft_msg *out)
{
    struct pbft_msg each[] = {
        lone_make_pre_prepare(&l, 0, &b[1]),
        lone_make_vote(&l, 2, CERT_PREPARE, &b[1]),
        lone_make_vote(&l, 2, CERT_COMMIT, &b[1]),
        lone_make_status(&l, 2, 0),
        lone_make_complain(&l, 2, 0),
        lone_make_view_change(&l, 2, 1, NULL),
        lone_make_new_view(&l, 1, others(), NULL),
        lone_make_checkpoint(&l, 2, &b[1], &root),
        lone_make_qc(&l, CERT_PREPARE, &b[1], others()),
        lone_make_data(&l, 0, &b[1], true),
    };
    memcpy(out, each, sizeof each);
    return sizeof each / sizeof each[0];
}

/* Whoever is not in the member table is nobody, whatever it says: his signature is not looked for,
 * and no place of a member is looked into. */
static void rule_3_2_a_stranger_is_dropped_at_a_glance(void **state)
{
    (void)state;
    static struct pbft_msg each[16];
    begin(4, 1);
    size_t count = one_of_each(each);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pbft_glance(l.core, &each[i]), PBFT_KEEP);
    static const uint32_t strangers[] = {4, MEMBERS_MAX, UINT32_MAX};
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sizeof strangers / sizeof strangers[0]; k++) {
            struct pbft_msg from = each[i], link = each[i];
            from.from = link.link = strangers[k];
            assert_int_equal(glance_and_step(&from), PBFT_DROP_NOT_A_MEMBER);
            assert_int_equal(glance_and_step(&link), PBFT_DROP_NOT_A_MEMBER);
            assert_int_equal(l.out.acts_count, 0);
        }
}

/* Pieces of a state pass between drivers (9.3): the core makes nothing of one. */
static void rule_9_3_pieces_are_not_for_the_core(void **state)
{
    (void)state;
    static const enum pbft_msg_type types[] = {PBFT_FETCH_PIECE, PBFT_PIECE};
    begin(4, 1);
    for (int i = 0; i < 2; i++) {
        struct pbft_msg m = {.type = types[i], .link = 2, .from = 2};
        assert_int_equal(pbft_glance(l.core, &m), PBFT_KEEP); /* the driver wants it */
        assert_int_equal(lone_msg(&l, &m), PBFT_DROP_NOT_ASKED);
        assert_int_equal(l.out.acts_count, 0);
    }
}

/* The decoder makes no other types. Should it learn one, the core has no rule for it. */
static void a_type_without_a_rule_is_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_msg m = {.type = PBFT_MSG_TYPE_END, .link = 2, .from = 2};
    assert_int_equal(glance_and_step(&m), PBFT_DROP_NOT_YET);
    assert_int_equal(l.out.acts_count, 0);
}

/* ---- a state's certificate commits nothing ---- */

/* A CHECKPOINT has no view and no rank: it is no vote, and q of them are no QC, whichever message
 * brings them. (The decoder lets none of these through.) */
static void rule_8_1_a_checkpoint_is_no_vote_and_no_qc(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_msg vote = lone_make_vote(&l, 2, CERT_COMMIT, &b[1]);
    vote.vote.statement.kind = CERT_CHECKPOINT;
    assert_int_equal(glance_and_step(&vote), PBFT_DROP_NOT_YET);
    struct pbft_msg range = lone_make_range(&l, 2, &b[1], 2, 0);
    range.data.certificate.statement.kind = CERT_CHECKPOINT;
    assert_int_equal(glance_and_step(&range), PBFT_DROP_NOT_YET);
    assert_false(l.look.has_high);
    assert_int_equal(l.look.committed.height, 0);
}

/* ---- 8.1: certificates of states ---- */

static void rule_8_1_a_checkpoint_certificate_of_another_epoch_is_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_msg m = {.type = PBFT_QC, .link = 2, .from = 2};
    m.qc = lone_checkpoint_certificate(&l, &b[4], &root, others());
    m.qc.statement.epoch = 1;
    assert_int_equal(glance_and_step(&m), PBFT_DROP_OTHER_EPOCH);
    assert_int_equal(l.look.checkpoint_height, 0);
    m.qc.statement.epoch = 0;
    assert_int_equal(glance_and_step(&m), PBFT_KEEP);
    assert_int_equal(l.look.checkpoint_height, 4);
}

/* 3.3: at and below stable none is needed, so none is verified: after a start too, when stable is
 * all that is known of the states. */
static void rule_3_3_no_checkpoint_certificate_up_to_stable_is_needed(void **state)
{
    (void)state;
    begin(4, 1);
    for (int h = 1; h <= 4; h++)
        commit(&b[h]);
    (void)lone_root(&l, &b[2], &root);
    (void)lone_root(&l, &b[4], &root);
    struct pbft_msg m[5];
    for (int h = 1; h <= 4; h++) {
        m[h] = (struct pbft_msg){.type = PBFT_QC, .link = 2, .from = 2};
        m[h].qc = lone_checkpoint_certificate(&l, &b[h], &root, others());
    }
    assert_int_equal(glance_and_step(&m[4]), PBFT_KEEP);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(l.look.stable_height, 4);
        for (int h = 1; h <= 4; h++)
            assert_int_equal(glance_and_step(&m[h]), PBFT_DROP_NOT_NEEDED);
        lone_start(&l);
    }
}

/* ---- 9.4, 16: what is being fetched ---- */

static enum pbft_drop fetch_range(uint64_t from_height)
{
    struct pbft_event event = {.type = PBFT_EVENT_FETCH_RANGE};
    event.range.from_height = from_height;
    event.range.blocks_max = 5;
    return lone_step(&l, &event);
}

/* PBFT_FETCHES_MAX: ranges for the driver count too. */
static void rule_16_no_more_than_eight_ranges_for_the_driver_are_under_way(void **state)
{
    (void)state;
    begin(16, 1);
    (void)lone_range(&l, 2, &b[1], 1, 0);
    assert_int_equal(l.look.committed.height, 1);
    for (uint32_t from = 2; from < 16; from++)
        (void)lone_status(&l, from, 1);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(fetch_range(1), PBFT_KEEP);
        assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 1);
    }
    assert_int_equal(fetch_range(1), PBFT_DROP_BUDGET);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    l.now_ms += l.config.status_ms;
    assert_int_equal(fetch_range(1), PBFT_KEEP);
}

/* A body that was asked for while there was room is not kept when there is none any more. The one
 * that is the next to commit always is. */
static void rule_16_a_fetched_body_that_comes_too_late_for_its_room_is_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    l.block_bytes = LONE_BLOCK_BYTES_MAX;
    const struct pbft_block *wanted[] = {&b[6], &b[1]};
    uint32_t asked[2];
    for (int i = 0; i < 2; i++) {
        (void)lone_vote(&l, 2, CERT_PREPARE, wanted[i]);
        (void)lone_vote(&l, 3, CERT_PREPARE, wanted[i]);
        assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 1);
        asked[i] = lone_act(&l, PBFT_SEND_FETCH, 0)->to;
    }
    for (int h = 2; h <= 5; h++)
        assert_int_equal(lone_pre_prepare(&l, 0, &b[h]), PBFT_KEEP);
    assert_int_equal(lone_data(&l, asked[0], &b[6], false), PBFT_DROP_NO_ROOM);
    assert_false(pbft_wants_block(l.core, &b[6].digest, 6));
    assert_int_equal(lone_data(&l, asked[1], &b[1], false), PBFT_KEEP);
    assert_true(pbft_wants_block(l.core, &b[1].digest, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_3_2_a_stranger_is_dropped_at_a_glance),
        RULE(rule_9_3_pieces_are_not_for_the_core),
        RULE(a_type_without_a_rule_is_dropped),
        RULE(rule_8_1_a_checkpoint_is_no_vote_and_no_qc),
        RULE(rule_8_1_a_checkpoint_certificate_of_another_epoch_is_dropped),
        RULE(rule_3_3_no_checkpoint_certificate_up_to_stable_is_needed),
        RULE(rule_16_no_more_than_eight_ranges_for_the_driver_are_under_way),
        RULE(rule_16_a_fetched_body_that_comes_too_late_for_its_room_is_dropped),
    };
    return cmocka_run_group_tests_name("drops_messages", tests, NULL, NULL);
}
