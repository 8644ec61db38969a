/* What the rule tests of evidence look at, beside rules.h. */
#ifndef TESTS_UNIT_EVIDENCE_RULES_H
#define TESTS_UNIT_EVIDENCE_RULES_H

#include "tests/unit/rules.h"

#include "node/pbft/wire.h"
#include "tests/help/evidence_made.h"

/* Each part is signed by the offender, as fake signatures are. */
static inline void assert_signed(const struct pbft_evidence *e)
{
    struct fake_signer offender = {.member_index = e->offender};
    for (uint32_t i = 0; i < pbft_evidence_parts(e); i++) {
        uint8_t room[PBFT_SIGNED_BYTES_MAX];
        struct signature expected;
        fake_sign(&offender, &expected, pbft_evidence_signed(room, e, i, &l.config.chain_id));
        assert_memory_equal(&expected, &e->parts[i].signature, sizeof expected);
    }
}

/* The last step wrote this evidence, first of all, and then sent it to all; nothing else of it. */
static inline void assert_found(enum pbft_evidence_kind kind, uint32_t offender)
{
    const struct pbft_act *write = lone_act(&l, PBFT_WRITE_EVIDENCE, 0);
    const struct pbft_act *send = lone_act(&l, PBFT_SEND_EVIDENCE, 0);
    assert_int_equal(lone_count(&l, PBFT_WRITE_EVIDENCE), 1);
    assert_int_equal(lone_count(&l, PBFT_SEND_EVIDENCE), 1);
    assert_int_equal(write->evidence->kind, kind);
    assert_int_equal(write->evidence->offender, offender);
    assert_int_equal(send->to, PBFT_TO_ALL);
    assert_int_equal(send->evidence_of.kind, kind);
    assert_int_equal(send->evidence_of.offender, offender);
    assert_true(write < send);
    assert_true((pbft_evidence_kinds(l.core, offender) & PBFT_EVIDENCE_BIT(kind)) != 0);
}

static inline void assert_nothing_found(void)
{
    assert_int_equal(lone_count(&l, PBFT_WRITE_EVIDENCE), 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_EVIDENCE), 0);
}

/* Signed with a real key, which the core never looks at. */
static inline struct liar a_liar(uint32_t index)
{
    static struct sign_key key;
    return (struct liar){.chain_id = l.config.chain_id, .index = index, .key = &key};
}

static inline enum pbft_drop show(enum pbft_evidence_kind kind, uint32_t offender, uint32_t link)
{
    struct liar liar = a_liar(offender);
    struct pbft_msg m = {.type = PBFT_EVIDENCE, .link = link, .from = link};
    liar_evidence(&liar, &m.evidence, kind);
    return lone_msg(&l, &m);
}

#endif
