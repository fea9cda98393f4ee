/*
 * block_write.c - a block from sorted series: columns stream to the file, the index follows at the
 * end.
 *
 *   file  | header | pages of values and times, as they fill up | index sections | tail | footer |
 *
 * W1  Series come in strictly ascending key order; layers of a series from 0, without gaps; chunks
 *     of a layer in time order without overlap. What breaks it is INVALID: the source may be
 *     damaged.
 * W2  Memory is bounded by the index (about 100 bytes per chunk and per series), not by the
 *     samples: a fixed number of those waits to be encoded.
 * W3  The first failure sticks: every later call returns it, and finish never makes a block of it.
 * Crash rule: nothing of the file is meant to be believed before finish has returned OK; a reader
 * refuses it for want of a footer. Threads: one at a time. Format: BLOCK_FORMAT.md.
 */
#include "base/checksum.h"
#include "mmap/block.h"
#include "mmap/block_catalogue.h"
#include "mmap/block_columns.h"
#include "mmap/block_rollup.h"
#include "mmap/block_writer.h"
#include "os/alloc.h"

struct vv_block_writer {
    struct vv_block_info info;
    uint8_t header[VV_BLOCK_HEADER_BYTES];
    struct vv_block_pages pages;
    struct vv_block_columns columns;
    struct vv_block_catalogue catalogue;
    struct vv_rollup_writer *rollups; /* NULL: the block has none */
    struct vv_buffer layers;
    struct vv_buffer tombstones;
    struct vv_buffer key; /* of the series under way */

    uint64_t layer_sample_count; /* of the layer under way */
    unsigned layer_count;        /* of the series under way */
    int64_t layer_time_max;
    varve_duplicates layer_policy;
    varve_status status;
};

void vv_block_header_encode(const struct vv_block_identity *identity, uint8_t *header)
{
    vv_store_u64(header + VV_HEADER_MAGIC, VV_BLOCK_MAGIC);
    vv_store_u32(header + VV_HEADER_VERSION,
                 identity->version != 0 ? identity->version : VV_BLOCK_VERSION);
    vv_store_u32(header + VV_HEADER_FLAGS, identity->cold ? VV_BLOCK_FLAG_COLD : 0);
    memcpy(header + VV_HEADER_UUID, identity->database_uuid, sizeof(identity->database_uuid));
    vv_store_u64(header + VV_HEADER_ID, identity->id);
    vv_store_u64(header + VV_HEADER_LSN_MIN, identity->lsn_min);
    vv_store_u64(header + VV_HEADER_LSN_MAX, identity->lsn_max);
    vv_store_u32(header + VV_HEADER_SHARD, identity->shard);
    vv_store_u32(header + VV_HEADER_CHECKSUM, (uint32_t)vv_hash(header, VV_HEADER_CHECKSUM));
}

varve_status vv_block_writer_create(const struct vv_env *env, int directory, const char *name,
                                    const struct vv_block_identity *identity,
                                    struct vv_block_writer **writer, varve_error *error)
{
    struct vv_block_writer *made = vv_alloc_zeroed(1, sizeof(*made));
    if (made == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to write a block");
    }
    made->info =
        (struct vv_block_info){.identity = *identity, .time_min = INT64_MAX, .time_max = INT64_MIN};
    made->info.identity.version = VV_BLOCK_VERSION; /* also in place of an older one */
    vv_block_catalogue_init(&made->catalogue);
    vv_block_header_encode(&made->info.identity, made->header);
    varve_status status = vv_block_pages_init(&made->pages, identity->cold);
    made->pages.rollups = identity->rollup_sequence != 0;
    if (status == VARVE_OK) {
        status = vv_block_columns_init(&made->columns, &made->pages);
    }
    if (status != VARVE_OK) {
        status = vv_fail(error, status, "no memory to write a block");
        goto out;
    }
    status = vv_block_output_create(&made->pages.output, env, directory, name, error);
    if (status != VARVE_OK) {
        goto out;
    }
    status = vv_block_output_append(&made->pages.output, made->header, sizeof(made->header), error);
out:
    if (status != VARVE_OK) {
        vv_block_writer_destroy(made);
        return status;
    }
    *writer = made;
    return VARVE_OK;
}

void vv_block_writer_destroy(struct vv_block_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    vv_block_columns_fini(&writer->columns);
    vv_block_catalogue_fini(&writer->catalogue);
    vv_rollup_writer_destroy(writer->rollups);
    vv_block_pages_fini(&writer->pages);
    vv_buffer_fini(&writer->layers);
    vv_buffer_fini(&writer->tombstones);
    vv_buffer_fini(&writer->key);
    vv_free(writer);
}

struct vv_workers *vv_block_writer_workers(const struct vv_block_writer *writer)
{
    return writer->columns.workers;
}

void vv_block_writer_use(struct vv_block_writer *writer, struct vv_workers *workers)
{
    VV_ASSERT(writer->info.chunk_count == 0);
    writer->columns.workers = workers;
}

varve_status vv_block_writer_roll_up(struct vv_block_writer *writer, struct vv_rollup_rules *rules)
{
    VV_ASSERT(writer->info.series_count == 0 && writer->rollups == NULL &&
              vv_rollup_rules_sequence(rules) == writer->info.identity.rollup_sequence);
    return rules == NULL ? VARVE_OK
                         : vv_rollup_writer_create(rules, &writer->pages, &writer->rollups);
}

/* Keeps the first failure, and says so where nobody has yet. */
static varve_status settle(struct vv_block_writer *writer, varve_status status, varve_error *error)
{
    if (status != VARVE_OK && writer->status == VARVE_OK) {
        writer->status = vv_fail(error, status, "a block cannot be written");
    }
    return status;
}

static uint32_t count_of(const struct vv_buffer *records, size_t record_bytes)
{
    return (uint32_t)(records->length / record_bytes);
}

/* Writes the record of the layer under way, if there is one. */
static void close_layer(struct vv_block_writer *writer)
{
    if (writer->layer_count > 0) {
        uint8_t *record = writer->layers.bytes + writer->layers.length - VV_LAYER_BYTES;
        vv_store_u64(record + VV_LAYER_SAMPLE_COUNT, writer->layer_sample_count);
    }
    writer->layer_sample_count = 0;
}

static varve_status begin_series(struct vv_block_writer *writer, struct vv_key key,
                                 varve_error *error)
{
    struct vv_key previous = {writer->key.bytes, writer->key.length};
    if (writer->info.series_count > 0 && vv_key_compare(previous, key) >= 0) {
        return vv_fail(error, VARVE_INVALID, "series do not come in key order");
    }
    close_layer(writer);
    writer->layer_count = 0;
    writer->info.series_count++;
    vv_buffer_clear(&writer->key);
    VV_TRY(vv_buffer_append(&writer->key, key.bytes, key.length));
    if (writer->rollups != NULL) {
        VV_TRY(vv_rollup_writer_begin_series(writer->rollups, key, error));
    }
    return vv_block_catalogue_add(&writer->catalogue, key,
                                  count_of(&writer->layers, VV_LAYER_BYTES),
                                  count_of(&writer->tombstones, VV_TOMBSTONE_BYTES));
}

varve_status vv_block_writer_begin_series(struct vv_block_writer *writer, struct vv_key key,
                                          varve_error *error)
{
    VV_TRY(writer->status);
    return settle(writer, begin_series(writer, key, error), error);
}

/* Goes on to the layer, or checks that the chunk continues it. */
static varve_status enter_layer(struct vv_block_writer *writer, unsigned layer,
                                varve_duplicates policy, int64_t time_min, varve_error *error)
{
    if (writer->info.chunk_count == VV_BLOCK_NONE) {
        return vv_fail(error, VARVE_LIMIT, "a block cannot have more than 2^32 - 1 chunks");
    }
    if (layer + 1 == writer->layer_count) {
        if (time_min <= writer->layer_time_max || policy != writer->layer_policy) {
            return vv_fail(error, VARVE_INVALID,
                           "chunks of a series do not come in time order with one policy");
        }
        return VARVE_OK;
    }
    if (layer != writer->layer_count) {
        return vv_fail(error, VARVE_INVALID, "layers of a series do not ascend from 0");
    }
    close_layer(writer);
    uint8_t record[VV_LAYER_BYTES] = {0};
    vv_store_u32(record + VV_LAYER_FIRST_CHUNK, (uint32_t)writer->info.chunk_count);
    vv_store_u32(record + VV_LAYER_POLICY, (uint32_t)policy);
    VV_TRY(vv_buffer_append(&writer->layers, record, sizeof(record)));
    writer->layer_count++;
    writer->layer_policy = policy;
    return VARVE_OK;
}

/* Counts a chunk that was added. */
static void count_chunk(struct vv_block_writer *writer, int64_t time_min, int64_t time_max,
                        size_t count)
{
    struct vv_block_info *info = &writer->info;
    info->chunk_count++;
    info->sample_count += count;
    info->time_min = time_min < info->time_min ? time_min : info->time_min;
    info->time_max = time_max > info->time_max ? time_max : info->time_max;
    writer->layer_sample_count += count;
    writer->layer_time_max = time_max;
}

static varve_status roll_up(struct vv_block_writer *writer, const int64_t *timestamps,
                            const double *values, size_t count, varve_error *error)
{
    uint32_t number = count_of(&writer->layers, VV_LAYER_BYTES) - 1;
    return vv_rollup_writer_add(writer->rollups, number, timestamps, values, count, error);
}

static varve_status add_chunk(struct vv_block_writer *writer, unsigned layer,
                              varve_duplicates policy, const int64_t *timestamps,
                              const double *values, size_t count, varve_error *error)
{
    VV_TRY(enter_layer(writer, layer, policy, timestamps[0], error));
    VV_TRY(vv_block_columns_add(&writer->columns, timestamps, values, count, error));
    if (writer->rollups != NULL) {
        VV_TRY(roll_up(writer, timestamps, values, count, error));
    }
    count_chunk(writer, timestamps[0], timestamps[count - 1], count);
    return VARVE_OK;
}

varve_status vv_block_writer_add_chunk(struct vv_block_writer *writer, unsigned layer,
                                       varve_duplicates policy, const int64_t *timestamps,
                                       const double *values, size_t count, varve_error *error)
{
    VV_ASSERT(count >= 1 && count <= VV_COLUMN_MAX);
    VV_ASSERT(writer->info.series_count > 0 && policy != VARVE_DUPLICATES_DEFAULT);
    VV_TRY(writer->status);
    return settle(writer, add_chunk(writer, layer, policy, timestamps, values, count, error),
                  error);
}

static varve_status place_chunk(struct vv_block_writer *writer, unsigned layer,
                                varve_duplicates policy, const struct vv_encoded_chunk *chunk,
                                varve_error *error)
{
    VV_TRY(enter_layer(writer, layer, policy, chunk->time_min, error));
    VV_TRY(vv_block_columns_place(&writer->columns, chunk, error));
    if (writer->rollups != NULL) {
        int64_t timestamps[VV_DECODE_ROOM(VV_COLUMN_MAX)];
        double values[VV_DECODE_ROOM(VV_COLUMN_MAX)];
        vv_block_decode(chunk, timestamps, values);
        VV_TRY(roll_up(writer, timestamps, values, chunk->count, error));
    }
    count_chunk(writer, chunk->time_min, chunk->time_max, chunk->count);
    return VARVE_OK;
}

varve_status vv_block_writer_place(struct vv_block_writer *writer, unsigned layer,
                                   varve_duplicates policy, const struct vv_encoded_chunk *chunk,
                                   varve_error *error)
{
    VV_ASSERT(writer->info.series_count > 0 && policy != VARVE_DUPLICATES_DEFAULT);
    VV_TRY(writer->status);
    return settle(writer, place_chunk(writer, layer, policy, chunk, error), error);
}

static varve_status carry_chunk(struct vv_block_writer *writer, unsigned layer,
                                varve_duplicates policy, struct vv_block_carry *carry,
                                uint32_t index, varve_error *error)
{
    struct vv_carried_chunk carried;
    varve_status status = vv_block_carry_read(carry, index, &carried);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "a chunk of a block that is merged cannot be read");
    }
    const struct vv_block_chunk *chunk = &carried.chunk;
    VV_TRY(enter_layer(writer, layer, policy, chunk->time_min, error));
    VV_TRY(vv_block_columns_carry(&writer->columns, carry, &carried, error));
    if (writer->rollups != NULL) {
        double values[VV_DECODE_ROOM(VV_COLUMN_MAX)];
        VV_TRY(vv_block_carry_values(carry, &carried, values));
        VV_TRY(roll_up(writer, carried.timestamps, values, chunk->count, error));
    }
    count_chunk(writer, chunk->time_min, chunk->time_max, chunk->count);
    return VARVE_OK;
}

varve_status vv_block_writer_carry_chunk(struct vv_block_writer *writer, unsigned layer,
                                         varve_duplicates policy, struct vv_block_carry *carry,
                                         uint32_t index, varve_error *error)
{
    VV_ASSERT(writer->info.identity.cold);
    VV_ASSERT(writer->info.series_count > 0 && policy != VARVE_DUPLICATES_DEFAULT);
    VV_TRY(writer->status);
    return settle(writer, carry_chunk(writer, layer, policy, carry, index, error), error);
}

varve_status vv_block_writer_add_tombstone(struct vv_block_writer *writer, struct vv_range range,
                                           varve_error *error)
{
    VV_ASSERT(writer->info.series_count > 0);
    VV_TRY(writer->status);
    uint8_t record[VV_TOMBSTONE_BYTES];
    vv_store_u64(record + VV_TOMBSTONE_START, (uint64_t)range.start);
    vv_store_u64(record + VV_TOMBSTONE_END, (uint64_t)range.end);
    if (count_of(&writer->tombstones, VV_TOMBSTONE_BYTES) == VV_BLOCK_NONE) {
        return settle(writer, VARVE_LIMIT, error);
    }
    writer->info.tombstone_count++;
    return settle(writer, vv_buffer_append(&writer->tombstones, record, sizeof(record)), error);
}

/* Ends the lists of layers with a record that says where another would begin. */
static varve_status append_last_layer(struct vv_block_writer *writer)
{
    uint8_t record[VV_LAYER_BYTES] = {0};
    vv_store_u32(record + VV_LAYER_FIRST_CHUNK, (uint32_t)writer->info.chunk_count);
    return vv_buffer_append(&writer->layers, record, sizeof(record));
}

/* Writes records that nobody needs behind that. */
static varve_status put_records(struct vv_block_pages *pages, unsigned section,
                                struct vv_buffer *records, varve_error *error)
{
    varve_status status = vv_block_pages_put_records(pages, section, records, error);
    vv_buffer_fini(records);
    return status;
}

static varve_status write_index(struct vv_block_writer *writer, uint32_t *set_count,
                                varve_error *error)
{
    struct vv_block_pages *pages = &writer->pages;
    uint32_t layer_count = count_of(&writer->layers, VV_LAYER_BYTES);
    uint32_t tombstone_count = count_of(&writer->tombstones, VV_TOMBSTONE_BYTES);
    close_layer(writer);
    VV_TRY(append_last_layer(writer));
    VV_TRY(vv_block_columns_flush(&writer->columns, error));
    VV_TRY(put_records(pages, VV_SECTION_TIME_COLUMNS, &writer->columns.time_columns, error));
    VV_TRY(put_records(pages, VV_SECTION_CHUNKS, &writer->columns.chunks, error));
    VV_TRY(put_records(pages, VV_SECTION_STATISTICS, &writer->columns.statistics, error));
    VV_TRY(put_records(pages, VV_SECTION_LAYERS, &writer->layers, error));
    VV_TRY(put_records(pages, VV_SECTION_TOMBSTONES, &writer->tombstones, error));
    if (writer->rollups != NULL) {
        VV_TRY(vv_rollup_writer_finish(writer->rollups, error));
    }
    return vv_block_catalogue_write(&writer->catalogue, pages, layer_count, tombstone_count,
                                    set_count, error);
}

static varve_status finish(struct vv_block_writer *writer, varve_error *error)
{
    struct vv_block_info *info = &writer->info;
    uint8_t footer[VV_BLOCK_FOOTER_BYTES] = {0};
    uint32_t set_count = 0;
    VV_ASSERT((writer->rollups != NULL) == (info->identity.rollup_sequence != 0));
    VV_TRY(write_index(writer, &set_count, error));
    vv_store_u64(footer + VV_FOOTER_SERIES_COUNT, info->series_count);
    vv_store_u64(footer + VV_FOOTER_CHUNK_COUNT, info->chunk_count);
    vv_store_u64(footer + VV_FOOTER_SAMPLE_COUNT, info->sample_count);
    vv_store_u64(footer + VV_FOOTER_TOMBSTONE_COUNT, info->tombstone_count);
    vv_store_u64(footer + VV_FOOTER_TIME_MIN, (uint64_t)info->time_min);
    vv_store_u64(footer + VV_FOOTER_TIME_MAX, (uint64_t)info->time_max);
    vv_store_u32(footer + VV_FOOTER_SET_COUNT, set_count);
    vv_store_u64(footer + VV_FOOTER_ROLLUP_SEQUENCE, info->identity.rollup_sequence);
    VV_TRY(vv_block_pages_put_tail(&writer->pages, writer->header, footer, error));
    VV_TRY(vv_block_output_sync(&writer->pages.output, error));
    info->file_bytes = writer->pages.output.written;
    info->checksum = vv_load_u64(footer + VV_FOOTER_CHECKSUM);
    return VARVE_OK;
}

varve_status vv_block_writer_finish(struct vv_block_writer *writer, struct vv_block_info *info,
                                    varve_error *error)
{
    VV_TRY(writer->status);
    VV_TRY(settle(writer, finish(writer, error), error));
    *info = writer->info;
    /* A finished writer takes nothing more. */
    writer->status = VARVE_INVALID;
    return VARVE_OK;
}
