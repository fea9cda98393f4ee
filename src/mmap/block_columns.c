/*
 * block_columns.c - chunks in, records out; columns that came before are recognised within a
 * bounded memory.
 *
 *   chunks -> stage (encoded side by side) -> in order: known? number of the column
 *                                                       new?   page or group, next number
 *
 *   slots  | hash, count, where, position | ...    by the lowest bits of the hash of the raw column
 *                            |
 *   ring   | encoded | encoded | encoded |>> oldest, overwritten next
 *
 * M1  A slot counts only while its copy is in the ring: position > written - RING_BYTES.
 * M2  The ring is written only when the stage has been encoded: until then the copies of
 *     candidates stay.
 * M3  An arithmetic sequence has no encoded form: its record alone says all, and is what is
 *     compared.
 * M4  A chunk record holds the number of its value column until the end, because the place of a
 *     cold column is known when its group is written.
 * Threads: one at a time.
 */
#include "mmap/block_columns.h"

#include "mmap/block_group.h"
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

static struct vv_column_candidate candidate_of(const struct vv_column_memory *memory,
                                               const struct column_slot *slot)
{
    return (struct vv_column_candidate){
        .known = true,
        .where = slot->where,
        .copy = memory->ring + (slot->position - slot->bytes) % RING_BYTES,
        .copy_bytes = slot->bytes,
    };
}

/* Copies an encoded column into the ring, in one piece, and points the slot to it. */
static void remember(struct vv_column_memory *memory, struct column_slot *slots,
                     const struct vv_staged_column *column, uint32_t count, uint64_t where)
{
    size_t at = memory->written % RING_BYTES;
    if (at + column->bytes > RING_BYTES) {
        memory->written += RING_BYTES - at;
        at = 0;
    }
    if (column->bytes > 0) {
        memcpy(memory->ring + at, column->encoded, column->bytes);
    }
    memory->written += column->bytes;
    slots[column->hash % SLOT_COUNT] = (struct column_slot){.hash = column->hash,
                                                            .position = memory->written,
                                                            .where = where,
                                                            .bytes = (uint32_t)column->bytes,
                                                            .count = count};
}

/* The time column of the block that the chunk's may be the same as. */
static struct vv_column_candidate times_candidate(const struct vv_block_columns *columns,
                                                  const struct vv_staged_chunk *chunk)
{
    const struct vv_column_memory *memory = columns->memory;
    const struct column_slot *slot = &memory->times[chunk->times.hash % SLOT_COUNT];
    struct vv_column_candidate none = {0};
    if (slot->hash != chunk->times.hash || slot->count != chunk->count) {
        return none;
    }
    const int64_t *timestamps = vv_block_stage_timestamps(columns->stage, chunk);
    const uint8_t *record = columns->time_columns.bytes + slot->where * VV_TIME_COLUMN_BYTES;
    if (vv_load_u64(record + VV_TIME_COLUMN_MIN) != (uint64_t)timestamps[0] ||
        vv_load_u64(record + VV_TIME_COLUMN_MAX) != (uint64_t)timestamps[chunk->count - 1]) {
        return none;
    }
    if (slot->bytes == 0) {
        return (struct vv_column_candidate){.known = true, .where = slot->where}; /* M3 */
    }
    return slot_lives(memory, slot) ? candidate_of(memory, slot) : none;
}

static struct vv_column_candidate values_candidate(const struct vv_block_columns *columns,
                                                   const struct vv_staged_chunk *chunk)
{
    const struct vv_column_memory *memory = columns->memory;
    const struct column_slot *slot = &memory->values[chunk->values.hash % SLOT_COUNT];
    bool known =
        slot->hash == chunk->values.hash && slot->count == chunk->count && slot_lives(memory, slot);
    return known ? candidate_of(memory, slot) : (struct vv_column_candidate){0};
}

/* Makes a new time column of an encoded one. */
static varve_status store_times(struct vv_block_columns *columns,
                                const struct vv_staged_chunk *chunk, uint64_t *number,
                                varve_error *error)
{
    const int64_t *timestamps = vv_block_stage_timestamps(columns->stage, chunk);
    uint8_t record[VV_TIME_COLUMN_BYTES] = {0};
    *number = columns->time_columns.length / VV_TIME_COLUMN_BYTES;
    if (*number >= VV_BLOCK_NONE) {
        return vv_fail(error, VARVE_LIMIT, "a block cannot have more than 2^32 time columns");
    }
    vv_store_u64(record + VV_TIME_COLUMN_MIN, (uint64_t)timestamps[0]);
    vv_store_u64(record + VV_TIME_COLUMN_MAX, (uint64_t)timestamps[chunk->count - 1]);
    vv_store_u32(record + VV_TIME_COLUMN_COUNT, chunk->count);
    if (chunk->times.bytes > 0) {
        struct vv_place place;
        VV_TRY(vv_block_filler_put(&columns->times, chunk->times.encoded, chunk->times.bytes,
                                   &place, error));
        vv_store_u64(record + VV_TIME_COLUMN_PLACE, vv_place_pack(place));
    }
    remember(columns->memory, columns->memory->times, &chunk->times, chunk->count, *number);
    return no_memory(vv_buffer_append(&columns->time_columns, record, sizeof(record)), error);
}

/* The number of the time column of chunk index, which becomes its candidate's. */
static varve_status place_times(struct vv_block_columns *columns, uint32_t index, uint64_t *number,
                                varve_error *error)
{
    struct vv_staged_chunk *chunk = vv_block_stage_chunk(columns->stage, index);
    struct vv_column_candidate *candidate = &chunk->times.candidate;
    if (chunk->times.twin != index) {
        *candidate = vv_block_stage_chunk(columns->stage, chunk->times.twin)->times.candidate;
    } else if (!candidate->known) {
        VV_TRY(store_times(columns, chunk, &candidate->where, error));
    }
    *number = candidate->where;
    return VARVE_OK;
}

/* Writes a new column, or leaves it to its group. */
static varve_status store_values(struct vv_block_columns *columns,
                                 const struct vv_staged_chunk *chunk, const uint8_t *encoded,
                                 size_t bytes, uint64_t *number, varve_error *error)
{
    struct vv_place place;
    *number = columns->value_column_count++;
    if (columns->group != NULL) {
        return vv_block_group_add(columns->group, vv_block_stage_values(columns->stage, chunk),
                                  chunk->count, bytes, columns->workers, error);
    }
    VV_TRY(vv_block_filler_put(&columns->values, encoded, bytes, &place, error));
    return no_memory(vv_buffer_append_u64(&columns->places, vv_place_pack(place)), error);
}

static varve_status place_values(struct vv_block_columns *columns, uint32_t index, uint64_t *number,
                                 varve_error *error)
{
    struct vv_staged_chunk *chunk = vv_block_stage_chunk(columns->stage, index);
    struct vv_staged_chunk *root = vv_block_stage_chunk(columns->stage, chunk->values.twin);
    struct vv_staged_column *column = &root->values;
    if (column->candidate.known) {
        *number = column->candidate.where;
        return VARVE_OK;
    }
    VV_TRY(store_values(columns, chunk, column->encoded, column->bytes, number, error));
    if (column->bytes >= SHARED_BYTES_MIN) {
        remember(columns->memory, columns->memory->values, column, chunk->count, *number);
        column->candidate = (struct vv_column_candidate){.known = true, .where = *number};
    }
    return VARVE_OK;
}

/* Encodes the stage and gives every chunk of it its records. */
static varve_status take_stage(struct vv_block_columns *columns, varve_error *error)
{
    vv_block_stage_encode(columns->stage, columns->workers);
    uint32_t count = vv_block_stage_count(columns->stage);
    for (uint32_t index = 0; index < count; index++) {
        const struct vv_staged_chunk *chunk = vv_block_stage_chunk(columns->stage, index);
        uint8_t record[VV_CHUNK_BYTES];
        uint64_t times = 0;
        uint64_t values = 0;
        VV_TRY(place_times(columns, index, &times, error));
        VV_TRY(place_values(columns, index, &values, error));
        vv_store_u64(record + VV_CHUNK_PLACE, values);
        vv_store_u32(record + VV_CHUNK_TIME_COLUMN, (uint32_t)times);
        VV_TRY(no_memory(vv_buffer_append(&columns->chunks, record, sizeof(record)), error));
        VV_TRY(no_memory(
            vv_buffer_append(&columns->statistics, chunk->statistics, sizeof(chunk->statistics)),
            error));
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
    uint32_t index = vv_block_stage_count(columns->stage);
    struct vv_staged_chunk *chunk = vv_block_stage_add(columns->stage, timestamps, values, count);
    if (chunk->times.twin == index) {
        chunk->times.candidate = times_candidate(columns, chunk);
    }
    chunk->values.candidate = values_candidate(columns, chunk);
    return VARVE_OK;
}

/* Replaces the numbers of value columns by their places (M4). */
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
