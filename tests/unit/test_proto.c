/* Round trips of every type, up to the largest, and the words. */
#include "tests/unit/test_proto_samples.h"

enum { SAMPLES = 50 };

static struct proto_request request;
static struct proto_reply reply;
static struct buf out;

/* ---- round trips ---- */

static void assert_same_digest(const struct digest *a, const struct digest *b)
{
    assert_memory_equal(a->bytes, b->bytes, DIGEST_BYTES);
}

static void assert_same_items(const struct bytes *a, const struct bytes *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(bytes_equal(a[i], b[i]));
}

static void assert_same_request(const struct proto_request *a, const struct proto_request *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->wait_ms, b->wait_ms);
    assert_int_equal(a->count, b->count);
    assert_same_items(a->items, b->items, PROTO_TXS_MAX);
    for (int i = 0; i < PROTO_TXS_MAX; i++)
        assert_same_digest(&a->txids[i], &b->txids[i]);
    assert_int_equal(a->table, b->table);
    assert_true(bytes_equal(a->prefix, b->prefix));
    assert_true(bytes_equal(a->after, b->after));
    assert_int_equal(a->names_max, b->names_max);
    assert_memory_equal(a->tables, b->tables, sizeof a->tables);
    assert_memory_equal(a->is_prefix, b->is_prefix, sizeof a->is_prefix);
    assert_true(a->height == b->height);
    assert_true(a->offset == b->offset);
    assert_memory_equal(a->backup_id, b->backup_id, sizeof a->backup_id);
}

static void assert_same_result(const struct proto_result *a, const struct proto_result *b)
{
    assert_int_equal(a->outcome, b->outcome);
    assert_same_digest(&a->txid, &b->txid);
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->pool_answer, b->pool_answer);
    assert_true(a->place.height == b->place.height);
    assert_int_equal(a->place.tx_index, b->place.tx_index);
    assert_int_equal(a->place.op_index, b->place.op_index);
    assert_int_equal(a->has_other, b->has_other);
    assert_same_digest(&a->other_txid, &b->other_txid);
}

static void assert_same_status(const struct proto_status *a, const struct proto_status *b)
{
#define SAME(field) assert_true(a->field == b->field)
    assert_same_digest(&a->chain_id, &b->chain_id);
    assert_same_digest(&a->head_digest, &b->head_digest);
    SAME(member_index);
    SAME(epoch);
    SAME(view);
    SAME(mode);
    SAME(is_primary);
    SAME(is_learner);
    SAME(is_alarmed);
    SAME(is_diverged);
    SAME(is_installed);
    SAME(complaint);
    SAME(mode_ms);
    SAME(timeout_ms);
    SAME(view_changes);
    SAME(stable_height);
    SAME(checkpoint_height);
    SAME(history_from_height);
    SAME(snapshot_height);
    SAME(snapshot_per_mille);
    SAME(committed_height);
    SAME(durable_height);
    SAME(flushed_height);
    SAME(certified_height);
    SAME(head_time_ms);
    SAME(wall_ms);
    SAME(up_ms);
    SAME(pool_txs);
    SAME(pool_bytes);
    SAME(store_bytes);
    SAME(disk_free_bytes);
    SAME(disk_reserve_bytes);
    SAME(takes_transactions);
    SAME(txs_committed);
    SAME(peers_count);
    for (int i = 0; i < MEMBERS_MAX; i++) {
        SAME(peers[i].is_live);
        SAME(peers[i].heard_ms_ago);
        SAME(peers[i].committed_height);
        SAME(peers[i].evidence);
    }
#undef SAME
}

static void assert_same_certificate(const struct certificate *a, const struct certificate *b)
{
    assert_true(statement_equal(&a->statement, &b->statement));
    assert_int_equal(a->entries_count, b->entries_count);
    for (uint32_t i = 0; i < QUORUM_MAX; i++) {
        assert_int_equal(a->entries[i].member_index, b->entries[i].member_index);
        assert_memory_equal(a->entries[i].signature.bytes, b->entries[i].signature.bytes,
                            SIGNATURE_BYTES);
    }
}

static void assert_same_reply(const struct proto_reply *a, const struct proto_reply *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->code, b->code);
    assert_true(a->height == b->height);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->is_end, b->is_end);
    for (int i = 0; i < PROTO_TXS_MAX; i++)
        assert_same_result(&a->results[i], &b->results[i]);
    for (int i = 0; i < PROTO_KEYS_MAX; i++)
        assert_int_equal(a->is_present[i], b->is_present[i]);
    assert_same_items(a->items, b->items, PROTO_NAMES_MAX);
    assert_true(bytes_equal(a->data, b->data));
    assert_int_equal(a->has_certificate, b->has_certificate);
    assert_same_certificate(&a->certificate, &b->certificate);
    assert_same_status(&a->status, &b->status);
    assert_memory_equal(a->backup_id, b->backup_id, sizeof a->backup_id);
    assert_true(a->total == b->total);
    assert_int_equal(a->is_learner, b->is_learner);
    assert_memory_equal(a->questions, b->questions, sizeof a->questions);
    assert_same_items(a->keys, b->keys, PROTO_ENTRIES_MAX);
}

static void decode_of_an_encoded_request_gives_the_request(void **state)
{
    (void)state;
    struct prng p = prng_of(41);
    for (int type = PROTO_SUBMIT; type < PROTO_TYPE_END; type++) {
        for (int i = 0; i <= SAMPLES; i++) {
            sample_request(&request, (enum proto_type)type, &p, i == SAMPLES);
            memset(&request_back, 0xee, sizeof request_back); /* nothing stays of what was there */
            assert_true(request_decodes(encode_request(&out, &request)));
            assert_same_request(&request, &request_back);
        }
    }
}

static void decode_of_an_encoded_reply_gives_the_reply(void **state)
{
    (void)state;
    struct prng p = prng_of(42);
    for (int type = PROTO_SUBMIT; type < PROTO_TYPE_END; type++) {
        for (int i = 0; i <= SAMPLES; i++) {
            sample_reply(&reply, (enum proto_type)type, &p, i == SAMPLES);
            memset(&reply_back, 0xee, sizeof reply_back);
            assert_true(reply_decodes(encode_reply(&out, &reply)));
            assert_same_reply(&reply, &reply_back);
        }
    }
}

/* No more of a state than all of it can be here. */
static void status_of_a_snapshot_ends_at_1000_per_mille(void **state)
{
    (void)state;
    enum { PER_MILLE_AT = 115 };
    struct prng p = prng_of(44);
    sample_reply(&reply, PROTO_STATUS, &p, true);
    for (uint32_t value = 998; value < 1003; value++) {
        reply.status.snapshot_per_mille = 1000;
        (void)encode_reply(&out, &reply);
        assert_int_equal(out.data[PER_MILLE_AT] + 256 * out.data[PER_MILLE_AT + 1], 1000);
        out.data[PER_MILLE_AT] = (uint8_t)value;
        out.data[PER_MILLE_AT + 1] = (uint8_t)(value >> 8);
        struct proto_reply *back = mem_alloc(sizeof *back);
        assert_int_equal(proto_decode_reply(back, buf_bytes(&out)), value <= 1000);
        mem_free(back);
    }
}

/* The largest of all fill a message to the last byte, or are what the ledger's limits allow. */
static void encode_of_the_largest_has_the_sizes_of_the_layout(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {
        [PROTO_SUBMIT] = {PROTO_MSG_BYTES_MAX, 3 + 1 + 64 * RESULT_BYTES},
        [PROTO_WAIT] = {2 + 4 + 1 + 64 * 32, 3 + 1 + 64 * RESULT_BYTES},
        [PROTO_RECEIPT] = {2 + 32, 3 + 4 + RECEIPT_BYTES_MAX},
        [PROTO_STATUS] = {2, 3 + 32 + 1 + 16 + 7 + 40 + 20 + 32 + 32 + 24 + 4 + 32 + 1 + 8 + 1 +
                                 31 * 18},
        [PROTO_METRICS] = {2, PROTO_MSG_BYTES_MAX},
        [PROTO_STATE] = {2 + 1 + 1 + 64 * (2 + 511), PROTO_MSG_BYTES_MAX},
        [PROTO_INDEX] = {2 + 1 + 1 + 64 * (2 + 511), PROTO_MSG_BYTES_MAX},
        [PROTO_NAMES] = {2 + 1 + 2 * (2 + 511) + 2, 3 + 8 + 1 + 2 + 256 * (2 + 511)},
        [PROTO_BLOCK] = {2 + 8, 3 + 4 + BLOCK_BYTES_MAX + 1 + 1 + 24 + 32 + 1 + 21 * 65},
        [PROTO_PROOF] = {2 + 1 + 2 + 511, 3 + 4 + PROOF_BYTES_MAX},
        [PROTO_READ] = {2 + 8 + 1 + 8 * (4 + 511),
                        3 + 8 + 1 + 1 + 1 + 24 + 32 + 1 + 21 * 65 + 3 + 256 * (7 + 511 + 512)},
        [PROTO_BACKUP] = {2 + 8 + 4 + 16, 3 + 16 + 8 + 4 + 512 * 1024},
        [PROTO_EVIDENCE] = {2 + 2, 3 + 4 + BLOCK_BYTES_MAX + 1024}};
    struct prng p = prng_of(43);
    for (int type = PROTO_SUBMIT; type < PROTO_TYPE_END; type++) {
        sample_request(&request, (enum proto_type)type, &p, true);
        assert_int_equal(encode_request(&out, &request).size, sizes[type][0]);
        sample_reply(&reply, (enum proto_type)type, &p, true);
        assert_int_equal(encode_reply(&out, &reply).size, sizes[type][1]);
    }
}

/* Answers are compared by their bytes: all of a READ's reply behind the certificate. */
static void answer_of_a_read_is_its_end_and_its_entries(void **state)
{
    (void)state;
    struct prng p = prng_of(47);
    struct buf other = {0};
    for (int i = 0; i < SAMPLES; i++) {
        sample_reply(&reply, PROTO_READ, &p, false);
        assert_true(reply_decodes(encode_reply(&out, &reply)));
        struct bytes answer = reply_back.answer;
        assert_true(answer.data + answer.size == out.data + out.size);
        assert_int_equal(answer.data[0], reply.is_end);
        assert_int_equal(answer.data[1] | answer.data[2] << 8, reply.count);
        buf_clear(&other);
        buf_add_bytes(&other, answer);
        reply.height++;
        reply.is_learner = !reply.is_learner;
        reply.has_certificate = false;
        assert_true(reply_decodes(encode_reply(&out, &reply)));
        assert_true(bytes_equal(reply_back.answer, buf_bytes(&other)));
        reply.is_end = !reply.is_end;
        assert_true(reply_decodes(encode_reply(&out, &reply)));
        assert_false(bytes_equal(reply_back.answer, buf_bytes(&other)));
    }
    buf_free(&other);
}

/* What stands in front of it stays. */
static void encode_appends(void **state)
{
    (void)state;
    buf_clear(&out);
    buf_add_u8(&out, 0x99);
    proto_encode_request(&out, &(struct proto_request){.type = PROTO_STATUS});
    assert_int_equal(out.size, 3);
    reply = (struct proto_reply){.type = PROTO_BLOCK, .code = PROTO_NOT_FOUND};
    proto_encode_reply(&out, &reply);
    assert_int_equal(out.size, 6);
    assert_int_equal(out.data[0], 0x99);
    assert_int_equal(out.data[5], PROTO_NOT_FOUND);
    /* Nor does it count as part of the message: two of the largest stand behind each other. */
    struct prng p = prng_of(46);
    sample_request(&request, PROTO_SUBMIT, &p, true);
    sample_reply(&reply, PROTO_METRICS, &p, true);
    encode_request(&out, &request);
    proto_encode_request(&out, &request);
    proto_encode_reply(&out, &reply);
    assert_int_equal(out.size, 3 * PROTO_MSG_BYTES_MAX);
}

/* ---- words ---- */

static void word_of_each_number_is_the_one_of_the_list(void **state)
{
    (void)state;
    static const char *const types[] = {[1] = "SUBMIT", "WAIT",  "RECEIPT", "STATUS", "METRICS",
                                        "STATE",        "INDEX", "NAMES",   "BLOCK",  "PROOF",
                                        "BACKUP",       "READ",  "EVIDENCE"};
    static const char *const codes[] = {"ok",     "malformed", "not_found", "busy",
                                        "failed", "forbidden", "not_yet"};
    static const char *const outcomes[] = {"committed", "rejected", "refused", "busy", "unknown"};
    for (int type = PROTO_SUBMIT; type < PROTO_TYPE_END; type++)
        assert_string_equal(proto_type_word((enum proto_type)type), types[type]);
    for (int code = 0; code < PROTO_CODE_COUNT; code++)
        assert_string_equal(proto_code_word((enum proto_code)code), codes[code]);
    for (int outcome = 0; outcome < PROTO_OUTCOME_COUNT; outcome++)
        assert_string_equal(proto_outcome_word((enum proto_outcome)outcome), outcomes[outcome]);
    assert_string_equal(
        proto_code_text(PROTO_BUSY),
        "the node has too much to do, or is taking its state anew: try again later");
}

static int free_out(void **state)
{
    (void)state;
    buf_free(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_of_an_encoded_request_gives_the_request),
        cmocka_unit_test(decode_of_an_encoded_reply_gives_the_reply),
        cmocka_unit_test(status_of_a_snapshot_ends_at_1000_per_mille),
        cmocka_unit_test(encode_of_the_largest_has_the_sizes_of_the_layout),
        cmocka_unit_test(answer_of_a_read_is_its_end_and_its_entries),
        cmocka_unit_test(encode_appends),
        cmocka_unit_test(word_of_each_number_is_the_one_of_the_list),
    };
    return cmocka_run_group_tests_name("proto", tests, NULL, free_out);
}
