/*
 * batch_scan_kernels.h - the loops of batch_scan.h once per instruction set.
 */
#ifndef VARVE_STORAGE_BATCH_SCAN_KERNELS_H
#define VARVE_STORAGE_BATCH_SCAN_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_batch_scans {
    bool (*handles)(const uint64_t *handles, size_t count, uint64_t ref_end, uint32_t *refs,
                    bool *even);
    bool (*times)(const int64_t *timestamps, size_t count, bool *even);
};

extern const struct vv_batch_scans vv_batch_scans_any;
extern const struct vv_batch_scans vv_batch_scans_avx2; /* on x86-64 */

#endif
