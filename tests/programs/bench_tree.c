/* What an update of the state tree costs, beside one signature check on the same machine.
 *
 * usage: bench_tree DIR      DIR exists and is empty; two stores are made in it and left there
 *
 * For trees of 10^4 and 10^6 entries that look like balances: the bytes on disk per entry, then for
 * batches of random changed keys the microseconds per key of tree_update() itself, of kv_commit()
 * and of dropping what became stale, and the first two as a share of one Ed25519 verification. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "crypto/base/check.h"
#include "crypto/base/prng.h"
#include "crypto/crypto.h"
#include "crypto/sign.h"
#include "ledger/state_tree.h"

enum { KEY_BYTES = 32, VALUE_BYTES = 16, VERIFY_ROUNDS = 3000, DROP_NODES = 100000 };

struct bench {
    struct kv *kv;
    struct kv_batch *batch;
    struct tree_ref ref;
    struct prng prng;
    double verify_us;
    size_t entries_count;
    char (*keys)[KEY_BYTES];
    struct tree_change *changes;
    uint8_t (*values)[VALUE_BYTES];
    uint32_t *order; /* indexes of entries, its head shuffled anew for every batch */
};

struct cost {
    double update_us, commit_us, drop_us;
};

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* End with a reason when the world does not let us measure. */
static void demand(enum rc rc, const char *what, const struct why *why)
{
    if (rc == RC_OK)
        return;
    fprintf(stderr, "bench_tree: %s: %s\n", what, why->text[0] != '\0' ? why->text : rc_text(rc));
    exit(1);
}

static double measure_verify_us(void)
{
    static const uint8_t seed[SIGN_SEED_BYTES] = {7};
    uint8_t message[200] = {0};
    struct sign_key key;
    struct signature signature;
    unsigned good = 0;
    sign_key_from_seed(&key, seed);
    sign_message(&signature, bytes_of(message, sizeof message), &key);
    double start = now_us();
    for (unsigned i = 0; i < VERIFY_ROUNDS; i++)
        good += sign_verify(&signature, bytes_of(message, sizeof message), &key.public);
    CHECK(good == VERIFY_ROUNDS);
    return (now_us() - start) / VERIFY_ROUNDS;
}

static double commit(struct bench *b)
{
    struct why why = {""};
    double start = now_us();
    demand(kv_commit(b->kv, b->batch, &why), "commit", &why);
    kv_batch_clear(b->batch);
    return now_us() - start;
}

static double drop_stale(struct bench *b)
{
    struct why why = {""};
    double start = now_us();
    for (size_t dropped = DROP_NODES; dropped == DROP_NODES;) {
        struct kv_view *view;
        demand(kv_view_open(&view, b->kv, &why), "view", &why);
        demand(tree_drop_stale(b->batch, view, b->ref.version, DROP_NODES, &dropped), "drop", &why);
        kv_view_close(view);
        commit(b);
    }
    return now_us() - start;
}

/* Set the entries that the first `count` of order name to new values, as the next version. */
static struct cost run_update(struct bench *b, size_t count, bool is_first)
{
    struct why why = {""};
    struct cost cost;
    struct kv_view *view;
    struct tree_ref from = b->ref;
    for (size_t i = 0; i < count; i++) {
        size_t other = i + prng_below(&b->prng, b->entries_count - i);
        uint32_t swapped = b->order[i];
        b->order[i] = b->order[other];
        b->order[other] = swapped;
        prng_fill(&b->prng, b->values[i], VALUE_BYTES);
        b->changes[i] = (struct tree_change){.table = STATE_BALANCE};
        b->changes[i].key = bytes_of_text(b->keys[b->order[i]]);
        b->changes[i].value = bytes_of(b->values[i], VALUE_BYTES);
    }
    double start = now_us();
    demand(kv_view_open(&view, b->kv, &why), "view", &why);
    demand(tree_update(&b->ref, b->batch, view, is_first ? NULL : &from, from.version + 1,
                       b->changes, count),
           "update", &why);
    kv_view_close(view);
    cost.update_us = now_us() - start;
    cost.commit_us = commit(b);
    cost.drop_us = drop_stale(b);
    return cost;
}

static void print_batch(struct bench *b, size_t count, unsigned rounds)
{
    struct cost sum = {0};
    for (unsigned i = 0; i < rounds; i++) {
        struct cost cost = run_update(b, count, false);
        sum.update_us += cost.update_us;
        sum.commit_us += cost.commit_us;
        sum.drop_us += cost.drop_us;
    }
    double keys = (double)count * rounds;
    printf("tree of %7zu, batch %6zu: update %6.2f us/key (%.3f of a verify), "
           "commit %6.2f us/key (%.3f), drop stale %6.2f us/key\n",
           b->entries_count, count, sum.update_us / keys, sum.update_us / keys / b->verify_us,
           sum.commit_us / keys, sum.commit_us / keys / b->verify_us, sum.drop_us / keys);
    fflush(stdout);
}

static void print_build(struct bench *b, const char *store)
{
    char file[PATH_MAX];
    struct stat st = {0};
    struct cost cost = run_update(b, b->entries_count, true);
    snprintf(file, sizeof file, "%s/data.mdb", store);
    if (stat(file, &st) != 0)
        perror(file);
    double entries = (double)b->entries_count;
    printf("tree of %7zu, built at once: update %.2f us/key, commit %.2f us/key, "
           "%.1f bytes of store per entry\n",
           b->entries_count, cost.update_us / entries, cost.commit_us / entries,
           (double)st.st_blocks * 512 / entries);
    fflush(stdout);
}

static void bench_tree(const char *dir, size_t entries_count, double verify_us)
{
    static const struct {
        size_t count;
        unsigned rounds;
    } batches[] = {{100, 20}, {1000, 10}, {10000, 4}, {100000, 2}};
    char store[PATH_MAX / 2];
    struct why why = {""};
    struct kv_lmdb_options options = {.create = true};
    struct bench b = {.prng = prng_of(1), .verify_us = verify_us, .entries_count = entries_count};
    snprintf(store, sizeof store, "%s/tree-%zu", dir, entries_count);
    demand(kv_lmdb_open(&b.kv, store, &options, &why), store, &why);
    b.batch = kv_batch_new();
    b.keys = mem_alloc(entries_count * sizeof *b.keys);
    b.changes = mem_alloc(entries_count * sizeof *b.changes);
    b.values = mem_alloc(entries_count * sizeof *b.values);
    b.order = mem_alloc(entries_count * sizeof *b.order);
    for (size_t i = 0; i < entries_count; i++) {
        b.order[i] = (uint32_t)i;
        snprintf(b.keys[i], KEY_BYTES, "merchant-%02u/customer-%06u/EUR", (unsigned)i % 100,
                 (unsigned)i % 1000000);
    }
    print_build(&b, store);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        if (batches[i].count <= entries_count)
            print_batch(&b, batches[i].count, batches[i].rounds);
    }
    mem_free(b.keys);
    mem_free(b.changes);
    mem_free(b.values);
    mem_free(b.order);
    kv_batch_free(b.batch);
    kv_close(b.kv);
}

int main(int argc, char **argv)
{
    struct why why = {""};
    if (argc != 2) {
        fprintf(stderr, "usage: bench_tree DIR\n");
        return 2;
    }
    demand(crypto_start(&why), "start", &why);
    double verify_us = measure_verify_us();
    printf("one Ed25519 verification: %.1f us\n", verify_us);
    bench_tree(argv[1], 10000, verify_us);
    bench_tree(argv[1], 1000000, verify_us);
    return 0;
}
