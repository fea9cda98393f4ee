/*
 * kernel_avx2.c - the kernels for AVX2, FMA and BMI2 (x86-64-v3).
 *
 * Compiled with the flags of that instruction set; called only where base/cpu.h says that it is
 * there.
 */
#include <immintrin.h>

#define VV_VECTOR_BYTES 32
#define VV_FUSED_MULTIPLY_ADD(a, b, c) _mm256_fmadd_pd(a, b, c)
#define VV_DOUBLES(x) _mm256_cvtepi32_pd((__m128i)(x))
#define VV_SHIFT_UP(x, bytes) ((vector32)_mm256_slli_si256((__m256i)(x), bytes))
#define VV_NARROW(a, b)                                                                            \
    ((vector16)_mm256_permute4x64_epi64(_mm256_packs_epi32((__m256i)(a), (__m256i)(b)), 0xd8))
#define VV_WIDEN(at) _mm256_cvtepi16_epi64(_mm_loadl_epi64((const void *)(at)))
#define VV_KERNELS vv_kernels_avx2
#include "compress/kernel_vector.h"
