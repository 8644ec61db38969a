#include "crypto/base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *condition, const char *file, int line, const char *func)
{
    fprintf(stderr,
            "hansa: CHECK failed: %s (%s:%d, %s). This is a bug in Hansa; "
            "please report this line.\n",
            condition, file, line, func);
    abort();
}
