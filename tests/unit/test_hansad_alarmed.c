/* PROTOCOL.md 7.5, 13: whoever has met two certificates that cannot both be votes no more, and
 * stays readable: what it committed before is what a quorum signed. */
#include "tests/unit/hansad_serve.h"

static void assert_reads_as_before(const struct world_tx *tx, const struct world_block *block)
{
    assert_int_equal(nonce_in(ask_nonce(0)), 1);
    assert_int_equal(reply.height, 1);
    struct proto_request r = {.type = PROTO_BLOCK, .height = 1};
    assert_code(ask(&r), PROTO_OK);
    assert_int_equal(reply.data.size, block->block.whole.size);
    r = (struct proto_request){.type = PROTO_RECEIPT, .txids = {tx->tx.id}};
    assert_code(ask(&r), PROTO_OK);
    r = (struct proto_request){.type = PROTO_STATUS};
    assert_code(ask(&r), PROTO_OK);
}

static void an_alarmed_node_stays_readable(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *tx = world_record(&w, 0, 1), *second = world_record(&w, 1, 1);
    const struct world_block *block = block_of(tx);
    const struct world_block *other = world_block(&w, NULL, &second, 1);
    world_commit(&w, block);
    assert_reads_as_before(tx, block);
    world_qc(&w, 2, CERT_COMMIT, other);
    world_settle(&w);
    assert_true(world_look(&w).core.is_alarmed);
    assert_reads_as_before(tx, block);
    world_forget(&w);
    world_propose(&w, world_block(&w, block, &second, 1));
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), 0);
    run();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_alarmed_node_stays_readable, end_serving),
    };
    return cmocka_run_group_tests_name("hansad_alarmed", tests, NULL, NULL);
}
