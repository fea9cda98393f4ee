/*
 * background.c - work that nobody waits for: the log's promises, flushing, merging; and
 * varve_maintain().
 *
 *   log thread   every interval: mode NONE writes, PERIODIC syncs and marks; when woken: syncs,
 *                because much of the log in memory waits for that, in any mode
 *   work thread  when woken, or every second: whatever is due in the shard, and memory for series
 *                to come
 *
 * Two threads, because a merge takes seconds and a periodic sync must not wait for it.
 * G1  Without threads varve_maintain() does the same steps, in the caller's thread.
 * G2  A background error is told to the event function and tried again; nothing stops.
 */
#include <inttypes.h>

#include "engine/database.h"

enum { IDLE_WORK_NS = 1000000000, RETRY_PAUSE_NS = 1000000000 };

/* One step of the log's promises. */
static varve_status keep_log(struct varve_db *db)
{
    switch (db->options.sync) {
    case VARVE_SYNC_NONE:
        return vv_shard_flush_log(db->shard, UINT64_MAX, VV_WAL_WRITTEN);
    case VARVE_SYNC_PERIODIC: {
        varve_status status = vv_shard_flush_log(db->shard, UINT64_MAX, VV_WAL_DURABLE);
        if (status == VARVE_OK) {
            vv_shard_mark_log(db->shard);
        }
        return status;
    }
    case VARVE_SYNC_PROCESS: /* every append did it */
    case VARVE_SYNC_COMMIT:
        return VARVE_OK;
    case VARVE_SYNC_DEFAULT:
    default:
        VV_ASSERT(false);
        return VARVE_OK;
    }
}

static int64_t log_interval_ns(const struct varve_db *db)
{
    uint32_t interval_ms = db->options.sync == VARVE_SYNC_NONE ? db->options.flush_interval_ms
                                                               : db->options.sync_interval_ms;
    return (int64_t)interval_ms * 1000000;
}

static void run_log(void *argument)
{
    struct varve_db *db = argument;
    vv_mutex_lock(&db->mutex);
    while (!db->stopping) {
        if (!atomic_exchange(&db->sync_wanted, false)) {
            (void)vv_condition_wait_for(&db->wake_log, &db->mutex, log_interval_ns(db));
        }
        if (db->stopping) {
            break;
        }
        vv_mutex_unlock(&db->mutex);
        varve_status status = keep_log(db);
        if (status == VARVE_OK && vv_shard_log_wants_sync(db->shard)) {
            status = vv_shard_flush_log(db->shard, UINT64_MAX, VV_WAL_DURABLE);
        }
        (void)status; /* the log has told the event function, and appends get the status (G2) */
        vv_mutex_lock(&db->mutex);
    }
    vv_mutex_unlock(&db->mutex);
}

static void run_work(void *argument)
{
    struct varve_db *db = argument;
    vv_mutex_lock(&db->mutex);
    while (!db->stopping) {
        if (!atomic_exchange(&db->work_wanted, false)) {
            (void)vv_condition_wait_for(&db->wake_work, &db->mutex, IDLE_WORK_NS);
        }
        if (db->stopping) {
            break;
        }
        vv_mutex_unlock(&db->mutex);
        bool worked = false;
        varve_error error = {0};
        varve_status status = vv_shard_maintain(db->shard, &worked, &error);
        if (status != VARVE_OK) {
            vv_report(&db->report, VARVE_EVENT_IO_ERROR, status, NULL, error.offset,
                      "background work failed, it will be tried again: %.400s", error.message);
        } else if (worked) {
            atomic_store(&db->work_wanted, true);
        }
        vv_mutex_lock(&db->mutex);
        if (status != VARVE_OK && !db->stopping) {
            (void)vv_condition_wait_for(&db->wake_work, &db->mutex, RETRY_PAUSE_NS);
        }
    }
    vv_mutex_unlock(&db->mutex);
}

varve_status vv_background_start(struct varve_db *db, varve_error *error)
{
    int result = vv_thread_start(&db->log_thread, run_log, db);
    if (result == 0) {
        result = vv_thread_start(&db->work_thread, run_work, db);
        if (result != 0) {
            vv_mutex_lock(&db->mutex);
            db->stopping = true;
            vv_condition_broadcast(&db->wake_log);
            vv_mutex_unlock(&db->mutex);
            vv_thread_join(&db->log_thread);
        }
    }
    if (result != 0) {
        return vv_fail_io(error, vv_status_from_errno(-result), -result, NULL, 0,
                          "cannot start the background threads");
    }
    db->has_threads = true;
    vv_shard_set_log_synced_elsewhere(db->shard);
    return VARVE_OK;
}

void vv_background_stop(struct varve_db *db)
{
    if (!db->has_threads) {
        return;
    }
    vv_shard_stop(db->shard);
    vv_mutex_lock(&db->mutex);
    db->stopping = true;
    vv_condition_broadcast(&db->wake_log);
    vv_condition_broadcast(&db->wake_work);
    vv_mutex_unlock(&db->mutex);
    vv_thread_join(&db->log_thread);
    vv_thread_join(&db->work_thread);
}

void vv_background_wake(struct varve_db *db)
{
    if (db->has_threads && !atomic_exchange(&db->work_wanted, true)) {
        vv_condition_signal(&db->wake_work);
    }
}

void vv_background_wake_for_sync(struct varve_db *db)
{
    /* A wake-up that comes between the thread's look and its sleep is missed: then who appends
     * syncs at three quarters of the ring. */
    if (db->has_threads && !atomic_exchange(&db->sync_wanted, true)) {
        vv_condition_signal(&db->wake_log);
    }
}

uint32_t varve_background_threads(const varve_db *db)
{
    return db->read_only ? 0 : db->options.background_threads;
}

varve_status varve_maintain(varve_db *db, bool *worked, varve_error *error)
{
    vv_error_clear(error);
    bool did_work = false;
    if (db->read_only) {
        return vv_fail(error, VARVE_READ_ONLY, "the database was opened read-only");
    }
    varve_status status = keep_log(db);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "the log cannot be written: %s", varve_status_text(status));
    }
    VV_TRY(vv_shard_maintain(db->shard, &did_work, error));
    if (worked != NULL) {
        *worked = did_work;
    }
    return VARVE_OK;
}

varve_status varve_flush(varve_db *db, varve_error *error)
{
    vv_error_clear(error);
    varve_status status = vv_shard_flush_log(db->shard, UINT64_MAX, VV_WAL_DURABLE);
    return status == VARVE_OK ? status
                              : vv_fail(error, status, "the log cannot be made durable: %s",
                                        varve_status_text(status));
}

varve_status varve_compact(varve_db *db, varve_error *error)
{
    vv_error_clear(error);
    return vv_shard_compact(db->shard, error);
}
