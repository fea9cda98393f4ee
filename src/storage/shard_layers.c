/*
 * shard_layers.c - sources of one series, resolved and cut into chunks of a block being written.
 *
 *   sources (oldest first):  last  last  sum  sum  last      written as layers 0, 1, 2
 *
 * L1  Neighbouring sources under one policy become one layer: folding them early is associative.
 * L2  Different policies can only be folded when nothing older exists that the result would meet:
 *     then everything becomes one layer.
 * L3  Tombstones of later sources delete from every earlier layer.
 * L4  A chunk that nothing else touches and whose page another block hands on is not decoded: it
 *     stays a chunk of its own, however full it is.
 * L5  A span is not copied if it makes a chunk as it is: a full one, or in the block of a flush,
 *     which will be merged, nearly. Such a chunk of the head is not even decoded: it was encoded
 *     for good when it was sealed, and its bytes go into the block.
 */
#include "mmap/block_carry.h"
#include "mmap/block_sink.h"
#include "os/alloc.h"
#include "storage/shard.h"

enum { NEARLY_FULL = VV_COLUMN_MAX / 16 * 15 };

/* One column pair being filled. */
struct chunk_buffer {
    int64_t timestamps[VV_COLUMN_MAX];
    double values[VV_COLUMN_MAX];
    size_t count;
};

varve_status vv_series_output_begin(struct vv_series_output *output, varve_error *error)
{
    if (output->begun) {
        return VARVE_OK;
    }
    output->begun = true;
    output->series_count++;
    if (output->sink != NULL) {
        vv_block_sink_begin(output->sink, output->key);
        return VARVE_OK;
    }
    return vv_block_writer_begin_series(output->writer, output->key, error);
}

static varve_status write_samples(struct vv_series_output *output, unsigned layer,
                                  varve_duplicates policy, varve_span samples, varve_error *error)
{
    VV_TRY(vv_series_output_begin(output, error));
    if (output->sink != NULL) {
        return vv_block_sink_add_chunk(output->sink, layer, policy, samples.timestamps,
                                       samples.values, samples.count);
    }
    return vv_block_writer_add_chunk(output->writer, layer, policy, samples.timestamps,
                                     samples.values, samples.count, error);
}

static varve_status write_chunk(struct vv_series_output *output, unsigned layer,
                                varve_duplicates policy, struct chunk_buffer *chunk,
                                varve_error *error)
{
    varve_span samples = {chunk->timestamps, chunk->values, chunk->count};
    chunk->count = 0;
    return write_samples(output, layer, policy, samples, error);
}

/* The carry that has the chunk; NULL: none. */
static varve_status find_carry(const struct vv_series_output *output, struct vv_chunk_where where,
                               struct vv_block_carry **carry)
{
    *carry = NULL;
    for (size_t i = 0; i < output->carry_count; i++) {
        bool has = false;
        if (vv_block_carry_block(output->carries[i]) == where.store) {
            VV_TRY(vv_block_carry_has(output->carries[i], where.index, &has));
            *carry = has ? output->carries[i] : NULL;
            break;
        }
    }
    return VARVE_OK;
}

/* Hands on the chunks that come next and go as they are (L4). */
static varve_status carry_chunks(struct vv_series_output *output, unsigned layer,
                                 varve_duplicates policy, struct chunk_buffer *chunk,
                                 struct vv_iter *iter, bool *written, varve_error *error)
{
    struct vv_summary summary;
    while (output->carry_count > 0 && vv_iter_peek(iter, &summary)) {
        struct vv_chunk_where where = vv_iter_where(iter);
        struct vv_block_carry *carry;
        varve_status status = find_carry(output, where, &carry);
        if (status != VARVE_OK) {
            return vv_fail(error, status, "cannot read a chunk that was to be merged");
        }
        if (carry == NULL) {
            break;
        }
        if (chunk->count > 0) {
            VV_TRY(write_chunk(output, layer, policy, chunk, error));
        }
        VV_TRY(vv_series_output_begin(output, error));
        VV_TRY(
            vv_block_writer_carry_chunk(output->writer, layer, policy, carry, where.index, error));
        vv_iter_pass(iter);
        *written = true;
    }
    return VARVE_OK;
}

/* Whether so many samples make a chunk where they lie (L5). */
static bool is_whole(const struct vv_series_output *output, size_t count)
{
    return count >= (output->sink != NULL ? NEARLY_FULL : VV_COLUMN_MAX);
}

/* Hands on the encoded chunks that come next and are whole. */
static varve_status sink_chunks(struct vv_series_output *output, unsigned layer,
                                varve_duplicates policy, struct vv_iter *iter, bool *written)
{
    struct vv_summary summary;
    while (vv_iter_peek(iter, &summary)) {
        const struct vv_encoded_chunk *encoded = vv_iter_where(iter).encoded;
        if (encoded == NULL || !is_whole(output, encoded->count)) {
            break;
        }
        VV_TRY(vv_series_output_begin(output, NULL));
        VV_TRY(vv_block_sink_add_encoded(output->sink, layer, policy, encoded));
        vv_iter_pass(iter);
        *written = true;
    }
    return VARVE_OK;
}

/* Writes what the iterator yields as one layer; *written says whether there was a sample. */
static varve_status write_layer(struct vv_series_output *output, unsigned layer,
                                varve_duplicates policy, struct vv_iter *iter, bool *written,
                                varve_error *error)
{
    struct chunk_buffer chunk;
    varve_span span;
    chunk.count = 0;
    *written = false;
    for (;;) {
        VV_TRY(carry_chunks(output, layer, policy, &chunk, iter, written, error));
        if (output->sink != NULL && chunk.count == 0) {
            VV_TRY(sink_chunks(output, layer, policy, iter, written));
        }
        if (!vv_iter_next_span(iter, &span)) {
            break;
        }
        *written = true;
        if (chunk.count == 0 && is_whole(output, span.count)) {
            VV_TRY(write_samples(output, layer, policy, span, error)); /* where it lies */
            continue;
        }
        for (size_t used = 0; used < span.count;) {
            size_t room = VV_COLUMN_MAX - chunk.count;
            size_t count = span.count - used < room ? span.count - used : room;
            memcpy(chunk.timestamps + chunk.count, span.timestamps + used,
                   count * sizeof(*span.timestamps));
            memcpy(chunk.values + chunk.count, span.values + used, count * sizeof(*span.values));
            chunk.count += count;
            used += count;
            if (chunk.count == VV_COLUMN_MAX) {
                VV_TRY(write_chunk(output, layer, policy, &chunk, error));
            }
        }
    }
    varve_status status = vv_iter_status(iter);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "cannot read a series that was to be written to a block");
    }
    return chunk.count > 0 ? write_chunk(output, layer, policy, &chunk, error) : VARVE_OK;
}

/* End of the group of sources that begins at first (L1, L2), and its policy. */
static size_t group_end(const struct vv_source_list *sources, size_t first, bool has_older,
                        varve_duplicates *policy)
{
    size_t end = first;
    bool known = false;
    *policy = VARVE_DUPLICATES_LAST;
    for (; end < sources->count; end++) {
        const struct vv_merge_source *source = &sources->list[end];
        if (source->iter == NULL) {
            continue;
        }
        if (known && has_older && source->policy != *policy) {
            break;
        }
        *policy =
            source->policy; /* without older data the newest decides, and it does not matter */
        known = true;
    }
    return end;
}

/* The merge of sources [first, end) as seen through the tombstones of all that follow (L3). */
static varve_status merge_group(struct vv_source_list *sources, size_t first, size_t end,
                                struct vv_iter **iter)
{
    size_t count = sources->count - first;
    struct vv_merge_source *group = vv_alloc(count * sizeof(*group));
    if (group == NULL) {
        return VARVE_NO_MEMORY;
    }
    memcpy(group, sources->list + first, count * sizeof(*group));
    for (size_t i = end - first; i < count; i++) {
        group[i].iter = NULL;
    }
    varve_status status = vv_merge_create(group, count, INT64_MIN, INT64_MAX, iter);
    for (size_t i = first; i < end; i++) {
        sources->list[i].iter = NULL; /* taken over, whatever the status */
    }
    vv_free(group);
    return status;
}

varve_status vv_shard_write_layers(struct vv_series_output *output, struct vv_source_list *sources,
                                   bool has_older, varve_error *error)
{
    unsigned layer = 0;
    for (size_t first = 0, end; first < sources->count; first = end) {
        varve_duplicates policy;
        end = group_end(sources, first, has_older, &policy);
        struct vv_iter *iter = NULL;
        varve_status status = merge_group(sources, first, end, &iter);
        if (status != VARVE_OK) {
            return vv_fail(error, status, "cannot merge a series that was to be written");
        }
        bool written;
        status = write_layer(output, layer, policy, iter, &written, error);
        vv_iter_destroy(iter);
        VV_TRY(status);
        layer += written ? 1 : 0;
    }
    return VARVE_OK;
}
