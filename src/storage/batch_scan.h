/*
 * batch_scan.h - what is asked about the columns of a batch before it is accepted and encoded.
 *
 * Each question is one pass without branches, so that a vector of entries is looked at at a time.
 * Threads: pure functions.
 */
#ifndef VARVE_STORAGE_BATCH_SCAN_H
#define VARVE_STORAGE_BATCH_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Turns handles into refs, which are one less; false: not all refs are less than ref_end. */
bool vv_refs_of_handles(const uint64_t *handles, size_t count, uint64_t ref_end, uint32_t *refs);

/* Whether all timestamps can be ones of samples: any but INT64_MAX. */
bool vv_times_are_valid(const int64_t *timestamps, size_t count);

/* Whether all steps from an entry to the next are equal. */
bool vv_refs_are_even(const uint32_t *refs, size_t count);
bool vv_times_are_even(const int64_t *timestamps, size_t count);

#endif
