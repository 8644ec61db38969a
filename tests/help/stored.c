#include "tests/help/stored.h"

#include "tests/help/unit.h"

struct stored stored;

void stored_open(uint64_t layer_bytes_max)
{
    struct store_options options = {.care = TREE_VERIFY, .layer_bytes_max = layer_bytes_max};
    assert_int_equal(store_open(&stored.store, stored.kv, &options, &stored.why), RC_OK);
}

static void open_empty(uint64_t layer_bytes_max)
{
    stored.kv = kv_mem_new();
    assert_int_equal(traffic_create_store(&stored.traffic, stored.kv, &stored.why), RC_OK);
    stored_open(layer_bytes_max);
}

static void close_both(void)
{
    store_close(stored.store);
    kv_close(stored.kv);
}

int stored_setup(void **state)
{
    (void)state;
    traffic_open(&stored.traffic, 5, STORED_TXS);
    open_empty(0);
    return 0;
}

int stored_teardown(void **state)
{
    (void)state;
    close_both();
    traffic_close(&stored.traffic);
    return 0;
}

void stored_reopen(void)
{
    store_close(stored.store);
    stored_open(0);
}

void stored_renew(uint64_t layer_bytes_max)
{
    close_both();
    open_empty(layer_bytes_max);
}

enum rc stored_append_next(void)
{
    uint32_t first = (uint32_t)store_head(stored.store)->height * STORED_TXS_PER_BLOCK;
    return traffic_append(&stored.traffic, stored.store, first, STORED_TXS_PER_BLOCK, NULL,
                          &stored.why);
}

void stored_append(uint32_t first, uint32_t end)
{
    assert_int_equal(store_head(stored.store)->height, first);
    for (uint32_t i = first; i < end; i++)
        assert_int_equal(stored_append_next(), RC_OK);
}

const struct digest *stored_root(void)
{
    static struct digest root;
    root = store_tree(stored.store).root;
    return &root;
}
