/*
 * batch_scan_loops.h - the body of each file that compiles the loops for one instruction set, as
 * VV_SCANS: plain ones, for the compiler to make vectors of.
 */
#ifndef VARVE_STORAGE_BATCH_SCAN_LOOPS_H
#define VARVE_STORAGE_BATCH_SCAN_LOOPS_H

#include "storage/head/batch_scan_kernels.h"

static bool refs_of_handles(const uint64_t *restrict handles, size_t count, uint32_t *restrict refs)
{
    uint64_t step = count > 1 ? handles[1] - handles[0] : 0, uneven = 0;
    refs[0] = (uint32_t)(handles[0] - 1);
    for (size_t i = 1; i < count; i++) {
        uneven |= (handles[i] - handles[i - 1]) ^ step;
        refs[i] = (uint32_t)(handles[i] - 1);
    }
    return uneven == 0;
}

static bool times_are_even(const int64_t *timestamps, size_t count)
{
    const uint64_t *times = (const uint64_t *)timestamps;
    uint64_t step = count > 1 ? times[1] - times[0] : 0, uneven = 0;
    for (size_t i = 1; i < count; i++) {
        uneven |= (times[i] - times[i - 1]) ^ step;
    }
    return uneven == 0;
}

static bool handles_are_valid(const uint64_t *handles, size_t count, uint64_t ref_end)
{
    /* The top bit shows what is wrong: handle 0 as a ref with it, others as a negative distance. */
    uint64_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        wrong |= (handles[i] - 1) | (ref_end - handles[i]);
    }
    return wrong >> 63 == 0;
}

static bool times_are_valid(const int64_t *timestamps, size_t count)
{
    /* Only of 0 everything below is set after subtracting 1, the top bit too. */
    uint64_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t distance = (uint64_t)timestamps[i] ^ INT64_MAX;
        wrong |= (distance - 1) & ~distance;
    }
    return wrong >> 63 == 0;
}

const struct vv_batch_scans VV_SCANS = {
    .refs_of_handles = refs_of_handles,
    .times_are_even = times_are_even,
    .handles_are_valid = handles_are_valid,
    .times_are_valid = times_are_valid,
};

#endif
