/* What the log says of a state that is being taken from other members, and of the history behind it
 * (9.3). */
#include "node/hansad/node_impl.h"

static void say_taking(struct node *n, const struct driver_look *look)
{
    const struct snapshot_progress *p = &look->snapshot;
    struct log_line l;
    log_begin(&l, n->log, LOG_INFO, "snapshot");
    log_number(&l, "height", p->height);
    log_number(&l, "per_mille", p->done_per_mille);
    log_number(&l, "pieces", p->pieces_done);
    log_number(&l, "bytes", p->bytes);
    log_number(&l, "bad_pieces", look->snapshot_faults);
    log_words(&l, "words",
              p->is_clearing ? "room is made for the state, which the other members are then asked "
                               "for"
                             : "the state is being taken from the other members");
    log_end(&l);
}

static void say_history(struct node *n, uint64_t from_height)
{
    struct log_line l;
    log_begin(&l, n->log, LOG_INFO, "history");
    log_number(&l, "from", from_height);
    log_words(&l, "words",
              from_height > 1 ? "older blocks are being fetched from the other members; until they "
                                "are here this node does not know of transactions in them"
                              : "all blocks are here");
    log_end(&l);
    n->said_history = from_height;
}

void node_say_snapshot(struct node *n, const struct driver_look *look)
{
    bool is_due = n->time.now_ms >= n->snapshot_ms + NODE_PROGRESS_MS;
    uint64_t from = look->history_from_height;
    if (look->is_taking_snapshot && (is_due || !n->was_taking_snapshot)) {
        say_taking(n, look);
        n->snapshot_ms = n->time.now_ms;
    }
    n->was_taking_snapshot = look->is_taking_snapshot;
    if (n->said_history == 0) /* at the start whole history goes without saying */
        n->said_history = 1;
    bool has_ended = from == 1 && n->said_history > 1;
    if (has_ended || (from > 1 && from != n->said_history && is_due)) {
        say_history(n, from);
        n->snapshot_ms = n->time.now_ms;
    }
}
