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
