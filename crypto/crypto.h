/* Starting the crypto layer. Call once per process before anything else of crypto/. */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

#include <stddef.h>

#include "crypto/base/result.h"

/* Initialise libsodium and hold its verifier against a few edge vectors (small order, S >= L,
 * non-canonical R): replicas that judge signatures differently would fork (pitfalls H2).
 * Returns: RC_OK | RC_CRYPTO_DIFFERS. Idempotent. */
MUST_USE enum rc crypto_start(struct why *why);

/* Fill out with random bytes from the system's generator. */
void crypto_random(void *out, size_t size);
/* Overwrite a secret so that the compiler cannot leave it out. */
void crypto_wipe(void *at, size_t size);
/* Lock memory against swapping where the system allows; a refusal is not an error. */
void crypto_lock(void *at, size_t size);
void crypto_unlock(void *at, size_t size); /* also wipes it */

#endif
