/* key-revoke: key 32.
 * Takes an active key of the signer's participant out of use for ever; also the signing key itself.
 * Its record stays, with its last nonce. The last key cannot be revoked, for nobody could then ever
 * sign for the participant again. */
#include "ledger/apply.h"
#include "ledger/op_rules.h"

static void encode(struct buf *out, const struct op *op)
{
    buf_add(out, op->key_revoke.key.bytes, PUBLIC_KEY_BYTES);
}

static void decode(struct rd *r, struct op *op)
{
    rd_copy(r, op->key_revoke.key.bytes, PUBLIC_KEY_BYTES);
}

/* Any 32 bytes will do: whether they are a key is told by the state, and cheaper. */
static enum verdict judge(const struct op *op)
{
    (void)op;
    return VERDICT_OK;
}

/* Take the key out of the ascending list. False = it is not there. */
static bool remove_key(struct state_participant *p, const struct public_key *key)
{
    uint32_t at = 0;
    while (at < p->keys_count && !public_key_equal(&p->keys[at], key))
        at++;
    if (at == p->keys_count)
        return false;
    p->keys_count--;
    for (; at < p->keys_count; at++)
        p->keys[at] = p->keys[at + 1];
    return true;
}

static enum verdict apply(struct apply *a, const struct op *op)
{
    const struct public_key *key = &op->key_revoke.key;
    struct state_participant participant;
    struct state_key entry;

    if (!state_get_key(a->layer, key, &entry))
        return VERDICT_NO_SUCH_KEY; /* it may be added yet, and these bytes apply then */
    if (entry.revoked || !bytes_equal(entry.participant, a->participant))
        return VERDICT_FOREIGN_KEY;
    if (!state_get_participant(a->layer, a->participant, &participant))
        return VERDICT_UNKNOWN_PARTICIPANT;
    if (participant.keys_count == 1)
        return VERDICT_LAST_KEY;
    if (!remove_key(&participant, key))
        layer_fail(a->layer, RC_STORE_DAMAGED); /* active by its own entry, yet not listed */
    entry.revoked = true;
    state_put_key(a->layer, key, &entry, false);
    state_put_participant(a->layer, a->participant, &participant, false);
    return VERDICT_OK;
}

const struct op_rules op_key_revoke_rules = {"key-revoke", encode, decode, judge, apply};
