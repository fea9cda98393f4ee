/*
 * numbers_avx512.c - the kernels for AVX-512.
 *
 * Compiled with the flags of that instruction set; called only where base/cpu.h says that it is
 * there.
 */
#include <immintrin.h>

#define VV_VECTOR_BYTES 64
#define VV_KERNELS vv_numbers_kernels_avx512
#define VV_MIN(a, b) (vector) _mm512_min_pd((__m512d)(a), (__m512d)(b))
#define VV_MAX(a, b) (vector) _mm512_max_pd((__m512d)(a), (__m512d)(b))
#include "query/numbers_vector.h"
