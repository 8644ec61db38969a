/* Clients that are with the Byzantine members. They have keys and accounts like others, and use
 * them to take up nonces and room: many transactions for one nonce, gaps that nothing fills, what
 * nobody can pay, and the words of others with another signature. */
#include <inttypes.h>
#include <stdio.h>

#include "crypto/base/check.h"
#include "ledger/amount.h"
#include "tests/sim/byz_parts.h"
#include "tests/sim/clients_parts.h"

enum { PARTICIPANT_ROOM = 64 };

void byz_clients_open(struct sim *s)
{
    for (uint32_t i = 0; i < SIM_BYZ_CLIENTS; i++) {
        struct byz_client *c = &s->byz->clients[i];
        struct client made = {0};
        (void)snprintf(c->name, sizeof c->name, "evil%u", i);
        clients_make_key(&made, c->name, s->plan.seed);
        c->key = made.key;
    }
}

void sim_byz_initial(const struct sim *s, struct buf *participants_json, struct buf *balances_json)
{
    char text[256], hex[PUBLIC_KEY_HEX_BYTES];
    if (s->plan.byz.members == 0)
        return;
    for (uint32_t i = 0; i < SIM_BYZ_CLIENTS; i++) {
        const struct byz_client *c = &s->byz->clients[i];
        public_key_to_hex(hex, &c->key.public);
        (void)snprintf(text, sizeof text, ",\n{\"name\": \"%s\", \"keys\": [\"%s\"]}", c->name,
                       hex);
        buf_add_bytes(participants_json, bytes_of_text(text));
        (void)snprintf(text, sizeof text,
                       ",\n{\"account\": \"%s/main\", \"asset\": \"%s\", \"amount\": \"1000.00\"}",
                       c->name, SIM_ASSET);
        buf_add_bytes(balances_json, bytes_of_text(text));
    }
}

/* ---- transactions ---- */

static void make_tx(struct sim *s, struct buf *out, const struct byz_client *c, uint64_t nonce,
                    uint64_t amount)
{
    char from[PARTICIPANT_ROOM], to[PARTICIPANT_ROOM], memo[32];
    (void)snprintf(from, sizeof from, "%s/main", c->name);
    (void)snprintf(to, sizeof to, "evil%" PRIu64 "/side", sim_between(s, 0, SIM_BYZ_CLIENTS - 1));
    (void)snprintf(memo, sizeof memo, "%" PRIx64, prng_u64(&s->prng));
    struct op op = {.type = OP_TRANSFER,
                    .transfer = {.from = bytes_of_text(from),
                                 .to = bytes_of_text(to),
                                 .asset = bytes_of_text(SIM_ASSET),
                                 .amount = amount,
                                 .memo = bytes_of_text(memo)}};
    struct tx_draft draft = {.nonce = nonce, .ops = &op, .ops_count = 1};
    enum verdict verdict = tx_sign(out, &draft, &c->key, &s->genesis.chain_id);
    CHECK(verdict == VERDICT_OK);
}

static const struct byz_client *any_client(struct sim *s)
{
    return &s->byz->clients[sim_between(s, 0, SIM_BYZ_CLIENTS - 1)];
}

void byz_overdraft(struct sim *s, struct buf *out)
{
    const struct byz_client *c = any_client(s);
    make_tx(s, out, c, c->nonce + 1, UINT64_C(1) << 50);
}

/* ---- squatting ---- */

static uint64_t next_number(struct sim *s, const struct byz_client *c)
{
    uint64_t index = (uint64_t)(c - s->byz->clients);
    return (uint64_t)BYZ_CLIENT_NUMBER << 56 | index << 48 | ++s->byz->requests_count;
}

/* To a node as a client does, or to it as a member's FORWARD. */
static void submit(struct sim *s, uint32_t member, uint32_t to, const struct byz_client *c,
                   struct bytes tx)
{
    struct pbft_msg *m = s->byz->spare;
    if (sim_luck(s, 500000) || to == member) {
        (void)sim_node_submit(s, to, next_number(s, c), tx);
        return;
    }
    m->type = PBFT_FORWARD;
    m->from = m->link = member;
    m->forward = tx;
    byz_emit(s, member, to, m, 0);
}

static void squat_with(struct sim *s, uint32_t member, const struct byz_client *c, uint64_t nonce,
                       uint64_t amount)
{
    struct buf tx = {0};
    make_tx(s, &tx, c, nonce, amount);
    submit(s, member, (uint32_t)sim_between(s, 0, s->plan.members_count - 1), c, buf_bytes(&tx));
    buf_free(&tx);
}

/* A transaction that was forwarded, under a signature that is not its signer's. */
static void squat_on_another(struct sim *s, uint32_t member)
{
    struct buf tx = {0};
    if (!byz_recall_msg(s, PBFT_FORWARD))
        return;
    buf_add_bytes(&tx, s->byz->spare->forward);
    if (tx.size > 0)
        tx.data[tx.size - 1 - sim_between(s, 0, SIGNATURE_BYTES - 1) % tx.size] ^= 1;
    submit(s, member, byz_any_peer(s, member), any_client(s), buf_bytes(&tx));
    buf_free(&tx);
}

void byz_squat(struct sim *s, uint32_t member)
{
    const struct byz_client *c = any_client(s);
    uint64_t window = s->plan.parameters.nonce_window;
    uint32_t n = s->plan.members_count;
    switch (sim_between(s, 0, 4)) {
    case 0: /* another one for each node */
        for (uint32_t i = 0; i < n; i++)
            squat_with(s, member, c, c->nonce + 1, 1);
        break;
    case 1: /* behind a gap, as many as there may be */
        for (uint64_t i = 0; i < window && i < 16; i++)
            squat_with(s, member, c, c->nonce + 2 + i, 1);
        break;
    case 2:
        squat_with(s, member, c, c->nonce + 1, UINT64_C(1) << 50);
        break;
    case 3:
        squat_with(s, member, c, sim_luck(s, 500000) ? UINT64_MAX : c->nonce + window + 1, 1);
        break;
    default:
        squat_on_another(s, member);
    }
}

void byz_clients_on_answer(struct sim *s, uint64_t client, const struct driver_answer *answer)
{
    struct byz_client *c = &s->byz->clients[(client >> 48 & UINT8_MAX) % SIM_BYZ_CLIENTS];
    /* One for each nonce that is known to be gone; it need not be right, it is squatting. */
    if (answer->outcome == DRIVER_COMMITTED ||
        (answer->outcome == DRIVER_REJECTED && answer->verdict == VERDICT_NONCE_USED))
        c->nonce++;
}
