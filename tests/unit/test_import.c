/* An import against nodes that refuse, lose, lie and die, and a process that is killed anywhere: no
 * row is paid twice, and none is skipped. */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/import_world.h"

static struct import_world *make(uint64_t seed, int rows)
{
    struct import_world *w = mem_alloc(sizeof *w);
    import_world_open(w, seed, rows);
    return w;
}

static void end(struct import_world *w)
{
    import_world_close(w);
    mem_free(w);
}

static void assert_run(struct import_world *w, struct import_look *look)
{
    struct why why = {""};
    if (import_world_run(w, look, &why) != RC_OK)
        fail_msg("%s", why.text);
}

static void assert_paid(const struct import_world *w, int from, int to, int times)
{
    for (int row = from; row < to; row++) {
        if (import_world_paid(w, row) != times)
            fail_msg("row %d is paid %d times, not %d", row, import_world_paid(w, row), times);
    }
}

static void all_rows_are_paid_once_in_their_order(void **state)
{
    (void)state;
    struct import_look look;
    struct import_world *w = make(1, 200);
    assert_run(w, &look);
    assert_paid(w, 0, 200, 1);
    for (int row = 0; row < 200; row++)
        assert_int_equal(w->committed[row + 1].row, row);
    assert_int_equal(look.rows_committed, 200);
    assert_int_equal(look.rows_committed_before, 0);
    end(w);
}

/* The same command again finds nothing to do. */
static void a_finished_import_sends_nothing_again(void **state)
{
    (void)state;
    struct import_look look;
    struct import_world *w = make(2, 100);
    assert_run(w, &look);
    w->last = 100;
    assert_run(w, &look);
    assert_int_equal(w->last, 100);
    assert_int_equal(look.rows_committed_before, 100);
    assert_paid(w, 0, 100, 1);
    end(w);
}

static void a_refused_row_stops_what_is_not_yet_signed(void **state)
{
    (void)state;
    struct import_look look;
    struct import_world *w = make(3, 200);
    w->is_broke[2] = true;
    assert_run(w, &look);
    assert_true(look.is_stopping);
    assert_int_equal(look.refusals_count, 1);
    assert_int_equal(look.rows_refused, 1);
    assert_int_equal(w->committed[3].row, -1); /* the cancel */
    assert_paid(w, 2, 3, 0);
    assert_paid(w, 0, 2, 1);
    assert_paid(w, 3, 64, 1); /* were under way already */
    assert_paid(w, 128, 200, 0);
    assert_int_equal(look.rows_committed, (uint64_t)w->last - 1);

    w->is_broke[2] = false; /* somebody pays in, and runs the same command again */
    assert_run(w, &look);
    assert_paid(w, 0, 200, 1);
    end(w);
}

static void refused_rows_are_skipped_when_asked_for(void **state)
{
    (void)state;
    struct import_look look;
    struct import_world *w = make(4, 200);
    w->skip_refused = true;
    for (int row = 0; row < 200; row++)
        w->is_broke[row] = row % 7 == 2;
    assert_run(w, &look);
    for (int row = 0; row < 200; row++)
        assert_paid(w, row, row + 1, row % 7 == 2 ? 0 : 1);
    assert_int_equal(look.rows_refused, 29);
    assert_int_equal(look.rows_committed, 171);
    end(w);
}

/* The balance comes between the refusal and the cancel: whichever is committed decides. */
static void a_refusal_that_is_overtaken_by_money_is_no_refusal(void **state)
{
    (void)state;
    struct import_look look;
    struct why why;
    for (int after = 1; after < 40; after++) {
        struct import_world *w = make(5, 20);
        w->is_broke[2] = true;
        w->actions_left = after;
        enum rc rc = import_world_run(w, &look, &why);
        assert_int_equal(rc, RC_OK);
        w->is_broke[2] = false;
        w->actions_left = -1;
        assert_run(w, &look);
        if (!look.is_done || look.refusals_count > 0 || import_world_paid(w, 19) == 0)
            assert_run(w, &look);
        assert_paid(w, 0, 20, 1);
        end(w);
    }
}

/* Killed at each step, with the unsynced end of the journal lost or garbled, and run again. */
static void a_process_killed_at_any_step_goes_on(void **state)
{
    (void)state;
    struct import_look look;
    struct why why;
    for (int at = 0;; at++) {
        struct import_world *w = make((uint64_t)at, 30);
        w->loss_percent = 10;
        w->unknown_percent = 10;
        w->actions_left = at;
        assert_int_equal(import_world_run(w, &look, &why), RC_OK);
        bool is_finished = !w->is_killed;
        import_world_crash(w);
        w->actions_left = -1;
        assert_run(w, &look);
        assert_paid(w, 0, 30, 1);
        assert_int_equal(look.rows_committed, 30);
        end(w);
        if (is_finished)
            break;
        assert_true(at < 5000);
    }
}

/* Kills in a row, losses, a lying node, refusals, and strangers who use the same key. */
static void whatever_happens_no_row_is_paid_twice_and_none_is_skipped(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct import_look look = {0};
        struct why why = {""};
        struct import_world *w = make(seed, 120);
        w->skip_refused = seed % 2 == 0;
        w->liar = seed % 3 == 0 ? (int)(seed % IMPORT_WORLD_NODES) : -1;
        w->loss_percent = (int)prng_below(&w->prng, 40);
        w->unknown_percent = (int)prng_below(&w->prng, 40);
        for (int i = 0; i < 5; i++)
            w->is_broke[prng_below(&w->prng, 120)] = true;
        for (int life = 0; life < 12; life++) {
            w->actions_left = (int)prng_below(&w->prng, 300);
            assert_int_equal(import_world_run(w, &look, &why), RC_OK);
            import_world_crash(w);
            if (seed % 5 == 0)
                import_world_steal_nonce(w);
        }
        memset(w->is_broke, 0, sizeof w->is_broke);
        w->actions_left = -1;
        w->liar = -1;
        for (int i = 0; i < 3; i++) /* a cancel from before may still refuse one: again */
            assert_run(w, &look);
        assert_int_equal(look.rows_committed, 120);
        assert_paid(w, 0, 120, 1);
        end(w);
    }
}

/* A second program with the same key takes nonces in between: rows move on to later ones. */
static void nonces_taken_by_others_cost_no_row(void **state)
{
    (void)state;
    struct import_look look;
    struct why why;
    struct import_world *w = make(8, 100);
    w->actions_left = 5;
    assert_int_equal(import_world_run(w, &look, &why), RC_OK);
    for (int i = 0; i < 10; i++)
        import_world_steal_nonce(w);
    w->actions_left = -1;
    assert_run(w, &look);
    assert_true(look.nonces_lost > 0);
    assert_paid(w, 0, 100, 1);
    end(w);
}

/* One node alone that refuses is not believed: rows of which others say nothing bad are paid. */
static void the_refusal_of_one_node_is_not_enough(void **state)
{
    (void)state;
    struct import_look look;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct import_world *w = make(seed, 60);
        w->liar = 2;
        assert_run(w, &look);
        assert_paid(w, 0, 60, 1);
        assert_int_equal(look.refusals_count, 0);
        end(w);
    }
}

/* An import alone, whose nodes the test plays itself: `window` transactions are signed. */
static struct import *open_alone(struct import_world *w, uint32_t window)
{
    struct import *im;
    struct why why = {""};
    struct import_config config = {.source = import_world_source(w),
                                   .journal = &w->journal,
                                   .key = &w->key,
                                   .window = window,
                                   .refusals_needed = 2};
    config.binding.chain_id = w->chain_id;
    config.binding.signer = w->key.public;
    assert_int_equal(journal_open(&w->journal, w->path, &why), RC_OK);
    assert_int_equal(import_open(&im, &config, &why), RC_OK);
    import_set_nonce(im, 0);
    assert_int_equal(import_fill(im, &why), RC_OK);
    return im;
}

static void close_alone(struct import *im, struct import_world *w)
{
    import_close(im);
    journal_close(&w->journal);
    end(w);
}

/* A key that the ledger knows nothing of ends the import; no cancel could help. */
static void a_key_that_is_refused_ends_it(void **state)
{
    (void)state;
    struct import_world *w = make(9, 10);
    struct import *im = open_alone(w, 8);
    struct import_item items[8];
    struct why why = {""};
    assert_int_equal(import_take(im, 0, 0, 8, 1 << 20, items), 8);
    struct proto_result r = {
        .txid = items[0].txid, .outcome = PROTO_REFUSED, .verdict = VERDICT_UNKNOWN_KEY};
    assert_int_equal(import_on_result(im, 0, &r, 0, &why), RC_OK);
    assert_int_equal(import_on_result(im, 1, &r, 0, &why), RC_REFUSED);
    assert_string_equal(why.text, verdict_text(VERDICT_UNKNOWN_KEY));
    close_alone(im, w);
}

/* Requests from before the cancel are still answered: that is no refusal of the cancel. */
static void late_refusals_are_not_those_of_the_cancel(void **state)
{
    (void)state;
    struct import_world *w = make(11, 10);
    struct import *im = open_alone(w, 8);
    struct import_item item;
    struct why why = {""};
    assert_int_equal(import_take(im, 0, 0, 1, 1 << 20, &item), 1);
    struct proto_result r = {
        .txid = item.txid, .outcome = PROTO_REFUSED, .verdict = VERDICT_OVERDRAFT};
    for (uint32_t node = 0; node < 4; node++)
        assert_int_equal(import_on_result(im, node, &r, 0, &why), RC_OK);
    assert_int_equal(import_take(im, 0, 0, 1, 1 << 20, &item), 1);
    assert_true(item.is_cancel);
    r.txid = item.txid;
    assert_int_equal(import_on_result(im, 0, &r, 0, &why), RC_OK);
    assert_int_equal(import_on_result(im, 1, &r, 0, &why), RC_REFUSED);
    close_alone(im, w);
}

/* Both bounds of a request hold, and what is under way is handed out again only to be asked for by
 * itself, later. */
static void what_is_taken_stays_within_its_bounds(void **state)
{
    (void)state;
    struct import_world *w = make(10, 100);
    struct import *im = open_alone(w, 64);
    struct import_item items[64], head;
    struct why why = {""};
    assert_int_equal(import_take(im, 0, 0, 10, 1 << 20, items), 10);
    size_t each = items[0].tx.size;
    assert_int_equal(import_take(im, 0, 0, 64, 5 * each + 1, items), 5);
    assert_int_equal(import_take(im, 0, 0, 64, 1 << 20, items), 49); /* of a window of 64 */
    assert_int_equal(import_fill(im, &why), RC_OK);
    assert_int_equal(import_take(im, 0, 0, 64, 1 << 20, items), 0);
    assert_false(import_take_head(im, 1, 100, &head));
    assert_true(import_take_head(im, 1, 1000, &head));
    assert_int_equal(head.first_line, 2);
    assert_false(import_take_head(im, 1, 1100, &head));
    close_alone(im, w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_rows_are_paid_once_in_their_order),
        cmocka_unit_test(a_finished_import_sends_nothing_again),
        cmocka_unit_test(a_refused_row_stops_what_is_not_yet_signed),
        cmocka_unit_test(refused_rows_are_skipped_when_asked_for),
        cmocka_unit_test(a_refusal_that_is_overtaken_by_money_is_no_refusal),
        cmocka_unit_test(a_process_killed_at_any_step_goes_on),
        cmocka_unit_test(whatever_happens_no_row_is_paid_twice_and_none_is_skipped),
        cmocka_unit_test(nonces_taken_by_others_cost_no_row),
        cmocka_unit_test(the_refusal_of_one_node_is_not_enough),
        cmocka_unit_test(a_key_that_is_refused_ends_it),
        cmocka_unit_test(late_refusals_are_not_those_of_the_cancel),
        cmocka_unit_test(what_is_taken_stays_within_its_bounds),
    };
    return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
