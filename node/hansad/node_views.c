/* What the log says of views and checkpoints. The driver counts at each step; here it is looked at
 * now and then, so a line may stand for several views that came and went in between. */
#include "crypto/base/check.h"
#include "node/hansad/node_impl.h"

uint64_t node_complaints(const struct driver_views *views)
{
    uint64_t count = 0;
    for (int i = 0; i < PBFT_REASON_END; i++)
        count += views->complaints[i];
    return count;
}

/* primary(e,v) = member[(e+v) mod n]; there is one epoch, 0. */
static void add_primary(struct log_line *l, const struct node *n, const char *key, uint64_t view)
{
    const struct genesis *g = &n->home->genesis;
    log_words(l, key, g->members[view % g->members_count].name);
}

static void say_complaint(struct node *n, const struct driver_look *look)
{
    const struct driver_views *v = &look->views;
    struct log_line l;
    log_begin(&l, n->log, LOG_INFO, "complaint");
    log_number(&l, "view", v->complaint_view);
    add_primary(&l, n, "primary", v->complaint_view);
    log_words(&l, "reason", proto_reason_word((uint32_t)v->complaint_reason));
    log_number(&l, "timeout_ms", look->core.timeout_ms);
    log_words(&l, "words", proto_reason_text((uint32_t)v->complaint_reason));
    log_end(&l);
}

static void say_left(struct node *n, const struct driver_look *look)
{
    const struct driver_views *v = &look->views;
    struct log_line l;
    log_begin(&l, n->log, LOG_INFO, "view_left");
    log_number(&l, "view", v->left_view);
    add_primary(&l, n, "primary", v->left_view);
    log_words(&l, "reason", proto_reason_word((uint32_t)v->left_for));
    if (v->left_count - n->said_left > 1)
        log_number(&l, "views", v->left_count - n->said_left);
    log_number(&l, "next_view", look->core.view);
    add_primary(&l, n, "next_primary", look->core.view);
    log_end(&l);
}

/* Why the old one was left, and when, is not known to a node that started in between. */
static void say_installed(struct node *n, const struct driver_look *look)
{
    const struct driver_views *v = &look->views;
    struct log_line l;
    log_begin(&l, n->log, LOG_INFO, "view_installed");
    log_number(&l, "view", look->core.view);
    add_primary(&l, n, "primary", look->core.view);
    if (v->left_count > 0) {
        log_words(&l, "reason", proto_reason_word((uint32_t)v->left_for));
        log_number(&l, "after_ms", v->installed_ms - v->left_ms);
    }
    log_number(&l, "base_height", look->core.base.height);
    log_end(&l);
}

void node_say_views(struct node *n, const struct driver_look *look)
{
    const struct driver_views *v = &look->views;
    if (node_complaints(v) != n->said_complaints)
        say_complaint(n, look);
    if (v->left_count != n->said_left)
        say_left(n, look);
    /* Left again before this look: then that is what there is to say. */
    if (v->installed_count != n->said_installed && look->core.mode == PBFT_NORMAL &&
        look->core.is_installed)
        say_installed(n, look);
    n->said_complaints = node_complaints(v);
    n->said_left = v->left_count;
    n->said_installed = v->installed_count;
}

void node_say_checkpoint(struct node *n, const struct driver_look *look)
{
    struct log_line l;
    uint64_t skipped;
    uint64_t height = look->core.stable_height;
    if (height <= n->said_stable_height ||
        !log_may(&n->checkpoint_limit, n->time.now_ms, NODE_PROGRESS_MS, &skipped))
        return;
    log_begin(&l, n->log, LOG_INFO, "checkpoint");
    log_number(&l, "stable_height", height);
    log_end(&l);
    n->said_stable_height = height;
}
