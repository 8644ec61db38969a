/* A member that lies, with that member's real key: see usage(). What it signs is evidence. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "ledger/block.h"
#include "net/peers.h"
#include "node/evidence_file.h"
#include "tests/help/evidence_made.h"

static int usage(void)
{
    (void)fprintf(
        stderr, "usage: liar GENESIS KEY file KIND FILE\n"
                "       liar GENESIS KEY vote HEIGHT\n"
                "As the member whose secret key file is KEY: write evidence of KIND against it to\n"
                "FILE; or sign COMMITs of two blocks at HEIGHT of view 0, and send both to all\n"
                "others again and again until killed.\n");
    return 2;
}

static struct genesis genesis;
static struct key key;
static struct liar liar;

static enum rc read_files(char **argv, struct why *why)
{
    enum rc rc = genesis_read(&genesis, argv[1], why);
    if (rc == RC_OK)
        rc = keyfile_read(&key, argv[2], NULL, genesis.chain, why);
    liar = (struct liar){.chain_id = genesis.chain_id,
                         .index = genesis_member_by_key(&genesis, &key.sign.public),
                         .key = &key.sign};
    return rc == RC_OK && liar.index >= genesis.members_count ? RC_NOT_FOUND : rc;
}

/* ---- a file ---- */

/* A block of one transaction that is none. */
static void make_block(struct buf *out)
{
    struct bytes tx = bytes_of_text("this is no transaction");
    struct digest leaf;
    struct block_header header = {.chain_id = genesis.chain_id,
                                  .height = LIAR_HEIGHT,
                                  .tx_count = 1,
                                  .body_bytes = 4 + (uint32_t)tx.size,
                                  .time_ms = 1700000000000,
                                  .proposer = (uint16_t)liar.index};
    merkle_leaf(&leaf, tx);
    merkle_root(&header.tx_root, &leaf, 1);
    block_header_encode(buf_grow(out, BLOCK_HEADER_BYTES), &header);
    buf_add_u32(out, (uint32_t)tx.size);
    buf_add_bytes(out, tx);
}

static bool make_evidence(struct pbft_evidence *out, struct buf *block, const char *word)
{
    make_block(block);
    for (int kind = 1; kind < PBFT_BAD_BODY; kind++) {
        if (strcmp(pbft_evidence_word((enum pbft_evidence_kind)kind), word) == 0) {
            liar_evidence(&liar, out, (enum pbft_evidence_kind)kind);
            return true;
        }
    }
    struct pbft_pre_prepare p =
        liar_proposal(&liar, LIAR_VIEW, buf_bytes(block), verify_block_head);
    return strcmp(pbft_evidence_word(PBFT_BAD_BODY), word) == 0 &&
           pbft_evidence_of_body(out, liar.index, &p, 0);
}

static int write_file(const char *word, const char *path)
{
    struct buf block = {0}, evidence = {0}, file = {0};
    struct pbft_evidence e;
    if (!make_evidence(&e, &block, word))
        return usage();
    pbft_evidence_encode(&evidence, &e);
    evidence_file_make(&file, &genesis.chain_id, buf_bytes(&evidence));
    FILE *out = fopen(path, "wb");
    bool is_written = out != NULL && fwrite(file.data, file.size, 1, out) == 1;
    if (out == NULL || fclose(out) != 0 || !is_written) {
        perror(path);
        return 1;
    }
    buf_free(&block);
    buf_free(&evidence);
    buf_free(&file);
    return 0;
}

/* ---- a peer ---- */

static void on_message(void *context, uint32_t from, struct bytes message)
{
    (void)context;
    (void)from;
    (void)message;
}

static void on_notice(void *context, uint32_t peer, bool is_trouble, const char *words)
{
    (void)context;
    (void)is_trouble;
    printf("peer %" PRIu32 ": %s\n", peer, words);
    (void)fflush(stdout);
}

static enum rc start(struct peers **out, struct loop *loop, struct why *why)
{
    struct peers_config config = {.loop = loop,
                                  .chain_id = genesis.chain_id,
                                  .version_least = 1,
                                  .version_most = 1,
                                  .own_index = liar.index,
                                  .members_count = genesis.members_count,
                                  .bind_address = genesis.members[liar.index].peer_address,
                                  .link_secret = key.link_secret,
                                  .sign_key = &key.sign,
                                  .on_message = on_message,
                                  .on_notice = on_notice};
    for (uint32_t i = 0; i < genesis.members_count; i++) {
        const struct genesis_member *m = &genesis.members[i];
        config.members[i].address = m->peer_address;
        memcpy(config.members[i].link_key, m->link_key, LINK_KEY_BYTES);
        config.members[i].sign_key = m->sign_key;
    }
    return peers_open(out, &config, why);
}

static void send_votes(struct peers *peers, uint64_t height)
{
    static struct pbft_msg m;
    for (uint8_t word = 1; word <= 2; word++) {
        struct buf message = {0};
        m.type = PBFT_COMMIT;
        m.from = liar.index;
        m.vote = liar_vote(&liar, CERT_COMMIT, 0, height, word);
        pbft_encode(&message, &m);
        for (uint32_t i = 0; i < genesis.members_count; i++)
            if (i != liar.index)
                peers_send(peers, i, buf_bytes(&message));
        buf_free(&message);
    }
}

static enum rc play(uint64_t height, struct why *why)
{
    struct loop *loop;
    struct peers *peers = NULL;
    uint64_t next_ms = 0;
    enum rc rc = loop_open(&loop, why);
    if (rc == RC_OK)
        rc = start(&peers, loop, why);
    while (rc == RC_OK) {
        peers_run(peers, loop_now_ms());
        if (loop_now_ms() >= next_ms) {
            send_votes(peers, height);
            next_ms = loop_now_ms() + 200;
        }
        uint64_t due_ms = peers_deadline_ms(peers);
        rc = loop_run(loop, due_ms < next_ms ? due_ms : next_ms, why);
    }
    return rc;
}

int main(int argc, char **argv)
{
    struct why why = {""};
    bool is_file = argc == 6 && strcmp(argv[3], "file") == 0;
    if (!is_file && (argc != 5 || strcmp(argv[3], "vote") != 0))
        return usage();
    enum rc rc = crypto_start(&why);
    if (rc == RC_OK)
        rc = read_files(argv, &why);
    if (rc == RC_OK && is_file)
        return write_file(argv[4], argv[5]);
    if (rc == RC_OK)
        rc = play(strtoull(argv[4], NULL, 10), &why);
    (void)fprintf(stderr, "liar: %s\n", why.text[0] != '\0' ? why.text : rc_text(rc));
    return 1;
}
