#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "crypto/merkle.h"

enum { LEAVES_MAX = 70, ALL_PAIRS_MAX = 14 };

static struct digest leaves[LEAVES_MAX];

static int make_leaves(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LEAVES_MAX; i++)
        merkle_leaf(&leaves[i], bytes_of(&i, sizeof i));
    return 0;
}

static uint32_t split_of(uint32_t count)
{
    uint32_t split = 1;
    while (2 * split < count)
        split *= 2;
    return split;
}

/* MTH of RFC 6962 2.1 as it is written there, recursion and all. */
static struct digest root_by_definition(const struct digest *at, uint32_t count)
{
    struct digest out;
    struct hasher h;
    if (count == 1)
        return at[0];
    hasher_start_plain(&h);
    if (count > 1) {
        struct digest left = root_by_definition(at, split_of(count));
        struct digest right = root_by_definition(at + split_of(count), count - split_of(count));
        hasher_add(&h, "\x01", 1);
        hasher_add(&h, left.bytes, DIGEST_BYTES);
        hasher_add(&h, right.bytes, DIGEST_BYTES);
    }
    hasher_end(&h, &out);
    return out;
}

/* The turns from a leaf to the root, 1 for a sibling on the left, below a leading 1. */
static uint32_t turns_of(uint32_t index, uint32_t count)
{
    if (count == 1)
        return 1;
    uint32_t split = split_of(count);
    bool is_right = index >= split;
    uint32_t below = is_right ? turns_of(index - split, count - split) : turns_of(index, split);
    /* The turn nearest to the root comes last: put it under the leading 1. */
    uint32_t top = 1;
    while (2 * top <= below)
        top *= 2;
    return below - top + (is_right ? top : 0) + 2 * top;
}

/* A leaf is H(0 | data); the root of no leaves is H of nothing (hashlib.blake2b). */
static void merkle_leaf_and_empty_root_are_those_of_rfc_6962(void **state)
{
    (void)state;
    struct digest d;
    char hex[DIGEST_HEX_BYTES];
    merkle_leaf(&d, bytes_of_text("abc"));
    digest_to_hex(hex, &d);
    assert_string_equal(hex, "4b44b5a5f9e6fafead231e4d609a8e88053a6053c087b68e24e31faf0fb8dfe7");
    merkle_root(&d, NULL, 0);
    digest_to_hex(hex, &d);
    assert_string_equal(hex, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}

/* The root by carries is the root of the recursive definition. */
static void merkle_root_of_0_to_70_leaves_is_that_of_the_definition(void **state)
{
    (void)state;
    for (uint32_t count = 0; count <= LEAVES_MAX; count++) {
        struct digest root, expected = root_by_definition(leaves, count);
        merkle_root(&root, leaves, count);
        assert_true(digest_equal(&root, &expected));
    }
}

/* Every leaf of every tree proves; at its count, every other index and leaf is refused. */
static void merkle_verify_of_every_leaf_holds_there_and_nowhere_else(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= LEAVES_MAX; count++) {
        struct digest root;
        struct merkle_path path;
        merkle_root(&root, leaves, count);
        for (uint32_t index = 0; index < count; index++) {
            merkle_prove(&path, leaves, count, index);
            assert_true(merkle_verify(&root, &leaves[index], index, count, &path));
            for (uint32_t other = 0; other <= count; other++) {
                if (other == index)
                    continue;
                assert_false(merkle_verify(&root, &leaves[index], other, count, &path));
                if (other < count)
                    assert_false(merkle_verify(&root, &leaves[other], index, count, &path));
            }
        }
    }
}

/* Another count is refused unless the way to the leaf has the same turns there, which no root can
 * tell apart: that is why the count stands beside the root in a header. */
static void merkle_verify_with_other_counts_holds_only_for_the_same_turns(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= ALL_PAIRS_MAX; count++) {
        struct digest root;
        struct merkle_path path;
        merkle_root(&root, leaves, count);
        for (uint32_t index = 0; index < count; index++) {
            merkle_prove(&path, leaves, count, index);
            for (uint32_t claimed = 0; claimed <= 2 * ALL_PAIRS_MAX; claimed++)
                for (uint32_t at = 0; at <= claimed; at++) {
                    bool is_same = at < claimed && turns_of(at, claimed) == turns_of(index, count);
                    assert_int_equal(merkle_verify(&root, &leaves[index], at, claimed, &path),
                                     is_same);
                }
        }
    }
}

/* A path one shorter, one longer or far too long is refused. */
static void merkle_verify_with_another_path_length_is_refused(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= LEAVES_MAX; count++) {
        struct digest root;
        struct merkle_path path;
        merkle_root(&root, leaves, count);
        for (uint32_t index = 0; index < count; index++) {
            memset(&path, 0, sizeof path);
            merkle_prove(&path, leaves, count, index);
            uint32_t right_count = path.count;
            for (path.count = 0; path.count <= MERKLE_PATH_MAX; path.count++)
                assert_int_equal(merkle_verify(&root, &leaves[index], index, count, &path),
                                 path.count == right_count);
            path.count = UINT32_MAX;
            assert_false(merkle_verify(&root, &leaves[index], index, count, &path));
        }
    }
}

/* One changed bit in any sibling, in the leaf or in the root is refused. */
static void merkle_verify_with_one_bit_changed_is_refused(void **state)
{
    (void)state;
    struct digest root, leaf = leaves[40];
    struct merkle_path path;
    merkle_root(&root, leaves, 53);
    merkle_prove(&path, leaves, 53, 40);
    for (int bit = 0; bit < 8 * DIGEST_BYTES; bit++) {
        uint8_t mask = (uint8_t)(1u << (bit % 8));
        for (uint32_t i = 0; i < path.count; i++) {
            path.siblings[i].bytes[bit / 8] ^= mask;
            assert_false(merkle_verify(&root, &leaf, 40, 53, &path));
            path.siblings[i].bytes[bit / 8] ^= mask;
        }
        leaf.bytes[bit / 8] ^= mask;
        assert_false(merkle_verify(&root, &leaf, 40, 53, &path));
        leaf.bytes[bit / 8] ^= mask;
        root.bytes[bit / 8] ^= mask;
        assert_false(merkle_verify(&root, &leaf, 40, 53, &path));
        root.bytes[bit / 8] ^= mask;
    }
    assert_true(merkle_verify(&root, &leaf, 40, 53, &path));
}

/* Dropping, duplicating or swapping leaves gives another root (pitfalls H7). */
static void merkle_root_with_leaves_dropped_or_duplicated_differs(void **state)
{
    (void)state;
    struct digest changed[LEAVES_MAX + 1];
    for (uint32_t count = 1; count <= LEAVES_MAX; count++) {
        struct digest root, other;
        merkle_root(&root, leaves, count);
        for (uint32_t i = 0; i < count; i++) {
            memcpy(changed, leaves, i * sizeof leaves[0]);
            memcpy(changed + i, leaves + i + 1, (count - i - 1) * sizeof leaves[0]);
            merkle_root(&other, changed, count - 1);
            assert_false(digest_equal(&root, &other));
            memcpy(changed, leaves, (i + 1) * sizeof leaves[0]);
            memcpy(changed + i + 1, leaves + i, (count - i) * sizeof leaves[0]);
            merkle_root(&other, changed, count + 1);
            assert_false(digest_equal(&root, &other));
            if (i == 0)
                continue;
            memcpy(changed, leaves, count * sizeof leaves[0]);
            changed[i] = leaves[i - 1];
            changed[i - 1] = leaves[i];
            merkle_root(&other, changed, count);
            assert_false(digest_equal(&root, &other));
        }
    }
}

/* A node offered as a leaf's data is another leaf: the prefixes keep them apart (pitfalls H7). */
static void merkle_root_of_a_node_as_leaf_differs(void **state)
{
    (void)state;
    struct digest root, leaf;
    uint8_t node[2 * DIGEST_BYTES];
    memcpy(node, leaves[0].bytes, DIGEST_BYTES);
    memcpy(node + DIGEST_BYTES, leaves[1].bytes, DIGEST_BYTES);
    merkle_root(&root, leaves, 2);
    merkle_leaf(&leaf, bytes_of(node, sizeof node));
    assert_false(digest_equal(&root, &leaf));
}

/* The largest counts are judged without overflow: a path of 32 fits the first leaf of 2^32 - 1. */
static void merkle_verify_at_the_largest_count_climbs_the_whole_path(void **state)
{
    (void)state;
    struct merkle_path path = {.count = MERKLE_PATH_MAX};
    struct digest leaf = leaves[LEAVES_MAX - 1], root = leaf;
    for (uint32_t i = 0; i < MERKLE_PATH_MAX; i++) {
        struct hasher h;
        path.siblings[i] = leaves[i];
        hasher_start_plain(&h);
        hasher_add(&h, "\x01", 1);
        hasher_add(&h, root.bytes, DIGEST_BYTES);
        hasher_add(&h, leaves[i].bytes, DIGEST_BYTES);
        hasher_end(&h, &root);
    }
    assert_true(merkle_verify(&root, &leaf, 0, UINT32_MAX, &path));
    assert_false(merkle_verify(&root, &leaf, 1, UINT32_MAX, &path));
    assert_false(merkle_verify(&root, &leaf, 0, UINT32_MAX / 2, &path));
    assert_false(merkle_verify(&root, &leaf, UINT32_MAX, UINT32_MAX, &path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merkle_leaf_and_empty_root_are_those_of_rfc_6962),
        cmocka_unit_test(merkle_root_of_0_to_70_leaves_is_that_of_the_definition),
        cmocka_unit_test(merkle_verify_of_every_leaf_holds_there_and_nowhere_else),
        cmocka_unit_test(merkle_verify_with_other_counts_holds_only_for_the_same_turns),
        cmocka_unit_test(merkle_verify_with_another_path_length_is_refused),
        cmocka_unit_test(merkle_verify_with_one_bit_changed_is_refused),
        cmocka_unit_test(merkle_root_with_leaves_dropped_or_duplicated_differs),
        cmocka_unit_test(merkle_root_of_a_node_as_leaf_differs),
        cmocka_unit_test(merkle_verify_at_the_largest_count_climbs_the_whole_path),
    };
    return cmocka_run_group_tests_name("merkle", tests, make_leaves, NULL);
}
