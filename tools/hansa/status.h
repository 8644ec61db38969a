/* What `hansa status` makes of the STATUS of several nodes: which of them work together, in which
 * view, under which primary, and what the others do instead. Each speaks for itself; nothing of it
 * is proven. */
#ifndef TOOLS_HANSA_STATUS_H
#define TOOLS_HANSA_STATUS_H

#include "tools/hansa/clocks.h"
#include "tools/hansa/nodes.h"

/* What their view's primary does, without which nothing commits in that view. */
enum status_primary {
    STATUS_PRIMARY_WORKS,
    STATUS_PRIMARY_SILENT,  /* it was asked, and does not answer */
    STATUS_PRIMARY_AWAY,    /* it answers, and does not take part with them */
    STATUS_PRIMARY_UNHEARD, /* it was not asked, and none of them hears it */
};

/* What is known of all that answered. */
struct status_overview {
    const struct nodes *nodes;
    const struct nodes_answer *answers; /* one for each node */
    uint32_t asked_count, answering_count;
    uint32_t needed_count;   /* so many have to work together */
    uint32_t working_count;  /* the most that are in one view and take part */
    uint64_t epoch, view;    /* theirs */
    uint64_t timeout_ms;     /* the longest T_k of theirs */
    uint32_t changing_count; /* have left their view, for this one or a lower: */
    uint64_t changing_view;
    enum status_primary primary; /* of view */
    uint64_t highest_height;     /* that anybody knows to be certified, or has */
    uint64_t stable_height;      /* the highest stable checkpoint of anybody */
    uint32_t off_count; /* whose clocks are farther from the one here than the chain bears */
};

/* are_named: asked of some by name, the question is whether those work; of all, whether a quorum
 * does. Borrows nodes and answers as long as *out is used. */
void status_look(struct status_overview *out, const struct nodes *nodes,
                 const struct nodes_answer *answers, bool are_named);
bool status_is_quorum(const struct status_overview *o);
/* A quorum, and its primary. */
bool status_is_working(const struct status_overview *o);
/* So many that have left their view would make up a quorum with those that work. */
bool status_is_changing(const struct status_overview *o);
/* The name of the primary of a view of this epoch. */
const char *status_primary_name(const struct status_overview *o, uint64_t view);

/* ---- one node ---- */

/* What it does, by its own word: primary, normal, changing, learner, diverged, alarmed. */
const char *status_mode(const struct proto_status *s);
uint32_t status_live_peers(const struct proto_status *s);
/* Whether it votes in its view, and hears enough others for that to lead anywhere. */
bool status_takes_part(const struct proto_status *s);
bool status_is_clock_off(const struct status_overview *o, const struct nodes_answer *a);
struct clock_reading status_clock(const struct nodes_answer *a);
/* Blocks may be so far ahead of a member's clock, and no farther (rule 5.1). */
uint64_t status_clock_limit_ms(const struct status_overview *o);
uint64_t status_lag(const struct status_overview *o, const struct proto_status *s);

/* ---- saying it ---- */

/* The table, and below it what is not as it should be. */
void status_print(const struct status_overview *o);
/* Why it is not working, and the word for that: no_primary, changing_view or no_quorum. Requires:
 * somebody answers, and it is not. */
const char *status_why_not(const struct status_overview *o, struct why *why);

#endif
