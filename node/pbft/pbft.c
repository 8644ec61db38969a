/* Making a core, dispatching events to the rules, and what may be looked at from outside. */
#include "node/pbft/pbft.h"

#include "crypto/base/check.h"
#include "node/pbft/state.h"

const char *pbft_drop_word(enum pbft_drop drop)
{
    static const char *const words[] = {
#define X(name, word) [name] = word,
        PBFT_DROP_LIST(X)
#undef X
    };
    CHECK((unsigned)drop < PBFT_DROP_COUNT);
    return words[drop];
}

/* ---- memory ---- */

enum { ALIGN = 64 };

static size_t aligned(size_t size)
{
    return (size + ALIGN - 1) / ALIGN * ALIGN;
}

/* The window is (committed, committed + 2L]. One step may commit all of it, and what it then lends
 * (certificates) and serves to others (bodies) stands in the slots below: as many again. */
static size_t slots_count_of(const struct pbft_config *c)
{
    return 4 * c->window_heights + 1;
}

/* Of a chain above the committed height, and of one STATUS's or START's answer. */
static size_t window_of(const struct pbft_config *c)
{
    return 2 * c->window_heights;
}

/* The largest output of one event. For every height of the window: body, own PRE-PREPARE, two votes
 * written and sent, a commit, a state; evidence written and sent; and a handful besides. */
static size_t acts_room_of(const struct pbft_config *c)
{
    return 10 * window_of(c) + 64 + 2 * PBFT_FOUND_MAX;
}

size_t pbft_memory_bytes(const struct pbft_config *c)
{
    return aligned(sizeof(struct pbft)) + aligned(slots_count_of(c) * sizeof(struct pbft_slot)) +
           aligned(acts_room_of(c) * sizeof(struct pbft_act)) +
           aligned(window_of(c) * sizeof(struct pbft_block));
}

static void check_config(const struct pbft_config *c)
{
    CHECK(c->members.members_count >= MEMBERS_MIN);
    CHECK(c->members.members_count <= MEMBERS_MAX);
    CHECK(c->own_index < c->members.members_count);
    CHECK(c->pipeline_heights >= 1);
    CHECK(c->window_heights >= c->pipeline_heights);
    CHECK(c->sync_blocks_max >= 1);
    CHECK(c->sync_blocks_max <= PBFT_DATA_BLOCKS_MAX);
    CHECK(c->sync_blocks_max <= c->window_heights); /* see there */
    CHECK(c->proposals_bytes_max > 0);
    CHECK(c->status_ms > 0);
    CHECK(c->view_change_ms > 0 && c->view_change_cap_ms > 0);
    CHECK(c->fairness_ms > 0 && c->retransmit_ms > 0 && c->quiet_checkpoint_ms > 0);
    CHECK(c->snapshot_behind_heights > 0);
    CHECK(c->sign != NULL);
}

void pbft_durable_init(struct pbft_durable *out, const struct pbft_block *base)
{
    *out = (struct pbft_durable){
        .base = *base, .is_installed = true, .has_tip = true, .tip = *base, .committed = *base};
}

struct pbft *pbft_init(void *memory, const struct pbft_config *config,
                       const struct pbft_durable *durable)
{
    check_config(config);
    uint8_t *at = memory;
    struct pbft *p = memory;
    at += aligned(sizeof *p);
    p->config = *config;
    p->slots_count = slots_count_of(config);
    p->slots = (struct pbft_slot *)(void *)at;
    at += aligned(p->slots_count * sizeof *p->slots);
    p->acts_room = acts_room_of(config);
    p->acts = (struct pbft_act *)(void *)at;
    at += aligned(p->acts_room * sizeof *p->acts);
    p->chain = (struct pbft_block *)(void *)at;

    p->faulty_max = faulty_max_of(config->members.members_count);
    p->quorum = quorum_of(config->members.members_count);
    p->view = durable->view;
    p->mode = durable->mode;
    p->base = durable->base;
    p->is_installed = durable->is_installed;
    p->is_spoiled = p->is_primary_faulty = durable->is_spoiled; /* 5.8: complain, also now */
    p->has_tip = durable->has_tip;
    p->tip = durable->tip;
    p->committed = durable->committed;
    p->commit_next_height = p->base.height + (p->view == 0); /* no base vote in view 0: 7.8 */
    if (durable->has_head)
        p->head_cqc = durable->head;
    p->has_high = durable->has_high;
    p->high = durable->high;
    if (durable->has_cover && durable->cover.statement.height > durable->committed.height)
        p->head_cqc = durable->cover;
    else if (durable->has_cover)
        pbft_note_head_cqc(p, &durable->cover);
    if (p->has_high)
        pbft_note_head_cqc(p, &p->high);
    p->status_counter = durable->status_counter;
    if (durable->has_stable)
        p->stable = durable->stable;
    p->is_diverged = durable->is_diverged;
    p->is_taking_snapshot = durable->is_taking_snapshot;
    p->is_learner = durable->is_learner;
    p->is_alarmed = durable->is_alarmed;
    p->range_turn = config->own_index + 1; /* not all begin with the same */
    CHECK(!p->has_high || p->high.statement.view <= p->view);
    return p;
}

/* ---- events ---- */

/* 6.1: a COMMIT certificate of this view, seen before its NEW-VIEW, installs it when that comes,
 * also after a restart: nobody may send it again, since nobody here lacks it. */
static void note_durable_cqc(struct pbft *p, const struct certificate *c)
{
    const struct statement *s = &c->statement;
    if (c->entries_count > 0 && s->kind == CERT_COMMIT && s->view == p->view)
        pbft_note_view_cqc(p, s->height);
}

/* Rule 4.1: send again, byte-identical, what I signed in this view above what is committed; then
 * STATUS, whose answers bring the rest. */
static void on_start(struct pbft *p)
{
    p->installed_ms = p->committed_ms = p->awake_from_ms = p->now_ms;
    if (p->mode == PBFT_NORMAL && !p->is_installed)
        p->changing_ms = p->now_ms; /* (e) counts anew */
    if (p->head_cqc.statement.height > p->committed.height)
        pbft_keep_cqc(p, &p->head_cqc); /* a cover: 5.6 */
    if (p->has_high && p->high.statement.height > p->committed.height) {
        if (p->high.statement.kind == CERT_COMMIT)
            pbft_keep_cqc(p, &p->high);
        else if (p->high.statement.view == p->view)
            pbft_keep_pqc(p, &p->high);
    }
    note_durable_cqc(p, &p->head_cqc);
    note_durable_cqc(p, &p->high);
    pbft_find_lost(p);
    pbft_resend(p, p->committed.height, PBFT_TO_ALL);
    bool is_mine = p->mode == PBFT_CHANGING || pbft_primary(p, p->view) == p->config.own_index;
    if (is_mine && pbft_may_speak(p))
        pbft_send_view(p, PBFT_TO_ALL);
    pbft_send_status(p);
    p->is_fetch_due = true;
}

static enum pbft_drop on_msg(struct pbft *p, const struct pbft_msg *m, const struct digest *ledger)
{
    uint32_t members_count = p->config.members.members_count;
    if (m->link >= members_count || m->from >= members_count)
        return PBFT_DROP_NOT_A_MEMBER;
    if (m->from == p->config.own_index || m->link == p->config.own_index)
        return pbft_on_own(p, m);
    switch (m->type) {
    case PBFT_PRE_PREPARE:
        return pbft_on_pre_prepare(p, m->from, &m->pre_prepare);
    case PBFT_PREPARE:
    case PBFT_COMMIT:
        return pbft_on_vote(p, m->from, &m->vote);
    case PBFT_STATUS:
        return pbft_on_status(p, m->from, &m->status);
    case PBFT_FETCH:
        return pbft_on_fetch(p, m->link, &m->fetch);
    case PBFT_DATA:
        return pbft_on_data(p, m->link, &m->data);
    case PBFT_QC:
        return m->qc.statement.kind == CERT_CHECKPOINT ? pbft_on_checkpoint_certificate(p, &m->qc)
                                                       : pbft_on_certificate(p, &m->qc);
    case PBFT_CHECKPOINT:
        return pbft_on_checkpoint(p, m->from, &m->vote);
    case PBFT_COMPLAIN:
        return pbft_on_complain(p, m->from, &m->complain);
    case PBFT_VIEW_CHANGE:
        return pbft_on_view_change(p, m->from, &m->view_change);
    case PBFT_NEW_VIEW:
        return pbft_on_new_view(p, &m->new_view, ledger);
    case PBFT_EVIDENCE:
        return pbft_on_evidence(p, &m->evidence);
    case PBFT_FETCH_PIECE:
    case PBFT_PIECE:
        return PBFT_DROP_NOT_ASKED; /* between drivers */
    default:
        return PBFT_DROP_NOT_YET;
    }
}

static void on_tick(struct pbft *p)
{
    if (p->now_ms >= p->status_at_ms)
        pbft_send_status(p);
    p->is_fetch_due = true;
}

/* What follows from all that is known now. Committing comes first: what is committed needs no vote
 * of mine any more. Each round commits or votes for a height more, so this ends. */
static void settle(struct pbft *p)
{
    bool has_more = true;
    while (has_more)
        has_more = pbft_try_execute(p) || pbft_try_commit_vote(p) || pbft_try_leave_view(p);
    pbft_try_new_view(p);
    pbft_try_base_vote(p);
    while (pbft_try_execute(p) || pbft_try_commit_vote(p))
        ; /* the base vote may have been the last that was missing */
    if (p->has_lost)
        pbft_find_lost(p);
    pbft_try_move_tip(p);
    pbft_try_check(p);
    pbft_try_propose(p);
    pbft_try_fetch(p);
    (void)pbft_try_stable(p);
    pbft_try_ask_root(p);
    pbft_try_ask_snapshot(p);
    pbft_pace_run(p);
    pbft_try_complain(p);
    pbft_try_resend_view_change(p);
}

/* I6, 6.2: what comes so late was preceded by a pause: of this process, or of its clock. What
 * waited in the inbox comes first, so all ages begin anew. Without one, STATUS makes a step every
 * T_s, unless the caller is at work for longer: that is none, or whoever makes work for it would
 * keep it from complaining. */
static bool is_after_pause(const struct pbft *p, uint64_t now_ms)
{
    uint64_t from_ms = p->worked_ms > p->now_ms ? p->worked_ms : p->now_ms;
    return p->now_ms > 0 && now_ms > from_ms && now_ms - from_ms > 2 * p->config.status_ms;
}

void pbft_worked(struct pbft *p, uint64_t from_ms, uint64_t now_ms)
{
    p->has_paused = p->has_paused || is_after_pause(p, from_ms);
    if (now_ms > p->worked_ms)
        p->worked_ms = now_ms;
}

uint64_t pbft_awake_from_ms(const struct pbft *p, uint64_t now_ms)
{
    bool has_paused = now_ms > p->now_ms && (p->has_paused || is_after_pause(p, now_ms));
    return has_paused ? now_ms : p->awake_from_ms;
}

static void take_time(struct pbft *p, uint64_t now_ms)
{
    if (now_ms <= p->now_ms)
        return;
    p->awake_from_ms = pbft_awake_from_ms(p, now_ms);
    p->has_paused = false;
    p->now_ms = now_ms;
}

void pbft_step(struct pbft *p, const struct pbft_event *event, struct pbft_output *output)
{
    enum pbft_drop drop = PBFT_KEEP;
    p->acts_count = 0;
    p->found_count = 0;
    take_time(p, event->now_ms);
    switch (event->type) {
    case PBFT_EVENT_START:
        on_start(p);
        break;
    case PBFT_EVENT_MSG:
        drop = on_msg(p, event->msg, event->base_digest);
        break;
    case PBFT_EVENT_TICK:
        on_tick(p);
        break;
    case PBFT_EVENT_CHECKED:
        drop = pbft_on_checked(p, &event->checked);
        break;
    case PBFT_EVENT_BUILT:
        drop = pbft_on_built(p, &event->built);
        break;
    case PBFT_EVENT_CONTRADICTION:
        drop = pbft_on_contradiction(p, event->contradiction);
        break;
    case PBFT_EVENT_EVIDENCE:
        drop = pbft_on_evidence(p, event->evidence);
        break;
    case PBFT_EVENT_POOL:
        p->pool = event->pool;
        p->is_build_dry = false;
        break;
    case PBFT_EVENT_SNAPSHOT_TAKEN:
        pbft_on_snapshot_taken(p, &event->snapshot);
        break;
    case PBFT_EVENT_SNAPSHOT_REFUSED:
        pbft_on_snapshot_refused(p);
        break;
    case PBFT_EVENT_FETCH_RANGE:
        drop = pbft_on_fetch_range(p, event->range.from_height, event->range.blocks_max);
        break;
    case PBFT_EVENT_ROOT:
        pbft_on_root(p, &event->root);
        break;
    }
    settle(p);
    p->drops[drop]++;
    *output = (struct pbft_output){.acts = p->acts, .acts_count = p->acts_count, .drop = drop};
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t pbft_deadline_ms(const struct pbft *p)
{
    uint64_t deadline = p->status_at_ms;
    if (p->check_retry_ms > 0)
        deadline = earlier(deadline, p->check_retry_ms);
    if (p->fetch_retry_ms > 0)
        deadline = earlier(deadline, p->fetch_retry_ms);
    deadline = earlier(deadline, pbft_build_due_ms(p));
    deadline = earlier(deadline, pbft_pace_due_ms(p));
    deadline = earlier(deadline, pbft_quiet_due_ms(p));
    return earlier(deadline, pbft_complain_due_ms(p));
}

/* ---- looking in ---- */

uint64_t pbft_claimed_height(const struct pbft *p, uint32_t member)
{
    CHECK(member < p->config.members.members_count);
    return p->peers[member].committed_height;
}

void pbft_look(const struct pbft *p, struct pbft_view_of *out)
{
    *out = (struct pbft_view_of){.view = p->view,
                                 .mode = p->mode,
                                 .is_primary = pbft_primary(p, p->view) == p->config.own_index,
                                 .is_installed = p->is_installed,
                                 .complaint =
                                     p->is_complaining ? p->complaint.reason : PBFT_REASON_NONE,
                                 .timeout_ms = pbft_timeout_ms(p),
                                 .base = p->base,
                                 .has_tip = p->has_tip,
                                 .tip = p->tip,
                                 .committed = p->committed,
                                 .certified_height = p->top_cqc.statement.height,
                                 .has_high = p->has_high,
                                 .is_alarmed = p->is_alarmed,
                                 .is_learner = p->is_learner,
                                 .is_diverged = p->is_diverged,
                                 .has_lost = p->has_lost,
                                 .is_taking_snapshot = p->is_taking_snapshot,
                                 .stable_height = pbft_stable_height(p),
                                 .checkpoint_height = p->checkpoint.statement.height};
    if (out->checkpoint_height < out->stable_height)
        out->checkpoint_height = out->stable_height;
    if (out->certified_height < p->committed.height)
        out->certified_height = p->committed.height;
    if (p->has_high)
        out->high = pbft_rank_of(&p->high);
}

const struct certificate *pbft_high(const struct pbft *p)
{
    return p->has_high ? &p->high : NULL;
}

bool pbft_wants_block(const struct pbft *p, const struct digest *digest, uint64_t height)
{
    const struct pbft_slot *slot = &p->slots[height % p->slots_count];
    if (height <= p->committed.height || !slot->is_used || slot->height != height)
        return false;
    for (int i = 0; i < PBFT_SLOT_BLOCKS; i++) {
        const struct pbft_known *known = &slot->known[i];
        if (known->is_used && known->has_body && digest_equal(&known->block.digest, digest))
            return true;
    }
    return false;
}

const uint64_t *pbft_drops(const struct pbft *p)
{
    return p->drops;
}
