/* `hansa status`: all nodes side by side, and whether a quorum of them and their primary work. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/hansa/commands.h"
#include "tools/hansa/evidence.h"
#include "tools/hansa/render.h"
#include "tools/hansa/status.h"

enum { ANSWER_MS = 3000 };

/* ---- JSON ---- */

static json_t *peers_json(const struct status_overview *o, const struct proto_status *s)
{
    json_t *peers = json_array();
    for (uint32_t i = 0; i < s->peers_count && i < o->nodes->genesis->members_count; i++) {
        const struct proto_peer *p = &s->peers[i];
        if (i == s->member_index)
            continue;
        json_t *one = json_pack("{s:s, s:b}", "name", o->nodes->genesis->members[i].name, "live",
                                (int)p->is_live);
        if (p->heard_ms_ago != UINT64_MAX)
            render_set_number(one, "heard_ms_ago", p->heard_ms_ago);
        render_set_number(one, "height", p->committed_height);
        json_array_append_new(peers, one);
    }
    return peers;
}

static void set_view(json_t *out, const struct status_overview *o, const struct proto_status *s)
{
    json_object_set_new(out, "mode", json_string(status_mode(s)));
    render_set_number(out, "mode_ms", s->mode_ms);
    json_object_set_new(out, "takes_part", json_boolean(status_takes_part(s)));
    render_set_number(out, "epoch", s->epoch);
    render_set_number(out, "view", s->view);
    json_object_set_new(out, "primary", json_string(status_primary_name(o, s->view)));
    json_object_set_new(out, "changing_view", json_boolean(s->mode != 0));
    json_object_set_new(out, "view_installed", json_boolean(s->is_installed));
    json_object_set_new(out, "wants_to_leave", json_boolean(s->complaint != 0));
    if (s->complaint != 0)
        json_object_set_new(out, "complaint", json_string(proto_reason_word(s->complaint)));
    render_set_number(out, "view_timeout_ms", s->timeout_ms);
    render_set_number(out, "view_changes", s->view_changes);
    json_object_set_new(out, "diverged", json_boolean(s->is_diverged));
}

static void set_heights(json_t *out, const struct status_overview *o, const struct proto_status *s)
{
    render_set_number(out, "height", s->committed_height);
    render_set_digest(out, "head", &s->head_digest);
    render_set_number(out, "head_time_ms", s->head_time_ms);
    render_set_number(out, "durable_height", s->durable_height);
    render_set_number(out, "flushed_height", s->flushed_height);
    render_set_number(out, "certified_height", s->certified_height);
    render_set_number(out, "stable_height", s->stable_height);
    render_set_number(out, "checkpoint_height", s->checkpoint_height);
    render_set_number(out, "history_from_height", s->history_from_height);
    if (s->snapshot_height > 0) {
        render_set_number(out, "snapshot_height", s->snapshot_height);
        render_set_number(out, "snapshot_per_mille", s->snapshot_per_mille);
    }
    render_set_number(out, "lag", status_lag(o, s));
}

static json_t *node_json(const struct status_overview *o, const struct nodes_answer *a)
{
    const struct proto_status *s = &a->reply.status;
    json_t *out =
        json_pack("{s:s, s:s, s:b}", "name", nodes_member_name(o->nodes, a->node), "address",
                  o->nodes->items[a->node].address, "answers", (int)a->has_answered);
    if (!a->has_answered) {
        json_object_set_new(out, "trouble", json_string(a->trouble));
        json_object_set_new(out, "refused", json_boolean(a->is_refused));
        return out;
    }
    set_view(out, o, s);
    set_heights(out, o, s);
    render_set_number(out, "peers_live", status_live_peers(s));
    struct clock_reading clock = status_clock(a);
    json_object_set_new(out, "clock_skew_ms", json_integer((json_int_t)clock.skew_ms));
    render_set_number(out, "clock_uncertain_ms", clock.uncertain_ms);
    json_object_set_new(out, "clock_holds", json_boolean(!status_is_clock_off(o, a)));
    render_set_number(out, "pool_txs", s->pool_txs);
    render_set_number(out, "pool_bytes", s->pool_bytes);
    render_set_number(out, "store_bytes", s->store_bytes);
    render_set_number(out, "disk_free_bytes", s->disk_free_bytes);
    render_set_number(out, "disk_reserve_bytes", s->disk_reserve_bytes);
    json_object_set_new(out, "takes_transactions", json_boolean(s->takes_transactions));
    render_set_number(out, "txs_committed", s->txs_committed);
    render_set_number(out, "up_ms", s->up_ms);
    json_object_set_new(out, "peers", peers_json(o, s));
    return out;
}

static enum cli_exit answer_json(struct cli *c, const struct status_overview *o)
{
    const struct genesis *g = o->nodes->genesis;
    json_t *list = json_array();
    for (uint32_t i = 0; i < o->asked_count; i++)
        json_array_append_new(list, node_json(o, &o->answers[i]));
    json_t *out = json_pack("{s:s, s:b}", "chain", g->chain, "holds", (int)status_is_working(o));
    render_set_number(out, "members", g->members_count);
    render_set_number(out, "quorum", quorum_of(g->members_count));
    render_set_number(out, "asked", o->asked_count);
    render_set_number(out, "answering", o->answering_count);
    render_set_number(out, "working", o->working_count);
    render_set_number(out, "changing", o->changing_count);
    if (o->working_count > 0) {
        render_set_number(out, "epoch", o->epoch);
        render_set_number(out, "view", o->view);
        json_object_set_new(out, "primary", json_string(status_primary_name(o, o->view)));
        json_object_set_new(out, "primary_works", json_boolean(o->primary == STATUS_PRIMARY_WORKS));
    }
    render_set_number(out, "highest_height", o->highest_height);
    render_set_number(out, "stable_height", o->stable_height);
    render_set_number(out, "clock_limit_ms", status_clock_limit_ms(o));
    json_object_set_new(out, "clocks_hold", json_boolean(o->off_count == 0));
    json_object_set_new(out, "evidence", evidence_known_json(o->nodes, o->answers));
    json_object_set_new(out, "nodes", list);
    return cli_answer(c, out);
}

/* ---- answering ---- */

static enum rc say_none(const struct status_overview *o, struct why *why)
{
    uint32_t refused_count = 0;
    for (uint32_t i = 0; i < o->asked_count; i++)
        refused_count += o->answers[i].is_refused;
    if (o->asked_count == 1 && refused_count == 1)
        return why_set(why, RC_TIMEOUT,
                       "%s does not answer: nobody listens at its address. Is it running, and is "
                       "this its genesis file?",
                       nodes_member_name(o->nodes, 0));
    if (o->asked_count == 1)
        return why_set(why, RC_TIMEOUT,
                       "%s does not answer within %" PRIu32
                       " s: is it running, and is this its genesis file?",
                       nodes_member_name(o->nodes, 0), o->nodes->timeout_ms / 1000);
    if (refused_count == o->asked_count)
        return why_set(why, RC_TIMEOUT,
                       "none of %" PRIu32 " nodes answers: nobody listens at their addresses. Are "
                       "they running, and is this their genesis file?",
                       o->asked_count);
    return why_set(why, RC_TIMEOUT,
                   "none of %" PRIu32 " nodes answers within %" PRIu32
                   " s: are they running, and is this their genesis file?",
                   o->asked_count, o->nodes->timeout_ms / 1000);
}

/* What is shown is shown on the way to a "no" too: that is when it is needed. */
static enum cli_exit answer(struct cli *c, const struct status_overview *o)
{
    struct why why = {""};
    if (c->json)
        answer_json(c, o);
    else
        status_print(o);
    (void)fflush(stdout); /* before the words on stderr */
    if (status_is_working(o))
        return CLI_DONE;
    if (o->answering_count == 0)
        return cli_fail(c, say_none(o, &why), &why);
    const char *word = status_why_not(o, &why);
    return cli_no(c, word, &why);
}

static enum cli_exit run(struct cli *c)
{
    struct nodes nodes;
    enum cli_exit code = nodes_open_all_asked(&nodes, c, ANSWER_MS / 1000);
    if (code != CLI_DONE)
        return code;
    struct proto_request *request = mem_alloc(sizeof *request);
    struct nodes_answer *answers = mem_alloc(nodes.count * sizeof *answers);
    request->type = PROTO_STATUS;
    nodes_ask_all(&nodes, request, nodes_left_ms(&nodes), answers);
    struct status_overview o;
    status_look(&o, &nodes, answers, cli_has(c, "node"));
    code = answer(c, &o);
    for (uint32_t i = 0; i < nodes.count; i++)
        nodes_answer_close(&answers[i]);
    mem_free(answers);
    mem_free(request);
    nodes_close(&nodes);
    return code;
}

static const struct cli_option options[] = {NODES_OPTIONS, {0}};

const struct command cmd_status = {
    .words = "status",
    .summary = "show all nodes side by side, and whether a quorum works",
    .options = options,
    .text = "height: its newest committed block. mode: primary or normal; changing = it has left\n"
            "its view, because f+1 members wanted to, and waits for the primary of the one that\n"
            "the row names; learner = it follows and does not vote; alarmed = more members lied\n"
            "than the protocol stands, it has stopped voting; diverged = its state is not the\n"
            "certified one, it has too, until it has taken that from the others: see its log. Who\n"
            "takes a state, or does not have all older blocks yet, is said below. lag: blocks that "
            "are known to be certified\n"
            "and that it does not have yet. peers: those it hears. clock: its clock less the one\n"
            "here, in seconds; ~0 = no farther apart than the way there and back explains. More\n"
            "than the chain's clock_skew_ms is said below, as is who wants to leave the view and\n"
            "why. pool: transactions that wait. disk: GiB that are free, and how many of them it\n"
            "keeps for itself; takes tx: NO when fewer are free. Each row is that node's own\n"
            "word. A node that does not answer within 3 s (--timeout) has a row that says so;\n"
            "where nobody listens (it does not run, or cannot be reached from here) that is said\n"
            "at once, with --json as \"refused\".\n"
            "A primary that is away is replaced by the next member once a transaction waits.",
    .example = "hansa status --genesis genesis.json\n"
               "hansa status --genesis genesis.json --node alpha --json",
    .exits = "0 a quorum answers and works in one view (of those that --node names: all of them),\n"
             "and its primary; 1 not so, what answered is shown all the same; 3 no such member;\n"
             "7 none answers",
    .run = run,
};
