/* Limits of the network, each with its reason and a test beyond it (design 4, PROTOCOL.md 16). */
#ifndef NET_LIMITS_H
#define NET_LIMITS_H

#include "crypto/seal_client.h"
#include "crypto/seal_peer.h"

enum {
    /* A message between replicas before sealing: B_max + 64 KiB (PROTOCOL.md 16; node/ asserts that
     * it is PBFT_MSG_BYTES_MAX). */
    NET_PEER_MSG_BYTES_MAX = 1024 * 1024 + 64 * 1024,
    /* NN_RCVMAXSIZE of the peer port, exactly: nanomsg reserves it for any header that a stranger
     * sends, and -1 would let one header abort the process (pitfalls K3, K4). */
    NET_PEER_FRAME_BYTES_MAX = NET_PEER_MSG_BYTES_MAX + SEAL_FRAME_OVERHEAD_BYTES,
    /* Messages that wait for one slow peer; the oldest go first, STATUS heals (I3, K8). */
    NET_PEER_QUEUE_BYTES_MAX = 8 * 1024 * 1024,
    NET_PEER_QUEUE_MSGS_MAX = 65536,
    /* Frames taken from the peer port in one go, before others have their turn. */
    NET_PEER_TAKE_MAX = 256,
    /* HELLOs, each after once to twice NET_HELLO_MS, while a session is not live, and when a peer
     * was quiet for NET_QUIET_MS: who lives confirms. Never more often than each
     * NET_HELLO_LEAST_MS, since anybody can ask for one. */
    NET_HELLO_MS = 250,
    NET_HELLO_LEAST_MS = 100,
    NET_QUIET_MS = 1000,
    /* After so long without a word the session counts as lost and the connection is made anew,
     * because TCP itself notices a dead end late or never (K5). */
    NET_SILENCE_MS = 5000,
    /* nanomsg's own tries to connect: a peer that restarts is reached after 100 ms at most. */
    NET_RECONNECT_MS = 100,
    /* A client takes it that nobody listens when so many tries have failed and so long has passed:
     * a node that is just starting is found, and nobody waits for one that is not there. */
    NET_REFUSED_TRIES = 3,
    NET_REFUSED_MS = 400,
    /* Words of one kind about one peer, at most once in so long: strangers can cause some. */
    NET_NOTICE_MS = 60 * 1000,
    /* A session gets a fresh key after so long. */
    NET_SESSION_MS = 24 * 60 * 60 * 1000,

    /* A client's request and its reply before sealing: 64 transactions of B_max in all, and the
     * words around them. */
    NET_CLIENT_MSG_BYTES_MAX = 1024 * 1024 + 64 * 1024,
    NET_CLIENT_FRAME_BYTES_MAX = NET_CLIENT_MSG_BYTES_MAX + SEAL_REQUEST_OVERHEAD_BYTES,
    NET_CLIENT_REPLY_BYTES_MAX = NET_CLIENT_MSG_BYTES_MAX + SEAL_REPLY_OVERHEAD_BYTES,
    /* A request that was not answered is sent again. */
    NET_RESEND_MS = 2000,
    /* Requests that wait for their answer: each holds its return path, not its bytes. */
    NET_CLIENT_REQUESTS_MAX = 4096,
    /* Sessions remembered: 45 us of X25519 are saved for each request of these. */
    NET_CLIENT_SESSIONS_MAX = 1024,
    /* Requests taken in one go, before replicas have their turn (pitfalls I4). */
    NET_CLIENT_TAKE_MAX = 64,

    /* Open descriptors of the process: each stranger's connection may hold NN_RCVMAXSIZE, so this
     * bounds memory too (facts: 1024 descriptors are 1.1 GiB at worst). */
    NET_DESCRIPTORS_MAX = 1024,
    /* Connections to the two ports. Beyond that those which said nothing for longest are ended, so
     * that the descriptors left are for whoever has something to say, and for our own files. */
    NET_CONNECTIONS_MAX = 512
};

#endif
