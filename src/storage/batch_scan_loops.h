/*
 * batch_scan_loops.h - the body of each file that compiles the loops for one instruction set, as
 * VV_SCANS: plain ones, for the compiler to make vectors of.
 */
#ifndef VARVE_STORAGE_BATCH_SCAN_LOOPS_H
#define VARVE_STORAGE_BATCH_SCAN_LOOPS_H

#include "storage/batch_scan_kernels.h"

static bool refs_of_handles(const uint64_t *restrict handles, size_t count, uint64_t ref_end,
                            uint32_t *restrict refs)
{
    /* The top bit shows what is wrong: handle 0 as a ref with it, others as a negative distance. */
    uint64_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t ref = handles[i] - 1;
        wrong |= ref | (ref_end - 1 - ref);
        refs[i] = (uint32_t)ref;
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

static bool refs_are_even(const uint32_t *refs, size_t count)
{
    uint32_t different = 0;
    for (size_t i = 2; i < count; i++) {
        different |= (refs[i] - refs[i - 1]) ^ (refs[1] - refs[0]);
    }
    return different == 0;
}

static bool times_are_even(const int64_t *timestamps, size_t count)
{
    const uint64_t *times = (const uint64_t *)timestamps;
    uint64_t different = 0;
    for (size_t i = 2; i < count; i++) {
        different |= (times[i] - times[i - 1]) ^ (times[1] - times[0]);
    }
    return different == 0;
}

const struct vv_batch_scans VV_SCANS = {
    .refs_of_handles = refs_of_handles,
    .times_are_valid = times_are_valid,
    .refs_are_even = refs_are_even,
    .times_are_even = times_are_even,
};

#endif
