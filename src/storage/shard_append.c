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
#include "storage/shard.h"

varve_status vv_shard_resolve(struct vv_shard *shard, struct vv_key key, uint32_t *ref)
{
    struct vv_series *series;
    VV_TRY(vv_series_table_find_or_create(shard->table, key, vv_key_hash(key),
                                          shard->options.series_max, &series));
    *ref = series->ref;
    return VARVE_OK;
}

/* EXISTS if the series has a sample at the timestamp. */
static varve_status check_absent(struct vv_shard *shard, const struct vv_view *view,
                                 struct vv_series *series, int64_t timestamp)
{
    struct vv_iter *iter = NULL;
    struct vv_range range = {timestamp, timestamp + 1};
    VV_TRY(vv_shard_series_iter(shard, view, series, vv_series_key(series), series->hash, NULL,
                                range, &iter));
    varve_span span;
    bool found = vv_iter_next_span(iter, &span);
    varve_status status = found ? VARVE_EXISTS : vv_iter_status(iter);
    vv_iter_destroy(iter);
    return status;
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
    return vv_head_insert_and_unlock(&shard->head, batch->refs, generation, batch->policy,
                                     batch->timestamps, batch->values, batch->count,
                                     &vv_shard_writer(shard)->locks);
}

static varve_status check_batch(const struct vv_shard *shard, const struct vv_wal_samples *batch)
{
    /* All refs below the count are series. */
    uint32_t ref_max = 0;
    int64_t time_max = INT64_MIN;
    for (size_t i = 0; i < batch->count; i++) {
        ref_max = batch->refs[i] > ref_max ? batch->refs[i] : ref_max;
        time_max = batch->timestamps[i] > time_max ? batch->timestamps[i] : time_max;
    }
    bool valid = time_max < INT64_MAX && ref_max < vv_series_table_count(shard->table);
    return valid ? VARVE_OK : VARVE_INVALID;
}

/* Policy ERROR (S2). */
static varve_status append_alone(struct vv_shard *shard, struct vv_shard_writer *writer,
                                 struct vv_shard_change *change, const struct vv_wal_samples *batch,
                                 uint64_t *lsn)
{
    change->exclusive = true;
    vv_mutex_lock(&shard->exclusive_mutex);
    atomic_store(&shard->exclusive, true);
    /* Whoever got one of these locks before us has perhaps not seen the flag, and is done now. */
    varve_status status =
        vv_head_lock_refs(&shard->head, batch->refs, batch->count, &writer->locks);
    if (status == VARVE_OK) {
        vv_head_unlock_refs(&writer->locks);
        status = check_no_duplicates(shard, batch);
    }
    if (status == VARVE_OK) {
        status = vv_shard_log_and_apply(shard, writer, change, lsn);
    }
    atomic_store(&shard->exclusive, false);
    vv_mutex_unlock(&shard->exclusive_mutex);
    return status;
}

varve_status vv_shard_append(struct vv_shard *shard, const struct vv_wal_samples *batch,
                             uint64_t *lsn)
{
    VV_ASSERT(batch->count >= 1 && batch->count <= VARVE_BATCH_MAX);
    if (shard->options.read_only) {
        return VARVE_READ_ONLY;
    }
    struct vv_shard_writer *writer = vv_shard_writer(shard);
    if (writer == NULL) {
        return VARVE_NO_MEMORY;
    }
    struct vv_wal_samples resolved = *batch;
    if (resolved.policy == VARVE_DUPLICATES_DEFAULT) {
        resolved.policy = shard->options.duplicates;
    }
    VV_TRY(check_batch(shard, &resolved));
    vv_buffer_clear(&writer->record);
    VV_TRY(vv_wal_samples_encode(&resolved, &writer->record));
    struct vv_shard_change change = {.type = VV_WAL_SAMPLES,
                                     .refs = resolved.refs,
                                     .ref_count = resolved.count,
                                     .sample_count = resolved.count,
                                     .wait = true,
                                     .apply = apply_samples,
                                     .context = &resolved};
    return resolved.policy == VARVE_DUPLICATES_ERROR
               ? append_alone(shard, writer, &change, &resolved, lsn)
               : vv_shard_log_and_apply(shard, writer, &change, lsn);
}
