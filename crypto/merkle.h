/* Merkle trees after RFC 6962 section 2.1 with H = BLAKE2b-256: leaf = H(0 | data),
 * node = H(1 | left | right), the left subtree holding the largest power of two below the count;
 * the root of no leaves is H of nothing. No leaf is ever duplicated (pitfalls H7). An inclusion
 * proof binds index and count (algorithm: RFC 9162 section 2.1.3.2). */
#ifndef CRYPTO_MERKLE_H
#define CRYPTO_MERKLE_H

#include <stdint.h>

#include "crypto/digest.h"

enum { MERKLE_PATH_MAX = 32 }; /* enough for 2^32 leaves: counts are u32 everywhere */

void merkle_leaf(struct digest *out, struct bytes data);
/* leaves are hashes made by merkle_leaf(). */
void merkle_root(struct digest *out, const struct digest *leaves, uint32_t leaves_count);

struct merkle_path {
    uint32_t count;                          /* of siblings */
    struct digest siblings[MERKLE_PATH_MAX]; /* from the leaf up */
};
/* Requires: index < leaves_count. */
void merkle_prove(struct merkle_path *out, const struct digest *leaves, uint32_t leaves_count,
                  uint32_t index);
/* True iff path shows that leaf stands at index in the tree of leaves_count leaves under root;
 * every other leaf, index or length of path is refused. Requires: leaves_count comes with the root,
 * from the same header: a root alone does not say how many leaves it has, and a proof also fits
 * other counts for which the way to the leaf has the same turns (leaf 0 of 3 and of 4).
 * Judges: any input is allowed. */
MUST_USE bool merkle_verify(const struct digest *root, const struct digest *leaf, uint32_t index,
                            uint32_t leaves_count, const struct merkle_path *path);

#endif
