/* What the rule tests of sections 6 to 9 share: ways from one view into the next. */
#ifndef TESTS_UNIT_RULES_VIEW_H
#define TESTS_UNIT_RULES_VIEW_H

#include "tests/unit/rules.h"

static inline uint32_t others(void)
{
    return (uint32_t)((1ull << l.config.members.members_count) - 1) & ~(1u << l.config.own_index);
}

/* f + 1 members complain about this view, maybe this one among them: into the next, CHANGING. */
static inline void leave(uint64_t view)
{
    uint32_t left = faulty_max_of(l.config.members.members_count) + 1;
    for (uint32_t from = 0; left > 0 && l.look.view <= view; from++)
        if (from != l.config.own_index) {
            assert_int_equal(lone_complain(&l, from, view), PBFT_KEEP);
            left--;
        }
    assert_int_equal(l.look.view, view + 1);
    assert_int_equal(l.look.mode, PBFT_CHANGING);
    l.view = view + 1;
}

/* NORMAL in this view by a NEW-VIEW, which takes this for its base; NULL: the epoch's. */
static inline void adopt(uint64_t view, const struct certificate *high)
{
    l.view = view;
    assert_int_equal(lone_new_view(&l, view, high), PBFT_KEEP);
    assert_int_equal(l.look.view, view);
    assert_int_equal(l.look.mode, PBFT_NORMAL);
}

/* The base is committed once more, in its view. */
static inline void install(const struct pbft_block *base)
{
    assert_false(l.look.is_installed);
    (void)lone_qc(&l, CERT_COMMIT, base, others());
    assert_true(l.look.is_installed);
}

/* From one view into the next, which is installed on this committed block. */
static inline void go_on(uint64_t view, const struct pbft_block *base)
{
    struct certificate high = lone_certificate(&l, CERT_COMMIT, view, base, others());
    leave(view);
    adopt(view + 1, base->height == 0 ? NULL : &high);
    install(base);
}

static inline bool sends_anything_for(enum cert_kind kind)
{
    const struct pbft_act *act;
    for (size_t i = 0; (act = lone_act(&l, PBFT_SEND_VOTE, i)) != NULL; i++)
        if (act->vote.statement.kind == kind)
            return true;
    return false;
}

/* ---- ages and complaints (6) ---- */

/* One transaction, executable and sent to all since now. */
static inline void sent_to_all(void)
{
    struct pbft_pool pool = {true, .oldest_ms = l.now_ms, .fair_since_ms = l.now_ms};
    (void)lone_pool_of(&l, &pool);
}

static inline void assert_quiet(uint64_t for_ms)
{
    assert_int_equal(lone_wait(&l, for_ms).complaints_count, 0);
    assert_int_equal(l.look.complaint, PBFT_REASON_NONE);
}

/* The first complaint from here on comes after exactly so long. */
static inline void assert_complains_after(uint64_t ms, enum pbft_reason reason)
{
    struct lone_waited w = lone_wait(&l, ms);
    assert_true(w.complaints_count == 1 && w.complained_ms == ms);
    assert_true(w.reason == reason && l.look.complaint == reason);
}

#endif
