/* What clients ask of a node, answered: transactions go to the driver and their outcomes come back
 * when they are settled or the client has waited long enough; reads are made at once, on the
 * protocol's thread, a bounded amount of work each.
 *
 * What a read shows may be committed and not yet durable here: its reply waits until that is so, as
 * everything does that leaves a replica (rule 4). Each durable block that a certificate covers is
 * looked at once, in order ("followed"): that settles those who wait for a transaction that this
 * node's driver was not given.
 *
 * No system calls and no clock: time comes with the calls. One thread, the driver's. */
#ifndef NODE_HANSAD_SERVE_H
#define NODE_HANSAD_SERVE_H

#include "node/driver/driver.h"
#include "node/hansad/backup.h"
#include "node/hansad/log.h"
#include "node/proto.h"

enum {
    /* Requests of SUBMIT and WAIT that wait: as many as the network remembers the way back of. More
     * are told that the node is busy. */
    SERVE_WAITS_MAX = 4096,
    /* Transactions that the driver owes an answer for, whether a client still waits or not: it
     * keeps its answers while a commit is under way. Twice what may wait in the largest usual pool.
     */
    SERVE_OWED_MAX = 65536,
    /* READs that wait for a height, T_read at most (rule 11): each keeps its request, 4 KiB at
     * most, so a megabyte. A client has one of them under way at this node, and a second one if it
     * is sent again. */
    SERVE_READS_MAX = 256,
    /* ... of which so many are answered in one run, before others have their turn: as many lookups
     * as in as many requests that come by themselves. */
    SERVE_READS_RUN_MAX = 32,
    /* Replies that wait for the disk. */
    SERVE_HELD_BYTES_MAX = 32 * 1024 * 1024,
    /* Blocks followed in one run, before others have their turn. */
    SERVE_FOLLOWED_MAX = 64,
    /* Requests that wait for one and the same backup: a client's, and its own repetitions. */
    SERVE_BACKUP_ASKERS_MAX = 16,
    /* For so long a request for a new backup is given the one that is there: it may be the same
     * request, come twice. */
    SERVE_BACKUP_FRESH_MS = 60 * 1000,
    /* Words about reads that fail come at most once in so long: any client may read. */
    SERVE_READ_FAILED_MS = 10 * 1000,
    /* And those about clients of another version. */
    SERVE_VERSION_MS = 60 * 1000
};

struct serve_config {
    const struct genesis *genesis;
    uint32_t own_index;
    struct store *store;
    struct driver *driver;
    struct log *log;
    struct backup *backup; /* NULL: not allowed */
    void *context;
    /* Answer a request. Borrows. */
    void (*reply)(void *context, uint64_t number, struct bytes reply);
    /* The session that a request came by: its ephemeral key; false: nobody knows any more. */
    bool (*session)(void *context, uint64_t number, uint8_t out[static LINK_KEY_BYTES]);
    void (*status)(void *context, struct proto_status *out);
    void (*metrics)(void *context, struct buf *out);
};

struct serve;
/* Owns: borrows all that config names. Returns: RC_OK | RC_STORE_IO. What is damaged stops nothing:
 * a certificate is as good as absent, a block is passed over and fetched anew. */
MUST_USE enum rc serve_open(struct serve **out, const struct serve_config *config, struct why *why);
void serve_close(struct serve *s);

/* Any bytes may be handed in; `number` is what reply() is to be given. */
void serve_on_request(struct serve *s, uint64_t number, struct bytes request,
                      struct driver_time time);
/* The driver's answers. */
void serve_on_answer(struct serve *s, uint64_t client, const struct driver_answer *answer);
/* The copy that was begun has ended (backup_fd()). */
void serve_on_backup(struct serve *s, struct driver_time time);
/* What is due: call after the driver ran, and at serve_deadline_ms(). Returns: RC_OK | RC_STORE_IO:
 * then this store is not to be used any more. */
MUST_USE enum rc serve_run(struct serve *s, struct driver_time time, struct why *why);
uint64_t serve_deadline_ms(const struct serve *s);

/* Whether the disk has room: for a copy, and for new transactions, which are answered BUSY without.
 * That is for this node's clients. What peers forward is pooled all the same, and what is pooled is
 * proposed: every block comes to this disk whoever proposes it, so a primary that held back would
 * save nothing, and would cost a view change (6.3). Where all nodes are low, no client's
 * transaction is taken anywhere, and nothing is forwarded. */
void serve_set_room(struct serve *s, bool for_txs, bool for_backup);
/* Driver and store are about to be closed, and others to come in their place (RC_REOPEN): who waits
 * is told now what is known, as by serve_end(). Reads nothing. Then serve_rejoin(), before anything
 * else is called; counts, and a backup under way, go on. Returns: as serve_open(). */
void serve_part(struct serve *s);
MUST_USE enum rc serve_rejoin(struct serve *s, struct store *store, struct driver *driver,
                              struct why *why);
/* The node ends: who waits is told now what is known, UNKNOWN of a transaction that is not settled
 * (rule 10.3), and whoever asks from here on is told BUSY, so that clients turn to the next node at
 * once. Reads nothing, so it may be called when the store has failed. */
void serve_end(struct serve *s);

struct serve_look {
    bool takes_txs;
    uint64_t followed_height; /* durable and covered */
    uint64_t txs_committed, bytes_committed;
    uint32_t waits_count;
    uint32_t reads_count; /* that wait for a height */
    uint64_t held_bytes;
    uint64_t requests[PROTO_TYPE_END]; /* by type; 0: not understood */
    uint64_t codes[PROTO_CODE_COUNT];
    uint64_t outcomes[PROTO_OUTCOME_COUNT];
};
void serve_look(const struct serve *s, struct serve_look *out);

#endif
