/* One chain twice: built by a store that commits by itself, and put block by block through batches
 * into a second store, as a node does.
 *
 *   staged_open(&t, &options, 20);
 *   staged_append(&t);              the next block of t.sound into t.batch
 *   staged_commit(&t);              t.batch is durable, and t.chain.store was told
 *   ... t.chain.store, t.chain.kv ...
 *   staged_close(&t); */
#ifndef TESTS_HELP_STAGED_H
#define TESTS_HELP_STAGED_H

#include "tests/help/chain.h"

struct staged {
    struct chain sound;     /* grown to its end when opened */
    struct chain chain;     /* the same genesis and options; kv and store are its own */
    struct kv_batch *batch; /* to be filled */
    bool withholds;         /* no CHECKPOINT certificate is put into the second store */
};

void staged_open(struct staged *t, const struct chain_options *options, uint32_t blocks_count);
/* The second store stands on this kv, which is empty. Owns: takes kv. */
void staged_open_on(struct staged *t, const struct chain_options *options, uint32_t blocks_count,
                    struct kv *kv);
void staged_close(struct staged *t);
/* Close the second store and open it anew, as after a crash: what was in the batch is lost. */
void staged_reopen(struct staged *t);

/* Stage the next block, with its certificates if the sound store has some of that very height. */
void staged_append(struct staged *t);
void staged_append_proposed(struct staged *t);
void staged_append_to(struct staged *t, uint64_t height);
/* The same by store_append(). */
MUST_USE enum rc staged_append_by_itself(struct staged *t, struct why *why);
/* Stage the oldest flush that is due. False: there was none. */
bool staged_flush(struct staged *t);
/* Make the batch durable, tell the store, and empty the batch. */
void staged_commit(struct staged *t);
/* Flush and commit until no flush is due. */
void staged_settle(struct staged *t);

/* The block of the sound chain at a height. Lends until the sound store's next commit. */
void staged_block(struct staged *t, uint64_t height, struct block *out);
/* Another one of that height, with a body of its own in room: block `height` at another time. */
void staged_sibling(struct staged *t, uint64_t height, struct buf *room, struct block *out);

/* Both stores hold the same bytes in all that comes from the chain; CHECKPOINT certificates are not
 * compared. Ends the test when they do not. */
void staged_expect_same(struct staged *t);
/* The audit finds the second store sound, and certified up to its head. */
void staged_expect_audited(struct staged *t);

#endif
