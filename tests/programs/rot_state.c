/* Let the state in a data directory rot: one balance of it is not what the chain gives any more,
 * and all hashes and checksums hold (tests/help/rot.h). Not installed.
 *
 *   rot_state DIR [PICK]
 *
 * Prints the height of the state. Exit 0; 1 when the directory cannot be opened, 2 for wrong words.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/help/rot.h"

int main(int argc, char **argv)
{
    struct kv *kv;
    struct why why = {{0}};
    if (argc < 2 || argc > 3) {
        (void)fprintf(stderr, "usage: rot_state DIR [PICK]\n");
        return 2;
    }
    enum rc rc = kv_lmdb_open(&kv, argv[1], &(struct kv_lmdb_options){.map_bytes = 0}, &why);
    if (rc != RC_OK) {
        (void)fprintf(stderr, "rot_state: %s\n", why.text);
        return 1;
    }
    (void)printf("%" PRIu64 "\n", rot_state(kv, argc > 2 ? strtoull(argv[2], NULL, 10) : 0));
    kv_close(kv);
    return 0;
}
