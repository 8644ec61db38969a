/* Evidence as a file that anybody can check offline, with the genesis file alone
 * (PROTOCOL.md 14.1). Layout and steps: FORMATS.md.
 *
 *   "HANSAEV1" | chain_id 32 | epoch_changes u16 = 0 | evidence (node/pbft/wire.h) */
#ifndef NODE_EVIDENCE_FILE_H
#define NODE_EVIDENCE_FILE_H

#include "genesis/genesis.h"
#include "node/verify.h"

enum { EVIDENCE_FILE_BYTES_MAX = 8 + DIGEST_BYTES + 2 + PBFT_MSG_BYTES_MAX - 1 };

/* What a verified file says. Lends from its bytes. */
struct evidence_file {
    struct pbft_evidence evidence;
    enum verify_tx tx;    /* BAD_BODY: what is wrong with the transaction, */
    enum verdict verdict; /* and why it is BAD */
};

/* Append the file. Requires: what pbft_evidence_encode() made. */
void evidence_file_make(struct buf *out, const struct digest *chain_id, struct bytes evidence);

/* Judge a file against a chain: any bytes may be handed in. The words begin with the field that is
 * wrong ("signature 2: ..."; all of them: FORMATS.md), and on error nothing in *out may be used.
 * Returns: RC_OK | RC_MALFORMED | RC_NETWORK_MISMATCH (chain id) | RC_SIGNATURE | RC_PROOF. */
MUST_USE enum rc evidence_file_verify(struct evidence_file *out, struct bytes file,
                                      const struct genesis *genesis, struct why *why);

#endif
