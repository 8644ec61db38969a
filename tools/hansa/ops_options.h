/* Operations from options, for `hansa sign transfer` and `hansa transfer` and so on: their options,
 * and how these become the JSON that ops_read.h reads. */
#ifndef TOOLS_HANSA_OPS_OPTIONS_H
#define TOOLS_HANSA_OPS_OPTIONS_H

#include "genesis/json.h"
#include "ledger/op.h"
#include "tools/hansa/cli.h"

#define OPS_MONEY_OPTIONS                                                                          \
    {"amount", "AMOUNT", CLI_REQUIRED, "with exactly the asset's decimals: 12.00"},                \
        {"asset", "CODE", CLI_REQUIRED, "the asset"},                                              \
    {                                                                                              \
        "memo", "TEXT", CLI_OPTIONAL, "at most 128 bytes; everybody can read it"                   \
    }
#define OPS_TRANSFER_OPTIONS                                                                       \
    {"from", "ACCOUNT", CLI_REQUIRED, "the signer's account: participant/name"},                   \
        {"to", "ACCOUNT", CLI_REQUIRED, "the receiving account"}, OPS_MONEY_OPTIONS
/* The asset is one that the signer issues. */
#define OPS_ISSUE_OPTIONS                                                                          \
    {"to", "ACCOUNT", CLI_REQUIRED, "the account that gets it"}, OPS_MONEY_OPTIONS
#define OPS_REDEEM_OPTIONS                                                                         \
    {"from", "ACCOUNT", CLI_REQUIRED, "the issuer's own account"}, OPS_MONEY_OPTIONS
#define OPS_RECORD_OPTIONS                                                                         \
    {"topic", "TEXT", CLI_REQUIRED, "what kind of record: at most 64 bytes"},                      \
        {"record-key", "TEXT", CLI_REQUIRED, "which one: at most 128 bytes"},                      \
        {"data", "TEXT", CLI_OPTIONAL, "its content: at most 32 KiB; everybody can read it"},      \
    {                                                                                              \
        "data-file", "FILE", CLI_OPTIONAL, "the same from a file, any bytes"                       \
    }
#define OPS_KEY_ADD_OPTIONS                                                                        \
    {"new-key", "FILE", CLI_REQUIRED, "the new key's secret file: it gives its consent"},          \
    {                                                                                              \
        "new-passphrase-file", "FILE", CLI_OPTIONAL, "its passphrase; else asked at the terminal"  \
    }
#define OPS_KEY_REVOKE_OPTIONS                                                                     \
    {"revoke", "FILE.pub", CLI_OPTIONAL, "the public file of the key to revoke"},                  \
    {                                                                                              \
        "revoke-hex", "HEX", CLI_OPTIONAL, "or the public key itself, 64 hex digits"               \
    }

/* Have `act` do with the operation what the command does with operations.
 * Requires: the command declares the options of this type. */
typedef enum cli_exit ops_act(struct cli *c, json_t *ops, const char *where);
enum cli_exit ops_from_options(struct cli *c, enum op_type type, ops_act *act);

#endif
