/* Taking a snapshot in, piece by piece. */
#include "ledger/store_intake.h"

#include <inttypes.h>

#include "crypto/base/check.h"
#include "ledger/store_intake_impl.h"

/* ---- the store's side ---- */

bool store_has_state(const struct store *s)
{
    return !(s->intake.is_open && s->intake.discards);
}

bool store_has_wrong_state(const struct store *s, struct why *why)
{
    if (s->is_state_wrong && why != NULL)
        *why = s->wrong_why;
    return s->is_state_wrong;
}

bool store_can_read_state(const struct store *s)
{
    return store_has_state(s) && !s->is_state_wrong;
}

bool store_is_taking_snapshot(const struct store *s)
{
    return s->intake.is_open;
}

/* Everything is flushed meanwhile, so the tree alone is asked. */
enum rc store_visit_known(void *context, struct bytes key)
{
    const struct store_known *known = context;
    struct store *s = known->store;
    struct bytes value;
    enum rc rc = store_can_read_state(s) ? tree_get(s->view, &s->derived.tree, s->options.care,
                                                    (uint8_t)known->table, key, &value)
                                         : RC_STORE_DAMAGED;
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    return rc == RC_OK ? known->visit(known->context, key) : rc;
}

/* ---- beginning ---- */

static struct snapshot_intake *intake_new(struct store *s)
{
    struct snapshot_intake *in = mem_alloc(sizeof *in);
    in->store = s;
    return in;
}

/* All anew: clearing first, then the root. names stay, because clearing leaves them where the state
 * is kept; they are names of the newer state too, as nothing is ever deleted. */
static void aim_at(struct snapshot_intake *in, const struct snapshot_target *target)
{
    static const struct snapshot_path top;
    in->target = *target;
    in->is_clearing = true;
    in->pieces_count = in->entries_count = in->bytes = 0;
    in->wants_count = in->asked_count = 0;
    if (in->discards)
        in->names_count = 0;
    snapshot_intake_add_want(in, &top, &target->root);
}

static enum rc judge_start(struct store *s, const struct snapshot_target *t, bool discards,
                           struct why *why)
{
    struct digest own;
    /* The newest certificate that can be read may be an older one (pitfalls D5). */
    if (s->history.exists && t->height < s->history.base.height)
        return why_set(why, RC_REFUSED,
                       "the snapshot at height %" PRIu64 " is below the one of height %" PRIu64
                       " that this store stands on",
                       t->height, s->history.base.height);
    /* The target may come to lie above the head (retarget), which is one gap more. */
    uint64_t above = s->head.height + 1;
    struct store_rebase rebase = {.head_height = s->head.height,
                                  .base_height = t->height < above ? above : t->height,
                                  .discards = discards};
    if (!store_history_has_room(&s->history, &rebase))
        return why_set(why, RC_REFUSED, "history has too many gaps for another snapshot: %s",
                       discards ? "begin with an empty store" : "let one of them be filled");
    if (t->height > s->head.height)
        return RC_OK;
    if (s->head.height - t->height > STORE_BEHIND_HEIGHTS_MAX)
        return why_set(why, RC_REFUSED,
                       "the snapshot at height %" PRIu64 " is more than %d heights below the head",
                       t->height, STORE_BEHIND_HEIGHTS_MAX);
    /* An own one that is damaged says nothing (pitfalls D5). What is certified takes its place. */
    enum rc rc = store_get_digest(s, t->height, &own, why);
    if (rc == RC_STORE_DAMAGED)
        return RC_OK;
    if (rc != RC_OK || digest_equal(&own, &t->digest))
        return rc;
    return why_set(why, RC_PROOF,
                   "the block at height %" PRIu64 " is another than the one that was certified",
                   t->height);
}

enum rc snapshot_intake_start(struct snapshot_intake **out, struct store *s, struct kv_batch *batch,
                              const struct snapshot_target *target, bool discards, struct why *why)
{
    *out = NULL;
    store_check_settled(s);
    CHECK(!s->intake.is_open);
    CHECK(s->undone_count == 0);
    CHECK(target->height > 0);
    CHECK(discards || target->height > s->head.height);
    CHECK(discards || s->derived.flushed_height == s->head.height);
    enum rc rc = judge_start(s, target, discards, why);
    if (rc != RC_OK)
        return rc;
    struct snapshot_intake *in = intake_new(s);
    in->discards = discards;
    aim_at(in, target);
    if (discards)
        store_drop_layers(s);
    snapshot_intake_put(in, batch);
    *out = in;
    return RC_OK;
}

enum rc snapshot_intake_begin_again(struct snapshot_intake *in, struct kv_batch *batch,
                                    bool discards, struct why *why)
{
    const struct snapshot_target target = in->target;
    bool is_news = discards && !in->discards;
    enum rc rc = is_news ? judge_start(in->store, &target, true, why) : RC_OK;
    if (rc != RC_OK)
        return rc;
    in->discards = discards || in->discards;
    in->is_abandoned = false;
    aim_at(in, &target);
    if (is_news)
        store_drop_layers(in->store);
    snapshot_intake_put(in, batch);
    return RC_OK;
}

enum rc snapshot_intake_open(struct snapshot_intake **out, struct store *s, struct why *why)
{
    struct snapshot_intake *in = intake_new(s);
    *out = NULL;
    enum rc rc = snapshot_intake_load(in, s->view, why);
    if (rc != RC_OK) {
        snapshot_intake_close(in);
        return rc;
    }
    *out = in;
    return RC_OK;
}

void snapshot_intake_close(struct snapshot_intake *in)
{
    if (in == NULL)
        return;
    mem_free(in->wants);
    buf_free(&in->names_done);
    mem_free(in);
}

void snapshot_intake_retarget(struct snapshot_intake *in, struct kv_batch *batch,
                              const struct snapshot_target *target)
{
    CHECK(target->height > in->target.height);
    CHECK(!in->is_abandoned);
    aim_at(in, target);
    snapshot_intake_put(in, batch);
}

struct snapshot_target snapshot_intake_target(const struct snapshot_intake *in)
{
    return in->target;
}

/* ---- clearing ---- */

/* Add deletions of a table's keys from `from` on; *left of them at most. */
static enum rc clear_table(struct kv_batch *batch, struct kv_view *v, enum kv_table table,
                           struct bytes from, size_t *left)
{
    struct kv_cursor *c;
    struct bytes key, value;
    enum rc rc = kv_cursor_open(&c, v, table);
    if (rc != RC_OK)
        return rc;
    rc = kv_cursor_seek(c, from, &key, &value);
    /* A value that is rotten may go: its key is known. */
    while ((rc == RC_OK || (rc == RC_STORE_DAMAGED && key.size > 0)) && *left > 0) {
        kv_batch_delete(batch, table, key);
        --*left;
        rc = kv_cursor_next(c, &key, &value);
    }
    kv_cursor_close(c);
    return rc == RC_NOT_FOUND || *left == 0 ? RC_OK : rc;
}

/* Where the state is kept, only nodes of an older target are in the way: the store's own are of
 * versions up to the flushed height. */
enum rc snapshot_intake_clear_kept(struct snapshot_intake *in, struct kv_batch *batch, size_t *left)
{
    uint8_t room[8];
    struct store *s = in->store;
    return clear_table(batch, s->view, KV_TREE,
                       store_height_key(room, s->derived.flushed_height + 1), left);
}

static enum rc clear_all(struct snapshot_intake *in, struct kv_batch *batch, size_t *left)
{
    static const enum kv_table trees[] = {KV_TREE, KV_ROOT, KV_STALE};
    enum { TREES_COUNT = sizeof trees / sizeof trees[0] };
    enum rc rc = RC_OK;
    for (size_t i = 0; i < TREES_COUNT && rc == RC_OK; i++)
        rc = clear_table(batch, in->store->view, trees[i], bytes_of(NULL, 0), left);
    for (size_t i = 0; i < STORE_INDEXES_COUNT && rc == RC_OK; i++)
        rc = clear_table(batch, in->store->view, store_indexes[i], bytes_of(NULL, 0), left);
    return rc;
}

bool snapshot_intake_is_clearing(const struct snapshot_intake *in)
{
    return in->is_clearing;
}

enum rc snapshot_intake_clear(struct snapshot_intake *in, struct kv_batch *batch, struct why *why)
{
    size_t left = SNAPSHOT_CLEAR_KEYS_MAX;
    CHECK(in->is_clearing);
    enum rc rc = kv_view_renew(in->store->view, why);
    if (rc != RC_OK)
        return rc;
    rc = in->discards ? clear_all(in, batch, &left) : snapshot_intake_clear_kept(in, batch, &left);
    if (rc != RC_OK)
        return why_set(why, rc, "the old state cannot be cleared away: %s", rc_text(rc));
    /* It ends with a step that finds nothing, so that the view shows what taking has to see. */
    in->is_clearing = left < SNAPSHOT_CLEAR_KEYS_MAX;
    snapshot_intake_put(in, batch);
    return RC_OK;
}

/* ---- asking ---- */

bool snapshot_intake_ask(struct snapshot_intake *in, struct snapshot_path *path)
{
    struct snapshot_want *deepest = NULL;
    if (in->is_clearing || in->asked_count == SNAPSHOT_ASKED_MAX)
        return false;
    for (uint32_t i = 0; i < in->wants_count; i++) {
        struct snapshot_want *want = &in->wants[i];
        if (!want->is_asked && (deepest == NULL || want->path.depth > deepest->path.depth))
            deepest = want;
    }
    if (deepest == NULL)
        return false;
    deepest->is_asked = true;
    in->asked_count++;
    *path = deepest->path;
    return true;
}

static struct snapshot_want *find_want(const struct snapshot_intake *in,
                                       const struct snapshot_path *path)
{
    for (uint32_t i = 0; i < in->wants_count; i++) {
        if (snapshot_path_equal(&in->wants[i].path, path))
            return &in->wants[i];
    }
    return NULL;
}

bool snapshot_intake_wants(const struct snapshot_intake *in, const struct snapshot_path *path)
{
    return !in->is_clearing && find_want(in, path) != NULL;
}

void snapshot_intake_give_up(struct snapshot_intake *in, const struct snapshot_path *path)
{
    struct snapshot_want *want = find_want(in, path);
    if (want == NULL || !want->is_asked)
        return;
    want->is_asked = false;
    in->asked_count--;
}

/* Keeps what is wanted below SNAPSHOT_WANTS_MAX, as is shown there. */
static bool may_open(const struct snapshot_intake *in, const struct snapshot_want *want)
{
    uint32_t deeper_count = 0;
    if (want->is_asked || in->wants_count <= SNAPSHOT_WANTS_FREE_MAX)
        return true;
    for (uint32_t i = 0; i < in->wants_count; i++)
        deeper_count += in->wants[i].path.depth > want->path.depth;
    return deeper_count < SNAPSHOT_ASKED_MAX;
}

enum snapshot_fault snapshot_intake_judge(const struct snapshot_intake *in,
                                          struct snapshot_piece *out,
                                          const struct snapshot_path *path, struct bytes piece)
{
    const struct snapshot_want *want = in->is_clearing ? NULL : find_want(in, path);
    *out = (struct snapshot_piece){.bytes = 0};
    if (want == NULL)
        return SNAPSHOT_NOT_ASKED;
    enum snapshot_fault fault = snapshot_judge(out, piece, path, &want->hash);
    if (fault != SNAPSHOT_OK || !out->is_node || may_open(in, want))
        return fault;
    snapshot_piece_close(out);
    return SNAPSHOT_NOT_ASKED;
}

/* ---- taking ---- */

static void stage_node(struct snapshot_intake *in, struct kv_batch *batch,
                       const struct snapshot_piece *piece)
{
    uint8_t key[TREE_PLACE_KEY_BYTES_MAX];
    struct tree_place place = {in->target.height, piece->path.depth, piece->path.nibbles};
    struct tree_node node = piece->node;
    struct buf value = {0};
    for (unsigned i = 0; i < TREE_CHILDREN; i++) {
        if (node.child[i].kind != TREE_INNER)
            continue;
        struct snapshot_path below = piece->path;
        node.child[i].version = in->target.height;
        tree_path_set(&below.nibbles, below.depth++, i);
        snapshot_intake_add_want(in, &below, &node.child[i].hash);
    }
    tree_node_encode(&value, &node);
    kv_batch_put(batch, KV_TREE, tree_place_encode(key, &place), buf_bytes(&value));
    buf_free(&value);
}

static void stage_entries(struct snapshot_intake *in, struct kv_batch *batch,
                          const struct snapshot_piece *piece)
{
    struct digest hash;
    struct tree_place place = {in->target.height, piece->path.depth, piece->path.nibbles};
    tree_build(&hash, batch, &place, piece->entries, piece->entries_count);
}

/* No entry hangs in two pieces, so a name that the view does not show is a new one. */
static enum rc stage_names(struct snapshot_intake *in, struct kv_batch *batch,
                           const struct snapshot_piece *piece)
{
    for (size_t i = 0; i < piece->entries_count; i++) {
        uint8_t room[1 + STATE_KEY_BYTES_MAX];
        struct wr w = wr_of(room, sizeof room);
        struct bytes value;
        wr_u8(&w, piece->entries[i].table);
        wr_bytes(&w, piece->entries[i].key);
        enum rc rc = kv_get(in->store->view, KV_NAME, wr_bytes_of(&w), &value);
        if (rc == RC_OK)
            continue;
        if (rc != RC_NOT_FOUND)
            return rc;
        kv_batch_put(batch, KV_NAME, wr_bytes_of(&w), bytes_of(NULL, 0));
        in->names_count++;
    }
    return RC_OK;
}

enum rc snapshot_intake_take(struct snapshot_intake *in, struct kv_batch *batch,
                             const struct snapshot_piece *piece, struct why *why)
{
    struct snapshot_want *want = find_want(in, &piece->path);
    CHECK(want != NULL);
    CHECK(!in->is_clearing);
    in->asked_count -= want->is_asked;
    *want = in->wants[--in->wants_count];
    if (piece->is_node)
        stage_node(in, batch, piece);
    else
        stage_entries(in, batch, piece);
    enum rc rc = stage_names(in, batch, piece);
    if (rc != RC_OK)
        return why_set(why, rc, "the index of names cannot be read: %s", rc_text(rc));
    in->pieces_count++;
    in->entries_count += piece->entries_count;
    in->bytes += piece->bytes;
    snapshot_intake_put(in, batch);
    return RC_OK;
}

bool snapshot_intake_is_whole(const struct snapshot_intake *in)
{
    return !in->is_clearing && !in->is_abandoned && in->wants_count == 0;
}

/* ---- for people ---- */

/* What hangs below a path of depth d is a 16^d-th of the tree. */
static uint32_t done_per_mille(const struct snapshot_intake *in)
{
    enum { DEPTH_COUNTED_MAX = 8 }; /* what is deeper does not show */
    uint64_t whole = UINT64_C(1) << 4 * DEPTH_COUNTED_MAX, missing = 0;
    for (uint32_t i = 0; i < in->wants_count; i++) {
        unsigned depth = in->wants[i].path.depth;
        if (depth <= DEPTH_COUNTED_MAX)
            missing += whole >> 4 * depth;
    }
    return (uint32_t)((whole - missing) * 1000 / whole);
}

struct snapshot_progress snapshot_intake_progress(const struct snapshot_intake *in)
{
    return (struct snapshot_progress){.height = in->target.height,
                                      .is_clearing = in->is_clearing,
                                      .pieces_done = in->pieces_count,
                                      .pieces_wanted = in->wants_count,
                                      .entries_count = in->entries_count,
                                      .bytes = in->bytes,
                                      .done_per_mille = done_per_mille(in)};
}
