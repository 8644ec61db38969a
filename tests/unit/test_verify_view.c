/* Judging COMPLAIN, VIEW-CHANGE and NEW-VIEW: every signature in them, and each only once
 * (PROTOCOL.md 3.2, 7.2, 7.4; pitfalls A1, B3, B5, H1). */
#include <stdint.h>

/* All of crypto/sign.h stands in this file, in whose place it is linked, so that verifications can
 * be counted: the real ones, and a count. */
#define sign_verify real_verify
#include "crypto/sign.c"
#undef sign_verify

static uint32_t verified_count;

bool sign_verify(const struct signature *signature, struct bytes message,
                 const struct public_key *key);
bool sign_verify(const struct signature *signature, struct bytes message,
                 const struct public_key *key)
{
    verified_count++;
    return real_verify(signature, message, key);
}

#include "node/driver/driver.h"
#include "node/driver/driver_impl.h"
#include "tests/help/unit.h"
#include "tests/help/view_world.h"

static struct view_world w;
static const uint32_t sizes[] = {4, 5, 6, 7, 31};
enum { SIZES_COUNT = sizeof sizes / sizeof sizes[0], PARTS_COUNT = 3 };

static int open_world(void **state)
{
    (void)state;
    view_world_open(&w, 4);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    view_world_close(&w);
    return 0;
}

static void reopen(uint32_t members_count)
{
    view_world_close(&w);
    view_world_open(&w, members_count);
}

static void assert_drops(enum verify_drop drop)
{
    assert_int_equal(view_world_judge(&w), drop);
}

/* Kept, with the content that was sent. */
static void assert_kept(void)
{
    struct buf again = {0};
    assert_drops(VERIFY_KEEP);
    assert_int_equal(w.out.link, VIEW_WORLD_LINK);
    assert_int_equal(w.out.from, w.msg.from);
    pbft_encode(&again, &w.out);
    assert_true(bytes_equal(buf_bytes(&again), buf_bytes(&w.encoding)));
    buf_free(&again);
}

/* The VIEW-CHANGE that a test bends: that of w.msg, or one of its NEW-VIEW. */
static struct pbft_view_change *entry_of(uint32_t i)
{
    return &w.msg.new_view.entries[i].view_change;
}

/* ---- good ones ---- */

static void rule_3_2_what_was_truly_made_is_kept_at_every_size(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES_COUNT; i++) {
        reopen(sizes[i]);
        for (uint32_t from = 0; from < w.n; from++) {
            view_world_make_complain(&w, from, (enum pbft_reason)(1 + from % 5));
            assert_kept();
        }
        view_world_make_view_change(&w, w.n - 1, true);
        assert_kept();
        view_world_make_view_change(&w, 0, false);
        assert_kept();
        for (int parts = 0; parts < PARTS_COUNT; parts++) {
            view_world_make_new_view(&w, (enum view_world_parts)parts);
            assert_kept();
        }
    }
}

/* Section 3.2: judging is pure. */
static void message_is_judged_the_same_again(void **state)
{
    (void)state;
    view_world_make_new_view(&w, VIEW_WORLD_OTHERS);
    assert_drops(VERIFY_KEEP);
    assert_int_equal(verify_judge(&w.out, &w.config), VERIFY_KEEP);
    entry_of(0)->lc.entries[0].signature.bytes[0] ^= 1;
    assert_drops(VERIFY_DROP_BAD_SIGNATURE);
    assert_int_equal(verify_judge(&w.out, &w.config), VERIFY_DROP_BAD_SIGNATURE);
}

/* ---- broken signatures ---- */

static void rule_3_2_a_signature_of_the_message_itself_is_verified(void **state)
{
    (void)state;
    view_world_make_complain(&w, 1, PBFT_REASON_STALLED);
    w.msg.complain.signature.bytes[9] ^= 4;
    assert_drops(VERIFY_DROP_BAD_SIGNATURE);
    view_world_make_view_change(&w, 1, true);
    w.msg.view_change.signature.bytes[9] ^= 4;
    assert_drops(VERIFY_DROP_BAD_SIGNATURE);
    view_world_make_new_view(&w, VIEW_WORLD_SAME);
    w.msg.new_view.signature.bytes[9] ^= 4;
    assert_drops(VERIFY_DROP_BAD_SIGNATURE);
}

/* Pitfalls B3: a liar signs, truly, over one bad part; the whole is rejected for it. */
static void rule_7_2_a_view_change_with_one_bad_part_is_dropped(void **state)
{
    (void)state;
    reopen(7);
    for (uint32_t i = 0; i < w.f + 1; i++) {
        view_world_make_view_change(&w, 1, true);
        w.msg.view_change.lc.entries[i].signature.bytes[63] ^= 0x10;
        assert_drops(VERIFY_DROP_BAD_SIGNATURE); /* which covers it */
        view_world_sign(&w);
        assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
        view_world_make_view_change(&w, 1, true);
        struct pbft_lc_entry *entry = &w.msg.view_change.lc.entries[i];
        entry->reason = entry->reason == PBFT_REASON_SLOW ? PBFT_REASON_FAULTY : PBFT_REASON_SLOW;
        view_world_sign(&w);
        assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
    }
    for (uint32_t i = 0; i < w.q; i++) {
        view_world_make_view_change(&w, 1, true);
        w.msg.view_change.high.entries[i].signature.bytes[3] ^= 0x10;
        assert_drops(VERIFY_DROP_BAD_SIGNATURE);
        view_world_sign(&w);
        assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
    }
}

/* Each in each place: parts that are the same as others are no less held against their keys when
 * one of them differs. */
static void rule_7_4_a_new_view_with_one_bad_part_is_dropped(void **state)
{
    (void)state;
    for (int parts = VIEW_WORLD_SAME; parts <= VIEW_WORLD_OTHERS; parts++) {
        for (uint32_t at = 0; at < w.q; at++) {
            view_world_make_new_view(&w, (enum view_world_parts)parts);
            entry_of(at)->signature.bytes[1] ^= 2;
            assert_drops(VERIFY_DROP_BAD_SIGNATURE); /* the primary's covers it */
            view_world_sign(&w);
            assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
            for (uint32_t i = 0; i < w.f + 1; i++) {
                view_world_make_new_view(&w, (enum view_world_parts)parts);
                entry_of(at)->lc.entries[i].signature.bytes[1] ^= 2;
                view_world_sign_entry(&w, at);
                assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
            }
            for (uint32_t i = 0; i < w.q; i++) {
                view_world_make_new_view(&w, (enum view_world_parts)parts);
                entry_of(at)->high.entries[i].signature.bytes[1] ^= 2;
                view_world_sign_entry(&w, at);
                assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
            }
        }
    }
}

/* Pitfalls A3: a true signature under another member's name is nobody's. */
static void rule_3_2_a_signature_of_another_member_is_dropped(void **state)
{
    (void)state;
    view_world_make_complain(&w, 1, PBFT_REASON_SLOW);
    w.msg.from = 2;
    assert_drops(VERIFY_DROP_BAD_SIGNATURE);
    view_world_make_view_change(&w, 1, false);
    w.msg.from = 2;
    assert_drops(VERIFY_DROP_BAD_SIGNATURE);
    view_world_make_new_view(&w, VIEW_WORLD_OTHERS); /* of 1, 2, 3 */
    w.msg.new_view.entries[0].from = 0;
    view_world_sign(&w);
    assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
    view_world_make_view_change(&w, 0, false); /* complaints of 0 and 1 */
    w.msg.view_change.lc.entries[1].member_index = 2;
    view_world_sign(&w);
    assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
}

/* ---- numbers, members, places ---- */

/* Rule 6.4, section 0: exactly as many as needed. */
static void rule_7_2_an_lc_is_of_exactly_f_plus_1_members(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES_COUNT - 1; i++) {
        reopen(sizes[i]);
        for (uint32_t count = 1; count <= w.f + 3; count++) {
            enum verify_drop expected =
                count == w.f + 1 ? VERIFY_KEEP : VERIFY_DROP_BAD_CERTIFICATE;
            view_world_make_view_change(&w, 1, true);
            view_world_lc(&w, &w.msg.view_change.lc, VIEW_WORLD_VIEW - 1, count, 2);
            view_world_sign(&w);
            assert_drops(expected);
            view_world_make_new_view(&w, VIEW_WORLD_SAME);
            view_world_lc(&w, &entry_of(1)->lc, VIEW_WORLD_VIEW - 1, count, 2);
            view_world_sign_entry(&w, 1);
            assert_drops(expected);
        }
    }
}

static void rule_7_2_a_high_is_a_whole_certificate(void **state)
{
    (void)state;
    view_world_make_view_change(&w, 1, true);
    w.msg.view_change.high.entries_count--;
    view_world_sign(&w);
    assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
    w.msg.view_change.high.entries[2] = w.msg.view_change.high.entries[1];
    w.msg.view_change.high.entries_count++;
    view_world_sign(&w);
    assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
    view_world_make_view_change(&w, 1, true);
    w.msg.view_change.high.statement.kind = CERT_PREPARE;
    view_world_sign(&w);
    assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
}

static void rule_7_4_a_new_view_is_of_exactly_q_view_changes(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES_COUNT; i++) {
        reopen(sizes[i]);
        view_world_make_new_view(&w, VIEW_WORLD_SAME);
        w.msg.new_view.entries_count--;
        view_world_sign(&w);
        assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
    }
    reopen(4); /* all four: a quorum has three */
    view_world_make_new_view(&w, VIEW_WORLD_SAME);
    struct pbft_new_view *n = &w.msg.new_view;
    for (uint32_t i = 3; i > 0; i--)
        n->entries[i] = n->entries[i - 1];
    n->entries[0].from = 0;
    n->entries_count = 4;
    view_world_sign_entry(&w, 0);
    assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
}

/* Pitfalls H5: every index that the form allows and the epoch does not have. */
static void rule_3_2_signers_beyond_the_member_table_are_dropped(void **state)
{
    (void)state;
    for (uint32_t from = w.n; from < MEMBERS_MAX; from++) {
        view_world_make_complain(&w, from, PBFT_REASON_UNFAIR);
        assert_drops(VERIFY_DROP_NOT_A_MEMBER);
        view_world_make_view_change(&w, 1, true);
        w.msg.from = from;
        view_world_sign(&w);
        assert_drops(VERIFY_DROP_NOT_A_MEMBER);
        view_world_make_view_change(&w, 1, true);
        w.msg.view_change.lc.entries[w.f].member_index = (uint8_t)from;
        view_world_sign(&w);
        assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
        view_world_make_view_change(&w, 1, true);
        w.msg.view_change.high.entries[w.q - 1].member_index = (uint8_t)from;
        view_world_sign(&w);
        assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
        view_world_make_new_view(&w, VIEW_WORLD_SAME);
        w.msg.from = from;
        view_world_sign(&w);
        assert_drops(VERIFY_DROP_NOT_A_MEMBER);
        view_world_make_new_view(&w, VIEW_WORLD_SAME);
        w.msg.new_view.entries[w.q - 1].from = from;
        view_world_sign_entry(&w, w.q - 1);
        assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
    }
}

/* Truly signed by anybody else, it costs no signature at all. */
static void rule_7_4_a_new_view_is_of_its_primary(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES_COUNT; i++) {
        reopen(sizes[i]);
        view_world_make_new_view(&w, VIEW_WORLD_SAME);
        uint32_t primary = w.msg.from;
        assert_int_equal(primary, (VIEW_WORLD_EPOCH + VIEW_WORLD_VIEW) % w.n);
        for (uint32_t from = 0; from < w.n; from++) {
            w.msg.from = from;
            view_world_sign(&w);
            verified_count = 0;
            assert_drops(from == primary ? VERIFY_KEEP : VERIFY_DROP_NOT_PRIMARY);
            assert_int_equal(verified_count > 0, from == primary);
        }
    }
}

/* Pitfalls B5, H1: complaints about another view or epoch, and VIEW-CHANGEs to another view, under
 * the one that is asked for. */
static void rule_7_4_parts_of_another_view_or_epoch_do_not_hold(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        view_world_make_view_change(&w, 1, true);
        struct pbft_lc *lc = &w.msg.view_change.lc;
        w.config.epoch = way == 2 ? VIEW_WORLD_EPOCH - 1 : VIEW_WORLD_EPOCH;
        uint64_t view = way == 0 ? VIEW_WORLD_VIEW : VIEW_WORLD_VIEW - 2;
        view_world_lc(&w, lc, way == 2 ? VIEW_WORLD_VIEW - 1 : view, w.f + 1, 1);
        w.config.epoch = lc->epoch = VIEW_WORLD_EPOCH;
        lc->view = VIEW_WORLD_VIEW - 1;
        view_world_sign(&w);
        assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
    }
    view_world_make_new_view(&w, VIEW_WORLD_BASE); /* then of view 10, its VIEW-CHANGEs of 9 */
    struct pbft_new_view *n = &w.msg.new_view;
    n->view++;
    w.msg.from = (w.msg.from + 1) % w.n;
    for (uint32_t i = 0; i < w.q; i++) {
        n->entries[i].view_change.view++;
        view_world_lc(&w, &n->entries[i].view_change.lc, VIEW_WORLD_VIEW, w.f + 1, 0);
    }
    for (uint32_t i = 1; i < w.q; i++)
        view_world_sign_entry(&w, i);
    assert_drops(VERIFY_DROP_BAD_CERTIFICATE);
    view_world_sign_entry(&w, 0);
    assert_drops(VERIFY_KEEP);
}

static void rule_3_2_messages_of_another_epoch_or_chain_are_dropped(void **state)
{
    (void)state;
    for (int type = 0; type < 3; type++) {
        if (type == 0)
            view_world_make_complain(&w, 1, PBFT_REASON_ABSENT);
        else if (type == 1)
            view_world_make_view_change(&w, 1, true);
        else
            view_world_make_new_view(&w, VIEW_WORLD_SAME);
        w.config.epoch++;
        assert_drops(VERIFY_DROP_OTHER_EPOCH);
        w.config.epoch--;
        w.config.chain_id.bytes[0] ^= 1;
        assert_drops(VERIFY_DROP_BAD_SIGNATURE);
        w.config.chain_id.bytes[0] ^= 1;
        assert_drops(VERIFY_KEEP);
    }
}

/* ---- hostile bytes ---- */

/* Everything in them is signed: no bit can be changed by whoever passes them on. */
static void message_with_any_bit_flipped_is_dropped(void **state)
{
    (void)state;
    for (int type = 0; type < 3; type++) {
        if (type == 0)
            view_world_make_complain(&w, 3, PBFT_REASON_ABSENT);
        else if (type == 1)
            view_world_make_view_change(&w, 3, true);
        else
            view_world_make_new_view(&w, VIEW_WORLD_OTHERS);
        assert_drops(VERIFY_KEEP);
        for (size_t bit = 0; bit < 8 * w.encoding.size; bit++) {
            uint8_t mask = (uint8_t)(1u << bit % 8);
            w.encoding.data[bit / 8] ^= mask;
            assert_int_not_equal(view_world_judge_bytes(&w, buf_bytes(&w.encoding)), VERIFY_KEEP);
            w.encoding.data[bit / 8] ^= mask;
        }
    }
}

/* ---- work ---- */

/* What is verified, and what the driver says will be. */
static void assert_costs(uint32_t expected)
{
    verified_count = 0;
    assert_drops(VERIFY_KEEP);
    assert_int_equal(verified_count, expected);
    assert_int_equal(verify_signatures(&w.out), expected);
    struct driver_job job = {.type = JOB_MESSAGE, .msg = &w.out};
    assert_int_equal(driver_job_signatures(&job), expected);
}

static void each_signature_is_verified_once_and_equal_parts_are_too(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES_COUNT; i++) {
        reopen(sizes[i]);
        uint32_t lc = w.f + 1, high = w.q;
        view_world_make_complain(&w, 0, PBFT_REASON_UNFAIR);
        assert_costs(1);
        view_world_make_view_change(&w, 0, true);
        assert_costs(1 + lc + high);
        view_world_make_view_change(&w, 0, false);
        assert_costs(1 + lc);
        view_world_make_new_view(&w, VIEW_WORLD_BASE);
        assert_costs(1 + w.q + lc);
        view_world_make_new_view(&w, VIEW_WORLD_SAME);
        assert_costs(1 + w.q + lc + high);
        view_world_make_new_view(&w, VIEW_WORLD_OTHERS);
        assert_costs(1 + w.q + w.q * (lc + high));
        /* One of them has the high and the LC of another, neither of them the first's. */
        entry_of(2)->high = entry_of(1)->high;
        entry_of(2)->lc = entry_of(1)->lc;
        view_world_sign_entry(&w, 2);
        assert_costs(1 + w.q + (w.q - 1) * (lc + high));
    }
}

/* Rule 3.3 in spirit: nobody but the primary can make anyone verify what is inside. */
static void a_new_view_whose_own_signature_is_wrong_costs_one(void **state)
{
    (void)state;
    view_world_make_new_view(&w, VIEW_WORLD_OTHERS);
    w.msg.new_view.signature.bytes[0] ^= 1;
    verified_count = 0;
    assert_drops(VERIFY_DROP_BAD_SIGNATURE);
    assert_int_equal(verified_count, 1);
    view_world_make_view_change(&w, 1, true);
    w.msg.view_change.signature.bytes[0] ^= 1;
    verified_count = 0;
    assert_drops(VERIFY_DROP_BAD_SIGNATURE);
    assert_int_equal(verified_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rule_3_2_what_was_truly_made_is_kept_at_every_size),
        TEST(message_is_judged_the_same_again),
        TEST(rule_3_2_a_signature_of_the_message_itself_is_verified),
        TEST(rule_7_2_a_view_change_with_one_bad_part_is_dropped),
        TEST(rule_7_4_a_new_view_with_one_bad_part_is_dropped),
        TEST(rule_3_2_a_signature_of_another_member_is_dropped),
        TEST(rule_7_2_an_lc_is_of_exactly_f_plus_1_members),
        TEST(rule_7_2_a_high_is_a_whole_certificate),
        TEST(rule_7_4_a_new_view_is_of_exactly_q_view_changes),
        TEST(rule_3_2_signers_beyond_the_member_table_are_dropped),
        TEST(rule_7_4_a_new_view_is_of_its_primary),
        TEST(rule_7_4_parts_of_another_view_or_epoch_do_not_hold),
        TEST(rule_3_2_messages_of_another_epoch_or_chain_are_dropped),
        TEST(message_with_any_bit_flipped_is_dropped),
        TEST(each_signature_is_verified_once_and_equal_parts_are_too),
        TEST(a_new_view_whose_own_signature_is_wrong_costs_one),
    };
    return cmocka_run_group_tests_name("verify_view", tests, NULL, NULL);
}
