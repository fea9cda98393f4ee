/*
 * compress_data.c - generated columns, and what the readers of real data share.
 */
#include "compress_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compress/codec.h"
#include "compress_data_internal.h"

void *bench_allocate(size_t bytes)
{
    void *memory = malloc(bytes != 0 ? bytes : 1);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

void bench_set_begin(struct bench_set *set, const char *name, size_t value_count, bool timestamps)
{
    memset(set, 0, sizeof *set);
    strncpy(set->name, name, sizeof set->name - 1);
    set->values = bench_allocate(value_count * sizeof *set->values);
    set->timestamps = timestamps ? bench_allocate(value_count * sizeof *set->timestamps) : NULL;
    /* Every series has at most one column that is not full. */
    set->columns = bench_allocate((value_count + 1) * sizeof *set->columns);
}

void bench_set_add_series(struct bench_set *set, size_t count)
{
    for (size_t done = 0; done < count; done += VV_COLUMN_MAX) {
        size_t left = count - done;
        struct bench_column *column = &set->columns[set->column_count++];
        column->start = set->value_count + done;
        column->count = (uint32_t)(left < VV_COLUMN_MAX ? left : VV_COLUMN_MAX);
        column->series = (uint32_t)set->series_count;
    }
    set->value_count += count;
    set->series_count++;
}

void bench_set_free(struct bench_set *set)
{
    free(set->values);
    free(set->timestamps);
    free(set->columns);
    memset(set, 0, sizeof *set);
}

struct generator {
    uint64_t state[4];
    double spare;
    bool has_spare;
};

static uint64_t rotate(uint64_t value, int by)
{
    return value << by | value >> (64 - by);
}

static uint64_t next_u64(struct generator *generator)
{
    uint64_t *s = generator->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

static double next_uniform(struct generator *generator)
{
    return (double)(next_u64(generator) >> 11) * 0x1p-53;
}

/* Box-Muller; both halves are used. */
static double next_normal(struct generator *generator)
{
    if (generator->has_spare) {
        generator->has_spare = false;
        return generator->spare;
    }
    double u = 1 - next_uniform(generator);
    double v = next_uniform(generator);
    double radius = sqrt(-2 * log(u));
    generator->spare = radius * sin(2 * M_PI * v);
    generator->has_spare = true;
    return radius * cos(2 * M_PI * v);
}

static struct generator generator_init(uint64_t salt)
{
    struct generator generator = {.state = {42, 0x9E3779B97F4A7C15u, 7, salt}};
    for (int i = 0; i < 64; i++) {
        (void)next_u64(&generator);
    }
    return generator;
}

/* The cpu-only case of the Time Series Benchmark Suite: ten fields a host, each a random walk with
 * normal steps within [0, 100], truncated. Its public generator draws nine tags per host first. */
void bench_set_tsbs(struct bench_set *set, size_t hosts, size_t points)
{
    enum { FIELDS = 10, TAG_DRAWS = 9 };
    size_t series = hosts * FIELDS;
    struct generator generator = generator_init(hosts * 1000003u + points);
    for (size_t i = 0; i < hosts * TAG_DRAWS; i++) {
        (void)next_u64(&generator);
    }
    double *walks = bench_allocate(series * sizeof *walks);
    for (size_t i = 0; i < series; i++) {
        walks[i] = next_uniform(&generator) * 100;
    }
    bench_set_begin(set, "tsbs", series * points, false);
    /* Series in the order of a compaction: by metric (field), then host. */
    for (size_t point = 0; point < points; point++) {
        for (size_t i = 0; i < series; i++) {
            size_t sorted = i % FIELDS * hosts + i / FIELDS;
            set->values[sorted * points + point] = floor(walks[i]);
        }
        for (size_t i = 0; i < series; i++) {
            double walk = walks[i] + next_normal(&generator);
            walks[i] = walk > 100 ? 100 : walk < 0 ? 0 : walk;
        }
    }
    for (size_t i = 0; i < series; i++) {
        bench_set_add_series(set, points);
    }
    free(walks);
}

/* What a series of the scrape shape does from one scrape to the next. */
static double scrape_step(struct generator *generator, size_t kind, double value)
{
    double uniform = next_uniform(generator);
    switch (kind) {
    case 0: /* counter of bytes, moving at every scrape */
        return value + floor(uniform * 20000);
    case 1: /* counter of rare events */
        return uniform < 0.05 ? value + 1 : value;
    case 2: /* counter of seconds with hundredths */
        return value + floor(uniform * 100) / 100;
    case 3: /* gauge with two decimals that changes every few scrapes */
        return uniform < 0.3 ? floor(next_normal(generator) * 500 + 5000) / 100 : value;
    case 4: /* memory in pages */
        return uniform < 0.4 ? (floor(next_normal(generator) * 50) + 100000) * 4096 : value;
    default:
        return value;
    }
}

/* One target scraped every second: most series never move, the timestamps are shared and jitter. */
void bench_set_scrape_shape(struct bench_set *set, size_t series, size_t points)
{
    struct generator generator = generator_init(series * 7919 + points);
    bench_set_begin(set, "scrape-shape", series * points, true);
    int64_t *shared = bench_allocate(points * sizeof *shared);
    for (size_t point = 0; point < points; point++) {
        int64_t jitter_ms = (int64_t)floor(next_normal(&generator) * 2 + 0.5);
        shared[point] = (1700000000000 + (int64_t)point * 1000 + jitter_ms) * 1000000;
    }
    for (size_t i = 0; i < series; i++) {
        size_t kind = i % 16;
        double value = floor(next_uniform(&generator) * (kind < 5 ? 1e6 : 4));
        double *values = set->values + i * points;
        for (size_t point = 0; point < points; point++) {
            value = scrape_step(&generator, kind, value);
            /* Hundredths are written as decimals, not as sums that drift from them. */
            values[point] = kind == 2 ? round(value * 100) / 100 : value;
        }
        memcpy(set->timestamps + i * points, shared, points * sizeof *shared);
        bench_set_add_series(set, points);
    }
    free(shared);
}

/* A sine with normal noise: every bit of the significand is used. */
void bench_set_precise(struct bench_set *set, size_t series, size_t points)
{
    struct generator generator = generator_init(series * 31 + points);
    bench_set_begin(set, "precise", series * points, false);
    for (size_t i = 0; i < series; i++) {
        for (size_t point = 0; point < points; point++) {
            double phase = (double)point / 100 + (double)i;
            set->values[i * points + point] = 100 + 10 * sin(phase) + next_normal(&generator);
        }
        bench_set_add_series(set, points);
    }
}
