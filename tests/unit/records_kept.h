/* What the tests of records start from: the core of rules.h, whose durable acts are kept as records
 * in a store in memory, and which can be started again from nothing else. */
#ifndef TESTS_UNIT_RECORDS_KEPT_H
#define TESTS_UNIT_RECORDS_KEPT_H

#include "tests/unit/rules.h"

#include <string.h>

#include "node/driver/records.h"

static struct kv *kv;

static inline void land(struct kv_batch *batch)
{
    assert_int_equal(kv_commit(kv, batch, NULL), RC_OK);
    kv_batch_free(batch);
}

static inline bool is_kept(enum pbft_act_type type)
{
    return type == PBFT_WRITE_STATE || type == PBFT_WRITE_VOTE || type == PBFT_WRITE_PRE_PREPARE ||
           type == PBFT_WRITE_HIGH || type == PBFT_WRITE_COVER || type == PBFT_WRITE_VIEW_CHANGE ||
           type == PBFT_WRITE_NEW_VIEW || type == PBFT_WRITE_LEARNER || type == PBFT_WRITE_ALARM;
}

/* The durable acts of the last output, as one batch. */
static inline void keep(void)
{
    struct kv_batch *batch = kv_batch_new();
    for (size_t i = 0; i < l.out.acts_count; i++) {
        if (is_kept(l.out.acts[i].type))
            records_put(batch, &l.out.acts[i], l.config.own_index);
        if (l.out.acts[i].type == PBFT_WRITE_COMMIT)
            records_drop_below(batch, l.out.acts[i].block.height);
    }
    land(batch);
}

static inline void keep_act(const struct pbft_act *act)
{
    struct kv_batch *batch = kv_batch_new();
    records_put(batch, act, l.config.own_index);
    land(batch);
}

static inline void keep_vote(enum cert_kind kind, uint64_t view, uint64_t height,
                             const struct digest *digest)
{
    struct pbft_act act = {
        .type = PBFT_WRITE_VOTE,
        .vote.statement = {.kind = kind, .view = view, .height = height, .digest = *digest}};
    memset(act.vote.signature.bytes, 0x5e, SIGNATURE_BYTES);
    keep_act(&act);
}

static inline void keep_proposal(uint64_t view, const struct pbft_block *block)
{
    struct pbft_act act = {.type = PBFT_WRITE_PRE_PREPARE, .block = *block};
    act.pre_prepare.view = view;
    act.pre_prepare.block = *block;
    memset(act.pre_prepare.signature.bytes, 0x5f, SIGNATURE_BYTES);
    keep_act(&act);
}

static inline void keep_state(uint64_t view, const struct pbft_block *base,
                              const struct pbft_block *tip)
{
    struct pbft_act act = {.type = PBFT_WRITE_STATE,
                           .state = {.view = view, .base = *base, .has_tip = tip != NULL}};
    if (tip != NULL)
        act.state.tip = *tip;
    keep_act(&act);
}

/* A certificate of members 0, 2 and 30: with the largest index there is. */
static inline struct certificate make_certificate(enum cert_kind kind, uint64_t view,
                                                  uint64_t height, const struct digest *digest)
{
    static const uint8_t members[] = {0, 2, 30};
    struct certificate c = {
        .statement = {.kind = kind, .view = view, .height = height, .digest = *digest},
        .entries_count = 3};
    for (int i = 0; i < 3; i++) {
        c.entries[i].member_index = members[i];
        memset(c.entries[i].signature.bytes, 0x50 + i, SIGNATURE_BYTES);
    }
    return c;
}

static inline void keep_high(const struct certificate *c)
{
    struct pbft_act act = {.type = PBFT_WRITE_HIGH, .certificate = c};
    keep_act(&act);
}

static inline enum rc load(struct pbft_durable *durable, uint64_t *starts_count, struct why *why)
{
    struct kv_view *view;
    struct pbft_block genesis = lone_genesis();
    assert_int_equal(kv_view_open(&view, kv, NULL), RC_OK);
    pbft_durable_init(durable, &genesis);
    enum rc rc = records_load(view, durable, starts_count, why);
    kv_view_close(view);
    return rc;
}

/* The core's memory is lost, and its records are there: what a driver does then. */
static inline enum rc start_from_records(struct why *why)
{
    struct kv_view *view;
    struct pbft_durable durable;
    uint64_t starts_count;
    struct pbft_event start = {.type = PBFT_EVENT_START};
    enum rc rc = load(&durable, &starts_count, why);
    if (rc != RC_OK)
        return rc;
    if (durable.has_high && durable.high.statement.epoch != l.config.epoch)
        return RC_STORE_DAMAGED; /* records.h: for the caller to judge */
    l.evidence_count = 0;        /* of which no records are kept here */
    durable.committed = l.durable.committed;
    durable.status_counter = l.durable.status_counter;
    memset(l.memory, 0, pbft_memory_bytes(&l.config));
    l.core = pbft_init(l.memory, &l.config, &durable);
    for (size_t i = 0; i < l.bodies_count; i++)
        pbft_restore_block(l.core, &l.bodies[i], l.block_bytes);
    assert_int_equal(kv_view_open(&view, kv, NULL), RC_OK);
    struct verify_config config = {
        .chain_id = l.config.chain_id, .epoch = l.config.epoch, .members = l.config.members};
    rc = records_restore(view, l.core, &config, why);
    kv_view_close(view);
    if (rc == RC_OK)
        (void)lone_step(&l, &start);
    return rc;
}

/* An empty store, and a core of four members. */
static inline void begin_kept(uint32_t own_index)
{
    kv = kv_mem_new();
    begin(4, own_index);
    l.spares_glance = true; /* other tests hold it */
}

static inline int end_kept(void **state)
{
    kv_close(kv);
    return end(state);
}

#define KEPT(test) cmocka_unit_test_teardown(test, end_kept)

/* The start is refused, and the words name this and say what to do. */
static inline void expect_damage(const char *named)
{
    struct why why = {{0}};
    assert_int_equal(start_from_records(&why), RC_STORE_DAMAGED);
    if (strstr(why.text, named) == NULL)
        fail_msg("\"%s\" is not in: %s", named, why.text);
    assert_non_null(strstr(why.text, "re-enter with a new key"));
}

/* A primary with two proposals in flight, the first of them prepared by a quorum: at b[1] there are
 * PRE-PREPARE, PREPARE and COMMIT, at b[2] the first two; and high. */
static inline void run_primary(void)
{
    (void)lone_pool(&l, true, true);
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(lone_built(&l, &b[i], 0), PBFT_KEEP);
        keep();
    }
    for (uint32_t from = 1; from <= 2; from++) {
        (void)lone_vote(&l, from, CERT_PREPARE, &b[1]);
        keep();
    }
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[1]));
}

/* A backup with the same votes. */
static inline void run_backup(void)
{
    for (int i = 1; i <= 2; i++) {
        lone_accept(&l, &b[i]);
        keep();
    }
    for (uint32_t from = 2; from <= 3; from++) {
        (void)lone_vote(&l, from, CERT_PREPARE, &b[1]);
        keep();
    }
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[1]));
}

#endif
