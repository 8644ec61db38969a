/* Link keys: one spelling, and no point that gives a secret everybody knows. */
#include "tests/help/unit.h"

#include <string.h>

#include "crypto/base/prng.h"
#include "crypto/link.h"

/* Public keys made from secrets are accepted. */
static void made_keys_are_valid(void **state)
{
    (void)state;
    struct prng p = prng_of(4);
    for (int i = 0; i < 50; i++) {
        uint8_t secret[LINK_KEY_BYTES], public[LINK_KEY_BYTES];
        prng_fill(&p, secret, sizeof secret);
        link_public_of(public, secret);
        assert_true(link_public_is_valid(public));
        public[LINK_KEY_BYTES - 1] |= 0x80; /* the same point to X25519, spelt otherwise */
        assert_false(link_public_is_valid(public));
    }
}

/* u = 0, 1 and p-1 are of small order; p and above are second spellings. */
static void weak_and_misspelt_keys_are_refused(void **state)
{
    (void)state;
    uint8_t key[LINK_KEY_BYTES] = {0};
    assert_false(link_public_is_valid(key));
    key[0] = 1;
    assert_false(link_public_is_valid(key));
    memset(key, 0xff, sizeof key);
    key[LINK_KEY_BYTES - 1] = 0x7f;
    for (int low = 0xec; low <= 0xff; low++) { /* p - 1 up to 2^255 - 1 */
        key[0] = (uint8_t)low;
        assert_false(link_public_is_valid(key));
    }
    uint8_t nine[LINK_KEY_BYTES] = {9}; /* the base point itself */
    assert_true(link_public_is_valid(nine));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_keys_are_valid),
        cmocka_unit_test(weak_and_misspelt_keys_are_refused),
    };
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
