/*
 * block_series.c - the series of a block: by number, by key, and what belongs to them.
 *
 *   hash -> bucket -> entries | fingerprint, id | ... -> candidate -> its key is compared
 *
 * Threads: any. Format: BLOCK_FORMAT.md.
 */
#include "mmap/block_reader.h"

/* A record and the one behind it, which says where the lists of the first one end. */
static varve_status read_pair(const struct vv_block *block, enum vv_block_section section,
                              uint64_t index, const uint8_t **record, const uint8_t **next)
{
    VV_TRY(vv_block_record(block, section, index, record));
    return vv_block_record(block, section, index + 1, next);
}

varve_status vv_block_series_read(const struct vv_block *block, uint32_t id,
                                  struct vv_block_series_record *series)
{
    const uint8_t *record;
    const uint8_t *next;
    VV_TRY(read_pair(block, VV_SECTION_SERIES, id, &record, &next));
    series->metric = vv_load_u32(record + VV_SERIES_METRIC);
    series->set = vv_load_u32(record + VV_SERIES_SET);
    series->first_layer = vv_load_u32(record + VV_SERIES_FIRST_LAYER);
    series->first_tombstone = vv_load_u32(record + VV_SERIES_FIRST_TOMBSTONE);
    uint32_t layer_end = vv_load_u32(next + VV_SERIES_FIRST_LAYER);
    uint32_t tombstone_end = vv_load_u32(next + VV_SERIES_FIRST_TOMBSTONE);
    if (layer_end < series->first_layer || tombstone_end < series->first_tombstone ||
        layer_end >= block->sections[VV_SECTION_LAYERS].record_count ||
        tombstone_end > block->info.tombstone_count || series->set >= block->set_count ||
        (series->metric != VV_BLOCK_NONE && series->metric >= block->label_count)) {
        return VARVE_CORRUPT;
    }
    series->layer_count = layer_end - series->first_layer;
    series->tombstone_count = tombstone_end - series->first_tombstone;
    return VARVE_OK;
}

varve_status vv_block_layer_read(const struct vv_block *block, uint32_t index,
                                 struct vv_block_layer *layer)
{
    const uint8_t *record;
    const uint8_t *next;
    VV_TRY(read_pair(block, VV_SECTION_LAYERS, index, &record, &next));
    uint32_t policy = vv_load_u32(record + VV_LAYER_POLICY);
    uint32_t end = vv_load_u32(next + VV_LAYER_FIRST_CHUNK);
    layer->first_chunk = vv_load_u32(record + VV_LAYER_FIRST_CHUNK);
    layer->sample_count = vv_load_u64(record + VV_LAYER_SAMPLE_COUNT);
    layer->policy = (varve_duplicates)policy;
    if (end <= layer->first_chunk || end > block->info.chunk_count ||
        policy < VARVE_DUPLICATES_LAST || policy > VARVE_DUPLICATES_ERROR) {
        return VARVE_CORRUPT;
    }
    layer->chunk_count = end - layer->first_chunk;
    return VARVE_OK;
}

varve_status vv_block_layer_find(const struct vv_block *block, const struct vv_block_layer *layer,
                                 int64_t start, uint32_t *first)
{
    uint32_t low = layer->first_chunk;
    uint32_t high = layer->first_chunk + layer->chunk_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct vv_block_chunk chunk;
        VV_TRY(vv_block_chunk_read(block, middle, &chunk));
        if (chunk.time_max < start) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *first = low;
    return VARVE_OK;
}

/* Adds up the layers of a series. A layer begins with its first chunk and ends with its last. */
static varve_status read_layers(const struct vv_block *block,
                                const struct vv_block_series_record *record,
                                struct vv_block_series *series)
{
    for (uint32_t index = 0; index < record->layer_count; index++) {
        struct vv_block_layer layer;
        struct vv_block_chunk first;
        struct vv_block_chunk last;
        VV_TRY(vv_block_layer_read(block, record->first_layer + index, &layer));
        VV_TRY(vv_block_chunk_read(block, layer.first_chunk, &first));
        VV_TRY(vv_block_chunk_read(block, layer.first_chunk + layer.chunk_count - 1, &last));
        series->sample_count += layer.sample_count;
        series->time_min = first.time_min < series->time_min ? first.time_min : series->time_min;
        series->time_max = last.time_max > series->time_max ? last.time_max : series->time_max;
    }
    return VARVE_OK;
}

varve_status vv_block_series_layers(const struct vv_block *block, uint32_t id,
                                    struct vv_block_parts *parts)
{
    struct vv_block_series_record record;
    VV_ASSERT(id < block->info.series_count);
    VV_TRY(vv_block_series_read(block, id, &record));
    *parts = (struct vv_block_parts){
        .first_layer = record.first_layer,
        .layer_count = record.layer_count,
        .tombstone_count = record.tombstone_count,
    };
    return VARVE_OK;
}

varve_status vv_block_series_key(const struct vv_block *block, uint32_t id, uint8_t *bytes,
                                 struct vv_key *key)
{
    size_t length;
    VV_ASSERT(id < block->info.series_count);
    VV_TRY(vv_block_key_read(block, id, bytes, &length));
    *key = (struct vv_key){bytes, length};
    return VARVE_OK;
}

varve_status vv_block_series(const struct vv_block *block, uint32_t id,
                             struct vv_buffer *key_buffer, struct vv_block_series *series)
{
    VV_ASSERT(id < block->info.series_count);
    struct vv_block_series_record record;
    size_t key_length;
    vv_buffer_clear(key_buffer);
    VV_TRY(vv_buffer_reserve(key_buffer, VARVE_SERIES_KEY_BYTES_MAX));
    VV_TRY(vv_block_key_read(block, id, key_buffer->bytes, &key_length));
    VV_TRY(vv_block_series_read(block, id, &record));
    key_buffer->length = key_length;
    struct vv_block_series found = {
        .key = {key_buffer->bytes, key_length},
        .layer_count = record.layer_count,
        .tombstone_count = record.tombstone_count,
        .time_min = INT64_MAX,
        .time_max = INT64_MIN,
    };
    found.key_hash = vv_key_hash(found.key);
    VV_TRY(read_layers(block, &record, &found));
    *series = found;
    return VARVE_OK;
}

varve_status vv_block_series_parts(const struct vv_block *block, uint32_t id, unsigned *layer_count,
                                   size_t *tombstone_count)
{
    VV_ASSERT(id < block->info.series_count);
    struct vv_block_series_record record;
    VV_TRY(vv_block_series_read(block, id, &record));
    *layer_count = record.layer_count;
    *tombstone_count = record.tombstone_count;
    return VARVE_OK;
}

/* Entries of the hash index that may hold a hash. */
static varve_status find_bucket(const struct vv_block *block, uint64_t key_hash, uint32_t *first,
                                uint32_t *end)
{
    const uint8_t *record;
    const uint8_t *next;
    VV_TRY(read_pair(block, VV_SECTION_BUCKETS, vv_block_bucket(key_hash, block->bucket_bits),
                     &record, &next));
    *first = vv_load_u32(record);
    *end = vv_load_u32(next);
    return *first <= *end && *end <= block->info.series_count ? VARVE_OK : VARVE_CORRUPT;
}

/* The next entry of [*at, end) with the fingerprint of the hash; NOT_FOUND. */
static varve_status next_candidate(const struct vv_block *block, uint64_t key_hash, uint32_t *at,
                                   uint32_t end, uint32_t *candidate)
{
    uint32_t count = (uint32_t)block->info.series_count;
    unsigned id_bits = vv_block_bits(count);
    uint32_t fingerprint = (uint32_t)key_hash & vv_block_fingerprint_mask(count);
    while (*at < end) {
        const uint8_t *record;
        VV_TRY(vv_block_record(block, VV_SECTION_HASHES, (*at)++, &record));
        uint64_t entry = vv_load_u32(record);
        if (entry >> id_bits == fingerprint) {
            *candidate = (uint32_t)(entry & ((UINT64_C(1) << id_bits) - 1));
            return *candidate < count ? VARVE_OK : VARVE_CORRUPT;
        }
    }
    return VARVE_NOT_FOUND;
}

varve_status vv_block_find(const struct vv_block *block, struct vv_key key, uint64_t key_hash,
                           uint32_t *id)
{
    uint8_t candidate_key[VARVE_SERIES_KEY_BYTES_MAX];
    size_t length;
    uint32_t at;
    uint32_t end;
    VV_TRY(find_bucket(block, key_hash, &at, &end));
    for (;;) {
        uint32_t candidate;
        VV_TRY(next_candidate(block, key_hash, &at, end, &candidate));
        VV_TRY(vv_block_key_read(block, candidate, candidate_key, &length));
        if (vv_key_equal(key, (struct vv_key){candidate_key, length})) {
            *id = candidate;
            return VARVE_OK;
        }
    }
}

varve_status vv_block_hash_leads_to(const struct vv_block *block, uint64_t key_hash, uint32_t id,
                                    bool *leads)
{
    uint32_t at;
    uint32_t end;
    uint32_t candidate;
    varve_status status = find_bucket(block, key_hash, &at, &end);
    do {
        status =
            status == VARVE_OK ? next_candidate(block, key_hash, &at, end, &candidate) : status;
    } while (status == VARVE_OK && candidate != id);
    *leads = status == VARVE_OK;
    return status == VARVE_NOT_FOUND ? VARVE_OK : status;
}

varve_status vv_block_tombstones(const struct vv_block *block, uint32_t id, struct vv_range *ranges)
{
    VV_ASSERT(id < block->info.series_count);
    struct vv_block_series_record series;
    VV_TRY(vv_block_series_read(block, id, &series));
    for (uint32_t index = 0; index < series.tombstone_count; index++) {
        const uint8_t *record;
        VV_TRY(vv_block_record(block, VV_SECTION_TOMBSTONES,
                               (uint64_t)series.first_tombstone + index, &record));
        ranges[index].start = (int64_t)vv_load_u64(record + VV_TOMBSTONE_START);
        ranges[index].end = (int64_t)vv_load_u64(record + VV_TOMBSTONE_END);
    }
    return VARVE_OK;
}
