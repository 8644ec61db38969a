/* What wire.c, wire_data.c, wire_view.c and wire_evidence.c share; nobody else includes this. put_
 * appends to the buffer and CHECKs what is our own; take_ reads from the cursor and fails it at
 * what does not fit.
 */
#ifndef NODE_PBFT_WIRE_PARTS_H
#define NODE_PBFT_WIRE_PARTS_H

#include "node/pbft/wire.h"

void wire_put_digest(struct buf *out, const struct digest *d);
void wire_put_signature(struct buf *out, const struct signature *s);
void wire_put_member(struct buf *out, uint32_t member_index);
void wire_put_certificate(struct buf *out, const struct certificate *c);
void wire_write_certificate(struct wr *w, const struct certificate *c);

void wire_take_digest(struct rd *r, struct digest *out);
void wire_take_signature(struct rd *r, struct signature *out);
/* A member index below MEMBERS_MAX: whether the epoch has so many is judged in node/verify. */
void wire_take_member(struct rd *r, uint32_t *out);
void wire_take_certificate(struct rd *r, struct certificate *out);

/* wire_data.c */
void wire_put_pre_prepare(struct buf *out, const struct pbft_msg *m);
void wire_take_pre_prepare(struct rd *r, struct pbft_msg *out, pbft_block_head *head);
void wire_put_fetch_piece(struct buf *out, const struct pbft_msg *m);
void wire_take_fetch_piece(struct rd *r, struct pbft_msg *out, pbft_block_head *head);
void wire_put_piece(struct buf *out, const struct pbft_msg *m);
void wire_take_piece(struct rd *r, struct pbft_msg *out, pbft_block_head *head);
void wire_put_data(struct buf *out, const struct pbft_msg *m);
void wire_take_data(struct rd *r, struct pbft_msg *out, pbft_block_head *head);

/* wire_view.c */
void wire_put_complain(struct buf *out, const struct pbft_msg *m);
void wire_take_complain(struct rd *r, struct pbft_msg *out, pbft_block_head *head);
void wire_put_view_change(struct buf *out, const struct pbft_msg *m);
void wire_take_view_change(struct rd *r, struct pbft_msg *out, pbft_block_head *head);
void wire_put_new_view(struct buf *out, const struct pbft_msg *m);
void wire_take_new_view(struct rd *r, struct pbft_msg *out, pbft_block_head *head);
/* What is signed, put together from the digests of its parts. */
void wire_high_digest(struct digest *out, bool has_high, const struct certificate *high);
struct bytes wire_view_change_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                     const struct digest *chain_id, uint64_t epoch, uint32_t from,
                                     uint64_t view, const struct digest *high,
                                     const struct digest *lc);
struct bytes wire_new_view_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                  const struct digest *chain_id, uint64_t epoch, uint32_t from,
                                  uint64_t view, const struct digest *set);

/* wire_evidence.c */
void wire_put_evidence(struct buf *out, const struct pbft_msg *m);
void wire_take_evidence(struct rd *r, struct pbft_msg *out, pbft_block_head *head);

#endif
