/* Who lied, in the log: once for each kind, when it is found and when the node starts. */
#include "node/hansad/node_impl.h"

/* Named, since it is proven: whoever wants to act on it can show it to anybody. */
static void say_evidence(const struct node *n, uint32_t offender, enum pbft_evidence_kind kind)
{
    struct log_line l;
    bool is_own = offender == n->home->own_index;
    log_begin(&l, n->log, LOG_WARN, "evidence");
    log_words(&l, "offender", n->home->genesis.members[offender].name);
    log_words(&l, "kind", pbft_evidence_word(kind));
    log_words(&l, "what", pbft_evidence_text(kind));
    log_words(&l, "words",
              is_own ? "this node's own key was used elsewhere: find out by whom; hansa evidence "
                       "get writes the proof"
                     : "this member is faulty or lies; hansa evidence get writes the proof, which "
                       "anybody can verify offline");
    log_end(&l);
}

void node_say_evidence(struct node *n, const struct driver_look *look)
{
    for (uint32_t i = 0; i < n->home->genesis.members_count; i++) {
        uint8_t news = (uint8_t)(look->scores[i].evidence & ~n->said_evidence[i]);
        for (int kind = 1; kind < PBFT_EVIDENCE_KINDS_END; kind++)
            if ((news & PBFT_EVIDENCE_BIT(kind)) != 0)
                say_evidence(n, i, (enum pbft_evidence_kind)kind);
        n->said_evidence[i] = look->scores[i].evidence;
    }
}
