#include "crypto/merkle.h"

#include "crypto/base/check.h"

/* RFC 6962 2.1: different first bytes, so that a node is never taken for a leaf (pitfalls H7). */
static const uint8_t leaf_prefix = 0;
static const uint8_t node_prefix = 1;

void merkle_leaf(struct digest *out, struct bytes data)
{
    struct hasher h;
    hasher_start_plain(&h);
    hasher_add(&h, &leaf_prefix, 1);
    hasher_add_bytes(&h, data);
    hasher_end(&h, out);
}

/* out may be left or right. */
static void join(struct digest *out, const struct digest *left, const struct digest *right)
{
    struct hasher h;
    hasher_start_plain(&h);
    hasher_add(&h, &node_prefix, 1);
    hasher_add(&h, left->bytes, DIGEST_BYTES);
    hasher_add(&h, right->bytes, DIGEST_BYTES);
    hasher_end(&h, out);
}

/* Keeps the roots of complete subtrees, the largest first, one per set bit of the number of leaves
 * seen: a new leaf merges upwards like a carry. What remains at the end is joined from the right,
 * which is the tree of RFC 6962: the left part of each node is complete. */
void merkle_root(struct digest *out, const struct digest *leaves, uint32_t leaves_count)
{
    if (leaves_count == 0) {
        struct hasher h;
        hasher_start_plain(&h);
        hasher_end(&h, out);
        return;
    }
    struct digest roots[MERKLE_PATH_MAX + 1]; /* at most one per bit, and the leaf being added */
    uint32_t roots_count = 0;
    for (uint32_t i = 0; i < leaves_count; i++) {
        roots[roots_count++] = leaves[i];
        for (uint32_t carry = i; (carry & 1) != 0; carry >>= 1) {
            join(&roots[roots_count - 2], &roots[roots_count - 2], &roots[roots_count - 1]);
            roots_count--;
        }
    }
    for (; roots_count > 1; roots_count--)
        join(&roots[roots_count - 2], &roots[roots_count - 2], &roots[roots_count - 1]);
    *out = roots[0];
}

/* The largest power of two below count. Requires: count > 1. */
static uint32_t left_count_of(uint32_t count)
{
    uint32_t left_count = 1;
    while (left_count < count - left_count)
        left_count *= 2;
    return left_count;
}

/* Walks from the root down to the leaf. The subtrees beside the way do not overlap, so all of it
 * costs one hash per leaf at most. */
void merkle_prove(struct merkle_path *out, const struct digest *leaves, uint32_t leaves_count,
                  uint32_t index)
{
    CHECK(index < leaves_count);
    struct digest downwards[MERKLE_PATH_MAX];
    uint32_t count = 0;
    while (leaves_count > 1) {
        uint32_t left_count = left_count_of(leaves_count);
        CHECK(count < MERKLE_PATH_MAX);
        if (index < left_count) {
            merkle_root(&downwards[count++], leaves + left_count, leaves_count - left_count);
            leaves_count = left_count;
        } else {
            merkle_root(&downwards[count++], leaves, left_count);
            leaves += left_count;
            leaves_count -= left_count;
            index -= left_count;
        }
    }
    out->count = count;
    for (uint32_t i = 0; i < count; i++)
        out->siblings[i] = downwards[count - 1 - i];
}

/* RFC 9162 2.1.3.2: node and last are the places of the way's node and of the last node on the
 * present level. */
bool merkle_verify(const struct digest *root, const struct digest *leaf, uint32_t index,
                   uint32_t leaves_count, const struct merkle_path *path)
{
    if (path->count > MERKLE_PATH_MAX || index >= leaves_count)
        return false;
    uint32_t node = index;
    uint32_t last = leaves_count - 1;
    struct digest hash = *leaf;
    for (uint32_t i = 0; i < path->count; i++) {
        if (last == 0)
            return false;
        if ((node & 1) != 0 || node == last) {
            join(&hash, &path->siblings[i], &hash);
            /* A last node without a sibling rises unchanged until it is a right one. */
            while ((node & 1) == 0 && node != 0) {
                node >>= 1;
                last >>= 1;
            }
        } else {
            join(&hash, &hash, &path->siblings[i]);
        }
        node >>= 1;
        last >>= 1;
    }
    return last == 0 && digest_equal(&hash, root);
}
