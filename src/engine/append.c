/*
 * append.c - the public way in: series handles, appends, waiting for durability.
 *
 * The caller's thread does all the work: validate, hand to the shard, wait as long as the sync mode
 * says. Back-pressure: when the head or the log is at PRESSURE_MAX_PERCENT of its limit, because
 * the background cannot keep up or there is none, the appending thread flushes itself.
 * Thread: any.
 */
#include "engine/database.h"
#include "os/alloc.h"

enum {
    PRESSURE_MAX_PERCENT = 130, /* what a flush takes, and a third of the next one beside it */
    PRESSURE_REFUSE_PERCENT = 300,
    UNWRITTEN_BYTES_MAX = 4 << 20, /* mode NONE: what a producer lets pile up before it writes */
};

/* Says more about a series that could not be made. */
static varve_status fail_to_create(struct varve_db *db, varve_status status, varve_error *error)
{
    if (status == VARVE_LIMIT) {
        return vv_fail(error, status,
                       "the database has %llu series already (options.series_max): known series "
                       "can still be written",
                       (unsigned long long)db->options.series_max);
    }
    return vv_fail(error, status, "cannot create the series: %s", varve_status_text(status));
}

/* After series may have been made. */
static void wake_for_room(struct varve_db *db)
{
    if (vv_shard_wants_room(db->shard)) {
        vv_background_wake(db);
    }
}

varve_status varve_series_resolve(varve_db *db, const varve_label *labels, size_t label_count,
                                  varve_series *series, varve_error *error)
{
    vv_error_clear(error);
    struct vv_buffer key = {0};
    varve_status status = vv_key_encode(labels, label_count, &key, error);
    uint32_t ref = 0;
    if (status == VARVE_OK) {
        status = vv_shard_resolve(db->shard, (struct vv_key){key.bytes, key.length}, &ref);
        status = status == VARVE_OK ? status : fail_to_create(db, status, error);
        wake_for_room(db);
    }
    vv_buffer_fini(&key);
    if (status == VARVE_OK) {
        *series = vv_series_handle(ref);
    }
    return status;
}

/* Encodes the keys of up to count sets into buffer, one behind the other, and returns of how many:
 * less if one is none, with *status. */
static size_t encode_keys(const varve_label_set *sets, size_t count, struct vv_buffer *buffer,
                          struct vv_key *keys, varve_status *status, varve_error *error)
{
    size_t ends[VV_RESOLVE_KEYS_MAX];
    size_t encoded = 0;
    vv_buffer_clear(buffer);
    for (; encoded < count; encoded++) {
        *status = vv_key_encode(sets[encoded].labels, sets[encoded].count, buffer, error);
        if (*status != VARVE_OK) {
            break;
        }
        ends[encoded] = buffer->length;
    }
    for (size_t i = 0, begin = 0; i < encoded; begin = ends[i++]) { /* now the bytes stay */
        keys[i] = (struct vv_key){buffer->bytes + begin, ends[i] - begin};
    }
    return encoded;
}

varve_status varve_series_resolve_batch(varve_db *db, const varve_label_set *sets, size_t count,
                                        varve_series *series, size_t *resolved, varve_error *error)
{
    struct vv_buffer buffer = {0};
    struct vv_key keys[VV_RESOLVE_KEYS_MAX];
    uint32_t refs[VV_RESOLVE_KEYS_MAX];
    varve_status status = VARVE_OK;
    size_t done = 0;
    vv_error_clear(error);
    while (done < count && status == VARVE_OK) {
        size_t wanted = count - done, some = 0;
        wanted = wanted < VV_RESOLVE_KEYS_MAX ? wanted : VV_RESOLVE_KEYS_MAX;
        wanted = encode_keys(sets + done, wanted, &buffer, keys, &status, error);
        if (wanted == 0) {
            break;
        }
        varve_status created = vv_shard_resolve_batch(db->shard, keys, wanted, refs, &some);
        if (created != VARVE_OK) { /* of a set before that whose labels are none, if there is one */
            vv_error_clear(error);
            status = fail_to_create(db, created, error);
        }
        for (size_t i = 0; i < some; i++) {
            series[done + i] = vv_series_handle(refs[i]);
        }
        done += some;
        wake_for_room(db);
    }
    vv_buffer_fini(&buffer);
    if (resolved != NULL) {
        *resolved = done;
    }
    return status;
}

varve_status varve_series_parse(varve_db *db, varve_string text, varve_series *series,
                                varve_error *error)
{
    vv_error_clear(error);
    struct vv_buffer key = {0};
    varve_status status = vv_key_parse(text, &key, error);
    if (status == VARVE_OK) {
        varve_label labels[VARVE_LABELS_MAX];
        size_t count = vv_key_labels((struct vv_key){key.bytes, key.length}, labels);
        status = varve_series_resolve(db, labels, count, series, error);
    }
    vv_buffer_fini(&key);
    return status;
}

/* Waits as long as the stronger of the database's and the call's mode says. may_wait: in mode NONE
 * the caller may write for all when much has piled up. */
static varve_status wait_for_log(struct varve_db *db, varve_sync_mode sync, uint64_t lsn,
                                 bool may_wait)
{
    varve_sync_mode mode = sync > db->options.sync ? sync : db->options.sync;
    if (mode == VARVE_SYNC_COMMIT) {
        return vv_shard_flush_log(db->shard, lsn, VV_WAL_DURABLE);
    }
    if (mode != VARVE_SYNC_NONE ||
        (may_wait && vv_shard_unwritten_bytes(db->shard, lsn) > UNWRITTEN_BYTES_MAX)) {
        VV_TRY(vv_shard_flush_log(db->shard, lsn, VV_WAL_WRITTEN));
        if (vv_shard_log_wants_sync(db->shard)) {
            vv_background_wake_for_sync(db);
        }
    }
    return VARVE_OK;
}

/* How far head and log are beyond what is due to be flushed; 0 as long as nothing is. */
static unsigned pressure_after(struct varve_db *db, uint64_t lsn)
{
    if (!vv_shard_is_pressed(db->shard, lsn)) {
        return 0;
    }
    unsigned percent = vv_shard_pressure_percent(db->shard);
    if (percent >= PRESSURE_REFUSE_PERCENT) {
        atomic_store_explicit(&db->refuses, true, memory_order_relaxed);
    }
    return percent;
}

static void relieve_pressure(struct varve_db *db, unsigned percent, bool may_wait)
{
    if (percent < 100) {
        return;
    }
    vv_background_wake(db);
    if (percent >= PRESSURE_MAX_PERCENT && may_wait) {
        bool worked;
        varve_status status = vv_shard_maintain(db->shard, &worked, NULL);
        (void)status; /* the batch is accepted; what fails here is tried again and reported */
    }
}

/* Refuses a batch when the head cannot be flushed and grows beyond all bounds: NO_SPACE or IO, as
 * the flush says; nothing of the batch was accepted. */
static varve_status make_room(struct varve_db *db, bool may_wait)
{
    if (!atomic_load_explicit(&db->refuses, memory_order_relaxed)) {
        return VARVE_OK;
    }
    if (vv_shard_pressure_percent(db->shard) < PRESSURE_REFUSE_PERCENT) {
        atomic_store_explicit(&db->refuses, false, memory_order_relaxed);
        return VARVE_OK;
    }
    if (!may_wait) {
        vv_background_wake(db);
        return VARVE_BUSY;
    }
    bool worked;
    return vv_shard_maintain(db->shard, &worked, NULL);
}

/* How an append is to go. */
struct way {
    varve_sync_mode sync;
    vv_shard_look look; /* nullable */
    void *context;
};

/* Where the log has filled the disk, the head becomes a block and the log goes. */
static varve_status append_or_make_space(struct varve_db *db, const struct vv_shard_batch *batch,
                                         uint64_t *lsn)
{
    varve_status status = vv_shard_append(db->shard, batch, lsn);
    if (status == VARVE_NO_SPACE && !batch->no_wait && vv_shard_make_space(db->shard) == VARVE_OK) {
        status = vv_shard_append(db->shard, batch, lsn);
    }
    return status;
}

/* What an accepted batch whose record ends at end_lsn still has to do. */
static inline varve_status settle(struct varve_db *db, varve_sync_mode sync, bool may_wait,
                                  uint64_t end_lsn, uint64_t *lsn)
{
    unsigned percent = pressure_after(db, end_lsn);
    VV_TRY(wait_for_log(db, sync, end_lsn, may_wait));
    relieve_pressure(db, percent, may_wait);
    if (lsn != NULL) {
        *lsn = end_lsn;
    }
    return VARVE_OK;
}

static varve_status append(struct varve_db *db, const struct vv_shard_batch *batch, struct way way,
                           uint64_t *lsn)
{
    uint64_t end_lsn;
    VV_TRY(make_room(db, !batch->no_wait));
    VV_TRY(way.look == NULL
               ? append_or_make_space(db, batch, &end_lsn)
               : vv_shard_append_alone(db->shard, batch, way.look, way.context, &end_lsn));
    return settle(db, way.sync, !batch->no_wait, end_lsn, lsn);
}

varve_status vv_database_append(varve_db *db, const varve_batch *batch, vv_shard_look look,
                                void *context, uint64_t *lsn)
{
    if (batch->options_size != sizeof(*batch) || batch->count > VARVE_BATCH_MAX ||
        (unsigned)batch->duplicates > VARVE_DUPLICATES_ERROR ||
        (unsigned)batch->sync > VARVE_SYNC_COMMIT || batch->flags > VARVE_BATCH_NOWAIT) {
        return VARVE_INVALID;
    }
    if (db->read_only) {
        return VARVE_READ_ONLY;
    }
    if (batch->count == 0) {
        return VARVE_OK;
    }
    const struct vv_shard_batch samples = {.policy = batch->duplicates,
                                           .count = batch->count,
                                           .handles = batch->series,
                                           .timestamps = batch->timestamps,
                                           .values = batch->values,
                                           .no_wait = (batch->flags & VARVE_BATCH_NOWAIT) != 0};
    return append(db, &samples, (struct way){batch->sync, look, context}, lsn);
}

varve_status varve_append_batch(varve_db *db, const varve_batch *batch, uint64_t *lsn)
{
    return vv_database_append(db, batch, NULL, NULL, lsn);
}

varve_status varve_append(varve_db *db, varve_series series, const int64_t *timestamps,
                          const double *values, size_t count, uint64_t *lsn)
{
    varve_status status;
    uint64_t end_lsn;
    /* The short way of one sample. Nothing is refused at present, and a database that is only read
     * does not take it. */
    if (count == 1 && !atomic_load_explicit(&db->refuses, memory_order_relaxed) &&
        vv_shard_append_one(db->shard, series, VARVE_DUPLICATES_DEFAULT, *timestamps, *values,
                            &status, &end_lsn)) {
        return status == VARVE_OK ? settle(db, VARVE_SYNC_DEFAULT, true, end_lsn, lsn) : status;
    }
    if (count > VARVE_BATCH_MAX) {
        return VARVE_INVALID;
    }
    if (db->read_only) {
        return VARVE_READ_ONLY;
    }
    if (count == 0) {
        return VARVE_OK;
    }
    const struct vv_shard_batch samples = {.count = count,
                                           .handles = &series,
                                           .timestamps = timestamps,
                                           .values = values,
                                           .one_series = true};
    return append(db, &samples, (struct way){.look = NULL}, lsn);
}

varve_status varve_wait_durable(varve_db *db, uint64_t lsn)
{
    if (db->read_only) {
        return VARVE_READ_ONLY;
    }
    return vv_shard_flush_log(db->shard, lsn, VV_WAL_DURABLE);
}

/* Deletes without waiting. */
static varve_status delete_selected(varve_db *db, const varve_selection *selection, uint64_t *count,
                                    uint64_t *lsn, varve_error *error)
{
    struct vv_matchers *matchers = NULL;
    VV_TRY(vv_selection_compile(selection, &matchers, error));
    struct vv_range range = {selection->start, selection->end};
    varve_status status;
    if (selection->series_count > 0) {
        *count = selection->series_count;
        status = vv_shard_delete_series(db->shard, selection->series, selection->series_count,
                                        range, lsn, error);
    } else {
        status = vv_shard_delete(db->shard, matchers, range, count, lsn, error);
    }
    vv_matchers_destroy(matchers);
    return status;
}

varve_status varve_delete(varve_db *db, const varve_selection *selection, uint64_t *series_count,
                          varve_error *error)
{
    vv_error_clear(error);
    uint64_t count = 0, lsn = 0;
    varve_status status = delete_selected(db, selection, &count, &lsn, error);
    if (status == VARVE_OK) {
        status = wait_for_log(db, VARVE_SYNC_DEFAULT, lsn, true);
        if (status != VARVE_OK) {
            status = vv_fail(error, status, "the deletion is not as durable as asked: %s",
                             varve_status_text(status));
        }
    }
    if (status == VARVE_OK && series_count != NULL) {
        *series_count = count;
    }
    return status;
}

varve_status varve_delete_range(varve_db *db, varve_series series, int64_t start, int64_t end,
                                uint64_t *lsn)
{
    varve_selection selection = VARVE_SELECTION_INIT;
    uint64_t count = 0, end_lsn = 0;
    selection.series = &series;
    selection.series_count = 1;
    selection.start = start;
    selection.end = end;
    VV_TRY(delete_selected(db, &selection, &count, &end_lsn, NULL));
    VV_TRY(wait_for_log(db, VARVE_SYNC_DEFAULT, end_lsn, true));
    if (lsn != NULL) {
        *lsn = end_lsn;
    }
    return VARVE_OK;
}
