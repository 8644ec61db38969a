/* One encoding of each type, made from the layouts in proto.h by a script that knows nothing of
 * proto.c: these bytes are the protocol of version 1. */
#include "tests/unit/test_proto_samples.h"

static const char *const request_vectors[PROTO_TYPE_END] = {
    [PROTO_SUBMIT] = "0101341200000203000000aabbcc00000000",
    [PROTO_WAIT] =
        "01023075000002111111111111111111111111111111111111111111111111111111111111111122"
        "22222222222222222222222222222222222222222222222222222222222222",
    [PROTO_RECEIPT] = "01033333333333333333333333333333333333333333333333333333333333333333",
    [PROTO_STATUS] = "0104",
    [PROTO_METRICS] = "0105",
    [PROTO_STATE] = "010604020e00686166656e2f6d61696e0045555201006b",
    [PROTO_INDEX] = "01070b0103006b6579",
    [PROTO_NAMES] = "010801020068610500686166656e0001",
    [PROTO_BLOCK] = "01090807060504030201",
    [PROTO_PROOF] = "010a030300455552",
    [PROTO_BACKUP] = "010b55443322110000000000080077777777777777777777777777777777",
    [PROTO_READ] = "010c08070605040302010201000500686166656e04010b00686166656e2f6d61696e00",
    [PROTO_EVIDENCE] = "010d1e07",
};

static const char *const reply_vectors[PROTO_TYPE_END] = {
    [PROTO_SUBMIT] =
        "0101000300444444444444444444444444444444444444444444444444444444444444444400000c"
        "0b0a0000000000070000000000000000000000000000000000000000000000000000000000000000"
        "00000000014545454545454545454545454545454545454545454545454545454545454545120200"
        "00000000000000000000000146464646464646464646464646464646464646464646464646464646"
        "46464646044747474747474747474747474747474747474747474747474747474747474747000500"
        "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "00000000",
    [PROTO_WAIT] =
        "0102000300444444444444444444444444444444444444444444444444444444444444444400000c"
        "0b0a0000000000070000000000000000000000000000000000000000000000000000000000000000"
        "00000000014545454545454545454545454545454545454545454545454545454545454545120200"
        "00000000000000000000000146464646464646464646464646464646464646464646464646464646"
        "46464646044747474747474747474747474747474747474747474747474747474747474747000500"
        "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "00000000",
    [PROTO_RECEIPT] = "0103000800000048414e5341524331",
    [PROTO_STATUS] =
        "01040051515151515151515151515151515151515151515151515151515151515151510100000000"
        "000000000302000000000000010001000100020d100000000000000e100000000000000f10000000"
        "00000000100000000000000110000000000000"
        "1010000000000000111000000000000012030000"
        "0410000000000000031000000000000002100000000000"
        "00051000000000000052525252525252525252525252525252525252525252525252525252525252"
        "52010000008f010000020000008f0100000610000000000000071000000810000000000000091000"
        "00000000000a100000000000000b10000000000000010c100000000000000200ffffffffffffffff"
        "000000000000000084010000000000000000041000000000000000",
    [PROTO_METRICS] = "01050005000000757020310a",
    [PROTO_STATE] = "0106000120000000000000030102000000010200000000000100000000",
    [PROTO_INDEX] = "0107000120000000000000030102000000010200000000000100000000",
    [PROTO_NAMES] = "01080002200000000000000102000500686166656e040068616666",
    [PROTO_BLOCK] =
        "01090002000000b1b201020300000000000000090000000000000003200000000000006161616161"
        "61616161616161616161616161616161616161616161616161616102046262626262626262626262"
        "62626262626262626262626262626262626262626262626262626262626262626262626262626262"
        "626262626262626262626262621e6363636363636363636363636363636363636363636363636363"
        "6363636363636363636363636363636363636363636363636363636363636363636363636363",
    [PROTO_PROOF] = "010a000800000048414e5341504631",
    [PROTO_BACKUP] = "010b0077777777777777777777777777777777584433221100000003000000d1d2d3",
    [PROTO_READ] =
        "010c0002200000000000000101010300000000000000090000000000000003200000000000006161"
        "61616161616161616161616161616161616161616161616161616161616102046262626262626262"
        "62626262626262626262626262626262626262626262626262626262626262626262626262626262"
        "626262626262626262626262626262621e6363636363636363636363636363636363636363636363"
        "63636363636363636363636363636363636363636363636363636363636363636363636363636363"
        "63000200000500686166656e020000000102010e00686166656e2f6d61696e0045555200000000",
    [PROTO_EVIDENCE] = "010d000800000048414e5341455631",
};

static struct digest digest_all(uint8_t byte)
{
    struct digest d;
    memset(d.bytes, byte, DIGEST_BYTES);
    return d;
}

static void fill_request(struct proto_request *r, enum proto_type type)
{
    *r = (struct proto_request){.type = type};
    switch (type) {
    case PROTO_SUBMIT:
        r->wait_ms = 0x1234;
        r->count = 2;
        r->items[0] = bytes_of("\xaa\xbb\xcc", 3);
        return;
    case PROTO_WAIT:
        r->wait_ms = 30000;
        r->count = 2;
        r->txids[0] = digest_all(0x11);
        r->txids[1] = digest_all(0x22);
        return;
    case PROTO_RECEIPT:
        r->txids[0] = digest_all(0x33);
        return;
    case PROTO_STATE:
        r->table = STATE_BALANCE;
        r->count = 2;
        r->items[0] = bytes_of("hafen/main\0EUR", 14);
        r->items[1] = bytes_of("k", 1);
        return;
    case PROTO_INDEX:
        r->table = KV_HISTORY;
        r->count = 1;
        r->items[0] = bytes_of("key", 3);
        return;
    case PROTO_NAMES:
        r->table = STATE_PARTICIPANT;
        r->prefix = bytes_of_text("ha");
        r->after = bytes_of_text("hafen");
        r->names_max = 256;
        return;
    case PROTO_BLOCK:
        r->height = 0x0102030405060708;
        return;
    case PROTO_PROOF:
        r->table = STATE_ASSET;
        r->items[0] = bytes_of_text("EUR");
        return;
    case PROTO_READ:
        r->height = 0x0102030405060708;
        r->count = 2;
        r->tables[0] = STATE_PARTICIPANT;
        r->items[0] = bytes_of_text("hafen");
        r->tables[1] = STATE_BALANCE;
        r->is_prefix[1] = true;
        r->items[1] = bytes_of("hafen/main\0", 11);
        return;
    case PROTO_BACKUP:
        r->offset = 0x1122334455;
        r->count = 0x80000;
        memset(r->backup_id, 0x77, sizeof r->backup_id);
        return;
    case PROTO_EVIDENCE:
        r->offender = 30;
        r->evidence_kind = 7;
        return;
    default:
        return;
    }
}

static void fill_results(struct proto_reply *r)
{
    r->count = 3;
    r->results[0] = (struct proto_result){.outcome = PROTO_COMMITTED,
                                          .txid = digest_all(0x44),
                                          .place = {.height = 0x0a0b0c, .tx_index = 7}};
    r->results[1] = (struct proto_result){.outcome = PROTO_REJECTED,
                                          .txid = digest_all(0x45),
                                          .verdict = VERDICT_NONCE_USED,
                                          .pool_answer = POOL_REFUSED,
                                          .has_other = true,
                                          .other_txid = digest_all(0x46)};
    r->results[2] = (struct proto_result){
        .outcome = PROTO_UNKNOWN, .txid = digest_all(0x47), .pool_answer = POOL_BUSY};
}

static void fill_status(struct proto_status *s)
{
    *s = (struct proto_status){.chain_id = digest_all(0x51),
                               .member_index = 1,
                               .view = 0x0203,
                               .mode = 1,
                               .is_learner = 1,
                               .is_diverged = 1,
                               .complaint = 2,
                               .mode_ms = 0x100d,
                               .timeout_ms = 0x100e,
                               .view_changes = 0x100f,
                               .stable_height = 0x1000,
                               .checkpoint_height = 0x1001,
                               .history_from_height = 0x1010,
                               .snapshot_height = 0x1011,
                               .snapshot_per_mille = 0x0312,
                               .committed_height = 0x1004,
                               .durable_height = 0x1003,
                               .flushed_height = 0x1002,
                               .certified_height = 0x1005,
                               .head_digest = digest_all(0x52),
                               .head_time_ms = 0x18f00000001,
                               .wall_ms = 0x18f00000002,
                               .up_ms = 0x1006,
                               .pool_txs = 0x1007,
                               .pool_bytes = 0x1008,
                               .store_bytes = 0x1009,
                               .disk_free_bytes = 0x100a,
                               .disk_reserve_bytes = 0x100b,
                               .takes_transactions = 1,
                               .txs_committed = 0x100c,
                               .peers_count = 2};
    s->peers[0] = (struct proto_peer){.heard_ms_ago = UINT64_MAX, .evidence = 0x84};
    s->peers[1] = (struct proto_peer){.is_live = 1, .committed_height = 0x1004};
}

static void fill_certificate(struct proto_reply *r)
{
    r->has_certificate = true;
    r->certificate.statement = (struct statement){
        .kind = CERT_COMMIT, .epoch = 3, .view = 9, .height = 0x2003, .digest = digest_all(0x61)};
    r->certificate.entries_count = 2;
    r->certificate.entries[0].member_index = 4;
    memset(r->certificate.entries[0].signature.bytes, 0x62, SIGNATURE_BYTES);
    r->certificate.entries[1].member_index = 30;
    memset(r->certificate.entries[1].signature.bytes, 0x63, SIGNATURE_BYTES);
}

static void fill_values(struct proto_reply *r)
{
    r->height = 0x2001;
    r->count = 3;
    r->is_present[0] = r->is_present[2] = true;
    r->items[0] = bytes_of("\1\2", 2);
}

static void fill_read(struct proto_reply *r)
{
    r->height = 0x2002;
    r->is_learner = true;
    fill_certificate(r);
    r->certificate.statement.kind = CERT_PREPARE;
    r->count = 2;
    r->keys[0] = bytes_of_text("hafen");
    r->items[0] = bytes_of("\1\2", 2);
    r->questions[1] = 1;
    r->keys[1] = bytes_of("hafen/main\0EUR", 14);
}

static void fill_reply(struct proto_reply *r, enum proto_type type)
{
    *r = (struct proto_reply){.type = type};
    switch (type) {
    case PROTO_SUBMIT:
    case PROTO_WAIT:
        fill_results(r);
        return;
    case PROTO_RECEIPT:
        r->data = bytes_of_text("HANSARC1");
        return;
    case PROTO_STATUS:
        fill_status(&r->status);
        return;
    case PROTO_METRICS:
        r->data = bytes_of_text("up 1\n");
        return;
    case PROTO_STATE:
    case PROTO_INDEX:
        fill_values(r);
        return;
    case PROTO_NAMES:
        r->height = 0x2002;
        r->is_end = true;
        r->count = 2;
        r->items[0] = bytes_of_text("hafen");
        r->items[1] = bytes_of_text("haff");
        return;
    case PROTO_BLOCK:
        r->data = bytes_of("\xb1\xb2", 2);
        fill_certificate(r);
        return;
    case PROTO_PROOF:
        r->data = bytes_of_text("HANSAPF1");
        return;
    case PROTO_READ:
        fill_read(r);
        return;
    case PROTO_EVIDENCE:
        r->data = bytes_of_text("HANSAEV1");
        return;
    case PROTO_BACKUP:
        memset(r->backup_id, 0x77, sizeof r->backup_id);
        r->total = 0x1122334458;
        r->data = bytes_of("\xd1\xd2\xd3", 3);
        return;
    default:
        return;
    }
}

static void assert_hex(struct bytes bytes, const char *hex)
{
    char text[2 * 1024 + 1];
    assert_true(bytes.size <= sizeof text / 2);
    hex_encode(text, bytes.data, bytes.size);
    assert_string_equal(text, hex);
}

static void request_of_each_type_has_the_bytes_of_the_layout(void **state)
{
    (void)state;
    static struct proto_request request;
    struct buf out = {0};
    for (int type = PROTO_SUBMIT; type < PROTO_TYPE_END; type++) {
        fill_request(&request, (enum proto_type)type);
        assert_hex(encode_request(&out, &request), request_vectors[type]);
        assert_true(request_decodes(buf_bytes(&out)));
    }
    buf_free(&out);
}

static void reply_of_each_type_has_the_bytes_of_the_layout(void **state)
{
    (void)state;
    static struct proto_reply reply;
    struct buf out = {0};
    for (int type = PROTO_SUBMIT; type < PROTO_TYPE_END; type++) {
        fill_reply(&reply, (enum proto_type)type);
        assert_hex(encode_reply(&out, &reply), reply_vectors[type]);
        assert_true(reply_decodes(buf_bytes(&out)));
        /* Without OK there are no fields, whatever stands in the struct. */
        reply.code = PROTO_BUSY;
        encode_reply(&out, &reply);
        assert_int_equal(out.size, 3);
        assert_int_equal(out.data[2], 3);
    }
    reply = (struct proto_reply){.code = PROTO_MALFORMED};
    assert_hex(encode_reply(&out, &reply), "010001");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_of_each_type_has_the_bytes_of_the_layout),
        cmocka_unit_test(reply_of_each_type_has_the_bytes_of_the_layout),
    };
    return cmocka_run_group_tests_name("proto_vectors", tests, NULL, NULL);
}
