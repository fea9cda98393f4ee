/*
 * batch_scan.c - the loops for any machine, and the choice between them and those for AVX2.
 *
 * Few entries are not worth a choice.
 * Threads: pure; the choice is a function of the machine and the environment, so that two threads
 * that choose at the same time store the same pointer.
 */
#include "storage/head/batch_scan.h"

#include <stdatomic.h>

#include "base/cpu.h"
#define VV_SCANS vv_batch_scans_any
#include "storage/head/batch_scan_loops.h"

enum { FEW = 8 };

static const struct vv_batch_scans *choose(void)
{
#if defined(__x86_64__)
    if (vv_cpu_isa() == VV_ISA_AVX2 || vv_cpu_isa() == VV_ISA_AVX512) {
        return &vv_batch_scans_avx2;
    }
#endif
    return &vv_batch_scans_any;
}

static const struct vv_batch_scans *scans(size_t count)
{
    static _Atomic(const struct vv_batch_scans *) chosen;
    if (count <= FEW) {
        return &vv_batch_scans_any;
    }
    const struct vv_batch_scans *found = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (found == NULL) {
        found = choose();
        atomic_store_explicit(&chosen, found, memory_order_relaxed);
    }
    return found;
}

bool vv_scan_handles(const uint64_t *handles, size_t count, uint64_t ref_end, uint32_t *refs,
                     bool *even)
{
    const struct vv_batch_scans *kernels = scans(count);
    *even = kernels->refs_of_handles(handles, count, refs);
    if (*even && count > 2) { /* a valid step that leads to a valid end has left nothing out */
        return vv_batch_scans_any.handles_are_valid(handles, 2, ref_end) &&
               vv_batch_scans_any.handles_are_valid(handles + count - 1, 1, ref_end);
    }
    return kernels->handles_are_valid(handles, count, ref_end);
}

/* Whether timestamps that are even modulo 2^64 go from the first to the last without turning over:
 * then the greatest is one of these. */
static bool is_straight(const int64_t *timestamps, size_t count)
{
    int64_t step, distance, last;
    return !__builtin_sub_overflow(timestamps[1], timestamps[0], &step) &&
           !__builtin_mul_overflow(step, (int64_t)count - 1, &distance) &&
           !__builtin_add_overflow(timestamps[0], distance, &last);
}

bool vv_scan_times(const int64_t *timestamps, size_t count, bool *even)
{
    const struct vv_batch_scans *kernels = scans(count);
    *even = kernels->times_are_even(timestamps, count);
    if (*even && count > 2 && is_straight(timestamps, count)) {
        return timestamps[0] != INT64_MAX && timestamps[count - 1] != INT64_MAX;
    }
    return kernels->times_are_valid(timestamps, count);
}
