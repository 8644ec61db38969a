/* What the files of the simulated world share: queue.c, trace.c, plan.c, run.c, node*.c, network.c
 * and main.c. Clients and checkers need no more than sim.h. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "tests/sim/sim.h"

/* ---- queue.c ---- */
void sim_queue_open(struct sim *s);
void sim_queue_close(struct sim *s); /* what was still to come is forgotten */
/* Let the next event happen, if it is due by then; time moves on to it. */
bool sim_queue_step(struct sim *s, uint64_t until_us);

/* Something on its way to a node: a message, a verified job, the disk's word. One of them belongs
 * to one event, or waits at a paused node. */
enum sim_packet_type {
    PACKET_MESSAGE,    /* bytes of another member */
    PACKET_TX,         /* bytes of a client */
    PACKET_READ,       /* the same, for reading */
    PACKET_JOB,        /* to be run, and handed back */
    PACKET_RUN_JOB,    /* was run, and is to be handed back */
    PACKET_DURABLE,    /* the batch under way reaches the disk */
    PACKET_TOLD,       /* it has; the driver is to be told */
    PACKET_CRASH,      /* while that batch is under way */
    PACKET_ERROR,      /* the disk fails; the driver is to be told */
    PACKET_STORED,     /* the marker reaches the disk */
    PACKET_MARKED,     /* it has; the driver is to be told */
    PACKET_MARK_ERROR, /* it cannot be written; the driver is to be told */
    PACKET_END         /* of a process whose disk failed */
};
struct sim_packet {
    struct sim_packet *next, *prev; /* all there are */
    struct sim_packet *next_waiting;
    enum sim_packet_type type;
    uint32_t from, to;
    uint64_t life; /* of the node, for what dies with it */
    uint64_t client;
    struct driver_job *job;
    enum rc rc; /* of the disk */
    size_t size;
    uint8_t bytes[];
};
struct sim_packet *sim_packet_new(struct sim *s, enum sim_packet_type type, uint32_t to,
                                  struct bytes bytes);
void sim_packet_free(struct sim *s, struct sim_packet *p);

/* ---- trace.c ---- */
void sim_trace_open(struct sim *s, FILE *to);
void sim_trace_close(struct sim *s);
void sim_trace_digest(const struct sim *s, struct digest *out);
void sim_trace_print_last(const struct sim *s, FILE *to);

/* ---- mix.c ---- */
void sim_mix(uint64_t lanes[static 2], const void *data, size_t size);
/* For the words of a line. */
uint32_t sim_word_of(struct bytes bytes);

/* ---- digest.c ---- */
/* This thread remembers digests from here on. Requires: no other does. */
void sim_digest_remember(void);

/* ---- mem.c ---- */
/* This thread's small pieces come out of a pool from here on. Requires: no other's do. */
void sim_mem_pool(void);
/* What this thread takes from here on is charged to the node at that place; SIM_PLACES_MAX: to
 * nobody. Returns who was charged before. */
uint32_t sim_mem_charge(uint32_t place);
/* What a node has taken and not given back. */
uint64_t sim_mem_bytes(uint32_t place);

/* ---- run.c ---- */
enum { /* what healing makes of the network and the disks */
       HEALED_DELAY_MIN_US = 100,
       HEALED_DELAY_MAX_US = 1000,
       HEALED_DISK_MIN_US = 100,
       HEALED_DISK_MAX_US = 1000,
       STALL_MIN_US = 500000, /* of a sync, now and then */
       STALL_MAX_US = 5000000,
       SLOW_DISK_TIMES = 10
};
/* Faults end when all is healed. */
bool sim_fault(struct sim *s, uint32_t ppm);
/* The run that is under way in this process, NULL outside: for handlers of signals. */
struct sim *sim_running(void);
/* What is known of a violation, to stdout at once. */
void sim_report(struct sim *s, uint32_t node_index, const char *property, const char *words);

/* From here on the words that run a seed again, in the place of its plan's settings; NULL: these.
 * Borrows for good. */
void sim_replay_as(const char *words);
/* From here on a violation's property is put here too; NULL: nowhere. Borrows for good. */
enum { SIM_PROPERTY_BYTES = 160 };
void sim_keep_property(char out[static SIM_PROPERTY_BYTES]);

/* ---- shrink.c ---- */
typedef void sim_prepare(void); /* what a process does before it runs a seed */
/* Look for a smaller plan that violates the same property, and print it. Returns: 1, or 0 when the
 * plan violates nothing. */
int sim_shrink(const struct sim_plan *plan, sim_prepare *prepare);

/* ---- scenarios.c: one thing that goes wrong, and what a consortium gets done all the same ---- */
struct sim_scenario;
/* NULL: there is none of that name. */
const struct sim_scenario *sim_scenario_find(const char *name);
void sim_scenarios_print(FILE *to); /* their names and what they show */
/* Run a seed of it, and one in which nothing goes wrong beside it. False: it does not get done what
 * it should; said in words. */
bool sim_scenario_run(const struct sim_scenario *scenario, uint64_t seed,
                      struct sim_counts *counts);

/* ---- waiting.c ---- */
void sim_print_waiting(const struct sim *s, FILE *to);

/* ---- genesis.c ---- */
void sim_genesis_make(struct sim *s);

/* ---- node.c, node_life.c, network.c ---- */
const char *sim_boundary_word(enum sim_boundary boundary);
/* Idle crashes and pauses come and go. */
void sim_nodes_start_faults(struct sim *s);
/* All start that are down, all go on that are paused. */
void sim_nodes_heal(struct sim *s);
/* The driver was given an event: it is run now, or a little later. */
void sim_node_touch(struct sim *s, uint32_t index);
/* A call into the driver has returned: if the node died in it, it goes down now. */
void sim_node_called(struct sim *s, uint32_t index);
/* Hand a packet to its node, at once or, while it is paused, later. */
void sim_node_take(struct sim *s, struct sim_packet *p);
/* What was on its way to its disk is there, whole, or (always, unless may_land) not at all. */
void sim_node_settle(struct sim *s, struct sim_node *n, bool may_land);
/* Its driver has ended with RC_REOPEN. */
void sim_node_reopen(struct sim *s, struct sim_node *n, const struct why *why);
sim_action sim_node_arrive; /* a packet at its node */
/* The turn that filled is handed over; another one fills. */
void sim_node_close_turn(struct sim_node *n);
/* It stops telling anything; it goes down when the driver returns. */
void sim_node_dies(struct sim_node *n, enum sim_boundary boundary);
/* The driver's interfaces, bound to this node. */
void sim_node_bind(struct sim_node *n, struct driver_config *config);
bool sim_node_is_paused(const struct sim *s, uint32_t index);
/* When its monotonic clock will show that: the world's time, or a little less. */
uint64_t sim_node_world_us(const struct sim_node *n, uint64_t own_ms);
/* Its wall clock shows another time from now on: any that the plan allows or, when all is healed,
 * a good one. */
void sim_node_set_wall(struct sim *s, struct sim_node *n);
/* ---- disk.c ---- */
void sim_disks_start_faults(struct sim *s);             /* disks fill up */
void sim_disk_start(struct sim *s, struct sim_node *n); /* a life begins */
void sim_disk_submit(void *node, const struct kv_batch *batch);
void sim_disk_raise(void *node, const struct pbft_rank *to);
/* These take the packet. */
void sim_disk_on_durable(struct sim *s, struct sim_packet *p);
void sim_disk_on_stored(struct sim *s, struct sim_packet *p);
void sim_disk_on_error(struct sim *s, struct sim_packet *p);

/* ---- liars.c ---- */
void sim_liars_start(struct sim *s); /* who lies, and when */
/* A batch is on the disk: the head file says so, and copies may be made. */
void sim_liar_landed(struct sim *s, struct sim_node *n);
/* As kv_lmdb_open() does. Returns: RC_OK | RC_STORE_ROLLED_BACK | RC_STORE_DAMAGED. */
MUST_USE enum rc sim_store_judge_head(struct sim *s, struct sim_node *n, struct why *why);
/* It did not start: it has to be for a reason that has a name, and it is down for good. */
void sim_liar_refused(struct sim *s, struct sim_node *n, enum rc rc, const struct why *why);
/* Its driver was run: if it met damage, the process ends. */
void sim_liar_ran(struct sim *s, struct sim_node *n);
void sim_liars_end(struct sim *s); /* counts what came of them */
void sim_liar_close(struct sim_node *n);

/* ---- rots.c ---- */
void sim_rots_start(struct sim *s); /* whose state rots, and when; after the liars were drawn */
/* Its driver has been opened: it may know by now, or be sound again. */
void sim_rot_started(struct sim *s, struct sim_node *n);
/* It rotted, and is not sound again yet. */
bool sim_is_rotten(const struct sim *s, uint32_t index);
/* And it had no reason to read what rotted: it is as far as all others. */
bool sim_is_rot_unread(const struct sim *s, uint32_t index);

/* ---- links.c ---- */
/* Drawn anew for each message: as the link is or, when all is healed, quick. */
uint64_t sim_link_delay_us(struct sim *s, struct sim_link *link, size_t size);
/* More bytes wait in a slow link than it takes. */
bool sim_link_is_full(const struct sim *s, const struct sim_link *link);

#endif
