/* Cheap signatures for tests of the core, which never verifies any itself: a hash of the signer and
 * the message, and the judge that node/verify would be. Not for anything that has to be secret. */
#ifndef TESTS_HELP_FAKE_SIGN_H
#define TESTS_HELP_FAKE_SIGN_H

#include "node/pbft/pbft.h"

struct fake_signer {
    uint32_t member_index;
};
/* For struct pbft_config: context is a struct fake_signer. */
void fake_sign(void *context, struct signature *out, struct bytes message);

/* The signature of a member on a vote, a PRE-PREPARE or a STATUS. */
void fake_sign_vote(struct pbft_vote *vote, uint32_t from, const struct digest *chain_id);
void fake_sign_pre_prepare(struct pbft_pre_prepare *m, uint32_t from,
                           const struct digest *chain_id);
void fake_sign_status(struct pbft_status *s, uint32_t from, const struct digest *chain_id);
/* A certificate signed by the first q of the members whose bits are set. */
void fake_certificate(struct certificate *out, const struct statement *s, uint32_t signers,
                      uint32_t quorum, const struct digest *chain_id);

/* The same for view changes. A NEW-VIEW's VIEW-CHANGEs have to be signed before it is. */
void fake_sign_complain(struct pbft_complain *c, uint32_t from, const struct digest *chain_id);
void fake_sign_view_change(struct pbft_view_change *v, uint32_t from,
                           const struct digest *chain_id);
void fake_sign_new_view(struct pbft_new_view *n, uint32_t from, const struct digest *chain_id);
/* LC(view) of this epoch, signed by the first f+1 of the members whose bits are set. */
void fake_lc(struct pbft_lc *out, uint64_t epoch, uint64_t view, enum pbft_reason reason,
             uint32_t signers, uint32_t members_count, const struct digest *chain_id);

/* Whole or not at all (3.2): form, membership, signatures, nested ones too. The form of a view
 * change is CHECKed, as what it signs is made of it. */
bool fake_verify(const struct pbft_msg *m, uint32_t members_count, const struct digest *chain_id);
bool fake_verify_lc(const struct pbft_lc *lc, uint32_t members_count,
                    const struct digest *chain_id);
bool fake_verify_certificate(const struct certificate *c, uint32_t members_count,
                             const struct digest *chain_id);

#endif
