/* The cheap signatures of view changes, on which the tests of the core rely: what they say holds is
 * what node/verify would keep. */
#include "tests/help/unit.h"

#include "tests/help/fake_sign.h"

enum { N = 7, F = 2, Q = 5, EPOCH = 3, VIEW = 9, PRIMARY = (EPOCH + VIEW) % N };

static struct pbft_msg msg; /* too big for comfort on the stack */
static const struct digest chain_id = {{0xc4}};

static bool holds(void)
{
    return fake_verify(&msg, N, &chain_id);
}

static void make_view_change(struct pbft_view_change *v, uint32_t from)
{
    struct statement s = {.kind = CERT_PREPARE, .epoch = EPOCH, .view = 4, .height = 17};
    v->epoch = EPOCH;
    v->view = VIEW;
    v->has_high = true;
    fake_certificate(&v->high, &s, 0x7f, Q, &chain_id);
    fake_lc(&v->lc, EPOCH, VIEW - 1, PBFT_REASON_STALLED, 0x7f & ~(1u << from), N, &chain_id);
    fake_sign_view_change(v, from, &chain_id);
}

static void make_new_view(void)
{
    msg = (struct pbft_msg){.type = PBFT_NEW_VIEW, .link = 1, .from = PRIMARY};
    struct pbft_new_view *n = &msg.new_view;
    n->epoch = EPOCH;
    n->view = VIEW;
    n->entries_count = Q;
    for (uint32_t i = 0; i < Q; i++) {
        n->entries[i].from = 1 + i;
        make_view_change(&n->entries[i].view_change, 1 + i);
    }
    fake_sign_new_view(n, PRIMARY, &chain_id);
}

static void complain_holds_as_it_was_signed(void **state)
{
    (void)state;
    msg = (struct pbft_msg){.type = PBFT_COMPLAIN, .link = 1, .from = 2};
    msg.complain = (struct pbft_complain){.epoch = EPOCH, .view = 8, .reason = PBFT_REASON_FAULTY};
    fake_sign_complain(&msg.complain, 2, &chain_id);
    assert_true(holds());
    msg.complain.reason = PBFT_REASON_SLOW;
    assert_false(holds());
    msg.complain.reason = PBFT_REASON_FAULTY;
    msg.from = 3;
    assert_false(holds());
    msg.from = N;
    assert_false(holds());
}

static void view_change_holds_whole_or_not_at_all(void **state)
{
    (void)state;
    struct pbft_view_change *v = &msg.view_change;
    for (int way = 0; way < 6; way++) {
        msg = (struct pbft_msg){.type = PBFT_VIEW_CHANGE, .link = 1, .from = 2};
        make_view_change(v, 2);
        assert_int_equal(v->lc.entries_count, F + 1);
        assert_true(holds());
        if (way == 0)
            v->signature.bytes[0] ^= 1;
        if (way == 1)
            v->lc.entries[F].signature.bytes[0] ^= 1;
        if (way == 2)
            v->lc.entries_count--;
        if (way == 3)
            v->high.entries[Q - 1].signature.bytes[0] ^= 1;
        if (way == 4)
            v->high.statement.height++;
        if (way == 5)
            v->lc.entries[F].member_index = N;
        if (way > 0)
            fake_sign_view_change(v, 2, &chain_id);
        assert_false(holds());
    }
}

static void new_view_holds_whole_or_not_at_all(void **state)
{
    (void)state;
    struct pbft_new_view *n = &msg.new_view;
    for (int way = 0; way < 5; way++) {
        make_new_view();
        assert_true(holds());
        if (way == 0)
            n->signature.bytes[0] ^= 1;
        if (way == 1)
            n->entries[Q - 1].view_change.signature.bytes[0] ^= 1;
        if (way == 2)
            n->entries_count--;
        if (way == 3)
            msg.from = (PRIMARY + 1) % N;
        if (way == 4)
            n->entries[Q - 1].from = N;
        if (way > 0)
            fake_sign_new_view(n, msg.from, &chain_id);
        assert_false(holds());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complain_holds_as_it_was_signed),
        cmocka_unit_test(view_change_holds_whole_or_not_at_all),
        cmocka_unit_test(new_view_holds_whole_or_not_at_all),
    };
    return cmocka_run_group_tests_name("fake_sign", tests, NULL, NULL);
}
