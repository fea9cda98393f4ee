/*
 * kernel_scalar.c - the kernels in plain C, value by value: the reference that the others must
 * equal.
 *
 * Written to be read: no unrolling, no vector types. Runs where nothing better is known of a
 * machine. Thread: no state.
 */
#include "compress/decimals.h"
#include "compress/kernel_lanes.h"
#include "compress/values.h"

/* Rows of a group: row r of a lane is the bits [r * width, (r + 1) * width) of the lane's words. */
static void unpack_rows32(const uint32_t *words, unsigned width, size_t rows, uint32_t *out)
{
    uint32_t mask = (uint32_t)vv_bits_mask(width);
    for (size_t row = 0; row < rows; row++) {
        const uint32_t *in = words + row * width / 32 * VV_LANES;
        unsigned shift = (unsigned)(row * width % 32);
        bool split = shift + width > 32;
        for (size_t lane = 0; lane < VV_LANES; lane++) {
            uint32_t value = in[lane] >> shift;
            if (split) {
                value |= in[VV_LANES + lane] << (32 - shift);
            }
            out[row * VV_LANES + lane] = value & mask;
        }
    }
}

static void unpack_rows64(const uint64_t *words, unsigned width, size_t rows, uint64_t *out)
{
    uint64_t mask = vv_bits_mask(width);
    for (size_t row = 0; row < rows; row++) {
        const uint64_t *in = words + row * width / 64 * VV_LANES;
        unsigned shift = (unsigned)(row * width % 64);
        bool split = shift + width > 64;
        for (size_t lane = 0; lane < VV_LANES; lane++) {
            uint64_t value = in[lane] >> shift;
            if (split) {
                value |= in[VV_LANES + lane] << (64 - shift);
            }
            out[row * VV_LANES + lane] = value & mask;
        }
    }
}

static void unpack32(const uint8_t *payload, unsigned width, size_t count, uint32_t *out)
{
    uint32_t group[33 * VV_LANES];
    size_t rows = count / VV_LANES;
    for (size_t row = 0; row < rows; row += 32) {
        size_t group_rows = rows - row < 32 ? rows - row : 32;
        vv_lanes_last_group32(payload + row * 2 * width, group_rows, width, group);
        unpack_rows32(group, width, group_rows, out + row * VV_LANES);
    }
    const uint8_t *tail = payload + rows * 2 * width;
    for (size_t i = rows * VV_LANES; i < count; i++) {
        out[i] = (uint32_t)vv_bits_get(tail, i % VV_LANES, width);
    }
}

static void unpack64(const uint8_t *payload, unsigned width, size_t count, uint64_t *out)
{
    uint64_t group[65 * VV_LANES];
    size_t rows = count / VV_LANES;
    vv_lanes_last_group64(payload, rows, width, group);
    unpack_rows64(group, width, rows, out);
    const uint8_t *tail = payload + rows * 2 * width;
    for (size_t i = rows * VV_LANES; i < count; i++) {
        out[i] = vv_bits_get(tail, i % VV_LANES, width);
    }
}

static void planes64(const uint8_t *payload, unsigned width, size_t count, uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = 0;
        for (unsigned shift = 0; shift < width; shift += 8) {
            out[i] |= (uint64_t)payload[shift / 8 * count + i] << shift;
        }
    }
}

static void planes32(const uint8_t *payload, unsigned width, size_t count, uint32_t *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = 0;
        for (unsigned shift = 0; shift < width; shift += 8) {
            out[i] |= (uint32_t)payload[shift / 8 * count + i] << shift;
        }
    }
}

static void fields64(const uint8_t *payload, unsigned width, size_t count, uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = vv_bits_get(payload, i, width);
    }
}

static void fields32(const uint8_t *payload, unsigned width, size_t count, uint32_t *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = (uint32_t)vv_bits_get(payload, i, width);
    }
}

static void unzigzag32(uint32_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (numbers[i] >> 1) ^ (0 - (numbers[i] & 1));
    }
}

static void unzigzag64(uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (uint64_t)vv_unzigzag(numbers[i]);
    }
}

static size_t positions(const uint8_t *gaps, unsigned code, size_t count, uint16_t *out)
{
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        next += vv_bits_get(gaps, i, code);
        out[i] = (uint16_t)next++;
    }
    return next;
}

static size_t bitmap(const uint8_t *bits, size_t limit, uint16_t *out)
{
    size_t found = 0;
    for (size_t first = 0; first < limit; first += 64) {
        uint64_t word = vv_load_u64(bits + first / 8);
        word &= vv_bits_mask(limit - first < 64 ? (unsigned)(limit - first) : 64);
        for (; word != 0; word &= word - 1) {
            out[found++] = (uint16_t)(first + (size_t)__builtin_ctzll(word));
        }
    }
    return found;
}

static void scatter32(const uint32_t *values, const uint16_t *where, size_t count, uint32_t base,
                      uint32_t *numbers)
{
    for (size_t i = 0; i < count; i++) {
        numbers[where[i]] = base + values[i];
    }
}

static void scatter64(const uint64_t *values, const uint16_t *where, size_t count, uint64_t base,
                      uint64_t *numbers)
{
    for (size_t i = 0; i < count; i++) {
        numbers[where[i]] = base + values[i];
    }
}

static void prefix32(uint32_t *values, size_t count, uint32_t step)
{
    uint32_t sum = 0 - step;
    for (size_t i = 0; i < count; i++) {
        sum += values[i] + step;
        values[i] = sum;
    }
}

static void prefix64(const uint64_t *values, size_t count, uint64_t step, uint64_t start,
                     uint64_t *out)
{
    uint64_t sum = start - step;
    for (size_t i = 0; i < count; i++) {
        sum += values[i] + step;
        out[i] = sum;
    }
}

static void scale32(const uint32_t *steps, size_t count, uint64_t origin, uint64_t factor,
                    uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = origin + factor * (uint64_t)(int64_t)(int32_t)steps[i];
    }
}

static void scale64(const uint64_t *steps, size_t count, uint64_t origin, uint64_t factor,
                    uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = origin + factor * steps[i];
    }
}

static void add32(const uint32_t *steps, size_t count, uint64_t origin, uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] += origin + (uint64_t)(int64_t)(int32_t)steps[i];
    }
}

static void add64(const uint64_t *numbers, size_t count, uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] += numbers[i];
    }
}

static void decimal64(const uint64_t *integers, size_t count, unsigned places, double *out)
{
    double power = vv_powers_of_ten[places];
    for (size_t i = 0; i < count; i++) {
        out[i] = (double)(int64_t)integers[i] / power;
    }
}

static void decimal32(const uint32_t *steps, size_t count, double origin, double factor,
                      unsigned places, double *out)
{
    double power = vv_powers_of_ten[places];
    for (size_t i = 0; i < count; i++) {
        out[i] = ((double)(int32_t)steps[i] * factor + origin) / power;
    }
}

static void decimal_unsigned32(const uint32_t *steps, size_t count, double origin, double factor,
                               unsigned places, double *out)
{
    double power = vv_powers_of_ten[places];
    for (size_t i = 0; i < count; i++) {
        out[i] = ((double)steps[i] * factor + origin) / power;
    }
}

static void prefix_decimal32(const uint32_t *values, size_t count, uint32_t step, double origin,
                             double factor, unsigned places, double *out)
{
    double power = vv_powers_of_ten[places];
    uint32_t sum = 0 - step;
    for (size_t i = 0; i < count; i++) {
        sum += values[i] + step;
        out[i] = ((double)(int32_t)sum * factor + origin) / power;
    }
}

static void widen(const uint32_t *numbers, size_t count, uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = numbers[i];
    }
}

static void order(uint64_t *bits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bits[i] = vv_ordered_bits(bits[i]);
    }
}

static void fill(uint64_t value, size_t count, uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = value;
    }
}

static void expand(const uint64_t *runs, const uint16_t *starts, size_t run_count, size_t count,
                   uint64_t *out)
{
    size_t at = 0;
    for (size_t run = 0; run < run_count; run++) {
        size_t end = run + 1 < run_count ? starts[run] : count;
        for (; at < end; at++) {
            out[at] = runs[run];
        }
    }
}

static void expand_bitmap(const uint64_t *runs, const uint8_t *bits, size_t count, uint64_t *out)
{
    size_t run = 0;
    for (size_t i = 0; i < count; i++) {
        run += bits[i / 8] >> i % 8 & 1;
        out[i] = runs[run];
    }
}

static size_t changes(const double *values, size_t count)
{
    size_t found = 0;
    for (size_t i = 1; i < count; i++) {
        found += memcmp(&values[i], &values[i - 1], sizeof *values) != 0;
    }
    return found;
}

static size_t to_decimals(const double *values, size_t count, unsigned places, int64_t *integers,
                          uint16_t *others)
{
    size_t failures = 0;
    for (size_t i = 0; i < count; i++) {
        if (!vv_to_decimal(values[i], places, &integers[i])) {
            others[failures++] = (uint16_t)i;
        }
    }
    return failures;
}

static bool whole_statistics(const double *values, size_t count,
                             struct vv_value_statistics *statistics)
{
    double min = values[0], max = values[0], sum = 0, increase = 0;
    uint32_t resets = 0;
    for (size_t i = 0; i < count; i++) {
        double value = values[i], before = values[i == 0 ? 0 : i - 1];
        bool reset = value < before;
        if (!vv_is_whole(value)) {
            return false;
        }
        min = value < min ? value : min;
        max = value > max ? value : max;
        sum += value;
        increase += reset ? value : value - before;
        resets += reset;
    }
    statistics->min = min;
    statistics->max = max;
    statistics->sum = sum;
    statistics->increase = increase;
    statistics->resets = resets;
    return true;
}

static void difference(const int64_t *numbers, size_t count, int64_t *restrict out)
{
    out[0] = 0;
    for (size_t i = 1; i < count; i++) {
        out[i] = (int64_t)((uint64_t)numbers[i] - (uint64_t)numbers[i - 1]);
    }
}

static void range(const int64_t *numbers, size_t count, int64_t *low, int64_t *high)
{
    int64_t least = numbers[0];
    int64_t greatest = numbers[0];
    for (size_t i = 1; i < count; i++) {
        least = numbers[i] < least ? numbers[i] : least;
        greatest = numbers[i] > greatest ? numbers[i] : greatest;
    }
    *low = least;
    *high = greatest;
}

/* Lanes of 8 to 64 bits: narrow_<bits>(), census_<bits>(). */
#define FOR_LANES(bits)                                                                            \
    static void narrow_##bits(const int64_t *numbers, size_t count, int64_t low, void *out)        \
    {                                                                                              \
        uint##bits##_t *offsets = out;                                                             \
        for (size_t i = 0; i < count; i++) {                                                       \
            offsets[i] = (uint##bits##_t)((uint64_t)numbers[i] - (uint64_t)low);                   \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static size_t census_##bits(const void *in, size_t count, uint64_t base, unsigned width,       \
                                uint64_t *set)                                                     \
    {                                                                                              \
        const uint##bits##_t *offsets = in;                                                        \
        size_t within = 0;                                                                         \
        for (size_t i = 0; i < count; i++) {                                                       \
            uint##bits##_t distance = (uint##bits##_t)(offsets[i] - (uint##bits##_t)base);         \
            bool fits = distance <= vv_bits_mask(width);                                           \
            *set |= fits ? distance : 0;                                                           \
            within += fits;                                                                        \
        }                                                                                          \
        return within;                                                                             \
    }

FOR_LANES(8)
FOR_LANES(16)
FOR_LANES(32)
FOR_LANES(64)

static void narrow(const int64_t *numbers, size_t count, int64_t low, unsigned lane, void *out)
{
    static void (*const of_lane[])(const int64_t *, size_t, int64_t,
                                   void *) = {narrow_8, narrow_16, narrow_32, narrow_64};
    of_lane[lane](numbers, count, low, out);
}

static size_t census(const void *offsets, size_t count, unsigned lane, uint64_t base,
                     unsigned width, uint64_t *bits)
{
    static size_t (*const of_lane[])(const void *, size_t, uint64_t, unsigned,
                                     uint64_t *) = {census_8, census_16, census_32, census_64};
    *bits = 0;
    return of_lane[lane](offsets, count, base, width, bits);
}

static size_t split(const int64_t *numbers, size_t count, int64_t base, unsigned width,
                    uint64_t *packed)
{
    uint64_t mask = vv_bits_mask(width);
    size_t within = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t distance = (uint64_t)numbers[i] - (uint64_t)base;
        packed[i] = distance <= mask ? distance : 0;
        within += distance <= mask;
    }
    return within;
}

/* Writes the rows lane by lane as word_bits words; the last, partial words and the last row as
 * fields. */
static size_t pack(const uint64_t *values, size_t count, unsigned width, unsigned word_bits,
                   uint8_t *out)
{
    size_t rows = count / VV_LANES;
    size_t lane_bits = rows * width;
    size_t whole = lane_bits / word_bits;
    unsigned rest = (unsigned)(lane_bits % word_bits);
    uint64_t last_words[VV_LANES] = {0};
    for (size_t lane = 0; lane < VV_LANES; lane++) {
        uint64_t word = 0;
        size_t word_index = 0;
        unsigned filled = 0;
        for (size_t row = 0; row < rows; row++) {
            uint64_t value = values[row * VV_LANES + lane];
            word |= value << filled;
            filled += width;
            if (filled < word_bits) {
                continue;
            }
            uint8_t *at = out + (word_index++ * VV_LANES + lane) * (word_bits / 8);
            if (word_bits == 32) {
                vv_store_u32(at, (uint32_t)word);
            } else {
                vv_store_u64(at, word);
            }
            filled -= word_bits;
            word = filled != 0 ? value >> (width - filled) : 0;
        }
        last_words[lane] = word;
    }
    struct vv_bit_writer writer = {.at = out + whole * VV_LANES * (word_bits / 8)};
    for (size_t lane = 0; lane < VV_LANES; lane++) {
        vv_bits_put(&writer, last_words[lane], rest);
    }
    for (size_t i = rows * VV_LANES; i < count; i++) {
        vv_bits_put(&writer, values[i], width);
    }
    return (size_t)(vv_bits_flush(&writer) - out);
}

static size_t pack32(const uint64_t *values, size_t count, unsigned width, uint8_t *out)
{
    return pack(values, count, width, 32, out);
}

static size_t pack64(const uint64_t *values, size_t count, unsigned width, uint8_t *out)
{
    return pack(values, count, width, 64, out);
}

const struct vv_kernels vv_kernels_scalar = {
    .unpack32 = unpack32,
    .unpack64 = unpack64,
    .planes32 = planes32,
    .planes64 = planes64,
    .fields32 = fields32,
    .fields64 = fields64,
    .unzigzag32 = unzigzag32,
    .unzigzag64 = unzigzag64,
    .positions = positions,
    .bitmap = bitmap,
    .scatter32 = scatter32,
    .scatter64 = scatter64,
    .prefix32 = prefix32,
    .prefix64 = prefix64,
    .scale32 = scale32,
    .scale64 = scale64,
    .add32 = add32,
    .add64 = add64,
    .decimal32 = decimal32,
    .decimal_unsigned32 = decimal_unsigned32,
    .decimal64 = decimal64,
    .prefix_decimal32 = prefix_decimal32,
    .prefix_small_decimal32 = prefix_decimal32,
    .fill = fill,
    .widen = widen,
    .order = order,
    .expand = expand,
    .expand_bitmap = expand_bitmap,
    .changes = changes,
    .to_decimals = to_decimals,
    .whole_statistics = whole_statistics,
    .difference = difference,
    .range = range,
    .narrow = narrow,
    .census = census,
    .split = split,
    .pack32 = pack32,
    .pack64 = pack64,
};
