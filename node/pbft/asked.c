/* Which FETCHes peers owe an answer to (PROTOCOL.md 9.4, 16). T_s is the time after which another
 * peer is asked, and no reason to refuse what this one still brings: over a line where every answer
 * takes longer, none would ever do. So a question stays open until it is answered, once, or newer
 * ones have taken its place. */
#include "node/pbft/state.h"

/* What tells one answer from another: a range by where it begins, since peers send ranges unasked
 * too (9.1), and one of those must not pass for the one that is under way; a body just is one. */
static uint64_t place_of(enum pbft_fetch_kind kind, uint64_t from_height)
{
    return kind == PBFT_FETCH_RANGE ? from_height : UINT64_MAX;
}

static uint64_t place_of_answer(const struct pbft_data *data)
{
    return place_of(data->kind, data->blocks[0].height);
}

static bool is_open(const struct pbft_peer *peer, uint64_t place)
{
    for (uint32_t i = 0; i < PBFT_ASKED_PLACES; i++)
        if (place > 0 && peer->asked_places[i] == place)
            return true;
    return false;
}

void pbft_note_asked(struct pbft *p, uint32_t to, const struct pbft_fetch *fetch)
{
    struct pbft_peer *peer = &p->peers[to];
    uint64_t place = place_of(fetch->kind, fetch->from_height);
    peer->fetching_until_ms = p->now_ms + p->config.status_ms;
    peer->fetching_place = place;
    if (fetch->kind == PBFT_FETCH_BLOCK) {
        peer->fetching = fetch->digest;
        peer->is_asked_in_vain = true; /* until it comes */
    }
    if (!is_open(peer, place))
        peer->asked_places[peer->asked_turn++ % PBFT_ASKED_PLACES] = place;
}

bool pbft_is_answer(const struct pbft *p, uint32_t link, const struct pbft_data *data)
{
    return is_open(&p->peers[link], place_of_answer(data));
}

bool pbft_end_asked(struct pbft *p, uint32_t link, const struct pbft_data *data)
{
    struct pbft_peer *peer = &p->peers[link];
    uint64_t place = place_of_answer(data);
    for (uint32_t i = 0; i < PBFT_ASKED_PLACES; i++)
        if (peer->asked_places[i] == place)
            peer->asked_places[i] = 0;
    if (peer->fetching_place != place || p->now_ms >= peer->fetching_until_ms)
        return false;
    peer->fetching_until_ms = 0;
    if (data->kind == PBFT_FETCH_BLOCK && digest_equal(&data->blocks[0].digest, &peer->fetching))
        peer->is_asked_in_vain = false;
    return true;
}
