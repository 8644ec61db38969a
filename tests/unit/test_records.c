/* What agreement keeps in the store: every record there and back, and its bytes. */
#include "tests/unit/records_kept.h"

/* ---- the bytes, written by hand from the layouts in records.h ---- */

#define X4(hex)  hex hex hex hex
#define X32(hex) X4(X4(hex hex))
#define X64(hex) X32(hex) X32(hex)

enum { HEX_BYTES_MAX = 2048 };

static struct bytes from_hex(uint8_t room[static HEX_BYTES_MAX], const char *hex)
{
    size_t size = strlen(hex) / 2;
    assert_true(size <= HEX_BYTES_MAX);
    assert_true(hex_decode(room, size, hex));
    return bytes_of(room, size);
}

/* The store holds this one record and nothing else. */
static void expect_only(const char *key_hex, const char *value_hex)
{
    uint8_t key_room[HEX_BYTES_MAX], value_room[HEX_BYTES_MAX];
    struct bytes expected = from_hex(value_room, value_hex), value;
    struct kv_view *view;
    uint64_t count;
    assert_int_equal(kv_view_open(&view, kv, NULL), RC_OK);
    assert_int_equal(kv_count(view, KV_VOTE, &count), RC_OK);
    assert_int_equal(count, 1);
    assert_int_equal(kv_get(view, KV_VOTE, from_hex(key_room, key_hex), &value), RC_OK);
    assert_int_equal(value.size, expected.size);
    assert_memory_equal(value.data, expected.data, expected.size);
    kv_view_close(view);
}

/* The same store, written by hand. */
static void write_only(const char *key_hex, const char *value_hex)
{
    uint8_t key_room[HEX_BYTES_MAX], value_room[HEX_BYTES_MAX];
    struct kv_batch *batch = kv_batch_new();
    kv_close(kv);
    kv = kv_mem_new();
    kv_batch_put(batch, KV_VOTE, from_hex(key_room, key_hex), from_hex(value_room, value_hex));
    land(batch);
}

static struct digest filled(uint8_t byte)
{
    struct digest d;
    memset(d.bytes, byte, sizeof d.bytes);
    return d;
}

static struct pbft_block block_of(uint64_t height, uint8_t digest, uint8_t parent)
{
    return (struct pbft_block){
        .height = height, .digest = filled(digest), .parent = filled(parent)};
}

#define STATE_KEY "7374617465"
#define STATE_HEAD                                                                                 \
    "0807060504030201"                                                                             \
    "01"                                                                                           \
    "0100"                                                                                         \
    "0200000000000000" X32("b2") X32("b1")
#define STATE_VALUE                                                                                \
    STATE_HEAD "01"                                                                                \
               "0300000000000000" X32("b3") X32("b2")
#define STATE_VALUE_NO_TIP                                                                         \
    STATE_HEAD "00"                                                                                \
               "0000000000000000" X32("00") X32("00")
#define CERTIFICATE(kind)                                                                          \
    kind "0000000000000000"                                                                        \
         "0600000000000000"                                                                        \
         "0700000000000000" X32("d7") "03"                                                         \
                                      "00" X64("50") "02" X64("51") "1e" X64("52")

static struct pbft_act state_act(void)
{
    return (struct pbft_act){.type = PBFT_WRITE_STATE,
                             .state = {.view = 0x0102030405060708,
                                       .mode = PBFT_CHANGING,
                                       .is_installed = true,
                                       .base = block_of(2, 0xb2, 0xb1),
                                       .has_tip = true,
                                       .tip = block_of(3, 0xb3, 0xb2)}};
}

static void a_new_store_loads_as_it_was_said_for_a_new_core(void **state)
{
    (void)state;
    begin_kept(1);
    struct pbft_durable durable;
    uint64_t starts_count = 77;
    assert_int_equal(load(&durable, &starts_count, NULL), RC_OK);
    assert_int_equal(starts_count, 0);
    assert_int_equal(durable.view, 0);
    assert_int_equal(durable.mode, PBFT_NORMAL);
    assert_true(lone_block_equal(&durable.base, &b[0]));
    assert_true(durable.has_tip);
    assert_true(lone_block_equal(&durable.tip, &b[0]));
    assert_true(lone_block_equal(&durable.committed, &b[0]));
    assert_false(durable.has_high || durable.is_learner || durable.is_alarmed);
    assert_int_equal(start_from_records(NULL), RC_OK);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
}

static void state_comes_back(void **state)
{
    (void)state;
    begin_kept(1);
    struct pbft_act act = state_act();
    struct pbft_durable durable;
    uint64_t starts_count;
    keep_act(&act);
    expect_only(STATE_KEY, STATE_VALUE);
    write_only(STATE_KEY, STATE_VALUE);
    assert_int_equal(load(&durable, &starts_count, NULL), RC_OK);
    assert_int_equal(durable.view, 0x0102030405060708);
    assert_int_equal(durable.mode, PBFT_CHANGING);
    assert_true(durable.is_installed && !durable.is_spoiled);
    assert_true(lone_block_equal(&durable.base, &act.state.base));
    assert_true(durable.has_tip);
    assert_true(lone_block_equal(&durable.tip, &act.state.tip));
    assert_true(lone_block_equal(&durable.committed, &b[0])); /* the store's, not a record */
}

/* A core without tip has an old one lying there: it is not written. */
static void state_without_tip_has_zeros_in_its_place(void **state)
{
    (void)state;
    begin_kept(1);
    struct pbft_act act = state_act();
    struct pbft_durable durable;
    uint64_t starts_count;
    act.state.has_tip = false;
    keep_act(&act);
    expect_only(STATE_KEY, STATE_VALUE_NO_TIP);
    assert_int_equal(load(&durable, &starts_count, NULL), RC_OK);
    assert_false(durable.has_tip);
    assert_int_equal(durable.tip.height, 0);
}

static void high_comes_back(void **state)
{
    (void)state;
    begin_kept(1);
    struct digest digest = filled(0xd7);
    struct certificate c = make_certificate(CERT_COMMIT, 6, 7, &digest);
    struct pbft_durable durable;
    uint64_t starts_count;
    keep_high(&c);
    expect_only("68696768", CERTIFICATE("02"));
    keep_state(6, &b[1], NULL);
    assert_int_equal(load(&durable, &starts_count, NULL), RC_OK);
    assert_true(durable.has_high);
    assert_true(statement_equal(&durable.high.statement, &c.statement));
    assert_int_equal(durable.high.entries_count, 3);
    for (int i = 0; i < 3; i++)
        assert_memory_equal(&durable.high.entries[i], &c.entries[i], sizeof c.entries[i]);
}

static void learner_comes_back(void **state)
{
    (void)state;
    begin_kept(1);
    struct pbft_act act = {.type = PBFT_WRITE_LEARNER};
    struct pbft_durable durable;
    uint64_t starts_count;
    keep_act(&act);
    expect_only("6c6561726e6572", "01");
    assert_int_equal(load(&durable, &starts_count, NULL), RC_OK);
    assert_true(durable.is_learner);
    assert_false(durable.is_alarmed);
}

static void alarm_comes_back_with_both_certificates_or_one(void **state)
{
    (void)state;
    begin_kept(1);
    struct digest digest = filled(0xd7);
    struct certificate a = make_certificate(CERT_PREPARE, 6, 7, &digest);
    struct certificate other = make_certificate(CERT_COMMIT, 6, 7, &digest);
    struct pbft_act act = {.type = PBFT_WRITE_ALARM, .certificate = &a, .other = &other};
    struct pbft_durable durable;
    uint64_t starts_count;
    keep_act(&act);
    expect_only("616c61726d", CERTIFICATE("01") "01" CERTIFICATE("02"));
    assert_int_equal(load(&durable, &starts_count, NULL), RC_OK);
    assert_true(durable.is_alarmed);
    assert_false(durable.is_learner || durable.has_high);
    act.other = NULL;
    keep_act(&act);
    expect_only("616c61726d", CERTIFICATE("01") "00");
    assert_int_equal(load(&durable, &starts_count, NULL), RC_OK);
    assert_true(durable.is_alarmed);
    assert_int_equal(start_from_records(NULL), RC_OK);
    assert_true(l.look.is_alarmed);
}

static void starts_come_back(void **state)
{
    (void)state;
    begin_kept(1);
    struct kv_batch *batch = kv_batch_new();
    struct pbft_durable durable;
    uint64_t starts_count;
    records_put_starts(batch, 0x01020304);
    land(batch);
    expect_only("737461727473", "0403020100000000");
    assert_int_equal(load(&durable, &starts_count, NULL), RC_OK);
    assert_int_equal(starts_count, 0x01020304);
    /* Counters are made of it: one that leaves no room is none. */
    write_only("737461727473", "feffffff00000000");
    assert_int_equal(load(&durable, &starts_count, NULL), RC_OK);
    write_only("737461727473", "ffffffff00000000");
    assert_int_equal(load(&durable, &starts_count, NULL), RC_STORE_DAMAGED);
}

/* What is sent again of a hand-written record is its bytes, so both ways are held. */
/* What was voted for is here, and all below it (section 4): at heights 1 to 3. */
static void keep_bodies_to(const struct pbft_block *tip)
{
    struct pbft_block low = block_of(1, 0xc3, 0);
    low.parent = b[0].digest;
    struct pbft_block middle = {.height = 2, .digest = tip->parent, .parent = low.digest};
    l.bodies[l.bodies_count++] = low;
    l.bodies[l.bodies_count++] = middle;
    l.bodies[l.bodies_count++] = *tip;
}

static void a_vote_comes_back(void **state)
{
    (void)state;
    begin_kept(1);
    struct pbft_act act = {.type = PBFT_WRITE_VOTE};
    act.vote.statement = (struct statement){
        .kind = CERT_PREPARE, .epoch = 5, .view = 4, .height = 3, .digest = filled(0xd7)};
    memset(act.vote.signature.bytes, 0x5e, SIGNATURE_BYTES);
    keep_act(&act);
    expect_only("766f7465"
                "0000000000000003"
                "01",
                "0500000000000000"
                "0400000000000000" X32("d7") X64("5e"));

    l.config.epoch = 5;
    write_only("766f7465"
               "0000000000000003"
               "01",
               "0500000000000000"
               "0400000000000000" X32("d7") X64("5e"));
    struct pbft_block tip = block_of(3, 0xd7, 0xb2);
    keep_state(4, &b[0], &tip);
    keep_bodies_to(&tip);
    assert_int_equal(start_from_records(NULL), RC_OK);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 1);
    assert_memory_equal(&lone_act(&l, PBFT_SEND_VOTE, 0)->vote, &act.vote, sizeof act.vote);
}

static void a_commit_vote_has_a_key_of_its_own(void **state)
{
    (void)state;
    begin_kept(1);
    struct digest digest = filled(0xd7);
    keep_vote(CERT_COMMIT, 0, 0x0102030405060708, &digest);
    expect_only("766f7465"
                "0102030405060708"
                "02",
                "0000000000000000"
                "0000000000000000" X32("d7") X64("5e"));
}

static void a_proposal_comes_back(void **state)
{
    (void)state;
    begin_kept(1);
    struct pbft_act act = {.type = PBFT_WRITE_PRE_PREPARE, .block = block_of(3, 0xd7, 0xb2)};
    act.pre_prepare.epoch = 5;
    act.pre_prepare.view = 8; /* (5 + 8) mod 4: member 1 is its primary */
    act.pre_prepare.block = act.block;
    memset(act.pre_prepare.signature.bytes, 0x5f, SIGNATURE_BYTES);
    keep_act(&act);
    expect_only("70726f706f73616c"
                "0000000000000003",
                "0500000000000000"
                "0800000000000000" X32("d7") X32("b2") X64("5f"));

    l.config.epoch = 5;
    keep_bodies_to(&act.block);
    keep_state(8, &b[0], &act.block);
    assert_int_equal(start_from_records(NULL), RC_OK);
    const struct pbft_act *sent = lone_act(&l, PBFT_SEND_PRE_PREPARE, 0);
    assert_non_null(sent);
    assert_int_equal(sent->pre_prepare.epoch, 5);
    assert_int_equal(sent->pre_prepare.view, 8);
    assert_true(lone_block_equal(&sent->pre_prepare.block, &act.block));
    assert_memory_equal(sent->pre_prepare.signature.bytes, act.pre_prepare.signature.bytes,
                        SIGNATURE_BYTES);
}

/* ---- one after the other ---- */

static void the_later_record_of_a_kind_wins(void **state)
{
    (void)state;
    begin_kept(1);
    struct certificate low = make_certificate(CERT_PREPARE, 0, 1, &b[1].digest);
    struct certificate high = make_certificate(CERT_COMMIT, 1, 1, &b[2].digest);
    struct pbft_durable durable;
    uint64_t starts_count;
    struct kv_batch *batch = kv_batch_new();
    records_put_starts(batch, 1);
    records_put_starts(batch, 2);
    land(batch);
    keep_high(&low);
    keep_high(&high);
    keep_state(0, &b[0], &b[0]);
    keep_state(1, &b[0], &b[1]);
    keep_vote(CERT_PREPARE, 0, 1, &b[2].digest);
    keep_vote(CERT_PREPARE, 1, 1, &b[1].digest);
    assert_int_equal(load(&durable, &starts_count, NULL), RC_OK);
    assert_int_equal(starts_count, 2);
    assert_int_equal(durable.view, 1);
    assert_true(lone_block_equal(&durable.tip, &b[1]));
    assert_int_equal(durable.high.statement.kind, CERT_COMMIT);
    l.bodies[l.bodies_count++] = b[1];
    assert_int_equal(start_from_records(NULL), RC_OK);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 1);
    assert_int_equal(lone_act(&l, PBFT_SEND_VOTE, 0)->vote.statement.view, 1);
}

static uint64_t count_records(void)
{
    struct kv_view *view;
    uint64_t count;
    assert_int_equal(kv_view_open(&view, kv, NULL), RC_OK);
    assert_int_equal(kv_count(view, KV_VOTE, &count), RC_OK);
    kv_view_close(view);
    return count;
}

static bool has_record(const char *key_hex)
{
    uint8_t room[HEX_BYTES_MAX];
    struct kv_view *view;
    struct bytes value;
    assert_int_equal(kv_view_open(&view, kv, NULL), RC_OK);
    enum rc rc = kv_get(view, KV_VOTE, from_hex(room, key_hex), &value);
    kv_view_close(view);
    return rc == RC_OK;
}

static void below_the_head_votes_are_dropped_and_nothing_else(void **state)
{
    (void)state;
    begin_kept(0);
    struct pbft_act learner = {.type = PBFT_WRITE_LEARNER};
    struct certificate c = make_certificate(CERT_COMMIT, 0, 3, &b[3].digest);
    struct kv_batch *batch = kv_batch_new();
    for (int i = 1; i <= 3; i++) {
        keep_vote(CERT_PREPARE, 0, b[i].height, &b[i].digest);
        keep_vote(CERT_COMMIT, 0, b[i].height, &b[i].digest);
        keep_proposal(0, &b[i]);
    }
    keep_high(&c);
    keep_state(0, &b[0], &b[3]);
    keep_act(&learner);
    records_put_starts(batch, 9);
    records_drop_below(batch, 2);
    land(batch);
    assert_int_equal(count_records(), 9 - 3 + 4); /* two votes and a proposal */
    assert_false(has_record("766f7465"
                            "0000000000000001"
                            "01"));
    assert_false(has_record("766f7465"
                            "0000000000000001"
                            "02"));
    assert_true(has_record("766f7465" /* the head may be the base of a view (7.4) */
                           "0000000000000002"
                           "01"));
    assert_true(has_record("766f7465"
                           "0000000000000002"
                           "02"));
    assert_false(has_record("70726f706f73616c"
                            "0000000000000002"));
    batch = kv_batch_new();
    records_drop_below(batch, 2); /* again: there is nothing */
    records_drop_below(batch, UINT64_MAX);
    land(batch);
    assert_int_equal(count_records(), 9 - 3 + 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEPT(a_new_store_loads_as_it_was_said_for_a_new_core),
        KEPT(state_comes_back),
        KEPT(state_without_tip_has_zeros_in_its_place),
        KEPT(high_comes_back),
        KEPT(learner_comes_back),
        KEPT(alarm_comes_back_with_both_certificates_or_one),
        KEPT(starts_come_back),
        KEPT(a_vote_comes_back),
        KEPT(a_commit_vote_has_a_key_of_its_own),
        KEPT(a_proposal_comes_back),
        KEPT(the_later_record_of_a_kind_wins),
        KEPT(below_the_head_votes_are_dropped_and_nothing_else),
    };
    return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
