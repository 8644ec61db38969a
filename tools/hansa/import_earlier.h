/* What the journal of an earlier import holds, in words for whoever is about to begin another one:
 * a row that is committed must not be paid again because the file or an option was changed. */
#ifndef TOOLS_HANSA_IMPORT_EARLIER_H
#define TOOLS_HANSA_IMPORT_EARLIER_H

#include "tools/hansa/journal.h"

/* Behind words that say why this journal is not of the import that is asked for: how many of its
 * rows are committed, and how to go on. rows: of the file that binding names. Returns: rc. */
MUST_USE enum rc import_earlier_advise(const char *journal, const struct journal_binding *binding,
                                       uint64_t rows, enum rc rc, struct why *why);

/* Judge whether an import with this key on this chain may begin with the journal `asked`, while
 * the CSV file's own is `own`.
 * Returns: RC_OK (there is nothing in `own` that could be paid again, or `asked` has begun) |
 * RC_INVALID (words: what is committed, and how to go on) | as journal_replay(). */
MUST_USE enum rc import_earlier_judge(const char *asked, const char *own,
                                      const struct journal_binding *binding, uint64_t rows,
                                      struct why *why);

/* Of how many rows that were sent the journal does not know the outcome; of none where it is not
 * there, or none. Returns: RC_OK | as journal_replay(). */
MUST_USE enum rc import_earlier_open(uint64_t *rows, const char *journal, struct why *why);

#endif
