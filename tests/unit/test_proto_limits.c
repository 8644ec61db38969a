/* Every limit from both sides: decoding refuses what is beyond, encoding ends by a CHECK. */
#include "tests/unit/test_proto_samples.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static struct proto_request request;
static struct proto_reply reply;
static struct buf out;

/* ---- refusals ---- */

/* Whether the sample in out decodes with a number of so many bytes put at a place. */
static bool decodes_with(bool (*decodes)(struct bytes), size_t at, uint32_t value, size_t size)
{
    uint8_t before[4];
    assert_true(at + size <= out.size);
    memcpy(before, out.data + at, size);
    for (size_t i = 0; i < size; i++)
        out.data[at + i] = (uint8_t)(value >> (8 * i));
    bool decoded = decodes(buf_bytes(&out));
    memcpy(out.data + at, before, size);
    assert_true(decodes(buf_bytes(&out)));
    return decoded;
}
#define TAKEN(at, value, size)   assert_true(decodes_with(decodes, at, value, size))
#define REFUSED(at, value, size) assert_false(decodes_with(decodes, at, value, size))
/* A byte that may be so much and no more. */
#define UP_TO(at, most) (TAKEN(at, most, 1), REFUSED(at, (most) + 1, 1))

static void start(enum proto_type type)
{
    memset(&request, 0, sizeof request);
    memset(&reply, 0, sizeof reply);
    request.type = reply.type = type;
    request.count = reply.count = 1;
    request.table = 1;
    request.names_max = 1;
    request.items[0] = reply.items[0] = reply.keys[0] = reply.keys[1] = bytes_of_text("key");
    memset(request.tables, 1, sizeof request.tables);
    reply.is_present[0] = true;
}

static void request_beyond_a_limit_is_refused(void **state)
{
    (void)state;
    bool (*decodes)(struct bytes) = request_decodes;
    start(PROTO_STATUS);
    encode_request(&out, &request);
    REFUSED(0, 0, 1);
    REFUSED(0, 2, 1);
    REFUSED(1, 0, 1);
    TAKEN(1, PROTO_METRICS, 1);
    REFUSED(1, PROTO_TYPE_END, 1);
    start(PROTO_SUBMIT);
    encode_request(&out, &request);
    TAKEN(2, PROTO_WAIT_MS_MAX, 4);
    REFUSED(2, PROTO_WAIT_MS_MAX + 1, 4);
    REFUSED(6, 0, 1);
    start(PROTO_WAIT);
    encode_request(&out, &request);
    REFUSED(2, PROTO_WAIT_MS_MAX + 1, 4);
    start(PROTO_STATE);
    encode_request(&out, &request);
    REFUSED(2, 0, 1);
    TAKEN(2, STATE_RECORD, 1);
    REFUSED(2, STATE_TABLE_END, 1);
    start(PROTO_INDEX);
    encode_request(&out, &request);
    TAKEN(2, 0, 1);
    TAKEN(2, KV_VOTE, 1);
    REFUSED(2, KV_TABLE_COUNT, 1);
    start(PROTO_PROOF);
    encode_request(&out, &request);
    REFUSED(2, STATE_TABLE_END, 1);
    start(PROTO_NAMES);
    encode_request(&out, &request);
    REFUSED(2, STATE_TABLE_END, 1);
    REFUSED(7, 0, 2);
    TAKEN(7, PROTO_NAMES_MAX, 2);
    REFUSED(7, PROTO_NAMES_MAX + 1, 2);
    start(PROTO_BACKUP);
    encode_request(&out, &request);
    TAKEN(10, 0, 4);
    TAKEN(10, PROTO_CHUNK_BYTES_MAX, 4);
    REFUSED(10, PROTO_CHUNK_BYTES_MAX + 1, 4);
    start(PROTO_EVIDENCE);
    request.evidence_kind = 1;
    encode_request(&out, &request);
    TAKEN(2, MEMBERS_MAX - 1, 1);
    REFUSED(2, MEMBERS_MAX, 1);
    REFUSED(3, 0, 1);
    TAKEN(3, 7, 1);
    REFUSED(3, 8, 1);
}

/* A head in hex, then count items, each with a length of so many bytes in front. */
static struct bytes listed(const char *head, uint32_t count, size_t length_bytes, size_t item_bytes)
{
    buf_clear(&out);
    size_t size = strlen(head) / 2;
    assert_true(hex_decode(buf_grow(&out, size), size, head));
    for (uint32_t i = 0; i < count; i++) {
        if (length_bytes == 2)
            buf_add_u16(&out, (uint16_t)item_bytes);
        if (length_bytes == 4)
            buf_add_u32(&out, (uint32_t)item_bytes);
        memset(buf_grow(&out, item_bytes), 0x5a, item_bytes);
    }
    return buf_bytes(&out);
}

static void request_with_too_many_or_too_long_items_is_refused(void **state)
{
    (void)state;
    assert_false(request_decodes(listed("01010000000000", 0, 4, 0)));
    assert_true(request_decodes(listed("01010000000040", 64, 4, 0)));
    assert_false(request_decodes(listed("01010000000041", 65, 4, 0)));
    assert_true(request_decodes(listed("01010000000001", 1, 4, TX_BYTES_MAX)));
    assert_false(request_decodes(listed("01010000000001", 1, 4, TX_BYTES_MAX + 1)));
    assert_true(request_decodes(listed("01010000000008", 8, 4, TX_BYTES_MAX)));
    assert_false(request_decodes(listed("01010000000009", 9, 4, TX_BYTES_MAX)));
    assert_true(request_decodes(listed("01020000000040", 64, 0, 32)));
    assert_false(request_decodes(listed("01020000000041", 65, 0, 32)));
    assert_false(request_decodes(listed("01020000000000", 0, 0, 32)));
    assert_true(request_decodes(listed("01060140", 64, 2, 511)));
    assert_false(request_decodes(listed("01060141", 65, 2, 511)));
    assert_false(request_decodes(listed("01060100", 0, 2, 1)));
    assert_false(request_decodes(listed("01060101", 1, 2, 512)));
    assert_false(request_decodes(listed("01060101", 1, 2, 0)));
    assert_true(request_decodes(listed("010a01", 1, 2, 511)));
    assert_false(request_decodes(listed("010a01", 1, 2, 512)));
    assert_false(request_decodes(listed("010a01", 1, 2, 0)));
    listed("010801", 2, 2, 511);
    buf_add_u16(&out, 1);
    assert_true(request_decodes(buf_bytes(&out)));
    listed("010801", 2, 2, 512);
    buf_add_u16(&out, 1);
    assert_false(request_decodes(buf_bytes(&out)));
}

/* MALFORMED is answered with the type, when there is one. */
static void request_that_is_refused_has_its_type_or_none(void **state)
{
    (void)state;
    assert_false(request_decodes(listed("0106", 0, 0, 0)));
    assert_int_equal(request_back.type, PROTO_STATE);
    static const char *const heads[] = {"", "01", "010e", "0100", "0204"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        assert_false(request_decodes(listed(heads[i], 0, 0, 0)));
        assert_int_equal(request_back.type, 0);
    }
    reply = (struct proto_reply){.code = PROTO_MALFORMED};
    assert_true(reply_decodes(encode_reply(&out, &reply)));
    assert_int_equal(reply_back.type, 0);
    assert_int_equal(reply_back.code, PROTO_MALFORMED);
}

static void reply_beyond_a_limit_is_refused(void **state)
{
    (void)state;
    bool (*decodes)(struct bytes) = reply_decodes;
    start(PROTO_STATUS);
    reply.code = PROTO_MALFORMED;
    encode_reply(&out, &reply);
    REFUSED(0, 2, 1);
    TAKEN(1, 0, 1);
    REFUSED(1, PROTO_TYPE_END, 1);
    TAKEN(2, PROTO_FORBIDDEN, 1);
    REFUSED(2, PROTO_CODE_COUNT, 1);
    for (uint8_t code = 0; code < PROTO_CODE_COUNT; code++)
        assert_int_equal(reply_decodes(bytes_of((uint8_t[]){1, 0, code}, 3)),
                         code == PROTO_MALFORMED);
    start(PROTO_STATE);
    encode_reply(&out, &reply);
    REFUSED(11, 0, 1);
    REFUSED(12, 2, 1);
    REFUSED(12, 0, 1); /* absent, and three bytes */
    start(PROTO_NAMES);
    encode_reply(&out, &reply);
    TAKEN(11, 1, 1);
    REFUSED(11, 2, 1);
    start(PROTO_BLOCK);
    reply.data = bytes_of_text("block");
    encode_reply(&out, &reply);
    REFUSED(12, 2, 1);
    REFUSED(12, 1, 1);
    reply.has_certificate = true;
    reply.certificate.statement.kind = CERT_COMMIT;
    encode_reply(&out, &reply);
    REFUSED(13, CERT_PREPARE, 1); /* of the same length: another meaning */
    REFUSED(13, CERT_CHECKPOINT, 1);
}

static void reply_with_too_many_or_too_long_items_is_refused(void **state)
{
    (void)state;
    start(PROTO_SUBMIT);
    reply.count = PROTO_TXS_MAX;
    encode_reply(&out, &reply);
    out.data[3] = PROTO_TXS_MAX + 1;
    memset(buf_grow(&out, RESULT_BYTES), 0, RESULT_BYTES);
    assert_false(reply_decodes(buf_bytes(&out)));
    assert_false(reply_decodes(listed("01010000", 0, 0, 0)));
    assert_false(reply_decodes(listed("010600000000000000000000", 0, 0, 0)));
    start(PROTO_INDEX);
    reply.count = PROTO_KEYS_MAX;
    encode_reply(&out, &reply);
    out.data[11] = PROTO_KEYS_MAX + 1;
    memset(buf_grow(&out, 5), 0, 5);
    assert_false(reply_decodes(buf_bytes(&out)));
    assert_true(reply_decodes(listed("0108000000000000000000000000", 0, 2, 1)));
    assert_true(reply_decodes(listed("0108000000000000000000000001", 256, 2, 511)));
    assert_false(reply_decodes(listed("0108000000000000000000000101", 257, 2, 511)));
    assert_false(reply_decodes(listed("0108000000000000000000000100", 1, 2, 512)));
    assert_false(reply_decodes(listed("0108000000000000000000000100", 1, 2, 0)));
    assert_true(reply_decodes(listed("010300", 1, 4, RECEIPT_BYTES_MAX)));
    assert_false(reply_decodes(listed("010300", 1, 4, RECEIPT_BYTES_MAX + 1)));
    assert_true(reply_decodes(listed("010500", 1, 4, PROTO_MSG_BYTES_MAX - 7)));
    assert_false(reply_decodes(listed("010500", 1, 4, PROTO_MSG_BYTES_MAX - 6)));
    assert_true(reply_decodes(listed("010a00", 1, 4, PROOF_BYTES_MAX)));
    assert_false(reply_decodes(listed("010a00", 1, 4, PROOF_BYTES_MAX + 1)));
    for (size_t more = 0; more < 2; more++) {
        listed("010900", 1, 4, BLOCK_BYTES_MAX + more);
        buf_add_u8(&out, 0);
        assert_int_equal(reply_decodes(buf_bytes(&out)), more == 0);
    }
    static const char backup[] = "010b00"
                                 "000000000000000000000000000000000000000000000000";
    assert_true(reply_decodes(listed(backup, 1, 4, PROTO_CHUNK_BYTES_MAX)));
    assert_false(reply_decodes(listed(backup, 1, 4, PROTO_CHUNK_BYTES_MAX + 1)));
    assert_true(reply_decodes(listed(backup, 1, 4, 0)));
}

static void read_beyond_a_limit_is_refused(void **state)
{
    (void)state;
    enum { COUNT_AT = 10, TABLE_AT = 11, PREFIX_AT = 12, SIZE_AT = 13 };
    bool (*decodes)(struct bytes) = request_decodes;
    start(PROTO_READ);
    encode_request(&out, &request);
    REFUSED(COUNT_AT, 0, 1);
    REFUSED(TABLE_AT, 0, 1);
    TAKEN(TABLE_AT, STATE_RECORD, 1);
    REFUSED(TABLE_AT, STATE_TABLE_END, 1);
    TAKEN(PREFIX_AT, 1, 1);
    REFUSED(PREFIX_AT, 2, 1);
    REFUSED(SIZE_AT, 0, 2);
    request.count = PROTO_QUESTIONS_MAX;
    for (int i = 0; i < PROTO_QUESTIONS_MAX; i++) {
        request.items[i] = bytes_of_text("key");
    }
    encode_request(&out, &request);
    out.data[COUNT_AT]++;
    memcpy(buf_grow(&out, 7), out.data + TABLE_AT, 7); /* one more of the same */
    assert_false(request_decodes(buf_bytes(&out)));
}

static void reply_to_a_read_beyond_a_limit_is_refused(void **state)
{
    (void)state;
    enum { LEARNER_AT = 11, HAS_AT = 12, END_AT = 13, COUNT_AT = 14, ENTRY_AT = 16, KEY_AT = 19 };
    static uint8_t keys[PROTO_ENTRIES_MAX][2];
    bool (*decodes)(struct bytes) = reply_decodes;
    start(PROTO_READ);
    reply.count = 2;
    reply.items[1] = bytes_of(NULL, 0);
    reply.keys[0] = bytes_of_text("ka");
    reply.keys[1] = bytes_of_text("kb");
    encode_reply(&out, &reply);
    TAKEN(LEARNER_AT, 1, 1);
    REFUSED(LEARNER_AT, 2, 1);
    REFUSED(HAS_AT, 2, 1);
    TAKEN(END_AT, 1, 1);
    REFUSED(END_AT, 2, 1);
    REFUSED(ENTRY_AT, 1, 1);       /* the second is of a question before it */
    REFUSED(KEY_AT + 1, 'b', 1);   /* the second is the first again, */
    REFUSED(KEY_AT + 1, 'c', 1);   /* or stands before it */
    REFUSED(ENTRY_AT + 1, 0, 2);   /* no key */
    REFUSED(out.size - 4, 513, 4); /* too long a value */
    TAKEN(out.size - 9, PROTO_QUESTIONS_MAX - 1, 1);
    REFUSED(out.size - 9, PROTO_QUESTIONS_MAX, 1);
    reply.has_certificate = true;
    reply.certificate.statement.kind = CERT_COMMIT;
    encode_reply(&out, &reply);
    TAKEN(HAS_AT + 1, CERT_PREPARE, 1);
    REFUSED(HAS_AT + 1, CERT_CHECKPOINT, 1);
    reply.has_certificate = false;
    reply.count = PROTO_ENTRIES_MAX;
    for (int i = 0; i < PROTO_ENTRIES_MAX; i++) {
        keys[i][0] = (uint8_t)i;
        reply.keys[i] = bytes_of(keys[i], 2);
        reply.items[i] = bytes_of(NULL, 0);
    }
    encode_reply(&out, &reply);
    assert_true(reply_decodes(buf_bytes(&out)));
    out.data[COUNT_AT]++;
    static const uint8_t more[] = {7, 1, 0, 9, 0, 0, 0, 0};
    memcpy(buf_grow(&out, sizeof more), more, sizeof more);
    assert_false(reply_decodes(buf_bytes(&out)));
}

/* A field that an outcome does not have is zero. */
static void result_that_says_what_its_outcome_does_not_have_is_refused(void **state)
{
    (void)state;
    enum {
        OUTCOME_AT = 4,
        VERDICT_AT = 37,
        POOL_AT = 38,
        HEIGHT_AT = 39,
        INDEX_AT = 47,
        HAS_AT = 51
    };
    bool (*decodes)(struct bytes) = reply_decodes;
    start(PROTO_WAIT);
    reply.results[0].outcome = PROTO_UNKNOWN;
    encode_reply(&out, &reply);
    TAKEN(OUTCOME_AT, PROTO_TX_BUSY, 1);
    REFUSED(OUTCOME_AT, PROTO_OUTCOME_COUNT, 1);
    TAKEN(VERDICT_AT, VERDICT_COUNT - 1, 1);
    REFUSED(VERDICT_AT, VERDICT_COUNT, 1);
    TAKEN(POOL_AT, POOL_ANSWER_COUNT - 1, 1);
    REFUSED(POOL_AT, POOL_ANSWER_COUNT, 1);
    REFUSED(HEIGHT_AT, 1, 4);
    REFUSED(HEIGHT_AT + 7, 1, 1);
    REFUSED(INDEX_AT, 1, 4);
    REFUSED(HAS_AT, 1, 1);
    REFUSED(HAS_AT + DIGEST_BYTES, 1, 1);
    reply.results[0].outcome = PROTO_REJECTED;
    encode_reply(&out, &reply);
    TAKEN(HAS_AT, 1, 1);
    REFUSED(HAS_AT, 2, 1);
    REFUSED(HAS_AT + 1, 1, 1);
    REFUSED(HEIGHT_AT, 1, 4);
    reply.results[0].outcome = PROTO_COMMITTED;
    encode_reply(&out, &reply);
    TAKEN(HEIGHT_AT, 1, 4);
    TAKEN(INDEX_AT, 1, 4);
    REFUSED(HAS_AT, 1, 1);
}

static void status_beyond_a_limit_is_refused(void **state)
{
    (void)state;
    enum { MEMBER_AT = 35, MODE_AT = 52, COMPLAINT_AT = 58, TAKES_AT = 243, PEERS_AT = 252 };
    enum { PEER_BYTES = 18 };
    bool (*decodes)(struct bytes) = reply_decodes;
    start(PROTO_STATUS);
    reply.status.peers_count = MEMBERS_MAX;
    encode_reply(&out, &reply);
    UP_TO(MEMBER_AT, MEMBERS_MAX - 1);
    for (size_t at = MODE_AT; at < COMPLAINT_AT; at++) /* mode and five flags */
        UP_TO(at, 1);
    UP_TO(COMPLAINT_AT, PROTO_REASON_COUNT - 1);
    UP_TO(TAKES_AT, 1);
    for (size_t at = PEERS_AT + 1; at < out.size; at += PEER_BYTES) {
        UP_TO(at, 1);
        TAKEN(at + 17, 0xfe, 1); /* evidence of every kind, and of none that is known */
        REFUSED(at + 17, 1, 1);
    }
    out.data[PEERS_AT] = MEMBERS_MAX + 1;
    memset(buf_grow(&out, PEER_BYTES), 0, PEER_BYTES);
    assert_false(reply_decodes(buf_bytes(&out)));
    out.data[PEERS_AT] = 0;
    assert_false(reply_decodes(bytes_of(out.data, PEERS_AT + 1)));
}

/* ---- encoding: our own mistakes ---- */

/* In a process of its own, since it is to be ended by a CHECK. */
static bool ends_by_check(bool is_request)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(2);
        buf_clear(&out);
        if (is_request)
            proto_encode_request(&out, &request);
        else
            proto_encode_reply(&out, &reply);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* A good one of the type, with one thing wrong. */
#define REQUEST_CHECKED(of_type, spoil)                                                            \
    do {                                                                                           \
        start(of_type);                                                                            \
        assert_false(ends_by_check(true));                                                         \
        spoil;                                                                                     \
        assert_true(ends_by_check(true));                                                          \
    } while (0)
#define REPLY_CHECKED(of_type, spoil)                                                              \
    do {                                                                                           \
        start(of_type);                                                                            \
        reply.status.peers_count = MEMBERS_MAX;                                                    \
        reply.certificate.statement.kind = CERT_COMMIT;                                            \
        assert_false(ends_by_check(false));                                                        \
        spoil;                                                                                     \
        assert_true(ends_by_check(false));                                                         \
    } while (0)

static void encode_of_a_request_beyond_a_limit_ends_by_a_check(void **state)
{
    (void)state;
    struct prng p = prng_of(44);
    REQUEST_CHECKED(PROTO_STATUS, request.type = PROTO_TYPE_END);
    REQUEST_CHECKED(PROTO_STATUS, request.type = (enum proto_type)0);
    REQUEST_CHECKED(PROTO_SUBMIT, request.wait_ms = PROTO_WAIT_MS_MAX + 1);
    REQUEST_CHECKED(PROTO_SUBMIT, request.count = 0);
    REQUEST_CHECKED(PROTO_SUBMIT, request.count = 256 + 1);
    REQUEST_CHECKED(PROTO_SUBMIT, request.items[0] = sample_lend(&p, TX_BYTES_MAX + 1));
    REQUEST_CHECKED(PROTO_WAIT, request.count = PROTO_TXS_MAX + 1);
    REQUEST_CHECKED(PROTO_STATE, request.count = PROTO_KEYS_MAX + 1);
    REQUEST_CHECKED(PROTO_STATE, request.table = STATE_TABLE_END);
    REQUEST_CHECKED(PROTO_INDEX, request.table = KV_TABLE_COUNT);
    REQUEST_CHECKED(PROTO_STATE, request.items[0] = bytes_of(NULL, 0));
    REQUEST_CHECKED(PROTO_PROOF, request.items[0] = sample_lend(&p, KV_KEY_BYTES_MAX + 1));
    REQUEST_CHECKED(PROTO_NAMES, request.prefix = sample_lend(&p, KV_KEY_BYTES_MAX + 1));
    REQUEST_CHECKED(PROTO_NAMES, request.names_max = PROTO_NAMES_MAX + 1);
    REQUEST_CHECKED(PROTO_READ, request.tables[0] = STATE_TABLE_END);
    REQUEST_CHECKED(PROTO_READ, request.count = PROTO_QUESTIONS_MAX + 1);
    REQUEST_CHECKED(PROTO_READ, request.items[0] = bytes_of(NULL, 0));
    REQUEST_CHECKED(PROTO_BACKUP, request.count = PROTO_CHUNK_BYTES_MAX + 1);
    sample_request(&request, PROTO_SUBMIT, &p, true);
    assert_false(ends_by_check(true));
    request.items[5] = sample_lend(&p, request.items[5].size + 1);
    assert_true(ends_by_check(true));
}

static void encode_of_a_reply_beyond_a_limit_ends_by_a_check(void **state)
{
    (void)state;
    struct prng p = prng_of(45);
    REPLY_CHECKED(PROTO_STATUS, reply.type = (enum proto_type)0);
    REPLY_CHECKED(PROTO_STATUS, reply.code = PROTO_CODE_COUNT);
    REPLY_CHECKED(PROTO_WAIT, reply.count = 0);
    REPLY_CHECKED(PROTO_WAIT, reply.results[0].outcome = PROTO_OUTCOME_COUNT);
    REPLY_CHECKED(PROTO_WAIT, reply.results[0].verdict = VERDICT_COUNT);
    REPLY_CHECKED(PROTO_WAIT, reply.results[0].pool_answer = POOL_ANSWER_COUNT);
    REPLY_CHECKED(PROTO_WAIT, reply.results[0].place.op_index = 1);
    REPLY_CHECKED(PROTO_WAIT, reply.results[0].has_other = true);
    REPLY_CHECKED(PROTO_WAIT, reply.results[0].other_txid.bytes[31] = 1);
    REPLY_CHECKED(PROTO_STATUS, reply.status.mode = 2);
    REPLY_CHECKED(PROTO_STATUS, reply.status.complaint = PROTO_REASON_COUNT);
    REPLY_CHECKED(PROTO_STATUS, reply.status.peers_count = MEMBERS_MAX + 1);
    REPLY_CHECKED(PROTO_STATUS, reply.status.member_index = MEMBERS_MAX);
    REPLY_CHECKED(PROTO_STATUS, reply.status.peers[30].is_live = 2);
    REPLY_CHECKED(PROTO_STATUS, reply.status.peers[30].evidence = 1);
    REPLY_CHECKED(PROTO_STATE, reply.is_present[0] = false);
    REPLY_CHECKED(PROTO_STATE, reply.items[0] = sample_lend(&p, PROTO_MSG_BYTES_MAX - 16));
    REPLY_CHECKED(PROTO_NAMES, reply.count = PROTO_NAMES_MAX + 1);
    REPLY_CHECKED(PROTO_NAMES, reply.items[0] = bytes_of(NULL, 0));
    REPLY_CHECKED(PROTO_RECEIPT, reply.data = sample_lend(&p, RECEIPT_BYTES_MAX + 1));
    REPLY_CHECKED(PROTO_METRICS, reply.data = sample_lend(&p, PROTO_MSG_BYTES_MAX - 6));
    REPLY_CHECKED(PROTO_BACKUP, reply.data = sample_lend(&p, PROTO_CHUNK_BYTES_MAX + 1));
    REPLY_CHECKED(PROTO_READ, reply.count = PROTO_ENTRIES_MAX + 1);
    REPLY_CHECKED(PROTO_READ, reply.count = 2); /* both of one key */
    REPLY_CHECKED(PROTO_READ, reply.items[0] = sample_lend(&p, STATE_VALUE_BYTES_MAX + 1));
    REPLY_CHECKED(PROTO_READ, (reply.has_certificate = true,
                               reply.certificate.statement.kind = CERT_CHECKPOINT));
    REPLY_CHECKED(PROTO_BLOCK,
                  (reply.has_certificate = true, reply.certificate.statement.kind = CERT_PREPARE));
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
        cmocka_unit_test(request_beyond_a_limit_is_refused),
        cmocka_unit_test(request_with_too_many_or_too_long_items_is_refused),
        cmocka_unit_test(request_that_is_refused_has_its_type_or_none),
        cmocka_unit_test(reply_beyond_a_limit_is_refused),
        cmocka_unit_test(reply_with_too_many_or_too_long_items_is_refused),
        cmocka_unit_test(read_beyond_a_limit_is_refused),
        cmocka_unit_test(reply_to_a_read_beyond_a_limit_is_refused),
        cmocka_unit_test(result_that_says_what_its_outcome_does_not_have_is_refused),
        cmocka_unit_test(status_beyond_a_limit_is_refused),
        cmocka_unit_test(encode_of_a_request_beyond_a_limit_ends_by_a_check),
        cmocka_unit_test(encode_of_a_reply_beyond_a_limit_ends_by_a_check),
    };
    return cmocka_run_group_tests_name("proto_limits", tests, NULL, free_out);
}
