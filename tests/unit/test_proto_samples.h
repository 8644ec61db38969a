/* Requests and replies of every type with every field drawn at random, and how they are judged, for
 * the tests of node/proto. The same numbers give the same samples. */
#ifndef TESTS_UNIT_TEST_PROTO_SAMPLES_H
#define TESTS_UNIT_TEST_PROTO_SAMPLES_H

#include "tests/help/unit.h"

#include <string.h>

#include "crypto/base/prng.h"
#include "node/pool.h"
#include "node/proto.h"

/* All of them too big for comfort on a stack. */
static struct proto_request request_back;
static struct proto_reply reply_back;
static uint8_t sample_pool[PROTO_MSG_BYTES_MAX]; /* what samples lend from */

enum { RESULT_BYTES = 80 };

static inline struct bytes sample_lend(struct prng *p, size_t size)
{
    if (sample_pool[0] == 0) {
        prng_fill(p, sample_pool, sizeof sample_pool);
        sample_pool[0] = 1;
    }
    return bytes_of(sample_pool + prng_below(p, sizeof sample_pool - size + 1), size);
}

/* A few bytes, or none; or the most there may be. */
static inline struct bytes sample_item(struct prng *p, size_t least, size_t most, bool is_largest)
{
    if (is_largest)
        return sample_lend(p, most);
    return sample_lend(p, prng_below(p, 4) == 0 ? least : least + prng_below(p, 20));
}

/* Fill items so that with `around` bytes about them, 4 or 5 each among these, all is as large as a
 * message may be. */
static inline void sample_fill(struct prng *p, struct bytes *items, uint32_t count, size_t around)
{
    size_t left = PROTO_MSG_BYTES_MAX - around;
    for (uint32_t i = 0; i < count; i++) {
        items[i] = sample_lend(p, left / (count - i));
        left -= items[i].size;
    }
}

static inline void sample_digest(struct prng *p, struct digest *d)
{
    prng_fill(p, d->bytes, DIGEST_BYTES);
}

static inline uint32_t sample_count(struct prng *p, uint32_t most, bool is_largest)
{
    return is_largest ? most : 1 + (uint32_t)prng_below(p, 3);
}

static inline void sample_request(struct proto_request *r, enum proto_type type, struct prng *p,
                                  bool is_largest)
{
    memset(r, 0, sizeof *r);
    r->type = type;
    if (type == PROTO_SUBMIT || type == PROTO_WAIT) {
        r->wait_ms = is_largest ? PROTO_WAIT_MS_MAX : (uint32_t)prng_below(p, PROTO_WAIT_MS_MAX);
        r->count = sample_count(p, PROTO_TXS_MAX, is_largest);
    }
    for (uint32_t i = 0; type == PROTO_SUBMIT && i < r->count; i++)
        r->items[i] = sample_item(p, 0, 0, false);
    if (type == PROTO_SUBMIT && is_largest)
        sample_fill(p, r->items, r->count, 2 + 4 + 1 + 4 * (size_t)r->count);
    for (uint32_t i = 0; type == PROTO_WAIT && i < r->count; i++)
        sample_digest(p, &r->txids[i]);
    if (type == PROTO_RECEIPT)
        sample_digest(p, &r->txids[0]);
    if (type == PROTO_STATE || type == PROTO_NAMES || type == PROTO_PROOF)
        r->table = (uint8_t)(1 + prng_below(p, STATE_TABLE_END - 1));
    if (type == PROTO_INDEX)
        r->table = (uint8_t)prng_below(p, KV_TABLE_COUNT);
    if (type == PROTO_STATE || type == PROTO_INDEX)
        r->count = sample_count(p, PROTO_KEYS_MAX, is_largest);
    for (uint32_t i = 0; (type == PROTO_STATE || type == PROTO_INDEX) && i < r->count; i++)
        r->items[i] = sample_item(p, 1, KV_KEY_BYTES_MAX, is_largest);
    if (type == PROTO_PROOF)
        r->items[0] = sample_item(p, 1, KV_KEY_BYTES_MAX, is_largest);
    if (type == PROTO_NAMES) {
        r->prefix = sample_item(p, 0, KV_KEY_BYTES_MAX, is_largest);
        r->after = sample_item(p, 0, KV_KEY_BYTES_MAX, is_largest);
        r->names_max = sample_count(p, PROTO_NAMES_MAX, is_largest);
    }
    if (type == PROTO_BLOCK || type == PROTO_READ)
        r->height = prng_u64(p);
    if (type == PROTO_READ)
        r->count = sample_count(p, PROTO_QUESTIONS_MAX, is_largest);
    for (uint32_t i = 0; type == PROTO_READ && i < r->count; i++) {
        r->tables[i] = (uint8_t)(1 + prng_below(p, STATE_TABLE_END - 1));
        r->is_prefix[i] = prng_below(p, 2) == 0;
        r->items[i] = sample_item(p, 1, KV_KEY_BYTES_MAX, is_largest);
    }
    if (type == PROTO_EVIDENCE) {
        r->offender = (uint8_t)prng_below(p, MEMBERS_MAX);
        r->evidence_kind = (uint8_t)(1 + prng_below(p, 7));
    }
    if (type == PROTO_BACKUP) {
        r->offset = prng_u64(p);
        r->count = is_largest ? PROTO_CHUNK_BYTES_MAX : (uint32_t)prng_below(p, 3);
        prng_fill(p, r->backup_id, sizeof r->backup_id);
    }
}

static inline void sample_result(struct proto_result *r, struct prng *p)
{
    r->outcome = (enum proto_outcome)prng_below(p, PROTO_OUTCOME_COUNT);
    sample_digest(p, &r->txid);
    r->verdict = (enum verdict)prng_below(p, VERDICT_COUNT);
    r->pool_answer = (uint8_t)prng_below(p, POOL_ANSWER_COUNT);
    if (r->outcome == PROTO_COMMITTED) {
        r->place.height = prng_u64(p);
        r->place.tx_index = (uint32_t)prng_u64(p);
    }
    r->has_other = r->outcome == PROTO_REJECTED && prng_below(p, 2) == 0;
    if (r->has_other)
        sample_digest(p, &r->other_txid);
}

static inline void sample_certificate(struct certificate *c, struct prng *p, bool is_largest)
{
    c->statement.kind = CERT_COMMIT;
    c->statement.epoch = prng_u64(p);
    c->statement.view = prng_u64(p);
    c->statement.height = prng_u64(p);
    sample_digest(p, &c->statement.digest);
    c->entries_count = sample_count(p, QUORUM_MAX, is_largest);
    for (uint32_t i = 0; i < c->entries_count; i++) {
        c->entries[i].member_index = (uint8_t)prng_u64(p);
        prng_fill(p, c->entries[i].signature.bytes, SIGNATURE_BYTES);
    }
}

static inline void sample_status(struct proto_status *s, struct prng *p, bool is_largest)
{
    uint64_t *const numbers[] = {&s->epoch,
                                 &s->view,
                                 &s->committed_height,
                                 &s->durable_height,
                                 &s->flushed_height,
                                 &s->certified_height,
                                 &s->head_time_ms,
                                 &s->wall_ms,
                                 &s->up_ms,
                                 &s->pool_bytes,
                                 &s->store_bytes,
                                 &s->disk_free_bytes,
                                 &s->txs_committed,
                                 &s->disk_reserve_bytes,
                                 &s->mode_ms,
                                 &s->timeout_ms,
                                 &s->view_changes,
                                 &s->stable_height,
                                 &s->history_from_height,
                                 &s->snapshot_height,
                                 &s->checkpoint_height};
    uint8_t *const flags[] = {&s->mode,        &s->is_primary,  &s->is_learner,
                              &s->is_alarmed,  &s->is_diverged, &s->takes_transactions,
                              &s->is_installed};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        *numbers[i] = prng_u64(p);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        *flags[i] = (uint8_t)prng_below(p, 2);
    sample_digest(p, &s->chain_id);
    sample_digest(p, &s->head_digest);
    s->complaint = (uint8_t)prng_below(p, PROTO_REASON_COUNT);
    s->pool_txs = (uint32_t)prng_u64(p);
    s->snapshot_per_mille = (uint32_t)prng_below(p, 1001);
    s->peers_count = (uint8_t)sample_count(p, MEMBERS_MAX, is_largest);
    s->member_index = (uint8_t)prng_below(p, s->peers_count);
    for (uint32_t i = 0; i < s->peers_count; i++) {
        s->peers[i].is_live = (uint8_t)prng_below(p, 2);
        s->peers[i].heard_ms_ago = prng_below(p, 2) == 0 ? UINT64_MAX : prng_u64(p);
        s->peers[i].committed_height = prng_u64(p);
        s->peers[i].evidence = (uint8_t)(prng_u64(p) << 1);
    }
}

/* RECEIPT, METRICS, BLOCK, PROOF, EVIDENCE, BACKUP. */
static inline size_t sample_data_max(enum proto_type type)
{
    switch (type) {
    case PROTO_RECEIPT:
        return RECEIPT_BYTES_MAX;
    case PROTO_METRICS:
        return PROTO_MSG_BYTES_MAX - 3 - 4;
    case PROTO_BLOCK:
        return BLOCK_BYTES_MAX;
    case PROTO_PROOF:
        return PROOF_BYTES_MAX;
    case PROTO_EVIDENCE:
        return PROTO_EVIDENCE_BYTES_MAX;
    case PROTO_BACKUP:
        return PROTO_CHUNK_BYTES_MAX;
    default:
        return 0;
    }
}

static inline void sample_values(struct proto_reply *r, struct prng *p, bool is_largest)
{
    r->height = prng_u64(p);
    r->count = sample_count(p, PROTO_KEYS_MAX, is_largest);
    for (uint32_t i = 0; i < r->count; i++) {
        r->is_present[i] = is_largest || prng_below(p, 3) > 0;
        if (r->is_present[i])
            r->items[i] = sample_item(p, 0, 0, false);
    }
    if (is_largest)
        sample_fill(p, r->items, r->count, 3 + 8 + 1 + 5 * (size_t)r->count);
}

static inline void sample_names(struct proto_reply *r, struct prng *p, bool is_largest)
{
    r->height = prng_u64(p);
    r->is_end = prng_below(p, 2) == 0;
    r->count = sample_count(p, PROTO_NAMES_MAX, is_largest) - !is_largest;
    for (uint32_t i = 0; i < r->count; i++)
        r->items[i] = sample_item(p, 1, KV_KEY_BYTES_MAX, is_largest);
}

/* Ascending by question, then key: the first byte counts up. */
static inline void sample_read(struct proto_reply *r, struct prng *p, bool is_largest)
{
    static uint8_t keys[PROTO_ENTRIES_MAX][KV_KEY_BYTES_MAX];
    r->height = prng_u64(p);
    r->is_learner = prng_below(p, 2) == 0;
    r->is_end = prng_below(p, 2) == 0;
    r->has_certificate = is_largest || prng_below(p, 3) > 0;
    if (r->has_certificate) {
        sample_certificate(&r->certificate, p, is_largest);
        r->certificate.statement.kind = prng_below(p, 2) == 0 ? CERT_PREPARE : CERT_COMMIT;
    }
    r->count = sample_count(p, PROTO_ENTRIES_MAX, is_largest) - !is_largest;
    for (uint32_t i = 0; i < r->count; i++) {
        size_t size = is_largest ? KV_KEY_BYTES_MAX : 1 + prng_below(p, 20);
        prng_fill(p, keys[i], size);
        keys[i][0] = (uint8_t)i;
        r->questions[i] = (uint8_t)(i * PROTO_QUESTIONS_MAX / r->count);
        r->keys[i] = bytes_of(keys[i], size);
        r->items[i] = sample_item(p, 0, STATE_VALUE_BYTES_MAX, is_largest);
    }
}

static inline void sample_reply(struct proto_reply *r, enum proto_type type, struct prng *p,
                                bool is_largest)
{
    memset(r, 0, sizeof *r);
    r->type = type;
    if (type == PROTO_SUBMIT || type == PROTO_WAIT)
        r->count = sample_count(p, PROTO_TXS_MAX, is_largest);
    for (uint32_t i = 0; i < r->count; i++)
        sample_result(&r->results[i], p);
    if (type == PROTO_STATUS)
        sample_status(&r->status, p, is_largest);
    if (type == PROTO_STATE || type == PROTO_INDEX)
        sample_values(r, p, is_largest);
    if (type == PROTO_NAMES)
        sample_names(r, p, is_largest);
    if (type == PROTO_READ)
        sample_read(r, p, is_largest);
    if (sample_data_max(type) > 0)
        r->data = sample_item(p, 0, sample_data_max(type), is_largest);
    if (type == PROTO_BLOCK && (is_largest || prng_below(p, 3) > 0)) {
        r->has_certificate = true;
        sample_certificate(&r->certificate, p, is_largest);
    }
    if (type == PROTO_BACKUP) {
        prng_fill(p, r->backup_id, sizeof r->backup_id);
        r->total = prng_u64(p);
    }
}

static inline struct bytes encode_request(struct buf *out, const struct proto_request *r)
{
    buf_clear(out);
    proto_encode_request(out, r);
    return buf_bytes(out);
}

static inline struct bytes encode_reply(struct buf *out, const struct proto_reply *r)
{
    buf_clear(out);
    proto_encode_reply(out, r);
    return buf_bytes(out);
}

static inline bool request_decodes(struct bytes bytes)
{
    return proto_decode_request(&request_back, bytes);
}

static inline bool reply_decodes(struct bytes bytes)
{
    return proto_decode_reply(&reply_back, bytes);
}

#endif
