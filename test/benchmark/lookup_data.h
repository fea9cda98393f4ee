/*
 * lookup_data.h - series keys, and three tables that find a series by its key: for the programs
 * that measure lookups.
 */
#ifndef VARVE_TEST_BENCHMARK_LOOKUP_DATA_H
#define VARVE_TEST_BENCHMARK_LOOKUP_DATA_H

#include "harness.h"
#include "index/key.h"

/* Keys end to end, in the order in which somebody asks for them. */
struct lookup_keys {
    struct vv_buffer bytes;
    size_t *offsets; /* count + 1 */
    size_t count;
};

/* Keys of the series first, first + 1, ...; or, with random, of count random ones of the first
 * `first`. */
struct lookup_keys lookup_keys_range(size_t first, size_t count);
struct lookup_keys lookup_keys_random(size_t first, size_t count, uint64_t seed);
void lookup_keys_free(struct lookup_keys *keys);
static inline struct vv_key lookup_key(const struct lookup_keys *keys, size_t index)
{
    return (struct vv_key){keys->bytes.bytes + keys->offsets[index],
                           keys->offsets[index + 1] - keys->offsets[index]};
}

/* A table under test. find and add hash the key and give the number of the series: those added
 * first have the numbers 0, 1, 2...; UINT32_MAX: not there. Any thread. */
struct lookup_kind {
    const char *name;
    void *(*create)(void);
    uint32_t (*find)(void *table, struct vv_key key);
    uint32_t (*add)(void *table, struct vv_key key);
    void (*destroy)(void *table);
};
extern const struct lookup_kind lookup_varve;
extern const struct lookup_kind lookup_mutex; /* a chained hash map under a mutex */
extern const struct lookup_kind lookup_ck;    /* ck_hs, writers under a mutex */

#endif
