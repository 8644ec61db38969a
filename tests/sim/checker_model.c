/* A ledger in lists: each account's amount, each key's last nonce, each asset's supply. It knows
 * the operations that the clients make, and believes nothing of what ledger/ computes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/state.h"
#include "tests/sim/checker_parts.h"

enum { MODEL_ACCOUNTS_MAX = 256, MODEL_KEYS_MAX = 64, MODEL_ASSETS_MAX = 8 };

struct model_account {
    char account[ACCOUNT_BYTES_MAX + 1];
    char asset[ASSET_BYTES_MAX + 1];
    uint64_t amount, entries_count;
    struct check_history history;
};
struct model_key {
    struct public_key key;
    const char *participant; /* of the genesis */
    uint64_t last_nonce;
};
struct model_asset {
    const char *code, *issuer; /* of the genesis */
    uint64_t supply;
};

struct model {
    uint32_t accounts_count, keys_count, assets_count;
    struct model_account accounts[MODEL_ACCOUNTS_MAX];
    struct model_key keys[MODEL_KEYS_MAX];
    struct model_asset assets[MODEL_ASSETS_MAX];
};

/* A transaction as it is applied; sim_fail() needs to know where. */
struct step {
    struct sim *s;
    struct model *m;
    uint32_t node;
    uint64_t height;
    const struct tx *tx;
    const struct model_key *key;
};

static _Noreturn void fail(const struct step *at, const char *property, const char *words)
{
    sim_fail(at->s, at->node, property, "height %" PRIu64 ", %s, nonce %" PRIu64 ": %s", at->height,
             at->key == NULL ? "an unknown key" : at->key->participant, at->tx->nonce, words);
}

static bool is_text(struct bytes bytes, const char *text)
{
    return bytes_equal(bytes, bytes_of_text(text));
}

/* ---- the start ---- */

static void add_participant(struct model *m, const struct initial_participant *p)
{
    for (uint32_t i = 0; i < p->keys_count; i++) {
        CHECK(m->keys_count < MODEL_KEYS_MAX);
        m->keys[m->keys_count++] =
            (struct model_key){.key = p->keys[i], .participant = p->name, .last_nonce = 0};
    }
}

static struct model_asset *asset_of(struct model *m, struct bytes code)
{
    for (uint32_t i = 0; i < m->assets_count; i++)
        if (is_text(code, m->assets[i].code))
            return &m->assets[i];
    return NULL;
}

/* An account that nobody has heard of holds nothing. */
static struct model_account *account_of(struct model *m, struct bytes account, struct bytes asset)
{
    for (uint32_t i = 0; i < m->accounts_count; i++)
        if (is_text(account, m->accounts[i].account) && is_text(asset, m->accounts[i].asset))
            return &m->accounts[i];
    CHECK(m->accounts_count < MODEL_ACCOUNTS_MAX);
    struct model_account *a = &m->accounts[m->accounts_count++];
    (void)snprintf(a->account, sizeof a->account, "%.*s", (int)account.size,
                   (const char *)account.data);
    (void)snprintf(a->asset, sizeof a->asset, "%.*s", (int)asset.size, (const char *)asset.data);
    return a;
}

struct model *model_new(const struct genesis *g)
{
    struct model *m = mem_alloc(sizeof *m);
    const struct initial_state *initial = &g->initial;
    for (uint32_t i = 0; i < initial->participants_count; i++)
        add_participant(m, &initial->participants[i]);
    CHECK(initial->assets_count <= MODEL_ASSETS_MAX);
    for (uint32_t i = 0; i < initial->assets_count; i++)
        m->assets[m->assets_count++] =
            (struct model_asset){initial->assets[i].code, initial->assets[i].issuer, 0};
    for (uint32_t i = 0; i < initial->balances_count; i++) {
        const struct initial_balance *b = &initial->balances[i];
        struct model_account *a = account_of(m, bytes_of_text(b->account), bytes_of_text(b->asset));
        a->amount = b->amount;
        check_history_put(&a->history, &(struct check_amount){.amount = a->amount});
        asset_of(m, bytes_of_text(b->asset))->supply += b->amount;
    }
    return m;
}

void model_free(struct model *m)
{
    for (uint32_t i = 0; i < m->accounts_count; i++)
        mem_free(m->accounts[i].history.items);
    mem_free(m);
}

const struct check_history *model_history(const struct model *m, struct bytes account,
                                          struct bytes asset)
{
    for (uint32_t i = 0; i < m->accounts_count; i++)
        if (is_text(account, m->accounts[i].account) && is_text(asset, m->accounts[i].asset))
            return &m->accounts[i].history;
    return NULL;
}

/* ---- operations ---- */

static void expect_participant(const struct step *at, struct bytes account)
{
    struct bytes name = account_participant(account);
    for (uint32_t i = 0; i < at->m->keys_count; i++)
        if (is_text(name, at->m->keys[i].participant))
            return;
    fail(at, "money goes to those who exist", "to nobody");
}

static void changed(const struct step *at, struct model_account *a)
{
    const struct check_amount now = {at->height, a->amount, ++a->entries_count};
    check_history_put(&a->history, &now);
}

static void credit(const struct step *at, struct bytes account, struct bytes asset, uint64_t amount)
{
    expect_participant(at, account);
    struct model_account *a = account_of(at->m, account, asset);
    a->amount += amount;
    changed(at, a);
}

/* Nobody spends what he has not got, or what is another's. */
static void debit(const struct step *at, struct bytes account, struct bytes asset, uint64_t amount)
{
    struct model_account *a = account_of(at->m, account, asset);
    if (!is_text(account_participant(account), at->key->participant))
        fail(at, "no foreign account", "it takes another's money");
    if (a->amount < amount)
        fail(at, "no overdraft", "it takes more than there is");
    a->amount -= amount;
    changed(at, a);
}

static struct model_asset *issued_by_signer(const struct step *at, struct bytes code)
{
    struct model_asset *asset = asset_of(at->m, code);
    if (asset == NULL || strcmp(asset->issuer, at->key->participant) != 0)
        fail(at, "only issuers make money", "it is not the asset's issuer");
    return asset;
}

static void apply_op(const struct step *at, const struct op *op)
{
    switch (op->type) {
    case OP_TRANSFER:
        debit(at, op->transfer.from, op->transfer.asset, op->transfer.amount);
        credit(at, op->transfer.to, op->transfer.asset, op->transfer.amount);
        return;
    case OP_ISSUE:
        issued_by_signer(at, op->issue.asset)->supply += op->issue.amount;
        credit(at, op->issue.to, op->issue.asset, op->issue.amount);
        return;
    case OP_REDEEM:
        issued_by_signer(at, op->redeem.asset)->supply -= op->redeem.amount;
        debit(at, op->redeem.from, op->redeem.asset, op->redeem.amount);
        return;
    case OP_RECORD:
    case OP_CANCEL:
        return;
    default:
        fail(at, "the model knows all operations", "no client makes this one");
    }
}

/* A transaction on the chain is signed, is its key's next one, and is in time. */
void model_apply(struct sim *s, uint32_t node, const struct tx *tx, uint64_t height)
{
    struct model *m = s->checker->model;
    struct model_key *key = NULL;
    struct step at = {s, m, node, height, tx, NULL};
    for (uint32_t i = 0; i < m->keys_count && key == NULL; i++)
        if (public_key_equal(&m->keys[i].key, &tx->signer))
            key = &m->keys[i];
    at.key = key;
    if (key == NULL)
        fail(&at, "only known keys sign", "nobody's key");
    if (tx_verify(tx, &s->genesis.chain_id) != VERDICT_OK)
        fail(&at, "every transaction is signed", "its signature is wrong");
    if (tx->nonce != key->last_nonce + 1)
        fail(&at, "nonces are contiguous", "it is not the next one");
    if (tx->valid_until_height != 0 && tx->valid_until_height < height)
        fail(&at, "nothing commits after valid_until", "it has expired");
    key->last_nonce = tx->nonce;
    struct rd r = tx_ops(tx);
    for (uint32_t i = 0; i < tx->ops_count; i++) {
        struct op op;
        if (op_decode(&r, &op) != VERDICT_OK)
            fail(&at, "every transaction decodes", "an operation does not");
        apply_op(&at, &op);
    }
}

/* ---- comparing ---- */

void model_check_money(struct sim *s, uint32_t node)
{
    const struct model *m = s->checker->model;
    for (uint32_t i = 0; i < m->assets_count; i++) {
        uint64_t sum = 0;
        for (uint32_t k = 0; k < m->accounts_count; k++)
            if (strcmp(m->accounts[k].asset, m->assets[i].code) == 0)
                sum += m->accounts[k].amount;
        if (sum != m->assets[i].supply)
            sim_fail(s, node, "money is conserved", "%s: balances %" PRIu64 ", supply %" PRIu64,
                     m->assets[i].code, sum, m->assets[i].supply);
    }
}

static void expect_equal(struct sim *s, uint32_t node, const char *what, uint64_t state,
                         uint64_t model)
{
    if (state != model)
        sim_fail(s, node, "the state is what the chain says",
                 "%s: %" PRIu64 " in the state, %" PRIu64 " by the model", what, state, model);
}

void model_compare(struct sim *s, uint32_t node)
{
    const struct model *m = s->checker->model;
    struct layer *l = layer_new(store_layer(s->nodes[node].store), NULL);
    for (uint32_t i = 0; i < m->accounts_count; i++) {
        const struct model_account *a = &m->accounts[i];
        struct state_balance balance;
        bool has =
            state_get_balance(l, bytes_of_text(a->account), bytes_of_text(a->asset), &balance);
        expect_equal(s, node, a->account, has ? balance.amount : 0, a->amount);
        expect_equal(s, node, a->account, has ? balance.entries_count : 0, a->entries_count);
    }
    for (uint32_t i = 0; i < m->keys_count; i++) {
        struct state_key key;
        bool has = state_get_key(l, &m->keys[i].key, &key);
        expect_equal(s, node, m->keys[i].participant, has ? key.nonce : UINT64_MAX,
                     m->keys[i].last_nonce);
    }
    for (uint32_t i = 0; i < m->assets_count; i++) {
        struct state_asset asset;
        bool has = state_get_asset(l, bytes_of_text(m->assets[i].code), &asset);
        expect_equal(s, node, m->assets[i].code, has ? asset.supply : 0, m->assets[i].supply);
    }
    if (layer_rc(l) != RC_OK)
        sim_fail(s, node, "the state can be read", "%s", rc_text(layer_rc(l)));
    layer_free(l);
}
