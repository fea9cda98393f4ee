/*
 * block_set.h - series in memory and blocks of them on disk, for the programs that measure blocks.
 *
 * All series of a set have the same timestamps, as those that are scraped together do.
 */
#ifndef VARVE_TEST_BENCHMARK_BLOCK_SET_H
#define VARVE_TEST_BENCHMARK_BLOCK_SET_H

#include "mmap/block.h"

struct bench_block_set {
    size_t series_count;
    size_t points;       /* of each */
    int64_t *timestamps; /* points */
    double *values;      /* of series 0, of series 1, ... */
};

/* The shape of set A: random walks of whole numbers within [0, 100]. */
struct bench_block_set bench_block_set_walks(size_t series_count, size_t points, uint64_t seed);
/* Values with all 52 bits of noise. */
struct bench_block_set bench_block_set_precise(size_t series_count, size_t points, uint64_t seed);
void bench_block_set_free(struct bench_block_set *set);

/* Writes a hot block and syncs it. Ends the program where that fails, as the others do. */
struct vv_block_info bench_block_write(const struct bench_block_set *set, const struct vv_env *env,
                                       int directory, const char *name);
struct vv_block *bench_block_open(const struct vv_env *env, int directory, const char *name,
                                  const struct vv_block_info *info);
/* Decodes a series and adds its values. */
double bench_block_add_series(struct vv_block *block, uint32_t id);
/* The sum of an array, in lanes, so that additions need not wait for one another. */
double bench_block_add(const double *values, size_t count);

#endif
