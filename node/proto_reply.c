/* Replies. */
#include "node/proto_parts.h"

#include <string.h>

#include "crypto/base/check.h"
#include "node/pbft/msg.h"
#include "node/pool.h"

enum { HEAD_BYTES = 1 + 1 + 1, RESULT_BYTES = 1 + DIGEST_BYTES + 1 + 1 + 8 + 4 + 1 + DIGEST_BYTES };

/* What the ledger can hold can be told. */
_Static_assert(HEAD_BYTES + 1 + PROTO_TXS_MAX * RESULT_BYTES <= PROTO_MSG_BYTES_MAX, "results");
_Static_assert(HEAD_BYTES + 4 + RECEIPT_BYTES_MAX <= PROTO_MSG_BYTES_MAX, "receipt");
_Static_assert(HEAD_BYTES + 9 + PROTO_KEYS_MAX * (5 + STATE_VALUE_BYTES_MAX) <= PROTO_MSG_BYTES_MAX,
               "values of the state");
_Static_assert(HEAD_BYTES + 11 + PROTO_NAMES_MAX * (2 + KV_KEY_BYTES_MAX) <= PROTO_MSG_BYTES_MAX,
               "names");
_Static_assert(HEAD_BYTES + 4 + BLOCK_BYTES_MAX + 1 + CERT_BYTES_MAX <= PROTO_MSG_BYTES_MAX,
               "block");
_Static_assert(HEAD_BYTES + 4 + PROOF_BYTES_MAX <= PROTO_MSG_BYTES_MAX, "proof");
_Static_assert((int)HEAD_BYTES + 4 + (int)BLOCK_BYTES_MAX + 1024 <= (int)PROTO_MSG_BYTES_MAX,
               "evidence: with the largest block; what else it holds is small");
_Static_assert(HEAD_BYTES + 16 + 8 + 4 + PROTO_CHUNK_BYTES_MAX <= PROTO_MSG_BYTES_MAX, "backup");

/* ---- results ---- */

/* A field that an outcome does not have is zero: one value, one encoding. */
static bool result_is_whole(const struct proto_result *result)
{
    if (result->outcome != PROTO_COMMITTED &&
        (result->place.height != 0 || result->place.tx_index != 0))
        return false;
    return result->has_other ? result->outcome == PROTO_REJECTED
                             : digest_is_zero(&result->other_txid);
}

static void put_result(struct buf *out, const struct proto_result *result)
{
    CHECK(result_is_whole(result));
    CHECK(result->place.op_index == 0);
    proto_put_u8(out, result->outcome, 0, PROTO_OUTCOME_COUNT - 1);
    proto_put_digest(out, &result->txid);
    proto_put_u8(out, result->verdict, 0, VERDICT_COUNT - 1);
    proto_put_u8(out, result->pool_answer, 0, POOL_ANSWER_COUNT - 1);
    buf_add_u64(out, result->place.height);
    buf_add_u32(out, result->place.tx_index);
    buf_add_u8(out, result->has_other);
    proto_put_digest(out, &result->other_txid);
}

static void take_result(struct rd *from, struct proto_result *result)
{
    result->outcome = (enum proto_outcome)proto_take_u8(from, 0, PROTO_OUTCOME_COUNT - 1);
    proto_take_digest(from, &result->txid);
    result->verdict = (enum verdict)proto_take_u8(from, 0, VERDICT_COUNT - 1);
    result->pool_answer = proto_take_u8(from, 0, POOL_ANSWER_COUNT - 1);
    result->place.height = rd_u64(from);
    result->place.tx_index = rd_u32(from);
    result->has_other = proto_take_u8(from, 0, 1) == 1;
    proto_take_digest(from, &result->other_txid);
    if (!result_is_whole(result))
        rd_fail(from);
}

static void put_results(struct buf *out, const struct proto_reply *r)
{
    proto_put_u8(out, r->count, 1, PROTO_TXS_MAX);
    for (uint32_t i = 0; i < r->count; i++)
        put_result(out, &r->results[i]);
}

static void take_results(struct rd *from, struct proto_reply *r)
{
    r->count = proto_take_u8(from, 1, PROTO_TXS_MAX);
    for (uint32_t i = 0; i < r->count; i++)
        take_result(from, &r->results[i]);
}

/* ---- status ---- */

static void put_peer(struct buf *out, const struct proto_peer *p)
{
    proto_put_u8(out, p->is_live, 0, 1);
    buf_add_u64(out, p->heard_ms_ago);
    buf_add_u64(out, p->committed_height);
    CHECK((p->evidence & 1) == 0);
    buf_add_u8(out, p->evidence);
}

static void take_peer(struct rd *from, struct proto_peer *p)
{
    p->is_live = proto_take_u8(from, 0, 1);
    p->heard_ms_ago = rd_u64(from);
    p->committed_height = rd_u64(from);
    p->evidence = rd_u8(from);
    if ((p->evidence & 1) != 0) /* no kind has the number 0 */
        rd_fail(from);
}

static void put_status(struct buf *out, const struct proto_status *s)
{
    CHECK(s->member_index < s->peers_count);
    proto_put_digest(out, &s->chain_id);
    buf_add_u8(out, s->member_index);
    buf_add_u64(out, s->epoch);
    buf_add_u64(out, s->view);
    proto_put_u8(out, s->mode, PBFT_NORMAL, PBFT_CHANGING);
    proto_put_u8(out, s->is_primary, 0, 1);
    proto_put_u8(out, s->is_learner, 0, 1);
    proto_put_u8(out, s->is_alarmed, 0, 1);
    proto_put_u8(out, s->is_diverged, 0, 1);
    proto_put_u8(out, s->is_installed, 0, 1);
    proto_put_u8(out, s->complaint, 0, PROTO_REASON_COUNT - 1);
    buf_add_u64(out, s->mode_ms);
    buf_add_u64(out, s->timeout_ms);
    buf_add_u64(out, s->view_changes);
    buf_add_u64(out, s->stable_height);
    buf_add_u64(out, s->checkpoint_height);
    CHECK(s->snapshot_per_mille <= 1000);
    buf_add_u64(out, s->history_from_height);
    buf_add_u64(out, s->snapshot_height);
    buf_add_u32(out, s->snapshot_per_mille);
    buf_add_u64(out, s->committed_height);
    buf_add_u64(out, s->durable_height);
    buf_add_u64(out, s->flushed_height);
    buf_add_u64(out, s->certified_height);
    proto_put_digest(out, &s->head_digest);
    buf_add_u64(out, s->head_time_ms);
    buf_add_u64(out, s->wall_ms);
    buf_add_u64(out, s->up_ms);
    buf_add_u32(out, s->pool_txs);
    buf_add_u64(out, s->pool_bytes);
    buf_add_u64(out, s->store_bytes);
    buf_add_u64(out, s->disk_free_bytes);
    buf_add_u64(out, s->disk_reserve_bytes);
    proto_put_u8(out, s->takes_transactions, 0, 1);
    buf_add_u64(out, s->txs_committed);
    proto_put_u8(out, s->peers_count, 1, MEMBERS_MAX);
    for (uint32_t i = 0; i < s->peers_count; i++)
        put_peer(out, &s->peers[i]);
}

static void take_status(struct rd *from, struct proto_status *s)
{
    proto_take_digest(from, &s->chain_id);
    s->member_index = rd_u8(from);
    s->epoch = rd_u64(from);
    s->view = rd_u64(from);
    s->mode = proto_take_u8(from, PBFT_NORMAL, PBFT_CHANGING);
    s->is_primary = proto_take_u8(from, 0, 1);
    s->is_learner = proto_take_u8(from, 0, 1);
    s->is_alarmed = proto_take_u8(from, 0, 1);
    s->is_diverged = proto_take_u8(from, 0, 1);
    s->is_installed = proto_take_u8(from, 0, 1);
    s->complaint = proto_take_u8(from, 0, PROTO_REASON_COUNT - 1);
    s->mode_ms = rd_u64(from);
    s->timeout_ms = rd_u64(from);
    s->view_changes = rd_u64(from);
    s->stable_height = rd_u64(from);
    s->checkpoint_height = rd_u64(from);
    s->history_from_height = rd_u64(from);
    s->snapshot_height = rd_u64(from);
    s->snapshot_per_mille = rd_u32(from);
    if (s->snapshot_per_mille > 1000)
        rd_fail(from);
    s->committed_height = rd_u64(from);
    s->durable_height = rd_u64(from);
    s->flushed_height = rd_u64(from);
    s->certified_height = rd_u64(from);
    proto_take_digest(from, &s->head_digest);
    s->head_time_ms = rd_u64(from);
    s->wall_ms = rd_u64(from);
    s->up_ms = rd_u64(from);
    s->pool_txs = rd_u32(from);
    s->pool_bytes = rd_u64(from);
    s->store_bytes = rd_u64(from);
    s->disk_free_bytes = rd_u64(from);
    s->disk_reserve_bytes = rd_u64(from);
    s->takes_transactions = proto_take_u8(from, 0, 1);
    s->txs_committed = rd_u64(from);
    s->peers_count = proto_take_u8(from, 1, MEMBERS_MAX);
    for (uint32_t i = 0; i < s->peers_count; i++)
        take_peer(from, &s->peers[i]);
    if (s->member_index >= s->peers_count)
        rd_fail(from);
}

/* ---- entries and names ---- */

static void put_values(struct buf *out, const struct proto_reply *r)
{
    buf_add_u64(out, r->height);
    proto_put_u8(out, r->count, 1, PROTO_KEYS_MAX);
    for (uint32_t i = 0; i < r->count; i++) {
        buf_add_u8(out, r->is_present[i]);
        proto_put_data(out, r->items[i], r->is_present[i] ? PROTO_MSG_BYTES_MAX : 0);
    }
}

/* What is absent has no bytes. */
static void take_values(struct rd *from, struct proto_reply *r)
{
    r->height = rd_u64(from);
    r->count = proto_take_u8(from, 1, PROTO_KEYS_MAX);
    for (uint32_t i = 0; i < r->count; i++) {
        r->is_present[i] = proto_take_u8(from, 0, 1) == 1;
        r->items[i] = proto_take_data(from, r->is_present[i] ? PROTO_MSG_BYTES_MAX : 0);
    }
}

static void put_names(struct buf *out, const struct proto_reply *r)
{
    buf_add_u64(out, r->height);
    buf_add_u8(out, r->is_end);
    proto_put_u16(out, r->count, 0, PROTO_NAMES_MAX);
    for (uint32_t i = 0; i < r->count; i++)
        proto_put_key(out, r->items[i], 1);
}

static void take_names(struct rd *from, struct proto_reply *r)
{
    r->height = rd_u64(from);
    r->is_end = proto_take_u8(from, 0, 1) == 1;
    r->count = proto_take_u16(from, 0, PROTO_NAMES_MAX);
    for (uint32_t i = 0; i < r->count; i++)
        r->items[i] = proto_take_key(from, 1);
}

/* ---- data ---- */

static void put_block(struct buf *out, const struct proto_reply *r)
{
    proto_put_data(out, r->data, BLOCK_BYTES_MAX);
    proto_put_certificate(out, r);
}

static void take_block(struct rd *from, struct proto_reply *r)
{
    r->data = proto_take_data(from, BLOCK_BYTES_MAX);
    proto_take_certificate(from, r);
}

static void put_backup(struct buf *out, const struct proto_reply *r)
{
    buf_add(out, r->backup_id, sizeof r->backup_id);
    buf_add_u64(out, r->total);
    proto_put_data(out, r->data, PROTO_CHUNK_BYTES_MAX);
}

static void take_backup(struct rd *from, struct proto_reply *r)
{
    rd_copy(from, r->backup_id, sizeof r->backup_id);
    r->total = rd_u64(from);
    r->data = proto_take_data(from, PROTO_CHUNK_BYTES_MAX);
}

/* Of the replies that are nothing but data. */
static uint32_t data_bytes_max(enum proto_type type)
{
    if (type == PROTO_RECEIPT)
        return RECEIPT_BYTES_MAX;
    if (type == PROTO_EVIDENCE)
        return PROTO_EVIDENCE_BYTES_MAX;
    return type == PROTO_PROOF ? PROOF_BYTES_MAX : PROTO_MSG_BYTES_MAX;
}

/* ---- replies ---- */

static void put_fields(struct buf *out, const struct proto_reply *r)
{
    switch (r->type) {
    case PROTO_SUBMIT:
    case PROTO_WAIT:
        put_results(out, r);
        return;
    case PROTO_RECEIPT:
    case PROTO_METRICS:
    case PROTO_PROOF:
    case PROTO_EVIDENCE:
        proto_put_data(out, r->data, data_bytes_max(r->type));
        return;
    case PROTO_STATUS:
        put_status(out, &r->status);
        return;
    case PROTO_STATE:
    case PROTO_INDEX:
        put_values(out, r);
        return;
    case PROTO_NAMES:
        put_names(out, r);
        return;
    case PROTO_BLOCK:
        put_block(out, r);
        return;
    case PROTO_READ:
        proto_put_read(out, r);
        return;
    case PROTO_BACKUP:
        put_backup(out, r);
        return;
    case PROTO_TYPE_END:
        return;
    }
}

static void take_fields(struct rd *from, struct proto_reply *r)
{
    switch (r->type) {
    case PROTO_SUBMIT:
    case PROTO_WAIT:
        take_results(from, r);
        return;
    case PROTO_RECEIPT:
    case PROTO_METRICS:
    case PROTO_PROOF:
    case PROTO_EVIDENCE:
        r->data = proto_take_data(from, data_bytes_max(r->type));
        return;
    case PROTO_STATUS:
        take_status(from, &r->status);
        return;
    case PROTO_STATE:
    case PROTO_INDEX:
        take_values(from, r);
        return;
    case PROTO_NAMES:
        take_names(from, r);
        return;
    case PROTO_BLOCK:
        take_block(from, r);
        return;
    case PROTO_READ:
        proto_take_read(from, r);
        return;
    case PROTO_BACKUP:
        take_backup(from, r);
        return;
    case PROTO_TYPE_END:
        return;
    }
}

/* Only who did not understand a request may not know its type. */
static uint8_t type_min(enum proto_code code)
{
    return code == PROTO_MALFORMED ? 0 : PROTO_SUBMIT;
}

void proto_encode_reply(struct buf *out, const struct proto_reply *r)
{
    size_t start = out->size;
    buf_add_u8(out, PROTO_VERSION);
    proto_put_u8(out, r->type, type_min(r->code), PROTO_TYPE_END - 1);
    proto_put_u8(out, r->code, PROTO_OK, PROTO_CODE_COUNT - 1);
    if (r->code == PROTO_OK)
        put_fields(out, r);
    CHECK(out->size - start <= PROTO_MSG_BYTES_MAX);
}

bool proto_decode_reply(struct proto_reply *out, struct bytes bytes)
{
    struct rd from = rd_of(bytes);
    memset(out, 0, sizeof *out);
    (void)proto_take_u8(&from, PROTO_VERSION, PROTO_VERSION);
    out->type = (enum proto_type)proto_take_u8(&from, 0, PROTO_TYPE_END - 1);
    out->code = (enum proto_code)proto_take_u8(&from, PROTO_OK, PROTO_CODE_COUNT - 1);
    if (from.failed || bytes.size > PROTO_MSG_BYTES_MAX || out->type < type_min(out->code))
        return false;
    if (out->code == PROTO_OK)
        take_fields(&from, out);
    return rd_done(&from);
}
