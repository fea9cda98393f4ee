/*
 * integer_block_decode.c - reads integer blocks: parse everything first, then compute without
 * checks.
 *
 *   bytes --parse--> vv_integer_block --unpack--> differences --patch--> --sum--> steps --scale-->
 *   entries
 *
 * B1  parse() accepts a block only if the reader holds every byte that it names, and no more.
 * B2  After parse() no byte can lead out of bounds: widths are at most 64, positions below count.
 * Thread: no state.
 */
#include "compress/integer_block.h"

#include "compress/bits.h"
#include "compress/codec.h"
#include "compress/kernels.h"

/* Entries that kernels may write, whatever the count. */
enum { SCRATCH = VV_COLUMN_MAX + 64 };

static varve_status parse_exceptions(const struct vv_kernels *kernels, struct vv_reader *reader,
                                     struct vv_integer_block *block)
{
    uint64_t count = vv_read_varint(reader);
    if (count == 0 || count > block->count) {
        return VARVE_CORRUPT;
    }
    block->exception_width = vv_read_u8(reader);
    block->exception_base = (uint64_t)vv_read_varint_signed(reader);
    if (block->exception_width > 64) {
        return VARVE_CORRUPT;
    }
    VV_TRY(vv_positions_parse(kernels, reader, (size_t)count, block->count, &block->exceptions));
    block->exception_values =
        vv_read_bytes(reader, vv_payload_bytes((size_t)count, block->exception_width));
    return reader->failed ? VARVE_CORRUPT : VARVE_OK;
}

varve_status vv_integer_block_parse(const struct vv_kernels *kernels, struct vv_reader *reader,
                                    size_t count, struct vv_integer_block *block)
{
    unsigned tag = vv_read_u8(reader);
    unsigned mode = tag & VV_BLOCK_MODE;
    unsigned layout = (tag & VV_BLOCK_LAYOUT) >> 6;
    if (mode > VV_BLOCK_DELTA_OF_DELTA || layout > VV_LAYOUT_FIELDS) {
        return VARVE_CORRUPT;
    }
    block->count = count;
    block->mode = (enum vv_block_mode)mode;
    block->narrow = (tag & VV_BLOCK_NARROW) != 0;
    block->zigzag = (tag & VV_BLOCK_ZIGZAG) != 0;
    block->layout = (enum vv_block_layout)layout;
    block->width = vv_read_u8(reader);
    block->factor = (tag & VV_BLOCK_FACTOR) != 0 ? vv_read_varint(reader) : 1;
    block->origin = (uint64_t)vv_read_varint_signed(reader);
    block->first = mode == VV_BLOCK_DELTA_OF_DELTA ? (uint64_t)vv_read_varint_signed(reader) : 0;
    block->base = mode != VV_BLOCK_FRAME ? (uint64_t)vv_read_varint_signed(reader) : 0;
    block->exceptions.count = 0;
    block->exception_width = 0;
    block->exception_base = 0;
    block->exception_values = NULL;
    if (block->width > 64 || (block->narrow && block->width > 32) ||
        (layout != VV_LAYOUT_LANES && block->width % 8 != 0)) {
        return VARVE_CORRUPT;
    }
    if ((tag & VV_BLOCK_EXCEPTIONS) != 0) {
        VV_TRY(parse_exceptions(kernels, reader, block));
    }
    size_t payload_bytes = layout != VV_LAYOUT_LANES ? count * (block->width / 8)
                                                     : vv_payload_bytes(count, block->width);
    block->payload = vv_read_bytes(reader, payload_bytes);
    return reader->failed || reader->at != reader->end ? VARVE_CORRUPT : VARVE_OK;
}

/* A payload in lanes as 64-bit numbers; out has SCRATCH entries. */
static void unpack_wide(const struct vv_kernels *kernels, const uint8_t *payload, unsigned width,
                        size_t count, uint64_t *out)
{
    if (width > 32) {
        kernels->unpack64(payload, width, count, out);
    } else {
        uint32_t lanes[SCRATCH];
        kernels->unpack32(payload, width, count, lanes);
        kernels->widen(lanes, count, out);
    }
}

static void unpack_exceptions(const struct vv_kernels *kernels,
                              const struct vv_integer_block *block, uint64_t *out)
{
    unpack_wide(kernels, block->exception_values, block->exception_width, block->exceptions.count,
                out);
}

static void put_narrow_exceptions(const struct vv_kernels *kernels,
                                  const struct vv_integer_block *block, uint32_t *steps)
{
    uint16_t room[VV_POSITIONS_ROOM];
    size_t count = block->exceptions.count;
    const uint16_t *positions = vv_positions_list(kernels, &block->exceptions, room);
    if (block->exception_width > 32) {
        uint64_t wide[SCRATCH];
        unpack_exceptions(kernels, block, wide);
        for (size_t i = 0; i < count; i++) {
            steps[positions[i]] = (uint32_t)(block->exception_base + wide[i]);
        }
    } else {
        uint32_t narrow[SCRATCH];
        kernels->unpack32(block->exception_values, block->exception_width, count, narrow);
        kernels->scatter32(narrow, positions, count, (uint32_t)block->exception_base, steps);
    }
}

/* The differences of a narrow block, as 32-bit numbers, with the exceptions in their places. */
static void narrow_differences(const struct vv_kernels *kernels,
                               const struct vv_integer_block *block, uint32_t *steps)
{
    size_t count = block->count;
    switch (block->layout) {
    case VV_LAYOUT_LANES:
        kernels->unpack32(block->payload, block->width, count, steps);
        break;
    case VV_LAYOUT_PLANES:
        kernels->planes32(block->payload, block->width, count, steps);
        break;
    case VV_LAYOUT_FIELDS:
        kernels->fields32(block->payload, block->width, count, steps);
        break;
    }
    if (block->zigzag) {
        kernels->unzigzag32(steps, count);
    }
    if (block->exceptions.count != 0) {
        put_narrow_exceptions(kernels, block, steps);
    }
}

/* The sums that make differences steps. */
static void sum_narrow(const struct vv_kernels *kernels, const struct vv_integer_block *block,
                       uint32_t *steps)
{
    if (block->mode != VV_BLOCK_FRAME) {
        kernels->prefix32(steps, block->count, (uint32_t)block->base);
    }
    if (block->mode == VV_BLOCK_DELTA_OF_DELTA) {
        kernels->prefix32(steps, block->count, (uint32_t)(block->first - block->base));
    }
}

/* The differences of any other block. */
static void wide_differences(const struct vv_kernels *kernels, const struct vv_integer_block *block,
                             uint64_t *steps)
{
    size_t count = block->count;
    if (block->width == 0) {
        memset(steps, 0, count * sizeof *steps);
    } else if (block->layout == VV_LAYOUT_PLANES) {
        kernels->planes64(block->payload, block->width, count, steps);
    } else if (block->layout == VV_LAYOUT_FIELDS) {
        kernels->fields64(block->payload, block->width, count, steps);
    } else {
        unpack_wide(kernels, block->payload, block->width, count, steps);
    }
    if (block->zigzag) {
        kernels->unzigzag64(steps, count);
    }
    if (block->exceptions.count != 0) {
        uint16_t room[VV_POSITIONS_ROOM];
        uint64_t values[SCRATCH];
        const uint16_t *positions = vv_positions_list(kernels, &block->exceptions, room);
        unpack_exceptions(kernels, block, values);
        kernels->scatter64(values, positions, block->exceptions.count, block->exception_base,
                           steps);
    }
}

/* Whether the sums only lack the origin, with which they may start then. */
static bool starts_at_origin(const struct vv_integer_block *block)
{
    return block->mode != VV_BLOCK_FRAME && block->factor == 1;
}

/* The sums that make differences steps, on top of start. out may be differences. */
static void sum_wide(const struct vv_kernels *kernels, const struct vv_integer_block *block,
                     uint64_t *differences, uint64_t start, uint64_t *out)
{
    size_t count = block->count;
    if (block->mode == VV_BLOCK_DELTA) {
        kernels->prefix64(differences, count, block->base, start, out);
    } else {
        kernels->prefix64(differences, count, block->base, 0, differences);
        kernels->prefix64(differences, count, block->first - block->base, start, out);
    }
}

void vv_integer_block_integers(const struct vv_kernels *kernels,
                               const struct vv_integer_block *block, uint64_t *out)
{
    if (block->narrow) {
        uint32_t steps[SCRATCH];
        narrow_differences(kernels, block, steps);
        sum_narrow(kernels, block, steps);
        kernels->scale32(steps, block->count, block->origin, block->factor, out);
    } else {
        uint64_t steps[SCRATCH];
        wide_differences(kernels, block, steps);
        if (starts_at_origin(block)) {
            sum_wide(kernels, block, steps, block->origin, out);
            return;
        }
        if (block->mode != VV_BLOCK_FRAME) {
            sum_wide(kernels, block, steps, 0, steps);
        }
        kernels->scale64(steps, block->count, block->origin, block->factor, out);
    }
}

/* Whether all entries but the exceptions are 0, in a narrow block. */
static bool is_sparse(const struct vv_integer_block *block)
{
    return block->narrow && block->mode == VV_BLOCK_FRAME && block->width == 0 &&
           block->origin == 0 && block->exceptions.count != 0 && block->exception_width <= 32;
}

static void add_exceptions(const struct vv_kernels *kernels, const struct vv_integer_block *block,
                           uint64_t *out)
{
    uint16_t room[VV_POSITIONS_ROOM];
    uint32_t steps[SCRATCH];
    size_t count = block->exceptions.count;
    const uint16_t *positions = vv_positions_list(kernels, &block->exceptions, room);
    kernels->unpack32(block->exception_values, block->exception_width, count, steps);
    for (size_t i = 0; i < count; i++) {
        int32_t step = (int32_t)(steps[i] + (uint32_t)block->exception_base);
        out[positions[i]] += block->factor * (uint64_t)(int64_t)step;
    }
}

void vv_integer_block_add(const struct vv_kernels *kernels, const struct vv_integer_block *block,
                          uint64_t *out)
{
    if (is_sparse(block)) {
        add_exceptions(kernels, block, out);
    } else if (block->narrow && block->factor == 1) {
        uint32_t steps[SCRATCH];
        narrow_differences(kernels, block, steps);
        sum_narrow(kernels, block, steps);
        kernels->add32(steps, block->count, block->origin, out);
    } else {
        uint64_t integers[SCRATCH];
        vv_integer_block_integers(kernels, block, integers);
        kernels->add64(integers, block->count, out);
    }
}

bool vv_integer_block_is_small(const struct vv_integer_block *block)
{
    int64_t origin = (int64_t)block->origin;
    /* Steps are at most 2^31. */
    return block->narrow && block->factor <= 1 << 11 && origin <= (int64_t)1 << 42 &&
           origin >= -((int64_t)1 << 42);
}

static bool is_below(uint64_t integer, unsigned bits)
{
    int64_t limit = (int64_t)1 << bits;
    return (int64_t)integer < limit && (int64_t)integer > -limit;
}

/* Whether every entry with a step of 32 bits is exact in a double, and so is what leads to it. */
static bool is_exact(const struct vv_integer_block *block)
{
    return block->factor < 1 << 20 && is_below(block->origin, 51);
}

/* Whether the entries of a block are decimals of its packed numbers, without a sum in between. */
static bool is_frame_of_words(const struct vv_integer_block *block)
{
    return block->mode == VV_BLOCK_FRAME && block->layout == VV_LAYOUT_LANES && !block->zigzag &&
           block->width <= 32;
}

/* Such a block, whose entries are exact where they are none of the exceptions. */
static void frame_decimals(const struct vv_kernels *kernels, const struct vv_integer_block *block,
                           unsigned places, double *out)
{
    uint32_t steps[SCRATCH];
    kernels->unpack32(block->payload, block->width, block->count, steps);
    kernels->decimal_unsigned32(steps, block->count, (double)(int64_t)block->origin,
                                (double)block->factor, places, out);
    if (block->exceptions.count != 0) {
        uint16_t room[VV_POSITIONS_ROOM];
        const uint16_t *positions = vv_positions_list(kernels, &block->exceptions, room);
        uint64_t integers[SCRATCH];
        double decimals[VV_COLUMN_MAX];
        uint64_t origin = block->origin + block->factor * block->exception_base;
        unpack_exceptions(kernels, block, integers);
        kernels->scale64(integers, block->exceptions.count, origin, block->factor, integers);
        kernels->decimal64(integers, block->exceptions.count, places, decimals);
        kernels->scatter64((const uint64_t *)decimals, positions, block->exceptions.count, 0,
                           (uint64_t *)out);
    }
}

/* Whether base + [0, 2^width) is small, modulo 2^32. */
static bool is_small_range(uint64_t base, unsigned width)
{
    int64_t low = (int32_t)(uint32_t)base;
    return width <= 13 && low >= -VV_SMALL && low + ((int64_t)1 << width) <= VV_SMALL;
}

/* Whether a narrow block in lanes tells that its differences are small. */
static bool has_small_differences(const struct vv_integer_block *block)
{
    bool exceptions_are_small =
        block->exceptions.count == 0 ||
        is_small_range(block->base + block->exception_base, block->exception_width);
    return !block->zigzag && is_small_range(block->base, block->width) && exceptions_are_small &&
           is_below(block->origin, 50);
}

/* Whether all differences but the exceptions are 0, so that each of these begins a run. */
static bool is_runs(const struct vv_integer_block *block)
{
    return block->mode == VV_BLOCK_DELTA && block->width == 0 && (uint32_t)block->base == 0 &&
           block->exceptions.count != 0 && block->exception_width <= 32 &&
           !vv_positions_have_zero(&block->exceptions);
}

/* Such a block, narrow and exact: one number for each run, and no sums of zeros. */
static void run_decimals(const struct vv_kernels *kernels, const struct vv_integer_block *block,
                         unsigned places, double *out)
{
    uint32_t differences[1 + SCRATCH];
    double runs[SCRATCH];
    size_t count = block->exceptions.count;
    differences[0] = 0;
    kernels->unpack32(block->exception_values, block->exception_width, count, differences + 1);
    kernels->prefix_decimal32(differences, count + 1, (uint32_t)block->exception_base,
                              (double)(int64_t)block->origin, (double)block->factor, places, runs);
    vv_positions_expand(kernels, &block->exceptions, (const uint64_t *)runs, (uint64_t *)out);
}

void vv_integer_block_decimals(const struct vv_kernels *kernels,
                               const struct vv_integer_block *block, unsigned places, double *out)
{
    if (!block->narrow && is_exact(block) && is_frame_of_words(block)) {
        frame_decimals(kernels, block, places, out);
        return;
    }
    if (!block->narrow || !is_exact(block)) {
        uint64_t wide[SCRATCH];
        vv_integer_block_integers(kernels, block, wide);
        kernels->decimal64(wide, block->count, places, out);
        return;
    }
    if (is_runs(block)) {
        run_decimals(kernels, block, places, out);
        return;
    }
    uint32_t steps[SCRATCH];
    double origin = (double)(int64_t)block->origin;
    double factor = (double)block->factor;
    narrow_differences(kernels, block, steps);
    if (block->mode == VV_BLOCK_DELTA) {
        (has_small_differences(block) ? kernels->prefix_small_decimal32
                                      : kernels->prefix_decimal32)(
            steps, block->count, (uint32_t)block->base, origin, factor, places, out);
    } else {
        sum_narrow(kernels, block, steps);
        kernels->decimal32(steps, block->count, origin, factor, places, out);
    }
}
