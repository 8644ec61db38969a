#include "tests/help/unit.h"

#include "tests/help/dead_reader.h"

#include <lmdb.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

/* By LMDB itself, as its own tools do, which know nothing of our lock on the directory. */
static _Noreturn void look_and_wait(const char *path, int go, int done)
{
    MDB_env *env;
    MDB_txn *txn;
    char byte = 0;
    bool is_reading = read(go, &byte, 1) == 1 && mdb_env_create(&env) == MDB_SUCCESS &&
                      mdb_env_set_mapsize(env, (size_t)1 << 30) == MDB_SUCCESS &&
                      mdb_env_open(env, path, MDB_RDONLY, 0600) == MDB_SUCCESS &&
                      mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == MDB_SUCCESS;
    if (!is_reading || write(done, &byte, 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

void dead_reader_prepare(struct dead_reader *r, const char *path)
{
    int go[2], done[2];
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(done), 0);
    r->child = fork();
    assert_true(r->child >= 0);
    if (r->child == 0) {
        close(go[1]);
        close(done[0]);
        look_and_wait(path, go[0], done[1]);
    }
    close(go[0]);
    close(done[1]);
    r->go = go[1];
    r->done = done[0];
}

void dead_reader_die(struct dead_reader *r)
{
    char byte = 0;
    int status;
    assert_int_equal(write(r->go, &byte, 1), 1);
    assert_int_equal(read(r->done, &byte, 1), 1);
    assert_int_equal(kill(r->child, SIGKILL), 0);
    assert_int_equal(waitpid(r->child, &status, 0), r->child);
    close(r->go);
    close(r->done);
}
