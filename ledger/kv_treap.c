#include "ledger/kv_treap.h"

#include <string.h>

#include "crypto/base/check.h"
#include "crypto/checksum.h"

/* A key and its value, shared by all copies of its node. */
struct item {
    size_t refs;
    size_t key_bytes;
    size_t value_bytes;
    uint8_t data[];
};

struct treap {
    size_t refs;
    uint64_t priority; /* not lower than the children's */
    uint64_t front;    /* of its key: front_of() */
    struct item *item;
    struct treap *left;
    struct treap *right;
};

/* ---- items and nodes ---- */

static struct item *item_new(struct bytes key, struct bytes value)
{
    struct item *item = mem_alloc(sizeof *item + key.size + value.size);
    *item = (struct item){.refs = 1, .key_bytes = key.size, .value_bytes = value.size};
    memcpy(item->data, key.data, key.size);
    memcpy(item->data + key.size, value.data, value.size);
    return item;
}

static void item_drop(struct item *item)
{
    CHECK(item->refs > 0);
    if (--item->refs == 0)
        mem_free(item);
}

struct bytes treap_key(const struct treap *n)
{
    return bytes_of(n->item->data, n->item->key_bytes);
}

struct bytes treap_value(const struct treap *n)
{
    return bytes_of(n->item->data + n->item->key_bytes, n->item->value_bytes);
}

struct treap *treap_share(struct treap *n)
{
    if (n != NULL)
        n->refs++;
    return n;
}

/* Goes as deep as the treap, which is O(log n) for hashed priorities. */
void treap_drop(struct treap *n)
{
    while (n != NULL) {
        CHECK(n->refs > 0);
        if (--n->refs > 0)
            return;
        struct treap *right = n->right;
        treap_drop(n->left);
        item_drop(n->item);
        mem_free(n);
        n = right;
    }
}

/* A node to write into, in exchange for a reference to n: n itself when nobody else holds it. */
static struct treap *node_own(struct treap *n)
{
    if (n->refs == 1)
        return n;
    struct treap *copy = mem_alloc(sizeof *copy);
    *copy = *n;
    copy->refs = 1;
    copy->item->refs++;
    treap_share(copy->left);
    treap_share(copy->right);
    n->refs--;
    return copy;
}

/* ---- the treap ---- */

static uint64_t priority_of(struct bytes key)
{
    return checksum_of(0, bytes_of(NULL, 0), key);
}

/* The first bytes of a key as a number, which orders as they do: mostly that is enough to know
 * where to go on, and spares the way to the key itself. */
static uint64_t front_of(struct bytes key)
{
    uint64_t front = 0;
    size_t size = key.size < sizeof front ? key.size : sizeof front;
    for (size_t i = 0; i < sizeof front; i++)
        front = front << 8 | (i < size ? key.data[i] : 0);
    return front;
}

/* As bytes_compare(key, treap_key(n)). */
static int compare(uint64_t front, struct bytes key, const struct treap *n)
{
    if (front != n->front)
        return front < n->front ? -1 : 1;
    return bytes_compare(key, treap_key(n));
}

struct treap *treap_find(struct treap *n, struct bytes key)
{
    uint64_t front = front_of(key);
    while (n != NULL) {
        int order = compare(front, key, n);
        if (order == 0)
            return n;
        n = order < 0 ? n->left : n->right;
    }
    return NULL;
}

struct treap *treap_after(struct treap *n, struct bytes key, bool equal_too)
{
    struct treap *best = NULL;
    uint64_t front = front_of(key);
    while (n != NULL) {
        int order = compare(front, key, n);
        if (order < 0 || (order == 0 && equal_too)) {
            best = n;
            n = n->left;
        } else {
            n = n->right;
        }
    }
    return best;
}

struct treap *treap_before(struct treap *n, struct bytes key)
{
    struct treap *best = NULL;
    uint64_t front = front_of(key);
    while (n != NULL) {
        if (compare(front, key, n) > 0) {
            best = n;
            n = n->right;
        } else {
            n = n->left;
        }
    }
    return best;
}

struct treap *treap_last(struct treap *n)
{
    while (n != NULL && n->right != NULL)
        n = n->right;
    return n;
}

/* Take n apart into the keys below key and those above. Requires: key is not in n. */
static void treap_split(struct treap *n, struct bytes key, struct treap **below,
                        struct treap **above)
{
    uint64_t front = front_of(key);
    while (n != NULL) {
        n = node_own(n);
        if (compare(front, key, n) > 0) {
            *below = n;
            below = &n->right;
            n = n->right;
        } else {
            *above = n;
            above = &n->left;
            n = n->left;
        }
    }
    *below = *above = NULL;
}

/* Join two trees into *at. Requires: all keys of a are below those of b. */
static void treap_join(struct treap *a, struct treap *b, struct treap **at)
{
    while (a != NULL && b != NULL) {
        if (a->priority >= b->priority) {
            *at = a = node_own(a);
            at = &a->right;
            a = a->right;
        } else {
            *at = b = node_own(b);
            at = &b->left;
            b = b->left;
        }
    }
    *at = a != NULL ? a : b;
}

/* A key that is there lies above all nodes of lower priority, so
 * the way down meets it before the place for a new node. */
bool treap_put(struct treap **at, struct bytes key, struct bytes value)
{
    uint64_t priority = priority_of(key), front = front_of(key);
    while (*at != NULL && (*at)->priority >= priority) {
        struct treap *n = *at = node_own(*at);
        int order = compare(front, key, n);
        if (order == 0) {
            item_drop(n->item);
            n->item = item_new(key, value);
            return false;
        }
        at = order < 0 ? &n->left : &n->right;
    }
    struct treap *fresh = mem_alloc(sizeof *fresh);
    *fresh = (struct treap){
        .refs = 1, .priority = priority, .front = front, .item = item_new(key, value)};
    treap_split(*at, key, &fresh->left, &fresh->right);
    *at = fresh;
    return true;
}

bool treap_delete(struct treap **at, struct bytes key)
{
    if (treap_find(*at, key) == NULL)
        return false; /* before any path is copied */
    for (uint64_t front = front_of(key);;) {
        struct treap *n = *at = node_own(*at);
        int order = compare(front, key, n);
        if (order == 0)
            break;
        at = order < 0 ? &n->left : &n->right;
    }
    struct treap *gone = *at;
    treap_join(gone->left, gone->right, at);
    item_drop(gone->item);
    mem_free(gone);
    return true;
}
