/*
 * compress_peers.h - the codecs that varve is measured against, each as a competent engineer would
 * write it in plain C: values alone (no timestamps), columns of any length.
 *
 *   gorilla    Pelkonen et al., VLDB 2015, section 4.1.2: XOR with the value before
 *   prometheus the value half of Prometheus's XOR chunk: Gorilla with Go's details
 *   (tsdb/chunkenc/xor.go)
 *   chimp128   Liakos et al., VLDB 2022, section 3.2: XOR with one of the last 128 values
 *   zstd       level 3 on the raw bytes of the column
 */
#ifndef VARVE_TEST_BENCHMARK_COMPRESS_PEERS_H
#define VARVE_TEST_BENCHMARK_COMPRESS_PEERS_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that any of them needs at most for count values, reading padding included. */
#define BENCH_PEER_BOUND(count) (64 + (size_t)(count)*12)

struct bench_peer {
    const char *name;
    /* Returns the bytes used. */
    size_t (*encode)(const double *values, size_t count, uint8_t *out);
    void (*decode)(const uint8_t *in, size_t length, size_t count, double *values);
};

extern const struct bench_peer bench_gorilla;
extern const struct bench_peer bench_prometheus;
extern const struct bench_peer bench_chimp128;
extern const struct bench_peer bench_zstd;

#endif
