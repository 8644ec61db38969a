/* The version of the whole of Hansa, as people see it: what the tool says, and what a node says. */
#ifndef CRYPTO_BASE_VERSION_H
#define CRYPTO_BASE_VERSION_H

#define HANSA_VERSION "0.1.0"

#endif
