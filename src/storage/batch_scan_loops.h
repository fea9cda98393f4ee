/*
 * batch_scan_loops.h - the body of each file that compiles the loops for one instruction set, as
 * VV_SCANS: plain ones, for the compiler to make vectors of.
 */
#ifndef VARVE_STORAGE_BATCH_SCAN_LOOPS_H
#define VARVE_STORAGE_BATCH_SCAN_LOOPS_H

#include "storage/batch_scan_kernels.h"

static bool scan_handles(const uint64_t *restrict handles, size_t count, uint64_t ref_end,
                         uint32_t *restrict refs, bool *even)
{
    /* The top bit shows what is wrong: handle 0 as a ref with it, others as a negative distance. */
    uint64_t wrong = (handles[0] - 1) | (ref_end - handles[0]), uneven = 0;
    uint64_t step = count > 1 ? handles[1] - handles[0] : 0;
    refs[0] = (uint32_t)(handles[0] - 1);
    for (size_t i = 1; i < count; i++) {
        uint64_t ref = handles[i] - 1;
        wrong |= ref | (ref_end - 1 - ref);
        uneven |= (handles[i] - handles[i - 1]) ^ step;
        refs[i] = (uint32_t)ref;
    }
    *even = uneven == 0;
    return wrong >> 63 == 0;
}

static uint64_t is_greatest(uint64_t time)
{
    /* Only of 0 everything below is set after subtracting 1, the top bit too. */
    uint64_t distance = time ^ INT64_MAX;
    return (distance - 1) & ~distance;
}

static bool scan_times(const int64_t *timestamps, size_t count, bool *even)
{
    const uint64_t *times = (const uint64_t *)timestamps;
    uint64_t wrong = is_greatest(times[0]), uneven = 0;
    uint64_t step = count > 1 ? times[1] - times[0] : 0;
    for (size_t i = 1; i < count; i++) {
        wrong |= is_greatest(times[i]);
        uneven |= (times[i] - times[i - 1]) ^ step;
    }
    *even = uneven == 0;
    return wrong >> 63 == 0;
}

const struct vv_batch_scans VV_SCANS = {.handles = scan_handles, .times = scan_times};

#endif
