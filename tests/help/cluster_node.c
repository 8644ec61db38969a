/* The driver's place: one event into a core, its writes into the store, then its sends. */
#include "tests/help/cluster.h"

#include <string.h>

#include "crypto/base/check.h"

/* ---- writes ---- */

static struct cluster_place *place_of(struct cluster *c, uint32_t at, uint64_t height)
{
    if (height > c->options.heights_max)
        cluster_fail(c, at, "no height is written that nobody built");
    return &c->nodes[at].places[height];
}

static void write_body(struct cluster *c, uint32_t at, const struct pbft_block *block)
{
    struct cluster_place *place = place_of(c, at, block->height);
    if (place->bodies_count == CLUSTER_BODIES_MAX)
        cluster_fail(c, at, "a height has no more bodies than section 16 allows");
    place->bodies[place->bodies_count++] = *block;
}

static void write_commit(struct cluster *c, uint32_t at, const struct pbft_act *act)
{
    struct cluster_place *place = place_of(c, at, act->block.height);
    place->is_committed = true;
    place->committed = act->block;
    place->has_certificate = act->certificate != NULL;
    if (act->certificate != NULL)
        place->certificate = *act->certificate;
    c->nodes[at].durable.committed = act->block;
    if (act->block.height % CLUSTER_CHECKPOINT_EVERY == 0)
        cluster_tell_root(c, at, act->block.height);
    if (act->block.height > c->chain_height) {
        c->chain_height = act->block.height;
        c->chain[c->chain_height] = act->block;
    }
}

static void write_one(struct cluster *c, uint32_t at, const struct pbft_act *act)
{
    struct pbft_durable *d = &c->nodes[at].durable;
    struct cluster_place *place;
    switch (act->type) {
    case PBFT_WRITE_STATE:
        d->view = act->state.view;
        d->mode = act->state.mode;
        d->is_installed = act->state.is_installed;
        d->is_spoiled = act->state.is_spoiled;
        d->base = act->state.base;
        d->has_tip = act->state.has_tip;
        d->tip = act->state.tip;
        break;
    case PBFT_WRITE_BLOCK:
        write_body(c, at, &act->block);
        break;
    case PBFT_WRITE_VOTE:
        place = place_of(c, at, act->vote.statement.height);
        place->has_vote[act->vote.statement.kind == CERT_COMMIT] = true;
        place->votes[act->vote.statement.kind == CERT_COMMIT] = act->vote;
        break;
    case PBFT_WRITE_PRE_PREPARE:
        place = place_of(c, at, act->block.height);
        place->has_pre_prepare = true;
        place->pre_prepare = act->pre_prepare;
        break;
    case PBFT_WRITE_HIGH:
        d->has_high = true;
        d->high = *act->certificate;
        break;
    case PBFT_WRITE_VIEW_CHANGE:
        c->nodes[at].has_view_change = true;
        c->nodes[at].view_change = *act->view_change;
        break;
    case PBFT_WRITE_NEW_VIEW:
        c->nodes[at].has_new_view = true;
        c->nodes[at].new_view = *act->new_view;
        break;
    case PBFT_WRITE_CHECKPOINT:
        d->has_stable = true;
        d->stable = *act->certificate;
        break;
    case PBFT_WRITE_COVER:
        d->has_cover = true;
        d->cover = *act->certificate;
        break;
    case PBFT_WRITE_COMMIT:
        write_commit(c, at, act);
        break;
    case PBFT_WRITE_LEARNER:
        d->is_learner = true;
        break;
    case PBFT_WRITE_ALARM:
        d->is_alarmed = true;
        break;
    default:
        break;
    }
}

/* ---- messages ---- */

/* Committed blocks from a height on, as many bodies as fit, heads up to a certificate. */
static bool make_range(struct cluster *c, uint32_t at, uint64_t from, uint32_t count,
                       struct pbft_data *d)
{
    const struct cluster_node *node = &c->nodes[at];
    uint64_t top = node->durable.committed.height, last = from + count - 1;
    uint32_t fit = c->options.range_blocks_max;
    if (fit > 0 && count > fit)
        last = from + fit - 1;
    last = last < top ? last : top;
    uint64_t certified = last;
    while (certified <= top && !node->places[certified].has_certificate)
        certified++;
    if (certified > top) /* nothing certifies the head yet: as far as something does */
        for (certified = last; certified >= from && !node->places[certified].has_certificate;)
            certified--;
    if (certified < from)
        return false;
    last = last < certified ? last : certified;
    d->kind = PBFT_FETCH_RANGE;
    for (uint64_t height = from; height <= last; height++)
        d->blocks[d->blocks_count++] = node->places[height].committed;
    for (uint64_t height = last + 1; height <= certified; height++)
        d->heads[d->heads_count++] = node->places[height].committed;
    d->certificate = node->places[certified].certificate;
    return true;
}

static bool make_msg(struct cluster *c, uint32_t at, const struct pbft_act *act, struct pbft_msg *m)
{
    m->link = m->from = at;
    switch (act->type) {
    case PBFT_SEND_VOTE:
        m->type = act->vote.statement.kind == CERT_PREPARE ? PBFT_PREPARE : PBFT_COMMIT;
        if (act->vote.statement.kind == CERT_CHECKPOINT)
            m->type = PBFT_CHECKPOINT;
        m->vote = act->vote;
        return true;
    case PBFT_SEND_PRE_PREPARE:
        m->type = PBFT_PRE_PREPARE;
        m->pre_prepare = act->pre_prepare;
        m->pre_prepare.bytes.size = CLUSTER_BLOCK_BYTES;
        return true;
    case PBFT_SEND_STATUS:
        m->type = PBFT_STATUS;
        m->status = act->status;
        return true;
    case PBFT_SEND_FETCH:
        m->type = PBFT_FETCH;
        m->fetch = act->fetch;
        return true;
    case PBFT_SEND_QC:
        m->type = PBFT_QC;
        m->qc = *act->certificate;
        return true;
    case PBFT_SEND_COMPLAIN:
        m->type = PBFT_COMPLAIN;
        m->complain = act->complain;
        return true;
    case PBFT_SEND_VIEW_CHANGE:
        m->type = PBFT_VIEW_CHANGE;
        m->view_change = *act->view_change;
        return true;
    case PBFT_SEND_NEW_VIEW:
        m->type = PBFT_NEW_VIEW;
        m->from = act->new_view_from;
        m->new_view = *act->new_view;
        return true;
    case PBFT_SEND_RANGE:
        m->type = PBFT_DATA;
        memset(&m->data, 0, sizeof m->data);
        return make_range(c, at, act->height, act->count, &m->data);
    case PBFT_SEND_BLOCK:
        m->type = PBFT_DATA;
        memset(&m->data, 0, sizeof m->data);
        m->data.kind = PBFT_FETCH_BLOCK;
        m->data.blocks_count = 1;
        m->data.blocks[0] = act->block;
        m->data.has_pre_prepare = act->has_pre_prepare;
        m->data.pre_prepare_from = act->pre_prepare_from;
        m->data.pre_prepare = act->pre_prepare;
        m->data.pre_prepare.bytes.size = CLUSTER_BLOCK_BYTES;
        return true;
    default:
        return false;
    }
}

static void send_one(struct cluster *c, uint32_t at, const struct pbft_act *act)
{
    static struct pbft_msg m; /* too big for comfort on the stack */
    if (!make_msg(c, at, act, &m))
        return;
    cluster_judge_send(c, at, act);
    for (uint32_t to = 0; to < c->options.members_count; to++)
        if (to != at && (act->to == PBFT_TO_ALL || act->to == to))
            cluster_send(c, at, to, &m);
}

/* ---- questions ---- */

static void answer_check(struct cluster *c, uint32_t at, const struct pbft_act *act)
{
    const struct cluster_block *block = &c->blocks[cluster_number_of(&act->block.digest)];
    struct cluster_packet packet = {
        .to = at, .type = CLUSTER_CHECKED, .incarnation = c->nodes[at].incarnation};
    packet.checked = (struct pbft_checked){
        .ticket = act->ticket, .digest = act->block.digest, .answer = block->answer};
    if (c->now_ms < block->valid_from_ms) {
        packet.checked.answer = PBFT_CHECK_LATER;
        packet.checked.retry_ms = block->valid_from_ms;
    }
    cluster_post(c, &packet, prng_below(&c->prng, c->options.check_ms + 1));
}

static void answer_build(struct cluster *c, uint32_t at, const struct pbft_act *act)
{
    struct cluster_packet packet = {
        .to = at, .type = CLUSTER_BUILT, .incarnation = c->nodes[at].incarnation};
    packet.built.ticket = act->ticket;
    if (act->ticket.height <= c->target_height) {
        struct pbft_block parent = {.height = act->ticket.height - 1, .digest = act->ticket.parent};
        packet.built.has_block = true;
        packet.built.block = cluster_block_new(c, &parent)->block;
    }
    uint64_t delay_ms = prng_below(&c->prng, c->options.build_ms + 1);
    cluster_post(c, &packet, delay_ms);
}

/* As the driver does: what the core does not refer to any more goes from the store too (5.9). */
static void prune(struct cluster *c, uint32_t at)
{
    struct cluster_node *node = &c->nodes[at];
    for (uint64_t height = node->durable.committed.height + 1; height <= c->options.heights_max;
         height++) {
        struct cluster_place *place = &node->places[height];
        for (uint32_t i = 0; i < place->bodies_count;) {
            if (pbft_wants_block(node->core, &place->bodies[i].digest, height))
                i++;
            else
                place->bodies[i] = place->bodies[--place->bodies_count];
        }
    }
}

/* ---- snapshots ---- */

/* That it was begun is durable. */
static void begin_snapshot(struct cluster *c, uint32_t at, const struct certificate *checkpoint)
{
    c->nodes[at].snapshot = *checkpoint;
    c->nodes[at].durable.is_taking_snapshot = true;
}

static struct pbft_block snapshot_block(const struct cluster *c, uint32_t at)
{
    uint64_t height = c->nodes[at].snapshot.statement.height;
    CHECK(c->nodes[at].durable.is_taking_snapshot);
    CHECK(height <= c->chain_height);
    return c->chain[height];
}

/* What comes with that block: the lowest COMMIT certificate at or above it. */
static const struct certificate *snapshot_cover(const struct cluster *c, uint64_t height)
{
    for (; height <= c->chain_height; height++)
        for (uint32_t i = 0; i < c->options.members_count; i++)
            if (c->nodes[i].places[height].has_certificate)
                return &c->nodes[i].places[height].certificate;
    CHECK(!"what is certified as a checkpoint is under a certificate of COMMITs");
    return NULL;
}

void cluster_fetch_snapshot_block(struct cluster *c, uint32_t at)
{
    struct pbft_event event = {.type = PBFT_EVENT_FETCH_RANGE, .now_ms = c->now_ms};
    event.range.from_height = snapshot_block(c, at).height;
    event.range.blocks_max = 1;
    cluster_step(c, at, &event);
}

void cluster_take_snapshot(struct cluster *c, uint32_t at)
{
    struct cluster_node *node = &c->nodes[at];
    struct pbft_event event = {.type = PBFT_EVENT_SNAPSHOT_TAKEN, .now_ms = c->now_ms};
    event.snapshot = snapshot_block(c, at);
    cluster_step(c, at, &event);
    struct cluster_place *place = &node->places[event.snapshot.height];
    place->is_committed = true;
    place->committed = event.snapshot;
    node->base_height = event.snapshot.height;
    node->durable.committed = event.snapshot;
    node->durable.stable = node->snapshot;
    node->durable.has_stable = true;
    node->durable.cover = *snapshot_cover(c, event.snapshot.height);
    node->durable.has_cover = true;
    node->durable.is_taking_snapshot = false;
    cluster_crash(c, at);
    cluster_start(c, at);
}

/* ---- one step ---- */

void cluster_step(struct cluster *c, uint32_t at, const struct pbft_event *event)
{
    struct cluster_node *node = &c->nodes[at];
    struct pbft_output out;
    c->steps_count++;
    if (c->options.has_trace)
        cluster_trace_event(c, at, event);
    pbft_step(node->core, event, &out);
    if (c->options.has_trace)
        cluster_trace_output(c, at, &out);
    enum cluster_crash crash =
        c->crashes != NULL && out.acts_count > 0 ? c->crashes(c->context, at) : CLUSTER_RUNS_ON;
    if (crash == CLUSTER_CRASH_BEFORE_WRITE) {
        cluster_crash(c, at);
        return;
    }
    for (size_t i = 0; i < out.acts_count; i++) {
        cluster_judge_write(c, at, &out.acts[i]);
        write_one(c, at, &out.acts[i]);
    }
    cluster_judge_step(c, at);
    prune(c, at);
    if (crash == CLUSTER_CRASH_AFTER_WRITE) {
        cluster_crash(c, at);
        return;
    }
    for (size_t i = 0; i < out.acts_count; i++) {
        const struct pbft_act *act = &out.acts[i];
        if (act->type == PBFT_ASK_CHECK)
            answer_check(c, at, act);
        else if (act->type == PBFT_ASK_BUILD)
            answer_build(c, at, act);
        else if (act->type == PBFT_ASK_ROOT)
            cluster_tell_root(c, at, act->height);
        else if (act->type == PBFT_ASK_SNAPSHOT)
            begin_snapshot(c, at, act->certificate);
        else
            send_one(c, at, act);
    }
    cluster_tell_pool(c, at);
}
