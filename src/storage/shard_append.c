/*
 * shard_append.c - accepting samples: the log first, then the head.
 *
 *   append_mutex { definitions of series new to this generation | the batch } --> log, in memory
 *                { each sample } --> its series' tail
 *
 * P1  What is applied to the head was logged before, in the same order: live answers equal replayed
 *     ones.
 * P2  A failure before the batch is in the log leaves nothing behind but definitions, which are
 *     harmless.
 * P3  One mutex makes the order of the log and of the head the same. It is held for memory
 *     operations only, but for the start of a new log segment.
 * Thread: any.
 */
#include <stdlib.h>

#include "os/alloc.h"
#include "storage/shard.h"

enum {
    DEFINITIONS_BYTES_MAX = 1 << 20 /* in one record */
};

varve_status vv_shard_head_lacks(struct vv_shard *shard)
{
    atomic_store(&shard->head_lacks, true);
    vv_report(shard->report, VARVE_EVENT_IO_ERROR, VARVE_NO_MEMORY, NULL, 0,
              "out of memory while the log was applied: the log has it all, but the database is "
              "read-only until it is opened again");
    return VARVE_UNKNOWN;
}

varve_status vv_shard_resolve(struct vv_shard *shard, struct vv_key key, uint32_t *ref)
{
    struct vv_series *series;
    VV_TRY(vv_series_table_find_or_create(shard->table, key, vv_key_hash(key),
                                          shard->options.series_max, &series));
    *ref = series->ref;
    return VARVE_OK;
}

/* Marks the series whose definition this generation of the log does not know yet as defined, lists
 * them, each once, and says how many bytes they take. Needs the locks of refs. */
static varve_status mark_definitions(struct vv_shard *shard, const uint32_t *refs, size_t count,
                                     uint64_t *bytes)
{
    uint64_t generation = atomic_load(&shard->generation);
    struct vv_buffer *marked = &shard->marked_buffer;
    vv_buffer_clear(marked);
    *bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (!vv_head_is_defined(&shard->head, refs[i], generation)) {
            VV_TRY(vv_buffer_append(marked, &refs[i], sizeof(refs[i])));
            vv_head_set_defined(&shard->head, refs[i], generation);
            const struct vv_series *series = vv_series_table_get(shard->table, refs[i]);
            *bytes += series->key_length + 2 * VV_VARINT_MAX;
        }
    }
    return VARVE_OK;
}

static uint32_t marked_ref(const struct vv_buffer *marked, size_t index)
{
    uint32_t ref;
    memcpy(&ref, marked->bytes + index * sizeof(ref), sizeof(ref));
    return ref;
}

/* Logs the definitions of the series that are marked. */
static varve_status log_definitions(struct vv_shard *shard)
{
    const struct vv_buffer *marked = &shard->marked_buffer;
    struct vv_buffer *record = &shard->scratch_buffer;
    uint64_t lsn;
    vv_buffer_clear(record);
    for (size_t i = 0; i < marked->length / sizeof(uint32_t); i++) {
        const struct vv_series *series = vv_series_table_get(shard->table, marked_ref(marked, i));
        VV_TRY(vv_wal_series_encode(series->ref, vv_series_key(series), record));
        if (record->length >= DEFINITIONS_BYTES_MAX) {
            VV_TRY(vv_wal_append(&shard->wal, VV_WAL_SERIES, record, 0, &lsn));
            vv_buffer_clear(record);
        }
    }
    if (record->length == 0) {
        return VARVE_OK;
    }
    return vv_wal_append(&shard->wal, VV_WAL_SERIES, record, 0, &lsn);
}

varve_status vv_shard_log_record(struct vv_shard *shard, enum vv_wal_record_type type,
                                 const uint32_t *refs, size_t ref_count, size_t sample_count,
                                 uint64_t *lsn)
{
    uint64_t definitions = 0;
    if (atomic_load(&shard->head_lacks)) {
        return VARVE_READ_ONLY;
    }
    varve_status status = mark_definitions(shard, refs, ref_count, &definitions);
    if (status == VARVE_OK) {
        status = vv_wal_prepare(&shard->wal, definitions + shard->record_buffer.length,
                                2 + definitions / DEFINITIONS_BYTES_MAX);
    }
    if (status == VARVE_OK && definitions > 0) {
        status = log_definitions(shard);
    }
    if (status == VARVE_OK) {
        status = vv_wal_append(&shard->wal, type, &shard->record_buffer, sample_count, lsn);
    }
    if (status != VARVE_OK) {
        /* A definition may be marked and not be logged: have them all logged again. */
        for (size_t i = 0; i < shard->marked_buffer.length / sizeof(uint32_t); i++) {
            vv_head_forget_defined(&shard->head, marked_ref(&shard->marked_buffer, i));
        }
    }
    return status;
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

/* Logs a batch and applies it. Needs the locks of its refs. */
static varve_status log_and_apply(struct vv_shard *shard, const struct vv_wal_samples *batch,
                                  uint64_t *lsn)
{
    vv_buffer_clear(&shard->record_buffer);
    VV_TRY(vv_wal_samples_encode(batch, &shard->record_buffer));
    VV_TRY(
        vv_shard_log_record(shard, VV_WAL_SAMPLES, batch->refs, batch->count, batch->count, lsn));
    /* Failing here is out of memory behind the point of no return (P2). */
    return vv_head_insert_and_unlock(&shard->head, batch->refs, atomic_load(&shard->generation),
                                     batch->policy, batch->timestamps, batch->values, batch->count,
                                     &shard->locks) == VARVE_OK
               ? VARVE_OK
               : vv_shard_head_lacks(shard);
}

static varve_status append_locked(struct vv_shard *shard, const struct vv_wal_samples *batch,
                                  uint64_t *lsn)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->timestamps[i] == INT64_MAX ||
            vv_series_table_get(shard->table, batch->refs[i]) == NULL) {
            return VARVE_INVALID;
        }
    }
    if (batch->policy == VARVE_DUPLICATES_ERROR) {
        VV_TRY(check_no_duplicates(shard, batch));
    }
    VV_TRY(vv_head_lock_refs(&shard->head, batch->refs, batch->count, &shard->locks));
    varve_status status = log_and_apply(shard, batch, lsn);
    vv_head_unlock_refs(&shard->locks);
    return status;
}

varve_status vv_shard_append(struct vv_shard *shard, const struct vv_wal_samples *batch,
                             uint64_t *lsn)
{
    VV_ASSERT(batch->count >= 1 && batch->count <= VARVE_BATCH_MAX);
    if (shard->options.read_only) {
        return VARVE_READ_ONLY;
    }
    struct vv_wal_samples resolved = *batch;
    if (resolved.policy == VARVE_DUPLICATES_DEFAULT) {
        resolved.policy = shard->options.duplicates;
    }
    vv_mutex_lock(&shard->append_mutex);
    varve_status status = append_locked(shard, &resolved, lsn);
    vv_mutex_unlock(&shard->append_mutex);
    return status;
}

varve_status vv_shard_flush_log(struct vv_shard *shard, uint64_t lsn, enum vv_wal_strength strength)
{
    if (shard->options.read_only) {
        return VARVE_OK;
    }
    uint64_t end_lsn = atomic_load(&shard->wal.end_lsn);
    return vv_wal_flush(&shard->wal, lsn < end_lsn ? lsn : end_lsn, strength);
}

void vv_shard_mark_log(struct vv_shard *shard)
{
    static const struct vv_buffer empty;
    vv_mutex_lock(&shard->append_mutex);
    uint64_t lsn;
    if (!atomic_load(&shard->wal.failed) &&
        vv_wal_needs_mark(&shard->wal, atomic_load(&shard->wal_start_lsn)) &&
        vv_wal_prepare(&shard->wal, 0, 1) == VARVE_OK) {
        varve_status status = vv_wal_append(&shard->wal, VV_WAL_MARK, &empty, 0, &lsn);
        if (status == VARVE_OK) {
            status = vv_wal_flush(&shard->wal, lsn, VV_WAL_WRITTEN);
        }
        (void)status; /* a mark that is missing costs certainty about damage, nothing else */
    }
    vv_mutex_unlock(&shard->append_mutex);
}

varve_status vv_shard_log_mark(struct vv_shard *shard)
{
    static const struct vv_buffer empty;
    uint64_t lsn;
    vv_mutex_lock(&shard->append_mutex);
    varve_status status =
        atomic_load(&shard->head_lacks) ? VARVE_READ_ONLY : vv_wal_prepare(&shard->wal, 0, 1);
    if (status == VARVE_OK) {
        status = vv_wal_append(&shard->wal, VV_WAL_MARK, &empty, 0, &lsn);
    }
    vv_mutex_unlock(&shard->append_mutex);
    return status;
}
