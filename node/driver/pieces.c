/* Pieces of the state that others ask for (9.3). A question of 50 bytes may cost milliseconds, so
 * what is done for all within a while, and in one run, has a bound by what it costs and not by what
 * is sent; it is given out in turn, so that who asks most does not get most. */
#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"
#include "node/pbft/wire.h"

/* Whoever began with a tree is to come to its end, also while the chain goes on: without this it
 * would have to begin anew at every second checkpoint, and under load never be done (pitfalls C5).
 * Not for ever, whoever asks: what is held takes room. Trees above the one that is held are held
 * with it. */
static void hold(struct driver *d, uint64_t height)
{
    struct driver_hold *h = &d->hold;
    uint64_t now_ms = d->time.now_ms;
    if (h->height == 0 && !store_hold_trees(d->store, height))
        return;
    if (h->height == 0)
        *h = (struct driver_hold){.height = height, .end_ms = now_ms + DRIVER_HOLD_MAX_MS};
    if (height < h->height)
        return;
    h->until_ms = now_ms + DRIVER_HOLD_MS;
    if (h->until_ms > h->end_ms)
        h->until_ms = h->end_ms;
}

void driver_hold_end(struct driver *d)
{
    if (d->hold.height == 0 || d->time.now_ms < d->hold.until_ms)
        return;
    d->hold.height = 0;
    store_let_trees_go(d->store);
}

void driver_snapshot_on_fetch(struct driver *d, uint32_t link, const struct pbft_fetch_piece *f)
{
    struct rd r = rd_of(f->path);
    struct driver_question q = {.is_waiting = true, .height = f->height, .root = f->root};
    snapshot_path_decode(&r, &q.path);
    if (rd_done(&r))
        d->pieces.questions[link] = q; /* who asks anew does not wait for the old one */
}

static void say(struct driver *d, uint32_t link, const struct driver_question *q,
                struct bytes bytes, size_t cost_bytes)
{
    uint8_t room[SNAPSHOT_PATH_BYTES_MAX];
    struct wr w = wr_of(room, sizeof room);
    struct pbft_msg *m = d->scratch_msg;
    snapshot_path_encode(&w, &q->path);
    m->type = PBFT_PIECE;
    m->piece = (struct pbft_piece){
        .of = {.height = q->height, .root = q->root, .path = wr_bytes_of(&w)}, .bytes = bytes};
    if (driver_take_budget(d, link, cost_bytes))
        driver_say_message(d, link, m);
}

/* Returns what it cost, in bytes of a piece. */
static size_t answer(struct driver *d, uint32_t link, const struct driver_question *q)
{
    struct tree_ref tree;
    struct buf bytes = {0};
    struct why why = {{0}};
    size_t cost_bytes = 0;
    if (!driver_has_budget(d, link) || !driver_has_absences(d, link))
        return 0;
    enum rc rc = store_get_kept_tree(d->store, q->height, &q->root, &tree, &why);
    if (rc == RC_OK)
        rc = snapshot_make_known(&bytes, &cost_bytes, d->pieces.known, store_view(d->store), &tree,
                                 &q->path, SNAPSHOT_PIECE_BYTES_MAX, &why);
    (void)driver_note_damage(d, rc, &why);
    if (rc == RC_OK)
        hold(d, q->height);
    else
        driver_take_absence(d, link);
    if (cost_bytes < DRIVER_QUESTION_BYTES_MIN)
        cost_bytes = DRIVER_QUESTION_BYTES_MIN;
    if (d->failure == RC_OK)
        say(d, link, q, buf_bytes(&bytes), cost_bytes); /* empty: it is not here */
    buf_free(&bytes);
    return cost_bytes;
}

void driver_pieces_run(struct driver *d)
{
    struct driver_pieces *p = &d->pieces;
    uint32_t n = d->verify_config.members.members_count;
    size_t run_bytes = 0;
    if (d->time.now_ms >= p->from_ms + DRIVER_PIECES_MS) {
        p->from_ms = d->time.now_ms;
        p->worked_bytes = 0;
    }
    for (uint32_t i = 0; i < n && d->failure == RC_OK && driver_has_room_to_spare(d); i++) {
        uint32_t link = p->next_link;
        if (run_bytes >= DRIVER_RUN_PIECES_BYTES_MAX || p->worked_bytes >= DRIVER_PIECES_BYTES_MAX)
            return;
        p->next_link = (link + 1) % n;
        if (!p->questions[link].is_waiting)
            continue;
        p->questions[link].is_waiting = false;
        size_t cost_bytes = answer(d, link, &p->questions[link]);
        run_bytes += cost_bytes;
        p->worked_bytes += cost_bytes;
    }
}

uint64_t driver_pieces_deadline_ms(const struct driver *d)
{
    const struct driver_pieces *p = &d->pieces;
    bool is_waiting = false;
    for (uint32_t i = 0; i < MEMBERS_MAX; i++)
        is_waiting = is_waiting || p->questions[i].is_waiting;
    if (!is_waiting ||
        !driver_has_room_to_spare(d)) /* what is under way makes room, and wakes it */
        return UINT64_MAX;
    return p->worked_bytes < DRIVER_PIECES_BYTES_MAX ? 0 : p->from_ms + DRIVER_PIECES_MS;
}
