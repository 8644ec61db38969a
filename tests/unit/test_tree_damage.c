/* The state tree over a store that lies: its checksums are right, its nodes are not. A verified
 * read never gives a wrong answer, a trusting one never crashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "ledger/tree_node.h"
#include "tests/help/tree_world.h"

enum { ENTRIES = 16, ASKED = ENTRIES + 8 };
#define CHANGED_KEY "key-3"

static enum rc ignore(void *context, const struct digest *key_hash, uint8_t table, struct bytes key,
                      struct bytes value)
{
    (void)context, (void)key_hash, (void)table, (void)key, (void)value;
    return RC_OK;
}

static enum rc get(struct world *w, enum tree_care care, const char *key, struct bytes *value)
{
    return tree_get(w->view, &w->ref, care, STATE_BALANCE, bytes_of_text(key), value);
}

static void name_key(char out[static 32], size_t i)
{
    snprintf(out, 32, "key-%zu", i);
}

/* A proof made from such a store, if there is one, proves the truth. */
static void assert_proof_is_true_or_none(struct world *w, const char *key,
                                         const struct model_entry *e)
{
    struct buf proof = {0};
    enum rc rc = tree_prove(&proof, w->view, &w->ref, STATE_BALANCE, bytes_of_text(key));
    if (rc == RC_OK) {
        bool present;
        struct bytes value;
        assert_int_equal(tree_proof_verify(&w->ref.root, STATE_BALANCE, bytes_of_text(key),
                                           buf_bytes(&proof), &present, &value),
                         RC_OK);
        assert_int_equal(present, e != NULL);
    } else {
        assert_int_equal(rc, RC_STORE_DAMAGED);
    }
    buf_free(&proof);
}

/* Everything that reads the tree, on a store of which one node is not what it was. Every answer is
 * the truth or says that the store is damaged; from a trusting read anything but a crash. healthy
 * holds the same tree undamaged, but for CHANGED_KEY. */
static void assert_no_wrong_answer(struct world *w, struct world *healthy)
{
    struct bytes value;
    for (size_t i = 0; i < ASKED; i++) {
        char key[32];
        name_key(key, i);
        const struct model_entry *e = model_find(&w->model, STATE_BALANCE, bytes_of_text(key));
        enum rc rc = get(w, TREE_TRUST, key, &value);
        assert_true(rc == RC_OK || rc == RC_NOT_FOUND || rc == RC_STORE_DAMAGED);
        assert_proof_is_true_or_none(w, key, e);
        rc = get(w, TREE_VERIFY, key, &value);
        if (rc == RC_STORE_DAMAGED)
            continue;
        assert_int_equal(rc, e != NULL ? RC_OK : RC_NOT_FOUND);
        assert_true(bytes_equal(value, e != NULL ? entry_value(e) : bytes_of(NULL, 0)));
    }
    struct why why = {""};
    assert_int_equal(tree_walk(w->view, &w->ref, ignore, NULL, &why), RC_STORE_DAMAGED);
    assert_non_null(strstr(why.text, "state tree: node of version"));

    struct tree_difference is;
    enum rc rc = tree_compare(&is, w->view, &w->ref, healthy->view, &healthy->ref);
    if (rc == RC_OK)
        assert_true(is.found && is.ours_has && bytes_equal(is.key, bytes_of_text(CHANGED_KEY)));
    else
        assert_int_equal(rc, RC_STORE_DAMAGED);

    struct tree_change changes[4];
    char keys[4][32];
    for (size_t i = 0; i < 4; i++) {
        name_key(keys[i], i * 5);
        changes[i] = (struct tree_change){.table = STATE_BALANCE, .key = bytes_of_text(keys[i])};
    }
    struct tree_ref next;
    struct kv_batch *b = kv_batch_new();
    rc = tree_update(&next, b, w->view, &w->ref, w->ref.version + 1, changes, 4);
    assert_true(rc == RC_OK || rc == RC_STORE_DAMAGED);
    kv_batch_free(b);
}

static void open_small(struct world *w)
{
    struct prng p = prng_of(1);
    tree_world_open(w);
    tree_world_update_random(w, 2, &p, ENTRIES, ENTRIES);
    tree_world_update_random(w, 3, &p, ENTRIES, 3);
    assert_int_equal(w->model.count, ENTRIES);
}

static void open_healthy(struct world *w)
{
    open_small(w);
    tree_world_set(w, 4, CHANGED_KEY, "changed");
}

/* The nodes that version 3 of the small world consists of: found by what its reads miss. */
static bool is_needed(struct world *w, struct pair node)
{
    tree_world_delete_raw(w, KV_TREE, node.key);
    bool needed = tree_walk(w->view, &w->ref, ignore, NULL, NULL) == RC_STORE_DAMAGED;
    tree_world_put_raw(w, KV_TREE, node.key, node.value);
    return needed;
}

/* Every byte of every node flipped, in one bit and in all: no wrong answer. */
static void node_with_a_flipped_byte_gives_no_wrong_answer(void **state)
{
    (void)state;
    struct world w, healthy;
    open_small(&w);
    open_healthy(&healthy);
    size_t count, needed = 0;
    struct pair *nodes = tree_world_pairs(&w, KV_TREE, &count);
    for (size_t n = 0; n < count; n++) {
        if (!is_needed(&w, nodes[n]))
            continue;
        needed++;
        uint8_t *bytes = mem_alloc(nodes[n].value.size);
        for (size_t at = 0; at < nodes[n].value.size; at++) {
            memcpy(bytes, nodes[n].value.data, nodes[n].value.size);
            bytes[at] ^= at % 2 == 0 ? (uint8_t)(1u << at / 2 % 8) : 0xff;
            tree_world_put_raw(&w, KV_TREE, nodes[n].key, bytes_of(bytes, nodes[n].value.size));
            assert_no_wrong_answer(&w, &healthy);
        }
        mem_free(bytes);
        tree_world_put_raw(&w, KV_TREE, nodes[n].key, nodes[n].value);
    }
    size_t by_definition;
    model_root(&w.model, &by_definition);
    assert_int_equal(needed, by_definition);
    assert_tree_is_model(w.view, &w.ref, &w.model);
    pairs_free(nodes, count);
    tree_world_close(&healthy);
    tree_world_close(&w);
}

/* A node cut short, made longer or replaced by another whole node: no wrong answer. */
static void node_that_is_another_gives_no_wrong_answer(void **state)
{
    (void)state;
    struct world w, healthy;
    open_small(&w);
    open_healthy(&healthy);
    size_t count;
    struct pair *nodes = tree_world_pairs(&w, KV_TREE, &count);
    for (size_t n = 0; n < count; n++) {
        if (!is_needed(&w, nodes[n]))
            continue;
        struct buf longer = {0};
        buf_add_bytes(&longer, nodes[n].value);
        for (size_t size = 0; size < nodes[n].value.size; size += 3) {
            tree_world_put_raw(&w, KV_TREE, nodes[n].key, bytes_of(nodes[n].value.data, size));
            assert_no_wrong_answer(&w, &healthy);
        }
        buf_add_u8(&longer, 0);
        tree_world_put_raw(&w, KV_TREE, nodes[n].key, buf_bytes(&longer));
        assert_no_wrong_answer(&w, &healthy);
        buf_free(&longer);
        for (size_t other = 0; other < count; other++) {
            if (bytes_equal(nodes[other].value, nodes[n].value))
                continue;
            tree_world_put_raw(&w, KV_TREE, nodes[n].key, nodes[other].value);
            assert_no_wrong_answer(&w, &healthy);
        }
        tree_world_put_raw(&w, KV_TREE, nodes[n].key, nodes[n].value);
    }
    pairs_free(nodes, count);
    tree_world_close(&healthy);
    tree_world_close(&w);
}

/* A node that is gone is damage for the reads that need it, and for them alone. */
static void node_that_is_missing_is_damage(void **state)
{
    (void)state;
    struct world w;
    open_small(&w);
    size_t count;
    struct pair *nodes = tree_world_pairs(&w, KV_TREE, &count);
    for (size_t n = 0; n < count; n++) {
        if (!is_needed(&w, nodes[n]))
            continue;
        struct tree_place place;
        size_t damaged = 0, below = 0;
        assert_true(tree_place_decode(&place, nodes[n].key));
        tree_world_delete_raw(&w, KV_TREE, nodes[n].key);
        for (size_t i = 0; i < ENTRIES; i++) {
            const struct model_entry *e = w.model.entries[i];
            struct bytes value;
            bool needs_it = tree_shares_path(&e->key_hash, &place.path, place.depth);
            enum rc expected = needs_it ? RC_STORE_DAMAGED : RC_OK;
            for (int care = TREE_TRUST; care <= TREE_VERIFY; care++)
                assert_int_equal(
                    tree_get(w.view, &w.ref, (enum tree_care)care, e->table, entry_key(e), &value),
                    expected);
            below += needs_it;
            damaged += expected != RC_OK;
        }
        assert_true(below >= 2);
        assert_int_equal(damaged, below);
        tree_world_put_raw(&w, KV_TREE, nodes[n].key, nodes[n].value);
    }
    pairs_free(nodes, count);
    tree_world_close(&w);
}

/* A whole tree whose hashes are right up to its root, but with an entry in the wrong slot, is
 * damaged: the hash of an honest tree can not come about so. */
static void entry_in_a_wrong_slot_is_damage(void **state)
{
    (void)state;
    for (unsigned moved = 0; moved <= 1; moved++) {
        struct world w;
        struct tree_node node = {0};
        struct tree_place top = {.version = 1};
        uint8_t key[TREE_PLACE_KEY_BYTES_MAX];
        struct buf bytes = {0};
        struct bytes value;
        struct why why = {""};
        tree_world_open(&w);
        struct tree_child leaf = leaf_of("a");
        node.child[tree_nibble(&leaf.key_hash, 0) ^ moved] = leaf;
        tree_node_hash_of(&w.ref.root, &node);
        tree_node_encode(&bytes, &node);
        tree_world_put_raw(&w, KV_TREE, tree_place_encode(key, &top), buf_bytes(&bytes));
        enum rc expected = moved ? RC_STORE_DAMAGED : RC_OK;
        assert_int_equal(tree_walk(w.view, &w.ref, ignore, NULL, &why), expected);
        assert_int_equal(get(&w, TREE_VERIFY, "a", &value), expected);
        if (moved)
            assert_non_null(strstr(why.text, "an entry in it belongs elsewhere"));
        buf_free(&bytes);
        tree_world_close(&w);
    }
}

/* So is one with entries in the right slot of a node that stands at a wrong path; an update that
 * only trusts finds out too when it writes that node anew. */
static void entry_below_a_wrong_path_is_damage(void **state)
{
    (void)state;
    struct world w;
    struct tree_node top = {0}, below = {0};
    struct tree_child a = leaf_of("a"), b = leaf_of("b");
    unsigned wrong = tree_nibble(&a.key_hash, 0) ^ 1;
    struct tree_place at_top = {.version = 1};
    struct tree_place at_below = {.version = 1, .depth = 1, .path = {{(uint8_t)(wrong << 4)}}};
    uint8_t key[TREE_PLACE_KEY_BYTES_MAX];
    struct buf bytes = {0};
    struct bytes value;
    tree_world_open(&w);
    assert_int_not_equal(tree_nibble(&a.key_hash, 1), tree_nibble(&b.key_hash, 1));
    below.child[tree_nibble(&a.key_hash, 1)] = a;
    below.child[tree_nibble(&b.key_hash, 1)] = b;
    top.child[wrong] = (struct tree_child){.kind = TREE_INNER, .version = 1, .has_hash = true};
    tree_node_hash_of(&top.child[wrong].hash, &below);
    tree_node_hash_of(&w.ref.root, &top);
    tree_node_encode(&bytes, &below);
    tree_world_put_raw(&w, KV_TREE, tree_place_encode(key, &at_below), buf_bytes(&bytes));
    buf_clear(&bytes);
    tree_node_encode(&bytes, &top);
    tree_world_put_raw(&w, KV_TREE, tree_place_encode(key, &at_top), buf_bytes(&bytes));
    assert_int_equal(tree_walk(w.view, &w.ref, ignore, NULL, NULL), RC_STORE_DAMAGED);

    for (unsigned i = 0, judged = 0; judged < 20; i++) {
        char text[32];
        name_key(text, i);
        struct tree_child absent = leaf_of(text);
        if (tree_nibble(&absent.key_hash, 0) != wrong)
            continue;
        judged++;
        struct tree_ref next;
        struct kv_batch *batch = kv_batch_new();
        struct tree_change change = {
            .table = STATE_BALANCE, .key = bytes_of_text(text), .value = bytes_of_text("1")};
        assert_int_equal(tree_update(&next, batch, w.view, &w.ref, 2, &change, 1),
                         RC_STORE_DAMAGED);
        assert_int_equal(get(&w, TREE_VERIFY, text, &value), RC_STORE_DAMAGED);
        kv_batch_free(batch);
    }
    buf_free(&bytes);
    tree_world_close(&w);
}

/* A chain of nodes down to where there are no more nibbles ends there. */
static void chain_of_nodes_without_end_is_damage(void **state)
{
    (void)state;
    struct world w;
    struct kv_batch *b = kv_batch_new();
    struct tree_child leaf = leaf_of("a");
    struct tree_child child = {.kind = TREE_INNER, .version = 1, .has_hash = true};
    tree_world_open(&w);
    for (unsigned depth = TREE_DEPTH_MAX; depth > 0; depth--) {
        struct tree_node node = {0};
        struct tree_place place = {.version = 1, .depth = depth - 1, .path = leaf.key_hash};
        uint8_t key[TREE_PLACE_KEY_BYTES_MAX];
        struct buf bytes = {0};
        node.child[tree_nibble(&leaf.key_hash, depth - 1)] = child;
        tree_node_encode(&bytes, &node);
        kv_batch_put(b, KV_TREE, tree_place_encode(key, &place), buf_bytes(&bytes));
        tree_node_hash_of(&child.hash, &node);
        buf_free(&bytes);
    }
    tree_world_commit(&w, b);
    w.ref.root = child.hash;
    struct bytes value;
    struct why why = {""};
    assert_int_equal(get(&w, TREE_TRUST, "a", &value), RC_STORE_DAMAGED);
    assert_int_equal(get(&w, TREE_VERIFY, "a", &value), RC_STORE_DAMAGED);
    assert_int_equal(tree_walk(w.view, &w.ref, ignore, NULL, &why), RC_STORE_DAMAGED);
    char hex[DIGEST_HEX_BYTES];
    digest_to_hex(hex, &leaf.key_hash);
    hex[TREE_DEPTH_MAX - 1] = '\0';
    assert_non_null(strstr(why.text, hex)); /* it came as far as it could */
    struct tree_ref next;
    struct tree_change change = {.table = STATE_BALANCE, .key = bytes_of_text("a")};
    kv_batch_clear(b);
    assert_int_equal(tree_update(&next, b, w.view, &w.ref, 2, &change, 1), RC_STORE_DAMAGED);
    kv_batch_free(b);
    tree_world_close(&w);
}

static int start(void **state)
{
    (void)state;
    return crypto_start(NULL) == RC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(node_with_a_flipped_byte_gives_no_wrong_answer),
        cmocka_unit_test(node_that_is_another_gives_no_wrong_answer),
        cmocka_unit_test(node_that_is_missing_is_damage),
        cmocka_unit_test(entry_in_a_wrong_slot_is_damage),
        cmocka_unit_test(entry_below_a_wrong_path_is_damage),
        cmocka_unit_test(chain_of_nodes_without_end_is_damage),
    };
    return cmocka_run_group_tests_name("tree_damage", tests, start, NULL);
}
