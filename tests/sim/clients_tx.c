/* What the clients' transactions say. All are small, and all but those made to be refused apply in
 * whatever order the chain takes them: nobody can spend what was given to him at the start. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/amount.h"
#include "tests/sim/checker_parts.h"
#include "tests/sim/clients_parts.h"

#define OPENING_AMOUNT   UINT64_C(100000000000) /* of each main account, in minor units */
#define OVERDRAFT_AMOUNT UINT64_C(100000000000000)
enum {
    AMOUNT_MAX = 1000,
    OPS_MAX = 64,
    DATA_BYTES_MAX = 60,
    BIG_BYTES_MAX = 100 * 1024, /* of all records of a transaction */
    EXPIRY_HEIGHTS_MAX = 12,
    RECORD_KEYS = 5, /* so that records get several versions */
    MEMO_ROOM = 32
};

void clients_make_key(struct client *c, const char *name, uint64_t seed)
{
    struct hasher h;
    struct digest digest;
    (void)snprintf(c->name, sizeof c->name, "%s", name);
    hasher_start(&h, TAG_TEST);
    hasher_add_bytes(&h, bytes_of_text(name));
    hasher_add(&h, &seed, sizeof seed);
    hasher_end(&h, &digest);
    sign_key_from_seed(&c->key, digest.bytes);
}

bool sim_clients_is_by(const struct sim *s, uint32_t client_index, const struct public_key *key)
{
    return public_key_equal(&s->clients->clients[client_index].key.public, key);
}

struct bytes clients_account(char out[static ACCOUNT_ROOM], const struct client *c, uint32_t which)
{
    (void)snprintf(out, ACCOUNT_ROOM, "%s/%s", c->name, which == 0 ? "main" : "side");
    return bytes_of_text(out);
}

/* ---- the genesis ---- */

static void add_text(struct buf *out, const char *text)
{
    buf_add_bytes(out, bytes_of_text(text));
}

void sim_clients_initial(const struct sim *s, struct buf *participants_json,
                         struct buf *balances_json, const char **issuer)
{
    char text[256], hex[PUBLIC_KEY_HEX_BYTES], amount[AMOUNT_TEXT_BYTES], account[ACCOUNT_ROOM];
    amount_format(amount, OPENING_AMOUNT, SIM_ASSET_DECIMALS);
    for (uint32_t i = 0; i < s->clients->count; i++) {
        const struct client *c = &s->clients->clients[i];
        const char *comma = i == 0 ? "" : ",\n";
        public_key_to_hex(hex, &c->key.public);
        (void)snprintf(text, sizeof text, "%s{\"name\": \"%s\", \"keys\": [\"%s\"]}", comma,
                       c->name, hex);
        add_text(participants_json, text);
        (void)clients_account(account, c, 0);
        (void)snprintf(text, sizeof text,
                       "%s{\"account\": \"%s\", \"asset\": \"%s\", \"amount\": \"%s\"}", comma,
                       account, SIM_ASSET, amount);
        add_text(balances_json, text);
    }
    *issuer = s->clients->clients[s->clients->count - 1].name;
}

/* ---- operations ---- */

/* Room for the texts of one operation. */
struct op_texts {
    char from[ACCOUNT_ROOM], to[ACCOUNT_ROOM], key[16], memo[MEMO_ROOM];
    uint8_t data[DATA_BYTES_MAX];
    struct buf big;
};

static struct bytes any_account(struct sim *s, char out[static ACCOUNT_ROOM])
{
    uint64_t i = prng_below(&s->prng, s->clients->count);
    return clients_account(out, &s->clients->clients[i], (uint32_t)prng_below(&s->prng, 2));
}

static struct op draw_transfer(struct sim *s, const struct client *c, struct op_texts *t,
                               uint64_t amount)
{
    struct op op = {.type = OP_TRANSFER,
                    .transfer = {.from = clients_account(t->from, c, 0),
                                 .asset = bytes_of_text(SIM_ASSET),
                                 .amount = amount}};
    do
        op.transfer.to = any_account(s, t->to);
    while (bytes_equal(op.transfer.to, op.transfer.from));
    (void)snprintf(t->memo, sizeof t->memo, "%" PRIx64, prng_u64(&s->prng));
    op.transfer.memo = bytes_of_text(t->memo);
    return op;
}

static struct op draw_record(struct sim *s, struct op_texts *t)
{
    size_t size = prng_below(&s->prng, DATA_BYTES_MAX + 1);
    prng_fill(&s->prng, t->data, size);
    (void)snprintf(t->key, sizeof t->key, "%" PRIu64, prng_below(&s->prng, RECORD_KEYS));
    return (struct op){.type = OP_RECORD,
                       .record = {.topic = bytes_of_text("deeds"),
                                  .key = bytes_of_text(t->key),
                                  .data = bytes_of(t->data, size)}};
}

/* One that fills blocks; its bytes cost nothing to draw. */
static struct op draw_big_record(struct sim *s, struct op_texts *t)
{
    size_t size = sim_between(s, s->plan.big_bytes_max / 2, s->plan.big_bytes_max);
    struct op op = draw_record(s, t);
    uint8_t *data = buf_grow(&t->big, size);
    memset(data, 'x', size);
    prng_fill(&s->prng, data, DATA_BYTES_MAX);
    op.record.data = buf_bytes(&t->big);
    s->clients->big_bytes += size;
    return op;
}

static bool is_big(const struct sim *s, size_t own_bytes)
{
    return s->plan.big_bytes_max > 0 && s->clients->big_bytes < s->plan.big_bytes_total &&
           own_bytes + s->plan.big_bytes_max <= BIG_BYTES_MAX;
}

static bool is_bank(const struct sim *s, const struct client *c)
{
    return c == &s->clients->clients[s->clients->count - 1];
}

static struct op draw_bank_op(struct sim *s, const struct client *c, struct op_texts *t)
{
    uint64_t amount = 1 + prng_below(&s->prng, AMOUNT_MAX);
    if (prng_below(&s->prng, 3) == 0)
        return (struct op){.type = OP_REDEEM,
                           .redeem = {.from = clients_account(t->from, c, 0),
                                      .asset = bytes_of_text(SIM_ASSET),
                                      .amount = amount}};
    return (struct op){.type = OP_ISSUE,
                       .issue = {.to = any_account(s, t->to),
                                 .asset = bytes_of_text(SIM_ASSET),
                                 .amount = amount}};
}

static struct op draw_op(struct sim *s, const struct client *c, struct op_texts *t)
{
    if (is_bank(s, c) && prng_below(&s->prng, 2) == 0)
        return draw_bank_op(s, c, t);
    if (prng_below(&s->prng, 6) == 0)
        return draw_record(s, t);
    return draw_transfer(s, c, t, 1 + prng_below(&s->prng, AMOUNT_MAX));
}

/* ---- transactions ---- */

void clients_draw_tx(struct sim *s, struct client *c, uint64_t nonce, enum try_kind kind,
                     struct try *out)
{
    struct op ops[OPS_MAX];
    struct op_texts texts[OPS_MAX];
    size_t big_bytes = 0;
    uint32_t most = s->plan.ops_per_tx_max < OPS_MAX ? s->plan.ops_per_tx_max : OPS_MAX;
    struct tx_draft draft = {.nonce = nonce, .ops = ops, .ops_count = 1};
    bool is_cancel = kind == TRY_CANCEL || (kind != TRY_OVERDRAFT && sim_luck(s, 30000));
    if (is_cancel)
        ops[0] = (struct op){.type = OP_CANCEL};
    else if (most > 1 && sim_luck(s, 300000))
        draft.ops_count = (uint32_t)sim_between(s, 1, most);
    for (uint32_t i = 0; i < draft.ops_count && !is_cancel; i++) {
        texts[i].big = (struct buf){0};
        bool big = is_big(s, big_bytes) && sim_luck(s, 700000);
        ops[i] = big ? draw_big_record(s, &texts[i]) : draw_op(s, c, &texts[i]);
        big_bytes += texts[i].big.size;
    }
    if (kind == TRY_OVERDRAFT) /* the last one, so that what came before has to be taken back */
        ops[draft.ops_count - 1] =
            draw_transfer(s, c, &texts[draft.ops_count - 1], OVERDRAFT_AMOUNT);
    if (kind == TRY_EXPIRING)
        draft.valid_until_height = check_height(s) + sim_between(s, 1, EXPIRY_HEIGHTS_MAX);

    struct tx tx;
    *out = (struct try){.kind = kind,
                        .valid_until_height = draft.valid_until_height,
                        .next_node = (uint32_t)prng_below(&s->prng, s->plan.members_count)};
    if (s->plan.bursts_per_minute > 0) /* what a client sends at once goes on at once, in order */
        out->next_node = (uint32_t)(c - s->clients->clients) % s->plan.members_count;
    enum verdict verdict = tx_sign(&out->bytes, &draft, &c->key, &s->genesis.chain_id);
    CHECK(verdict == VERDICT_OK);
    for (uint32_t i = 0; i < draft.ops_count && !is_cancel; i++)
        buf_free(&texts[i].big);
    verdict = tx_decode(&tx, buf_bytes(&out->bytes), &s->genesis.chain_id);
    CHECK(verdict == VERDICT_OK);
    out->txid = tx.id;
}
