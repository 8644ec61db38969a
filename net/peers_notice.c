#include <inttypes.h>
#include <stdio.h>

#include "crypto/base/check.h"
#include "net/peers_impl.h"

enum { WORDS_BYTES = 400 }; /* two chain ids, an address, and the words around them */

static bool may_tell(const struct peer *peer, enum notice kind, uint64_t now_ms)
{
    uint64_t told_ms = peer->told_ms[kind];
    return told_ms == 0 || now_ms >= told_ms + NET_NOTICE_MS;
}

static void say(struct peer *peer, enum notice kind, uint64_t now_ms, const char *words)
{
    const struct peers_config *config = &peer->owner->config;
    bool is_trouble = kind != NOTICE_LIVE && kind != NOTICE_LIVE_ANEW;
    peer->told_ms[kind] = now_ms;
    if (config->on_notice != NULL)
        config->on_notice(config->context, peer->index, is_trouble, words);
}

void peer_tell(struct peer *peer, enum notice kind, uint64_t now_ms)
{
    char words[WORDS_BYTES];
    const char *address = peer->owner->config.members[peer->index].address;
    uint64_t heard_ms = peer_heard_ms(peer);
    uint64_t silent_s = now_ms > heard_ms ? (now_ms - heard_ms) / 1000 : 0;
    if (!may_tell(peer, kind, now_ms))
        return;
    switch (kind) {
    case NOTICE_LIVE:
        snprintf(words, sizeof words, "session live");
        break;
    case NOTICE_LIVE_ANEW:
        snprintf(words, sizeof words, "a new session is live");
        break;
    case NOTICE_LOST:
        snprintf(words, sizeof words, "session lost: silent for %" PRIu64 " s", silent_s);
        break;
    case NOTICE_CONNECT_ANEW:
        snprintf(words, sizeof words, "%s %" PRIu64 " s: connecting to %s anew",
                 peer->look.heard_ms == 0 ? "not heard yet after" : "silent for", silent_s,
                 address);
        break;
    default:
        CHECK(kind < NOTICE_OTHER_CHAIN); /* the others go by peer_tell_refused() */
        return;
    }
    say(peer, kind, now_ms, words);
}

/* The log ends with what is so: what may not be said now is said later, if it is still so then. */
void peer_tell_state(struct peer *peer, uint64_t now_ms)
{
    enum notice kind = peer->is_up ? NOTICE_LIVE : NOTICE_LOST;
    if (peer->is_up == peer->told_up || !may_tell(peer, kind, now_ms))
        return;
    peer_tell(peer, kind, now_ms);
    peer->told_up = peer->is_up;
}

/* Anybody can write a HELLO in another's name, so the words say no more than that. */
void peer_tell_refused(struct peer *peer, enum seal_drop drop, struct bytes hello, uint64_t now_ms)
{
    const struct seal_peer_setup *own = &peer->seal.setup;
    char words[WORDS_BYTES], its[DIGEST_HEX_BYTES], ours[DIGEST_HEX_BYTES];
    struct seal_claim claim;
    enum notice kind = NOTICE_OTHER_KEYS;
    if (!seal_claim_of(&claim, hello))
        return;
    switch (drop) {
    case SEAL_DROP_OTHER_CHAIN:
        kind = NOTICE_OTHER_CHAIN;
        digest_to_hex(its, &claim.chain_id);
        digest_to_hex(ours, &own->chain_id);
        snprintf(words, sizeof words,
                 "a HELLO in its name is of chain id %s, ours is %s: compare the genesis files",
                 its, ours);
        break;
    case SEAL_DROP_OTHER_VERSION:
        kind = NOTICE_OTHER_VERSION;
        snprintf(words, sizeof words,
                 "a HELLO in its name speaks versions %u to %u of the protocol, we speak %u to %u: "
                 "upgrade the older program",
                 claim.version_least, claim.version_most, own->version_least, own->version_most);
        break;
    case SEAL_DROP_BAD_MAC:
    case SEAL_DROP_BAD_SIGNATURE:
        snprintf(words, sizeof words,
                 "a HELLO in its name is not made with its keys (%s): it is a stranger's, or one "
                 "of us has other keys than the genesis file says",
                 seal_drop_word(drop));
        break;
    default:
        return;
    }
    if (may_tell(peer, kind, now_ms))
        say(peer, kind, now_ms, words);
}
