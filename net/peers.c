#include "net/peers.h"

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "net/peers_impl.h"

/* ---- opening and closing ---- */

static void on_writable(void *context)
{
    peer_pump(context, loop_now_ms());
}

/* A name with addresses of both kinds is tried by IPv4 and by IPv6 in turn. */
static enum rc connect_peer(struct peers *p, uint32_t index, struct why *why)
{
    struct peer *peer = &p->peers[index];
    struct sp_target target = {.what = "peer",
                               .address = p->config.members[index].address,
                               .by_ipv6 = peer->look.reconnects_count % 2 == 1};
    return sp_connect(peer->socket, &peer->endpoint, &target, why);
}

static enum rc open_peer(struct peers *p, uint32_t index, struct why *why)
{
    struct peer *peer = &p->peers[index];
    const struct peers_config *config = &p->config;
    const struct peers_member *member = &config->members[index];
    enum rc rc = sp_open(&peer->socket, SP_PUSH, NET_PEER_FRAME_BYTES_MAX, why);
    if (rc != RC_OK)
        return rc;
    rc = connect_peer(p, index, why);
    if (rc == RC_OK) {
        peer->send_fd = sp_send_fd(peer->socket);
        rc = loop_add(config->loop, peer->send_fd, on_writable, peer, why);
    }
    if (rc != RC_OK) {
        sp_close(peer->socket);
        return rc;
    }
    peer->is_watched = true; /* until the first pump finds nothing to send */
    peer->owner = p;
    peer->index = index;
    peer->connected_ms = p->awake_ms;
    peer->is_open = true;
    seal_peer_init(&peer->seal, &(struct seal_peer_setup){
                                    .me = (uint8_t)config->own_index,
                                    .peer = (uint8_t)index,
                                    .version_least = config->version_least,
                                    .version_most = config->version_most,
                                    .message_bytes_max = NET_PEER_MSG_BYTES_MAX,
                                    .chain_id = config->chain_id,
                                    .link_secret = config->link_secret,
                                    .peer_link_public = member->link_key,
                                    .sign_key = config->sign_key,
                                    .peer_key = member->sign_key,
                                });
    return RC_OK;
}

static enum rc open_port(struct peers *p, struct why *why)
{
    const struct peers_config *config = &p->config;
    const char *address = config->bind_address != NULL ? config->bind_address
                                                       : config->members[config->own_index].address;
    enum rc rc = sp_open(&p->port, SP_PULL, NET_PEER_FRAME_BYTES_MAX, why);
    if (rc != RC_OK)
        return rc;
    rc = sp_bind(p->port, "peer port", address, why);
    if (rc == RC_OK)
        rc = loop_add(config->loop, sp_receive_fd(p->port), peers_on_readable, p, why);
    if (rc != RC_OK) {
        sp_close(p->port);
        return rc;
    }
    p->port_is_open = true;
    return RC_OK;
}

enum rc peers_open(struct peers **out, const struct peers_config *config, struct why *why)
{
    CHECK(config->members_count <= MEMBERS_MAX);
    CHECK(config->own_index < config->members_count);
    CHECK(config->on_message != NULL);
    *out = NULL;
    struct peers *p = mem_alloc(sizeof *p);
    crypto_lock(p, sizeof *p); /* it holds the sessions' secrets */
    p->config = *config;
    p->awake_ms = p->ran_ms = loop_now_ms();
    enum rc rc = open_port(p, why);
    for (uint32_t i = 0; rc == RC_OK && i < config->members_count; i++)
        if (i != config->own_index)
            rc = open_peer(p, i, why);
    p->config.link_secret = NULL; /* borrowed until here */
    if (rc != RC_OK) {
        peers_close(p);
        return rc;
    }
    *out = p;
    peers_run(p, p->awake_ms);
    return RC_OK;
}

static void close_peer(struct peer *peer)
{
    loop_remove(peer->owner->config.loop, peer->send_fd);
    sp_close(peer->socket);
    peer_queue_clear(peer);
    seal_peer_close(&peer->seal);
}

void peers_close(struct peers *p)
{
    if (p == NULL)
        return;
    for (uint32_t i = 0; i < p->config.members_count; i++)
        if (p->peers[i].is_open)
            close_peer(&p->peers[i]);
    if (p->port_is_open) {
        loop_remove(p->config.loop, sp_receive_fd(p->port));
        sp_close(p->port);
    }
    buf_free(&p->sealed);
    buf_free(&p->opened);
    crypto_unlock(p, sizeof *p);
    mem_free(p);
}

/* ---- time ---- */

static uint64_t max_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t peer_heard_ms(const struct peer *peer)
{
    return max_of(peer->look.heard_ms, peer->owner->awake_ms);
}

void peer_connect_anew(struct peer *peer, uint64_t now_ms)
{
    peer->look.reconnects_count++;
    peer->connected_ms = now_ms;
    sp_disconnect(peer->socket, peer->endpoint);
    /* It was possible once, and asks for nothing but a well-formed address. */
    CHECK(connect_peer(peer->owner, peer->index, NULL) == RC_OK);
    peer_tell(peer, NOTICE_CONNECT_ANEW, now_ms);
}

static uint64_t silence_ends_ms(const struct peer *peer)
{
    return max_of(peer_heard_ms(peer), peer->connected_ms) + NET_SILENCE_MS;
}

/* What waits for a peer that is gone is worth nothing when it comes back: STATUS tells then what it
 * lacks. */
static void judge_silence(struct peer *peer, uint64_t now_ms)
{
    if (now_ms < silence_ends_ms(peer))
        return;
    if (peer->is_up) {
        peer->is_up = false;
        peer_queue_clear(peer);
    }
    peer_tell_state(peer, now_ms);
    peer_connect_anew(peer, now_ms);
}

/* From when on a HELLO is wanted. */
static uint64_t hello_wanted_ms(const struct peer *peer)
{
    if (seal_peer_wants_hello(&peer->seal) || peer->is_unsure)
        return 0;
    return peer_heard_ms(peer) + NET_QUIET_MS;
}

/* Two peers in step would each answer a HELLO that the other's next one has overtaken. */
static uint64_t jitter_ms(void)
{
    uint16_t bits;
    crypto_random(&bits, sizeof bits);
    return bits % NET_HELLO_MS;
}

static void judge_hello(struct peer *peer, uint64_t now_ms)
{
    if (now_ms < max_of(peer->hello_next_ms, hello_wanted_ms(peer)))
        return;
    peer->hello_due = true;
    peer->hello_next_ms = now_ms + NET_HELLO_MS + jitter_ms();
}

static bool may_renew(const struct peer *peer)
{
    return seal_peer_is_live(&peer->seal) && !seal_peer_wants_hello(&peer->seal);
}

static void judge_renewal(struct peer *peer, uint64_t now_ms)
{
    bool is_old = now_ms >= peer->session_ms + NET_SESSION_MS || seal_peer_is_worn(&peer->seal);
    if (may_renew(peer) && is_old)
        seal_peer_renew(&peer->seal);
}

static void run_peer(struct peer *peer, uint64_t now_ms)
{
    judge_silence(peer, now_ms);
    judge_renewal(peer, now_ms);
    judge_hello(peer, now_ms);
    peer_tell_state(peer, now_ms);
    peer_pump(peer, now_ms);
}

/* Who slept himself must not call the others silent: what they said meanwhile waits at the port
 * (pitfalls I6). Deadlines are never far apart. */
static void judge_own_sleep(struct peers *p, uint64_t now_ms)
{
    if (now_ms > p->ran_ms + NET_SILENCE_MS / 2)
        p->awake_ms = now_ms;
    p->ran_ms = now_ms;
}

void peers_run(struct peers *p, uint64_t now_ms)
{
    judge_own_sleep(p, now_ms);
    for (uint32_t i = 0; i < p->config.members_count; i++)
        if (p->peers[i].is_open)
            run_peer(&p->peers[i], now_ms);
}

static uint64_t peer_deadline_ms(const struct peer *peer)
{
    uint64_t at = max_of(peer->hello_next_ms, hello_wanted_ms(peer));
    if (peer->hello_due && !peer->is_watched) /* else the connection calls, when it takes it */
        at = min_of(at, peer->hello_ms + NET_HELLO_LEAST_MS);
    if (may_renew(peer))
        at = min_of(at, peer->session_ms + NET_SESSION_MS);
    return min_of(at, silence_ends_ms(peer));
}

uint64_t peers_deadline_ms(const struct peers *p)
{
    uint64_t at = UINT64_MAX;
    for (uint32_t i = 0; i < p->config.members_count; i++)
        if (p->peers[i].is_open)
            at = min_of(at, peer_deadline_ms(&p->peers[i]));
    return at;
}

/* ---- looking ---- */

void peers_look(const struct peers *p, uint32_t peer, struct peers_look *out)
{
    CHECK(peer < p->config.members_count);
    *out = p->peers[peer].look;
    out->is_live = p->peers[peer].is_up;
}

uint64_t peers_stranger_drops(const struct peers *p)
{
    return p->stranger_drops;
}
