/*
 * appender.c - one batch at a time goes to the sink, in a thread of its own where there is one.
 *
 * A1  columns and count belong to the thread from give until given is false again; the mutex, which
 *     both sides take in between, makes what one wrote visible to the other.
 */
#include "text/appender.h"

void vv_appender_init(struct vv_appender *appender,
                      varve_status (*append)(void *context, const varve_batch *batch),
                      void *context, varve_sync_mode sync, bool wants_thread)
{
    *appender = (struct vv_appender){
        .append = append, .context = context, .sync = sync, .wants_thread = wants_thread};
    vv_mutex_init(&appender->mutex);
    vv_condition_init(&appender->changed);
}

void vv_appender_fini(struct vv_appender *appender)
{
    if (appender->has_thread) {
        vv_mutex_lock(&appender->mutex);
        appender->ended = true;
        vv_condition_broadcast(&appender->changed);
        vv_mutex_unlock(&appender->mutex);
        vv_thread_join(&appender->thread);
    }
    vv_condition_fini(&appender->changed);
    vv_mutex_fini(&appender->mutex);
    vv_sample_columns_fini(&appender->columns);
}

static varve_status append_columns(struct vv_appender *appender)
{
    varve_batch batch = VARVE_BATCH_INIT;
    batch.series = appender->columns.series;
    batch.timestamps = appender->columns.timestamps;
    batch.values = appender->columns.values;
    batch.count = appender->count;
    batch.sync = appender->sync;
    return appender->append(appender->context, &batch);
}

static void run(void *argument)
{
    struct vv_appender *appender = argument;
    vv_mutex_lock(&appender->mutex);
    while (appender->given || !appender->ended) {
        if (!appender->given) {
            vv_condition_wait(&appender->changed, &appender->mutex);
            continue;
        }
        vv_mutex_unlock(&appender->mutex);
        varve_status status = append_columns(appender);
        vv_mutex_lock(&appender->mutex);
        appender->status = status;
        appender->given = false;
        vv_condition_broadcast(&appender->changed);
    }
    vv_mutex_unlock(&appender->mutex);
}

void vv_appender_give(struct vv_appender *appender, size_t count, bool is_last)
{
    appender->count = count;
    if (!appender->has_thread && appender->wants_thread && !is_last) {
        appender->has_thread = vv_thread_start(&appender->thread, run, appender) == 0;
        appender->wants_thread = appender->has_thread;
    }
    if (!appender->has_thread) {
        appender->status = append_columns(appender);
        return;
    }
    vv_mutex_lock(&appender->mutex);
    VV_ASSERT(!appender->given);
    appender->given = true;
    vv_condition_broadcast(&appender->changed);
    vv_mutex_unlock(&appender->mutex);
}

varve_status vv_appender_wait(struct vv_appender *appender)
{
    vv_mutex_lock(&appender->mutex);
    while (appender->given) {
        vv_condition_wait(&appender->changed, &appender->mutex);
    }
    varve_status status = appender->status;
    vv_mutex_unlock(&appender->mutex);
    return status;
}
