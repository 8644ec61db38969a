/* The simulator: a whole consortium in virtual time. Real drivers, real ledgers over kv_mem, real
 * encodings; the network, the disks, the clocks, the machines and the clients are made here, and
 * one seed decides all they do. The same seed and commit give the same run, byte for byte.
 *
 * A run has two parts. In the first, anything the seed drew goes wrong and safety alone is held, by
 * checkers that stand outside the replicas. Then all is healed, the clients stop asking for new
 * things, and all that is pending must be decided within a bound (sim_bound_ms()). The first
 * violation ends the run: it prints seed, property, the last events of each node and how to run it
 * again.
 *
 * Up to f members may lie (byz.h), have stores that do (liars.c) or be gone for good; in marked
 * runs one more lies, and the checkers have to see what that brings. */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdio.h>

#include "crypto/base/prng.h"
#include "node/driver/driver.h"
#include "tests/sim/byz.h"
#include "tests/sim/reads.h"

enum {
    SIM_NODES_MAX = 13,
    SIM_PLACES_MAX = SIM_NODES_MAX + SIM_TWINS_MAX, /* of drivers; the last are of twins */
    SIM_KEYS_MAX = 16,
    SIM_CORES = 2
};

/* Where a node can be cut off between deciding and telling (rule 4). */
#define SIM_BOUNDARY_LIST(X)                                                                       \
    X(SIM_AT_DECIDE, "decided")   /* the turn is decided; nothing was submitted */                 \
    X(SIM_AT_SUBMIT, "submitted") /* its batch is on the way to the disk; it lands or does not */  \
    X(SIM_AT_DONE, "done")        /* it is durable; nothing was sent */                            \
    X(SIM_AT_SEND, "sending")     /* some of its messages are out */                               \
    X(SIM_AT_MARK, "marking") /* the marker (4.2) is being raised, or is and it was not told */    \
    X(SIM_AT_ERROR, "failed") /* its disk failed, and the process ends (4.2) */                    \
    X(SIM_AT_IDLE, "idle")    /* at any other moment */
enum sim_boundary {
#define X(name, word) name,
    SIM_BOUNDARY_LIST(X)
#undef X
        SIM_BOUNDARY_COUNT
};

/* What a store may do that no sound disk does. From the first lie on its node counts towards f. */
#define SIM_LIE_LIST(X)                                                                            \
    X(SIM_LIE_ROLLED_BACK, "rolled back") /* it loses its last commits, which it said were done */ \
    X(SIM_LIE_RESTORED, "restored")       /* it is put back from a copy, head file and all */      \
    X(SIM_LIE_WIPED, "wiped")             /* it is gone */                                         \
    X(SIM_LIE_FLIPPED, "flipped")         /* one bit of one value is another */
enum sim_lie {
#define X(name, word) name,
    SIM_LIE_LIST(X)
#undef X
        SIM_LIE_COUNT
};

/* All that a seed draws before the first event. Rates are per million, times in microseconds. */
struct sim_plan {
    uint64_t seed;
    uint64_t salt;            /* another run of the same plan: 0, but for sim_shrink() */
    bool has_real_signatures; /* one seed in fifty */
    /* Whether the replicas change views. Until they do, the primary of view 0 has to come back and
     * be honest, and all have to be there in the end. */
    bool has_view_change;
    uint32_t members_count; /* 4..13 */
    uint64_t faults_us;     /* length of the first part, at most 60 s */
    struct parameters parameters;
    uint64_t layer_bytes_max; /* of the stores */
    /* load */
    uint32_t keys_count;        /* clients, each with a key and an account */
    uint32_t bursts_per_minute; /* each client opens all that it may at once */
    uint64_t big_bytes_max;     /* of a record, while big_bytes_total lasts; 0: all are small */
    uint64_t big_bytes_total;   /* of all records of a run */
    uint32_t txs_per_second;    /* of all clients together */
    uint32_t ops_per_tx_max;
    uint32_t overdraft_ppm, expiring_ppm, conflicting_ppm, resend_ppm, in_flight_max;
    /* network */
    uint64_t delay_min_us, delay_max_us;
    uint32_t loss_ppm, double_ppm, late_ppm,
        corrupt_ppm;    /* late: many times the delay (reorders) */
    uint32_t flood_ppm; /* of FETCHes: those that come many times (9.1) */
    uint32_t partitions_per_minute;
    uint32_t flapping_ppm;       /* of partitions: those that come and go many times a second */
    bool has_uneven_links;       /* each direction of each link has a delay and a loss of its own */
    uint32_t slow_links_percent; /* of directions of links: slow ones, */
    uint64_t slow_delay_us;      /* by up to so much more delay, and */
    uint64_t slow_bytes_per_ms;  /* so many bytes at least */
    /* nodes */
    uint64_t disk_min_us, disk_max_us;
    uint64_t reserved_heights;              /* at once (4.2): the rule's number, or few */
    uint64_t snapshot_behind_heights;       /* driver.h: the limit there, or few (9.3) */
    uint32_t outputs_max;                   /* driver.h: the limits there, or less */
    uint64_t answer_bytes_max;              /* the same */
    uint32_t stall_ppm;                     /* of syncs: those that take seconds */
    uint64_t verify_us;                     /* per signature */
    uint64_t tree_max_us;                   /* of a flush's state tree; 0: at once */
    uint64_t run_lag_us;                    /* at most so long from an event to driver_run() */
    uint32_t crash_ppm[SIM_BOUNDARY_COUNT]; /* at each passing of a boundary; IDLE: per second */
    uint32_t crash_all_percent;             /* of crashes: how many take others, or all, along */
    uint64_t down_max_us;
    uint32_t pauses_per_minute;
    uint64_t pause_max_us;
    uint64_t clock_offset_max_ms; /* of wall clocks; above skew / 2 blocks have to wait */
    uint32_t clock_steps_per_minute;
    uint32_t drift_ppm; /* clocks run so much too fast or too slow, at most, each as it does */
    uint32_t slow_disks_percent; /* of nodes: those whose disk takes ten times as long */
    uint32_t slow_disk_bits;     /* in scenarios: these members' syncs take */
    uint64_t slow_disk_us;       /* so long */
    uint32_t eio_ppm;            /* of lives: those that an EIO ends, at one of the first commits */
    uint32_t full_disks_per_minute;
    uint64_t full_max_us;
    uint32_t marker_errors_ppm; /* of raises */
    /* Members whose store lies: at most f, and not the primary of view 0 until views change. */
    uint32_t liars_count;
    uint32_t lies_max;  /* of each, over a run */
    uint32_t lies_bits; /* which lies: a bit for each of enum sim_lie */
    /* Members whose state rots, once each: with the others at most f. */
    uint32_t rots_count;
    /* From the end of the faults on: members outside the quorum that is healed, at most f and any
     * of them. Applied only with has_view_change. */
    uint32_t members_down_for_good;
    struct sim_byz_plan byz;
    struct sim_reads_plan reads;
};
void sim_plan_draw(struct sim_plan *out, uint64_t seed);
/* n = 4, 100 transactions per second, default faults, for measuring speed. */
void sim_plan_default(struct sim_plan *out, uint64_t seed);
void sim_plan_print(FILE *to, const struct sim_plan *plan);

/* ---- the fields of a plan by name (plan_fields.c), for `--set field=value` and for shrinking ----
 */
struct sim_field {
    const char *name;
    size_t at, size;   /* in struct sim_plan; a bool, a uint32_t or a uint64_t by its size */
    uint64_t quiet;    /* the value at which it goes wrong least */
    bool is_parameter; /* of the genesis */
};
const struct sim_field *sim_fields(size_t *count);
uint64_t sim_field_get(const struct sim_field *f, const struct sim_plan *plan);
void sim_field_set(const struct sim_field *f, struct sim_plan *plan, uint64_t value);
/* "field=value". False when there is no such field, or it cannot hold the value. */
bool sim_plan_set(struct sim_plan *plan, const char *text);
/* All fields quiet: nothing goes wrong. */
void sim_plan_calm(struct sim_plan *out, uint64_t seed);
/* What makes this plan of its seed, as arguments: " --set field=value" for each, or " --calm"
 * first.
 */
void sim_plan_print_settings(FILE *to, const struct sim_plan *plan);

struct sim;
struct sim_packet;
struct sim_checker;
struct sim_clients;
struct serve;

struct sim_node {
    struct sim *sim;
    uint32_t index;
    uint32_t member; /* who it is; index, but for the second driver of a twin */
    struct sign_key key;
    struct kv *kv;       /* the disk: stays over crashes */
    struct store *store; /* NULL: down */
    struct driver *driver;
    struct serve *serve;   /* answers reads; NULL until the first of its life */
    uint64_t serve_event;  /* number of the event that runs it by itself; 0: none */
    uint64_t opened_bytes; /* of memory that its driver and store had taken when they had opened */
    uint64_t life; /* raised at each start and crash: what was on the way to an old life is lost */
    bool is_dying; /* crashes as soon as the driver returns; sends nothing more */
    enum sim_boundary dying_at;
    uint64_t up_at_us; /* while down: when it starts again */
    uint64_t paused_until_us;
    int64_t drift_ppm;      /* of both of its clocks */
    uint64_t disk_times;    /* how many times as long as others' its disk takes */
    int64_t wall_offset_ms; /* since it was set, */
    uint64_t wall_set_us;   /* then */
    int64_t wall_drift_ppm; /* none when all is healed */
    uint64_t wall_most_ms; /* the latest that its wall clock has ever shown, before its last step */
    uint64_t monotonic_offset_ms; /* another one after each start */
    const struct kv_batch *in_flight;
    uint64_t commits_count;               /* of this life; */
    uint64_t eio_at_commit;               /* that one fails; 0: none */
    uint64_t full_until_us;               /* its disk */
    struct pbft_rank marker;              /* the file beside the key (4.2): stays over crashes; */
    uint8_t marked_store[STORE_ID_BYTES]; /* and whose store it names */
    uint64_t head_commits;     /* the head file beside the store (kv.h); a copy has its own */
    bool is_fenced;            /* the marker says that it must never vote again */
    bool is_gone;              /* it does not start again: down for good */
    bool has_diverged;         /* its state rotted, and it has noticed */
    bool can_diverge;          /* when it rotted, it held a CHECKPOINT certificate */
    bool rot_shows;            /* by a checksum, to whoever reads it */
    uint64_t rotten_base;      /* when it rotted, it stood on the snapshot of this height */
    uint32_t failures_count;   /* of a store that lies: how often its process ended of that */
    struct sim_copies *copies; /* older moments of a store that is to lie; liars.c */
    bool is_marking;
    struct pbft_rank marking_to;
    bool is_failed; /* the driver was told of a failed disk: it must be silent */
    /* When what it sends was decided, by its own clock: a turn fills from the closing of the one
     * before it. */
    bool is_telling; /* the driver is being told that something is durable */
    uint64_t fill_from_ms, closed_from_ms, closed_at_ms;
    uint64_t deadline_event; /* number of the event that runs it by itself; 0 = none */
    uint64_t deadline_at_us;
    uint64_t core_free_us[SIM_CORES];                /* its processors, which verify signatures */
    struct sim_packet *waiting_first, *waiting_last; /* came while it was paused */
    uint64_t runs_at_ms, runs_count;                 /* in this millisecond: it must not spin */
    uint64_t starts_count;
};

/* Counted over a run, and summed over runs (counts.c). */
struct sim_counts {
    uint64_t events, messages, lost, doubled, late, corrupted, cut;
    uint64_t partitions, flapping, one_way, slow_sends, pauses, stalls, steps, marks;
    uint64_t marks_again, cut_marks_again; /* beyond a node's first; and those it died in between */
    uint64_t drifting, slow_disks;
    uint64_t eio_commits, full_disks, full_commits, mark_errors;
    uint64_t lies[SIM_LIE_COUNT];
    uint64_t fenced, refused, found_out, broken, unnoticed; /* stores that lied: how they ended */
    uint64_t own_word_broken;
    uint64_t gone; /* members down for good */
    uint64_t snapshots, snapshot_runs, snapshots_joined, rots, diverged, recovered;
    uint64_t output_drops, answer_drops;
    uint64_t crashes[SIM_BOUNDARY_COUNT], power_cuts, racks_down, landed_unasked, starts;
    uint64_t checkpoints, views;
    uint64_t txs_submitted, txs_committed, txs_rejected, blocks, receipts_verified;
    uint64_t virtual_us, txs_in_time; /* on the chain when all is healed */
    uint64_t byz[SIM_BYZ_COUNT], byz_runs, byz_members, byz_marked, byz_stingy;
    uint64_t forks_seen, evidence;
    uint64_t reads_begun[SIM_READ_KINDS], reads_accepted[SIM_READ_KINDS];
    uint64_t reads_given_up[SIM_READ_KINDS], read_replies, read_lies[SIM_READ_LIE_COUNT];
    uint64_t healing_us, bound_us; /* from the end of faults to the end of all, and at most */
};

void sim_counts_add(struct sim_counts *to, const struct sim_counts *from);
void sim_counts_print(FILE *to, const struct sim_counts *c, uint64_t seeds);
/* All of them in one line of key=value. */
void sim_counts_print_sums(FILE *to, const struct sim_counts *c, uint64_t seeds,
                           uint64_t violations);

/* One direction of a link between two members. */
struct sim_link {
    bool is_cut;
    uint64_t delay_min_us, delay_max_us;
    uint32_t loss_ppm;
    uint64_t bytes_per_ms; /* 0: it is not slow */
    uint64_t free_at_us;   /* when the bytes that are under way are through */
    uint64_t arrives_us;   /* its last message */
};

struct sim {
    struct sim_plan plan;
    struct genesis genesis;
    struct prng prng;
    uint64_t now_us;
    bool is_healed; /* the second part */
    struct sim_node nodes[SIM_PLACES_MAX];
    uint32_t liars;   /* a bit for each member whose store is to lie */
    uint32_t faulty;  /* a bit for each that counts towards f, from when on it does */
    uint32_t rotting; /* a bit for each of the liars whose state is to rot, and no more than that */
    struct sim_link links[SIM_NODES_MAX][SIM_NODES_MAX]; /* [from][to] */
    bool is_flapped;                                     /* what is cut is whole for a moment */
    uint64_t flaps_until_us;
    struct sim_queue *queue;
    struct sim_checker *checker;
    struct sim_clients *clients;
    struct sim_reads *reads;
    struct sim_trace *trace;
    struct sim_byz *byz;
    struct sim_counts counts;
};

/* ---- one run (run.c) ---- */

/* Run a seed to its end. A violation does not return: sim_fail(). trace_to: every event as a line,
 * or NULL. trace_digest (may be NULL): over all lines, also when they are not printed. */
void sim_run(const struct sim_plan *plan, FILE *trace_to, struct sim_counts *counts,
             struct digest *trace_digest);
/* How long after healing all that was pending may take; the formula stands in bound.c. */
uint64_t sim_bound_ms(const struct sim *s);
/* Print what is known of the violation (seed, commit, property, plan, last events per node, how to
 * run it again) and exit(1). node_index may be UINT32_MAX. */
_Noreturn void sim_fail(struct sim *s, uint32_t node_index, const char *property,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));
bool sim_luck(struct sim *s, uint32_t ppm);
/* Uniform in least..most. */
uint64_t sim_between(struct sim *s, uint64_t least, uint64_t most);

/* ---- time (queue.c): a heap of events by time, then by number ---- */
typedef void sim_action(struct sim *s, void *context, uint64_t number);
/* Call action at a time; context is whatever it needs. Returns the event's number, never 0. */
uint64_t sim_at(struct sim *s, uint64_t at_us, sim_action *action, void *context);
/* The event will not happen. For numbers of events that are still to come; its context is the
 * caller's. */
void sim_cancel(struct sim *s, uint64_t number);

/* ---- trace (trace.c): each line to the digest, the last ones of each node kept, all printed if
 * asked for. Lines begin with the virtual time. ---- */
void sim_say(struct sim *s, uint32_t node_index, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- nodes (node.c): the driver's interfaces over the virtual world ---- */
void sim_node_make(struct sim *s, uint32_t index); /* an empty disk with a new store; not started */
void sim_node_start(struct sim *s, uint32_t index);
void sim_node_crash(struct sim *s, uint32_t index, enum sim_boundary boundary);
void sim_node_close(struct sim *s, uint32_t index);
void sim_node_deliver(struct sim *s, uint32_t to, uint32_t from, struct bytes message);
/* A client's request reaches a node; false when it is down (then nobody answers). */
bool sim_node_submit(struct sim *s, uint32_t index, uint64_t client, struct bytes tx);
struct driver_time sim_node_time(const struct sim *s, uint32_t index);
/* Whether its pool holds a transaction of this key and nonce; false when it is down. */
bool sim_node_has_pooled(const struct sim *s, uint32_t index, const struct public_key *key,
                         uint64_t nonce);
/* The latest that its wall clock has ever shown. */
uint64_t sim_node_wall_most_ms(const struct sim *s, uint32_t index);
/* When what a node sends now was decided, in ms of its own monotonic clock: at or after *from, at
 * or before *until. */
void sim_node_decided(const struct sim *s, uint32_t index, uint64_t *from_ms, uint64_t *until_ms);

/* Nothing is demanded of it but that it does not vote against its own word: sim_check_faulty_*().
 */
bool sim_is_faulty(const struct sim *s, uint32_t index);
/* It is sound, and is there in the end: in the quorum that is healed. */
bool sim_is_needed(const struct sim *s, uint32_t index);
uint32_t sim_needed_count(const struct sim *s);
/* How many more members may count towards f, besides those that do and those whose stores are to
 * lie or that are gone. */
uint32_t sim_faults_left(const struct sim *s);

/* ---- network (network.c, links.c) ---- */
void sim_network_send(struct sim *s, uint32_t from, uint32_t to, struct bytes message);
void sim_network_start(struct sim *s); /* links are drawn; partitions come and go */
void sim_network_heal(struct sim *s);

/* ---- clients (clients.c) ---- */
#define SIM_ASSET "CZK"               /* the one there is */
enum { SIM_ASSET_DECIMALS = 2 };      /* balances are texts with so many */
void sim_clients_open(struct sim *s); /* before the genesis: their keys and accounts go into it */
/* Append what stands between the brackets of "participants" and of "balances"; *issuer is a
 * constant. */
void sim_clients_initial(const struct sim *s, struct buf *participants_json,
                         struct buf *balances_json, const char **issuer);
void sim_clients_start(struct sim *s);
void sim_clients_stop_new(struct sim *s); /* from here on only what is pending is seen through */
/* An answer reaches the client: its way, and its loss, are behind it. */
void sim_clients_on_answer(struct sim *s, uint32_t node_index, uint64_t client,
                           const struct driver_answer *answer);
/* Whether this is the key of a client of the plan. */
bool sim_clients_is_by(const struct sim *s, uint32_t client_index, const struct public_key *key);
/* Until which height the transaction that this number stands for may commit; 0: for ever, or it is
 * settled. */
uint64_t sim_clients_valid_until(struct sim *s, uint64_t client);
/* Transactions whose outcome is not known yet. Words about the first ones, unless words is NULL. */
uint32_t sim_clients_pending(const struct sim *s, struct buf *words);
void sim_clients_close(struct sim *s);

/* ---- checkers (checker*.c): outside the replicas; each calls sim_fail() ---- */
void sim_checker_open(struct sim *s);
/* A batch has landed on this node's disk, also as it went down (then it has no store): hold what is
 * new there against all other nodes and a model of the ledger of its own. */
void sim_check_landed(struct sim *s, uint32_t node_index);
/* A message leaves a node: what rule 4's table wants durable is on its disk. */
void sim_check_sent(struct sim *s, uint32_t node_index, uint32_t to, struct bytes message);
/* A message is given to a driver: an answer frees the way for the next question (9.4). */
void sim_check_delivered(struct sim *s, uint32_t node_index, uint32_t from, struct bytes message);
/* An answer leaves a node; receipts are verified offline and held against its disk. */
void sim_check_answer(struct sim *s, uint32_t node_index, uint64_t client,
                      const struct driver_answer *answer);
/* A reply of a sound node to a question leaves it: it is durable, and so by the chain. */
void sim_check_read_reply(struct sim *s, uint32_t node_index, uint64_t number, struct bytes reply);
/* A read begins: what was acknowledged to anybody, or accepted by an earlier read, it has to show.
 */
uint64_t sim_check_read_begins(const struct sim *s);
/* It is accepted, with these entries of the answer (an account may have none): all reads so far
 * are in one order with all transactions. from_height: as it began; index_height: R. */
void sim_check_read(struct sim *s, uint64_t from_height, uint64_t index_height,
                    const struct sim_read_entry *entries, uint32_t count);
/* A proof that a client believes, whoever gave it: what a quorum certified is what the chain says.
 */
void sim_check_proved(struct sim *s, uint32_t node_index, uint64_t height,
                      const struct sim_read_entry *entry);
/* What an account held at a height, by the checker's own ledger; false: it was not there. */
bool sim_check_value_at(const struct sim *s, struct bytes account, uint64_t height,
                        struct sim_read_entry *out);
uint64_t sim_check_txs(const struct sim *s);    /* on the chain */
uint64_t sim_check_height(const struct sim *s); /* the highest that anybody has committed, */
uint64_t sim_check_lowest(const struct sim *s); /* and the lowest that a sound node stands at */
/* From here on the node counts towards f: its disk is not looked at any more. */
void sim_check_lied(struct sim *s, uint32_t node_index);
/* It sends a message: what it says itself may not contradict what it said before. */
void sim_check_faulty_sent(struct sim *s, uint32_t node_index, struct bytes message);
/* It answers: whether a careful client believes that. */
bool sim_check_faulty_answer(struct sim *s, uint32_t node_index,
                             const struct driver_answer *answer);
/* The marker is to be raised, or was: never above the reservation in the store (4.2). */
void sim_check_marker(struct sim *s, uint32_t node_index, const struct pbft_rank *marker);
/* After each driver_run(): the bounds of section 16, and that the driver has not failed. */
void sim_check_bounds(struct sim *s, uint32_t node_index);
/* The node starts from its disk. */
void sim_check_start(struct sim *s, uint32_t node_index);
/* At the end: all nodes have one chain, every acknowledged transaction is in it, exactly once; the
 * real audit accepts every disk. */
void sim_check_end(struct sim *s);
/* Before the disks are closed: it holds views of them. */
void sim_checker_close(struct sim *s);

/* ---- signatures (sign.c): takes crypto/sign.c's place in this program ---- */
/* false: a keyed hash in place of Ed25519, a hundred times cheaper. Start-up tests of
 * crypto_start() need the real ones. */
void sim_sign_real(bool is_real);

#endif
