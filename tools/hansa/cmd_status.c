/* `hansa status`: all nodes side by side, and whether a quorum of them and their primary work. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/hansa/clocks.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/evidence.h"
#include "tools/hansa/render.h"

enum { ANSWER_MS = 3000 };

/* What their view's primary does, without which nothing commits in that view. */
enum primary {
    PRIMARY_WORKS,
    PRIMARY_SILENT,  /* it was asked, and does not answer */
    PRIMARY_AWAY,    /* it answers, and does not take part with them */
    PRIMARY_UNHEARD, /* it was not asked, and none of them hears it */
};

/* What is known of all that answered. */
struct overview {
    const struct nodes *nodes;
    const struct nodes_answer *answers; /* one for each node */
    uint32_t asked_count, answering_count;
    uint32_t needed_count;   /* so many have to work together */
    uint32_t working_count;  /* the most that are in one view and take part */
    uint64_t epoch, view;    /* theirs */
    enum primary primary;    /* of that view */
    uint64_t highest_height; /* that anybody knows to be certified, or has */
    uint32_t off_count;      /* whose clocks are farther from the one here than the chain bears */
};

/* ---- judging ---- */

/* What a node does, by its own word: one of these. */
static const char *mode_of(const struct proto_status *s)
{
    if (s->is_alarmed || s->is_diverged)
        return s->is_alarmed ? "alarmed" : "diverged";
    if (s->is_learner)
        return "learner";
    if (s->mode != 0)
        return "changing";
    return s->is_primary ? "primary" : "normal";
}

static uint32_t live_peers(const struct proto_status *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->peers_count; i++)
        count += i != s->member_index && s->peers[i].is_live;
    return count;
}

/* Whether it votes in its view, and hears enough others for that to lead anywhere. */
static bool takes_part(const struct proto_status *s)
{
    return !s->is_alarmed && !s->is_diverged && !s->is_learner && s->mode == 0 &&
           live_peers(s) + 1 >= quorum_of(s->peers_count);
}

static bool works_in(const struct nodes_answer *a, uint64_t epoch, uint64_t view)
{
    const struct proto_status *s = &a->reply.status;
    return a->has_answered && takes_part(s) && s->epoch == epoch && s->view == view;
}

static uint32_t count_with(const struct overview *o, const struct proto_status *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < o->asked_count; i++)
        count += works_in(&o->answers[i], s->epoch, s->view);
    return count;
}

/* primary(e,v) = member[(e+v) mod n] */
static uint32_t primary_index(const struct overview *o)
{
    return (uint32_t)((o->epoch + o->view) % o->nodes->genesis->members_count);
}

static const char *primary_name(const struct overview *o)
{
    return o->nodes->genesis->members[primary_index(o)].name;
}

static bool hears(const struct nodes_answer *a, uint32_t member)
{
    const struct proto_status *s = &a->reply.status;
    return member < s->peers_count && s->peers[member].is_live;
}

static enum primary look_for_primary(const struct overview *o)
{
    uint32_t primary = primary_index(o);
    bool is_heard = false;
    for (uint32_t i = 0; i < o->asked_count; i++) {
        const struct nodes_answer *a = &o->answers[i];
        bool works = works_in(a, o->epoch, o->view);
        if (o->nodes->items[a->node].member_index == primary)
            return works ? PRIMARY_WORKS : a->has_answered ? PRIMARY_AWAY : PRIMARY_SILENT;
        is_heard |= works && hears(a, primary);
    }
    return is_heard ? PRIMARY_WORKS : PRIMARY_UNHEARD;
}

static uint64_t known_height(const struct proto_status *s)
{
    return s->certified_height > s->committed_height ? s->certified_height : s->committed_height;
}

static uint64_t lag_of(const struct overview *o, const struct proto_status *s)
{
    return o->highest_height - s->committed_height;
}

static struct clock_reading clock_of(const struct nodes_answer *a)
{
    return clock_read(a->reply.status.wall_ms, a->wall_ms, a->took_ms);
}

/* Blocks may be so far ahead of a member's clock, and no farther (rule 5.1). */
static uint64_t clock_limit_ms(const struct overview *o)
{
    return o->nodes->genesis->parameters.clock_skew_ms;
}

static bool is_clock_off(const struct overview *o, const struct nodes_answer *a)
{
    struct clock_reading clock = clock_of(a);
    return a->has_answered && clock_is_off(&clock, clock_limit_ms(o));
}

/* Asked of some by name, the question is whether those work; of all, whether a quorum does. */
static void look(struct overview *o, const struct cli *c)
{
    o->asked_count = o->nodes->count;
    o->needed_count = quorum_of(o->nodes->genesis->members_count);
    if (cli_has(c, "node") || o->asked_count < o->needed_count)
        o->needed_count = o->asked_count;
    for (uint32_t i = 0; i < o->asked_count; i++) {
        const struct proto_status *s = &o->answers[i].reply.status;
        if (!o->answers[i].has_answered)
            continue;
        o->answering_count++;
        o->off_count += is_clock_off(o, &o->answers[i]);
        if (known_height(s) > o->highest_height)
            o->highest_height = known_height(s);
        uint32_t count = takes_part(s) ? count_with(o, s) : 0;
        if (count > o->working_count) {
            o->working_count = count;
            o->epoch = s->epoch;
            o->view = s->view;
        }
    }
    if (o->working_count > 0)
        o->primary = look_for_primary(o);
}

static bool is_quorum(const struct overview *o)
{
    return o->working_count >= o->needed_count;
}

static bool is_working(const struct overview *o)
{
    return is_quorum(o) && o->primary == PRIMARY_WORKS;
}

/* ---- one node ---- */

static json_t *peers_json(const struct overview *o, const struct proto_status *s)
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

static json_t *node_json(const struct overview *o, const struct nodes_answer *a)
{
    const struct proto_status *s = &a->reply.status;
    json_t *out =
        json_pack("{s:s, s:s, s:b}", "name", nodes_member_name(o->nodes, a->node), "address",
                  o->nodes->items[a->node].address, "answers", (int)a->has_answered);
    if (!a->has_answered) {
        json_object_set_new(out, "trouble", json_string(a->trouble));
        return out;
    }
    json_object_set_new(out, "mode", json_string(mode_of(s)));
    json_object_set_new(out, "takes_part", json_boolean(takes_part(s)));
    render_set_number(out, "epoch", s->epoch);
    render_set_number(out, "view", s->view);
    render_set_number(out, "height", s->committed_height);
    render_set_digest(out, "head", &s->head_digest);
    render_set_number(out, "head_time_ms", s->head_time_ms);
    render_set_number(out, "durable_height", s->durable_height);
    render_set_number(out, "flushed_height", s->flushed_height);
    render_set_number(out, "certified_height", s->certified_height);
    render_set_number(out, "lag", lag_of(o, s));
    render_set_number(out, "peers_live", live_peers(s));
    struct clock_reading clock = clock_of(a);
    json_object_set_new(out, "clock_skew_ms", json_integer((json_int_t)clock.skew_ms));
    render_set_number(out, "clock_uncertain_ms", clock.uncertain_ms);
    json_object_set_new(out, "clock_holds", json_boolean(!is_clock_off(o, a)));
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

enum { ROOM_BYTES = 24 };
static const char *gib(char out[static ROOM_BYTES], uint64_t bytes)
{
    snprintf(out, ROOM_BYTES, "%.1f", (double)bytes / (1024.0 * 1024 * 1024));
    return out;
}

static void print_node(const struct overview *o, const struct nodes_answer *a)
{
    char free_gib[ROOM_BYTES], reserve_gib[ROOM_BYTES], peers[ROOM_BYTES], disk[2 * ROOM_BYTES];
    char skew[CLOCK_TEXT_BYTES];
    const struct proto_status *s = &a->reply.status;
    const char *name = nodes_member_name(o->nodes, a->node);
    if (!a->has_answered) {
        printf("%-12s  %s: %s\n", name, o->nodes->items[a->node].address, a->trouble);
        return;
    }
    snprintf(peers, sizeof peers, "%" PRIu32 "/%" PRIu32, live_peers(s),
             (uint32_t)s->peers_count - 1);
    struct clock_reading clock = clock_of(a);
    snprintf(disk, sizeof disk, "%s/%s", gib(free_gib, s->disk_free_bytes),
             gib(reserve_gib, s->disk_reserve_bytes));
    printf("%-12s %8" PRIu64 " %4" PRIu64 " %-8s %4" PRIu64 " %5s %7s %5" PRIu32 " %10s %s\n", name,
           s->committed_height, s->view, mode_of(s), lag_of(o, s), peers, clock_text(skew, &clock),
           s->pool_txs, disk, s->takes_transactions ? "yes" : "NO");
}

/* ---- clocks ---- */

static void print_clock(const struct overview *o, const struct nodes_answer *a)
{
    struct clock_reading clock = clock_of(a);
    char text[CLOCK_TEXT_BYTES];
    printf("the clock of %s is %s s %s the one here, and the chain bears %g s\n",
           nodes_member_name(o->nodes, a->node), clock_text(text, &clock) + 1,
           clock.skew_ms < 0 ? "behind" : "ahead of", (double)clock_limit_ms(o) / 1000);
}

/* A member whose clock is behind votes late for the blocks of the others, one that is ahead has its
 * own voted for late. */
static void print_clocks(const struct overview *o)
{
    for (uint32_t i = 0; i < o->asked_count; i++)
        if (is_clock_off(o, &o->answers[i]))
            print_clock(o, &o->answers[i]);
    if (2 * o->off_count > o->answering_count)
        printf("that is most of those that answer: the clock of this machine may be the wrong one; "
               "set it by NTP\n");
    else if (o->off_count > 0)
        printf("blocks wait for a member whose clock is wrong: set it by NTP\n");
}

static void print_short_of_disk(const struct overview *o)
{
    for (uint32_t i = 0; i < o->asked_count; i++)
        if (o->answers[i].has_answered && !o->answers[i].reply.status.takes_transactions)
            printf("%s takes no transactions: its disk is below its reserve\n",
                   nodes_member_name(o->nodes, o->answers[i].node));
}

/* ---- answering ---- */

static void print_overview(const struct overview *o)
{
    const struct genesis *g = o->nodes->genesis;
    printf("chain %s: %" PRIu32 " members, quorum %" PRIu32 "\n\n", g->chain, g->members_count,
           quorum_of(g->members_count));
    printf("%-12s %8s %4s %-8s %4s %5s %7s %5s %10s %s\n", "node", "height", "view", "mode", "lag",
           "peers", "clock s", "pool", "disk GiB", "takes tx");
    for (uint32_t i = 0; i < o->asked_count; i++)
        print_node(o, &o->answers[i]);
    putchar('\n');
    print_clocks(o);
    print_short_of_disk(o);
    (void)evidence_known_print(o->nodes, o->answers);
    if (is_working(o))
        printf("%" PRIu32 " of %" PRIu32 " work together in view %" PRIu64
               "; the highest block known is %" PRIu64 "\n",
               o->working_count, o->asked_count, o->view, o->highest_height);
}

static enum cli_exit answer_json(struct cli *c, const struct overview *o)
{
    const struct genesis *g = o->nodes->genesis;
    json_t *list = json_array();
    for (uint32_t i = 0; i < o->asked_count; i++)
        json_array_append_new(list, node_json(o, &o->answers[i]));
    json_t *out = json_pack("{s:s, s:b}", "chain", g->chain, "holds", (int)is_working(o));
    render_set_number(out, "members", g->members_count);
    render_set_number(out, "quorum", quorum_of(g->members_count));
    render_set_number(out, "asked", o->asked_count);
    render_set_number(out, "answering", o->answering_count);
    render_set_number(out, "working", o->working_count);
    if (o->working_count > 0) {
        render_set_number(out, "epoch", o->epoch);
        render_set_number(out, "view", o->view);
        json_object_set_new(out, "primary", json_string(primary_name(o)));
        json_object_set_new(out, "primary_works", json_boolean(o->primary == PRIMARY_WORKS));
    }
    render_set_number(out, "highest_height", o->highest_height);
    render_set_number(out, "clock_limit_ms", clock_limit_ms(o));
    json_object_set_new(out, "clocks_hold", json_boolean(o->off_count == 0));
    json_object_set_new(out, "evidence", evidence_known_json(o->nodes, o->answers));
    json_object_set_new(out, "nodes", list);
    return cli_answer(c, out);
}

static enum cli_exit answer_no_primary(struct cli *c, const struct overview *o)
{
    static const char *const words[] = {
        [PRIMARY_SILENT] = "does not answer: nothing commits until it is back",
        [PRIMARY_AWAY] = "does not work with the others: see its row here, and its log",
        [PRIMARY_UNHEARD] = "is heard by none of those that were asked: nothing commits until it "
                            "is back",
    };
    struct why why;
    (void)snprintf(why.text, sizeof why.text, "%s, the primary of view %" PRIu64 ", %s",
                   primary_name(o), o->view, words[o->primary]);
    return cli_no(c, "no_primary", &why);
}

/* What is shown is shown on the way to a "no" too: that is when it is needed. */
static enum cli_exit answer(struct cli *c, const struct overview *o)
{
    struct why why = {""};
    if (c->json)
        answer_json(c, o);
    else
        print_overview(o);
    (void)fflush(stdout); /* before the words on stderr */
    if (is_working(o))
        return CLI_DONE;
    if (is_quorum(o))
        return answer_no_primary(c, o);
    if (o->answering_count == 0)
        return cli_fail(c,
                        why_set(&why, RC_TIMEOUT,
                                "none of %" PRIu32 " nodes answers within %" PRIu32
                                " s: are they running, and is this their genesis file?",
                                o->asked_count, o->nodes->timeout_ms / 1000),
                        &why);
    (void)snprintf(why.text, sizeof why.text,
                   "%" PRIu32 " of %" PRIu32 " nodes answer, and %" PRIu32
                   " of them work together in one view: %" PRIu32
                   " have to. See what stops the others: their rows here, and their logs",
                   o->answering_count, o->asked_count, o->working_count, o->needed_count);
    return cli_no(c, "no_quorum", &why);
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
    struct overview o = {.nodes = &nodes, .answers = answers};
    look(&o, c);
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
            "its view and waits for the next; learner = it follows and does not vote; alarmed =\n"
            "more members lied than the protocol stands, it has stopped voting; diverged =\n"
            "its state is not the certified one, it has too: see its log. lag: blocks that are\n"
            "known to be certified and that it does not have yet. peers: those it hears.\n"
            "clock: its clock less the one here, in seconds; ~0 = no farther apart than the way\n"
            "there and back explains. More than the chain's clock_skew_ms is said below. pool:\n"
            "transactions that wait. disk: GiB that are free, and how many of them it keeps for\n"
            "itself; takes tx: NO when fewer are free. Each row is that node's own word. A node\n"
            "that does not answer within 3 s (--timeout) has a row that says so.",
    .example = "hansa status --genesis genesis.json\n"
               "hansa status --genesis genesis.json --node alpha --json",
    .exits = "0 a quorum answers and works in one view (of those that --node names: all of them),\n"
             "and its primary; 1 not so, what answered is shown all the same; 3 no such member;\n"
             "7 none answers",
    .run = run,
};
