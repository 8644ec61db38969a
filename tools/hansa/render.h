/* What the chain holds, as JSON and as lines for people: operations, transactions, headers,
 * blocks, certificates. All of it was judged before it comes here (tx_decode, block_decode, ...),
 * so texts are UTF-8 without control characters; a record's data is not, and is made printable.
 *
 * The genesis gives the decimals of assets and the names of members; borrowed throughout.
 * JSON objects are new: the caller takes them. Text goes to stdout, as lines of cli_line(). */
#ifndef TOOLS_HANSA_RENDER_H
#define TOOLS_HANSA_RENDER_H

#include "genesis/genesis.h"
#include "ledger/amount.h"
#include "ledger/block.h"
#include "tools/hansa/cli.h"

/* "12.00 CZK"; of an asset that the genesis does not have "1200 minor units of CZK". */
enum { RENDER_AMOUNT_BYTES = AMOUNT_TEXT_BYTES + ASSET_BYTES_MAX + 24 };
const char *render_amount(char out[static RENDER_AMOUNT_BYTES], uint64_t amount, struct bytes asset,
                          const struct genesis *g);
/* Set `field` to a decimal string; when the genesis has no such asset, `field`_minor_units. */
void render_amount_into(json_t *object, const char *field, uint64_t amount, struct bytes asset,
                        const struct genesis *g);

/* { "op": "transfer", "from", "to", "asset", "amount", "memo" } and so on: the fields are those
 * that `hansa sign --ops` reads. A record's data is "data" when it is a text, else "data_hex". */
json_t *render_op_json(const struct op *op, const struct genesis *g);
/* One line without its newline: "transfer 12.00 CZK from a/b to c/d". */
void render_op_text(const struct op *op, const struct genesis *g);

/* { "txid", "signer", "nonce", "valid_until", "bytes", "operations": [...], "signature" };
 * valid_until is null when there is no limit. */
json_t *render_tx_json(const struct tx *tx, const struct genesis *g);
void render_tx_text(const struct tx *tx, const struct genesis *g);

/* { "height", "digest", "epoch", "parent", "tx_root", "tx_count", "body_bytes", "time_ms",
 *   "time", "proposer", "proposer_name" } */
json_t *render_header_json(const struct block_header *h, const struct digest *digest,
                           const struct genesis *g);
void render_header_text(const struct block_header *h, const struct digest *digest,
                        const struct genesis *g);

/* The header's object and "transactions": [...]. A transaction that does not decode (an audit has
 * not yet seen this block) is { "fault": word, "hex" }. */
json_t *render_block_json(const struct block *b, const struct genesis *g);

/* { "kind": "commit", "epoch", "view", "height", "digest", "state_root",
 *   "signers": [ { "member", "name", "signature" } ] } */
json_t *render_certificate_json(const struct certificate *c, const struct genesis *g);
void render_certificate_text(const struct certificate *c, const struct genesis *g);

/* "2026-11-21T06:20:00.123Z", or "" when it is no date people have. */
enum { RENDER_TIME_BYTES = 40 };
const char *render_time(char out[static RENDER_TIME_BYTES], uint64_t time_ms);

/* Fields of one name each. */
void render_set_digest(json_t *object, const char *field, const struct digest *d);
void render_set_public_key(json_t *object, const char *field, const struct public_key *key);
void render_set_text(json_t *object, const char *field, struct bytes text);
void render_set_hex(json_t *object, const char *field, struct bytes from);
void render_set_number(json_t *object, const char *field, uint64_t value);

#endif
