/* Its life, its disk, its verifiers, its clock, and what leaves. */
#include "tests/help/driver_world.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "genesis/json.h"
#include "ledger/kv_impl.h"
#include "ledger/receipt.h"
#include "node/pbft/wire.h"
#include "tests/help/chain_genesis.h"

enum { TURNS_MAX = 10000 };

/* ---- what leaves ---- */

static void break_promise(struct driver_world *w, const char *promise)
{
    if (w->broken == NULL)
        w->broken = promise;
}

static struct world_output *add_output(struct driver_world *w, struct bytes bytes)
{
    if (w->outputs_count == w->outputs_room) {
        w->outputs_room = w->outputs_room * 2 + 64;
        w->outputs = mem_resize(w->outputs, w->outputs_room * sizeof *w->outputs);
    }
    struct world_output *o = &w->outputs[w->outputs_count++];
    *o = (struct world_output){0};
    buf_add_bytes(&o->bytes, bytes);
    if (w->is_submitted || w->is_marking)
        break_promise(w, "4: nothing leaves while a batch is under way");
    return o;
}

static void on_send(void *context, uint32_t to, struct bytes message)
{
    struct driver_world *w = context;
    struct world_output *o = add_output(w, message);
    o->to = to;
    if (to >= WORLD_MEMBERS || to == w->own_index)
        break_promise(w, "messages go to the other members");
    struct pbft_msg *m = mem_alloc(sizeof *m);
    if (!world_decode(m, o))
        break_promise(w, "what is sent can be decoded");
    o->type = m->type;
    if (m->type == PBFT_PRE_PREPARE) {
        o->height = m->pre_prepare.block.height;
        o->digest = m->pre_prepare.block.digest;
    } else if (m->type == PBFT_PREPARE || m->type == PBFT_COMMIT) {
        o->height = m->vote.statement.height;
        o->digest = m->vote.statement.digest;
    }
    mem_free(m);
    world_judge_message(w, o);
}

static void on_answer(void *context, uint64_t client, const struct driver_answer *answer)
{
    struct driver_world *w = context;
    struct why why = {{0}};
    struct world_output *o = add_output(w, bytes_of(NULL, 0));
    o->is_answer = true;
    o->client = client;
    o->answer = *answer;
    if (answer->outcome == DRIVER_COMMITTED &&
        receipt_make(&o->bytes, w->store, &answer->place, &why) != RC_OK)
        break_promise(w, "4, 10.4: a receipt can be made at once");
    for (size_t i = 0; i < w->answered_count; i++)
        if (w->answered[i] == client)
            break_promise(w, "each client is answered once");
    if (w->answered_count == w->answered_room) {
        w->answered_room = w->answered_room * 2 + 64;
        w->answered = mem_resize(w->answered, w->answered_room * sizeof *w->answered);
    }
    w->answered[w->answered_count++] = client;
    world_judge_answer(w, o);
}

/* ---- the disk ---- */

static void on_submit(void *context, const struct kv_batch *batch)
{
    struct driver_world *w = context;
    CHECK(!w->is_submitted); /* one at a time */
    CHECK(!w->is_marking);
    CHECK(kv_batch_count(batch) > 0);
    kv_mem_begin(w->kv, batch);
    w->is_submitted = true;
    w->submits_count++;
}

void world_land(struct driver_world *w)
{
    CHECK(w->is_submitted);
    kv_mem_finish(w->kv, true);
    w->is_submitted = false;
    driver_on_durable(w->driver, RC_OK);
    if (w->is_marking && !w->holds_marker)
        world_mark(w);
}

void world_fail(struct driver_world *w, enum rc rc)
{
    CHECK(w->is_submitted);
    kv_mem_finish(w->kv, false);
    w->is_submitted = false;
    driver_on_durable(w->driver, rc);
}

static void on_raise(void *context, const struct pbft_rank *to)
{
    struct driver_world *w = context;
    CHECK(!w->is_submitted && !w->is_marking);
    w->is_marking = true;
    w->marking = *to;
    w->marks_count++;
}

void world_mark(struct driver_world *w)
{
    CHECK(w->is_marking);
    w->is_marking = false;
    w->marker = w->marking;
    driver_on_marked(w->driver, RC_OK);
}

void world_fail_marker(struct driver_world *w, enum rc rc)
{
    CHECK(w->is_marking);
    w->is_marking = false;
    driver_on_marked(w->driver, rc);
}

void world_write(struct driver_world *w, enum kv_table table, struct bytes key,
                 const struct bytes *value)
{
    struct kv_batch *batch = kv_batch_new();
    CHECK(w->driver == NULL);
    if (value != NULL)
        kv_batch_put(batch, table, key, *value);
    else
        kv_batch_delete(batch, table, key);
    CHECK(kv_commit(w->kv, batch, &w->why) == RC_OK);
    kv_batch_free(batch);
}

bool world_read(const struct driver_world *w, enum kv_table table, struct bytes key,
                struct buf *out)
{
    struct kv_view *view;
    struct bytes value;
    buf_clear(out);
    CHECK(kv_view_open(&view, w->kv, NULL) == RC_OK);
    enum rc rc = kv_get(view, table, key, &value);
    CHECK(rc == RC_OK || rc == RC_NOT_FOUND);
    if (rc == RC_OK)
        buf_add_bytes(out, value);
    kv_view_close(view);
    return rc == RC_OK;
}

void world_rot(struct driver_world *w, enum kv_table table, struct bytes key)
{
    struct kv_batch *batch = kv_batch_new();
    struct buf value = {0};
    CHECK(!w->is_submitted);
    CHECK(world_read(w, table, key, &value));
    kv_batch_put(batch, table, key, buf_bytes(&value));
    struct bytes sealed = kv_record_sealed(kv_record_next(batch, NULL));
    ((uint8_t *)(uintptr_t)sealed.data)[sealed.size / 2] ^= 1; /* nobody else does such a thing */
    CHECK(kv_commit(w->kv, batch, &w->why) == RC_OK);
    kv_batch_free(batch);
    buf_free(&value);
    w->is_rotten = true;
}

static void add_be64(struct buf *out, uint64_t value)
{
    uint8_t room[8];
    struct wr wr = wr_of(room, sizeof room);
    wr_be64(&wr, value);
    buf_add_bytes(out, wr_bytes_of(&wr));
}

struct bytes world_block_key(struct buf *out, uint64_t height, const struct digest *digest)
{
    buf_clear(out);
    add_be64(out, height);
    buf_add(out, digest->bytes, DIGEST_BYTES);
    return buf_bytes(out);
}

struct bytes world_record_key(struct buf *out, const char *name, uint64_t height,
                              enum cert_kind kind)
{
    bool is_vote = strcmp(name, "vote") == 0;
    buf_clear(out);
    buf_add_bytes(out, bytes_of_text(name));
    if (is_vote || strcmp(name, "proposal") == 0)
        add_be64(out, height);
    if (is_vote)
        buf_add_u8(out, (uint8_t)kind);
    return buf_bytes(out);
}

/* ---- the verifiers ---- */

static void on_job(void *context, struct driver_job *job)
{
    struct driver_world *w = context;
    w->signatures_count += driver_job_signatures(job);
    if (!w->holds_jobs) {
        driver_job_run(job);
        driver_on_job(w->driver, job);
        return;
    }
    if (w->jobs_count == w->jobs_room) {
        w->jobs_room = w->jobs_room * 2 + 64;
        w->jobs = mem_resize(w->jobs, w->jobs_room * sizeof(struct driver_job *));
    }
    w->jobs[w->jobs_count++] = job;
}

static void on_tree(void *context, struct driver_job *job)
{
    struct driver_world *w = context;
    CHECK(w->tree == NULL); /* one at a time */
    w->tree = job;
    w->trees_count++;
    if (!w->holds_trees)
        world_return_tree(w);
}

void world_return_tree(struct driver_world *w)
{
    struct driver_job *job = w->tree;
    CHECK(job != NULL);
    w->tree = NULL;
    driver_job_run(job);
    driver_on_job(w->driver, job);
}

void world_return_job(struct driver_world *w, size_t index)
{
    CHECK(index < w->jobs_count);
    struct driver_job *job = w->jobs[index];
    w->jobs_count--;
    memmove(&w->jobs[index], &w->jobs[index + 1], (w->jobs_count - index) * sizeof *w->jobs);
    driver_job_run(job);
    driver_on_job(w->driver, job);
}

void world_return_jobs(struct driver_world *w, bool is_reversed)
{
    while (w->jobs_count > 0)
        world_return_job(w, is_reversed ? w->jobs_count - 1 : 0);
}

/* ---- life ---- */

static void sign(void *context, struct signature *out, struct bytes message)
{
    struct driver_world *w = context;
    sign_message(out, message, &w->chain.members[w->own_index]);
}

static void bend_parameters(struct driver_world *w, const char *parameters)
{
    struct genesis *g = &w->chain.genesis;
    char *text = genesis_to_json(g);
    json_t *document = json_loads(text, 0, NULL), *bent = json_loads(parameters, 0, NULL);
    mem_free(text);
    genesis_close(g);
    CHECK(json_object_update(json_object_get(document, "parameters"), bent) == 0);
    text = json_dumps(document, 0);
    CHECK(genesis_from_json(g, bytes_of_text(text), &w->why) == RC_OK);
    free(text);
    json_decref(bent);
    json_decref(document);
}

void world_open(struct driver_world *w, uint32_t own_index, const char *parameters)
{
    struct chain *c = &w->chain;
    memset(w, 0, sizeof *w);
    CHECK(crypto_start(&w->why) == RC_OK);
    w->own_index = own_index;
    w->reserved_heights = DRIVER_RESERVED_HEIGHTS;
    w->snapshot_behind_heights = DRIVER_SNAPSHOT_BEHIND_HEIGHTS;
    w->outputs_max = DRIVER_OUTPUTS_MAX;
    w->time = (struct driver_time){.now_ms = 5000, .wall_ms = UINT64_C(1760000000000)};
    c->options = (struct chain_options){.members_count = WORLD_MEMBERS,
                                        .participants_count = WORLD_PAYERS,
                                        .assets_count = 1,
                                        .accounts_count = WORLD_PAYERS,
                                        .checkpoint_every_heights = 8};
    for (uint32_t i = 0; i < WORLD_MEMBERS; i++)
        chain_make_key(&c->members[i], "member", i, 0);
    CHECK(chain_make_genesis(c, &w->why) == RC_OK);
    if (parameters != NULL)
        bend_parameters(w, parameters);
    struct store_identity identity = {.store_id = {1},
                                      .chain_id = c->genesis.chain_id,
                                      .replica_key = c->members[own_index].public,
                                      .replica_index = own_index,
                                      .checkpoint_every_heights =
                                          c->genesis.parameters.checkpoint_every_heights};
    w->kv = kv_mem_new();
    CHECK(store_create(w->kv, &identity, buf_bytes(&c->genesis.canonical), &c->genesis.initial,
                       &w->why) == RC_OK);
}

enum rc world_start(struct driver_world *w)
{
    struct store_options options = {.care = TREE_TRUST, .may_have_wrong_state = true};
    struct why why = {{0}};
    CHECK(w->driver == NULL);
    enum rc rc = store_open(&w->store, w->kv, &options, &why);
    if (rc == RC_OK) {
        struct driver_config config = {.genesis = &w->chain.genesis,
                                       .own_index = w->own_index,
                                       .store = w->store,
                                       .kv = {w, on_submit},
                                       .net = {w, on_send, on_answer},
                                       .verify = {w, on_job},
                                       .helper = {w, on_tree},
                                       .signer = {w, sign},
                                       .marker = {w, w->marker, on_raise},
                                       .reserved_heights = w->reserved_heights,
                                       .snapshot_behind_heights = w->snapshot_behind_heights,
                                       .outputs_max = w->outputs_max,
                                       .answer_bytes_max = DRIVER_ANSWER_BYTES_MAX,
                                       .is_fenced = w->is_fenced};
        rc = driver_open(&w->driver, &config, &why);
        if (rc != RC_OK) {
            store_close(w->store);
            w->store = NULL;
        }
    }
    w->why = why;
    return rc;
}

void world_begin(struct driver_world *w)
{
    CHECK(world_start(w) == RC_OK);
    world_settle(w);
    world_forget(w);
}

void world_crash(struct driver_world *w, bool lands)
{
    CHECK(w->driver != NULL);
    if (w->is_submitted)
        kv_mem_finish(w->kv, lands);
    if (w->is_marking && lands)
        w->marker = w->marking;
    w->is_submitted = w->is_marking = false;
    w->jobs_count = 0; /* those that are out go with the driver */
    w->tree = NULL;
    driver_close(w->driver);
    store_close(w->store);
    w->driver = NULL;
    w->store = NULL;
    world_judge_store(w);
}

void world_close(struct driver_world *w)
{
    if (w->driver != NULL)
        world_crash(w, false);
    kv_close(w->kv);
    genesis_close(&w->chain.genesis);
    world_forget(w);
    for (size_t i = 0; i < w->txs_count; i++) {
        buf_free(&w->txs[i]->bytes);
        mem_free(w->txs[i]);
    }
    for (size_t i = 0; i < w->blocks_count; i++) {
        buf_free(&w->blocks[i]->bytes);
        mem_free(w->blocks[i]);
    }
    mem_free(w->txs);
    mem_free(w->blocks);
    mem_free(w->outputs);
    mem_free(w->own_votes);
    mem_free(w->answered);
    mem_free(w->jobs);
}

/* ---- time and work ---- */

void world_run_once(struct driver_world *w)
{
    driver_run(w->driver, w->time);
}

void world_run(struct driver_world *w)
{
    for (int turns = 0; turns < TURNS_MAX; turns++) {
        world_run_once(w);
        if (driver_deadline_ms(w->driver) > w->time.now_ms)
            return;
    }
    CHECK(!"the driver comes to rest");
}

void world_pass(struct driver_world *w, uint64_t ms)
{
    w->time.now_ms += ms;
    w->time.wall_ms += ms;
}

void world_settle(struct driver_world *w)
{
    for (int turns = 0; turns < TURNS_MAX; turns++) {
        bool is_idle = driver_deadline_ms(w->driver) > w->time.now_ms;
        if (is_idle && !w->is_submitted && !w->is_marking && w->jobs_count == 0 && w->tree == NULL)
            return;
        world_return_jobs(w, false);
        if (w->tree != NULL)
            world_return_tree(w);
        if (driver_failure(w->driver, &w->why) != RC_OK)
            return;
        world_run(w);
        if (w->is_submitted)
            world_land(w);
        if (w->is_marking)
            world_mark(w);
    }
    CHECK(!"the driver comes to rest");
}

/* ---- looking at what left ---- */

void world_forget(struct driver_world *w)
{
    for (size_t i = 0; i < w->outputs_count; i++)
        buf_free(&w->outputs[i].bytes);
    w->outputs_count = 0;
}

bool world_decode(struct pbft_msg *out, const struct world_output *o)
{
    return pbft_decode(out, buf_bytes(&o->bytes), 0, verify_block_head);
}

size_t world_sent(const struct driver_world *w, enum pbft_msg_type type,
                  const struct world_block *b)
{
    size_t count = 0;
    for (size_t i = 0; i < w->outputs_count; i++) {
        const struct world_output *o = &w->outputs[i];
        if (!o->is_answer && o->type == type &&
            (b == NULL || digest_equal(&o->digest, &b->block.digest)))
            count++;
    }
    return count;
}

const struct world_output *world_message(const struct driver_world *w, enum pbft_msg_type type,
                                         size_t nth)
{
    for (size_t i = 0; i < w->outputs_count; i++)
        if (!w->outputs[i].is_answer && w->outputs[i].type == type && nth-- == 0)
            return &w->outputs[i];
    return NULL;
}

const struct driver_answer *world_answer(const struct driver_world *w, uint64_t client)
{
    for (size_t i = 0; i < w->outputs_count; i++)
        if (w->outputs[i].is_answer && w->outputs[i].client == client)
            return &w->outputs[i].answer;
    return NULL;
}

struct driver_look world_look(const struct driver_world *w)
{
    struct driver_look look;
    driver_look(w->driver, &look);
    return look;
}
