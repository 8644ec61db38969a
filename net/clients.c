#include "net/clients.h"

#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "crypto/seal_node.h"
#include "net/sp.h"

/* A request that waits for its answer: where it goes and what seals it. */
struct request {
    uint64_t number;       /* 0: the place is free */
    uint32_t older, newer; /* among those that wait; NOBODY at the ends */
    struct sp_way way;
    struct seal_ticket ticket;
};
static const uint32_t NOBODY = UINT32_MAX;

struct clients {
    struct clients_config config;
    int port;
    struct seal_node *seal;
    struct buf opened, sealed;
    struct request *requests;
    uint32_t used_count; /* places that were ever used */
    uint32_t spare;      /* free places among them, chained by newer */
    uint32_t oldest, newest;
    uint64_t last_number;
    struct clients_look look;
};

/* ---- the table of those that wait ---- */

/* A request's place is told by its number, so that an answer finds it at once; the upper part tells
 * it from those that had the place before. */
static uint32_t place_of(uint64_t number)
{
    return (uint32_t)(number % NET_CLIENT_REQUESTS_MAX);
}

static void forget(struct clients *c, uint32_t place)
{
    struct request *r = &c->requests[place];
    *(r->older != NOBODY ? &c->requests[r->older].newer : &c->oldest) = r->newer;
    *(r->newer != NOBODY ? &c->requests[r->newer].older : &c->newest) = r->older;
    crypto_wipe(r, sizeof *r);
    r->newer = c->spare;
    c->spare = place;
    c->look.waiting_count--;
}

static uint32_t take_place(struct clients *c)
{
    if (c->look.waiting_count == NET_CLIENT_REQUESTS_MAX) {
        c->look.forgotten_count++;
        forget(c, c->oldest);
    }
    uint32_t place = c->spare;
    if (place == NOBODY)
        return c->used_count++;
    c->spare = c->requests[place].newer;
    return place;
}

static uint64_t remember(struct clients *c, const struct sp_way *way,
                         const struct seal_ticket *ticket)
{
    uint32_t place = take_place(c);
    CHECK(place < NET_CLIENT_REQUESTS_MAX);
    struct request *r = &c->requests[place];
    c->last_number++;
    *r = (struct request){.number = c->last_number * NET_CLIENT_REQUESTS_MAX + place,
                          .older = c->newest,
                          .newer = NOBODY,
                          .way = *way,
                          .ticket = *ticket};
    *(r->older != NOBODY ? &c->requests[r->older].newer : &c->oldest) = place;
    c->newest = place;
    c->look.waiting_count++;
    return r->number;
}

/* ---- requests ---- */

static void take(struct clients *c, const struct sp_way *way, struct bytes bytes)
{
    struct seal_ticket ticket;
    if (seal_node_take(c->seal, &ticket, &c->opened, bytes) != SEAL_KEEP) {
        c->look.refused_count++;
        return;
    }
    uint64_t number = remember(c, way, &ticket);
    crypto_wipe(&ticket, sizeof ticket);
    c->look.requests_count++;
    c->config.on_request(c->config.context, number, buf_bytes(&c->opened));
}

static void on_readable(void *context)
{
    struct clients *c = context;
    struct sp_frame frame;
    struct sp_way way;
    for (int i = 0; i < NET_CLIENT_TAKE_MAX && sp_receive_request(c->port, &frame, &way); i++) {
        take(c, &way, frame.bytes);
        sp_frame_free(&frame);
    }
}

void clients_reply(struct clients *c, uint64_t number, struct bytes reply)
{
    CHECK(reply.size <= NET_CLIENT_MSG_BYTES_MAX);
    uint32_t place = place_of(number);
    struct request *r = &c->requests[place];
    if (number == 0 || r->number != number)
        return;
    buf_clear(&c->sealed);
    seal_node_reply(c->seal, &c->sealed, &r->ticket, reply);
    sp_reply(c->port, &r->way, buf_bytes(&c->sealed));
    forget(c, place);
    c->look.replies_count++;
}

bool clients_session(const struct clients *c, uint64_t number, uint8_t out[static LINK_KEY_BYTES])
{
    const struct request *r = &c->requests[place_of(number)];
    if (number == 0 || r->number != number)
        return false;
    memcpy(out, r->ticket.ephemeral, LINK_KEY_BYTES);
    return true;
}

/* ---- opening and closing ---- */

static enum rc open_port(struct clients *c, struct why *why)
{
    enum rc rc = sp_open(&c->port, SP_ANSWER, NET_CLIENT_FRAME_BYTES_MAX + SP_WAY_BYTES, why);
    if (rc != RC_OK)
        return rc;
    rc = sp_bind(c->port, "client port", c->config.bind_address, why);
    if (rc == RC_OK)
        rc = loop_add(c->config.loop, sp_receive_fd(c->port), on_readable, c, why);
    if (rc != RC_OK)
        sp_close(c->port);
    return rc;
}

enum rc clients_open(struct clients **out, const struct clients_config *config, struct why *why)
{
    CHECK(config->on_request != NULL);
    *out = NULL;
    struct clients *c = mem_alloc(sizeof *c);
    c->config = *config;
    enum rc rc = open_port(c, why);
    if (rc != RC_OK) {
        mem_free(c);
        return rc;
    }
    c->seal = seal_node_new(&(struct seal_node_setup){
        .chain_id = config->chain_id,
        .link_secret = config->link_secret,
        .sessions_count_max = NET_CLIENT_SESSIONS_MAX,
        .request_bytes_max = NET_CLIENT_MSG_BYTES_MAX,
        .reply_bytes_max = NET_CLIENT_MSG_BYTES_MAX,
    });
    c->config.link_secret = NULL; /* both were borrowed until here */
    c->config.bind_address = NULL;
    c->requests = mem_alloc(NET_CLIENT_REQUESTS_MAX * sizeof c->requests[0]);
    c->spare = c->oldest = c->newest = NOBODY;
    *out = c;
    return RC_OK;
}

void clients_close(struct clients *c)
{
    if (c == NULL)
        return;
    loop_remove(c->config.loop, sp_receive_fd(c->port));
    sp_close(c->port);
    seal_node_free(c->seal);
    crypto_wipe(c->requests, NET_CLIENT_REQUESTS_MAX * sizeof c->requests[0]);
    mem_free(c->requests);
    buf_free(&c->opened);
    buf_free(&c->sealed);
    mem_free(c);
}

void clients_look(const struct clients *c, struct clients_look *out)
{
    *out = c->look;
}
