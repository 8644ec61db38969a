/* Golden traces: whole stories of a cluster, compared line by line with tests/traces. A line is the
 * time, the node and what happened to it (`1 < 0  PREPARE` : node 1 gets it from node 0); what came
 * of it stands indented below: drops, writes, then sends. After a change that is meant,
 * `HANSA_REWRITE_TRACES=1 build/tests/unit/test_traces` writes them anew; read the difference. */
#include "tests/help/unit.h"

#include <stdlib.h>
#include <string.h>

#include "tests/help/cluster.h"

static struct cluster c;

static void begin(uint64_t pipeline_heights)
{
    struct cluster_options o = cluster_defaults();
    o.pipeline_heights = pipeline_heights;
    o.has_trace = true;
    cluster_init(&c, &o);
    cluster_start_all(&c);
    cluster_run(&c, 20); /* their first STATUSes are no part of the story */
    buf_clear(&c.trace);
}

static int end(void **state)
{
    (void)state;
    cluster_close(&c);
    return 0;
}

static void rewrite(const char *path)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(c.trace.data, 1, c.trace.size, file), c.trace.size);
    assert_int_equal(fclose(file), 0);
}

static size_t line_bytes(const char *at, const char *last)
{
    const char *newline = memchr(at, '\n', (size_t)(last - at));
    return (size_t)((newline == NULL ? last : newline + 1) - at);
}

/* The first line that differs, or the first that only one of them has. */
static void compare(const char *path, const char *want, size_t want_bytes)
{
    const char *got = (const char *)c.trace.data, *got_end = got + c.trace.size;
    const char *want_end = want + want_bytes;
    for (int line = 1; got < got_end || want < want_end; line++) {
        size_t size = line_bytes(got, got_end), want_size = line_bytes(want, want_end);
        if (size != want_size || memcmp(got, want, size) != 0)
            fail_msg("%s:%d\n  want %.*s\n  got  %.*s", path, line, (int)want_size, want, (int)size,
                     got);
        got += size;
        want += want_size;
    }
}

static void assert_trace(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "tests/traces/%s.txt", name);
    if (getenv("HANSA_REWRITE_TRACES") != NULL) {
        rewrite(path);
        return;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s: not here; run from the root of the repository", path);
    size_t room = c.trace.size + 65536;
    char *want = mem_alloc(room);
    size_t want_bytes = fread(want, 1, room, file);
    assert_true(want_bytes < room);
    assert_int_equal(fclose(file), 0);
    compare(path, want, want_bytes);
    mem_free(want);
}

/* Two heights, one after the other, without a fault: PRE-PREPARE, PREPARE, COMMIT. */
static void trace_of_the_normal_case(void **state)
{
    (void)state;
    begin(1);
    cluster_say(&c, "four nodes are up; there is work for two blocks");
    cluster_aim(&c, 2);
    assert_true(cluster_run_to(&c, 2, 100));
    assert_trace("normal_case");
}

static bool is_prepare_of_2_or_3(void *context, uint32_t from, uint32_t to,
                                 const struct pbft_msg *m)
{
    (void)context;
    (void)to;
    return c.now_ms < 1100 && m->type == PBFT_PREPARE && from >= 2;
}

/* The PREPAREs of two nodes are lost to all; the next STATUSes bring them again. */
static void trace_of_a_lost_vote_healed_by_the_next_status(void **state)
{
    (void)state;
    begin(1);
    cluster_say(&c, "the PREPAREs of nodes 2 and 3 are lost");
    c.loses = is_prepare_of_2_or_3;
    cluster_aim(&c, 1);
    assert_false(cluster_run_to(&c, 1, 100));
    cluster_say(&c, "nothing is lost from here on");
    assert_true(cluster_run_to(&c, 1, 400));
    assert_trace("lost_vote_healed_by_status");
}

static bool is_vote_for_height_1_of_2_or_3(void *context, uint32_t from, uint32_t to,
                                           const struct pbft_msg *m)
{
    (void)context;
    (void)to;
    bool is_vote = m->type == PBFT_PREPARE || m->type == PBFT_COMMIT;
    return is_vote && from >= 2 && m->vote.statement.height == 1;
}

/* All votes of two nodes for height 1 are lost to all, and no STATUS comes: those for height 2
 * cover it (5.5, 5.6), so that both commit. */
static void trace_of_a_lost_vote_healed_by_the_next_height(void **state)
{
    (void)state;
    begin(2);
    cluster_say(&c, "the votes of nodes 2 and 3 for height 1 are lost");
    c.loses = is_vote_for_height_1_of_2_or_3;
    cluster_aim(&c, 2);
    assert_true(cluster_run_to(&c, 2, 100));
    assert_trace("lost_vote_healed_by_the_next");
}

static bool is_commit(void *context, uint32_t from, uint32_t to, const struct pbft_msg *m)
{
    (void)context;
    (void)from;
    (void)to;
    return m->type == PBFT_COMMIT;
}

/* All crash with a block prepared and not committed; all come back and commit that very block. */
static void trace_of_a_restart_of_all(void **state)
{
    (void)state;
    begin(1);
    cluster_say(&c, "all COMMITs are lost");
    c.loses = is_commit;
    cluster_aim(&c, 1);
    assert_false(cluster_run_to(&c, 1, 20));
    for (uint32_t at = 0; at < 4; at++)
        cluster_crash(&c, at);
    c.loses = NULL;
    cluster_run(&c, 20); /* what was on its way finds nobody */
    cluster_say(&c, "all start again");
    cluster_start_all(&c);
    assert_true(cluster_run_to(&c, 1, 100));
    assert_int_equal(c.blocks_count, 2); /* the genesis block and the one */
    assert_trace("restart_of_all");
}

/* A node that was cut off gets blocks by ranges, of which each message holds two. */
static void trace_of_a_lagging_replica_that_catches_up_by_range(void **state)
{
    (void)state;
    begin(2);
    c.options.range_blocks_max = 2;
    for (uint32_t other = 0; other < 3; other++)
        c.cut[other][3] = c.cut[3][other] = true;
    cluster_aim(&c, 7);
    cluster_run(&c, 100);
    assert_int_equal(cluster_committed(&c, 0), 7);
    assert_int_equal(cluster_committed(&c, 3), 0);
    buf_clear(&c.trace); /* how the three came to 7 is another story */
    cluster_say(&c, "node 3 was cut off while the others came to h7; now it is back");
    memset(c.cut, 0, sizeof c.cut);
    assert_true(cluster_run_to(&c, 7, 600));
    assert_trace("lagging_replica_catches_up");
}

/* A node that was cut off for long asks for the state, crashes in the middle of taking it, goes on
 * with it, stands there, and votes in what follows. */
static void trace_of_a_node_that_joins_by_a_snapshot(void **state)
{
    (void)state;
    struct cluster_options o = cluster_defaults();
    o.pipeline_heights = 2;
    o.has_trace = true;
    cluster_init(&c, &o);
    c.config.snapshot_behind_heights = 4;
    c.options.range_blocks_max = 2;
    cluster_start_all(&c);
    for (uint32_t other = 0; other < 3; other++)
        c.cut[other][3] = c.cut[3][other] = true;
    cluster_aim(&c, 10);
    cluster_run(&c, 100);
    assert_int_equal(cluster_committed(&c, 0), 10);
    buf_clear(&c.trace);
    cluster_say(&c, "node 3 was cut off while the others came to h10; now it is back");
    memset(c.cut, 0, sizeof c.cut);
    cluster_run(&c, 160);
    assert_true(c.nodes[3].durable.is_taking_snapshot);
    cluster_say(&c, "pieces of the state come, which cores do not see; then node 3 is killed");
    cluster_crash(&c, 3);
    cluster_start(&c, 3);
    cluster_run(&c, 250); /* until it has heard of the others */
    cluster_say(&c, "the rest of them comes; the block that the state is of is fetched");
    cluster_fetch_snapshot_block(&c, 3);
    cluster_run(&c, 3);
    cluster_say(&c, "all of it is durable; node 3 is made anew on it");
    cluster_take_snapshot(&c, 3);
    assert_int_equal(cluster_committed(&c, 3), 8);
    assert_true(cluster_run_to(&c, 10, 600));
    cluster_say(&c, "node 2 is cut off, so that a quorum takes node 3");
    for (uint32_t other = 0; other < 4; other++)
        c.cut[other][2] = c.cut[2][other] = other != 2;
    cluster_aim(&c, 11);
    cluster_run(&c, 20);
    assert_int_equal(cluster_committed(&c, 3), 11);
    assert_trace("snapshot_join");
}

/* The primary is gone; the others complain, change the view, and go on in it. */
static void trace_of_a_primary_that_crashes(void **state)
{
    (void)state;
    begin(1);
    cluster_aim(&c, 1);
    assert_true(cluster_run_to(&c, 1, 100));
    cluster_crash(&c, 0);
    cluster_aim(&c, 2);
    cluster_run(&c, 990); /* meanwhile they say nothing but STATUS */
    buf_clear(&c.trace);
    cluster_say(&c, "node 0, the primary, is gone for a second, and work is waiting");
    assert_true(cluster_run_to(&c, 2, 100));
    assert_trace("primary_crash");
}

/* Two and two for three seconds: both halves leave the view, and neither gets into the next one
 * before they hear of each other again. */
static void trace_of_a_partition_that_heals(void **state)
{
    (void)state;
    begin(1);
    cluster_aim(&c, 1);
    assert_true(cluster_run_to(&c, 1, 100));
    for (uint32_t a = 0; a < 2; a++)
        for (uint32_t b = 2; b < 4; b++)
            c.cut[a][b] = c.cut[b][a] = true;
    cluster_aim(&c, 2);
    cluster_run(&c, 3000);
    assert_int_equal(c.chain_height, 1);
    buf_clear(&c.trace); /* how they left view 0 is as above */
    cluster_say(&c, "nodes 0 and 1 hear 2 and 3 again; all are CHANGING into view 1");
    memset(c.cut, 0, sizeof c.cut);
    assert_true(cluster_run_to(&c, 2, 600));
    assert_trace("partition_heals");
}

static void propose_as_0(const struct pbft_block *block, uint32_t to)
{
    struct pbft_msg m = {.type = PBFT_PRE_PREPARE};
    m.pre_prepare.block = *block;
    m.pre_prepare.bytes.size = CLUSTER_BLOCK_BYTES;
    fake_sign_pre_prepare(&m.pre_prepare, 0, &c.config.chain_id);
    cluster_send(&c, 0, to, &m);
}

static void prepare_as_0(const struct pbft_block *block, uint32_t to)
{
    struct pbft_msg m = {.type = PBFT_PREPARE};
    m.vote.statement =
        (struct statement){.kind = CERT_PREPARE, .height = block->height, .digest = block->digest};
    fake_sign_vote(&m.vote, 0, &c.config.chain_id);
    cluster_send(&c, 0, to, &m);
}

/* The primary proposes one block to two of them and another one to the third, and goes on until
 * they find out (5.3). What was prepared is the next view's base; who lacks it fetches it. */
static void trace_of_a_primary_that_equivocates(void **state)
{
    (void)state;
    struct cluster_options o = cluster_defaults();
    o.pipeline_heights = 1;
    o.has_trace = true;
    cluster_init(&c, &o);
    for (uint32_t at = 1; at < 4; at++)
        cluster_start(&c, at);
    cluster_run(&c, 20);
    buf_clear(&c.trace);
    struct pbft_block genesis = cluster_genesis();
    struct pbft_block one = cluster_block_new(&c, &genesis)->block;
    struct pbft_block other = cluster_block_new(&c, &genesis)->block;
    cluster_say(&c, "node 0 is the primary and lies: b1 to nodes 1 and 2, b2 to node 3");
    for (uint32_t to = 1; to < 4; to++)
        propose_as_0(to < 3 ? &one : &other, to);
    for (uint32_t to = 1; to < 3; to++)
        prepare_as_0(&one, to);
    cluster_run(&c, 10);
    cluster_say(&c, "and now the other one to nodes 1 and 3");
    propose_as_0(&other, 1);
    propose_as_0(&one, 3);
    assert_true(cluster_run_to(&c, 1, 100));
    assert_true(digest_equal(&c.chain[1].digest, &one.digest));
    assert_trace("primary_equivocates");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(trace_of_the_normal_case, end),
        cmocka_unit_test_teardown(trace_of_a_lost_vote_healed_by_the_next_status, end),
        cmocka_unit_test_teardown(trace_of_a_lost_vote_healed_by_the_next_height, end),
        cmocka_unit_test_teardown(trace_of_a_restart_of_all, end),
        cmocka_unit_test_teardown(trace_of_a_primary_that_crashes, end),
        cmocka_unit_test_teardown(trace_of_a_partition_that_heals, end),
        cmocka_unit_test_teardown(trace_of_a_primary_that_equivocates, end),
        cmocka_unit_test_teardown(trace_of_a_lagging_replica_that_catches_up_by_range, end),
        cmocka_unit_test_teardown(trace_of_a_node_that_joins_by_a_snapshot, end),
    };
    return cmocka_run_group_tests_name("traces", tests, NULL, NULL);
}
