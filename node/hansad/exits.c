#include "node/hansad/exits.h"

enum exit_code exit_of_rc(enum rc rc)
{
    switch (rc) {
    case RC_OK:
        return EXIT_DONE;
    case RC_SIGNATURE:
    case RC_PROOF:
    case RC_STORE_DAMAGED:
    case RC_STORE_ROLLED_BACK:
        return EXIT_NO;
    case RC_MALFORMED:
    case RC_INVALID:
    case RC_FILE_MODE:
    case RC_PASSPHRASE:
    case RC_NETWORK_MISMATCH:
    case RC_KEY_MISMATCH:
    case RC_STORE_FORMAT:
    case RC_GENESIS_MISMATCH:
    case RC_REPLICA_MISMATCH:
        return EXIT_BAD_INPUT;
    case RC_NOT_FOUND:
    case RC_NOT_A_STORE:
        return EXIT_NOT_FOUND;
    default:
        return EXIT_ENVIRONMENT;
    }
}
