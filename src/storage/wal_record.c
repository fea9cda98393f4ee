/*
 * wal_record.c - payloads of the log's records. Bytes: WAL_FORMAT.md.
 *
 * Batches are columns: in real data neighbouring refs and timestamps differ by the same small step
 * again and again, so that a sample costs little more than the 8 bytes of its value.
 *
 * Pure functions. Decoders read only what the payload holds and loop over no count that they have
 * not compared with a limit.
 */
#include "os/alloc.h"
#include "storage/wal_format.h"

enum column_form { COLUMN_PLAIN = 0, COLUMN_RUNS = 1 };

/* A column as differences modulo 2^64 between neighbours, the first from 0. */
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

static inline SPECIALISED uint64_t difference(const void *column, column_entry entry, size_t index)
{
    uint64_t before = index == 0 ? 0 : entry(column, index - 1);
    return vv_zigzag((int64_t)(entry(column, index) - before));
}

/* Length of the run of equal differences that starts at index. */
static inline SPECIALISED size_t run_length(const void *column, column_entry entry, size_t count,
                                            size_t index)
{
    uint64_t step = difference(column, entry, index);
    size_t end = index + 1;
    while (end < count && difference(column, entry, end) == step) {
        end++;
    }
    return end - index;
}

static inline SPECIALISED varve_status column_encode(const void *column, column_entry entry,
                                                     size_t count, struct vv_buffer *out)
{
    size_t plain_bytes = 0, runs_bytes = 0;
    for (size_t i = 0, run; i < count; i += run) {
        run = run_length(column, entry, count, i);
        size_t step_bytes = vv_varint_size(difference(column, entry, i));
        plain_bytes += run * step_bytes;
        runs_bytes += vv_varint_size(run) + step_bytes;
    }
    bool as_runs = runs_bytes < plain_bytes;
    VV_TRY(vv_buffer_reserve(out, 1 + (as_runs ? runs_bytes : plain_bytes) + VV_VARINT_MAX));
    VV_TRY(vv_buffer_append_u8(out, as_runs ? COLUMN_RUNS : COLUMN_PLAIN));
    for (size_t i = 0, step; i < count; i += step) {
        step = 1;
        if (as_runs) {
            step = run_length(column, entry, count, i);
            VV_TRY(vv_buffer_append_varint(out, step));
        }
        VV_TRY(vv_buffer_append_varint(out, difference(column, entry, i)));
    }
    return VARVE_OK;
}

/* Calls store(column, i, entry) for count entries; false if the bytes are no such column. */
static bool column_decode(struct vv_reader *reader, size_t count,
                          bool (*store)(void *column, size_t index, uint64_t entry), void *column)
{
    uint8_t form = vv_read_u8(reader);
    if (reader->failed || (form != COLUMN_PLAIN && form != COLUMN_RUNS)) {
        return false;
    }
    uint64_t entry = 0;
    for (size_t i = 0; i < count;) {
        uint64_t run = form == COLUMN_RUNS ? vv_read_varint(reader) : 1;
        uint64_t step = (uint64_t)vv_read_varint_signed(reader);
        if (reader->failed || run == 0 || run > count - i) {
            return false;
        }
        for (size_t end = i + run; i < end; i++) {
            entry += step;
            if (!store(column, i, entry)) {
                return false;
            }
        }
    }
    return true;
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
    VV_TRY(column_encode(samples->refs, ref_entry, samples->count, out));
    VV_TRY(column_encode(samples->timestamps, timestamp_entry, samples->count, out));
    VV_TRY(vv_buffer_reserve(out, samples->count * sizeof(double)));
    for (size_t i = 0; i < samples->count; i++) {
        uint64_t bits;
        memcpy(&bits, &samples->values[i], sizeof(bits));
        vv_store_u64(out->bytes + out->length, bits);
        out->length += sizeof(bits);
    }
    return VARVE_OK;
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
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = vv_read_u64(&reader);
        memcpy(&samples->values[i], &bits, sizeof(bits));
    }
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
    return column_encode(record->refs, ref_entry, record->count, out);
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
