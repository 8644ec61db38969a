/* The audit of stores whose certificates were tampered with. */
#include "tests/help/audited.h"
#include "tests/help/unit.h"

/* One signature too few. */
static void certificate_below_quorum_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct certificate certificate;
    audited_open(&c);
    tamper_get_certificate(&c, KV_CERT, 5, &certificate);
    certificate.entries_count--;
    tamper_put_certificate(&c, &certificate);
    audited_expect(&c, 5, "certificate: not exactly a quorum");
}

/* One signer twice. */
static void certificate_with_repeated_signer_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct certificate certificate;
    audited_open(&c);
    tamper_get_certificate(&c, KV_CERT, 5, &certificate);
    certificate.entries[1] = certificate.entries[0];
    tamper_put_certificate(&c, &certificate);
    audited_expect(&c, 5, "certificate: the signers are not in ascending order");
}

/* A signature that is none. */
static void certificate_with_garbled_signature_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct certificate certificate;
    audited_open(&c);
    tamper_get_certificate(&c, KV_CERT, 1, &certificate);
    certificate.entries[2].signature.bytes[0] ^= 1;
    tamper_put_certificate(&c, &certificate);
    audited_expect(&c, 1, "certificate: a signature is wrong");
}

/* Signed by all members, for another block at this height. */
static void certificate_of_another_block_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct certificate certificate;
    struct digest other = {{1}};
    audited_open(&c);
    chain_certify(&c, &certificate, CERT_COMMIT, 6, &other, NULL, 0);
    tamper_put_certificate(&c, &certificate);
    audited_expect(&c, 6, "certificate: it is for another block");
}

/* The certificate of another height in the place of this one's. */
static void certificate_of_another_height_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    struct buf other = tamper_get(&c, KV_CERT, tamper_height_key(4));
    tamper_put(&c, KV_CERT, tamper_height_key(5), buf_bytes(&other));
    buf_free(&other);
    audited_expect(&c, 5, "certificate: it is for height 4");
}

/* PREPARE certificates commit nothing. */
static void certificate_of_another_kind_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct certificate certificate;
    uint8_t value[CERT_BYTES_MAX];
    audited_open(&c);
    tamper_get_certificate(&c, KV_CERT, 2, &certificate);
    struct digest digest = certificate.statement.digest;
    chain_certify(&c, &certificate, CERT_PREPARE, 2, &digest, NULL, 0);
    struct wr w = wr_of(value, sizeof value);
    cert_encode(&w, &certificate);
    tamper_put(&c, KV_CERT, tamper_height_key(2), wr_bytes_of(&w));
    audited_expect(&c, 2, "certificate: it is of another kind");
}

/* Signed by the members of this epoch, for another one. */
static void certificate_of_another_epoch_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct certificate certificate;
    audited_open(&c);
    tamper_get_certificate(&c, KV_CERT, 5, &certificate);
    certificate.statement.epoch = 1;
    for (uint32_t i = 0; i < certificate.entries_count; i++) {
        struct cert_entry *entry = &certificate.entries[i];
        statement_sign(&entry->signature, &certificate.statement, &c.genesis.chain_id,
                       &c.members[entry->member_index]);
    }
    tamper_put_certificate(&c, &certificate);
    audited_expect(&c, 5, "certificate: it is for epoch 1");
}

/* Bytes after a certificate make it another one. */
static void certificate_with_bytes_left_over_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    struct buf value = tamper_get(&c, KV_CERT, tamper_height_key(2));
    buf_add_u8(&value, 0);
    tamper_put(&c, KV_CERT, tamper_height_key(2), buf_bytes(&value));
    buf_free(&value);
    audited_expect(&c, 2, "certificate: the bytes are not a certificate");
}

/* ---- no certificate ---- */

static void uncertify(struct chain *c, uint64_t from, uint64_t to)
{
    for (uint64_t height = from; height <= to; height++)
        tamper_delete(c, KV_CERT, tamper_height_key(height));
}

/* A node may stop when the certificate of a later block has committed these already, and the bodies
 * up to that one have not come: as many as a pipeline holds. The report says how far it goes. */
static void tail_without_certificate_is_accepted_and_reported(void **state)
{
    (void)state;
    struct chain c;
    struct audit_report report;
    enum { HEAD = AUDIT_UNCERTIFIED_MAX + 2 };
    chain_open(&c, &(struct chain_options){.seed = 7, .txs_per_block = 1, .ops_per_tx = 1},
               kv_mem_new());
    chain_grow(&c, HEAD);
    uncertify(&c, HEAD, HEAD);
    assert_int_equal(audited_run(&c, &report), RC_OK);
    assert_int_equal(report.head_height, HEAD);
    assert_int_equal(report.certified_height, HEAD - 1);
    uncertify(&c, 3, HEAD - 1);
    assert_int_equal(audited_run(&c, &report), RC_OK);
    assert_int_equal(report.certified_height, HEAD - AUDIT_UNCERTIFIED_MAX);
    chain_close(&c);
}

/* One more is too many; the first height that no certificate covers is the one to name. */
static void longer_tail_without_certificate_is_found(void **state)
{
    (void)state;
    struct chain c;
    enum { HEAD = AUDIT_UNCERTIFIED_MAX + 2 };
    chain_open(&c, &(struct chain_options){.seed = 7, .txs_per_block = 1, .ops_per_tx = 1},
               kv_mem_new());
    chain_grow(&c, HEAD);
    uncertify(&c, 2, HEAD);
    audited_expect(&c, 2, "certificate: none covers this height");
}

/* In the tail, too, everything else has to hold. */
static void fault_in_tail_without_certificate_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct tamper_block b;
    audited_open(&c);
    uncertify(&c, 7, 8);
    tamper_take(&b, &c, 8);
    b.header.time_ms -= 1000;
    tamper_put_back(&b, &c, false);
    audited_expect(&c, 8, "header: its time is not after its parent's");
}

/* A certificate beyond the head, where there is no block that it could be for. */
static void certificate_beyond_head_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct certificate certificate;
    struct digest other = {{1}};
    audited_open(&c);
    chain_certify(&c, &certificate, CERT_COMMIT, 9, &other, NULL, 0);
    tamper_put_certificate(&c, &certificate);
    audited_expect(&c, 9, "cert: an entry beyond the head");
}

/* A CHECKPOINT certificate that all members signed over a root that is not the state's. */
static void checkpoint_of_another_root_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct certificate certificate;
    audited_open(&c);
    tamper_get_certificate(&c, KV_CHECKPOINT, 4, &certificate);
    struct digest digest = certificate.statement.digest;
    struct digest root = certificate.statement.state_root;
    root.bytes[0] ^= 1;
    chain_certify(&c, &certificate, CERT_CHECKPOINT, 4, &digest, &root, 0);
    tamper_put_certificate(&c, &certificate);
    audited_expect(&c, 4, "checkpoint certificate: its state root is not the replayed one");
}

/* One for a height at which no checkpoint is due is held against the state all the same. */
static void checkpoint_between_checkpoints_is_compared(void **state)
{
    (void)state;
    struct chain c;
    struct certificate certificate;
    struct digest root = {{1}};
    audited_open(&c);
    tamper_get_certificate(&c, KV_CERT, 3, &certificate);
    struct digest digest = certificate.statement.digest;
    chain_certify(&c, &certificate, CERT_CHECKPOINT, 3, &digest, &root, 0);
    tamper_put_certificate(&c, &certificate);
    audited_expect(&c, 3, "checkpoint certificate: its state root is not the replayed one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificate_below_quorum_is_found),
        cmocka_unit_test(certificate_with_repeated_signer_is_found),
        cmocka_unit_test(certificate_with_garbled_signature_is_found),
        cmocka_unit_test(certificate_of_another_block_is_found),
        cmocka_unit_test(certificate_of_another_height_is_found),
        cmocka_unit_test(certificate_of_another_kind_is_found),
        cmocka_unit_test(certificate_of_another_epoch_is_found),
        cmocka_unit_test(certificate_with_bytes_left_over_is_found),
        cmocka_unit_test(tail_without_certificate_is_accepted_and_reported),
        cmocka_unit_test(longer_tail_without_certificate_is_found),
        cmocka_unit_test(fault_in_tail_without_certificate_is_found),
        cmocka_unit_test(certificate_beyond_head_is_found),
        cmocka_unit_test(checkpoint_of_another_root_is_found),
        cmocka_unit_test(checkpoint_between_checkpoints_is_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
