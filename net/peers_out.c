/* What goes out to a peer: HELLO and CONFIRM first, since without a session nothing else is worth
 * sending, then what waits in its queue, oldest first. */
#include <string.h>

#include "crypto/base/check.h"
#include "net/peers_impl.h"

/* ---- the queue ---- */

static void queue_push(struct peer *peer, struct bytes message)
{
    struct waiting *w = mem_alloc(sizeof *w + message.size);
    w->size = message.size;
    memcpy(w->data, message.data, message.size);
    if (peer->last != NULL)
        peer->last->next = w;
    else
        peer->first = w;
    peer->last = w;
    peer->look.queue_count++;
    peer->look.queue_bytes += w->size;
}

static void queue_pop(struct peer *peer)
{
    struct waiting *w = peer->first;
    CHECK(w != NULL);
    peer->first = w->next;
    if (peer->first == NULL)
        peer->last = NULL;
    peer->look.queue_count--;
    peer->look.queue_bytes -= w->size;
    mem_free(w);
}

static void queue_drop_oldest(struct peer *peer)
{
    queue_pop(peer);
    peer->look.queue_drops++;
}

void peer_queue_clear(struct peer *peer)
{
    while (peer->first != NULL)
        queue_drop_oldest(peer);
}

/* ---- one frame ---- */

static bool hello_is_ripe(const struct peer *peer, uint64_t now_ms)
{
    return peer->hello_due && now_ms >= peer->hello_ms + NET_HELLO_LEAST_MS;
}

static bool has_something(const struct peer *peer, uint64_t now_ms)
{
    return peer->confirm_due || hello_is_ripe(peer, now_ms) ||
           (peer->first != NULL && !peer->is_unsure);
}

static bool send_sealed(struct peer *peer)
{
    return sp_send(peer->socket, buf_bytes(&peer->owner->sealed));
}

static bool send_hello(struct peer *peer, uint64_t now_ms)
{
    seal_peer_hello(&peer->seal, &peer->owner->sealed);
    if (!send_sealed(peer))
        return false;
    peer->hello_due = false;
    peer->hello_ms = now_ms;
    return true;
}

/* The connection may break between sp_may_send() and here. Then a CONFIRM is lost, and the peer's
 * next HELLO asks for it again; a message stays and is sealed again, with a higher counter. */
static bool send_one(struct peer *peer, uint64_t now_ms)
{
    struct buf *sealed = &peer->owner->sealed;
    buf_clear(sealed);
    if (peer->confirm_due) {
        peer->confirm_due = false;
        return !seal_peer_confirm(&peer->seal, sealed) || send_sealed(peer);
    }
    if (hello_is_ripe(peer, now_ms))
        return send_hello(peer, now_ms);
    const struct waiting *w = peer->first;
    if (!seal_peer_seal(&peer->seal, sealed, bytes_of(w->data, w->size)))
        CHECK(false); /* a queue begins with a live session, and seal keeps one for good */
    if (!send_sealed(peer))
        return false;
    peer->look.sent_count++;
    peer->look.sent_bytes += w->size;
    queue_pop(peer);
    return true;
}

/* NN_SNDFD is readable all the time that nothing is to be sent: watched only while something waits
 * for it. */
static void watch(struct peer *peer, bool is_watched)
{
    if (peer->is_watched != is_watched)
        loop_enable(peer->owner->config.loop, peer->send_fd, is_watched);
    peer->is_watched = is_watched;
}

/* Behind a new connection there may be a peer that was started anew and knows the session no more:
 * what waits is kept until something opens again, under that session or a new one. */
static bool is_new_connection(struct peer *peer)
{
    uint64_t count = sp_connections_count(peer->socket);
    if (count == peer->connections_count)
        return false;
    peer->connections_count = count;
    peer->is_unsure = true;
    peer->hello_due = true;
    return true;
}

void peer_pump(struct peer *peer, uint64_t now_ms)
{
    for (int i = 0; i < NET_PEER_TAKE_MAX; i++) {
        if (!has_something(peer, now_ms)) {
            watch(peer, false);
            return;
        }
        if (!sp_may_send(peer->send_fd))
            break;
        if (!is_new_connection(peer) && !send_one(peer, now_ms))
            break;
    }
    watch(peer, true);
}

void peers_send(struct peers *p, uint32_t to, struct bytes message)
{
    CHECK(to < p->config.members_count);
    CHECK(to != p->config.own_index);
    CHECK(message.size > 0);
    CHECK(message.size <= NET_PEER_MSG_BYTES_MAX);
    struct peer *peer = &p->peers[to];
    if (!peer->is_up) {
        peer->look.queue_drops++;
        return;
    }
    queue_push(peer, message);
    while (peer->look.queue_bytes > NET_PEER_QUEUE_BYTES_MAX ||
           peer->look.queue_count > NET_PEER_QUEUE_MSGS_MAX)
        queue_drop_oldest(peer);
    if (!peer->is_watched)
        peer_pump(peer, loop_now_ms());
}
