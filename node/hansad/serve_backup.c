/* BACKUP: a request without a name begins a copy and is answered when it is made; the others read
 * pieces of it. */
#include <string.h>

#include "node/hansad/serve_impl.h"

static const uint8_t no_id[BACKUP_ID_BYTES];

static void tell_piece(struct serve *s, uint64_t number, const struct proto_request *r,
                       const uint8_t id[static BACKUP_ID_BYTES])
{
    struct buf piece = {0};
    struct why why = {{0}};
    uint8_t there[BACKUP_ID_BYTES];
    uint64_t total = 0;
    bool is_there = backup_is_there(s->config.backup, there, &total);
    enum rc rc = is_there ? backup_read(s->config.backup, id, r->offset, r->count, &piece,
                                        s->time.now_ms, &why)
                          : RC_NOT_FOUND;
    if (rc == RC_OK) {
        s->reply.type = PROTO_BACKUP;
        s->reply.code = PROTO_OK;
        memcpy(s->reply.backup_id, id, BACKUP_ID_BYTES);
        s->reply.total = total;
        s->reply.data = buf_bytes(&piece);
        serve_reply(s, number, 0); /* what is copied is durable */
    } else if (rc == RC_NOT_FOUND) {
        serve_refuse(s, number, PROTO_BACKUP, PROTO_NOT_FOUND);
    } else {
        serve_fail(s, number, PROTO_BACKUP, rc, &why);
    }
    buf_free(&piece);
}

static void begin(struct serve *s, uint64_t number)
{
    uint8_t id[BACKUP_ID_BYTES];
    uint64_t total;
    if (s->backup_askers_count == 0 && backup_is_there(s->config.backup, id, &total) &&
        s->time.now_ms - s->backup_ms < SERVE_BACKUP_FRESH_MS) {
        tell_piece(s, number, &s->request, id);
        return;
    }
    bool is_begun = s->backup_askers_count > 0;
    if (!is_begun && s->may_copy)
        is_begun = backup_begin(s->config.backup, s->time.now_ms);
    if (!is_begun || s->backup_askers_count == SERVE_BACKUP_ASKERS_MAX) {
        serve_refuse(s, number, PROTO_BACKUP, PROTO_BUSY);
        return;
    }
    if (s->backup_askers_count == 0) {
        log_say(s->config.log, LOG_INFO, "backup_begun", "a client asked for a copy of the store");
        s->backup_request = s->request;
    }
    s->backup_askers[s->backup_askers_count++] = number;
}

void serve_backup(struct serve *s, uint64_t number)
{
    if (memcmp(s->request.backup_id, no_id, BACKUP_ID_BYTES) == 0)
        begin(s, number);
    else
        tell_piece(s, number, &s->request, s->request.backup_id);
}

void serve_backup_end(struct serve *s)
{
    for (uint32_t i = 0; i < s->backup_askers_count; i++)
        serve_refuse(s, s->backup_askers[i], PROTO_BACKUP, PROTO_BUSY);
    s->backup_askers_count = 0;
}

void serve_on_backup(struct serve *s, struct driver_time time)
{
    struct why why = {{0}};
    uint8_t id[BACKUP_ID_BYTES];
    uint64_t total = 0;
    s->time = time;
    s->backup_ms = time.now_ms;
    enum rc rc = backup_finish(s->config.backup, time.now_ms, &why);
    if (rc == RC_OK && backup_is_there(s->config.backup, id, &total)) {
        struct log_line l;
        log_begin(&l, s->config.log, LOG_INFO, "backup_made");
        log_number(&l, "bytes", total);
        log_end(&l);
    }
    for (uint32_t i = 0; i < s->backup_askers_count; i++) {
        if (rc == RC_OK)
            tell_piece(s, s->backup_askers[i], &s->backup_request, id);
        else
            serve_fail(s, s->backup_askers[i], PROTO_BACKUP, rc, &why);
    }
    s->backup_askers_count = 0;
}
