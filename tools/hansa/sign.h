/* Signing: what all `hansa sign ...` commands have in common, and what those that also send share
 * with them. */
#ifndef TOOLS_HANSA_SIGN_H
#define TOOLS_HANSA_SIGN_H

#include "genesis/genesis.h"
#include "tools/hansa/cli.h"

/* Their options, for the tables of the commands. */
#define SIGN_OPTIONS                                                                               \
    {"key", "FILE", CLI_REQUIRED, "the signer's secret key file"},                                 \
        {"passphrase-file", "FILE", CLI_OPTIONAL, "its passphrase; else asked at the terminal"},   \
        {"genesis", "FILE", CLI_REQUIRED, "the chain's genesis file"},                             \
        {"nonce", "N", CLI_REQUIRED, "the key's next nonce: `hansa key show FILE --dir DIR`"},     \
        {"valid-until", "HEIGHT", CLI_OPTIONAL, "the last height it may stand at; default: any"},  \
    {                                                                                              \
        "out", "FILE", CLI_OPTIONAL, "a new file for the transaction; else hex on stdout"          \
    }

#define SIGN_EXITS                                                                                 \
    "0 signed, perhaps with warnings (on stderr; with --json in \"warnings\") of what the "        \
    "ledger\n"                                                                                     \
    "will hardly accept; 3 the key, genesis or an operation is refused; 5 a file cannot be\n"      \
    "read, or the output file exists already"

/* Read the operations and append the signed transaction to whole; nonce and valid_until are the
 * draft's. where: what the words name as the place of the operations, or NULL. *warnings becomes an
 * array of sentences, which the caller takes, whatever is returned.
 * Returns: CLI_DONE, or it has said why not: return that. */
struct tx_draft;
MUST_USE enum cli_exit sign_ops(struct cli *c, struct buf *whole, json_t **warnings,
                                struct tx_draft *draft, const struct json_at *at, const char *where,
                                const struct key *key, const struct genesis *g);

/* Sign the operations of this JSON (ops_read.h) and answer. where: as above. */
enum cli_exit sign_and_answer(struct cli *c, json_t *ops, const char *where);

#endif
