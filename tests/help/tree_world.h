/* A state tree in a store in memory, beside a model of it: a plain sorted list of entries, whose
 * root is computed from the definition at the top of state_tree.h and nothing else. */
#ifndef TESTS_HELP_TREE_WORLD_H
#define TESTS_HELP_TREE_WORLD_H

#include "crypto/base/prng.h"
#include "ledger/tree_node.h"

struct model_entry {
    struct digest key_hash;
    uint8_t table;
    size_t key_bytes, value_bytes;
    uint8_t key[STATE_KEY_BYTES_MAX];
    uint8_t value[STATE_VALUE_BYTES_MAX];
};

/* Ascending by key_hash. Zero-initialise to start. */
struct model {
    struct model_entry **entries;
    size_t count;
};

void model_free(struct model *m);
struct model model_copy(const struct model *from);
void model_set(struct model *m, uint8_t table, struct bytes key, struct bytes value);
const struct model_entry *model_find(const struct model *m, uint8_t table, struct bytes key);
/* The root by definition; nodes_count may be NULL. */
struct digest model_root(const struct model *m, size_t *nodes_count);

struct bytes entry_key(const struct model_entry *e);
struct bytes entry_value(const struct model_entry *e);

struct world {
    struct kv *kv;
    struct kv_view *view;
    struct tree_ref ref;
    struct model model;
};

/* Version 1 is the empty tree. */
void tree_world_open(struct world *w);
void tree_world_close(struct world *w);
/* Set entries in tree and model as the given version. keys must be distinct. */
void tree_world_update(struct world *w, uint64_t version, struct tree_change *changes,
                       size_t count);
/* The same with one entry of table STATE_BALANCE and texts. */
void tree_world_set(struct world *w, uint64_t version, const char *key, const char *value);
/* Set `count` entries with keys drawn from "key-0" .. "key-<keys_count - 1>" and random values. */
void tree_world_update_random(struct world *w, uint64_t version, struct prng *p, size_t keys_count,
                              size_t count);
/* Commit b and look at the store anew; what the old view lent is gone. */
void tree_world_commit(struct world *w, const struct kv_batch *b);
/* Write or delete behind the tree's back, with a right checksum. */
void tree_world_put_raw(struct world *w, enum kv_table table, struct bytes key, struct bytes value);
void tree_world_delete_raw(struct world *w, enum kv_table table, struct bytes key);
uint64_t tree_world_count(struct world *w, enum kv_table table);

/* All keys and values of one table of the store, copied, ascending. */
struct pair {
    struct bytes key, value;
};
struct pair *tree_world_pairs(struct world *w, enum kv_table table, size_t *count);
void pairs_free(struct pair *pairs, size_t count);

/* The leaf of an entry of table STATE_BALANCE whose value is its key, with its hashes. */
struct tree_child leaf_of(const char *key);

/* The version read whole, verified, is exactly the model: every entry by tree_get with either care
 * and by tree_walk in order, and the root. Fails the test otherwise. */
void assert_tree_is_model(struct kv_view *v, const struct tree_ref *ref, const struct model *m);

#endif
