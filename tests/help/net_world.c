#include "tests/help/net_world.h"

#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tests/help/unit.h"

enum { SEED_KEYS = 77 };

static uint8_t filler(uint64_t number, size_t at)
{
    return (uint8_t)(number * 31 + at * 7 + at / 251);
}

static struct net_world_member *member_of_loop(void *context)
{
    return context;
}

static void on_message(void *context, uint32_t from, struct bytes message)
{
    struct net_world_member *m = member_of_loop(context);
    struct net_world_heard *heard = &m->heard[from];
    struct rd r = rd_of(message);
    uint64_t number = rd_u64(&r);
    assert_true(message.size >= sizeof number);
    assert_true(number > heard->last_number);
    for (size_t i = 0; i < r.left; i++)
        if (r.at[i] != filler(number, i))
            fail_msg("message %llu is changed at %zu", (unsigned long long)number, i);
    heard->count++;
    heard->last_number = number;
    heard->last_bytes = message.size;
}

static void on_notice(void *context, uint32_t peer, bool is_trouble, const char *words)
{
    struct net_world_member *m = member_of_loop(context);
    m->troubles[peer] += is_trouble;
    char *all = m->notices[peer];
    size_t used = strlen(all);
    snprintf(all + used, NET_WORLD_WORDS - used, "%s\n", words);
}

static void make_keys(struct net_world_member *m, uint32_t index)
{
    struct digest seed;
    uint8_t what[2] = {SEED_KEYS, (uint8_t)index};
    digest_of(&seed, TAG_TEST, bytes_of(what, sizeof what));
    sign_key_from_seed(&m->sign, seed.bytes);
    digest_of(&seed, TAG_TEST, bytes_of(seed.bytes, sizeof seed.bytes));
    memcpy(m->link_secret, seed.bytes, LINK_KEY_BYTES);
}

static void configure(struct net_world *w, uint32_t index)
{
    struct net_world_member *m = &w->members[index];
    struct peers_config *config = &m->config;
    config->loop = m->loop;
    config->version_least = config->version_most = 1;
    config->own_index = index;
    config->members_count = w->count;
    digest_of(&config->chain_id, TAG_TEST, bytes_of_text("chain"));
    for (uint32_t i = 0; i < w->count; i++) {
        config->members[i].address = w->members[i].address.text;
        link_public_of(config->members[i].link_key, w->members[i].link_secret);
        config->members[i].sign_key = w->members[i].sign.public;
    }
    config->link_secret = m->link_secret;
    config->sign_key = &m->sign;
    config->on_message = on_message;
    config->on_notice = on_notice;
    config->context = m;
}

void net_world_start(struct net_world *w, uint32_t count)
{
    CHECK(count <= NET_WORLD_MAX);
    memset(w, 0, sizeof *w);
    w->count = count;
    for (uint32_t i = 0; i < count; i++) {
        w->members[i].address = sockets_free_address();
        make_keys(&w->members[i], i);
        assert_int_equal(loop_open(&w->members[i].loop, NULL), RC_OK);
    }
    for (uint32_t i = 0; i < count; i++)
        configure(w, i);
}

void net_world_end(struct net_world *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        net_world_close(w, i);
        loop_close(w->members[i].loop);
    }
    w->count = 0;
}

void net_world_open(struct net_world *w, uint32_t index)
{
    struct why why = {""};
    struct net_world_member *m = &w->members[index];
    if (peers_open(&m->peers, &m->config, &why) != RC_OK)
        fail_msg("%s", why.text);
}

void net_world_close(struct net_world *w, uint32_t index)
{
    peers_close(w->members[index].peers);
    w->members[index].peers = NULL;
}

void net_world_open_all(struct net_world *w)
{
    for (uint32_t i = 0; i < w->count; i++)
        net_world_open(w, i);
}

void net_world_send(struct net_world *w, uint32_t from, uint32_t to, uint64_t number, size_t size)
{
    struct buf message = {0};
    CHECK(size >= sizeof number);
    buf_add_u64(&message, number);
    size_t filler_bytes = size - sizeof number;
    uint8_t *at = buf_grow(&message, filler_bytes);
    for (size_t i = 0; i < filler_bytes; i++)
        at[i] = filler(number, i);
    peers_send(w->members[from].peers, to, buf_bytes(&message));
    buf_free(&message);
}

static uint64_t heard_count(const struct net_world_member *m)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < NET_WORLD_MAX; i++)
        count += m->heard[i].count;
    return count;
}

void net_world_turn(struct net_world *w)
{
    uint64_t now_ms = loop_now_ms();
    for (uint32_t i = 0; i < w->count; i++) {
        struct net_world_member *m = &w->members[i];
        if (m->peers == NULL || m->is_stopped)
            continue;
        uint64_t before = heard_count(m);
        assert_int_equal(loop_run(m->loop, now_ms + 1, NULL), RC_OK);
        uint64_t took = heard_count(m) - before;
        if (took > m->turn_most)
            m->turn_most = (uint32_t)took;
        if (!m->is_timeless)
            peers_run(m->peers, m->fixed_ms != 0 ? m->fixed_ms : loop_now_ms() + m->ahead_ms);
    }
}

struct peers_look net_world_look(const struct net_world *w, uint32_t at, uint32_t peer)
{
    struct peers_look look;
    peers_look(w->members[at].peers, peer, &look);
    return look;
}

bool net_world_is_live(const struct net_world *w, uint32_t at, uint32_t peer)
{
    return net_world_look(w, at, peer).is_live;
}

bool net_world_all_live(const struct net_world *w)
{
    for (uint32_t at = 0; at < w->count; at++)
        for (uint32_t peer = 0; peer < w->count; peer++)
            if (at != peer && !net_world_is_live(w, at, peer))
                return false;
    return true;
}

bool net_world_came(const struct net_world *w, uint32_t to, uint32_t from, uint64_t number)
{
    return w->members[to].heard[from].last_number == number;
}
