/* Asking nodes: one after the other until one answers, or all of them side by side. Every reply is
 * judged to be one to this very request before anybody looks at it (nodes_reply.c). Ctrl-C ends
 * each wait at once, where the command watches for it. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "net/dial.h"
#include "net/loop.h"
#include "tools/hansa/interrupt.h"
#include "tools/hansa/nodes.h"

void nodes_answer_close(struct nodes_answer *a)
{
    buf_free(&a->bytes);
}

/* ---- one node ---- */

static void trouble(struct node *node, const char *words)
{
    snprintf(node->trouble, sizeof node->trouble, "%.*s", (int)sizeof node->trouble - 1, words);
}

/* False when the address is nothing that can be dialled; that is its trouble then. */
static bool put_question(struct nodes *n, uint32_t index, struct bytes request)
{
    struct node *node = &n->items[index];
    struct why why = {""};
    node->trouble[0] = '\0';
    if (node->dial == NULL) {
        enum rc rc =
            dial_open(&node->dial, node->address, n->genesis->members[node->member_index].link_key,
                      &n->genesis->chain_id, &why);
        if (rc != RC_OK) {
            node->dial = NULL;
            trouble(node, why.text);
            return false;
        }
    }
    nodes_send(n, index, request);
    node->sent = n->asked;
    node->sent_ms = loop_now_ms();
    return true;
}

/* No reply, or one to something else; a program of another version is the likeliest of the causes
 * that operators can mend. */
static void say_unreadable(struct node *node, struct bytes reply)
{
    char words[NODES_TROUBLE_BYTES] = "its answer is no reply to this";
    if (reply.size > 0 && reply.data[0] != PROTO_VERSION)
        snprintf(words, sizeof words,
                 "it speaks version %u of the protocol, we speak %u: upgrade the older program",
                 reply.data[0], (unsigned)PROTO_VERSION);
    trouble(node, words);
}

/* Whether a reply has come. When it has, out->reply may be read if its trouble is empty. */
static bool take(struct nodes *n, uint32_t index, const struct proto_request *request,
                 struct nodes_answer *out)
{
    struct node *node = &n->items[index];
    buf_clear(&out->bytes);
    if (!dial_take(node->dial, &out->bytes))
        return false;
    out->node = index;
    out->wall_ms = loop_wall_ms();
    out->took_ms = loop_now_ms() - node->sent_ms;
    node->sent = 0;
    if (!proto_decode_reply(&out->reply, buf_bytes(&out->bytes)) ||
        !nodes_is_reply_to(&out->reply, request))
        say_unreadable(node, buf_bytes(&out->bytes));
    return true;
}

bool nodes_is_refused(const struct nodes *n, uint32_t index)
{
    const struct node *node = &n->items[index];
    return node->dial != NULL && node->sent == n->asked && dial_is_refused(node->dial);
}

/* Until something may have come for one of those that were asked and have not answered. */
static void wait_any(const struct nodes *n, uint64_t until_ms)
{
    struct pollfd fds[MEMBERS_MAX + 1] = {{.fd = interrupt_fd(), .events = POLLIN}};
    nfds_t count = 1;
    for (uint32_t i = 0; i < n->count; i++) {
        if (n->items[i].dial != NULL && n->items[i].sent == n->asked)
            fds[count++] = (struct pollfd){.fd = dial_fd(n->items[i].dial), .events = POLLIN};
    }
    uint64_t now_ms = loop_now_ms();
    uint64_t wait_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    int got = poll(fds, count, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms);
    CHECK(got >= 0 || errno == EINTR);
}

/* ---- one after the other ---- */

struct asking {
    struct nodes *n;
    const struct proto_request *request;
    struct buf bytes;               /* of the request */
    bool is_forbidden[MEMBERS_MAX]; /* who says so is not asked again */
    uint32_t forbidden_count;
    uint32_t launched; /* so many, from nodes.first on, have had their turn */
    uint64_t next_ms;  /* when the next one has its turn */
    uint64_t
        again_ms[MEMBERS_MAX]; /* when one whose answer was of no use is asked again; 0 = not */
};

static bool is_read(enum proto_type type)
{
    return type != PROTO_SUBMIT && type != PROTO_WAIT;
}

/* Also sets why not. */
static bool is_useful(struct asking *a, const struct nodes_answer *answer)
{
    struct node *node = &a->n->items[answer->node];
    enum proto_code code = answer->reply.code;
    if (node->trouble[0] != '\0')
        return false;
    if (code == PROTO_OK || (code == PROTO_NOT_FOUND && is_read(a->request->type)))
        return true;
    trouble(node, nodes_code_text(a->n, a->request->type, code));
    a->is_forbidden[answer->node] = code == PROTO_FORBIDDEN;
    a->forbidden_count += code == PROTO_FORBIDDEN;
    return false;
}

static void ask_again_later(struct asking *a, uint32_t index)
{
    uint64_t now_ms = loop_now_ms();
    a->again_ms[index] = a->is_forbidden[index] ? 0 : now_ms + NODES_AGAIN_MS;
    a->next_ms = now_ms; /* somebody else, at once */
}

static void launch(struct asking *a, uint32_t index)
{
    a->again_ms[index] = 0;
    if (!put_question(a->n, index, buf_bytes(&a->bytes)))
        ask_again_later(a, index);
}

static void launch_due(struct asking *a, uint32_t patience_ms)
{
    uint64_t now_ms = loop_now_ms();
    if (a->launched > 0 && nodes_is_refused(a->n, (a->n->first + a->launched - 1) % a->n->count))
        a->next_ms = now_ms;
    if (a->launched < a->n->count && now_ms >= a->next_ms) {
        uint32_t index = (a->n->first + a->launched++) % a->n->count;
        a->next_ms = now_ms + patience_ms;
        launch(a, index);
    }
    for (uint32_t i = 0; i < a->n->count; i++) {
        if (a->again_ms[i] != 0 && now_ms >= a->again_ms[i])
            launch(a, i);
    }
}

static uint64_t next_wake_ms(const struct asking *a)
{
    uint64_t wake_ms = a->n->deadline_ms;
    if (a->launched < a->n->count && a->next_ms < wake_ms)
        wake_ms = a->next_ms;
    for (uint32_t i = 0; i < a->n->count; i++) {
        if (a->again_ms[i] != 0 && a->again_ms[i] < wake_ms)
            wake_ms = a->again_ms[i];
    }
    return wake_ms;
}

static bool take_useful(struct asking *a, struct nodes_answer *out)
{
    for (uint32_t i = 0; i < a->n->count; i++) {
        if (a->n->items[i].sent != a->n->asked || !take(a->n, i, a->request, out))
            continue;
        if (is_useful(a, out))
            return true;
        ask_again_later(a, i);
    }
    return false;
}

static bool is_nobody_there(const struct nodes *n)
{
    for (uint32_t i = 0; i < n->count; i++) {
        if (!nodes_is_refused(n, i))
            return false;
    }
    return true;
}

/* "m0 (127.0.0.1:7201) is silent" */
static void say_what_it_did(struct why *list, const struct nodes *n, uint32_t index)
{
    char name[NODES_NAME_BYTES];
    const char *words = n->items[index].trouble;
    const char *did = nodes_is_refused(n, index) ? ": " NODES_REFUSED
                      : words[0] != '\0'         ? " answers: "
                                                 : " is silent";
    size_t used = strlen(list->text);
    snprintf(list->text + used, sizeof list->text - used, "%s%s%s%s", used > 0 ? "; " : "",
             nodes_name(name, n, index), did, words);
}

static enum rc say_silence(const struct asking *a, struct why *why)
{
    struct why list = {""};
    const struct nodes *n = a->n;
    for (uint32_t i = 0; i < a->launched; i++)
        say_what_it_did(&list, n, (n->first + i) % n->count);
    if (nodes_left_ms(n) > 0)
        return why_set(why, RC_TIMEOUT,
                       "no answer: %s. Is the network up, and is this its genesis file?",
                       list.text);
    return why_set(why, RC_TIMEOUT,
                   "no answer within %" PRIu32 " s: %s. Is the network up, and is this its genesis "
                   "file? hansa status asks all nodes",
                   n->timeout_ms / 1000, list.text);
}

static enum rc say_interrupted(struct why *why)
{
    return why_set(why, RC_INTERRUPTED, "interrupted");
}

enum rc nodes_ask(struct nodes *n, const struct proto_request *request, uint32_t patience_ms,
                  struct nodes_answer *out, struct why *why)
{
    struct asking a = {.n = n, .request = request};
    patience_ms = patience_ms == 0 ? NODES_PATIENCE_MS : patience_ms;
    /* However many they are, each has its turn within the time. */
    if (patience_ms > n->timeout_ms / (n->count + 1))
        patience_ms = n->timeout_ms / (n->count + 1);
    proto_encode_request(&a.bytes, request);
    n->asked++;
    bool is_answered = false;
    for (;;) {
        launch_due(&a, patience_ms);
        is_answered = take_useful(&a, out);
        if (is_answered || nodes_left_ms(n) == 0 || a.forbidden_count == n->count ||
            interrupt_was_asked() || (n->is_for_reading && is_nobody_there(n)))
            break;
        wait_any(n, next_wake_ms(&a));
    }
    buf_free(&a.bytes);
    if (!is_answered && a.forbidden_count == n->count)
        return why_set(why, RC_REFUSED, "all nodes that were asked (%" PRIu32 ") refuse: %s",
                       n->count, nodes_code_text(n, request->type, PROTO_FORBIDDEN));
    if (!is_answered)
        return interrupt_was_asked() ? say_interrupted(why) : say_silence(&a, why);
    n->first = out->node;
    return out->reply.code == PROTO_OK ? RC_OK : RC_NOT_FOUND;
}

/* ---- one alone ---- */

enum rc nodes_ask_one(struct nodes *n, uint32_t index, const struct proto_request *request,
                      uint32_t timeout_ms, struct nodes_answer *out, struct why *why)
{
    char name[NODES_NAME_BYTES];
    struct node *node = &n->items[index];
    uint64_t until_ms = loop_now_ms() + timeout_ms;
    bool is_answered = false;
    nodes_begin(n);
    bool is_sent = nodes_put(n, index, request);
    while (is_sent && !is_answered) {
        wait_any(n, until_ms);
        is_answered = take(n, index, request, out);
        if (!is_answered && (loop_now_ms() >= until_ms || interrupt_was_asked() ||
                             (n->is_for_reading && nodes_is_refused(n, index))))
            break;
    }
    if (is_answered && node->trouble[0] == '\0')
        return RC_OK;
    if (is_answered || !is_sent)
        return why_set(why, is_sent ? RC_MALFORMED : RC_INVALID, "%s: %s",
                       nodes_name(name, n, index), node->trouble);
    if (interrupt_was_asked())
        return say_interrupted(why);
    if (nodes_is_refused(n, index))
        return why_set(why, RC_TIMEOUT, "%s: " NODES_REFUSED ": is it running?",
                       nodes_name(name, n, index));
    return why_set(why, RC_TIMEOUT, "%s is silent: no answer within %.3g s",
                   nodes_name(name, n, index), timeout_ms / 1000.0);
}

/* ---- all side by side ---- */

/* An answer that was taken: of use, or why not. */
static void judge_one(struct nodes *n, const struct proto_request *request,
                      struct nodes_answer *out)
{
    struct node *node = &n->items[out->node];
    out->is_forbidden = node->trouble[0] == '\0' && out->reply.code == PROTO_FORBIDDEN;
    if (node->trouble[0] == '\0' && out->reply.code != PROTO_OK)
        trouble(node, nodes_code_text(n, request->type, out->reply.code));
    out->has_answered = node->trouble[0] == '\0';
}

/* Whether somebody may answer still. */
static bool is_any_open(const struct nodes *n)
{
    for (uint32_t i = 0; i < n->count; i++) {
        if (n->items[i].sent == n->asked && !nodes_is_refused(n, i))
            return true;
    }
    return false;
}

/* Of one that has not answered. */
static void note_silence(struct nodes_answer *out, const struct nodes *n, uint32_t index)
{
    const char *words = n->items[index].trouble;
    out->is_refused = nodes_is_refused(n, index);
    if (words[0] == '\0')
        words = out->is_refused ? NODES_REFUSED : "no answer";
    snprintf(out->trouble, sizeof out->trouble, "%s", words);
}

void nodes_ask_all(struct nodes *n, const struct proto_request *request, uint32_t timeout_ms,
                   struct nodes_answer *out)
{
    uint32_t sent_count = 0;
    uint64_t until_ms = loop_now_ms() + timeout_ms;
    nodes_begin(n);
    for (uint32_t i = 0; i < n->count; i++) {
        out[i].has_answered = out[i].is_forbidden = out[i].is_refused = false;
        sent_count += nodes_put(n, i, request);
    }
    while (sent_count > 0 && is_any_open(n) && loop_now_ms() < until_ms && !interrupt_was_asked()) {
        wait_any(n, until_ms);
        for (uint32_t i = 0; i < n->count; i++) {
            if (n->items[i].sent == n->asked && take(n, i, request, &out[i]))
                judge_one(n, request, &out[i]);
        }
    }
    for (uint32_t i = 0; i < n->count; i++) {
        out[i].node = i;
        out[i].trouble[0] = '\0';
        if (!out[i].has_answered)
            note_silence(&out[i], n, i);
    }
}

/* ---- one question after the other, to many ---- */

void nodes_begin(struct nodes *n)
{
    n->asked++;
}

bool nodes_put(struct nodes *n, uint32_t index, const struct proto_request *request)
{
    struct buf bytes = {0};
    CHECK(index < n->count);
    proto_encode_request(&bytes, request);
    bool is_sent = put_question(n, index, buf_bytes(&bytes));
    buf_free(&bytes);
    return is_sent;
}

bool nodes_take(struct nodes *n, const struct proto_request *request, uint64_t until_ms,
                struct nodes_answer *out)
{
    for (;;) {
        for (uint32_t i = 0; i < n->count; i++) {
            if (n->items[i].sent != n->asked || !take(n, i, request, out))
                continue;
            judge_one(n, request, out);
            snprintf(out->trouble, sizeof out->trouble, "%s", n->items[i].trouble);
            return true;
        }
        if (loop_now_ms() >= until_ms || interrupt_was_asked())
            return false;
        wait_any(n, until_ms);
    }
}
