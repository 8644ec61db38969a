#include "node/hansad/marker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "crypto/checksum.h"

enum {
    CHECKSUM_DOMAIN = 254, /* no table of the store has this number, and no other file of ours */
    HEX_BYTES_MAX = 2 * DIGEST_BYTES + 1
};
static const char magic[] = "hansa-marker 1\n";

enum rc marker_path(char out[static PATH_MAX], const char *key_path, struct why *why)
{
    int size = snprintf(out, PATH_MAX, "%s.marker", key_path);
    if (size < 0 || size + 4 >= PATH_MAX) /* ".new" follows while it is written */
        return why_set(why, RC_INVALID, "the path of the key file is too long");
    return RC_OK;
}

/* ---- text ---- */

static void encode(struct buf *out, const struct marker *m)
{
    char hex[HEX_BYTES_MAX], line[128];
    buf_add_bytes(out, bytes_of_text(magic));
    digest_to_hex(hex, &m->chain_id);
    snprintf(line, sizeof line, "chain: %s\n", hex);
    buf_add_bytes(out, bytes_of_text(line));
    public_key_to_hex(hex, &m->key);
    snprintf(line, sizeof line, "key: %s\n", hex);
    buf_add_bytes(out, bytes_of_text(line));
    hex_encode(hex, m->store_id, STORE_ID_BYTES);
    snprintf(line, sizeof line, "store: %s\n", hex);
    buf_add_bytes(out, bytes_of_text(line));
    snprintf(line, sizeof line, "epoch: %" PRIu64 "\nview: %" PRIu64 "\nheight: %" PRIu64 "\n",
             m->reserved.epoch, m->reserved.view, m->reserved.height);
    buf_add_bytes(out, bytes_of_text(line));
    uint64_t checksum = checksum_of(CHECKSUM_DOMAIN, bytes_of_text(magic), buf_bytes(out));
    snprintf(line, sizeof line, "checksum: %016" PRIx64 "\n", checksum);
    buf_add_bytes(out, bytes_of_text(line));
}

/* "name: value\n" at the cursor; the value, ended, into out. */
static void take_line(struct rd *r, const char *name, char *out, size_t room)
{
    size_t name_bytes = strlen(name), size = 0;
    struct bytes start = rd_take(r, name_bytes + 2);
    out[0] = '\0';
    if (start.size == 0 || memcmp(start.data, name, name_bytes) != 0 ||
        memcmp(start.data + name_bytes, ": ", 2) != 0) {
        rd_fail(r);
        return;
    }
    for (uint8_t byte = rd_u8(r); byte != '\n' && !r->failed; byte = rd_u8(r)) {
        if (size + 1 >= room)
            rd_fail(r);
        else
            out[size++] = (char)byte;
    }
    out[size] = '\0';
}

static uint64_t take_number(struct rd *r, const char *name)
{
    char text[24];
    uint64_t value = 0;
    take_line(r, name, text, sizeof text);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            rd_fail(r);
        value = value * 10 + (uint64_t)(*at - '0'); /* a wrapped one is not encoded so again */
    }
    return value;
}

static bool decode(struct marker *out, struct bytes text)
{
    char hex[HEX_BYTES_MAX], checksum[24];
    struct rd r = rd_of(text);
    bool is_sound = bytes_equal(rd_take(&r, strlen(magic)), bytes_of_text(magic));
    take_line(&r, "chain", hex, sizeof hex);
    is_sound = is_sound && digest_from_hex(&out->chain_id, hex);
    take_line(&r, "key", hex, sizeof hex);
    is_sound = is_sound && public_key_from_hex(&out->key, hex);
    take_line(&r, "store", hex, sizeof hex);
    is_sound = is_sound && hex_decode(out->store_id, STORE_ID_BYTES, hex);
    out->reserved.epoch = take_number(&r, "epoch");
    out->reserved.view = take_number(&r, "view");
    out->reserved.height = take_number(&r, "height");
    take_line(&r, "checksum", checksum, sizeof checksum);
    if (!is_sound || !rd_done(&r))
        return false;
    /* One marker, one text: this holds the checksum too. */
    struct buf again = {0};
    encode(&again, out);
    is_sound = bytes_equal(buf_bytes(&again), text);
    buf_free(&again);
    return is_sound;
}

/* ---- the file ---- */

enum rc marker_read(struct marker *out, const char *path, struct why *why)
{
    uint8_t text[MARKER_FILE_BYTES_MAX + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return why_set(why, RC_NOT_FOUND, "%s: there is no marker", path);
    if (fd < 0)
        return why_set(why, RC_FILE_IO, "%s: cannot be opened: %s", path, strerror(errno));
    ssize_t size = pread(fd, text, sizeof text, 0);
    int cause = errno;
    close(fd);
    if (size < 0)
        return why_set(why, RC_FILE_IO, "%s: cannot be read: %s", path, strerror(cause));
    if (decode(out, bytes_of(text, (size_t)size)))
        return RC_OK;
    return why_set(why, RC_MALFORMED,
                   "%s: the marker is damaged, so up to where this key has voted is not known: put "
                   "back its newest copy; without one this key cannot start, and there is no way "
                   "yet to give the member a new key",
                   path);
}

static enum rc failed(const char *path, const char *act, int e, struct why *why)
{
    enum rc rc = e == ENOSPC || e == EDQUOT ? RC_DISK_FULL : RC_FILE_IO;
    return why_set(why, rc, "%s: %s: %s", path, act, strerror(e));
}

static enum rc write_new(const char *path, struct bytes text, struct why *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(path, "cannot be made", errno, why);
    ssize_t size = write(fd, text.data, text.size);
    int e = size == (ssize_t)text.size ? 0 : size < 0 ? errno : ENOSPC;
    if (e == 0 && fsync(fd) != 0)
        e = errno;
    if (close(fd) != 0 && e == 0)
        e = errno;
    return e == 0 ? RC_OK : failed(path, "cannot be written", e, why);
}

static enum rc sync_directory_of(const char *path, struct why *why)
{
    char directory[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL)
        snprintf(directory, sizeof directory, "%.*s", (int)(slash - path + 1), path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return failed(path, "its directory cannot be opened", errno, why);
    int e = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return e == 0 ? RC_OK : failed(path, "its directory cannot be synced", e, why);
}

enum rc marker_write(const char *path, const struct marker *m, struct why *why)
{
    char new_path[PATH_MAX];
    struct buf text = {0};
    int size = snprintf(new_path, sizeof new_path, "%s.new", path);
    CHECK(size > 0 && size < PATH_MAX); /* marker_path() left room */
    encode(&text, m);
    enum rc rc = write_new(new_path, buf_bytes(&text), why);
    if (rc == RC_OK && rename(new_path, path) != 0)
        rc = failed(path, "cannot be replaced", errno, why);
    if (rc == RC_OK)
        rc = sync_directory_of(path, why);
    buf_free(&text);
    return rc;
}

/* ---- judging ---- */

/* What a start does where it may not vote, whether that is a mistake or for ever. */
#define FOLLOWS "until then the node follows as a learner and does not vote. "
#define FOR_EVER                                                                                   \
    "this key never votes again, and there is no way yet to give the member a new one: the node "  \
    "follows as a learner"

static enum marker_verdict refuse(enum rc *out, enum rc rc)
{
    *out = rc;
    return MARKER_REFUSED;
}

static enum marker_verdict judge_first(const struct marker_case *c, enum rc *rc, struct why *why)
{
    if (!c->init)
        return refuse(rc, why_set(why, RC_NOT_FOUND,
                                  "this key has no marker beside it: if it was never started "
                                  "before, start it with --init; if it was, put its marker back: "
                                  "without it this key cannot start, and there is no way yet to "
                                  "give the member a new one"));
    if (c->has_store && c->is_used)
        return refuse(rc, why_set(why, RC_INVALID,
                                  "--init is for a key's first start, and the store in the data "
                                  "directory has been used: name an empty data directory, or put "
                                  "the key's marker back and leave --init out"));
    return MARKER_FIRST;
}

/* A first start that ended before it did anything, for want of a port perhaps, may be done again.
 */
static bool is_unused(const struct marker_case *c)
{
    static const struct pbft_rank nothing;
    return c->has_store && !c->is_used &&
           memcmp(c->marker->store_id, c->store_id, STORE_ID_BYTES) == 0 &&
           pbft_rank_compare(&c->marker->reserved, &nothing) == 0;
}

enum marker_verdict marker_judge(const struct marker_case *c, enum rc *rc, struct why *why)
{
    const struct marker *m = c->marker;
    *rc = RC_OK;
    if (m == NULL)
        return judge_first(c, rc, why);
    if (c->init && !is_unused(c))
        return refuse(rc, why_set(why, RC_INVALID,
                                  "--init is for a key's first start, and this key has a marker: "
                                  "leave --init out"));
    if (!digest_equal(&m->chain_id, &c->chain_id)) {
        char its[DIGEST_HEX_BYTES], ours[DIGEST_HEX_BYTES];
        digest_to_hex(its, &m->chain_id);
        digest_to_hex(ours, &c->chain_id);
        return refuse(rc, why_set(why, RC_GENESIS_MISMATCH,
                                  "the marker beside the key is of chain %s, the genesis file of "
                                  "chain %s: use the genesis file that this key began with",
                                  its, ours));
    }
    if (!public_key_equal(&m->key, &c->key))
        return refuse(rc, why_set(why, RC_KEY_MISMATCH,
                                  "the marker beside the key file is another key's: put the right "
                                  "one back"));
    if (!c->has_store) {
        *rc =
            why_set(why, RC_STORE_ROLLED_BACK,
                    "this key has been started before, and its store is not in the data "
                    "directory %.200s: is that the right one? If not, name the right one and start "
                    "again: it votes then; " FOLLOWS "If the store is lost, " FOR_EVER,
                    c->data_path);
        return MARKER_FENCED;
    }
    if (memcmp(m->store_id, c->store_id, STORE_ID_BYTES) != 0) {
        *rc =
            why_set(why, RC_STORE_ROLLED_BACK,
                    "the marker beside the key names another store than the one in the data "
                    "directory %.200s: is that the right one? If not, name the right one and start "
                    "again: it votes then; " FOLLOWS "If the other store is lost, " FOR_EVER,
                    c->data_path);
        return MARKER_FENCED;
    }
    if (pbft_rank_compare(&m->reserved, &c->reserved) > 0) {
        *rc = why_set(
            why, RC_STORE_ROLLED_BACK,
            "the store in the data directory %.200s is older than it was when this key last "
            "voted (the key may have voted up to view %" PRIu64 ", height %" PRIu64
            "; the store knows up to view %" PRIu64 ", height %" PRIu64
            "): is that the right one? If not, name the right one and start again: it "
            "votes then; " FOLLOWS "If the newer store is lost, " FOR_EVER,
            c->data_path, m->reserved.view, m->reserved.height, c->reserved.view,
            c->reserved.height);
        return MARKER_FENCED;
    }
    return MARKER_FITS;
}
