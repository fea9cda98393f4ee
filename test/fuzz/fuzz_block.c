/*
 * fuzz_block.c - block files, any bytes: every call answers in bounded time and reads nothing that
 * is not there.
 *
 * Checksums would keep the fuzzer out, so they are put right first: what is behind them is believed
 * by nobody. Inputs that claim more than a few megabytes of pages are left out, since they only
 * take time. The first byte of the identity chooses between a mapping and reads.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mmap/block.h"
#include "os/alloc.h"
#include "support/block_repair.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { UNPACKED_BYTES_MAX = 8 << 20, ITEMS_MAX = 5000 };

/* ------------------------------------------- An environment that holds one file, the input */

struct input {
    uint8_t *bytes;
    size_t length;
    bool mapped;
};

static int input_open(void *ctx, int directory, const char *name, enum vv_open_mode mode)
{
    (void)ctx;
    (void)directory;
    (void)name;
    (void)mode;
    return 1;
}

static int input_close(void *ctx, int file)
{
    (void)ctx;
    (void)file;
    return 0;
}

static int input_stat(void *ctx, int file, struct vv_file_status *status)
{
    const struct input *input = ctx;
    (void)file;
    *status = (struct vv_file_status){.size = input->length};
    return 0;
}

static int64_t input_pread(void *ctx, int file, void *bytes, size_t length, uint64_t offset)
{
    const struct input *input = ctx;
    (void)file;
    if (offset >= input->length) {
        return 0;
    }
    size_t left = input->length - (size_t)offset;
    length = length < left ? length : left;
    memcpy(bytes, input->bytes + offset, length);
    return (int64_t)length;
}

static int input_map(void *ctx, int file, size_t length, const uint8_t **bytes)
{
    const struct input *input = ctx;
    (void)file;
    VV_ASSERT(length == input->length);
    *bytes = input->bytes;
    return input->mapped ? 0 : -ENOMEM;
}

static int input_unmap(void *ctx, const uint8_t *bytes, size_t length)
{
    (void)ctx;
    (void)bytes;
    (void)length;
    return 0;
}

static int input_populate(void *ctx, const uint8_t *bytes, size_t length)
{
    const struct input *input = ctx;
    VV_ASSERT(bytes >= input->bytes && bytes + length <= input->bytes + input->length);
    return 0;
}

static const struct vv_env_ops input_ops = {
    .open = input_open,
    .close = input_close,
    .stat = input_stat,
    .pread = input_pread,
    .map = input_map,
    .unmap = input_unmap,
    .populate = input_populate,
};

/* ---------------------------------------------------------------------------- Reading it all */

static void read_layer(struct vv_block *block, uint32_t id, unsigned layer)
{
    struct vv_merge_source source;
    varve_span span;
    if (vv_block_layer_iter(block, id, layer, INT64_MIN, INT64_MAX, &source) != VARVE_OK) {
        return;
    }
    volatile double touched = 0; /* the reads are what is tested */
    while (vv_iter_next_span(source.iter, &span)) {
        VV_ASSERT(span.count >= 1 && span.count <= VV_SPAN_MAX);
        touched = span.values[0] + (double)span.timestamps[span.count - 1];
        vv_iter_seek(source.iter, span.timestamps[span.count - 1]);
    }
    (void)touched;
    vv_iter_destroy(source.iter);
}

/* The same by rows of rollups, of which every third is not taken. */
static void read_rows(struct vv_block *block, uint32_t id, unsigned layer)
{
    static const struct vv_rollup_wish wish = {
        .unit = 1000000, .length = 1000000, .parts = 255, .ends = true};
    struct vv_merge_source source;
    struct vv_rollup_row row;
    varve_span span;
    if (vv_block_layer_iter(block, id, layer, INT64_MIN, INT64_MAX, &source) != VARVE_OK) {
        return;
    }
    for (uint64_t turn = 0;; turn++) {
        bool any = vv_iter_peek_row(source.iter, &wish, &row);
        VV_ASSERT(!any || row.summary.time_min <= row.summary.time_max);
        if (any && turn % 3 != 0) {
            vv_iter_seek(source.iter, row.summary.time_max + 1);
        } else if (!vv_iter_next_span(source.iter, &span)) {
            break;
        }
    }
    vv_iter_destroy(source.iter);
}

/* Damage may go unnoticed or not, as long as there is an answer. */
static void any_answer(varve_status status)
{
    VV_ASSERT(status >= VARVE_OK && status <= VARVE_UNKNOWN);
}

static void read_series(struct vv_block *block, uint32_t id)
{
    struct vv_buffer key = {0};
    struct vv_block_series series;
    if (vv_block_series(block, id, &key, &series) == VARVE_OK) {
        uint32_t found;
        struct vv_range tombstones[64];
        VV_ASSERT(vv_key_validate(series.key) == VARVE_OK);
        any_answer(vv_block_find(block, series.key, series.key_hash, &found));
        if (series.tombstone_count <= 64) {
            any_answer(vv_block_tombstones(block, id, tombstones));
        }
        for (unsigned layer = 0; layer < series.layer_count && layer < 64; layer++) {
            read_layer(block, id, layer);
            read_rows(block, id, layer);
        }
    }
    vv_buffer_fini(&key);
}

static varve_status visit_value(void *visitor, varve_string value, uint64_t posting)
{
    const struct vv_label_source *source = visitor;
    struct vv_id_runs *ids = vv_id_runs_create();
    VV_ASSERT(value.length == 0 || value.bytes != NULL);
    (void)source->ops->add_posting(source->ctx, posting, ids);
    vv_id_runs_destroy(ids);
    return VARVE_OK;
}

static varve_status visit_name(void *visitor, varve_string name)
{
    struct vv_label_source *source = visitor;
    (void)source->ops->each_value(source->ctx, name, visit_value, source);
    return VARVE_OK;
}

static void read_block(struct vv_block *block)
{
    struct vv_label_source source = vv_block_labels(block);
    uint64_t samples;
    (void)source.ops->each_name(source.ctx, visit_name, &source);
    for (uint32_t id = 0; id < vv_block_info(block)->series_count; id++) {
        read_series(block, id);
    }
    any_answer(vv_block_verify(block, NULL, NULL, &samples));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0) {
        return 0;
    }
    struct input input = {.bytes = malloc(length), .length = length};
    const struct vv_env env = {.ops = &input_ops, .ctx = &input};
    struct vv_block *block;
    memcpy(input.bytes, bytes, length);
    input.mapped = length <= VV_HEADER_UUID || bytes[VV_HEADER_UUID] % 2 == 0;
    if (block_repair(input.bytes, length) <= UNPACKED_BYTES_MAX &&
        vv_block_open(&env, 0, "input", NULL, &block, NULL) == VARVE_OK) {
        const struct vv_block_info *info = vv_block_info(block);
        if (info->series_count <= ITEMS_MAX && info->chunk_count <= ITEMS_MAX) {
            read_block(block);
        }
        vv_block_release(block);
    }
    free(input.bytes);
    return 0;
}
