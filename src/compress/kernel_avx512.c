/*
 * kernel_avx512.c - the kernels for AVX-512 (x86-64-v4).
 *
 * Compiled with the flags of that instruction set; called only where base/cpu.h says that it is
 * there.
 */
#include <immintrin.h>

#define VV_VECTOR_BYTES 64
#define VV_CONVERTS_INTEGERS
#define VV_FUSED_MULTIPLY_ADD(a, b, c) _mm512_fmadd_pd(a, b, c)
#define VV_DOUBLES(x) _mm512_cvtepi32_pd((__m256i)(x))
#define VV_KERNELS vv_kernels_avx512
#include "compress/kernel_vector.h"
