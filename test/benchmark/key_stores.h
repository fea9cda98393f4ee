/*
 * key_stores.h - the stores of smaller designs, as baselines of varve's newest samples: a map under
 * one mutex, a map of shards under read-write locks, and workers that are sent messages.
 *
 * All map a number to its newest sample. Chained hashing, nodes from the heap, as one writes it.
 * Threads: put and get from any; create and destroy from one.
 */
#ifndef VARVE_TEST_BENCHMARK_KEY_STORES_H
#define VARVE_TEST_BENCHMARK_KEY_STORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key_store_kind {
    const char *name;
    void *(*create)(void);
    void (*put)(void *store, uint64_t key, int64_t timestamp, double value);
    bool (*get)(void *store, uint64_t key, int64_t *timestamp, double *value);
    void (*destroy)(void *store);
};

extern const struct key_store_kind key_store_mutex;      /* one map, one mutex */
extern const struct key_store_kind key_store_shards_32;  /* 32 maps, a read-write lock each */
extern const struct key_store_kind key_store_shards_256; /* 256 of them */
extern const struct key_store_kind key_store_workers; /* two threads own half the keys each; calls
                                                         are posted to their queues */

#endif
