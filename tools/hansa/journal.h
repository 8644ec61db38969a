/* The journal of an import: what was signed, before it is sent, and what became of it. Whoever
 * starts the same import again with it pays no row twice and skips none.
 *
 * Layout, little-endian: "HANSAIJ1", then records appended one after the other:
 *
 *   bytes u32 | checksum u64 | synced u64 | body          bytes: of the body
 *   body: type u8 | the type's fields, see JOURNAL_TYPE_LIST
 *
 * The checksum covers the record's place in the file as well. synced: so many bytes of the file
 * were known to be on the disk when the record was made. So a record that is broken off or garbled
 * beyond what any later one calls synced is a torn tail, which a crash leaves: nothing of it was
 * sent, and it is dropped. One below that is damage, and the journal is refused. */
#ifndef TOOLS_HANSA_JOURNAL_H
#define TOOLS_HANSA_JOURNAL_H

#include "ledger/tx.h"

/* A batch is one or more rows in one transaction; batches are numbered from 0 in the file's order.
 *   BEGIN      chain_id 32 | csv 32 | signer 32 | rules_bytes u16 | rules
 *   SIGNED     batch u64 | first_line u64 | last_line u64 | rows u32 | transaction to the end
 *   CANCEL     batch u64 | verdict u8 | transaction to the end: of the same nonce
 *   COMMITTED  batch u64 | txid 32 | height u64
 *   REFUSED    batch u64 | txid 32 | height u64 | verdict u8: its CANCEL is committed
 *   LOST       batch u64 | txid 32 | height u64: its nonce was used by somebody else's, this one
 *   MARK       nothing: what stands before it is synced */
#define JOURNAL_TYPE_LIST(X)                                                                       \
    X(JOURNAL_BEGIN, 1)                                                                            \
    X(JOURNAL_SIGNED, 2)                                                                           \
    X(JOURNAL_CANCEL, 3)                                                                           \
    X(JOURNAL_COMMITTED, 4)                                                                        \
    X(JOURNAL_REFUSED, 5)                                                                          \
    X(JOURNAL_LOST, 6)                                                                             \
    X(JOURNAL_MARK, 7)
enum journal_type {
#define X(name, number) name = number,
    JOURNAL_TYPE_LIST(X)
#undef X
        JOURNAL_TYPE_END
};

enum {
    JOURNAL_RULES_BYTES_MAX = 16 * 1024,
    JOURNAL_HEAD_BYTES = 4 + 8 + 8,
    JOURNAL_BODY_BYTES_MAX = TX_BYTES_MAX + 64 /* a SIGNED with the largest transaction */
};

/* What the journal belongs to: the same import has the same. */
struct journal_binding {
    struct digest chain_id;
    struct digest csv; /* csv_digest() */
    struct public_key signer;
    struct bytes rules; /* operation, templates, rows per transaction: one "name value" a line */
};

struct journal_record {
    enum journal_type type;
    struct journal_binding binding; /* BEGIN; rules lend */
    uint64_t batch;
    uint64_t first_line, last_line; /* SIGNED */
    uint32_t rows;                  /* SIGNED */
    struct bytes tx;                /* SIGNED, CANCEL; lends */
    struct digest txid;             /* COMMITTED, REFUSED, LOST */
    uint64_t height;                /* COMMITTED, REFUSED, LOST */
    enum verdict verdict;           /* CANCEL, REFUSED */
};

struct journal {
    int fd;
    uint64_t size;      /* of what is whole, and written */
    uint64_t synced;    /* of it, surely on the disk */
    bool is_trimmed;    /* the torn tail is cut off */
    struct buf pending; /* records that are not written yet */
};

/* Open or make the journal at path for this import alone, and lock it until journal_close().
 * Nothing is dropped from it before journal_replay(). The words begin with the path.
 * Returns: RC_OK | RC_STORE_IN_USE (another process has it) | RC_MALFORMED (no journal) |
 * RC_DISK_FULL | RC_FILE_IO. */
MUST_USE enum rc journal_open(struct journal *out, const char *path, struct why *why);
/* Only to look into it, without the lock, while an import may be at work. */
MUST_USE enum rc journal_open_to_look(struct journal *out, const char *path, struct why *why);
void journal_close(struct journal *j);

/* Show all whole records to see(), in order, which may refuse with an rc of its own. Ends before a
 * torn tail; j->size is then the size of what is whole.
 * Returns: RC_OK | RC_STORE_DAMAGED (words: at which byte) | RC_FILE_IO | what see() says. */
typedef enum rc journal_see(void *context, const struct journal_record *r, struct why *why);
MUST_USE enum rc journal_replay(struct journal *j, journal_see *see, void *context,
                                struct why *why);

/* Remember a record for the next write. Borrows. */
void journal_add(struct journal *j, const struct journal_record *r);
/* Write what was added; with the sync it is on the disk when this says RC_OK. After an error
 * nothing of it may be relied upon, and the journal must be opened anew (pitfalls D8).
 * Requires: journal_replay() said RC_OK. Returns: RC_OK | RC_DISK_FULL | RC_FILE_IO. */
MUST_USE enum rc journal_write(struct journal *j, struct why *why);
MUST_USE enum rc journal_sync(struct journal *j, struct why *why);

/* Judge whether a journal that begins so is of the import that is asked for.
 * Returns: RC_OK | RC_INVALID: the words say what differs. */
MUST_USE enum rc journal_judge_binding(const struct journal_binding *is,
                                       const struct journal_binding *asked, struct why *why);

#endif
