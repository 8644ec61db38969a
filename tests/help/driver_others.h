/* The other three members as one that lags meets them: they have the whole chain, with the trees of
 * its last checkpoints, and answer what the driver of a driver_world asks for, each in its manner.
 *
 *   world_open(&w, 3, NULL); world_begin(&w);
 *   others_open(&p, &w);
 *   others_grow(&p, 60);            the chain goes on without it
 *   others_tell(&p);                STATUS, their CHECKPOINT certificate, a range
 *   others_play(&p, 100)            what it asks for is answered, until it rests or fails
 *   others_reopen(&p)               after RC_REOPEN
 *   others_close(&p); world_close(&w); */
#ifndef TESTS_HELP_DRIVER_OTHERS_H
#define TESTS_HELP_DRIVER_OTHERS_H

#include "tests/help/driver_world.h"

enum peer_manner {
    PEER_HONEST,
    PEER_SILENT, /* to FETCH-PIECE */
    PEER_EMPTY,  /* has none of the pieces */
    PEER_BENT,   /* one bit of each piece is another */
    PEER_OTHER   /* sends the piece at another path, as if it were the one */
};

struct driver_others {
    struct driver_world *w;
    struct kv *kv;
    struct store *store;
    const struct world_block **blocks; /* by height; none at 0 */
    uint32_t count, room;              /* the head's height */
    uint64_t nonces[WORLD_PAYERS];
    struct certificate checkpoint; /* the newest */
    uint32_t transfers_per_block;  /* of those to come; 0: one */
    enum peer_manner manners[WORLD_MEMBERS];
    bool withholds_ranges;                /* no DATA is sent */
    bool holds_pieces;                    /* nor any PIECE */
    uint64_t history_from[WORLD_MEMBERS]; /* which has no blocks below */
    bool bends_ranges[WORLD_MEMBERS];     /* one bit of the last block's body is another */
    uint32_t range_blocks_max;            /* a range has no more */
    size_t piece_bytes_max; /* SNAPSHOT_PIECE_BYTES_MAX; 0: each node is a piece of its own */
    /* Counted. */
    uint32_t pieces_asked[WORLD_MEMBERS], ranges_asked;
    uint64_t lowest_asked; /* of ranges */
};

void others_open(struct driver_others *p, struct driver_world *w);
void others_close(struct driver_others *p);
/* So many blocks more, each of a record and a transfer, with their certificates. */
void others_grow(struct driver_others *p, uint32_t blocks_count);
/* The same blocks commit in the driver's own world, from its head up to a height. */
void others_commit_to(struct driver_others *p, uint64_t height);
/* Their newest CHECKPOINT certificate, if there is one, from one of them. */
void others_certify(struct driver_others *p, uint32_t link);
/* Each STATUS; their CHECKPOINT certificate, and one of them the range behind the driver's head. */
void others_tell(struct driver_others *p);
/* What it asked for up to now is answered. Returns how many. */
uint32_t others_give(struct driver_others *p);
/* One round: the driver comes to rest, and what it asked for is answered. Returns how many. */
uint32_t others_answer(struct driver_others *p);
/* Rounds, with T_s between them where nothing was asked for, until the driver has failed or the
 * store's head is the peers' and history whole. Returns what the driver failed with. */
enum rc others_play(struct driver_others *p, uint32_t rounds);
/* Close driver and store and open both anew, as after RC_REOPEN, and begin. */
void others_reopen(struct driver_others *p);
/* The driver's state is what the chain gives at its head. */
bool others_have_same_state(struct driver_others *p);

#endif
