/* What comes in at the port: from members and strangers alike, so that each frame is first looked
 * at for whose it claims to be, and then judged by that pair's sessions. */
#include "net/peers_impl.h"

/* In whose name a frame comes, or NULL when that cannot be told. */
static struct peer *peer_of(struct peers *p, struct bytes bytes)
{
    struct seal_claim claim;
    uint64_t session;
    if (seal_claim_of(&claim, bytes)) {
        bool is_peer = claim.from < p->config.members_count && claim.from != p->config.own_index;
        return is_peer ? &p->peers[claim.from] : NULL;
    }
    if (!seal_session_of(&session, bytes))
        return NULL;
    for (uint32_t i = 0; i < p->config.members_count; i++)
        if (p->peers[i].is_open && seal_peer_holds(&p->peers[i].seal, session))
            return &p->peers[i];
    return NULL;
}

/* A peer that sends HELLO after HELLO for as long as it takes to count us as silent does not hear
 * us, although we hear it: our connection to it is a dead end that TCP has not noticed. Whoever
 * recorded its HELLOs can have us do this in vain each NET_SILENCE_MS, and lose what is on the way;
 * STATUS heals that. */
static void on_called(struct peer *peer, uint64_t now_ms)
{
    bool is_series = now_ms < peer->called_last_ms + 3 * NET_HELLO_MS;
    if (!is_series)
        peer->called_first_ms = now_ms;
    peer->called_last_ms = now_ms;
    if (now_ms < peer->called_first_ms + NET_SILENCE_MS)
        return;
    peer->called_first_ms = now_ms;
    peer_connect_anew(peer, now_ms);
}

static void on_heard(struct peer *peer, const struct seal_due *due, uint64_t now_ms)
{
    peer->look.heard_ms = now_ms;
    peer->is_up = true;
    peer->is_unsure = false;
    if (due->is_new) {
        peer->hello_due = false; /* one that was held back would begin yet another session */
        peer->look.sessions_count++;
        peer->session_ms = now_ms;
        if (peer->told_up)
            peer_tell(peer, NOTICE_LIVE_ANEW, now_ms);
    }
    peer_tell_state(peer, now_ms);
}

static void take(struct peers *p, struct bytes bytes, uint64_t now_ms)
{
    struct seal_due due;
    struct peer *peer = peer_of(p, bytes);
    if (peer == NULL) {
        p->stranger_drops++;
        return;
    }
    enum seal_drop drop = seal_peer_take(&peer->seal, &due, &p->opened, bytes);
    peer->hello_due = peer->hello_due || due.hello;
    peer->confirm_due = peer->confirm_due || due.confirm;
    if (drop != SEAL_KEEP) {
        peer->look.frame_drops++;
        peer_tell_refused(peer, drop, bytes, now_ms);
        return;
    }
    if (bytes.data[0] == SEAL_TYPE_HELLO)
        on_called(peer, now_ms);
    else
        on_heard(peer, &due, now_ms);
    if (!peer->is_watched)
        peer_pump(peer, now_ms);
    if (p->opened.size == 0)
        return;
    peer->look.received_count++;
    peer->look.received_bytes += p->opened.size;
    p->config.on_message(p->config.context, peer->index, buf_bytes(&p->opened));
}

void peers_on_readable(void *context)
{
    struct peers *p = context;
    struct sp_frame frame;
    uint64_t now_ms = loop_now_ms();
    for (int i = 0; i < NET_PEER_TAKE_MAX && sp_receive(p->port, &frame); i++) {
        take(p, frame.bytes, now_ms);
        sp_frame_free(&frame);
    }
}
