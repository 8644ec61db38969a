/* A replica that speaks other versions of the protocol between replicas: see usage(). It stands in
 * a member's place with that member's key, says HELLO, and prints what net/peers.h has to say. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "genesis/genesis.h"
#include "net/peers.h"

static int usage(void)
{
    (void)fprintf(stderr, "usage: other_peer GENESIS KEY LEAST MOST\n"
                          "In the place of the member whose secret key file is KEY, speak the\n"
                          "versions LEAST to MOST, and print the notices, until it is killed.\n");
    return 2;
}

static void on_message(void *context, uint32_t from, struct bytes message)
{
    (void)context;
    printf("peer %" PRIu32 ": a message of %zu bytes\n", from, message.size);
}

static void on_notice(void *context, uint32_t peer, bool is_trouble, const char *words)
{
    (void)context;
    (void)is_trouble;
    printf("peer %" PRIu32 ": %s\n", peer, words);
    (void)fflush(stdout);
}

static enum rc start(struct peers **out, struct loop *loop, const struct genesis *g, char **argv,
                     struct why *why)
{
    static struct key key;
    enum rc rc = keyfile_read(&key, argv[2], NULL, g->chain, why);
    if (rc != RC_OK)
        return rc;
    struct peers_config config = {.loop = loop,
                                  .chain_id = g->chain_id,
                                  .version_least = (uint16_t)atoi(argv[3]),
                                  .version_most = (uint16_t)atoi(argv[4]),
                                  .own_index = genesis_member_by_key(g, &key.sign.public),
                                  .members_count = g->members_count,
                                  .link_secret = key.link_secret,
                                  .sign_key = &key.sign,
                                  .on_message = on_message,
                                  .on_notice = on_notice};
    for (uint32_t i = 0; i < g->members_count; i++) {
        const struct genesis_member *m = &g->members[i];
        config.members[i].address = m->peer_address;
        memcpy(config.members[i].link_key, m->link_key, LINK_KEY_BYTES);
        config.members[i].sign_key = m->sign_key;
    }
    return peers_open(out, &config, why);
}

int main(int argc, char **argv)
{
    static struct genesis genesis;
    struct loop *loop = NULL;
    struct peers *peers = NULL;
    struct why why = {""};
    if (argc != 5)
        return usage();
    enum rc rc = crypto_start(&why);
    if (rc == RC_OK)
        rc = genesis_read(&genesis, argv[1], &why);
    if (rc == RC_OK)
        rc = loop_open(&loop, &why);
    if (rc == RC_OK)
        rc = start(&peers, loop, &genesis, argv, &why);
    while (rc == RC_OK) {
        rc = loop_run(loop, peers_deadline_ms(peers), &why);
        peers_run(peers, loop_now_ms());
    }
    (void)fprintf(stderr, "other_peer: %s\n", why.text);
    return 1;
}
