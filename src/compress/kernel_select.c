/*
 * kernel_select.c - picks the kernel table of this process, once.
 *
 * Thread: any; the choice is a pure function of the machine and the environment, so that two
 * threads that choose at the same time store the same pointer.
 */
#include <stdatomic.h>

#include "compress/kernels.h"

const struct vv_kernels *vv_kernels_of(enum vv_isa isa)
{
    if (!vv_cpu_has(isa)) {
        return NULL;
    }
    switch (isa) {
    case VV_ISA_SCALAR:
        return &vv_kernels_scalar;
#if defined(__x86_64__)
    case VV_ISA_AVX2:
        return &vv_kernels_avx2;
    case VV_ISA_AVX512:
        return &vv_kernels_avx512;
    case VV_ISA_NEON:
        break;
#elif defined(__aarch64__)
    case VV_ISA_NEON:
        return &vv_kernels_neon;
    case VV_ISA_AVX2:
    case VV_ISA_AVX512:
        break;
#else
    case VV_ISA_AVX2:
    case VV_ISA_AVX512:
    case VV_ISA_NEON:
        break;
#endif
    }
    return NULL;
}

const struct vv_kernels *vv_kernels(void)
{
    static _Atomic(const struct vv_kernels *) chosen;
    const struct vv_kernels *kernels = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (kernels == NULL) {
        kernels = vv_kernels_of(vv_cpu_isa());
        kernels = kernels != NULL ? kernels : &vv_kernels_scalar;
        atomic_store_explicit(&chosen, kernels, memory_order_relaxed);
    }
    return kernels;
}
