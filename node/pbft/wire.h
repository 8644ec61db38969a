/* Encoding of messages between replicas. Layout: little-endian, type u8 first, then for the signed
 * types from u8, then the fields in the order of msg.h, then the signature; blocks stand as
 * bytes u32 | block, behind the signature. One value, one encoding; left-over bytes are refused.
 * Receiving stands beside sending, in wire.c, wire_data.c (what carries blocks), wire_view.c (view
 * changes) and wire_evidence.c, so that the two cannot drift apart.
 *
 *   PRE-PREPARE  type | from u8 | epoch u64 | view u64 | height u64 | digest 32 | signature 64 |
 *                bytes u32 | block
 *   PREPARE, COMMIT  type | from u8 | epoch u64 | view u64 | height u64 | digest 32 | signature 64
 *   COMPLAIN     type | from u8 | epoch u64 | view u64 | reason u8 | signature 64
 *   VIEW-CHANGE  type | from u8 | epoch u64 | view u64 | high | lc | signature 64
 *                high: has_high u8 | if so: certificate (crypto/cert.h)
 *                lc: entries_count u8 | (index u8 | reason u8 | signature 64) * entries_count,
 *                    whose epoch and view are epoch and view - 1, and stand nowhere
 *   NEW-VIEW     type | from u8 | epoch u64 | view u64 | set | signature 64
 *                set: entries_count u8 | (from u8 | high | lc | signature 64) * entries_count,
 *                    the VIEW-CHANGEs, whose epoch and view are the NEW-VIEW's, and stand nowhere
 *   CHECKPOINT   type | from u8 | epoch u64 | height u64 | digest 32 | state_root 32 | signature 64
 *   STATUS       type | from u8 | epoch u64 | view u64 | mode u8 | committed_height u64 |
 *                high: epoch u64, view u64, height u64 | stable_height u64 | evidence_digest 32 |
 *                counter u64 | signature 64
 *   FETCH        type | kind u8 | BLOCK: digest 32; RANGE: from_height u64 | blocks_max u16
 *   DATA         type | kind u8 |
 *                RANGE: blocks_count u8 | (bytes u32 | block) * blocks_count |
 *                       heads_count u8 | (bytes u32 | header) * heads_count | certificate
 *                BLOCK: bytes u32 | block | has_pre_prepare u8 |
 *                       if so: from u8 | epoch u64 | view u64 | signature 64
 *   FORWARD      type | bytes u32 | transaction
 *   QC           type | certificate (crypto/cert.h)
 *   EVIDENCE     type | evidence: kind u8 | offender u8 | epoch u64 | view u64 |
 *                two-pre-prepares, two-prepares, two-commits: height u64 |
 *                    (digest 32 | signature 64) * 2, the lower digest first
 *                two-view-changes: (high 32 | lc 32 | signature 64) * 2, the lower digests first
 *                two-new-views: (set 32 | signature 64) * 2, the lower digest first
 *                forgotten-commit: height u64 | digest 32 | signature 64, of the COMMIT |
 *                    to_view u64 | high (as in VIEW-CHANGE) | lc 32 | signature 64, of the other
 *                bad-body: signature 64 | tx_index u32 | bytes u32 | block
 *                high, lc and set are digests where they have 32 bytes: see below
 *   FETCH-PIECE  type | name
 *   PIECE        type | name | bytes u32 | bytes
 *                name: height u64 | root 32 | path_bytes u8 (1..33) | path
 *
 * Decoding judges form alone: sizes, kinds, counts, member indexes < MEMBERS_MAX, that a block's
 * header says the height and (hashed) the digest that the message claims, and that the blocks of a
 * DATA are a chain that ends in its certificate's block (pitfalls A3); that an LC and a set are in
 * ascending order and not empty, and that a high is of its VIEW-CHANGE's epoch and of a lower view;
 * that an EVIDENCE is one, but for its signatures and its block (pbft_is_evidence()).
 * What could only be equal is not sent, so that nothing of another view can stand in an LC or a set
 * (pitfalls B5). Bodies against headers, signatures, quorums (q, f+1) and membership are judged in
 * node/verify. */
#ifndef NODE_PBFT_WIRE_H
#define NODE_PBFT_WIRE_H

#include "node/pbft/msg.h"

enum {
    /* What a DATA of kind RANGE needs at most besides, for each block and head,
     * PBFT_BLOCK_SIZE_BYTES and the block or head itself: its sender stops before the sum exceeds
     * PBFT_MSG_BYTES_MAX. */
    PBFT_RANGE_BYTES_MAX = 1 + 1 + 1 + 1 + CERT_BYTES_MAX,
    PBFT_BLOCK_SIZE_BYTES = 4
};

/* Append the encoding of a message. Requires: a type of msg.h, fields as described there,
 * PBFT_MSG_BYTES_MAX at most in all. Owns: borrows both. */
void pbft_encode(struct buf *out, const struct pbft_msg *m);

/* The header of a block as the wire layer needs it, so that the core's library does not know the
 * ledger: given the whole block's bytes, fill in height, parent and digest; false when the bytes do
 * not begin with a header. Pure. */
typedef bool pbft_block_head(struct bytes block, struct pbft_block *out);

/* Decode one message that fills `bytes` exactly; link, a member index, is set by the caller. Lends
 * from bytes. Returns false when the form is wrong (then nothing in *out may be used). Writes no
 * further into *out than pbft_msg_bytes() of its type. */
MUST_USE bool pbft_decode(struct pbft_msg *out, struct bytes bytes, uint32_t link,
                          pbft_block_head *head);

/* What a signed message signs, into out: tag | chain_id | epoch | fields; votes are statements
 * (crypto/cert.h). Returns the bytes (lends out). A nested part enters by the digest of its
 * encoding, under a tag of its own, so that what is signed is bounded.
 *
 *   PRE-PREPARE  tag | chain_id | epoch | view | height | digest
 *   STATUS       tag | chain_id | epoch | from u8 | the fields from view to counter, as encoded
 *   COMPLAIN     tag | chain_id | epoch | from u8 | view | reason u8
 *   VIEW-CHANGE  tag | chain_id | epoch | from u8 | view | H("hansa-view-high", high) |
 *                H("hansa-view-lc", epoch u64 | view - 1 u64 | lc)
 *   NEW-VIEW     tag | chain_id | epoch | from u8 | view | H("hansa-view-set", set)
 *
 * with high, lc and set as encoded. */
enum { PBFT_SIGNED_BYTES_MAX = TAG_BYTES + DIGEST_BYTES + 16 * 8 + 2 * DIGEST_BYTES };
struct bytes pbft_pre_prepare_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                     const struct pbft_pre_prepare *p,
                                     const struct digest *chain_id);
struct bytes pbft_status_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                const struct pbft_status *s, uint32_t from,
                                const struct digest *chain_id);
struct bytes pbft_complain_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                  const struct pbft_complain *c, uint32_t from,
                                  const struct digest *chain_id);
struct bytes pbft_view_change_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                     const struct pbft_view_change *v, uint32_t from,
                                     const struct digest *chain_id);
struct bytes pbft_new_view_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                  const struct pbft_new_view *n, uint32_t from,
                                  const struct digest *chain_id);

/* The digests of a VIEW-CHANGE's parts and of a NEW-VIEW's set, as signed: equal ones are of equal
 * bytes. Requires, like the functions above: what pbft_encode() takes. */
void pbft_high_digest(struct digest *out, const struct pbft_view_change *v);
void pbft_lc_digest(struct digest *out, const struct pbft_lc *lc);
void pbft_set_digest(struct digest *out, const struct pbft_new_view *n);

/* ---- evidence ---- */

/* A bad-body with the largest block; whatever else is small beside it. */
enum { PBFT_EVIDENCE_BYTES_MAX = PBFT_MSG_BYTES_MAX - 1 };

/* The canonical bytes of one: what stands behind the type in the message. Decoding judges the form,
 * as pbft_decode() does. Requires: pbft_is_evidence(e). Lends from bytes. */
void pbft_evidence_encode(struct buf *out, const struct pbft_evidence *e);
MUST_USE bool pbft_evidence_decode(struct pbft_evidence *out, struct bytes bytes,
                                   pbft_block_head *head);
/* The same but for pbft_is_evidence(), of whose kinds it is: for words about what is wrong. */
MUST_USE bool pbft_evidence_split(struct pbft_evidence *out, struct bytes bytes,
                                  pbft_block_head *head);

/* How many signatures of its offender it holds, 1 or 2, and what the one of that index is on, as
 * above. Requires: pbft_is_evidence(e). */
uint32_t pbft_evidence_parts(const struct pbft_evidence *e);
struct bytes pbft_evidence_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                  const struct pbft_evidence *e, uint32_t part_index,
                                  const struct digest *chain_id);

/* STATUS's evidence_digest, over which evidence a replica has of this epoch: H("hansa-evidence",
 * (offender u8 | kind u8) *), ascending; zero when there is none. Not over the items themselves: of
 * one offender and kind any is as good as the other, and two replicas that found different ones
 * have nothing to tell each other. kinds: PBFT_EVIDENCE_BIT(kind) for each, by offender. */
void pbft_evidence_digest(struct digest *out, const uint8_t kinds[static MEMBERS_MAX]);

#endif
