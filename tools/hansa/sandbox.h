/* A sandbox: real nodes of one chain on this machine, with keys that are for trying out, and one
 * process that keeps them and ends them. All of it stands in one directory:
 *
 *   genesis.json   keys/NAME.key, NAME.key.pub
 *   MEMBER/node.json, data/, log     of each node
 *   control        the socket by which other processes ask for a node to be stopped, started,
 * killed
 */
#ifndef TOOLS_HANSA_SANDBOX_H
#define TOOLS_HANSA_SANDBOX_H

#include <limits.h>
#include <sys/types.h>

#include "tools/hansa/cli.h"
#include "tools/hansa/nodes.h"

/* A laptop that is busy may stand still for ten seconds: none of these is the usual time. */
enum { SANDBOX_CONTROL_BYTES_MAX = 512, SANDBOX_START_MS = 60000, SANDBOX_STOP_MS = 30000 };
/* "primary": a view change may be under way, which takes a second or two. */
enum { SANDBOX_VIEW_MS = 30000 };

struct sandbox_node {
    pid_t pid;      /* 0: it does not run */
    bool was_ended; /* on request */
};

struct sandbox {
    char dir[PATH_MAX / 2]; /* with room for what stands in it */
    char hansad[PATH_MAX];
    bool is_temporary; /* made here: it goes with the sandbox */
    struct genesis genesis;
    uint32_t nodes_count;
    struct sandbox_node nodes[MEMBERS_MAX];
    int control; /* the socket that listens, or -1 */
};

/* ---- making it (sandbox_make.c) ---- */

/* Make what is missing in s->dir: keys, genesis, configurations, from the options of the command.
 * A directory that has a genesis.json is taken as it is. Reads s->genesis.
 * Returns: CLI_DONE (end with genesis_close()), or it has said why not. */
MUST_USE enum cli_exit sandbox_make(struct sandbox *s, struct cli *c);
/* The program hansad: --hansad, or beside this one. Returns: RC_OK | RC_NOT_FOUND. */
MUST_USE enum rc sandbox_find_hansad(struct sandbox *s, const char *asked, struct why *why);
void sandbox_remove(const struct sandbox *s);

/* ---- its nodes (sandbox_nodes.c) ---- */

/* Returns: RC_OK (it runs already, or was begun) | RC_FILE_IO. */
MUST_USE enum rc sandbox_start(struct sandbox *s, uint32_t node, struct why *why);
/* Nodes as bits: all of them. */
uint32_t sandbox_all(const struct sandbox *s);
/* End these (bits) with a signal, side by side, and wait for them; one that does not end on SIGTERM
 * is killed. */
void sandbox_end(struct sandbox *s, uint32_t nodes, int signal_number);
/* Take notice of nodes that ended. Returns the index of one that did so unasked, or nodes_count. */
uint32_t sandbox_reap(struct sandbox *s, int *status);
/* Wait until a quorum works together. Returns: RC_OK | RC_TIMEOUT | RC_INTERRUPTED. */
MUST_USE enum rc sandbox_await(struct sandbox *s, uint32_t timeout_ms, struct why *why);
/* What a word means: NAME, index, "primary" (of the view that a quorum is in) or "all", as bits.
 * Returns: RC_OK | RC_INVALID: the words say what there is. */
MUST_USE enum rc sandbox_pick(struct sandbox *s, const char *word, uint32_t *nodes,
                              struct why *why);

/* ---- talking to it (sandbox_control.c) ---- */

MUST_USE enum rc sandbox_listen(struct sandbox *s, struct why *why);
void sandbox_unlisten(struct sandbox *s);
/* Somebody knocks: hear what they ask, do it, answer. */
void sandbox_serve(struct sandbox *s);
/* Ask the sandbox of a directory: "stop alpha". waiting: NULL, or a line for stderr if that takes
 * more than a moment. answer gets its words; if it obeys, the names of the nodes to which that was
 * done, a semicolon, and of those that were so already. Returns: RC_OK | RC_NOT_FOUND (nobody keeps
 * a sandbox there) | RC_INVALID (it refuses: words) | RC_TIMEOUT. */
MUST_USE enum rc sandbox_ask(const char *dir, const char *request, const char *waiting,
                             char answer[static SANDBOX_CONTROL_BYTES_MAX], struct why *why);

#endif
