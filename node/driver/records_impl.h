/* What the files of node/driver/records*.c share: the keys of the table KV_VOTE. */
#ifndef NODE_DRIVER_RECORDS_IMPL_H
#define NODE_DRIVER_RECORDS_IMPL_H

#include "node/driver/records.h"

enum record_type {
    RECORD_STATE,
    RECORD_HIGH,
    RECORD_COVER,
    RECORD_VIEW_CHANGE,
    RECORD_NEW_VIEW,
    RECORD_SNAPSHOT,
    RECORD_LEARNER,
    RECORD_ALARM,
    RECORD_DIVERGED,
    RECORD_STARTS,
    RECORD_RESERVED,
    RECORD_VOTE,
    RECORD_PROPOSAL,
    RECORD_EVIDENCE,
    RECORD_UNKNOWN /* also how many types there are */
};

struct record_key {
    enum record_type type;
    uint64_t height;     /* VOTE, PROPOSAL */
    enum cert_kind kind; /* VOTE */
    uint32_t offender;   /* EVIDENCE */
    enum pbft_evidence_kind evidence_kind;
};

enum {
    RECORDS_KEY_BYTES_MAX = 16,
    RECORDS_VALUE_BYTES_MAX = 2 * CERT_BYTES_MAX + 1 /* an alarm's; only messages are longer */
};

/* The text that the keys of a type begin with. Requires: not UNKNOWN. */
const char *record_name(enum record_type type);
/* Lends room. Requires: not UNKNOWN. */
struct bytes record_key_encode(uint8_t room[static RECORDS_KEY_BYTES_MAX],
                               const struct record_key *key);
/* UNKNOWN: a key that is none of ours. */
struct record_key record_key_decode(struct bytes from);

/* The form that a certificate has whatever the member table is: of any kind, or of votes. The core
 * believes what it is given, so an empty one from the disk would commit a block. */
bool record_is_quorum(const struct certificate *c);
bool record_is_certificate(const struct certificate *c);

/* ---- reading, for loading (records_read.c) and restoring (records_restore.c) ---- */

/* What is wrong with a record. */
extern const char record_malformed[], record_later_view[];
/* One value; gives NULL, or what is wrong with it. */
const char *record_take_vote(struct rd *r, const struct record_key *key, struct pbft_vote *out);
const char *record_take_proposal(struct rd *r, const struct record_key *key,
                                 struct pbft_pre_prepare *out);
/* Visit all of the table, in the order of keys; visit gives NULL, or what is wrong with a record.
 * Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO, in words. */
typedef const char *record_visit(void *context, const struct record_key *key, struct bytes value);
MUST_USE enum rc record_walk(struct kv_view *view, record_visit *visit, void *context,
                             struct why *why);

#endif
