/* Structured log lines on the standard error, one event a line, in logfmt or JSON:
 *
 *   ts=2026-11-21T09:40:04.123Z level=info event=committed height=17 txid=5e..
 *   {"ts":"2026-11-21T09:40:04.123Z","level":"info","event":"committed","height":17}
 *
 * Values may come from peers and clients. Bytes that are not printable ASCII stand as \xHH, and the
 * whole is a JSON string in both formats, so that no value can end its line, forge a field or talk
 * to a terminal. A line is at most LOG_LINE_BYTES long, longer values are cut and the line says so.
 * Writing never blocks: a reader who does not keep up loses lines, and is told how many.
 *
 *   struct log_line l;
 *   log_begin(&l, log, LOG_INFO, "committed");
 *   log_number(&l, "height", 17);
 *   log_end(&l);
 *
 * Any thread may write: a line is one write().
 *
 * Levels. error: the operator of this node has to act. warn: something is not as it should be,
 * mostly with others, and may pass by itself; look when it lasts. info: what a node is doing.
 * debug: each block and transaction. What can happen often is limited to a line now and then. The
 * events:
 *
 *   error  stopped          the node cannot go on: the cause and the next step
 *   error  learner          this key never votes again (rule 4.2)
 *   error  diverged         the own state is not the one that a quorum certified (8.2)
 *   error  set_aside        such a store was copied, and where; the certified state is taken anew
 *   error  not_set_aside    it is taken anew without: no copy could be made, and why
 *   error  safety_alarm     two certificates contradict each other (13)
 *   error  damaged          something in the own store is damaged, and was given to nobody
 *   error  disk_low         below the reserve: no client's transactions are taken
 *   error  read_failed      the own store cannot be read, for a client or for a copy
 *   warn   disk_unknown     how much room is left cannot be told
 *   warn   readers_unknown  the table of readers cannot be looked at
 *   warn   peer             a session is lost or silent, or a HELLO does not hold (signature, keys,
 *                           chain, version)
 *   warn   refused          members sent what no correct member sends (signatures, bodies)
 *   warn   evidence         proof that a member lied: once for each kind, and at each start
 *   warn   reopening_waits  the store is opened anew again and again: how long the next time waits
 *   warn   inbox_full       a peer sends more than is taken
 *   warn   client_version   a client speaks another version of the protocol
 *   warn   crowd            too many connections: silent ones were ended
 *   warn   progress         as below, but behind and no nearer than at the last look
 *   info   progress         height, how far behind and how long that will take; each 10 s
 *   info   catching_up      it is more than a pipeline behind
 *   info   caught_up        no more
 *   info   complaint        this node wants to leave its view: of which primary, for what; once for
 *                           a view (6.1)
 *   info   view_left        f+1 members wanted to, for that reason; the next view and its primary
 *   info   view_installed   a quorum works in the new view: its primary, the height it goes on
 *                           from, and how long ago the old one was left
 *   info   checkpoint       stable: what a quorum certified is the own state (8.1); each 10 s
 *   info   snapshot         a state is being taken from the others (9.3): how far; each 10 s
 *   info   reopening        it was, or is to be: the store is opened anew, and the node goes on
 *   info   history          from which height on blocks are here; each 10 s, and when all are
 *   info   peer             a session is live
 *   info   disk_enough      there is room again
 *   info   readers_cleared  places of readers that were killed were given back (pitfalls J5)
 *   info   backup_begun     a client asked for a copy
 *   info   backup_made      it is there
 *   info   started, ending, ended
 *   debug  committed_block, committed
 *   debug  rejected         a client's transaction, for good: txid, and the word of the verdict
 *   debug  refused_tx       the same for now: txid, and the word of the verdict or of the pool; or
 *                           a whole request (txs), because too much waits
 */
#ifndef NODE_HANSAD_LOG_H
#define NODE_HANSAD_LOG_H

#include <stdatomic.h>

#include "crypto/digest.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVELS_COUNT };
enum log_format { LOG_LOGFMT, LOG_JSON, LOG_FORMATS_COUNT };
extern const char *const log_level_words[LOG_LEVELS_COUNT];
extern const char *const log_format_words[LOG_FORMATS_COUNT];

struct log {
    int fd;
    enum log_level level; /* lines above it are not written */
    enum log_format format;
    atomic_uint_fast64_t lost_count; /* lines that found no room, not told yet */
};

enum {
    /* What a pipe takes whole and at once (PIPE_BUF). */
    LOG_LINE_BYTES = 4096
};
struct log_line {
    struct log *log; /* NULL: this line is not wanted */
    bool is_cut;
    size_t size;
    char text[LOG_LINE_BYTES];
};

/* event and keys are words of ours: [a-z0-9_]. */
void log_begin(struct log_line *l, struct log *log, enum log_level level, const char *event);
void log_text(struct log_line *l, const char *key, struct bytes value);
void log_words(struct log_line *l, const char *key, const char *value);
void log_number(struct log_line *l, const char *key, uint64_t value);
void log_digest(struct log_line *l, const char *key, const struct digest *value);
/* Ends the line, with its newline, and writes it. */
void log_end(struct log_line *l);

/* The whole of the commonest line: an event and its words. */
void log_say(struct log *log, enum log_level level, const char *event, const char *words);

/* For what may happen a thousand times a second: true once in every_ms, and then *skipped is how
 * often it was false since. Zero-initialise. */
struct log_limit {
    uint64_t next_ms;
    uint64_t skipped_count;
};
MUST_USE bool log_may(struct log_limit *limit, uint64_t now_ms, uint64_t every_ms,
                      uint64_t *skipped);

#endif
