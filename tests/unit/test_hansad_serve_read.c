/* What clients read of the ledger: told when it is durable, in bounded pieces, and only what is
 * open to them. */
#include "ledger/receipt.h"
#include "node/evidence_file.h"
#include "tests/unit/hansad_serve.h"

/* ---- reads ---- */

static void what_a_read_shows_is_durable_when_it_is_told(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *block = block_of(tx);
    assert_int_equal(nonce_in(ask_nonce(0)), 0);
    commit_not_durable(block);
    uint64_t read = ask_nonce(0), behind = ask_nonce(1);
    struct proto_request get_block = {.type = PROTO_BLOCK, .height = 1};
    uint64_t early = ask(&get_block);
    run();
    assert_false(is_replied(read));
    assert_false(is_replied(behind));
    assert_code(early, PROTO_NOT_FOUND);
    world_land(&w);
    run();
    assert_int_equal(nonce_in(read), 1);
    assert_int_equal(reply.height, 1);
    assert_int_equal(nonce_in(behind), 0);
    uint64_t late = ask(&get_block);
    assert_code(late, PROTO_OK);
    assert_true(reply.has_certificate);
    assert_int_equal(reply.data.size, block->block.whole.size);
}

static void a_receipt_of_what_is_committed_verifies(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *tx = world_record(&w, 0, 1);
    struct proto_request r = {.type = PROTO_RECEIPT, .txids = {tx->tx.id}};
    assert_code(ask(&r), PROTO_NOT_FOUND);
    world_commit(&w, block_of(tx));
    uint64_t number = ask(&r);
    assert_code(number, PROTO_OK);
    struct receipt receipt;
    struct why why = {{0}};
    assert_int_equal(receipt_verify(&receipt, reply.data, &w.chain.genesis.chain_id,
                                    &w.chain.genesis.member_table, &why),
                     RC_OK);
    assert_memory_equal(&receipt.tx.id, &tx->tx.id, DIGEST_BYTES);
}

static void an_index_entry_leads_to_its_transaction(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *tx = world_record(&w, 0, 1);
    world_commit(&w, block_of(tx));
    struct proto_request r = {.type = PROTO_INDEX, .table = KV_TXID, .count = 2};
    struct digest none = {{9}};
    r.items[0] = bytes_of(tx->tx.id.bytes, DIGEST_BYTES);
    r.items[1] = bytes_of(none.bytes, DIGEST_BYTES);
    uint64_t number = ask(&r);
    struct place place;
    assert_code(number, PROTO_OK);
    assert_true(reply.is_present[0]);
    assert_false(reply.is_present[1]);
    assert_true(place_tx_decode(&place, reply.items[0]));
    assert_int_equal(place.height, 1);
}

/* Neither votes nor meta records are anybody's. */
static void tables_that_are_no_index_are_not_shown(void **state)
{
    (void)state;
    begin_serving();
    static const enum kv_table tables[] = {KV_META, KV_BLOCK, KV_CERT, KV_TREE, KV_VOTE};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct proto_request r = {.type = PROTO_INDEX, .table = tables[i], .count = 1};
        r.items[0] = bytes_of_text("state");
        assert_code(ask(&r), PROTO_MALFORMED);
    }
}

static void names_come_in_pages(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *txs[] = {world_record(&w, 0, 1), world_record(&w, 1, 1)};
    world_commit(&w, world_block(&w, NULL, txs, 2)); /* records in the layer, the rest flushed */
    char after[KV_KEY_BYTES_MAX] = "";
    size_t after_size = 0, count = 0;
    for (bool is_end = false; !is_end;) {
        struct proto_request r = {.type = PROTO_NAMES,
                                  .table = STATE_PARTICIPANT,
                                  .after = bytes_of(after, after_size),
                                  .names_max = 3};
        assert_code(ask(&r), PROTO_OK);
        assert_true(reply.count <= 3);
        for (uint32_t i = 0; i < reply.count; i++, count++) {
            assert_true(bytes_compare(reply.items[i], bytes_of(after, after_size)) > 0);
            after_size = reply.items[i].size;
            memcpy(after, reply.items[i].data, after_size);
        }
        is_end = reply.is_end;
        assert_true(is_end || reply.count == 3);
    }
    assert_int_equal(count, w.chain.genesis.initial.participants_count);
    struct proto_request r = {.type = PROTO_NAMES, .table = STATE_RECORD, .names_max = 1};
    assert_code(ask(&r), PROTO_OK);
    assert_int_equal(reply.count, 1);
    assert_false(reply.is_end);
    memcpy(after, reply.items[0].data, reply.items[0].size);
    r.after = bytes_of(after, reply.items[0].size);
    assert_code(ask(&r), PROTO_OK);
    assert_int_equal(reply.count, 1);
    assert_true(reply.is_end);
}

static void keys_longer_than_any_are_refused(void **state)
{
    (void)state;
    begin_serving();
    uint8_t key[STATE_KEY_BYTES_MAX + 1] = {1};
    struct proto_request r = {.type = PROTO_STATE, .table = STATE_BALANCE, .count = 1};
    r.items[0] = bytes_of(key, sizeof key);
    assert_code(ask(&r), PROTO_MALFORMED);
    r.type = PROTO_PROOF;
    assert_code(ask(&r), PROTO_MALFORMED);
    r = (struct proto_request){.type = PROTO_NAMES, .table = STATE_RECORD, .names_max = 1};
    r.prefix = bytes_of(key, sizeof key);
    assert_code(ask(&r), PROTO_MALFORMED);
    r.prefix = bytes_of(key, 0);
    r.after = bytes_of(key, sizeof key);
    assert_code(ask(&r), PROTO_MALFORMED);
}

static void bytes_that_are_no_request_are_answered_so(void **state)
{
    (void)state;
    begin_serving();
    serve_on_request(serve, ++last_number, bytes_of_text("no request"), w.time);
    assert_code(last_number, PROTO_MALFORMED);
    serve_on_request(serve, ++last_number, bytes_of(NULL, 0), w.time);
    assert_code(last_number, PROTO_MALFORMED);
}

static void what_the_configuration_or_genesis_closes_is_forbidden(void **state)
{
    (void)state;
    begin_serving();
    struct proto_request r = {.type = PROTO_BACKUP, .count = 1};
    assert_code(ask(&r), PROTO_FORBIDDEN);
    assert_int_equal(nonce_in(ask_nonce(0)), 0);
    w.chain.genesis.reads = READS_PARTICIPANTS;
    assert_code(ask_nonce(0), PROTO_FORBIDDEN);
    r = (struct proto_request){.type = PROTO_BLOCK, .height = 1};
    assert_code(ask(&r), PROTO_FORBIDDEN);
    r = (struct proto_request){.type = PROTO_STATUS};
    assert_code(ask(&r), PROTO_OK);
    r = (struct proto_request){.type = PROTO_METRICS};
    assert_code(ask(&r), PROTO_OK);
    assert_true(bytes_has_prefix(reply.data, bytes_of_text("hansa_height")));
}

/* What the node found is handed out as a file that proves itself, once it is durable. */
static void evidence_is_handed_out_as_a_file(void **state)
{
    (void)state;
    struct evidence_file file;
    struct why why = {{0}};
    begin_serving();
    struct proto_request r = {
        .type = PROTO_EVIDENCE, .offender = 2, .evidence_kind = PBFT_TWO_COMMITS};
    assert_code(ask(&r), PROTO_NOT_FOUND);
    const struct world_tx *tx = world_record(&w, 0, 1);
    world_vote(&w, 2, CERT_COMMIT, b[1]);
    world_vote(&w, 2, CERT_COMMIT, world_block(&w, NULL, &tx, 1));
    world_run(&w);
    assert_code(ask(&r), PROTO_NOT_FOUND); /* known, and on its way to the disk */
    world_settle(&w);
    assert_code(ask(&r), PROTO_OK);
    assert_int_equal(evidence_file_verify(&file, reply.data, &w.chain.genesis, &why), RC_OK);
    assert_int_equal(file.evidence.offender, 2);
    assert_int_equal(file.evidence.kind, PBFT_TWO_COMMITS);
    r.evidence_kind = PBFT_TWO_PREPARES;
    assert_code(ask(&r), PROTO_NOT_FOUND);
    r = (struct proto_request){
        .type = PROTO_EVIDENCE, .offender = MEMBERS_MAX - 1, .evidence_kind = PBFT_TWO_COMMITS};
    assert_code(ask(&r), PROTO_NOT_FOUND);
    w.chain.genesis.reads = READS_PARTICIPANTS; /* one of a bad body holds a block */
    assert_code(ask(&r), PROTO_FORBIDDEN);
}

/* Pitfalls D5: it gets nothing, and the node fetches the block anew for whoever comes next. */
static void a_damaged_block_that_is_asked_for_is_fetched(void **state)
{
    (void)state;
    struct buf key = {0};
    begin_serving();
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *block = block_of(tx), *chain[] = {block};
    world_commit(&w, block);
    world_rot(&w, KV_BLOCK, world_block_key(&key, 1, &block->block.digest));
    const struct world_tx *next = world_record(&w, 0, 2);
    world_commit(&w, world_block(&w, block, &next, 1)); /* the store looks anew */
    struct proto_request r = {.type = PROTO_BLOCK, .height = 1};
    assert_code(ask(&r), PROTO_FAILED);
    for (uint32_t from = 0; from < WORLD_MEMBERS; from++)
        if (from != 1)
            world_status(&w, from, 2);
    world_settle(&w);
    const struct world_output *o = world_message(&w, PBFT_FETCH, 0);
    assert_non_null(o);
    world_range(&w, o->to, chain, 1, 0);
    world_settle(&w);
    assert_code(ask(&r), PROTO_OK);
    assert_int_equal(reply.data.size, block->block.whole.size);
    w.is_rotten = false;
    buf_free(&key);
}

/* ---- following over damage (pitfalls D5) ---- */

static void commit_some(int from, int to)
{
    for (int i = from; i <= to; i++) {
        world_commit(&w, b[i]);
        run();
    }
}

static void rot_at(enum kv_table table, uint64_t height)
{
    struct buf key = {0};
    struct digest digest;
    struct why why = {{0}};
    assert_int_equal(store_get_digest(w.store, height, &digest, &why), RC_OK);
    struct bytes at = world_block_key(&key, height, &digest);
    world_rot(&w, table, table == KV_BLOCK ? at : bytes_of(at.data, 8));
    buf_free(&key);
}

static uint64_t followed(void)
{
    struct serve_look look;
    serve_look(serve, &look);
    return look.followed_height;
}

/* As the driver passes over it. */
static void a_damaged_newest_certificate_stops_no_start(void **state)
{
    (void)state;
    begin_serving();
    commit_some(1, 5);
    assert_int_equal(followed(), 5);
    serve_close(serve);
    rot_at(KV_CERT, 5);
    world_crash(&w, true);
    assert_int_equal(world_start(&w), RC_OK);
    bind_serve();
    run();
    run();
    assert_int_equal(followed(), 4);
    assert_int_equal(world_look(&w).damaged_count, 1); /* the driver's own */
    commit_some(6, 6);
    assert_int_equal(followed(), 6);
    assert_int_equal(world_look(&w).damaged_count, 1);
}

static void a_certificate_that_rots_while_it_serves_is_covered_by_the_next(void **state)
{
    (void)state;
    begin_serving();
    commit_some(1, 3);
    world_commit(&w, b[4]);
    rot_at(KV_CERT, 4);
    commit_some(5, 6);
    assert_int_equal(followed(), 6);
    assert_int_equal(world_look(&w).damaged_count, 1);
}

static void a_damaged_block_is_followed_over_and_wanted_anew(void **state)
{
    (void)state;
    begin_serving();
    commit_some(1, 3);
    world_commit(&w, b[4]);
    rot_at(KV_BLOCK, 4);
    commit_some(5, 6);
    assert_int_equal(followed(), 6);
    assert_int_equal(world_look(&w).damaged_count, 1);
    assert_int_equal(w.driver->repair.height, 4);
}

/* A block that is sound is told: under the certificate above it, or without one. */
static void a_damaged_certificate_keeps_no_block_back(void **state)
{
    (void)state;
    begin_serving();
    commit_some(1, 3);
    rot_at(KV_CERT, 2);
    commit_some(4, 5); /* the store looks anew */
    struct proto_request r = {.type = PROTO_BLOCK, .height = 2};
    assert_code(ask(&r), PROTO_OK);
    assert_true(bytes_equal(reply.data, b[2]->block.whole));
    assert_true(reply.has_certificate);
    assert_int_equal(reply.certificate.statement.height, 3);
    assert_int_equal(world_look(&w).damaged_count, 1);
    assert_int_equal(w.driver->repair.height, 0); /* the block is none to be fetched */
    struct tx tx;
    struct rd body = rd_of(b[2]->block.body);
    assert_int_equal(tx_decode(&tx, block_next_tx(&body), &b[2]->block.header.chain_id),
                     VERDICT_OK);
    struct proto_request receipt = {.type = PROTO_RECEIPT, .txids = {tx.id}};
    assert_code(ask(&receipt), PROTO_OK); /* of a transaction in it as well */
    rot_at(KV_CERT, 3);
    commit_some(6, 6);
    assert_code(ask(&r), PROTO_OK);
    assert_true(bytes_equal(reply.data, b[2]->block.whole));
    assert_false(reply.has_certificate);
    assert_int_equal(world_look(&w).damaged_count, 2);
    rot_at(KV_CERT, 6); /* nothing is above the newest */
    world_crash(&w, true);
    assert_int_equal(world_start(&w), RC_OK);
    serve_close(serve);
    bind_serve();
    r.height = 6;
    assert_code(ask(&r), PROTO_OK);
    assert_true(bytes_equal(reply.data, b[6]->block.whole));
    assert_false(reply.has_certificate);
}

static void a_damaged_block_whose_receipt_is_asked_for_is_wanted_anew(void **state)
{
    (void)state;
    begin_serving();
    commit_some(1, 4);
    rot_at(KV_BLOCK, 2);
    commit_some(5, 5); /* the store looks anew */
    struct rd body = rd_of(b[2]->block.body);
    struct tx tx;
    assert_int_equal(tx_decode(&tx, block_next_tx(&body), &w.chain.genesis.chain_id), VERDICT_OK);
    struct proto_request r = {.type = PROTO_RECEIPT, .txids = {tx.id}};
    assert_code(ask(&r), PROTO_FAILED);
    assert_int_equal(w.driver->repair.height, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVE_TEST(what_a_read_shows_is_durable_when_it_is_told),
        SERVE_TEST(a_receipt_of_what_is_committed_verifies),
        SERVE_TEST(an_index_entry_leads_to_its_transaction),
        SERVE_TEST(tables_that_are_no_index_are_not_shown),
        SERVE_TEST(names_come_in_pages),
        SERVE_TEST(keys_longer_than_any_are_refused),
        SERVE_TEST(bytes_that_are_no_request_are_answered_so),
        SERVE_TEST(what_the_configuration_or_genesis_closes_is_forbidden),
        SERVE_TEST(evidence_is_handed_out_as_a_file),
        SERVE_TEST(a_damaged_block_that_is_asked_for_is_fetched),
        SERVE_TEST(a_damaged_newest_certificate_stops_no_start),
        SERVE_TEST(a_certificate_that_rots_while_it_serves_is_covered_by_the_next),
        SERVE_TEST(a_damaged_block_is_followed_over_and_wanted_anew),
        SERVE_TEST(a_damaged_certificate_keeps_no_block_back),
        SERVE_TEST(a_damaged_block_whose_receipt_is_asked_for_is_wanted_anew),
    };
    return cmocka_run_group_tests_name("hansad_serve_read", tests, NULL, NULL);
}
