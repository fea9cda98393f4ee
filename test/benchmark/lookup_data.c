/*
 * lookup_data.c - the series table, a map under a mutex and ck's hash set behind one interface.
 */
#include "lookup_data.h"

#include <stdlib.h>
#include <string.h>

#include "append_data.h"
#include "pool/epoch.h"
#include "storage/series/series_table.h"
#include "support/ck_series_set.h"
#include "support/random.h"

/* --------------------------------------------------------------------------------- keys */

static void add_key(struct lookup_keys *keys, size_t number)
{
    char text[BENCH_TEXT_BYTES];
    size_t length = bench_series_text(number, text);
    if (vv_key_parse((varve_string){text, length}, &keys->bytes, NULL) != VARVE_OK) {
        bench_stop("no key of %s", text);
    }
    keys->offsets[++keys->count] = keys->bytes.length;
}

static struct lookup_keys keys_make(size_t count)
{
    struct lookup_keys keys = {0};
    keys.offsets = bench_allocate_zeroed((count + 1) * sizeof *keys.offsets);
    return keys;
}

struct lookup_keys lookup_keys_range(size_t first, size_t count)
{
    struct lookup_keys keys = keys_make(count);
    for (size_t i = 0; i < count; i++) {
        add_key(&keys, first + i);
    }
    return keys;
}

struct lookup_keys lookup_keys_random(size_t first, size_t count, uint64_t seed)
{
    struct vv_test_random random = vv_test_random_seeded(seed);
    struct lookup_keys keys = keys_make(count);
    for (size_t i = 0; i < count; i++) {
        add_key(&keys, vv_test_random_below(&random, first));
    }
    return keys;
}

void lookup_keys_free(struct lookup_keys *keys)
{
    vv_buffer_fini(&keys->bytes);
    free(keys->offsets);
}

/* ----------------------------------------------------------------------- the series table */

struct own_table {
    struct vv_epoch *epoch;
    struct vv_series_table *table;
};

static void *own_create(void)
{
    struct own_table *own = bench_allocate_zeroed(sizeof *own);
    if (vv_epoch_create(&own->epoch) != VARVE_OK ||
        (own->table = vv_series_table_create(own->epoch)) == NULL) {
        bench_stop("out of memory");
    }
    return own;
}

static uint32_t own_find(void *table, struct vv_key key)
{
    struct own_table *own = table;
    const struct vv_series *series = vv_series_table_find(own->table, key, vv_key_hash(key));
    return series == NULL ? UINT32_MAX : series->ref;
}

static uint32_t own_add(void *table, struct vv_key key)
{
    struct own_table *own = table;
    struct vv_series *series = NULL;
    if (vv_series_table_find_or_create(own->table, key, vv_key_hash(key), UINT32_MAX, &series) !=
        VARVE_OK) {
        bench_stop("cannot add a series");
    }
    return series->ref;
}

static void own_destroy(void *table)
{
    struct own_table *own = table;
    vv_series_table_destroy(own->table);
    vv_epoch_destroy(own->epoch);
    free(own);
}

const struct lookup_kind lookup_varve = {"varve", own_create, own_find, own_add, own_destroy};

/* ---------------------------------------------------------------- a map under a mutex */

static void *mutex_create(void)
{
    return baseline_create(BASELINE_MEMORY, "");
}

static uint32_t mutex_find(void *table, struct vv_key key)
{
    return baseline_resolve(table, (const char *)key.bytes, key.length);
}

static void mutex_destroy(void *table)
{
    baseline_destroy(table);
}

const struct lookup_kind lookup_mutex = {"mutex map", mutex_create, mutex_find, mutex_find,
                                         mutex_destroy};

/* -------------------------------------------------------------------------------- ck_hs */

static void *set_create(void)
{
    return ck_series_set_create();
}

static uint32_t set_find(void *table, struct vv_key key)
{
    return ck_series_set_find(table, key, vv_key_hash(key));
}

static uint32_t set_add(void *table, struct vv_key key)
{
    return ck_series_set_add(table, key, vv_key_hash(key));
}

static void set_destroy(void *table)
{
    ck_series_set_destroy(table);
}

const struct lookup_kind lookup_ck = {"ck_hs", set_create, set_find, set_add, set_destroy};
