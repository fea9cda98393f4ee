/*
 * positions.c - increasing positions as gaps or as a bitmap, whichever is smaller.
 *
 * P1  Decoded positions are strictly increasing and below limit: who uses them needs no check.
 *     A bitmap has no more bits set than limit, so that it fits whatever count was promised.
 * Thread: no state.
 */
#include "compress/positions.h"

#include "compress/bits.h"

enum { GAP_BITS_MAX = 10, CODE_BITMAP = 31 };

/* Bits of the widest gap. */
static unsigned gap_width(const uint16_t *positions, size_t count)
{
    unsigned all = positions[0];
    for (size_t i = 1; i < count; i++) {
        all |= (unsigned)(positions[i] - positions[i - 1] - 1);
    }
    return vv_bits_width(all);
}

static unsigned choose_code(const uint16_t *positions, size_t count, size_t limit)
{
    unsigned width = gap_width(positions, count);
    return vv_bits_bytes(count, width) <= (limit + 7) / 8 ? width : CODE_BITMAP;
}

size_t vv_positions_size(const uint16_t *positions, size_t count, size_t limit)
{
    unsigned code = choose_code(positions, count, limit);
    return 1 + (code == CODE_BITMAP ? (limit + 7) / 8 : vv_bits_bytes(count, code));
}

size_t vv_positions_encode(const uint16_t *positions, size_t count, size_t limit, uint8_t *out)
{
    unsigned code = choose_code(positions, count, limit);
    out[0] = (uint8_t)code;
    if (code == CODE_BITMAP) {
        memset(out + 1, 0, (limit + 7) / 8);
        for (size_t i = 0; i < count; i++) {
            out[1 + positions[i] / 8] |= (uint8_t)(1u << (positions[i] % 8));
        }
        return 1 + (limit + 7) / 8;
    }
    struct vv_bit_writer writer = {.at = out + 1};
    unsigned next = 0;
    for (size_t i = 0; i < count; i++) {
        vv_bits_put(&writer, positions[i] - next, code);
        next = positions[i] + 1u;
    }
    return (size_t)(vv_bits_flush(&writer) - out);
}

varve_status vv_positions_decode(const struct vv_kernels *kernels, struct vv_reader *reader,
                                 size_t count, size_t limit, uint16_t *positions)
{
    unsigned code = vv_read_u8(reader);
    if (code > GAP_BITS_MAX && code != CODE_BITMAP) {
        return VARVE_CORRUPT;
    }
    size_t bytes = code == CODE_BITMAP ? (limit + 7) / 8 : vv_bits_bytes(count, code);
    const uint8_t *fields = vv_read_bytes(reader, bytes);
    if (fields == NULL || count > limit) {
        return VARVE_CORRUPT;
    }
    if (code == CODE_BITMAP) {
        return kernels->bitmap(fields, limit, positions) == count ? VARVE_OK : VARVE_CORRUPT;
    }
    return kernels->positions(fields, code, count, positions) <= limit ? VARVE_OK : VARVE_CORRUPT;
}
