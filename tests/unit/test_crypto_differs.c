/* A libsodium that judges signatures otherwise than 1.0.18: the start notices and refuses, whatever
 * the difference (pitfalls H2). crypto.c is compiled into this file over a verifier that can be
 * made to differ. */
#include "tests/help/unit.h"

#include <sodium.h>
#include <string.h>

#include "crypto/sign.h"

static int differs_at; /* which of the verifications gives the other answer; -1: none */
static int verifications;
static int starts_with;

static bool another_verify(const struct signature *signature, struct bytes message,
                           const struct public_key *key)
{
    bool is_good = sign_verify(signature, message, key);
    return verifications++ == differs_at ? !is_good : is_good;
}

static int another_init(void)
{
    return starts_with;
}

#define sign_verify another_verify
#define sodium_init another_init
#include "crypto/crypto.c"
#undef sign_verify
#undef sodium_init

enum { EDGES = sizeof edges / sizeof edges[0] };

static enum rc start(int differs, struct why *why)
{
    *why = (struct why){{0}};
    differs_at = differs;
    verifications = 0;
    starts_with = 0;
    return crypto_start(why);
}

/* Each vector has a say: whichever is judged otherwise, the start names it and what to install. */
static void a_library_that_judges_one_vector_otherwise_is_refused(void **state)
{
    (void)state;
    struct why why;
    assert_int_equal(start(-1, &why), RC_OK);
    assert_int_equal(verifications, EDGES);
    for (int i = 0; i < EDGES; i++) {
        assert_int_equal(start(i, &why), RC_CRYPTO_DIFFERS);
        assert_non_null(strstr(why.text, edges[i].what));
        assert_non_null(strstr(why.text, edges[i].is_accepted ? "refuses" : "accepts"));
        assert_non_null(strstr(why.text, "libsodium 1.0.18"));
    }
}

/* What releases differ in is among the vectors: one of each kind that either sort would judge
 * otherwise (ED25519_COMPAT, the cofactored equation, the main subgroup only). */
static void the_vectors_tell_the_kinds_of_verifiers_apart(void **state)
{
    (void)state;
    static const char *const kinds[] = {"S + L instead of S",
                                        "R of small order",
                                        "R not canonical",
                                        "a key of small order",
                                        "a key not canonical",
                                        "a key of mixed order, the equation holds",
                                        "a key of mixed order, the equation holds times 8 only",
                                        "R of mixed order, the equation holds times 8 only"};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        bool is_there = false;
        for (int i = 0; i < EDGES; i++)
            is_there = is_there || strcmp(edges[i].what, kinds[k]) == 0;
        assert_true(is_there);
    }
}

static void a_library_that_cannot_start_is_refused(void **state)
{
    (void)state;
    struct why why = {{0}};
    starts_with = -1;
    verifications = 0;
    assert_int_equal(crypto_start(&why), RC_CRYPTO_DIFFERS);
    assert_int_equal(verifications, 0);
    assert_non_null(strstr(why.text, "cannot start"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_library_that_judges_one_vector_otherwise_is_refused),
        cmocka_unit_test(the_vectors_tell_the_kinds_of_verifiers_apart),
        cmocka_unit_test(a_library_that_cannot_start_is_refused),
    };
    return cmocka_run_group_tests_name("crypto_differs", tests, NULL, NULL);
}
