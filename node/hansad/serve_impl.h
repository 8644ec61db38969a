/* What the files of hansad's serve share. Nobody else includes this. */
#ifndef NODE_HANSAD_SERVE_IMPL_H
#define NODE_HANSAD_SERVE_IMPL_H

#include "node/hansad/serve.h"

/* One transaction that a request waits for. */
struct serve_slot {
    struct serve_wait *wait;
    bool is_open;
    bool is_watched; /* for its txid, in the blocks to come */
    struct serve_slot *next_watched;
    struct proto_result result;
};

/* A SUBMIT or a WAIT that waits. */
struct serve_wait {
    struct serve_wait *newer, *older; /* in no order of time: each has its own */
    struct serve_wait *next_in_bucket;
    uint64_t serial;
    uint64_t number; /* of the request */
    enum proto_type type;
    uint64_t until_ms;
    uint32_t count, open_count;
    struct serve_slot slots[];
};

/* A reply that waits for a height to be durable. */
struct serve_held {
    struct serve_held *next;
    uint64_t number;
    uint64_t height;
    enum proto_type type;
    struct buf reply;
};

/* A READ that waits for its height. */
struct serve_read_wait {
    struct serve_read_wait *next;
    uint64_t number;
    uint64_t at_least_height;
    uint64_t until_ms;
    struct buf request;
};

enum { SERVE_BUCKETS = 4096 };

struct serve {
    struct serve_config config;
    struct driver_time time;
    /* Reads of the committed state, whose failures stay here: of one request, since a state may go
     * (8.2). NULL between requests, and where there is no state to be believed. */
    struct layer *scratch;
    struct proto_request request;
    struct proto_reply reply;
    struct buf bytes;
    bool takes_txs, may_copy, is_ending;
    struct log_limit read_failed_limit, version_limit;
    uint64_t cover_from_height; /* certificates below and above what is followed are damaged */
    struct serve_look look;

    struct serve_wait *waits;
    struct serve_wait *by_serial[SERVE_BUCKETS];
    struct serve_slot *watched[SERVE_BUCKETS];
    uint64_t last_serial;
    uint32_t watched_count;
    uint32_t owed_count;   /* answers by the driver */
    uint64_t waits_due_ms; /* no wait's time is over before */

    struct serve_read_wait *reads_first, *reads_last; /* as they came */
    uint64_t reads_due_ms; /* when the first of them has to be looked at */
    struct serve_held *held_first, *held_last;
    uint64_t backup_askers[SERVE_BACKUP_ASKERS_MAX];
    struct proto_request backup_request; /* of the first */
    uint32_t backup_askers_count;
    uint64_t backup_ms; /* when the copy that is there was made */
    enum rc failure;
    struct why failure_why;
};

/* ---- serve.c ---- */
/* Encode s->reply and let it go; height: what it shows is durable from there on. */
void serve_reply(struct serve *s, uint64_t number, uint64_t height);
void serve_refuse(struct serve *s, uint64_t number, enum proto_type type, enum proto_code code);
/* A read failed: the client is told so, and the log why. */
void serve_fail(struct serve *s, uint64_t number, enum proto_type type, enum rc rc,
                const struct why *why);
uint64_t serve_durable_height(const struct serve *s);
/* There is a state, and it is not known to be a wrong one (8.2). */
bool serve_has_state(const struct serve *s);
/* A request begins to read the state, and ends. False: there is none. */
MUST_USE bool serve_scratch_open(struct serve *s);
void serve_scratch_close(struct serve *s);

/* ---- serve_wait.c: SUBMIT, WAIT ---- */
void serve_submit(struct serve *s, uint64_t number);
void serve_await(struct serve *s, uint64_t number);
/* A followed block: settle who waits for what stands in it. */
void serve_waits_on_block(struct serve *s, const struct block *block);
void serve_waits_run(struct serve *s);
/* Answer all that wait. */
void serve_waits_end(struct serve *s);
uint64_t serve_waits_deadline_ms(const struct serve *s);
void serve_waits_free(struct serve *s);

/* ---- serve_signed.c ---- */
/* Whether s->request is allowed to who asks; if not, it is answered. */
MUST_USE bool serve_may(struct serve *s, uint64_t number);

/* ---- serve_read.c: all that is read ---- */
void serve_read(struct serve *s, uint64_t number);

/* ---- serve_linear.c: READ ---- */
/* s->request, which these bytes are: they are kept if it has to wait. */
void serve_linear(struct serve *s, uint64_t number, struct bytes request);
/* Put the high into s->reply: the disk has what that shows. */
void serve_linear_seal(struct serve *s);
/* A reply that waited for the disk, with the high of now. Lends until the next reply. */
struct bytes serve_linear_unhold(struct serve *s, struct bytes held);
/* Answer those whose height has come, or whose time is over. */
void serve_linear_run(struct serve *s);
uint64_t serve_linear_deadline_ms(const struct serve *s);
/* Tell all that wait that the node is busy. */
void serve_linear_end(struct serve *s);
void serve_linear_free(struct serve *s);

/* ---- serve_backup.c ---- */
void serve_backup(struct serve *s, uint64_t number);
void serve_backup_end(struct serve *s);

#endif
