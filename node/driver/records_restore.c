/* What was signed goes back into a core that starts, judged against its state (rule 4.2, pitfalls
 * D1, D5): what it does not remember it would sign a second time. */
#include "crypto/base/check.h"
#include "node/driver/records_impl.h"

static const char *const against_tip = "it contradicts the tip of the record \"state\"";

struct restore {
    struct kv_view *view;
    struct pbft *core;
    const struct verify_config *config;
    struct pbft_view_of look;
};

/* Rule 5.2: tip is the last block PREPAREd in this view. Above it the core would sign a second time
 * at a height where it has signed already. */
static bool is_against_tip(const struct restore *r, uint64_t height, const struct digest *digest)
{
    const struct pbft_block *tip = &r->look.tip;
    if (!r->look.has_tip || height < tip->height)
        return false;
    return height > tip->height || !digest_equal(digest, &tip->digest);
}

/* What is committed binds nothing any more; nor does a lower view. One above the state's was signed
 * in a state that this store does not know (4: they are durable together; D4). */
static const char *judge_proposal(const struct restore *r, const struct pbft_pre_prepare *m)
{
    const struct pbft_block *tip = &r->look.tip;
    if (m->block.height <= r->look.committed.height || m->view < r->look.view)
        return NULL;
    if (m->view > r->look.view)
        return record_later_view;
    if (!r->look.is_primary)
        return "this replica is not the primary of its view";
    if (is_against_tip(r, m->block.height, &m->block.digest))
        return against_tip;
    bool is_tip = r->look.has_tip && m->block.height == tip->height;
    return is_tip && !digest_equal(&m->block.parent, &tip->parent) ? against_tip : NULL;
}

/* Rule 5.2: the primary votes for what it proposes. */
static bool is_against_proposal(const struct restore *r, const struct statement *s)
{
    const struct record_key key = {.type = RECORD_PROPOSAL, .height = s->height};
    uint8_t room[RECORDS_KEY_BYTES_MAX];
    struct bytes value;
    struct pbft_pre_prepare m;
    if (kv_get(r->view, KV_VOTE, record_key_encode(room, &key), &value) != RC_OK)
        return false; /* there is none: the walk met all of them before the votes */
    struct rd rd = rd_of(value);
    if (record_take_proposal(&rd, &key, &m) != NULL || m.view != s->view)
        return false;
    return m.epoch != s->epoch || !digest_equal(&m.block.digest, &s->digest);
}

static const char *judge_vote(const struct restore *r, const struct statement *s)
{
    struct pbft_rank rank = {.epoch = s->epoch, .view = s->view, .height = s->height};
    if (s->height <= r->look.committed.height)
        return NULL;
    if (s->view > r->look.view)
        return record_later_view;
    if (s->kind == CERT_COMMIT) { /* 4: high first */
        bool is_covered = r->look.has_high && pbft_rank_compare(&rank, &r->look.high) <= 0;
        return is_covered ? NULL : "the record \"high\" does not cover it";
    }
    if (s->view < r->look.view)
        return NULL;
    if (is_against_tip(r, s->height, &s->digest))
        return against_tip;
    return is_against_proposal(r, s) ? "it contradicts the record \"proposal\" of its height"
                                     : NULL;
}

static uint64_t view_of(const struct pbft_msg *m)
{
    return m->type == PBFT_NEW_VIEW ? m->new_view.view : m->view_change.view;
}

/* What a view change left: bytes that were sent, so they are judged as if they had come. Those of a
 * lower view are past. */
static const char *restore_message(const struct restore *r, enum pbft_msg_type type,
                                   struct bytes value, struct pbft_msg *m)
{
    if (verify_decode(m, r->config, value, 0) != VERIFY_KEEP || m->type != type)
        return record_malformed;
    if (view_of(m) > r->look.view)
        return record_later_view;
    if (view_of(m) < r->look.view)
        return NULL;
    if (verify_judge(m, r->config) != VERIFY_KEEP)
        return "its signatures are not those of this chain's members";
    if (type == PBFT_NEW_VIEW)
        pbft_restore_new_view(r->core, &m->new_view);
    else
        pbft_restore_view_change(r->core, &m->view_change);
    return NULL;
}

static const char *restore_view(const struct restore *r, enum pbft_msg_type type,
                                struct bytes value)
{
    struct pbft_msg *m = mem_alloc(sizeof *m);
    const char *fault = restore_message(r, type, value, m);
    mem_free(m);
    return fault;
}

static const char *restore_one(void *context, const struct record_key *key, struct bytes value)
{
    struct restore *r = context;
    struct rd rd = rd_of(value);
    struct pbft_vote vote;
    struct pbft_pre_prepare proposal;
    const char *fault = NULL;
    if (key->type == RECORD_PROPOSAL) {
        fault = record_take_proposal(&rd, key, &proposal);
        if (fault == NULL)
            fault = judge_proposal(r, &proposal);
        if (fault == NULL)
            pbft_restore_pre_prepare(r->core, &proposal);
    }
    if (key->type == RECORD_VOTE) {
        fault = record_take_vote(&rd, key, &vote);
        if (fault == NULL)
            fault = judge_vote(r, &vote.statement);
        if (fault == NULL)
            pbft_restore_vote(r->core, &vote);
    }
    if (key->type == RECORD_VIEW_CHANGE)
        fault = restore_view(r, PBFT_VIEW_CHANGE, value);
    if (key->type == RECORD_NEW_VIEW)
        fault = restore_view(r, PBFT_NEW_VIEW, value);
    return fault;
}

enum rc records_restore(struct kv_view *view, struct pbft *core, const struct verify_config *config,
                        struct why *why)
{
    struct restore r = {.view = view, .core = core, .config = config};
    pbft_look(core, &r.look);
    return record_walk(view, restore_one, &r, why);
}
