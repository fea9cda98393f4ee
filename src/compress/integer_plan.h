/*
 * integer_plan.h - how the differences of a mode are to be packed: base, width, exceptions.
 */
#ifndef VARVE_COMPRESS_INTEGER_PLAN_H
#define VARVE_COMPRESS_INTEGER_PLAN_H

#include "compress/integer_block.h"

struct vv_integer_plan {
    enum vv_block_mode mode;
    bool zigzag; /* base is 0, and packed numbers are zigzag */
    unsigned width;
    int64_t base;
    size_t bits; /* estimated cost, exceptions included */
};

/* The best plan for lanes: fewest bits. differences: count of them, of the mode. */
struct vv_integer_plan vv_integer_plan_lanes(const struct vv_kernels *kernels,
                                             const int64_t *differences, size_t count,
                                             enum vv_block_mode mode);

/* The best plan for whole bytes: bits is what an entropy coder would need. An exception costs
 * exception_bits: the more, the wider and the more alike the columns are. */
struct vv_integer_plan vv_integer_plan_bytes(const struct vv_kernels *kernels,
                                             const int64_t *differences, size_t count,
                                             enum vv_block_mode mode, unsigned exception_bits);

#endif
