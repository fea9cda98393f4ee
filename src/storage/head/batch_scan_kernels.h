/*
 * batch_scan_kernels.h - the loops of batch_scan.h once per instruction set.
 */
#ifndef VARVE_STORAGE_BATCH_SCAN_KERNELS_H
#define VARVE_STORAGE_BATCH_SCAN_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_batch_scans {
    /* Whether all steps from an entry to the next are equal, modulo 2^64. The first one stores the
     * refs, too. */
    bool (*refs_of_handles)(const uint64_t *handles, size_t count, uint32_t *refs);
    bool (*times_are_even)(const int64_t *timestamps, size_t count);
    /* Whether each can be one. */
    bool (*handles_are_valid)(const uint64_t *handles, size_t count, uint64_t ref_end);
    bool (*times_are_valid)(const int64_t *timestamps, size_t count);
};

extern const struct vv_batch_scans vv_batch_scans_any;
extern const struct vv_batch_scans vv_batch_scans_avx2; /* on x86-64 */

#endif
