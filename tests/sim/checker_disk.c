/* What stands on a node's disk, read with the checker's own view; and that a node never takes back
 * what it has once written or said. */
#include <inttypes.h>

#include "ledger/block.h"
#include "tests/sim/checker_parts.h"

/* ---- reading ---- */

bool check_get(struct sim *s, uint32_t node, enum kv_table table, struct bytes key,
               struct bytes *value)
{
    enum rc rc = kv_get(s->checker->nodes[node].view, table, key, value);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        sim_fail(s, node, "a disk gives back what was written", "table %s: %s",
                 kv_table_name(table), rc_text(rc));
    return rc == RC_OK;
}

bool check_get_body(struct sim *s, uint32_t node, uint64_t height, const struct digest *digest,
                    struct bytes *whole)
{
    uint8_t room[8 + DIGEST_BYTES];
    struct wr key = wr_of(room, sizeof room);
    wr_be64(&key, height);
    wr_copy(&key, digest->bytes, DIGEST_BYTES);
    return check_get(s, node, KV_BLOCK, wr_bytes_of(&key), whole);
}

bool check_get_certificate(struct sim *s, uint32_t node, uint64_t height, struct certificate *out)
{
    uint8_t room[8];
    struct wr key = wr_of(room, sizeof room);
    struct bytes value;
    wr_be64(&key, height);
    if (!check_get(s, node, KV_CERT, wr_bytes_of(&key), &value))
        return false;
    struct rd r = rd_of(value);
    cert_decode(&r, out);
    if (!rd_done(&r))
        sim_fail(s, node, "a disk holds certificates", "height %" PRIu64 ": malformed", height);
    return true;
}

static void read_block_name(struct rd *r, struct pbft_block *out)
{
    out->height = rd_u64(r);
    rd_copy(r, out->digest.bytes, DIGEST_BYTES);
    rd_copy(r, out->parent.bytes, DIGEST_BYTES);
}

struct check_state check_get_state(struct sim *s, uint32_t node)
{
    struct check_state state = {.is_installed = true};
    struct pbft_block base;
    struct bytes value;
    if (!check_get(s, node, KV_VOTE, bytes_of_text("state"), &value))
        return state;
    struct rd r = rd_of(value);
    state.view = rd_u64(&r);
    (void)rd_u8(&r); /* mode */
    state.is_installed = rd_u8(&r) != 0;
    (void)rd_u8(&r); /* is_spoiled */
    read_block_name(&r, &base);
    state.has_tip = rd_u8(&r) != 0;
    read_block_name(&r, &state.tip);
    if (!rd_done(&r))
        sim_fail(s, node, "a disk holds vote records", "\"state\" is malformed");
    return state;
}

/* ---- what is for ever ---- */

static const char *kind_word(uint32_t kind)
{
    switch (kind) {
    case CHECK_PRE_PREPARE:
        return "PRE-PREPARE";
    case CERT_PREPARE:
        return "PREPARE";
    case CERT_COMMIT:
        return "COMMIT";
    default:
        return pbft_msg_name((enum pbft_msg_type)(kind - CHECK_MESSAGES));
    }
}

/* One PREPARE, one COMMIT and one PRE-PREPARE digest for each epoch, view and height, over the
 * whole life of a node, whatever crashes (section 13). */
struct check_value *check_vote_of(struct sim *s, uint32_t node, uint32_t kind, uint64_t epoch,
                                  uint64_t view, uint64_t height)
{
    struct digest key = {{0}};
    struct wr w = wr_of(key.bytes, sizeof key.bytes);
    wr_u32(&w, kind);
    wr_u64(&w, epoch);
    wr_u64(&w, view);
    wr_u64(&w, height);
    return check_map_put(&s->checker->nodes[node].votes, &key);
}

void check_one_digest(struct sim *s, uint32_t node, uint32_t kind, uint64_t epoch, uint64_t view,
                      uint64_t height, const struct digest *digest)
{
    struct check_value *value = check_vote_of(s, node, kind, epoch, view, height);
    if (digest_is_zero(&value->digest)) {
        value->digest = *digest;
        if (kind == CERT_COMMIT)
            check_saw_commit(s, node, epoch, view, height, digest);
    } else if (!digest_equal(&value->digest, digest))
        sim_fail(s, node, "one vote for each place, for ever",
                 "two %s digests in view %" PRIu64 " at height %" PRIu64, kind_word(kind), view,
                 height);
}

/* Every certificate, wherever it stands, has a quorum of members behind it. */
void check_certificate(struct sim *s, uint32_t node, const struct certificate *c)
{
    enum cert_fault fault = cert_verify(c, &s->genesis.chain_id, &s->genesis.member_table);
    if (fault != CERT_OK)
        sim_fail(s, node, "certificates verify", "height %" PRIu64 ": %s", c->statement.height,
                 cert_fault_text(fault));
    check_saw_certificate(s, c);
}
