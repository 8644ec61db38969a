/* Reading. Nothing that is read here may reach a CHECK of the core unjudged, and nothing is guessed
 * or mended: what this replica has signed is known, or it may not vote (rule 4.2, pitfalls D5). */
#include <inttypes.h>
#include <stdio.h>

#include "crypto/base/check.h"
#include "node/driver/records_impl.h"

/* ---- values: each gives NULL, or what is wrong with it ---- */

const char record_malformed[] = "its bytes are none of its kind";
const char record_later_view[] = "it is of a later view than the record \"state\"";
static const char *const no_block = "no block has the digest zero";

static bool take_flag(struct rd *r)
{
    uint8_t flag = rd_u8(r);
    if (flag > 1)
        rd_fail(r);
    return flag == 1;
}

static void take_block(struct rd *r, struct pbft_block *out)
{
    out->height = rd_u64(r);
    rd_copy(r, out->digest.bytes, DIGEST_BYTES);
    rd_copy(r, out->parent.bytes, DIGEST_BYTES);
}

static bool is_none(const struct pbft_block *block)
{
    return block->height == 0 && digest_is_zero(&block->digest) && digest_is_zero(&block->parent);
}

static const char *take_state(struct rd *r, struct pbft_durable *d)
{
    d->view = rd_u64(r);
    d->mode = take_flag(r) ? PBFT_CHANGING : PBFT_NORMAL;
    d->is_installed = take_flag(r);
    d->is_spoiled = take_flag(r);
    take_block(r, &d->base);
    d->has_tip = take_flag(r);
    take_block(r, &d->tip);
    if (!rd_done(r) || (!d->has_tip && !is_none(&d->tip)))
        return record_malformed;
    if (digest_is_zero(&d->base.digest) || (d->has_tip && digest_is_zero(&d->tip.digest)))
        return no_block;
    if (!d->has_tip)
        return NULL;
    if (d->tip.height == UINT64_MAX)
        return "nothing can follow a tip at the last height there is";
    /* In a view nobody votes below its base (7.4). */
    if (d->tip.height < d->base.height ||
        (d->tip.height == d->base.height && !digest_equal(&d->tip.digest, &d->base.digest)))
        return "its tip does not follow its base";
    return NULL;
}

static const char *take_high(struct rd *r, struct pbft_durable *d)
{
    d->has_high = true;
    cert_decode(r, &d->high);
    return rd_done(r) && record_is_certificate(&d->high) ? NULL : record_malformed;
}

static const char *take_cover(struct rd *r, struct pbft_durable *d)
{
    d->has_cover = true;
    cert_decode(r, &d->cover);
    bool is_sound = rd_done(r) && record_is_certificate(&d->cover);
    return is_sound && d->cover.statement.kind == CERT_COMMIT ? NULL : record_malformed;
}

static const char *take_learner(struct rd *r, struct pbft_durable *d)
{
    d->is_learner = take_flag(r);
    return rd_done(r) && d->is_learner ? NULL : record_malformed;
}

static const char *take_diverged(struct rd *r, struct pbft_durable *d)
{
    d->is_diverged = take_flag(r);
    return rd_done(r) && d->is_diverged ? NULL : record_malformed;
}

static const char *take_alarm(struct rd *r, struct pbft_durable *d)
{
    struct certificate c;
    d->is_alarmed = true;
    cert_decode(r, &c);
    bool is_sound = record_is_quorum(&c); /* CHECKPOINTs may be what contradicts (13) */
    if (take_flag(r)) {
        cert_decode(r, &c);
        is_sound = is_sound && record_is_quorum(&c);
    }
    return rd_done(r) && is_sound ? NULL : record_malformed;
}

static const char *take_starts(struct rd *r, uint64_t *starts_count)
{
    *starts_count = rd_u64(r);
    if (!rd_done(r))
        return record_malformed;
    return *starts_count < UINT32_MAX ? NULL : "no driver was ever started so often";
}

static const char *take_checkpoint(struct rd *r, struct certificate *out)
{
    cert_decode(r, out);
    return rd_done(r) && out->statement.kind == CERT_CHECKPOINT ? NULL : record_malformed;
}

static const char *take_reserved(struct rd *r, struct pbft_rank *out)
{
    out->epoch = rd_u64(r);
    out->view = rd_u64(r);
    out->height = rd_u64(r);
    return rd_done(r) ? NULL : record_malformed;
}

const char *record_take_vote(struct rd *r, const struct record_key *key, struct pbft_vote *out)
{
    struct statement *s = &out->statement;
    *out = (struct pbft_vote){.statement = {.kind = key->kind, .height = key->height}};
    s->epoch = rd_u64(r);
    s->view = rd_u64(r);
    rd_copy(r, s->digest.bytes, DIGEST_BYTES);
    rd_copy(r, out->signature.bytes, SIGNATURE_BYTES);
    if (!rd_done(r))
        return record_malformed;
    return digest_is_zero(&s->digest) ? no_block : NULL;
}

const char *record_take_proposal(struct rd *r, const struct record_key *key,
                                 struct pbft_pre_prepare *out)
{
    *out = (struct pbft_pre_prepare){.block = {.height = key->height}};
    out->epoch = rd_u64(r);
    out->view = rd_u64(r);
    rd_copy(r, out->block.digest.bytes, DIGEST_BYTES);
    rd_copy(r, out->block.parent.bytes, DIGEST_BYTES);
    rd_copy(r, out->signature.bytes, SIGNATURE_BYTES);
    if (!rd_done(r))
        return record_malformed;
    return digest_is_zero(&out->block.digest) ? no_block : NULL;
}

/* ---- walking the table ---- */

enum { NAME_BYTES = 96, KEY_SHOWN_BYTES = 32 };

static void name_record(char out[static NAME_BYTES], const struct record_key *key, struct bytes raw)
{
    char hex[2 * KEY_SHOWN_BYTES + 1];
    switch (key->type) {
    case RECORD_UNKNOWN:
        hex_encode(hex, raw.data, raw.size < KEY_SHOWN_BYTES ? raw.size : KEY_SHOWN_BYTES);
        snprintf(out, NAME_BYTES, "of key 0x%s", hex);
        break;
    case RECORD_VOTE:
        snprintf(out, NAME_BYTES, "\"vote\" (%s at height %" PRIu64 ")",
                 key->kind == CERT_PREPARE ? "PREPARE" : "COMMIT", key->height);
        break;
    case RECORD_PROPOSAL:
        snprintf(out, NAME_BYTES, "\"proposal\" (at height %" PRIu64 ")", key->height);
        break;
    default:
        snprintf(out, NAME_BYTES, "\"%s\"", record_name(key->type));
        break;
    }
}

#define WHAT_TO_DO                                                                                 \
    "what this replica has signed is not guessed (rule 4.2): let it re-enter with a new key, or "  \
    "restore its store exactly as it was when the replica last stopped"

static enum rc damaged_record(struct why *why, const struct record_key *key, struct bytes raw,
                              const char *fault)
{
    char name[NAME_BYTES];
    name_record(name, key, raw);
    return why_set(why, RC_STORE_DAMAGED, "the vote record %s is damaged: %s; " WHAT_TO_DO, name,
                   fault);
}

/* Evidence is no vote: what is damaged of it is missing, and others have it. */
static bool is_lost_evidence(enum rc rc, struct bytes raw)
{
    return rc == RC_STORE_DAMAGED && raw.size > 0 && record_key_decode(raw).type == RECORD_EVIDENCE;
}

static enum rc walk_failed(struct why *why, enum rc rc)
{
    if (rc == RC_STORE_DAMAGED)
        return why_set(why, rc, "the table \"%s\" itself is damaged; " WHAT_TO_DO,
                       kv_table_name(KV_VOTE));
    return why_set(why, RC_STORE_IO, "the table \"%s\" cannot be read: %s", kv_table_name(KV_VOTE),
                   rc_text(rc));
}

static enum rc walk_with(struct kv_cursor *c, record_visit *visit, void *context, uint64_t *count,
                         struct why *why)
{
    struct bytes raw, value;
    enum rc rc = kv_cursor_seek(c, bytes_of(NULL, 0), &raw, &value);
    for (; rc == RC_OK || is_lost_evidence(rc, raw); rc = kv_cursor_next(c, &raw, &value)) {
        struct record_key key = record_key_decode(raw);
        const char *fault = NULL;
        if (key.type == RECORD_UNKNOWN)
            fault = "no record has such a key";
        else if (key.type != RECORD_EVIDENCE) /* read by whoever has the member table */
            fault = visit(context, &key, value);
        if (fault != NULL)
            return damaged_record(why, &key, raw, fault);
        (*count)++;
    }
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    if (rc == RC_STORE_DAMAGED && raw.size > 0) {
        struct record_key key = record_key_decode(raw);
        return damaged_record(why, &key, raw, "its checksum is wrong");
    }
    return walk_failed(why, rc);
}

/* A damaged page can hide records without any checksum failing, so they are counted as well. */
enum rc record_walk(struct kv_view *view, record_visit *visit, void *context, struct why *why)
{
    struct kv_cursor *c;
    uint64_t count = 0, expected;
    enum rc rc = kv_count(view, KV_VOTE, &expected);
    if (rc == RC_OK)
        rc = kv_cursor_open(&c, view, KV_VOTE);
    if (rc != RC_OK)
        return walk_failed(why, rc);
    rc = walk_with(c, visit, context, &count, why);
    kv_cursor_close(c);
    if (rc != RC_OK || count == expected)
        return rc;
    return why_set(why, RC_STORE_DAMAGED,
                   "the table \"%s\" is damaged: %" PRIu64 " of its %" PRIu64
                   " records are found; " WHAT_TO_DO,
                   kv_table_name(KV_VOTE), count, expected);
}

/* ---- loading ---- */

struct load {
    struct pbft_durable durable;
    uint64_t starts_count;
};

static const char *load_one(void *context, const struct record_key *key, struct bytes value)
{
    struct load *load = context;
    struct rd r = rd_of(value);
    struct pbft_vote vote;
    struct pbft_pre_prepare proposal;
    struct pbft_rank reserved;
    struct certificate checkpoint;
    switch (key->type) {
    case RECORD_STATE:
        return take_state(&r, &load->durable);
    case RECORD_HIGH:
        return take_high(&r, &load->durable);
    case RECORD_COVER:
        return take_cover(&r, &load->durable);
    case RECORD_LEARNER:
        return take_learner(&r, &load->durable);
    case RECORD_ALARM:
        return take_alarm(&r, &load->durable);
    case RECORD_DIVERGED:
        return take_diverged(&r, &load->durable);
    case RECORD_STARTS:
        return take_starts(&r, &load->starts_count);
    case RECORD_RESERVED:
        return take_reserved(&r, &reserved);
    case RECORD_VOTE:
        return record_take_vote(&r, key, &vote);
    case RECORD_PROPOSAL:
        return record_take_proposal(&r, key, &proposal);
    case RECORD_SNAPSHOT:
        return take_checkpoint(&r, &checkpoint);
    case RECORD_VIEW_CHANGE:
    case RECORD_NEW_VIEW:
        return NULL; /* judged when they are restored: that takes the member table */
    case RECORD_EVIDENCE:
    case RECORD_UNKNOWN:
        break;
    }
    CHECK(!"a record of no type is visited");
    return record_malformed;
}

enum rc records_load(struct kv_view *view, struct pbft_durable *durable, uint64_t *starts_count,
                     struct why *why)
{
    const struct record_key high = {.type = RECORD_HIGH}, cover = {.type = RECORD_COVER};
    struct load load = {.durable = *durable};
    enum rc rc = record_walk(view, load_one, &load, why);
    if (rc != RC_OK)
        return rc;
    if (load.durable.has_high && load.durable.high.statement.view > load.durable.view) /* 7.7 */
        return damaged_record(why, &high, bytes_of(NULL, 0), record_later_view);
    if (load.durable.has_cover && load.durable.cover.statement.view > load.durable.view)
        return damaged_record(why, &cover, bytes_of(NULL, 0), record_later_view);
    *durable = load.durable;
    *starts_count = load.starts_count;
    return RC_OK;
}

enum rc records_load_diverged(struct kv_view *view, bool *out, struct why *why)
{
    const struct record_key key = {.type = RECORD_DIVERGED};
    uint8_t room[RECORDS_KEY_BYTES_MAX];
    struct bytes value;
    enum rc rc = kv_get(view, KV_VOTE, record_key_encode(room, &key), &value);
    *out = rc == RC_OK;
    if (rc == RC_STORE_DAMAGED)
        return damaged_record(why, &key, bytes_of(NULL, 0), "it cannot be read");
    return rc == RC_OK || rc == RC_NOT_FOUND ? RC_OK : walk_failed(why, rc);
}

enum rc records_load_snapshot(struct kv_view *view, struct certificate *out, struct why *why)
{
    const struct record_key key = {.type = RECORD_SNAPSHOT};
    uint8_t room[RECORDS_KEY_BYTES_MAX];
    struct bytes value;
    enum rc rc = kv_get(view, KV_VOTE, record_key_encode(room, &key), &value);
    if (rc == RC_STORE_DAMAGED || rc == RC_NOT_FOUND)
        return damaged_record(why, &key, bytes_of(NULL, 0), "it cannot be read");
    if (rc != RC_OK)
        return walk_failed(why, rc);
    struct rd r = rd_of(value);
    const char *fault = take_checkpoint(&r, out);
    return fault == NULL ? RC_OK : damaged_record(why, &key, bytes_of(NULL, 0), fault);
}

enum rc records_load_reserved(struct kv_view *view, struct pbft_rank *out, struct why *why)
{
    const struct record_key key = {.type = RECORD_RESERVED};
    uint8_t room[RECORDS_KEY_BYTES_MAX];
    struct bytes value;
    *out = (struct pbft_rank){0};
    enum rc rc = kv_get(view, KV_VOTE, record_key_encode(room, &key), &value);
    if (rc == RC_NOT_FOUND)
        return RC_OK; /* one that a damaged page hides: then the marker is above, and fences */
    if (rc == RC_STORE_DAMAGED)
        return damaged_record(why, &key, bytes_of(NULL, 0), "its checksum is wrong");
    if (rc != RC_OK)
        return walk_failed(why, rc);
    struct rd r = rd_of(value);
    const char *fault = take_reserved(&r, out);
    return fault == NULL ? RC_OK : damaged_record(why, &key, bytes_of(NULL, 0), fault);
}
