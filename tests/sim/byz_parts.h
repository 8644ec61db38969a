/* What the files byz*.c share: the members' common memory, how they sign and send, and a way's
 * place in what a driver sends. Nobody else includes this. */
#ifndef TESTS_SIM_BYZ_PARTS_H
#define TESTS_SIM_BYZ_PARTS_H

#include "ledger/block.h"
#include "node/pbft/wire.h"
#include "tests/sim/world.h"

enum {
    BYZ_KEPT = 96,              /* messages of each type that are remembered */
    BYZ_KEPT_BYTES_MAX = 65536, /* larger ones are not */
    BYZ_MIRRORS = 256,          /* blocks of which there is a second one */
    BYZ_CLIENT_NUMBER = 0xff    /* highest byte of the numbers of their own clients' requests */
};

struct byz_kept {
    uint32_t from;
    struct buf bytes;
};

/* A block that was shown to one half, and what the other half was shown in its place. */
struct byz_mirror {
    struct digest first, second;
    uint64_t view;
    uint64_t height;
    struct buf bytes; /* of the second, whole */
};

/* The last block of a chain that a Byzantine primary makes. */
struct byz_tip {
    uint64_t height;
    struct digest digest;
};

struct byz_client {
    char name[16];
    struct sign_key key;
    uint64_t nonce; /* the last one known to be consumed */
};

struct sim_byz {
    struct pbft_msg *msg;   /* what is being sent, decoded */
    struct pbft_msg *spare; /* what is made besides, or read from memory */
    struct buf bytes;       /* a body being changed; lent to msg */
    struct byz_kept kept[PBFT_MSG_TYPE_END][BYZ_KEPT];
    uint64_t kept_count[PBFT_MSG_TYPE_END];
    struct byz_mirror mirrors[BYZ_MIRRORS];
    uint64_t mirrors_count;
    uint64_t view, height;  /* the highest that were seen with a good signature of anybody */
    uint64_t led_view;      /* the last view that one of them opened without its driver, and */
    struct byz_tip tips[2]; /* its two chains */
    struct byz_client clients[SIM_BYZ_CLIENTS];
    uint64_t requests_count;
    uint32_t twins_count;
    uint32_t twin_of[SIM_TWINS_MAX];      /* the member whose second driver it is */
    uint32_t twin_side[SIM_TWINS_MAX][2]; /* bits: with whom the first talks now, and the second */
};

/* One message of a driver on its way through the ways of its member. */
struct byz_act {
    struct sim *s;
    uint32_t member;
    uint32_t to;
    struct pbft_msg *m;
    bool is_changed; /* it is to be signed and encoded anew */
    bool is_dropped;
    uint64_t delay_us;
};

/* ---- byz.c ---- */
bool byz_has(const struct sim *s, uint32_t member, enum sim_byz_way way);
/* Whether it does so now: it has that way, and luck; counted. */
bool byz_does(struct sim *s, uint32_t member, enum sim_byz_way way);
/* Whether somebody is among those who are shown the second of two things. */
bool byz_is_second(const struct sim *s, uint32_t member);
uint32_t byz_any_peer(struct sim *s, uint32_t member);

/* ---- byz_speak.c ---- */
/* The signature that this member can make: its own. */
void byz_sign(struct sim *s, uint32_t member, struct pbft_msg *m);
/* Encode and send, at once or later. */
void byz_emit(struct sim *s, uint32_t member, uint32_t to, const struct pbft_msg *m,
              uint64_t after_us);
void byz_emit_bytes(struct sim *s, uint32_t member, uint32_t to, struct bytes message,
                    uint64_t after_us);
/* A vote of its own for anything, to one member. */
void byz_vote(struct sim *s, uint32_t member, uint32_t to, const struct statement *statement,
              uint64_t after_us);
void byz_remember(struct sim *s, uint32_t from, struct bytes message);
/* Any one of a type; NULL: none was seen. Lends until the next is remembered. */
const struct byz_kept *byz_recall(struct sim *s, enum pbft_msg_type type);
/* The same, decoded into s->byz->spare. */
bool byz_recall_msg(struct sim *s, enum pbft_msg_type type);
/* Make a certificate of votes that were seen, and of what all of them sign for it, and remember it:
 * perhaps nobody else has it. */
void byz_hoard(struct sim *s);

/* ---- byz_blocks.c ---- */
/* How a block differs from the one that a driver built. */
enum byz_edit {
    BYZ_EDIT_TIME,      /* it is valid, and another one */
    BYZ_EDIT_FEWER,     /* the last transaction is missing: valid too */
    BYZ_EDIT_SIGNATURE, /* and so on: invalid */
    BYZ_EDIT_REPEATED,
    BYZ_EDIT_GAP,
    BYZ_EDIT_TIME_BEFORE,
    BYZ_EDIT_TIME_AHEAD, /* neither: it has to wait (5.2) */
    BYZ_EDIT_PROPOSER,
    BYZ_EDIT_EPOCH,
    BYZ_EDIT_CHAIN,
    BYZ_EDIT_PARENT,
    BYZ_EDIT_EMPTY,
    BYZ_EDIT_OVERDRAFT,
    BYZ_EDIT_ROOT,
    BYZ_EDIT_COUNT
};
/* Make out of a block another one, complete with root, counts and digest. parent: NULL leaves it.
 * False: this block cannot be changed so. */
bool byz_edit_block(struct sim *s, struct buf *out, struct bytes whole, enum byz_edit edit,
                    const struct digest *parent);
/* PRE-PREPAREs: two to two halves, and invalid ones. */
void byz_on_pre_prepare(struct byz_act *a);
/* Every one of them votes for what this member is shown: PREPARE and COMMIT. */
void byz_vote_for(struct sim *s, uint32_t to, uint64_t epoch, uint64_t view, uint64_t height,
                  const struct digest *digest);
/* The block that stands for this one in the second half; NULL: there is none. */
const struct byz_mirror *byz_mirror_of(const struct sim *s, const struct digest *first);

/* ---- byz_lies.c, byz_data.c, byz_view.c: what a driver says, changed ---- */
void byz_on_vote(struct byz_act *a);
void byz_on_status(struct byz_act *a);
void byz_on_data(struct byz_act *a);
void byz_on_qc(struct byz_act *a);
void byz_on_view(struct byz_act *a); /* COMPLAIN, VIEW-CHANGE, NEW-VIEW */

/* ---- byz_moments.c, byz_view.c: what is said unasked ---- */
void byz_forge(struct sim *s, uint32_t member);
void byz_replay(struct sim *s, uint32_t member);
void byz_flood(struct sim *s, uint32_t member);
void byz_speak_huge(struct sim *s, uint32_t member);
void byz_push_data(struct sim *s, uint32_t member);
void byz_complain(struct sim *s, uint32_t member);
void byz_usurp(struct sim *s, uint32_t member);
void byz_change_view(struct sim *s, uint32_t member);

/* An old certificate in place of the highest, or none. */
void byz_lower_high(struct sim *s, struct pbft_view_change *v);
void byz_insert_entry(struct pbft_new_view *n, uint32_t from, const struct pbft_view_change *v);

/* ---- byz_lead.c ---- */
void byz_lead(struct sim *s, uint32_t member);

/* ---- byz_clients.c ---- */
void byz_clients_open(struct sim *s);
void byz_squat(struct sim *s, uint32_t member);
/* A transaction of one of their clients that nobody can pay: for invalid blocks. */
void byz_overdraft(struct sim *s, struct buf *out);
void byz_clients_on_answer(struct sim *s, uint64_t client, const struct driver_answer *answer);

/* ---- byz_twin.c ---- */
void byz_twins_start(struct sim *s);
void byz_twins_close(struct sim *s);
/* Whether a node, first or second of a twin, talks with this member now; true of all others. */
bool byz_twin_talks(const struct sim *s, uint32_t node_index, uint32_t with);
/* The node that a message from this member reaches. */
uint32_t byz_twin_node(struct sim *s, uint32_t from, uint32_t to);

#endif
