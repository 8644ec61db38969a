/* What a hostile operator can do to a store of its own: write anything at all, with right
 * checksums, and, together with all other members, sign anything at all. For tests of the audit. */
#ifndef TESTS_HELP_TAMPER_H
#define TESTS_HELP_TAMPER_H

#include "tests/help/chain.h"

/* ---- entries ---- */
void tamper_put(struct chain *c, enum kv_table table, struct bytes key, struct bytes value);
void tamper_delete(struct chain *c, enum kv_table table, struct bytes key);
/* A copy of the entry, which must be there. The caller ends it with buf_free. */
struct buf tamper_get(struct chain *c, enum kv_table table, struct bytes key);
/* A copy of the table's first key. */
struct buf tamper_first_key(struct chain *c, enum kv_table table);
/* The key of a table by height. Lends a static place, until the next call. */
struct bytes tamper_height_key(uint64_t height);
/* Make the counts in the records of head and derived state those of the tables, so that opening
 * finds nothing. */
void tamper_counts(struct chain *c);

/* Flip one bit wherever these bytes stand in the file of a chain whose kv is a kv_lmdb in that
 * directory, and open the kv anew. c->store is NULL afterwards: chain_reopen(). */
void tamper_flip_on_disk(struct chain *c, const char *directory, struct bytes wanted);

/* ---- blocks ---- */

/* A block taken apart. */
enum { TAMPER_TXS_MAX = 16 };
struct tamper_block {
    uint64_t height;
    struct digest digest; /* under which it stands in the store */
    struct block_header header;
    uint32_t txs_count;
    struct buf txs[TAMPER_TXS_MAX];
};
void tamper_take(struct tamper_block *b, struct chain *c, uint64_t height);
/* Make the header's tx_root, count and bytes those of the transactions. */
void tamper_seal(struct tamper_block *b);
/* Put it back in the place of the old one, in chain and head too, and free it. With sign, all its
 * certificates are made anew. */
void tamper_put_back(struct tamper_block *b, struct chain *c, bool sign);

void tamper_put_certificate(struct chain *c, const struct certificate *certificate);
void tamper_get_certificate(struct chain *c, enum kv_table table, uint64_t height,
                            struct certificate *out);

/* ---- state ---- */

/* Set an entry of the flushed tree in place. With rehash, all hashes up to the root are made right
 * again, and the root is put everywhere where it is kept. False when a new entry would have to
 * share its place with another. */
bool tamper_state(struct chain *c, enum state_table table, struct bytes key, struct bytes value,
                  bool rehash);

#endif
