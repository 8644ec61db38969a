/* Records that the disk, or anybody, wrote otherwise: each is a legal value or is refused in words,
 * never guessed (rule 4.2, pitfalls D5), and none makes the core trip over a CHECK or vote twice.
 */
#include "tests/unit/records_kept.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/help/scratch.h"

/* ---- all records of a store, to be put back with one of them changed ---- */

enum { RECORDS_MAX = 16, ROOM_BYTES = 1024 };

static struct record {
    uint8_t key_room[ROOM_BYTES], value_room[ROOM_BYTES];
    struct bytes key, value;
} records[RECORDS_MAX];
static size_t records_count;

static void take_records(void)
{
    struct kv_view *view;
    struct kv_cursor *c;
    struct bytes key, value;
    records_count = 0;
    assert_int_equal(kv_view_open(&view, kv, NULL), RC_OK);
    assert_int_equal(kv_cursor_open(&c, view, KV_VOTE), RC_OK);
    enum rc rc = kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value);
    for (; rc == RC_OK; rc = kv_cursor_next(c, &key, &value)) {
        struct record *r = &records[records_count++];
        assert_true(records_count < RECORDS_MAX && value.size < ROOM_BYTES);
        memcpy(r->key_room, key.data, key.size);
        memcpy(r->value_room, value.data, value.size);
        r->key = bytes_of(r->key_room, key.size);
        r->value = bytes_of(r->value_room, value.size);
    }
    assert_int_equal(rc, RC_NOT_FOUND);
    kv_cursor_close(c);
    kv_view_close(view);
}

/* A store with all of them, but one of them otherwise (or left out, when key is empty). */
static void put_back(size_t changed, struct bytes key, struct bytes value)
{
    struct kv_batch *batch = kv_batch_new();
    kv_close(kv);
    kv = kv_mem_new();
    for (size_t i = 0; i < records_count; i++)
        if (i != changed)
            kv_batch_put(batch, KV_VOTE, records[i].key, records[i].value);
    if (changed < records_count && key.size > 0)
        kv_batch_put(batch, KV_VOTE, key, value);
    land(batch);
}

/* ---- a life that asks everything of a core that votes can trip over ---- */

static size_t bodies_count, votes_count, pre_prepares_count;
static struct pbft_durable durable_before;

static void remember_life(void)
{
    bodies_count = l.bodies_count;
    votes_count = l.votes_count;
    pre_prepares_count = l.pre_prepares_count;
    durable_before = l.durable;
}

static void forget_life(void)
{
    l.bodies_count = bodies_count;
    l.votes_count = votes_count;
    l.pre_prepares_count = pre_prepares_count;
    l.durable = durable_before;
}

/* What the last output asked for is answered, with whatever fits. */
static void answer_questions(void)
{
    for (int i = 0; i < 8; i++) {
        const struct pbft_act *check = lone_act(&l, PBFT_ASK_CHECK, 0);
        const struct pbft_act *build = lone_act(&l, PBFT_ASK_BUILD, 0);
        struct pbft_event event = {.type = PBFT_EVENT_TICK};
        if (check != NULL) {
            event.type = PBFT_EVENT_CHECKED;
            event.checked.ticket = check->ticket;
            event.checked.digest = check->block.digest;
            event.checked.answer = PBFT_CHECK_VALID;
        } else if (build != NULL) {
            event.type = PBFT_EVENT_BUILT;
            event.built.ticket = build->ticket;
            event.built.has_block = true;
            event.built.block.height = build->ticket.height;
            event.built.block.parent = build->ticket.parent;
            event.built.block.digest = b[build->ticket.height % RULE_BLOCKS].digest;
        } else {
            return;
        }
        (void)lone_step(&l, &event);
    }
}

/* In the view that the core believes to be in. */
static void send_votes(enum cert_kind kind, const struct pbft_block *block)
{
    for (uint32_t from = 0; from < 4; from++) {
        struct pbft_msg m = lone_make_vote(&l, from, kind, block);
        m.vote.statement.view = l.look.view;
        if (from != l.config.own_index)
            (void)lone_msg(&l, &m);
        answer_questions();
    }
}

static void live(void)
{
    (void)lone_pool(&l, true, true);
    answer_questions();
    for (int i = 1; i <= 4; i++) {
        uint32_t primary = (uint32_t)(l.look.view % 4);
        struct pbft_msg m = lone_make_pre_prepare(&l, primary, &b[i]);
        m.pre_prepare.view = l.look.view;
        if (primary != l.config.own_index)
            (void)lone_msg(&l, &m);
        answer_questions();
    }
    for (int i = 1; i <= 4; i++)
        send_votes(CERT_PREPARE, &b[i]);
    for (int i = 1; i <= 4; i++)
        send_votes(CERT_COMMIT, &b[i]);
    (void)lone_tick(&l, 1000);
    answer_questions();
}

/* One place, one vote: those that are in the records and those that were cast on them. */
static void assert_no_vote_twice(void)
{
    for (size_t i = votes_count; i < l.votes_count; i++)
        for (size_t k = 0; k < i; k++) {
            const struct statement *s = &l.votes[i].statement, *before = &l.votes[k].statement;
            assert_false(s->kind == before->kind && s->view == before->view &&
                         s->height == before->height && !digest_equal(&s->digest, &before->digest));
        }
}

/* Start from what is in the store, and live on. */
static enum rc try_records(void)
{
    struct why why = {{0}};
    enum rc rc = start_from_records(&why);
    if (rc == RC_OK) {
        live();
        assert_no_vote_twice();
    } else {
        assert_int_equal(rc, RC_STORE_DAMAGED);
    }
    forget_life();
    return rc;
}

/* ---- every byte ---- */

static const uint8_t flips[] = {0x01, 0x02, 0x80, 0xff};

/* What is in the records is the only thing that can have been written there. */
static void assert_is_one_encoding(const struct record *r, struct bytes value)
{
    struct pbft_durable d;
    uint64_t starts_count;
    struct kv_view *view;
    struct bytes again;
    assert_int_equal(load(&d, &starts_count, NULL), RC_OK);
    struct kv_batch *batch = kv_batch_new();
    if (bytes_equal(r->key, bytes_of_text("state")))
        keep_act(&(struct pbft_act){.type = PBFT_WRITE_STATE,
                                    .state = {.view = d.view,
                                              .mode = d.mode,
                                              .is_installed = d.is_installed,
                                              .is_spoiled = d.is_spoiled,
                                              .base = d.base,
                                              .has_tip = d.has_tip,
                                              .tip = d.tip}});
    if (bytes_equal(r->key, bytes_of_text("high")))
        keep_high(&d.high);
    if (bytes_equal(r->key, bytes_of_text("starts")))
        records_put_starts(batch, starts_count);
    land(batch);
    assert_int_equal(kv_view_open(&view, kv, NULL), RC_OK);
    assert_int_equal(kv_get(view, KV_VOTE, r->key, &again), RC_OK);
    assert_true(bytes_equal(again, value));
    kv_view_close(view);
}

static void try_value(size_t i, struct bytes value)
{
    put_back(i, records[i].key, value);
    if (try_records() == RC_OK)
        assert_is_one_encoding(&records[i], value);
}

static void flip_record(size_t i)
{
    uint8_t room[ROOM_BYTES + 1];
    struct bytes value = records[i].value, key = records[i].key;
    for (size_t at = 0; at < value.size; at++)
        for (size_t k = 0; k < sizeof flips; k++) {
            memcpy(room, value.data, value.size);
            room[at] ^= flips[k];
            try_value(i, bytes_of(room, value.size));
        }
    for (size_t at = 0; at < key.size; at++)
        for (size_t k = 0; k < sizeof flips; k++) {
            memcpy(room, key.data, key.size);
            room[at] ^= flips[k];
            put_back(i, bytes_of(room, key.size), value);
            (void)try_records();
        }
}

/* A part of a record is none, and a record with more behind it is none; so with keys. */
static void cut_record(size_t i)
{
    uint8_t room[ROOM_BYTES + 1];
    struct bytes value = records[i].value, key = records[i].key;
    for (size_t size = 0; size < value.size; size++) {
        put_back(i, key, bytes_of(value.data, size));
        assert_int_equal(try_records(), RC_STORE_DAMAGED);
    }
    for (size_t size = 1; size < key.size; size++) {
        put_back(i, bytes_of(key.data, size), value);
        assert_int_equal(try_records(), RC_STORE_DAMAGED);
    }
    for (int byte = 0; byte <= 2; byte++) {
        memcpy(room, value.data, value.size);
        room[value.size] = (uint8_t)byte;
        put_back(i, key, bytes_of(room, value.size + 1));
        assert_int_equal(try_records(), RC_STORE_DAMAGED);
        memcpy(room, key.data, key.size);
        room[key.size] = (uint8_t)byte;
        put_back(i, bytes_of(room, key.size + 1), value);
        assert_int_equal(try_records(), RC_STORE_DAMAGED);
    }
}

static void spoil_all(void)
{
    remember_life();
    take_records();
    put_back(records_count, bytes_of(NULL, 0), bytes_of(NULL, 0));
    assert_int_equal(try_records(), RC_OK);
    for (size_t i = 0; i < records_count; i++) {
        flip_record(i);
        cut_record(i);
        put_back(i, bytes_of(NULL, 0), bytes_of(NULL, 0));
        (void)try_records();
    }
}

static void no_damage_to_a_primarys_records_trips_it(void **state)
{
    (void)state;
    begin_kept(0);
    run_primary();
    struct kv_batch *batch = kv_batch_new();
    records_put_starts(batch, 3);
    land(batch);
    spoil_all();
    assert_int_equal(records_count, 8);
}

static void no_damage_to_a_backups_records_trips_it(void **state)
{
    (void)state;
    begin_kept(1);
    run_backup();
    spoil_all();
    assert_int_equal(records_count, 5);
}

static void no_damage_to_a_mute_ones_records_trips_it(void **state)
{
    (void)state;
    begin_kept(2);
    struct certificate a = make_certificate(CERT_PREPARE, 0, 1, &b[1].digest);
    struct certificate other = make_certificate(CERT_COMMIT, 0, 1, &b[2].digest);
    struct pbft_act learner = {.type = PBFT_WRITE_LEARNER};
    struct pbft_act alarm = {.type = PBFT_WRITE_ALARM, .certificate = &a, .other = &other};
    keep_act(&learner);
    keep_act(&alarm);
    spoil_all();
    assert_int_equal(records_count, 2);
}

/* ---- what each kind of damage is called ---- */

static void write_text(const char *key, const void *value, size_t size)
{
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, KV_VOTE, bytes_of_text(key), bytes_of(value, size));
    land(batch);
}

static void unknown_keys_are_damage(void **state)
{
    (void)state;
    static const char *const keys[] = {"s", "states", "votes", "x", "Vote", "vote", "proposal"};
    begin_kept(1);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        kv_close(kv);
        kv = kv_mem_new();
        write_text(keys[i], "\1", 1);
        expect_damage("of key 0x");
    }
    char longest[KV_KEY_BYTES_MAX + 1] = {0};
    memset(longest, 'k', KV_KEY_BYTES_MAX);
    write_text(longest, "\1", 1);
    expect_damage("of key 0x");
}

static void a_checkpoint_is_no_vote_of_the_core(void **state)
{
    (void)state;
    begin_kept(1);
    uint8_t key[] = "vote\0\0\0\0\0\0\0\1\3";
    uint8_t value[8 + 8 + DIGEST_BYTES + SIGNATURE_BYTES] = {[16] = 1};
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, KV_VOTE, bytes_of(key, sizeof key - 1), bytes_of(value, sizeof value));
    land(batch);
    expect_damage("of key 0x766f7465000000000000000103");
}

static void certificate_is_of_a_quorum(const char *name)
{
    uint8_t room[CERT_BYTES_MAX];
    begin_kept(1);
    for (int turn = 0; turn < 6; turn++) {
        struct certificate c = make_certificate(CERT_COMMIT, 0, 1, &b[1].digest);
        if (turn == 1)
            c.statement.kind = CERT_CHECKPOINT;
        if (turn == 2)
            c.entries_count = 2; /* of four members three are needed */
        if (turn == 3)
            c.entries[1].member_index = c.entries[0].member_index;
        if (turn == 4)
            c.entries[2].member_index = MEMBERS_MAX;
        if (turn == 5)
            c.statement.view = 1; /* 7.7: the state's is 0 */
        struct wr w = wr_of(room, sizeof room);
        cert_encode(&w, &c);
        write_text(name, room, w.size);
        if (turn == 0)
            assert_int_equal(start_from_records(NULL), RC_OK);
        else
            expect_damage(name);
    }
}

static void certificate_of_another_kind_or_no_quorum_is_damage(void **state)
{
    (void)state;
    certificate_is_of_a_quorum("high");
    end_kept(NULL);
    certificate_is_of_a_quorum("cover");
}

static void learner_and_alarm_say_yes_or_are_damage(void **state)
{
    (void)state;
    uint8_t room[CERT_BYTES_MAX] = {0};
    begin_kept(1);
    struct certificate c = make_certificate(CERT_CHECKPOINT, 0, 1, &b[1].digest);
    write_text("learner", "\0", 1);
    expect_damage("\"learner\"");
    write_text("learner", "\1", 1);
    for (c.entries_count = 3; c.entries_count >= 2; c.entries_count--) {
        struct wr w = wr_of(room, sizeof room);
        assert_int_equal(start_from_records(NULL), RC_OK); /* then: of any kind (13) */
        cert_encode(&w, &c);
        write_text("alarm", room, w.size + 1); /* without another one */
    }
    expect_damage("\"alarm\"");
}

static void an_error_changes_nothing(void **state)
{
    (void)state;
    begin_kept(1);
    struct pbft_durable durable, before;
    struct kv_view *view;
    uint64_t starts_count = 5;
    struct kv_batch *batch = kv_batch_new();
    records_put_starts(batch, 7);
    land(batch);
    keep_state(3, &b[1], &b[2]);
    write_text("zzz", "\1", 1);
    memset(&durable, 0x77, sizeof durable);
    memcpy(&before, &durable, sizeof durable);
    assert_int_equal(kv_view_open(&view, kv, NULL), RC_OK);
    assert_int_equal(records_load(view, &durable, &starts_count, NULL), RC_STORE_DAMAGED);
    kv_view_close(view);
    assert_memory_equal(&durable, &before, sizeof durable);
    assert_int_equal(starts_count, 5);
}

/* ---- heights at the ends ---- */

static void votes_at_the_lowest_and_highest_height_break_nothing(void **state)
{
    (void)state;
    begin_kept(1);
    struct certificate c = make_certificate(CERT_PREPARE, 1, UINT64_MAX, &b[1].digest);
    struct pbft_block high_base = {.height = UINT64_MAX, .digest = b[1].digest};
    remember_life();
    keep_state(1, &b[0], &b[0]);
    keep_high(&c);
    for (uint64_t view = 0; view <= 1; view++) {
        keep_vote(CERT_PREPARE, view, 0, &b[0].digest); /* 7.4: a base vote for genesis */
        keep_vote(CERT_COMMIT, view, 0, &b[0].digest);
        keep_proposal(view, &b[0]);
    }
    keep_vote(CERT_PREPARE, 0, UINT64_MAX, &b[1].digest);
    keep_vote(CERT_COMMIT, 1, UINT64_MAX, &b[1].digest);
    keep_vote(CERT_COMMIT, 1, UINT64_MAX - 1, &b[1].digest);
    assert_int_equal(try_records(), RC_OK);
    c.statement.kind = CERT_COMMIT;
    keep_high(&c);
    assert_int_equal(try_records(), RC_OK);
    keep_state(1, &high_base, NULL);
    assert_int_equal(try_records(), RC_OK);
    keep_state(1, &high_base, &high_base); /* tip + 1 would be height 0 */
    expect_damage("\"state\"");
}

/* ---- the disk ---- */

/* Turn one bit around wherever these bytes stand in a file. */
static void flip_on_disk(const char *path, struct bytes wanted)
{
    uint8_t *all = NULL;
    size_t flipped = 0;
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size_t size = (size_t)ftell(file);
    all = mem_alloc(size);
    rewind(file);
    assert_int_equal(fread(all, 1, size, file), size);
    for (size_t at = 0; at + wanted.size <= size; at++)
        if (bytes_equal(bytes_of(all + at, wanted.size), wanted)) {
            all[at] ^= 1;
            flipped++;
        }
    assert_true(flipped > 0);
    rewind(file);
    assert_int_equal(fwrite(all, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    mem_free(all);
}

/* A signature with a bit turned around is still a legal value: the checksum tells. */
static void a_record_whose_checksum_is_wrong_is_named(void **state)
{
    (void)state;
    begin_kept(1);
    struct kv_lmdb_options options = {.create = true};
    char *directory = scratch_make(), *data = scratch_join(directory, "data.mdb");
    uint8_t signature[SIGNATURE_BYTES];
    kv_close(kv);
    assert_int_equal(kv_lmdb_open(&kv, directory, &options, NULL), RC_OK);
    keep_state(0, &b[0], &b[1]);
    keep_vote(CERT_PREPARE, 0, 1, &b[1].digest);
    assert_int_equal(start_from_records(NULL), RC_OK);
    kv_close(kv);
    memset(signature, 0x5e, sizeof signature);
    flip_on_disk(data, bytes_of(signature, sizeof signature));
    assert_int_equal(kv_lmdb_open(&kv, directory, &options, NULL), RC_OK);
    expect_damage("\"vote\" (PREPARE at height 1) is damaged: its checksum");
    kv_close(kv);
    kv = kv_mem_new();
    free(data);
    scratch_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEPT(no_damage_to_a_primarys_records_trips_it),
        KEPT(no_damage_to_a_backups_records_trips_it),
        KEPT(no_damage_to_a_mute_ones_records_trips_it),
        KEPT(unknown_keys_are_damage),
        KEPT(a_checkpoint_is_no_vote_of_the_core),
        KEPT(certificate_of_another_kind_or_no_quorum_is_damage),
        KEPT(learner_and_alarm_say_yes_or_are_damage),
        KEPT(an_error_changes_nothing),
        KEPT(votes_at_the_lowest_and_highest_height_break_nothing),
        KEPT(a_record_whose_checksum_is_wrong_is_named),
    };
    return cmocka_run_group_tests_name("records_damage", tests, NULL, NULL);
}
