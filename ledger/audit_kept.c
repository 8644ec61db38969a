/* What the store will drop, and what it must not: the list of stale nodes against the trees that
 * are kept. Dropping believes the list (state_tree.h), so a hostile entry on it would delete a node
 * that is still in use, some checkpoints later and with right checksums all the way.
 *
 * An entry (v, node) is dropped once the oldest tree kept is of a height >= v. So no tree of such a
 * height may use the node: not the flushed one, from which all later ones grow, and not those that
 * are kept for proofs. Nodes still to come have versions above the flushed height, and v, which is
 * above the node's version, may not be: an entry cannot lie in wait for them. */
#include "ledger/audit_parts.h"

#include <inttypes.h>

#include "crypto/base/check.h"
#include "ledger/tree_node.h"

/* Ask whether to go on after so many entries: some milliseconds. */
enum { ENTRIES_PER_TICK = 1024 };

/* The flushed tree, those of the last two checkpoint heights, and the one that proofs are made
 * from, which may be of a quiet height in between. */
enum { TREES_MAX = 4 };

struct kept_tree {
    uint64_t height; /* the highest one that it is kept for */
    struct tree_ref ref;
};

struct kept {
    const struct audit_subject *subject;
    struct kv_view *view;
    const struct audit_tick *tick;
    struct audit_fault *f;
    size_t trees_count;
    struct kept_tree trees[TREES_MAX];
    uint64_t entries_count; /* seen, for the tick */
};

static bool tick_now(struct kept *k)
{
    return ++k->entries_count % ENTRIES_PER_TICK != 0 || audit_tick_ask(k->tick);
}

/* ---- the trees ---- */

static void add_tree(struct kept *k, uint64_t height, const struct tree_ref *ref)
{
    for (size_t i = 0; i < k->trees_count; i++) {
        struct kept_tree *known = &k->trees[i];
        if (known->ref.version != ref->version || !digest_equal(&known->ref.root, &ref->root))
            continue;
        if (known->height < height)
            known->height = height;
        return;
    }
    CHECK(k->trees_count < TREES_MAX);
    k->trees[k->trees_count++] = (struct kept_tree){.height = height, .ref = *ref};
}

/* The tree that stood at a height: the newest root that is not above it. Its value was held against
 * the replayed one when the height came. */
static bool add_tree_at(struct kept *k, uint64_t height)
{
    uint8_t before[8];
    struct wr w = wr_of(before, sizeof before);
    wr_be64(&w, height + 1);
    struct kv_cursor *cursor = NULL;
    struct bytes key = {0};
    struct bytes value = {0};
    enum rc rc = kv_cursor_open(&cursor, k->view, KV_ROOT);
    if (rc == RC_OK) {
        rc = kv_cursor_seek_before(cursor, wr_bytes_of(&w), &key, &value);
        kv_cursor_close(cursor);
    }
    if (rc != RC_OK)
        return audit_fault_read(k->f, rc, height, KV_ROOT);
    struct tree_ref ref;
    struct rd key_rd = rd_of(key);
    struct rd value_rd = rd_of(value);
    ref.version = rd_be64(&key_rd);
    rd_copy(&value_rd, ref.root.bytes, DIGEST_BYTES);
    if (!rd_done(&key_rd) || !rd_done(&value_rd))
        return audit_fault_set(k->f, RC_PROOF, height, "state root: the entry is not a digest");
    add_tree(k, height, &ref);
    return true;
}

static bool find_trees(struct kept *k, struct store *s)
{
    const struct audit_subject *subject = k->subject;
    add_tree(k, subject->flushed_height, &subject->tree);
    for (int i = 1; i >= 0; i--)
        if (subject->kept.heights[i] > 0 && !add_tree_at(k, subject->kept.heights[i]))
            return false;
    struct certificate certificate;
    struct tree_ref served;
    struct why why = {{0}};
    enum rc rc = store_get_checkpoint(s, &certificate, &served, &why);
    if (rc == RC_NOT_FOUND)
        return true;
    if (rc != RC_OK)
        return audit_fault_set(k->f, rc, subject->flushed_height, "checkpoint: %s", why.text);
    add_tree(k, certificate.statement.height, &served);
    return true;
}

static enum rc pass_entry(void *context, const struct digest *key_hash, uint8_t table,
                          struct bytes key, struct bytes value)
{
    (void)key_hash, (void)table, (void)key, (void)value;
    return tick_now(context) ? RC_OK : RC_INTERRUPTED;
}

/* Proofs are made from these, and state is sent from them. The flushed one, which stands first, was
 * walked when its entries were compared. */
static bool walk_trees(struct kept *k)
{
    for (size_t i = 1; i < k->trees_count; i++) {
        const struct kept_tree *tree = &k->trees[i];
        struct why why = {{0}};
        enum rc rc = tree_walk(k->view, &tree->ref, pass_entry, k, &why);
        if (rc != RC_OK)
            return audit_fault_set(k->f, rc, tree->height, "kept tree: %s",
                                   why.text[0] != '\0' ? why.text : rc_text(rc));
    }
    return true;
}

/* ---- the list ---- */

/* The version of this tree's node at that path; RC_NOT_FOUND when there is none. The tree was
 * walked, so reading succeeds unless the disk fails just now. */
static enum rc find_version(uint64_t *version, struct kv_view *v, const struct tree_ref *ref,
                            const struct tree_place *wanted)
{
    struct tree_place place = {.version = ref->version, .path = wanted->path};
    struct tree_node node;
    for (; place.depth < wanted->depth; place.depth++) {
        enum rc rc = tree_node_get(&node, v, &place);
        if (rc != RC_OK)
            return rc;
        const struct tree_child *child = &node.child[tree_nibble(&wanted->path, place.depth)];
        if (child->kind != TREE_INNER)
            return RC_NOT_FOUND;
        place.version = child->version;
    }
    *version = place.version;
    return RC_OK;
}

static bool belongs_to_nothing(struct kept *k, struct bytes key)
{
    char text[AUDIT_KEY_TEXT_BYTES];
    return audit_fault_set(k->f, RC_PROOF, k->subject->flushed_height,
                           "table stale: an entry that belongs to nothing (key %s)",
                           audit_key_text(text, key));
}

static bool judge_stale(struct kept *k, struct bytes key, struct bytes value)
{
    uint64_t height = k->subject->flushed_height;
    char text[AUDIT_KEY_TEXT_BYTES];
    struct rd r = rd_of(key);
    uint64_t replaced_by = rd_be64(&r);
    struct tree_place place;
    if (r.failed || !tree_place_decode(&place, rd_take(&r, r.left)) || value.size != 0 ||
        place.version >= replaced_by || replaced_by > height)
        return belongs_to_nothing(k, key);
    for (size_t i = 0; i < k->trees_count; i++) {
        const struct kept_tree *tree = &k->trees[i];
        uint64_t version = 0;
        if (tree->height < replaced_by)
            continue;
        enum rc rc = find_version(&version, k->view, &tree->ref, &place);
        if (rc != RC_OK && rc != RC_NOT_FOUND)
            return audit_fault_read(k->f, rc, tree->height, KV_TREE);
        if (rc == RC_OK && version == place.version)
            return audit_fault_set(k->f, RC_PROOF, height,
                                   "table stale: an entry drops a node that the tree of height "
                                   "%" PRIu64 " needs (key %s)",
                                   tree->height, audit_key_text(text, key));
        /* What was replaced stays replaced: entries of the state are never taken away. */
        if (rc == RC_NOT_FOUND || version < replaced_by)
            return belongs_to_nothing(k, key);
    }
    return true;
}

static bool judge_list(struct kept *k)
{
    struct kv_cursor *cursor = NULL;
    enum rc rc = kv_cursor_open(&cursor, k->view, KV_STALE);
    if (rc != RC_OK)
        return audit_fault_read(k->f, rc, k->subject->flushed_height, KV_STALE);
    struct bytes key = {0};
    struct bytes value = {0};
    for (rc = kv_cursor_seek(cursor, key, &key, &value); rc == RC_OK;
         rc = kv_cursor_next(cursor, &key, &value)) {
        if (!judge_stale(k, key, value))
            break;
        if (!tick_now(k)) {
            rc = RC_INTERRUPTED;
            break;
        }
    }
    kv_cursor_close(cursor);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return audit_fault_read(k->f, rc, k->subject->flushed_height, KV_STALE);
    return k->f->rc == RC_OK;
}

bool audit_kept_judge(struct store *s, const struct audit_subject *subject, struct kv_view *v,
                      const struct audit_tick *tick, struct audit_fault *f)
{
    struct kept k = {.subject = subject, .view = v, .tick = tick, .f = f};
    return find_trees(&k, s) && walk_trees(&k) && judge_list(&k);
}
