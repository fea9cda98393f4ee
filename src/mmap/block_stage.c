/*
 * block_stage.c - raw chunks side by side; each is encoded into a room of its own.
 *
 *   timestamps | chunk 0 | chunk 1 | chunk 2 |            |      values: likewise
 *   encoded    | room 0     | room 1     | room 2     |          VV_VALUES_BOUND() each
 *
 * S1  While encode runs, a chunk is written by one thread only, and what all of them read (raw
 *     columns) is not written at all.
 * S2  Adding is what one thread does alone, so it does little: it copies. Equal columns are told
 *     by their encodings, which the threads make and hash.
 * S3  But timestamps of series that are scraped together are recognised when they are added, by
 *     comparing them with those of the last chunk that began at the same time: they are neither
 *     checked, copied nor encoded again.
 */
#include "mmap/block_stage.h"

#include "os/pages.h"

enum {
    RECENT_BITS = 6,
    PIECE_CHUNKS = 4, /* some 20 microseconds of full chunks: what one thread takes at a time */
    ENCODED_BYTES = VV_STAGE_CHUNKS * VV_VALUES_BOUND(0) + VV_STAGE_SAMPLES * 9,
};

static_assert(VV_TIMESTAMPS_BOUND(1000) == VV_VALUES_BOUND(0) + 9000 &&
                  VV_VALUES_BOUND(1000) == VV_VALUES_BOUND(0) + 9000,
              "rooms are as long as the codecs demand");

/* A chunk, if round is the stage's present one. */
struct recent {
    uint32_t round;
    uint32_t chunk;
};

struct vv_block_stage {
    uint32_t chunk_count;
    uint32_t sample_count;
    uint32_t round;
    struct vv_staged_chunk chunks[VV_STAGE_CHUNKS];
    struct recent recent[1 << RECENT_BITS]; /* by the first timestamp */
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

/* Finds the timestamps in the stage (S3) or adds them; false: they do not increase. */
static bool add_times(struct vv_block_stage *stage, const int64_t *timestamps,
                      struct vv_staged_chunk *chunk)
{
    uint32_t count = chunk->encoded.count;
    uint64_t mixed = (uint64_t)timestamps[0] * UINT64_C(0x9e3779b97f4a7c15);
    struct recent *place = &stage->recent[mixed >> (64 - RECENT_BITS)];
    if (place->round == stage->round) {
        const struct vv_staged_chunk *twin = &stage->chunks[place->chunk];
        if (twin->encoded.count == count &&
            memcmp(stage->timestamps + twin->first, timestamps, count * sizeof(*timestamps)) == 0) {
            chunk->times_twin = place->chunk;
            return true;
        }
    }
    if (!vv_block_times_increase(timestamps, count)) {
        return false;
    }
    memcpy(stage->timestamps + chunk->first, timestamps, count * sizeof(*timestamps));
    chunk->times_twin = stage->chunk_count;
    *place = (struct recent){stage->round, stage->chunk_count};
    return true;
}

/* The next chunk with its timestamps; NULL: they do not increase. It counts once it is complete. */
static struct vv_staged_chunk *begin_chunk(struct vv_block_stage *stage, const int64_t *timestamps,
                                           size_t count)
{
    VV_ASSERT(count >= 1 && count <= VV_COLUMN_MAX && vv_block_stage_has_room(stage, count));
    struct vv_staged_chunk *chunk = &stage->chunks[stage->chunk_count];
    chunk->first = stage->sample_count;
    chunk->encoded.count = (uint32_t)count;
    chunk->encoded.time_min = timestamps[0];
    chunk->encoded.time_max = timestamps[count - 1];
    return add_times(stage, timestamps, chunk) ? chunk : NULL;
}

static void end_chunk(struct vv_block_stage *stage, const struct vv_staged_chunk *chunk)
{
    stage->chunk_count++;
    stage->sample_count += chunk->encoded.count;
}

bool vv_block_stage_add(struct vv_block_stage *stage, const int64_t *timestamps,
                        const double *values, size_t count)
{
    struct vv_staged_chunk *chunk = begin_chunk(stage, timestamps, count);
    if (chunk == NULL) {
        return false;
    }
    chunk->is_carried = false;
    memcpy(stage->values + chunk->first, values, count * sizeof(*values));
    end_chunk(stage, chunk);
    return true;
}

bool vv_block_stage_add_carried(struct vv_block_stage *stage, const int64_t *timestamps,
                                uint32_t count, const uint8_t *statistics, uint64_t values_number)
{
    struct vv_staged_chunk *chunk = begin_chunk(stage, timestamps, count);
    if (chunk == NULL) {
        return false;
    }
    chunk->is_carried = true;
    chunk->values_number = values_number;
    memcpy(chunk->encoded.statistics, statistics, sizeof(chunk->encoded.statistics));
    end_chunk(stage, chunk);
    return true;
}

static void encode_chunk(struct vv_block_stage *stage, uint32_t index)
{
    struct vv_staged_chunk *chunk = &stage->chunks[index];
    struct vv_encoded_chunk *encoded = &chunk->encoded;
    size_t room = index * VV_VALUES_BOUND(0) + chunk->first * (size_t)9;
    if (chunk->times_twin == index) {
        encoded->times = vv_block_encode_times(stage->timestamps + chunk->first, encoded->count,
                                               stage->encoded_times + room);
    }
    if (chunk->is_carried) {
        return;
    }
    encoded->values = vv_block_encode_values(stage->values + chunk->first, encoded->count,
                                             stage->encoded_values + room, encoded->statistics);
}

static void encode_piece(void *context, size_t piece)
{
    struct vv_block_stage *stage = context;
    uint32_t end = (uint32_t)(piece + 1) * PIECE_CHUNKS;
    end = end < stage->chunk_count ? end : stage->chunk_count;
    for (uint32_t index = (uint32_t)piece * PIECE_CHUNKS; index < end; index++) {
        encode_chunk(stage, index);
    }
}

void vv_block_stage_encode(struct vv_block_stage *stage, struct vv_workers *workers)
{
    vv_workers_run(workers, encode_piece, stage,
                   (stage->chunk_count + PIECE_CHUNKS - 1) / PIECE_CHUNKS);
}
