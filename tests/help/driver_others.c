#include "tests/help/driver_others.h"

#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/state.h"
#include "node/pbft/wire.h"

/* ---- their chain ---- */

void others_open(struct driver_others *p, struct driver_world *w)
{
    struct chain *c = &w->chain;
    struct store_options options = {.care = TREE_VERIFY};
    uint32_t index = (w->own_index + 1) % WORLD_MEMBERS;
    struct store_identity identity = {.store_id = {2},
                                      .chain_id = c->genesis.chain_id,
                                      .replica_key = c->members[index].public,
                                      .replica_index = index,
                                      .checkpoint_every_heights =
                                          c->genesis.parameters.checkpoint_every_heights};
    memset(p, 0, sizeof *p);
    p->w = w;
    p->kv = kv_mem_new();
    p->range_blocks_max = PBFT_DATA_BLOCKS_MAX;
    p->piece_bytes_max = SNAPSHOT_PIECE_BYTES_MAX;
    p->lowest_asked = UINT64_MAX;
    CHECK(store_create(p->kv, &identity, buf_bytes(&c->genesis.canonical), &c->genesis.initial,
                       NULL) == RC_OK);
    CHECK(store_open(&p->store, p->kv, &options, NULL) == RC_OK);
}

void others_close(struct driver_others *p)
{
    store_close(p->store);
    kv_close(p->kv);
    mem_free(p->blocks);
}

static struct certificate checkpoint_of(const struct driver_others *p, const struct world_block *b)
{
    struct certificate c = {.statement = {.kind = CERT_CHECKPOINT,
                                          .height = b->name.height,
                                          .digest = b->name.digest,
                                          .state_root = store_tree(p->store).root}};
    for (uint32_t i = 0; i < WORLD_MEMBERS; i++) {
        if (i == p->w->own_index)
            continue;
        struct cert_entry *e = &c.entries[c.entries_count++];
        e->member_index = (uint8_t)i;
        statement_sign(&e->signature, &c.statement, &p->w->chain.genesis.chain_id,
                       &p->w->chain.members[i]);
    }
    return c;
}

static void append(struct driver_others *p, const struct world_block *b)
{
    enum block_fault fault;
    uint32_t index;
    enum verdict verdict;
    struct certificate commit = world_certificate(p->w, CERT_COMMIT, b);
    struct layer *layer = layer_new(store_layer(p->store), NULL);
    CHECK(block_apply(&fault, &index, &verdict, layer, &b->block, false) == RC_OK);
    CHECK(fault == BLOCK_OK);
    CHECK(store_append(p->store, &b->block, layer, &commit, NULL) == RC_OK);
    layer_free(layer);
    if (b->name.height % p->w->chain.genesis.parameters.checkpoint_every_heights != 0)
        return;
    p->checkpoint = checkpoint_of(p, b);
    CHECK(store_put_certificate(p->store, &p->checkpoint, NULL) == RC_OK);
}

void others_grow(struct driver_others *p, uint32_t blocks_count)
{
    for (uint32_t i = 0; i < blocks_count; i++) {
        uint32_t payer = p->count % WORLD_PAYERS, other = (payer + 1) % WORLD_PAYERS;
        const struct world_tx *txs[2];
        char key[24];
        snprintf(key, sizeof key, "key%u", p->count);
        txs[0] = world_tx(p->w, payer, ++p->nonces[payer], 0,
                          op_record_of("driver", key, bytes_of_text("data")));
        txs[1] = world_transfers(p->w, other, payer, ++p->nonces[other], 1 + p->count,
                                 p->transfers_per_block + (p->transfers_per_block == 0));
        if (p->count + 2 > p->room) {
            p->room = p->room * 2 + 64;
            p->blocks = mem_resize(p->blocks, p->room * sizeof(struct world_block *));
        }
        const struct world_block *parent = p->count > 0 ? p->blocks[p->count] : NULL;
        const struct world_block *b = world_block(p->w, parent, txs, 2);
        p->blocks[++p->count] = b;
        append(p, b);
    }
}

void others_commit_to(struct driver_others *p, uint64_t height)
{
    CHECK(height <= p->count);
    for (uint64_t at = store_head(p->w->store)->height + 1; at <= height; at++)
        world_commit(p->w, p->blocks[at]);
}

/* ---- what they say ---- */

static bool is_peer(const struct driver_others *p, uint32_t index)
{
    return index != p->w->own_index;
}

static void give_range(struct driver_others *p, uint32_t link, uint64_t from, uint32_t count)
{
    if (p->withholds_ranges || from == 0 || from > p->count || from < p->history_from[link])
        return;
    if (count > p->count - from + 1)
        count = (uint32_t)(p->count - from + 1);
    if (count > p->range_blocks_max)
        count = p->range_blocks_max;
    if (!p->bends_ranges[link]) {
        world_range(p->w, link, &p->blocks[from], count, 0);
        return;
    }
    const struct buf *last = &p->blocks[from + count - 1]->bytes;
    last->data[last->size - 1] ^= 1;
    world_range(p->w, link, &p->blocks[from], count, 0);
    last->data[last->size - 1] ^= 1;
}

void others_certify(struct driver_others *p, uint32_t link)
{
    if (p->checkpoint.entries_count == 0)
        return;
    memset(&p->w->msg, 0, sizeof p->w->msg);
    p->w->msg.type = PBFT_QC;
    p->w->msg.link = p->w->msg.from = link;
    p->w->msg.qc = p->checkpoint;
    CHECK(world_give(p->w, link));
}

void others_tell(struct driver_others *p)
{
    uint32_t link = 0;
    for (uint32_t i = 0; i < WORLD_MEMBERS; i++) {
        if (!is_peer(p, i))
            continue;
        link = i;
        world_status(p->w, i, p->count);
    }
    others_certify(p, link);
    give_range(p, link, store_head(p->w->store)->height + 1, PBFT_DATA_BLOCKS_MAX);
}

static void make_piece(struct driver_others *p, enum peer_manner manner,
                       const struct pbft_fetch_piece *f, struct buf *out)
{
    struct snapshot_path path;
    struct tree_ref tree;
    struct rd r = rd_of(f->path);
    snapshot_path_decode(&r, &path);
    CHECK(rd_done(&r));
    if (manner == PEER_OTHER) /* of the whole tree, wherever it was asked for */
        memset(&path, 0, sizeof path);
    if (manner == PEER_EMPTY ||
        store_get_kept_tree(p->store, f->height, &f->root, &tree, NULL) != RC_OK)
        return;
    CHECK(snapshot_make(out, store_view(p->store), &tree, &path, p->piece_bytes_max, NULL) ==
          RC_OK);
    if (manner == PEER_OTHER)
        buf_add_u8(out, 0); /* which it is where the whole tree is asked for */
    if (manner == PEER_BENT)
        out->data[out->size / 2] ^= 1;
}

static void give_piece(struct driver_others *p, uint32_t link, const struct pbft_fetch_piece *f)
{
    struct buf bytes = {0};
    enum peer_manner manner = p->manners[link];
    p->pieces_asked[link]++;
    if (manner == PEER_SILENT || p->holds_pieces)
        return;
    make_piece(p, manner, f, &bytes);
    struct pbft_fetch_piece of = *f;
    memset(&p->w->msg, 0, sizeof p->w->msg);
    p->w->msg.type = PBFT_PIECE;
    p->w->msg.link = p->w->msg.from = link;
    p->w->msg.piece = (struct pbft_piece){.of = of, .bytes = buf_bytes(&bytes)};
    CHECK(world_give(p->w, link));
    buf_free(&bytes);
}

static bool give(struct driver_others *p, const struct world_output *o, struct pbft_msg *m)
{
    if (o->is_answer || (o->type != PBFT_FETCH && o->type != PBFT_FETCH_PIECE))
        return false;
    CHECK(world_decode(m, o));
    if (m->type == PBFT_FETCH_PIECE) {
        give_piece(p, o->to, &m->fetch_piece);
        return true;
    }
    if (m->fetch.kind == PBFT_FETCH_RANGE) {
        p->ranges_asked++;
        if (m->fetch.from_height < p->lowest_asked)
            p->lowest_asked = m->fetch.from_height;
        give_range(p, o->to, m->fetch.from_height, m->fetch.blocks_max);
        return true;
    }
    for (uint32_t i = 1; i <= p->count; i++)
        if (digest_equal(&p->blocks[i]->name.digest, &m->fetch.digest))
            world_data(p->w, o->to, p->blocks[i]);
    return true;
}

uint32_t others_give(struct driver_others *p)
{
    uint32_t count = 0;
    struct pbft_msg *m = mem_alloc(sizeof *m);
    for (size_t i = 0; i < p->w->outputs_count; i++)
        count += give(p, &p->w->outputs[i], m);
    world_forget(p->w);
    mem_free(m);
    return count;
}

uint32_t others_answer(struct driver_others *p)
{
    world_settle(p->w);
    return others_give(p);
}

static bool is_done(const struct driver_others *p)
{
    return !world_look(p->w).is_diverged && store_head(p->w->store)->height == p->count &&
           store_history_from_height(p->w->store) == 1;
}

enum rc others_play(struct driver_others *p, uint32_t rounds)
{
    for (uint32_t i = 0; i < rounds; i++) {
        enum rc rc = driver_failure(p->w->driver, NULL);
        if (rc != RC_OK || is_done(p))
            return rc;
        if (others_answer(p) == 0) {
            world_pass(p->w, p->w->chain.genesis.parameters.status_ms);
            others_tell(p);
        }
    }
    return driver_failure(p->w->driver, NULL);
}

void others_reopen(struct driver_others *p)
{
    CHECK(driver_failure(p->w->driver, NULL) == RC_REOPEN);
    world_crash(p->w, false);
    world_begin(p->w);
}

bool others_have_same_state(struct driver_others *p)
{
    for (uint32_t i = 0; i < WORLD_PAYERS; i++) {
        char name[CHAIN_ACCOUNT_ROOM];
        struct state_balance ours, theirs;
        struct bytes account = chain_account(name, &p->w->chain, i);
        struct bytes asset = bytes_of_text(chain_asset_codes[0]);
        bool has = state_get_balance(store_layer(p->w->store), account, asset, &ours);
        if (has != state_get_balance(store_layer(p->store), account, asset, &theirs) ||
            ours.amount != theirs.amount || ours.entries_count != theirs.entries_count)
            return false;
    }
    return true;
}
