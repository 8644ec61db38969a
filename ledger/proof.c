#include <inttypes.h>

#include "crypto/base/check.h"
#include "ledger/envelope.h"
#include "ledger/receipt.h"

/* ---- what a key and a value of each table look like ---- */

/* Requires: table is known. */
static bool key_is_valid(uint8_t table, struct bytes key)
{
    struct bytes account, asset, participant, topic, record_key;
    switch ((enum state_table)table) {
    case STATE_PARTICIPANT:
        return participant_is_valid(key);
    case STATE_KEY:
        return key.size == PUBLIC_KEY_BYTES;
    case STATE_ASSET:
        return asset_is_valid(key);
    case STATE_BALANCE:
        return state_balance_key_split(key, &account, &asset);
    case STATE_RECORD:
        return state_record_key_split(key, &participant, &topic, &record_key);
    case STATE_TABLE_END:
        break;
    }
    return false;
}

/* Requires: table is known. */
static bool value_is_valid(uint8_t table, struct bytes value)
{
    struct state_participant participant;
    struct state_key key;
    struct state_asset asset;
    struct state_balance balance;
    struct state_record record;
    switch ((enum state_table)table) {
    case STATE_PARTICIPANT:
        return state_participant_decode(&participant, value);
    case STATE_KEY:
        return state_key_decode(&key, value);
    case STATE_ASSET:
        return state_asset_decode(&asset, value);
    case STATE_BALANCE:
        return state_balance_decode(&balance, value);
    case STATE_RECORD:
        return state_record_decode(&record, value);
    case STATE_TABLE_END:
        break;
    }
    return false;
}

static bool table_is_known(uint8_t table)
{
    return table >= STATE_PARTICIPANT && table < STATE_TABLE_END;
}

static const char *table_name(uint8_t table)
{
    static const char *const names[STATE_TABLE_END] = {
        [STATE_PARTICIPANT] = "participant", [STATE_KEY] = "key",       [STATE_ASSET] = "asset",
        [STATE_BALANCE] = "balance",         [STATE_RECORD] = "record",
    };
    CHECK(table_is_known(table));
    return names[table];
}

/* ---- making ---- */

enum rc proof_make(struct buf *out, struct store *s, enum state_table table, struct bytes key,
                   struct why *why)
{
    struct certificate certificate;
    struct tree_ref tree;
    struct buf proof = {0};
    CHECK(table_is_known((uint8_t)table));
    if (!key_is_valid((uint8_t)table, key))
        return why_set(why, RC_INVALID, "these %zu bytes are not a key of the state table %s",
                       key.size, table_name((uint8_t)table));
    enum rc rc = store_get_checkpoint(s, &certificate, &tree, why);
    if (rc == RC_NOT_FOUND)
        return why_set(why, rc, "no checkpoint is certified yet: try again later");
    if (rc != RC_OK)
        return rc;
    CHECK(digest_equal(&tree.root, &certificate.statement.state_root)); /* the store judged it */
    rc = tree_prove(&proof, store_view(s), &tree, (uint8_t)table, key);
    if (rc == RC_OK) {
        envelope_begin(out, PROOF_MAGIC, &store_identity(s)->chain_id);
        buf_add_u8(out, (uint8_t)table);
        buf_add_u16(out, (uint16_t)key.size);
        buf_add_bytes(out, key);
        buf_add_u32(out, (uint32_t)proof.size);
        buf_add_bytes(out, buf_bytes(&proof));
        envelope_end(out, &certificate);
    } else {
        rc = why_set(why, rc, "state tree of height %" PRIu64 ": %s", certificate.statement.height,
                     rc_text(rc));
    }
    buf_free(&proof);
    return rc;
}

/* ---- judging ---- */

/* A proof taken apart, nothing of it believed yet but that the table is known. */
struct parts {
    uint8_t table;
    struct bytes key;
    struct bytes tree_proof;
    struct certificate certificate;
};

static enum rc take_key(struct parts *out, struct rd *r, struct why *why)
{
    out->table = rd_u8(r);
    uint16_t key_bytes = rd_u16(r);
    enum rc rc = envelope_judge_taken(r, "state table and key", why);
    if (rc != RC_OK)
        return rc;
    if (!table_is_known(out->table))
        return why_set(why, RC_MALFORMED, "state table: %u is none", (unsigned)out->table);
    if (key_bytes > STATE_KEY_BYTES_MAX)
        return why_set(why, RC_MALFORMED, "structure: a key of %u bytes, allowed are %d",
                       (unsigned)key_bytes, STATE_KEY_BYTES_MAX);
    out->key = rd_take(r, key_bytes);
    return envelope_judge_taken(r, "key", why);
}

static enum rc take_tree_proof(struct parts *out, struct rd *r, struct why *why)
{
    uint32_t proof_bytes = rd_u32(r);
    if (proof_bytes > TREE_PROOF_BYTES_MAX)
        return why_set(why, RC_MALFORMED,
                       "structure: a tree proof of %" PRIu32 " bytes, allowed are %d", proof_bytes,
                       TREE_PROOF_BYTES_MAX);
    out->tree_proof = rd_take(r, proof_bytes);
    return envelope_judge_taken(r, "tree proof", why);
}

static enum rc take_parts(struct parts *out, struct bytes proof, const struct digest *chain_id,
                          struct why *why)
{
    struct rd r = rd_of(proof);
    enum rc rc = envelope_judge_begin(&r, PROOF_MAGIC, chain_id, why);
    if (rc == RC_OK)
        rc = take_key(out, &r, why);
    if (rc == RC_OK)
        rc = take_tree_proof(out, &r, why);
    if (rc == RC_OK)
        rc = envelope_judge_end(&r, &out->certificate, why);
    return rc;
}

/* The certificate vouches for the root, the root for what hangs below it. Which of table, key and
 * tree proof was changed cannot be told when they no longer fit each other. */
static enum rc judge_entry(struct state_proof *out, const struct parts *p, struct why *why)
{
    if (!key_is_valid(p->table, p->key))
        return why_set(why, RC_PROOF, "key: it is no key of the state table %s",
                       table_name(p->table));
    enum rc rc = tree_proof_verify(&p->certificate.statement.state_root, p->table, p->key,
                                   p->tree_proof, &out->present, &out->value);
    if (rc != RC_OK) /* also RC_MALFORMED: how a tree proof is cut depends on the key */
        return why_set(why, RC_PROOF,
                       "tree proof: it does not lead from this state table, key and value to the "
                       "certified state root");
    if (out->present && !value_is_valid(p->table, out->value))
        return why_set(why, RC_PROOF, "value: it is no value of the state table %s",
                       table_name(p->table));
    return RC_OK;
}

enum rc proof_verify(struct state_proof *out, struct bytes proof, const struct digest *chain_id,
                     const struct member_table *members, struct why *why)
{
    struct parts p = {0};
    *out = (struct state_proof){0};
    enum rc rc = take_parts(&p, proof, chain_id, why);
    if (rc == RC_OK)
        rc = envelope_judge_certificate(&p.certificate, CERT_CHECKPOINT, chain_id, members, why);
    if (rc == RC_OK)
        rc = judge_entry(out, &p, why);
    out->table = (enum state_table)p.table;
    out->key = p.key;
    out->certificate = p.certificate;
    return rc;
}
