#include "tools/hansa/linear_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "net/loop.h"

enum { LOOK_MS = 100 }; /* whether somebody listens is looked at so often */

/* ---- asking ---- */

static void put(struct linear_read *r, uint32_t index, uint64_t at_least_height)
{
    struct linear_node *node = &r->items[index];
    node->again_ms = 0;
    node->trouble[0] = '\0';
    r->request.height = at_least_height;
    node->is_asked = nodes_put(r->nodes, index, &r->request);
    if (!node->is_asked)
        snprintf(node->trouble, sizeof node->trouble, "%s", r->nodes->items[index].trouble);
}

/* From where on its next answer is of use; 0: any is. */
static uint64_t useful_height(const struct linear_read *r)
{
    return r->verdict.has_index ? r->verdict.index_height : 0;
}

static void ask_again(struct linear_read *r, uint32_t index, uint64_t now_ms)
{
    struct linear_node *node = &r->items[index];
    uint64_t next_height = r->verdict.next_heights[r->nodes->items[index].member_index];
    if (node->is_asked || node->is_forbidden || node->replies_count == LINEAR_REPLIES_PER_MEMBER)
        return;
    if (node->again_ms != 0 && now_ms >= node->again_ms)
        put(r, index, useful_height(r));
    else if (node->again_ms == 0 && next_height > 0)
        put(r, index, next_height);
}

/* ---- answers ---- */

static void take(struct linear_read *r, const struct nodes_answer *a)
{
    struct linear_node *node = &r->items[a->node];
    node->is_asked = false;
    snprintf(node->trouble, sizeof node->trouble, "%s", a->trouble);
    node->is_forbidden = a->is_forbidden;
    if (!a->has_answered) { /* busy, or of no use: another time */
        node->again_ms = loop_now_ms() + NODES_AGAIN_MS;
        return;
    }
    CHECK(r->replies_count < LINEAR_REPLIES_MAX);
    CHECK(node->replies_count < LINEAR_REPLIES_PER_MEMBER);
    struct linear_reply *reply = &r->replies[r->replies_count++];
    linear_take(reply, r->nodes->items[a->node].member_index, &a->reply, r->nodes->genesis);
    reply->answer = linear_number(&r->answers, &a->reply, buf_bytes(&a->bytes));
    node->replies_count++;
}

/* ---- the end ---- */

static bool is_all_forbidden(const struct linear_read *r)
{
    for (uint32_t i = 0; i < r->nodes->count; i++) {
        if (!r->items[i].is_forbidden)
            return false;
    }
    return true;
}

/* Who may be started yet is waited for by those that send, as long as there is nobody else. */
static bool is_waited_for(const struct linear_read *r, uint32_t index)
{
    bool is_needed = r->replies_count == 0 && !r->nodes->is_for_reading;
    return r->items[index].is_asked && (is_needed || !nodes_is_refused(r->nodes, index));
}

/* Nobody is asked, and nobody will be. */
static bool is_over(const struct linear_read *r)
{
    for (uint32_t i = 0; i < r->nodes->count; i++) {
        if (is_waited_for(r, i) || (r->items[i].again_ms != 0 && !r->items[i].is_forbidden))
            return false;
    }
    return true;
}

static uint64_t next_wake_ms(const struct linear_read *r, uint64_t until_ms)
{
    uint64_t look_ms = loop_now_ms() + LOOK_MS;
    if (look_ms < until_ms)
        until_ms = look_ms;
    for (uint32_t i = 0; i < r->nodes->count; i++) {
        const struct linear_node *node = &r->items[i];
        if (!node->is_asked && !node->is_forbidden && node->again_ms != 0 &&
            node->again_ms < until_ms)
            until_ms = node->again_ms;
    }
    return until_ms;
}

static struct why list_said(const struct linear_read *r)
{
    struct why list = {""};
    for (uint32_t i = 0; i < r->nodes->count; i++) {
        char name[NODES_NAME_BYTES], said[LINEAR_SAID_BYTES];
        size_t used = strlen(list.text);
        snprintf(list.text + used, sizeof list.text - used, "%s%s %s", used > 0 ? "; " : "",
                 nodes_name(name, r->nodes, i), linear_said(said, r, i));
    }
    return list;
}

enum rc linear_say_silence(const struct linear_read *r, struct why *why)
{
    return why_set(why, RC_TIMEOUT,
                   "no answer within %" PRIu32 " s: %s. Is the network up, and is this its genesis "
                   "file? hansa status asks all nodes",
                   r->nodes->timeout_ms / 1000, list_said(r).text);
}

static enum rc say_why(const struct linear_read *r, struct why *why)
{
    const struct linear_verdict *v = &r->verdict;
    uint32_t members_count = r->nodes->genesis->members_count;
    struct why list = list_said(r);
    if (!v->has_index)
        return why_set(why, RC_TIMEOUT,
                       "%" PRIu32 " nodes of %" PRIu32 " say how far the ledger is, and %" PRIu32
                       " have to: %s. hansa status shows who is missing or does not vote: start "
                       "one that votes",
                       v->highs_count, members_count, quorum_of(members_count), list.text);
    return why_set(why, RC_TIMEOUT,
                   "no %" PRIu32 " equal answers at height %" PRIu64 " or above: %s. hansa status "
                   "shows what is wrong; --ordered-fallback has the read ordered as a transaction",
                   faulty_max_of(members_count) + 1, v->index_height, list.text);
}

static void begin(struct linear_read *r, struct nodes *n, uint64_t ordered_height)
{
    r->nodes = n;
    r->ordered_height = ordered_height;
    r->replies_count = 0;
    linear_answers_clear(&r->answers);
    memset(r->items, 0, sizeof r->items);
    nodes_begin(n);
    linear_judge(&r->verdict, r->replies, 0, n->genesis->members_count, ordered_height);
    for (uint32_t i = 0; i < n->count; i++)
        put(r, i, ordered_height);
}

/* Kept for the words: it is known only until the nodes are asked something else. */
static void note_refused(struct linear_read *r)
{
    for (uint32_t i = 0; i < r->nodes->count; i++)
        r->items[i].is_refused = r->items[i].is_asked && nodes_is_refused(r->nodes, i);
}

/* Until it is known what is waited for. */
static uint64_t last_ms_of(const struct linear_read *r, uint64_t begun_ms)
{
    uint64_t last_ms = begun_ms + r->patience_ms;
    bool is_patient = r->patience_ms == 0 || r->replies_count == 0;
    return is_patient || last_ms > r->nodes->deadline_ms ? r->nodes->deadline_ms : last_ms;
}

/* T_read begins when it is known what is waited for. */
static uint64_t give_up_ms(const struct linear_read *r, uint64_t before_ms)
{
    const struct nodes *n = r->nodes;
    uint64_t until_ms = loop_now_ms() + n->genesis->parameters.read_ms + LINEAR_GRACE_MS;
    if (before_ms != 0 || !r->verdict.has_index)
        return before_ms;
    return until_ms < n->deadline_ms ? until_ms : n->deadline_ms;
}

enum rc linear_read(struct linear_read *r, struct nodes *n, uint64_t ordered_height,
                    struct why *why)
{
    struct nodes_answer *answer = mem_alloc(sizeof *answer);
    uint32_t members_count = n->genesis->members_count;
    uint64_t begun_ms = loop_now_ms();
    nodes_restart(n);
    begin(r, n, ordered_height);
    uint64_t until_ms = give_up_ms(r, 0);
    while (!r->verdict.is_accepted && !is_over(r)) {
        uint64_t last_ms = until_ms != 0 ? until_ms : last_ms_of(r, begun_ms);
        if (nodes_take(n, &r->request, next_wake_ms(r, last_ms), answer)) {
            take(r, answer);
            linear_judge(&r->verdict, r->replies, r->replies_count, members_count, ordered_height);
            until_ms = give_up_ms(r, until_ms);
        }
        uint64_t now_ms = loop_now_ms();
        if (r->verdict.is_accepted || now_ms >= last_ms)
            break;
        for (uint32_t i = 0; i < n->count; i++)
            ask_again(r, i, now_ms);
    }
    note_refused(r);
    nodes_answer_close(answer);
    mem_free(answer);
    if (r->verdict.is_accepted) {
        bool is_reply =
            proto_decode_reply(&r->reply, buf_bytes(&r->answers.replies[r->verdict.answer]));
        CHECK(is_reply);
        return RC_OK;
    }
    if (is_all_forbidden(r))
        return why_set(why, RC_REFUSED, "all nodes that were asked (%" PRIu32 ") refuse: %s",
                       n->count, nodes_code_text(n, PROTO_READ, PROTO_FORBIDDEN));
    return say_why(r, why);
}

void linear_read_close(struct linear_read *r)
{
    linear_answers_close(&r->answers);
}

/* ---- words ---- */

enum linear_word linear_word_of(const struct linear_read *r, uint32_t index)
{
    return r->verdict.words[r->nodes->items[index].member_index];
}

bool linear_is_lie(const struct linear_read *r, uint32_t index)
{
    return linear_word_of(r, index) >= LINEAR_CONTRADICTED;
}

static enum linear_fault fault_of(const struct linear_read *r, uint32_t member)
{
    for (size_t i = 0; i < r->replies_count; i++) {
        if (r->replies[i].member == member && r->replies[i].fault != LINEAR_WHOLE)
            return r->replies[i].fault;
    }
    return LINEAR_WHOLE;
}

static void say_silent(char out[static LINEAR_SAID_BYTES], const struct linear_node *node)
{
    if (node->is_refused)
        snprintf(out, LINEAR_SAID_BYTES, "is not there: nobody listens");
    else
        snprintf(out, LINEAR_SAID_BYTES, "is silent: %s",
                 node->trouble[0] != '\0' ? node->trouble : "no answer");
}

const char *linear_said(char out[static LINEAR_SAID_BYTES], const struct linear_read *r,
                        uint32_t index)
{
    const struct linear_verdict *v = &r->verdict;
    uint32_t member = r->nodes->items[index].member_index;
    uint64_t height = v->heights[member];
    switch (v->words[member]) {
    case LINEAR_SILENT:
        say_silent(out, &r->items[index]);
        break;
    case LINEAR_HEARD:
        snprintf(out, LINEAR_SAID_BYTES, "%s at height %" PRIu64,
                 v->is_learner[member] ? "is a learner: its word does not count, though it answers"
                                       : "answers",
                 height);
        break;
    case LINEAR_LAGS:
        snprintf(out, LINEAR_SAID_BYTES, "lags at height %" PRIu64, height);
        break;
    case LINEAR_DIFFERS:
        snprintf(out, LINEAR_SAID_BYTES, "answers differently, at height %" PRIu64, height);
        break;
    case LINEAR_AGREES:
        snprintf(out, LINEAR_SAID_BYTES, "agrees, at height %" PRIu64, height);
        break;
    case LINEAR_CONTRADICTED:
        snprintf(out, LINEAR_SAID_BYTES, "contradicts %s about one height: one of them lies",
                 r->nodes->genesis->members[v->against[member]].name);
        break;
    case LINEAR_LIES:
        snprintf(out, LINEAR_SAID_BYTES,
                 "lies: another answer about one height than a correct "
                 "node's");
        break;
    case LINEAR_REFUTED:
        snprintf(out, LINEAR_SAID_BYTES, "lies: %s", linear_fault_text(fault_of(r, member)));
        break;
    case LINEAR_WORD_COUNT:
        break;
    }
    return out;
}
