/*
 * kernel_avx512.c - the kernels for AVX-512 (x86-64-v4).
 *
 * Compiled with the flags of that instruction set; called only where base/cpu.h says that it is there.
 */
#define VV_VECTOR_BYTES 64
#define VV_CONVERTS_INTEGERS
#define VV_KERNELS vv_kernels_avx512
#include "compress/kernel_vector.h"
