/* Signed statements of replicas (PREPARE, COMMIT, CHECKPOINT) and certificates: q signatures over
 * one statement against a member table (PROTOCOL.md sections 0, 1, 3).
 *
 * Signed bytes: tag(kind) | chain_id | epoch u64 | view u64 | height u64 | digest | state_root,
 * where a CHECKPOINT has no view and a vote has no state_root.
 * Encoding of a certificate: kind u8 | the same fields from epoch on | entries_count u8 |
 * (member index u8 | signature 64) * entries_count, ascending by index, exactly q of them. */
#ifndef CRYPTO_CERT_H
#define CRYPTO_CERT_H

#include <stdint.h>

#include "crypto/digest.h"
#include "crypto/sign.h"

enum {
    MEMBERS_MIN = 4,  /* f >= 1 */
    MEMBERS_MAX = 31, /* PROTOCOL.md section 0 */
    QUORUM_MAX = 21,  /* quorum_of(31) */
    STATEMENT_BYTES_MAX = TAG_BYTES + DIGEST_BYTES + 3 * 8 + 2 * DIGEST_BYTES,
    CERT_BYTES_MAX = 1 + 2 * 8 + 2 * DIGEST_BYTES + 8 + 1 + QUORUM_MAX * (1 + SIGNATURE_BYTES)
};

/* Also the byte that stands for the kind in encodings. */
enum cert_kind { CERT_PREPARE = 1, CERT_COMMIT = 2, CERT_CHECKPOINT = 3 };

struct statement {
    enum cert_kind kind;
    uint64_t epoch;
    uint64_t view; /* 0 for CERT_CHECKPOINT */
    uint64_t height;
    struct digest digest;
    struct digest state_root; /* zero but for CERT_CHECKPOINT */
};

/* Who may sign in an epoch: member i signs with sign_keys[i]. */
struct member_table {
    uint32_t members_count;
    struct public_key sign_keys[MEMBERS_MAX];
};

struct cert_entry {
    uint8_t member_index;
    struct signature signature;
};

struct certificate {
    struct statement statement;
    uint32_t entries_count;
    struct cert_entry entries[QUORUM_MAX];
};

/* f = floor((n-1)/3) and q = ceil((n+f+1)/2). Requires: 1 <= n <= MEMBERS_MAX. */
uint32_t faulty_max_of(uint32_t members_count);
uint32_t quorum_of(uint32_t members_count);

/* The bytes a member signs, into out; returns how many. Requires of all functions that take a
 * statement: the fields that its kind does not have are zero. */
size_t statement_signed_bytes(uint8_t out[static STATEMENT_BYTES_MAX], const struct statement *s,
                              const struct digest *chain_id);
void statement_sign(struct signature *out, const struct statement *s, const struct digest *chain_id,
                    const struct sign_key *key);
MUST_USE bool statement_verify(const struct signature *signature, const struct statement *s,
                               const struct digest *chain_id, const struct public_key *key);
bool statement_equal(const struct statement *a, const struct statement *b);

/* Why a certificate is refused; the name is what people see. */
#define CERT_FAULT_LIST(X)                                                                         \
    X(CERT_OK, "ok")                                                                               \
    X(CERT_NOT_A_QUORUM, "not exactly a quorum of signatures")                                     \
    X(CERT_NOT_A_MEMBER, "a signer's index is beyond the member table")                            \
    X(CERT_NOT_ASCENDING, "the signers are not in ascending order")                                \
    X(CERT_BAD_SIGNATURE, "a signature is wrong")

enum cert_fault {
#define X(fault, text) fault,
    CERT_FAULT_LIST(X)
#undef X
        CERT_FAULT_COUNT
};
const char *cert_fault_text(enum cert_fault fault);

/* Whole or nothing (rule 3.2): structure first, then every signature. Pure; safe on any thread. */
MUST_USE enum cert_fault cert_verify(const struct certificate *c, const struct digest *chain_id,
                                     const struct member_table *members);

void cert_encode(struct wr *w, const struct certificate *c);
/* Takes one certificate from the cursor; refuses unknown kinds and counts over QUORUM_MAX by
 * failing the cursor (out is then no quorum of anything). Says nothing about validity: that is
 * cert_verify(). */
void cert_decode(struct rd *r, struct certificate *out);

#endif
