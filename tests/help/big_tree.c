#include "tests/help/big_tree.h"

#include "tests/help/unit.h"

void big_tree_open(struct big_tree *b, uint64_t version, uint32_t entries_count)
{
    static uint8_t keys[BIG_TREE_ENTRIES_MAX][8];
    struct tree_change *changes = mem_resize(NULL, entries_count * sizeof *changes);
    struct kv_batch *batch = kv_batch_new();
    assert_in_range(entries_count, 1, BIG_TREE_ENTRIES_MAX);
    *b = (struct big_tree){.kv = kv_mem_new()};
    assert_int_equal(kv_view_open(&b->view, b->kv, NULL), RC_OK);
    for (uint32_t i = 0; i < entries_count; i++) {
        struct wr wr = wr_of(keys[i], 8);
        wr_be64(&wr, i);
        changes[i] = (struct tree_change){
            .table = 1, .key = bytes_of(keys[i], 8), .value = bytes_of(keys[i], 8)};
    }
    assert_int_equal(tree_update(&b->tree, batch, b->view, NULL, version, changes, entries_count),
                     RC_OK);
    assert_int_equal(kv_commit(b->kv, batch, NULL), RC_OK);
    assert_int_equal(kv_view_renew(b->view, NULL), RC_OK);
    kv_batch_free(batch);
    mem_free(changes);
}

void big_tree_close(struct big_tree *b)
{
    kv_view_close(b->view);
    kv_close(b->kv);
}

uint32_t big_tree_children(const struct big_tree *b, const struct snapshot_path *path,
                           struct snapshot_path *out)
{
    struct tree_node node;
    struct tree_place place = {.version = b->tree.version, .path = path->nibbles};
    struct digest hash = b->tree.root;
    uint32_t count = 0;
    for (;; place.depth++) {
        assert_int_equal(tree_node_get_verified(&node, b->view, &place, &hash, NULL), RC_OK);
        if (place.depth == path->depth)
            break;
        const struct tree_child *child = &node.child[tree_nibble(&path->nibbles, place.depth)];
        place.version = child->version;
        hash = child->hash;
    }
    for (unsigned i = 0; i < TREE_CHILDREN; i++) {
        if (node.child[i].kind != TREE_INNER)
            continue;
        out[count] = *path;
        tree_path_set(&out[count].nibbles, out[count].depth++, i);
        count++;
    }
    return count;
}
