/* From bytes to messages: signers, signatures, certificates, and what is not looked at (PROTOCOL.md
 * 3.2, 3.3; pitfalls A1, A3, B3, C3, H1). What carries blocks is in test_verify_block.c. */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/verify_world.h"

static struct verify_world w;

static int open_world(void **state)
{
    (void)state;
    verify_world_open(&w);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    verify_world_close(&w);
    return 0;
}

/* ---- one message of each kind ---- */

enum { KINDS_COUNT = 13, SIGNED_COUNT = 6 };

/* The first SIGNED_COUNT carry one signature of `from`, the last of them nested. */
static void make(uint32_t kind)
{
    switch (kind) {
    case 0:
        verify_world_make_pre_prepare(&w, 1, 1);
        return;
    case 1:
        verify_world_make_vote(&w, PBFT_PREPARE, 1, 3);
        return;
    case 2:
        verify_world_make_vote(&w, PBFT_COMMIT, 1, 3);
        return;
    case 3:
        verify_world_make_vote(&w, PBFT_CHECKPOINT, 3, 0);
        return;
    case 4:
        verify_world_make_status(&w, 3);
        return;
    case 5:
        verify_world_make_block(&w, 2, true);
        return;
    case 6:
        verify_world_make_block(&w, 2, false);
        return;
    case 7:
        verify_world_make_range(&w, 0, 4, 0);
        return;
    case 8:
        verify_world_make_range(&w, 1, 1, 2);
        return;
    case 9:
        verify_world_make_fetch(&w);
        return;
    case 10:
        verify_world_make_forward(&w, 0);
        return;
    default:
        verify_world_make_qc(&w, kind == 11 ? CERT_PREPARE : CERT_COMMIT, 2);
    }
}

/* Where the signature, the signer and the epoch of a signed kind stand in w.msg. */
static struct signature *signature_of_msg(void)
{
    if (w.msg.type == PBFT_PRE_PREPARE)
        return &w.msg.pre_prepare.signature;
    if (w.msg.type == PBFT_STATUS)
        return &w.msg.status.signature;
    return w.msg.type == PBFT_DATA ? &w.msg.data.pre_prepare.signature : &w.msg.vote.signature;
}

static uint32_t *from_of_msg(void)
{
    return w.msg.type == PBFT_DATA ? &w.msg.data.pre_prepare_from : &w.msg.from;
}

static uint64_t *epoch_of_msg(void)
{
    if (w.msg.type == PBFT_PRE_PREPARE)
        return &w.msg.pre_prepare.epoch;
    if (w.msg.type == PBFT_STATUS)
        return &w.msg.status.epoch;
    return w.msg.type == PBFT_DATA ? &w.msg.data.pre_prepare.epoch : &w.msg.vote.statement.epoch;
}

static void sign_certificate(struct certificate *c)
{
    static const uint8_t members[] = {0, 1, 2};
    struct statement s = c->statement;
    *c = verify_world_certificate(&w, &s, members, VERIFY_WORLD_QUORUM);
}

/* ---- good ones ---- */

/* What was truly made is kept, with the link that brought it and the content that was sent. */
static void message_truly_made_is_kept_with_its_content(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < KINDS_COUNT; kind++) {
        struct buf again = {0};
        make(kind);
        assert_int_equal(verify_world_judge(&w), VERIFY_KEEP);
        assert_int_equal(w.out.type, w.msg.type);
        assert_int_equal(w.out.link, VERIFY_WORLD_LINK);
        assert_int_equal(w.out.from, w.msg.from);
        pbft_encode(&again, &w.out);
        assert_true(bytes_equal(buf_bytes(&again), buf_bytes(&w.encoding)));
        buf_free(&again);
    }
}

/* A vote of every member of the table is taken, and a certificate of any q of them. */
static void signer_of_every_index_is_kept(void **state)
{
    (void)state;
    for (uint8_t from = 0; from < VERIFY_WORLD_MEMBERS; from++) {
        uint8_t others[VERIFY_WORLD_MEMBERS], count = 0;
        verify_world_make_vote(&w, PBFT_COMMIT, 1, from);
        assert_int_equal(verify_world_judge(&w), VERIFY_KEEP);
        for (uint8_t i = 0; i < VERIFY_WORLD_MEMBERS; i++) {
            if (i != from)
                others[count++] = i;
        }
        make(11);
        struct statement s = w.msg.qc.statement;
        w.msg.qc = verify_world_certificate(&w, &s, others, count);
        assert_int_equal(verify_world_judge(&w), VERIFY_KEEP);
    }
}

/* ---- signatures ---- */

/* Rule 3.2: a wrong signature, nested or not, drops the whole message. */
static void signature_broken_in_any_message_is_dropped(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < SIGNED_COUNT; kind++) {
        make(kind);
        signature_of_msg()->bytes[7] ^= 0x20;
        assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_SIGNATURE);
    }
}

/* Pitfalls A3: sender = signer. A true signature under another member's name is nobody's. */
static void signature_of_another_member_is_dropped(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < SIGNED_COUNT; kind++) {
        make(kind);
        *from_of_msg() = (*from_of_msg() + 1) % VERIFY_WORLD_MEMBERS;
        assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_SIGNATURE);
    }
}

/* Every index that the form allows and the epoch does not have (pitfalls H5). */
static void signer_beyond_the_member_table_is_dropped(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < SIGNED_COUNT; kind++) {
        for (uint32_t from = VERIFY_WORLD_MEMBERS; from < MEMBERS_MAX; from++) {
            make(kind);
            *from_of_msg() = from;
            assert_int_equal(verify_world_judge(&w), VERIFY_DROP_NOT_A_MEMBER);
        }
    }
}

/* Pitfalls H1: truly signed for another epoch, before and after this one. */
static void message_of_another_epoch_is_dropped(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < SIGNED_COUNT; kind++) {
        for (int later = 0; later < 2; later++) {
            make(kind);
            *epoch_of_msg() = later ? VERIFY_WORLD_EPOCH + 1 : VERIFY_WORLD_EPOCH - 1;
            verify_world_sign(&w);
            assert_int_equal(verify_world_judge(&w), VERIFY_DROP_OTHER_EPOCH);
        }
    }
    make(12);
    w.msg.qc.statement.epoch++;
    sign_certificate(&w.msg.qc);
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_OTHER_EPOCH);
    make(7);
    w.msg.data.certificate.statement.epoch++;
    sign_certificate(&w.msg.data.certificate);
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_OTHER_EPOCH);
}

/* Pitfalls H1: what was signed for another chain does not hold on this one. */
static void message_of_another_chain_is_dropped(void **state)
{
    (void)state;
    for (uint32_t kind = 1; kind < SIGNED_COUNT - 1; kind++) {
        make(kind);
        w.config.chain_id.bytes[0] ^= 1;
        assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_SIGNATURE);
        w.config.chain_id.bytes[0] ^= 1;
    }
    make(11);
    w.config.chain_id.bytes[0] ^= 1;
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_CERTIFICATE);
    make(10);
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_TX);
}

/* Pitfalls A3: a PRE-PREPARE truly signed over another height, or another digest, than its header
 * has. */
static void pre_prepare_that_claims_another_block_is_dropped(void **state)
{
    (void)state;
    make(0);
    w.msg.pre_prepare.block.height++;
    verify_world_sign(&w);
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_MALFORMED);
    make(0);
    w.msg.pre_prepare.block.digest = w.heads[0].digest;
    verify_world_sign(&w);
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_MALFORMED);
}

/* ---- certificates ---- */

static enum verify_drop judge_qc_of(const uint8_t *members, uint32_t members_count)
{
    make(11);
    struct statement s = w.msg.qc.statement;
    w.msg.qc = verify_world_certificate(&w, &s, members, members_count);
    return verify_world_judge(&w);
}

/* Pitfalls A1: exactly q different members in ascending order, all of them members. */
static void qc_that_is_no_quorum_is_dropped(void **state)
{
    (void)state;
    assert_int_equal(judge_qc_of((uint8_t[]){0, 2}, 2), VERIFY_DROP_BAD_CERTIFICATE);
    assert_int_equal(judge_qc_of((uint8_t[]){0, 1, 2, 3}, 4), VERIFY_DROP_BAD_CERTIFICATE);
    assert_int_equal(judge_qc_of((uint8_t[]){0, 2, 2}, 3), VERIFY_DROP_BAD_CERTIFICATE);
    assert_int_equal(judge_qc_of((uint8_t[]){0, 3, 2}, 3), VERIFY_DROP_BAD_CERTIFICATE);
    assert_int_equal(judge_qc_of(NULL, 0), VERIFY_DROP_BAD_CERTIFICATE);
    make(11);
    w.msg.qc.entries[2].member_index = VERIFY_WORLD_MEMBERS;
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_CERTIFICATE);
    assert_int_equal(judge_qc_of((uint8_t[]){0, 1, 3}, 3), VERIFY_KEEP);
}

/* Pitfalls B3: one wrong signature, wherever it stands, and the certificate is rejected whole. */
static void qc_with_one_wrong_signature_is_dropped(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < VERIFY_WORLD_QUORUM; i++) {
        make(11);
        w.msg.qc.entries[i].signature.bytes[40] ^= 1;
        assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_CERTIFICATE);
    }
}

/* Votes of one kind are none of the other; a CHECKPOINT certificate has no rank and no such form.
 */
static void qc_of_another_kind_is_dropped(void **state)
{
    (void)state;
    make(11);
    w.msg.qc.statement.kind = CERT_COMMIT;
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_CERTIFICATE);
    make(12);
    w.msg.qc.statement.kind = CERT_PREPARE;
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_CERTIFICATE);

    /* One of CHECKPOINTs (9.5) is judged like any other. */
    struct statement s = verify_world_statement(&w, CERT_CHECKPOINT, 2);
    w.msg.qc = verify_world_certificate(&w, &s, (const uint8_t[]){0, 1, 2}, 3);
    assert_int_equal(verify_world_judge(&w), VERIFY_KEEP);
    w.msg.qc.statement.state_root.bytes[0] ^= 1;
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_CERTIFICATE);
}

/* Pitfalls C3: a certificate is bound to view, height and digest. */
static void qc_of_one_block_offered_for_another_is_dropped(void **state)
{
    (void)state;
    make(12);
    w.msg.qc.statement.height++;
    w.msg.qc.statement.digest = w.heads[3].digest;
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_CERTIFICATE);
    make(12);
    w.msg.qc.statement.digest = w.heads[3].digest;
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_CERTIFICATE);
    make(12);
    w.msg.qc.statement.view++;
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_CERTIFICATE);
}

/* ---- two steps ---- */

/* Rule 3.3: so that whoever knows what is needed can drop it in between, decoding looks at no
 * signature and no body, and names signer and place as they were sent. */
static void message_is_decoded_whoever_signed_it(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < KINDS_COUNT; kind++) {
        struct buf again = {0};
        struct pbft_msg out;
        make(kind);
        if (kind < SIGNED_COUNT)
            signature_of_msg()->bytes[7] ^= 0x20;
        if (w.msg.type == PBFT_QC)
            w.msg.qc.entries[0].signature.bytes[0] ^= 1;
        if (w.msg.type == PBFT_DATA && w.msg.data.kind == PBFT_FETCH_RANGE)
            w.msg.data.certificate.entries[0].signature.bytes[0] ^= 1;
        pbft_encode(&again, &w.msg);
        assert_int_equal(verify_decode(&out, &w.config, buf_bytes(&again), VERIFY_WORLD_LINK),
                         VERIFY_KEEP);
        assert_int_equal(out.type, w.msg.type);
        assert_int_equal(out.from, w.msg.from);
        assert_int_equal(out.link, VERIFY_WORLD_LINK);
        enum verify_drop drop = verify_judge(&out, &w.config);
        assert_int_equal(drop == VERIFY_KEEP,
                         kind >= SIGNED_COUNT && w.msg.type != PBFT_QC &&
                             (w.msg.type != PBFT_DATA || w.msg.data.kind != PBFT_FETCH_RANGE));
        buf_free(&again);
    }
}

/* Judging is pure: the same message is judged the same again, and nothing in it is changed. */
static void message_is_judged_the_same_again(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < KINDS_COUNT; kind++) {
        struct buf again = {0};
        make(kind);
        assert_int_equal(verify_world_judge(&w), VERIFY_KEEP);
        assert_int_equal(verify_judge(&w.out, &w.config), VERIFY_KEEP);
        pbft_encode(&again, &w.out);
        assert_true(bytes_equal(buf_bytes(&again), buf_bytes(&w.encoding)));
        buf_free(&again);
    }
}

/* ---- form ---- */

/* Over the limit nothing is decoded; at the limit it is. */
static void message_over_the_limit_is_dropped(void **state)
{
    (void)state;
    uint8_t *bytes = mem_alloc(PBFT_MSG_BYTES_MAX + 1);
    bytes[0] = PBFT_FETCH;
    assert_int_equal(verify_world_judge_bytes(&w, bytes_of(bytes, PBFT_MSG_BYTES_MAX + 1)),
                     VERIFY_DROP_TOO_LARGE);
    assert_int_equal(verify_world_judge_bytes(&w, bytes_of(bytes, PBFT_MSG_BYTES_MAX)),
                     VERIFY_DROP_MALFORMED);
    mem_free(bytes);
}

/* Nothing, and types that have no form: those beyond the list. */
static void message_without_a_form_is_dropped(void **state)
{
    (void)state;
    assert_int_equal(verify_world_judge_bytes(&w, bytes_of(NULL, 0)), VERIFY_DROP_MALFORMED);
    for (unsigned type = 0; type <= UINT8_MAX; type++) {
        if (type >= PBFT_PRE_PREPARE && type < PBFT_MSG_TYPE_END)
            continue;
        make(1);
        verify_world_judge(&w);
        w.encoding.data[0] = (uint8_t)type;
        assert_int_equal(verify_world_judge_bytes(&w, buf_bytes(&w.encoding)),
                         VERIFY_DROP_MALFORMED);
    }
}

/* One byte behind, or one missing, of every kind (pitfalls H4). */
static void message_with_a_byte_too_many_or_too_few_is_dropped(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < KINDS_COUNT; kind++) {
        make(kind);
        assert_int_equal(verify_world_judge(&w), VERIFY_KEEP);
        buf_add_u8(&w.encoding, 0);
        struct bytes bytes = buf_bytes(&w.encoding);
        assert_int_equal(verify_world_judge_bytes(&w, bytes), VERIFY_DROP_MALFORMED);
        bytes.size -= 2;
        assert_int_equal(verify_world_judge_bytes(&w, bytes), VERIFY_DROP_MALFORMED);
    }
}

/* The words are metric labels, so each stands for one reason. */
static void drop_words_are_all_different(void **state)
{
    (void)state;
    for (int a = 0; a < VERIFY_DROP_COUNT; a++) {
        assert_true(strlen(verify_drop_word((enum verify_drop)a)) > 0);
        for (int b = 0; b < a; b++)
            assert_string_not_equal(verify_drop_word((enum verify_drop)a),
                                    verify_drop_word((enum verify_drop)b));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(message_truly_made_is_kept_with_its_content),
        TEST(signer_of_every_index_is_kept),
        TEST(signature_broken_in_any_message_is_dropped),
        TEST(signature_of_another_member_is_dropped),
        TEST(signer_beyond_the_member_table_is_dropped),
        TEST(message_of_another_epoch_is_dropped),
        TEST(message_of_another_chain_is_dropped),
        TEST(pre_prepare_that_claims_another_block_is_dropped),
        TEST(qc_that_is_no_quorum_is_dropped),
        TEST(qc_with_one_wrong_signature_is_dropped),
        TEST(qc_of_another_kind_is_dropped),
        TEST(qc_of_one_block_offered_for_another_is_dropped),
        TEST(message_is_decoded_whoever_signed_it),
        TEST(message_is_judged_the_same_again),
        TEST(message_over_the_limit_is_dropped),
        TEST(message_without_a_form_is_dropped),
        TEST(message_with_a_byte_too_many_or_too_few_is_dropped),
        TEST(drop_words_are_all_different),
    };
    return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
