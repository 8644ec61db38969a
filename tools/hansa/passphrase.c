#include "tools/hansa/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "tools/hansa/cli.h"

enum rc passphrase_from_file(struct key_passphrase *out, const char *path, struct why *why)
{
    enum rc rc = key_passphrase_read(out, path, why);
    return rc == RC_OK ? rc : cli_why_path(why, rc, path);
}

/* ---- from the terminal ---- */

/* The signal that came while the terminal was silent: it gets its voice back before we go. */
static volatile sig_atomic_t signal_seen;

static void on_signal(int number)
{
    signal_seen = number;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
enum { SIGNALS_COUNT = sizeof signals / sizeof signals[0] };

/* One line from the terminal, which does not echo. What was typed before the question is dropped:
 * it was seen, and was not meant as an answer. */
static enum rc read_silently(struct key_passphrase *p, int tty, const char *question, size_t *size,
                             struct why *why)
{
    struct termios before;
    if (tcgetattr(tty, &before) != 0)
        return why_set(why, RC_FILE_IO, "the terminal cannot be asked: %s", strerror(errno));
    struct sigaction old[SIGNALS_COUNT];
    struct sigaction ours = {.sa_handler = on_signal}; /* no SA_RESTART: read() must end */
    signal_seen = 0;
    for (int i = 0; i < SIGNALS_COUNT; i++)
        sigaction(signals[i], &ours, &old[i]);
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK);
    silent.c_lflag |= ECHONL;
    bool is_silent = tcsetattr(tty, TCSAFLUSH, &silent) == 0;
    if (is_silent)
        dprintf(tty, "%s: ", question);
    ssize_t got = is_silent ? read(tty, p->text, sizeof p->text) : -1;
    int cause = errno;
    tcsetattr(tty, TCSAFLUSH, &before);
    for (int i = 0; i < SIGNALS_COUNT; i++)
        sigaction(signals[i], &old[i], NULL);
    if (signal_seen != 0) {
        raise((int)signal_seen);
        return why_set(why, RC_INTERRUPTED, "interrupted while asking for the passphrase");
    }
    if (got < 0)
        return why_set(why, RC_FILE_IO, "the terminal cannot be read: %s", strerror(cause));
    *size = (size_t)got;
    return RC_OK;
}

static enum rc ask_once(struct key_passphrase *p, int tty, const char *question, const char *what,
                        struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    memset(p, 0, sizeof *p);
    char line[CLI_QUOTE_BYTES + 32];
    snprintf(line, sizeof line, "%s %s", question, cli_quote(quoted, what));
    size_t size = 0;
    enum rc rc = read_silently(p, tty, line, &size, why);
    return rc == RC_OK ? key_passphrase_take(p, size, why) : rc;
}

enum rc passphrase_ask(struct key_passphrase *out, const char *what, bool is_new, struct why *why)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0)
        return why_set(why, RC_FILE_IO,
                       "there is no terminal to ask for the passphrase: use --passphrase-file");
    crypto_lock(out, sizeof *out);
    enum rc rc = ask_once(out, tty, is_new ? "New passphrase for" : "Passphrase for", what, why);
    if (rc == RC_OK && is_new) {
        struct key_passphrase again;
        crypto_lock(&again, sizeof again);
        rc = ask_once(&again, tty, "Once more for", what, why);
        if (rc == RC_OK && strcmp(again.text, out->text) != 0)
            rc = why_set(why, RC_INVALID, "the two passphrases differ: try again");
        key_passphrase_close(&again);
    }
    close(tty);
    if (rc != RC_OK)
        key_passphrase_close(out);
    return rc;
}

/* ---- keys ---- */

/* What the public lines tell already; nobody should type a passphrase to be refused then. */
static enum rc judge_public(const struct key_public *public, const char *network, struct why *why)
{
    if (strcmp(public->network, network) != 0)
        return why_set(why, RC_NETWORK_MISMATCH,
                       "the key belongs to network '%s', not to '%s': use a key of this network",
                       public->network, network);
    if (public->kind != KEY_PARTICIPANT)
        return why_set(why, RC_INVALID,
                       "this is replica '%s's key: transactions are signed with a participant's "
                       "key",
                       public->name);
    return RC_OK;
}

static enum rc open_judged(struct key *out, const char *path, const char *passphrase_file,
                           const char *network, struct why *why)
{
    bool is_needed;
    enum rc rc = keyfile_needs_passphrase(&is_needed, path, why);
    if (rc != RC_OK)
        return rc;
    if (!is_needed)
        return keyfile_read(out, path, NULL, network, why);
    struct key_passphrase passphrase;
    rc = passphrase_file != NULL ? passphrase_from_file(&passphrase, passphrase_file, why)
                                 : passphrase_ask(&passphrase, path, false, why);
    if (rc != RC_OK)
        return rc;
    rc = keyfile_read(out, path, passphrase.text, network, why);
    key_passphrase_close(&passphrase);
    return rc;
}

enum rc key_open(struct key *out, const char *path, const char *passphrase_file,
                 const char *network, struct why *why)
{
    struct key_public public;
    enum rc rc = keyfile_read_public(&public, path, why);
    if (rc == RC_OK)
        rc = judge_public(&public, network, why);
    if (rc == RC_OK)
        rc = open_judged(out, path, passphrase_file, network, why);
    return rc == RC_OK ? rc : cli_why_path(why, rc, path);
}
