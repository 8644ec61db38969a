/* Shrinking a failure: delta debugging (Zeller and Hildebrandt, TSE 2002) over the fields of the
 * plan. Fields are set to their quiet values, many at once and then one by one; what cannot be
 * switched off is halved. Whatever is changed makes another run, in which the failure may be missed
 * by chance: so each plan is tried with a few salts. A plan fails as before when it violates the
 * same property. */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "tests/sim/world.h"

enum {
    FIELDS_MAX = 128,
    SALTS_COUNT = 4,  /* runs of one plan */
    TRIALS_MAX = 2000 /* runs in all */
};

struct shrink {
    struct sim_plan plan;              /* the smallest that fails as the first one did */
    char property[SIM_PROPERTY_BYTES]; /* that it violates */
    char (*seen)[SIM_PROPERTY_BYTES];  /* by the child that ran last; shared memory */
    sim_prepare *prepare;
    uint32_t trials_count;
};

/* ---- trying ---- */

static _Noreturn void run_child(const struct shrink *k, const struct sim_plan *plan)
{
    struct sim_counts counts;
    int quiet = open("/dev/null", O_WRONLY);
    (void)dup2(quiet, STDOUT_FILENO);
    (void)dup2(quiet, STDERR_FILENO);
    k->prepare();
    sim_keep_property(*k->seen);
    sim_run(plan, NULL, &counts, NULL);
    _exit(0);
}

/* Whether a run violates anything; what, is in k->seen. */
static bool run(struct shrink *k, const struct sim_plan *plan)
{
    int status = 0;
    k->trials_count++;
    (*k->seen)[0] = '\0';
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        run_child(k, plan);
    CHECK(pid > 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/* Take the plan if it fails as the first one did, with the salt that it has or with another. */
static bool take(struct shrink *k, const struct sim_plan *plan)
{
    for (uint64_t i = 0; i < SALTS_COUNT && k->trials_count < TRIALS_MAX; i++) {
        struct sim_plan salted = *plan;
        salted.salt = i == 0 ? plan->salt : i - 1;
        if ((i > 0 && salted.salt == plan->salt) || !run(k, &salted) ||
            strcmp(*k->seen, k->property) != 0)
            continue;
        k->plan = salted;
        (void)fprintf(stderr, "sim: run %u fails, too\n", k->trials_count);
        return true;
    }
    return false;
}

/* ---- what may be changed ---- */

/* Not what says which run it is, and what the replicas can do. */
static bool is_shrinkable(const struct sim_field *f)
{
    return strcmp(f->name, "salt") != 0 && strcmp(f->name, "has_view_change") != 0;
}

static uint32_t list_active(const struct shrink *k, const struct sim_field *out[static FIELDS_MAX])
{
    size_t all;
    uint32_t count = 0;
    const struct sim_field *fields = sim_fields(&all);
    CHECK(all <= FIELDS_MAX);
    for (size_t i = 0; i < all; i++)
        if (is_shrinkable(&fields[i]) && sim_field_get(&fields[i], &k->plan) != fields[i].quiet)
            out[count++] = &fields[i];
    return count;
}

/* ---- switching off ---- */

static bool quieten(struct shrink *k, const struct sim_field *const *fields, uint32_t count)
{
    struct sim_plan plan = k->plan;
    for (uint32_t i = 0; i < count; i++)
        sim_field_set(fields[i], &plan, fields[i]->quiet);
    return take(k, &plan);
}

/* In parts of a size, from beginning to end. */
static bool quieten_parts(struct shrink *k, uint32_t size)
{
    const struct sim_field *active[FIELDS_MAX];
    uint32_t count = list_active(k, active);
    bool has_changed = false;
    for (uint32_t at = 0; at < count; at += size)
        has_changed |= quieten(k, active + at, size < count - at ? size : count - at);
    return has_changed;
}

static bool quieten_all(struct shrink *k)
{
    const struct sim_field *active[FIELDS_MAX];
    bool has_changed = false;
    for (uint32_t size = list_active(k, active); size > 0; size /= 2)
        has_changed |= quieten_parts(k, size);
    return has_changed;
}

/* ---- making less ---- */

/* Half way to the quiet value, as often as that fails too. */
static bool halve(struct shrink *k, const struct sim_field *f)
{
    bool has_changed = false;
    for (;;) {
        struct sim_plan plan = k->plan;
        uint64_t value = sim_field_get(f, &plan);
        if (value <= f->quiet)
            return has_changed;
        sim_field_set(f, &plan, f->quiet + (value - f->quiet) / 2);
        if (!take(k, &plan))
            return has_changed;
        has_changed = true;
    }
}

static bool halve_all(struct shrink *k)
{
    const struct sim_field *active[FIELDS_MAX];
    uint32_t count = list_active(k, active);
    bool has_changed = false;
    for (uint32_t i = 0; i < count; i++)
        if (!active[i]->is_parameter)
            has_changed |= halve(k, active[i]);
    return has_changed;
}

/* ---- all ---- */

static void print_result(const struct shrink *k, uint32_t before)
{
    const struct sim_field *active[FIELDS_MAX];
    uint32_t after = list_active(k, active), parameters = 0;
    for (uint32_t i = 0; i < after; i++)
        parameters += active[i]->is_parameter;
    (void)printf("violated still: %s\n", k->property);
    sim_plan_print(stdout, &k->plan);
    (void)printf("shrunk: %u of %u fields remain, %u of them parameters, after %u runs\n"
                 "again: build/hansa-sim",
                 after, before, parameters, k->trials_count);
    sim_plan_print_settings(stdout, &k->plan);
    (void)printf(" %" PRIu64 "\n", k->plan.seed);
}

int sim_shrink(const struct sim_plan *plan, sim_prepare *prepare)
{
    const struct sim_field *active[FIELDS_MAX];
    struct shrink k = {.plan = *plan, .prepare = prepare};
    k.seen = mmap(NULL, sizeof *k.seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(k.seen != MAP_FAILED);
    uint32_t before = list_active(&k, active);
    if (!run(&k, plan)) {
        (void)printf("seed %" PRIu64 " violates nothing\n", plan->seed);
        return 0;
    }
    memcpy(k.property, *k.seen, sizeof k.property);
    for (bool has_changed = true; has_changed && k.trials_count < TRIALS_MAX;) {
        has_changed = quieten_all(&k);
        has_changed |= halve_all(&k);
    }
    print_result(&k, before);
    return 1;
}
