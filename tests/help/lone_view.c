/* What a lone core is shown of complaints, view changes and checkpoints; and time that passes. */
#include <string.h>

#include "crypto/base/check.h"
#include "tests/help/lone.h"

static uint32_t count_of(const struct lone *l)
{
    return l->config.members.members_count;
}

static uint32_t others_of(const struct lone *l)
{
    uint32_t all = (uint32_t)((1ull << count_of(l)) - 1);
    return all & ~(1u << l->config.own_index);
}

/* ---- certificates ---- */

struct certificate lone_certificate(const struct lone *l, enum cert_kind kind, uint64_t view,
                                    const struct pbft_block *block, uint32_t signers)
{
    struct statement s = {
        .kind = kind, .view = view, .height = block->height, .digest = block->digest};
    struct certificate c;
    fake_certificate(&c, &s, signers, quorum_of(count_of(l)), &l->config.chain_id);
    return c;
}

static struct statement checkpoint_of(const struct pbft_block *block, const struct digest *root)
{
    return (struct statement){.kind = CERT_CHECKPOINT,
                              .height = block->height,
                              .digest = block->digest,
                              .state_root = *root};
}

struct certificate lone_checkpoint_certificate(const struct lone *l, const struct pbft_block *block,
                                               const struct digest *root, uint32_t signers)
{
    struct statement s = checkpoint_of(block, root);
    struct certificate c;
    fake_certificate(&c, &s, signers, quorum_of(count_of(l)), &l->config.chain_id);
    return c;
}

enum pbft_drop lone_certified(struct lone *l, const struct certificate *c)
{
    uint32_t link = l->config.own_index == 0 ? 1 : 0;
    struct pbft_msg m = {.type = PBFT_QC, .link = link, .from = link};
    m.qc = *c;
    return lone_msg(l, &m);
}

/* ---- views ---- */

struct pbft_msg lone_make_complain(const struct lone *l, uint32_t from, uint64_t view)
{
    struct pbft_msg m = {.type = PBFT_COMPLAIN, .link = from, .from = from};
    m.complain = (struct pbft_complain){.view = view, .reason = PBFT_REASON_STALLED};
    fake_sign_complain(&m.complain, from, &l->config.chain_id);
    return m;
}

struct pbft_msg lone_make_view_change(const struct lone *l, uint32_t from, uint64_t view,
                                      const struct certificate *high)
{
    struct pbft_msg m = {.type = PBFT_VIEW_CHANGE, .link = from, .from = from};
    CHECK(view > 0);
    m.view_change.view = view;
    m.view_change.has_high = high != NULL;
    if (high != NULL)
        m.view_change.high = *high;
    fake_lc(&m.view_change.lc, 0, view - 1, PBFT_REASON_STALLED, others_of(l), count_of(l),
            &l->config.chain_id);
    fake_sign_view_change(&m.view_change, from, &l->config.chain_id);
    return m;
}

struct pbft_msg lone_make_new_view(const struct lone *l, uint64_t view, uint32_t senders,
                                   const struct certificate *const *highs)
{
    uint32_t n = count_of(l), q = quorum_of(n), primary = pbft_primary_of(0, view, n);
    struct pbft_msg m = {.type = PBFT_NEW_VIEW, .link = primary, .from = primary};
    struct pbft_new_view *v = &m.new_view;
    v->view = view;
    for (uint32_t i = 0; i < n && v->entries_count < q; i++) {
        if ((senders >> i & 1) == 0)
            continue;
        struct pbft_msg part = lone_make_view_change(l, i, view, highs == NULL ? NULL : highs[i]);
        v->entries[v->entries_count++] =
            (struct pbft_new_view_entry){.from = i, .view_change = part.view_change};
    }
    CHECK(v->entries_count == q);
    fake_sign_new_view(v, primary, &l->config.chain_id);
    return m;
}

enum pbft_drop lone_complain(struct lone *l, uint32_t from, uint64_t view)
{
    struct pbft_msg m = lone_make_complain(l, from, view);
    return lone_msg(l, &m);
}

enum pbft_drop lone_view_change(struct lone *l, uint32_t from, uint64_t view,
                                const struct certificate *high)
{
    struct pbft_msg m = lone_make_view_change(l, from, view, high);
    return lone_msg(l, &m);
}

enum pbft_drop lone_new_view(struct lone *l, uint64_t view, const struct certificate *high)
{
    const struct certificate *highs[MEMBERS_MAX];
    for (uint32_t i = 0; i < MEMBERS_MAX; i++)
        highs[i] = high;
    struct pbft_msg m = lone_make_new_view(l, view, others_of(l), highs);
    return lone_msg(l, &m);
}

/* ---- checkpoints ---- */

struct pbft_msg lone_make_checkpoint(const struct lone *l, uint32_t from,
                                     const struct pbft_block *block, const struct digest *root)
{
    struct pbft_msg m = {.type = PBFT_CHECKPOINT, .link = from, .from = from};
    m.vote.statement = checkpoint_of(block, root);
    fake_sign_vote(&m.vote, from, &l->config.chain_id);
    return m;
}

enum pbft_drop lone_checkpoint(struct lone *l, uint32_t from, const struct pbft_block *block,
                               const struct digest *root)
{
    struct pbft_msg m = lone_make_checkpoint(l, from, block, root);
    return lone_msg(l, &m);
}

enum pbft_drop lone_root(struct lone *l, const struct pbft_block *block, const struct digest *root)
{
    struct pbft_event event = {
        .type = PBFT_EVENT_ROOT,
        .root = {.height = block->height, .digest = block->digest, .root = *root}};
    return lone_step(l, &event);
}

/* ---- time ---- */

static void count_sends(const struct lone *l, struct lone_waited *w, uint64_t passed_ms)
{
    const struct pbft_act *act = lone_act(l, PBFT_SEND_COMPLAIN, 0);
    if (act != NULL && w->complaints_count == 0) {
        w->complained_ms = passed_ms;
        w->reason = act->complain.reason;
    }
    w->complaints_count += lone_count(l, PBFT_SEND_COMPLAIN);
    w->view_changes_count += lone_count(l, PBFT_SEND_VIEW_CHANGE);
    w->new_views_count += lone_count(l, PBFT_SEND_NEW_VIEW);
    w->roots_asked_count += lone_count(l, PBFT_ASK_ROOT);
}

struct lone_waited lone_wait(struct lone *l, uint64_t for_ms)
{
    struct lone_waited w = {0};
    uint64_t begun_ms = l->now_ms, until_ms = l->now_ms + for_ms;
    while (l->now_ms < until_ms) {
        uint64_t due_ms = pbft_deadline_ms(l->core);
        CHECK(due_ms > l->now_ms);
        (void)lone_tick(l, (due_ms < until_ms ? due_ms : until_ms) - l->now_ms);
        count_sends(l, &w, l->now_ms - begun_ms);
    }
    return w;
}
