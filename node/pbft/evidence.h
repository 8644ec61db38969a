/* Evidence: what a member signed and no correct member signs (PROTOCOL.md 14.1). It shows itself to
 * anybody who has the member table, whoever hands it on, so it can be carried out of the network.
 *
 * Exactly these kinds; for everything else there are other words (14.2, 14.3). The number is on the
 * wire, in files and in the store: append only.
 *
 * Two different messages for one place are kept as what their signatures are on, which is enough to
 * show that there are two: epoch, view, height and digests. So the largest of them has some hundred
 * bytes, a pair of NEW-VIEWs included. Where it matters what a message says, that is there: the
 * high of a VIEW-CHANGE, the block of a PRE-PREPARE. */
#ifndef NODE_PBFT_EVIDENCE_H
#define NODE_PBFT_EVIDENCE_H

#include "crypto/cert.h"

/* kind, number, word (in files, logs, metrics and commands), what the offender did */
#define PBFT_EVIDENCE_LIST(X)                                                                      \
    X(PBFT_TWO_PRE_PREPARES, 1, "two-pre-prepares",                                                \
      "signed PRE-PREPAREs of two blocks for one height of one view")                              \
    X(PBFT_TWO_PREPARES, 2, "two-prepares",                                                        \
      "signed PREPAREs of two blocks for one height of one view")                                  \
    X(PBFT_TWO_COMMITS, 3, "two-commits",                                                          \
      "signed COMMITs of two blocks for one height of one view")                                   \
    X(PBFT_TWO_VIEW_CHANGES, 4, "two-view-changes", "signed two VIEW-CHANGEs for one view")        \
    X(PBFT_TWO_NEW_VIEWS, 5, "two-new-views", "signed two NEW-VIEWs for one view")                 \
    X(PBFT_FORGOTTEN_COMMIT, 6, "forgotten-commit",                                                \
      "signed a COMMIT, and then a VIEW-CHANGE that knows of no certificate for it")               \
    X(PBFT_BAD_BODY, 7, "bad-body",                                                                \
      "signed a PRE-PREPARE of a block with a transaction that no block can hold")

enum pbft_evidence_kind {
#define X(kind, number, word, text) kind = number,
    PBFT_EVIDENCE_LIST(X)
#undef X
        PBFT_EVIDENCE_KINDS_END
};
/* A set of kinds is one byte. */
#define PBFT_EVIDENCE_BIT(kind) ((uint8_t)(1u << (kind)))
/* Never NULL; lend constants. Require: a kind of the list above. */
const char *pbft_evidence_word(enum pbft_evidence_kind kind);
const char *pbft_evidence_text(enum pbft_evidence_kind kind);

/* What one signature is on, besides the place that both parts share. */
struct pbft_evidence_part {
    /* Of the block; of the high (VIEW-CHANGE) or of the set (NEW-VIEW), as wire.h digests them. */
    struct digest digest;
    struct digest lc; /* VIEW-CHANGE: of its LC; else zero */
    struct signature signature;
};

struct pbft_evidence {
    enum pbft_evidence_kind kind;
    uint32_t offender; /* the signer of both parts */
    uint64_t epoch;
    uint64_t view;   /* v'; FORGOTTEN_COMMIT: that of the COMMIT */
    uint64_t height; /* 0 in those of two VIEW-CHANGEs or NEW-VIEWs */
    /* Two of one type: the one with the lower digests first, so that a pair has one encoding.
     * FORGOTTEN_COMMIT: the COMMIT, then the VIEW-CHANGE, whose digest is that of the high below
     * and is left zero. BAD_BODY: the PRE-PREPARE, and nothing. */
    struct pbft_evidence_part parts[2];
    /* FORGOTTEN_COMMIT: of the VIEW-CHANGE. */
    uint64_t to_view;
    bool has_high;
    struct certificate high;
    /* BAD_BODY: the whole block (lends), and which of its transactions is bad, or was in it before.
     */
    struct bytes block;
    uint32_t tx_index;
};

/* The form: whether two things contradict each other, as far as that shows without keys and without
 * a look into a block. Pure. */
MUST_USE bool pbft_is_evidence(const struct pbft_evidence *e);

/* ---- from two messages of one signer, each of which was verified ----
 *
 * Fill in *out and return true, or return false because it is no evidence (14.3). */

struct pbft_pre_prepare;
struct pbft_vote;
struct pbft_view_change;
struct pbft_new_view;

MUST_USE bool pbft_evidence_of_pre_prepares(struct pbft_evidence *out, uint32_t offender,
                                            const struct pbft_pre_prepare *a,
                                            const struct pbft_pre_prepare *b);
/* Two PREPAREs or two COMMITs; never CHECKPOINTs: disks rot. */
MUST_USE bool pbft_evidence_of_votes(struct pbft_evidence *out, uint32_t offender,
                                     const struct pbft_vote *a, const struct pbft_vote *b);
MUST_USE bool pbft_evidence_of_view_changes(struct pbft_evidence *out, uint32_t offender,
                                            const struct pbft_view_change *a,
                                            const struct pbft_view_change *b);
MUST_USE bool pbft_evidence_of_new_views(struct pbft_evidence *out, uint32_t offender,
                                         const struct pbft_new_view *a,
                                         const struct pbft_new_view *b);
/* A COMMIT that goes out needs a certificate as high, and high never falls: the high of a later
 * VIEW-CHANGE ranks at least as high as the COMMIT. */
MUST_USE bool pbft_evidence_of_forgotten(struct pbft_evidence *out, uint32_t offender,
                                         const struct pbft_vote *commit,
                                         const struct pbft_view_change *view_change);
/* Whoever calls has looked at the transaction; the core cannot. Lends p->bytes. */
MUST_USE bool pbft_evidence_of_body(struct pbft_evidence *out, uint32_t offender,
                                    const struct pbft_pre_prepare *p, uint32_t tx_index);

#endif
