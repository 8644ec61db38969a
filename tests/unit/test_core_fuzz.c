/* A core under random and hostile events: whatever comes, no CHECK trips, its own votes never
 * conflict, and its bounds hold. Messages are of valid form, as node/verify would let them through;
 * in some worlds more than f members lie, so that any certificate can come. */
#include "tests/help/unit.h"

#include <string.h>

#include "crypto/base/prng.h"
#include "tests/help/evidence_made.h"
#include "tests/help/lone.h"

enum { BLOCKS = 96, EVENTS_PER_WORLD = 500, HEIGHTS_MAX = 4096, GLANCE_EVERY = 16 };

struct world {
    struct lone lone;
    struct prng prng;
    bool is_sane;  /* at most f lie: certificates lie on one chain */
    bool is_quiet; /* peers show no votes of mine that I do not know */
    struct pbft_block blocks[BLOCKS];
    uint32_t blocks_count;
    struct pbft_block chain[HEIGHTS_MAX]; /* the one chain of a sane world */
    uint64_t chain_height;
    struct pbft_checked asked_check;
    struct pbft_ticket asked_build;
    bool has_check, has_build;
    /* What it did over its whole life. */
    struct digest voted[2][HEIGHTS_MAX];
    bool has_voted[2][HEIGHTS_MAX];
    struct pbft_block committed;
    uint64_t fetching_until_ms[MEMBERS_MAX];
    bool was_mute;    /* alarmed or a learner before this event: no more votes */
    uint64_t seen_ms; /* the core's clock */
    struct pbft_msg last_qc;
    uint64_t events_count;
};

static uint64_t draw(struct world *w, uint64_t bound)
{
    return prng_below(&w->prng, bound);
}

static uint32_t members_count_of(const struct world *w)
{
    return w->lone.config.members.members_count;
}

static uint32_t draw_member(struct world *w)
{
    return (uint32_t)draw(w, members_count_of(w));
}

static uint32_t draw_other(struct world *w)
{
    uint32_t at = draw_member(w);
    return at == w->lone.config.own_index && draw(w, 20) > 0 ? (at + 1) % members_count_of(w) : at;
}

/* Numbers where sums overflow and windows end. */
static uint64_t draw_edge(struct world *w)
{
    uint64_t head = w->lone.look.committed.height, window = 2 * w->lone.config.window_heights;
    const uint64_t edges[] = {0,
                              1,
                              head,
                              head + 1,
                              head + window,
                              head + window + 1,
                              head + 2 * window,
                              UINT64_MAX,
                              UINT64_MAX - 1,
                              UINT64_MAX - window};
    return edges[draw(w, sizeof edges / sizeof edges[0])];
}

/* ---- blocks ---- */

/* A block on the head, on tip, on another known block, or anywhere. */
static struct pbft_block new_block(struct world *w)
{
    struct pbft_block parent = w->lone.look.committed;
    uint64_t how = draw(w, 8);
    if (how < 3 && w->lone.look.has_tip)
        parent = w->lone.look.tip;
    else if (how < 6 && w->blocks_count > 0)
        parent = w->blocks[draw(w, w->blocks_count)];
    else if (how == 7)
        parent.height = draw_edge(w);
    struct pbft_block block = lone_block(&w->lone, &parent);
    w->blocks[w->blocks_count < BLOCKS ? w->blocks_count++ : draw(w, BLOCKS)] = block;
    return block;
}

static struct pbft_block some_block(struct world *w)
{
    if (w->blocks_count == 0 || draw(w, 6) == 0)
        return new_block(w);
    for (int i = 0; i < 8; i++) { /* rather one that is not long committed */
        struct pbft_block *block = &w->blocks[draw(w, w->blocks_count)];
        if (block->height > w->lone.look.committed.height)
            return *block;
    }
    return new_block(w);
}

static struct pbft_block chain_at(struct world *w, uint64_t height)
{
    while (w->chain_height < height) {
        struct pbft_block *parent = &w->chain[w->chain_height];
        w->chain[++w->chain_height] = lone_block(&w->lone, parent);
    }
    return w->chain[height];
}

/* The next heights of the one chain: votes and certificates of a sane world lie on it. */
static struct pbft_block chain_block(struct world *w)
{
    uint64_t head = w->lone.look.committed.height;
    uint64_t height = head + 1 + draw(w, 2 * w->lone.config.window_heights + 4);
    if (height >= HEIGHTS_MAX)
        height = HEIGHTS_MAX - 1;
    return chain_at(w, height);
}

/* The last f members but oneself. In a sane world only they say things that are not on the one
 * chain: if anybody could, enough of it would add up to a certificate of another chain. */
static bool is_liar(const struct world *w, uint32_t member)
{
    uint32_t n = members_count_of(w), own = w->lone.config.own_index, liars_count = 0;
    for (uint32_t i = n; i > 0 && liars_count < faulty_max_of(n); i--) {
        if (i - 1 == own)
            continue;
        if (i - 1 == member)
            return true;
        liars_count++;
    }
    return false;
}

static struct pbft_block voted_block(struct world *w, uint32_t member)
{
    bool may_stray = !w->is_sane || is_liar(w, member);
    return may_stray && draw(w, 4) == 0 ? some_block(w) : chain_block(w);
}

static struct pbft_block certified_block(struct world *w)
{
    return w->is_sane ? chain_block(w) : some_block(w);
}

/* ---- messages ---- */

static uint32_t draw_signers(struct world *w)
{
    uint32_t n = members_count_of(w), own = 1u << w->lone.config.own_index;
    uint32_t signers = (uint32_t)prng_u64(&w->prng) | (uint32_t)prng_u64(&w->prng);
    uint32_t all = (1u << n) - 1;
    signers &= w->is_quiet ? all & ~own : all;
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        count += signers >> i & 1;
    return count >= quorum_of(n) ? signers : all & ~own;
}

static void send_vote(struct world *w)
{
    uint32_t from = draw_other(w);
    struct pbft_block block = voted_block(w, from);
    enum cert_kind kind = draw(w, 2) == 0 ? CERT_PREPARE : CERT_COMMIT;
    struct pbft_msg m = lone_make_vote(&w->lone, from, kind, &block);
    uint64_t how = draw(w, 40);
    if (how == 0)
        m.vote.statement.epoch = draw_edge(w);
    if (how == 1)
        m.vote.statement.view = draw_edge(w);
    if (how == 2)
        m.vote.statement.height = draw_edge(w);
    if (how == 3) {
        m.type = PBFT_CHECKPOINT;
        m.vote.statement.kind = CERT_CHECKPOINT;
    }
    if (w->is_quiet && m.from == w->lone.config.own_index)
        return;
    (void)lone_msg(&w->lone, &m);
}

static void send_pre_prepare(struct world *w)
{
    struct pbft_block block = draw(w, 3) == 0 ? some_block(w) : voted_block(w, 0);
    struct pbft_msg m =
        lone_make_pre_prepare(&w->lone, draw(w, 5) == 0 ? draw_other(w) : 0, &block);
    uint64_t how = draw(w, 40);
    if (how == 0)
        m.pre_prepare.epoch = draw_edge(w);
    if (how == 1)
        m.pre_prepare.view = draw_edge(w);
    if (w->is_quiet && m.from == w->lone.config.own_index)
        return;
    (void)lone_msg(&w->lone, &m);
}

static void send_qc(struct world *w)
{
    struct pbft_block block = certified_block(w);
    enum cert_kind kind = draw(w, 2) == 0 ? CERT_PREPARE : CERT_COMMIT;
    struct pbft_msg m = lone_make_qc(&w->lone, kind, &block, draw_signers(w));
    uint64_t how = draw(w, 40);
    if (how == 0)
        m.qc.statement.epoch = draw_edge(w);
    if (how == 1)
        m.qc.statement.view = draw_edge(w);
    if (how == 2 && !w->is_sane)
        m.qc.statement.height = draw_edge(w);
    if (how == 3)
        m.qc.statement.kind = CERT_CHECKPOINT;
    w->last_qc = m;
    (void)lone_msg(&w->lone, &m);
}

static void send_qc_again(struct world *w)
{
    if (w->last_qc.type == PBFT_QC)
        (void)lone_msg(&w->lone, &w->last_qc);
}

static void send_status(struct world *w)
{
    /* One draw a statement: a compiler may take those of one call in any order, and a seed should
     * mean the same everywhere. */
    uint32_t from = draw_other(w);
    bool is_edge = draw(w, 3) == 0;
    uint64_t committed = is_edge ? draw_edge(w) : draw(w, w->committed.height + 2);
    struct pbft_msg m = lone_make_status(&w->lone, from, committed);
    uint64_t how = draw(w, 30);
    if (how == 0)
        m.status.counter = UINT64_MAX;
    if (how == 1)
        m.status.view = draw_edge(w);
    if (how == 2)
        m.status.mode = PBFT_CHANGING;
    if (how == 3)
        m.status.epoch = 1;
    m.status.high.epoch = draw(w, 2);
    m.status.high.view = draw(w, 2);
    m.status.high.height = draw_edge(w);
    (void)lone_msg(&w->lone, &m);
}

static void send_fetch(struct world *w)
{
    struct pbft_block block = some_block(w);
    uint32_t from = draw_other(w);
    if (draw(w, 2) == 0)
        (void)lone_fetch(&w->lone, from, &block);
    else
        (void)lone_fetch_range(&w->lone, from, draw_edge(w));
}

/* Whoever sends DATA has answered. */
static uint32_t answering(struct world *w)
{
    uint32_t link = draw_other(w);
    w->fetching_until_ms[link] = 0;
    return link;
}

static void send_data(struct world *w)
{
    struct pbft_block block = draw(w, 2) == 0 ? chain_block(w) : some_block(w);
    bool has_pre_prepare = draw(w, 2) == 0 && !(w->is_quiet && w->lone.config.own_index == 0);
    (void)lone_data(&w->lone, answering(w), &block, has_pre_prepare);
}

static void send_range(struct world *w)
{
    struct pbft_block chain[PBFT_DATA_BLOCKS_MAX];
    uint32_t blocks_count = 1 + (uint32_t)draw(w, 8), heads_count = (uint32_t)draw(w, 8);
    uint32_t count = blocks_count + heads_count;
    uint64_t head = w->lone.look.committed.height;
    if (w->is_sane) {
        uint64_t from = draw(w, 3) == 0 ? 1 + draw(w, head + 8) : head + 1;
        if (from + count >= HEIGHTS_MAX)
            return;
        (void)chain_at(w, from + count - 1);
        memcpy(chain, &w->chain[from], count * sizeof *chain);
    } else {
        chain[0] = some_block(w);
        for (uint32_t i = 1; i < count; i++)
            chain[i] = lone_block(&w->lone, &chain[i - 1]);
        if (chain[0].height > UINT64_MAX - count)
            return;
    }
    (void)lone_range(&w->lone, answering(w), chain, blocks_count, heads_count);
}

static void send_evidence(struct world *w)
{
    static struct sign_key key;
    uint32_t link = draw_other(w), any = (uint32_t)draw(w, MEMBERS_MAX);
    struct liar liar = {.index = draw(w, 4) == 0 ? any : draw_other(w), .key = &key};
    struct pbft_msg m = {.type = PBFT_EVIDENCE, .link = link, .from = link};
    liar_evidence(&liar, &m.evidence, (enum pbft_evidence_kind)(1 + draw(w, PBFT_BAD_BODY - 1)));
    if (!w->is_quiet || liar.index != w->lone.config.own_index)
        (void)lone_msg(&w->lone, &m);
}

/* ---- the driver's answers ---- */

static void answer_check(struct world *w)
{
    struct pbft_event event = {.type = PBFT_EVENT_CHECKED, .checked = w->asked_check};
    if (draw(w, 10) == 0) { /* stale */
        struct pbft_block block = some_block(w);
        event.checked.ticket.height = block.height;
        event.checked.digest = block.digest;
        if (w->has_check && digest_equal(&block.digest, &w->asked_check.digest))
            w->has_check = false; /* not so stale */
    } else if (!w->has_check) {
        return;
    } else {
        w->has_check = false;
    }
    uint64_t how = draw(w, 12);
    event.checked.answer = how == 0   ? PBFT_CHECK_INVALID
                           : how == 1 ? PBFT_CHECK_LATER
                                      : PBFT_CHECK_VALID;
    event.checked.retry_ms = w->lone.now_ms + draw(w, 50);
    (void)lone_step(&w->lone, &event);
}

static void answer_build(struct world *w)
{
    struct pbft_event event = {.type = PBFT_EVENT_BUILT};
    event.built.ticket = w->asked_build;
    if (draw(w, 10) == 0) /* stale */
        event.built.ticket.height += 1;
    else if (!w->has_build)
        return;
    else
        w->has_build = false;
    event.built.has_block = draw(w, 4) > 0;
    struct pbft_block parent = {.height = event.built.ticket.height - 1,
                                .digest = event.built.ticket.parent};
    event.built.block = lone_block(&w->lone, &parent);
    event.built.retry_ms = draw(w, 2) * (w->lone.now_ms + draw(w, 50));
    (void)lone_step(&w->lone, &event);
}

/* ---- what always holds ---- */
static void hold_vote(struct world *w, const struct pbft_act *act)
{
    const struct statement *s = &act->vote.statement;
    int kind = s->kind == CERT_COMMIT;
    if (s->height >= HEIGHTS_MAX)
        return;
    if (w->has_voted[kind][s->height])
        assert_true(digest_equal(&w->voted[kind][s->height], &s->digest));
    w->has_voted[kind][s->height] = true;
    w->voted[kind][s->height] = s->digest;
}

static void hold(struct world *w)
{
    const struct lone *l = &w->lone;
    for (size_t i = 0; i < l->out.acts_count; i++) {
        const struct pbft_act *act = &l->out.acts[i];
        if (act->type == PBFT_WRITE_VOTE) {
            assert_false(w->was_mute);
            hold_vote(w, act);
        }
        if (act->type == PBFT_WRITE_COMMIT) {
            assert_int_equal(act->block.height, w->committed.height + 1);
            assert_true(digest_equal(&act->block.parent, &w->committed.digest));
            if (w->is_sane)
                assert_true(lone_block_equal(&act->block, &w->chain[act->block.height]));
            if (act->certificate != NULL)
                assert_true(digest_equal(&act->certificate->statement.digest, &act->block.digest));
            w->committed = act->block;
        }
        if (act->type == PBFT_SEND_FETCH) {
            uint32_t count = 0;
            assert_true(l->now_ms >= w->fetching_until_ms[act->to]);
            w->fetching_until_ms[act->to] = l->now_ms + l->config.status_ms;
            for (uint32_t k = 0; k < members_count_of(w); k++)
                count += l->now_ms < w->fetching_until_ms[k];
            assert_in_range(count, 1, 8);
        }
        if (act->type == PBFT_ASK_CHECK) {
            assert_false(w->has_check);
            w->has_check = true;
            w->asked_check =
                (struct pbft_checked){.ticket = act->ticket, .digest = act->block.digest};
        }
        if (act->type == PBFT_ASK_BUILD) {
            assert_false(w->has_build);
            w->has_build = true;
            w->asked_build = act->ticket;
        }
        if (w->is_sane)
            assert_int_not_equal(act->type, PBFT_ALARM);
        if (w->is_quiet)
            assert_int_not_equal(act->type, PBFT_WRITE_LEARNER);
    }
    assert_true(l->look.high.view <= l->look.view);
    assert_true(lone_block_equal(&l->look.committed, &w->committed));
    w->was_mute = l->look.is_alarmed || l->look.is_learner;
}

/* ---- worlds ---- */

static void step_at_random(struct world *w)
{
    static void (*const senders[])(struct world *) = {
        send_vote,        send_vote,    send_vote,        send_vote,    send_vote,
        send_pre_prepare, send_qc,      send_qc_again,    send_data,    send_data,
        send_range,       send_status,  send_pre_prepare, send_fetch,   answer_check,
        answer_check,     answer_build, answer_build,     send_evidence};
    uint64_t how = draw(w, 40);
    struct lone *l = &w->lone;
    l->now_ms += draw(w, 4);
    l->out = (struct pbft_output){.drop = PBFT_KEEP};
    /* What pbft_glance() promises is held now and then: it takes several copies of all memory. */
    l->spares_glance = w->events_count % GLANCE_EVERY != 0;
    if (how == 0) {
        (void)lone_tick(l, draw(w, 8) == 0 ? draw(w, 1ull << 40) : draw(w, 300));
        assert_true(pbft_deadline_ms(l->core) > l->now_ms);
    } else if (how == 1) {
        (void)lone_pool(l, draw(w, 4) > 0, draw(w, 2) == 0);
    } else if (how == 2 && draw(w, 10) == 0) { /* a clock that goes back is one that stands */
        struct pbft_event event = {.type = PBFT_EVENT_TICK};
        (void)lone_step(l, &event); /* it has seen the time that it is to stand at */
        hold(w);
        l->now_ms = draw(w, w->seen_ms);
        (void)lone_step(l, &event);
        l->now_ms = w->seen_ms;
    } else if (how == 3 && draw(w, 4) == 0 && l->bodies_count < 200) {
        w->has_check = w->has_build = false;
        memset(w->fetching_until_ms, 0, sizeof w->fetching_until_ms);
        lone_start(l);
    } else {
        senders[draw(w, sizeof senders / sizeof senders[0])](w);
    }
    w->seen_ms = l->now_ms;
    w->events_count++;
}

static void run_world(struct world *w, uint64_t seed, uint64_t *drops, uint64_t *glances)
{
    memset(w, 0, sizeof *w);
    w->prng = prng_of(seed);
    w->is_sane = seed % 3 != 0;
    w->is_quiet = seed % 4 != 0;
    uint32_t n = (const uint32_t[]){4, 5, 6, 7, 31}[draw(w, 5)];
    lone_init(&w->lone, n, (uint32_t)draw(w, draw(w, 2) == 0 ? 1 : n));
    w->lone.block_bytes = seed % 5 * (LONE_BLOCK_BYTES_MAX / 4);
    w->chain[0] = w->committed = lone_genesis();
    if (seed % 20 == 0) /* as it may stand in the store: 7.6 */
        w->lone.durable.mode = PBFT_CHANGING;
    lone_start(&w->lone);
    w->seen_ms = w->lone.now_ms;
    for (int i = 0; i < EVENTS_PER_WORLD && w->lone.bodies_count < LONE_STORED_MAX / 2 &&
                    w->lone.votes_count < LONE_STORED_MAX / 2;
         i++) {
        step_at_random(w);
        hold(w);
    }
    for (int i = 0; i < PBFT_DROP_COUNT; i++) {
        drops[i] += pbft_drops(w->lone.core)[i];
        glances[i] += w->lone.glances[i];
    }
    lone_close(&w->lone);
}

/* A few hundred thousand events in worlds of all sizes. */
static void core_under_random_events_holds_its_bounds(void **state)
{
    (void)state;
    static struct world w;
    uint64_t drops[PBFT_DROP_COUNT] = {0}, glances[PBFT_DROP_COUNT] = {0}, heights = 0, events = 0;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        run_world(&w, seed, drops, glances);
        heights += w.committed.height;
        events += w.events_count;
    }
    /* It came far enough to mean something: heights were committed, and each reason was met. */
    assert_true(events > 800000);
    assert_true(heights > 50000);
    for (int i = 0; i < PBFT_DROP_NOT_YET; i++) { /* all but what is not for the core */
        bool is_seen_later = i == PBFT_DROP_INVALID_BLOCK || i == PBFT_DROP_BUDGET;
        if (drops[i] == 0 || (!is_seen_later && glances[i] == 0))
            fail_msg("no event was dropped as %s", pbft_drop_word((enum pbft_drop)i));
        assert_true(!is_seen_later || glances[i] == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(core_under_random_events_holds_its_bounds)};
    return cmocka_run_group_tests_name("core_fuzz", tests, NULL, NULL);
}
