/*
 * block_columns.c - chunks in, records out; columns that came before are recognised within a
 * bounded memory.
 *
 *   chunks -> stage (encoded side by side) -> in order: known? number of the column
 *                                                       new?   page or group, next number
 *
 *   slots  | hash, count, where, position | ...    by the lowest bits of the hash of the encoding
 *                            |
 *   ring   | encoded | encoded | encoded |>> oldest, overwritten next
 *
 * M1  A slot counts only while its copy is in the ring: position > written - RING_BYTES. Equal
 *     hashes are not believed: the copy is compared.
 * M2  An arithmetic sequence has no encoded form: its record alone says all, and is what is
 *     compared.
 * M3  A chunk record holds the number of its value column until the end, because the place of a
 *     cold column is known when its group is written.
 * Threads: one at a time.
 */
#include "mmap/block_columns.h"

#include "compress/cold.h"
#include "mmap/block_group.h"
#include "os/alloc.h"
#include "os/pages.h"

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
    VV_TRY(vv_block_stage_create(&columns->stage));
    columns->memory = vv_pages_alloc_sparse(vv_pages_round(sizeof(*columns->memory)));
    if (columns->memory == NULL) {
        return VARVE_NO_MEMORY;
    }
    return pages->cold ? vv_block_group_create(pages, &columns->places, &columns->group) : VARVE_OK;
}

/* The stage and the memory of columns: most of what a writer holds. */
static void release_memory(struct vv_block_columns *columns)
{
    vv_block_stage_destroy(columns->stage);
    vv_pages_free(columns->memory, vv_pages_round(sizeof(*columns->memory)));
    columns->stage = NULL;
    columns->memory = NULL;
}

void vv_block_columns_fini(struct vv_block_columns *columns)
{
    vv_block_filler_fini(&columns->values);
    vv_block_filler_fini(&columns->times);
    vv_block_group_destroy(columns->group);
    vv_buffer_fini(&columns->places);
    vv_buffer_fini(&columns->time_columns);
    vv_buffer_fini(&columns->chunks);
    vv_buffer_fini(&columns->statistics);
    release_memory(columns);
}

static varve_status no_memory(varve_status status, varve_error *error)
{
    return status == VARVE_OK ? VARVE_OK : vv_fail(error, status, "no memory to write a block");
}

/* Whether the copy of a slot is still there. */
static bool slot_lives(const struct vv_column_memory *memory, const struct column_slot *slot)
{
    return slot->position != 0 && memory->written - (slot->position - slot->bytes) <= RING_BYTES;
}

/* Copies an encoded column into the ring, in one piece, and points the slot to it. */
static void remember(struct vv_column_memory *memory, struct column_slot *slots,
                     const struct vv_encoded_column *column, uint32_t count, uint64_t where)
{
    size_t at = memory->written % RING_BYTES;
    if (at + column->length > RING_BYTES) {
        memory->written += RING_BYTES - at;
        at = 0;
    }
    if (column->length > 0) {
        memcpy(memory->ring + at, column->bytes, column->length);
    }
    memory->written += column->length;
    slots[column->hash % SLOT_COUNT] = (struct column_slot){.hash = column->hash,
                                                            .position = memory->written,
                                                            .where = where,
                                                            .bytes = column->length,
                                                            .count = count};
}

/* Whether the slot is of that column: M1. */
static bool slot_has(const struct vv_column_memory *memory, const struct column_slot *slot,
                     const struct vv_encoded_column *column, uint32_t count)
{
    return slot->hash == column->hash && slot->count == count && slot->bytes == column->length &&
           slot_lives(memory, slot) &&
           memcmp(memory->ring + (slot->position - slot->bytes) % RING_BYTES, column->bytes,
                  column->length) == 0;
}

/* Whether the slot is of that sequence: M2. */
static bool slot_has_sequence(const struct vv_block_columns *columns,
                              const struct column_slot *slot, const struct vv_encoded_chunk *chunk)
{
    if (slot->hash != chunk->times.hash || slot->count != chunk->count || slot->bytes != 0) {
        return false;
    }
    const uint8_t *record = columns->time_columns.bytes + slot->where * VV_TIME_COLUMN_BYTES;
    return vv_load_u64(record + VV_TIME_COLUMN_MIN) == (uint64_t)chunk->time_min &&
           vv_load_u64(record + VV_TIME_COLUMN_MAX) == (uint64_t)chunk->time_max;
}

/* Makes a new time column. */
static varve_status store_times(struct vv_block_columns *columns,
                                const struct vv_encoded_chunk *chunk, uint64_t *number,
                                varve_error *error)
{
    uint8_t record[VV_TIME_COLUMN_BYTES] = {0};
    *number = columns->time_columns.length / VV_TIME_COLUMN_BYTES;
    if (*number >= VV_BLOCK_NONE) {
        return vv_fail(error, VARVE_LIMIT, "a block cannot have more than 2^32 time columns");
    }
    vv_store_u64(record + VV_TIME_COLUMN_MIN, (uint64_t)chunk->time_min);
    vv_store_u64(record + VV_TIME_COLUMN_MAX, (uint64_t)chunk->time_max);
    vv_store_u32(record + VV_TIME_COLUMN_COUNT, chunk->count);
    if (chunk->times.length > 0) {
        struct vv_place place;
        VV_TRY(vv_block_filler_put(&columns->times, chunk->times.bytes, chunk->times.length, &place,
                                   error));
        vv_store_u64(record + VV_TIME_COLUMN_PLACE, vv_place_pack(place));
    }
    remember(columns->memory, columns->memory->times, &chunk->times, chunk->count, *number);
    return no_memory(vv_buffer_append(&columns->time_columns, record, sizeof(record)), error);
}

/* The number of the chunk's time column. */
static varve_status place_times(struct vv_block_columns *columns,
                                const struct vv_encoded_chunk *chunk, uint64_t *number,
                                varve_error *error)
{
    const struct vv_column_memory *memory = columns->memory;
    const struct column_slot *slot = &memory->times[chunk->times.hash % SLOT_COUNT];
    bool known = chunk->times.length == 0 ? slot_has_sequence(columns, slot, chunk)
                                          : slot_has(memory, slot, &chunk->times, chunk->count);
    if (known) {
        *number = slot->where;
        return VARVE_OK;
    }
    return store_times(columns, chunk, number, error);
}

/* Writes a new column, or leaves it to its group. */
static varve_status store_values(struct vv_block_columns *columns,
                                 const struct vv_encoded_chunk *chunk, uint64_t *number,
                                 varve_error *error)
{
    struct vv_place place;
    *number = columns->places.length / sizeof(uint64_t);
    if (columns->group != NULL) {
        VV_TRY(no_memory(vv_buffer_append_u64(&columns->places, 0), error));
        return vv_block_group_add(columns->group, &chunk->values, chunk->count, *number,
                                  columns->workers, error);
    }
    VV_TRY(vv_block_filler_put(&columns->values, chunk->values.bytes, chunk->values.length, &place,
                               error));
    return no_memory(vv_buffer_append_u64(&columns->places, vv_place_pack(place)), error);
}

/* The number of the chunk's value column. */
static varve_status place_values(struct vv_block_columns *columns,
                                 const struct vv_encoded_chunk *chunk, uint64_t *number,
                                 varve_error *error)
{
    struct vv_column_memory *memory = columns->memory;
    const struct vv_encoded_column *column = &chunk->values;
    const struct column_slot *slot = &memory->values[column->hash % SLOT_COUNT];
    if (column->length < SHARED_BYTES_MIN) {
        return store_values(columns, chunk, number, error);
    }
    if (slot_has(memory, slot, column, chunk->count)) {
        *number = slot->where;
        return VARVE_OK;
    }
    VV_TRY(store_values(columns, chunk, number, error));
    remember(memory, memory->values, column, chunk->count, *number);
    return VARVE_OK;
}

static varve_status put_records(struct vv_block_columns *columns, uint64_t times, uint64_t values,
                                const uint8_t *statistics, varve_error *error)
{
    uint8_t record[VV_CHUNK_BYTES];
    vv_store_u64(record + VV_CHUNK_PLACE, values); /* M3 */
    vv_store_u32(record + VV_CHUNK_TIME_COLUMN, (uint32_t)times);
    VV_TRY(no_memory(vv_buffer_append(&columns->chunks, record, sizeof(record)), error));
    return no_memory(vv_buffer_append(&columns->statistics, statistics, VV_STATISTICS_BYTES),
                     error);
}

/* Encodes the stage and gives every chunk of it its records. */
static varve_status take_stage(struct vv_block_columns *columns, varve_error *error)
{
    vv_block_stage_encode(columns->stage, columns->workers);
    uint32_t count = vv_block_stage_count(columns->stage);
    for (uint32_t index = 0; index < count; index++) {
        struct vv_staged_chunk *chunk = vv_block_stage_chunk(columns->stage, index);
        uint64_t values = chunk->values_number;
        if (chunk->times_twin == index) {
            VV_TRY(place_times(columns, &chunk->encoded, &chunk->times_number, error));
        } else {
            chunk->times_number =
                vv_block_stage_chunk(columns->stage, chunk->times_twin)->times_number;
        }
        if (!chunk->is_carried) {
            VV_TRY(place_values(columns, &chunk->encoded, &values, error));
        }
        VV_TRY(put_records(columns, chunk->times_number, values, chunk->encoded.statistics, error));
    }
    vv_block_stage_clear(columns->stage);
    return VARVE_OK;
}

varve_status vv_block_columns_add(struct vv_block_columns *columns, const int64_t *timestamps,
                                  const double *values, size_t count, varve_error *error)
{
    if (!vv_block_stage_has_room(columns->stage, count)) {
        VV_TRY(take_stage(columns, error));
    }
    return vv_block_stage_add(columns->stage, timestamps, values, count)
               ? VARVE_OK
               : vv_fail(error, VARVE_INVALID, "timestamps of a chunk do not increase");
}

varve_status vv_block_columns_place(struct vv_block_columns *columns,
                                    const struct vv_encoded_chunk *chunk, varve_error *error)
{
    uint64_t times = 0, values = 0;
    if (vv_block_stage_count(columns->stage) > 0) {
        VV_TRY(take_stage(columns, error)); /* chunks stand in order */
    }
    VV_TRY(place_times(columns, chunk, &times, error));
    VV_TRY(place_values(columns, chunk, &values, error));
    return put_records(columns, times, values, chunk->statistics, error);
}

/* Copies a page of another block as it is. */
static varve_status carry_page(struct vv_block_columns *columns, struct vv_block_carry *carry,
                               uint32_t page, varve_error *error)
{
    const struct vv_block *from = vv_block_carry_block(carry);
    const uint8_t *bytes;
    size_t length, unpacked_bytes;
    uint8_t *owned = NULL;
    struct vv_block_pages *pages = columns->values.pages;
    varve_status status =
        vv_block_page_stored(from, VV_SECTION_VALUES, page, &bytes, &length, &owned);
    if (status == VARVE_OK) {
        status = vv_cold_group_length(bytes, length, &unpacked_bytes);
    }
    if (status != VARVE_OK) {
        status = vv_fail(error, status, "a page of a block that is merged cannot be read");
    } else {
        vv_block_carry_set_page(carry, page, vv_block_pages_count(pages, VV_SECTION_VALUES));
        status = vv_block_pages_put_group(pages, VV_SECTION_VALUES, bytes, length, unpacked_bytes,
                                          error);
    }
    vv_free(owned);
    return status;
}

varve_status vv_block_columns_carry(struct vv_block_columns *columns, struct vv_block_carry *carry,
                                    const struct vv_carried_chunk *carried, varve_error *error)
{
    struct vv_place place = carried->chunk.values;
    uint32_t count = carried->chunk.count;
    VV_ASSERT(columns->group != NULL); /* a hot block has no compressed pages */
    if (vv_block_carry_page(carry, place.page) == VV_BLOCK_NONE) {
        VV_TRY(carry_page(columns, carry, place.page, error));
    }
    place.page = vv_block_carry_page(carry, place.page);
    uint64_t number = columns->places.length / sizeof(uint64_t);
    VV_TRY(no_memory(vv_buffer_append_u64(&columns->places, vv_place_pack(place)), error));
    if (!vv_block_stage_has_room(columns->stage, count)) {
        VV_TRY(take_stage(columns, error));
    }
    return vv_block_stage_add_carried(columns->stage, carried->timestamps, count,
                                      carried->statistics, number)
               ? VARVE_OK
               : vv_fail(error, VARVE_CORRUPT, "timestamps of a chunk do not increase");
}

/* Replaces the numbers of value columns by their places (M3). */
static void place_chunks(struct vv_block_columns *columns)
{
    const uint8_t *places = columns->places.bytes;
    for (size_t at = 0; at < columns->chunks.length; at += VV_CHUNK_BYTES) {
        uint8_t *place = columns->chunks.bytes + at + VV_CHUNK_PLACE;
        vv_store_u64(place, vv_load_u64(places + vv_load_u64(place) * sizeof(uint64_t)));
    }
}

varve_status vv_block_columns_flush(struct vv_block_columns *columns, varve_error *error)
{
    VV_TRY(take_stage(columns, error));
    if (columns->group != NULL) {
        VV_TRY(vv_block_group_flush(columns->group, columns->workers, error));
    }
    VV_TRY(vv_block_filler_flush(&columns->values, error));
    VV_TRY(vv_block_filler_flush(&columns->times, error));
    place_chunks(columns);
    release_memory(columns); /* before the index takes as much */
    return VARVE_OK;
}
