/*
 * compress_peer_zstd.c - zstd, level 3, on the raw bytes of a column, with contexts that are
 * reused.
 */
#include <zstd.h>

#include "compress_peers.h"

enum { LEVEL = 3 };

/* The contexts of this program's one measuring thread; they live as long as it does. */
static ZSTD_CCtx *compressor;
static ZSTD_DCtx *decompressor;

static size_t encode(const double *values, size_t count, uint8_t *out)
{
    if (compressor == NULL) {
        compressor = ZSTD_createCCtx();
    }
    return ZSTD_compressCCtx(compressor, out, BENCH_PEER_BOUND(count), values, count * 8, LEVEL);
}

static void decode(const uint8_t *in, size_t length, size_t count, double *values)
{
    if (decompressor == NULL) {
        decompressor = ZSTD_createDCtx();
    }
    (void)ZSTD_decompressDCtx(decompressor, values, count * 8, in, length);
}

const struct bench_peer bench_zstd = {"zstd-3", encode, decode};
