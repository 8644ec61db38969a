/* Taking a state from peers (9.3): too far behind, or diverged (8.2). The pieces are judged and put
 * into the store by ledger/store_intake.h; here is whom to ask for what, and what becomes durable
 * when. When the state is whole the driver has done its part: whoever runs it opens a new one on
 * the store, which then stands at the checkpoint (driver_restart_is_due()).
 *
 * Nothing is believed: the root is a quorum's, each piece is judged against it, and the header of
 * the block at the checkpoint against the digest that the quorum signed. Peers that do not answer,
 * or badly, are put off and others asked. */
#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/store_intake.h"
#include "node/driver/driver_impl.h"
#include "node/driver/records.h"
#include "node/pbft/wire.h"

enum {
    /* In T_s. A piece of 256 KiB takes as long over a line of 2 Mbit/s. Where nobody answers in
     * that time, since four of them share a slower line, twice as long is waited, and so on up to
     * the last: the four at once over 512 kbit/s. */
    WAIT_PERIODS = 4,
    WAIT_PERIODS_MAX = 64,
    /* Not asked for so many times as long as was waited after no answer: who is silent takes a
     * fifth of his time, however long that is. */
    SILENT_WAITS = 4,
    LIAR_PERIODS = 240 /* nor for so long after a bad one */
};

static uint64_t periods_ms(const struct driver *d, uint64_t count)
{
    return count * d->parameters.status_ms;
}

/* Everything that was staged is durable, and nothing more is. Asked before a step that needs it: if
 * not, the step waits. Under load there is always a batch on its way, so after T_s nothing more is
 * taken from the inbox until the step is made. */
bool driver_snapshot_is_settled(struct driver *d)
{
    struct driver_snapshot *s = &d->snapshot;
    if (!d->is_committing && kv_batch_count(driver_turn(d)->batch) == 0)
        return true;
    s->is_step_waiting = true;
    if (s->hold_from_ms == UINT64_MAX)
        s->hold_from_ms = d->time.now_ms + periods_ms(d, 1);
    return false;
}

bool driver_snapshot_holds(const struct driver *d)
{
    return d->time.now_ms >= d->snapshot.hold_from_ms;
}

/* ---- beginning, and going on after a start ---- */

void driver_snapshot_want(struct driver *d, const struct certificate *checkpoint)
{
    struct driver_snapshot *s = &d->snapshot;
    s->is_wanted = s->has_news = true;
    s->wanted = *checkpoint;
}

enum rc driver_snapshot_load(struct driver *d, struct pbft_durable *durable, struct why *why)
{
    struct driver_snapshot *s = &d->snapshot;
    s->hold_from_ms = UINT64_MAX;
    if (!store_is_taking_snapshot(d->store))
        return RC_OK;
    enum rc rc = records_load_snapshot(store_view(d->store), &s->certificate, why);
    if (rc == RC_OK)
        rc = driver_judge_record(d, &s->certificate, "snapshot", why);
    if (rc == RC_OK)
        rc = snapshot_intake_open(&s->intake, d->store, why);
    durable->is_taking_snapshot = rc == RC_OK;
    return rc;
}

/* The intake begins also where the chain's own entry there is damaged (pitfalls D5). */
static void note_own_entry(struct driver *d, uint64_t height)
{
    struct digest digest;
    struct why why = {{0}};
    if (height <= store_head(d->store)->height)
        (void)driver_note_damage(d, store_get_digest(d->store, height, &digest, &why), &why);
}

static void start_intake(struct driver *d)
{
    struct driver_snapshot *s = &d->snapshot;
    struct snapshot_target target = snapshot_target_of(&s->wanted);
    struct why why = {{0}};
    /* What the layers hold goes to the disk first; a state that is discarded need not. */
    if (!d->is_diverged && store_flushed_height(d->store) < store_head(d->store)->height) {
        driver_ask_root(d, store_head(d->store)->height);
        return;
    }
    enum rc rc = snapshot_intake_start(&s->intake, d->store, driver_turn(d)->batch, &target,
                                       d->is_diverged, &why);
    if (rc == RC_REFUSED) {
        driver_snapshot_refuse(d);
        return;
    }
    if (rc != RC_OK) {
        driver_fail(d, rc, &why);
        return;
    }
    note_own_entry(d, target.height);
    s->certificate = s->wanted;
    s->is_wanted = false;
    records_put_snapshot(driver_turn(d)->batch, &s->certificate);
}

/* ---- asking ---- */

static uint32_t asked_count(const struct driver_snapshot *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < MEMBERS_MAX; i++)
        count += s->asked[i].is_asked;
    return count;
}

static uint64_t wait_ms(const struct driver *d)
{
    return d->snapshot.wait_ms == 0 ? periods_ms(d, WAIT_PERIODS) : d->snapshot.wait_ms;
}

/* From now on. What was asked before is waited for as it was. */
static void set_wait(struct driver *d, uint64_t ms)
{
    uint64_t least_ms = periods_ms(d, WAIT_PERIODS), most_ms = periods_ms(d, WAIT_PERIODS_MAX);
    d->snapshot.wait_ms = ms < least_ms ? least_ms : ms > most_ms ? most_ms : ms;
    d->snapshot.waited_from_ms = d->time.now_ms;
}

/* A silence says nothing of what the peer has, so it does not count for another target; it may be
 * my line, so longer is waited: once for all that were asked before. The answer is taken also when
 * it comes late. */
static void expire(struct driver *d)
{
    struct driver_snapshot *s = &d->snapshot;
    bool is_slow = false;
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        struct driver_piece_asked *a = &s->asked[i];
        if (!a->is_asked || d->time.now_ms < a->until_ms)
            continue;
        a->is_asked = false;
        a->put_off_until_ms = d->time.now_ms + SILENT_WAITS * (a->until_ms - a->asked_ms);
        is_slow = is_slow || a->asked_ms >= s->waited_from_ms;
        snapshot_intake_give_up(s->intake, &a->path);
    }
    if (is_slow)
        set_wait(d, 2 * wait_ms(d));
}

static void ask(struct driver *d, uint32_t to)
{
    struct driver_snapshot *s = &d->snapshot;
    struct driver_piece_asked *a = &s->asked[to];
    struct snapshot_target target = snapshot_intake_target(s->intake);
    uint8_t room[SNAPSHOT_PATH_BYTES_MAX];
    struct wr w = wr_of(room, sizeof room);
    if (!snapshot_intake_ask(s->intake, &a->path)) /* then the last one's stays */
        return;
    a->is_asked = true;
    a->asked_ms = d->time.now_ms;
    a->until_ms = d->time.now_ms + wait_ms(d);
    a->owed_count++;
    snapshot_path_encode(&w, &a->path);
    struct pbft_msg *m = d->scratch_msg;
    m->type = PBFT_FETCH_PIECE;
    m->fetch_piece = (struct pbft_fetch_piece){
        .height = target.height, .root = target.root, .path = wr_bytes_of(&w)};
    driver_say_message(d, to, m);
}

/* One of each peer, in turn; no more under way than one batch takes. */
static void ask_all(struct driver *d)
{
    struct driver_snapshot *s = &d->snapshot;
    uint32_t n = d->verify_config.members.members_count;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = (s->turn + i) % n;
        struct driver_piece_asked *a = &s->asked[at];
        if (asked_count(s) + driver_turn(d)->pieces_count >= SNAPSHOT_PIECES_PER_BATCH_MAX)
            break;
        if (at == d->config.own_index || a->is_asked || d->time.now_ms < a->put_off_until_ms)
            continue;
        ask(d, at);
    }
    s->turn++;
}

/* The header of the checkpoint's block, and with it a COMMIT certificate at or above it (5.4, 7.7).
 * A node that has diverged may hold the block itself. */
static void ask_header(struct driver *d)
{
    struct driver_snapshot *s = &d->snapshot;
    const struct statement *of = &s->certificate.statement;
    struct block block;
    struct why why = {{0}};
    if (s->has_header || d->time.now_ms < s->header_at_ms)
        return;
    s->header_at_ms = d->time.now_ms + periods_ms(d, 1);
    if (of->height <= store_head(d->store)->height &&
        store_get_block(d->store, of->height, &block, &why) == RC_OK &&
        digest_equal(&block.digest, &of->digest)) {
        s->has_header = true;
        s->header = block.header;
        return;
    }
    struct pbft_event e = {.type = PBFT_EVENT_FETCH_RANGE, .now_ms = d->time.now_ms};
    e.range.from_height = of->height;
    e.range.blocks_max = 1;
    s->header_asks_count++;
    driver_step(d, &e);
}

void driver_snapshot_on_range(struct driver *d, const struct pbft_data *data)
{
    struct driver_snapshot *s = &d->snapshot;
    struct block block;
    if (s->intake == NULL || s->has_header || data->kind != PBFT_FETCH_RANGE ||
        !digest_equal(&data->blocks[0].digest, &s->certificate.statement.digest))
        return;
    enum block_fault fault = block_decode(&block, data->bytes[0]);
    CHECK(fault == BLOCK_OK); /* node/verify judged it */
    s->has_header = s->has_cover = true;
    s->header = block.header;
    s->cover = data->certificate;
}

/* ---- taking ---- */

/* Of this target, and at a path that can be. */
static bool is_of_target(const struct snapshot_target *target, const struct pbft_piece *p,
                         struct snapshot_path *path)
{
    struct rd r = rd_of(p->of.path);
    snapshot_path_decode(&r, path);
    return rd_done(&r) && p->of.height == target->height &&
           digest_equal(&p->of.root, &target->root);
}

/* Nobody else's answer about this path is waited for any more: it may come all the same. */
static void wait_no_more(struct driver_snapshot *s, const struct snapshot_path *path)
{
    for (uint32_t i = 0; i < MEMBERS_MAX; i++)
        if (s->asked[i].is_asked && snapshot_path_equal(&s->asked[i].path, path))
            s->asked[i].is_asked = false;
}

static void take(struct driver *d, const struct snapshot_piece *piece)
{
    struct driver_snapshot *s = &d->snapshot;
    struct driver_turn *t = driver_turn(d);
    struct why why = {{0}};
    wait_no_more(s, &piece->path);
    if (t->pieces_count >= SNAPSHOT_PIECES_PER_BATCH_MAX) {
        snapshot_intake_give_up(s->intake, &piece->path); /* the batch before was slow */
        return;
    }
    t->pieces_count++;
    s->header_asks_count = 0; /* while pieces come the header alone throws none of them away */
    for (uint32_t i = 0; i < MEMBERS_MAX; i++)
        s->asked[i].absences_count = 0;
    enum rc rc = snapshot_intake_take(s->intake, t->batch, piece, &why);
    if (rc == RC_STORE_DAMAGED) /* every start would end at the same piece */
        driver_snapshot_discard(d, &why);
    else if (rc != RC_OK)
        driver_fail(d, rc, &why);
}

/* It is not silent, but slow at most. Nobody makes me wait longer by answering, however late. */
static void note_answer(struct driver *d, struct driver_piece_asked *a,
                        const struct snapshot_path *path)
{
    uint64_t ms = 2 * (d->time.now_ms - a->asked_ms);
    if (!a->is_liar)
        a->put_off_until_ms = 0;
    if (ms < wait_ms(d) && snapshot_path_equal(path, &a->path))
        set_wait(d, ms);
}

static void judge(struct driver *d, struct driver_piece_asked *a, const struct snapshot_path *path,
                  struct bytes bytes)
{
    struct driver_snapshot *s = &d->snapshot;
    struct snapshot_piece piece;
    enum snapshot_fault fault = snapshot_intake_judge(s->intake, &piece, path, bytes);
    s->faults[fault]++;
    if (fault == SNAPSHOT_OK || fault == SNAPSHOT_NOT_ASKED)
        note_answer(d, a, path);
    if (fault == SNAPSHOT_NOT_ASKED) /* a good one, only too late where too much is wanted */
        return;
    if (fault == SNAPSHOT_OK) {
        take(d, &piece);
        snapshot_piece_close(&piece);
        return;
    }
    if (a->is_asked)
        snapshot_intake_give_up(s->intake, &a->path);
    a->is_asked = false;
    a->is_liar = true;
    a->owed_count = 0; /* nothing more of it is judged until it is asked again */
    a->put_off_until_ms = d->time.now_ms + periods_ms(d, LIAR_PERIODS);
}

/* A piece proves itself, so it is taken also when the answer comes late, after the path was given
 * up or asked of others: over a slow line nothing else may ever come. From whom I asked nothing it
 * is not even judged, since that costs as much as making it: each has as many answers as questions.
 */
void driver_snapshot_on_piece(struct driver *d, uint32_t link, const struct pbft_piece *p)
{
    struct driver_snapshot *s = &d->snapshot;
    struct driver_piece_asked *a = &s->asked[link];
    struct snapshot_path path;
    if (s->intake == NULL || s->is_finishing || a->owed_count == 0)
        return;
    struct snapshot_target target = snapshot_intake_target(s->intake);
    if (!is_of_target(&target, p, &path))
        return;
    a->owed_count--;
    a->absences_count += p->bytes.size == 0; /* also late: on a slow line all of them are */
    if (p->bytes.size == 0 && a->is_asked && snapshot_path_equal(&path, &a->path)) {
        a->is_asked = false;
        a->put_off_until_ms = d->time.now_ms + periods_ms(d, WAIT_PERIODS);
        snapshot_intake_give_up(s->intake, &a->path);
    }
    if (p->bytes.size == 0)
        return;
    if (snapshot_intake_wants(s->intake, &path))
        judge(d, a, &path, p->bytes);
}

/* ---- step by step ---- */

static void go_on(struct driver *d)
{
    struct driver_snapshot *s = &d->snapshot;
    struct why why = {{0}};
    expire(d);
    if (snapshot_intake_is_abandoned(s->intake)) {
        driver_snapshot_undo(d);
        return;
    }
    driver_snapshot_retarget(d);
    driver_snapshot_abandon(d);
    if (snapshot_intake_is_abandoned(s->intake))
        return;
    if (snapshot_intake_is_clearing(s->intake)) {
        enum rc rc = driver_snapshot_is_settled(d)
                         ? snapshot_intake_clear(s->intake, driver_turn(d)->batch, &why)
                         : RC_OK;
        if (rc != RC_OK)
            driver_fail(d, rc, &why);
        return;
    }
    ask_header(d);
    ask_all(d);
    if (snapshot_intake_is_whole(s->intake) && s->has_header && driver_snapshot_is_settled(d))
        driver_snapshot_finish(d);
}

void driver_snapshot_run(struct driver *d)
{
    struct driver_snapshot *s = &d->snapshot;
    if (d->failure != RC_OK || s->is_finishing)
        return;
    s->is_step_waiting = s->has_news = false;
    if (s->intake != NULL)
        go_on(d);
    else if (s->is_wanted && d->is_diverged == d->was_diverged && driver_snapshot_is_settled(d))
        start_intake(d);
    if (!s->is_step_waiting)
        s->hold_from_ms = UINT64_MAX;
}

uint64_t driver_snapshot_deadline_ms(const struct driver *d)
{
    const struct driver_snapshot *s = &d->snapshot;
    if (s->is_finishing || (s->intake == NULL && !s->is_wanted) || d->is_committing)
        return UINT64_MAX; /* what is under way wakes it */
    uint64_t due = d->time.now_ms + periods_ms(d, 1);
    if (s->has_news)
        return 0;
    for (uint32_t i = 0; i < MEMBERS_MAX; i++)
        if (s->asked[i].is_asked && s->asked[i].until_ms < due)
            due = s->asked[i].until_ms;
    return due;
}

void driver_snapshot_close(struct driver *d)
{
    snapshot_intake_close(d->snapshot.intake);
}
