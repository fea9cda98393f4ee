/*
 * numbers_baseline.c - the kernels in vectors of 16 bytes, which every machine has (SSE2, NEON).
 */
#define VV_VECTOR_BYTES 16
#define VV_KERNELS vv_numbers_kernels_baseline
#if defined(__x86_64__)
#include <emmintrin.h>
#define VV_MIN(a, b) (vector) _mm_min_pd((__m128d)(a), (__m128d)(b))
#define VV_MAX(a, b) (vector) _mm_max_pd((__m128d)(a), (__m128d)(b))
#elif defined(__aarch64__)
#include <arm_neon.h>
/* Not vminq_f64(), which gives NaN where either is. */
#define VV_MIN(a, b)                                                                               \
    (vector) vbslq_f64(vcltq_f64((float64x2_t)(a), (float64x2_t)(b)), (float64x2_t)(a),            \
                       (float64x2_t)(b))
#define VV_MAX(a, b)                                                                               \
    (vector) vbslq_f64(vcgtq_f64((float64x2_t)(a), (float64x2_t)(b)), (float64x2_t)(a),            \
                       (float64x2_t)(b))
#else
#define VV_MIN(a, b)                                                                               \
    (vector)                                                                                       \
    {                                                                                              \
        (a)[0] < (b)[0] ? (a)[0] : (b)[0], (a)[1] < (b)[1] ? (a)[1] : (b)[1]                       \
    }
#define VV_MAX(a, b)                                                                               \
    (vector)                                                                                       \
    {                                                                                              \
        (a)[0] > (b)[0] ? (a)[0] : (b)[0], (a)[1] > (b)[1] ? (a)[1] : (b)[1]                       \
    }
#endif
#include "query/numbers_vector.h"
