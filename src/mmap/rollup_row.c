/*
 * rollup_row.c - rows of rollups: made from samples, and runs of them encoded.
 *
 *   run  | rows u16 | length u16, column | length u16, column | ... 12 columns |
 *
 * Y1  What a row says is a function of the samples and of how they are cut into chunks, in scalar
 *     arithmetic of a fixed order: a check computes the same bits, whatever machine wrote them. NaN
 *     that comes out of infinities is the canonical one.
 * Y2  A column that would be longer encoded is stored raw, so that a run of one row is not longer
 *     than the row.
 * Y3  Readers skip the columns that they have no use for.
 * Threads: pure. Format: BLOCK_FORMAT.md, "Rollups".
 */
#include "mmap/rollup_row.h"

#include <math.h>

#include "base/bytes.h"
#include "query/functions.h"
#include "query/numbers_kernels.h"
#include "query/ranges.h"
#include "query/steps.h"

enum {
    ROW_SAMPLES_MAX = 1 << 30, /* so that its count stays far from 32 bits */
    RAW_COLUMN = 0x8000,       /* in the length of a column */
};

/* ------------------------------------------------------------------------------- Making */

/* The sum of (value - mean)^2, added up in four lanes (Y1). */
static double squares_of(const double *values, size_t count, double mean)
{
    double lanes[4] = {0, 0, 0, 0};
    for (size_t at = 0; at < count; at++) {
        double distance = values[at] - mean;
        lanes[at % 4] += distance * distance;
    }
    return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

static double canonical(double value)
{
    return value == value ? value : (double)NAN;
}

/* Adds the spread of a part to that of the row, as Chan, Golub and LeVeque do. */
static void add_squares(struct vv_rollup_maker *maker, const struct vv_value_statistics *part,
                        const double *values)
{
    struct vv_rollup_row *row = &maker->row;
    double mean = part->sum / part->count;
    double before = row->summary.statistics.count;
    row->squares += squares_of(values, part->count, mean);
    if (before > 0) {
        double distance = mean - vv_numbers_total(&maker->total) / before;
        row->squares += distance * distance * (before * part->count / (before + part->count));
    }
}

/* Adds samples of the bucket under way. */
static void add_part(struct vv_rollup_maker *maker, const int64_t *timestamps, const double *values,
                     size_t count)
{
    struct vv_summary *summary = &maker->row.summary;
    struct vv_value_statistics *all = &summary->statistics;
    struct vv_value_statistics part;
    vv_values_statistics(values, count, &part);
    if (all->count == 0) {
        summary->time_min = timestamps[0];
        all->first = part.first;
        all->min = part.min;
        all->max = part.max;
    } else {
        all->increase += part.first < all->last ? part.first : part.first - all->last;
        all->resets += part.first < all->last;
        all->min = part.min < all->min ? part.min : all->min;
        all->max = part.max > all->max ? part.max : all->max;
    }
    add_squares(maker, &part, values);
    vv_numbers_add_exactly(&maker->total, part.sum);
    summary->time_max = timestamps[count - 1];
    all->last = part.last;
    all->increase += part.increase;
    all->resets += part.resets;
    all->nan_count += part.nan_count;
    all->count += part.count;
}

static void begin_row(struct vv_rollup_maker *maker, int64_t timestamp)
{
    const struct vv_steps steps = {.count = maker->step};
    int64_t start;
    vv_steps_bounds(&steps, timestamp, &start, &maker->end);
    maker->open = true;
    maker->total = vv_numbers_none();
    maker->row = (struct vv_rollup_row){0};
}

bool vv_rollup_make_last(struct vv_rollup_maker *maker, struct vv_rollup_row *row)
{
    if (!maker->open) {
        return false;
    }
    const struct vv_summary *summary = &maker->row.summary;
    const struct vv_value_statistics *all = &summary->statistics;
    *row = (struct vv_rollup_row){
        .summary = {.time_min = summary->time_min,
                    .time_max = summary->time_max,
                    .statistics = {.count = all->count, .nan_count = all->nan_count}}};
    if (all->nan_count == 0) {
        *row = maker->row;
        row->squares = canonical(row->squares);
        row->summary.statistics.sum = canonical(vv_numbers_total(&maker->total));
        row->summary.statistics.increase = canonical(all->increase);
    }
    maker->open = false;
    return true;
}

bool vv_rollup_make(struct vv_rollup_maker *maker, const int64_t *timestamps, const double *values,
                    size_t count, size_t *at, struct vv_rollup_row *row)
{
    while (*at < count) {
        if (maker->open && (timestamps[*at] >= maker->end ||
                            maker->row.summary.statistics.count >= ROW_SAMPLES_MAX)) {
            return vv_rollup_make_last(maker, row);
        }
        if (!maker->open) {
            begin_row(maker, timestamps[*at]);
        }
        size_t end = vv_timestamps_find(timestamps, *at, count, maker->end);
        add_part(maker, timestamps + *at, values + *at, end - *at);
        *at = end;
    }
    return false;
}

/* ----------------------------------------------------------------------------- Encoding */

static int64_t integer_of(const struct vv_rollup_row *row, enum vv_rollup_column column)
{
    const struct vv_summary *summary = &row->summary;
    switch ((unsigned)column) {
    case VV_ROLLUP_TIME_MIN:
        return summary->time_min;
    case VV_ROLLUP_TIME_SPAN:
        return (int64_t)((uint64_t)summary->time_max - (uint64_t)summary->time_min);
    case VV_ROLLUP_COUNT:
        return summary->statistics.count;
    case VV_ROLLUP_NAN_COUNT:
        return summary->statistics.nan_count;
    default:
        return summary->statistics.resets;
    }
}

static double float_of(const struct vv_rollup_row *row, enum vv_rollup_column column)
{
    const struct vv_value_statistics *statistics = &row->summary.statistics;
    switch ((unsigned)column) {
    case VV_ROLLUP_SUM:
        return statistics->sum;
    case VV_ROLLUP_SQUARES:
        return row->squares;
    case VV_ROLLUP_MIN:
        return statistics->min;
    case VV_ROLLUP_MAX:
        return statistics->max;
    case VV_ROLLUP_FIRST:
        return statistics->first;
    case VV_ROLLUP_LAST:
        return statistics->last;
    default:
        return statistics->increase;
    }
}

/* Writes a column, encoded or raw (Y2); entries are the 8 bytes of each. */
static uint8_t *put_column(uint8_t *out, const uint8_t *encoded, size_t length,
                           const uint64_t *entries, size_t count)
{
    if (length < count * sizeof(uint64_t)) {
        vv_store_u16(out, (uint16_t)length);
        memcpy(out + 2, encoded, length);
        return out + 2 + length;
    }
    vv_store_u16(out, (uint16_t)(RAW_COLUMN | count * sizeof(uint64_t)));
    out += 2;
    for (size_t at = 0; at < count; at++, out += sizeof(uint64_t)) {
        vv_store_u64(out, entries[at]);
    }
    return out;
}

size_t vv_rollup_run_encode(const struct vv_rollup_row *rows, size_t count, uint8_t *out)
{
    uint8_t encoded[VV_VALUES_BOUND(VV_ROLLUP_RUN_ROWS)];
    uint8_t *end = out + 2;
    VV_ASSERT(count >= 1 && count <= VV_ROLLUP_RUN_ROWS);
    vv_store_u16(out, (uint16_t)count);
    for (int column = 0; column < VV_ROLLUP_COLUMNS; column++) {
        uint64_t entries[VV_ROLLUP_RUN_ROWS];
        int64_t integers[VV_ROLLUP_RUN_ROWS];
        double floats[VV_ROLLUP_RUN_ROWS];
        size_t length;
        if (column < VV_ROLLUP_INTEGERS) {
            for (size_t at = 0; at < count; at++) {
                integers[at] = integer_of(&rows[at], (enum vv_rollup_column)column);
            }
            memcpy(entries, integers, count * sizeof(entries[0]));
            length = vv_timestamps_encode(integers, count, encoded);
        } else {
            for (size_t at = 0; at < count; at++) {
                floats[at] = float_of(&rows[at], (enum vv_rollup_column)column);
            }
            memcpy(entries, floats, count * sizeof(entries[0]));
            length = vv_values_encode(floats, count, encoded);
        }
        end = put_column(end, encoded, length, entries, count);
    }
    return (size_t)(end - out);
}

/* ----------------------------------------------------------------------------- Decoding */

/* A bit for each column that a wish asks for. */
static unsigned wished(const struct vv_rollup_wish *wish)
{
    unsigned mask = 1u << VV_ROLLUP_TIME_MIN | 1u << VV_ROLLUP_TIME_SPAN | 1u << VV_ROLLUP_COUNT |
                    1u << VV_ROLLUP_NAN_COUNT;
    if ((wish->parts & (VV_PART_SUM | VV_PART_SPREAD)) != 0) {
        mask |= 1u << VV_ROLLUP_SUM;
    }
    if ((wish->parts & VV_PART_SPREAD) != 0) {
        mask |= 1u << VV_ROLLUP_SQUARES;
    }
    if ((wish->parts & VV_PART_EXTREMES) != 0) {
        mask |= 1u << VV_ROLLUP_MIN | 1u << VV_ROLLUP_MAX;
    }
    if ((wish->parts & VV_PART_STEPS) != 0) {
        mask |= 1u << VV_ROLLUP_RESETS | 1u << VV_ROLLUP_INCREASE;
    }
    if (wish->ends || (wish->parts & VV_PART_STEPS) != 0) {
        mask |= 1u << VV_ROLLUP_FIRST | 1u << VV_ROLLUP_LAST;
    }
    return mask;
}

static varve_status get_column(const uint8_t *in, unsigned header, size_t count,
                               enum vv_rollup_column column, struct vv_rollup_run *run)
{
    size_t length = header & ~(unsigned)RAW_COLUMN;
    bool is_integer = column < VV_ROLLUP_INTEGERS;
    if ((header & RAW_COLUMN) == 0) {
        return is_integer
                   ? vv_timestamps_decode(in, length, count, run->integers[column])
                   : vv_values_decode(in, length, count, run->floats[column - VV_ROLLUP_INTEGERS]);
    }
    if (length != count * sizeof(uint64_t)) {
        return VARVE_CORRUPT;
    }
    for (size_t at = 0; at < count; at++) {
        uint64_t bits = vv_load_u64(in + at * sizeof(bits));
        if (is_integer) {
            run->integers[column][at] = (int64_t)bits;
        } else {
            memcpy(&run->floats[column - VV_ROLLUP_INTEGERS][at], &bits, sizeof(bits));
        }
    }
    return VARVE_OK;
}

static bool rows_are_sane(const struct vv_rollup_run *run)
{
    bool has_resets = (run->columns >> VV_ROLLUP_RESETS & 1) != 0;
    for (size_t at = 0; at < run->count; at++) {
        int64_t time_min = vv_rollup_run_time_min(run, at);
        int64_t time_max = vv_rollup_run_time_max(run, at);
        int64_t samples = run->integers[VV_ROLLUP_COUNT][at];
        int64_t nans = run->integers[VV_ROLLUP_NAN_COUNT][at];
        if (time_max < time_min || time_max == INT64_MAX || samples < 1 || samples > UINT32_MAX ||
            nans < 0 || nans > samples ||
            (has_resets && (run->integers[VV_ROLLUP_RESETS][at] < 0 ||
                            run->integers[VV_ROLLUP_RESETS][at] > samples)) ||
            (at > 0 && time_min <= vv_rollup_run_time_max(run, at - 1))) {
            return false;
        }
    }
    return true;
}

varve_status vv_rollup_run_decode(const uint8_t *in, size_t length,
                                  const struct vv_rollup_wish *wish, struct vv_rollup_run *run)
{
    struct vv_reader reader = vv_reader_init(in, length);
    size_t count = vv_read_u16(&reader);
    unsigned mask = wished(wish);
    run->columns = mask;
    run->count = 0;
    if (reader.failed || count < 1 || count > VV_ROLLUP_RUN_ROWS) {
        return VARVE_CORRUPT;
    }
    for (int column = 0; column < VV_ROLLUP_COLUMNS; column++) {
        unsigned header = vv_read_u16(&reader);
        const uint8_t *bytes = vv_read_bytes(&reader, header & ~(unsigned)RAW_COLUMN);
        if (reader.failed) {
            return VARVE_CORRUPT;
        }
        if ((mask >> column & 1) != 0) {
            VV_TRY(get_column(bytes, header, count, (enum vv_rollup_column)column, run));
        }
    }
    run->count = count;
    if (vv_reader_left(&reader) != 0 || !rows_are_sane(run)) {
        run->count = 0;
        return VARVE_CORRUPT;
    }
    return VARVE_OK;
}

static double float_at(const struct vv_rollup_run *run, enum vv_rollup_column column, size_t at)
{
    bool has = (run->columns >> column & 1) != 0;
    return has ? run->floats[column - VV_ROLLUP_INTEGERS][at] : 0.0;
}

static uint32_t integer_at(const struct vv_rollup_run *run, enum vv_rollup_column column, size_t at)
{
    bool has = (run->columns >> column & 1) != 0;
    return has ? (uint32_t)run->integers[column][at] : 0;
}

void vv_rollup_run_row(const struct vv_rollup_run *run, size_t at, struct vv_rollup_row *row)
{
    VV_ASSERT(at < run->count);
    row->summary =
        (struct vv_summary){.time_min = vv_rollup_run_time_min(run, at),
                            .time_max = vv_rollup_run_time_max(run, at),
                            .statistics = {.count = integer_at(run, VV_ROLLUP_COUNT, at),
                                           .nan_count = integer_at(run, VV_ROLLUP_NAN_COUNT, at),
                                           .resets = integer_at(run, VV_ROLLUP_RESETS, at),
                                           .sum = float_at(run, VV_ROLLUP_SUM, at),
                                           .min = float_at(run, VV_ROLLUP_MIN, at),
                                           .max = float_at(run, VV_ROLLUP_MAX, at),
                                           .first = float_at(run, VV_ROLLUP_FIRST, at),
                                           .last = float_at(run, VV_ROLLUP_LAST, at),
                                           .increase = float_at(run, VV_ROLLUP_INCREASE, at)}};
    row->squares = float_at(run, VV_ROLLUP_SQUARES, at);
}
