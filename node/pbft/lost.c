/* Bodies that I voted for and that my store does not give back (pitfalls D5): a vote, tip and their
 * digests are sound without them, so that nothing is signed twice. But who votes says that he holds
 * the body, and all below it (section 4). Until they are here again, from others, nothing of mine
 * that was signed in this view is sent again, and nothing goes on top of them. */
#include "node/pbft/state.h"

/* What comes back is made durable once more. */
static bool is_here(struct pbft *p, uint64_t height, const struct digest *digest)
{
    struct pbft_known *known = pbft_known_find(p, height, digest);
    if (known == NULL || !known->has_body)
        return false;
    if (!known->is_durable) {
        known->is_durable = true;
        pbft_put(p, PBFT_WRITE_BLOCK)->block = known->block;
    }
    return true;
}

static bool has_votes_bodies(struct pbft *p)
{
    static const enum cert_kind kinds[PBFT_VOTE_KINDS] = {CERT_PREPARE, CERT_COMMIT};
    bool is_whole = true;
    for (uint64_t height = p->committed.height + 1; pbft_in_window(p, height); height++) {
        struct pbft_slot *slot = pbft_slot_find(p, height);
        for (int k = 0; slot != NULL && k < PBFT_VOTE_KINDS; k++) {
            const struct pbft_ballot *own = pbft_ballot(slot, kinds[k], p->config.own_index);
            if (own->is_cast && own->view == p->view && !is_here(p, height, &own->digest))
                is_whole = false;
        }
    }
    return is_whole;
}

/* Tip's, down to the head: what lies below the base I did not vote for in this view (7.4). */
static bool has_tips_bodies(struct pbft *p)
{
    if (!p->has_tip || p->tip.height <= p->committed.height)
        return true;
    struct digest next = p->tip.digest;
    for (uint64_t at = p->tip.height; at > p->committed.height; at--) {
        if (!is_here(p, at, &next))
            return false;
        next = pbft_known_find(p, at, &next)->block.parent;
    }
    return digest_equal(&next, &p->committed.digest);
}

void pbft_find_lost(struct pbft *p)
{
    bool has_votes = has_votes_bodies(p);
    p->has_lost = !has_tips_bodies(p) || !has_votes;
}
