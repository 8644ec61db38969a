/* Two stores of one chain: a sound one that has grown from the genesis, and one that takes its
 * state from it as a snapshot, and then the blocks below. A crash may come with every commit.
 *
 *   snapshot_world_open(&w, &options, 20);   the second store is empty
 *   staged_append_to(&w.t, 6) ...            or has some blocks
 *   snapshot_world_take(&w, false)           now it stands on the newest checkpoint
 *   snapshot_world_backfill(&w)              and has all blocks
 *   snapshot_world_follow(&w)                and is at the sound chain's head
 *   snapshot_world_close(&w) */
#ifndef TESTS_HELP_SNAPSHOT_WORLD_H
#define TESTS_HELP_SNAPSHOT_WORLD_H

#include "crypto/base/prng.h"
#include "ledger/store_intake.h"
#include "tests/help/staged.h"

struct snapshot_world {
    struct staged t;
    struct snapshot_intake *intake; /* of t.chain.store */
    struct certificate checkpoint;  /* of the sound store */
    struct snapshot_target target;  /* what it says */
    struct tree_ref tree;           /* the sound store's */
    size_t piece_bytes_max;
    struct prng prng; /* order of answers, and crashes */
    /* A crash every so many commits, on average: with half of them the batch is lost. 0: never; 1:
     * after each commit, and none is lost. */
    unsigned crash_every;
    unsigned commits_count, crashes_count, lost_count;
};

void snapshot_world_open(struct snapshot_world *w, const struct chain_options *options,
                         uint32_t blocks_count);
/* The second store stands on this kv, which is empty. Without crashes, unless it is a kv_mem. Owns:
 * takes kv. */
void snapshot_world_open_on(struct snapshot_world *w, const struct chain_options *options,
                            uint32_t blocks_count, struct kv *kv);
void snapshot_world_close(struct snapshot_world *w);
/* Close and open the second store, and the intake if one is under way. */
void snapshot_world_reopen(struct snapshot_world *w);
/* Make t.batch durable, or crash. False: it was lost, and the store was opened anew. */
bool snapshot_world_commit(struct snapshot_world *w);

/* Aim at the sound store's newest checkpoint. */
void snapshot_world_aim(struct snapshot_world *w);
/* Each until it is done, through all crashes. */
void snapshot_world_start(struct snapshot_world *w, bool discards);
void snapshot_world_clear(struct snapshot_world *w);
/* One batch of pieces, asked for several at once and answered in any order. */
void snapshot_world_step(struct snapshot_world *w);
void snapshot_world_pieces(struct snapshot_world *w);
void snapshot_world_finish(struct snapshot_world *w);
/* All of these. */
void snapshot_world_take(struct snapshot_world *w, bool discards);

/* One batch of up to blocks_count blocks, with the sound chain's certificates; true: it landed. */
bool snapshot_world_backfill_step(struct snapshot_world *w, uint32_t blocks_count);
void snapshot_world_backfill(struct snapshot_world *w);
/* Append what the sound chain has more, and flush. */
void snapshot_world_follow(struct snapshot_world *w);

/* The tables hold the same in both. */
void snapshot_world_expect_same(struct snapshot_world *w, enum kv_table table);
/* The tree at the target is, byte for byte, what an update from nothing writes; and there is no
 * other node of that version or above. Requires: nothing was flushed since. */
void snapshot_world_expect_tree(struct snapshot_world *w);

#endif
