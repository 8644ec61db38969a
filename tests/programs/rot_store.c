/* Let one balance of a stopped store rot under right checksums and hashes (tests/help/rot.h): for
 * tests of a node whose state is not what a quorum certified. Not installed. */
#include <inttypes.h>
#include <stdio.h>

#include "crypto/crypto.h"
#include "tests/help/rot.h"

int main(int argc, char **argv)
{
    const struct kv_lmdb_options options = {0};
    struct kv *kv;
    struct why why = {{0}};
    if (argc != 2) {
        (void)fprintf(stderr, "usage: rot_store DIR\n");
        return 2;
    }
    enum rc rc = crypto_start(&why);
    if (rc == RC_OK)
        rc = kv_lmdb_open(&kv, argv[1], &options, &why);
    if (rc != RC_OK) {
        (void)fprintf(stderr, "rot_store: %s\n", why.text);
        return 1;
    }
    (void)printf("rotten at height %" PRIu64 "\n", rot_state(kv, 0));
    kv_close(kv);
    return 0;
}
