/* A node of the state tree and its place: one encoding each, and every limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "tests/help/tree_world.h"

static bool decodes(unsigned depth, const struct tree_node *node)
{
    struct buf bytes = {0};
    struct tree_node back;
    struct tree_place place = {.version = 5, .depth = depth};
    tree_node_encode(&bytes, node);
    bool good = tree_node_decode(&back, &place, buf_bytes(&bytes));
    struct buf again = {0};
    if (good) {
        tree_node_encode(&again, &back);
        assert_true(bytes_equal(buf_bytes(&bytes), buf_bytes(&again)));
    }
    buf_free(&again);
    buf_free(&bytes);
    return good;
}

/* The shape of a node is judged: how many entries, which tables and sizes, how old and how deep. */
static void node_beyond_a_limit_is_refused(void **state)
{
    (void)state;
    uint8_t long_bytes[STATE_VALUE_BYTES_MAX + 1] = {0};
    struct tree_node empty = {0}, one = {0}, two = {0}, inner = {0};
    one.child[3] = two.child[3] = two.child[9] = leaf_of("a");
    inner.child[2] = (struct tree_child){.kind = TREE_INNER, .version = 5, .has_hash = true};
    assert_true(decodes(0, &empty));
    assert_false(decodes(1, &empty));
    assert_true(decodes(0, &one));
    assert_false(decodes(1, &one)); /* would stand higher up */
    assert_true(decodes(1, &two));
    assert_true(decodes(TREE_DEPTH_MAX - 1, &two));
    assert_true(decodes(TREE_DEPTH_MAX - 2, &inner));
    assert_false(decodes(TREE_DEPTH_MAX - 1, &inner));
    inner.child[2].version = 6; /* younger than the node that refers to it */
    assert_false(decodes(1, &inner));

    two.child[3].table = STATE_TABLE_END;
    assert_false(decodes(1, &two));
    two.child[3].table = 0;
    assert_false(decodes(1, &two));
    two.child[3].table = STATE_TABLE_END - 1;
    two.child[3].key = bytes_of(long_bytes, STATE_KEY_BYTES_MAX);
    two.child[3].value = bytes_of(long_bytes, STATE_VALUE_BYTES_MAX);
    assert_true(decodes(1, &two));
    two.child[3].key = bytes_of(long_bytes, STATE_KEY_BYTES_MAX + 1);
    assert_false(decodes(1, &two));
    two.child[3].key = bytes_of(long_bytes, STATE_KEY_BYTES_MAX);
    two.child[3].value = bytes_of(long_bytes, STATE_VALUE_BYTES_MAX + 1);
    assert_false(decodes(1, &two));
    struct tree_place top = {0};
    assert_false(tree_node_decode(&two, &top, bytes_of("\0\0\1\0", 4))); /* leaf, but no child */
}

/* Places encode and decode at every depth, and nothing else decodes. */
static void place_of_any_depth_has_one_encoding(void **state)
{
    (void)state;
    struct prng p = prng_of(2);
    for (unsigned depth = 0; depth < TREE_DEPTH_MAX; depth++) {
        struct tree_place place = {.version = prng_u64(&p), .depth = depth}, back;
        uint8_t key[TREE_PLACE_KEY_BYTES_MAX + 1] = {0}, again[TREE_PLACE_KEY_BYTES_MAX];
        prng_fill(&p, place.path.bytes, DIGEST_BYTES);
        struct bytes encoded = tree_place_encode(key, &place);
        assert_int_equal(encoded.size, 9 + (depth + 1) / 2);
        assert_true(tree_place_decode(&back, encoded));
        assert_int_equal(back.version, place.version);
        assert_int_equal(back.depth, depth);
        assert_true(tree_shares_path(&back.path, &place.path, depth));
        assert_true(bytes_equal(tree_place_encode(again, &back), encoded));
        for (size_t size = 0; size < encoded.size; size++)
            assert_false(tree_place_decode(&back, bytes_of(key, size)));
        assert_false(tree_place_decode(&back, bytes_of(key, encoded.size + 1)));
        if (depth % 2 == 0)
            continue;
        key[encoded.size - 1] |= 1;
        assert_false(tree_place_decode(&back, encoded));
    }
}

static int start(void **state)
{
    (void)state;
    return crypto_start(NULL) == RC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(node_beyond_a_limit_is_refused),
        cmocka_unit_test(place_of_any_depth_has_one_encoding),
    };
    return cmocka_run_group_tests_name("tree_node", tests, start, NULL);
}
