/*
 * codec_with.h - the functions of codec.h with the kernel table as an argument, and the forms of
 * the cold tier: for the cold tier, for tests of every instruction set, and for measurements.
 */
#ifndef VARVE_COMPRESS_CODEC_WITH_H
#define VARVE_COMPRESS_CODEC_WITH_H

#include "compress/codec.h"
#include "compress/integer_block.h"

size_t vv_timestamps_encode_with(const struct vv_kernels *kernels, const int64_t *timestamps,
                                 size_t count, uint8_t *out);
varve_status vv_timestamps_decode_with(const struct vv_kernels *kernels, const uint8_t *in,
                                       size_t length, size_t count,
                                       int64_t *timestamps) VARVE_MUST_CHECK;

/* Every form has the bound of the packed one, and is decoded by the same function. */
size_t vv_values_encode_with(const struct vv_kernels *kernels, const double *values, size_t count,
                             enum vv_block_form form, uint8_t *out);
varve_status vv_values_decode_with(const struct vv_kernels *kernels, const uint8_t *in,
                                   size_t length, size_t count, double *values) VARVE_MUST_CHECK;
varve_status vv_values_decode_traits_with(const struct vv_kernels *kernels, const uint8_t *in,
                                          size_t length, size_t count, double *values,
                                          unsigned *traits) VARVE_MUST_CHECK;

#endif
