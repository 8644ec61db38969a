/* The nonce that is taken where fewer than 2f+1 nodes answer, up to f of whom lie. */
#include "tests/help/unit.h"

#include "tools/hansa/nonce.h"

enum { F = 1 }; /* of four members */

static struct nonce_told knows(uint64_t last)
{
    return (struct nonce_told){.is_known = true, .last = last};
}

static struct nonce_told chosen(const struct nonce_told *told, uint32_t count, uint32_t faulty_max)
{
    struct nonce_told copy[MEMBERS_MAX];
    for (uint32_t i = 0; i < count; i++)
        copy[i] = told[i];
    uint32_t index = nonce_of_few(copy, count, faulty_max);
    assert_true(index < count);
    return copy[index];
}

static void one_alone_is_taken_at_its_word(void **state)
{
    (void)state;
    const struct nonce_told told[] = {knows(7)};
    assert_int_equal(chosen(told, 1, F).last, 7);
}

/* Too low is refused as used, too high waits for what nobody signs. */
static void of_two_the_lower_is_taken(void **state)
{
    (void)state;
    const struct nonce_told told[] = {knows(9), knows(7)}, turned[] = {knows(7), knows(9)};
    assert_int_equal(chosen(told, 2, F).last, 7);
    assert_int_equal(chosen(turned, 2, F).last, 7);
}

/* Seven members, f = 2: of four answers the third highest, so that no two liars put it above all
 * honest ones, nor the lowest of them below. */
static void the_one_that_f_others_top_is_taken(void **state)
{
    (void)state;
    const struct nonce_told told[] = {knows(3), knows(UINT64_MAX), knows(0), knows(5)};
    assert_int_equal(chosen(told, 4, 2).last, 3);
    const struct nonce_told same[] = {knows(5), knows(5), knows(5), knows(1000)};
    assert_int_equal(chosen(same, 4, 2).last, 5);
}

/* One that lags may not know the key yet; that is the lowest there is. */
static void not_to_know_the_key_is_lower_than_any_nonce(void **state)
{
    (void)state;
    const struct nonce_told told[] = {{.node = 4}, knows(0)},
                            three[] = {{.node = 4}, knows(0), knows(1)};
    assert_false(chosen(told, 2, F).is_known);
    assert_true(chosen(three, 3, F).is_known);
    assert_int_equal(chosen(three, 3, F).last, 0);
}

/* What a node says of the key stays together. */
static void what_is_taken_is_one_nodes_word(void **state)
{
    (void)state;
    const struct nonce_told told[] = {{.node = 2, .is_known = true, .is_revoked = true, .last = 4},
                                      {.node = 3, .is_known = true, .last = 6}};
    struct nonce_told got = chosen(told, 2, F);
    assert_int_equal(got.node, 2);
    assert_true(got.is_revoked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_alone_is_taken_at_its_word),
        cmocka_unit_test(of_two_the_lower_is_taken),
        cmocka_unit_test(the_one_that_f_others_top_is_taken),
        cmocka_unit_test(not_to_know_the_key_is_lower_than_any_nonce),
        cmocka_unit_test(what_is_taken_is_one_nodes_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
