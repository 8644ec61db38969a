/* The clients and the other three members: what they make, sign and send. */
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "node/pbft/wire.h"
#include "tests/help/driver_world.h"

/* ---- transactions ---- */

static struct world_tx *keep_tx(struct driver_world *w, struct buf *bytes)
{
    if (w->txs_count == w->txs_room) {
        w->txs_room = w->txs_room * 2 + 64;
        w->txs = mem_resize(w->txs, w->txs_room * sizeof(struct world_tx *));
    }
    struct world_tx *t = w->txs[w->txs_count++] = mem_alloc(sizeof *t);
    t->bytes = *bytes;
    CHECK(tx_decode(&t->tx, buf_bytes(&t->bytes), &w->chain.genesis.chain_id) == VERDICT_OK);
    return t;
}

static const struct world_tx *sign_ops(struct driver_world *w, uint32_t payer, uint64_t nonce,
                                       uint64_t valid_until_height, const struct op *ops,
                                       uint32_t ops_count)
{
    struct sign_key key;
    struct buf bytes = {0};
    struct tx_draft draft = {.nonce = nonce,
                             .valid_until_height = valid_until_height,
                             .ops = ops,
                             .ops_count = ops_count};
    chain_make_key(&key, "participant", payer, 0);
    CHECK(tx_sign(&bytes, &draft, &key, &w->chain.genesis.chain_id) == VERDICT_OK);
    return keep_tx(w, &bytes);
}

const struct world_tx *world_tx(struct driver_world *w, uint32_t payer, uint64_t nonce,
                                uint64_t valid_until_height, struct op op)
{
    return sign_ops(w, payer, nonce, valid_until_height, &op, 1);
}

const struct world_tx *world_record(struct driver_world *w, uint32_t payer, uint64_t nonce)
{
    return world_tx(w, payer, nonce, 0, op_record_of("driver", "key", bytes_of_text("data")));
}

const struct world_tx *world_transfer(struct driver_world *w, uint32_t from, uint32_t to,
                                      uint64_t nonce, uint64_t amount)
{
    char names[2][CHAIN_ACCOUNT_ROOM];
    chain_account(names[0], &w->chain, from);
    chain_account(names[1], &w->chain, to);
    return world_tx(w, from, nonce, 0,
                    op_transfer_of(names[0], names[1], chain_asset_codes[0], amount));
}

const struct world_tx *world_transfers(struct driver_world *w, uint32_t from, uint32_t to,
                                       uint64_t nonce, uint64_t amount, uint32_t count)
{
    char names[2][CHAIN_ACCOUNT_ROOM];
    struct op *ops = mem_alloc(count * sizeof *ops);
    chain_account(names[0], &w->chain, from);
    chain_account(names[1], &w->chain, to);
    for (uint32_t i = 0; i < count; i++)
        ops[i] = op_transfer_of(names[0], names[1], chain_asset_codes[0], amount);
    const struct world_tx *tx = sign_ops(w, from, nonce, 0, ops, count);
    mem_free(ops);
    return tx;
}

const struct world_tx *world_forged(struct driver_world *w, const struct world_tx *tx)
{
    struct buf bytes = {0};
    buf_add_bytes(&bytes, buf_bytes(&tx->bytes));
    bytes.data[bytes.size - SIGNATURE_BYTES] ^= 1;
    return keep_tx(w, &bytes);
}

void world_submit(struct driver_world *w, uint64_t client, const struct world_tx *tx)
{
    driver_on_tx(w->driver, client, buf_bytes(&tx->bytes), w->time);
}

/* ---- blocks ---- */

/* block_build without its apply: the test says what stands in it. */
static void put_tx(struct block_build *build, struct bytes whole)
{
    buf_add_u32(&build->bytes, (uint32_t)whole.size);
    buf_add_bytes(&build->bytes, whole);
    merkle_leaf(&build->leaves[build->header.tx_count++], whole);
    build->header.body_bytes += 4 + (uint32_t)whole.size;
}

const struct world_block *world_block_at(struct driver_world *w, const struct world_block *parent,
                                         const struct world_tx *const *txs, uint32_t txs_count,
                                         uint64_t time_ms, uint32_t proposer)
{
    struct block_build *build = mem_alloc(sizeof *build);
    struct world_block *b = mem_alloc(sizeof *b);
    struct block_header genesis;
    struct digest genesis_digest;
    block_genesis_header(&genesis, &w->chain.genesis.chain_id);
    block_header_digest(&genesis_digest, &genesis);
    block_build_start(build, parent == NULL ? &genesis : &parent->block.header,
                      parent == NULL ? &genesis_digest : &parent->block.digest, NULL,
                      BLOCK_BODY_BYTES_MAX);
    for (uint32_t i = 0; i < txs_count; i++)
        put_tx(build, buf_bytes(&txs[i]->bytes));
    build->header.time_ms = 0; /* the parent's, which nobody makes us follow */
    block_build_finish(build, time_ms, (uint16_t)proposer, &b->block);
    buf_add_bytes(&b->bytes, b->block.whole);
    block_build_close(build);
    mem_free(build);
    CHECK(block_decode(&b->block, buf_bytes(&b->bytes)) == BLOCK_OK);
    CHECK(verify_block_head(buf_bytes(&b->bytes), &b->name));
    if (w->blocks_count == w->blocks_room) {
        w->blocks_room = w->blocks_room * 2 + 16;
        w->blocks = mem_resize(w->blocks, w->blocks_room * sizeof(struct world_block *));
    }
    return w->blocks[w->blocks_count++] = b;
}

const struct world_block *world_block(struct driver_world *w, const struct world_block *parent,
                                      const struct world_tx *const *txs, uint32_t txs_count)
{
    uint64_t time_ms = w->time.wall_ms;
    if (parent != NULL && time_ms <= parent->block.header.time_ms)
        time_ms = parent->block.header.time_ms + 1;
    return world_block_at(w, parent, txs, txs_count, time_ms, 0);
}

/* ---- messages ---- */

bool world_give(struct driver_world *w, uint32_t link)
{
    struct buf bytes = {0};
    pbft_encode(&bytes, &w->msg);
    bool is_taken = driver_on_message(w->driver, link, buf_bytes(&bytes));
    buf_free(&bytes);
    return is_taken;
}

static void start(struct driver_world *w, enum pbft_msg_type type, uint32_t from)
{
    memset(&w->msg, 0, sizeof w->msg);
    w->msg.type = type;
    w->msg.link = w->msg.from = from;
}

static struct pbft_pre_prepare pre_prepare_of(const struct driver_world *w,
                                              const struct world_block *b)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    struct pbft_pre_prepare p = {.block = b->name, .bytes = buf_bytes(&b->bytes)};
    sign_message(&p.signature, pbft_pre_prepare_signed(room, &p, &w->chain.genesis.chain_id),
                 &w->chain.members[0]);
    return p;
}

static struct statement statement_of(enum cert_kind kind, const struct world_block *b)
{
    return (struct statement){.kind = kind, .height = b->name.height, .digest = b->name.digest};
}

void world_make_pre_prepare(struct driver_world *w, const struct world_block *b)
{
    start(w, PBFT_PRE_PREPARE, 0);
    w->msg.pre_prepare = pre_prepare_of(w, b);
}

void world_make_vote(struct driver_world *w, uint32_t from, enum cert_kind kind,
                     const struct world_block *b)
{
    start(w, kind == CERT_PREPARE ? PBFT_PREPARE : PBFT_COMMIT, from);
    w->msg.vote.statement = statement_of(kind, b);
    statement_sign(&w->msg.vote.signature, &w->msg.vote.statement, &w->chain.genesis.chain_id,
                   &w->chain.members[from]);
}

void world_make_status(struct driver_world *w, uint32_t from, uint64_t committed_height)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    start(w, PBFT_STATUS, from);
    struct pbft_status *s = &w->msg.status;
    s->committed_height = committed_height;
    s->counter = ++w->counters[from];
    sign_message(&s->signature, pbft_status_signed(room, s, from, &w->chain.genesis.chain_id),
                 &w->chain.members[from]);
}

void world_propose(struct driver_world *w, const struct world_block *b)
{
    world_make_pre_prepare(w, b);
    CHECK(world_give(w, 0));
}

void world_vote(struct driver_world *w, uint32_t from, enum cert_kind kind,
                const struct world_block *b)
{
    world_make_vote(w, from, kind, b);
    CHECK(world_give(w, from));
}

void world_status(struct driver_world *w, uint32_t from, uint64_t committed_height)
{
    world_make_status(w, from, committed_height);
    CHECK(world_give(w, from));
}

void world_forward(struct driver_world *w, uint32_t link, const struct world_tx *tx)
{
    start(w, PBFT_FORWARD, link);
    w->msg.forward = buf_bytes(&tx->bytes);
    CHECK(world_give(w, link));
}

void world_fetch(struct driver_world *w, uint32_t link, const struct world_block *b)
{
    start(w, PBFT_FETCH, link);
    w->msg.fetch = (struct pbft_fetch){.kind = PBFT_FETCH_BLOCK, .digest = b->name.digest};
    CHECK(world_give(w, link));
}

void world_fetch_range(struct driver_world *w, uint32_t link, uint64_t from_height)
{
    start(w, PBFT_FETCH, link);
    w->msg.fetch = (struct pbft_fetch){
        .kind = PBFT_FETCH_RANGE, .from_height = from_height, .blocks_max = PBFT_DATA_BLOCKS_MAX};
    CHECK(world_give(w, link));
}

bool world_is_given(struct driver_world *w, uint32_t link, uint64_t from_height,
                    struct pbft_msg *out)
{
    world_pass(w, w->chain.genesis.parameters.status_ms);
    world_settle(w);
    world_forget(w);
    world_fetch_range(w, link, from_height);
    world_settle(w);
    const struct world_output *o = world_message(w, PBFT_DATA, 0);
    if (o == NULL)
        return false;
    CHECK(world_decode(out, o));
    CHECK(out->data.blocks[0].height == from_height);
    return true;
}

void world_data(struct driver_world *w, uint32_t link, const struct world_block *b)
{
    start(w, PBFT_DATA, link);
    struct pbft_data *d = &w->msg.data;
    d->kind = PBFT_FETCH_BLOCK;
    d->blocks_count = 1;
    d->blocks[0] = b->name;
    d->bytes[0] = buf_bytes(&b->bytes);
    CHECK(world_give(w, link));
}

struct certificate world_certificate(const struct driver_world *w, enum cert_kind kind,
                                     const struct world_block *b)
{
    struct certificate c = {.statement = statement_of(kind, b)};
    for (uint32_t i = 0; i < WORLD_MEMBERS; i++) {
        if (i == w->own_index)
            continue;
        struct cert_entry *e = &c.entries[c.entries_count++];
        e->member_index = (uint8_t)i;
        statement_sign(&e->signature, &c.statement, &w->chain.genesis.chain_id,
                       &w->chain.members[i]);
    }
    return c;
}

void world_range(struct driver_world *w, uint32_t link, const struct world_block *const *chain,
                 uint32_t blocks_count, uint32_t heads_count)
{
    start(w, PBFT_DATA, link);
    struct pbft_data *d = &w->msg.data;
    d->kind = PBFT_FETCH_RANGE;
    d->blocks_count = blocks_count;
    d->heads_count = heads_count;
    for (uint32_t i = 0; i < blocks_count; i++) {
        d->blocks[i] = chain[i]->name;
        d->bytes[i] = buf_bytes(&chain[i]->bytes);
    }
    for (uint32_t i = 0; i < heads_count; i++) {
        d->heads[i] = chain[blocks_count + i]->name;
        d->head_bytes[i] = bytes_of(chain[blocks_count + i]->bytes.data, BLOCK_HEADER_BYTES);
    }
    d->certificate = world_certificate(w, CERT_COMMIT, chain[blocks_count + heads_count - 1]);
    CHECK(world_give(w, link));
}

void world_qc(struct driver_world *w, uint32_t link, enum cert_kind kind,
              const struct world_block *b)
{
    start(w, PBFT_QC, link);
    w->msg.qc = world_certificate(w, kind, b);
    CHECK(world_give(w, link));
}

void world_votes(struct driver_world *w, enum cert_kind kind, const struct world_block *b)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < WORLD_MEMBERS && count < 2; i++)
        if (i != w->own_index) {
            world_vote(w, i, kind, b);
            count++;
        }
}

void world_commit(struct driver_world *w, const struct world_block *b)
{
    if (w->own_index != 0)
        world_propose(w, b);
    world_settle(w);
    world_votes(w, CERT_PREPARE, b);
    world_settle(w);
    world_votes(w, CERT_COMMIT, b);
    world_settle(w);
    CHECK(digest_equal(store_head_digest(w->store), &b->name.digest));
}
