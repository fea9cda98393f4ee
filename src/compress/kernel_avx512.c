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
#define VV_SHIFT_UP(x, bytes) ((vector32)_mm512_bslli_epi128((__m512i)(x), bytes))
#define VV_NARROW(a, b)                                                                            \
    __builtin_shufflevector((vector16)(a), (vector16)(b), 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20,   \
                            22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54,    \
                            56, 58, 60, 62)
#define VV_WIDEN(at) _mm512_cvtepi16_epi64(_mm_loadu_si128((const void *)(at)))
#define VV_KERNELS vv_kernels_avx512
#include "compress/kernel_vector.h"
