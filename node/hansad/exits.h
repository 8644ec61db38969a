/* What hansad's exit codes say: the same numbers as the tool's (tools/hansa/cli.h), so that scripts
 * and supervisors need one table. */
#ifndef NODE_HANSAD_EXITS_H
#define NODE_HANSAD_EXITS_H

#include "crypto/base/result.h"

/* name, number, what it says of a node */
#define EXIT_LIST(X)                                                                               \
    X(EXIT_DONE, 0, "ended as asked, or --check found nothing wrong")                              \
    X(EXIT_NO, 1,                                                                                  \
      "the store is damaged, or older than it was: hansa audit says more; or --check: a start "    \
      "would "                                                                                     \
      "follow as a learner and not vote")                                                          \
    X(EXIT_USAGE, 2, "wrong usage: see --help")                                                    \
    X(EXIT_BAD_INPUT, 3,                                                                           \
      "bad input: the configuration, the genesis file or the key is not what it should be")        \
    X(EXIT_NOT_FOUND, 4, "not found")                                                              \
    X(EXIT_ENVIRONMENT, 5,                                                                         \
      "the environment: a file cannot be read or written, a disk is full, a port or the data "     \
      "directory is in use")

enum exit_code {
#define X(name, number, text) name = number,
    EXIT_LIST(X)
#undef X
};

enum exit_code exit_of_rc(enum rc rc);

#endif
