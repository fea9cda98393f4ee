/*
 * cold.c - compresses groups of columns with zstd, and reads them back.
 *
 *   writer memory   | struct | forms: 4 groups being encoded | trial | zstd compression state |
 *   group on disk   | method u8 | decompressed length varint | bytes |
 *
 * G1  The bytes of a group depend on its columns and the version of zstd only.
 * G2  zstd's state lives in the caller's memory and cannot grow: parameters are fixed for groups of
 *     at most VV_COLD_GROUP_BYTES_MAX.
 * G3  A reader takes the length from the header, checks it against the room, and demands that
 *     decompression gives exactly so many bytes.
 * Thread: one per writer or reader.
 *
 * VARVE_NO_ZSTD leaves the file empty: for builds that test the codecs where there is no zstd.
 */
#ifndef VARVE_NO_ZSTD
#define ZSTD_STATIC_LINKING_ONLY
#include "compress/cold.h"

#include <zstd.h>

#include "base/bytes.h"
#include "compress/codec_with.h"

enum { METHOD_STORED, METHOD_ZSTD };

/* How zstd is asked to compress. */
struct strategy {
    enum vv_block_form form;
    int level;
    bool entropy_only; /* Huffman coding without a search for repetitions */
};

/* Fast ones, to find the form; the best form is then compressed again at level_final. */
static const struct strategy strategies[] = {
    {VV_FORM_PACKED, 3, false},       {VV_FORM_PLANES, 3, false}, {VV_FORM_PLANES, 1, true},
    {VV_FORM_DELTA_PLANES, 3, false}, {VV_FORM_FIELDS, 3, false},
};

enum { LEVEL_FINAL = 12, STRATEGY_COUNT = sizeof strategies / sizeof strategies[0] };

struct vv_cold_writer {
    ZSTD_CCtx *context;
    size_t lengths[VV_FORM_COUNT];
    uint32_t offsets[VV_FORM_COUNT][VV_COLD_GROUP_COLUMNS_MAX + 1];
    uint8_t forms[VV_FORM_COUNT][VV_COLD_GROUP_BYTES_MAX];
    uint8_t trial[VV_COLD_GROUP_BYTES_MAX];
    _Alignas(VV_COLD_MEMORY_ALIGNMENT) uint8_t workspace[];
};

struct vv_cold_reader {
    ZSTD_DCtx *context;
    _Alignas(VV_COLD_MEMORY_ALIGNMENT) uint8_t workspace[];
};

/* What zstd needs at most for any group: its parameters depend on the level and on steps of the
 * size. */
static size_t compression_workspace_bytes(void)
{
    static const int levels[] = {1, 3, LEVEL_FINAL};
    static const size_t sizes[] = {VV_COLD_GROUP_BYTES_MAX, 128 * 1024, 16 * 1024};
    size_t most = 0;
    for (size_t level = 0; level < sizeof levels / sizeof levels[0]; level++) {
        for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++) {
            size_t needed =
                ZSTD_estimateCCtxSize_usingCParams(ZSTD_getCParams(levels[level], sizes[size], 0));
            most = needed > most ? needed : most;
        }
    }
    return most;
}

size_t vv_cold_writer_bytes(void)
{
    return sizeof(struct vv_cold_writer) + compression_workspace_bytes();
}

size_t vv_cold_reader_bytes(void)
{
    return sizeof(struct vv_cold_reader) + ZSTD_estimateDCtxSize();
}

struct vv_cold_writer *vv_cold_writer_init(void *memory)
{
    VV_ASSERT((uintptr_t)memory % VV_COLD_MEMORY_ALIGNMENT == 0);
    struct vv_cold_writer *writer = memory;
    writer->context = ZSTD_initStaticCCtx(writer->workspace, compression_workspace_bytes());
    VV_ASSERT(writer->context != NULL);
    return writer;
}

struct vv_cold_reader *vv_cold_reader_init(void *memory)
{
    VV_ASSERT((uintptr_t)memory % VV_COLD_MEMORY_ALIGNMENT == 0);
    struct vv_cold_reader *reader = memory;
    reader->context = ZSTD_initStaticDCtx(reader->workspace, ZSTD_estimateDCtxSize());
    VV_ASSERT(reader->context != NULL);
    return reader;
}

/* Sets a parameter that this version of zstd has: it cannot fail. */
static void set_parameter(ZSTD_CCtx *context, ZSTD_cParameter parameter, int value)
{
    size_t result = ZSTD_CCtx_setParameter(context, parameter, value);
    VV_ASSERT(!ZSTD_isError(result));
}

/* Compresses a form into trial. Returns the length, SIZE_MAX if it would not be shorter than
 * limit. */
static size_t compress_form(struct vv_cold_writer *writer, const struct strategy *strategy,
                            size_t limit)
{
    ZSTD_CCtx_reset(writer->context, ZSTD_reset_session_and_parameters);
    set_parameter(writer->context, ZSTD_c_compressionLevel, strategy->level);
    set_parameter(writer->context, ZSTD_c_contentSizeFlag, 0);
    if (strategy->entropy_only) {
        set_parameter(writer->context, ZSTD_c_strategy, ZSTD_fast);
        set_parameter(writer->context, ZSTD_c_minMatch, 7);
        set_parameter(writer->context, ZSTD_c_targetLength, 4096);
        set_parameter(writer->context, ZSTD_c_literalCompressionMode, ZSTD_ps_enable);
    }
    size_t length = ZSTD_compress2(writer->context, writer->trial, sizeof writer->trial,
                                   writer->forms[strategy->form], writer->lengths[strategy->form]);
    return ZSTD_isError(length) || length >= limit ? SIZE_MAX : length;
}

/* Appends a column to every form; false if one of them has no room. */
static bool append_column(struct vv_cold_writer *writer, const struct vv_cold_column *column,
                          size_t index)
{
    for (size_t form = 0; form < VV_FORM_COUNT; form++) {
        if (writer->lengths[form] + VV_VALUES_BOUND(column->count) > VV_COLD_GROUP_BYTES_MAX) {
            return false;
        }
    }
    for (size_t form = 0; form < VV_FORM_COUNT; form++) {
        size_t at = writer->lengths[form];
        writer->offsets[form][index] = (uint32_t)at;
        at += vv_values_encode_with(vv_kernels(), column->values, column->count,
                                    (enum vv_block_form)form, writer->forms[form] + at);
        writer->offsets[form][index + 1] = (uint32_t)at;
        writer->lengths[form] = at;
    }
    return true;
}

static size_t fill_group(struct vv_cold_writer *writer, const struct vv_cold_column *columns,
                         size_t column_count)
{
    size_t taken = 0;
    memset(writer->lengths, 0, sizeof writer->lengths);
    while (taken < column_count && taken < VV_COLD_GROUP_COLUMNS_MAX &&
           writer->lengths[VV_FORM_PACKED] < VV_COLD_GROUP_BYTES &&
           append_column(writer, &columns[taken], taken)) {
        taken++;
    }
    return taken;
}

static uint8_t *write_group_header(uint8_t *out, unsigned method, size_t group_length)
{
    *out++ = (uint8_t)method;
    return out + vv_varint_put(out, group_length);
}

/* Compresses with the strategy; a result shorter than *best replaces it in out. */
static bool try_strategy(struct vv_cold_writer *writer, const struct strategy *strategy,
                         size_t *best, uint8_t *out)
{
    size_t length = compress_form(writer, strategy, *best);
    if (length == SIZE_MAX) {
        return false;
    }
    uint8_t *at = write_group_header(out, METHOD_ZSTD, writer->lengths[strategy->form]);
    memcpy(at, writer->trial, length);
    *best = length;
    return true;
}

size_t vv_cold_group_write(struct vv_cold_writer *writer, const struct vv_cold_column *columns,
                           size_t column_count, uint8_t *out, size_t *length, uint32_t *offsets)
{
    VV_ASSERT(column_count >= 1);
    size_t taken = fill_group(writer, columns, column_count);
    struct strategy winner = {.form = VV_FORM_PACKED};
    size_t best = writer->lengths[VV_FORM_PACKED];
    uint8_t *at = write_group_header(out, METHOD_STORED, best);
    memcpy(at, writer->forms[VV_FORM_PACKED], best);
    for (size_t i = 0; i < STRATEGY_COUNT; i++) {
        if (try_strategy(writer, &strategies[i], &best, out)) {
            winner = strategies[i];
        }
    }
    if (!winner.entropy_only) {
        winner.level = LEVEL_FINAL;
        (void)try_strategy(writer, &winner, &best, out);
    }
    *length = 1 + vv_varint_size(writer->lengths[winner.form]) + best;
    memcpy(offsets, writer->offsets[winner.form], (taken + 1) * sizeof *offsets);
    return taken;
}

/* Reads the header of a group; the reader stands at its bytes then. */
static varve_status parse_header(struct vv_reader *reader, unsigned *method, size_t *group_length)
{
    *method = vv_read_u8(reader);
    uint64_t length = vv_read_varint(reader);
    if (reader->failed || *method > METHOD_ZSTD || length > VV_COLD_GROUP_BYTES_MAX) {
        return VARVE_CORRUPT;
    }
    *group_length = (size_t)length;
    return VARVE_OK;
}

varve_status vv_cold_group_length(const uint8_t *in, size_t length, size_t *group_length)
{
    struct vv_reader reader = vv_reader_init(in, length);
    unsigned method;
    return parse_header(&reader, &method, group_length);
}

varve_status vv_cold_group_read(struct vv_cold_reader *reader, const uint8_t *in, size_t length,
                                uint8_t *group, size_t capacity)
{
    struct vv_reader bytes = vv_reader_init(in, length);
    unsigned method;
    size_t group_length;
    VV_TRY(parse_header(&bytes, &method, &group_length));
    size_t left = vv_reader_left(&bytes);
    if (capacity < group_length + VV_DECODE_PADDING) {
        return VARVE_CORRUPT;
    }
    if (method == METHOD_STORED) {
        if (left != group_length) {
            return VARVE_CORRUPT;
        }
        memcpy(group, bytes.at, left);
    } else if (ZSTD_decompressDCtx(reader->context, group, group_length, bytes.at, left) !=
               group_length) {
        return VARVE_CORRUPT;
    }
    memset(group + group_length, 0, VV_DECODE_PADDING);
    return VARVE_OK;
}

#endif
