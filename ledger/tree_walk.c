/* Walking a whole tree, and finding where two differ. Both hash every node that they enter against
 * the node above, up to the root they were given, so neither believes the store. */
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/state_tree.h"
#include "ledger/tree_node.h"

void tree_path_set(struct digest *path, unsigned index, unsigned nibble)
{
    CHECK(index < TREE_DEPTH_MAX);
    CHECK(nibble < TREE_CHILDREN);
    uint8_t *byte = &path->bytes[index / 2];
    *byte = index % 2 == 0 ? (uint8_t)(nibble << 4 | (*byte & 0x0f))
                           : (uint8_t)((*byte & 0xf0) | nibble);
}

/* The place of the child in slot `nibble` of the node at `place`. */
static struct tree_place place_below(const struct tree_place *place, unsigned nibble,
                                     const struct tree_child *child)
{
    struct tree_place below = *place;
    tree_path_set(&below.path, place->depth, nibble);
    below.version = child->version;
    below.depth++;
    return below;
}

/* ---- walking ---- */

struct walk {
    struct kv_view *view;
    tree_visit *visit;
    void *context;
    struct why *why;
};

/* Recursion ends because a node at the last depth that decodes has no inner children. */
static enum rc walk_node(const struct walk *w, const struct tree_place *place,
                         const struct digest *expected)
{
    struct tree_node node;
    enum rc rc = tree_node_get_verified(&node, w->view, place, expected, w->why);
    for (unsigned i = 0; rc == RC_OK && i < TREE_CHILDREN; i++) {
        const struct tree_child *child = &node.child[i];
        if (child->kind == TREE_LEAF)
            rc = w->visit(w->context, &child->key_hash, child->table, child->key, child->value);
        if (child->kind == TREE_INNER) {
            struct tree_place below = place_below(place, i, child);
            rc = walk_node(w, &below, &child->hash);
        }
    }
    return rc;
}

enum rc tree_walk(struct kv_view *v, const struct tree_ref *ref, tree_visit *visit, void *context,
                  struct why *why)
{
    struct tree_place top = {.version = ref->version};
    return tree_walk_below(v, &top, &ref->root, visit, context, why);
}

enum rc tree_walk_below(struct kv_view *v, const struct tree_place *place,
                        const struct digest *expected, tree_visit *visit, void *context,
                        struct why *why)
{
    struct walk w = {v, visit, context, why};
    return walk_node(&w, place, expected);
}

/* ---- comparing ---- */

struct compare {
    struct kv_view *ours, *theirs;
    struct tree_difference *out;
};

static bool child_equal(const struct tree_child *a, const struct tree_child *b)
{
    if (a->kind == TREE_NONE || b->kind == TREE_NONE)
        return a->kind == b->kind;
    return digest_equal(&a->hash, &b->hash); /* tags tell leaves from nodes (pitfalls H7) */
}

/* The node that stands for child: itself, or, beside a deeper tree, a lone leaf or nothing. */
static enum rc open_child(struct tree_node *out, struct kv_view *v, const struct tree_child *child,
                          const struct tree_place *place)
{
    if (child->kind == TREE_INNER) {
        struct tree_place own = *place;
        own.version = child->version;
        return tree_node_get_verified(out, v, &own, &child->hash, NULL);
    }
    for (unsigned i = 0; i < TREE_CHILDREN; i++)
        out->child[i].kind = TREE_NONE;
    if (child->kind == TREE_LEAF)
        out->child[tree_nibble(&child->key_hash, place->depth)] = *child;
    return RC_OK;
}

/* Two slots without inner nodes that differ: the entry with the lower key_hash comes first. */
static void report(struct tree_difference *out, const struct tree_child *ours,
                   const struct tree_child *theirs)
{
    int order = 0;
    if (ours->kind == TREE_NONE)
        order = 1;
    else if (theirs->kind == TREE_NONE)
        order = -1;
    else
        order = memcmp(ours->key_hash.bytes, theirs->key_hash.bytes, DIGEST_BYTES);
    const struct tree_child *first = order <= 0 ? ours : theirs;
    *out = (struct tree_difference){.found = true, .table = first->table, .key = first->key};
    out->ours_has = order <= 0;
    out->theirs_has = order >= 0;
    out->ours = out->ours_has ? ours->value : bytes_of(NULL, 0);
    out->theirs = out->theirs_has ? theirs->value : bytes_of(NULL, 0);
}

static enum rc compare_child(const struct compare *c, const struct tree_child *ours,
                             const struct tree_child *theirs, const struct tree_place *place)
{
    if (child_equal(ours, theirs))
        return RC_OK;
    if (ours->kind != TREE_INNER && theirs->kind != TREE_INNER) {
        report(c->out, ours, theirs);
        return RC_OK;
    }
    struct tree_node our_node, their_node;
    enum rc rc = open_child(&our_node, c->ours, ours, place);
    if (rc == RC_OK)
        rc = open_child(&their_node, c->theirs, theirs, place);
    for (unsigned i = 0; rc == RC_OK && !c->out->found && i < TREE_CHILDREN; i++) {
        struct tree_place below = place_below(place, i, &our_node.child[i]);
        rc = compare_child(c, &our_node.child[i], &their_node.child[i], &below);
    }
    return rc;
}

static struct tree_child child_of_ref(const struct tree_ref *ref)
{
    return (struct tree_child){
        .kind = TREE_INNER, .has_hash = true, .version = ref->version, .hash = ref->root};
}

enum rc tree_compare(struct tree_difference *out, struct kv_view *ours_view,
                     const struct tree_ref *ours, struct kv_view *theirs_view,
                     const struct tree_ref *theirs)
{
    *out = (struct tree_difference){0};
    struct compare c = {ours_view, theirs_view, out};
    struct tree_child our_top = child_of_ref(ours), their_top = child_of_ref(theirs);
    struct tree_place top = {0};
    return compare_child(&c, &our_top, &their_top, &top);
}
