/* What the files of hansad's node share. Nobody else includes this. */
#ifndef NODE_HANSAD_NODE_IMPL_H
#define NODE_HANSAD_NODE_IMPL_H

#include "net/clients.h"
#include "net/peers.h"
#include "node/hansad/node.h"
#include "node/hansad/reopen.h"
#include "node/hansad/serve.h"
#include "node/hansad/storage.h"
#include "node/hansad/workers.h"

/* Upper bounds in microseconds of the histogram of commits; beyond the last: +Inf. */
enum { NODE_COMMIT_BUCKETS = 8 };
extern const uint64_t node_commit_bounds_us[NODE_COMMIT_BUCKETS];

struct node {
    struct home *home;
    struct log *log;
    struct loop *loop;
    struct workers *workers;
    struct workers *helper; /* of one thread */
    struct storage *storage;
    struct backup *backup;
    struct driver *driver;     /* NULL while another takes its place; */
    struct driver_look before; /* what those before it have counted */
    struct reopen reopen;
    struct serve *serve;
    struct peers *peers;
    struct clients *clients;
    int signal_fd;
    bool is_ending;
    struct driver_time time; /* of the events that are being handed on */
    uint64_t started_ms;
    /* The first reason to stop that is not the driver's. */
    enum rc failure;
    struct why failure_why;
    /* What was said last, so that changes are said. */
    bool was_learner, was_alarmed, was_diverged, was_short_of_disk, was_disk_unknown, was_behind;
    uint64_t said_drops[VERIFY_DROP_COUNT];
    uint64_t said_damaged;
    uint8_t said_evidence[MEMBERS_MAX];
    uint64_t said_complaints, said_left, said_installed; /* of views: how many */
    uint64_t said_stable_height;
    uint64_t look_ms, disk_ms, progress_ms, readers_ms; /* when it is due */
    bool was_taking_snapshot;
    uint64_t snapshot_ms;     /* when it was said last how far a snapshot is */
    uint64_t said_history;    /* from which height on history is here, as said last */
    uint64_t progress_height; /* at the last progress line */
    uint64_t progress_txs;
    uint64_t progressed_ms; /* when it was looked at last */
    uint64_t disk_free_bytes, store_bytes;
    struct log_limit inbox_limit[MEMBERS_MAX], crowd_limit, refused_limit, damaged_limit;
    struct log_limit checkpoint_limit;
    /* Counts for metrics. */
    uint64_t commits_count, commits_us, commits_bytes;
    uint64_t commit_buckets[NODE_COMMIT_BUCKETS];
    uint64_t marks_count;
    uint64_t jobs_inline_count; /* run here because the ring was full */
};

struct driver_time node_time(void);
/* Since n->time the driver was run, and what follows from that was done. Wait until something
 * comes, or until then at most, and hand it over; what was work and what the wait is told to the
 * driver. n->time is when it ended. Returns: as loop_run(). */
MUST_USE enum rc node_hand_over(struct node *n, uint64_t until_ms, struct why *why);

/* ---- node_driver.c ---- */
/* The driver, on all that is open; a state that is to be discarded is put aside before (8.2). */
MUST_USE enum rc node_open_driver(struct node *n, struct why *why);
/* The driver has failed with RC_REOPEN, for which the words are there: another one, on the store as
 * it stands now. Clients that wait are answered. On failure the node has to stop. Where that
 * happens again and again nothing is done before it is due: call it in each turn until then, whose
 * deadline is reopen_due_ms(). */
MUST_USE enum rc node_reopen(struct node *n, struct why *why);
/* What drivers counted is the node's: nothing that is told falls when one takes another's place. */
void node_count_on(struct driver_look *to, const struct driver_look *before);
/* driver_look(), with what the node's earlier drivers have counted. Requires: a driver. */
void node_look(const struct node *n, struct driver_look *out);

/* ---- node_watch.c: looking after itself, and what it tells of itself ---- */
/* What is due by the clock: disk, log lines. */
void node_watch(struct node *n);
uint64_t node_watch_deadline_ms(const struct node *n);
void node_say_started(struct node *n);
void node_status(void *context, struct proto_status *out);
/* How far it is behind what others have committed: the highest height that a certificate seen here
 * commits, or that at least one correct member claims. */
uint64_t node_behind(const struct node *n, const struct driver_look *look);
/* How long it takes, at the pace of so many heights in took_ms; 0: it cannot be told. */
uint64_t node_left_s(uint64_t behind_heights, uint64_t made_heights, uint64_t took_ms);
/* Say what has changed of whether it votes, since that was said last. */
void node_say_changes(struct node *n, const struct driver_look *look);
/* Say how far a state is that is being taken, or history that is filled behind one (9.3). */
void node_say_snapshot(struct node *n, const struct driver_look *look);
/* Say what members sent that no correct member sends, since that was said last. */
void node_say_refused(struct node *n, const struct driver_look *look);
/* Say that something in the store is damaged and was given to nobody, since that was said last. */
void node_say_damaged(struct node *n, const struct driver_look *look);
/* Name whom there is evidence against, once for each kind. */
void node_say_evidence(struct node *n, const struct driver_look *look);
/* Give back the places of readers that were killed (pitfalls J5), and say so. */
void node_clear_readers(struct node *n);

/* ---- node_views.c: what the log says of views and checkpoints ---- */
/* Own complaints, views left and views installed, since that was said last. */
void node_say_views(struct node *n, const struct driver_look *look);
/* The stable height, when it has risen; a line now and then. */
void node_say_checkpoint(struct node *n, const struct driver_look *look);
/* Own complaints, of all reasons. */
uint64_t node_complaints(const struct driver_views *views);

/* ---- metrics.c ---- */
/* Append all metrics as Prometheus text. */
void node_metrics(void *context, struct buf *out);

#endif
