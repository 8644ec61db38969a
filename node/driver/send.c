/* From acts to bytes. What carries no body is encoded when it is decided; what carries bodies when
 * it goes out, from the store. */
#include <string.h>

#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"
#include "node/pbft/wire.h"

static enum pbft_msg_type type_of_vote(enum cert_kind kind)
{
    if (kind == CERT_CHECKPOINT)
        return PBFT_CHECKPOINT;
    return kind == CERT_PREPARE ? PBFT_PREPARE : PBFT_COMMIT;
}

bool driver_encode(struct driver *d, struct buf *out, const struct pbft_act *act)
{
    struct pbft_msg *m = d->scratch_msg;
    m->link = m->from = d->config.own_index;
    switch (act->type) {
    case PBFT_SEND_VOTE:
        m->type = type_of_vote(act->vote.statement.kind);
        m->vote = act->vote;
        break;
    case PBFT_SEND_STATUS:
        m->type = PBFT_STATUS;
        m->status = act->status;
        break;
    case PBFT_SEND_FETCH:
        m->type = PBFT_FETCH;
        m->fetch = act->fetch;
        break;
    case PBFT_SEND_QC:
        m->type = PBFT_QC;
        m->qc = *act->certificate;
        break;
    case PBFT_SEND_COMPLAIN:
        m->type = PBFT_COMPLAIN;
        m->complain = act->complain;
        break;
    case PBFT_SEND_VIEW_CHANGE:
        m->type = PBFT_VIEW_CHANGE;
        m->view_change = *act->view_change;
        break;
    case PBFT_SEND_NEW_VIEW:
        m->type = PBFT_NEW_VIEW;
        m->from = act->new_view_from;
        m->new_view = *act->new_view;
        break;
    case PBFT_SEND_EVIDENCE:
        if (act->evidence == NULL)
            return false; /* from the store, when it goes out */
        m->type = PBFT_EVIDENCE;
        m->evidence = *act->evidence;
        break;
    default:
        return false;
    }
    pbft_encode(out, m);
    return true;
}

/* ---- bodies ---- */

/* What is read is what an answer costs (16). */
static void count_read(struct driver *d, size_t size)
{
    d->read_bytes += DRIVER_READ_BYTES_MIN + size;
}

static bool read_body(struct driver *d, const struct pbft_block *block, struct bytes *whole)
{
    struct why why = {{0}};
    enum rc rc = store_get_body(d->store, block->height, &block->digest, whole, &why);
    /* What the core names was written; a sibling of what was committed may be gone again. */
    if (driver_note_damage(d, rc, &why))
        driver_on_damaged_block(d, block->height);
    count_read(d, rc == RC_OK ? whole->size : 0);
    return rc == RC_OK;
}

static bool encode_pre_prepare(struct driver *d, struct buf *out, const struct pbft_act *act)
{
    struct pbft_msg *m = d->scratch_msg;
    m->type = PBFT_PRE_PREPARE;
    m->pre_prepare = act->pre_prepare;
    if (!read_body(d, &act->block, &m->pre_prepare.bytes))
        return false;
    pbft_encode(out, m);
    return true;
}

static bool encode_block(struct driver *d, struct buf *out, const struct pbft_act *act)
{
    struct pbft_msg *m = d->scratch_msg;
    struct pbft_data *data = &m->data;
    struct bytes whole;
    if (!read_body(d, &act->block, &whole))
        return false;
    m->type = PBFT_DATA;
    memset(data, 0, sizeof *data);
    data->kind = PBFT_FETCH_BLOCK;
    data->blocks_count = 1;
    data->blocks[0] = act->block;
    data->bytes[0] = whole;
    data->has_pre_prepare = act->has_pre_prepare;
    data->pre_prepare_from = act->pre_prepare_from;
    data->pre_prepare = act->pre_prepare;
    data->pre_prepare.bytes = whole;
    pbft_encode(out, m);
    return true;
}

/* ---- ranges (9.2): committed blocks, headers on to the one that a certificate commits ---- */

static void name_block(struct pbft_block *out, const struct block *block)
{
    *out = (struct pbft_block){
        .height = block->header.height, .digest = block->digest, .parent = block->header.parent};
}

/* The certificate that ends a range lies fewer heights on than this: inside the window of whoever
 * stands below it (beyond, nothing could be done with it, and the same range would come again for
 * ever), and so near that headers can lead there from any height in between, whatever the bodies
 * weigh. As every range is made so, no store has a longer gap between certificates. */
static uint64_t reach(const struct driver *d)
{
    uint64_t window = 2 * d->parameters.window_heights;
    return window < PBFT_DATA_HEADS_MAX ? window : PBFT_DATA_HEADS_MAX;
}

/* A range that is being made: heights from..until, of which until falls to below what is damaged.
 */
struct range {
    struct driver *d;
    struct pbft_data *data;
    uint64_t from, until;
};

static enum rc read_block(struct range *r, uint64_t height, struct block *out)
{
    struct why why = {{0}};
    enum rc rc = store_get_block(r->d->store, height, out, &why);
    count_read(r->d, rc == RC_OK ? out->whole.size : 0);
    if (driver_note_damage(r->d, rc, &why)) {
        r->until = height - 1;
        driver_repair_want(r->d, height);
    }
    return rc;
}

/* The highest height up to `last` that the range can end with, and the certificate that covers it:
 * the lowest one at or above, if it is in reach; else, or at a tail that nothing certifies yet, the
 * highest one below. RC_NOT_FOUND when there is none. */
static enum rc find_end(const struct range *r, uint64_t *last, struct certificate *out)
{
    bool was_damaged = false; /* one that is met once more from each height below it */
    for (; *last >= r->from; (*last)--) {
        struct why why = {{0}};
        enum rc rc = store_get_certificate(r->d->store, *last, out, &why);
        count_read(r->d, 0);
        if (rc == RC_OK && out->statement.height <= r->until &&
            out->statement.height < r->from + reach(r->d))
            return RC_OK;
        if (rc != RC_STORE_DAMAGED || !was_damaged)
            was_damaged |= driver_note_damage(r->d, rc, &why);
        if (r->d->failure != RC_OK)
            return rc;
    }
    return RC_NOT_FOUND;
}

/* Fill in bodies up to last, as many as fit. */
static enum rc add_bodies(struct range *r, uint64_t last)
{
    struct pbft_data *data = r->data;
    size_t room = PBFT_MSG_BYTES_MAX - PBFT_RANGE_BYTES_MAX -
                  PBFT_DATA_HEADS_MAX * (PBFT_BLOCK_SIZE_BYTES + BLOCK_HEADER_BYTES);
    for (uint64_t height = r->from; height <= last; height++) {
        struct block block;
        enum rc rc = read_block(r, height, &block);
        if (rc != RC_OK)
            return rc;
        size_t size = PBFT_BLOCK_SIZE_BYTES + block.whole.size;
        if (size > room)
            break;
        room -= size;
        name_block(&data->blocks[data->blocks_count], &block);
        data->bytes[data->blocks_count++] = block.whole;
    }
    CHECK(data->blocks_count > 0); /* one of B_max always fits: PROTOCOL.md 16 */
    return RC_OK;
}

static enum rc add_heads(struct range *r, uint64_t first, uint64_t last)
{
    struct pbft_data *data = r->data;
    CHECK(last - first + 1 <= PBFT_DATA_HEADS_MAX);
    for (uint64_t height = first; height <= last; height++) {
        struct block block;
        enum rc rc = read_block(r, height, &block);
        if (rc != RC_OK)
            return rc;
        name_block(&data->heads[data->heads_count], &block);
        data->head_bytes[data->heads_count++] = bytes_of(block.whole.data, BLOCK_HEADER_BYTES);
    }
    return RC_OK;
}

/* RC_STORE_DAMAGED: until has fallen. */
static enum rc make_range(struct range *r, uint64_t last)
{
    struct pbft_data *data = r->data;
    const struct certificate *c = &data->certificate;
    memset(data, 0, sizeof *data);
    data->kind = PBFT_FETCH_RANGE;
    last = last < r->until ? last : r->until;
    if (r->from > last)
        return RC_NOT_FOUND;
    enum rc rc = add_bodies(r, last);
    if (rc != RC_OK)
        return rc;
    last = r->from + data->blocks_count - 1;
    rc = find_end(r, &last, &data->certificate);
    if (rc != RC_OK)
        return rc;
    data->blocks_count = (uint32_t)(last - r->from + 1);
    if (c->statement.height == last)
        return RC_OK;
    return add_heads(r, last + 1, c->statement.height);
}

/* Up to where there is every block from this one on, as far as a range may reach; below a snapshot
 * some are not in history yet (9.3). */
static uint64_t held_until(const struct driver *d, uint64_t from)
{
    uint64_t end = from + PBFT_DATA_BLOCKS_MAX + PBFT_DATA_HEADS_MAX;
    if (from >= store_history_from_height(d->store))
        return d->durable_height;
    for (uint64_t height = from; height < end && height <= d->durable_height; height++)
        if (!store_history_has(d->store, height))
            return height - 1;
    return d->durable_height;
}

/* A block that is damaged is not here; those below it are given, if a certificate that covers them
 * can be reached without it. Twice is enough: what is read is read upwards. */
static bool encode_range(struct driver *d, struct buf *out, const struct pbft_act *act)
{
    struct pbft_msg *m = d->scratch_msg;
    struct range r = {
        .d = d, .data = &m->data, .from = act->height, .until = held_until(d, act->height)};
    uint64_t last = act->height + act->count - 1;
    m->type = PBFT_DATA;
    enum rc rc = make_range(&r, last);
    if (rc == RC_STORE_DAMAGED)
        rc = make_range(&r, last);
    if (rc == RC_OK)
        pbft_encode(out, m);
    return rc == RC_OK;
}

bool driver_encode_bodies(struct driver *d, struct buf *out, const struct pbft_act *act)
{
    d->scratch_msg->link = d->scratch_msg->from = d->config.own_index;
    if (act->type == PBFT_SEND_PRE_PREPARE)
        return encode_pre_prepare(d, out, act);
    if (act->type == PBFT_SEND_BLOCK)
        return encode_block(d, out, act);
    if (act->type == PBFT_SEND_EVIDENCE)
        return driver_encode_evidence(d, out, act);
    CHECK(act->type == PBFT_SEND_RANGE);
    return encode_range(d, out, act);
}
