/* How large the map of a store is: it only reserves addresses, so it is huge and never grown
 * (pitfalls J9); sanitizers and Valgrind leave less to reserve. */
#ifndef LEDGER_KV_MAP_H
#define LEDGER_KV_MAP_H

#include <stdint.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KV_MAP_BYTES_DEFAULT KV_MAP_BYTES_SMALL
#else
#define KV_MAP_BYTES_DEFAULT KV_MAP_BYTES_HUGE
#endif

#define KV_MAP_BYTES_HUGE  ((uint64_t)1 << 40)
#define KV_MAP_BYTES_SMALL ((uint64_t)1 << 35)
/* Half of what x86-64 can address (2^47). */
#define KV_MAP_BYTES_MAX ((uint64_t)1 << 46)

#endif
