/* Receipts that no store makes: well-formed and certified, but wrong in one thing. */
#include <string.h>

#include "ledger/receipt.h"
#include "tests/help/regions.h"
#include "tests/help/small_chain.h"
#include "tests/help/unit.h"

static struct small_chain chain;

static int open_chain(void **state)
{
    (void)state;
    small_chain_open(&chain);
    small_chain_fill(&chain);
    return 0;
}

static int close_chain(void **state)
{
    (void)state;
    small_chain_close(&chain);
    return 0;
}

static enum rc judge(const void *context, struct bytes file, struct why *why)
{
    const struct small_chain *c = context;
    struct receipt receipt;
    return receipt_verify(&receipt, file, &c->genesis.chain_id, &c->genesis.member_table, why);
}

/* ---- receipts put together by hand, from FORMATS.md section 10 ---- */

enum { HEADERS_MAX = RECEIPT_HEADERS_MAX + 1 };

struct draft {
    struct buf tx;
    uint32_t tx_index;
    struct merkle_path path;
    uint32_t headers_count;
    struct block_header headers[HEADERS_MAX];
    struct certificate certificate;
};

static struct buf encode(const struct draft *d)
{
    struct buf out = {0};
    uint8_t room[CERT_BYTES_MAX];
    struct wr w = wr_of(room, sizeof room);
    buf_add(&out, "HANSARC1", 8);
    buf_add(&out, chain.genesis.chain_id.bytes, DIGEST_BYTES);
    buf_add_u16(&out, 0);
    buf_add_u32(&out, (uint32_t)d->tx.size);
    buf_add_bytes(&out, buf_bytes(&d->tx));
    buf_add_u32(&out, d->tx_index);
    buf_add_u8(&out, (uint8_t)d->path.count);
    buf_add(&out, d->path.siblings, d->path.count * DIGEST_BYTES);
    buf_add_u16(&out, (uint16_t)d->headers_count);
    for (uint32_t i = 0; i < d->headers_count; i++)
        block_header_encode(buf_grow(&out, BLOCK_HEADER_BYTES), &d->headers[i]);
    cert_encode(&w, &d->certificate);
    assert_true(wr_ok(&w));
    buf_add_bytes(&out, wr_bytes_of(&w));
    return out;
}

static void assert_draft(const struct draft *d, enum rc rc, const char *words)
{
    struct buf file = encode(d);
    assert_refused(judge, &chain, buf_bytes(&file), rc, words);
    buf_free(&file);
}

static void assert_draft_is_good(const struct draft *d)
{
    struct buf file = encode(d);
    struct why why = {""};
    enum rc rc = judge(&chain, buf_bytes(&file), &why);
    if (rc != RC_OK)
        fail_msg("refused: %s", why.text);
    buf_free(&file);
}

/* Let members 0, 1 and 2 certify what the last header says, whatever it is. */
static void certify_draft(struct draft *d, enum cert_kind kind, uint64_t epoch)
{
    struct block_header *last = &d->headers[d->headers_count - 1];
    struct statement s = {.kind = kind, .epoch = epoch, .height = last->height};
    block_header_digest(&s.digest, last);
    d->certificate = small_chain_certificate(&chain, &s, (const uint8_t[]){0, 1, 2}, SMALL_QUORUM);
}

/* One transaction, alone in the lowest of `headers_count` blocks that never were, the highest of
 * which is certified at `height`. What a test changes below the certificate it certifies again. */
static struct draft *draft_open(uint32_t headers_count, uint64_t height)
{
    struct draft *d = mem_alloc(sizeof *d);
    struct digest leaf;
    buf_add_bytes(&d->tx, buf_bytes(&chain.txs[0]));
    d->headers_count = headers_count;
    merkle_leaf(&leaf, buf_bytes(&d->tx));
    for (uint32_t i = 0; i < headers_count; i++) {
        struct block_header *h = &d->headers[i];
        *h = (struct block_header){.chain_id = chain.genesis.chain_id,
                                   .height = height - headers_count + 1 + i,
                                   .tx_root = leaf,
                                   .tx_count = 1};
        if (i > 0)
            block_header_digest(&h->parent, &d->headers[i - 1]);
    }
    certify_draft(d, CERT_COMMIT, 0);
    return d;
}

static void draft_close(struct draft *d)
{
    buf_free(&d->tx);
    mem_free(d);
}

/* A path that is longer or shorter than the block's tree is refused. */
static void receipt_with_a_path_of_another_length_is_refused(void **state)
{
    (void)state;
    struct draft *d = draft_open(1, 9);
    assert_draft_is_good(d);
    d->path.count = 1;
    assert_draft(d, RC_PROOF, "Merkle path:");
    d->path.count = 0;
    d->headers[0].tx_count = 2;
    certify_draft(d, CERT_COMMIT, 0);
    assert_draft(d, RC_PROOF, "Merkle path:");
    draft_close(d);
}

/* ---- the certificate ---- */

/* PREPARE votes make nothing final, and CHECKPOINT votes are about something else. */
static void receipt_with_a_certificate_of_another_kind_is_refused(void **state)
{
    (void)state;
    struct draft *d = draft_open(2, 9);
    certify_draft(d, CERT_PREPARE, 0);
    assert_draft(d, RC_PROOF, "certificate: its kind must be COMMIT (here: PREPARE)");
    certify_draft(d, CERT_CHECKPOINT, 0);
    assert_draft(d, RC_PROOF, "certificate: its kind must be COMMIT (here: CHECKPOINT)");
    draft_close(d);
}

/* One signature less than a quorum, one more, a signer twice, and signers out of order. */
static void receipt_without_exactly_a_quorum_is_refused(void **state)
{
    (void)state;
    static const uint8_t signers[][4] = {{0, 1}, {0, 1, 2, 3}, {0, 1, 1}, {0, 2, 1}};
    static const uint32_t counts[] = {2, 4, 3, 3};
    static const char *const words[] = {
        "certificate: it must have exactly 3 signatures, a quorum of 4 members (here: 2)",
        "certificate: it must have exactly 3 signatures, a quorum of 4 members (here: 4)",
        "certificate: the signers are not in ascending order",
        "certificate: the signers are not in ascending order"};
    struct draft *d = draft_open(2, 9);
    struct statement s = d->certificate.statement;
    for (size_t i = 0; i < 4; i++) {
        d->certificate = small_chain_certificate(&chain, &s, signers[i], counts[i]);
        assert_draft(d, RC_PROOF, words[i]);
    }
    draft_close(d);
}

/* The members of epoch 0 cannot certify for a later epoch, whose members may be others. */
static void receipt_of_another_epoch_is_refused(void **state)
{
    (void)state;
    struct draft *d = draft_open(1, 9);
    certify_draft(d, CERT_COMMIT, 1);
    assert_draft(d, RC_PROOF, "certificate: its epoch must be 0");
    d->headers[0].epoch = 1;
    certify_draft(d, CERT_COMMIT, 0);
    assert_draft(d, RC_PROOF, "header of height 9: its epoch must be 0");
    draft_close(d);
}

/* ---- headers ---- */

/* Headers that do not follow each other down from the certificate are refused, and so are certified
 * ones that contradict their place. */
static void receipt_with_unfit_headers_is_refused(void **state)
{
    (void)state;
    struct draft *d = draft_open(5, 9);
    assert_draft_is_good(d);
    memmove(&d->headers[2], &d->headers[3], 2 * sizeof d->headers[0]); /* leave out height 7 */
    d->headers_count--;
    assert_draft(d, RC_PROOF, "header of height 7:");
    draft_close(d);

    d = draft_open(4, 9);
    d->headers_count--; /* the certified header itself is missing */
    assert_draft(d, RC_PROOF, "header of height 9:");
    draft_close(d);

    d = draft_open(2, 9);
    d->headers[0].height = 7;
    block_header_digest(&d->headers[1].parent, &d->headers[0]);
    certify_draft(d, CERT_COMMIT, 0);
    assert_draft(d, RC_PROOF, "header of height 8: it says height 7");
    d->headers[0].height = 8;
    d->headers[0].chain_id.bytes[0] ^= 1;
    block_header_digest(&d->headers[1].parent, &d->headers[0]);
    certify_draft(d, CERT_COMMIT, 0);
    assert_draft(d, RC_PROOF, "header of height 8: it is of another chain");
    draft_close(d);
}

/* More headers than there are heights below the certificate would reach below block 1. */
static void receipt_with_headers_below_height_1_is_refused(void **state)
{
    (void)state;
    struct draft *d = draft_open(3, 3);
    assert_draft_is_good(d);
    draft_close(d);
    d = draft_open(4, 3);
    assert_draft(d, RC_PROOF, "headers: 4 of them up to height 3");
    draft_close(d);
}

/* ---- the transaction ---- */

/* Also where lying members certified it, a transaction that is none or is not signed is refused. */
static void receipt_of_an_invalid_transaction_is_refused(void **state)
{
    (void)state;
    struct draft *d = draft_open(1, 9);
    d->tx.data[d->tx.size - 1] ^= 1;
    merkle_leaf(&d->headers[0].tx_root, buf_bytes(&d->tx));
    certify_draft(d, CERT_COMMIT, 0);
    assert_draft(d, RC_SIGNATURE, "transaction: the signature is wrong");
    d->tx.data[0] = 2;
    merkle_leaf(&d->headers[0].tx_root, buf_bytes(&d->tx));
    certify_draft(d, CERT_COMMIT, 0);
    assert_draft(d, RC_MALFORMED, "transaction: unknown transaction version");
    draft_close(d);
}

/* ---- limits ---- */

/* Each count at its limit is accepted where that is possible, and one beyond it is refused. */
static void receipt_beyond_a_limit_is_refused(void **state)
{
    (void)state;
    struct draft *d = draft_open(RECEIPT_HEADERS_MAX, 5000);
    assert_draft_is_good(d);
    draft_close(d);
    d = draft_open(RECEIPT_HEADERS_MAX + 1, 5000);
    assert_draft(d, RC_MALFORMED, "structure: 1025 headers");
    d->headers_count = 0;
    assert_draft(d, RC_MALFORMED, "structure: 0 headers");
    draft_close(d);

    d = draft_open(1, 9);
    d->path.count = MERKLE_PATH_MAX;
    assert_draft(d, RC_PROOF, "Merkle path:");
    struct buf file = encode(d);
    file.data[8 + DIGEST_BYTES + 2 + 4 + d->tx.size + 4] = MERKLE_PATH_MAX + 1;
    assert_refused(judge, &chain, buf_bytes(&file), RC_MALFORMED, "structure: a Merkle path of 33");
    buf_free(&file);
    while (d->tx.size <= TX_BYTES_MAX)
        buf_add_u8(&d->tx, 0);
    assert_draft(d, RC_MALFORMED, "structure: a transaction of 131073 bytes");
    draft_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receipt_with_a_path_of_another_length_is_refused),
        cmocka_unit_test(receipt_with_a_certificate_of_another_kind_is_refused),
        cmocka_unit_test(receipt_without_exactly_a_quorum_is_refused),
        cmocka_unit_test(receipt_of_another_epoch_is_refused),
        cmocka_unit_test(receipt_with_unfit_headers_is_refused),
        cmocka_unit_test(receipt_with_headers_below_height_1_is_refused),
        cmocka_unit_test(receipt_of_an_invalid_transaction_is_refused),
        cmocka_unit_test(receipt_beyond_a_limit_is_refused),
    };
    return cmocka_run_group_tests_name("receipt_draft", tests, open_chain, close_chain);
}
