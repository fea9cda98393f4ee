/*
 * heap_count.h - how often a thread asks the heap for memory, whoever does: this library, CRoaring,
 * PCRE2 or the C library.
 *
 * A program that calls bench_heap_calls() gets an allocator that counts, around that of glibc.
 */
#ifndef VARVE_TEST_BENCHMARK_HEAP_COUNT_H
#define VARVE_TEST_BENCHMARK_HEAP_COUNT_H

#include <stdint.h>

/* Calls of the calling thread that took memory or changed its size, so far. */
uint64_t bench_heap_calls(void);

#endif
