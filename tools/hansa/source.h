/* Where the commands that show the ledger read it: a stopped node's data directory, or a running
 * node. Both give the same things, and differ in what they are worth: a directory is verified
 * against its own root and certificates, a node's answers are its word, but for what carries its
 * proof (blocks under a certificate, receipts, proofs of the state). */
#ifndef TOOLS_HANSA_SOURCE_H
#define TOOLS_HANSA_SOURCE_H

#include "ledger/place.h"
#include "tools/hansa/data_dir.h"
#include "tools/hansa/nodes.h"

/* The options of a command that reads the ledger. */
#define SOURCE_OPTIONS                                                                             \
    {"dir", "DIR", CLI_OPTIONAL, "read a stopped node's data directory, not a running node"},      \
        {"genesis", "FILE", CLI_OPTIONAL,                                                          \
         "the genesis file; else HANSA_GENESIS. With --dir, where it is given: refuse another "    \
         "chain"},                                                                                 \
        NODES_OPTIONS_BUT_GENESIS, NODES_READER_OPTIONS

struct source;
struct source_node; /* source_node.c */

/* The two are told apart in here and nowhere else. Each function returns RC_OK, RC_NOT_FOUND,
 * RC_STORE_DAMAGED, RC_STORE_IO (directories), RC_TIMEOUT, RC_REFUSED (nodes) or RC_PROOF. */
struct source_kind {
    enum rc (*head)(struct source *s, uint64_t *height, struct why *why);
    enum rc (*list)(struct source *s, enum state_table table, struct bytes prefix,
                    store_visit *visit, void *context, struct why *why);
    enum rc (*index)(struct source *s, enum kv_table table, struct bytes key, struct bytes *value,
                     struct why *why);
    enum rc (*place)(struct source *s, const struct digest *txid, struct place *out,
                     struct why *why);
    enum rc (*block)(struct source *s, uint64_t height, struct buf *room, struct block *out,
                     struct why *why);
    enum rc (*certificate)(struct source *s, uint64_t height, struct certificate *out,
                           struct why *why);
    enum rc (*receipt)(struct source *s, const struct digest *txid, const struct place *place,
                       struct buf *out, struct why *why);
    enum rc (*proof)(struct source *s, enum state_table table, struct bytes key, struct buf *out,
                     struct why *why);
};

struct source {
    const struct source_kind *kind;
    const struct genesis *genesis;
    struct layer *layer;      /* the state, for the state_get_...(); see source_state_rc() */
    struct data_dir *dir;     /* NULL: a node */
    struct source_node *node; /* NULL: a directory */
    bool is_own;              /* dir was opened here */
    uint64_t block_height;    /* of block; 0 = none was read yet */
    struct block block;       /* the last that source_block() read */
    struct buf block_bytes;
};

/* What the command line and the environment name: --dir, or else --genesis and nodes.
 * Requires: the command declares SOURCE_OPTIONS.
 * Returns: CLI_DONE (end with source_close()), or it has said why not: return that. */
MUST_USE enum cli_exit source_open_asked(struct source *out, struct cli *c);
/* The same over a directory that is open. Borrows d; end with source_close(). */
void source_of_dir(struct source *out, struct data_dir *d);
/* Over one node of these, the first that answers: all that is read then comes from that one.
 * Takes nodes. */
void source_of_nodes(struct source *out, struct nodes *nodes);
void source_close(struct source *s);

/* ---- reading ---- */

/* RC_OK, or why s->layer has failed, in words: "<what> cannot be read: ...". Ask before believing
 * that something is absent. */
MUST_USE enum rc source_state_rc(struct source *s, const char *what, struct why *why);
/* The height of the newest block. */
MUST_USE enum rc source_head(struct source *s, uint64_t *height, struct why *why);
/* The height at which things were read so far; of a node the lowest of its answers. */
uint64_t source_height(const struct source *s);
/* The keys of a state table that begin with prefix, in their order. Values that visit() then gets
 * from s->layer are at hand. */
MUST_USE enum rc source_list(struct source *s, enum state_table table, struct bytes prefix,
                             store_visit *visit, void *context, struct why *why);
/* An entry of an index. *value lends until the next read. */
MUST_USE enum rc source_index(struct source *s, enum kv_table table, struct bytes key,
                              struct bytes *value, struct why *why);
MUST_USE enum rc source_place(struct source *s, const struct digest *txid, struct place *out,
                              struct why *why);
/* Read the block at a height into s->block, whole in itself (its body gives its tx_root). Lends
 * until another height is read. */
MUST_USE enum rc source_block(struct source *s, uint64_t height, struct why *why);
/* Append a transaction's receipt, or a proof of an entry of the state: as whoever has it says, to
 * be verified. */
MUST_USE enum rc source_receipt(struct source *s, const struct digest *txid,
                                const struct place *place, struct buf *out, struct why *why);
MUST_USE enum rc source_proof(struct source *s, enum state_table table, struct bytes key,
                              struct buf *out, struct why *why);

/* ---- words ---- */

/* "this directory", or "node alpha (127.0.0.1:7201)". */
enum { SOURCE_NAME_BYTES = NODES_NAME_BYTES + 8 };
const char *source_name(char out[static SOURCE_NAME_BYTES], const struct source *s);
/* What "run hansa audit on" goes on with: "this directory", or "that node's directory". */
const char *source_audit_words(const struct source *s);
/* How far state and indexes are vouched for: a line for people, fields for JSON. */
void source_print_standing(const struct source *s);
void source_standing_to_json(json_t *object, const struct source *s);
/* cli_fail(), and words about what a node said begin with its name. */
enum cli_exit source_fail(struct cli *c, const struct source *s, enum rc rc, struct why *why);

#endif
