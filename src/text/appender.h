/*
 * appender.h - appends a batch while the next one is being read.
 *
 *   import's thread   read batch 1 | give | read batch 2 | wait, give | read batch 3 | wait ...
 *   its own thread                 | append batch 1      |            | append batch 2
 *
 * One batch is under way at most, so batches arrive in order and memory is that of two. Without a
 * thread (not wanted, or none to be had) giving appends at once: the same calls, the same results.
 *
 * Threads: give and wait by the import's thread alone.
 */
#ifndef VARVE_TEXT_APPENDER_H
#define VARVE_TEXT_APPENDER_H

#include "os/thread.h"
#include "text/sample_columns.h"

struct vv_appender {
    varve_status (*append)(void *context, const varve_batch *batch);
    void *context;
    varve_sync_mode sync;
    bool wants_thread;
    bool has_thread;
    struct vv_thread thread;

    /* The batch: the import's while none is under way, else the thread's. */
    struct vv_sample_columns columns;
    size_t count;

    struct vv_mutex mutex;
    struct vv_condition changed;
    /* Under the mutex. */
    bool given;
    bool ended;
    varve_status status; /* of the last batch */
};

/* wants_thread: append() may run beside the caller. */
void vv_appender_init(struct vv_appender *appender,
                      varve_status (*append)(void *context, const varve_batch *batch),
                      void *context, varve_sync_mode sync, bool wants_thread);
/* Waits for what is under way. */
void vv_appender_fini(struct vv_appender *appender);

/* Appends the first count (>= 1) samples of columns; no batch is under way. is_last: no thread is
 * started for it. The columns are the caller's again after vv_appender_wait(). */
void vv_appender_give(struct vv_appender *appender, size_t count, bool is_last);

/* The status of the last batch given, when it is known; VARVE_OK if there was none. */
varve_status vv_appender_wait(struct vv_appender *appender);

#endif
