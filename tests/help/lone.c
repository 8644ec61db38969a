#include "tests/help/lone.h"

#include <string.h>

#include "crypto/base/check.h"

/* ---- blocks ---- */

static struct digest digest_of_number(uint64_t number)
{
    struct digest d;
    memset(d.bytes, 0xb1, sizeof d.bytes);
    memcpy(d.bytes, &number, sizeof number);
    return d;
}

struct pbft_block lone_genesis(void)
{
    return (struct pbft_block){.digest = digest_of_number(0)};
}

struct pbft_block lone_block(struct lone *l, const struct pbft_block *parent)
{
    return (struct pbft_block){.height = parent->height + 1,
                               .digest = digest_of_number(++l->blocks_count),
                               .parent = parent->digest};
}

bool lone_block_equal(const struct pbft_block *a, const struct pbft_block *b)
{
    return a->height == b->height && digest_equal(&a->digest, &b->digest) &&
           digest_equal(&a->parent, &b->parent);
}

/* ---- life ---- */

void lone_init(struct lone *l, uint32_t members_count, uint32_t own_index)
{
    memset(l, 0, sizeof *l);
    l->signer.member_index = own_index;
    l->config = (struct pbft_config){.members = {.members_count = members_count},
                                     .own_index = own_index,
                                     .pipeline_heights = 4,
                                     .window_heights = 8,
                                     .batch_ms = 5,
                                     .status_ms = 250,
                                     .view_change_ms = 1000,
                                     .view_change_cap_ms = 60000,
                                     .fairness_ms = 2000,
                                     .retransmit_ms = 500,
                                     .quiet_checkpoint_ms = 2000,
                                     .snapshot_behind_heights = UINT64_MAX,
                                     .epoch_base = lone_genesis(),
                                     .sync_blocks_max = 8,
                                     .proposals_bytes_max = 4 * LONE_BLOCK_BYTES_MAX,
                                     .sign = fake_sign,
                                     .sign_context = &l->signer};
    memset(l->config.chain_id.bytes, 0xc1, DIGEST_BYTES);
    l->memory = mem_alloc(pbft_memory_bytes(&l->config));
    l->now_ms = 1000;
    struct pbft_block genesis = lone_genesis();
    pbft_durable_init(&l->durable, &genesis);
}

void lone_close(struct lone *l)
{
    mem_free(l->memory);
}

void lone_start(struct lone *l)
{
    struct pbft_event start = {.type = PBFT_EVENT_START};
    l->durable.status_counter += 1u << 20;
    memset(l->memory, 0, pbft_memory_bytes(&l->config));
    l->core = pbft_init(l->memory, &l->config, &l->durable);
    for (size_t i = 0; i < l->bodies_count; i++)
        pbft_restore_block(l->core, &l->bodies[i], l->block_bytes);
    for (size_t i = 0; i < l->votes_count; i++)
        pbft_restore_vote(l->core, &l->votes[i]);
    for (size_t i = 0; i < l->pre_prepares_count; i++)
        pbft_restore_pre_prepare(l->core, &l->pre_prepares[i]);
    if (l->has_view_change)
        pbft_restore_view_change(l->core, &l->view_change);
    if (l->has_new_view)
        pbft_restore_new_view(l->core, &l->new_view);
    for (size_t i = 0; i < l->evidence_count; i++)
        pbft_restore_evidence(l->core, &l->evidence[i]);
    (void)lone_step(l, &start);
}

static void write_one(struct lone *l, const struct pbft_act *act)
{
    struct pbft_durable *d = &l->durable;
    CHECK(l->bodies_count < LONE_STORED_MAX);
    CHECK(l->votes_count < LONE_STORED_MAX);
    CHECK(l->pre_prepares_count < LONE_STORED_MAX);
    if (act->type == PBFT_WRITE_STATE) {
        d->view = act->state.view;
        d->mode = act->state.mode;
        d->is_installed = act->state.is_installed;
        d->is_spoiled = act->state.is_spoiled;
        d->base = act->state.base;
        d->has_tip = act->state.has_tip;
        d->tip = act->state.tip;
    }
    if (act->type == PBFT_WRITE_BLOCK)
        l->bodies[l->bodies_count++] = act->block;
    if (act->type == PBFT_WRITE_VOTE)
        l->votes[l->votes_count++] = act->vote;
    if (act->type == PBFT_WRITE_PRE_PREPARE)
        l->pre_prepares[l->pre_prepares_count++] = act->pre_prepare;
    if (act->type == PBFT_WRITE_HIGH) {
        d->has_high = true;
        d->high = *act->certificate;
    }
    if (act->type == PBFT_WRITE_VIEW_CHANGE) {
        l->has_view_change = true;
        l->view_change = *act->view_change;
    }
    if (act->type == PBFT_WRITE_NEW_VIEW) {
        l->has_new_view = true;
        l->new_view = *act->new_view;
    }
    if (act->type == PBFT_WRITE_COVER) {
        d->has_cover = true;
        d->cover = *act->certificate;
    }
    if (act->type == PBFT_WRITE_COMMIT) {
        d->committed = act->block;
        d->has_head = act->certificate != NULL;
        if (act->certificate != NULL)
            d->head = *act->certificate;
    }
    if (act->type == PBFT_WRITE_CHECKPOINT) {
        d->has_stable = true;
        d->stable = *act->certificate;
    }
    if (act->type == PBFT_DIVERGED)
        d->is_diverged = true;
    if (act->type == PBFT_WRITE_EVIDENCE) {
        CHECK(l->evidence_count < LONE_EVIDENCE_MAX);
        l->evidence[l->evidence_count++] = *act->evidence;
    }
    if (act->type == PBFT_WRITE_LEARNER)
        d->is_learner = true;
    if (act->type == PBFT_WRITE_ALARM)
        d->is_alarmed = true;
}

/* ---- events ---- */

enum pbft_drop lone_step(struct lone *l, const struct pbft_event *event)
{
    struct pbft_event dated = *event;
    dated.now_ms = l->now_ms;
    pbft_step(l->core, &dated, &l->out);
    for (size_t i = 0; i < l->out.acts_count; i++)
        write_one(l, &l->out.acts[i]);
    pbft_look(l->core, &l->look);
    return l->out.drop;
}

enum pbft_drop lone_msg(struct lone *l, const struct pbft_msg *m)
{
    struct pbft_event event = {.type = PBFT_EVENT_MSG, .msg = m};
    if (l->spares_glance)
        return lone_step(l, &event);
    struct lone_glance glance = lone_glance(l, m);
    enum pbft_drop drop = lone_step(l, &event);
    lone_glance_hold(l, &glance);
    return drop;
}

enum pbft_drop lone_tick(struct lone *l, uint64_t after_ms)
{
    struct pbft_event event = {.type = PBFT_EVENT_TICK};
    l->now_ms += after_ms;
    return lone_step(l, &event);
}

enum pbft_drop lone_pool(struct lone *l, bool has_executable, bool is_full_block)
{
    struct pbft_pool pool = {.has_executable = has_executable, .is_full_block = is_full_block};
    if (has_executable)
        pool.oldest_ms = pool.unproposed_ms = l->now_ms;
    return lone_pool_of(l, &pool);
}

enum pbft_drop lone_pool_of(struct lone *l, const struct pbft_pool *pool)
{
    struct pbft_event event = {.type = PBFT_EVENT_POOL, .pool = *pool};
    return lone_step(l, &event);
}

static uint32_t primary_now(const struct lone *l)
{
    return pbft_primary_of(l->config.epoch, l->view, l->config.members.members_count);
}

struct pbft_msg lone_make_pre_prepare(const struct lone *l, uint32_t from,
                                      const struct pbft_block *block)
{
    struct pbft_msg m = {.type = PBFT_PRE_PREPARE, .link = from, .from = from};
    m.pre_prepare.view = l->view;
    m.pre_prepare.block = *block;
    m.pre_prepare.bytes.size = l->block_bytes; /* the core looks at no more of them */
    fake_sign_pre_prepare(&m.pre_prepare, from, &l->config.chain_id);
    return m;
}

struct pbft_msg lone_make_vote(const struct lone *l, uint32_t from, enum cert_kind kind,
                               const struct pbft_block *block)
{
    struct pbft_msg m = {
        .type = kind == CERT_PREPARE ? PBFT_PREPARE : PBFT_COMMIT, .link = from, .from = from};
    m.vote.statement = (struct statement){
        .kind = kind, .view = l->view, .height = block->height, .digest = block->digest};
    fake_sign_vote(&m.vote, from, &l->config.chain_id);
    return m;
}

struct pbft_msg lone_make_qc(const struct lone *l, enum cert_kind kind,
                             const struct pbft_block *block, uint32_t signers)
{
    uint32_t link = l->config.own_index == 0 ? 1 : 0;
    struct pbft_msg m = {.type = PBFT_QC, .link = link, .from = link};
    m.qc = lone_certificate(l, kind, l->view, block, signers);
    return m;
}

struct pbft_msg lone_make_status(struct lone *l, uint32_t from, uint64_t committed_height)
{
    struct pbft_msg m = {.type = PBFT_STATUS, .link = from, .from = from};
    m.status.view = l->view;
    m.status.committed_height = committed_height;
    m.status.counter = ++l->counter;
    fake_sign_status(&m.status, from, &l->config.chain_id);
    return m;
}

enum pbft_drop lone_pre_prepare(struct lone *l, uint32_t from, const struct pbft_block *block)
{
    struct pbft_msg m = lone_make_pre_prepare(l, from, block);
    return lone_msg(l, &m);
}

enum pbft_drop lone_vote(struct lone *l, uint32_t from, enum cert_kind kind,
                         const struct pbft_block *block)
{
    struct pbft_msg m = lone_make_vote(l, from, kind, block);
    return lone_msg(l, &m);
}

enum pbft_drop lone_qc(struct lone *l, enum cert_kind kind, const struct pbft_block *block,
                       uint32_t signers)
{
    struct pbft_msg m = lone_make_qc(l, kind, block, signers);
    return lone_msg(l, &m);
}

enum pbft_drop lone_status(struct lone *l, uint32_t from, uint64_t committed_height)
{
    struct pbft_msg m = lone_make_status(l, from, committed_height);
    return lone_msg(l, &m);
}

enum pbft_drop lone_fetch(struct lone *l, uint32_t link, const struct pbft_block *block)
{
    struct pbft_msg m = {.type = PBFT_FETCH, .link = link, .from = link};
    m.fetch = (struct pbft_fetch){.kind = PBFT_FETCH_BLOCK, .digest = block->digest};
    return lone_msg(l, &m);
}

enum pbft_drop lone_fetch_range(struct lone *l, uint32_t link, uint64_t from_height)
{
    struct pbft_msg m = {.type = PBFT_FETCH, .link = link, .from = link};
    m.fetch = (struct pbft_fetch){
        .kind = PBFT_FETCH_RANGE, .from_height = from_height, .blocks_max = PBFT_DATA_BLOCKS_MAX};
    return lone_msg(l, &m);
}

struct pbft_msg lone_make_data(const struct lone *l, uint32_t link, const struct pbft_block *block,
                               bool has_pre_prepare)
{
    struct pbft_msg m = {.type = PBFT_DATA, .link = link, .from = link};
    m.data.kind = PBFT_FETCH_BLOCK;
    m.data.blocks_count = 1;
    m.data.blocks[0] = *block;
    m.data.bytes[0].size = l->block_bytes; /* the core looks at no more of them */
    m.data.has_pre_prepare = has_pre_prepare;
    if (!has_pre_prepare)
        return m;
    m.data.pre_prepare_from = primary_now(l);
    m.data.pre_prepare = lone_make_pre_prepare(l, primary_now(l), block).pre_prepare;
    return m;
}

enum pbft_drop lone_data(struct lone *l, uint32_t link, const struct pbft_block *block,
                         bool has_pre_prepare)
{
    struct pbft_msg m = lone_make_data(l, link, block, has_pre_prepare);
    return lone_msg(l, &m);
}

struct pbft_msg lone_make_range(const struct lone *l, uint32_t link, const struct pbft_block *chain,
                                uint32_t blocks_count, uint32_t heads_count)
{
    struct pbft_msg m = {.type = PBFT_DATA, .link = link, .from = link};
    m.data.kind = PBFT_FETCH_RANGE;
    m.data.blocks_count = blocks_count;
    m.data.heads_count = heads_count;
    memcpy(m.data.blocks, chain, blocks_count * sizeof *chain);
    memcpy(m.data.heads, chain + blocks_count, heads_count * sizeof *chain);
    for (uint32_t i = 0; i < blocks_count; i++)
        m.data.bytes[i].size = l->block_bytes;
    uint32_t others = ~(1u << l->config.own_index);
    m.data.certificate =
        lone_certificate(l, CERT_COMMIT, l->view, &chain[blocks_count + heads_count - 1], others);
    return m;
}

enum pbft_drop lone_range(struct lone *l, uint32_t link, const struct pbft_block *chain,
                          uint32_t blocks_count, uint32_t heads_count)
{
    struct pbft_msg m = lone_make_range(l, link, chain, blocks_count, heads_count);
    return lone_msg(l, &m);
}

static struct pbft_ticket ticket_on(const struct lone *l, const struct pbft_block *block)
{
    return (struct pbft_ticket){
        .view = l->look.view, .height = block->height, .parent = block->parent};
}

enum pbft_drop lone_checked(struct lone *l, const struct pbft_block *block,
                            enum pbft_check_answer answer, uint64_t retry_ms)
{
    struct pbft_event event = {.type = PBFT_EVENT_CHECKED,
                               .checked = {.ticket = ticket_on(l, block),
                                           .digest = block->digest,
                                           .answer = answer,
                                           .retry_ms = retry_ms}};
    return lone_step(l, &event);
}

enum pbft_drop lone_built(struct lone *l, const struct pbft_block *block, uint64_t retry_ms)
{
    struct pbft_event event = {.type = PBFT_EVENT_BUILT, .built = {.retry_ms = retry_ms}};
    if (block != NULL) {
        event.built.has_block = true;
        event.built.block = *block;
        event.built.ticket = ticket_on(l, block);
    } else {
        event.built.ticket = (struct pbft_ticket){
            .view = l->look.view, .height = l->look.tip.height + 1, .parent = l->look.tip.digest};
    }
    return lone_step(l, &event);
}

void lone_accept(struct lone *l, const struct pbft_block *block)
{
    enum pbft_drop drop = lone_pre_prepare(l, primary_now(l), block);
    CHECK(drop == PBFT_KEEP);
    drop = lone_checked(l, block, PBFT_CHECK_VALID, 0);
    CHECK(drop == PBFT_KEEP);
}

void lone_votes(struct lone *l, enum cert_kind kind, const struct pbft_block *block, uint32_t count)
{
    for (uint32_t from = 0; from < count; from++)
        if (from != l->config.own_index)
            (void)lone_vote(l, from, kind, block);
}

/* ---- the last output ---- */

const struct pbft_act *lone_act(const struct lone *l, enum pbft_act_type type, size_t nth)
{
    for (size_t i = 0; i < l->out.acts_count; i++)
        if (l->out.acts[i].type == type && nth-- == 0)
            return &l->out.acts[i];
    return NULL;
}

size_t lone_count(const struct lone *l, enum pbft_act_type type)
{
    size_t count = 0;
    while (lone_act(l, type, count) != NULL)
        count++;
    return count;
}

bool lone_sent_vote(const struct lone *l, enum cert_kind kind, const struct pbft_block *block)
{
    const struct pbft_act *act;
    for (size_t i = 0; (act = lone_act(l, PBFT_SEND_VOTE, i)) != NULL; i++) {
        const struct statement *s = &act->vote.statement;
        if (s->kind == kind && s->height == block->height &&
            digest_equal(&s->digest, &block->digest))
            return true;
    }
    return false;
}
