/*
 * positions.c - increasing positions as gaps or as a bitmap, whichever is smaller.
 *
 * P1  Decoded positions are strictly increasing and below limit: who uses them needs no check.
 *     A bitmap has as many bits set below limit as were promised.
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

static size_t bits_set(const uint8_t *bitmap, size_t limit)
{
    size_t found = 0;
    for (size_t first = 0; first < limit; first += 64) {
        uint64_t word = vv_load_u64(bitmap + first / 8);
        word &= vv_bits_mask(limit - first < 64 ? (unsigned)(limit - first) : 64);
        found += (size_t)__builtin_popcountll(word);
    }
    return found;
}

varve_status vv_positions_parse(const struct vv_kernels *kernels, struct vv_reader *reader,
                                size_t count, size_t limit, struct vv_positions *positions)
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
    positions->count = count;
    positions->limit = limit;
    positions->bitmap = code == CODE_BITMAP ? fields : NULL;
    if (code == CODE_BITMAP) {
        return bits_set(fields, limit) == count ? VARVE_OK : VARVE_CORRUPT;
    }
    return kernels->positions(fields, code, count, positions->list) <= limit ? VARVE_OK
                                                                             : VARVE_CORRUPT;
}

const uint16_t *vv_positions_list(const struct vv_kernels *kernels,
                                  const struct vv_positions *positions, uint16_t *room)
{
    if (positions->bitmap == NULL) {
        return positions->list;
    }
    (void)kernels->bitmap(positions->bitmap, positions->limit, room);
    return room;
}

bool vv_positions_have_zero(const struct vv_positions *positions)
{
    return positions->bitmap != NULL ? (positions->bitmap[0] & 1) != 0 : positions->list[0] == 0;
}

void vv_positions_expand(const struct vv_kernels *kernels, const struct vv_positions *positions,
                         const uint64_t *runs, uint64_t *out)
{
    if (positions->bitmap != NULL) {
        kernels->expand_bitmap(runs, positions->bitmap, positions->limit, out);
    } else {
        kernels->expand(runs, positions->list, positions->count + 1, positions->limit, out);
    }
}
