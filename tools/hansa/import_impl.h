/* What import.c, import_follow.c and import_replay.c share with each other and with nobody else. */
#ifndef TOOLS_HANSA_IMPORT_IMPL_H
#define TOOLS_HANSA_IMPORT_IMPL_H

#include "tools/hansa/import.h"

/* A batch whose nonce is not settled. */
struct import_slot {
    uint64_t batch;
    uint64_t first_line, last_line;
    uint32_t rows;
    uint64_t nonce;
    struct buf tx, cancel; /* signed; cancel is empty unless it was made */
    struct digest txid, cancel_txid;
    bool is_cancelling; /* send the cancel; both may have been sent */
    bool was_sent;      /* by this process */
    bool is_under_way;  /* on a lane */
    bool is_lost;       /* its nonce is another's: to be signed anew */
    uint64_t due_ms, sent_ms;
    uint32_t refused_by;     /* bit per node, of what is being sent now */
    uint32_t key_refused_by; /* of those, who refuse the key itself: no cancel would help */
    enum verdict verdict;
    bool is_claimed;
    struct import_claim claim;
};

struct import {
    struct import_config config;
    struct import_slot *slots; /* ascending nonces; the lost ones anywhere */
    size_t slots_count, slots_room;
    struct buf open;         /* a bit for each batch below batches_signed: to be signed anew */
    uint64_t batches_signed; /* batches below this have been signed, some perhaps to be again */
    uint64_t next_nonce;     /* 0 = not known */
    bool wants_nonce;
    bool is_source_ended;
    bool is_asked_to_stop;
    bool is_broken; /* something in the slots may not be on the disk */
    struct import_look look;
    struct import_refusal *refusals;
    size_t refusals_room;
};

/* One that is to be filled in, behind the others. */
struct import_slot *import_slot_add(struct import *im);
void import_slot_remove(struct import *im, struct import_slot *s);
/* The slot of the lowest nonce that is open, or NULL. */
const struct import_slot *import_lowest(const struct import *im);
bool import_is_stopping(const struct import *im);
/* What is to be sent of it (import_follow.c). */
void import_show(const struct import_slot *s, struct import_item *out);
bool import_is_open(const struct import *im, uint64_t batch);
void import_set_open(struct import *im, uint64_t batch, bool is_open);
/* import_replay.c: bring the slots and the open batches to where the journal ends.
 * *has_begun: there was a BEGIN. */
MUST_USE enum rc import_replay(struct import *im, bool *has_begun, struct why *why);

#endif
