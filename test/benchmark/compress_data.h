/*
 * compress_data.h - columns for the compression benchmark: real data where a folder is given, and
 * shapes that the project generates.
 *
 * A set is many series end to end, in the order in which a compaction meets them (sorted by metric
 * name and labels); each is cut into columns of at most VV_COLUMN_MAX.
 */
#ifndef VARVE_TEST_BENCHMARK_COMPRESS_DATA_H
#define VARVE_TEST_BENCHMARK_COMPRESS_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_column {
    size_t start; /* index of the first value */
    uint32_t count;
    uint32_t series; /* index of the series in its set */
};

struct bench_set {
    char name[32];
    double *values;
    int64_t *timestamps; /* parallel to values, or NULL */
    size_t value_count;
    struct bench_column *columns;
    size_t column_count;
    size_t series_count;
};

/* Each fills an empty set; false: the data is not there. The caller frees with bench_set_free(). */
bool bench_set_alp(struct bench_set *set, const char *folder, const char *file, const char *name);
bool bench_set_nab(struct bench_set *set, const char *folder);
bool bench_set_scrape(struct bench_set *set, const char *folder);

/* Generated: the same values on every machine (but for the rounding of log, sin and cos). */
void bench_set_tsbs(struct bench_set *set, size_t hosts, size_t points);
void bench_set_scrape_shape(struct bench_set *set, size_t series, size_t points);
void bench_set_precise(struct bench_set *set, size_t series, size_t points);

void bench_set_free(struct bench_set *set);

#endif
