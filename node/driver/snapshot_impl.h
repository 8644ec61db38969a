/* What snapshot.c, backfill.c, repair.c and lost.c keep in a driver, and do for its other files
 * (9.3), and diverge.c (8.2).
 * Included by driver_impl.h alone. */
#ifndef NODE_DRIVER_SNAPSHOT_IMPL_H
#define NODE_DRIVER_SNAPSHOT_IMPL_H

#include "ledger/store_intake.h"
#include "node/pbft/pbft.h"

struct driver;

/* ---- snapshot.c: a state that is taken from peers (9.3) ---- */

/* A piece that one peer was asked for. */
struct driver_piece_asked {
    bool is_asked;
    struct snapshot_path path; /* of the last question, also when it is given up, */
    uint64_t asked_ms, until_ms;
    uint32_t owed_count;       /* questions that it has not answered, however old */
    uint64_t put_off_until_ms; /* it did not answer, or has it not, or lied */
    bool is_liar;
    uint32_t absences_count; /* since the last piece of this target it said so often: not here */
};

struct driver_snapshot {
    bool is_wanted; /* the core asked for this one, the newest: */
    struct certificate wanted;
    struct snapshot_intake *intake; /* NULL: none is under way; else of this one: */
    struct certificate certificate;
    bool has_header, has_cover;
    struct block_header header; /* of its block */
    struct certificate cover;   /* of COMMITs, at or above it */
    uint64_t header_at_ms;      /* when it is asked for again */
    bool is_finishing;          /* the batch that makes the store stand there is staged */
    /* A step has to wait until all that is staged is durable, and for no longer than until then
     * does it let other work go first; UINT64_MAX: none waits. */
    uint64_t hold_from_ms;
    bool is_step_waiting;
    bool has_news; /* since it last ran: a batch is durable, the core asked */
    struct driver_piece_asked asked[MEMBERS_MAX];
    uint32_t turn;
    uint64_t wait_ms, waited_from_ms; /* for an answer, to questions of then and later */
    uint32_t header_asks_count;       /* since the last piece */
    uint64_t refused_count;
    uint64_t faults[SNAPSHOT_FAULT_COUNT];
};

/* ---- pieces.c: what others take ---- */

/* Trees that are not dropped, because somebody takes pieces of them. */
struct driver_hold {
    uint64_t height;           /* from here on; 0: none */
    uint64_t until_ms, end_ms; /* if nobody asks any more; in any case */
};

/* What one peer asked for, and waits for: a sound one asks for one piece at a time (9.4). */
struct driver_question {
    bool is_waiting;
    uint64_t height;
    struct digest root;
    struct snapshot_path path;
};

struct driver_pieces {
    struct driver_question questions[MEMBERS_MAX];
    uint32_t next_link; /* round robin */
    uint64_t from_ms;   /* DRIVER_PIECES_MS began, in which so much was done: */
    size_t worked_bytes;
    struct snapshot_known *known;
};

/* ---- backfill.c ---- */

struct driver_backfill {
    uint64_t ask_at_ms, asked_from;
    /* To ask for at once: as many as came, fewer where nobody answered. */
    uint64_t blocks_count, blocks_max;
    /* Since blocks_max was set: whose ranges fell short, and how many did not. */
    uint32_t short_links, whole_count;
    uint32_t silences_count; /* in a row */
    uint32_t wait_periods;   /* in T_s, for one answer */
    bool is_sweeping;
    uint64_t held_at_ms; /* when the next held block is undone */
    /* A held block is damaged: nothing is done before this, or while the repair wants it. */
    uint64_t rests_for_height, rest_until_ms;
    uint64_t faults[BACKFILL_FAULT_COUNT];
};

/* ---- repair.c ---- */

struct driver_repair {
    uint64_t height; /* of a committed block whose bytes are damaged here; 0: none is known */
    uint64_t ask_at_ms;
    uint32_t asks_count;
    uint64_t repaired_count;
    bool is_awaited; /* without it there is no state: it is asked for until it comes */
};

/* ---- lost.c ---- */

struct driver_lost_name {
    uint64_t height;
    struct digest digest;
};
/* Three for each height of the window at most, as many as the core knows there (16). */
struct driver_lost {
    struct driver_lost_name *names;
    size_t count, room;
};

/* ---- snapshot.c: 9.3 ---- */
/* The core asked for this state. */
void driver_snapshot_want(struct driver *d, const struct certificate *checkpoint);
/* Go on with the one that was under way, if any. Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO.
 */
MUST_USE enum rc driver_snapshot_load(struct driver *d, struct pbft_durable *durable,
                                      struct why *why);
void driver_snapshot_run(struct driver *d);
uint64_t driver_snapshot_deadline_ms(const struct driver *d);
void driver_snapshot_on_piece(struct driver *d, uint32_t link, const struct pbft_piece *p);
/* DATA came, verified. */
void driver_snapshot_on_range(struct driver *d, const struct pbft_data *data);
void driver_snapshot_close(struct driver *d);
/* The inbox waits: under load the disk would else never be at rest for its next step. */
bool driver_snapshot_holds(const struct driver *d);

/* Everything that was staged is durable, and nothing more is; else the step waits. */
MUST_USE bool driver_snapshot_is_settled(struct driver *d);

/* ---- snapshot_target.c: 9.3 ---- */
/* What a CHECKPOINT certificate says. */
struct snapshot_target snapshot_target_of(const struct certificate *c);
/* Go on with the newer one that is wanted, if the present one is not to be had. */
void driver_snapshot_retarget(struct driver *d);
/* The same, and there is no newer one: begin to give it up. */
void driver_snapshot_abandon(struct driver *d);
/* One step of that, and its end; where the own state is damaged, diverge, and then begin again with
 * that state discarded (8.2). Requires: it is abandoned. */
void driver_snapshot_undo(struct driver *d);
/* What is wanted cannot be taken: ranges have to do or, where the state is not to be believed
 * anyway, a newer one. */
void driver_snapshot_refuse(struct driver *d);

/* ---- snapshot_end.c: 9.3 ---- */
/* All pieces and the header are here: stand on them, unless they cannot be stood on; then begin
 * anew, or diverge first (8.2). Requires: driver_snapshot_is_settled(). */
void driver_snapshot_finish(struct driver *d);
/* The own state, or an index that goes with it, is in the way of the one that is taken: it goes
 * first (8.2), and the same target is taken anew. At once, where this replica has diverged already;
 * else it has now, and the driver ends. */
void driver_snapshot_discard(struct driver *d, const struct why *why);

/* ---- pieces.c: 9.3 ---- */
/* A question came: it is noted, and answered when its turn comes. */
void driver_snapshot_on_fetch(struct driver *d, uint32_t link, const struct pbft_fetch_piece *f);
/* Answer those whose turn it is. */
void driver_pieces_run(struct driver *d);
uint64_t driver_pieces_deadline_ms(const struct driver *d);
/* Let go of what nobody has asked for lately. */
void driver_hold_end(struct driver *d);

/* ---- backfill.c: 9.3 ---- */
void driver_backfill_run(struct driver *d);
uint64_t driver_backfill_deadline_ms(const struct driver *d);
void driver_backfill_on_range(struct driver *d, uint32_t link, const struct pbft_data *data);

/* ---- repair.c: pitfalls D5 ---- */
/* A committed block was read, and is damaged. */
void driver_repair_want(struct driver *d, uint64_t height);
/* The same of the one that the store waits for (store_awaited_height()): when it is durable the
 * driver ends with RC_REOPEN. */
void driver_repair_await(struct driver *d, const struct why *why);
void driver_repair_on_durable(struct driver *d);
void driver_repair_run(struct driver *d);
uint64_t driver_repair_deadline_ms(const struct driver *d);
void driver_repair_on_range(struct driver *d, const struct pbft_data *data);

/* ---- lost.c: pitfalls D5 ---- */
/* When it is loaded: the store has this body above the head, and cannot read it. */
void driver_lost_add(struct driver *d, uint64_t height, const struct digest *digest);
bool driver_lost_has(const struct driver *d, uint64_t height, const struct digest *digest);
/* It is written again. */
void driver_lost_forget(struct driver *d, const struct digest *digest);
/* Drop those that the core does not wait for. */
void driver_lost_prune(struct driver *d);

/* ---- diverge.c: 8.2 ---- */
/* The certified block of this height does not apply: end, and with a certified state to take, be
 * diverged from then on. */
void driver_diverge(struct driver *d, uint64_t height, enum block_fault fault);
/* The same where a state that was taken beside the own one shows it, or was to be, and the own one
 * is damaged (9.3): there is a certified state to take, that one. */
void driver_diverge_taking(struct driver *d, const struct why *why);
/* A read of the state, or what goes with it into a flush, failed with this rc. RC_STORE_DAMAGED:
 * the same, so that whoever asked does nothing more. Else the disk failed, and the driver with it.
 */
void driver_state_failed(struct driver *d, enum rc rc, const struct why *why);
/* The same of a store that was opened on its chain alone (store_has_wrong_state()). Where that is
 * for a damaged block nothing has diverged: the core is as if it had, until the block is here, and
 * none of it durable. Returns: RC_OK | RC_STORE_DAMAGED. */
MUST_USE enum rc driver_diverge_load(struct driver *d, struct pbft_durable *durable,
                                     struct why *why);
/* Submit the last word, if one is due and the disk is at rest; and when that ended. */
void driver_last_word(struct driver *d);
void driver_last_word_on_durable(struct driver *d, enum rc rc, const struct why *why);

#endif
