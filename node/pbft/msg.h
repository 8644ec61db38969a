/* Every message between replicas, as the core sees it: decoded and verified (pbft.md section 1).
 *
 * The core takes `struct pbft_msg` and never bytes; node/verify is the only maker of them from
 * outside (rule 3.2). `link` is the peer whose session brought the message: it is what gets blamed
 * for bytes that do not fit (rules 5.2, 14.3). `from` is the signer, whose signature was verified
 * over tag | chain_id | epoch | fields. FETCH, DATA and FORWARD carry no signature of their own:
 * what is in them proves itself, and a request is answered to the link. */
#ifndef NODE_PBFT_MSG_H
#define NODE_PBFT_MSG_H

#include "crypto/cert.h"

/* The number is the first byte of the encoding: append only. */
enum pbft_msg_type {
    PBFT_PRE_PREPARE = 1,
    PBFT_PREPARE = 2,
    PBFT_COMMIT = 3,
    PBFT_COMPLAIN = 4, /* 4 to 6 and 12: view changes and evidence, in part four */
    PBFT_VIEW_CHANGE = 5,
    PBFT_NEW_VIEW = 6,
    PBFT_CHECKPOINT = 7,
    PBFT_STATUS = 8,
    PBFT_FETCH = 9,
    PBFT_DATA = 10,
    PBFT_FORWARD = 11,
    PBFT_EVIDENCE = 12,
    PBFT_QC = 13, /* a certificate of votes on its own: "my high" of rule 9.5 */
    PBFT_MSG_TYPE_END
};
/* "PRE-PREPARE", ... Never NULL; lends a constant. Requires: a type of the list above. */
const char *pbft_msg_name(enum pbft_msg_type type);

enum {
    PBFT_DATA_BLOCKS_MAX = 64,                   /* B, pbft.md 16 */
    PBFT_DATA_HEADS_MAX = 64,                    /* P's upper bound: see struct pbft_data */
    PBFT_MSG_BYTES_MAX = 1024 * 1024 + 64 * 1024 /* B_max + 64 KiB, pbft.md 16 */
};

/* Lexicographic (epoch, view, height): what `high` is ranked by. */
struct pbft_rank {
    uint64_t epoch;
    uint64_t view;
    uint64_t height;
};
/* <0, 0, >0 */
int pbft_rank_compare(const struct pbft_rank *a, const struct pbft_rank *b);
/* Requires: PREPAREs or COMMITs; a CHECKPOINT has no view, so no rank. */
struct pbft_rank pbft_rank_of(const struct certificate *c);

/* A block as the core knows it: the core orders opaque blocks. parent and height are those of the
 * header that hashes to digest. */
struct pbft_block {
    uint64_t height;
    struct digest digest;
    struct digest parent;
};

/* The body was held against the header before the core sees any of these: it gives tx_root, count
 * and bytes. bytes lends the whole block (header, transactions) to the driver; the core does not
 * look into it. */
struct pbft_pre_prepare {
    uint64_t epoch;
    uint64_t view;
    struct pbft_block block;
    struct signature signature; /* by the primary, over epoch, view, height, digest */
    struct bytes bytes;
};

/* PREPARE, COMMIT or CHECKPOINT: one member's signature on a statement. */
struct pbft_vote {
    struct statement statement;
    struct signature signature;
};

enum pbft_mode { PBFT_NORMAL = 0, PBFT_CHANGING = 1 };

struct pbft_status {
    uint64_t epoch;
    uint64_t view;
    enum pbft_mode mode;
    uint64_t committed_height;
    struct pbft_rank high;
    uint64_t stable_height;
    struct digest evidence_digest;
    uint64_t counter; /* rises with each STATUS of a sender, so that old ones are told apart */
    struct signature signature;
};

enum pbft_fetch_kind {
    PBFT_FETCH_BLOCK = 1, /* the block of this digest, with its PRE-PREPARE if of my view (5.7) */
    PBFT_FETCH_RANGE = 2  /* committed blocks from a height on (9.2) */
};
struct pbft_fetch {
    enum pbft_fetch_kind kind;
    struct digest digest; /* BLOCK */
    uint64_t from_height; /* RANGE */
    uint32_t blocks_max;  /* RANGE: 1..PBFT_DATA_BLOCKS_MAX */
};

/* The answer to a FETCH: blocks of heights one after the other, each the parent of the next, then
 * headers alone that lead on from the last block to the one that the certificate commits (RANGE);
 * or one block, with the signed PRE-PREPARE if the sender has it (BLOCK). The decoder refuses a
 * DATA of which this is not so, and the encoder CHECKs it.
 *
 * The headers are needed because one certificate may commit up to P blocks at once (5.6), and P
 * blocks of B_max do not fit into one message: without them such a gap could never be crossed. */
struct pbft_data {
    enum pbft_fetch_kind kind;
    uint32_t blocks_count; /* 1..PBFT_DATA_BLOCKS_MAX; BLOCK: 1 */
    struct pbft_block blocks[PBFT_DATA_BLOCKS_MAX];
    struct bytes bytes[PBFT_DATA_BLOCKS_MAX]; /* the whole blocks, lent like a PRE-PREPARE's */
    uint32_t heads_count;                     /* RANGE: 0..PBFT_DATA_HEADS_MAX; BLOCK: 0 */
    struct pbft_block heads[PBFT_DATA_HEADS_MAX];
    struct bytes head_bytes[PBFT_DATA_HEADS_MAX]; /* headers, or what begins with one */
    struct certificate certificate;               /* RANGE: COMMIT, on the last head or block */
    bool has_pre_prepare;                         /* BLOCK */
    uint32_t pre_prepare_from;
    struct pbft_pre_prepare pre_prepare; /* its block is blocks[0], its bytes are bytes[0] */
};

struct pbft_msg {
    enum pbft_msg_type type;
    uint32_t link; /* member index; the own index for what comes back from oneself */
    uint32_t from; /* member index of the signer; == link where there is no signature */
    union {
        struct pbft_pre_prepare pre_prepare;
        struct pbft_vote vote;
        struct pbft_status status;
        struct pbft_fetch fetch;
        struct pbft_data data;
        struct certificate qc; /* CERT_PREPARE or CERT_COMMIT */
        struct bytes forward;  /* one signed transaction; for the pool, not for the core */
    };
};

#endif
