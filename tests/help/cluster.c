/* Time, the network, and the life of nodes. */
#include "tests/help/cluster.h"

#include <string.h>

#include "crypto/base/check.h"

/* ---- packets on their way: a heap ---- */

static bool is_before(const struct cluster_packet *a, const struct cluster_packet *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

static void swap(struct cluster_packet *a, struct cluster_packet *b)
{
    struct cluster_packet held = *a;
    *a = *b;
    *b = held;
}

void cluster_post(struct cluster *c, struct cluster_packet *packet, uint64_t delay_ms)
{
    packet->at_ms = c->now_ms + delay_ms;
    packet->number = c->packets_number++;
    if (c->packets_count == c->packets_room) {
        c->packets_room = c->packets_room * 2 + 64;
        c->packets = mem_resize(c->packets, c->packets_room * sizeof *c->packets);
    }
    size_t at = c->packets_count++;
    c->packets[at] = *packet;
    for (; at > 0 && is_before(&c->packets[at], &c->packets[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&c->packets[at], &c->packets[(at - 1) / 2]);
}

static struct cluster_packet take_first(struct cluster *c)
{
    struct cluster_packet first = c->packets[0];
    c->packets[0] = c->packets[--c->packets_count];
    for (size_t at = 0;;) {
        size_t child = 2 * at + 1;
        if (child >= c->packets_count)
            return first;
        if (child + 1 < c->packets_count && is_before(&c->packets[child + 1], &c->packets[child]))
            child++;
        if (!is_before(&c->packets[child], &c->packets[at]))
            return first;
        swap(&c->packets[child], &c->packets[at]);
        at = child;
    }
}

/* ---- the network ---- */

static uint64_t draw_delay(struct cluster *c)
{
    const struct cluster_options *o = &c->options;
    return o->delay_min_ms + prng_below(&c->prng, o->delay_max_ms - o->delay_min_ms + 1);
}

static bool has_luck(struct cluster *c, uint32_t percent)
{
    return percent > 0 && prng_below(&c->prng, 100) < percent;
}

void cluster_send(struct cluster *c, uint32_t from, uint32_t to, const struct pbft_msg *m)
{
    if (!fake_verify(m, c->options.members_count, &c->config.chain_id))
        cluster_fail(c, from, "what a correct node sends is verifiable");
    bool is_lost = c->cut[from][to] || (c->loses != NULL && c->loses(c->context, from, to, m));
    if (is_lost || has_luck(c, c->options.lose_percent))
        return;
    int copies_count = has_luck(c, c->options.double_percent) ? 2 : 1;
    for (int i = 0; i < copies_count; i++) {
        struct cluster_packet packet = {.to = to, .type = CLUSTER_MSG};
        packet.msg = mem_alloc(pbft_msg_bytes(m->type));
        memcpy(packet.msg, m, pbft_msg_bytes(m->type));
        cluster_post(c, &packet, draw_delay(c));
    }
}

/* As the driver does before it has signatures verified (3.3). */
static bool is_dropped_at_a_glance(struct cluster *c, struct cluster_node *node,
                                   const struct pbft_msg *m)
{
    if (!c->options.has_glance)
        return false;
    enum pbft_drop drop = pbft_glance(node->core, m);
    if (drop != PBFT_KEEP)
        node->drops[drop]++;
    return drop != PBFT_KEEP;
}

/* All up to the target that is not committed is work; what tip does not reach no block has. */
static struct pbft_pool pool_now(struct cluster *c, const struct cluster_node *node)
{
    struct pbft_pool pool = {0};
    struct pbft_view_of look;
    pbft_look(node->core, &look);
    uint64_t proposed = look.has_tip ? look.tip.height : look.committed.height;
    if (look.committed.height >= c->target_height)
        return pool;
    bool is_old = node->pool.has_executable && node->pool_height == look.committed.height;
    pool.has_executable = true;
    pool.oldest_ms = is_old ? node->pool.oldest_ms : c->now_ms;
    pool.unproposed_ms = proposed < c->target_height ? pool.oldest_ms : 0;
    return pool;
}

static bool pool_equal(const struct pbft_pool *a, const struct pbft_pool *b)
{
    return a->has_executable == b->has_executable && a->oldest_ms == b->oldest_ms &&
           a->unproposed_ms == b->unproposed_ms;
}

void cluster_tell_pool(struct cluster *c, uint32_t at)
{
    struct cluster_node *node = &c->nodes[at];
    struct pbft_pool pool = pool_now(c, node);
    if (pool_equal(&pool, &node->pool))
        return;
    node->pool = pool;
    node->pool_height = cluster_committed(c, at);
    struct cluster_packet packet = {
        .to = at, .type = CLUSTER_POOL, .incarnation = node->incarnation};
    packet.pool = pool;
    cluster_post(c, &packet, 0);
}

void cluster_tell_root(struct cluster *c, uint32_t at, uint64_t height)
{
    struct cluster_node *node = &c->nodes[at];
    struct cluster_packet packet = {
        .to = at, .type = CLUSTER_ROOT, .incarnation = node->incarnation};
    packet.root = (struct pbft_root){
        .height = height, .digest = node->places[height].committed.digest, .root = {{0xee}}};
    packet.root.root.bytes[1] = (uint8_t)cluster_number_of(&packet.root.digest);
    cluster_post(c, &packet, prng_below(&c->prng, c->options.build_ms + 1));
}

static void deliver(struct cluster *c, struct cluster_packet *packet)
{
    struct cluster_node *node = &c->nodes[packet->to];
    struct pbft_event event = {.now_ms = c->now_ms};
    bool is_message = packet->type == CLUSTER_MSG;
    if (node->core != NULL && (is_message || packet->incarnation == node->incarnation)) {
        switch (packet->type) {
        case CLUSTER_MSG:
            event.type = PBFT_EVENT_MSG;
            event.msg = packet->msg;
            if (packet->msg->type == PBFT_DATA)
                node->fetching_until_ms[packet->msg->link] = 0;
            break;
        case CLUSTER_CHECKED:
            event.type = PBFT_EVENT_CHECKED;
            event.checked = packet->checked;
            break;
        case CLUSTER_BUILT:
            event.type = PBFT_EVENT_BUILT;
            event.built = packet->built;
            break;
        case CLUSTER_ROOT:
            event.type = PBFT_EVENT_ROOT;
            event.root = packet->root;
            break;
        case CLUSTER_POOL:
            event.type = PBFT_EVENT_POOL;
            event.pool = packet->pool;
            break;
        }
        if (!(is_message && is_dropped_at_a_glance(c, node, packet->msg)))
            cluster_step(c, packet->to, &event);
    }
    if (is_message)
        mem_free(packet->msg);
}

/* ---- time ---- */

/* One thing happens: the next packet or the next deadline up to the time given. */
static bool run_one(struct cluster *c, uint64_t until_ms)
{
    uint64_t next_ms = c->packets_count > 0 ? c->packets[0].at_ms : UINT64_MAX;
    uint32_t due = UINT32_MAX;
    for (uint32_t i = 0; i < c->options.members_count; i++) {
        if (c->nodes[i].core == NULL)
            continue;
        uint64_t deadline_ms = pbft_deadline_ms(c->nodes[i].core);
        if (deadline_ms < next_ms) {
            next_ms = deadline_ms;
            due = i;
        }
    }
    if (next_ms > until_ms) {
        c->now_ms = until_ms;
        return false;
    }
    if (next_ms > c->now_ms)
        c->now_ms = next_ms;
    if (due == UINT32_MAX) {
        struct cluster_packet packet = take_first(c);
        deliver(c, &packet);
        return true;
    }
    struct pbft_event tick = {.type = PBFT_EVENT_TICK, .now_ms = c->now_ms};
    cluster_step(c, due, &tick);
    if (c->nodes[due].core != NULL && pbft_deadline_ms(c->nodes[due].core) <= c->now_ms)
        cluster_fail(c, due, "a deadline that has come is dealt with by its TICK");
    return true;
}

void cluster_run(struct cluster *c, uint64_t for_ms)
{
    uint64_t until_ms = c->now_ms + for_ms;
    while (run_one(c, until_ms))
        ;
}

static bool have_all_committed(const struct cluster *c, uint64_t height)
{
    for (uint32_t i = 0; i < c->options.members_count; i++)
        if (c->nodes[i].core != NULL && cluster_committed(c, i) < height)
            return false;
    return true;
}

bool cluster_run_to(struct cluster *c, uint64_t height, uint64_t limit_ms)
{
    uint64_t until_ms = c->now_ms + limit_ms;
    while (!have_all_committed(c, height))
        if (!run_one(c, until_ms))
            return false;
    return true;
}

uint64_t cluster_committed(const struct cluster *c, uint32_t at)
{
    return c->nodes[at].durable.committed.height;
}

/* ---- blocks are numbers ---- */

static struct digest digest_of_number(uint64_t number)
{
    struct digest d;
    memset(d.bytes, 0xb1, sizeof d.bytes);
    memcpy(d.bytes, &number, sizeof number);
    return d;
}

uint64_t cluster_number_of(const struct digest *digest)
{
    uint64_t number;
    memcpy(&number, digest->bytes, sizeof number);
    return number;
}

struct pbft_block cluster_genesis(void)
{
    return (struct pbft_block){.digest = digest_of_number(0)};
}

static struct cluster_block *add_block(struct cluster *c)
{
    if (c->blocks_count == c->blocks_room) {
        c->blocks_room = c->blocks_room * 2 + 16;
        c->blocks = mem_resize(c->blocks, c->blocks_room * sizeof *c->blocks);
    }
    struct cluster_block *block = &c->blocks[c->blocks_count];
    *block = (struct cluster_block){.answer = PBFT_CHECK_VALID};
    block->block.digest = digest_of_number(c->blocks_count++);
    return block;
}

struct cluster_block *cluster_block_new(struct cluster *c, const struct pbft_block *parent)
{
    struct cluster_block *block = add_block(c);
    block->block.height = parent->height + 1;
    block->block.parent = parent->digest;
    return block;
}

void cluster_aim(struct cluster *c, uint64_t height)
{
    CHECK(height <= c->options.heights_max);
    c->target_height = height;
    for (uint32_t i = 0; i < c->options.members_count; i++)
        if (c->nodes[i].core != NULL)
            cluster_tell_pool(c, i);
}

/* ---- making and ending ---- */

struct cluster_options cluster_defaults(void)
{
    return (struct cluster_options){.seed = 1,
                                    .members_count = 4,
                                    .pipeline_heights = 4,
                                    .window_heights = 8,
                                    .sync_blocks_max = 8,
                                    .heights_max = 64,
                                    .delay_min_ms = 1,
                                    .delay_max_ms = 1};
}

void cluster_init(struct cluster *c, const struct cluster_options *options)
{
    memset(c, 0, sizeof *c);
    c->options = *options;
    c->config =
        (struct pbft_config){.members = {.members_count = options->members_count},
                             .pipeline_heights = options->pipeline_heights,
                             .window_heights = options->window_heights,
                             .batch_ms = 5,
                             .status_ms = 250,
                             .view_change_ms = 1000,
                             .view_change_cap_ms = 60000,
                             .fairness_ms = 2000,
                             .retransmit_ms = 500,
                             .quiet_checkpoint_ms = 2000,
                             .snapshot_behind_heights = UINT64_MAX,
                             .epoch_base = cluster_genesis(),
                             .sync_blocks_max = options->sync_blocks_max,
                             .proposals_bytes_max = options->pipeline_heights * CLUSTER_BLOCK_BYTES,
                             .sign = fake_sign};
    memset(c->config.chain_id.bytes, 0xc1, DIGEST_BYTES);
    c->chain = mem_alloc((options->heights_max + 1) * sizeof *c->chain);
    for (uint32_t i = 0; i < options->members_count; i++) {
        struct cluster_node *node = &c->nodes[i];
        node->memory = mem_alloc(pbft_memory_bytes(&c->config));
        node->places = mem_alloc((options->heights_max + 1) * sizeof *node->places);
    }
    cluster_reset(c, options->seed);
}

static void drop_packets(struct cluster *c)
{
    for (size_t i = 0; i < c->packets_count; i++)
        if (c->packets[i].type == CLUSTER_MSG)
            mem_free(c->packets[i].msg);
    c->packets_count = 0;
}

void cluster_reset(struct cluster *c, uint64_t seed)
{
    drop_packets(c);
    c->options.seed = seed;
    c->prng = prng_of(seed);
    c->now_ms = 1000;
    c->packets_number = 0;
    c->steps_count = 0;
    c->target_height = 0;
    c->chain_height = 0;
    c->blocks_count = 0;
    c->chain[0] = add_block(c)->block;
    buf_clear(&c->trace);
    memset(c->cut, 0, sizeof c->cut);
    for (uint32_t i = 0; i < c->options.members_count; i++) {
        struct cluster_node *node = &c->nodes[i];
        void *memory = node->memory;
        struct cluster_place *places = node->places;
        memset(places, 0, (c->options.heights_max + 1) * sizeof *places);
        *node = (struct cluster_node){
            .signer = {.member_index = i}, .memory = memory, .places = places};
        pbft_durable_init(&node->durable, &c->chain[0]);
        places[0].is_committed = true;
        places[0].committed = c->chain[0];
    }
}

void cluster_close(struct cluster *c)
{
    drop_packets(c);
    for (uint32_t i = 0; i < c->options.members_count; i++) {
        mem_free(c->nodes[i].memory);
        mem_free(c->nodes[i].places);
    }
    mem_free(c->packets);
    mem_free(c->blocks);
    mem_free(c->chain);
    buf_free(&c->trace);
}

static void restore(struct cluster *c, struct cluster_node *node)
{
    for (uint64_t height = 0; height <= c->options.heights_max; height++) {
        const struct cluster_place *place = &node->places[height];
        for (uint32_t i = 0; i < place->bodies_count; i++)
            pbft_restore_block(node->core, &place->bodies[i], 100);
        for (int i = 0; i < 2; i++)
            if (place->has_vote[i])
                pbft_restore_vote(node->core, &place->votes[i]);
        if (place->has_pre_prepare)
            pbft_restore_pre_prepare(node->core, &place->pre_prepare);
    }
    if (node->has_view_change)
        pbft_restore_view_change(node->core, &node->view_change);
    if (node->has_new_view)
        pbft_restore_new_view(node->core, &node->new_view);
}

void cluster_start(struct cluster *c, uint32_t at)
{
    struct cluster_node *node = &c->nodes[at];
    CHECK(node->core == NULL);
    struct pbft_config config = c->config;
    config.own_index = at;
    config.sign_context = &node->signer;
    node->incarnation++;
    node->durable.status_counter = ++node->starts_count << 32;
    memset(node->fetching_until_ms, 0, sizeof node->fetching_until_ms);
    node->pool = (struct pbft_pool){0};
    const struct cluster_place *head = &node->places[node->durable.committed.height];
    node->durable.has_head = head->has_certificate;
    node->durable.head = head->certificate;
    memset(node->memory, 0, pbft_memory_bytes(&config));
    node->core = pbft_init(node->memory, &config, &node->durable);
    restore(c, node);
    struct pbft_event start = {.type = PBFT_EVENT_START, .now_ms = c->now_ms};
    cluster_step(c, at, &start);
    uint64_t last = cluster_committed(c, at) / CLUSTER_CHECKPOINT_EVERY * CLUSTER_CHECKPOINT_EVERY;
    if (node->core != NULL && last > 0)
        cluster_tell_root(c, at, last);
}

void cluster_start_all(struct cluster *c)
{
    for (uint32_t i = 0; i < c->options.members_count; i++)
        if (c->nodes[i].core == NULL)
            cluster_start(c, i);
}

void cluster_crash(struct cluster *c, uint32_t at)
{
    CHECK(c->nodes[at].core != NULL);
    for (int i = 0; i < PBFT_DROP_COUNT; i++)
        c->nodes[at].drops[i] += pbft_drops(c->nodes[at].core)[i];
    c->nodes[at].core = NULL;
    if (c->options.has_trace)
        cluster_trace_text(c, "%u crashes", at);
}
