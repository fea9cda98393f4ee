/*
 * block_statistics.c - a chunk's statistics in the decimal domain, relative to its first value.
 *
 *   packed page  | length u16 | counts as an integer column | row | row | ...
 *   row          | header u16 | first | last? | min? | max? | sum? | increase? | NaN? | resets? |
 *
 *   header  bits 0-4    places of the decimals, 0 to 15; 31: values are raw
 *           bit  5      last is first
 *           bits 6-7    min: stored, first, last          bits 8-9    max: likewise
 *           bits 10-11  sum: raw, stored, first * count   bits 12-13  increase: raw, stored, 0,
 *           last - first
 *           bit  14     there are NaN                     bit  15     there are resets
 *
 * Q1  What can be derived is left out, if the derived double has the same bits.
 * Q2  A stored decimal is a signed varint: of first itself, of the distance to first (last, min,
 *     max), of the distance to count * first (sum), of increase itself. A raw value is 8 bytes.
 *     With places 31 there are no decimals: "stored" is raw too.
 * Threads: pure functions.
 */
#include "mmap/block_statistics.h"

#include <math.h>

#include "compress/decimals.h"

enum { PLACES_RAW = 31, PLACES_BITS = 0x1f };
enum { LAST_IS_FIRST = 1 << 5, HAS_NAN = 1 << 14, HAS_RESETS = 1 << 15 };
enum { SHIFT_MIN = 6, SHIFT_MAX = 8, SHIFT_SUM = 10, SHIFT_INCREASE = 12, CHOICE_BITS = 3 };
enum { EDGE_STORED, EDGE_FIRST, EDGE_LAST };
enum { SUM_RAW, SUM_STORED, SUM_DERIVED };
enum { INCREASE_RAW, INCREASE_STORED, INCREASE_ZERO, INCREASE_DERIVED };

/* Bytes that are always enough for a row. */
enum { ROW_BYTES_MAX = 2 + 6 * VV_VARINT_MAX + 2 * VV_VARINT_MAX };

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

/* The integer that is value with so many places; false if value is no such decimal. */
static bool to_decimal(double value, unsigned places, int64_t *integer)
{
    double scaled = value * vv_powers_of_ten[places];
    if (!(fabs(scaled) < 0x1p51)) {
        return false;
    }
    *integer = (int64_t)(scaled + (scaled < 0 ? -0.5 : 0.5));
    return same_bits((double)*integer / vv_powers_of_ten[places], value);
}

static double from_decimal(uint64_t integer, unsigned places)
{
    return (double)(int64_t)integer / vv_powers_of_ten[places];
}

/* The fewest places that make decimals of all values, or PLACES_RAW. */
static unsigned find_places(const double *values, size_t count)
{
    unsigned places = 0;
    for (size_t index = 0; index < count;) {
        int64_t integer;
        if (to_decimal(values[index], places, &integer)) {
            index++;
        } else if (places < VV_DECIMALS_MAX) {
            places++;
            index = 0;
        } else {
            return PLACES_RAW;
        }
    }
    return places;
}

static unsigned choose_edge(double value, double first, double last)
{
    return same_bits(value, first) ? EDGE_FIRST : same_bits(value, last) ? EDGE_LAST : EDGE_STORED;
}

static void write_raw(struct vv_writer *writer, double value)
{
    uint8_t bytes[sizeof(double)];
    vv_block_store_double(bytes, value);
    vv_write_bytes(writer, bytes, sizeof(bytes));
}

/* Writes a value that is known to be a decimal, as its distance to an origin; or raw. */
static void write_value(struct vv_writer *writer, double value, unsigned places, uint64_t origin)
{
    int64_t integer;
    if (places == PLACES_RAW) {
        write_raw(writer, value);
    } else {
        (void)to_decimal(value, places, &integer);
        vv_write_varint_signed(writer, (int64_t)((uint64_t)integer - origin));
    }
}

/* Collects what has to be stored, to find places for all of it. */
static unsigned row_places(const struct vv_value_statistics *row, unsigned min, unsigned max)
{
    double values[4];
    size_t count = 0;
    values[count++] = row->first;
    if (!same_bits(row->last, row->first)) {
        values[count++] = row->last;
    }
    if (min == EDGE_STORED) {
        values[count++] = row->min;
    }
    if (max == EDGE_STORED) {
        values[count++] = row->max;
    }
    return find_places(values, count);
}

static unsigned choose_sum(const struct vv_value_statistics *row, unsigned places)
{
    int64_t integer;
    /* Which NaN an operation makes is the machine's affair: NaN is never derived. */
    if (!isnan(row->sum) && same_bits(row->sum, row->first * (double)row->count)) {
        return SUM_DERIVED;
    }
    bool decimal = places != PLACES_RAW && to_decimal(row->sum, places, &integer);
    return decimal ? SUM_STORED : SUM_RAW;
}

static unsigned choose_increase(const struct vv_value_statistics *row, unsigned places)
{
    int64_t integer;
    if (same_bits(row->increase, 0)) {
        return INCREASE_ZERO;
    }
    if (!isnan(row->increase) && same_bits(row->increase, row->last - row->first)) {
        return INCREASE_DERIVED;
    }
    bool decimal = places != PLACES_RAW && to_decimal(row->increase, places, &integer);
    return decimal ? INCREASE_STORED : INCREASE_RAW;
}

static void write_row(struct vv_writer *writer, const struct vv_value_statistics *row)
{
    unsigned min = choose_edge(row->min, row->first, row->last);
    unsigned max = choose_edge(row->max, row->first, row->last);
    unsigned places = row_places(row, min, max);
    unsigned sum = choose_sum(row, places);
    unsigned increase = choose_increase(row, places);
    bool last_is_first = same_bits(row->last, row->first);
    unsigned header = places | (last_is_first ? LAST_IS_FIRST : 0) | min << SHIFT_MIN |
                      max << SHIFT_MAX | sum << SHIFT_SUM | increase << SHIFT_INCREASE |
                      (row->nan_count != 0 ? HAS_NAN : 0) | (row->resets != 0 ? HAS_RESETS : 0);
    int64_t first = 0;
    if (places != PLACES_RAW) {
        (void)to_decimal(row->first, places, &first);
    }
    vv_write_u16(writer, (uint16_t)header);
    write_value(writer, row->first, places, 0);
    if (!last_is_first) {
        write_value(writer, row->last, places, (uint64_t)first);
    }
    if (min == EDGE_STORED) {
        write_value(writer, row->min, places, (uint64_t)first);
    }
    if (max == EDGE_STORED) {
        write_value(writer, row->max, places, (uint64_t)first);
    }
    if (sum != SUM_DERIVED) {
        write_value(writer, row->sum, sum == SUM_RAW ? PLACES_RAW : places,
                    (uint64_t)first * row->count);
    }
    if (increase <= INCREASE_STORED) {
        write_value(writer, row->increase, increase == INCREASE_RAW ? PLACES_RAW : places, 0);
    }
    if (row->nan_count != 0) {
        vv_write_varint(writer, row->nan_count);
    }
    if (row->resets != 0) {
        vv_write_varint(writer, row->resets);
    }
}

varve_status vv_block_statistics_pack(const uint8_t *records, size_t count, struct vv_buffer *out)
{
    int64_t counts[VV_COLUMN_MAX];
    VV_ASSERT(count >= 1 && count <= VV_COLUMN_MAX);
    for (size_t index = 0; index < count; index++) {
        counts[index] =
            (int64_t)vv_load_u32(records + index * VV_STATISTICS_BYTES + VV_STATISTICS_COUNT);
    }
    VV_TRY(vv_buffer_reserve(out, 2 + VV_TIMESTAMPS_BOUND(count) + count * ROW_BYTES_MAX));
    uint8_t *start = out->bytes + out->length;
    size_t length = vv_timestamps_encode(counts, count, start + 2);
    vv_store_u16(start, (uint16_t)length);
    struct vv_writer writer = vv_writer_init(start + 2 + length, count * ROW_BYTES_MAX);
    for (size_t index = 0; index < count; index++) {
        struct vv_value_statistics row =
            vv_block_load_statistics(records + index * VV_STATISTICS_BYTES);
        write_row(&writer, &row);
    }
    VV_ASSERT(!writer.failed);
    out->length += (size_t)(writer.at - start);
    return VARVE_OK;
}

static double read_value(struct vv_reader *reader, unsigned places, uint64_t origin)
{
    if (places == PLACES_RAW) {
        const uint8_t *bytes = vv_read_bytes(reader, sizeof(double));
        return bytes != NULL ? vv_block_load_double(bytes) : 0;
    }
    return from_decimal((uint64_t)vv_read_varint_signed(reader) + origin, places);
}

static double read_edge(struct vv_reader *reader, unsigned choice,
                        const struct vv_value_statistics *row, unsigned places, uint64_t origin)
{
    if (choice == EDGE_FIRST) {
        return row->first;
    }
    return choice == EDGE_LAST ? row->last : read_value(reader, places, origin);
}

/* Reads a row, whose count is known. */
static varve_status read_row(struct vv_reader *reader, struct vv_value_statistics *row)
{
    unsigned header = vv_read_u16(reader);
    unsigned places = header & PLACES_BITS;
    unsigned sum = header >> SHIFT_SUM & CHOICE_BITS;
    unsigned increase = header >> SHIFT_INCREASE & CHOICE_BITS;
    if (places > VV_DECIMALS_MAX && places != PLACES_RAW) {
        return VARVE_CORRUPT;
    }
    uint64_t first = 0;
    if (places == PLACES_RAW) {
        row->first = read_value(reader, places, 0);
    } else {
        first = (uint64_t)vv_read_varint_signed(reader);
        row->first = from_decimal(first, places);
    }
    row->last = (header & LAST_IS_FIRST) != 0 ? row->first : read_value(reader, places, first);
    row->min = read_edge(reader, header >> SHIFT_MIN & CHOICE_BITS, row, places, first);
    row->max = read_edge(reader, header >> SHIFT_MAX & CHOICE_BITS, row, places, first);
    row->sum = row->first * (double)row->count;
    if (sum != SUM_DERIVED) {
        row->sum = read_value(reader, sum == SUM_RAW ? PLACES_RAW : places, first * row->count);
    }
    row->increase = increase == INCREASE_ZERO ? 0 : row->last - row->first;
    if (increase <= INCREASE_STORED) {
        row->increase = read_value(reader, increase == INCREASE_RAW ? PLACES_RAW : places, 0);
    }
    row->nan_count = (header & HAS_NAN) != 0 ? (uint32_t)vv_read_varint(reader) : 0;
    row->resets = (header & HAS_RESETS) != 0 ? (uint32_t)vv_read_varint(reader) : 0;
    return reader->failed ? VARVE_CORRUPT : VARVE_OK;
}

varve_status vv_block_statistics_unpack(const uint8_t *in, size_t length, size_t count,
                                        uint8_t *records)
{
    int64_t counts[VV_COLUMN_MAX];
    VV_ASSERT(count >= 1 && count <= VV_COLUMN_MAX);
    struct vv_reader reader = vv_reader_init(in, length);
    size_t counts_length = vv_read_u16(&reader);
    const uint8_t *encoded = vv_read_bytes(&reader, counts_length);
    if (encoded == NULL) {
        return VARVE_CORRUPT;
    }
    VV_TRY(vv_timestamps_decode(encoded, counts_length, count, counts));
    for (size_t index = 0; index < count; index++) {
        struct vv_value_statistics row = {.count = (uint32_t)counts[index]};
        VV_TRY(read_row(&reader, &row));
        vv_block_store_statistics(records + index * VV_STATISTICS_BYTES, &row);
    }
    return vv_reader_left(&reader) == 0 ? VARVE_OK : VARVE_CORRUPT;
}
