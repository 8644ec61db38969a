#include "tests/help/verify_world.h"

#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"

/* ---- transactions and blocks ---- */

enum { MEMBER_KEYS_FROM = 500, CLIENT_KEY = 600 }; /* numbers of book_make_key() */

static void make_tx(struct verify_world *w, struct buf *out, uint32_t number)
{
    char name[16];
    struct sign_key key;
    snprintf(name, sizeof name, "no. %u", number);
    struct op op = op_record_of("verify", name, bytes_of_text(name));
    struct tx_draft draft = {.nonce = number + 1, .ops = &op, .ops_count = 1};
    book_make_key(&key, CLIENT_KEY);
    CHECK(tx_sign(out, &draft, &key, &w->config.chain_id) == VERDICT_OK);
}

static struct digest tx_root_of(const struct bytes *txs, uint32_t txs_count)
{
    struct digest root, *leaves = mem_alloc((txs_count + 1) * sizeof *leaves);
    for (uint32_t i = 0; i < txs_count; i++)
        merkle_leaf(&leaves[i], txs[i]);
    merkle_root(&root, leaves, txs_count);
    mem_free(leaves);
    return root;
}

void verify_world_remake_block(struct verify_world *w, uint32_t block_index,
                               const struct bytes *txs, uint32_t txs_count,
                               verify_world_change *change)
{
    struct buf *out = &w->blocks[block_index];
    struct block_header header = {.chain_id = w->config.chain_id,
                                  .epoch = w->config.epoch,
                                  .height = block_index + 1,
                                  .tx_count = txs_count,
                                  .time_ms = 1700000000000 + block_index,
                                  .proposer = 1};
    if (block_index > 0)
        header.parent = w->heads[block_index - 1].digest;
    header.tx_root = tx_root_of(txs, txs_count);
    buf_clear(out);
    buf_grow(out, BLOCK_HEADER_BYTES);
    for (uint32_t i = 0; i < txs_count; i++) {
        buf_add_u32(out, (uint32_t)txs[i].size);
        buf_add_bytes(out, txs[i]);
    }
    header.body_bytes = (uint32_t)(out->size - BLOCK_HEADER_BYTES);
    if (change != NULL)
        change(&header);
    block_header_encode(out->data, &header);
    CHECK(verify_block_head(buf_bytes(out), &w->heads[block_index]));
}

void verify_world_open(struct verify_world *w)
{
    memset(w, 0, sizeof *w);
    CHECK(crypto_start(NULL) == RC_OK);
    digest_of(&w->config.chain_id, TAG_GENESIS, bytes_of_text("verify"));
    w->config.epoch = VERIFY_WORLD_EPOCH;
    w->config.members.members_count = VERIFY_WORLD_MEMBERS;
    w->config.block_rules = (struct block_rules){.members_count = VERIFY_WORLD_MEMBERS,
                                                 .body_bytes_max = BLOCK_BODY_BYTES_MAX};
    for (uint32_t i = 0; i < VERIFY_WORLD_MEMBERS; i++) {
        book_make_key(&w->members[i], MEMBER_KEYS_FROM + i);
        w->config.members.sign_keys[i] = w->members[i].public;
    }
    for (uint32_t i = 0; i < VERIFY_WORLD_TXS; i++)
        make_tx(w, &w->txs[i], i);
    for (uint32_t i = 0; i < VERIFY_WORLD_BLOCKS; i++) {
        const struct buf *from = &w->txs[i * VERIFY_WORLD_BLOCK_TXS];
        struct bytes txs[VERIFY_WORLD_BLOCK_TXS] = {buf_bytes(&from[0]), buf_bytes(&from[1])};
        verify_world_remake_block(w, i, txs, VERIFY_WORLD_BLOCK_TXS, NULL);
    }
}

void verify_world_close(struct verify_world *w)
{
    for (uint32_t i = 0; i < VERIFY_WORLD_TXS; i++)
        buf_free(&w->txs[i]);
    for (uint32_t i = 0; i < VERIFY_WORLD_BLOCKS; i++)
        buf_free(&w->blocks[i]);
    buf_free(&w->encoding);
    mem_free(w->exact);
    verify_cache_free(w->cache);
}

/* ---- signatures ---- */

static void sign_pre_prepare(const struct verify_world *w, struct pbft_pre_prepare *p,
                             uint32_t from)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    sign_message(&p->signature, pbft_pre_prepare_signed(room, p, &w->config.chain_id),
                 &w->members[from % VERIFY_WORLD_MEMBERS]);
}

static void sign_status(const struct verify_world *w, struct pbft_status *s, uint32_t from)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    sign_message(&s->signature, pbft_status_signed(room, s, from, &w->config.chain_id),
                 &w->members[from % VERIFY_WORLD_MEMBERS]);
}

/* A signer beyond the table signs with some member's key: there is no other. */
void verify_world_sign(struct verify_world *w)
{
    struct pbft_msg *m = &w->msg;
    switch (m->type) {
    case PBFT_PRE_PREPARE:
        sign_pre_prepare(w, &m->pre_prepare, m->from);
        return;
    case PBFT_STATUS:
        sign_status(w, &m->status, m->from);
        return;
    case PBFT_DATA:
        CHECK(m->data.has_pre_prepare);
        sign_pre_prepare(w, &m->data.pre_prepare, m->data.pre_prepare_from);
        return;
    default:
        CHECK(m->type == PBFT_PREPARE || m->type == PBFT_COMMIT || m->type == PBFT_CHECKPOINT);
        statement_sign(&m->vote.signature, &m->vote.statement, &w->config.chain_id,
                       &w->members[m->from % VERIFY_WORLD_MEMBERS]);
    }
}

struct statement verify_world_statement(const struct verify_world *w, enum cert_kind kind,
                                        uint32_t block_index)
{
    struct statement s = {.kind = kind,
                          .epoch = w->config.epoch,
                          .height = w->heads[block_index].height,
                          .digest = w->heads[block_index].digest};
    if (kind == CERT_CHECKPOINT)
        memset(s.state_root.bytes, 0x5a, DIGEST_BYTES);
    else
        s.view = VERIFY_WORLD_VIEW;
    return s;
}

struct certificate verify_world_certificate(const struct verify_world *w, const struct statement *s,
                                            const uint8_t *members, uint32_t members_count)
{
    struct certificate out = {.statement = *s, .entries_count = members_count};
    CHECK(members_count <= QUORUM_MAX);
    for (uint32_t i = 0; i < members_count; i++) {
        out.entries[i].member_index = members[i];
        statement_sign(&out.entries[i].signature, s, &w->config.chain_id, &w->members[members[i]]);
    }
    return out;
}

/* ---- messages ---- */

static void start(struct verify_world *w, enum pbft_msg_type type, uint32_t from)
{
    memset(&w->msg, 0, sizeof w->msg);
    w->msg.type = type;
    w->msg.link = VERIFY_WORLD_LINK;
    w->msg.from = from;
}

static struct pbft_pre_prepare pre_prepare_of(const struct verify_world *w, uint32_t block_index)
{
    return (struct pbft_pre_prepare){.epoch = w->config.epoch,
                                     .view = VERIFY_WORLD_VIEW,
                                     .block = w->heads[block_index],
                                     .bytes = buf_bytes(&w->blocks[block_index])};
}

void verify_world_make_pre_prepare(struct verify_world *w, uint32_t block_index, uint32_t from)
{
    start(w, PBFT_PRE_PREPARE, from);
    w->msg.pre_prepare = pre_prepare_of(w, block_index);
    verify_world_sign(w);
}

void verify_world_make_vote(struct verify_world *w, enum pbft_msg_type type, uint32_t block_index,
                            uint32_t from)
{
    enum cert_kind kind = CERT_CHECKPOINT;
    if (type != PBFT_CHECKPOINT)
        kind = type == PBFT_PREPARE ? CERT_PREPARE : CERT_COMMIT;
    start(w, type, from);
    w->msg.vote.statement = verify_world_statement(w, kind, block_index);
    verify_world_sign(w);
}

void verify_world_make_status(struct verify_world *w, uint32_t from)
{
    start(w, PBFT_STATUS, from);
    w->msg.status = (struct pbft_status){.epoch = w->config.epoch,
                                         .view = VERIFY_WORLD_VIEW,
                                         .mode = PBFT_NORMAL,
                                         .committed_height = 3,
                                         .high = {VERIFY_WORLD_EPOCH, VERIFY_WORLD_VIEW, 4},
                                         .stable_height = 1,
                                         .counter = 77};
    verify_world_sign(w);
}

void verify_world_make_fetch(struct verify_world *w)
{
    start(w, PBFT_FETCH, VERIFY_WORLD_LINK);
    w->msg.fetch =
        (struct pbft_fetch){.kind = PBFT_FETCH_RANGE, .from_height = 2, .blocks_max = 64};
}

void verify_world_make_range(struct verify_world *w, uint32_t first, uint32_t blocks_count,
                             uint32_t heads_count)
{
    uint32_t last = first + blocks_count + heads_count - 1;
    struct statement s = verify_world_statement(w, CERT_COMMIT, last);
    CHECK(last < VERIFY_WORLD_BLOCKS);
    start(w, PBFT_DATA, VERIFY_WORLD_LINK);
    struct pbft_data *d = &w->msg.data;
    d->kind = PBFT_FETCH_RANGE;
    d->blocks_count = blocks_count;
    d->heads_count = heads_count;
    for (uint32_t i = 0; i < blocks_count; i++) {
        d->blocks[i] = w->heads[first + i];
        d->bytes[i] = buf_bytes(&w->blocks[first + i]);
    }
    for (uint32_t i = 0; i < heads_count; i++) {
        d->heads[i] = w->heads[first + blocks_count + i];
        d->head_bytes[i] = bytes_of(w->blocks[first + blocks_count + i].data, BLOCK_HEADER_BYTES);
    }
    d->certificate = verify_world_certificate(w, &s, (const uint8_t[]){0, 1, 3}, 3);
}

void verify_world_make_block(struct verify_world *w, uint32_t block_index, bool has_pre_prepare)
{
    start(w, PBFT_DATA, VERIFY_WORLD_LINK);
    struct pbft_data *d = &w->msg.data;
    d->kind = PBFT_FETCH_BLOCK;
    d->blocks_count = 1;
    d->blocks[0] = w->heads[block_index];
    d->bytes[0] = buf_bytes(&w->blocks[block_index]);
    d->has_pre_prepare = has_pre_prepare;
    if (!has_pre_prepare)
        return;
    d->pre_prepare_from = 1;
    d->pre_prepare = pre_prepare_of(w, block_index);
    verify_world_sign(w);
}

void verify_world_make_forward(struct verify_world *w, uint32_t tx_index)
{
    start(w, PBFT_FORWARD, VERIFY_WORLD_LINK);
    w->msg.forward = buf_bytes(&w->txs[tx_index]);
}

void verify_world_make_qc(struct verify_world *w, enum cert_kind kind, uint32_t block_index)
{
    struct statement s = verify_world_statement(w, kind, block_index);
    start(w, PBFT_QC, VERIFY_WORLD_LINK);
    w->msg.qc = verify_world_certificate(w, &s, (const uint8_t[]){0, 2, 3}, 3);
}

/* ---- judging ---- */

enum verify_drop verify_world_judge_bytes(struct verify_world *w, struct bytes bytes)
{
    mem_free(w->exact);
    w->exact = mem_alloc(bytes.size);
    if (bytes.size > 0)
        memcpy(w->exact, bytes.data, bytes.size);
    enum verify_drop drop =
        verify_decode(&w->out, &w->config, bytes_of(w->exact, bytes.size), VERIFY_WORLD_LINK);
    return drop == VERIFY_KEEP ? verify_judge(&w->out, &w->config) : drop;
}

enum verdict verify_world_check_txs(struct verify_world *w, const struct block *block,
                                    uint32_t *bad_tx_index)
{
    static struct tx unknown[BLOCK_TXS_MAX];
    static uint32_t indexes[BLOCK_TXS_MAX];
    uint32_t unknown_count;
    enum verdict verdict =
        verify_unknown_txs(block, w->cache, unknown, indexes, &unknown_count, bad_tx_index);
    for (uint32_t i = 0; i < unknown_count && verdict == VERDICT_OK; i++) {
        verdict = tx_verify(&unknown[i], &block->header.chain_id);
        if (verdict != VERDICT_OK)
            *bad_tx_index = indexes[i];
        else if (w->cache != NULL)
            verify_cache_add(w->cache, &unknown[i]);
    }
    return verdict;
}

enum verify_drop verify_world_judge(struct verify_world *w)
{
    buf_clear(&w->encoding);
    pbft_encode(&w->encoding, &w->msg);
    return verify_world_judge_bytes(w, buf_bytes(&w->encoding));
}
