/* CHECK: our own invariants, on in production too. A CHECK that fails is a bug in this program:
 * it says where and aborts. Nothing that a peer, a file or a user wrote may reach one unjudged. */
#ifndef CRYPTO_BASE_CHECK_H
#define CRYPTO_BASE_CHECK_H

#define CHECK(condition)                                                                           \
    ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__, __func__))

_Noreturn void check_failed(const char *condition, const char *file, int line, const char *func);

#endif
