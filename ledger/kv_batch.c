/* Batches: one growable buffer of records, each value sealed on put. */
#include <stdlib.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/kv_impl.h"

_Static_assert(sizeof(struct kv_record) == 8, "records start aligned when each is padded to 8");
_Static_assert(KV_TABLE_COUNT <= UINT8_MAX, "a table is one byte in checksums and records");
_Static_assert((int)KV_KEY_BYTES_MAX <= (int)CHECKSUM_LABEL_BYTES_MAX,
               "a key fits a checksum's label");

const char kv_stamp_key[] = "commits";

struct kv_batch *kv_batch_new(void)
{
    return mem_alloc(sizeof(struct kv_batch));
}

void kv_batch_free(struct kv_batch *b)
{
    if (b == NULL)
        return;
    buf_free(&b->records);
    mem_free(b);
}

void kv_batch_clear(struct kv_batch *b)
{
    buf_clear(&b->records);
    b->count = 0;
    b->bytes = 0;
}

size_t kv_batch_count(const struct kv_batch *b)
{
    return b->count;
}

size_t kv_batch_bytes(const struct kv_batch *b)
{
    return b->bytes;
}

/* ---- records ---- */

static size_t record_bytes(size_t key_bytes, size_t sealed_bytes)
{
    return (sizeof(struct kv_record) + key_bytes + sealed_bytes + 7) & ~(size_t)7;
}

const struct kv_record *kv_record_next(const struct kv_batch *b, const struct kv_record *r)
{
    size_t at = 0;
    if (r != NULL)
        at = (size_t)((const uint8_t *)r - b->records.data) +
             record_bytes(r->key_bytes, r->sealed_bytes);
    CHECK(at <= b->records.size);
    return at == b->records.size ? NULL : (const struct kv_record *)(b->records.data + at);
}

struct bytes kv_record_key(const struct kv_record *r)
{
    return bytes_of((const uint8_t *)(r + 1), r->key_bytes);
}

struct bytes kv_record_sealed(const struct kv_record *r)
{
    return bytes_of((const uint8_t *)(r + 1) + r->key_bytes, r->sealed_bytes);
}

static struct kv_record *record_add(struct kv_batch *b, enum kv_op op, enum kv_table table,
                                    struct bytes key, size_t sealed_bytes)
{
    CHECK((unsigned)table < KV_TABLE_COUNT);
    CHECK(key.size >= 1);
    CHECK(key.size <= KV_KEY_BYTES_MAX);
    size_t size = record_bytes(key.size, sealed_bytes);
    uint8_t *at = buf_grow(&b->records, size);
    memset(at + size - 8, 0, 8); /* the padding, when there is any */
    struct kv_record *r = (struct kv_record *)at;
    *r = (struct kv_record){.op = (uint8_t)op,
                            .table = (uint8_t)table,
                            .key_bytes = (uint16_t)key.size,
                            .sealed_bytes = (uint32_t)sealed_bytes};
    memcpy(at + sizeof *r, key.data, key.size);
    b->count++;
    b->bytes += key.size;
    return r;
}

static void put(struct kv_batch *b, enum kv_table table, struct bytes key, struct bytes value)
{
    CHECK(value.size <= KV_VALUE_BYTES_MAX);
    struct kv_record *r = record_add(b, KV_PUT, table, key, value.size + CHECKSUM_BYTES);
    struct wr w = wr_of((uint8_t *)(r + 1) + key.size, r->sealed_bytes);
    wr_bytes(&w, value);
    wr_u64(&w, checksum_of((uint8_t)table, key, value));
    CHECK(wr_ok(&w));
    b->bytes += value.size;
}

/* The commit counter is ours alone: a caller's key of that name would overwrite it. */
static bool is_stamp(enum kv_table table, struct bytes key)
{
    return table == KV_META && bytes_equal(key, bytes_of_text(kv_stamp_key));
}

void kv_batch_put(struct kv_batch *b, enum kv_table table, struct bytes key, struct bytes value)
{
    CHECK(!is_stamp(table, key));
    put(b, table, key, value);
}

void kv_batch_delete(struct kv_batch *b, enum kv_table table, struct bytes key)
{
    CHECK(!is_stamp(table, key));
    record_add(b, KV_DELETE, table, key, 0);
}

void kv_batch_append(struct kv_batch *b, const struct kv_batch *from)
{
    CHECK(b != from);
    buf_add_bytes(&b->records, buf_bytes(&from->records)); /* each is padded: they stay aligned */
    b->count += from->count;
    b->bytes += from->bytes;
}

void kv_batch_stamp(struct kv_batch *b, uint64_t commits)
{
    uint8_t value[8];
    struct wr w = wr_of(value, sizeof value);
    wr_u64(&w, commits);
    kv_batch_clear(b);
    put(b, KV_META, bytes_of_text(kv_stamp_key), wr_bytes_of(&w));
}

bool kv_unseal(enum kv_table table, struct bytes key, struct bytes sealed, struct bytes *value)
{
    *value = bytes_of(NULL, 0);
    if (sealed.size < CHECKSUM_BYTES || sealed.size > KV_SEALED_BYTES_MAX)
        return false; /* a damaged length: what lies there may not even be mapped */
    struct rd r = rd_of(sealed);
    struct bytes body = rd_take(&r, sealed.size - CHECKSUM_BYTES);
    if (rd_u64(&r) != checksum_of((uint8_t)table, key, body))
        return false;
    *value = body;
    return true;
}

/* ---- plans ---- */

/* Most comparisons are settled by the table and the first seven bytes of the key. */
struct step {
    uint64_t prefix;
    const struct kv_record *record;
};

static uint64_t prefix_of(const struct kv_record *r)
{
    struct bytes key = kv_record_key(r);
    uint64_t prefix = r->table;
    for (size_t i = 0; i < 7; i++)
        prefix = prefix << 8 | (i < key.size ? key.data[i] : 0);
    return prefix;
}

static bool is_same_key(const struct kv_record *a, const struct kv_record *b)
{
    return a->table == b->table && bytes_equal(kv_record_key(a), kv_record_key(b));
}

/* Equal keys stay in the order in which they were added, which is that of their addresses. */
static int step_compare(const void *left, const void *right)
{
    const struct step *a = left;
    const struct step *b = right;
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    int order = bytes_compare(kv_record_key(a->record), kv_record_key(b->record));
    if (order != 0)
        return order;
    return (a->record > b->record) - (a->record < b->record);
}

struct kv_plan kv_plan_make(const struct kv_batch *b)
{
    struct step *steps = mem_alloc(b->count * sizeof *steps);
    size_t count = 0;
    const struct kv_record *r = NULL;
    while ((r = kv_record_next(b, r)) != NULL)
        steps[count++] = (struct step){.prefix = prefix_of(r), .record = r};
    CHECK(count == b->count);
    qsort(steps, count, sizeof *steps, step_compare);

    struct kv_plan plan = {.records = mem_alloc(count * sizeof *plan.records)};
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || !is_same_key(steps[i].record, steps[i + 1].record))
            plan.records[plan.count++] = steps[i].record;
    mem_free(steps);
    return plan;
}

void kv_plan_free(struct kv_plan *plan)
{
    mem_free(plan->records);
    *plan = (struct kv_plan){0};
}
