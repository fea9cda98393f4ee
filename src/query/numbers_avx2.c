/*
 * numbers_avx2.c - the kernels for AVX2.
 *
 * Compiled with the flags of that instruction set; called only where base/cpu.h says that it is
 * there.
 */
#include <immintrin.h>

#define VV_VECTOR_BYTES 32
#define VV_KERNELS vv_numbers_kernels_avx2
#define VV_MIN(a, b) (vector) _mm256_min_pd((__m256d)(a), (__m256d)(b))
#define VV_MAX(a, b) (vector) _mm256_max_pd((__m256d)(a), (__m256d)(b))
#include "query/numbers_vector.h"
