/* What the tests of the driver start from: one world `w`, a chain of blocks b[1], b[2], ... of one
 * record each, and after every test the promises that were held all along. */
#ifndef TESTS_UNIT_DRIVER_RULES_H
#define TESTS_UNIT_DRIVER_RULES_H

#include "tests/help/unit.h"

#include "tests/help/driver_world.h"

enum { DRIVER_BLOCKS = 20, DRIVER_PAYER = 3 /* who signs what stands in b[] */ };
static struct driver_world w;
static const struct world_block *b[DRIVER_BLOCKS + 1];

/* Opened and not started. */
static inline void begin_stored(uint32_t own_index, const char *parameters)
{
    world_open(&w, own_index, parameters);
    b[0] = NULL;
    for (uint64_t i = 1; i <= DRIVER_BLOCKS; i++) {
        const struct world_tx *tx = world_record(&w, DRIVER_PAYER, i);
        b[i] = world_block(&w, b[i - 1], &tx, 1);
    }
}

static inline void begin_with(uint32_t own_index, const char *parameters)
{
    begin_stored(own_index, parameters);
    world_begin(&w);
}

static inline void begin(uint32_t own_index)
{
    begin_with(own_index, NULL);
}

/* So long this replica does not sleep: STATUS makes a step every T_s, and more than 2 T_s without
 * one are a pause, after which all ages begin anew (6.2). */
static inline void pass_awake(uint64_t ms)
{
    enum { T_S_MS = 250 };
    for (uint64_t passed = 0; passed < ms; passed += T_S_MS) {
        world_pass(&w, ms - passed < T_S_MS ? ms - passed : T_S_MS);
        world_settle(&w);
    }
}

static inline int end(void **state)
{
    (void)state;
    struct why why = {{0}};
    enum rc rc = w.driver == NULL ? RC_OK : driver_failure(w.driver, &why);
    world_close(&w);
    const char *broken = w.broken;
    if (broken != NULL)
        print_error("broken: %s (%s)\n", broken, w.why.text);
    if (rc != RC_OK)
        print_error("the driver failed: %s\n", why.text);
    return broken != NULL || rc != RC_OK;
}

/* For tests that make it fail. */
static inline int end_failed(void **state)
{
    (void)state;
    world_close(&w);
    return w.broken != NULL;
}

#define DRIVER_TEST(test)        cmocka_unit_test_teardown(test, end)
#define DRIVER_TEST_FAILED(test) cmocka_unit_test_teardown(test, end_failed)

/* A block of about 1 MiB. */
static inline const struct world_block *large_block(const struct world_block *parent,
                                                    uint64_t number)
{
    enum { TXS = 30, DATA_BYTES = 32 * 1024 };
    static uint8_t data[DATA_BYTES];
    const struct world_tx *txs[TXS];
    for (uint64_t i = 0; i < TXS; i++) {
        struct op op = {.type = OP_RECORD};
        op.record.topic = bytes_of_text("large");
        op.record.key = bytes_of_text("one");
        op.record.data = bytes_of(data, DATA_BYTES);
        txs[i] = world_tx(&w, 0, number * TXS + i + 1, 0, op);
    }
    return world_block(&w, parent, txs, TXS);
}

#endif
