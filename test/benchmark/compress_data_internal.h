/*
 * compress_data_internal.h - how sets of columns are built.
 */
#ifndef VARVE_TEST_BENCHMARK_COMPRESS_DATA_INTERNAL_H
#define VARVE_TEST_BENCHMARK_COMPRESS_DATA_INTERNAL_H

#include "compress_data.h"

/* malloc that ends the program when there is no memory. */
void *bench_allocate(size_t bytes);

/* Starts a set with room for value_count values. */
void bench_set_begin(struct bench_set *set, const char *name, size_t value_count, bool timestamps);

/* The next count values, which the caller has stored or will store, are a series. */
void bench_set_add_series(struct bench_set *set, size_t count);

#endif
