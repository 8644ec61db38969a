/* key-add: participant text8 | key 32 | consent 64.
 * Any active key of a participant adds another. A key belongs to one participant for ever: one that
 * is or was registered anywhere is refused. The new key signs its consent, so nobody registers
 * another's key; its nonces start at 1. */
#include <string.h>

#include "ledger/apply.h"
#include "ledger/op_rules.h"

enum {
    CONSENT_BYTES_MAX = TAG_BYTES + DIGEST_BYTES + 1 + PARTICIPANT_BYTES_MAX + PUBLIC_KEY_BYTES
};

static struct bytes consent_bytes(uint8_t out[static CONSENT_BYTES_MAX],
                                  const struct digest *chain_id, struct bytes participant,
                                  const struct public_key *key)
{
    struct wr w = wr_of(out, CONSENT_BYTES_MAX);
    wr_copy(&w, tag_bytes(TAG_KEY_ADD), TAG_BYTES);
    wr_copy(&w, chain_id->bytes, DIGEST_BYTES);
    wr_u8(&w, (uint8_t)participant.size);
    wr_bytes(&w, participant);
    wr_copy(&w, key->bytes, PUBLIC_KEY_BYTES);
    return wr_bytes_of(&w);
}

void op_key_add_consent(struct signature *out, const struct digest *chain_id,
                        struct bytes participant, const struct sign_key *new_key)
{
    uint8_t room[CONSENT_BYTES_MAX];
    sign_message(out, consent_bytes(room, chain_id, participant, &new_key->public), new_key);
}

bool op_key_add_consent_verify(const struct op_key_add *op, const struct digest *chain_id)
{
    uint8_t room[CONSENT_BYTES_MAX];
    struct bytes message = consent_bytes(room, chain_id, op->participant, &op->key);
    return sign_verify(&op->consent, message, &op->key);
}

static void encode(struct buf *out, const struct op *op)
{
    buf_add_text8(out, op->key_add.participant);
    buf_add(out, op->key_add.key.bytes, PUBLIC_KEY_BYTES);
    buf_add(out, op->key_add.consent.bytes, SIGNATURE_BYTES);
}

static void decode(struct rd *r, struct op *op)
{
    op->key_add.participant = rd_text8(r);
    rd_copy(r, op->key_add.key.bytes, PUBLIC_KEY_BYTES);
    rd_copy(r, op->key_add.consent.bytes, SIGNATURE_BYTES);
}

/* Whether the key is a valid point is judged in tx_verify(), behind the signer's signature: the
 * check costs as much as a signature, and a stranger's bytes must not cost that (pitfalls H8). */
static enum verdict judge(const struct op *op)
{
    if (!participant_is_valid(op->key_add.participant))
        return VERDICT_BAD_NAME;
    return VERDICT_OK;
}

/* Keep the active keys in ascending order: one state has one encoding. */
static void insert_key(struct state_participant *p, const struct public_key *key)
{
    uint32_t at = p->keys_count++;
    for (; at > 0 && memcmp(p->keys[at - 1].bytes, key->bytes, PUBLIC_KEY_BYTES) > 0; at--)
        p->keys[at] = p->keys[at - 1];
    p->keys[at] = *key;
}

static enum verdict apply(struct apply *a, const struct op *op)
{
    const struct op_key_add *add = &op->key_add;
    struct state_participant participant;
    struct state_key taken;

    if (!bytes_equal(add->participant, a->participant))
        return VERDICT_FOREIGN_KEY;
    if (state_get_key(a->layer, &add->key, &taken))
        return VERDICT_KEY_TAKEN;
    if (!state_get_participant(a->layer, a->participant, &participant))
        return VERDICT_UNKNOWN_PARTICIPANT;
    if (participant.keys_count == PARTICIPANT_KEYS_MAX)
        return VERDICT_TOO_MANY_KEYS;
    insert_key(&participant, &add->key);
    struct state_key fresh = {.participant = a->participant};
    state_put_key(a->layer, &add->key, &fresh, true);
    state_put_participant(a->layer, a->participant, &participant, false);
    return VERDICT_OK;
}

const struct op_rules op_key_add_rules = {"key-add", encode, decode, judge, apply};
