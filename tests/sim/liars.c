/* Stores that lie: they lose what they had said was done, come back from an old copy, are gone, or
 * give back other bits. Such a node counts towards f from then on (pitfalls D4, D5). It has to be
 * found out by its marker, its head file or its checksums, or by what peers show it; or the others
 * are no worse off. Where it votes against its own word meanwhile that is counted: there are no
 * more such nodes than f. */
#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tests/sim/world.h"

bool sim_is_faulty(const struct sim *s, uint32_t index)
{
    return (s->faulty >> index & 1) != 0;
}

bool sim_is_needed(const struct sim *s, uint32_t index)
{
    return !sim_is_faulty(s, index) && !sim_is_byzantine(s, index) && !s->nodes[index].is_gone;
}

uint32_t sim_needed_count(const struct sim *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        count += sim_is_needed(s, i);
    return count;
}

/* How many more may count towards f. One that does nothing but withhold CHECKPOINTs leaves room for
 * a state that rots: it votes as all do, and what was certified is to be had. */
uint32_t sim_faults_left(const struct sim *s)
{
    uint32_t left = faulty_max_of(s->plan.members_count);
    uint32_t byzantine = s->plan.byz.is_stingy ? 0 : sim_byzantine(s);
    if (s->plan.byz.is_marked)
        return 0; /* there are more than f already */
    for (uint32_t i = 0; i < s->plan.members_count; i++) {
        bool counts = ((s->liars | s->faulty | byzantine) >> i & 1) != 0 || s->nodes[i].is_gone;
        CHECK(!counts || left > 0);
        left -= counts;
    }
    return left;
}

static const char *lie_word(enum sim_lie lie)
{
    static const char *const words[] = {
#define X(name, word) word,
        SIM_LIE_LIST(X)
#undef X
    };
    return words[lie];
}

/* ---- older moments of a store ---- */

enum { COPIES_LATE = 8, OLD_COPY_PPM = 20000 };

struct sim_copies {
    struct kv_view *late[COPIES_LATE]; /* after each of the last commits */
    uint64_t late_count;
    struct kv_view *old; /* a backup, made now and then */
};

static struct kv_view *copy_now(struct sim *s, struct sim_node *n)
{
    struct kv_view *view;
    struct why why = {{0}};
    if (kv_view_open(&view, n->kv, &why) != RC_OK)
        sim_fail(s, n->index, "a disk can be read", "%s", why.text);
    return view;
}

static void drop_copies(struct sim_node *n)
{
    struct sim_copies *c = n->copies;
    if (c == NULL)
        return;
    for (size_t i = 0; i < COPIES_LATE; i++)
        kv_view_close(c->late[i]);
    kv_view_close(c->old);
    *c = (struct sim_copies){0};
}

void sim_liar_close(struct sim_node *n)
{
    drop_copies(n);
    mem_free(n->copies);
    n->copies = NULL;
}

/* ---- the lies ---- */

static void put_back(struct sim *s, struct sim_node *n, struct kv_view *moment)
{
    struct kv *copy;
    struct why why = {{0}};
    if (kv_mem_copy(&copy, moment, &why) != RC_OK)
        sim_fail(s, n->index, "a copy can be made", "%s", why.text);
    drop_copies(n);
    kv_close(n->kv);
    n->kv = copy;
}

/* How many commits its store has counted. */
static enum rc read_commits(struct sim *s, struct sim_node *n, uint64_t *out)
{
    struct bytes value;
    struct kv_view *view = copy_now(s, n);
    enum rc rc = kv_get(view, KV_META, bytes_of_text("commits"), &value);
    if (rc == RC_OK) {
        struct rd r = rd_of(value);
        *out = rd_u64(&r);
    }
    kv_view_close(view);
    return rc;
}

static void write_head(struct sim *s, struct sim_node *n)
{
    if (read_commits(s, n, &n->head_commits) != RC_OK)
        n->head_commits = 0; /* as a head file that is torn */
}

enum rc sim_store_judge_head(struct sim *s, struct sim_node *n, struct why *why)
{
    uint64_t commits = 0;
    enum rc rc = read_commits(s, n, &commits);
    if (rc != RC_OK)
        return why_set(why, rc, "the commit counter cannot be read");
    if (commits < n->head_commits)
        return why_set(why, RC_STORE_ROLLED_BACK, "%" PRIu64 " commits of %" PRIu64, commits,
                       n->head_commits);
    return RC_OK;
}

void sim_liar_landed(struct sim *s, struct sim_node *n)
{
    struct sim_copies *c = n->copies;
    write_head(s, n);
    if (c == NULL || s->is_healed)
        return;
    struct kv_view **late = &c->late[c->late_count++ % COPIES_LATE];
    kv_view_close(*late);
    *late = copy_now(s, n);
    if (c->old != NULL && !sim_luck(s, OLD_COPY_PPM))
        return;
    kv_view_close(c->old);
    c->old = copy_now(s, n);
}

/* After a power cut the head file may have lost as much; after a crash of the process it has not.
 */
static bool roll_back(struct sim *s, struct sim_node *n)
{
    const struct sim_copies *c = n->copies;
    uint64_t most = c->late_count < COPIES_LATE ? c->late_count : COPIES_LATE;
    if (most < 2)
        return false;
    uint64_t lost = sim_between(s, 1, most - 1);
    put_back(s, n, c->late[(c->late_count - 1 - lost) % COPIES_LATE]);
    if (sim_luck(s, 500000))
        write_head(s, n);
    return true;
}

static bool restore(struct sim *s, struct sim_node *n)
{
    if (n->copies->old == NULL)
        return false;
    put_back(s, n, n->copies->old);
    write_head(s, n);
    return true;
}

static bool wipe(struct sim *s, struct sim_node *n)
{
    (void)s;
    drop_copies(n);
    kv_close(n->kv);
    n->kv = kv_mem_new();
    n->head_commits = 0;
    return true;
}

static bool flip(struct sim *s, struct sim_node *n)
{
    enum { ENTRIES_MAX = 3000 };
    enum kv_table table = (enum kv_table)sim_between(s, 0, KV_TABLE_COUNT - 1);
    struct kv_view *view = copy_now(s, n);
    struct kv_cursor *cursor = NULL;
    struct bytes key = {0}, value;
    struct buf chosen = {0};
    uint64_t count = 0;
    enum rc rc = kv_count(view, table, &count);
    if (rc == RC_OK && count > 0)
        rc = kv_cursor_open(&cursor, view, table);
    uint64_t steps =
        count > 0 ? sim_between(s, 0, (count < ENTRIES_MAX ? count : ENTRIES_MAX) - 1) : 0;
    if (cursor != NULL)
        rc = kv_cursor_seek(cursor, bytes_of(NULL, 0), &key, &value);
    for (; cursor != NULL && steps > 0 && (rc == RC_OK || rc == RC_STORE_DAMAGED); steps--)
        rc = kv_cursor_next(cursor, &key, &value);
    buf_add_bytes(&chosen, key);
    if (cursor != NULL)
        kv_cursor_close(cursor);
    kv_view_close(view);
    if (chosen.size > 0) {
        kv_mem_flip(n->kv, table, buf_bytes(&chosen), prng_u64(&s->prng));
        sim_say(s, n->index, "a bit flips in table %s", kv_table_name(table));
    }
    bool is_done = chosen.size > 0;
    buf_free(&chosen);
    return is_done;
}

static bool tell(struct sim *s, struct sim_node *n, enum sim_lie lie)
{
    switch (lie) {
    case SIM_LIE_ROLLED_BACK:
        return roll_back(s, n);
    case SIM_LIE_RESTORED:
        return restore(s, n);
    case SIM_LIE_WIPED:
        return wipe(s, n);
    case SIM_LIE_FLIPPED:
        return flip(s, n);
    default:
        CHECK(!"a lie");
        return false;
    }
}

/* Only bits flip under a process that runs. */
static void lie(struct sim *s, void *context, uint64_t number)
{
    struct sim_node *n = context;
    enum sim_lie lie = (enum sim_lie)sim_between(s, 0, SIM_LIE_COUNT - 1);
    (void)number;
    while ((s->plan.lies_bits >> lie & 1) == 0)
        lie = (lie + 1) % SIM_LIE_COUNT;
    bool is_down = lie != SIM_LIE_FLIPPED || sim_luck(s, 500000);
    if (s->is_healed || n->is_gone)
        return;
    s->faulty |= (uint32_t)1 << n->index;
    sim_check_lied(s, n->index);
    if (n->driver != NULL && is_down)
        sim_node_crash(s, n->index, SIM_AT_IDLE);
    CHECK(n->in_flight == NULL || n->driver != NULL);
    if (!tell(s, n, lie))
        return;
    s->counts.lies[lie]++;
    sim_say(s, n->index, "its store is %s", lie_word(lie));
}

void sim_liars_start(struct sim *s)
{
    uint32_t first = s->plan.has_view_change ? 0 : 1;
    CHECK(s->plan.lies_bits != 0 || s->plan.liars_count == 0);
    uint32_t most = sim_faults_left(s);
    for (uint32_t left = s->plan.liars_count < most ? s->plan.liars_count : most; left > 0;) {
        uint32_t i = (uint32_t)sim_between(s, first, s->plan.members_count - 1);
        if (((s->liars | s->faulty | sim_byzantine(s)) >> i & 1) != 0)
            continue;
        left--;
        s->liars |= (uint32_t)1 << i;
        s->nodes[i].copies = mem_alloc(sizeof *s->nodes[i].copies);
        for (uint64_t k = sim_between(s, 1, s->plan.lies_max); k > 0; k--)
            sim_at(s, sim_between(s, 0, s->plan.faults_us - 1), lie, &s->nodes[i]);
    }
}

/* ---- what comes of it ---- */

/* A name for what is wrong is what an operator needs; any other end is a bug. */
void sim_liar_refused(struct sim *s, struct sim_node *n, enum rc rc, const struct why *why)
{
    bool is_named = rc == RC_STORE_DAMAGED || rc == RC_STORE_ROLLED_BACK || rc == RC_NOT_A_STORE ||
                    rc == RC_STORE_FORMAT;
    if (!is_named)
        sim_fail(s, n->index, "a store that lies is refused by name", "%s: %s", rc_name(rc),
                 why->text);
    sim_say(s, n->index, "is down for good: %s", rc_name(rc));
    s->counts.refused++;
    n->is_gone = true;
}

/* A driver that met damage has stopped; its process ends, and is started again a few times. */
void sim_liar_ran(struct sim *s, struct sim_node *n)
{
    enum { FAILURES_MAX = 3 };
    struct why why = {{0}};
    enum rc rc = driver_failure(n->driver, &why);
    if (rc == RC_OK || n->is_failed || n->is_dying)
        return;
    if (++n->failures_count == 1)
        s->counts.broken++;
    if (n->failures_count >= FAILURES_MAX)
        sim_liar_refused(s, n, rc, &why);
    sim_node_crash(s, n->index, SIM_AT_ERROR);
}

void sim_liars_end(struct sim *s)
{
    struct driver_look look;
    for (uint32_t i = 0; i < s->plan.members_count; i++) {
        const struct sim_node *n = &s->nodes[i];
        if (!sim_is_faulty(s, i) || n->is_gone)
            continue;
        if (n->is_fenced) {
            s->counts.fenced++;
            continue;
        }
        if (n->driver == NULL)
            continue;
        driver_look(n->driver, &look);
        *(look.core.is_learner ? &s->counts.found_out : &s->counts.unnoticed) += 1;
    }
}
