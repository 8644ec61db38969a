#include "tests/help/audited.h"

#include <stdio.h>
#include <string.h>

#include "tests/help/unit.h"

void audited_open(struct chain *c)
{
    chain_open(c, &(struct chain_options){.seed = 7}, kv_mem_new());
    chain_grow(c, 8);
}

struct audit_chain audited_chain(const struct chain *c)
{
    return (struct audit_chain){.members = &c->genesis.member_table,
                                .initial = &c->genesis.initial,
                                .body_bytes_max = c->genesis.parameters.block_bytes_max,
                                .checkpoint_every_heights =
                                    c->genesis.parameters.checkpoint_every_heights};
}

enum rc audited_run_open(struct chain *c, uint32_t threads_count, struct audit_report *report)
{
    struct audit_options options = {.threads_count = threads_count};
    struct audit_chain chain = audited_chain(c);
    struct why why = {{0}};
    memset(report, 0, sizeof *report);
    enum rc rc = audit_run(report, c->store, &chain, &options, &why);
    if (rc != RC_OK) {
        char expected[WHY_BYTES + 64];
        (void)snprintf(expected, sizeof expected, "height %llu: %s",
                       (unsigned long long)report->fault_height, report->fault_field);
        assert_string_equal(why.text, expected);
    }
    report->seconds = 0;
    return rc;
}

/* What differs between runs by its nature is judged here and taken out. */
static enum rc run(struct chain *c, uint32_t threads_count, struct audit_report *report)
{
    enum rc rc = audited_run_open(c, threads_count, report);
    assert_int_equal(report->threads_count, threads_count);
    report->threads_count = 0;
    return rc;
}

enum rc audited_run(struct chain *c, struct audit_report *report)
{
    struct audit_report again;
    struct why why = {{0}};
    tamper_counts(c);
    if (chain_reopen(c, &why) != RC_OK)
        fail_msg("opening failed before the audit: %s", why.text);
    enum rc rc = run(c, 1, report);
    assert_int_equal(run(c, 2, &again), rc);
    assert_memory_equal(&again, report, sizeof again);
    assert_int_equal(run(c, 5, &again), rc);
    assert_memory_equal(&again, report, sizeof again);
    return rc;
}

void audited_expect(struct chain *c, uint64_t height, const char *field)
{
    struct audit_report report;
    enum rc rc = audited_run(c, &report);
    chain_close(c);
    assert_int_equal(rc, RC_PROOF);
    assert_int_equal(report.fault_height, height);
    if (strncmp(report.fault_field, field, strlen(field)) != 0)
        assert_string_equal(report.fault_field, field);
}
