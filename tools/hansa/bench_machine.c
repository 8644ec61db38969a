#include "tools/hansa/bench_machine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "crypto/sign.h"

enum { CORES_MAX = 256, MEASURE_MS = 500 };

static double now_s(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct verifying {
    double until_s;
    atomic_uint_fast64_t count;
};

static void *verify(void *context)
{
    struct verifying *v = context;
    static const uint8_t seed[SIGN_SEED_BYTES] = {1};
    struct sign_key key;
    struct signature signature;
    uint64_t count = 0;
    struct bytes message = bytes_of_text("what is measured here is how long this takes to verify");
    sign_key_from_seed(&key, seed);
    sign_message(&signature, message, &key);
    for (; now_s() < v->until_s; count++) {
        bool is_good = sign_verify(&signature, message, &key.public);
        CHECK(is_good);
    }
    atomic_fetch_add(&v->count, count);
    return NULL;
}

static double measure_verify(uint32_t threads)
{
    pthread_t ids[CORES_MAX];
    double start_s = now_s();
    struct verifying v = {.until_s = start_s + MEASURE_MS / 1000.0};
    atomic_init(&v.count, 0);
    for (uint32_t i = 0; i < threads; i++)
        CHECK(pthread_create(&ids[i], NULL, verify, &v) == 0);
    for (uint32_t i = 0; i < threads; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    return (double)atomic_load(&v.count) / (now_s() - start_s);
}

static enum rc measure_syncs(double *out, int fd, struct why *why)
{
    static const uint8_t page[4096];
    double start_s = now_s();
    uint32_t count = 0;
    for (; now_s() < start_s + MEASURE_MS / 1000.0; count++) {
        off_t at = (off_t)(count % 256) * (off_t)sizeof page;
        if (pwrite(fd, page, sizeof page, at) != (ssize_t)sizeof page || fdatasync(fd) != 0)
            return why_set(why, RC_FILE_IO, "a file cannot be written: %s", strerror(errno));
    }
    *out = count / (now_s() - start_s);
    return RC_OK;
}

enum rc bench_measure(struct bench_machine *out, const char *dir, struct why *why)
{
    char path[PATH_MAX];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    out->cores = cores < 1 ? 1 : cores > CORES_MAX ? CORES_MAX : (uint32_t)cores;
    out->verify_one = measure_verify(1);
    out->verify_all = measure_verify(out->cores);
    snprintf(path, sizeof path, "%s/bench-sync", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return why_set(why, RC_FILE_IO, "no file can be made in the sandbox: %s", strerror(errno));
    enum rc rc = measure_syncs(&out->syncs, fd, why);
    close(fd);
    unlink(path);
    return rc;
}
