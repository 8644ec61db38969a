/* What the files of proto share; nobody else includes this. put_ appends to the buffer and
 * CHECKs what is our own; take_ reads from the cursor and fails it at what does not fit, so that
 * both sides hold to the same limits, named in pairs. */
#ifndef NODE_PROTO_PARTS_H
#define NODE_PROTO_PARTS_H

#include "node/proto.h"

/* A number of the given width in least..most; what is taken is 0 when it is not. */
void proto_put_u8(struct buf *out, uint64_t value, uint8_t least, uint8_t most);
void proto_put_u16(struct buf *out, uint64_t value, uint16_t least, uint16_t most);
void proto_put_u32(struct buf *out, uint64_t value, uint32_t least, uint32_t most);
uint8_t proto_take_u8(struct rd *r, uint8_t least, uint8_t most);
uint16_t proto_take_u16(struct rd *r, uint16_t least, uint16_t most);
uint32_t proto_take_u32(struct rd *r, uint32_t least, uint32_t most);

void proto_put_digest(struct buf *out, const struct digest *d);
void proto_take_digest(struct rd *r, struct digest *out);

/* bytes u16 | so many bytes: keys, names and prefixes. Lends. */
void proto_put_key(struct buf *out, struct bytes key, uint16_t least);
struct bytes proto_take_key(struct rd *r, uint16_t least);
/* bytes u32 | so many bytes. Lends. */
void proto_put_data(struct buf *out, struct bytes data, uint32_t most);
struct bytes proto_take_data(struct rd *r, uint32_t most);

/* ---- proto_read.c ---- */
/* has_certificate u8 | certificate, if there is one: of the kinds that the reply's type may carry.
 */
void proto_put_certificate(struct buf *out, const struct proto_reply *r);
void proto_take_certificate(struct rd *from, struct proto_reply *r);
/* The fields of a READ's reply. */
void proto_put_read(struct buf *out, const struct proto_reply *r);
void proto_take_read(struct rd *from, struct proto_reply *r);

/* ---- proto_signed.c: what may stand behind the fields of a request ---- */
enum { PROTO_SIGNED_BYTES = PUBLIC_KEY_BYTES + SIGNATURE_BYTES };
void proto_put_signature(struct buf *out, const struct proto_request *r);
/* from stands behind the fields of whole. */
void proto_take_signature(struct rd *from, struct proto_request *r, struct bytes whole);

#endif
