/* Signing operations and sending them at once: what `hansa transfer` and its like have in common.
 */
#ifndef TOOLS_HANSA_SEND_H
#define TOOLS_HANSA_SEND_H

#include "tools/hansa/outcome.h"

#define SEND_OPTIONS                                                                               \
    {"key", "FILE", CLI_OPTIONAL, "the signer's secret key file; else the one HANSA_KEY names"},   \
        {"passphrase-file", "FILE", CLI_OPTIONAL, "its passphrase; else asked at the terminal"},   \
        {"nonce", "N", CLI_OPTIONAL, "else the key's next one, as the nodes agree on it"},         \
        {"valid-until", "HEIGHT", CLI_OPTIONAL, "the last height it may stand at; default: any"},  \
        OUTCOME_RECEIPT_OPTION, NODES_OPTIONS
#define SEND_EXITS                                                                                 \
    OUTCOME_EXITS(                                                                                 \
        "3 the key, genesis or operation is refused; 5 a file cannot be read or written,\n"        \
        "or nothing was sent: no node told the nonce in time, or interrupted before that;")
#define SEND_TEXT                                                                                  \
    "The txid is printed before anything is sent (with --json on stderr, as {\"sending\": ..}).\n" \
    "Without --nonce the nodes are asked for it: it is right when 2f+1 of them answer. Where "     \
    "fewer\n"                                                                                      \
    "do, or are named, a line says by whose word it is (with --json \"nonce_agreed\" is false "    \
    "and\n"                                                                                        \
    "\"nonce_words\" says whose): the transaction may then be refused as used.\n"                  \
    "If the answer gets lost, hansa wait TXID tells the outcome: do not just send it again with\n" \
    "a new nonce."

/* The key that --key or HANSA_KEY names. Returns: CLI_DONE (end with key_close()), or it has said
 * why not. */
MUST_USE enum cli_exit send_open_key(struct key *key, struct cli *c, const struct genesis *g);
/* Have a transaction ordered that does nothing but use up the key's next nonce, for who has to know
 * what is committed after all that was before (rule 11). Says the txid first, as all that send do.
 * Returns: CLI_DONE with the height where it stands, proven, or it has said why not. */
MUST_USE enum cli_exit send_ordered(struct cli *c, struct nodes *n, const struct key *key,
                                    uint64_t *height);
/* Sign the operations of this JSON with the key's next nonce, send, and answer with the outcome;
 * an ops_act (ops_options.h). */
enum cli_exit send_and_answer(struct cli *c, json_t *ops, const char *where);

#endif
