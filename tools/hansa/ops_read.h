/* Operations as people write them, in JSON, into operations as they are signed. The options of
 * `hansa sign transfer` and its like become such JSON first, so there is one reader.
 *
 *   {"op": "transfer", "from", "to", "asset", "amount", "memo"?}
 *   {"op": "issue", "to", "asset", "amount", "memo"?}
 *   {"op": "redeem", "from", "asset", "amount", "memo"?}
 *   {"op": "record", "topic", "key", and one of "data", "data_hex", "data_file"}
 *   {"op": "key-add", "new_key_file", "new_passphrase_file"?}
 *      or, as `tx show --json` shows it: {"op": "key-add", "participant"?, "key", "consent"}
 *   {"op": "key-revoke", and one of "key", "key_file"}
 *   {"op": "cancel"} */
#ifndef TOOLS_HANSA_OPS_READ_H
#define TOOLS_HANSA_OPS_READ_H

#include "genesis/genesis.h"
#include "genesis/json.h"
#include "ledger/tx.h"

/* Texts lend from the document and the participant's name that were handed in. */
struct op_list {
    uint32_t count;
    struct op *ops;
    struct buf *data; /* one for each operation: what a record's data lends from */
};

struct ops_context {
    const struct genesis *genesis; /* decimals and chain id */
    const char *participant;       /* the signer's */
    const struct public_key *signer;
};

/* at: an array of 1 to TX_OPS_MAX operations, or one operation alone. The words name the field and
 * quote the value. Returns: RC_OK (end with ops_close) | RC_INVALID | what reading the files named
 * in it returns. */
MUST_USE enum rc ops_read(struct op_list *out, const struct json_at *at,
                          const struct ops_context *context, struct why *why);
void ops_close(struct op_list *list);

#endif
