/*
 * kernel_avx2.c - the kernels for AVX2, FMA and BMI2 (x86-64-v3).
 *
 * Compiled with the flags of that instruction set; called only where base/cpu.h says that it is there.
 */
#define VV_VECTOR_BYTES 32
#define VV_KERNELS vv_kernels_avx2
#include "compress/kernel_vector.h"
