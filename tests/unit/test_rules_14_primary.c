/* PROTOCOL.md 6.1 (c), 9.5, 16: evidence against the primary in this view is a reason to leave it,
 * whatever is known of him from views before, and costs no more than once in a view. */
#include "tests/unit/evidence_rules.h"
#include "tests/unit/rules_view.h"

enum { MEMBERS = 4, OWN = 3, PRIMARY = 0 };

/* Two proposals of the primary for the height above genesis, of the view that the test is in. */
static struct pbft_msg make_evidence(uint32_t link)
{
    struct pbft_block x = lone_block(&l, &b[0]), y = lone_block(&l, &b[0]);
    struct pbft_msg first = lone_make_pre_prepare(&l, PRIMARY, &x),
                    second = lone_make_pre_prepare(&l, PRIMARY, &y),
                    m = {.type = PBFT_EVIDENCE, .link = link, .from = link};
    assert_true(pbft_evidence_of_pre_prepares(&m.evidence, PRIMARY, &first.pre_prepare,
                                              &second.pre_prepare));
    return m;
}

/* Into another view of that primary, installed. */
static void enter(uint64_t view)
{
    leave(view - MEMBERS);
    adopt(view, NULL);
    install(&b[0]);
    assert_int_equal(l.look.complaint, PBFT_REASON_NONE);
}

/* View 4, with such a pair of view 0 in the book. */
static void begin_known(void)
{
    begin(MEMBERS, OWN);
    struct pbft_msg m = make_evidence(2);
    assert_int_equal(lone_msg(&l, &m), PBFT_KEEP);
    assert_found(PBFT_TWO_PRE_PREPARES, PRIMARY);
    enter(MEMBERS);
}

/* This very item left, and was not written. */
static void assert_told_only(const struct pbft_evidence *e)
{
    assert_int_equal(lone_count(&l, PBFT_WRITE_EVIDENCE), 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_EVIDENCE), 1);
    const struct pbft_act *send = lone_act(&l, PBFT_SEND_EVIDENCE, 0);
    assert_int_equal(send->to, PBFT_TO_ALL);
    assert_non_null(send->evidence);
    assert_int_equal(send->evidence->view, l.look.view);
    if (e != NULL)
        assert_memory_equal(send->evidence->parts, e->parts, sizeof e->parts);
}

static void rule_6_1_evidence_of_this_view_is_a_reason_whatever_is_known(void **state)
{
    (void)state;
    begin_known();
    for (uint64_t view = MEMBERS; view <= 3 * MEMBERS; view += MEMBERS) {
        if (view > MEMBERS)
            enter(view);
        struct pbft_msg m = make_evidence(2);
        assert_int_equal(pbft_glance(l.core, &m), PBFT_KEEP);
        assert_int_equal(lone_msg(&l, &m), PBFT_KEEP);
        assert_int_equal(l.look.complaint, PBFT_REASON_FAULTY);
        assert_told_only(&m.evidence);
    }
}

/* Verified and handed on once in a view; and the book does not grow. */
static void rule_16_evidence_of_a_known_kind_costs_once_in_a_view(void **state)
{
    (void)state;
    begin_known();
    struct pbft_msg m = make_evidence(2);
    (void)lone_msg(&l, &m);
    size_t known_count = l.evidence_count;
    for (uint32_t link = 0; link < OWN; link++) {
        m = make_evidence(link);
        assert_int_equal(pbft_glance(l.core, &m), PBFT_DROP_DUPLICATE);
        assert_int_equal(lone_msg(&l, &m), PBFT_DROP_DUPLICATE);
        assert_nothing_found();
    }
    assert_int_equal(l.evidence_count, known_count);
    assert_int_equal(pbft_evidence_kinds(l.core, PRIMARY),
                     PBFT_EVIDENCE_BIT(PBFT_TWO_PRE_PREPARES));
}

/* What is of another view, or against another member, changes nothing if its kind is known. */
static void rule_16_evidence_of_a_known_kind_of_another_view_is_dropped(void **state)
{
    (void)state;
    begin_known();
    static const uint64_t views[] = {0, MEMBERS - 1, MEMBERS + 1, 2 * MEMBERS};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        l.view = views[i];
        struct pbft_msg m = make_evidence(2);
        assert_int_equal(lone_msg(&l, &m), PBFT_DROP_DUPLICATE);
        assert_nothing_found();
    }
    assert_int_equal(l.look.complaint, PBFT_REASON_NONE);
}

/* Whoever found it is not left to complain alone: f+1 have to (6.4). */
static void rule_9_5_who_finds_the_primary_faulty_tells_all_whatever_is_known(void **state)
{
    (void)state;
    begin_known();
    struct pbft_block other[3];
    for (int i = 0; i < 3; i++)
        other[i] = lone_block(&l, &b[0]);
    assert_int_equal(lone_pre_prepare(&l, PRIMARY, &other[0]), PBFT_KEEP);
    assert_int_equal(lone_pre_prepare(&l, PRIMARY, &other[1]), PBFT_DROP_CONFLICT);
    assert_told_only(NULL);
    assert_int_equal(lone_pre_prepare(&l, PRIMARY, &other[2]), PBFT_DROP_CONFLICT);
    assert_nothing_found();
}

/* An invalid block is told to nobody (14.2): who complains for one has something to tell still. */
static void rule_9_5_who_complains_for_an_accusation_tells_what_he_finds(void **state)
{
    (void)state;
    begin_known();
    struct pbft_block bad = lone_block(&l, &b[0]), other = lone_block(&l, &b[0]);
    assert_int_equal(lone_pre_prepare(&l, PRIMARY, &bad), PBFT_KEEP);
    assert_int_equal(lone_checked(&l, &bad, PBFT_CHECK_INVALID, 0), PBFT_DROP_INVALID_BLOCK);
    assert_int_equal(l.look.complaint, PBFT_REASON_FAULTY);
    assert_nothing_found();
    struct pbft_msg m = lone_make_pre_prepare(&l, PRIMARY, &other);
    assert_int_equal(pbft_glance(l.core, &m), PBFT_KEEP);
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_CONFLICT);
    assert_told_only(NULL);
    assert_int_equal(pbft_glance(l.core, &m), PBFT_DROP_CONFLICT);
}

/* What goes to all because its kind is new has told them of this view. */
static void rule_9_5_new_evidence_against_the_primary_is_told_once(void **state)
{
    (void)state;
    begin(MEMBERS, OWN);
    struct pbft_block other = lone_block(&l, &b[0]), third = lone_block(&l, &b[0]);
    assert_int_equal(lone_pre_prepare(&l, PRIMARY, &b[1]), PBFT_KEEP);
    assert_int_equal(lone_pre_prepare(&l, PRIMARY, &other), PBFT_DROP_CONFLICT);
    assert_found(PBFT_TWO_PRE_PREPARES, PRIMARY);
    assert_int_equal(lone_pre_prepare(&l, PRIMARY, &third), PBFT_DROP_CONFLICT);
    assert_nothing_found();
}

static enum pbft_drop find_bad_body(void)
{
    static uint8_t block[200];
    struct pbft_block proposed = lone_block(&l, &b[0]);
    struct pbft_msg m = lone_make_pre_prepare(&l, PRIMARY, &proposed);
    struct pbft_evidence e;
    m.pre_prepare.bytes = bytes_of(block, sizeof block);
    assert_true(pbft_evidence_of_body(&e, PRIMARY, &m.pre_prepare, 3));
    return lone_step(&l, &(struct pbft_event){.type = PBFT_EVENT_EVIDENCE, .evidence = &e});
}

/* 16: it may be as large as a block, and whoever has it finds it by himself. */
static void rule_9_5_a_bad_body_of_a_known_kind_goes_nowhere(void **state)
{
    (void)state;
    begin(MEMBERS, OWN);
    assert_int_equal(find_bad_body(), PBFT_KEEP);
    assert_found(PBFT_BAD_BODY, PRIMARY);
    enter(MEMBERS);
    assert_int_equal(find_bad_body(), PBFT_KEEP);
    assert_int_equal(l.look.complaint, PBFT_REASON_FAULTY);
    assert_nothing_found();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_6_1_evidence_of_this_view_is_a_reason_whatever_is_known),
        RULE(rule_16_evidence_of_a_known_kind_costs_once_in_a_view),
        RULE(rule_16_evidence_of_a_known_kind_of_another_view_is_dropped),
        RULE(rule_9_5_who_finds_the_primary_faulty_tells_all_whatever_is_known),
        RULE(rule_9_5_who_complains_for_an_accusation_tells_what_he_finds),
        RULE(rule_9_5_new_evidence_against_the_primary_is_told_once),
        RULE(rule_9_5_a_bad_body_of_a_known_kind_goes_nowhere),
    };
    return cmocka_run_group_tests_name("rules_14_primary", tests, NULL, NULL);
}
