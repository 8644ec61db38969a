#include "crypto/seal_peer.h"

#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "crypto/seal_hello.h"
#include "crypto/seal_parts.h"

enum {
    FRAME_HEADER_BYTES = SEAL_FRAME_OVERHEAD_BYTES - SEAL_TAG_BYTES,
    COUNTER_AT = FRAME_HEADER_BYTES - (int)sizeof(uint64_t)
};
static const uint64_t FRAMES_COUNT_MAX = (uint64_t)1 << 40;

/* ---- my ephemeral, and the sessions made from it ---- */

static void forget(struct seal_session *session)
{
    crypto_wipe(session, sizeof *session);
}

static void forget_next(struct seal_peer *s)
{
    forget(&s->next);
    if (s->confirm == SEAL_CONFIRM_NEXT)
        s->confirm = SEAL_CONFIRM_NONE;
}

/* What was made from it goes with it, so that an ephemeral under which a frame has opened never
 * makes another session. */
static void change_ephemeral(struct seal_peer *s)
{
    forget_next(s);
    forget(&s->guess);
    seal_fill(s->setup.random, s->setup.random_context, s->secret.bytes, sizeof s->secret.bytes);
    link_public_of(s->mine, s->secret.bytes);
}

static bool is_lower(const struct seal_peer *s)
{
    return s->setup.me < s->setup.peer;
}

static void derive_pair(struct seal_peer *s)
{
    struct seal_secret product;
    uint8_t mine[LINK_KEY_BYTES];
    const uint8_t *its = s->setup.peer_link_public;
    link_public_of(mine, s->setup.link_secret);
    CHECK(seal_exchange(&product, s->setup.link_secret, its));
    bool lower = is_lower(s);
    struct hasher h;
    hasher_start(&h, TAG_SEAL_PAIR);
    hasher_add(&h, product.bytes, sizeof product.bytes);
    hasher_add(&h, s->setup.chain_id.bytes, DIGEST_BYTES);
    hasher_add(&h, lower ? &s->setup.me : &s->setup.peer, 1);
    hasher_add(&h, lower ? &s->setup.peer : &s->setup.me, 1);
    hasher_add(&h, lower ? mine : its, LINK_KEY_BYTES);
    hasher_add(&h, lower ? its : mine, LINK_KEY_BYTES);
    seal_hash_end(&h, &s->pair);
    seal_derive(&s->mac_key, &s->pair, 0);
    crypto_wipe(&product, sizeof product);
}

/* The session of my ephemeral and the peer's. False when the peer's is weak. */
static bool derive_session(struct seal_session *out, const struct seal_peer *s,
                           const uint8_t its[static LINK_KEY_BYTES], uint16_t version)
{
    struct seal_secret product, root, name;
    if (!seal_exchange(&product, s->secret.bytes, its))
        return false;
    bool lower = is_lower(s);
    struct hasher h;
    hasher_start(&h, TAG_SEAL_PEER);
    hasher_add(&h, product.bytes, sizeof product.bytes);
    hasher_add(&h, s->pair.bytes, sizeof s->pair.bytes);
    hasher_add(&h, s->setup.chain_id.bytes, DIGEST_BYTES);
    hasher_add(&h, lower ? s->mine : its, LINK_KEY_BYTES);
    hasher_add(&h, lower ? its : s->mine, LINK_KEY_BYTES);
    seal_hash_end(&h, &root);
    *out = (struct seal_session){.is_held = true, .version = version};
    seal_derive(&out->out_key, &root, lower ? 0 : 1);
    seal_derive(&out->in_key, &root, lower ? 1 : 0);
    seal_derive(&name, &root, 2);
    struct rd r = rd_of(bytes_of(name.bytes, sizeof name.bytes));
    out->id = rd_u64(&r);
    memcpy(out->mine, s->mine, LINK_KEY_BYTES);
    memcpy(out->its, its, LINK_KEY_BYTES);
    crypto_wipe(&product, sizeof product);
    crypto_wipe(&root, sizeof root);
    return true;
}

static bool same_key(const uint8_t a[static LINK_KEY_BYTES], const uint8_t b[static LINK_KEY_BYTES])
{
    return memcmp(a, b, LINK_KEY_BYTES) == 0;
}

/* A frame opened under next or guess: the peer has it too. */
static void promote(struct seal_peer *s, const struct seal_session *made)
{
    CHECK(made->is_held);
    /* What the peer may still seal under: live, unless it has its ephemeral of that one still, and
     * so never changed over to it. */
    if (!same_key(made->its, s->live.its))
        s->previous = s->live;
    s->live = *made;
    s->is_renewing = false;
    change_ephemeral(s); /* this one is spent */
}

/* ---- taking a HELLO ---- */

static bool is_made_with(const struct seal_session *session, const uint8_t *its)
{
    return session->is_held && same_key(session->its, its);
}

/* Old beyond doubt: the peer has sealed messages under the live session, so it spent this
 * ephemeral. Before that it may still have it and need an answer, though the session is live here.
 */
static bool is_stale(const struct seal_peer *s, const struct seal_hello *h)
{
    return s->live.is_mutual && is_made_with(&s->live, h->ephemeral);
}

/* See that next or guess is made with this HELLO's ephemeral: next when the HELLO echoes mine. So
 * HELLOs of old, which echo what I had then, displace guess alone. */
static bool hold_session(struct seal_peer *s, const struct seal_hello *h, bool is_echo)
{
    if (is_made_with(&s->next, h->ephemeral))
        return true;
    if (!is_made_with(&s->guess, h->ephemeral)) {
        struct seal_session made;
        uint16_t version = h->claim.version_most < s->setup.version_most ? h->claim.version_most
                                                                         : s->setup.version_most;
        if (!derive_session(&made, s, h->ephemeral, version))
            return false;
        *(is_echo ? &s->next : &s->guess) = made;
        forget(&made);
    } else if (is_echo) {
        s->next = s->guess;
        forget(&s->guess);
    }
    return true;
}

/* An authentic HELLO, new or a replay. Nothing live changes. */
static enum seal_drop settle_hello(struct seal_peer *s, struct seal_due *due,
                                   const struct seal_hello *h)
{
    if (is_made_with(&s->live, h->ephemeral) && same_key(h->echo, s->live.mine)) {
        /* The peer has made what is live here and still waits for a frame of mine. */
        s->confirm = SEAL_CONFIRM_LIVE;
        due->confirm = true;
        return SEAL_KEEP;
    }
    bool is_echo = same_key(h->echo, s->mine);
    if (!hold_session(s, h, is_echo))
        return SEAL_DROP_WEAK_KEY;
    if (is_echo) {
        s->confirm = SEAL_CONFIRM_NEXT;
        due->confirm = true;
    } else {
        due->hello = true;
    }
    return SEAL_KEEP;
}

static enum seal_drop take_hello(struct seal_peer *s, struct seal_due *due, struct bytes bytes)
{
    struct seal_hello h;
    enum seal_drop drop = seal_hello_judge(&h, s, bytes);
    if (drop != SEAL_KEEP)
        return drop;
    if (is_stale(s, &h)) /* before the signature: it changes nothing, so it may be cheap */
        return SEAL_DROP_STALE_HELLO;
    if (!seal_hello_verify(s, bytes))
        return SEAL_DROP_BAD_SIGNATURE;
    return settle_hello(s, due, &h);
}

/* ---- frames ---- */

static bool is_named(const struct seal_session *session, uint64_t id)
{
    return session->is_held && session->id == id;
}

static struct seal_session *find_session(struct seal_peer *s, uint64_t id)
{
    if (is_named(&s->live, id))
        return &s->live;
    if (is_named(&s->next, id))
        return &s->next;
    if (is_named(&s->guess, id))
        return &s->guess;
    return is_named(&s->previous, id) ? &s->previous : NULL;
}

/* The peer has sealed a message under my live session. So it has changed over: it seals no more
 * under previous, and has spent its ephemeral of live, with whatever else was made of that. */
static void settle_mutual(struct seal_peer *s)
{
    s->live.is_mutual = true;
    forget(&s->previous);
    if (is_made_with(&s->next, s->live.its))
        forget_next(s);
    if (is_made_with(&s->guess, s->live.its))
        forget(&s->guess);
}

/* A frame opened under a session. */
static void settle_frame(struct seal_peer *s, struct seal_due *due, struct seal_session *session,
                         bool is_confirm)
{
    bool is_late = session == &s->previous;
    due->is_new = session == &s->next || session == &s->guess;
    if (due->is_new)
        promote(s, session);
    if (!is_late && !is_confirm && !s->live.is_mutual)
        settle_mutual(s);
    /* A peer that seals under previous, or has sent the CONFIRM that its HELLO promised, may not
     * know yet that live is live. */
    if (is_late || (due->is_new && is_confirm)) {
        s->confirm = SEAL_CONFIRM_LIVE;
        due->confirm = true;
    }
}

static enum seal_drop take_frame(struct seal_peer *s, struct seal_due *due, struct buf *opened,
                                 struct bytes bytes)
{
    uint64_t id;
    if (!seal_session_of(&id, bytes) ||
        bytes.size > s->setup.message_bytes_max + SEAL_FRAME_OVERHEAD_BYTES)
        return SEAL_DROP_MALFORMED;
    struct bytes header = bytes_of(bytes.data, FRAME_HEADER_BYTES);
    struct bytes sealed =
        bytes_of(bytes.data + FRAME_HEADER_BYTES, bytes.size - FRAME_HEADER_BYTES);
    struct rd r = rd_of(bytes_of(bytes.data + COUNTER_AT, sizeof(uint64_t)));
    uint64_t counter = rd_u64(&r);
    struct seal_session *session = find_session(s, id);
    if (session == NULL) {
        due->hello = !s->live.is_held; /* else a stranger could make us renew */
        return SEAL_DROP_OTHER_SESSION;
    }
    if (counter <= session->opened_counter)
        return SEAL_DROP_REPLAYED;
    if (!seal_open_sealed(opened, header, &session->in_key, counter, sealed))
        return SEAL_DROP_NOT_AUTHENTIC;
    session->opened_counter = counter;
    session->frames_count++;
    settle_frame(s, due, session, opened->size == 0);
    return SEAL_KEEP;
}

static void add_frame(struct seal_peer *s, struct buf *out, struct seal_session *session,
                      struct bytes message)
{
    CHECK(session->is_held);
    size_t header_at = out->size;
    s->sealed_counter++;
    session->frames_count++;
    buf_add_u8(out, SEAL_TYPE_FRAME);
    buf_add_u64(out, session->id);
    buf_add_u64(out, s->sealed_counter);
    seal_add_sealed(out, header_at, &session->out_key, s->sealed_counter, message);
}

/* ---- the interface ---- */

void seal_peer_init(struct seal_peer *s, const struct seal_peer_setup *setup)
{
    CHECK(setup->me != setup->peer);
    CHECK(setup->version_least <= setup->version_most);
    CHECK(setup->message_bytes_max > 0);
    CHECK(setup->message_bytes_max < SIZE_MAX / 4);
    memset(s, 0, sizeof *s);
    s->setup = *setup;
    derive_pair(s);
    s->setup.link_secret = NULL; /* both were borrowed until here */
    s->setup.peer_link_public = NULL;
    change_ephemeral(s);
}

void seal_peer_close(struct seal_peer *s)
{
    crypto_wipe(s, sizeof *s);
}

void seal_peer_hello(const struct seal_peer *s, struct buf *out)
{
    seal_hello_add(s, out);
}

bool seal_peer_confirm(struct seal_peer *s, struct buf *out)
{
    if (s->confirm == SEAL_CONFIRM_NONE)
        return false;
    add_frame(s, out, s->confirm == SEAL_CONFIRM_NEXT ? &s->next : &s->live, bytes_of(NULL, 0));
    s->confirm = SEAL_CONFIRM_NONE;
    return true;
}

bool seal_peer_seal(struct seal_peer *s, struct buf *out, struct bytes message)
{
    CHECK(message.size > 0); /* the empty one is a CONFIRM */
    CHECK(message.size <= s->setup.message_bytes_max);
    if (!s->live.is_held)
        return false;
    add_frame(s, out, &s->live, message);
    return true;
}

enum seal_drop seal_peer_take(struct seal_peer *s, struct seal_due *due, struct buf *opened,
                              struct bytes bytes)
{
    *due = (struct seal_due){0};
    buf_clear(opened);
    if (bytes.size == 0)
        return SEAL_DROP_MALFORMED;
    switch (bytes.data[0]) {
    case SEAL_TYPE_HELLO:
        return take_hello(s, due, bytes);
    case SEAL_TYPE_FRAME:
        return take_frame(s, due, opened, bytes);
    default:
        return SEAL_DROP_MALFORMED;
    }
}

void seal_peer_renew(struct seal_peer *s)
{
    change_ephemeral(s);
    s->is_renewing = true;
}

bool seal_peer_wants_hello(const struct seal_peer *s)
{
    return !s->live.is_held || s->is_renewing;
}

bool seal_peer_is_live(const struct seal_peer *s)
{
    return s->live.is_held;
}

bool seal_peer_is_worn(const struct seal_peer *s)
{
    return s->live.is_held && s->live.frames_count >= FRAMES_COUNT_MAX;
}

bool seal_peer_holds(const struct seal_peer *s, uint64_t session)
{
    return is_named(&s->live, session) || is_named(&s->next, session) ||
           is_named(&s->guess, session) || is_named(&s->previous, session);
}

uint64_t seal_peer_session(const struct seal_peer *s)
{
    CHECK(s->live.is_held);
    return s->live.id;
}

uint16_t seal_peer_version(const struct seal_peer *s)
{
    CHECK(s->live.is_held);
    return s->live.version;
}
