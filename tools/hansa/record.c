#include "tools/hansa/record.h"

#include <inttypes.h>

#include "crypto/base/check.h"

#define TEXT(bytes) (int)(bytes).size, (const char *)(bytes).data

enum rc record_open(struct record *r, struct source *s, struct bytes participant,
                    struct bytes topic, struct bytes key, struct why *why)
{
    *r = (struct record){.source = s, .participant = participant, .topic = topic, .key = key};
    r->state_key = state_record_key(r->room, participant, topic, key);
    bool is_there = state_get_record(s->layer, r->state_key, &r->newest);
    enum rc rc = source_state_rc(s, "the record's entry", why);
    if (rc != RC_OK)
        return rc;
    if (is_there)
        return RC_OK;
    return why_set(why, RC_NOT_FOUND,
                   "participant '%.*s' has no record '%.*s' of topic '%.*s' up to height %" PRIu64,
                   TEXT(participant), TEXT(key), TEXT(topic), source_height(s));
}

static enum rc damaged(const struct record *r, struct why *why, uint64_t version, const char *what)
{
    return why_set(why, RC_STORE_DAMAGED,
                   "version %" PRIu64 " of the record is damaged: %s; run hansa audit on %s",
                   version, what, source_audit_words(r->source));
}

/* What the state says of the newest version must be what stands in the block. */
static bool is_newest(const struct state_record *s, const struct record_version *v)
{
    return digest_equal(&s->data_hash, &v->data_hash) && digest_equal(&s->txid, &v->tx.id) &&
           s->data_bytes == v->data.size;
}

static enum rc read_certificate(struct record_version *out, struct record *r, struct why *why)
{
    struct certificate certificate;
    enum rc rc = chain_get_certificate(r->source, out->place.height, &certificate, why);
    out->certificate_height = rc == RC_OK ? certificate.statement.height : 0;
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc record_get(struct record_version *out, struct record *r, uint64_t version, struct why *why)
{
    uint8_t room[KV_KEY_BYTES_MAX];
    struct bytes value, signer;
    struct op op;
    CHECK(version >= 1);
    CHECK(version <= r->newest.version);
    *out = (struct record_version){.version = version};
    enum rc rc = source_index(r->source, KV_RECORD, place_record_key(room, r->state_key, version),
                              &value, why);
    if (rc == RC_NOT_FOUND)
        return damaged(r, why, version, "it is missing in the index");
    if (rc == RC_OK && !place_op_decode(&out->place, value))
        return damaged(r, why, version, "its place cannot be decoded");
    if (rc == RC_OK)
        rc = chain_get_op(r->source, &out->place, &out->tx, &op, why);
    if (rc == RC_OK)
        rc = chain_get_signer(r->source, &out->tx, &signer, why);
    if (rc != RC_OK)
        return rc;
    if (op.type != OP_RECORD || !bytes_equal(op.record.topic, r->topic) ||
        !bytes_equal(op.record.key, r->key) || !bytes_equal(signer, r->participant))
        return damaged(r, why, version, "the operation that the index names is another");
    out->data = op.record.data;
    out->time_ms = r->source->block.header.time_ms;
    digest_of(&out->data_hash, TAG_RECORD, out->data);
    if (version == r->newest.version && !is_newest(&r->newest, out))
        return damaged(r, why, version, "its data are not those that the state names");
    return read_certificate(out, r, why);
}
