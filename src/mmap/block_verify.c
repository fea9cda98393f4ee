/*
 * block_verify.c - reads all of a block: every checksum, every reference, every sample.
 *
 *   1 pages      each is loaded from the file again
 *   2 labels     names and values sorted; postings say what the sets say
 *   3 series     keys in order and found by their hash; tombstones
 *   4 chunks     decoded; times strictly increasing; statistics and rollups as computed from the
 *                values
 *
 * Damage is reported and passed over, so that one bad chunk does not hide another. A damaged page
 * shows up again wherever it is used: from step 2 on, only what the pages do not explain is
 * reported. What has been read is let go of on the way, so that a process is not made as large as
 * the block by verifying it.
 * Threads: one caller; others may read the block meanwhile.
 */
#include "mmap/block_reader.h"
#include "mmap/block_rollup.h"
#include "os/alloc.h"

enum { EVICT_PAGES = 128, EVICT_SERIES = 1024 }; /* every so many: some MiB */

struct verification {
    const struct vv_block *block;
    vv_block_damage damage;
    void *context;
    bool pages_damaged;
    bool damaged;
    uint64_t samples;
    struct vv_block_hold_set holds;
    int64_t timestamps[VV_COLUMN_MAX];
    double values[VV_COLUMN_MAX];
    uint8_t keys[2][VARVE_SERIES_KEY_BYTES_MAX];
    struct vv_block_shape shape;
    uint32_t *cursors; /* postings seen so far, by label */
    struct vv_rollup_check *rollups;
    bool rollups_damaged; /* of the present layer */
};

static void report(struct verification *verification, uint64_t offset, const char *message)
{
    verification->damaged = true;
    if (verification->damage != NULL) {
        verification->damage(verification->context, offset, message);
    }
}

/* Turns damage into a report, unless a damaged page explains it; passes every other failure on. */
static varve_status settle(struct verification *verification, varve_status status,
                           const char *message)
{
    if (status != VARVE_CORRUPT) {
        return status;
    }
    if (!verification->pages_damaged) {
        report(verification, 0, message);
    }
    verification->damaged = true;
    return VARVE_OK;
}

static varve_status verify_pages(struct verification *verification)
{
    for (uint32_t page = 0; page < verification->block->page_count; page++) {
        uint64_t offset;
        if (page % EVICT_PAGES == 0) {
            vv_block_evict(verification->block);
        }
        varve_status status = vv_block_page_check(verification->block, page, &offset);
        if (status == VARVE_CORRUPT) {
            report(verification, offset, "a page of the block does not have its checksum");
            verification->pages_damaged = true;
        } else if (status != VARVE_OK) {
            return status;
        }
    }
    return VARVE_OK;
}

static bool text_ascends(varve_string before, varve_string after)
{
    size_t shorter = before.length < after.length ? before.length : after.length;
    int order = shorter > 0 ? memcmp(before.bytes, after.bytes, shorter) : 0;
    return order != 0 ? order < 0 : before.length < after.length;
}

static varve_status verify_values(const struct vv_block *block, const struct vv_block_name *name)
{
    varve_string previous = {"", 0};
    for (uint32_t index = 0; index < name->label_count; index++) {
        struct vv_block_label label;
        VV_TRY(vv_block_label_read(block, name->first_label + index, &label));
        if (!text_ascends(previous, label.text)) {
            return VARVE_CORRUPT;
        }
        previous = label.text;
    }
    return VARVE_OK;
}

static varve_status verify_names(const struct vv_block *block)
{
    varve_string previous = {"", 0};
    uint32_t next_label = 0;
    for (uint32_t index = 0; index < block->name_count; index++) {
        struct vv_block_name name;
        VV_TRY(vv_block_name_read(block, index, &name));
        if (!text_ascends(previous, name.text) || name.first_label != next_label) {
            return VARVE_CORRUPT;
        }
        VV_TRY(verify_values(block, &name));
        next_label += name.label_count;
        previous = name.text;
    }
    return next_label == block->label_count ? VARVE_OK : VARVE_CORRUPT;
}

/* Whether the next posting of a label is the number given. */
static varve_status match_posting(struct verification *verification, uint32_t label_number,
                                  uint32_t number, uint32_t implicit_count)
{
    const struct vv_block *block = verification->block;
    struct vv_block_label label;
    uint32_t seen = verification->cursors[label_number]++;
    VV_TRY(vv_block_label_read(block, label_number, &label));
    if (seen >= label.count) {
        return VARVE_CORRUPT;
    }
    if (label.count == 1) {
        return label.first == number ? VARVE_OK : VARVE_CORRUPT;
    }
    if (label.count == implicit_count) {
        return VARVE_OK;
    }
    const uint8_t *record;
    VV_TRY(vv_block_record(block, VV_SECTION_POSTINGS, (uint64_t)label.first + seen, &record));
    return vv_load_u32(record) == number ? VARVE_OK : VARVE_CORRUPT;
}

static varve_status verify_sets(struct verification *verification)
{
    const struct vv_block *block = verification->block;
    for (uint32_t set = 0; set < block->set_count; set++) {
        uint32_t names[VARVE_LABELS_MAX];
        uint32_t labels[VARVE_LABELS_MAX];
        size_t count;
        VV_TRY(vv_block_set_read(block, set, names, labels, &count));
        for (size_t index = 0; index < count; index++) {
            VV_TRY(match_posting(verification, labels[index], set, block->set_count));
        }
    }
    return VARVE_OK;
}

/* The metric of a series is the label whose range the series is next in. */
static varve_status verify_metric(struct verification *verification, uint32_t id, uint32_t metric)
{
    struct vv_block_label label;
    if (metric == VV_BLOCK_NONE) {
        return VARVE_OK;
    }
    VV_TRY(vv_block_label_read(verification->block, metric, &label));
    uint32_t seen = verification->cursors[metric]++;
    return seen < label.count && id - label.first == seen ? VARVE_OK : VARVE_CORRUPT;
}

static varve_status verify_postings_complete(struct verification *verification)
{
    for (uint32_t index = 0; index < verification->block->label_count; index++) {
        struct vv_block_label label;
        VV_TRY(vv_block_label_read(verification->block, index, &label));
        if (verification->cursors[index] != label.count) {
            return VARVE_CORRUPT;
        }
    }
    return VARVE_OK;
}

static varve_status verify_labels(struct verification *verification)
{
    const struct vv_block *block = verification->block;
    VV_TRY(verify_names(block));
    VV_TRY(verify_sets(verification));
    for (uint32_t id = 0; id < block->info.series_count; id++) {
        struct vv_block_series_record series;
        VV_TRY(vv_block_series_read(block, id, &series));
        VV_TRY(verify_metric(verification, id, series.metric));
    }
    return verify_postings_complete(verification);
}

static bool bits_equal(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static bool statistics_equal(const struct vv_value_statistics *a,
                             const struct vv_value_statistics *b)
{
    return a->count == b->count && a->nan_count == b->nan_count && a->resets == b->resets &&
           bits_equal(a->min, b->min) && bits_equal(a->max, b->max) && bits_equal(a->sum, b->sum) &&
           bits_equal(a->first, b->first) && bits_equal(a->last, b->last) &&
           bits_equal(a->increase, b->increase);
}

/* As settle(), once a layer. */
static varve_status settle_rollups(struct verification *verification, varve_status status)
{
    verification->rollups_damaged |= status == VARVE_CORRUPT;
    return settle(verification, status, "the rollups of a series do not say what its samples say");
}

static varve_status verify_chunk(struct verification *verification, uint32_t index,
                                 int64_t *time_max, bool is_first)
{
    const struct vv_block *block = verification->block;
    varve_status status;
    struct vv_block_chunk chunk;
    struct vv_value_statistics stored;
    struct vv_value_statistics computed;
    VV_TRY(vv_block_chunk_read(block, index, &chunk));
    VV_TRY(vv_block_chunk_times(
        block, &chunk,
        vv_block_hold_for(block, VV_SECTION_TIMES, chunk.times, &verification->holds),
        verification->timestamps));
    VV_TRY(vv_block_chunk_values(
        block, &chunk,
        vv_block_hold_for(block, VV_SECTION_VALUES, chunk.values, &verification->holds),
        verification->values));
    for (uint32_t at = 1; at < chunk.count; at++) {
        if (verification->timestamps[at] <= verification->timestamps[at - 1]) {
            return VARVE_CORRUPT;
        }
    }
    if (!is_first && chunk.time_min <= *time_max) {
        return VARVE_CORRUPT;
    }
    *time_max = chunk.time_max;
    VV_TRY(vv_block_chunk_statistics(block, index, &stored));
    vv_values_statistics(verification->values, chunk.count, &computed);
    if (!statistics_equal(&stored, &computed)) {
        return VARVE_CORRUPT;
    }
    verification->samples += chunk.count;
    if (!verification->rollups_damaged) {
        status = vv_rollup_check_add(verification->rollups, verification->timestamps,
                                     verification->values, chunk.count);
        return settle_rollups(verification, status);
    }
    return VARVE_OK;
}

static varve_status verify_layer(struct verification *verification, uint32_t index)
{
    struct vv_block_layer layer;
    int64_t time_max = 0;
    bool is_first = true;
    varve_status status = vv_block_layer_read(verification->block, index, &layer);
    VV_TRY(settle(verification, status, "a layer of a series makes no sense"));
    if (status != VARVE_OK) {
        return VARVE_OK; /* noted; there are no chunks to follow */
    }
    uint64_t before = verification->samples;
    bool damaged_before = verification->damaged;
    verification->rollups_damaged = false;
    VV_TRY(settle_rollups(verification, vv_rollup_check_begin(verification->rollups, index)));
    for (uint32_t at = 0; at < layer.chunk_count; at++) {
        status = verify_chunk(verification, layer.first_chunk + at, &time_max, is_first);
        verification->rollups_damaged |= status == VARVE_CORRUPT; /* they know its samples */
        VV_TRY(settle(verification, status, "a chunk of a series is damaged"));
        is_first = false;
    }
    if (!verification->rollups_damaged && damaged_before == verification->damaged) {
        VV_TRY(settle_rollups(verification, vv_rollup_check_end(verification->rollups)));
    }
    bool agrees = verification->samples - before == layer.sample_count;
    return settle(verification,
                  agrees || damaged_before != verification->damaged ? VARVE_OK : VARVE_CORRUPT,
                  "a layer does not have the samples that it should");
}

/* Keys alternate between two buffers, so that each can be compared with the one before. As they
 * ascend, no other series that the hash leads to can have the same. */
static varve_status verify_key(struct verification *verification, uint32_t id,
                               struct vv_key *previous)
{
    const struct vv_block *block = verification->block;
    uint8_t *bytes = verification->keys[id % 2];
    struct vv_key key = {bytes, 0};
    bool found;
    VV_TRY(vv_block_next_key_read(block, id, &verification->shape, bytes, &key.length));
    if (previous->length > 0 && vv_key_compare(*previous, key) >= 0) {
        return VARVE_CORRUPT;
    }
    *previous = key;
    VV_TRY(vv_block_hash_leads_to(block, vv_key_hash(key), id, &found));
    return found ? VARVE_OK : VARVE_CORRUPT;
}

static varve_status verify_series(struct verification *verification)
{
    const struct vv_block *block = verification->block;
    struct vv_key previous = {NULL, 0};
    for (uint32_t id = 0; id < block->info.series_count; id++) {
        struct vv_block_series_record series = {0};
        if (id % EVICT_SERIES == 0) {
            vv_block_evict(block);
        }
        varve_status status = verify_key(verification, id, &previous);
        previous.length = status == VARVE_OK ? previous.length : 0;
        VV_TRY(settle(verification, status, "the key of a series is damaged"));
        status = vv_block_series_read(block, id, &series);
        VV_TRY(settle(verification, status, "the record of a series makes no sense"));
        for (uint32_t at = 0; status == VARVE_OK && at < series.layer_count; at++) {
            VV_TRY(verify_layer(verification, series.first_layer + at));
        }
    }
    bool all = verification->samples == block->info.sample_count || verification->damaged;
    return settle(verification, all ? VARVE_OK : VARVE_CORRUPT,
                  "the block does not have the samples that it should");
}

varve_status vv_block_verify(const struct vv_block *block, vv_block_damage damage, void *context,
                             uint64_t *samples)
{
    struct verification *verification = vv_alloc_zeroed(1, sizeof(*verification));
    *samples = 0;
    if (verification == NULL) {
        return VARVE_NO_MEMORY;
    }
    verification->block = block;
    verification->damage = damage;
    verification->context = context;
    varve_status status = VARVE_NO_MEMORY;
    verification->cursors = vv_alloc_zeroed((size_t)block->label_count + 1, sizeof(uint32_t));
    if (verification->cursors == NULL ||
        vv_rollup_check_create(block, &verification->rollups) != VARVE_OK) {
        goto out;
    }
    status = verify_pages(verification);
    if (status == VARVE_OK) {
        status = settle(verification, verify_labels(verification),
                        "the labels of the block do not agree with each other");
    }
    if (status == VARVE_OK) {
        status = verify_series(verification);
    }
    if (status == VARVE_OK && verification->damaged) {
        status = VARVE_CORRUPT;
    }
    *samples = verification->samples;
    vv_block_evict(block);
out:
    vv_block_hold_set_release(&verification->holds);
    vv_rollup_check_destroy(verification->rollups);
    vv_free(verification->cursors);
    vv_free(verification);
    return status;
}
