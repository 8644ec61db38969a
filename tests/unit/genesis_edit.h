/* What the tests of the genesis share: take the worked example, change one thing, ask for the
 * verdict. To be included after cmocka.h. */
#ifndef TESTS_UNIT_GENESIS_EDIT_H
#define TESTS_UNIT_GENESIS_EDIT_H

#include <stdio.h>
#include <string.h>

#include "genesis/genesis.h"
#include "genesis/json.h"

#define EXAMPLE "genesis/example/genesis.json"

static inline json_t *example(void)
{
    json_t *document;
    struct why why = {""};
    if (json_read_file(&document, EXAMPLE, GENESIS_FILE_BYTES_MAX, &why) != RC_OK)
        fail_msg("%s: run from the root", why.text);
    return document;
}

static inline enum rc genesis_of(struct genesis *g, const json_t *document, struct why *why)
{
    char *text = json_dumps(document, 0);
    why->text[0] = '\0';
    enum rc rc = genesis_from_json(g, bytes_of_text(text), why);
    mem_free(text);
    return rc;
}

static inline struct digest id_of(const json_t *document)
{
    struct genesis g;
    struct why why;
    if (genesis_of(&g, document, &why) != RC_OK)
        fail_msg("%s", why.text);
    struct digest id = g.chain_id;
    genesis_close(&g);
    return id;
}

/* Refused with words that begin with the path. */
static inline void assert_refused(const json_t *document, const char *path)
{
    struct genesis g;
    struct why why;
    enum rc rc = genesis_of(&g, document, &why);
    if (rc != RC_INVALID)
        fail_msg("%s: expected RC_INVALID, not %s", path, rc_name(rc));
    size_t size = strlen(path);
    if (strncmp(why.text, path, size) != 0 || strchr(":.[", why.text[size]) == NULL)
        fail_msg("the words \"%s\" do not begin with %s", why.text, path);
}

/* The value at "a[1].b"; *parent, *key (or index) say where it hangs. */
struct place {
    json_t *parent;
    char key[40]; /* of an object */
    size_t index; /* of an array */
    json_t *value;
};

static inline struct place find(json_t *document, const char *path)
{
    struct place at = {.value = document};
    while (*path != '\0') {
        int size = 0;
        at.parent = at.value;
        if (sscanf(path, "[%zu]%n", &at.index, &size) == 1 && size > 0) {
            at.value = json_array_get(at.parent, at.index);
        } else {
            path += *path == '.';
            assert_int_equal(sscanf(path, "%39[^.[]%n", at.key, &size), 1);
            at.value = json_object_get(at.parent, at.key);
        }
        path += size;
    }
    return at;
}

static inline void set(json_t *document, const char *path, json_t *value)
{
    struct place at = find(document, path);
    if (json_is_array(at.parent))
        assert_int_equal(json_array_set_new(at.parent, at.index, value), 0);
    else
        assert_int_equal(json_object_set_new(at.parent, at.key, value), 0);
}

#endif
