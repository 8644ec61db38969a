#include "tools/hansa/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "crypto/checksum.h"
#include "tools/hansa/cli.h"

static const char magic[] = "HANSAIJ1";
enum { MAGIC_BYTES = sizeof magic - 1, CHECKSUM_DOMAIN = 'J' };

/* ---- records as bytes ---- */

static void encode_body(struct buf *out, const struct journal_record *r)
{
    buf_add_u8(out, (uint8_t)r->type);
    if (r->type == JOURNAL_MARK)
        return;
    if (r->type == JOURNAL_BEGIN) {
        const struct journal_binding *b = &r->binding;
        CHECK(b->rules.size <= JOURNAL_RULES_BYTES_MAX);
        buf_add(out, b->chain_id.bytes, DIGEST_BYTES);
        buf_add(out, b->csv.bytes, DIGEST_BYTES);
        buf_add(out, b->signer.bytes, PUBLIC_KEY_BYTES);
        buf_add_u16(out, (uint16_t)b->rules.size);
        buf_add_bytes(out, b->rules);
        return;
    }
    buf_add_u64(out, r->batch);
    if (r->type == JOURNAL_SIGNED) {
        buf_add_u64(out, r->first_line);
        buf_add_u64(out, r->last_line);
        buf_add_u32(out, r->rows);
        buf_add_bytes(out, r->tx);
    } else if (r->type == JOURNAL_CANCEL) {
        buf_add_u8(out, (uint8_t)r->verdict);
        buf_add_bytes(out, r->tx);
    } else {
        buf_add(out, r->txid.bytes, DIGEST_BYTES);
        buf_add_u64(out, r->height);
        if (r->type == JOURNAL_REFUSED)
            buf_add_u8(out, (uint8_t)r->verdict);
    }
}

static enum verdict take_verdict(struct rd *r)
{
    uint8_t byte = rd_u8(r);
    if (byte >= VERDICT_COUNT)
        rd_fail(r);
    return byte < VERDICT_COUNT ? (enum verdict)byte : VERDICT_MALFORMED;
}

static bool decode_body(struct journal_record *out, struct bytes body)
{
    struct rd r = rd_of(body);
    *out = (struct journal_record){.type = (enum journal_type)rd_u8(&r)};
    switch (out->type) {
    case JOURNAL_MARK:
        break;
    case JOURNAL_BEGIN:
        rd_copy(&r, out->binding.chain_id.bytes, DIGEST_BYTES);
        rd_copy(&r, out->binding.csv.bytes, DIGEST_BYTES);
        rd_copy(&r, out->binding.signer.bytes, PUBLIC_KEY_BYTES);
        out->binding.rules = rd_take(&r, rd_u16(&r));
        break;
    case JOURNAL_SIGNED:
        out->batch = rd_u64(&r);
        out->first_line = rd_u64(&r);
        out->last_line = rd_u64(&r);
        out->rows = rd_u32(&r);
        out->tx = rd_take(&r, r.left);
        break;
    case JOURNAL_CANCEL:
        out->batch = rd_u64(&r);
        out->verdict = take_verdict(&r);
        out->tx = rd_take(&r, r.left);
        break;
    case JOURNAL_COMMITTED:
    case JOURNAL_REFUSED:
    case JOURNAL_LOST:
        out->batch = rd_u64(&r);
        rd_copy(&r, out->txid.bytes, DIGEST_BYTES);
        out->height = rd_u64(&r);
        if (out->type == JOURNAL_REFUSED)
            out->verdict = take_verdict(&r);
        break;
    default:
        rd_fail(&r);
    }
    return rd_done(&r);
}

static uint64_t checksum_at(uint64_t place, uint64_t synced, struct bytes body)
{
    uint8_t label[16];
    struct wr w = wr_of(label, sizeof label);
    wr_u64(&w, place);
    wr_u64(&w, synced);
    return checksum_of(CHECKSUM_DOMAIN, wr_bytes_of(&w), body);
}

/* ---- opening ---- */

static enum rc judge_magic(const struct journal *j, struct why *why)
{
    char start[MAGIC_BYTES];
    ssize_t got = pread(j->fd, start, sizeof start, 0);
    if (got < 0)
        return why_set(why, RC_FILE_IO, "cannot be read: %s", strerror(errno));
    if (memcmp(start, magic, (size_t)got) != 0)
        return why_set(why, RC_MALFORMED,
                       "this is not the journal of an import: give another "
                       "--journal FILE");
    return RC_OK;
}

static enum rc open_fd(struct journal *out, const char *path, int flags, struct why *why)
{
    memset(out, 0, sizeof *out);
    out->fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (out->fd < 0)
        return why_set(why, errno == ENOENT ? RC_NOT_FOUND : RC_FILE_IO, "cannot be opened: %s",
                       strerror(errno));
    struct stat st;
    if (fstat(out->fd, &st) == 0 && S_ISREG(st.st_mode))
        return RC_OK;
    close(out->fd);
    return why_set(why, RC_FILE_IO, "is not a file");
}

static enum rc named(struct why *why, enum rc rc, const char *path)
{
    char quoted[CLI_QUOTE_BYTES];
    return rc == RC_OK ? rc : why_within(why, rc, "%s", cli_quote(quoted, path));
}

/* A new name is durable only when its directory is. */
static enum rc sync_name(const char *path, struct why *why)
{
    char directory[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL)
        snprintf(directory, sizeof directory, "%.*s", (int)(slash - path + 1), path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    int cause = errno;
    if (fd >= 0)
        close(fd);
    return is_synced
               ? RC_OK
               : why_set(why, RC_FILE_IO, "its directory cannot be synced: %s", strerror(cause));
}

enum rc journal_open(struct journal *out, const char *path, struct why *why)
{
    enum rc rc = open_fd(out, path, O_RDWR | O_CREAT, why);
    if (rc != RC_OK)
        return named(why, rc == RC_NOT_FOUND ? RC_FILE_IO : rc, path);
    if (flock(out->fd, LOCK_EX | LOCK_NB) != 0)
        rc = why_set(why, errno == EWOULDBLOCK ? RC_STORE_IN_USE : RC_FILE_IO, "%s",
                     errno == EWOULDBLOCK
                         ? "another import is at work with this journal: wait until it has ended"
                         : strerror(errno));
    if (rc == RC_OK)
        rc = judge_magic(out, why);
    if (rc == RC_OK)
        rc = sync_name(path, why);
    if (rc != RC_OK)
        close(out->fd);
    return named(why, rc, path);
}

enum rc journal_open_to_look(struct journal *out, const char *path, struct why *why)
{
    enum rc rc = open_fd(out, path, O_RDONLY, why);
    if (rc != RC_OK)
        return named(why, rc, path);
    rc = judge_magic(out, why);
    if (rc != RC_OK)
        close(out->fd);
    return named(why, rc, path);
}

void journal_close(struct journal *j)
{
    buf_free(&j->pending);
    close(j->fd);
    j->fd = -1;
}

/* ---- replaying ---- */

enum { WINDOW_BYTES = 1024 * 1024 };
_Static_assert(WINDOW_BYTES >= 2 * (JOURNAL_HEAD_BYTES + JOURNAL_BODY_BYTES_MAX),
               "one record fits");

/* A stretch of the file in memory. */
struct window {
    int fd;
    uint64_t end; /* of the file when the replay began */
    uint64_t at;  /* place of data */
    size_t size;
    uint8_t *data;
};

/* Up to `size` bytes at a place, fewer at the file's end. */
static enum rc window_get(struct window *w, uint64_t place, size_t size, struct bytes *out,
                          struct why *why)
{
    if (size > w->end - place)
        size = (size_t)(w->end - place);
    if (place < w->at || place + size > w->at + w->size) {
        w->at = place;
        w->size = 0;
        while (w->size < WINDOW_BYTES && w->at + w->size < w->end) {
            ssize_t got =
                pread(w->fd, w->data + w->size, WINDOW_BYTES - w->size, (off_t)(w->at + w->size));
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0)
                return why_set(why, RC_FILE_IO, "the journal cannot be read: %s", strerror(errno));
            if (got == 0)
                return why_set(why, RC_FILE_IO, "the journal became shorter while it was read");
            w->size += (size_t)got;
        }
        if (place + size > w->at + w->size)
            size = w->size;
    }
    *out = bytes_of(w->data + (place - w->at), size);
    return RC_OK;
}

/* The record at a place. *bytes: its whole size, 0 when there is no whole one. */
static enum rc read_record(struct window *w, uint64_t place, struct journal_record *out,
                           uint64_t *synced, size_t *bytes, struct why *why)
{
    struct bytes head, whole;
    *bytes = 0;
    enum rc rc = window_get(w, place, JOURNAL_HEAD_BYTES, &head, why);
    if (rc != RC_OK || head.size < JOURNAL_HEAD_BYTES)
        return rc;
    struct rd r = rd_of(head);
    uint32_t size = rd_u32(&r);
    uint64_t checksum = rd_u64(&r);
    *synced = rd_u64(&r);
    if (size == 0 || size > JOURNAL_BODY_BYTES_MAX || *synced > place)
        return RC_OK;
    rc = window_get(w, place, JOURNAL_HEAD_BYTES + size, &whole, why);
    if (rc != RC_OK || whole.size < JOURNAL_HEAD_BYTES + size)
        return rc;
    struct bytes body = bytes_of(whole.data + JOURNAL_HEAD_BYTES, size);
    if (checksum_at(place, *synced, body) == checksum && decode_body(out, body))
        *bytes = whole.size;
    return RC_OK;
}

/* No whole record stands at `place`: a torn tail, unless a later one knew it to be synced. */
static enum rc judge_rest(struct window *w, uint64_t place, struct why *why)
{
    struct journal_record record;
    uint64_t synced;
    size_t bytes;
    for (uint64_t at = place + 1; at < w->end; at++) {
        enum rc rc = read_record(w, at, &record, &synced, &bytes, why);
        if (rc != RC_OK)
            return rc;
        if (bytes > 0 && synced > place)
            return why_set(why, RC_STORE_DAMAGED,
                           "the journal is damaged at byte %" PRIu64 ", and goes on behind it: "
                           "take it from a backup; without it the ledger's history of the key "
                           "tells which rows were paid",
                           place);
    }
    return RC_OK;
}

static enum rc replay(struct journal *j, struct window *w, journal_see *see, void *context,
                      struct why *why)
{
    uint64_t place = MAGIC_BYTES;
    if (w->end < MAGIC_BYTES) {
        j->size = 0;
        return RC_OK;
    }
    for (;;) {
        struct journal_record record;
        uint64_t synced;
        size_t bytes = 0;
        j->size = place;
        if (place == w->end)
            return RC_OK;
        enum rc rc = read_record(w, place, &record, &synced, &bytes, why);
        if (rc == RC_OK && bytes == 0)
            return judge_rest(w, place, why);
        if (rc == RC_OK && record.type != JOURNAL_MARK)
            rc = see(context, &record, why);
        if (rc != RC_OK)
            return rc;
        place += bytes;
    }
}

enum rc journal_replay(struct journal *j, journal_see *see, void *context, struct why *why)
{
    struct stat st;
    if (fstat(j->fd, &st) != 0)
        return why_set(why, RC_FILE_IO, "the journal cannot be examined: %s", strerror(errno));
    struct window w = {.fd = j->fd, .end = (uint64_t)st.st_size, .data = mem_alloc(WINDOW_BYTES)};
    enum rc rc = replay(j, &w, see, context, why);
    mem_free(w.data);
    j->synced = 0; /* what is whole may still be in the system's memory only */
    return rc;
}

/* ---- writing ---- */

void journal_add(struct journal *j, const struct journal_record *r)
{
    if (j->size + j->pending.size == 0)
        buf_add(&j->pending, magic, MAGIC_BYTES);
    struct buf body = {0};
    encode_body(&body, r);
    CHECK(body.size <= JOURNAL_BODY_BYTES_MAX);
    uint64_t place = j->size + j->pending.size;
    buf_add_u32(&j->pending, (uint32_t)body.size);
    buf_add_u64(&j->pending, checksum_at(place, j->synced, buf_bytes(&body)));
    buf_add_u64(&j->pending, j->synced);
    buf_add_bytes(&j->pending, buf_bytes(&body));
    buf_free(&body);
}

enum rc journal_write(struct journal *j, struct why *why)
{
    size_t done = 0;
    /* A torn tail goes before the first write: it must not be taken for damage later. */
    if (!j->is_trimmed && ftruncate(j->fd, (off_t)j->size) != 0)
        return why_set(why, RC_FILE_IO, "the journal cannot be written: %s", strerror(errno));
    j->is_trimmed = true;
    while (done < j->pending.size) {
        ssize_t put =
            pwrite(j->fd, j->pending.data + done, j->pending.size - done, (off_t)(j->size + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return why_set(why, errno == ENOSPC ? RC_DISK_FULL : RC_FILE_IO,
                           "the journal cannot be written: %s", strerror(errno));
        done += (size_t)put;
    }
    j->size += done;
    buf_clear(&j->pending);
    return RC_OK;
}

enum rc journal_sync(struct journal *j, struct why *why)
{
    enum rc rc = journal_write(j, why);
    if (rc != RC_OK)
        return rc;
    if (fdatasync(j->fd) != 0)
        return why_set(why, RC_FILE_IO, "the journal cannot be synced: %s", strerror(errno));
    j->synced = j->size;
    journal_add(j, &(struct journal_record){.type = JOURNAL_MARK});
    return journal_write(j, why);
}

/* ---- binding ---- */

/* The line that begins at a place, as far as it fits; none behind the end. */
static void take_line(char *out, size_t room, struct bytes text, size_t from)
{
    size_t size = 0;
    while (from + size < text.size && text.data[from + size] != '\n' && size < room - 1)
        size++;
    memcpy(out, text.data + from, size);
    out[size] = '\0';
}

static enum rc refuse_rules(struct bytes is, struct bytes asked, struct why *why)
{
    enum { LINE_BYTES = 96 };
    char old[LINE_BYTES], new[LINE_BYTES], quoted_old[CLI_QUOTE_BYTES], quoted_new[CLI_QUOTE_BYTES];
    size_t line = 0;
    size_t same = 0;
    for (; same < is.size && same < asked.size && is.data[same] == asked.data[same]; same++) {
        if (is.data[same] == '\n')
            line = same + 1;
    }
    /* One is the beginning of the other: what differs is the line behind it. */
    if ((same == is.size && same < asked.size && asked.data[same] == '\n') ||
        (same == asked.size && same < is.size && is.data[same] == '\n'))
        line = same + 1;
    take_line(old, sizeof old, is, line);
    take_line(new, sizeof new, asked, line);
    return why_set(why, RC_INVALID, "it was begun with other options: %s, and now %s",
                   line < is.size ? cli_quote(quoted_old, old) : "nothing",
                   line < asked.size ? cli_quote(quoted_new, new) : "nothing");
}

enum rc journal_judge_binding(const struct journal_binding *is, const struct journal_binding *asked,
                              struct why *why)
{
    if (!digest_equal(&is->chain_id, &asked->chain_id))
        return why_set(why, RC_INVALID, "it belongs to another chain than this genesis file's");
    if (!public_key_equal(&is->signer, &asked->signer))
        return why_set(why, RC_INVALID, "it was begun with another key");
    if (!digest_equal(&is->csv, &asked->csv))
        return why_set(why, RC_INVALID, "it was begun with a CSV file of other content");
    if (!bytes_equal(is->rules, asked->rules))
        return refuse_rules(is->rules, asked->rules, why);
    return RC_OK;
}
