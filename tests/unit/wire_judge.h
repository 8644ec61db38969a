/* Encoding, decoding with one byte changed, and ending by a CHECK, for the tests of the wire. */
#ifndef TESTS_UNIT_WIRE_JUDGE_H
#define TESTS_UNIT_WIRE_JUDGE_H

#include "tests/help/unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/help/wire_samples.h"

static struct pbft_msg back; /* too big for comfort on the stack */

static inline struct bytes encode(struct buf *out, const struct pbft_msg *m)
{
    buf_clear(out);
    pbft_encode(out, m);
    return buf_bytes(out);
}

static inline bool decodes(struct bytes bytes)
{
    return pbft_decode(&back, bytes, 2, wire_block_head);
}

/* Whether the encoding is taken with one byte of it changed to the value. */
static inline bool decodes_with(struct buf *encoding, size_t at, uint8_t value)
{
    uint8_t before = encoding->data[at];
    encoding->data[at] = value;
    bool decoded = decodes(buf_bytes(encoding));
    encoding->data[at] = before;
    return decoded;
}

/* In a process of its own, since it is to be ended by a CHECK. */
static inline bool encode_ends_by_check(const struct pbft_msg *m)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct buf out = {0};
        signal(SIGABRT, SIG_DFL);
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(2);
        pbft_encode(&out, m);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#endif
