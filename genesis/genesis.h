/* The genesis file: who the members are, who takes part, what there is at the start, and the
 * protocol's parameters. Read from JSON, strictly; kept in a canonical binary form whose digest is
 * the chain id (layout: ledger/FORMATS.md). The order of participants, keys, assets and balances
 * in the JSON does not matter; that of members does: a member's place is its index.
 *
 *   { "hansa_genesis": 1, "chain": "demo",
 *     "members": [ { "name": "alpha", "sign_key": hex, "link_key": hex,
 *                    "peer": "127.0.0.1:7101", "client": "127.0.0.1:7201" }, ... 4..31 ],
 *     "participants": [ { "name": "bank", "role": "governor", "keys": [hex, ...] }, ... ],
 *     "assets": [ { "code": "CZK", "decimals": 2, "issuer": "bank" }, ... ],
 *     "balances": [ { "account": "bank/main", "asset": "CZK", "amount": "1000.00" }, ... ],
 *     "reads": "open",
 *     "parameters": { "pipeline_heights": 8, ... } }
 *
 * role ("none" or "governor"), assets, balances, reads ("open" or "participants"), parameters, and
 * each of the parameters may be left out: the first of two words, an empty list and the default are
 * meant then. */
#ifndef GENESIS_GENESIS_H
#define GENESIS_GENESIS_H

#include "crypto/cert.h"
#include "crypto/keyfile.h"
#include "ledger/initial.h"

/* field, PROTOCOL.md's name, default, least, most; units are in the field's name (section 16).
 * B_max is of a block's body, without the header; its least takes the largest transaction, and that
 * of N_bytes gives each of 31 links a share of the pool that does. */
#define PARAMETER_LIST(X)                                                                          \
    X(pipeline_heights, "P", 8, 1, 64)                                                             \
    X(checkpoint_every_heights, "K", 128, 4, 4096)                                                 \
    X(window_heights, "L", 256, 8, 16384)                                                          \
    X(block_bytes_max, "B_max", 1048576, 131200, 1048576)                                          \
    X(sync_blocks_max, "B", 64, 1, 1024)                                                           \
    X(nonce_window, "A", 64, 1, 1024)                                                              \
    X(pool_txs_max, "N_tx", 8192, 64, 1048576)                                                     \
    X(pool_bytes_max, "N_bytes", 33554432, 4194304, 1073741824)                                    \
    X(term_blocks, "R", 0, 0, 1000000000)                                                          \
    X(clock_skew_ms, "skew", 5000, 100, 600000)                                                    \
    X(batch_ms, "T_batch", 5, 0, 10000)                                                            \
    X(view_change_ms, "T_0", 1000, 50, 600000)                                                     \
    X(view_change_cap_ms, "T_cap", 60000, 50, 3600000)                                             \
    X(fairness_ms, "T_fair", 2000, 50, 600000)                                                     \
    X(status_ms, "T_s", 250, 10, 60000)                                                            \
    X(retransmit_ms, "T_rtx", 500, 10, 60000)                                                      \
    X(quiet_checkpoint_ms, "T_c", 2000, 100, 3600000)                                              \
    X(read_ms, "T_read", 1000, 50, 600000)

struct parameters {
#define X(field, symbol, initial, least, most) uint64_t field;
    PARAMETER_LIST(X)
#undef X
};

enum genesis_reads { READS_OPEN = 0, READS_PARTICIPANTS = 1 };

struct genesis_member {
    char name[KEY_NAME_BYTES_MAX + 1];
    struct public_key sign_key;
    uint8_t link_key[LINK_KEY_BYTES];
    char peer_address[KEY_ADDRESS_BYTES_MAX + 1];
    char client_address[KEY_ADDRESS_BYTES_MAX + 1];
};

enum { GENESIS_FILE_BYTES_MAX = 32 * 1024 * 1024 /* all maxima of initial.h with room */ };

/* Owns everything its pointers reach; end with genesis_close(). */
struct genesis {
    char chain[KEY_NETWORK_BYTES_MAX + 1];
    struct digest chain_id;
    uint32_t members_count;
    struct genesis_member members[MEMBERS_MAX];
    struct member_table member_table; /* the same signing keys, as certificates are verified */
    enum genesis_reads reads;
    struct parameters parameters;
    struct initial_state initial;
    struct buf canonical;
};

/* Parse and judge. On refusal the words name the field's path and quote the value
 * ("members[2].sign_key: ..."), and *out needs no close. Refused: unknown or duplicate or missing
 * fields, wrong types, fewer than 4 or more than 31 members, repeated names, keys (in any role) or
 * addresses, bad names and addresses, keys that are no valid points, unknown issuers and accounts'
 * participants, sums beyond a u64, parameters out of range or out of proportion
 * (L >= 2K, 2K >= 4P, T_cap >= T_0, A <= N_tx; B_max <= N_bytes follows from the ranges).
 * Addresses are compared without regard to upper and lower case.
 * Returns: RC_OK | RC_INVALID | RC_MALFORMED (not JSON) | RC_FILE_IO. */
MUST_USE enum rc genesis_from_json(struct genesis *out, struct bytes json, struct why *why);
MUST_USE enum rc genesis_read(struct genesis *out, const char *path, struct why *why);
/* The inverse of the canonical form: judged just as strictly, and refused unless encoding it again
 * gives the same bytes. Returns: RC_OK | RC_MALFORMED | RC_INVALID. */
MUST_USE enum rc genesis_from_canonical(struct genesis *out, struct bytes canonical,
                                        struct why *why);
void genesis_close(struct genesis *g);

/* A JSON file of this genesis, indented for people; parsing it gives the same chain id.
 * The caller frees with mem_free. */
MUST_USE char *genesis_to_json(const struct genesis *g);

/* Index of the member with this name or signing key, or MEMBERS_MAX when there is none. */
uint32_t genesis_member_by_name(const struct genesis *g, const char *name);
uint32_t genesis_member_by_key(const struct genesis *g, const struct public_key *key);
/* The asset of this code, or NULL. Lends until genesis_close(). */
const struct initial_asset *genesis_asset(const struct genesis *g, struct bytes code);

#endif
