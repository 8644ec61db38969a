/* hansa-sim: runs seeds, on all cores, and counts what they saw. A seed that violates a property,
 * or dies in a CHECK, is reported and counted, and the range goes on with the next. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "tests/sim/world.h"

enum {
    JOBS_MAX = 64,
    SEED_CPU_SECONDS_MAX = 600, /* then it hangs; also under sanitizers a seed takes a few */
    SHRUNK_CPU_SECONDS_MAX = 60,
    BENCH_SECONDS = 5,
    PROGRESS_SECONDS = 10,
    SETTINGS_MAX = 128
};

struct options {
    uint64_t first, last;
    uint32_t jobs;
    bool has_trace, is_default_plan, is_calm, is_bench, is_twice, is_shrink, is_fork, is_faultless,
        prints_plan;
    const char *settings[SETTINGS_MAX]; /* "field=value" */
    uint32_t settings_count;
    const struct sim_scenario *scenario; /* NULL: none */
};

/* One process that runs seeds; in memory that all of them share. */
struct worker {
    pid_t pid; /* 0: ended */
    uint64_t seed;
    bool is_running;
    uint64_t seeds_count;
    struct sim_counts counts;
    /* The seed that came nearest to its bound after healing. */
    uint64_t slowest_seed, slowest_percent, slowest_ms;
};

struct shared {
    atomic_uint_fast64_t next_seed;
    struct worker workers[JOBS_MAX];
};

static uint64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- one seed ---- */

static void draw_plan(const struct options *o, uint64_t seed, struct sim_plan *out)
{
    if (o->is_default_plan)
        sim_plan_default(out, seed);
    else if (o->is_calm)
        sim_plan_calm(out, seed);
    else
        sim_plan_draw(out, seed);
    if (o->is_fork)
        sim_byz_plan_fork(out);
    if (o->is_faultless)
        sim_byz_plan_faultless(out);
    for (uint32_t i = 0; i < o->settings_count; i++)
        (void)sim_plan_set(out, o->settings[i]); /* judged with the arguments */
}

static void run_seed(const struct options *o, uint64_t seed, struct sim_counts *counts)
{
    struct sim_plan plan;
    struct digest first, second;
    char hex[DIGEST_HEX_BYTES];
    if (o->scenario != NULL) {
        if (sim_scenario_run(o->scenario, seed, counts))
            return;
        (void)fflush(stdout);
        _exit(1);
    }
    draw_plan(o, seed, &plan);
    if (o->prints_plan)
        sim_plan_print(stdout, &plan);
    sim_run(&plan, o->has_trace ? stdout : NULL, counts, &first);
    digest_to_hex(hex, &first);
    if (o->first == o->last)
        (void)printf("seed %" PRIu64 ": trace %s\n", seed, hex);
    if (!o->is_twice)
        return;
    struct sim_counts again;
    sim_run(&plan, NULL, &again, &second);
    if (digest_equal(&first, &second))
        return;
    (void)printf("== violation: the same seed gives the same run\nseed %" PRIu64 "\n", seed);
    (void)fflush(stdout);
    _exit(1);
}

/* ---- a worker ---- */

static void on_signal(int number)
{
    struct sim *s = sim_running();
    (void)signal(number, SIG_DFL);
    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(
        10); /* the report may hang on what is broken; the seed is told by the parent then */
    if (s != NULL)
        sim_report(s, UINT32_MAX, "no replica dies of its own",
                   number == SIGVTALRM ? "the seed does not end" : strsignal(number));
    _exit(1);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGABRT, &action, NULL);
    (void)sigaction(SIGVTALRM, &action, NULL);
#ifndef __SANITIZE_ADDRESS__ /* which tells more of these itself */
    (void)sigaction(SIGSEGV, &action, NULL);
    (void)sigaction(SIGBUS, &action, NULL);
    (void)sigaction(SIGFPE, &action, NULL);
#endif
}

static void limit_time(int cpu_seconds)
{
    struct itimerval limit = {.it_value = {.tv_sec = cpu_seconds}};
    (void)setitimer(ITIMER_VIRTUAL, &limit, NULL);
}

static void note_slowest(struct worker *w, uint64_t seed, const struct sim_counts *c)
{
    uint64_t percent = 100 * c->healing_us / c->bound_us;
    if (percent <= w->slowest_percent)
        return;
    w->slowest_seed = seed;
    w->slowest_percent = percent;
    w->slowest_ms = c->healing_us / 1000;
}

static _Noreturn void work(const struct options *o, struct shared *shared, struct worker *w)
{
    catch_signals();
    for (;;) {
        uint64_t seed = atomic_fetch_add(&shared->next_seed, 1);
        if (seed > o->last)
            break;
        struct sim_counts counts;
        w->seed = seed;
        w->is_running = true;
        limit_time(SEED_CPU_SECONDS_MAX);
        run_seed(o, seed, &counts);
        w->is_running = false;
        w->seeds_count++;
        sim_counts_add(&w->counts, &counts);
        note_slowest(w, seed, &counts);
    }
    exit(0); /* as a process should, so that leaks are found */
}

static void start_worker(const struct options *o, struct shared *shared, struct worker *w)
{
    (void)fflush(stdout);
    w->is_running = false;
    pid_t pid = fork();
    if (pid == 0)
        work(o, shared, w);
    if (pid < 0) {
        perror("hansa-sim: fork");
        exit(2);
    }
    w->pid = pid; /* the child shares this memory, and must not write its 0 there */
}

/* ---- all of them ---- */

static void print_how_it_died(const struct worker *w, int status)
{
    const char *when = w->is_running ? "seed" : "after seed"; /* as of leaks, at the end of all */
    if (WIFSIGNALED(status))
        (void)printf("%s %" PRIu64 " died: %s\n", when, w->seed, strsignal(WTERMSIG(status)));
    else
        (void)printf("%s %" PRIu64 " is violated\n", when, w->seed);
    (void)fflush(stdout);
}

/* A worker has ended. Returns the violations in it: a seed that did not come to its end is one. */
static uint64_t judge_end(const struct options *o, struct shared *shared, struct worker *w,
                          int status)
{
    w->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    bool is_fork = WIFEXITED(status) && WEXITSTATUS(status) == SIM_FORK_SEEN;
    if (is_fork)
        w->counts.forks_seen++;
    else
        print_how_it_died(w, status);
    if (w->is_running)
        w->seeds_count++;
    if (atomic_load(&shared->next_seed) <= o->last)
        start_worker(o, shared, w);
    return is_fork ? 0 : 1;
}

static uint64_t seeds_done(const struct options *o, const struct shared *shared)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < o->jobs; i++)
        count += shared->workers[i].seeds_count;
    return count;
}

static uint64_t supervise(const struct options *o, struct shared *shared)
{
    uint64_t violations = 0, told_ms = now_ms();
    uint32_t alive = o->jobs;
    while (alive > 0) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        alive = 0;
        for (uint32_t i = 0; i < o->jobs; i++) {
            if (pid > 0 && shared->workers[i].pid == pid)
                violations += judge_end(o, shared, &shared->workers[i], status);
            alive += shared->workers[i].pid != 0;
        }
        if (pid <= 0)
            (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        if (now_ms() < told_ms + PROGRESS_SECONDS * 1000)
            continue;
        told_ms = now_ms();
        (void)fprintf(stderr, "sim: %" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " violations\n",
                      seeds_done(o, shared), o->last - o->first + 1, violations);
    }
    return violations;
}

static void print_slowest(const struct options *o, const struct shared *shared)
{
    const struct worker *slowest = &shared->workers[0];
    for (uint32_t i = 1; i < o->jobs; i++)
        if (shared->workers[i].slowest_percent > slowest->slowest_percent)
            slowest = &shared->workers[i];
    (void)printf("slowest to come to an end: seed %" PRIu64 ", %" PRIu64 " ms, %" PRIu64
                 " %% of its bound\n",
                 slowest->slowest_seed, slowest->slowest_ms, slowest->slowest_percent);
}

static int run_all(const struct options *o)
{
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct sim_counts counts = {0};
    uint64_t started_ms = now_ms();
    if (shared == MAP_FAILED) {
        perror("hansa-sim: mmap");
        return 2;
    }
    atomic_init(&shared->next_seed, o->first);
    for (uint32_t i = 0; i < o->jobs; i++)
        start_worker(o, shared, &shared->workers[i]);
    uint64_t violations = supervise(o, shared);
    for (uint32_t i = 0; i < o->jobs; i++)
        sim_counts_add(&counts, &shared->workers[i].counts);
    uint64_t seeds = seeds_done(o, shared);
    sim_counts_print(stdout, &counts, seeds);
    print_slowest(o, shared);
    sim_counts_print_sums(stdout, &counts, seeds, violations);
    (void)printf("took %.1f s\nsim: %" PRIu64 " seeds, %" PRIu64 " violations\n",
                 (double)(now_ms() - started_ms) / 1000, seeds, violations);
    if (o->is_fork)
        return violations == 0 && counts.forks_seen == seeds ? 0 : 1;
    return violations > 0 ? 1 : 0;
}

static uint64_t cpu_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* How much of a cluster's time one core makes in a second of its own, whoever else uses it. */
static int run_bench(void)
{
    uint64_t virtual_us = 0, started_ms = cpu_ms(), txs = 0, seed = 0;
    while (cpu_ms() < started_ms + BENCH_SECONDS * 1000) {
        struct sim_plan plan;
        struct sim_counts counts;
        sim_plan_default(&plan, ++seed);
        sim_run(&plan, NULL, &counts, NULL);
        virtual_us += counts.virtual_us;
        txs += counts.txs_committed;
    }
    double cpu_s = (double)(cpu_ms() - started_ms) / 1000;
    (void)printf("bench: %.1f cluster-seconds per second of one core, %.0f committed "
                 "transactions per second (n = 4, 100 offered; %" PRIu64 " seeds)\n",
                 (double)virtual_us / 1e6 / cpu_s, (double)txs / cpu_s, seed);
    return 0;
}

/* ---- shrinking ---- */

static void prepare_shrunk(void)
{
    catch_signals();
    limit_time(SHRUNK_CPU_SECONDS_MAX);
}

static int run_shrink(const struct options *o)
{
    struct sim_plan plan;
    draw_plan(o, o->first, &plan);
    return sim_shrink(&plan, prepare_shrunk);
}

/* ---- arguments ---- */

static void print_usage(FILE *to)
{
    (void)fputs(
        "usage: hansa-sim [options] SEED | FIRST..LAST\n"
        "  --jobs N        so many processes (default: one per core)\n"
        "  --trace         print every event (one seed)\n"
        "  --plan          print what each seed draws\n"
        "  --twice         run each seed twice: the traces must be the same\n"
        "  --default-plan  n = 4, 100 tx/s, mild faults, instead of what the seed draws\n"
        "  --calm          a plan in which nothing goes wrong\n"
        "  --faultless     what the seed draws, without its faults, at any load: nobody complains\n"
        "  --fork          with f+1 Byzantine members: succeeds when a fork is seen in each\n"
        "  --scenario NAME one thing goes wrong, and so much gets done all the same:\n",
        to);
    sim_scenarios_print(to);
    (void)fputs(
        "  --set F=V       a field of the plan other than the seed draws it; many times\n"
        "  --shrink        look for a smaller plan that violates the same (one seed)\n"
        "  --bench         measure the speed with that plan; no seed\n"
        "  --help          this text\n"
        "Counts are of the seeds that came to their end; tests/sim/sum.sh adds up the line `sums:` "
        "of several ranges.\n"
        "The last line is `sim: N seeds, N violations`; the status is 1 when there are "
        "any, 2 for wrong arguments.\n",
        to);
}

static bool parse_number(const char *text, const char **end, uint64_t *out)
{
    char *stop;
    errno = 0;
    if (*text < '0' || *text > '9')
        return false;
    *out = strtoull(text, &stop, 10);
    *end = stop;
    return errno == 0;
}

static bool parse_seeds(const char *text, struct options *o)
{
    const char *at;
    if (!parse_number(text, &at, &o->first))
        return false;
    o->last = o->first;
    if (at[0] == '.' && at[1] == '.' && !parse_number(at + 2, &at, &o->last))
        return false;
    return *at == '\0' && o->first <= o->last && o->last < UINT64_MAX - JOBS_MAX;
}

static bool take_setting(struct options *o, const char *text)
{
    struct sim_plan scratch;
    sim_plan_default(&scratch, 0);
    if (o->settings_count == SETTINGS_MAX || !sim_plan_set(&scratch, text)) {
        (void)fprintf(stderr, "hansa-sim: --set %s: no field of a plan takes that\n", text);
        return false;
    }
    o->settings[o->settings_count++] = text;
    return true;
}

static bool parse_options(int argc, char **argv, struct options *o)
{
    enum {
        JOBS = 1,
        TRACE,
        PLAN,
        TWICE,
        DEFAULT_PLAN,
        BENCH,
        SET,
        SHRINK,
        CALM,
        FORK,
        SCENARIO,
        FAULTLESS,
        HELP
    };
    static const struct option known[] = {{"jobs", required_argument, NULL, JOBS},
                                          {"trace", no_argument, NULL, TRACE},
                                          {"plan", no_argument, NULL, PLAN},
                                          {"twice", no_argument, NULL, TWICE},
                                          {"default-plan", no_argument, NULL, DEFAULT_PLAN},
                                          {"bench", no_argument, NULL, BENCH},
                                          {"calm", no_argument, NULL, CALM},
                                          {"shrink", no_argument, NULL, SHRINK},
                                          {"set", required_argument, NULL, SET},
                                          {"fork", no_argument, NULL, FORK},
                                          {"scenario", required_argument, NULL, SCENARIO},
                                          {"faultless", no_argument, NULL, FAULTLESS},
                                          {"help", no_argument, NULL, HELP},
                                          {NULL, 0, NULL, 0}};
    uint64_t jobs = 0;
    const char *end;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == HELP) {
            print_usage(stdout);
            exit(0);
        }
        if (option == '?' || (option == JOBS && (!parse_number(optarg, &end, &jobs) ||
                                                 *end != '\0' || jobs < 1 || jobs > JOBS_MAX)))
            return false;
        o->scenario = option == SCENARIO ? sim_scenario_find(optarg) : o->scenario;
        if (option == SCENARIO && o->scenario == NULL)
            return false;
        if (option == SET && !take_setting(o, optarg))
            return false;
        o->has_trace |= option == TRACE;
        o->prints_plan |= option == PLAN;
        o->is_twice |= option == TWICE;
        o->is_default_plan |= option == DEFAULT_PLAN;
        o->is_bench |= option == BENCH;
        o->is_calm |= option == CALM;
        o->is_shrink |= option == SHRINK;
        o->is_fork |= option == FORK;
        o->is_faultless |= option == FAULTLESS;
    }
    if (o->is_bench)
        return optind == argc;
    if (optind + 1 != argc || !parse_seeds(argv[optind], o))
        return false;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t most = o->last - o->first + 1;
    jobs = jobs > 0 ? jobs : cores > 0 ? (uint64_t)cores : 1;
    jobs = jobs < JOBS_MAX ? jobs : JOBS_MAX;
    o->jobs = (uint32_t)(jobs < most ? jobs : most);
    return (!o->has_trace && !o->is_shrink) || most == 1;
}

/* What a node needs for bad times is megabytes, again at each of its starts. As pages of its own
 * what it does not touch costs nothing; out of a heap all of it would have to be zeroed. */
static void use_fresh_memory(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 19);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 19); /* nor out of what a heap has left */
#endif
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct why why = {{0}};
    if (!parse_options(argc, argv, &options)) {
        print_usage(stderr);
        return 2;
    }
    use_fresh_memory();
    if (crypto_start(&why) != RC_OK) {
        (void)fprintf(stderr, "hansa-sim: %s\n", why.text);
        return 2;
    }
    if (options.is_shrink)
        return run_shrink(&options);
    return options.is_bench ? run_bench() : run_all(&options);
}
