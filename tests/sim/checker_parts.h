/* What the files checker*.c share, and the chain's height for the clients. The checker stands
 * outside the replicas: it reads their disks with views of its own, decodes what they send, and
 * keeps a ledger of its own that is too simple to be wrong. Every property is one function; the
 * sentence above it says what must hold, and sim_fail() names the property. */
#ifndef TESTS_SIM_CHECKER_PARTS_H
#define TESTS_SIM_CHECKER_PARTS_H

#include "ledger/place.h"
#include "tests/sim/sim.h"

/* ---- checker_map.c: a map from 32 bytes, whose entries stay ---- */
struct check_value {
    struct digest digest;
    struct place place;
    uint32_t members; /* a bit for each */
};
struct check_entry {
    bool is_used;
    struct digest key;
    struct check_value value;
};
struct check_map {
    struct check_entry *entries;
    size_t count;
    size_t room; /* a power of two, or 0 */
};
/* NULL when there is none. Lends until the next put. */
struct check_value *check_map_find(const struct check_map *m, const struct digest *key);
/* Zeroed if it is new. Lends until the next put. */
struct check_value *check_map_put(struct check_map *m, const struct digest *key);
void check_map_free(struct check_map *m);

/* ---- the checker ---- */

struct check_block {
    struct digest digest;
    uint64_t time_ms;
};

/* What one node sent to another in this life, in ms of its clock; checker_rates.c. */
enum { CHECK_ANSWERS = 32 };
struct check_rates {
    uint64_t life;
    bool has_fetched;
    bool is_fetching;                 /* nothing has come since that FETCH */
    uint64_t fetched_ms, answered_ms; /* the last FETCH, and the last DATA that came */
    uint64_t unused_count;            /* of those DATA: no early FETCH goes by them yet */
    uint64_t answers_count, last_answer_ms, answers_ms[CHECK_ANSWERS];
};

/* What a node has shown over its whole life in the world, across all crashes. */
struct check_node {
    struct kv_view *view;      /* of its disk, as of the last batch that landed */
    uint64_t height;           /* of the head on that disk */
    uint64_t certified_height; /* highest COMMIT certificate that it can have, by what was seen */
    uint64_t promised_height;  /* the highest that it has told anybody of */
    struct pbft_rank high;     /* on that disk; zero: none */
    struct digest high_digest;
    struct check_map votes;    /* (kind, epoch, view, height) -> digest: on disk or sent, ever */
    struct pbft_rank reserved; /* on that disk (4.2) */
    struct check_rates rates[SIM_NODES_MAX]; /* towards each peer */
    uint64_t in_view;                        /* on that disk, and */
    bool is_installed, is_view_new;          /* whether the last batch changed either */
    uint64_t snapshot_height;                /* of the last one that it took */
    uint64_t read_height, proved_height;     /* the highest that it answered a read with */
    uint8_t evidence[SIM_NODES_MAX];         /* kinds on that disk, against each member */
    uint64_t status_counter;
    struct buf status;    /* the STATUS of that counter */
    struct buf last_sent; /* the last message, and nothing has landed since */
};

/* CERT_PREPARE and CERT_COMMIT, and beside them: */
enum { CHECK_PRE_PREPARE = 0, CHECK_MESSAGES = 16 /* + type: of which there is one per view */ };

struct model;

/* ---- checker_history.c: what an account held after each height at which it changed ---- */
struct check_amount {
    uint64_t height, amount, entries_count;
};
struct check_history {
    struct check_amount *items;
    size_t count, room;
};
/* Of a height that is the last one's, or above. */
void check_history_put(struct check_history *h, const struct check_amount *amount);
/* NULL: it did not exist yet. *until_height: the last height at which that was so; UINT64_MAX: it
 * is still. h may be NULL: it never was. */
const struct check_amount *check_history_at(const struct check_history *h, uint64_t height,
                                            uint64_t *until_height);

struct sim_checker {
    struct check_node nodes[SIM_NODES_MAX];
    struct check_block *chain; /* [0] is the genesis block */
    size_t chain_count, chain_room;
    struct model *model;
    struct check_map commits;      /* (epoch, view, block) -> members that voted COMMIT */
    uint64_t *body_bytes;          /* by height: the largest block that was sent, and */
    size_t body_bytes_count;       /* so many heights; */
    uint64_t body_top_height;      /* the highest of which one was sent */
    uint64_t faulty_height;        /* that one with a lying store had committed when it said so */
    struct check_map txids;        /* of the chain -> place */
    struct check_map acknowledged; /* txids with a receipt -> place */
    struct check_map roots;        /* height -> state root */
    struct check_map forwards;     /* (node, life, transaction) -> when it went to all */
    uint64_t acknowledged_height;  /* the highest that a client has a receipt of, and */
    uint64_t read_height;          /* what the last accepted read showed at least */
    struct check_map rejected;     /* txids that can never commit, some node has said */
    struct pbft_msg *msg;          /* scratch of sim_check_sent() */
};

/* The highest height that anybody has committed. */
uint64_t check_height(const struct sim *s);

/* ---- checker_disk.c: reading a node's disk; damage there ends the run ---- */
/* False when there is no such entry. Lends *value until the next landing. */
bool check_get(struct sim *s, uint32_t node, enum kv_table table, struct bytes key,
               struct bytes *value);
bool check_get_body(struct sim *s, uint32_t node, uint64_t height, const struct digest *digest,
                    struct bytes *whole);
bool check_get_certificate(struct sim *s, uint32_t node, uint64_t height, struct certificate *out);
/* "state" of the vote records: the view it is in (0 without a record), and its tip. */
struct check_state {
    uint64_t view;
    bool is_installed;
    bool has_tip;
    struct pbft_block tip;
};
struct check_state check_get_state(struct sim *s, uint32_t node);
/* What it voted for at a place, and in members whether it has said so to anybody; zero: nothing.
 * Lends until the next. */
struct check_value *check_vote_of(struct sim *s, uint32_t node, uint32_t kind, uint64_t epoch,
                                  uint64_t view, uint64_t height);
/* That a node stands by one digest for each kind, epoch, view and height, for ever. */
void check_one_digest(struct sim *s, uint32_t node, uint32_t kind, uint64_t epoch, uint64_t view,
                      uint64_t height, const struct digest *digest);
void check_certificate(struct sim *s, uint32_t node, const struct certificate *c);

/* ---- checker_seen.c: what was seen of all nodes together ---- */
/* A COMMIT of this node, on its disk or sent. */
void check_saw_commit(struct sim *s, uint32_t node, uint64_t epoch, uint64_t view, uint64_t height,
                      const struct digest *digest);
/* A certificate that verifies, on a disk or sent. */
void check_saw_certificate(struct sim *s, const struct certificate *c);
/* That a node can have a certificate of what it has committed. */
void check_certified(struct sim *s, uint32_t node, uint64_t height);
/* A state root, signed by a node or on its disk: all of one height are equal. */
void check_saw_root(struct sim *s, uint32_t node, uint64_t height, const struct digest *root);
/* A CHECKPOINT is sent: each height counts once. */
void check_count_checkpoint(struct sim *s, uint64_t height);
/* ---- checker_evidence.c ---- */
void check_evidence_on_disk(struct sim *s, uint32_t node);
void check_evidence_sent(struct sim *s, uint32_t node, const struct pbft_evidence *e);

/* A block leaves a node. */
void check_saw_body(struct sim *s, uint64_t height, size_t size);
/* What the blocks above a height weigh that anybody has been sent, one of each height. */
uint64_t check_bodies_bytes_above(const struct sim *s, uint64_t height);

/* ---- checker_rates.c ---- */
void check_rates(struct sim *s, uint32_t node, uint32_t to, struct bytes message);

/* ---- checker_chain.c: the first time a height is seen ---- */
void check_chain_open(struct sim *s);
void check_chain_add(struct sim *s, uint32_t node, const struct block *b);

/* ---- checker_reads.c ---- */
/* Somebody has a receipt for a transaction of that height: later reads show it. */
void check_acknowledged_height(struct sim *s, uint64_t height);

/* ---- checker_model.c: balances, supply and nonces, by hand ---- */
struct model *model_new(const struct genesis *g);
void model_free(struct model *m);
void model_apply(struct sim *s, uint32_t node, const struct tx *tx, uint64_t height);
/* That the sum of all balances is the supply. */
void model_check_money(struct sim *s, uint32_t node);
/* All that an account ever held; NULL: there is no such account. Lends. */
const struct check_history *model_history(const struct model *m, struct bytes account,
                                          struct bytes asset);
/* That a node's state says the same of each balance, key and asset. */
void model_compare(struct sim *s, uint32_t node);

#endif
