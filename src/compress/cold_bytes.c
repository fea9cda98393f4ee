/*
 * cold_bytes.c - one zstd frame per page, or the page itself where that is shorter.
 *
 *   packer memory  | struct | zstd compression state |
 *   output         | method u8 | decompressed length varint | bytes |      as in cold.c
 *
 * Two ways are tried: a thorough search for repetitions, and Huffman coding alone, which wins on
 * numbers that do not repeat. Thread: one per packer.
 *
 * VARVE_NO_ZSTD leaves the file empty: for builds that test the codecs where there is no zstd.
 */
#ifndef VARVE_NO_ZSTD
#define ZSTD_STATIC_LINKING_ONLY
#include "compress/cold_bytes.h"

#include <zstd.h>

#include "base/bytes.h"

enum { METHOD_STORED, METHOD_ZSTD };
enum { LEVEL = 12 };

struct vv_cold_packer {
    ZSTD_CCtx *context;
    uint8_t trial[VV_COLD_GROUP_BYTES_MAX];
    _Alignas(VV_COLD_MEMORY_ALIGNMENT) uint8_t workspace[];
};

/* What zstd needs at most: its parameters depend on steps of the size. */
static size_t workspace_bytes(void)
{
    static const size_t sizes[] = {VV_COLD_GROUP_BYTES_MAX, 128 * 1024, 16 * 1024};
    size_t most = 0;
    for (size_t index = 0; index < sizeof sizes / sizeof sizes[0]; index++) {
        size_t needed = ZSTD_estimateCCtxSize_usingCParams(ZSTD_getCParams(LEVEL, sizes[index], 0));
        most = needed > most ? needed : most;
    }
    return most;
}

size_t vv_cold_packer_bytes(void)
{
    return sizeof(struct vv_cold_packer) + workspace_bytes();
}

struct vv_cold_packer *vv_cold_packer_init(void *memory)
{
    VV_ASSERT((uintptr_t)memory % VV_COLD_MEMORY_ALIGNMENT == 0);
    struct vv_cold_packer *packer = memory;
    packer->context = ZSTD_initStaticCCtx(packer->workspace, workspace_bytes());
    VV_ASSERT(packer->context != NULL);
    return packer;
}

/* Sets a parameter that this version of zstd has: it cannot fail. */
static void set_parameter(ZSTD_CCtx *context, ZSTD_cParameter parameter, int value)
{
    VV_ASSERT(!ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)));
}

/* Compresses into trial; SIZE_MAX if the result would not be shorter than limit. */
static size_t compress(struct vv_cold_packer *packer, const uint8_t *bytes, size_t length,
                       bool entropy_only, size_t limit)
{
    ZSTD_CCtx_reset(packer->context, ZSTD_reset_session_and_parameters);
    set_parameter(packer->context, ZSTD_c_compressionLevel, entropy_only ? 1 : LEVEL);
    set_parameter(packer->context, ZSTD_c_contentSizeFlag, 0);
    if (entropy_only) {
        set_parameter(packer->context, ZSTD_c_strategy, ZSTD_fast);
        set_parameter(packer->context, ZSTD_c_minMatch, 7);
        set_parameter(packer->context, ZSTD_c_targetLength, 4096);
        set_parameter(packer->context, ZSTD_c_literalCompressionMode, ZSTD_ps_enable);
    }
    size_t result =
        ZSTD_compress2(packer->context, packer->trial, sizeof packer->trial, bytes, length);
    return ZSTD_isError(result) || result >= limit ? SIZE_MAX : result;
}

size_t vv_cold_bytes_write(struct vv_cold_packer *packer, const uint8_t *bytes, size_t length,
                           uint8_t *out)
{
    VV_ASSERT(length >= 1 && length <= VV_COLD_GROUP_BYTES_MAX);
    uint8_t *at = out + 1 + vv_varint_put(out + 1, length);
    size_t best = length;
    out[0] = METHOD_STORED;
    memcpy(at, bytes, length);
    for (int entropy_only = 0; entropy_only <= 1; entropy_only++) {
        size_t trial = compress(packer, bytes, length, entropy_only != 0, best);
        if (trial != SIZE_MAX) {
            out[0] = METHOD_ZSTD;
            memcpy(at, packer->trial, trial);
            best = trial;
        }
    }
    return (size_t)(at - out) + best;
}

#endif
