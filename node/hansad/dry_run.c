#include "node/hansad/dry_run.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "ledger/store_history.h"
#include "ledger/store_intake.h"
#include "node/driver/records.h"
#include "node/hansad/home.h"
#include "node/hansad/node.h"
#include "node/hansad/place.h"

/* ---- ports ---- */

/* "host:port" or "[v6]:port", judged before. */
static void split(const char *address, char host[static KEY_ADDRESS_BYTES_MAX + 1],
                  const char **port)
{
    const char *colon = strrchr(address, ':');
    CHECK(colon != NULL);
    bool has_brackets = address[0] == '[';
    const char *from = address + has_brackets;
    int size = (int)(colon - from) - has_brackets;
    snprintf(host, KEY_ADDRESS_BYTES_MAX + 1, "%.*s", size, from);
    *port = colon + 1;
}

static int try_bind(const struct addrinfo *a)
{
    int one = 1;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    int e = bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 1) == 0 ? 0 : errno;
    close(fd);
    return e;
}

static enum rc check_port(const char *what, const char *address, struct why *why)
{
    char host[KEY_ADDRESS_BYTES_MAX + 1];
    const char *port;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list;
    split(address, host, &port);
    int found = getaddrinfo(host, port, &hints, &list);
    if (found != 0)
        return why_set(why, RC_FILE_IO, "the port for %s: %s: %s", what, address,
                       gai_strerror(found));
    int e = try_bind(list);
    freeaddrinfo(list);
    if (e == 0)
        return RC_OK;
    return why_set(why, RC_FILE_IO, "the port for %s: %s: %s", what, address, strerror(e));
}

/* ---- words ---- */

static void print_member(const struct home *h)
{
    char chain_id[DIGEST_HEX_BYTES];
    digest_to_hex(chain_id, &h->genesis.chain_id);
    printf("chain:           %s\nchain id:        %s\n", h->genesis.chain, chain_id);
    printf("replica:         %s, member %" PRIu32 " of %" PRIu32 "\n", home_member(h)->name,
           h->own_index + 1, h->genesis.members_count);
    printf("for replicas:    %s\nfor clients:     %s\n", home_peer_address(h),
           home_client_address(h));
}

static void print_start(const struct home *h)
{
    printf("data directory:  %s\nmarker:          %s\n", h->config->data, h->marker_path);
    if (h->store != NULL)
        printf("store:           height %" PRIu64 "\n", store_head(h->store)->height);
    else
        printf("store:           none yet: a start makes it\n");
    if (h->is_first)
        printf("a start:         is this key's first, writes its marker, and votes\n");
    else if (h->is_fenced)
        printf("a start:         follows as a learner and does not vote: why stands in the last "
               "line\n");
    else
        printf("a start:         votes, from where it stopped\n");
}

/* What becomes of the state (9.3, 8.2). */
static void print_state(const struct home *h, bool is_diverged)
{
    bool has_wrong = h->store != NULL && store_has_wrong_state(h->store, NULL);
    uint64_t awaited_height = h->store != NULL ? store_awaited_height(h->store) : 0;
    if (!is_diverged && awaited_height != 0)
        printf("state:           the block at height %" PRIu64 " is damaged: a start fetches it "
               "from the others before it votes\n",
               awaited_height);
    else if (is_diverged || has_wrong)
        printf("state:           not the certified one: a start puts it aside, if it has not, and "
               "takes that of the others\n");
    else if (h->store != NULL && store_is_taking_snapshot(h->store))
        printf("state:           a start goes on taking it from the others\n");
    else
        printf("state:           taken from the others when more than %" PRIu64
               " blocks are missing\n",
               h->config->snapshot_behind_heights);
    if (h->store != NULL && store_history_from_height(h->store) > 1)
        printf("history:         from height %" PRIu64 "; a start goes on fetching older blocks\n",
               store_history_from_height(h->store));
}

static enum rc disk_free(uint64_t *out, const struct home *h, struct why *why)
{
    char path[PATH_MAX];
    place_find_disk(path, h->config->data);
    return node_disk_free(out, path, why);
}

static void print_disk(const struct home *h, uint64_t free_bytes)
{
    bool is_short = free_bytes < h->config->disk_reserve_bytes;
    printf("disk:            %" PRIu64 " bytes free, %" PRIu64 " kept in reserve%s\n", free_bytes,
           h->config->disk_reserve_bytes,
           is_short ? ": no client's transactions would be taken" : "");
}

/* A node that follows is no error, but nobody who asks before a start wants it unawares. */
static enum rc judge_votes(const struct home *h, struct why *why)
{
    if (!h->is_fenced)
        return RC_OK;
    return why_set(why, RC_STORE_ROLLED_BACK, "a start would not vote: %s", h->fence_why.text);
}

enum rc dry_run(const struct config *config, bool init, struct why *why)
{
    struct home *h = mem_alloc(sizeof *h);
    uint64_t free_bytes;
    bool is_diverged = false;
    enum rc rc = home_check(h, config, init, why);
    if (rc != RC_OK) {
        mem_free(h);
        return rc;
    }
    rc = check_port("replicas", home_peer_address(h), why);
    if (rc == RC_OK)
        rc = check_port("clients", home_client_address(h), why);
    if (rc == RC_OK && h->store != NULL)
        rc = records_load_diverged(store_view(h->store), &is_diverged, why);
    if (rc == RC_OK)
        rc = disk_free(&free_bytes, h, why);
    if (rc == RC_OK) {
        print_member(h);
        print_disk(h, free_bytes);
        print_start(h);
        print_state(h, is_diverged);
        (void)fflush(stdout); /* before what is said of it on the standard error */
        rc = judge_votes(h, why);
    }
    home_close(h);
    mem_free(h);
    return rc;
}
