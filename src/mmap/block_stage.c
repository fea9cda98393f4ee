/*
 * block_stage.c - raw chunks side by side; each is encoded into a room of its own.
 *
 *   timestamps | chunk 0 | chunk 1 | chunk 2 |            |      values: likewise
 *   encoded    | room 0     | room 1     | room 2     |          VV_VALUES_BOUND() each
 *   first_with | chunk | - | chunk | ...     by hash: the first chunk of the stage with a column
 *
 * S1  While encode runs, a chunk is written by one thread only, and what all of them read (raw
 *     columns, copies of candidates) is not written at all.
 * S2  A column that equals one before it in the stage is found by comparing raw bytes, so equal
 *     hashes are not believed. Of several different columns that share a place in first_with, the
 *     last one is found: the others are stored again.
 * S3  Timestamps of series that are scraped together are recognised without a hash, by comparing
 *     them with those of the last chunk that began at the same time, and are not copied: their
 *     twin's are.
 * S4  A candidate is decoded and compared, bit by bit. That costs a tenth of encoding the column,
 *     which a hit saves.
 */
#include "mmap/block_stage.h"

#include "base/checksum.h"
#include "os/pages.h"

enum {
    FIRST_WITH_COUNT = 4 * VV_STAGE_CHUNKS,
    RECENT_BITS = 6,
    PIECE_CHUNKS = 4, /* some 50 microseconds of full chunks: what one thread takes at a time */
    ENCODED_BYTES = VV_STAGE_CHUNKS * VV_VALUES_BOUND(0) + VV_STAGE_SAMPLES * 9,
};

static_assert(VV_TIMESTAMPS_BOUND(1000) == VV_VALUES_BOUND(0) + 9000 &&
                  VV_VALUES_BOUND(1000) == VV_VALUES_BOUND(0) + 9000,
              "rooms are as long as the codecs demand");

/* A place of first_with: valid if it is the present round's. */
struct first_with {
    uint32_t round;
    uint32_t chunk;
};

struct vv_block_stage {
    uint32_t chunk_count;
    uint32_t sample_count;
    uint32_t round;
    struct vv_staged_chunk chunks[VV_STAGE_CHUNKS];
    struct first_with times_with[FIRST_WITH_COUNT];
    struct first_with values_with[FIRST_WITH_COUNT];
    struct first_with recent[1 << RECENT_BITS]; /* by the first timestamp */
    int64_t timestamps[VV_STAGE_SAMPLES];
    double values[VV_STAGE_SAMPLES];
    uint8_t encoded_times[ENCODED_BYTES];
    uint8_t encoded_values[ENCODED_BYTES];
};

varve_status vv_block_stage_create(struct vv_block_stage **stage)
{
    /* Zeroed; only what is used of it becomes memory, and all of that goes back at the end. (The
     * heap would keep what it once had of this size.) */
    struct vv_block_stage *created = vv_pages_alloc_sparse(vv_pages_round(sizeof(*created)));
    if (created == NULL) {
        return VARVE_NO_MEMORY;
    }
    vv_block_stage_clear(created);
    *stage = created;
    return VARVE_OK;
}

void vv_block_stage_destroy(struct vv_block_stage *stage)
{
    vv_pages_free(stage, vv_pages_round(sizeof(*stage)));
}

void vv_block_stage_clear(struct vv_block_stage *stage)
{
    stage->chunk_count = 0;
    stage->sample_count = 0;
    stage->round++;
}

bool vv_block_stage_has_room(const struct vv_block_stage *stage, size_t count)
{
    return stage->chunk_count < VV_STAGE_CHUNKS && count <= VV_STAGE_SAMPLES - stage->sample_count;
}

uint32_t vv_block_stage_count(const struct vv_block_stage *stage)
{
    return stage->chunk_count;
}

struct vv_staged_chunk *vv_block_stage_chunk(struct vv_block_stage *stage, uint32_t index)
{
    VV_ASSERT(index < stage->chunk_count);
    return &stage->chunks[index];
}

const int64_t *vv_block_stage_timestamps(const struct vv_block_stage *stage,
                                         const struct vv_staged_chunk *chunk)
{
    VV_ASSERT(&stage->chunks[chunk->times.twin] == chunk); /* S3 */
    return stage->timestamps + chunk->first;
}

const double *vv_block_stage_values(const struct vv_block_stage *stage,
                                    const struct vv_staged_chunk *chunk)
{
    return stage->values + chunk->first;
}

/* The first chunk whose column, of count 8-byte entries at `at` of all, is the same (S2). */
static uint32_t find_twin(const struct vv_block_stage *stage, struct first_with *places,
                          uint64_t hash, const void *all, uint32_t at, uint32_t count)
{
    struct first_with *place = &places[hash % FIRST_WITH_COUNT];
    if (place->round == stage->round) {
        const struct vv_staged_chunk *twin = &stage->chunks[place->chunk];
        const char *bytes = all;
        if (twin->count == count &&
            memcmp(bytes + twin->first * sizeof(uint64_t), bytes + at * sizeof(uint64_t),
                   count * sizeof(uint64_t)) == 0) {
            return place->chunk;
        }
    }
    *place = (struct first_with){stage->round, stage->chunk_count};
    return stage->chunk_count;
}

/* Whether the timestamps are those of a chunk that began at the same time (S3). */
static bool find_recent_times(struct vv_block_stage *stage, const int64_t *timestamps,
                              struct vv_staged_chunk *chunk)
{
    uint64_t mixed = (uint64_t)timestamps[0] * UINT64_C(0x9e3779b97f4a7c15);
    struct first_with *place = &stage->recent[mixed >> (64 - RECENT_BITS)];
    if (place->round == stage->round) {
        const struct vv_staged_chunk *twin = &stage->chunks[place->chunk];
        if (twin->count == chunk->count && memcmp(stage->timestamps + twin->first, timestamps,
                                                  chunk->count * sizeof(*timestamps)) == 0) {
            chunk->times.hash = twin->times.hash;
            chunk->times.twin = twin->times.twin;
            return true;
        }
    }
    *place = (struct first_with){stage->round, stage->chunk_count};
    return false;
}

/* Finds the chunk's timestamps in the stage or adds them. */
static void add_times(struct vv_block_stage *stage, const int64_t *timestamps,
                      struct vv_staged_chunk *chunk)
{
    size_t bytes = chunk->count * sizeof(*timestamps);
    if (find_recent_times(stage, timestamps, chunk)) {
        return;
    }
    memcpy(stage->timestamps + chunk->first, timestamps, bytes);
    chunk->times.hash = vv_hash(timestamps, bytes);
    chunk->times.twin = find_twin(stage, stage->times_with, chunk->times.hash, stage->timestamps,
                                  chunk->first, chunk->count);
}

struct vv_staged_chunk *vv_block_stage_add(struct vv_block_stage *stage, const int64_t *timestamps,
                                           const double *values, size_t count)
{
    VV_ASSERT(count >= 1 && count <= VV_COLUMN_MAX && vv_block_stage_has_room(stage, count));
    uint32_t first = stage->sample_count;
    size_t bytes = count * sizeof(*values);
    memcpy(stage->values + first, values, bytes);
    struct vv_staged_chunk *chunk = &stage->chunks[stage->chunk_count];
    *chunk = (struct vv_staged_chunk){.first = first, .count = (uint32_t)count};
    add_times(stage, timestamps, chunk);
    chunk->values.hash = vv_hash(values, bytes);
    chunk->values.twin = find_twin(stage, stage->values_with, chunk->values.hash, stage->values,
                                   first, chunk->count);
    stage->chunk_count++;
    stage->sample_count += chunk->count;
    return chunk;
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

static bool times_known(const struct vv_column_candidate *candidate, const int64_t *timestamps,
                        size_t count)
{
    int64_t decoded[VV_COLUMN_MAX];
    if (!candidate->known || candidate->copy == NULL) {
        return candidate->known && is_arithmetic(timestamps, count);
    }
    return vv_timestamps_decode(candidate->copy, candidate->copy_bytes, count, decoded) ==
               VARVE_OK &&
           memcmp(decoded, timestamps, count * sizeof(*timestamps)) == 0;
}

static bool values_known(const struct vv_column_candidate *candidate, const double *values,
                         size_t count)
{
    double decoded[VV_COLUMN_MAX];
    return candidate->known &&
           vv_values_decode(candidate->copy, candidate->copy_bytes, count, decoded) == VARVE_OK &&
           memcmp(decoded, values, count * sizeof(*values)) == 0;
}

static void write_statistics(const double *values, size_t count, uint8_t *record)
{
    struct vv_value_statistics statistics;
    vv_values_statistics(values, count, &statistics);
    vv_block_store_double(record + VV_STATISTICS_MIN, statistics.min);
    vv_block_store_double(record + VV_STATISTICS_MAX, statistics.max);
    vv_block_store_double(record + VV_STATISTICS_SUM, statistics.sum);
    vv_block_store_double(record + VV_STATISTICS_FIRST, statistics.first);
    vv_block_store_double(record + VV_STATISTICS_LAST, statistics.last);
    vv_block_store_double(record + VV_STATISTICS_INCREASE, statistics.increase);
    vv_store_u32(record + VV_STATISTICS_NAN_COUNT, statistics.nan_count);
    vv_store_u32(record + VV_STATISTICS_RESETS, statistics.resets);
    vv_store_u32(record + VV_STATISTICS_COUNT, statistics.count);
    vv_store_u32(record + VV_STATISTICS_ZERO, 0);
}

static void encode_times(struct vv_block_stage *stage, uint32_t index)
{
    struct vv_staged_chunk *chunk = &stage->chunks[index];
    struct vv_staged_column *column = &chunk->times;
    if (column->twin != index) {
        return;
    }
    const int64_t *timestamps = vv_block_stage_timestamps(stage, chunk);
    column->candidate.known = times_known(&column->candidate, timestamps, chunk->count);
    if (!column->candidate.known && !is_arithmetic(timestamps, chunk->count)) {
        uint8_t *room = stage->encoded_times + index * VV_TIMESTAMPS_BOUND(0) + chunk->first * 9;
        column->encoded = room;
        column->bytes = vv_timestamps_encode(timestamps, chunk->count, room);
    }
}

static void encode_values(struct vv_block_stage *stage, uint32_t index)
{
    struct vv_staged_chunk *chunk = &stage->chunks[index];
    struct vv_staged_column *column = &chunk->values;
    const double *values = vv_block_stage_values(stage, chunk);
    if (column->twin != index) {
        return; /* its statistics are its twin's: see vv_block_stage_encode() */
    }
    write_statistics(values, chunk->count, chunk->statistics);
    column->candidate.known = values_known(&column->candidate, values, chunk->count);
    if (!column->candidate.known) {
        uint8_t *room = stage->encoded_values + index * VV_VALUES_BOUND(0) + chunk->first * 9;
        column->encoded = room;
        column->bytes = vv_values_encode(values, chunk->count, room);
    }
}

static void encode_piece(void *context, size_t piece)
{
    struct vv_block_stage *stage = context;
    uint32_t end = (uint32_t)(piece + 1) * PIECE_CHUNKS;
    end = end < stage->chunk_count ? end : stage->chunk_count;
    for (uint32_t index = (uint32_t)piece * PIECE_CHUNKS; index < end; index++) {
        encode_times(stage, index);
        encode_values(stage, index);
    }
}

void vv_block_stage_encode(struct vv_block_stage *stage, struct vv_workers *workers)
{
    vv_workers_run(workers, encode_piece, stage,
                   (stage->chunk_count + PIECE_CHUNKS - 1) / PIECE_CHUNKS);
    for (uint32_t index = 0; index < stage->chunk_count; index++) {
        struct vv_staged_chunk *chunk = &stage->chunks[index];
        if (chunk->values.twin != index) {
            memcpy(chunk->statistics, stage->chunks[chunk->values.twin].statistics,
                   sizeof(chunk->statistics));
        }
    }
}
