/* Auditing a test chain, with what every test of the audit expects: that the number of threads
 * changes nothing in the report but itself. */
#ifndef TESTS_HELP_AUDITED_H
#define TESTS_HELP_AUDITED_H

#include "ledger/audit.h"
#include "tests/help/tamper.h"

/* Eight blocks, all flushed, checkpoints at heights 4 and 8. */
void audited_open(struct chain *c);
/* What its genesis says, as audit_run() takes it. */
struct audit_chain audited_chain(const struct chain *c);

/* Make all counts right, open the store anew and audit it with 1, 2 and 5 threads. */
enum rc audited_run(struct chain *c, struct audit_report *report);

/* Audit the store as it is open, and as its kv stands by now, once. */
enum rc audited_run_open(struct chain *c, uint32_t threads_count, struct audit_report *report);

/* The audit refuses the store: at this height, and the field begins so. Closes the chain. */
void audited_expect(struct chain *c, uint64_t height, const char *field);

#endif
