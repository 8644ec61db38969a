/* Taking a snapshot in: the receiving side of PROTOCOL.md 9.3. Pieces of the state tree at a
 * certified checkpoint come in any order and from anywhere, are judged (snapshot.h), and go into
 * the store batch by batch, together with the list of what is still wanted: after a crash between
 * any two batches it goes on from there. When all are in, one batch makes the store stand at that
 * height.
 *
 *   snapshot_intake_start(&in, s, batch, &target, discards)      commit
 *   while (snapshot_intake_is_clearing(in))
 *       snapshot_intake_clear(in, batch)                         commit
 *   while (!snapshot_intake_is_whole(in))
 *       snapshot_intake_ask(in, &path) ...   up to SNAPSHOT_ASKED_MAX at once
 *       snapshot_intake_judge(in, &piece, &path, bytes)
 *       snapshot_intake_take(in, batch, &piece)                  commit
 *   store_stage_snapshot(s, batch, in, &header, &checkpoint)     commit
 *   store_on_snapshot(s), snapshot_intake_close(in)
 *
 * Two kinds. A node that is behind keeps its state until that last batch: it is read as before,
 * although nothing is appended to it any more; what the intake puts stands beside it. A node that
 * has diverged (8.2) discards its state first, and all its indexes: from the start to the last
 * batch the store has no state (store_has_state()), only its chain. (Whoever wants to keep the old
 * state copies the store before.) In both the blocks held stay.
 *
 * The nodes are written as tree_update() from nothing would write them under the checkpoint's
 * height, so a peer's tree and this one's are the same but for the versions in them.
 *
 * While an intake is under way nothing may be appended or flushed. All that is staged here becomes
 * durable in the order of staging; several batches may be under way at once, but where it says
 * "settled", everything staged before must be durable and told (store_on_durable() will do).
 *
 * KV_META:
 *   "intake" -> height u64 | digest 32 | root 32 | discards u8 | phase u8 | pieces u64 |
 *               entries u64 | bytes u64 | names u64 | wants_count u32 | per want: path | hash 32
 * phase: 0 pieces are taken, 1 what is in their way is cleared, 2 it is abandoned, and wants
 * nothing. names counts what it put into KV_NAME beyond "derived". (path: snapshot.h) */
#ifndef LEDGER_STORE_INTAKE_H
#define LEDGER_STORE_INTAKE_H

#include "ledger/snapshot.h"
#include "ledger/store_history.h"

enum {
    /* PROTOCOL.md 16: 8 fetches in all. */
    SNAPSHOT_ASKED_MAX = 8,
    /* So many may be wanted before it matters what was asked for: a tree over hashes of a billion
     * keys, asked for deepest first, wants some thousand at once. */
    SNAPSHOT_WANTS_FREE_MAX = 1024,
    /* Above that a node is taken only where it is asked for, or fewer than 8 are wanted below its
     * depth; and as the deepest is asked for first, fewer than 8 were wanted below it then too, all
     * of them asked for before. So when the last node of a depth was asked for, or came unasked,
     * there were 7 below it; since then 8 that were asked for have been opened at most, and that
     * one, which give 16 each. That is what any depth has beyond what was wanted when it began to
     * matter, whoever sends what, and in whatever order. (Who opened the tree breadth first, by
     * nodes that nobody asked for or that are late, would else have all of its nodes wanted.) */
    SNAPSHOT_WANTS_MAX =
        SNAPSHOT_WANTS_FREE_MAX + TREE_CHILDREN +
        TREE_DEPTH_MAX * (SNAPSHOT_ASKED_MAX + (SNAPSHOT_ASKED_MAX + 1) * TREE_CHILDREN),
    /* Names are spread over their whole table: some 10,000 entries of a piece may make as many
     * pages dirty, of the 131,071 that LMDB allows in one transaction (pitfalls J4). */
    SNAPSHOT_PIECES_PER_BATCH_MAX = 4,
    SNAPSHOT_CLEAR_KEYS_MAX = 16384 /* in one step: 16384 dirty pages at most (pitfalls J4) */
};
_Static_assert(SNAPSHOT_WANTS_MAX *(SNAPSHOT_PATH_BYTES_MAX + DIGEST_BYTES) + 256 <=
                   KV_VALUE_BYTES_MAX,
               "what is wanted is one value");

/* What a CHECKPOINT certificate says. */
struct snapshot_target {
    uint64_t height;
    struct digest digest; /* of the block at that height */
    struct digest root;   /* of the state tree after it */
};

struct snapshot_intake;

/* Begin. Stages that it has begun. Requires: settled; no intake is under way; unless it discards,
 * height is above the head and everything is flushed (store_flush()). A discarding one ends what
 * was lent from store_layer(), and needs layers on it to be gone. Where the chain's own entry at
 * that height is damaged the certified one takes its place (pitfalls D5).
 * Returns: RC_OK | RC_REFUSED (words: too many gaps in history; the head is too far above; below an
 * earlier snapshot of this store) | RC_PROOF (the store's own block at that height is another) |
 * RC_STORE_IO. */
MUST_USE enum rc snapshot_intake_start(struct snapshot_intake **out, struct store *s,
                                       struct kv_batch *batch, const struct snapshot_target *target,
                                       bool discards, struct why *why);
/* Go on with the one that is under way. Owns: borrows s until closed.
 * Returns: RC_OK | RC_NOT_FOUND (none is under way) | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc snapshot_intake_open(struct snapshot_intake **out, struct store *s,
                                      struct why *why);
void snapshot_intake_close(struct snapshot_intake *in);

/* A newer checkpoint is certified, or the old one is no longer to be had: all pieces are dropped,
 * none is used again, and clearing begins anew. Requires: settled; target->height is above the old
 * one. */
void snapshot_intake_retarget(struct snapshot_intake *in, struct kv_batch *batch,
                              const struct snapshot_target *target);
struct snapshot_target snapshot_intake_target(const struct snapshot_intake *in);

/* Before pieces are wanted, what is in their way goes: pieces of an older target, and a state that
 * is discarded. One bounded step. Requires: it is clearing; settled. Renews the view.
 * Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO; then the batch is useless. */
bool snapshot_intake_is_clearing(const struct snapshot_intake *in);
MUST_USE enum rc snapshot_intake_clear(struct snapshot_intake *in, struct kv_batch *batch,
                                       struct why *why);

/* Nobody has it, and no newer one is certified: what was taken goes, step by step as in clearing,
 * and then the store goes on from the state that it kept, as if there had been no intake. Requires:
 * it does not discard; settled. */
void snapshot_intake_abandon(struct snapshot_intake *in, struct kv_batch *batch);
bool snapshot_intake_is_abandoned(const struct snapshot_intake *in);
/* One bounded step. *is_done: the batch ends the intake, and it can only be closed. Requires: it is
 * abandoned; settled. Renews the view. Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO; then the
 * batch is useless. */
MUST_USE enum rc snapshot_intake_undo(struct snapshot_intake *in, struct kv_batch *batch,
                                      bool *is_done, struct why *why);

/* The next path to ask a peer for; it counts as asked until it is taken or given up. False, and
 * *path as it was: none is left, or SNAPSHOT_ASKED_MAX are asked for. What was asked is forgotten
 * with the object. */
MUST_USE bool snapshot_intake_ask(struct snapshot_intake *in, struct snapshot_path *path);
/* The peer did not answer, or answered badly: the path will be asked for again. Nothing happens
 * when it was not asked for. */
void snapshot_intake_give_up(struct snapshot_intake *in, const struct snapshot_path *path);
/* Whether the piece at this path is neither here nor staged, be it asked for or not. */
bool snapshot_intake_wants(const struct snapshot_intake *in, const struct snapshot_path *path);
/* Judge an answer, also one that was given up meanwhile: as snapshot_judge(), and
 * SNAPSHOT_NOT_ASKED where it is not wanted, or is a good node that is not asked for and would make
 * too many wanted (SNAPSHOT_WANTS_FREE_MAX). The caller closes the piece. */
MUST_USE enum snapshot_fault snapshot_intake_judge(const struct snapshot_intake *in,
                                                   struct snapshot_piece *out,
                                                   const struct snapshot_path *path,
                                                   struct bytes piece);
/* Stage a piece that was judged good with nothing asked, given up or taken since; no more than
 * SNAPSHOT_PIECES_PER_BATCH_MAX in one batch. Returns: RC_OK | RC_STORE_DAMAGED (the index of names
 * cannot be read, and goes with the state: begin_again() that discards may follow in this batch,
 * which is useless else) | RC_STORE_IO; then the batch is useless. */
MUST_USE enum rc snapshot_intake_take(struct snapshot_intake *in, struct kv_batch *batch,
                                      const struct snapshot_piece *piece, struct why *why);
/* All pieces are staged. */
bool snapshot_intake_is_whole(const struct snapshot_intake *in);

/* What was taken, as it is on the disk. Requires: it is whole; settled. Renews the view.
 * Returns: RC_OK | RC_INVALID (the index has names of the old state that are none of the new one's:
 * the old state was not this chain's, and is to be discarded) | RC_STORE_DAMAGED (it is not all
 * there: begin again) | RC_STORE_IO. */
MUST_USE enum rc snapshot_intake_judge_taken(const struct snapshot_intake *in, struct why *why);
/* Take the same target once more, all pieces of it; discards: from now on as one that was started
 * so, with the same requirements. Requires: settled, but after RC_STORE_DAMAGED of
 * snapshot_intake_take(): all that was put since goes when it clears, which waits for that.
 * Returns: RC_OK | RC_REFUSED (words: too many gaps in history; nothing was done). */
MUST_USE enum rc snapshot_intake_begin_again(struct snapshot_intake *in, struct kv_batch *batch,
                                             bool discards, struct why *why);

/* For people. */
struct snapshot_progress {
    uint64_t height;
    bool is_clearing;
    uint64_t pieces_done;
    uint64_t pieces_wanted; /* that are known of so far */
    uint64_t entries_count;
    uint64_t bytes;
    /* Of the whole tree: keys are hashed, so each path has an even share of the entries. */
    uint32_t done_per_mille;
};
struct snapshot_progress snapshot_intake_progress(const struct snapshot_intake *in);

/* ---- the store ---- */

/* False while an intake that discards is under way: then nothing may be asked of the state and the
 * indexes, store_layer() fails, and only the chain is there. */
bool store_has_state(const struct store *s);
/* The flushed state is there, and is not what the chain gives, or damaged: blocks above do not
 * apply to it, as why says (NULL is fine). Only with store_options.may_have_wrong_state. Then state
 * and indexes cannot be read either, and all that can be done is to take another in that discards
 * this one. */
bool store_has_wrong_state(const struct store *s, struct why *why);
/* An intake is under way, also if nobody has opened it yet. */
bool store_is_taking_snapshot(const struct store *s);

/* Stage that the store stands at the snapshot's height: header and CHECKPOINT certificate, state,
 * history with its gap, and no intake. header: of the block at that height. checkpoint: verified by
 * the caller. Blocks above that height that the store holds (it had diverged) stay, and are applied
 * again by store_on_snapshot(); proposals up to that height go.
 * Requires: the intake is whole; settled. Renews the view.
 * Returns: RC_OK | RC_PROOF (header or certificate are not the target's: nothing was staged) |
 * as snapshot_intake_judge_taken(); after an error the batch is useless. */
MUST_USE enum rc store_stage_snapshot(struct store *s, struct kv_batch *batch,
                                      const struct snapshot_intake *in,
                                      const struct block_header *header,
                                      const struct certificate *checkpoint, struct why *why);
/* That batch is durable: stand there. Layers on store_layer() must be gone, and what was lent from
 * it ends. Returns: as store_open(); on error the store can only be closed. */
MUST_USE enum rc store_on_snapshot(struct store *s, struct why *why);

/* Do not drop the trees from this height on, although newer ones are kept: somebody takes pieces of
 * one, and would have to begin anew for ever while the chain goes on (pitfalls C5). Until they are
 * let go of. Forgotten when the store is closed. What was held too long is dropped bit by bit, by
 * the flushes to come.
 * Returns: false when it is too late: the tree may be being dropped by now. */
MUST_USE bool store_hold_trees(struct store *s, uint64_t height);
void store_let_trees_go(struct store *s);
/* The tree of a multiple of checkpoint_every_heights, or of the flushed height, if it is kept
 * still. Returns: RC_OK | RC_NOT_FOUND | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc store_get_tree(struct store *s, uint64_t height, struct tree_ref *out,
                                struct why *why);
/* The tree of this height with this root, to make pieces of: one that is kept (8.3), so that who
 * began with it can go on. Returns: RC_OK | RC_NOT_FOUND | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc store_get_kept_tree(struct store *s, uint64_t height, const struct digest *root,
                                     struct tree_ref *out, struct why *why);

#endif
