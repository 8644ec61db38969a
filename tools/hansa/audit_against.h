/* `hansa audit DIR --against DIR2`: the first difference of two data directories. */
#ifndef TOOLS_HANSA_AUDIT_AGAINST_H
#define TOOLS_HANSA_AUDIT_AGAINST_H

#include "tools/hansa/cli.h"

/* Requires: the command has the argument DIR and the options against and genesis. */
enum cli_exit audit_against(struct cli *c);

#endif
