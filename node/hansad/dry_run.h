/* hansad --check: everything a start would judge, without writing or staying. */
#ifndef NODE_HANSAD_DRY_RUN_H
#define NODE_HANSAD_DRY_RUN_H

#include "node/hansad/config.h"

/* Print on stdout what a start would do. Returns: RC_OK | what a start would end with |
 * RC_STORE_ROLLED_BACK (it would follow as a learner: that is printed too, and the words say why).
 */
MUST_USE enum rc dry_run(const struct config *config, bool init, struct why *why);

#endif
