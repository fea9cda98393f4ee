/*
 * compress_measure.h - sizes and speeds of one set of columns under every codec.
 *
 * Speeds are medians of interleaved rounds: each round runs memcpy and every codec once over all
 * the data, so that a slow moment of the machine meets all of them. The data is the set laid out
 * again and again, each copy at its own address, until it exceeds the caches; it is decoded into
 * one buffer.
 */
#ifndef VARVE_TEST_BENCHMARK_COMPRESS_MEASURE_H
#define VARVE_TEST_BENCHMARK_COMPRESS_MEASURE_H

#include "base/cpu.h"
#include "compress_data.h"

enum { BENCH_ISAS = 4, BENCH_PEERS = 4 };

/* Nanoseconds and time-stamp cycles for a value; 0: not measured. */
struct bench_speed {
    double decode_ns;
    double encode_ns;
};

struct bench_result {
    char name[32];
    size_t values;
    double hot_bytes; /* for a value */
    double cold_bytes;
    double peer_bytes[BENCH_PEERS];
    double
        timestamp_bytes; /* for a sample, identical columns stored once; negative: no timestamps */
    struct bench_speed copy;             /* memcpy of the raw values to the buffer */
    struct bench_speed isas[BENCH_ISAS]; /* by enum vv_isa */
    struct bench_speed cold;
    struct bench_speed peers[BENCH_PEERS];
};

extern const char *const bench_peer_names[BENCH_PEERS];

/* Measures sizes; and speeds over at least decoded_bytes of values unless that is 0. */
void bench_measure(const struct bench_set *set, size_t decoded_bytes, struct bench_result *result);

/* Bytes for a timestamp of regular timestamps, ten seconds apart. */
double bench_regular_timestamps(void);

/* CPU time over wall time, and the speed of two threads over that of one, for writing a block of
 * the set: see compress_batch.c. */
struct bench_batch {
    double cpu_use; /* of two threads; 1 is all of it */
    double speedup;
};
struct bench_batch bench_measure_batch(const struct bench_set *set, bool cold);

#endif
