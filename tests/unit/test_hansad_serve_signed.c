/* A chain that only participants may read: whose signature opens it, and under which session. */
#include "tests/unit/hansad_serve.h"

static struct proto_request request;

/* A request for everybody's eyes but here; each type that may be signed. */
static void make_request(enum proto_type type)
{
    request = (struct proto_request){.type = type, .table = STATE_PARTICIPANT, .count = 1};
    request.items[0] = bytes_of_text("p0");
    if (type == PROTO_INDEX)
        request.table = KV_NAME;
    if (type == PROTO_BACKUP)
        request.count = 0;
    request.names_max = 1;
    request.height = 1;
}

static void begin_closed(void)
{
    begin_serving();
    w.chain.genesis.reads = READS_PARTICIPANTS;
    memset(session_key, 0x22, sizeof session_key);
    make_request(PROTO_NAMES);
}

static void make_key(struct sign_key *out, uint32_t participant, uint64_t number)
{
    chain_make_key(out, "participant", participant, number);
}

/* Sign the request for this session and node, and have it asked. */
static uint64_t ask_signed(const struct sign_key *key, const uint8_t *ephemeral, uint32_t node)
{
    struct buf bytes = {0};
    const struct genesis *g = &w.chain.genesis;
    proto_encode_request(&bytes, &request);
    proto_sign_request(
        &bytes, &(struct proto_session){&g->chain_id, ephemeral, g->members[node].link_key}, key);
    serve_on_request(serve, ++last_number, buf_bytes(&bytes), w.time);
    buf_free(&bytes);
    return last_number;
}

static uint64_t ask_as(const struct sign_key *key)
{
    return ask_signed(key, session_key, w.own_index);
}

static void a_participants_signature_opens_every_read(void **state)
{
    (void)state;
    static const enum proto_type types[] = {PROTO_STATE, PROTO_INDEX, PROTO_NAMES, PROTO_BLOCK,
                                            PROTO_PROOF};
    struct sign_key key;
    begin_closed();
    const struct world_tx *tx = world_record(&w, 0, 1);
    world_commit(&w, block_of(tx));
    make_key(&key, 1, 0);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        make_request(types[i]);
        assert_code(ask(&request), PROTO_FORBIDDEN);
        enum proto_code code = reply_to(ask_as(&key))->code;
        assert_int_not_equal(code, PROTO_FORBIDDEN);
        assert_int_not_equal(code, PROTO_MALFORMED);
        assert_int_equal(reply.type, types[i]);
    }
}

static void where_no_backups_are_made_nobody_gets_one(void **state)
{
    (void)state;
    struct sign_key key;
    begin_closed();
    make_key(&key, 1, 0);
    make_request(PROTO_BACKUP);
    assert_code(ask_as(&key), PROTO_FORBIDDEN);
}

static void what_is_no_read_needs_no_signature(void **state)
{
    (void)state;
    begin_closed();
    const struct world_tx *tx = world_record(&w, 0, 1);
    uint64_t submitted = submit(&tx, 1, 1000);
    world_commit(&w, block_of(tx));
    run();
    assert_committed(submitted, 0, &tx->tx.id, 1);
    assert_committed(wait_for(&tx->tx.id, 1000), 0, &tx->tx.id, 1);
    struct proto_request r = {.type = PROTO_RECEIPT, .txids = {tx->tx.id}};
    assert_code(ask(&r), PROTO_OK);
    r.type = PROTO_STATUS;
    assert_code(ask(&r), PROTO_OK);
}

static void a_key_of_no_participant_is_forbidden(void **state)
{
    (void)state;
    struct sign_key key;
    begin_closed();
    make_key(&key, 1, 77);
    assert_code(ask_as(&key), PROTO_FORBIDDEN);
    assert_code(ask_as(&w.chain.members[0]), PROTO_FORBIDDEN);
}

static void a_key_that_another_signed_for_is_forbidden(void **state)
{
    (void)state;
    struct sign_key key, stranger;
    begin_closed();
    make_key(&key, 1, 0);
    make_key(&stranger, 1, 77);
    stranger.public = key.public;
    assert_code(ask_as(&stranger), PROTO_FORBIDDEN);
    assert_code(ask_as(&key), PROTO_OK);
}

/* From the block on that adds it, to the block that revokes it. */
static void a_key_reads_while_it_is_active(void **state)
{
    (void)state;
    struct sign_key key;
    begin_closed();
    make_key(&key, 0, 77);
    struct op add = {.type = OP_KEY_ADD,
                     .key_add = {.participant = bytes_of_text("p0"), .key = key.public}};
    struct op revoke = {.type = OP_KEY_REVOKE, .key_revoke = {.key = key.public}};
    op_key_add_consent(&add.key_add.consent, &w.chain.genesis.chain_id, add.key_add.participant,
                       &key);
    assert_code(ask_as(&key), PROTO_FORBIDDEN);
    const struct world_tx *tx = world_tx(&w, 0, 1, 0, add);
    const struct world_block *adds = block_of(tx);
    world_commit(&w, adds);
    assert_code(ask_as(&key), PROTO_OK);
    tx = world_tx(&w, 0, 2, 0, revoke);
    world_commit(&w, world_block(&w, adds, &tx, 1));
    assert_code(ask_as(&key), PROTO_FORBIDDEN);
    make_key(&key, 0, 0);
    assert_code(ask_as(&key), PROTO_OK);
}

static void a_signature_for_another_session_is_forbidden(void **state)
{
    (void)state;
    struct sign_key key;
    uint8_t other[LINK_KEY_BYTES];
    begin_closed();
    make_key(&key, 1, 0);
    memcpy(other, session_key, sizeof other);
    other[31] ^= 1;
    assert_code(ask_signed(&key, other, w.own_index), PROTO_FORBIDDEN);
}

static void a_signature_for_another_node_is_forbidden(void **state)
{
    (void)state;
    struct sign_key key;
    begin_closed();
    make_key(&key, 1, 0);
    for (uint32_t node = 0; node < WORLD_MEMBERS; node++)
        assert_code(ask_signed(&key, session_key, node),
                    node == w.own_index ? PROTO_OK : PROTO_FORBIDDEN);
}

static void a_signature_on_another_request_is_forbidden(void **state)
{
    (void)state;
    struct sign_key key;
    begin_closed();
    make_key(&key, 1, 0);
    struct buf bytes = {0};
    const struct genesis *g = &w.chain.genesis;
    proto_encode_request(&bytes, &request);
    proto_sign_request(
        &bytes,
        &(struct proto_session){&g->chain_id, session_key, g->members[w.own_index].link_key}, &key);
    assert_true(proto_decode_request(&request, buf_bytes(&bytes)));
    request.names_max = 2;
    assert_code(ask(&request), PROTO_FORBIDDEN);
    request.names_max = 1;
    assert_code(ask(&request), PROTO_OK);
    buf_free(&bytes);
}

/* It would cost a verification for nothing. */
static void on_an_open_chain_nobody_looks_at_signatures(void **state)
{
    (void)state;
    struct sign_key key;
    begin_closed();
    w.chain.genesis.reads = READS_OPEN;
    make_key(&key, 1, 77);
    assert_code(ask_as(&key), PROTO_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVE_TEST(a_participants_signature_opens_every_read),
        SERVE_TEST(where_no_backups_are_made_nobody_gets_one),
        SERVE_TEST(what_is_no_read_needs_no_signature),
        SERVE_TEST(a_key_of_no_participant_is_forbidden),
        SERVE_TEST(a_key_that_another_signed_for_is_forbidden),
        SERVE_TEST(a_key_reads_while_it_is_active),
        SERVE_TEST(a_signature_for_another_session_is_forbidden),
        SERVE_TEST(a_signature_for_another_node_is_forbidden),
        SERVE_TEST(a_signature_on_another_request_is_forbidden),
        SERVE_TEST(on_an_open_chain_nobody_looks_at_signatures),
    };
    return cmocka_run_group_tests_name("hansad_serve_signed", tests, NULL, NULL);
}
