/* Blocks as a Byzantine primary shows them: others to some than to the rest, and invalid ones.
 *
 * Two blocks for one height. The driver goes on with its own; the second half of the members is
 * shown another in its place, and what follows that one is changed to stand on it: so two chains
 * grow side by side, each of valid blocks. Votes are changed the same way (byz_lies.c), and besides
 * every Byzantine member votes for each of the two at once, towards those who were shown it. */
#include <string.h>

#include "crypto/base/check.h"
#include "tests/sim/byz_parts.h"

/* ---- another block ---- */

/* A block taken apart. */
struct parts {
    struct block_header header;
    uint32_t txs_count;
    struct bytes txs[BLOCK_TXS_MAX + 1];
    struct digest leaves[BLOCK_TXS_MAX + 1];
};

static bool take_apart(struct parts *p, struct bytes whole)
{
    struct block b;
    if (block_decode(&b, whole) != BLOCK_OK)
        return false;
    struct rd r = rd_of(b.body);
    p->header = b.header;
    p->txs_count = b.header.tx_count;
    for (uint32_t i = 0; i < p->txs_count; i++)
        p->txs[i] = block_next_tx(&r);
    return true;
}

static void put_together(struct buf *out, struct parts *p, bool keeps_root)
{
    uint8_t header[BLOCK_HEADER_BYTES];
    p->header.tx_count = p->txs_count;
    p->header.body_bytes = 0;
    for (uint32_t i = 0; i < p->txs_count; i++) {
        p->header.body_bytes += 4 + (uint32_t)p->txs[i].size;
        merkle_leaf(&p->leaves[i], p->txs[i]);
    }
    if (!keeps_root)
        merkle_root(&p->header.tx_root, p->leaves, p->txs_count);
    block_header_encode(header, &p->header);
    buf_clear(out);
    buf_add(out, header, sizeof header);
    for (uint32_t i = 0; i < p->txs_count; i++) {
        buf_add_u32(out, (uint32_t)p->txs[i].size);
        buf_add_bytes(out, p->txs[i]);
    }
}

/* The transactions: one less, one more, one whose signature is wrong. extra: room for one that is
 * changed. */
static bool edit_txs(struct sim *s, struct parts *p, enum byz_edit edit, struct buf *extra)
{
    uint32_t some = (uint32_t)sim_between(s, 0, p->txs_count - 1);
    switch (edit) {
    case BYZ_EDIT_FEWER:
        p->txs_count--;
        return p->txs_count > 0;
    case BYZ_EDIT_SIGNATURE:
        buf_add_bytes(extra, p->txs[some]);
        extra->data[extra->size - 1 - sim_between(s, 0, SIGNATURE_BYTES - 1)] ^= 1;
        p->txs[some] = buf_bytes(extra);
        return true;
    case BYZ_EDIT_REPEATED:
        p->txs[p->txs_count++] = p->txs[some];
        return p->txs_count <= BLOCK_TXS_MAX;
    case BYZ_EDIT_GAP: /* the first goes: a later nonce of its key has a gap, if there is one */
        p->txs[0] = p->txs[--p->txs_count];
        return p->txs_count > 0;
    case BYZ_EDIT_EMPTY:
        p->txs_count = 0;
        return true;
    case BYZ_EDIT_OVERDRAFT:
        byz_overdraft(s, extra);
        p->txs[p->txs_count++] = buf_bytes(extra);
        return p->txs_count <= BLOCK_TXS_MAX;
    default:
        return true;
    }
}

static void edit_header(struct sim *s, struct block_header *h, enum byz_edit edit)
{
    uint64_t skew_ms = s->plan.parameters.clock_skew_ms;
    switch (edit) {
    case BYZ_EDIT_TIME:
        h->time_ms++;
        break;
    case BYZ_EDIT_TIME_BEFORE:
        h->time_ms = sim_luck(s, 500000) ? 0 : h->time_ms - 600000;
        break;
    case BYZ_EDIT_TIME_AHEAD:
        h->time_ms += sim_luck(s, 500000) ? skew_ms + 100 : UINT64_C(1) << 60;
        break;
    case BYZ_EDIT_PROPOSER:
        h->proposer = (uint16_t)(sim_luck(s, 500000) ? UINT16_MAX : h->proposer ^ 1);
        break;
    case BYZ_EDIT_EPOCH:
        h->epoch++;
        break;
    case BYZ_EDIT_CHAIN:
        h->chain_id.bytes[0] ^= 1;
        break;
    case BYZ_EDIT_PARENT:
        h->parent.bytes[0] ^= 1;
        break;
    case BYZ_EDIT_ROOT:
        h->tx_root.bytes[0] ^= 1;
        break;
    default:
        break;
    }
}

bool byz_edit_block(struct sim *s, struct buf *out, struct bytes whole, enum byz_edit edit,
                    const struct digest *parent)
{
    struct parts *p = mem_alloc(sizeof *p);
    struct buf extra = {0};
    bool is_done = take_apart(p, whole) && (p->txs_count > 0 || edit == BYZ_EDIT_TIME) &&
                   edit_txs(s, p, edit, &extra);
    if (is_done) {
        edit_header(s, &p->header, edit);
        if (parent != NULL)
            p->header.parent = *parent;
        put_together(out, p, edit == BYZ_EDIT_ROOT);
    }
    buf_free(&extra);
    mem_free(p);
    return is_done && out->size <= BLOCK_HEADER_BYTES + s->plan.parameters.block_bytes_max;
}

/* ---- two blocks for one height ---- */

const struct byz_mirror *byz_mirror_of(const struct sim *s, const struct digest *first)
{
    const struct sim_byz *b = s->byz;
    uint64_t count = b->mirrors_count < BYZ_MIRRORS ? b->mirrors_count : BYZ_MIRRORS;
    for (uint64_t i = 0; i < count; i++)
        if (digest_equal(&b->mirrors[i].first, first))
            return &b->mirrors[i];
    return NULL;
}

static const struct byz_mirror *mirror_new(struct sim *s, const struct pbft_pre_prepare *p,
                                           enum byz_edit edit)
{
    struct sim_byz *b = s->byz;
    const struct byz_mirror *parent = byz_mirror_of(s, &p->block.parent);
    struct byz_mirror *m = &b->mirrors[b->mirrors_count % BYZ_MIRRORS];
    struct pbft_block name;
    struct digest before = {{0}};
    if (parent != NULL)
        before = parent->second;
    if (!byz_edit_block(s, &m->bytes, p->bytes, edit, parent != NULL ? &before : NULL) ||
        !verify_block_head(buf_bytes(&m->bytes), &name))
        return NULL;
    m->first = p->block.digest;
    m->second = name.digest;
    m->view = p->view;
    m->height = p->block.height;
    b->mirrors_count++;
    return m;
}

static void show_second(struct byz_act *a, const struct byz_mirror *mirror)
{
    struct pbft_pre_prepare *p = &a->m->pre_prepare;
    p->bytes = buf_bytes(&mirror->bytes);
    bool is_block = verify_block_head(p->bytes, &p->block);
    CHECK(is_block);
    a->is_changed = true;
}

void byz_vote_for(struct sim *s, uint32_t to, uint64_t epoch, uint64_t view, uint64_t height,
                  const struct digest *digest)
{
    for (uint32_t i = 0; i < s->plan.members_count; i++) {
        if (!sim_is_byzantine(s, i) || i == to || !byz_has(s, i, BYZ_EQUIVOCATION))
            continue;
        struct statement vote = {.kind = CERT_PREPARE,
                                 .epoch = epoch,
                                 .view = view,
                                 .height = height,
                                 .digest = *digest};
        uint64_t after_us = sim_between(s, 1, 2000);
        byz_vote(s, i, to, &vote, after_us);
        vote.kind = CERT_COMMIT;
        byz_vote(s, i, to, &vote, after_us + sim_between(s, 1, 20000));
    }
}

static void show_another(struct byz_act *a)
{
    struct sim *s = a->s;
    struct pbft_pre_prepare *p = &a->m->pre_prepare;
    const struct byz_mirror *mirror = byz_mirror_of(s, &p->block.digest);
    if (mirror == NULL && byz_does(s, a->member, BYZ_EQUIVOCATION)) {
        bool is_whole = s->plan.byz.is_marked || sim_luck(s, 500000);
        mirror = mirror_new(s, p, is_whole ? BYZ_EDIT_TIME : BYZ_EDIT_FEWER);
    }
    if (mirror != NULL && byz_is_second(s, a->to))
        show_second(a, mirror);
    if (mirror != NULL && !sim_is_byzantine(s, a->to))
        byz_vote_for(s, a->to, p->epoch, p->view, p->block.height, &p->block.digest);
}

/* The same one to all: a quorum of those who look at nothing would commit it. */
static void show_invalid(struct byz_act *a)
{
    struct sim *s = a->s;
    struct pbft_pre_prepare *p = &a->m->pre_prepare;
    const struct byz_mirror *mirror = byz_mirror_of(s, &p->block.digest);
    if (mirror == NULL && byz_does(s, a->member, BYZ_BAD_BLOCK))
        mirror = mirror_new(
            s, p, (enum byz_edit)sim_between(s, BYZ_EDIT_SIGNATURE, (uint64_t)BYZ_EDIT_COUNT - 1));
    if (mirror == NULL)
        return;
    show_second(a, mirror);
    byz_vote_for(s, a->to, p->epoch, p->view, p->block.height, &p->block.digest);
}

void byz_on_pre_prepare(struct byz_act *a)
{
    if (byz_has(a->s, a->member, BYZ_EQUIVOCATION))
        show_another(a);
    else if (byz_has(a->s, a->member, BYZ_BAD_BLOCK))
        show_invalid(a);
}

/* A block of its own, good or not, where another one is the primary; and votes for it. */
void byz_usurp(struct sim *s, uint32_t member)
{
    struct sim_byz *b = s->byz;
    struct pbft_msg *m = b->msg;
    const struct byz_kept *kept = byz_recall(s, PBFT_PRE_PREPARE);
    struct pbft_pre_prepare *p = &m->pre_prepare;
    enum byz_edit edit = (enum byz_edit)sim_between(s, 0, (uint64_t)BYZ_EDIT_COUNT - 1);
    if (kept == NULL || !pbft_decode(m, buf_bytes(&kept->bytes), kept->from, verify_block_head) ||
        !byz_edit_block(s, &b->bytes, p->bytes, edit, NULL))
        return;
    uint32_t to = byz_any_peer(s, member);
    p->bytes = buf_bytes(&b->bytes);
    bool is_block = verify_block_head(p->bytes, &p->block);
    CHECK(is_block);
    m->from = member;
    byz_sign(s, member, m);
    byz_emit(s, member, to, m, 0);
    byz_vote_for(s, to, p->epoch, p->view, p->block.height, &p->block.digest);
}
