/* Sealed sessions (design 4): how their messages look from outside, and why one is dropped.
 * seal_peer.h is a session between two replicas, seal_client.h a client's with a node, seal_node.h
 * the node's end of those.
 *
 * Numbers are little-endian. Every message begins with its type:
 *   HELLO    1   seal_peer.h   opens a session between replicas
 *   FRAME    2   seal_peer.h   a message under it
 *   REQUEST  3   seal_client.h
 *   REPLY    4   seal_client.h
 * The first 39 bytes of a HELLO (type, from, to, chain id, versions) stay what they are in every
 * version of the protocol, so that two programs that cannot talk can at least say so. */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "crypto/digest.h"
#include "crypto/link.h"
#include "crypto/sign.h"

enum {
    SEAL_TYPE_HELLO = 1,
    SEAL_TYPE_FRAME = 2,
    SEAL_TYPE_REQUEST = 3,
    SEAL_TYPE_REPLY = 4,

    SEAL_SECRET_BYTES = 32,
    SEAL_TAG_BYTES = 16, /* Poly1305 */
    SEAL_MAC_BYTES = 32,
    SEAL_CLAIM_BYTES = 1 + 1 + 1 + DIGEST_BYTES + 2 + 2,
    SEAL_HELLO_BYTES = SEAL_CLAIM_BYTES + 2 * LINK_KEY_BYTES + SEAL_MAC_BYTES + SIGNATURE_BYTES,
    SEAL_FRAME_OVERHEAD_BYTES = 1 + 8 + 8 + SEAL_TAG_BYTES,
    SEAL_REQUEST_OVERHEAD_BYTES = 1 + LINK_KEY_BYTES + 8 + SEAL_TAG_BYTES,
    SEAL_REPLY_NONCE_BYTES = 24,
    SEAL_REPLY_OVERHEAD_BYTES = 1 + 8 + SEAL_REPLY_NONCE_BYTES + SEAL_TAG_BYTES
};

/* The word is metric label, log word and test hook. To blame is the link that brought the bytes,
 * never whom they name: whatever is dropped was not shown to come from anybody. */
#define SEAL_DROP_LIST(X)                                                                          \
    X(SEAL_KEEP, "keep")                                                                           \
    X(SEAL_DROP_MALFORMED, "malformed")           /* type, size or a value nobody writes */        \
    X(SEAL_DROP_OTHER_CHAIN, "other_chain")       /* HELLO: its claim is worth showing */          \
    X(SEAL_DROP_OTHER_VERSION, "other_version")   /* HELLO: no version in common; likewise */      \
    X(SEAL_DROP_OTHER_SENDER, "other_sender")     /* HELLO: not from the peer of this pair */      \
    X(SEAL_DROP_OTHER_RECEIVER, "other_receiver") /* HELLO: not for me */                          \
    X(SEAL_DROP_BAD_MAC, "bad_mac")               /* HELLO: by a stranger, or changed */           \
    X(SEAL_DROP_BAD_SIGNATURE, "bad_signature")   /* HELLO: the pair's MAC, not its key */         \
    X(SEAL_DROP_WEAK_KEY, "weak_key")             /* ephemeral misspelt or of small order */       \
    X(SEAL_DROP_STALE_HELLO, "stale_hello")       /* of an ephemeral that is spent */              \
    X(SEAL_DROP_OTHER_SESSION, "other_session")   /* FRAME: of no session held here */             \
    X(SEAL_DROP_REPLAYED, "replayed")             /* FRAME: counter not above the last */          \
    X(SEAL_DROP_OTHER_REQUEST, "other_request")   /* REPLY: answers another request */             \
    X(SEAL_DROP_NOT_AUTHENTIC, "not_authentic")   /* does not open: changed, or other keys */

enum seal_drop {
#define X(drop, word) drop,
    SEAL_DROP_LIST(X)
#undef X
        SEAL_DROP_COUNT
};
/* Never NULL; lends a constant. Requires: drop < SEAL_DROP_COUNT. */
const char *seal_drop_word(enum seal_drop drop);

/* What a HELLO says of itself, believed by nobody: to find the pair that it is for, and to show
 * both values when chain ids or versions differ. Anybody can write one: limit how often it is
 * logged. */
struct seal_claim {
    uint8_t from, to;
    uint16_t version_least, version_most;
    struct digest chain_id;
};
/* False when the bytes are no HELLO, of whatever version. */
MUST_USE bool seal_claim_of(struct seal_claim *out, struct bytes bytes);
/* The session that a FRAME names: to find the pair that it is for (seal_peer_holds()). False when
 * the bytes are no FRAME. */
MUST_USE bool seal_session_of(uint64_t *out, struct bytes bytes);

/* A key, or what keys are made from. crypto_wipe() it when done. */
struct seal_secret {
    uint8_t bytes[SEAL_SECRET_BYTES];
};

/* Where ephemeral keys come from: fills out with unpredictable bytes. crypto_random() in a real
 * node; tests and the simulator give their own. */
typedef void seal_random(void *context, void *out, size_t size);

#endif
