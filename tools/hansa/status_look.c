/* Judging what nodes say of themselves, side by side. */
#include "tools/hansa/status.h"

const char *status_mode(const struct proto_status *s)
{
    if (s->is_alarmed || s->is_diverged)
        return s->is_alarmed ? "alarmed" : "diverged";
    if (s->is_learner)
        return "learner";
    if (s->mode != 0)
        return "changing";
    return s->is_primary ? "primary" : "normal";
}

uint32_t status_live_peers(const struct proto_status *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->peers_count; i++)
        count += i != s->member_index && s->peers[i].is_live;
    return count;
}

static bool may_vote(const struct proto_status *s)
{
    return !s->is_alarmed && !s->is_diverged && !s->is_learner &&
           status_live_peers(s) + 1 >= quorum_of(s->peers_count);
}

bool status_takes_part(const struct proto_status *s)
{
    return may_vote(s) && s->mode == 0;
}

static bool works_in(const struct nodes_answer *a, uint64_t epoch, uint64_t view)
{
    const struct proto_status *s = &a->reply.status;
    return a->has_answered && status_takes_part(s) && s->epoch == epoch && s->view == view;
}

static uint32_t count_with(const struct status_overview *o, const struct proto_status *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < o->asked_count; i++)
        count += works_in(&o->answers[i], s->epoch, s->view);
    return count;
}

/* ---- primaries ---- */

/* primary(e,v) = member[(e+v) mod n] */
static uint32_t primary_index(const struct status_overview *o, uint64_t view)
{
    return (uint32_t)((o->epoch + view) % o->nodes->genesis->members_count);
}

const char *status_primary_name(const struct status_overview *o, uint64_t view)
{
    return o->nodes->genesis->members[primary_index(o, view)].name;
}

static bool hears(const struct nodes_answer *a, uint32_t member)
{
    const struct proto_status *s = &a->reply.status;
    return member < s->peers_count && s->peers[member].is_live;
}

static enum status_primary look_for_primary(const struct status_overview *o)
{
    uint32_t primary = primary_index(o, o->view);
    bool is_heard = false;
    for (uint32_t i = 0; i < o->asked_count; i++) {
        const struct nodes_answer *a = &o->answers[i];
        bool works = works_in(a, o->epoch, o->view);
        if (o->nodes->items[a->node].member_index == primary)
            return works             ? STATUS_PRIMARY_WORKS
                   : a->has_answered ? STATUS_PRIMARY_AWAY
                                     : STATUS_PRIMARY_SILENT;
        is_heard |= works && hears(a, primary);
    }
    return is_heard ? STATUS_PRIMARY_WORKS : STATUS_PRIMARY_UNHEARD;
}

/* ---- heights and clocks ---- */

static uint64_t known_height(const struct proto_status *s)
{
    return s->certified_height > s->committed_height ? s->certified_height : s->committed_height;
}

uint64_t status_lag(const struct status_overview *o, const struct proto_status *s)
{
    return o->highest_height - s->committed_height;
}

struct clock_reading status_clock(const struct nodes_answer *a)
{
    return clock_read(a->reply.status.wall_ms, a->wall_ms, a->took_ms);
}

uint64_t status_clock_limit_ms(const struct status_overview *o)
{
    return o->nodes->genesis->parameters.clock_skew_ms;
}

bool status_is_clock_off(const struct status_overview *o, const struct nodes_answer *a)
{
    struct clock_reading clock = status_clock(a);
    return a->has_answered && clock_is_off(&clock, status_clock_limit_ms(o));
}

/* ---- all of them ---- */

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void look_at(struct status_overview *o, const struct nodes_answer *a)
{
    const struct proto_status *s = &a->reply.status;
    o->answering_count++;
    o->off_count += status_is_clock_off(o, a);
    o->highest_height = most(o->highest_height, known_height(s));
    o->stable_height = most(o->stable_height, s->stable_height);
    if (may_vote(s) && s->mode != 0) {
        o->changing_count++;
        o->changing_view = most(o->changing_view, s->view);
    }
    uint32_t count = status_takes_part(s) ? count_with(o, s) : 0;
    if (count > o->working_count) {
        o->working_count = count;
        o->epoch = s->epoch;
        o->view = s->view;
    }
}

void status_look(struct status_overview *out, const struct nodes *nodes,
                 const struct nodes_answer *answers, bool are_named)
{
    *out =
        (struct status_overview){.nodes = nodes, .answers = answers, .asked_count = nodes->count};
    out->needed_count = quorum_of(nodes->genesis->members_count);
    if (are_named || out->asked_count < out->needed_count)
        out->needed_count = out->asked_count;
    for (uint32_t i = 0; i < out->asked_count; i++)
        if (answers[i].has_answered)
            look_at(out, &answers[i]);
    if (out->working_count == 0)
        return;
    out->primary = look_for_primary(out);
    for (uint32_t i = 0; i < out->asked_count; i++)
        if (works_in(&answers[i], out->epoch, out->view))
            out->timeout_ms = most(out->timeout_ms, answers[i].reply.status.timeout_ms);
}

bool status_is_quorum(const struct status_overview *o)
{
    return o->working_count >= o->needed_count;
}

bool status_is_working(const struct status_overview *o)
{
    return status_is_quorum(o) && o->primary == STATUS_PRIMARY_WORKS;
}

bool status_is_changing(const struct status_overview *o)
{
    return o->changing_count > 0 && o->changing_count + o->working_count >= o->needed_count;
}
