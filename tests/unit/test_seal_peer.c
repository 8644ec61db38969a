/* Sealed sessions between replicas, step by step: how one comes to be, what is renewed, and what a
 * replay can and cannot do. What each reason drops is in test_seal_drops.c, chance in
 * test_seal_lossy.c. */
#include "tests/unit/seal_pair.h"

/* HELLO, HELLO, CONFIRM, CONFIRM; then messages go both ways, and nothing more falls due. */
static void session_begins_with_two_hellos_and_two_confirms(void **state)
{
    (void)state;
    assert_true(seal_peer_wants_hello(&a));
    assert_false(seal_peer_is_live(&a));
    assert_false(seal_peer_seal(&a, &bytes, bytes_of_text("too early")));
    assert_int_equal(bytes.size, 0);
    assert_false(seal_peer_confirm(&a, &bytes));
    make_session(&a, &b);
    buf_clear(&bytes);
    assert_true(seal_peer_confirm(&a, &bytes)); /* b is told too, should it not know */
    assert_int_equal(take(&b, &bytes), SEAL_KEEP);
    assert_true(!due.hello && !due.confirm && !due.is_new);
    assert_false(seal_peer_confirm(&a, &bytes));
    for (int i = 0; i < 5; i++) {
        pass_text(&a, &b, "to b");
        pass_text(&b, &a, "to a");
        assert_true(!due.hello && !due.confirm && !due.is_new);
    }
}

/* Lengths from 1 to the maximum come through; a frame is 33 bytes longer than its message. */
static void messages_of_all_sizes_come_through(void **state)
{
    (void)state;
    make_session(&a, &b);
    uint8_t message[PAIR_MESSAGE_BYTES_MAX];
    struct prng p = prng_of(3);
    for (size_t size = 1; size <= sizeof message; size++) {
        prng_fill(&p, message, size);
        buf_clear(&bytes);
        buf_add_text8(&bytes, bytes_of_text("before")); /* appended, not put in its place */
        size_t at = bytes.size;
        assert_true(seal_peer_seal(&a, &bytes, bytes_of(message, size)));
        assert_int_equal(bytes.size, at + SEAL_FRAME_OVERHEAD_BYTES + size);
        assert_int_equal(
            seal_peer_take(&b, &due, &opened, bytes_of(bytes.data + at, bytes.size - at)),
            SEAL_KEEP);
        assert_true(bytes_equal(buf_bytes(&opened), bytes_of(message, size)));
    }
}

/* Each message lost once, the HELLOs of the timer bring the session about all the same. */
static void lost_confirms_are_made_good_by_hellos(void **state)
{
    (void)state;
    assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
    assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
    buf_clear(&bytes);
    assert_true(seal_peer_confirm(&a, &bytes)); /* lost */
    assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
    assert_true(due.confirm);
    assert_int_equal(pass_confirm(&a, &b), SEAL_KEEP);
    assert_true(seal_peer_is_live(&b) && !seal_peer_is_live(&a));
    buf_clear(&bytes);
    assert_true(seal_peer_confirm(&b, &bytes)); /* lost, while b is live already */
    assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
    assert_true(due.confirm && !due.hello);
    assert_int_equal(pass_confirm(&b, &a), SEAL_KEEP);
    assert_true(seal_peer_session(&a) == seal_peer_session(&b));
    pass_text(&a, &b, "at last");
}

/* The first message under next makes it live as well as a CONFIRM does. */
static void message_confirms_a_session_too(void **state)
{
    (void)state;
    assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
    assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
    assert_int_equal(pass_confirm(&a, &b), SEAL_KEEP);
    pass_text(&b, &a, "instead of a CONFIRM");
    assert_true(due.is_new && !due.confirm);
    pass_text(&a, &b, "and back");
}

/* A renewal on a link that keeps order loses nothing: what was sealed under the old session while
 * the other side had changed over already still opens, and only until it is not needed any more. */
static void renewal_loses_no_message(void **state)
{
    (void)state;
    make_session(&a, &b);
    uint64_t old = seal_peer_session(&a);
    seal_peer_renew(&a);
    assert_true(seal_peer_wants_hello(&a) && seal_peer_is_live(&a));
    pass_text(&a, &b, "goes on meanwhile");
    assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
    assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
    struct buf late = sealed_by(&b, "under the old session"), later;
    assert_int_equal(pass_confirm(&a, &b), SEAL_KEEP);
    struct buf confirm = {0};
    assert_true(seal_peer_confirm(&b, &confirm));
    pass_text(&a, &b, "a has not changed over yet");
    assert_true(due.confirm); /* so it is told once more */
    assert_int_equal(take(&a, &late), SEAL_KEEP);
    assert_int_equal(take(&a, &confirm), SEAL_KEEP);
    assert_true(due.is_new);
    assert_true(seal_peer_session(&a) == seal_peer_session(&b) && seal_peer_session(&a) != old);
    assert_true(seal_peer_holds(&a, old) && seal_peer_holds(&b, old));
    later = sealed_by(&a, "under the new one");
    assert_int_equal(take(&b, &later), SEAL_KEEP);
    assert_false(seal_peer_holds(&b, old)); /* a has changed over: b may forget */
    assert_true(seal_peer_holds(&a, old));
    pass_text(&b, &a, "likewise");
    assert_false(seal_peer_holds(&a, old));
    assert_false(seal_peer_wants_hello(&a));
    buf_free(&late);
    buf_free(&later);
    buf_free(&confirm);
}

/* Both begin a renewal at once: they end in one session. */
static void renewals_of_both_at_once_meet(void **state)
{
    (void)state;
    make_session(&a, &b);
    uint64_t old = seal_peer_session(&a);
    seal_peer_renew(&a);
    seal_peer_renew(&b);
    struct buf from_a = hello_of(&a), from_b = hello_of(&b);
    assert_int_equal(take(&b, &from_a), SEAL_KEEP);
    assert_int_equal(take(&a, &from_b), SEAL_KEEP);
    assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
    assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
    assert_int_equal(pass_confirm(&a, &b), SEAL_KEEP);
    assert_int_equal(pass_confirm(&b, &a), SEAL_KEEP);
    assert_true(seal_peer_session(&a) == seal_peer_session(&b) && seal_peer_session(&a) != old);
    buf_free(&from_a);
    buf_free(&from_b);
}

/* One side restarts: the other goes on under the dead session until a frame opens under a new one,
 * and nothing of before the restart opens after it. */
static void restart_of_one_side_makes_a_new_session(void **state)
{
    (void)state;
    make_session(&a, &b);
    uint64_t old = seal_peer_session(&a);
    struct buf before = sealed_by(&a, "before");
    restart(&b, 1, 0);
    assert_int_equal(take(&b, &before), SEAL_DROP_OTHER_SESSION);
    assert_true(due.hello);
    assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
    assert_true(due.hello);
    assert_true(seal_peer_session(&a) == old);
    assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
    assert_true(due.confirm);
    assert_true(seal_peer_session(&a) == old);
    assert_int_equal(pass_confirm(&b, &a), SEAL_KEEP);
    assert_true(seal_peer_session(&a) != old);
    pass_text(&a, &b, "after");
    assert_int_equal(take(&b, &before), SEAL_DROP_OTHER_SESSION);
    assert_false(due.hello); /* b is live: no stranger makes it renew */
    buf_free(&before);
}

/* Every HELLO and frame of three lives of b, replayed in any number: what is live stays, messages
 * go on, no frame opens; and when a wants a new session, one comes about. */
static void replays_change_nothing_that_is_live(void **state)
{
    (void)state;
    struct buf old[12] = {{0}};
    int count = 0;
    for (int life = 0; life < 3; life++) {
        old[count++] = hello_of(&b);
        make_session(&a, &b);
        old[count++] = hello_of(&b);
        old[count++] = sealed_by(&b, "old");
        assert_int_equal(take(&a, &old[count - 1]), SEAL_KEEP);
        seal_peer_renew(&b);
        old[count++] = hello_of(&b);
        restart(&b, 1, 0);
    }
    make_session(&a, &b);
    uint64_t live = seal_peer_session(&a);
    struct prng p = prng_of(5);
    for (int i = 0; i < 200; i++) {
        enum seal_drop drop = take(&a, &old[prng_below(&p, (uint64_t)count)]);
        assert_false(due.is_new);
        assert_int_equal(opened.size, 0);
        (void)drop;
        assert_true(seal_peer_session(&a) == live);
        pass_text(&a, &b, "on");
        pass_text(&b, &a, "and on");
    }
    seal_peer_renew(&a);
    make_session(&a, &b);
    for (int i = 0; i < count; i++)
        buf_free(&old[i]);
}

/* The HELLO that began what is live, come late or again, does not even begin a renewal, once a
 * message has shown that the peer needs no answer to it. */
static void hello_of_the_live_session_is_stale(void **state)
{
    (void)state;
    struct buf first = hello_of(&a);
    make_session(&a, &b);
    pass_text(&a, &b, "a has spent it");
    assert_int_equal(take(&b, &first), SEAL_DROP_STALE_HELLO);
    assert_true(!due.hello && !due.confirm);
    buf_free(&first);
}

/* a has changed over, b lost its next to a replay and never will: b's HELLO, of the very ephemeral
 * that is live at a, is answered, though a hears b's messages under the session before all the
 * while and is not silent. */
static void peer_that_lost_its_next_is_answered(void **state)
{
    (void)state;
    make_session(&a, &b);
    pass_text(&a, &b, "all is well");
    pass_text(&b, &a, "all is well");
    seal_peer_renew(&b);
    assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
    struct buf old = hello_of(&a); /* echoes what b has still when it comes again */
    seal_peer_renew(&a);
    assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
    assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
    assert_int_equal(pass_confirm(&b, &a), SEAL_KEEP);
    assert_true(due.is_new);
    assert_int_equal(take(&b, &old), SEAL_KEEP);
    assert_int_equal(pass_confirm(&a, &b), SEAL_DROP_OTHER_SESSION);
    pass_text(&b, &a, "still under the old one");
    assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
    assert_true(due.hello);
    assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
    assert_true(due.confirm);
    pass_text(&b, &a, "nothing is lost meanwhile");
    assert_int_equal(pass_confirm(&b, &a), SEAL_KEEP);
    assert_true(due.is_new);
    pass_text(&b, &a, "nor now");
    assert_int_equal(pass_confirm(&a, &b), SEAL_KEEP);
    assert_true(due.is_new);
    assert_true(seal_peer_session(&a) == seal_peer_session(&b));
    pass_text(&a, &b, "together again");
    pass_text(&b, &a, "together again");
    buf_free(&old);
}

/* Whoever floods both sides with HELLOs of their former lives does not hold up a session, and the
 * next of neither is lost. */
static void replayed_hellos_do_not_hold_up_a_session(void **state)
{
    (void)state;
    struct buf old[2] = {hello_of(&a), hello_of(&b)};
    restart(&a, 0, 1);
    restart(&b, 1, 0);
    enum { FLOODED_STEPS = 7 };
    for (int step = 0; step < FLOODED_STEPS; step++) {
        switch (step) {
        case 0: /* b's guess, which the flood takes away */
            assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
            assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
            assert_true(due.confirm);
            break;
        case 1:
            assert_int_equal(pass_confirm(&a, &b), SEAL_DROP_OTHER_SESSION);
            assert_true(due.hello);
            break;
        case 2:
            assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
            assert_true(due.hello);
            break;
        case 3: /* a echoes its next, whatever came meanwhile */
            assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
            assert_true(due.confirm);
            break;
        case 4:
            assert_int_equal(pass_confirm(&b, &a), SEAL_KEEP);
            assert_true(due.is_new);
            break;
        case 5:
            pass_text(&a, &b, "instead of a CONFIRM");
            assert_true(due.is_new);
            break;
        default:
            pass_text(&b, &a, "done");
            assert_true(seal_peer_session(&a) == seal_peer_session(&b));
        }
        assert_int_equal(take(&a, &old[1]), SEAL_KEEP);
        assert_int_equal(take(&b, &old[0]), SEAL_KEEP);
    }
    buf_free(&old[0]);
    buf_free(&old[1]);
}

/* A CONFIRM held back until its sender has long gone on with another session does not bring the
 * other side to change over to a dead one. */
static void confirm_of_a_spent_ephemeral_opens_nothing(void **state)
{
    (void)state;
    struct buf first = hello_of(&a), held_back = {0};
    assert_int_equal(take(&b, &first), SEAL_KEEP);
    struct buf answer = hello_of(&b);
    assert_int_equal(take(&a, &answer), SEAL_KEEP);
    assert_int_equal(pass_confirm(&a, &b), SEAL_KEEP); /* live at b, not yet at a */
    assert_int_equal(take(&b, &first), SEAL_KEEP);     /* b takes it up with its new ephemeral */
    assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
    assert_true(seal_peer_confirm(&a, &held_back));
    assert_int_equal(take(&a, &answer), SEAL_KEEP); /* and back, by a replay */
    pass_text(&b, &a, "live at a");
    assert_true(due.is_new);
    uint64_t live = seal_peer_session(&a);
    pass_text(&a, &b, "a has changed over");
    assert_int_equal(take(&b, &held_back), SEAL_DROP_OTHER_SESSION);
    assert_true(seal_peer_session(&b) == live);
    pass_text(&a, &b, "on");
    buf_free(&first);
    buf_free(&answer);
    buf_free(&held_back);
}

/* A next that a replay displaced is made again with the same keys: the counter goes on, so that no
 * nonce is used twice; and what was sealed before still cannot open twice. */
static void session_made_again_uses_no_nonce_twice(void **state)
{
    (void)state;
    assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
    struct buf of_dead_b = hello_of(&b), confirms[3] = {{0}}; /* echoes what a has still */
    restart(&b, 1, 0);
    assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take(&a, &of_dead_b), SEAL_KEEP);
        assert_true(due.confirm);
        assert_memory_equal(a.next.its, of_dead_b.data + 39, LINK_KEY_BYTES);
        assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
        assert_true(seal_peer_confirm(&a, &confirms[i]));
        if (i > 0) {
            assert_memory_equal(confirms[i].data, confirms[0].data, 9); /* type, session */
            assert_memory_not_equal(confirms[i].data + 9, confirms[i - 1].data + 9, 8);
        }
    }
    assert_int_equal(take(&b, &confirms[1]), SEAL_KEEP);
    assert_true(due.is_new);
    assert_int_equal(take(&b, &confirms[0]), SEAL_DROP_REPLAYED);
    assert_int_equal(take(&b, &confirms[1]), SEAL_DROP_REPLAYED);
    assert_int_equal(take(&b, &confirms[2]), SEAL_KEEP);
    for (int i = 0; i < 3; i++)
        buf_free(&confirms[i]);
    buf_free(&of_dead_b);
}

/* An ephemeral makes one session: after a frame opened, the HELLO that it was made with and all its
 * frames, replayed, find nothing to open under. Else counters would start anew and frames open
 * twice. */
static void spent_ephemeral_makes_no_other_session(void **state)
{
    (void)state;
    assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
    struct buf hello = hello_of(&b);
    assert_int_equal(take(&a, &hello), SEAL_KEEP);
    assert_int_equal(pass_confirm(&a, &b), SEAL_KEEP);
    struct buf frame = sealed_by(&b, "pay 100");
    assert_int_equal(take(&a, &frame), SEAL_KEEP);
    seal_peer_renew(&b); /* another session takes its place */
    assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
    assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
    assert_int_equal(pass_confirm(&b, &a), SEAL_KEEP);
    pass_text(&a, &b, "new");
    pass_text(&b, &a, "new");
    for (int i = 0; i < 3; i++) {
        enum seal_drop drop = take(&a, &hello); /* its echo is the ephemeral that is spent */
        assert_int_equal(drop, SEAL_KEEP);
        assert_true(due.hello && !due.confirm);
        assert_int_equal(take(&a, &frame), SEAL_DROP_OTHER_SESSION);
        assert_int_equal(opened.size, 0);
    }
    buf_free(&hello);
    buf_free(&frame);
}

/* 2^40 frames wear a session out; a renewal makes it new. */
static void session_wears_out(void **state)
{
    (void)state;
    make_session(&a, &b);
    a.live.frames_count = ((uint64_t)1 << 40) - 2;
    pass_text(&a, &b, "1");
    assert_false(seal_peer_is_worn(&a));
    pass_text(&b, &a, "2");
    assert_true(seal_peer_is_worn(&a));
    seal_peer_renew(&a);
    make_session(&a, &b);
    assert_false(seal_peer_is_worn(&a));
}

/* Of two ranges of versions the highest common one is spoken. */
static void version_is_the_highest_common_one(void **state)
{
    (void)state;
    struct seal_peer_setup setup = pair_setup(&keys, &random_bytes, 0, 1);
    setup.version_least = 2, setup.version_most = 7;
    seal_peer_init(&a, &setup);
    setup = pair_setup(&keys, &random_bytes, 1, 0);
    setup.version_least = 1, setup.version_most = 5;
    seal_peer_init(&b, &setup);
    make_session(&a, &b);
    assert_int_equal(seal_peer_version(&a), 5);
    assert_int_equal(seal_peer_version(&b), 5);
}

/* Closing leaves no secret behind. */
static void close_wipes_all(void **state)
{
    (void)state;
    make_session(&a, &b);
    seal_peer_close(&a);
    for (size_t i = 0; i < sizeof a; i++)
        assert_int_equal(((const uint8_t *)&a)[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(session_begins_with_two_hellos_and_two_confirms),
        TEST(messages_of_all_sizes_come_through),
        TEST(lost_confirms_are_made_good_by_hellos),
        TEST(message_confirms_a_session_too),
        TEST(renewal_loses_no_message),
        TEST(renewals_of_both_at_once_meet),
        TEST(restart_of_one_side_makes_a_new_session),
        TEST(replays_change_nothing_that_is_live),
        TEST(hello_of_the_live_session_is_stale),
        TEST(peer_that_lost_its_next_is_answered),
        TEST(replayed_hellos_do_not_hold_up_a_session),
        TEST(confirm_of_a_spent_ephemeral_opens_nothing),
        TEST(session_made_again_uses_no_nonce_twice),
        TEST(spent_ephemeral_makes_no_other_session),
        TEST(session_wears_out),
        TEST(version_is_the_highest_common_one),
        TEST(close_wipes_all),
    };
    return cmocka_run_group_tests_name("seal_peer", tests, NULL, NULL);
}
