/*
 * wal_record.c - payloads of the log's records. Bytes: WAL_FORMAT.md.
 *
 * Batches are columns: in real data neighbouring refs and timestamps differ by the same small step
 * again and again, so that a sample costs little more than the 8 bytes of its value. Who has a
 * batch mostly knows already whether all steps are the same; the values are not even touched here.
 *
 * Pure functions. Decoders read only what the payload holds and loop over no count that they have
 * not compared with a limit.
 */
#include "os/alloc.h"
#include "storage/log/wal_format.h"

enum {
    STEP_BYTES_MAX = 8,
    LOOK_ENTRIES = 64, /* that tell of what kind a column is */
    RUN_BLOCK = 16,    /* entries of a long run that are looked at together */
    COLUMN_HEADER_BYTES_MAX = 2 + 2 * (int)VV_VARINT_MAX
};

/* A column of integers; what counts are the steps between neighbours, modulo 2^64. */
typedef uint64_t (*column_entry)(const void *column, size_t index);

/* One copy for each kind of column, with column_entry inlined: this is on the way of every
 * sample. */
#define SPECIALISED __attribute__((always_inline))

static uint64_t ref_entry(const void *column, size_t index)
{
    return ((const uint32_t *)column)[index];
}

static uint64_t timestamp_entry(const void *column, size_t index)
{
    return (uint64_t)((const int64_t *)column)[index];
}

static inline SPECIALISED int64_t step_to(const void *column, column_entry entry, size_t index)
{
    return (int64_t)(entry(column, index) - entry(column, index - 1));
}

/* What the steps of a column are like. */
struct steps {
    int64_t least;
    int64_t greatest;
    size_t runs; /* of equal steps */
};

/* Of at least two entries. */
static inline SPECIALISED struct steps steps_of(const void *column, column_entry entry,
                                                size_t count)
{
    int64_t before = step_to(column, entry, 1);
    struct steps steps = {before, before, 1};
    for (size_t i = 2; i < count; i++) {
        int64_t step = step_to(column, entry, i);
        steps.least = step < steps.least ? step : steps.least;
        steps.greatest = step > steps.greatest ? step : steps.greatest;
        steps.runs += step != before;
        before = step;
    }
    return steps;
}

/* How many bytes hold the difference of any step to the least one. */
static size_t step_bytes(struct steps steps)
{
    uint64_t range = (uint64_t)steps.greatest - (uint64_t)steps.least;
    return range == 0 ? 0 : (71 - (size_t)__builtin_clzll(range)) / 8;
}

/* Whether runs are the shorter form: each takes two varints, mostly short ones. */
static bool runs_pay(struct steps steps, size_t count)
{
    size_t width = step_bytes(steps);
    return (steps.runs + 1) * (width + 2) < count * width;
}

/* Behind the last entry that is reached by the step to entry `first`, again and again. */
static inline SPECIALISED size_t run_end(const void *column, column_entry entry, size_t count,
                                         size_t first, int64_t step)
{
    size_t end = first + 1;
    for (size_t near = first + RUN_BLOCK; end < count && step_to(column, entry, end) == step;) {
        end++;
        /* A run that is longer than most may be very long: blocks without a branch, for the
         * compiler to make vectors of. */
        for (uint64_t uneven = 0; end > near && uneven == 0 && count - end >= RUN_BLOCK;) {
            for (size_t i = 0; i < RUN_BLOCK; i++) {
                uneven |= (uint64_t)(step_to(column, entry, end + i) ^ step);
            }
            end += uneven == 0 ? RUN_BLOCK : 0;
        }
    }
    return end;
}

/* Encodes as runs, if they pay, and finds out on the way what the steps are like: one pass for it,
 * which is given up where there are more runs than could pay with steps of any width. *done: runs
 * it is; otherwise nothing has been put out. */
static inline SPECIALISED varve_status encode_runs(const void *column, column_entry entry,
                                                   size_t count, struct steps *steps, bool *done,
                                                   struct vv_buffer *out)
{
    size_t runs_max = count * STEP_BYTES_MAX / (STEP_BYTES_MAX + 2);
    VV_TRY(vv_buffer_reserve(out, 1 + (runs_max + 1) * 2 * VV_VARINT_MAX));
    uint8_t *at = out->bytes + out->length;
    *at++ = VV_WAL_COLUMN_RUNS;
    at += vv_varint_put(at, 1);
    at += vv_varint_put(at, vv_zigzag((int64_t)entry(column, 0)));
    *steps = (struct steps){.least = INT64_MAX, .greatest = INT64_MIN};
    for (size_t i = 1, end; i < count; i = end) {
        if (steps->runs == runs_max) {
            *steps = steps_of(column, entry, count);
            return VARVE_OK;
        }
        int64_t step = step_to(column, entry, i);
        end = run_end(column, entry, count, i, step);
        at += vv_varint_put(at, end - i);
        at += vv_varint_put(at, vv_zigzag(step));
        steps->least = step < steps->least ? step : steps->least;
        steps->greatest = step > steps->greatest ? step : steps->greatest;
        steps->runs++;
    }
    *done = runs_pay(*steps, count);
    out->length = *done ? (size_t)(at - out->bytes) : out->length;
    return VARVE_OK;
}

static inline SPECIALISED varve_status encode_steps(const void *column, column_entry entry,
                                                    size_t count, struct steps steps,
                                                    struct vv_buffer *out)
{
    size_t width = step_bytes(steps);
    VV_TRY(vv_buffer_reserve(out, COLUMN_HEADER_BYTES_MAX + count * width + STEP_BYTES_MAX));
    uint8_t *at = out->bytes + out->length;
    *at++ = VV_WAL_COLUMN_STEPS;
    if (count > 0) {
        at += vv_varint_put(at, vv_zigzag((int64_t)entry(column, 0)));
    }
    if (count > 1) {
        *at++ = (uint8_t)width;
        at += vv_varint_put(at, vv_zigzag(steps.least));
    }
    for (size_t i = 1; i < count && width > 0; i++) {
        uint64_t more = (uint64_t)step_to(column, entry, i) - (uint64_t)steps.least;
        vv_store_u64(at, more); /* the bytes behind are the next one's, or spare */
        at += width;
    }
    out->length = (size_t)(at - out->bytes);
    return VARVE_OK;
}

/* Whether the first steps look as if runs could pay. */
static inline SPECIALISED bool begins_with_runs(const void *column, column_entry entry,
                                                size_t count)
{
    size_t looked = count < LOOK_ENTRIES ? count : LOOK_ENTRIES;
    return steps_of(column, entry, looked).runs * 2 <= looked;
}

static inline SPECIALISED varve_status column_encode(const void *column, column_entry entry,
                                                     size_t count, bool even, struct vv_buffer *out)
{
    struct steps steps = {0};
    bool done = false;
    if (count > 1 && even) {
        steps.least = steps.greatest = step_to(column, entry, 1);
    } else if (count > 1) {
        bool in_runs = begins_with_runs(column, entry, count);
        if (!in_runs) {
            steps = steps_of(column, entry, count);
            in_runs = runs_pay(steps, count);
        }
        if (in_runs) {
            VV_TRY(encode_runs(column, entry, count, &steps, &done, out));
        }
    }
    return done ? VARVE_OK : encode_steps(column, entry, count, steps, out);
}

/* Takes an entry of a decoded column; false if it cannot be one. All are taken before that counts,
 * so that the loops have no branch. */
typedef bool (*column_store)(void *column, size_t index, uint64_t entry);

static inline SPECIALISED bool decode_runs(struct vv_reader *reader, size_t count,
                                           column_store store, void *column)
{
    uint64_t entry = 0;
    bool valid = true;
    for (size_t i = 0; i < count;) {
        uint64_t run = vv_read_varint(reader);
        uint64_t step = (uint64_t)vv_read_varint_signed(reader);
        if (reader->failed || run == 0 || run > count - i) {
            return false;
        }
        for (size_t end = i + run; i < end; i++) {
            entry += step;
            valid &= store(column, i, entry);
        }
    }
    return valid;
}

/* The number in width bytes at at, behind which bytes up to end may be read, too. */
static inline uint64_t load_narrow(const uint8_t *at, const uint8_t *end, size_t width)
{
    if ((size_t)(end - at) >= sizeof(uint64_t) && width > 0) {
        return vv_load_u64(at) & (UINT64_MAX >> (64 - 8 * width));
    }
    uint64_t number = 0;
    for (size_t k = 0; k < width; k++) {
        number |= (uint64_t)at[k] << 8 * k;
    }
    return number;
}

static inline SPECIALISED bool decode_steps(struct vv_reader *reader, size_t count,
                                            column_store store, void *column)
{
    uint64_t entry = count > 0 ? (uint64_t)vv_read_varint_signed(reader) : 0;
    uint64_t width = count > 1 ? vv_read_u8(reader) : 0;
    uint64_t least = count > 1 ? (uint64_t)vv_read_varint_signed(reader) : 0;
    const uint8_t *at = NULL;
    if (width <= STEP_BYTES_MAX && width > 0) {
        at = vv_read_bytes(reader, (count - 1) * width);
    }
    if (reader->failed || width > STEP_BYTES_MAX) {
        return false;
    }
    bool valid = count == 0 || store(column, 0, entry);
    for (size_t i = 1; i < count && width == 0; i++) {
        valid &= store(column, i, entry + least * i);
    }
    for (size_t i = 1; i < count && width > 0; i++) {
        entry += least + load_narrow(at, reader->end, width);
        valid &= store(column, i, entry);
        at += width;
    }
    return valid;
}

/* Calls store(column, i, entry) for count entries; false if the bytes are no such column. */
static inline SPECIALISED bool column_decode(struct vv_reader *reader, size_t count,
                                             column_store store, void *column)
{
    switch (vv_read_u8(reader)) {
    case VV_WAL_COLUMN_RUNS:
        return decode_runs(reader, count, store, column);
    case VV_WAL_COLUMN_STEPS:
        return decode_steps(reader, count, store, column);
    default:
        return false;
    }
}

static bool store_ref(void *column, size_t index, uint64_t entry)
{
    ((uint32_t *)column)[index] = (uint32_t)entry;
    return entry <= UINT32_MAX;
}

static bool store_timestamp(void *column, size_t index, uint64_t entry)
{
    ((int64_t *)column)[index] = (int64_t)entry;
    return (int64_t)entry != INT64_MAX;
}

varve_status vv_wal_series_encode(uint32_t ref, struct vv_key key, struct vv_buffer *out)
{
    VV_TRY(vv_buffer_reserve(out, 2 * VV_VARINT_MAX + key.length));
    VV_TRY(vv_buffer_append_varint(out, ref));
    VV_TRY(vv_buffer_append_varint(out, key.length));
    return vv_buffer_append(out, key.bytes, key.length);
}

varve_status vv_wal_series_decode(struct vv_reader *payload, uint32_t *ref, struct vv_key *key,
                                  bool *done)
{
    *done = !payload->failed && vv_reader_left(payload) == 0;
    if (*done) {
        return VARVE_OK;
    }
    uint64_t number = vv_read_varint(payload);
    uint64_t length = vv_read_varint(payload);
    const uint8_t *bytes = vv_read_bytes(payload, length);
    if (payload->failed || number > UINT32_MAX) {
        return VARVE_CORRUPT;
    }
    *key = (struct vv_key){bytes, length};
    *ref = (uint32_t)number;
    return vv_key_validate(*key);
}

varve_status vv_wal_samples_encode(const struct vv_wal_samples *samples, struct vv_buffer *out)
{
    VV_ASSERT(samples->count >= 1 && samples->count <= VARVE_BATCH_MAX);
    VV_TRY(vv_buffer_append_u8(out, (uint8_t)samples->policy));
    VV_TRY(vv_buffer_append_varint(out, samples->count));
    VV_TRY(column_encode(samples->refs, ref_entry, samples->count, samples->even_refs, out));
    return column_encode(samples->timestamps, timestamp_entry, samples->count, samples->even_times,
                         out);
}

varve_status vv_wal_samples_decode(const uint8_t *payload, size_t length,
                                   struct vv_wal_samples *samples)
{
    struct vv_reader reader = vv_reader_init(payload, length);
    uint8_t policy = vv_read_u8(&reader);
    uint64_t count = vv_read_varint(&reader);
    if (reader.failed || policy < VARVE_DUPLICATES_LAST || policy > VARVE_DUPLICATES_ERROR ||
        count == 0 || count > VARVE_BATCH_MAX ||
        !column_decode(&reader, count, store_ref, samples->refs) ||
        !column_decode(&reader, count, store_timestamp, samples->timestamps) ||
        vv_reader_left(&reader) != count * sizeof(double)) {
        return VARVE_CORRUPT;
    }
    memcpy(samples->values, reader.at, count * sizeof(double)); /* as they were put behind */
    samples->policy = (varve_duplicates)policy;
    samples->count = count;
    return VARVE_OK;
}

varve_status vv_wal_delete_encode(const struct vv_wal_delete *record, struct vv_buffer *out)
{
    VV_TRY(vv_buffer_append_u8(out, 0));
    VV_TRY(vv_buffer_append_varint(out, vv_zigzag(record->start)));
    VV_TRY(vv_buffer_append_varint(out, vv_zigzag(record->end)));
    VV_TRY(vv_buffer_append_varint(out, record->count));
    return column_encode(record->refs, ref_entry, record->count, false, out);
}

varve_status vv_wal_delete_decode(const uint8_t *payload, size_t length,
                                  struct vv_wal_delete *record)
{
    struct vv_reader reader = vv_reader_init(payload, length);
    uint8_t form = vv_read_u8(&reader);
    *record = (struct vv_wal_delete){0};
    record->start = vv_read_varint_signed(&reader);
    record->end = vv_read_varint_signed(&reader);
    uint64_t count = vv_read_varint(&reader);
    if (reader.failed || form != 0 || count > VV_WAL_DELETE_SERIES_MAX ||
        record->start > record->end) {
        return VARVE_CORRUPT;
    }
    if (count > 0) {
        record->refs = vv_alloc_zeroed(count, sizeof(*record->refs));
        if (record->refs == NULL) {
            return VARVE_NO_MEMORY;
        }
    }
    if (!column_decode(&reader, count, store_ref, record->refs) || vv_reader_left(&reader) != 0) {
        vv_free(record->refs);
        record->refs = NULL;
        return VARVE_CORRUPT;
    }
    record->count = count;
    return VARVE_OK;
}
