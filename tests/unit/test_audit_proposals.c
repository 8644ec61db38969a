/* The audit of blocks above the head: proposals are none of its business as long as they are such.
 */
#include <string.h>

#include "tests/help/audited.h"
#include "tests/help/unit.h"

enum { HEAD = 8 }; /* of audited_open() */

/* Block 8 at another height and time: sound in itself. */
struct proposal {
    struct buf whole;
    uint8_t key[8 + DIGEST_BYTES + 1];
};

static void make(struct proposal *p, struct chain *c, uint64_t height, uint64_t time_ms)
{
    struct block block;
    uint8_t header[BLOCK_HEADER_BYTES];
    struct wr w = wr_of(p->key, sizeof p->key);
    assert_int_equal(store_get_block(c->store, HEAD, &block, NULL), RC_OK);
    block.header.height = height;
    block.header.time_ms = time_ms;
    block_header_encode(header, &block.header);
    block_header_digest(&block.digest, &block.header);
    memset(p, 0, sizeof *p);
    buf_add(&p->whole, header, sizeof header);
    buf_add_bytes(&p->whole, block.body);
    wr_be64(&w, height);
    wr_copy(&w, block.digest.bytes, DIGEST_BYTES);
}

static struct bytes key_of(struct proposal *p)
{
    return bytes_of(p->key, 8 + DIGEST_BYTES);
}

static void put(struct chain *c, uint64_t height, uint64_t time_ms)
{
    struct proposal p;
    make(&p, c, height, time_ms);
    tamper_put(c, KV_BLOCK, key_of(&p), buf_bytes(&p.whole));
    buf_free(&p.whole);
}

static void proposals_above_the_head_are_accepted(void **state)
{
    (void)state;
    struct chain c;
    struct audit_report report;
    audited_open(&c);
    for (uint64_t i = 0; i < STORE_PROPOSALS_PER_HEIGHT_MAX; i++) {
        put(&c, HEAD + 1, i);
        put(&c, HEAD + 2, i);
        put(&c, HEAD + STORE_PROPOSAL_HEIGHTS_MAX, i);
    }
    assert_int_equal(audited_run(&c, &report), RC_OK);
    assert_int_equal(report.head_height, HEAD);
    assert_int_equal(report.certified_height, HEAD);
    chain_close(&c);
}

static void one_proposal_too_many_at_a_height_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    for (uint64_t i = 0; i <= STORE_PROPOSALS_PER_HEIGHT_MAX; i++)
        put(&c, HEAD + 2, i);
    audited_expect(&c, HEAD + 2, "block: more than 3 proposals at one height beyond the head");
}

static void proposal_far_above_the_head_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    put(&c, HEAD + STORE_PROPOSAL_HEIGHTS_MAX + 1, 0);
    audited_expect(&c, HEAD + STORE_PROPOSAL_HEIGHTS_MAX + 1,
                   "block: a proposal more than 32768 heights beyond the head at height 8");
}

static void proposal_of_the_last_height_of_all_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    put(&c, UINT64_MAX, 0);
    audited_expect(&c, UINT64_MAX, "block: a proposal more than 32768 heights beyond the head");
}

/* A sibling that was left behind when its height was committed is nobody's. */
static void sibling_at_the_head_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    put(&c, HEAD, 0);
    audited_expect(&c, HEAD, "block: an entry that belongs to nothing");
}

static void proposal_under_another_key_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct proposal p;
    audited_open(&c);
    make(&p, &c, HEAD + 1, 0);
    p.key[8] ^= 1;
    tamper_put(&c, KV_BLOCK, key_of(&p), buf_bytes(&p.whole));
    buf_free(&p.whole);
    audited_expect(&c, HEAD + 1, "block: a proposal beyond the head is not the one of its key");
}

static void proposal_under_another_height_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct proposal p;
    audited_open(&c);
    make(&p, &c, HEAD + 1, 0);
    p.key[7]++;
    tamper_put(&c, KV_BLOCK, key_of(&p), buf_bytes(&p.whole));
    buf_free(&p.whole);
    audited_expect(&c, HEAD + 2, "block: a proposal beyond the head is not the one of its key");
}

static void proposal_with_a_changed_body_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct proposal p;
    audited_open(&c);
    make(&p, &c, HEAD + 1, 0);
    p.whole.data[p.whole.size - 1] ^= 1;
    tamper_put(&c, KV_BLOCK, key_of(&p), buf_bytes(&p.whole));
    buf_free(&p.whole);
    audited_expect(&c, HEAD + 1, "block: a proposal beyond the head: ");
}

static void proposal_cut_short_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct proposal p;
    audited_open(&c);
    make(&p, &c, HEAD + 1, 0);
    tamper_put(&c, KV_BLOCK, key_of(&p), bytes_of(p.whole.data, p.whole.size - 1));
    buf_free(&p.whole);
    audited_expect(&c, HEAD + 1, "block: a proposal beyond the head: ");
}

/* Keys of other lengths, also one too short to be of any height. */
static void key_of_no_block_beyond_the_head_is_found(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 7, 8, 8 + DIGEST_BYTES - 1, 8 + DIGEST_BYTES + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct chain c;
        struct proposal p;
        audited_open(&c);
        make(&p, &c, HEAD + 1, 0);
        if (sizes[i] < 8) { /* it sorts by its beginning: behind a sound one */
            p.key[0] = 1;
            put(&c, HEAD + 1, 1);
        }
        tamper_put(&c, KV_BLOCK, bytes_of(p.key, sizes[i]), buf_bytes(&p.whole));
        buf_free(&p.whole);
        audited_expect(&c, HEAD + 1, "block: an entry beyond the head that belongs to nothing");
    }
}

/* What is wrong at the lowest height is named, in whichever table it is. */
static void first_fault_beyond_the_head_is_named(void **state)
{
    (void)state;
    struct chain c;
    struct proposal p;
    struct audit_report report;
    struct certificate certificate;
    struct digest digest = {{1}};
    audited_open(&c);
    chain_certify(&c, &certificate, CERT_COMMIT, HEAD + 2, &digest, NULL, 0);
    tamper_put_certificate(&c, &certificate);
    make(&p, &c, HEAD + 3, 0);
    p.key[8] ^= 1;
    tamper_put(&c, KV_BLOCK, key_of(&p), buf_bytes(&p.whole));
    assert_int_equal(audited_run(&c, &report), RC_PROOF);
    assert_int_equal(report.fault_height, HEAD + 2);
    p.key[7] = HEAD + 1;
    tamper_put(&c, KV_BLOCK, key_of(&p), buf_bytes(&p.whole));
    buf_free(&p.whole);
    audited_expect(&c, HEAD + 1, "block: a proposal beyond the head is not the one of its key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proposals_above_the_head_are_accepted),
        cmocka_unit_test(one_proposal_too_many_at_a_height_is_found),
        cmocka_unit_test(proposal_far_above_the_head_is_found),
        cmocka_unit_test(proposal_of_the_last_height_of_all_is_found),
        cmocka_unit_test(sibling_at_the_head_is_found),
        cmocka_unit_test(proposal_under_another_key_is_found),
        cmocka_unit_test(proposal_under_another_height_is_found),
        cmocka_unit_test(proposal_with_a_changed_body_is_found),
        cmocka_unit_test(proposal_cut_short_is_found),
        cmocka_unit_test(key_of_no_block_beyond_the_head_is_found),
        cmocka_unit_test(first_fault_beyond_the_head_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
