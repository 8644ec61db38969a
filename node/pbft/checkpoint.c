/* Checkpoints (PROTOCOL.md 8.1, 8.2, 9.5): what the state was at a height, signed by a quorum. */
#include <string.h>

#include "crypto/base/check.h"
#include "node/pbft/state.h"

uint64_t pbft_stable_height(const struct pbft *p)
{
    return p->stable.statement.height; /* 0 without one: the epoch's base needs none */
}

/* ---- others' and my own ---- */

static const struct pbft_checkpoint_vote *find_vote(const struct pbft *p, uint32_t from,
                                                    uint64_t height)
{
    const struct pbft_checkpoint_vote *votes = p->peers[from].checkpoints;
    for (int i = 0; i < PBFT_CHECKPOINTS; i++)
        if (votes[i].is_cast && votes[i].vote.statement.height == height)
            return &votes[i];
    return NULL;
}

/* The place for one more of a sender: a free one, or that of its lowest (16: 2 per sender, and the
 * newest are what a laggard can use). NULL: this one is below them all. */
static struct pbft_checkpoint_vote *place_for(struct pbft *p, uint32_t from, uint64_t height)
{
    struct pbft_checkpoint_vote *votes = p->peers[from].checkpoints, *lowest = &votes[0];
    for (int i = 0; i < PBFT_CHECKPOINTS; i++) {
        if (!votes[i].is_cast)
            return &votes[i];
        if (votes[i].vote.statement.height < lowest->vote.statement.height)
            lowest = &votes[i];
    }
    return height > lowest->vote.statement.height ? lowest : NULL;
}

enum pbft_drop pbft_judge_checkpoint(const struct pbft *p, uint32_t from, const struct statement *s)
{
    if (s->epoch != p->config.epoch)
        return PBFT_DROP_OTHER_EPOCH;
    if (s->height <= pbft_stable_height(p))
        return PBFT_DROP_NOT_NEEDED;
    const struct pbft_checkpoint_vote *known = find_vote(p, from, s->height);
    if (known == NULL)
        return PBFT_KEEP;
    /* Two roots of one member are no evidence (14.3): disks rot. The first one counts. */
    return statement_equal(&known->vote.statement, s) ? PBFT_DROP_DUPLICATE : PBFT_DROP_STALE;
}

static uint32_t count_equal(const struct pbft *p, const struct statement *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->config.members.members_count; i++) {
        const struct pbft_checkpoint_vote *v = find_vote(p, i, s->height);
        count += v != NULL && statement_equal(&v->vote.statement, s);
    }
    return count;
}

static void make_certificate(const struct pbft *p, const struct statement *s,
                             struct certificate *out)
{
    memset(out, 0, sizeof *out);
    out->statement = *s;
    for (uint32_t i = 0; out->entries_count < p->quorum; i++) {
        CHECK(i < p->config.members.members_count);
        const struct pbft_checkpoint_vote *v = find_vote(p, i, s->height);
        if (v == NULL || !statement_equal(&v->vote.statement, s))
            continue;
        out->entries[out->entries_count++] =
            (struct cert_entry){.member_index = (uint8_t)i, .signature = v->vote.signature};
    }
}

/* Returns false when it is needed less than those that are here. */
static bool count_vote(struct pbft *p, uint32_t from, const struct pbft_vote *vote)
{
    struct pbft_checkpoint_vote *place = place_for(p, from, vote->statement.height);
    if (place == NULL)
        return false;
    *place = (struct pbft_checkpoint_vote){.is_cast = true, .vote = *vote};
    if (count_equal(p, &vote->statement) >= p->quorum) {
        struct certificate c;
        make_certificate(p, &vote->statement, &c);
        (void)pbft_on_checkpoint_certificate(p, &c); /* the vote counts, whatever becomes of it */
    }
    return true;
}

enum pbft_drop pbft_on_checkpoint(struct pbft *p, uint32_t from, const struct pbft_vote *vote)
{
    enum pbft_drop drop = pbft_judge_checkpoint(p, from, &vote->statement);
    if (drop != PBFT_KEEP)
        return drop;
    return count_vote(p, from, vote) ? PBFT_KEEP : PBFT_DROP_STALE;
}

static void send_vote(struct pbft *p, const struct pbft_vote *vote, uint32_t to)
{
    pbft_put_send(p, PBFT_SEND_VOTE, to)->vote = *vote;
}

/* 8.1: the state of this height is durable, so it may be told (4). Ed25519 gives the same bytes
 * each time, so that these need not be. */
static void cast(struct pbft *p, const struct pbft_root *root)
{
    uint8_t room[STATEMENT_BYTES_MAX];
    struct pbft_vote vote = {.statement = {.kind = CERT_CHECKPOINT,
                                           .epoch = p->config.epoch,
                                           .height = root->height,
                                           .digest = root->digest,
                                           .state_root = root->root}};
    size_t size = statement_signed_bytes(room, &vote.statement, &p->config.chain_id);
    p->config.sign(p->config.sign_context, &vote.signature, bytes_of(room, size));
    if (count_vote(p, p->config.own_index, &vote))
        send_vote(p, &vote, PBFT_TO_ALL);
}

/* ---- roots ---- */

static const struct pbft_root *find_root(const struct pbft *p, uint64_t height)
{
    for (int i = 0; i < PBFT_CHECKPOINTS; i++)
        if (p->roots[i].height == height && height > 0)
            return &p->roots[i];
    return NULL;
}

/* 8.2: not a lie, disks rot. What was voted for, tip, base and high stay. */
static void diverge(struct pbft *p, const struct certificate *c, const struct pbft_root *mine)
{
    /* The state is taken by it, and others may not have it: who withholds a CHECKPOINT may have
     * told me alone. */
    if (c->statement.height > pbft_stable_height(p))
        pbft_put(p, PBFT_WRITE_CHECKPOINT)->certificate = c;
    struct pbft_act *act = pbft_put(p, PBFT_DIVERGED);
    p->is_diverged = true;
    act->certificate = c;
    act->root = *mine;
}

/* A root that was the certified one, and is read anew at a start. */
static bool is_stable_rotten(const struct pbft *p, const struct pbft_root *root)
{
    const struct statement *s = &p->stable.statement;
    return root->height == pbft_stable_height(p) && !p->is_diverged && !p->is_alarmed &&
           digest_equal(&root->digest, &s->digest) && !digest_equal(&root->root, &s->state_root);
}

void pbft_on_root(struct pbft *p, const struct pbft_root *root)
{
    struct pbft_root *place = &p->roots[0];
    CHECK(root->height > 0 && root->height <= p->committed.height);
    if (find_root(p, root->height) != NULL)
        return;
    if (is_stable_rotten(p, root))
        diverge(p, &p->stable, root);
    for (int i = 0; i < PBFT_CHECKPOINTS; i++)
        if (p->roots[i].height < place->height)
            place = &p->roots[i];
    if (root->height > place->height)
        *place = *root;
    bool is_news = root->height > pbft_stable_height(p) &&
                   find_vote(p, p->config.own_index, root->height) == NULL;
    if (is_news && pbft_may_speak(p))
        cast(p, root);
}

/* 8.1: also on a chain where nothing happens any more, so that its last state is certified. */
static bool is_quiet(const struct pbft *p)
{
    uint64_t height = p->committed.height;
    return !p->is_diverged && !p->is_alarmed && !p->is_taking_snapshot &&
           height > pbft_stable_height(p) && height != p->root_asked_height &&
           find_root(p, height) == NULL;
}

uint64_t pbft_quiet_due_ms(const struct pbft *p)
{
    return is_quiet(p) ? p->committed_ms + p->config.quiet_checkpoint_ms : UINT64_MAX;
}

void pbft_try_ask_root(struct pbft *p)
{
    if (p->now_ms < pbft_quiet_due_ms(p))
        return;
    p->root_asked_height = p->committed.height;
    pbft_put(p, PBFT_ASK_ROOT)->height = p->committed.height;
}

/* ---- certificates ---- */

enum pbft_drop pbft_judge_checkpoint_certificate(const struct pbft *p, const struct certificate *c)
{
    const struct statement *s = &c->statement;
    if (s->epoch != p->config.epoch)
        return PBFT_DROP_OTHER_EPOCH;
    if (s->height <= pbft_stable_height(p))
        return PBFT_DROP_NOT_NEEDED;
    /* 9.3: re-target if a newer one is certified; what stands between is not waited for. */
    bool is_nearer = p->checkpoint.statement.height > s->height && find_root(p, s->height) != NULL;
    bool is_news = s->height > p->checkpoint.statement.height || is_nearer;
    return is_news ? PBFT_KEEP : PBFT_DROP_NOT_NEEDED;
}

/* *stable* moves when I have applied its height with that root. */
bool pbft_try_stable(struct pbft *p)
{
    const struct statement *s = &p->checkpoint.statement;
    const struct pbft_root *mine = find_root(p, s->height);
    if (s->height <= pbft_stable_height(p) || mine == NULL || p->is_diverged || p->is_alarmed)
        return false;
    if (!digest_equal(&mine->digest, &s->digest)) { /* 13: another block at a committed height */
        pbft_alarm(p, &p->checkpoint, &p->head_cqc);
        return false;
    }
    if (!digest_equal(&mine->root, &s->state_root)) {
        diverge(p, &p->checkpoint, mine);
        return false;
    }
    p->stable = p->checkpoint;
    pbft_put(p, PBFT_WRITE_CHECKPOINT)->certificate = &p->stable;
    p->is_build_dry = false; /* 5.1: there is room for more */
    return true;
}

enum pbft_drop pbft_on_checkpoint_certificate(struct pbft *p, const struct certificate *c)
{
    enum pbft_drop drop = pbft_judge_checkpoint_certificate(p, c);
    if (drop != PBFT_KEEP)
        return drop;
    p->checkpoint = *c;
    (void)pbft_try_stable(p);
    return PBFT_KEEP;
}

/* 9.5: to whoever shows a lower stable height. */
void pbft_send_checkpoints(struct pbft *p, uint32_t to, uint64_t stable_height)
{
    const struct pbft_checkpoint_vote *own = p->peers[p->config.own_index].checkpoints;
    if (pbft_stable_height(p) > stable_height) {
        pbft_put_send(p, PBFT_SEND_QC, to)->certificate = &p->stable;
        return;
    }
    for (int i = 0; i < PBFT_CHECKPOINTS && pbft_may_speak(p); i++)
        if (own[i].is_cast && own[i].vote.statement.height > stable_height)
            send_vote(p, &own[i].vote, to);
}

/* ---- 9.3 ---- */

/* The newest that I know of. Where the state is not to be believed, stable will do: its own may be
 * the newest that there is. */
static const struct certificate *newest_checkpoint(const struct pbft *p)
{
    bool is_above = p->checkpoint.statement.height > pbft_stable_height(p);
    return p->is_diverged && !is_above ? &p->stable : &p->checkpoint;
}

/* By the certificate alone: no claim of a peer makes anybody throw a state away. */
static bool needs_snapshot(const struct pbft *p, const struct certificate *c)
{
    uint64_t height = c->statement.height;
    if (c->entries_count == 0 || p->is_alarmed)
        return false;
    return p->is_diverged || (height > p->committed.height &&
                              height - p->committed.height > p->config.snapshot_behind_heights);
}

void pbft_try_ask_snapshot(struct pbft *p)
{
    const struct certificate *c = newest_checkpoint(p);
    bool is_wanted = p->is_taking_snapshot || needs_snapshot(p, c);
    if (!is_wanted || c->statement.height <= p->snapshot_asked_height)
        return;
    p->is_taking_snapshot = true;
    p->fetch_retry_ms = 0; /* bodies are fetched when it is over */
    p->snapshot_asked_height = c->statement.height;
    pbft_put(p, PBFT_ASK_SNAPSHOT)->certificate = c;
}

/* 5.8: what I voted for in this view above the snapshot does not stand on its block. Nothing in
 * between will be committed one by one and show that. */
void pbft_on_snapshot_taken(struct pbft *p, const struct pbft_block *block)
{
    if (!p->has_tip || p->tip.height < block->height || block->height <= p->committed.height)
        return;
    struct digest next = p->tip.digest;
    for (uint64_t at = p->tip.height; at > block->height; at--) {
        const struct pbft_known *known = pbft_known_find(p, at, &next);
        CHECK(known != NULL || p->has_lost); /* what I voted for is here (5.9) */
        if (known == NULL) {
            pbft_spoil_view(p); /* or rotted: then nothing says that it leads there */
            return;
        }
        next = known->block.parent;
    }
    if (!digest_equal(&next, &block->digest))
        pbft_spoil_view(p);
}

void pbft_on_snapshot_refused(struct pbft *p)
{
    p->is_taking_snapshot = false; /* a newer one will be asked for */
    p->is_fetch_due = true;
}
