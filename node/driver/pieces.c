/* Pieces of the state that others ask for (9.3). */
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

static void say(struct driver *d, uint32_t link, const struct pbft_fetch_piece *f,
                struct bytes bytes)
{
    struct pbft_msg *m = d->scratch_msg;
    m->type = PBFT_PIECE;
    m->piece = (struct pbft_piece){.of = *f, .bytes = bytes};
    if (driver_take_budget(d, link, bytes.size))
        driver_say_message(d, link, m);
}

void driver_snapshot_on_fetch(struct driver *d, uint32_t link, const struct pbft_fetch_piece *f)
{
    struct rd r = rd_of(f->path);
    struct snapshot_path path;
    struct tree_ref tree;
    struct buf bytes = {0};
    struct why why = {{0}};
    snapshot_path_decode(&r, &path);
    if (!rd_done(&r) || !driver_has_budget(d, link) || !driver_has_absences(d, link) ||
        !driver_has_room(d))
        return;
    enum rc rc = store_get_kept_tree(d->store, f->height, &f->root, &tree, &why);
    if (rc == RC_OK)
        rc = snapshot_make(&bytes, store_view(d->store), &tree, &path, SNAPSHOT_PIECE_BYTES_MAX,
                           &why);
    (void)driver_note_damage(d, rc, &why);
    if (rc == RC_OK)
        hold(d, f->height);
    else
        driver_take_absence(d, link);
    if (d->failure == RC_OK)
        say(d, link, f, buf_bytes(&bytes)); /* empty: it is not here */
    buf_free(&bytes);
}
