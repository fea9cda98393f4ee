/*
 * block_columns.c - columns in, places out; what came before is recognised within a bounded memory.
 *
 *   slots  | hash, count, where, position | ...     by the lowest bits of the hash of the raw
 *   column
 *                            |
 *   ring   | encoded | encoded | encoded |>> oldest, overwritten next
 *
 * M1  A slot counts only while its copy is in the ring: position > written - RING_BYTES.
 * M2  Equal hashes are not believed: the copy is decoded and compared with the column, bit by bit.
 *     That costs a tenth of encoding the column, which a hit saves.
 * M3  An arithmetic sequence has no encoded form: its record alone says all, and is what is
 *     compared.
 * Threads: one at a time.
 */
#include "mmap/block_columns.h"

#include "base/checksum.h"
#include "mmap/block_group.h"
#include "os/alloc.h"

enum {
    RING_BYTES = 4 << 20,
    SLOT_COUNT = 1 << 15,
    /* A shorter column is stored again: a reference that breaks the order of places costs as
     * much. */
    SHARED_BYTES_MIN = 32,
};

struct column_slot {
    uint64_t hash;
    uint64_t position; /* behind the copy, counted from the first byte ever written; 0: free */
    uint64_t where;    /* number of the column */
    uint32_t bytes;
    uint32_t count;
};

struct vv_column_memory {
    uint64_t written;
    struct column_slot times[SLOT_COUNT];
    struct column_slot values[SLOT_COUNT];
    uint8_t ring[RING_BYTES + VV_DECODE_PADDING];
};

varve_status vv_block_columns_init(struct vv_block_columns *columns, struct vv_block_pages *pages)
{
    uint32_t page_bytes = pages->cold ? VV_BLOCK_COLD_PAGE_BYTES : VV_BLOCK_HOT_PAGE_BYTES;
    columns->values = (struct vv_block_filler){
        .pages = pages, .section = VV_SECTION_VALUES, .page_bytes = page_bytes};
    columns->times = (struct vv_block_filler){
        .pages = pages, .section = VV_SECTION_TIMES, .page_bytes = page_bytes};
    columns->memory = vv_alloc_zeroed(1, sizeof(*columns->memory));
    if (columns->memory == NULL) {
        return VARVE_NO_MEMORY;
    }
    return pages->cold ? vv_block_group_create(pages, &columns->places, &columns->group) : VARVE_OK;
}

void vv_block_columns_fini(struct vv_block_columns *columns)
{
    vv_block_filler_fini(&columns->values);
    vv_block_filler_fini(&columns->times);
    vv_block_group_destroy(columns->group);
    vv_buffer_fini(&columns->places);
    vv_buffer_fini(&columns->time_columns);
    vv_free(columns->memory);
}

/* Whether the copy of a slot is still there. */
static bool slot_lives(const struct vv_column_memory *memory, const struct column_slot *slot)
{
    return slot->position != 0 && memory->written - (slot->position - slot->bytes) <= RING_BYTES;
}

static const uint8_t *slot_copy(const struct vv_column_memory *memory,
                                const struct column_slot *slot)
{
    return memory->ring + (slot->position - slot->bytes) % RING_BYTES;
}

/* Copies an encoded column into the ring, in one piece, and points the slot to it. */
static void remember(struct vv_column_memory *memory, struct column_slot *slot, uint64_t hash,
                     uint32_t count, uint64_t where, const uint8_t *encoded, size_t bytes)
{
    size_t at = memory->written % RING_BYTES;
    if (at + bytes > RING_BYTES) {
        memory->written += RING_BYTES - at;
        at = 0;
    }
    memcpy(memory->ring + at, encoded, bytes);
    memory->written += bytes;
    *slot = (struct column_slot){.hash = hash,
                                 .position = memory->written,
                                 .where = where,
                                 .bytes = (uint32_t)bytes,
                                 .count = count};
}

static bool is_arithmetic(const int64_t *timestamps, size_t count)
{
    uint64_t step = count > 1 ? (uint64_t)timestamps[1] - (uint64_t)timestamps[0] : 0;
    uint64_t differing = 0;
    for (size_t index = 1; index < count; index++) {
        differing |= (uint64_t)timestamps[index] - (uint64_t)timestamps[index - 1] - step;
    }
    return differing == 0;
}

/* Whether the time column of a slot has these timestamps. */
static bool times_equal(struct vv_block_columns *columns, const struct column_slot *slot,
                        const uint8_t *record, const int64_t *timestamps, size_t count)
{
    const uint8_t *known = columns->time_columns.bytes + slot->where * VV_TIME_COLUMN_BYTES;
    if (vv_load_u64(known + VV_TIME_COLUMN_MIN) != vv_load_u64(record + VV_TIME_COLUMN_MIN) ||
        vv_load_u64(known + VV_TIME_COLUMN_MAX) != vv_load_u64(record + VV_TIME_COLUMN_MAX) ||
        slot->count != count) {
        return false;
    }
    if (vv_place_unpack(vv_load_u64(known + VV_TIME_COLUMN_PLACE)).bytes == 0) {
        return is_arithmetic(timestamps, count);
    }
    return slot_lives(columns->memory, slot) &&
           vv_timestamps_decode(slot_copy(columns->memory, slot), slot->bytes, count,
                                columns->decoded.timestamps) == VARVE_OK &&
           memcmp(columns->decoded.timestamps, timestamps, count * sizeof(*timestamps)) == 0;
}

static varve_status add_record(struct vv_block_columns *columns, const uint8_t *record,
                               uint32_t *time_column, varve_error *error)
{
    size_t number = columns->time_columns.length / VV_TIME_COLUMN_BYTES;
    if (number >= VV_BLOCK_NONE) {
        return vv_fail(error, VARVE_LIMIT, "a block cannot have more than 2^32 time columns");
    }
    varve_status status = vv_buffer_append(&columns->time_columns, record, VV_TIME_COLUMN_BYTES);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "no memory to write a block");
    }
    *time_column = (uint32_t)number;
    return VARVE_OK;
}

varve_status vv_block_columns_add_times(struct vv_block_columns *columns, const int64_t *timestamps,
                                        size_t count, uint32_t *time_column, varve_error *error)
{
    struct vv_column_memory *memory = columns->memory;
    uint64_t hash = vv_hash(timestamps, count * sizeof(*timestamps));
    struct column_slot *slot = &memory->times[hash % SLOT_COUNT];
    uint8_t record[VV_TIME_COLUMN_BYTES] = {0};
    vv_store_u64(record + VV_TIME_COLUMN_MIN, (uint64_t)timestamps[0]);
    vv_store_u64(record + VV_TIME_COLUMN_MAX, (uint64_t)timestamps[count - 1]);
    vv_store_u32(record + VV_TIME_COLUMN_COUNT, (uint32_t)count);
    if (slot->hash == hash && slot->count != 0 &&
        times_equal(columns, slot, record, timestamps, count)) {
        *time_column = (uint32_t)slot->where;
        return VARVE_OK;
    }
    size_t bytes = 0;
    if (!is_arithmetic(timestamps, count)) {
        struct vv_place place;
        bytes = vv_timestamps_encode(timestamps, count, columns->encoded);
        VV_TRY(vv_block_filler_put(&columns->times, columns->encoded, bytes, &place, error));
        vv_store_u64(record + VV_TIME_COLUMN_PLACE, vv_place_pack(place));
    }
    VV_TRY(add_record(columns, record, time_column, error));
    remember(memory, slot, hash, (uint32_t)count, *time_column, columns->encoded, bytes);
    return VARVE_OK;
}

static bool values_equal(struct vv_block_columns *columns, const struct column_slot *slot,
                         const double *values, size_t count)
{
    return slot->count == count && slot_lives(columns->memory, slot) &&
           vv_values_decode(slot_copy(columns->memory, slot), slot->bytes, count,
                            columns->decoded.values) == VARVE_OK &&
           memcmp(columns->decoded.values, values, count * sizeof(*values)) == 0;
}

/* Writes a new column, or leaves it to its group. */
static varve_status store_values(struct vv_block_columns *columns, const double *values,
                                 size_t count, size_t encoded_bytes, uint64_t *value_column,
                                 varve_error *error)
{
    struct vv_place place;
    *value_column = columns->places.length / sizeof(uint64_t);
    if (columns->group != NULL) {
        *value_column += vv_block_group_waiting(columns->group);
        return vv_block_group_add(columns->group, values, count, encoded_bytes, error);
    }
    VV_TRY(vv_block_filler_put(&columns->values, columns->encoded, encoded_bytes, &place, error));
    varve_status status = vv_buffer_append_u64(&columns->places, vv_place_pack(place));
    return status == VARVE_OK ? VARVE_OK : vv_fail(error, status, "no memory to write a block");
}

varve_status vv_block_columns_add_values(struct vv_block_columns *columns, const double *values,
                                         size_t count, uint64_t *value_column, varve_error *error)
{
    struct vv_column_memory *memory = columns->memory;
    uint64_t hash = vv_hash(values, count * sizeof(*values));
    struct column_slot *slot = &memory->values[hash % SLOT_COUNT];
    if (slot->hash == hash && values_equal(columns, slot, values, count)) {
        *value_column = slot->where;
        return VARVE_OK;
    }
    size_t bytes = vv_values_encode(values, count, columns->encoded);
    VV_TRY(store_values(columns, values, count, bytes, value_column, error));
    if (bytes >= SHARED_BYTES_MIN) {
        remember(memory, slot, hash, (uint32_t)count, *value_column, columns->encoded, bytes);
    }
    return VARVE_OK;
}

varve_status vv_block_columns_flush(struct vv_block_columns *columns, varve_error *error)
{
    if (columns->group != NULL) {
        VV_TRY(vv_block_group_flush(columns->group, error));
    }
    VV_TRY(vv_block_filler_flush(&columns->values, error));
    return vv_block_filler_flush(&columns->times, error);
}
