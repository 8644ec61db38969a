/* A process that looks into a store and is killed over it: its place among LMDB's readers stays
 * taken until somebody gives it back (pitfalls J5). */
#ifndef TESTS_HELP_DEAD_READER_H
#define TESTS_HELP_DEAD_READER_H

struct dead_reader {
    int go, done; /* ends of pipes */
    int child;
};
/* Requires: no store is open in this process: it forks (pitfalls J6). */
void dead_reader_prepare(struct dead_reader *r, const char *path);
/* Let it look into the store and die; returns when it is dead. The store is open here meanwhile. */
void dead_reader_die(struct dead_reader *r);

#endif
