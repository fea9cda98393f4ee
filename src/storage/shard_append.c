/*
 * shard_append.c - accepting samples.
 *
 *   batch --checked, encoded--> vv_shard_log_and_apply(): log, then each sample to its series' tail
 *
 * S1  What is refused leaves nothing behind (see P2 in shard_log.c).
 * S2  Policy ERROR looks before it writes, and must find what it saw unchanged when it writes: it
 *     is alone meanwhile. All other appends wait; readers do not.
 * Thread: any.
 */
#include <stdlib.h>

#include "os/alloc.h"
#include "storage/head/batch_scan.h"
#include "storage/shard.h"

varve_status vv_shard_resolve(struct vv_shard *shard, struct vv_key key, uint32_t *ref)
{
    struct vv_series *series;
    VV_TRY(vv_series_table_find_or_create(shard->table, key, vv_key_hash(key),
                                          shard->options.series_max, &series));
    *ref = series->ref;
    return VARVE_OK;
}

varve_status vv_shard_resolve_batch(struct vv_shard *shard, const struct vv_key *keys, size_t count,
                                    uint32_t *refs, size_t *resolved)
{
    uint64_t hashes[VV_RESOLVE_KEYS_MAX];
    struct vv_series *series[VV_RESOLVE_KEYS_MAX];
    VV_ASSERT(count >= 1 && count <= VV_RESOLVE_KEYS_MAX);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = vv_key_hash(keys[i]);
    }
    vv_series_table_find_batch(shard->table, keys, hashes, count, series);
    for (*resolved = 0; *resolved < count; ++*resolved) {
        size_t i = *resolved;
        if (series[i] == NULL) { /* or made since, by somebody or for a key before it */
            VV_TRY(vv_series_table_find_or_create(shard->table, keys[i], hashes[i],
                                                  shard->options.series_max, &series[i]));
        }
        refs[i] = series[i]->ref;
    }
    return VARVE_OK;
}

bool vv_shard_wants_room(struct vv_shard *shard)
{
    return vv_series_table_wants_room(shard->table);
}

/* EXISTS if the series has a sample at the timestamp. */
static varve_status check_absent(struct vv_shard *shard, const struct vv_view *view,
                                 struct vv_series *series, int64_t timestamp)
{
    struct vv_iter *iter = NULL;
    struct vv_range range = {timestamp, timestamp + 1};
    const struct vv_series_place place = {
        .series = series, .key = vv_series_key(series), .hash = series->hash};
    VV_TRY(vv_shard_series_iter(shard, view, &place, range, NULL, &iter));
    varve_span span;
    bool found = vv_iter_next_span(iter, &span);
    varve_status status = found ? VARVE_EXISTS : vv_iter_status(iter);
    vv_iter_destroy(iter);
    return vv_first(vv_view_check(view, NULL), status);
}

struct batch_entry {
    uint32_t ref;
    int64_t timestamp;
};

static int compare_entries(const void *a, const void *b)
{
    const struct batch_entry *left = a, *right = b;
    if (left->ref != right->ref) {
        return left->ref < right->ref ? -1 : 1;
    }
    return (left->timestamp > right->timestamp) - (left->timestamp < right->timestamp);
}

/* The slow path of policy ERROR: no timestamp may be taken, by old data or twice in the batch. */
static varve_status check_no_duplicates(struct vv_shard *shard, const struct vv_wal_samples *batch)
{
    struct batch_entry *entries = vv_alloc(batch->count * sizeof(*entries));
    if (entries == NULL) {
        return VARVE_NO_MEMORY;
    }
    for (size_t i = 0; i < batch->count; i++) {
        entries[i] = (struct batch_entry){batch->refs[i], batch->timestamps[i]};
    }
    qsort(entries, batch->count, sizeof(*entries), compare_entries);
    struct vv_view *view = vv_view_acquire(&shard->views);
    varve_status status = VARVE_OK;
    for (size_t i = 0; i < batch->count && status == VARVE_OK; i++) {
        if (i > 0 && compare_entries(&entries[i - 1], &entries[i]) == 0) {
            status = VARVE_EXISTS;
        } else {
            status = check_absent(shard, view, vv_series_table_get(shard->table, entries[i].ref),
                                  entries[i].timestamp);
        }
    }
    vv_view_release(&shard->views, view);
    vv_free(entries);
    return status;
}

static varve_status apply_samples(struct vv_shard *shard, const void *context, uint64_t generation)
{
    const struct vv_wal_samples *batch = context;
    struct vv_head_batch samples = {batch->refs, batch->timestamps, batch->values, batch->policy,
                                    generation};
    return vv_head_insert_and_unlock(&shard->head, &samples, &vv_shard_writer(shard)->locks);
}

/* Logs and applies a batch that has been checked. */
static varve_status append_batch(struct vv_shard *shard, struct vv_shard_writer *writer,
                                 const struct vv_wal_samples *batch, bool exclusive, bool wait,
                                 uint64_t *lsn)
{
    struct vv_shard_change change = {.type = VV_WAL_SAMPLES,
                                     .refs = batch->refs,
                                     .ref_count = batch->count,
                                     .refs_follow = batch->even_refs && batch->count > 1 &&
                                                    batch->refs[1] == batch->refs[0] + 1,
                                     .sample_count = batch->count,
                                     .more = batch->values,
                                     .more_bytes = batch->count * sizeof(*batch->values),
                                     .wait = wait,
                                     .exclusive = exclusive,
                                     .apply = apply_samples,
                                     .context = batch};
    vv_buffer_clear(&writer->record);
    VV_TRY(vv_wal_samples_encode(batch, &writer->record));
    return vv_shard_log_and_apply(shard, writer, &change, lsn);
}

/* The refs of a batch, in the writer's memory. */
static varve_status find_refs(const struct vv_shard *shard, const struct vv_shard_batch *batch,
                              struct vv_shard_writer *writer, struct vv_wal_samples *samples)
{
    /* All refs below the count are series. */
    uint32_t ref_end = vv_series_table_count(shard->table);
    vv_buffer_clear(&writer->refs);
    VV_TRY(vv_buffer_reserve(&writer->refs, batch->count * sizeof(*samples->refs)));
    samples->refs = (uint32_t *)(void *)writer->refs.bytes;
    size_t handles = batch->one_series ? 1 : batch->count;
    if (!vv_scan_handles(batch->handles, handles, ref_end, samples->refs, &samples->even_refs)) {
        return VARVE_INVALID;
    }
    for (size_t i = handles; i < batch->count; i++) {
        samples->refs[i] = samples->refs[0];
    }
    return VARVE_OK;
}

/* The batch as it is to be logged, and the thread's writer. */
static varve_status prepare(struct vv_shard *shard, const struct vv_shard_batch *batch,
                            struct vv_wal_samples *samples, struct vv_shard_writer **writer)
{
    VV_ASSERT(batch->count >= 1 && batch->count <= VARVE_BATCH_MAX);
    if (shard->options.read_only) {
        return VARVE_READ_ONLY;
    }
    VV_TRY(vv_shard_check_space(shard));
    *writer = vv_shard_writer(shard);
    if (*writer == NULL) {
        return VARVE_NO_MEMORY;
    }
    /* Only look writes to the columns, and who has a look gives columns of its own. */
    *samples = (struct vv_wal_samples){.policy = batch->policy,
                                       .count = batch->count,
                                       .timestamps = (int64_t *)(uintptr_t)batch->timestamps,
                                       .values = (double *)(uintptr_t)batch->values};
    if (samples->policy == VARVE_DUPLICATES_DEFAULT) {
        samples->policy = shard->options.duplicates;
    }
    VV_TRY(find_refs(shard, batch, *writer, samples));
    bool valid = vv_scan_times(batch->timestamps, batch->count, &samples->even_times);
    return valid ? VARVE_OK : VARVE_INVALID;
}

varve_status vv_shard_append_alone(struct vv_shard *shard, const struct vv_shard_batch *batch,
                                   vv_shard_look look, void *context, uint64_t *lsn)
{
    struct vv_wal_samples samples;
    struct vv_shard_writer *writer;
    VV_TRY(prepare(shard, batch, &samples, &writer));
    vv_mutex_lock(&shard->exclusive_mutex);
    atomic_store(&shard->exclusive, true);
    /* Whoever got one of these locks before us has perhaps not seen the flag, and is done now. */
    varve_status status =
        vv_head_lock_refs(&shard->head, samples.refs, samples.count, &writer->locks);
    if (status == VARVE_OK) {
        vv_head_unlock_refs(&writer->locks);
        status = look(context, &samples);
        samples.even_refs = samples.even_times = false; /* it may have left some out */
    }
    if (status == VARVE_OK && samples.count > 0) {
        status = append_batch(shard, writer, &samples, true, true, lsn);
    } else if (status == VARVE_OK) {
        *lsn = 0; /* nothing to wait for */
    }
    atomic_store(&shard->exclusive, false);
    vv_mutex_unlock(&shard->exclusive_mutex);
    return status;
}

/* Policy ERROR (S2). */
static varve_status look_for_duplicates(void *context, struct vv_wal_samples *batch)
{
    return check_no_duplicates(context, batch);
}

varve_status vv_shard_append(struct vv_shard *shard, const struct vv_shard_batch *batch,
                             uint64_t *lsn)
{
    struct vv_wal_samples samples;
    struct vv_shard_writer *writer;
    varve_status status;
    if (batch->count == 1 &&
        vv_shard_append_one(shard, *batch->handles, batch->policy, *batch->timestamps,
                            *batch->values, &status, lsn)) {
        return status;
    }
    VV_TRY(prepare(shard, batch, &samples, &writer));
    return samples.policy == VARVE_DUPLICATES_ERROR
               ? vv_shard_append_alone(shard, batch, look_for_duplicates, shard, lsn)
               : append_batch(shard, writer, &samples, false, !batch->no_wait, lsn);
}

/* ----------------------------------------------------------------------- newest samples */

bool vv_shard_latest(struct vv_shard *shard, uint32_t ref, int64_t *timestamp, double *value)
{
    int64_t newest_timestamp;
    double newest_value;
    if (!vv_head_latest(&shard->head, ref, &newest_timestamp, &newest_value) ||
        newest_timestamp < atomic_load_explicit(&shard->floor_highest, memory_order_acquire)) {
        return false; /* it may have expired: reading tells */
    }
    *timestamp = newest_timestamp;
    *value = newest_value;
    return true;
}

void vv_shard_prefetch_latest(const struct vv_shard *shard, uint32_t ref, unsigned step)
{
    vv_head_prefetch_latest(&shard->head, ref, step);
}

uint64_t vv_shard_latest_stamp(const struct vv_shard *shard)
{
    return vv_head_latest_stamp(&shard->head);
}

void vv_shard_note_latest(struct vv_shard *shard, uint32_t ref, uint64_t stamp, int64_t timestamp,
                          double value)
{
    vv_head_note_latest(&shard->head, ref, stamp, timestamp, value);
}
