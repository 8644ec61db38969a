/* A sealed session between two replicas over one-way sockets that lose, repeat and reorder
 * (design 4). One object per (me, peer) pair. No I/O, no clock, no allocation besides the buffers
 * given; whoever owns the sockets sends what falls due here, and limits how often.
 *
 * HELLO, 199 bytes                          FRAME, 33 bytes and the message
 *   0  type 1               u8                0  type 2       u8
 *   1  from                 u8                1  session      u64
 *   2  to                   u8                9  counter      u64, from 1
 *   3  chain id             32               17  ciphertext, and a tag of 16: ChaCha20-Poly1305
 *  35  version_least        u16                  (IETF), nonce = counter, the clear header is
 *  37  version_most         u16                  associated data
 *  39  ephemeral X25519     32               A CONFIRM is a frame with an empty message.
 *  71  echo                 32   the receiver's ephemeral of my next, else guess, or zeros
 * 103  mac                  32   BLAKE2b-256(key: pair's mac key, TAG_SEAL_MAC | bytes 0..102)
 * 135  signature            64   Ed25519(sender's signing key, TAG_SEAL_SIGN | bytes 0..134)
 *
 * The MAC is judged before the signature, so that a stranger's bytes cost a microsecond. Keys, with
 * "lower" the member of the smaller index and derive(root, label) = H(TAG_SEAL_KEY, root | label):
 *   pair    = H(TAG_SEAL_PAIR, X25519(link keys) | chain id | lower index | higher index |
 *               lower's link public | higher's link public);        mac key = derive(pair, 0)
 *   session = H(TAG_SEAL_PEER, X25519(ephemerals) | pair | chain id | lower's ephemeral |
 *               higher's ephemeral)
 *   derive(session, 0) seals what the lower one sends, derive(session, 1) what the higher one
 *   sends; the first 8 bytes of derive(session, 2) name the session.
 *
 * How sessions come and go. I hold up to four:
 *   guess     made from my ephemeral and that of a HELLO which did not echo it: a peer that has
 *             just started sends such, and whoever replays. I answer with a HELLO.
 *   next      made from my ephemeral and that of a HELLO which echoes it: so the peer has made
 *             the same. I answer with a CONFIRM under it.
 *   live      the last one under which a frame opened: so the peer has it. I seal under it.
 *   previous  what the peer may still seal under; it only opens. It goes when a message opens
 *             under live, which shows that the peer has changed over as well. So a renewal by
 *             itself loses no message.
 *
 * A frame that opens under next or guess makes it live, and my ephemeral is spent: a new one takes
 * its place. On that, and on what is echoed, rests the rest:
 *   - No frame opens twice. What has opened is forgotten with a session only, and that can be made
 *     again only from the same two ephemerals; if a frame ever opened under it, mine is spent.
 *   - No nonce is used twice: my counter never starts anew while this object lives, so what is made
 *     again goes on behind what was sealed before.
 *   - A session's ephemeral secrets are gone as soon as both ends have it.
 *   - I echo only what I hold a session with, so a CONFIRM in answer to my HELLO opens; and rather
 *     next's, which replays do not displace. Two sides cannot both echo old ones for ever: each
 *     would have had to hear the other's before its own present one was made.
 *   - When one side changes over, the other had that session as next or live, for frames are sealed
 *     under nothing else. Only a HELLO that echoes my present ephemeral displaces next, so replays
 *     do not, but for those of HELLOs that were sent since I have it.
 * A replayed HELLO changes nothing that is live. It may make both sides renew once, since it looks
 * just like the first HELLO of a peer that restarted.
 *
 * What the owner does, for both sides to come to one session once messages get through:
 *   - while seal_peer_wants_hello(), and while nothing has opened for some time (a heartbeat is
 *     the owner's), send a HELLO every 250..1000 ms, not in step with the peer;
 *   - when due.hello, send a HELLO, but not more than a few per second;
 *   - when due.confirm, send seal_peer_confirm();
 *   - seal_peer_renew() after 24 h, and when seal_peer_is_worn(). */
#ifndef CRYPTO_SEAL_PEER_H
#define CRYPTO_SEAL_PEER_H

#include "crypto/seal.h"

struct seal_peer_setup {
    uint8_t me, peer;                     /* indexes in the member table; two different ones */
    uint16_t version_least, version_most; /* of the protocol; least <= most */
    size_t message_bytes_max;             /* longer ones are neither sealed nor opened */
    struct digest chain_id;
    const uint8_t *link_secret;      /* mine, LINK_KEY_BYTES; borrows for seal_peer_init() */
    const uint8_t *peer_link_public; /* valid (genesis saw to it); likewise */
    const struct sign_key *sign_key; /* mine; borrows until seal_peer_close() */
    struct public_key peer_key;
    seal_random *random; /* NULL: crypto_random() */
    void *random_context;
};

/* The fields of these two are private. */
struct seal_session {
    bool is_held;
    bool is_mutual; /* the peer has sealed a message under it, so it is live there too */
    uint16_t version;
    uint64_t id;
    uint64_t opened_counter;                           /* the highest that opened */
    uint64_t frames_count;                             /* sealed and opened */
    uint8_t mine[LINK_KEY_BYTES], its[LINK_KEY_BYTES]; /* the ephemerals it was made from */
    struct seal_secret out_key, in_key;
};

struct seal_peer {
    struct seal_peer_setup setup;
    struct seal_secret pair, mac_key;
    struct seal_secret secret; /* my ephemeral: its secret and its public key */
    uint8_t mine[LINK_KEY_BYTES];
    struct seal_session previous, live, next, guess;
    uint64_t sealed_counter; /* the last used, under whatever session */
    bool is_renewing;
    enum { SEAL_CONFIRM_NONE, SEAL_CONFIRM_LIVE, SEAL_CONFIRM_NEXT } confirm;
};

/* Secrets live in s (crypto_lock() it if you like) until seal_peer_close() wipes them. s must not
 * be copied: two copies would use one nonce twice. Requires: what the setup says. */
void seal_peer_init(struct seal_peer *s, const struct seal_peer_setup *setup);
void seal_peer_close(struct seal_peer *s);

/* Append a HELLO to out. */
void seal_peer_hello(const struct seal_peer *s, struct buf *out);
/* Append the CONFIRM that is due to out. False, and nothing is appended, when none is. */
bool seal_peer_confirm(struct seal_peer *s, struct buf *out);
/* Append message in a frame to out. False, and nothing is appended, when no session is live.
 * Requires: 1 <= message.size <= message_bytes_max; message does not lie in out. */
MUST_USE bool seal_peer_seal(struct seal_peer *s, struct buf *out, struct bytes message);

/* What is to be sent because of what was taken. */
struct seal_due {
    bool hello;
    bool confirm;
    bool is_new; /* another session has become live, which is worth a line in the log */
};
/* Judge what came, HELLO or FRAME; any bytes. opened becomes the message of a frame, and is empty
 * for all else. due is always set; it may ask for a HELLO with a dropped frame too (which anybody
 * can write, hence the limit). */
MUST_USE enum seal_drop seal_peer_take(struct seal_peer *s, struct seal_due *due,
                                       struct buf *opened, struct bytes bytes);

/* Take a new ephemeral and make a new session, beside the live one, which goes on meanwhile. */
void seal_peer_renew(struct seal_peer *s);
/* No session is live, or a renewal is not done yet. */
bool seal_peer_wants_hello(const struct seal_peer *s);
bool seal_peer_is_live(const struct seal_peer *s);
/* 2^40 frames went over the live session: renew. */
bool seal_peer_is_worn(const struct seal_peer *s);
/* A frame that names this session is for this pair (seal_session_of()). */
bool seal_peer_holds(const struct seal_peer *s, uint64_t session);
/* Of the live session: its name, and the highest version that both sides speak.
 * Requires: seal_peer_is_live(s). */
uint64_t seal_peer_session(const struct seal_peer *s);
uint16_t seal_peer_version(const struct seal_peer *s);

#endif
