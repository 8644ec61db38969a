/* A persistent ordered map for kv_mem: a treap (Seidel and Aragon 1996) whose nodes are immutable
 * once shared. Sharing a root is a picture of the whole map; a write copies just the path to what
 * it changes, or writes in place where nobody else looks. Priorities are hashes of the keys, so the
 * shape depends on the contents alone and a simulation repeats exactly.
 *
 * Reference counts are plain integers: a map, with all that shares it, belongs to one thread. */
#ifndef LEDGER_KV_TREAP_H
#define LEDGER_KV_TREAP_H

#include "crypto/base/bytes.h"

/* A map is a pointer to its root, NULL when empty, and holds one reference to it. */
struct treap;

struct bytes treap_key(const struct treap *n);   /* lends as long as the node is referenced */
struct bytes treap_value(const struct treap *n); /* the same */

struct treap *treap_share(struct treap *n); /* one more reference */
void treap_drop(struct treap *n);           /* one less */

/* Returns whether the key is new. Owns: copies key and value. */
bool treap_put(struct treap **root, struct bytes key, struct bytes value);
/* Returns whether the key was there. */
bool treap_delete(struct treap **root, struct bytes key);

/* These return NULL when there is no such node. */
struct treap *treap_find(struct treap *root, struct bytes key);
/* The first node whose key is > key, or >= key when equal_too. */
struct treap *treap_after(struct treap *root, struct bytes key, bool equal_too);
struct treap *treap_before(struct treap *root, struct bytes key); /* the last whose key is < key */
struct treap *treap_last(struct treap *root);

#endif
