#include "tests/help/chain_plan.h"

#include "crypto/base/check.h"

/* ---- the books ---- */

struct chain_plan *chain_plan_new(const struct chain *c)
{
    const struct chain_options *o = &c->options;
    struct chain_plan *plan = mem_alloc(sizeof *plan);
    plan->prng = prng_of(o->seed);
    plan->participants = mem_alloc(o->participants_count * sizeof *plan->participants);
    plan->balances =
        mem_alloc((size_t)o->accounts_count * o->assets_count * sizeof *plan->balances);
    plan->accounts_opened = o->participants_count;
    for (uint32_t i = 0; i < o->participants_count; i++) {
        struct plan_participant *p = &plan->participants[i];
        p->keys_count = p->keys_made = 1;
        chain_make_key(&p->keys[0].sign, "participant", i, 0);
        for (uint32_t asset = 0; asset < o->assets_count; asset++)
            plan->balances[(size_t)i * o->assets_count + asset] = CHAIN_OPENING;
    }
    return plan;
}

void chain_plan_free(struct chain_plan *plan)
{
    if (plan == NULL)
        return;
    mem_free(plan->participants);
    mem_free(plan->balances);
    mem_free(plan);
}

static uint64_t *balance_of(const struct chain *c, uint32_t account, uint32_t asset)
{
    return &c->plan->balances[(size_t)account * c->options.assets_count + asset];
}

static uint32_t below(const struct chain *c, uint64_t bound)
{
    return (uint32_t)prng_below(&c->plan->prng, bound);
}

/* An account of the participant that holds some of the asset. */
static uint32_t pick_source(const struct chain *c, uint32_t participant, uint32_t asset)
{
    uint32_t step = c->options.participants_count;
    uint32_t own_count = (c->plan->accounts_opened - participant + step - 1) / step;
    uint32_t account = participant + step * below(c, own_count);
    return *balance_of(c, account, asset) > 0 ? account : participant;
}

/* Any account but one; while there are accounts that nobody has credited yet, often the next. */
static uint32_t pick_target(const struct chain *c, uint32_t not_this)
{
    struct chain_plan *plan = c->plan;
    if (plan->accounts_opened < c->options.accounts_count && below(c, 2) == 0)
        return plan->accounts_opened++;
    uint32_t account = below(c, plan->accounts_opened);
    return account != not_this ? account : (account + 1) % plan->accounts_opened;
}

/* ---- operations ---- */

static void plan_transfer(const struct chain *c, struct plan_op *op, uint32_t participant)
{
    op->type = OP_TRANSFER;
    op->asset = below(c, c->options.assets_count);
    op->from = pick_source(c, participant, op->asset);
    uint64_t *from = balance_of(c, op->from, op->asset);
    CHECK(*from > 0);
    op->to = pick_target(c, op->from);
    op->amount = 1 + below(c, *from < 1000 ? *from : 1000);
    *from -= op->amount;
    *balance_of(c, op->to, op->asset) += op->amount;
}

static void plan_issue(const struct chain *c, struct plan_op *op)
{
    op->type = OP_ISSUE;
    op->to = pick_target(c, UINT32_MAX);
    op->amount = 1 + below(c, 100000);
    *balance_of(c, op->to, op->asset) += op->amount;
}

static void plan_redeem(const struct chain *c, struct plan_op *op, uint32_t participant)
{
    op->type = OP_REDEEM;
    op->from = pick_source(c, participant, op->asset);
    uint64_t *from = balance_of(c, op->from, op->asset);
    op->amount = 1 + below(c, *from < 1000 ? *from : 1000);
    *from -= op->amount;
}

static void plan_key_add(const struct chain *c, struct plan_op *op, uint32_t participant)
{
    struct plan_participant *p = &c->plan->participants[participant];
    op->type = OP_KEY_ADD;
    op->number = p->keys_made++;
    struct plan_key *key = &p->keys[p->keys_count++];
    *key = (struct plan_key){.number = op->number};
    chain_make_key(&key->sign, "participant", participant, op->number);
}

/* Any key but the first, which is the one of transactions signed by hand, and the signing one. */
static bool plan_key_revoke(const struct chain *c, struct plan_op *op, uint32_t participant,
                            uint32_t signer_number)
{
    struct plan_participant *p = &c->plan->participants[participant];
    if (p->keys_count < 2)
        return false;
    uint32_t at = 1 + below(c, p->keys_count - 1);
    if (p->keys[at].number == signer_number)
        return false;
    op->type = OP_KEY_REVOKE;
    op->number = p->keys[at].number;
    p->keys[at] = p->keys[--p->keys_count];
    return true;
}

/* An operation that is no transfer, if this participant can do what was drawn. */
static bool plan_special(const struct chain *c, struct plan_op *op, uint32_t participant,
                         uint32_t signer_number)
{
    uint32_t draw = below(c, 100);
    op->asset = below(c, c->options.assets_count);
    bool is_issuer = op->asset % c->options.participants_count == participant;
    if (draw < 40) {
        op->type = OP_RECORD;
        op->number = c->plan->records_count++;
        return true;
    }
    if (draw < 60 && is_issuer) {
        plan_issue(c, op);
        return true;
    }
    if (draw < 75 && is_issuer && *balance_of(c, participant, op->asset) > 0) {
        plan_redeem(c, op, participant);
        return true;
    }
    if (draw < 90 && c->plan->participants[participant].keys_count < PARTICIPANT_KEYS_MAX) {
        plan_key_add(c, op, participant);
        return true;
    }
    return plan_key_revoke(c, op, participant, signer_number);
}

/* ---- transactions ---- */

static uint32_t pick_participant(const struct chain *c)
{
    /* Issuers more often than others, or there would be few issues among many participants. */
    if (below(c, 8) == 0)
        return below(c, c->options.assets_count) % c->options.participants_count;
    return below(c, c->options.participants_count);
}

static void plan_tx(struct chain *c, struct plan_tx *tx, struct plan_op *ops)
{
    tx->participant = pick_participant(c);
    struct plan_participant *p = &c->plan->participants[tx->participant];
    struct plan_key *key = &p->keys[below(c, p->keys_count)];
    tx->key = key->sign;
    tx->nonce = ++key->nonce;
    uint32_t number = key->number; /* key itself may move when another one is revoked */
    if (below(c, 20000) < c->options.specials_per_mille) {
        ops[0] = (struct plan_op){.type = OP_CANCEL};
        tx->ops_count = 1;
        return;
    }
    tx->ops_count = c->options.ops_per_tx;
    for (uint32_t i = 0; i < tx->ops_count; i++) {
        ops[i] = (struct plan_op){.number = 0};
        bool is_special = below(c, 1000) < c->options.specials_per_mille;
        if (!is_special || !plan_special(c, &ops[i], tx->participant, number))
            plan_transfer(c, &ops[i], tx->participant);
    }
}

void plan_batch_open(struct plan_batch *b, const struct chain *c, uint32_t blocks_count)
{
    size_t txs_room = (size_t)blocks_count * c->options.txs_per_block;
    *b = (struct plan_batch){.txs = mem_alloc(txs_room * sizeof *b->txs)};
    b->ops = mem_alloc(txs_room * c->options.ops_per_tx * sizeof *b->ops);
    for (size_t i = 0; i < txs_room; i++)
        b->txs[i].ops_from = i * c->options.ops_per_tx;
    b->txs_count = (uint32_t)txs_room;
}

void plan_batch_close(struct plan_batch *b)
{
    for (uint32_t i = 0; i < b->txs_count; i++)
        buf_free(&b->txs[i].bytes);
    mem_free(b->txs);
    mem_free(b->ops);
}

void plan_batch_fill(struct plan_batch *b, struct chain *c, uint32_t txs_count)
{
    CHECK(txs_count <= b->txs_count);
    for (uint32_t i = 0; i < txs_count; i++)
        plan_tx(c, &b->txs[i], &b->ops[b->txs[i].ops_from]);
    atomic_store(&b->next, 0);
}
