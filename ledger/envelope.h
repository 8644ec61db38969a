/* What receipts and state proofs have in common: how they begin (magic, chain id, epoch changes)
 * and how they end (a certificate, and nothing after it). Evidence begins so too. For receipt.c,
 * proof.c and node/evidence_file.c only.
 *
 * All that judges here names the field in the first words ("certificate: ..."); "structure" stands
 * for lengths and counts, which only together give or do not give the file's size. */
#ifndef LEDGER_ENVELOPE_H
#define LEDGER_ENVELOPE_H

#include "crypto/cert.h"

enum { ENVELOPE_MAGIC_BYTES = 8 };
#define RECEIPT_MAGIC  "HANSARC1"
#define PROOF_MAGIC    "HANSAPF1"
#define EVIDENCE_MAGIC "HANSAEV1"

void envelope_begin(struct buf *out, const char *magic, const struct digest *chain_id);
void envelope_end(struct buf *out, const struct certificate *certificate);

/* Returns: RC_OK | RC_MALFORMED | RC_NETWORK_MISMATCH. */
MUST_USE enum rc envelope_judge_begin(struct rd *r, const char *magic,
                                      const struct digest *chain_id, struct why *why);
/* RC_MALFORMED naming the field, if the cursor has failed by now. */
MUST_USE enum rc envelope_judge_taken(const struct rd *r, const char *field, struct why *why);
/* Take the certificate, which must be the last thing there is. Says nothing of its validity.
 * Returns: RC_OK | RC_MALFORMED. */
MUST_USE enum rc envelope_judge_end(struct rd *r, struct certificate *out, struct why *why);
/* That a certificate is of this kind, of epoch 0 (no epoch change is shown) and validly signed.
 * Returns: RC_OK | RC_PROOF | RC_SIGNATURE. */
MUST_USE enum rc envelope_judge_certificate(const struct certificate *c, enum cert_kind kind,
                                            const struct digest *chain_id,
                                            const struct member_table *members, struct why *why);

#endif
