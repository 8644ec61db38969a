#include "tools/hansa/bench_box.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "tools/hansa/files.h"
#include "tools/hansa/interrupt.h"

enum { WORDS_MAX = 256, WORD_BYTES = 64, ANSWER_BYTES_MAX = 64 * 1024 };

/* The words of `hansa sandbox ...`. */
struct words {
    char text[WORDS_MAX][WORD_BYTES];
    char *list[WORDS_MAX + 4];
    size_t count;
};

static void add(struct words *w, const char *format, uint32_t number)
{
    CHECK(w->count < WORDS_MAX);
    snprintf(w->text[w->count], WORD_BYTES, format, number);
    w->list[w->count] = w->text[w->count];
    w->count++;
}

static void make_words(struct words *w, uint32_t nodes, uint32_t clients)
{
    memset(w, 0, sizeof *w);
    add(w, "hansa", 0);
    add(w, "sandbox", 0);
    add(w, "--json", 0);
    add(w, "--nodes", 0);
    add(w, "%" PRIu32, nodes);
    add(w, "--asset", 0);
    add(w, "BEN:0:c0", 0);
    for (uint32_t i = 0; i < clients; i++) {
        add(w, "--participant", 0);
        add(w, "c%" PRIu32, i);
        add(w, "--balance", 0);
        add(w, "c%" PRIu32 "/main=1000000000000:BEN", i);
    }
}

static void become_sandbox(struct words *w, const char *dir, const char *hansad, int out)
{
    char dir_word[] = "--dir", hansad_word[] = "--hansad";
    w->list[w->count++] = dir_word;
    w->list[w->count++] = (char *)(uintptr_t)dir;
    if (hansad != NULL) {
        w->list[w->count++] = hansad_word;
        w->list[w->count++] = (char *)(uintptr_t)hansad;
    }
    setpgid(0, 0); /* Ctrl-C is for the bench, which then ends this */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int null = open("/dev/null", O_WRONLY); /* the bench says in its own words that it failed */
    if (dup2(out, STDOUT_FILENO) >= 0 && null >= 0 && dup2(null, STDERR_FILENO) >= 0)
        execv("/proc/self/exe", w->list);
    _exit(127);
}

/* It is ready when its answer, one JSON object, is whole. */
static enum rc await(int from, struct why *why)
{
    struct buf answer = {0};
    enum rc rc = RC_MALFORMED;
    while (rc != RC_OK && answer.size < ANSWER_BYTES_MAX && !interrupt_was_asked()) {
        uint8_t piece[4096];
        struct pollfd fds[] = {{.fd = from, .events = POLLIN},
                               {.fd = interrupt_fd(), .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 || fds[0].revents == 0)
            continue;
        ssize_t got = read(from, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        buf_add(&answer, piece, (size_t)got);
        json_t *ready;
        struct why not_yet;
        rc = json_read(&ready, buf_bytes(&answer), &not_yet);
        if (rc == RC_OK)
            json_decref(ready);
    }
    buf_free(&answer);
    if (rc != RC_OK && interrupt_was_asked())
        return why_set(why, RC_INTERRUPTED, "interrupted");
    return rc == RC_OK ? rc
                       : why_set(why, RC_FILE_IO,
                                 "no sandbox to run in: `hansa sandbox` with the "
                                 "same --hansad says why");
}

static enum rc start(struct bench_box *b, struct words *w, const char *hansad, struct why *why)
{
    int ends[2];
    if (pipe(ends) != 0)
        return why_set(why, RC_FILE_IO, "pipe: %s", strerror(errno));
    fflush(NULL);
    b->pid = fork();
    if (b->pid == 0)
        become_sandbox(w, b->dir, hansad, ends[1]);
    close(ends[1]);
    enum rc rc = b->pid > 0
                     ? await(ends[0], why)
                     : why_set(why, RC_FILE_IO, "no process can be made: %s", strerror(errno));
    close(ends[0]);
    return rc;
}

enum rc bench_box_open(struct bench_box *out, uint32_t nodes, uint32_t clients, const char *hansad,
                       struct why *why)
{
    char path[PATH_MAX];
    const char *base = getenv("TMPDIR");
    memset(out, 0, sizeof *out);
    int size =
        snprintf(out->dir, sizeof out->dir, "%s/hansa-bench-XXXXXX", base != NULL ? base : "/tmp");
    if (size < 0 || (size_t)size >= sizeof out->dir || mkdtemp(out->dir) == NULL) {
        out->dir[0] = '\0';
        return why_set(why, RC_FILE_IO, "no directory can be made: %s", strerror(errno));
    }
    struct words *w = mem_alloc(sizeof *w);
    make_words(w, nodes, clients);
    enum rc rc = start(out, w, hansad, why);
    mem_free(w);
    snprintf(path, sizeof path, "%s/genesis.json", out->dir);
    if (rc == RC_OK)
        rc = file_read_genesis(&out->genesis, path, why);
    if (rc != RC_OK)
        bench_box_close(out);
    return rc;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void bench_box_close(struct bench_box *b)
{
    if (b->pid > 0) {
        kill(b->pid, SIGTERM);
        while (waitpid(b->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    genesis_close(&b->genesis);
    if (b->dir[0] != '\0')
        nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    memset(b, 0, sizeof *b);
}

enum rc bench_box_key(const struct bench_box *b, uint32_t client, struct key *out, struct why *why)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/keys/c%" PRIu32 ".key", b->dir, client);
    return keyfile_read(out, path, NULL, NULL, why);
}
