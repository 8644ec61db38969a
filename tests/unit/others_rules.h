/* What the tests of a driver among peers start from: the world `w` (driver_rules.h) and `p`, the
 * other members' chain and answers, closed after every test. */
#ifndef TESTS_UNIT_OTHERS_RULES_H
#define TESTS_UNIT_OTHERS_RULES_H

#include "tests/help/driver_others.h"
#include "tests/unit/driver_rules.h"

static struct driver_others p;

static inline int end_others(void **state)
{
    others_close(&p);
    return end(state);
}

/* Where the driver has ended, as it should. */
static inline int end_others_failed(void **state)
{
    others_close(&p);
    return end_failed(state);
}

#define OTHERS_TEST(test)  cmocka_unit_test_teardown(test, end_others)
#define OTHERS_FAILS(test) cmocka_unit_test_teardown(test, end_others_failed)

#endif
