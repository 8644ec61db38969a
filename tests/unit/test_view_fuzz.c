/* A core under random messages of many views, in worlds in which any number of members may lie: any
 * certificate, list of complaints and NEW-VIEW of valid form can come. No CHECK trips; over a life
 * with restarts from what was written its own votes never conflict per kind, view and height, it
 * has one VIEW-CHANGE, one COMPLAIN and one NEW-VIEW per view, and what it writes only rises. */
#include "tests/help/unit.h"

#include <string.h>

#include "crypto/base/prng.h"
#include "tests/help/lone.h"

enum { WORLDS = 1600, EVENTS = 300, HEIGHTS = 48, VIEWS = 24, STRAYS = 16 };

struct world {
    struct lone lone;
    struct prng prng;
    uint32_t strays_percent; /* how much of what comes is not of the one chain */
    struct pbft_block chain[HEIGHTS + 64];
    struct pbft_block strays[STRAYS];
    uint32_t strays_count;
    struct pbft_checked asked_check;
    struct pbft_ticket asked_build;
    bool has_check, has_build;
    /* Over its whole life. */
    bool is_said[3][VIEWS][HEIGHTS]; /* PREPARE, COMMIT, PRE-PREPARE */
    struct digest said[3][VIEWS][HEIGHTS];
    bool has_view_change[VIEWS], has_complained[VIEWS], has_new_view[VIEWS];
    struct signature view_changes[VIEWS], complaints[VIEWS], new_views[VIEWS];
    struct digest committed[HEIGHTS];
    uint64_t committed_height;
    struct pbft_view_of before; /* this event */
    bool was_mute;
};

static void hold(struct world *w);

static struct {
    uint64_t votes, base_votes, view_changes, new_views, installed, commits, stable, alarms,
        learners, spoiled, diverged, restarts;
} seen;

static uint64_t draw(struct world *w, uint64_t bound)
{
    return prng_below(&w->prng, bound);
}

static uint32_t count_of(const struct world *w)
{
    return w->lone.config.members.members_count;
}

static uint32_t others_of(const struct world *w)
{
    return ((1u << count_of(w)) - 1) & ~(1u << w->lone.config.own_index);
}

static uint32_t draw_other(struct world *w)
{
    uint32_t at = (uint32_t)draw(w, count_of(w));
    return at == w->lone.config.own_index && draw(w, 200) > 0 ? (at + 1) % count_of(w) : at;
}

/* Mostly the view that it is in, or near it. */
static uint64_t draw_view(struct world *w)
{
    uint64_t view = w->lone.look.view, how = draw(w, 24);
    if (how == 0)
        return draw(w, 2) == 0 ? UINT64_MAX : draw(w, VIEWS);
    if (how < 4 && view > 0)
        return view - 1;
    return how < 8 && view < VIEWS ? view + 1 + draw(w, 2) : view;
}

static struct pbft_block draw_block(struct world *w)
{
    uint64_t head = w->lone.look.committed.height;
    uint64_t height = draw(w, 4) == 0 ? draw(w, head + 6) : head + draw(w, 4);
    height = height < HEIGHTS ? height : HEIGHTS - 1;
    if (draw(w, 100) >= w->strays_percent)
        return w->chain[height];
    if (w->strays_count > 0 && draw(w, 2) == 0)
        return w->strays[draw(w, w->strays_count)];
    struct pbft_block block = lone_block(&w->lone, &w->chain[height]);
    w->strays[w->strays_count < STRAYS ? w->strays_count++ : draw(w, STRAYS)] = block;
    return block;
}

/* Mostly not one of COMMITs that no view below this one can have left above its base (13). */
static enum cert_kind draw_kind(struct world *w, uint64_t view, uint64_t height)
{
    const struct pbft_view_of *look = &w->lone.look;
    enum cert_kind kind = draw(w, 2) == 0 ? CERT_PREPARE : CERT_COMMIT;
    bool is_alarming = view < look->view && height > look->base.height;
    return is_alarming && draw(w, 40) > 0 ? CERT_PREPARE : kind;
}

/* One of a view below this; false: the base of the epoch. */
static bool draw_high(struct world *w, uint64_t below_view, struct certificate *out)
{
    struct pbft_block block = draw_block(w);
    uint64_t view =
        below_view <= 3 || draw(w, 4) == 0 ? draw(w, below_view) : below_view - 1 - draw(w, 3);
    enum cert_kind kind = draw_kind(w, view, block.height);
    if (view + 1 < below_view && draw(w, 40) > 0)
        kind = CERT_PREPARE;
    if (draw(w, 8) == 0)
        return false;
    *out = lone_certificate(&w->lone, kind, view, &block, others_of(w));
    return true;
}

/* ---- messages ---- */

static void send_vote(struct world *w)
{
    struct pbft_block block = draw_block(w);
    w->lone.view = draw_view(w);
    (void)lone_vote(&w->lone, draw_other(w), draw(w, 2) == 0 ? CERT_PREPARE : CERT_COMMIT, &block);
}

static void send_votes(struct world *w)
{
    struct pbft_block block = draw_block(w);
    w->lone.view = w->lone.look.view;
    enum cert_kind kind = draw(w, 2) == 0 ? CERT_PREPARE : CERT_COMMIT;
    for (uint32_t from = 0; from < count_of(w); from++)
        if (from != w->lone.config.own_index) {
            (void)lone_vote(&w->lone, from, kind, &block);
            hold(w);
        }
}

static void send_qc(struct world *w)
{
    struct pbft_block block = draw_block(w);
    uint64_t view = draw_view(w);
    enum cert_kind kind = draw_kind(w, view, block.height);
    struct certificate c = lone_certificate(&w->lone, kind, view, &block, others_of(w));
    (void)lone_certified(&w->lone, &c);
}

static void send_pre_prepare(struct world *w)
{
    const struct pbft_view_of *look = &w->lone.look;
    struct pbft_block block = draw_block(w);
    if (draw(w, 3) > 0 && look->has_tip && look->tip.height + 1 < HEIGHTS)
        block = draw(w, 4) > 0 ? w->chain[look->tip.height + 1] : lone_block(&w->lone, &look->tip);
    w->lone.view = draw_view(w);
    uint32_t primary = pbft_primary_of(0, w->lone.view, count_of(w));
    if (primary != w->lone.config.own_index)
        (void)lone_pre_prepare(&w->lone, primary, &block);
}

static void send_complain(struct world *w)
{
    uint64_t view = draw_view(w);
    if (view < UINT64_MAX)
        (void)lone_complain(&w->lone, draw_other(w), view);
}

static void send_view_change(struct world *w)
{
    struct certificate high;
    uint64_t view = draw_view(w);
    if (view == 0 || (view > VIEWS && draw(w, 8) > 0))
        return;
    bool has_high = draw_high(w, view, &high);
    (void)lone_view_change(&w->lone, draw_other(w), view, has_high ? &high : NULL);
}

static void send_new_view(struct world *w)
{
    struct certificate highs[MEMBERS_MAX];
    const struct certificate *pointers[MEMBERS_MAX] = {NULL};
    uint64_t view = draw_view(w);
    if (view == 0 || view > VIEWS ||
        pbft_primary_of(0, view, count_of(w)) == w->lone.config.own_index)
        return;
    for (uint32_t i = 0; i < count_of(w); i++) {
        if (draw(w, 3) == 0) /* V of a world that agrees */
            highs[i] = lone_certificate(&w->lone, CERT_COMMIT, view - 1,
                                        &w->chain[w->committed_height], others_of(w));
        else if (!draw_high(w, view, &highs[i]))
            continue;
        pointers[i] = &highs[i];
    }
    struct pbft_msg m = lone_make_new_view(&w->lone, view, others_of(w), pointers);
    const struct certificate *base = pbft_new_view_base(&m.new_view);
    struct pbft_event event = {.type = PBFT_EVENT_MSG, .msg = &m};
    if (base != NULL && base->statement.height <= w->committed_height)
        event.base_digest = &w->committed[base->statement.height];
    (void)lone_step(&w->lone, &event);
}

static void send_checkpoint(struct world *w)
{
    const struct digest root = {{(uint8_t)(draw(w, 60) == 0)}};
    struct pbft_block block = draw_block(w);
    if (draw(w, 4) > 0) {
        (void)lone_checkpoint(&w->lone, draw_other(w), &block, &root);
        return;
    }
    struct certificate c = lone_checkpoint_certificate(&w->lone, &block, &root, others_of(w));
    (void)lone_certified(&w->lone, &c);
}

static void tell_root(struct world *w)
{
    static const struct digest root = {{0}};
    uint64_t height = w->committed_height == 0 ? 0 : 1 + draw(w, w->committed_height);
    struct pbft_block block = {.height = height, .digest = w->committed[height]};
    if (height > 0)
        (void)lone_root(&w->lone, &block, &root);
}

static void send_status(struct world *w)
{
    w->lone.view = draw_view(w);
    struct pbft_msg m = lone_make_status(&w->lone, draw_other(w), draw(w, w->committed_height + 2));
    m.status.mode = draw(w, 2) == 0 ? PBFT_NORMAL : PBFT_CHANGING;
    m.status.stable_height = draw(w, w->committed_height + 2);
    m.status.high.view = draw_view(w);
    (void)lone_msg(&w->lone, &m);
}

static void send_data(struct world *w)
{
    struct pbft_block block = draw_block(w);
    w->lone.view = draw_view(w);
    if (draw(w, 3) > 0)
        (void)lone_data(&w->lone, draw_other(w), &block, false);
    else if (w->committed_height + 8 < HEIGHTS &&
             (w->lone.view >= w->lone.look.view || draw(w, 40) == 0))
        (void)lone_range(&w->lone, draw_other(w), &w->chain[w->committed_height + 1],
                         1 + (uint32_t)draw(w, 3), (uint32_t)draw(w, 3));
}

static void send_fetch(struct world *w)
{
    struct pbft_block block = draw_block(w);
    (void)lone_fetch(&w->lone, draw_other(w), &block);
}

static void answer(struct world *w)
{
    struct pbft_event event = {.type = PBFT_EVENT_CHECKED, .checked = w->asked_check};
    if (w->has_check && draw(w, 2) == 0) {
        w->has_check = false;
        event.checked.answer = draw(w, 12) > 0 ? PBFT_CHECK_VALID : PBFT_CHECK_INVALID;
        (void)lone_step(&w->lone, &event);
    } else if (w->has_build && w->asked_build.height < HEIGHTS) {
        struct pbft_block parent = {.height = w->asked_build.height - 1,
                                    .digest = w->asked_build.parent};
        bool is_chain = digest_equal(&w->chain[parent.height].digest, &parent.digest);
        event = (struct pbft_event){.type = PBFT_EVENT_BUILT};
        event.built.ticket = w->asked_build;
        event.built.has_block = true;
        event.built.block = is_chain ? w->chain[parent.height + 1] : lone_block(&w->lone, &parent);
        w->has_build = false;
        (void)lone_step(&w->lone, &event);
    }
}

static void pass_time(struct world *w)
{
    (void)lone_tick(&w->lone, draw(w, 20) == 0 ? draw(w, 100000) : draw(w, 600));
    assert_true(pbft_deadline_ms(w->lone.core) > w->lone.now_ms);
}

static void tell_pool(struct world *w)
{
    struct pbft_pool pool = {.has_executable = draw(w, 4) > 0,
                             .late_ms = draw(w, 2) * draw(w, 9000)};
    if (pool.has_executable)
        pool.oldest_ms = pool.unproposed_ms = pool.fair_since_ms = w->lone.now_ms;
    pool.is_over_full_block = draw(w, 2) == 0;
    (void)lone_pool_of(&w->lone, &pool);
}

static void restart(struct world *w)
{
    w->has_check = w->has_build = false;
    seen.restarts++;
    lone_start(&w->lone);
}

/* ---- what always holds ---- */

static void hold_said(struct world *w, int what, uint64_t view, uint64_t height,
                      const struct digest *digest)
{
    if (view >= VIEWS || height >= HEIGHTS)
        return;
    if (w->is_said[what][view][height])
        assert_true(digest_equal(&w->said[what][view][height], digest));
    w->is_said[what][view][height] = true;
    w->said[what][view][height] = *digest;
}

static void hold_signed(bool *has, struct signature *signatures, uint64_t view,
                        const struct signature *signature)
{
    if (view >= VIEWS)
        return;
    if (has[view])
        assert_memory_equal(signatures[view].bytes, signature->bytes, SIGNATURE_BYTES);
    has[view] = true;
    signatures[view] = *signature;
}

static void hold_act(struct world *w, const struct pbft_act *act)
{
    const struct statement *s = &act->vote.statement;
    if (act->type == PBFT_WRITE_VOTE) {
        assert_false(w->was_mute);
        assert_true(s->height >= w->lone.durable.base.height);
        hold_said(w, s->kind == CERT_COMMIT, s->view, s->height, &s->digest);
        seen.votes++;
        seen.base_votes += s->view > 0;
    }
    if (act->type == PBFT_WRITE_PRE_PREPARE)
        hold_said(w, 2, act->pre_prepare.view, act->block.height, &act->block.digest);
    if (act->type == PBFT_SEND_VIEW_CHANGE) {
        hold_signed(w->has_view_change, w->view_changes, act->view_change->view,
                    &act->view_change->signature);
        assert_int_equal(act->view_change->view, w->lone.durable.view);
        assert_int_equal(w->lone.view_change.view, act->view_change->view);
        seen.view_changes++;
    }
    if (act->type == PBFT_SEND_COMPLAIN) {
        assert_false(w->was_mute);
        assert_int_equal(act->complain.view, w->lone.look.view);
    }
    if (act->type == PBFT_SEND_NEW_VIEW && act->new_view_from == w->lone.config.own_index) {
        hold_signed(w->has_new_view, w->new_views, act->new_view->view, &act->new_view->signature);
        seen.new_views++;
    }
    if (act->type == PBFT_WRITE_COMMIT) {
        assert_int_equal(act->block.height, w->committed_height + 1);
        assert_true(digest_equal(&act->block.parent, &w->committed[w->committed_height]));
        assert_true(act->block.height < HEIGHTS);
        w->committed[++w->committed_height] = act->block.digest;
        seen.commits++;
    }
    if (act->type == PBFT_ASK_CHECK) {
        assert_false(w->has_check && w->lone.look.view == w->asked_check.ticket.view);
        w->has_check = true;
        w->asked_check = (struct pbft_checked){.ticket = act->ticket, .digest = act->block.digest};
    }
    if (act->type == PBFT_ASK_BUILD) {
        w->has_build = true;
        w->asked_build = act->ticket;
    }
    seen.stable += act->type == PBFT_WRITE_CHECKPOINT;
    seen.alarms += act->type == PBFT_ALARM;
    seen.learners += act->type == PBFT_WRITE_LEARNER;
    seen.diverged += act->type == PBFT_DIVERGED;
    seen.spoiled += act->type == PBFT_WRITE_STATE && act->state.is_spoiled;
    seen.installed +=
        act->type == PBFT_WRITE_STATE && act->state.is_installed && act->state.view > 0;
}

static void hold(struct world *w)
{
    const struct pbft_view_of *before = &w->before;
    const struct pbft_view_of *look = &w->lone.look;
    for (size_t i = 0; i < w->lone.out.acts_count; i++)
        hold_act(w, &w->lone.out.acts[i]);
    assert_true(look->view >= before->view);
    assert_true(look->mode == PBFT_NORMAL || !look->has_tip);
    assert_true(!look->has_high || look->high.view <= look->view);
    assert_true(!before->has_high || pbft_rank_compare(&look->high, &before->high) >= 0);
    assert_true(look->stable_height >= before->stable_height);
    assert_true(look->stable_height <= look->committed.height);
    assert_true(look->view > before->view || look->is_installed || !before->is_installed);
    assert_int_equal(w->lone.durable.view, look->view);
    assert_int_equal(w->lone.durable.mode, look->mode);
    assert_int_equal(w->lone.durable.has_tip, look->has_tip);
    assert_int_equal(w->lone.durable.is_installed, look->is_installed);
    w->was_mute = look->is_alarmed || look->is_learner || look->is_diverged;
    w->before = *look;
    w->lone.out.acts_count = 0;
}

/* ---- worlds ---- */

static void run_world(struct world *w, uint64_t seed)
{
    static void (*const events[])(struct world *) = {
        send_vote,        send_votes, send_votes, send_votes,      send_qc,       send_pre_prepare,
        send_pre_prepare, answer,     answer,     send_complain,   send_complain, send_view_change,
        send_new_view,    send_data,  send_data,  send_checkpoint, tell_root,     send_status,
        send_new_view,    send_fetch, pass_time,  tell_pool,       answer};
    memset(w, 0, sizeof *w);
    w->prng = prng_of(seed);
    w->strays_percent = (uint32_t)(seed % 4) * 4;
    uint32_t n = (const uint32_t[]){4, 4, 5, 7}[draw(w, 4)];
    lone_init(&w->lone, n, (uint32_t)draw(w, n));
    w->chain[0] = lone_genesis();
    w->committed[0] = w->chain[0].digest;
    for (int h = 1; h < HEIGHTS + 64; h++)
        w->chain[h] = lone_block(&w->lone, &w->chain[h - 1]);
    lone_start(&w->lone);
    w->before = w->lone.look;
    w->lone.out.acts_count = 0;
    for (int i = 0; i < EVENTS && w->committed_height + 20 < HEIGHTS; i++) {
        w->lone.spares_glance = i % 32 != 0;
        if (draw(w, 40) == 0)
            restart(w);
        else
            events[draw(w, sizeof events / sizeof events[0])](w);
        hold(w);
    }
    lone_close(&w->lone);
}

static void core_under_random_view_changes_contradicts_itself_never(void **state)
{
    (void)state;
    static struct world w;
    for (uint64_t seed = 1; seed <= WORLDS; seed++)
        run_world(&w, seed);
    /* It came far enough to mean something. */
    assert_true(seen.votes > 3000 && seen.base_votes > 2500);
    assert_true(seen.view_changes > 5000 && seen.new_views > 100 && seen.installed > 5000);
    assert_true(seen.commits > 10000 && seen.stable > 100 && seen.restarts > 6000);
    assert_true(seen.alarms > 300 && seen.learners > 10 && seen.spoiled > 20 && seen.diverged > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(core_under_random_view_changes_contradicts_itself_never)};
    return cmocka_run_group_tests_name("view_fuzz", tests, NULL, NULL);
}
