/* What agreement keeps in the store, table KV_VOTE (PROTOCOL.md 2, 4): the core's durable acts as
 * records, and back again at a start. Blocks and certificates of committed ones are the store's.
 *
 *   "state"          -> view u64 | mode u8 | is_installed u8 | is_spoiled u8 |
 *                       base: height u64, digest 32, parent 32 | has_tip u8 | tip (as base; zero
 *                       without)
 *   "view_change"    -> the own VIEW-CHANGE, as it was sent (wire.h); of a lower view it is past
 *   "new_view"       -> the NEW-VIEW that was accepted or made, as it was sent; the same
 *   "high"           -> certificate
 *   "cover"          -> certificate: the head stands under it, if it is of a height above
 *   "learner"        -> u8 = 1
 *   "alarm"          -> certificate (of any kind) | has_other u8 | certificate, if it has
 *   "diverged"       -> u8 = 1
 *   "snapshot"       -> certificate of CHECKPOINTs: of the state that is being taken
 *   "starts"         -> u64: how often a driver was started on this store
 *   "reserved"       -> epoch u64 | view u64 | height u64: up to where this key may have voted
 * (4.2) "vote" be64 kind -> epoch u64 | view u64 | digest 32 | signature 64   (kind: PREPARE or
 * COMMIT, its enum cert_kind as u8) "proposal" be64  -> epoch u64 | view u64 | digest 32 | parent
 * 32 | signature 64
 *   "evidence" offender u8 | kind u8  -> the item, as pbft_evidence_encode() has it
 * Heights in keys are big-endian. One value, one encoding; left-over bytes are damage. */
#ifndef NODE_DRIVER_RECORDS_H
#define NODE_DRIVER_RECORDS_H

#include "ledger/kv.h"
#include "node/pbft/pbft.h"
#include "node/verify.h"

/* Stage one durable act: STATE, VOTE, PRE_PREPARE, HIGH, COVER, VIEW_CHANGE, NEW_VIEW, LEARNER,
 * ALARM or DIVERGED; own_index is that of the member who signs the VIEW-CHANGE. Requires: one of
 * these; its certificates have passed cert_verify(). */
void records_put(struct kv_batch *batch, const struct pbft_act *act, uint32_t own_index);
/* After a block at this height was committed: the votes of the height below it are not needed any
 * more (4.1: peers are given the block). Those of the head itself are: it may be the base of a
 * view, voted for before it was committed or after, and then its votes go out again until the view
 * is installed (7.4). No base is proposed in its own view, so the proposal goes.
 * Requires: called for each height that commits, in ascending order. */
void records_drop_below(struct kv_batch *batch, uint64_t head_height);
void records_put_starts(struct kv_batch *batch, uint64_t starts_count);
void records_put_reserved(struct kv_batch *batch, const struct pbft_rank *reserved);
void records_put_evidence(struct kv_batch *batch, const struct pbft_evidence *e);
/* The bytes of one item, not judged. Lends from the view. Returns: as kv_get(). */
MUST_USE enum rc records_get_evidence(struct kv_view *view, uint32_t offender,
                                      enum pbft_evidence_kind kind, struct bytes *out);

/* What the records say, over pbft_durable_init() (which *durable holds already): what has no record
 * stays. starts_count is 0 in a new store, and below UINT32_MAX, so that counters can be made of
 * it. The form of every record of the table is judged, and that high and cover are of no later view
 * than the state. Whether they are of this epoch and a quorum signed them is for the caller to
 * judge, before pbft_init(): it has the member table, and the core believes what it is given. Of
 * evidence only the key is judged, and damage to it is passed over: unlike a vote it binds nobody,
 * and comes again from others.
 * Returns: RC_OK | RC_STORE_DAMAGED (words name the record and say what to do: vote state is not
 * guessed, D5) | RC_STORE_IO. On an error nothing is changed. */
MUST_USE enum rc records_load(struct kv_view *view, struct pbft_durable *durable,
                              uint64_t *starts_count, struct why *why);
/* The reservation alone; zero in a store that never voted. Returns: as above. */
/* The CHECKPOINT certificate whose state is being taken (9.3). drop: it stands, and a state that
 * was not to be believed is gone. Returns: as above, RC_STORE_DAMAGED also when there is none. */
void records_put_snapshot(struct kv_batch *batch, const struct certificate *checkpoint);
void records_drop_snapshot(struct kv_batch *batch);
/* Whether the state is not to be believed (8.2). Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO.
 */
MUST_USE enum rc records_load_diverged(struct kv_view *view, bool *out, struct why *why);
MUST_USE enum rc records_load_snapshot(struct kv_view *view, struct certificate *out,
                                       struct why *why);
MUST_USE enum rc records_load_reserved(struct kv_view *view, struct pbft_rank *out,
                                       struct why *why);
/* Walk own PRE-PREPAREs and votes, each ascending by height, VIEW-CHANGE and NEW-VIEW: give them to
 * pbft_restore_*(). The last two are judged like a peer's, signatures and all. Records
 * at or below the committed height are met too. Above it, what contradicts the core's state and
 * high is damage: the core would cast a vote above tip a second time (D1).
 * Requires: a core made of what records_load() gave, before START; blocks were restored, so that a
 * block's parent is its body's word.
 * Returns: as records_load(); after an error the core may not be used. */
MUST_USE enum rc records_restore(struct kv_view *view, struct pbft *core,
                                 const struct verify_config *config, struct why *why);

#endif
