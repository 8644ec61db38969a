/* `hansa account --consistency linearizable`: what f+1 nodes say alike (rule 11). */
#include <inttypes.h>
#include <stdio.h>

#include "crypto/base/check.h"
#include "tools/hansa/account.h"
#include "tools/hansa/linear_read.h"
#include "tools/hansa/render.h"
#include "tools/hansa/send.h"

/* ---- the question ---- */

static void add_question(struct proto_request *r, enum state_table table, bool is_prefix,
                         struct bytes key)
{
    CHECK(r->count < PROTO_QUESTIONS_MAX);
    r->tables[r->count] = (uint8_t)table;
    r->is_prefix[r->count] = is_prefix;
    r->items[r->count++] = key;
}

/* Of an account one balance or all; of a participant its entry and all balances. Lends from room.
 */
static void put_questions(struct proto_request *r, const struct account_question *q,
                          uint8_t room[static STATE_KEY_BYTES_MAX])
{
    r->type = PROTO_READ;
    if (q->is_account && q->asset.size > 0) {
        add_question(r, STATE_BALANCE, false, state_balance_key(room, q->who, q->asset));
        return;
    }
    struct wr prefix = wr_of(room, STATE_KEY_BYTES_MAX);
    wr_bytes(&prefix, q->who);
    wr_u8(&prefix, q->is_account ? 0 : '/');
    CHECK(wr_ok(&prefix));
    if (!q->is_account)
        add_question(r, STATE_PARTICIPANT, false, q->who);
    add_question(r, STATE_BALANCE, true, wr_bytes_of(&prefix));
}

/* ---- the answer ---- */

struct found {
    bool is_participant; /* the entry of one is there */
    struct state_participant participant;
    struct holdings holdings;
};

static bool take_entry(struct found *f, const struct linear_read *r, uint32_t i,
                       const struct account_question *q)
{
    const struct proto_reply *reply = &r->reply;
    if (r->request.tables[reply->questions[i]] == STATE_PARTICIPANT) {
        f->is_participant = true;
        return state_participant_decode(&f->participant, reply->items[i]);
    }
    if (!holdings_take(&f->holdings, reply->keys[i], reply->items[i]))
        return false;
    const struct holding *last = &f->holdings.items[f->holdings.count - 1];
    if (q->asset.size > 0 && !bytes_equal(bytes_of_text(last->asset), q->asset))
        f->holdings.count--;
    return true;
}

static enum rc find(struct found *f, const struct linear_read *r, const struct account_question *q,
                    struct why *why)
{
    uint64_t height = r->verdict.index_height;
    if (!r->reply.is_end)
        return why_set(why, RC_INVALID,
                       "there are more than %d balances, which are no single read: name one "
                       "account, or with --asset one asset of it",
                       PROTO_ENTRIES_MAX);
    for (uint32_t i = 0; i < r->reply.count; i++) {
        if (!take_entry(f, r, i, q))
            return why_set(why, RC_STORE_DAMAGED,
                           "an entry that the nodes agree on cannot be decoded");
    }
    if (q->is_account && f->holdings.count == 0)
        return account_not_found(q, height, why);
    if (!q->is_account && !f->is_participant)
        return why_set(why, RC_NOT_FOUND,
                       "there is no participant '%s' up to height %" PRIu64
                       " (hansa participants lists them)",
                       (const char *)q->who.data, height);
    return RC_OK;
}

static json_t *nodes_json(const struct linear_read *r)
{
    json_t *out = json_array();
    for (uint32_t i = 0; i < r->nodes->count; i++) {
        char said[LINEAR_SAID_BYTES];
        enum linear_word word = linear_word_of(r, i);
        json_t *one = json_pack("{s:s, s:s, s:b, s:s}", "name", nodes_member_name(r->nodes, i),
                                "word", linear_word_text(word), "lies", linear_is_lie(r, i), "text",
                                linear_said(said, r, i));
        CHECK(one != NULL);
        if (word != LINEAR_SILENT)
            json_object_set_new(
                one, "is_learner",
                json_boolean(r->verdict.is_learner[r->nodes->items[i].member_index]));
        if (word != LINEAR_SILENT)
            render_set_number(one, "height", r->verdict.heights[r->nodes->items[i].member_index]);
        json_array_append_new(out, one);
    }
    return out;
}

static enum cli_exit answer_json(struct cli *c, const struct linear_read *r,
                                 const struct account_question *q, const struct found *f)
{
    const struct genesis *g = r->nodes->genesis;
    json_t *out = json_object();
    render_set_text(out, "participant", q->participant);
    render_set_number(out, "height", r->verdict.index_height);
    json_object_set_new(out, "consistency", json_string("linearizable"));
    render_set_number(out, "agree_count", r->verdict.agree_count);
    if (r->ordered_height > 0)
        render_set_number(out, "ordered_height", r->ordered_height);
    json_object_set_new(out, "nodes", nodes_json(r));
    if (q->is_account) {
        account_set_balances(out, q, &f->holdings, g);
    } else {
        account_set_keys(out, &f->participant);
        account_set_accounts(out, &f->holdings, g);
    }
    return cli_answer(c, out);
}

static enum cli_exit answer(struct cli *c, const struct linear_read *r,
                            const struct account_question *q, const struct found *f)
{
    if (c->json)
        return answer_json(c, r, q, f);
    account_print_head(c, q, r->verdict.index_height);
    cli_line("consistency", "linearizable: %" PRIu32 " nodes agree%s", r->verdict.agree_count,
             r->ordered_height > 0 ? ", behind a transaction that was ordered for it" : "");
    for (uint32_t i = 0; i < r->nodes->count; i++) {
        char name[NODES_NAME_BYTES], said[LINEAR_SAID_BYTES];
        if (linear_is_lie(r, i))
            cli_line("node", "%s %s", nodes_name(name, r->nodes, i), linear_said(said, r, i));
    }
    if (!q->is_account)
        account_print_participant(&f->participant);
    account_print_holdings(q, &f->holdings, r->nodes->genesis);
    return CLI_DONE;
}

static enum cli_exit show(struct cli *c, const struct linear_read *r,
                          const struct account_question *q)
{
    struct why why = {""};
    struct found found = {.is_participant = false};
    enum rc rc = find(&found, r, q, &why);
    enum cli_exit code =
        rc == RC_OK ? answer(c, r, q, &found)
                    : cli_fail_details(c, rc, &why, json_pack("{s:o}", "nodes", nodes_json(r)));
    holdings_close(&found.holdings);
    return code;
}

/* ---- the command ---- */

/* A member that was asked twice would count twice; and fewer than q can never do. */
static enum cli_exit judge_nodes(struct cli *c, const struct nodes *n)
{
    uint32_t quorum = quorum_of(n->genesis->members_count);
    for (uint32_t i = 0; i < n->count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (n->items[i].member_index == n->items[k].member_index)
                return cli_usage(c, "--node names %s twice: a member counts once",
                                 nodes_member_name(n, i));
        }
    }
    if (n->count < quorum)
        return cli_usage(
            c, "--consistency linearizable asks at least %" PRIu32 " nodes: leave out --node",
            quorum);
    return CLI_DONE;
}

static enum cli_exit run(struct cli *c, struct linear_read *r, struct nodes *n,
                         const struct account_question *q, const struct key *key)
{
    struct why why = {""};
    uint64_t height = 0;
    enum rc rc = linear_read(r, n, 0, &why);
    if (rc == RC_TIMEOUT && key != NULL) {
        enum cli_exit code = send_ordered(c, n, key, &height);
        if (code != CLI_DONE)
            return code;
        rc = linear_read(r, n, height, &why);
    }
    if (rc == RC_OK)
        return show(c, r, q);
    json_t *details = json_pack("{s:o}", "nodes", nodes_json(r));
    if (r->verdict.has_index)
        render_set_number(details, "height", r->verdict.index_height);
    return cli_fail_details(c, rc, &why, details);
}

/* The key of --ordered-fallback is opened before anything is asked: a passphrase takes its time. */
static enum cli_exit run_with_key(struct cli *c, struct linear_read *r, struct nodes *n,
                                  const struct account_question *q)
{
    struct key key;
    if (!cli_has(c, "ordered-fallback"))
        return run(c, r, n, q, NULL);
    enum cli_exit code = send_open_key(&key, c, n->genesis);
    if (code != CLI_DONE)
        return code;
    code = run(c, r, n, q, &key);
    key_close(&key);
    return code;
}

enum cli_exit account_linearizable(struct cli *c, const struct account_question *q)
{
    uint8_t room[STATE_KEY_BYTES_MAX];
    struct nodes nodes;
    enum cli_exit code = nodes_open_all_to_read(&nodes, c, NODES_READ_SECONDS);
    if (code != CLI_DONE)
        return code;
    struct linear_read *r = mem_alloc(sizeof *r);
    put_questions(&r->request, q, room);
    code = judge_nodes(c, &nodes);
    if (code == CLI_DONE)
        code = run_with_key(c, r, &nodes, q);
    linear_read_close(r);
    mem_free(r);
    nodes_close(&nodes);
    return code;
}
