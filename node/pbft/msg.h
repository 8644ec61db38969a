/* Every message between replicas, as the core sees it: decoded and verified (PROTOCOL.md section
 * 1).
 *
 * The core takes `struct pbft_msg` and never bytes; node/verify is the only maker of them from
 * outside (rule 3.2). `link` is the peer whose session brought the message: it is what gets blamed
 * for bytes that do not fit (rules 5.2, 14.3). `from` is the signer, whose signature was verified
 * over tag | chain_id | epoch | fields. FETCH, DATA, FORWARD and EVIDENCE carry none of their own:
 * what is in them proves itself, and a request is answered to the link. */
#ifndef NODE_PBFT_MSG_H
#define NODE_PBFT_MSG_H

#include "crypto/cert.h"
#include "node/pbft/evidence.h"

/* The number is the first byte of the encoding: append only. */
enum pbft_msg_type {
    PBFT_PRE_PREPARE = 1,
    PBFT_PREPARE = 2,
    PBFT_COMMIT = 3,
    PBFT_COMPLAIN = 4,
    PBFT_VIEW_CHANGE = 5,
    PBFT_NEW_VIEW = 6,
    PBFT_CHECKPOINT = 7,
    PBFT_STATUS = 8,
    PBFT_FETCH = 9,
    PBFT_DATA = 10,
    PBFT_FORWARD = 11,
    PBFT_EVIDENCE = 12,
    PBFT_QC = 13, /* a certificate on its own: "my high", or a checkpoint (9.5) */
    /* Pieces of a certified state (9.3): between drivers, not for the core. */
    PBFT_FETCH_PIECE = 14,
    PBFT_PIECE = 15,
    PBFT_MSG_TYPE_END
};
/* "PRE-PREPARE", ... Never NULL; lends a constant. Requires: a type of the list above. */
const char *pbft_msg_name(enum pbft_msg_type type);

enum {
    PBFT_DATA_BLOCKS_MAX = 64,                       /* B, PROTOCOL.md 16 */
    PBFT_DATA_HEADS_MAX = 64,                        /* P's upper bound: see struct pbft_data */
    PBFT_PATH_BYTES_MAX = 1 + DIGEST_BYTES,          /* a piece's: ledger/snapshot.h */
    PBFT_LC_ENTRIES_MAX = (MEMBERS_MAX - 1) / 3 + 1, /* f+1 */
    PBFT_MSG_BYTES_MAX = 1024 * 1024 + 64 * 1024     /* B_max + 64 KiB, PROTOCOL.md 16 */
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

/* member[(e+v) mod n]; the sum may wrap, the same way for everybody. Requires: members_count >= 1.
 */
uint32_t pbft_primary_of(uint64_t epoch, uint64_t view, uint32_t members_count);

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

/* A piece of the state tree at a certified checkpoint (9.3): what path and bytes mean is the
 * ledger's (ledger/snapshot.h), which judges them against the root. */
struct pbft_fetch_piece {
    uint64_t height;    /* of the checkpoint */
    struct digest root; /* of its state */
    struct bytes path;  /* 1..PBFT_PATH_BYTES_MAX */
};
struct pbft_piece {
    struct pbft_fetch_piece of; /* what was asked for */
    struct bytes bytes;         /* empty: it is not here, ask somebody else */
};

/* ---- view changes (6, 7) ---- */

/* Why a member wants to leave a view: the letter of rule 6.1, and the byte on the wire. It is
 * signed, but f+1 COMPLAINs make an LC whatever their reasons (6.4), and several reasons of one
 * member are never evidence (14.3). */
enum pbft_reason {
    PBFT_REASON_NONE = 0,    /* no complaint; never on the wire */
    PBFT_REASON_UNFAIR = 1,  /* (a) a transaction waits too long */
    PBFT_REASON_STALLED = 2, /* (b) work is pending and nothing commits */
    PBFT_REASON_FAULTY = 3,  /* (c) evidence, or a confirmed accusation, against the primary */
    PBFT_REASON_SLOW = 4,    /* (d) too slow for too long, or its term is over */
    PBFT_REASON_ABSENT = 5,  /* (e) NEW-VIEW did not come, or was not installed */
    PBFT_REASON_END
};

struct pbft_complain {
    uint64_t epoch;
    uint64_t view; /* to be left; below UINT64_MAX, so that there is a next one (7.1) */
    enum pbft_reason reason;
    struct signature signature;
};

/* LC(view): COMPLAINs of f+1 members for one (e,v), ascending by member. Each is a COMPLAIN like
 * any other: pbft_lc_complain() gives it back. The decoder takes 1..PBFT_LC_ENTRIES_MAX of them,
 * since it does not know n; exactly f+1 is for node/verify. */
struct pbft_lc_entry {
    uint8_t member_index;
    enum pbft_reason reason;
    struct signature signature;
};
struct pbft_lc {
    uint64_t epoch;
    uint64_t view;
    uint32_t entries_count;
    struct pbft_lc_entry entries[PBFT_LC_ENTRIES_MAX];
};
/* Requires: entry_index < entries_count. */
struct pbft_complain pbft_lc_complain(const struct pbft_lc *lc, uint32_t entry_index);

struct pbft_view_change {
    uint64_t epoch;
    uint64_t view;           /* v', where it goes: at least 1 */
    bool has_high;           /* false: the base of the epoch (7.2) */
    struct certificate high; /* PREPAREs or COMMITs of this epoch, of a view < v' */
    struct pbft_lc lc;       /* LC(v'-1) of this epoch */
    struct signature signature;
};

/* V: VIEW-CHANGEs for exactly (epoch, view), ascending by sender; q of them, which is for
 * node/verify to say. */
struct pbft_new_view {
    uint64_t epoch;
    uint64_t view; /* v' */
    uint32_t entries_count;
    struct pbft_new_view_entry {
        uint32_t from;
        struct pbft_view_change view_change;
    } entries[QUORUM_MAX];
    struct signature signature; /* by primary(e,v') */
};
/* Rule 7.3, Q*: the high of highest rank in V; NULL: the base of the epoch. On a tie COMMIT goes
 * before PREPARE, since it tells more, and then the lowest sender's; a tie between two digests is
 * the alarm of section 13, and here still the same choice for everybody. Lends from n. */
const struct certificate *pbft_new_view_base(const struct pbft_new_view *n);

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
        struct pbft_fetch_piece fetch_piece;
        struct pbft_piece piece;
        struct certificate qc; /* of any kind */
        struct bytes forward;  /* one signed transaction; for the pool, not for the core */
        struct pbft_complain complain;
        struct pbft_view_change view_change;
        struct pbft_new_view new_view;
        struct pbft_evidence evidence;
    };
};
/* How many bytes of a struct pbft_msg are in use for a type: a NEW-VIEW is several hundred times as
 * large as a vote, so that who keeps messages, or clears one, goes no further than this. Requires:
 * a type that has a form (wire.h). */
size_t pbft_msg_bytes(enum pbft_msg_type type);

#endif
