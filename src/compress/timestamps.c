/*
 * timestamps.c - timestamp columns are integer blocks.
 *
 * Thread: no state.
 */
#include "compress/codec.h"
#include "compress/codec_with.h"
#include "compress/integer_block.h"

size_t vv_timestamps_encode_with(const struct vv_kernels *kernels, const int64_t *timestamps,
                                 size_t count, uint8_t *out)
{
    VV_ASSERT(count >= 1 && count <= VV_COLUMN_MAX);
    return vv_integer_block_encode(kernels, timestamps, count, VV_FORM_PACKED, out);
}

varve_status vv_timestamps_decode_with(const struct vv_kernels *kernels, const uint8_t *in,
                                       size_t length, size_t count, int64_t *timestamps)
{
    VV_ASSERT(count >= 1 && count <= VV_COLUMN_MAX);
    struct vv_reader reader = vv_reader_init(in, length);
    struct vv_integer_block block;
    VV_TRY(vv_integer_block_parse(kernels, &reader, count, &block));
    vv_integer_block_integers(kernels, &block, (uint64_t *)timestamps);
    return VARVE_OK;
}

size_t vv_timestamps_encode(const int64_t *timestamps, size_t count, uint8_t *out)
{
    return vv_timestamps_encode_with(vv_kernels(), timestamps, count, out);
}

varve_status vv_timestamps_decode(const uint8_t *in, size_t length, size_t count,
                                  int64_t *timestamps)
{
    return vv_timestamps_decode_with(vv_kernels(), in, length, count, timestamps);
}
