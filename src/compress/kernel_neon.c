/*
 * kernel_neon.c - the kernels for NEON, the baseline of aarch64.
 *
 * Compiled with the flags of that instruction set; called only where base/cpu.h says that it is
 * there.
 */
#include <arm_neon.h>

#define VV_VECTOR_BYTES 16
#define VV_CONVERTS_INTEGERS
#define VV_FUSED_MULTIPLY_ADD(a, b, c) vfmaq_f64(c, a, b)
#define VV_DOUBLES(x) vcvtq_f64_s64(vmovl_s32((int32x2_t)(x)))
#define VV_KERNELS vv_kernels_neon
#include "compress/kernel_vector.h"
