#include "tools/hansa/evidence.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/hansa/render.h"

const char *evidence_offender(char out[static EVIDENCE_NAME_BYTES], const struct genesis *g,
                              uint32_t offender)
{
    if (offender < g->members_count)
        snprintf(out, EVIDENCE_NAME_BYTES, "%s", g->members[offender].name);
    else
        snprintf(out, EVIDENCE_NAME_BYTES, "member %" PRIu32, offender);
    return out;
}

/* ---- a file ---- */

static bool has_blocks(const struct pbft_evidence *e)
{
    return e->kind != PBFT_TWO_VIEW_CHANGES && e->kind != PBFT_TWO_NEW_VIEWS;
}

/* How many digests of blocks it names. */
static uint32_t digests_count(const struct pbft_evidence *e)
{
    if (!has_blocks(e))
        return 0;
    return e->kind == PBFT_FORGOTTEN_COMMIT || e->kind == PBFT_BAD_BODY ? 1 : 2;
}

static const char *tx_fault(const struct evidence_file *f)
{
    return f->tx == VERIFY_TX_REPEATED ? "it stands in the block before" : verdict_text(f->verdict);
}

json_t *evidence_json(const struct evidence_file *f, const struct genesis *g)
{
    const struct pbft_evidence *e = &f->evidence;
    json_t *out = json_object(), *digests = json_array();
    render_set_text(out, "chain", bytes_of_text(g->chain));
    render_set_text(out, "offender", bytes_of_text(g->members[e->offender].name));
    render_set_number(out, "offender_index", e->offender);
    render_set_text(out, "kind", bytes_of_text(pbft_evidence_word(e->kind)));
    render_set_text(out, "text", bytes_of_text(pbft_evidence_text(e->kind)));
    render_set_number(out, "epoch", e->epoch);
    render_set_number(out, "view", e->view);
    if (has_blocks(e))
        render_set_number(out, "height", e->height);
    for (uint32_t i = 0; i < digests_count(e); i++) {
        char hex[DIGEST_HEX_BYTES];
        digest_to_hex(hex, &e->parts[i].digest);
        json_array_append_new(digests, json_string(hex));
    }
    json_object_set_new(out, "digests", digests);
    if (e->kind == PBFT_FORGOTTEN_COMMIT)
        render_set_number(out, "to_view", e->to_view);
    if (e->kind == PBFT_FORGOTTEN_COMMIT && e->has_high) {
        render_set_number(out, "high_view", e->high.statement.view);
        render_set_number(out, "high_height", e->high.statement.height);
    }
    if (e->kind == PBFT_BAD_BODY) {
        render_set_number(out, "tx_index", e->tx_index);
        render_set_text(out, "tx_fault", bytes_of_text(tx_fault(f)));
    }
    return out;
}

void evidence_print(const struct evidence_file *f, const struct genesis *g)
{
    const struct pbft_evidence *e = &f->evidence;
    cli_line("offender", "%s (member %" PRIu32 ")", g->members[e->offender].name, e->offender);
    cli_line("kind", "%s: it %s", pbft_evidence_word(e->kind), pbft_evidence_text(e->kind));
    cli_line("place",
             has_blocks(e) ? "epoch %" PRIu64 ", view %" PRIu64 ", height %" PRIu64
                           : "epoch %" PRIu64 ", view %" PRIu64,
             e->epoch, e->view, e->height);
    for (uint32_t i = 0; i < digests_count(e); i++) {
        char hex[DIGEST_HEX_BYTES];
        digest_to_hex(hex, &e->parts[i].digest);
        cli_line("block", "%s", hex);
    }
    if (e->kind == PBFT_FORGOTTEN_COMMIT && e->has_high)
        cli_line("forgotten",
                 "in the VIEW-CHANGE to view %" PRIu64 ", whose certificate is of view %" PRIu64
                 ", height %" PRIu64,
                 e->to_view, e->high.statement.view, e->high.statement.height);
    else if (e->kind == PBFT_FORGOTTEN_COMMIT)
        cli_line("forgotten", "in the VIEW-CHANGE to view %" PRIu64 ", which has no certificate",
                 e->to_view);
    if (e->kind == PBFT_BAD_BODY)
        cli_line("transaction", "%" PRIu32 ": %s", e->tx_index, tx_fault(f));
}

/* ---- what the nodes name ---- */

static bool names(const struct nodes_answer *a, uint32_t offender, int kind)
{
    const struct proto_status *s = &a->reply.status;
    return a->has_answered && offender < s->peers_count &&
           (s->peers[offender].evidence & PBFT_EVIDENCE_BIT(kind)) != 0;
}

static bool is_named(const struct nodes *n, const struct nodes_answer *answers, uint32_t offender,
                     int kind)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (names(&answers[i], offender, kind))
            return true;
    return false;
}

json_t *evidence_known_json(const struct nodes *n, const struct nodes_answer *answers)
{
    json_t *out = json_array();
    for (uint32_t offender = 0; offender < MEMBERS_MAX; offender++) {
        for (int kind = 1; kind < PBFT_EVIDENCE_KINDS_END; kind++) {
            char name[EVIDENCE_NAME_BYTES];
            if (!is_named(n, answers, offender, kind))
                continue;
            json_t *who = json_array();
            for (uint32_t i = 0; i < n->count; i++)
                if (names(&answers[i], offender, kind))
                    json_array_append_new(who, json_string(nodes_member_name(n, answers[i].node)));
            enum pbft_evidence_kind k = (enum pbft_evidence_kind)kind;
            json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:o}", "offender",
                                                 evidence_offender(name, n->genesis, offender),
                                                 "kind", pbft_evidence_word(k), "text",
                                                 pbft_evidence_text(k), "nodes", who));
        }
    }
    return out;
}

uint32_t evidence_known_print(const struct nodes *n, const struct nodes_answer *answers)
{
    uint32_t count = 0;
    for (uint32_t offender = 0; offender < MEMBERS_MAX; offender++) {
        for (int kind = 1; kind < PBFT_EVIDENCE_KINDS_END; kind++) {
            char name[EVIDENCE_NAME_BYTES];
            const char *comma = "";
            if (!is_named(n, answers, offender, kind))
                continue;
            count++;
            printf("evidence against %s: %s (at ", evidence_offender(name, n->genesis, offender),
                   pbft_evidence_word((enum pbft_evidence_kind)kind));
            for (uint32_t i = 0; i < n->count; i++) {
                if (!names(&answers[i], offender, kind))
                    continue;
                printf("%s%s", comma, nodes_member_name(n, answers[i].node));
                comma = ", ";
            }
            printf(")\n");
        }
    }
    return count;
}
