/* What the rule tests start from: one core, and a chain b[0] (genesis), b[1], b[2], ... of blocks
 * that member 0, the primary of view 0, may propose. */
#ifndef TESTS_UNIT_RULES_H
#define TESTS_UNIT_RULES_H

#include "tests/help/unit.h"

#include "tests/help/lone.h"

enum { RULE_BLOCKS = 32 };
static struct lone l;
static struct pbft_block b[RULE_BLOCKS];

static inline void begin_stored(uint32_t members_count, uint32_t own_index)
{
    lone_init(&l, members_count, own_index);
    b[0] = lone_genesis();
    for (int i = 1; i < RULE_BLOCKS; i++)
        b[i] = lone_block(&l, &b[i - 1]);
}

/* A core of n members that has started anew. */
static inline void begin(uint32_t members_count, uint32_t own_index)
{
    begin_stored(members_count, own_index);
    lone_start(&l);
}

/* The same of other heights in flight and in the window than lone_init() gives. */
static inline void begin_sized(uint32_t members_count, uint32_t own_index,
                               uint64_t pipeline_heights, uint64_t window_heights)
{
    begin_stored(members_count, own_index);
    l.config.pipeline_heights = pipeline_heights;
    l.config.window_heights = window_heights;
    mem_free(l.memory);
    l.memory = mem_alloc(pbft_memory_bytes(&l.config));
    lone_start(&l);
}

/* A chain of its own on genesis, longer than b[]: chain[0] to chain[last]. */
static inline void make_chain(struct pbft_block *chain, int last)
{
    chain[0] = b[0];
    for (int h = 1; h <= last; h++)
        chain[h] = lone_block(&l, &chain[h - 1]);
}

static inline int end(void **state)
{
    (void)state;
    lone_close(&l);
    return 0;
}

/* A proposal is accepted, prepared and committed by a quorum. */
static inline void commit(const struct pbft_block *block)
{
    lone_accept(&l, block);
    lone_votes(&l, CERT_PREPARE, block, 4);
    lone_votes(&l, CERT_COMMIT, block, 4);
    assert_int_equal(l.look.committed.height, block->height);
}

#define RULE(test) cmocka_unit_test_teardown(test, end)

#endif
