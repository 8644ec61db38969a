/* Build a store of any size, for measuring and for trying the tools on: see usage(). Not installed:
 * its keys are made from fixed seeds, so its signatures prove nothing. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/help/chain.h"

enum { PARTICIPANTS_MAX = 64, ACCOUNTS_MAX = 10000000, BLOCKS_MAX = 10000000 };

struct arguments {
    const char *directory;
    const char *genesis_path;
    uint64_t blocks_count;
    struct chain_options options;
};

static int usage(void)
{
    (void)fprintf(
        stderr, "usage: mkstore DIR --blocks N --txs-per-block N --ops-per-tx N --accounts N "
                "--seed N\n"
                "               [--threads N] [--checkpoint-every N] [--genesis-out FILE]\n"
                "Builds a store of valid, certified blocks in DIR. The same numbers give the same "
                "chain.\n");
    return 2;
}

/* ---- arguments ---- */

struct number {
    const char *name;
    uint64_t least, most, initial;
};
enum { BLOCKS, TXS, OPS, ACCOUNTS, SEED, THREADS, CHECKPOINT, NUMBERS_COUNT };
static const struct number numbers[NUMBERS_COUNT] = {
    [BLOCKS] = {"blocks", 0, BLOCKS_MAX, 100},
    [TXS] = {"txs-per-block", 1, BLOCK_TXS_MAX, 100},
    [OPS] = {"ops-per-tx", 1, TX_OPS_MAX, 1},
    [ACCOUNTS] = {"accounts", 4, ACCOUNTS_MAX, 1000},
    [SEED] = {"seed", 0, UINT64_MAX, 1},
    [THREADS] = {"threads", 0, 64, 0},
    [CHECKPOINT] = {"checkpoint-every", 4, 4096, 128},
};

static bool parse_number(uint64_t *out, const struct number *n, const char *text)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    bool is_number = errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0';
    *out = value;
    if (is_number && value >= n->least && value <= n->most)
        return true;
    (void)fprintf(stderr, "mkstore: --%s takes %" PRIu64 " to %" PRIu64 ", not '%s'\n", n->name,
                  n->least, n->most, text);
    return false;
}

static bool fill_options(struct arguments *a, const uint64_t *values)
{
    uint64_t accounts_count = values[ACCOUNTS];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t threads_count = values[THREADS] != 0 ? values[THREADS]
                             : cores > 0          ? (uint64_t)cores
                                                  : 1;
    a->blocks_count = values[BLOCKS];
    a->options = (struct chain_options){
        .seed = values[SEED],
        .participants_count =
            (uint32_t)(accounts_count < PARTICIPANTS_MAX ? accounts_count : PARTICIPANTS_MAX),
        .accounts_count = (uint32_t)accounts_count,
        .txs_per_block = (uint32_t)values[TXS],
        .ops_per_tx = (uint32_t)values[OPS],
        .specials_per_mille = 60,
        .checkpoint_every_heights = (uint32_t)values[CHECKPOINT],
        .threads_count = (uint32_t)threads_count,
    };
    uint64_t block_bytes_max =
        values[TXS] * (CHAIN_TX_BYTES_MAX + CHAIN_OP_BYTES_MAX * values[OPS]);
    if (block_bytes_max <= BLOCK_BODY_BYTES_MAX)
        return true;
    (void)fprintf(stderr,
                  "mkstore: %" PRIu64 " transactions of %" PRIu64 " operations may not fit into a "
                  "block of %d bytes: take fewer\n",
                  values[TXS], values[OPS], BLOCK_BODY_BYTES_MAX);
    return false;
}

static bool parse(struct arguments *a, int argc, char **argv)
{
    enum { GENESIS_OUT = NUMBERS_COUNT };
    struct option options[NUMBERS_COUNT + 2] = {{0}};
    uint64_t values[NUMBERS_COUNT];
    for (int i = 0; i < NUMBERS_COUNT; i++) {
        options[i] = (struct option){numbers[i].name, required_argument, NULL, i};
        values[i] = numbers[i].initial;
    }
    options[GENESIS_OUT] = (struct option){"genesis-out", required_argument, NULL, GENESIS_OUT};
    for (int which; (which = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (which == GENESIS_OUT)
            a->genesis_path = optarg;
        else if (which < 0 || which >= NUMBERS_COUNT)
            return usage() == 0;
        else if (!parse_number(&values[which], &numbers[which], optarg))
            return false;
    }
    if (optind + 1 != argc)
        return usage() == 0;
    a->directory = argv[optind];
    return fill_options(a, values);
}

/* ---- building ---- */

struct watch {
    const struct arguments *arguments;
    struct timespec started;
    double told_seconds;
};

static double seconds_since(const struct timespec *from)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - from->tv_sec) + (double)(now.tv_nsec - from->tv_nsec) / 1e9;
}

static void tell(void *context, uint32_t blocks_done)
{
    struct watch *w = context;
    double seconds = seconds_since(&w->started);
    bool is_last = blocks_done == w->arguments->blocks_count;
    if (!is_last && seconds - w->told_seconds < 1)
        return;
    w->told_seconds = seconds;
    uint64_t txs_count = (uint64_t)blocks_done * w->arguments->options.txs_per_block;
    (void)fprintf(stderr,
                  "mkstore: %" PRIu32 " of %" PRIu64 " blocks, %" PRIu64
                  " transactions, %.0f a second\n",
                  blocks_done, w->arguments->blocks_count, txs_count,
                  seconds > 0 ? (double)txs_count / seconds : 0.0);
}

static bool write_genesis(const struct genesis *g, const char *path)
{
    if (path == NULL)
        return true;
    char *text = genesis_to_json(g);
    FILE *file = fopen(path, "w");
    bool is_written = file != NULL && fputs(text, file) >= 0;
    if (file != NULL && fclose(file) != 0)
        is_written = false;
    if (!is_written)
        (void)fprintf(stderr, "mkstore: %s: %s\n", path, strerror(errno));
    mem_free(text);
    return is_written;
}

int main(int argc, char **argv)
{
    struct arguments a = {0};
    if (!parse(&a, argc, argv))
        return 2;
    struct kv *kv;
    struct why why = {{0}};
    struct kv_lmdb_options lmdb = {.create = true};
    if (kv_lmdb_open(&kv, a.directory, &lmdb, &why) != RC_OK) {
        (void)fprintf(stderr, "mkstore: %s\n", why.text);
        return 1;
    }
    struct chain chain;
    struct watch watch = {.arguments = &a};
    (void)clock_gettime(CLOCK_MONOTONIC, &watch.started);
    chain_open(&chain, &a.options, kv);
    bool is_written = write_genesis(&chain.genesis, a.genesis_path);
    if (is_written)
        chain_grow_telling(&chain, (uint32_t)a.blocks_count, tell, &watch);
    chain_close(&chain);
    return is_written ? 0 : 1;
}
