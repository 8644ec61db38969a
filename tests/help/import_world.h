/* A ledger and its nodes as an import sees them, scripted: what they take, refuse, lose and lie
 * about; and the checks that hold whatever they do. */
#ifndef TESTS_HELP_IMPORT_WORLD_H
#define TESTS_HELP_IMPORT_WORLD_H

#include "crypto/base/prng.h"
#include "tools/hansa/import.h"

enum { IMPORT_WORLD_ROWS_MAX = 512, IMPORT_WORLD_NONCES_MAX = 2048, IMPORT_WORLD_NODES = 4 };

/* What is committed under a nonce, or pending. */
struct import_world_tx {
    bool is_there;
    struct digest txid;
    int row; /* of the file, from 0; -1: a cancel, or a stranger's */
    struct buf bytes;
};

struct import_world {
    struct prng prng;
    char *directory, *path;
    struct sign_key key;
    struct digest chain_id;
    /* the script */
    int rows;
    bool is_broke[IMPORT_WORLD_ROWS_MAX]; /* the balance is too low for this row */
    int loss_percent;                     /* a request or its reply is lost */
    int unknown_percent;                  /* a node does not know in time */
    int liar;                             /* this node says anything; -1: none does */
    bool skip_refused;
    int actions_left; /* then the process is killed; -1: never */
    /* the ledger: nonces from 1 */
    uint64_t last;
    struct import_world_tx committed[IMPORT_WORLD_NONCES_MAX], pending[IMPORT_WORLD_NONCES_MAX];
    uint64_t seen_nonce[IMPORT_WORLD_ROWS_MAX]; /* the last one a row was sent under; 0 = never */
    struct digest seen_txid[IMPORT_WORLD_ROWS_MAX];
    /* the process */
    struct journal journal;
    struct import *import;
    int next_row; /* of the source */
    uint64_t now_ms;
    bool is_killed;
};

void import_world_open(struct import_world *w, uint64_t seed, int rows);
void import_world_close(struct import_world *w);

/* Start the process on the journal there is, and run it until it is done, stops, or is killed.
 * Fails the test when it never ends. Returns how import_on_result() and import_fill() ended. */
enum rc import_world_run(struct import_world *w, struct import_look *look, struct why *why);
/* What a crash leaves: all that was synced, and perhaps some of the rest, or garbage. */
void import_world_crash(struct import_world *w);
/* Somebody else's transaction takes the next nonce of the key. */
void import_world_steal_nonce(struct import_world *w);

/* The rows, from the first. */
struct import_source import_world_source(struct import_world *w);

/* Of how many committed transactions a row is the payment. */
int import_world_paid(const struct import_world *w, int row);

#endif
