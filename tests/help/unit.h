/* cmocka with the headers it needs in front of it. */
#ifndef TESTS_HELP_UNIT_H
#define TESTS_HELP_UNIT_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
