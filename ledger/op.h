/* Operations: what a transaction does. One file each (op_transfer.c, ...) holds an operation's
 * encoding, what can be judged from its bytes, and its effect; the table in op.c joins them. */
#ifndef LEDGER_OP_H
#define LEDGER_OP_H

#include "crypto/digest.h"
#include "crypto/sign.h"
#include "ledger/name.h"
#include "ledger/verdict.h"

/* The number is the operation's first byte in the encoding: append only. */
enum op_type {
    OP_TRANSFER = 1,
    OP_ISSUE = 2,
    OP_REDEEM = 3,
    OP_RECORD = 4,
    OP_KEY_ADD = 5,
    OP_KEY_REVOKE = 6,
    OP_CANCEL = 7,
    OP_TYPE_END
};

/* Texts lend from wherever the operation was decoded, or belong to whoever filled them in. */
struct op_transfer {
    struct bytes from, to; /* accounts */
    struct bytes asset;
    uint64_t amount;
    struct bytes memo;
};
struct op_issue {
    struct bytes to;
    struct bytes asset;
    uint64_t amount;
    struct bytes memo;
};
struct op_redeem {
    struct bytes from;
    struct bytes asset;
    uint64_t amount;
    struct bytes memo;
};
struct op_record {
    struct bytes topic, key; /* the participant is the signer's */
    struct bytes data;
};
struct op_key_add {
    struct bytes participant; /* the signer's; named here so that consent is judged statelessly */
    struct public_key key;
    struct signature consent; /* by the new key: it is held by someone who agrees (op_key_add.c) */
};
struct op_key_revoke {
    struct public_key key;
};

struct op {
    enum op_type type;
    union {
        struct op_transfer transfer;
        struct op_issue issue;
        struct op_redeem redeem;
        struct op_record record;
        struct op_key_add key_add;
        struct op_key_revoke key_revoke;
    };
};

struct apply; /* ledger/apply.h */

/* One operation's rules. */
struct op_rules {
    const char *name; /* as people and JSON write it: "transfer", "key-add" */
    /* Without the type byte. */
    void (*encode)(struct buf *out, const struct op *op);
    /* Takes the fields from the cursor, which fails when they are not there. */
    void (*decode)(struct rd *r, struct op *op);
    /* What the bytes alone tell. */
    enum verdict (*judge)(const struct op *op);
    /* The effect on a->layer. May leave effects behind when it refuses: apply_tx rolls back. */
    enum verdict (*apply)(struct apply *a, const struct op *op);
};

/* The rules of a type, or NULL when there is no such type. */
const struct op_rules *op_rules_of(enum op_type type);
/* The type of this name, or OP_TYPE_END. */
enum op_type op_type_by_name(const char *name);

/* Type byte and fields. Requires: a known type. */
void op_encode(struct buf *out, const struct op *op);
/* Take one operation from the cursor and judge it. Returns VERDICT_MALFORMED when the bytes end
 * early, VERDICT_UNKNOWN_OP, or what the operation's judge says. op lends from the cursor. */
MUST_USE enum verdict op_decode(struct rd *r, struct op *op);
/* The same for an operation that was judged already, as those of a struct tx are: judging keys is
 * expensive. Requires: op_decode() accepted these bytes. */
void op_decode_judged(struct rd *r, struct op *op);

/* What the new key signs to be added: tag | chain id | participant text8 | key. */
void op_key_add_consent(struct signature *out, const struct digest *chain_id,
                        struct bytes participant, const struct sign_key *new_key);
MUST_USE bool op_key_add_consent_verify(const struct op_key_add *op, const struct digest *chain_id);

#endif
