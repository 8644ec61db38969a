/* The vectors of ledger/FORMATS.md.
 *
 * usage: golden              print them all
 *        golden FILE         print FILE with all vectors in it made anew (FORMATS.md after a
 * change: golden ledger/FORMATS.md > new, look at the difference, replace) */
#include <stdio.h>

#include "tests/help/vectors.h"

static bool read_whole(struct buf *out, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return false;
    for (;;) {
        uint8_t piece[4096];
        size_t size = fread(piece, 1, sizeof piece, f);
        if (size == 0)
            break;
        buf_add(out, piece, size);
    }
    bool good = ferror(f) == 0;
    return fclose(f) == 0 && good;
}

static int fill(struct vectors *v, const char *path, struct buf *out)
{
    struct buf text = {0};
    struct why why;
    int status = 0;
    if (!read_whole(&text, path)) {
        perror(path);
        status = 1;
    } else if (vectors_fill(out, v, buf_bytes(&text), &why) != RC_OK) {
        fprintf(stderr, "%s: %s\n", path, why.text);
        status = 1;
    }
    buf_free(&text);
    return status;
}

int main(int argc, char **argv)
{
    static struct vectors v;
    struct buf out = {0};
    int status = 0;
    if (argc > 2) {
        fprintf(stderr, "usage: %s [FILE]\n", argv[0]);
        return 2;
    }
    vectors_make(&v);
    if (argc == 2)
        status = fill(&v, argv[1], &out);
    for (size_t i = 0; argc == 1 && i < v.count; i++)
        vector_print(&out, &v.items[i]);
    if (status == 0 && out.size > 0 && fwrite(out.data, out.size, 1, stdout) != 1)
        status = 1;
    buf_free(&out);
    vectors_free(&v);
    return status;
}
