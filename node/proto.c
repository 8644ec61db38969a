/* Words, the parts that requests and replies have in common, and requests. */
#include "node/proto_parts.h"

#include <string.h>

#include "crypto/base/check.h"
#include "net/limits.h"
#include "node/pbft/evidence.h"
#include "node/pbft/msg.h"

_Static_assert((int)PROTO_MSG_BYTES_MAX <= (int)NET_CLIENT_MSG_BYTES_MAX, "what net/ carries");
_Static_assert(PROTO_KEYS_MAX <= PROTO_TXS_MAX, "the keys of a request stand in its items");
_Static_assert((int)PROTO_QUESTIONS_MAX <= (int)PROTO_TXS_MAX, "and so do those of READ");
_Static_assert((int)STATE_KEY_BYTES_MAX <= (int)KV_KEY_BYTES_MAX,
               "one limit for keys of all tables");

/* ---- words ---- */

const char *proto_type_word(enum proto_type t)
{
    static const char *const words[] = {
#define X(name, number, word) [name] = word,
        PROTO_TYPE_LIST(X)
#undef X
    };
    CHECK((unsigned)t >= PROTO_SUBMIT && (unsigned)t < PROTO_TYPE_END);
    return words[t];
}

const char *proto_code_word(enum proto_code c)
{
    static const char *const words[] = {
#define X(name, word, text) [name] = word,
        PROTO_STATUS_LIST(X)
#undef X
    };
    CHECK((unsigned)c < PROTO_CODE_COUNT);
    return words[c];
}

const char *proto_code_text(enum proto_code c)
{
    static const char *const texts[] = {
#define X(name, word, text) [name] = text,
        PROTO_STATUS_LIST(X)
#undef X
    };
    CHECK((unsigned)c < PROTO_CODE_COUNT);
    return texts[c];
}

const char *proto_outcome_word(enum proto_outcome o)
{
    static const char *const words[] = {
#define X(name, word) [name] = word,
        PROTO_OUTCOME_LIST(X)
#undef X
    };
    CHECK((unsigned)o < PROTO_OUTCOME_COUNT);
    return words[o];
}

#define X(word, text) +1
_Static_assert(PROTO_REASON_LIST(X) == (int)PROTO_REASON_COUNT, "all reasons");
#undef X
_Static_assert((int)PROTO_REASON_COUNT == (int)PBFT_REASON_END, "all reasons of the protocol");

const char *proto_reason_word(uint32_t reason)
{
    static const char *const words[] = {
#define X(word, text) word,
        PROTO_REASON_LIST(X)
#undef X
    };
    CHECK(reason < PROTO_REASON_COUNT);
    return words[reason];
}

const char *proto_reason_text(uint32_t reason)
{
    static const char *const texts[] = {
#define X(word, text) text,
        PROTO_REASON_LIST(X)
#undef X
    };
    CHECK(reason < PROTO_REASON_COUNT);
    return texts[reason];
}

/* ---- parts ---- */

void proto_put_u8(struct buf *out, uint64_t value, uint8_t least, uint8_t most)
{
    CHECK(value >= least && value <= most);
    buf_add_u8(out, (uint8_t)value);
}

void proto_put_u16(struct buf *out, uint64_t value, uint16_t least, uint16_t most)
{
    CHECK(value >= least && value <= most);
    buf_add_u16(out, (uint16_t)value);
}

void proto_put_u32(struct buf *out, uint64_t value, uint32_t least, uint32_t most)
{
    CHECK(value >= least && value <= most);
    buf_add_u32(out, (uint32_t)value);
}

/* 0 for what is refused: a count that must not be used makes no loop run (pitfalls H5). */
static uint32_t judge(struct rd *r, uint32_t value, uint32_t least, uint32_t most)
{
    if (value >= least && value <= most)
        return value;
    rd_fail(r);
    return 0;
}

uint8_t proto_take_u8(struct rd *r, uint8_t least, uint8_t most)
{
    return (uint8_t)judge(r, rd_u8(r), least, most);
}

uint16_t proto_take_u16(struct rd *r, uint16_t least, uint16_t most)
{
    return (uint16_t)judge(r, rd_u16(r), least, most);
}

uint32_t proto_take_u32(struct rd *r, uint32_t least, uint32_t most)
{
    return judge(r, rd_u32(r), least, most);
}

void proto_put_digest(struct buf *out, const struct digest *d)
{
    buf_add(out, d->bytes, DIGEST_BYTES);
}

void proto_take_digest(struct rd *r, struct digest *out)
{
    rd_copy(r, out->bytes, DIGEST_BYTES);
}

void proto_put_key(struct buf *out, struct bytes key, uint16_t least)
{
    proto_put_u16(out, key.size, least, KV_KEY_BYTES_MAX);
    buf_add_bytes(out, key);
}

struct bytes proto_take_key(struct rd *r, uint16_t least)
{
    uint16_t size = proto_take_u16(r, least, KV_KEY_BYTES_MAX);
    return rd_take(r, size);
}

void proto_put_data(struct buf *out, struct bytes data, uint32_t most)
{
    proto_put_u32(out, data.size, 0, most);
    buf_add_bytes(out, data);
}

struct bytes proto_take_data(struct rd *r, uint32_t most)
{
    uint32_t size = proto_take_u32(r, 0, most);
    return rd_take(r, size);
}

/* ---- requests ---- */

/* The least and the greatest table: those of the state, but the store's for INDEX. */
static uint8_t table_min(enum proto_type type)
{
    return type == PROTO_INDEX ? 0 : STATE_PARTICIPANT;
}

static uint8_t table_max(enum proto_type type)
{
    return type == PROTO_INDEX ? KV_TABLE_COUNT - 1 : STATE_TABLE_END - 1;
}

static void put_table(struct buf *out, const struct proto_request *r)
{
    proto_put_u8(out, r->table, table_min(r->type), table_max(r->type));
}

static void take_table(struct rd *from, struct proto_request *r)
{
    r->table = proto_take_u8(from, table_min(r->type), table_max(r->type));
}

static void put_submit(struct buf *out, const struct proto_request *r)
{
    proto_put_u32(out, r->wait_ms, 0, PROTO_WAIT_MS_MAX);
    proto_put_u8(out, r->count, 1, PROTO_TXS_MAX);
    for (uint32_t i = 0; i < r->count; i++)
        proto_put_data(out, r->items[i], TX_BYTES_MAX);
}

static void take_submit(struct rd *from, struct proto_request *r)
{
    r->wait_ms = proto_take_u32(from, 0, PROTO_WAIT_MS_MAX);
    r->count = proto_take_u8(from, 1, PROTO_TXS_MAX);
    for (uint32_t i = 0; i < r->count; i++)
        r->items[i] = proto_take_data(from, TX_BYTES_MAX);
}

static void put_wait(struct buf *out, const struct proto_request *r)
{
    proto_put_u32(out, r->wait_ms, 0, PROTO_WAIT_MS_MAX);
    proto_put_u8(out, r->count, 1, PROTO_TXS_MAX);
    for (uint32_t i = 0; i < r->count; i++)
        proto_put_digest(out, &r->txids[i]);
}

static void take_wait(struct rd *from, struct proto_request *r)
{
    r->wait_ms = proto_take_u32(from, 0, PROTO_WAIT_MS_MAX);
    r->count = proto_take_u8(from, 1, PROTO_TXS_MAX);
    for (uint32_t i = 0; i < r->count; i++)
        proto_take_digest(from, &r->txids[i]);
}

static void put_keys(struct buf *out, const struct proto_request *r)
{
    put_table(out, r);
    proto_put_u8(out, r->count, 1, PROTO_KEYS_MAX);
    for (uint32_t i = 0; i < r->count; i++)
        proto_put_key(out, r->items[i], 1);
}

static void take_keys(struct rd *from, struct proto_request *r)
{
    take_table(from, r);
    r->count = proto_take_u8(from, 1, PROTO_KEYS_MAX);
    for (uint32_t i = 0; i < r->count; i++)
        r->items[i] = proto_take_key(from, 1);
}

static void put_names(struct buf *out, const struct proto_request *r)
{
    put_table(out, r);
    proto_put_key(out, r->prefix, 0);
    proto_put_key(out, r->after, 0);
    proto_put_u16(out, r->names_max, 1, PROTO_NAMES_MAX);
}

static void take_names(struct rd *from, struct proto_request *r)
{
    take_table(from, r);
    r->prefix = proto_take_key(from, 0);
    r->after = proto_take_key(from, 0);
    r->names_max = proto_take_u16(from, 1, PROTO_NAMES_MAX);
}

static void put_questions(struct buf *out, const struct proto_request *r)
{
    buf_add_u64(out, r->height);
    proto_put_u8(out, r->count, 1, PROTO_QUESTIONS_MAX);
    for (uint32_t i = 0; i < r->count; i++) {
        proto_put_u8(out, r->tables[i], table_min(r->type), table_max(r->type));
        buf_add_u8(out, r->is_prefix[i]);
        proto_put_key(out, r->items[i], 1);
    }
}

static void take_questions(struct rd *from, struct proto_request *r)
{
    r->height = rd_u64(from);
    r->count = proto_take_u8(from, 1, PROTO_QUESTIONS_MAX);
    for (uint32_t i = 0; i < r->count; i++) {
        r->tables[i] = proto_take_u8(from, table_min(r->type), table_max(r->type));
        r->is_prefix[i] = proto_take_u8(from, 0, 1) == 1;
        r->items[i] = proto_take_key(from, 1);
    }
}

static void put_backup(struct buf *out, const struct proto_request *r)
{
    buf_add_u64(out, r->offset);
    proto_put_u32(out, r->count, 0, PROTO_CHUNK_BYTES_MAX);
    buf_add(out, r->backup_id, sizeof r->backup_id);
}

static void take_backup(struct rd *from, struct proto_request *r)
{
    r->offset = rd_u64(from);
    r->count = proto_take_u32(from, 0, PROTO_CHUNK_BYTES_MAX);
    rd_copy(from, r->backup_id, sizeof r->backup_id);
}

static void put_evidence(struct buf *out, const struct proto_request *r)
{
    proto_put_u8(out, r->offender, 0, MEMBERS_MAX - 1);
    proto_put_u8(out, r->evidence_kind, 1, PBFT_EVIDENCE_KINDS_END - 1);
}

static void take_evidence(struct rd *from, struct proto_request *r)
{
    r->offender = proto_take_u8(from, 0, MEMBERS_MAX - 1);
    r->evidence_kind = proto_take_u8(from, 1, PBFT_EVIDENCE_KINDS_END - 1);
}

static void put_fields(struct buf *out, const struct proto_request *r)
{
    switch (r->type) {
    case PROTO_SUBMIT:
        put_submit(out, r);
        return;
    case PROTO_WAIT:
        put_wait(out, r);
        return;
    case PROTO_RECEIPT:
        proto_put_digest(out, &r->txids[0]);
        return;
    case PROTO_STATE:
    case PROTO_INDEX:
        put_keys(out, r);
        return;
    case PROTO_NAMES:
        put_names(out, r);
        return;
    case PROTO_BLOCK:
        buf_add_u64(out, r->height);
        return;
    case PROTO_PROOF:
        put_table(out, r);
        proto_put_key(out, r->items[0], 1);
        return;
    case PROTO_READ:
        put_questions(out, r);
        return;
    case PROTO_BACKUP:
        put_backup(out, r);
        return;
    case PROTO_EVIDENCE:
        put_evidence(out, r);
        return;
    case PROTO_STATUS:
    case PROTO_METRICS:
    case PROTO_TYPE_END:
        return;
    }
}

static void take_fields(struct rd *from, struct proto_request *r)
{
    switch (r->type) {
    case PROTO_SUBMIT:
        take_submit(from, r);
        return;
    case PROTO_WAIT:
        take_wait(from, r);
        return;
    case PROTO_RECEIPT:
        proto_take_digest(from, &r->txids[0]);
        return;
    case PROTO_STATE:
    case PROTO_INDEX:
        take_keys(from, r);
        return;
    case PROTO_NAMES:
        take_names(from, r);
        return;
    case PROTO_BLOCK:
        r->height = rd_u64(from);
        return;
    case PROTO_PROOF:
        take_table(from, r);
        r->items[0] = proto_take_key(from, 1);
        return;
    case PROTO_READ:
        take_questions(from, r);
        return;
    case PROTO_BACKUP:
        take_backup(from, r);
        return;
    case PROTO_EVIDENCE:
        take_evidence(from, r);
        return;
    case PROTO_STATUS:
    case PROTO_METRICS:
    case PROTO_TYPE_END:
        return;
    }
}

void proto_encode_request(struct buf *out, const struct proto_request *r)
{
    size_t start = out->size;
    buf_add_u8(out, PROTO_VERSION);
    proto_put_u8(out, r->type, PROTO_SUBMIT, PROTO_TYPE_END - 1);
    put_fields(out, r);
    proto_put_signature(out, r);
    CHECK(out->size - start <= PROTO_MSG_BYTES_MAX);
}

bool proto_decode_request(struct proto_request *out, struct bytes bytes)
{
    struct rd from = rd_of(bytes);
    memset(out, 0, sizeof *out);
    (void)proto_take_u8(&from, PROTO_VERSION, PROTO_VERSION);
    out->type = (enum proto_type)proto_take_u8(&from, PROTO_SUBMIT, PROTO_TYPE_END - 1);
    if (from.failed || bytes.size > PROTO_MSG_BYTES_MAX)
        return false;
    take_fields(&from, out);
    proto_take_signature(&from, out, bytes);
    return rd_done(&from);
}
