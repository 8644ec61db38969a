/* What one peer is given because it asked or lags, and what that costs this replica for all of them
 * together (PROTOCOL.md 9.1, 16). For driver_impl.h alone. */
#ifndef NODE_DRIVER_ANSWERS_IMPL_H
#define NODE_DRIVER_ANSWERS_IMPL_H

#include "node/driver/driver.h"

/* What a peer got of bodies since from_ms, and how often it was told that a piece is not here. */
struct driver_budget {
    uint64_t from_ms;
    size_t bytes;
    uint32_t absences_count;
};

/* What is to be read for one peer, oldest first. */
struct driver_asker {
    struct pbft_act waiting[DRIVER_ANSWERS_WAITING_MAX]; /* RANGE, BLOCK, EVIDENCE */
    uint32_t waiting_count;
    size_t debt_bytes; /* its last answer cost so much beyond one of the largest size */
};

struct driver_answers {
    struct driver_asker askers[MEMBERS_MAX];
    uint32_t next_link;    /* round robin */
    uint64_t from_ms;      /* of the while, and */
    uint64_t worked_bytes; /* what was read in it */
};

struct driver_output;

/* ---- answers.c ---- */
/* Whether it waits for its turn there; all else leaves with the turn that decided it. */
bool driver_is_answer(const struct driver_output *o);
/* What is decided for it is durable. */
void driver_answers_add(struct driver *d, const struct driver_output *o);
void driver_answers_run(struct driver *d);
uint64_t driver_answers_deadline_ms(const struct driver *d);
/* This key votes no more: PRE-PREPAREs of mine are left out of what waits. */
void driver_answers_withdraw(struct driver *d);

/* ---- acts.c ---- */
/* The body goes without a PRE-PREPARE of mine. */
void driver_strip_proposal(const struct driver *d, struct pbft_act *act);

/* ---- turn.c: within the bytes that one peer gets in T_s ---- */
/* Is there any left? Asked before anything is read for it. */
bool driver_has_budget(struct driver *d, uint32_t to);
/* What it was given; what is beyond counts in the next T_s. */
void driver_charge_budget(struct driver *d, uint32_t to, size_t size);
/* Charge it unless it does not fit. */
bool driver_take_budget(struct driver *d, uint32_t to, size_t size);
/* Its DRIVER_ABSENCES_MAX: whether there are any left, and one less of them. */
bool driver_has_absences(struct driver *d, uint32_t to);
void driver_take_absence(struct driver *d, uint32_t to);

#endif
