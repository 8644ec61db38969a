/* What clients and nodes say to each other, inside the sealed requests of net/: the tool encodes
 * requests and decodes replies, the node the other way round; both stand here, side by side.
 *
 * Layout, little-endian: request = version u8 = 1 | type u8 | fields; reply = version u8 = 1 | type
 * u8 (the request's) | status u8 | fields, if it is OK. A node that did not understand so much as
 * the type answers MALFORMED with type 0. One value, one encoding; left-over bytes are refused, and
 * so are flags other than 0 and 1, unknown numbers, and fields that are not zero where there is
 * nothing to say. Sizes: a transaction TX_BYTES_MAX, a key or name 1..KV_KEY_BYTES_MAX (prefix and
 * after may be empty), a receipt, proof or block as in ledger/, all in all PROTO_MSG_BYTES_MAX.
 *
 * All requests are idempotent, since the network may deliver one twice. Reads say at which height
 * they were made, and hand out raw entries of state and indexes: whoever shows them decodes them,
 * and a proof can be asked for beside.
 *
 *   SUBMIT   wait_ms u32 | count u8 (1..64) | (bytes u32 | transaction) * count
 *            -> count u8 | outcome * count, in the same order
 *   WAIT     wait_ms u32 | count u8 | txid 32 * count
 *            -> as SUBMIT: COMMITTED, or UNKNOWN when it is not committed in time
 *      outcome: outcome u8 | txid 32 | verdict u8 | pool_answer u8 | height u64 | tx_index u32 |
 *               has_other u8 | other_txid 32
 *   RECEIPT  txid 32 -> bytes u32 | receipt
 *   STATUS   -> struct proto_status, its fields in order
 *   METRICS  -> bytes u32 | Prometheus text
 *   STATE    table u8 | count u8 (1..64) | (key_bytes u16 | key) * count
 *            -> height u64 | count u8 | (is_present u8 | bytes u32 | value) * count
 *   INDEX    table u8 | as STATE -> as STATE
 *   NAMES    table u8 | prefix: bytes u16 | after: bytes u16 (empty: from the first) | max u16
 *            (1..256) -> height u64 | is_end u8 | count u16 | (bytes u16 | name) * count
 *   BLOCK    height u64 -> bytes u32 | block | has_certificate u8 | certificate
 *   PROOF    table u8 | key_bytes u16 | key -> bytes u32 | proof file
 *   READ     at_least_height u64 | count u8 (1..8) | (table u8 | is_prefix u8 | key: bytes u16)
 *            * count -> height u64 | is_learner u8 | has_high u8 | certificate | answer
 *      answer: is_end u8 | count u16 (0..256) | (question u8 | key: bytes u16 | value: bytes u32)
 *               * count, ascending by question, then key
 *   EVIDENCE offender u8 | kind u8 (node/pbft/evidence.h) -> bytes u32 | evidence file
 *   BACKUP   offset u64 | count u32 (0..512 KiB) of the backup named id 16 (zero: begin a new one)
 *            -> id 16 | total u64 | bytes u32 | data
 *
 * READ is the reads of rule 11. The entries with these keys, or whose keys begin so, all from one
 *            committed state, that of `height`; the first 256 of them, and is_end says whether that
 *            is all. A node that has not committed at_least_height (0: none is asked for) answers
 *            once it has, or after T_read with what it has: the caller sees by the height. The
 *            high is the node's certificate of the highest rank, PREPARE or COMMIT, as its disk has
 *            it; none: the epoch's base. A learner may have forgotten what it signed (rule 4.2), so
 *            its high stands for nothing. The reply is not signed: it comes sealed by a key that
 *            client and node alone share, so the client knows who speaks, and nobody else has to be
 *            told; what would have to hold before others is the certificate, which is signed.
 *
 * Signed requests: behind their fields STATE, INDEX, NAMES, BLOCK, PROOF, READ, EVIDENCE (which may
 *            hold a block) and BACKUP may have
 *            signer 32 | signature 64
 * and must where the genesis says "reads": "participants", or they are FORBIDDEN. The signer is an
 * active key of a participant, the signature Ed25519 over
 *            TAG_READ_SIGN 16 | chain id 32 | ephemeral 32 | node 32 | request
 * with the ephemeral key of the client's session (crypto/seal_client.h), the node's public link
 * key, and the request up to the signer. Nobody but who made the session can ask under it, so a
 * signature is of no use in another session or to another node; in its own, a request that comes
 * again is answered again, to the same client. The node looks up the key first, and then spends one
 * verification. */
#ifndef NODE_PROTO_H
#define NODE_PROTO_H

#include "crypto/link.h"
#include "crypto/sign.h"
#include "ledger/place.h"
#include "ledger/receipt.h"
#include "ledger/verdict.h"

enum {
    PROTO_VERSION = 1,
    PROTO_TXS_MAX = 64,  /* of one SUBMIT or WAIT */
    PROTO_KEYS_MAX = 64, /* of one STATE or INDEX */
    PROTO_NAMES_MAX = 256,
    PROTO_QUESTIONS_MAX = 8, /* of one READ: what one page of the tool shows, with room */
    PROTO_ENTRIES_MAX = 256, /* of its answer */
    PROTO_WAIT_MS_MAX = 30000,
    PROTO_CHUNK_BYTES_MAX = 512 * 1024, /* of a backup */
    PROTO_MSG_BYTES_MAX = 1024 * 1024 + 64 * 1024,
    PROTO_EVIDENCE_BYTES_MAX = BLOCK_BYTES_MAX + 1024 /* the largest block, and what signs it */
};

#define PROTO_TYPE_LIST(X)                                                                         \
    X(PROTO_SUBMIT, 1, "SUBMIT")                                                                   \
    X(PROTO_WAIT, 2, "WAIT")                                                                       \
    X(PROTO_RECEIPT, 3, "RECEIPT")                                                                 \
    X(PROTO_STATUS, 4, "STATUS")                                                                   \
    X(PROTO_METRICS, 5, "METRICS")                                                                 \
    X(PROTO_STATE, 6, "STATE")                                                                     \
    X(PROTO_INDEX, 7, "INDEX")                                                                     \
    X(PROTO_NAMES, 8, "NAMES")                                                                     \
    X(PROTO_BLOCK, 9, "BLOCK")                                                                     \
    X(PROTO_PROOF, 10, "PROOF")                                                                    \
    X(PROTO_BACKUP, 11, "BACKUP")                                                                  \
    X(PROTO_READ, 12, "READ")                                                                      \
    X(PROTO_EVIDENCE, 13, "EVIDENCE")
enum proto_type {
#define X(name, number, word) name = number,
    PROTO_TYPE_LIST(X)
#undef X
        PROTO_TYPE_END
};
const char *proto_type_word(enum proto_type t);

/* OK, or why there are no fields. The word is the metric label and the log word. */
#define PROTO_STATUS_LIST(X)                                                                       \
    X(PROTO_OK, "ok", "ok")                                                                        \
    X(PROTO_MALFORMED, "malformed", "the node does not understand the request")                    \
    X(PROTO_NOT_FOUND, "not_found", "there is no such thing in this node's ledger")                \
    X(PROTO_BUSY, "busy",                                                                          \
      "the node has too much to do, or is taking its state anew: try again later")                 \
    X(PROTO_FAILED, "failed", "the node could not read its ledger: see its log")                   \
    X(PROTO_FORBIDDEN, "forbidden", "the node's configuration does not allow this")                \
    X(PROTO_NOT_YET, "not_yet",                                                                    \
      "that may be in blocks that this node does not have yet: ask another node, or wait")
enum proto_code {
#define X(name, word, text) name,
    PROTO_STATUS_LIST(X)
#undef X
        PROTO_CODE_COUNT
};
const char *proto_code_word(enum proto_code c);
const char *proto_code_text(enum proto_code c);

/* What became of a transaction (PROTOCOL.md 10.3). */
#define PROTO_OUTCOME_LIST(X)                                                                      \
    X(PROTO_COMMITTED, "committed")                                                                \
    X(PROTO_REJECTED, "rejected") /* final */                                                      \
    X(PROTO_REFUSED, "refused")   /* now; the nonce stays open */                                  \
    X(PROTO_TX_BUSY, "busy")                                                                       \
    X(PROTO_UNKNOWN, "unknown")
enum proto_outcome {
#define X(name, word) name,
    PROTO_OUTCOME_LIST(X)
#undef X
        PROTO_OUTCOME_COUNT
};
const char *proto_outcome_word(enum proto_outcome o);

/* Why a node wants to leave its view (rule 6.1): enum pbft_reason, and what that means in words. */
#define PROTO_REASON_LIST(X)                                                                       \
    X("none", "")                                                                                  \
    X("unfair", "a transaction waits too long")                                                    \
    X("stalled", "transactions wait and nothing commits")                                          \
    X("faulty", "the primary is proven to be faulty")                                              \
    X("slow", "the primary is too slow, or its term is over")                                      \
    X("absent", "the new primary does not take over")
enum { PROTO_REASON_COUNT = 6 };
/* Requires: reason < PROTO_REASON_COUNT. */
const char *proto_reason_word(uint32_t reason);
const char *proto_reason_text(uint32_t reason);

struct proto_result {
    enum proto_outcome outcome;
    struct digest txid;
    enum verdict verdict;
    uint8_t pool_answer;      /* enum pool_answer */
    struct place place;       /* COMMITTED, else zero; never with an op_index */
    bool has_other;           /* REJECTED: the nonce is this one's */
    struct digest other_txid; /* zero without */
};

struct proto_peer {
    uint8_t is_live;
    uint64_t heard_ms_ago; /* UINT64_MAX: never */
    uint64_t committed_height;
    uint8_t evidence; /* PBFT_EVIDENCE_BIT(kind) of each that the node has; never of kind 0 */
};

struct proto_status {
    struct digest chain_id;
    uint8_t member_index; /* < peers_count */
    uint64_t epoch, view;
    uint8_t mode; /* enum pbft_mode */
    uint8_t is_primary, is_learner, is_alarmed, is_diverged;
    uint8_t is_installed;       /* the view's base is committed in it (6.1) */
    uint8_t complaint;          /* why it wants to leave its view; 0: it does not */
    uint64_t mode_ms;           /* for so long it has been in this view and mode, since its start */
    uint64_t timeout_ms;        /* T_k: for so long it waits before it wants to leave a view */
    uint64_t view_changes;      /* how often it has left a view, since its start */
    uint64_t stable_height;     /* newest checkpoint that is certified and is its own state, 8.1 */
    uint64_t checkpoint_height; /* newest that is certified; at least stable_height */
    /* 9.3: blocks below are not here yet (1: all are); the state that is being taken from others is
     * of snapshot_height (0: none is), and so much of it is here. */
    uint64_t history_from_height, snapshot_height;
    uint32_t snapshot_per_mille;
    uint64_t committed_height, durable_height, flushed_height;
    uint64_t certified_height; /* highest COMMIT certificate seen: the lag is what is in between */
    struct digest head_digest;
    uint64_t head_time_ms, wall_ms, up_ms;
    uint32_t pool_txs;
    uint64_t pool_bytes;
    uint64_t store_bytes, disk_free_bytes, disk_reserve_bytes;
    uint8_t takes_transactions; /* 0: the disk is below its reserve */
    uint64_t txs_committed;     /* since the process started */
    uint8_t peers_count;        /* = members; the own entry is live, and may have evidence */
    struct proto_peer peers[MEMBERS_MAX];
};

/* ---- requests ---- */

struct proto_request {
    enum proto_type type;
    uint32_t wait_ms;                  /* SUBMIT, WAIT */
    uint32_t count;                    /* SUBMIT, WAIT, STATE, INDEX, READ; BACKUP: bytes wanted */
    struct bytes items[PROTO_TXS_MAX]; /* SUBMIT: transactions; STATE, INDEX, READ: keys; PROOF: the
                                          first; lend */
    struct digest txids[PROTO_TXS_MAX];  /* WAIT; RECEIPT: the first */
    uint8_t table;                       /* STATE, NAMES, PROOF: state table; INDEX: kv table */
    struct bytes prefix, after;          /* NAMES */
    uint32_t names_max;                  /* NAMES */
    uint8_t tables[PROTO_QUESTIONS_MAX]; /* READ: of the state, one for each key */
    bool is_prefix[PROTO_QUESTIONS_MAX]; /* READ */
    uint64_t height;                     /* BLOCK; READ: at least */
    uint8_t offender, evidence_kind;     /* EVIDENCE */
    uint64_t offset;                     /* BACKUP */
    uint8_t backup_id[16];
    bool is_signed; /* by whom, says nobody yet: proto_is_signed_well() */
    struct public_key signer;
    struct signature signature;
    struct bytes signed_bytes; /* decoded: what the signature is on, of the request; lends */
};
/* Append. Requires: all within the limits above, PROTO_WAIT_MS_MAX, tables known, and
 * PROTO_MSG_BYTES_MAX bytes in all: many large transactions are more than one SUBMIT. */
void proto_encode_request(struct buf *out, const struct proto_request *r);
/* Lends from bytes. False when it is no request (any bytes may be handed in): then only out->type
 * may be used, which is what the reply MALFORMED wants: the request's, or 0 if it cannot be told.
 * Tables are known ones then; which of them are for everybody's eyes, the node decides. */
MUST_USE bool proto_decode_request(struct proto_request *out, struct bytes bytes);

/* What a signature binds a request to. Borrows all. */
struct proto_session {
    const struct digest *chain_id;
    const uint8_t *ephemeral, *node_link_key; /* LINK_KEY_BYTES each */
};
/* The types that may be signed. */
bool proto_is_signable(enum proto_type t);
/* Sign what proto_encode_request() made, which is all that request holds, and append to it.
 * Requires: a type that may be signed, and no signature yet. */
void proto_sign_request(struct buf *request, const struct proto_session *session,
                        const struct sign_key *key);
/* One verification. Requires: a decoded request that is signed. */
MUST_USE bool proto_is_signed_well(const struct proto_request *r,
                                   const struct proto_session *session);

/* ---- replies ---- */

struct proto_reply {
    enum proto_type type;
    enum proto_code code;
    uint64_t height; /* STATE, INDEX, NAMES, READ */
    uint32_t count;  /* results: 1..64; items: 1..64, names and entries 0..256 */
    bool is_end;     /* NAMES, READ */
    struct proto_result results[PROTO_TXS_MAX];
    bool is_present[PROTO_KEYS_MAX];     /* STATE, INDEX */
    struct bytes items[PROTO_NAMES_MAX]; /* STATE, INDEX, READ: values; NAMES; lend */
    struct bytes data;    /* RECEIPT, METRICS, BLOCK, PROOF, EVIDENCE, BACKUP; lends */
    bool has_certificate; /* BLOCK: the lowest COMMIT at or above its height that can be read;
                             READ: the high */
    struct certificate certificate;
    struct proto_status status;
    uint8_t backup_id[16];
    uint64_t total;
    bool is_learner;                      /* READ, as are all below */
    uint8_t questions[PROTO_ENTRIES_MAX]; /* which one an entry answers */
    struct bytes keys[PROTO_ENTRIES_MAX]; /* lend */
    struct bytes answer; /* decoded: its bytes, by which answers are compared; lends */
};
/* Append. With a code other than OK only type and code are looked at. Requires: as for requests;
 * who collects INDEX values or metrics sees to PROTO_MSG_BYTES_MAX himself, all else fits. */
void proto_encode_reply(struct buf *out, const struct proto_reply *r);
/* Lends from bytes. False when it is no reply (any bytes may be handed in). Whether its type and
 * count are those of the request is for the caller to compare. */
MUST_USE bool proto_decode_reply(struct proto_reply *out, struct bytes bytes);

#endif
