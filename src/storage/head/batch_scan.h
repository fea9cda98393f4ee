/*
 * batch_scan.h - what is asked about the columns of a batch before it is accepted and encoded.
 *
 * One pass over each without branches, so that a vector of entries is looked at at a time.
 * Batches have at least one entry. Threads: pure functions.
 */
#ifndef VARVE_STORAGE_BATCH_SCAN_H
#define VARVE_STORAGE_BATCH_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Turns handles into refs, which are one less; false: not all refs are less than ref_end. *even:
 * whether all steps from one to the next are equal. */
bool vv_scan_handles(const uint64_t *handles, size_t count, uint64_t ref_end, uint32_t *refs,
                     bool *even);

/* Whether all timestamps can be ones of samples: any but INT64_MAX. *even: as above. */
bool vv_scan_times(const int64_t *timestamps, size_t count, bool *even);

#endif
