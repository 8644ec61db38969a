/* Layers: what blocks not yet flushed have changed, in memory, over what lies below.
 *
 * A layer holds state entries and index entries as a log with a hash table over it. Reading goes
 * from a layer to its parent and so on down to the base, the flushed state tree. The log can be
 * rolled back to a mark, which makes a refused transaction leave no trace.
 *
 * A read that meets a damaged store has no good answer: it makes the layer fail for good (like a
 * byte cursor) and reads as "absent"; whoever applies must ask layer_rc() before believing. */
#ifndef LEDGER_LAYER_H
#define LEDGER_LAYER_H

#include "ledger/kv.h"
#include "ledger/state_tree.h"

/* What lies below the lowest layer: state by (table, key). Lends *value for as long as the owner
 * of the base says. Returns: as tree_get(). */
struct layer_base {
    enum rc (*get)(void *context, uint8_t table, struct bytes key, struct bytes *value);
    void *context;
};

struct layer;

/* A new empty layer on parent, or on base when parent is NULL. Owns: borrows both until freed. */
struct layer *layer_new(struct layer *parent, const struct layer_base *base);
/* Put l on another parent, or with NULL on the base, which shows the same to it: when the block
 * below was committed, its effects are in the committed layer and its own layer goes (pipelining);
 * and when what the layers below hold is in the base by now, they go. Requires: both stand on one
 * base. */
void layer_set_parent(struct layer *l, struct layer *parent);
void layer_free(struct layer *l);
/* Drop all entries and the failure; parent and base stay. */
void layer_clear(struct layer *l);

/* Look in this layer, then below. Lends *value until the layer it was found in is cleared, freed
 * or rolled back past it. False = absent, or the layer failed. */
MUST_USE bool layer_get(struct layer *l, enum state_table table, struct bytes key,
                        struct bytes *value);
/* Set an entry. Owns: copies. Requires: sizes within the maxima of state_tree.h. */
void layer_put(struct layer *l, enum state_table table, struct bytes key, struct bytes value);

/* Index entries (KV_NAME, KV_TXID, KV_NONCE, KV_HISTORY, KV_RECORD) are only ever added; looking
 * one up stops at the lowest layer, since the base is not asked. */
void layer_put_index(struct layer *l, enum kv_table table, struct bytes key, struct bytes value);
MUST_USE bool layer_get_index(const struct layer *l, enum kv_table table, struct bytes key,
                              struct bytes *value);

/* RC_OK, or the first error that a read from the base met. */
MUST_USE enum rc layer_rc(const struct layer *l);
/* The same error on purpose: for typed reads that find an undecodable value. */
void layer_fail(struct layer *l, enum rc rc);

size_t layer_mark(const struct layer *l);
void layer_rollback(struct layer *l, size_t mark);

/* Copy all current entries of `from` into `into`. */
void layer_merge(struct layer *into, const struct layer *from);
/* Make the log of `from` that of `into`, whatever its length, and leave `from` as if cleared;
 * parents stay. What was lent from `from` is lent from `into` now. Requires: into is empty, both
 * stand on one base. */
void layer_move(struct layer *into, struct layer *from);

/* Walk what the layer itself holds, in the order of first setting; superseded entries are left out.
 * is_index tells a kv_table from a state_table. */
struct layer_entry {
    bool is_index;
    uint8_t table;
    struct bytes key;
    struct bytes value;
};
size_t layer_log_count(const struct layer *l);
/* False when entry `index` of the log is superseded. */
MUST_USE bool layer_log_at(const struct layer *l, size_t index, struct layer_entry *out);
size_t layer_bytes(const struct layer *l); /* memory held by entries */

#endif
