/* A cluster of cores in virtual time: a seeded network that delays, loses, doubles and reorders,
 * and in the driver's place what it owes the core (writes before sends, answers to CHECK and BUILD,
 * ranges out of the ledger). Blocks are numbers. A node can be crashed, which leaves what was
 * durable, and started again from that.
 *
 * After every step the invariants of PROTOCOL.md 4, 13 and 16 are held from outside, over the whole
 * life of each node; a violation prints the seed and the last lines of the trace, and aborts. One
 * seed decides everything. */
#ifndef TESTS_HELP_CLUSTER_H
#define TESTS_HELP_CLUSTER_H

#include <stdio.h>

#include "crypto/base/prng.h"
#include "tests/help/fake_sign.h"

enum {
    CLUSTER_NODES_MAX = 7,
    CLUSTER_BODIES_MAX = 4,
    CLUSTER_BLOCK_BYTES = 1000,
    CLUSTER_CHECKPOINT_EVERY = 4
};

struct cluster_options {
    uint64_t seed;
    uint32_t members_count;
    uint64_t pipeline_heights;
    uint64_t window_heights;
    uint32_t sync_blocks_max;
    uint32_t range_blocks_max; /* as many bodies fit into one DATA; heads follow; 0: all fit */
    uint64_t heights_max;      /* nothing is built above */
    uint64_t delay_min_ms, delay_max_ms; /* of the network */
    uint64_t build_ms, check_ms;         /* of the driver, at most */
    uint32_t lose_percent, double_percent;
    bool has_glance; /* messages are looked at by pbft_glance() first */
    bool has_trace;
    bool has_liars; /* the test plays up to f members that are never started */
};
/* n = 4, P = 4, L = 8, a network of 1 ms that is reliable. */
struct cluster_options cluster_defaults(void);

/* What a node has said at a height in one view, for ever: not in its store. */
enum { CLUSTER_VIEWS_MAX = 64 };
struct cluster_said {
    bool is_said[3]; /* PREPARE, COMMIT, PRE-PREPARE */
    struct digest digests[3];
};

/* Everything of one height that a node's store holds. */
struct cluster_place {
    struct pbft_block bodies[CLUSTER_BODIES_MAX];
    uint32_t bodies_count;
    bool has_vote[2]; /* PREPARE, COMMIT */
    struct pbft_vote votes[2];
    bool has_pre_prepare;
    struct pbft_pre_prepare pre_prepare;
    bool is_committed;
    struct pbft_block committed;
    bool has_certificate;
    struct certificate certificate;
    struct cluster_said said[CLUSTER_VIEWS_MAX];
};

struct cluster_node {
    struct fake_signer signer;
    struct pbft *core; /* NULL: down */
    void *memory;
    uint64_t incarnation;
    /* The store. */
    struct pbft_durable durable;
    bool has_view_change, has_new_view;
    struct pbft_view_change view_change;
    struct pbft_new_view new_view;
    struct cluster_place *places; /* by height, 0..heights_max */
    /* 9.3: whose state it was asked to take last. The pieces are the test's to think of. */
    struct certificate snapshot;
    uint64_t base_height; /* of the snapshot that it stands on; blocks below are not here */
    /* What its core was told of the pool last. */
    struct pbft_pool pool;
    uint64_t pool_height; /* committed then */
    /* Counted. */
    uint64_t starts_count;
    uint64_t drops[PBFT_DROP_COUNT]; /* over all incarnations */
    uint64_t fetching_until_ms[CLUSTER_NODES_MAX];
};

/* What a test can do to a block that the primary built. */
struct cluster_block {
    struct pbft_block block;
    enum pbft_check_answer answer;
    uint64_t valid_from_ms; /* LATER until then */
};

struct cluster_packet;
struct cluster {
    struct cluster_options options;
    struct pbft_config config; /* but for own_index */
    struct prng prng;
    uint64_t now_ms;
    struct cluster_node nodes[CLUSTER_NODES_MAX];
    struct cluster_packet *packets; /* a heap by time, then by number */
    size_t packets_count, packets_room;
    uint64_t packets_number;
    struct cluster_block *blocks; /* by number; 0 is the genesis block */
    uint64_t blocks_count, blocks_room;
    uint64_t target_height;   /* there is work up to here */
    struct pbft_block *chain; /* committed by anybody, by height */
    uint64_t chain_height;
    bool cut[CLUSTER_NODES_MAX][CLUSTER_NODES_MAX]; /* [from][to] */
    /* NULL, or whether the network loses this message. */
    bool (*loses)(void *context, uint32_t from, uint32_t to, const struct pbft_msg *m);
    /* NULL, or where a step of a node is cut short by a crash. */
    enum cluster_crash {
        CLUSTER_RUNS_ON,
        CLUSTER_CRASH_BEFORE_WRITE,
        CLUSTER_CRASH_AFTER_WRITE
    } (*crashes)(void *context, uint32_t at);
    void *context;
    struct buf trace;
    uint64_t steps_count;
};

void cluster_init(struct cluster *c, const struct cluster_options *options);
void cluster_close(struct cluster *c);
/* The same cluster anew, without giving back its memory. */
void cluster_reset(struct cluster *c, uint64_t seed);

void cluster_start(struct cluster *c, uint32_t at);
void cluster_start_all(struct cluster *c);
/* Throw away memory and what is on the way to it; the store stays. */
void cluster_crash(struct cluster *c, uint32_t at);
/* 9.3, for a node whose core has asked for a snapshot: fetch the block at its height, and, when
 * that has come and the state is thought to be here, let the store stand there, and start the node
 * anew on it, as its driver does. Requires: all committed that height. */
void cluster_fetch_snapshot_block(struct cluster *c, uint32_t at);
void cluster_take_snapshot(struct cluster *c, uint32_t at);
/* There is work for blocks up to this height from now on. */
void cluster_aim(struct cluster *c, uint64_t height);
/* Let virtual time pass. */
void cluster_run(struct cluster *c, uint64_t for_ms);
/* Until all that are up have committed the height; false when that takes longer than the limit. */
bool cluster_run_to(struct cluster *c, uint64_t height, uint64_t limit_ms);
uint64_t cluster_committed(const struct cluster *c, uint32_t at);
/* The block that everything begins with. */
struct pbft_block cluster_genesis(void);
/* Another block than any before, on this parent. */
struct cluster_block *cluster_block_new(struct cluster *c, const struct pbft_block *parent);
/* Prefix a line of the trace by the test's own words. */
void cluster_say(struct cluster *c, const char *words);

/* ---- between the files of the cluster ---- */

/* Tell a node's core what there is to do, if that changed. */
void cluster_tell_pool(struct cluster *c, uint32_t at);
/* Tell it the root of a committed height. */
void cluster_tell_root(struct cluster *c, uint32_t at, uint64_t height);

enum cluster_packet_type {
    CLUSTER_MSG,
    CLUSTER_CHECKED,
    CLUSTER_BUILT,
    CLUSTER_POOL,
    CLUSTER_ROOT
};
struct cluster_packet {
    uint64_t at_ms, number;
    uint32_t to;
    uint64_t incarnation; /* of the receiver, for what is not a message */
    enum cluster_packet_type type;
    union {
        struct pbft_msg *msg; /* allocated only as far as its type reaches */
        struct pbft_checked checked;
        struct pbft_built built;
        struct pbft_root root;
        struct pbft_pool pool;
    };
};
void cluster_post(struct cluster *c, struct cluster_packet *packet, uint64_t delay_ms);
void cluster_send(struct cluster *c, uint32_t from, uint32_t to, const struct pbft_msg *m);
/* One event into one core, and what the driver makes of the output. */
void cluster_step(struct cluster *c, uint32_t at, const struct pbft_event *event);
uint64_t cluster_number_of(const struct digest *digest);
void cluster_trace_event(struct cluster *c, uint32_t at, const struct pbft_event *event);
void cluster_trace_output(struct cluster *c, uint32_t at, const struct pbft_output *output);
void cluster_trace_text(struct cluster *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* cluster_judge.c: after each step; before its writes, after them, and for each send. */
void cluster_judge_write(struct cluster *c, uint32_t at, const struct pbft_act *act);
void cluster_judge_send(struct cluster *c, uint32_t at, const struct pbft_act *act);
void cluster_judge_step(struct cluster *c, uint32_t at);
_Noreturn void cluster_fail(struct cluster *c, uint32_t at, const char *property);

#endif
