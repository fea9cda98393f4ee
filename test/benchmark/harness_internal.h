/*
 * harness_internal.h - what harness.c and harness_count.c share.
 */
#ifndef VARVE_TEST_BENCHMARK_HARNESS_INTERNAL_H
#define VARVE_TEST_BENCHMARK_HARNESS_INTERNAL_H

/* How this program was called: it is run again to be counted. */
extern const char *bench_program_path;

#endif
