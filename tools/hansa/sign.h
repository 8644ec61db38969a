/* Signing offline: what all `hansa sign ...` commands have in common. */
#ifndef TOOLS_HANSA_SIGN_H
#define TOOLS_HANSA_SIGN_H

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

/* Sign the operations of this JSON (ops_read.h) and answer. where: what the words name as
 * the place of the operations, or NULL. */
enum cli_exit sign_and_answer(struct cli *c, json_t *ops, const char *where);

#endif
