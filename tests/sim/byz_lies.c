/* Votes and STATUSes that say something else, well signed. Small changes of a value are the ones
 * that find most (Winter et al., OOPSLA 2023), so most of these are small. */
#include "tests/sim/byz_parts.h"

/* A little more, a little less, nothing, or as much as there is. */
static uint64_t another(struct sim *s, uint64_t number)
{
    switch (sim_between(s, 0, 7)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        return UINT64_C(1) << sim_between(s, 0, 63);
    case 3:
        return number + sim_between(s, 2, 200);
    case 4:
    case 5:
        return number > 0 ? number - 1 : 0;
    default:
        return number + 1;
    }
}

/* Another block of this height, if they know one; else nobody's. */
static struct digest another_digest(struct sim *s, const struct digest *digest, uint64_t height)
{
    const struct byz_mirror *mirror = byz_mirror_of(s, digest);
    struct digest other = *digest;
    if (mirror != NULL)
        return mirror->second;
    if (sim_luck(s, 500000) && byz_recall_msg(s, PBFT_PREPARE) &&
        s->byz->spare->vote.statement.height >= height)
        return s->byz->spare->vote.statement.digest;
    other.bytes[sim_between(s, 0, DIGEST_BYTES - 1)] ^= 1;
    return other;
}

static void lie_in_vote(struct byz_act *a)
{
    struct sim *s = a->s;
    struct statement *v = &a->m->vote.statement;
    switch (sim_between(s, 0, 4)) {
    case 0:
        v->height = another(s, v->height);
        break;
    case 1:
        v->view = a->m->type == PBFT_CHECKPOINT ? 0 : another(s, v->view);
        break;
    case 2: /* COMMIT without having prepared, or the other way round */
        if (a->m->type == PBFT_CHECKPOINT)
            break;
        a->m->type = a->m->type == PBFT_PREPARE ? PBFT_COMMIT : PBFT_PREPARE;
        v->kind = v->kind == CERT_PREPARE ? CERT_COMMIT : CERT_PREPARE;
        break;
    default:
        v->digest = another_digest(s, &v->digest, v->height);
    }
    a->is_changed = true;
}

void byz_on_vote(struct byz_act *a)
{
    struct sim *s = a->s;
    struct statement *v = &a->m->vote.statement;
    const struct byz_mirror *mirror =
        byz_has(s, a->member, BYZ_EQUIVOCATION) && byz_is_second(s, a->to)
            ? byz_mirror_of(s, &v->digest)
            : NULL;
    if (mirror != NULL) {
        v->digest = mirror->second;
        a->is_changed = true;
        s->counts.byz[BYZ_EQUIVOCATION]++;
    }
    if (a->m->type == PBFT_CHECKPOINT && byz_does(s, a->member, BYZ_CHECKPOINT_LIE)) {
        v->state_root.bytes[sim_between(s, 0, DIGEST_BYTES - 1)] ^= 1;
        a->is_changed = true;
    }
    if (byz_does(s, a->member, BYZ_VOTE_LIE))
        lie_in_vote(a);
}

void byz_on_status(struct byz_act *a)
{
    struct sim *s = a->s;
    struct pbft_status *status = &a->m->status;
    if (!byz_does(s, a->member, BYZ_STATUS_LIE))
        return;
    a->is_changed = true;
    switch (sim_between(s, 0, 8)) {
    case 0:
        status->view = another(s, status->view);
        break;
    case 1:
        status->mode = status->mode == PBFT_NORMAL ? PBFT_CHANGING : PBFT_NORMAL;
        break;
    case 2:
        status->high.view = another(s, status->high.view);
        status->high.height = another(s, status->high.height);
        break;
    case 3:
        status->stable_height = another(s, status->stable_height);
        break;
    case 4:
        prng_fill(&s->prng, status->evidence_digest.bytes, DIGEST_BYTES);
        break;
    case 5:
        status->counter = another(s, status->counter);
        break;
    default:
        status->committed_height = another(s, status->committed_height);
    }
}
