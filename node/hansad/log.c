#include "node/hansad/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/base/check.h"

const char *const log_level_words[LOG_LEVELS_COUNT] = {"error", "warn", "info", "debug"};
const char *const log_format_words[LOG_FORMATS_COUNT] = {"logfmt", "json"};

enum {
    /* Room that values leave: a quote, " cut=true" or its like in JSON, a brace, a newline. */
    TAIL_BYTES = 32,
    KEY_BYTES_MAX = 64
};

/* ---- parts: nothing but these writes into a line ---- */

static void put(struct log_line *l, const char *bytes, size_t size)
{
    CHECK(l->size + size <= sizeof l->text);
    memcpy(l->text + l->size, bytes, size);
    l->size += size;
}

static void put_words(struct log_line *l, const char *words)
{
    put(l, words, strlen(words));
}

static bool is_json(const struct log_line *l)
{
    return l->log->format == LOG_JSON;
}

static bool has_room(struct log_line *l, size_t size)
{
    if (l->size + size + TAIL_BYTES <= sizeof l->text)
        return true;
    l->is_cut = true;
    return false;
}

/* False when the field has no place any more. */
static bool put_key(struct log_line *l, const char *key)
{
    size_t size = strlen(key);
    CHECK(size <= KEY_BYTES_MAX);
    if (l->log == NULL || l->is_cut || !has_room(l, size + 2 * DIGEST_HEX_BYTES))
        return false;
    bool is_first = l->size == 0;
    if (is_json(l)) {
        put_words(l, is_first ? "{\"" : ",\"");
        put(l, key, size);
        put_words(l, "\":");
        return true;
    }
    put_words(l, is_first ? "" : " ");
    put(l, key, size);
    put_words(l, "=");
    return true;
}

/* One byte of a value as it stands between the quotes of a JSON string. */
static size_t escape(char out[static 8], uint8_t byte)
{
    if (byte == '\\') /* escaped once for us, and each once more for JSON */
        memcpy(out, "\\\\\\\\", 4);
    else if (byte == '"')
        memcpy(out, "\\\"", 2);
    else if (byte >= 0x20 && byte < 0x7f)
        out[0] = (char)byte;
    else
        snprintf(out, 8, "\\\\x%02x", byte);
    return byte == '\\' ? 4 : byte == '"' ? 2 : byte >= 0x20 && byte < 0x7f ? 1 : 5;
}

static bool is_bare(struct bytes value)
{
    for (size_t i = 0; i < value.size; i++) {
        uint8_t b = value.data[i];
        if (b <= 0x20 || b >= 0x7f || b == '"' || b == '\\' || b == '=')
            return false;
    }
    return value.size > 0;
}

static void put_value(struct log_line *l, struct bytes value)
{
    bool is_quoted = is_json(l) || !is_bare(value);
    put_words(l, is_quoted ? "\"" : "");
    for (size_t i = 0; i < value.size; i++) {
        char escaped[8];
        size_t size = escape(escaped, value.data[i]);
        if (!has_room(l, size))
            break;
        put(l, escaped, size);
    }
    put_words(l, is_quoted ? "\"" : "");
}

/* ---- lines ---- */

static void put_time(struct log_line *l)
{
    struct timespec now;
    struct tm utc;
    char text[40];
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    CHECK(gmtime_r(&now.tv_sec, &utc) != NULL);
    size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + size, sizeof text - size, ".%03dZ", (int)(now.tv_nsec / 1000000));
    log_words(l, "ts", text);
}

void log_begin(struct log_line *l, struct log *log, enum log_level level, const char *event)
{
    l->log = level <= log->level ? log : NULL;
    l->is_cut = false;
    l->size = 0;
    if (l->log == NULL)
        return;
    put_time(l);
    log_words(l, "level", log_level_words[level]);
    log_words(l, "event", event);
}

void log_text(struct log_line *l, const char *key, struct bytes value)
{
    if (put_key(l, key))
        put_value(l, value);
}

void log_words(struct log_line *l, const char *key, const char *value)
{
    log_text(l, key, bytes_of_text(value));
}

void log_number(struct log_line *l, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    if (put_key(l, key))
        put_words(l, text);
}

void log_digest(struct log_line *l, const char *key, const struct digest *value)
{
    char hex[DIGEST_HEX_BYTES];
    digest_to_hex(hex, value);
    log_words(l, key, hex);
}

/* A pipe that is writable takes PIPE_BUF bytes whole; a file takes all. */
static bool write_line(const struct log_line *l)
{
    struct pollfd p = {.fd = l->log->fd, .events = POLLOUT};
    if (poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0)
        return false;
    ssize_t done;
    do
        done = write(l->log->fd, l->text, l->size);
    while (done < 0 && errno == EINTR);
    return done == (ssize_t)l->size;
}

void log_end(struct log_line *l)
{
    struct log *log = l->log;
    if (log == NULL)
        return;
    bool json = is_json(l);
    uint64_t lost = atomic_exchange(&log->lost_count, 0);
    if (lost > 0)
        log_number(l, "lines_lost", lost);
    if (l->is_cut)
        put_words(l, json ? ",\"cut\":true" : " cut=true");
    put_words(l, json ? "}\n" : "\n");
    if (!write_line(l))
        atomic_fetch_add(&log->lost_count, lost + 1);
}

void log_say(struct log *log, enum log_level level, const char *event, const char *words)
{
    struct log_line l;
    log_begin(&l, log, level, event);
    log_words(&l, "words", words);
    log_end(&l);
}

bool log_may(struct log_limit *limit, uint64_t now_ms, uint64_t every_ms, uint64_t *skipped)
{
    if (limit->next_ms != 0 && now_ms < limit->next_ms) {
        limit->skipped_count++;
        return false;
    }
    limit->next_ms = now_ms + every_ms;
    *skipped = limit->skipped_count;
    limit->skipped_count = 0;
    return true;
}
