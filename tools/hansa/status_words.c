/* `hansa status` in words. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/hansa/evidence.h"
#include "tools/hansa/status.h"

enum { ROOM_BYTES = 24 };

/* ---- the table ---- */

static const char *gib(char out[static ROOM_BYTES], uint64_t bytes)
{
    snprintf(out, ROOM_BYTES, "%.1f", (double)bytes / (1024.0 * 1024 * 1024));
    return out;
}

static void print_node(const struct status_overview *o, const struct nodes_answer *a)
{
    char free_gib[ROOM_BYTES], reserve_gib[ROOM_BYTES], peers[ROOM_BYTES], disk[2 * ROOM_BYTES];
    char skew[CLOCK_TEXT_BYTES];
    const struct proto_status *s = &a->reply.status;
    const char *name = nodes_member_name(o->nodes, a->node);
    if (!a->has_answered) {
        printf("%-12s  %s: %s\n", name, o->nodes->items[a->node].address, a->trouble);
        return;
    }
    snprintf(peers, sizeof peers, "%" PRIu32 "/%" PRIu32, status_live_peers(s),
             (uint32_t)s->peers_count - 1);
    struct clock_reading clock = status_clock(a);
    snprintf(disk, sizeof disk, "%s/%s", gib(free_gib, s->disk_free_bytes),
             gib(reserve_gib, s->disk_reserve_bytes));
    printf("%-12s %8" PRIu64 " %4" PRIu64 " %-8s %4" PRIu64 " %5s %7s %5" PRIu32 " %10s %s\n", name,
           s->committed_height, s->view, status_mode(s), status_lag(o, s), peers,
           clock_text(skew, &clock), s->pool_txs, disk, s->takes_transactions ? "yes" : "NO");
}

/* ---- views ---- */

static void print_view_of(const struct status_overview *o, const struct nodes_answer *a)
{
    const struct proto_status *s = &a->reply.status;
    const char *name = nodes_member_name(o->nodes, a->node);
    if (!a->has_answered || s->is_learner || s->is_alarmed || s->is_diverged)
        return;
    if (s->mode != 0)
        printf("%s left its view %.1f s ago and waits for view %" PRIu64 ", whose primary is %s\n",
               name, (double)s->mode_ms / 1000, s->view, status_primary_name(o, s->view));
    if (s->complaint != 0 && s->complaint < PROTO_REASON_COUNT)
        printf("%s wants to leave view %" PRIu64 ": %s\n", name, s->view,
               proto_reason_text(s->complaint));
}

static void print_diverged(const struct status_overview *o, const struct nodes_answer *a)
{
    if (a->has_answered && a->reply.status.is_diverged)
        printf("the state of %s is not the one that a quorum certified: it has stopped voting, and "
               "its log says what to do\n",
               nodes_member_name(o->nodes, a->node));
}

/* ---- clocks ---- */

static void print_clock(const struct status_overview *o, const struct nodes_answer *a)
{
    struct clock_reading clock = status_clock(a);
    char text[CLOCK_TEXT_BYTES];
    printf("the clock of %s is %s s %s the one here, and the chain bears %g s\n",
           nodes_member_name(o->nodes, a->node), clock_text(text, &clock) + 1,
           clock.skew_ms < 0 ? "behind" : "ahead of", (double)status_clock_limit_ms(o) / 1000);
}

/* A member whose clock is behind votes late for the blocks of the others, one that is ahead has its
 * own voted for late. */
static void print_clocks(const struct status_overview *o)
{
    for (uint32_t i = 0; i < o->asked_count; i++)
        if (status_is_clock_off(o, &o->answers[i]))
            print_clock(o, &o->answers[i]);
    if (2 * o->off_count > o->answering_count)
        printf("that is most of those that answer: the clock of this machine may be the wrong one; "
               "set it by NTP\n");
    else if (o->off_count > 0)
        printf("blocks wait for a member whose clock is wrong: set it by NTP\n");
}

static void print_short_of_disk(const struct status_overview *o)
{
    for (uint32_t i = 0; i < o->asked_count; i++)
        if (o->answers[i].has_answered && !o->answers[i].reply.status.takes_transactions)
            printf("%s takes no transactions: its disk is below its reserve\n",
                   nodes_member_name(o->nodes, o->answers[i].node));
}

/* 9.3: who takes a state, or lacks old blocks. */
static void print_joining(const struct status_overview *o, const struct nodes_answer *a)
{
    const struct proto_status *s = &a->reply.status;
    const char *name = nodes_member_name(o->nodes, a->node);
    if (a->has_answered && s->snapshot_height > 0)
        printf("%s takes the state of height %" PRIu64 " from the others: %" PRIu32 " %% is here\n",
               name, s->snapshot_height, s->snapshot_per_mille / 10);
    if (a->has_answered && s->history_from_height > 1)
        printf("%s has history from height %" PRIu64 "; older blocks are being fetched\n", name,
               s->history_from_height);
}

/* ---- all of it ---- */

void status_print(const struct status_overview *o)
{
    const struct genesis *g = o->nodes->genesis;
    printf("chain %s: %" PRIu32 " members, quorum %" PRIu32 "\n\n", g->chain, g->members_count,
           quorum_of(g->members_count));
    printf("%-12s %8s %4s %-8s %4s %5s %7s %5s %10s %s\n", "node", "height", "view", "mode", "lag",
           "peers", "clock s", "pool", "disk GiB", "takes tx");
    for (uint32_t i = 0; i < o->asked_count; i++)
        print_node(o, &o->answers[i]);
    putchar('\n');
    for (uint32_t i = 0; i < o->asked_count; i++)
        print_view_of(o, &o->answers[i]);
    for (uint32_t i = 0; i < o->asked_count; i++)
        print_diverged(o, &o->answers[i]);
    for (uint32_t i = 0; i < o->asked_count; i++)
        print_joining(o, &o->answers[i]);
    print_clocks(o);
    print_short_of_disk(o);
    (void)evidence_known_print(o->nodes, o->answers);
    if (o->stable_height > 0)
        printf("the newest stable checkpoint is at height %" PRIu64 "\n", o->stable_height);
    if (status_is_working(o))
        printf("%" PRIu32 " of %" PRIu32 " work together in view %" PRIu64
               ", primary %s; the highest block known is %" PRIu64 "\n",
               o->working_count, o->asked_count, o->view, status_primary_name(o, o->view),
               o->highest_height);
}

/* Without a transaction that waits nobody misses a primary (rule 6.3). */
static const char *why_no_primary(const struct status_overview *o, struct why *why)
{
    static const char *const words[] = {
        [STATUS_PRIMARY_SILENT] = "is away: it does not answer",
        [STATUS_PRIMARY_AWAY] = "is away: it does not work with the others (see its row, and its "
                                "log)",
        [STATUS_PRIMARY_UNHEARD] = "is away: none of those that were asked hears it",
    };
    (void)snprintf(
        why->text, sizeof why->text,
        "%s, the primary of view %" PRIu64
        ", %s. The others choose the next one, %s, once a transaction has waited for more than "
        "%g s",
        status_primary_name(o, o->view), o->view, words[o->primary],
        status_primary_name(o, o->view + 1), (double)o->timeout_ms / 1000);
    return "no_primary";
}

static const char *why_changing(const struct status_overview *o, struct why *why)
{
    (void)snprintf(why->text, sizeof why->text,
                   "the view is being changed: %" PRIu32 " of %" PRIu32
                   " nodes have left theirs and wait for view %" PRIu64
                   ", whose primary is %s; if that one does not take over, they choose the next",
                   o->changing_count, o->asked_count, o->changing_view,
                   status_primary_name(o, o->changing_view));
    return "changing_view";
}

const char *status_why_not(const struct status_overview *o, struct why *why)
{
    if (status_is_quorum(o))
        return why_no_primary(o, why);
    if (status_is_changing(o))
        return why_changing(o, why);
    (void)snprintf(why->text, sizeof why->text,
                   "%" PRIu32 " of %" PRIu32 " nodes answer, and %" PRIu32
                   " of them work together in one view: %" PRIu32
                   " have to. See what stops the others: their rows here, and their logs",
                   o->answering_count, o->asked_count, o->working_count, o->needed_count);
    return "no_quorum";
}
