/* Random transactions on a book (tests/help/book.h), and putting them into stores.
 *
 * Only what the book accepted is kept, so the list is valid in this order however it is split into
 * blocks. The same seed gives the same list. */
#ifndef TESTS_HELP_TRAFFIC_H
#define TESTS_HELP_TRAFFIC_H

#include "crypto/base/prng.h"
#include "ledger/store.h"
#include "tests/help/book.h"

struct traffic {
    struct book book; /* its layer holds the state after the whole list */
    uint32_t txs_count;
    struct buf bytes;     /* all transactions, one after the other */
    size_t *offsets;      /* txs_count + 1 */
    uint32_t tries_count; /* how many were made, refused ones too */
};

enum { TRAFFIC_CHECKPOINT_EVERY = 8, TRAFFIC_MEMBERS = 4 };

/* Make `txs_count` accepted transactions: all operations, one to three in each. */
void traffic_open(struct traffic *t, uint64_t seed, uint32_t txs_count);
void traffic_close(struct traffic *t);
struct bytes traffic_tx(const struct traffic *t, uint32_t index);

/* An empty store of the book's chain, with a fixed store id. */
MUST_USE enum rc traffic_create_store(const struct traffic *t, struct kv *kv, struct why *why);
/* Append one block of transactions first..first+count-1. Block h has time h and proposer h mod 4,
 * so that equal splits give equal chains. */
MUST_USE enum rc traffic_append(const struct traffic *t, struct store *s, uint32_t first,
                                uint32_t count, const struct certificate *certificate,
                                struct why *why);

/* The key of member `index`, and a certificate by members 0..2 over the head of a store. */
void traffic_member_key(struct sign_key *out, uint32_t index);
void traffic_certificate(struct certificate *out, const struct traffic *t, enum cert_kind kind,
                         uint64_t height, const struct digest *digest,
                         const struct digest *state_root);

#endif
