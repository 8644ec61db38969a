/* hansad: one node of a Hansa consortium. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crypto/base/version.h"
#include "crypto/crypto.h"
#include "net/limits.h"
#include "node/hansad/dry_run.h"
#include "node/hansad/exits.h"
#include "node/hansad/node.h"

static void print_help(void)
{
    printf(
        "hansad: run one node of a consortium.\n\n"
        "usage: hansad --config FILE [--init] [--check] [options]\n"
        "       hansad --genesis FILE --key FILE --data DIR [options]\n\n"
        "  --config FILE                the configuration, a JSON file\n"
        "  --init                       this key's very first start: makes the data directory\n"
        "                               and the marker beside the key (FILE.marker)\n"
        "  --check                      judge all of it, say what a start would do, and end\n"
        "  --version, --help\n\n"
        "Each of these is a field of the configuration file too, with _ for -; there, paths are\n"
        "relative to the file. A flag overrides the file.\n\n");
    config_print_settings();
    printf("\nexample:\n"
           "  { \"hansad_config\": 1, \"genesis\": \"genesis.json\", \"key\": \"alpha.key\",\n"
           "    \"data\": \"alpha\" }\n\n"
           "The log goes to the standard error. SIGTERM ends the node; so does SIGKILL, at any\n"
           "moment, without loss.\n\n"
           "exit codes:\n");
#define X(name, number, text) printf("  %d  %s\n", number, text);
    EXIT_LIST(X)
#undef X
}

/* Words may quote what a file or a path holds: nothing of it may talk to a terminal. */
static enum exit_code complain(enum exit_code code, const char *words)
{
    fputs("hansad: ", stderr);
    for (const char *at = words; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c >= 0x20 && c < 0x7f)
            fputc(c, stderr);
        else
            fprintf(stderr, "\\x%02x", c);
    }
    fputc('\n', stderr);
    return code;
}

/* Each stranger's connection may hold a frame's memory, so descriptors bound memory (pitfalls K3,
 * K6). */
static enum rc limit_descriptors(struct why *why)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return why_set(why, RC_FILE_IO, "getrlimit: %s", strerror(errno));
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < NET_DESCRIPTORS_MAX)
        return why_set(why, RC_FILE_IO,
                       "the limit of open files is %ju, a node needs %d: raise it (ulimit -Hn, or "
                       "LimitNOFILE of its service)",
                       (uintmax_t)limit.rlim_max, (int)NET_DESCRIPTORS_MAX);
    limit.rlim_cur = NET_DESCRIPTORS_MAX;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return why_set(why, RC_FILE_IO, "setrlimit: %s", strerror(errno));
    return RC_OK;
}

/* Before any thread is: all of them inherit it. */
static void set_signals(void)
{
    sigset_t set;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

/* The last line of a node that has to stop: what, why, what to do. */
static enum exit_code stop(struct log *log, enum rc rc, const struct why *why)
{
    struct log_line l;
    log_begin(&l, log, LOG_ERROR, "stopped");
    log_words(&l, "code", rc_name(rc));
    log_number(&l, "exit", exit_of_rc(rc));
    log_words(&l, "words", why->text[0] != '\0' ? why->text : rc_text(rc));
    /* With the next step, where it is not among the words. RC_FILE_IO has none, and stands for
     * whatever the system refuses, ports too: its words are the system's own. */
    bool is_worlds = exit_of_rc(rc) == EXIT_NO || exit_of_rc(rc) == EXIT_ENVIRONMENT;
    if (is_worlds && rc != RC_FILE_IO && strstr(why->text, rc_text(rc)) == NULL)
        log_words(&l, "cause", rc_text(rc));
    log_end(&l);
    return exit_of_rc(rc);
}

static enum exit_code run(const struct config *config, bool init)
{
    struct why why = {{0}};
    struct home *home = mem_alloc(sizeof *home);
    struct log log = {
        .fd = STDERR_FILENO, .level = config->log_level, .format = config->log_format};
    set_signals();
    enum rc rc = limit_descriptors(&why);
    if (rc == RC_OK)
        rc = home_open(home, config, init, &why);
    if (rc == RC_OK) {
        rc = node_run(home, &log, &why);
        home_close(home);
    }
    mem_free(home);
    if (rc != RC_OK)
        return stop(&log, rc, &why);
    log_say(&log, LOG_INFO, "ended", "all that was told is durable");
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    struct why why = {{0}};
    struct asked asked;
    struct config *config = mem_alloc(sizeof *config);
    enum rc rc = config_read(config, &asked, argc, argv, &why);
    enum exit_code code = EXIT_DONE;
    if (rc == RC_OK)
        rc = crypto_start(&why);
    if (rc == RC_REFUSED) {
        code = complain(EXIT_USAGE, why.text);
        fputs("  hansad --help says more\n", stderr);
    } else if (rc != RC_OK) {
        code = complain(exit_of_rc(rc), why.text);
    } else if (asked.help) {
        print_help();
    } else if (asked.version) {
        printf("hansad %s\n", HANSA_VERSION);
    } else if (asked.check) {
        rc = dry_run(config, asked.init, &why);
        code = rc == RC_OK ? EXIT_DONE : complain(exit_of_rc(rc), why.text);
    } else {
        code = run(config, asked.init);
    }
    mem_free(config);
    return code;
}
