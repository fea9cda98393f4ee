/*
 * shard_recover.c - replays the log into the head when a shard is opened.
 *
 *   frame -> record decoded -> refs of the log made those of this opening -> head
 *
 * V1  Nothing is written before all of it is replayed; what a record of damaged bytes says is
 *     reported and passed over, never an assertion.
 * V2  Samples and deletions are applied in the order of the log, under the policy that each record
 *     names: the head is what it was.
 * Thread: the one that opens, before anybody else has the handle.
 */
#include "os/alloc.h"
#include "storage/shard.h"

/* Refs of the log to series of this opening. */
struct replay {
    struct vv_shard *shard;
    struct vv_series **series; /* by ref of the log; NULL: not defined */
    uint32_t capacity;
    struct vv_wal_samples batch; /* columns for VARVE_BATCH_MAX entries */
    struct vv_head_locks locks;
};

static varve_status define_series(struct replay *replay, uint32_t ref, struct vv_key key)
{
    if (ref >= VV_HEAD_REFS_MAX) { /* no shard gives it: no reason to reserve memory up to it */
        return VARVE_CORRUPT;
    }
    if (ref >= replay->capacity) {
        uint32_t capacity = replay->capacity < 1024 ? 1024 : replay->capacity * 2;
        while (capacity <= ref) {
            capacity *= 2;
        }
        struct vv_series **series = vv_realloc(replay->series, capacity * sizeof(*replay->series));
        if (series == NULL) {
            return VARVE_NO_MEMORY;
        }
        memset(series + replay->capacity, 0, (capacity - replay->capacity) * sizeof(*series));
        replay->series = series;
        replay->capacity = capacity;
    }
    return vv_series_table_find_or_create(replay->shard->table, key, vv_key_hash(key), UINT64_MAX,
                                          &replay->series[ref]);
}

static varve_status replay_series(struct replay *replay, const uint8_t *payload, size_t length)
{
    struct vv_reader reader = vv_reader_init(payload, length);
    for (;;) {
        uint32_t ref;
        struct vv_key key;
        bool done;
        VV_TRY(vv_wal_series_decode(&reader, &ref, &key, &done));
        if (done) {
            return VARVE_OK;
        }
        VV_TRY(define_series(replay, ref, key));
    }
}

/* Whether every ref was defined; one that was not lies behind damage. */
static bool all_defined(const struct replay *replay, const uint32_t *refs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (refs[i] >= replay->capacity || replay->series[refs[i]] == NULL) {
            return false;
        }
    }
    return true;
}

/* Turns refs of the log into those of this opening. */
static void translate(const struct replay *replay, uint32_t *refs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        refs[i] = replay->series[refs[i]]->ref;
    }
}

static varve_status replay_samples(struct replay *replay, const uint8_t *payload, size_t length)
{
    struct vv_wal_samples *batch = &replay->batch;
    struct vv_shard *shard = replay->shard;
    VV_TRY(vv_wal_samples_decode(payload, length, batch));
    if (!all_defined(replay, batch->refs, batch->count)) {
        return VARVE_CORRUPT;
    }
    translate(replay, batch->refs, batch->count);
    VV_TRY(vv_head_lock_refs(&shard->head, batch->refs, batch->count, &replay->locks));
    struct vv_head_batch samples = {batch->refs, batch->timestamps, batch->values, batch->policy,
                                    VV_SHARD_FIRST_GENERATION};
    varve_status status = vv_head_insert_and_unlock(&shard->head, &samples, &replay->locks);
    vv_head_unlock_refs(&replay->locks);
    return status;
}

static varve_status replay_delete(struct replay *replay, const uint8_t *payload, size_t length)
{
    struct vv_wal_delete record;
    VV_TRY(vv_wal_delete_decode(payload, length, &record));
    varve_status status = VARVE_CORRUPT;
    if (all_defined(replay, record.refs, record.count)) {
        struct vv_shard *shard = replay->shard;
        struct vv_range range = {record.start, record.end};
        translate(replay, record.refs, record.count);
        status = vv_head_lock_refs(&shard->head, record.refs, record.count, &replay->locks);
        if (status == VARVE_OK) {
            struct vv_view *view = vv_view_acquire(&shard->views);
            status = vv_shard_apply_delete(shard, view, record.refs, record.count, range,
                                           VV_SHARD_FIRST_GENERATION);
            vv_head_unlock_refs(&replay->locks);
            vv_view_release(&shard->views, view);
        }
    }
    vv_free(record.refs);
    return status;
}

static varve_status replay_frame(void *context, const struct vv_wal_frame *frame,
                                 const uint8_t *payload)
{
    struct replay *replay = context;
    switch (frame->type) {
    case VV_WAL_SERIES:
        return replay_series(replay, payload, frame->payload_bytes);
    case VV_WAL_SAMPLES:
        return replay_samples(replay, payload, frame->payload_bytes);
    case VV_WAL_DELETE:
        return replay_delete(replay, payload, frame->payload_bytes);
    case VV_WAL_MARK:
        return VARVE_OK;
    default:
        return VARVE_CORRUPT;
    }
}

static varve_status replay_init(struct replay *replay, struct vv_shard *shard)
{
    *replay = (struct replay){.shard = shard};
    vv_head_locks_init(&replay->locks);
    replay->batch.refs = vv_alloc(VARVE_BATCH_MAX * sizeof(uint32_t));
    replay->batch.timestamps = vv_alloc(VARVE_BATCH_MAX * sizeof(int64_t));
    replay->batch.values = vv_alloc(VARVE_BATCH_MAX * sizeof(double));
    bool complete = replay->batch.refs != NULL && replay->batch.timestamps != NULL &&
                    replay->batch.values != NULL;
    return complete ? VARVE_OK : VARVE_NO_MEMORY;
}

static void replay_fini(struct replay *replay)
{
    vv_free(replay->series);
    vv_free(replay->batch.refs);
    vv_free(replay->batch.timestamps);
    vv_free(replay->batch.values);
    vv_head_locks_fini(&replay->locks);
}

varve_status vv_shard_recover_log(struct vv_shard *shard, varve_error *error)
{
    struct vv_wal_place place = {
        .env = shard->place.env, .directory = shard->place.directory, .shard = shard->place.shard};
    memcpy(place.database_uuid, shard->place.database_uuid, sizeof(place.database_uuid));
    struct replay replay;
    struct vv_wal_recovery recovery = {0};
    varve_status status = replay_init(&replay, shard);
    if (status == VARVE_OK) {
        status = vv_wal_replay(&place, shard->manifest.wal_start_lsn, shard->options.strict,
                               replay_frame, &replay, shard->report, &recovery, error);
    }
    replay_fini(&replay);
    if (status == VARVE_OK) {
        atomic_fetch_add(&shard->damages, recovery.damages);
        atomic_store(&shard->replay_damaged, recovery.damages > 0);
        if (recovery.samples > 0 && !shard->options.read_only) {
            vv_report(shard->report, VARVE_EVENT_RECOVERED, VARVE_OK, NULL, 0,
                      "replayed %llu samples from the log", (unsigned long long)recovery.samples);
        }
        struct vv_wal_options wal_options = {
            .segment_bytes_max = shard->options.wal_segment_bytes,
            .sequence_min = shard->manifest.wal_sequence,
            .ring_bytes = shard->options.ring_bytes,
            .zero_ahead = shard->options.commits,
        };
        status = vv_wal_init(&shard->wal, &place, &wal_options, &recovery, shard->report);
    }
    vv_wal_recovery_fini(&recovery);
    return status == VARVE_OK ? status : vv_fail(error, status, "cannot recover the log");
}
