/*
 * database.h - an open database: the inside of varve_db, shared by the files of this room.
 */
#ifndef VARVE_ENGINE_DATABASE_H
#define VARVE_ENGINE_DATABASE_H

#include <stdatomic.h>

#include "engine/database_file.h"
#include "os/thread.h"
#include "storage/storage_impl.h"

enum { VV_IDLE_QUERIES = 4 }; /* cursors and rows kept for the next query, at most */

struct varve_db {
    /* Constant after open. */
    const struct vv_env *env;
    struct varve_options options; /* every field filled in */
    struct vv_database_identity identity;
    struct vv_report report; /* to the host's event function */
    bool read_only;
    int directory;
    int shard_directory;
    int lock_file; /* -1 if read-only */
    struct vv_shard *shard;

    struct vv_workers *workers; /* for blocks; NULL: whoever writes one does everything */

    _Atomic bool refuses; /* appends must look whether there is room for them */

    /* Closed and kept; taken with acquire, put with release. */
    _Atomic(struct varve_cursor *) idle_cursors[VV_IDLE_QUERIES];

    /* Background threads: one keeps the promises of the log, one flushes and merges. */
    bool has_threads;
    struct vv_thread log_thread;
    struct vv_thread work_thread;
    struct vv_mutex mutex; /* guards stopping; both threads wait with it */
    struct vv_condition wake_log;
    struct vv_condition wake_work;
    bool stopping;
    _Atomic bool work_wanted;
    _Atomic bool sync_wanted; /* of the log, by somebody who appends and does not wait for it */
};

/* varve_open() on a given environment: for tests with faults or a simulated disk. report (nullable)
 * is told instead of options->event. */
varve_status vv_database_open(const struct vv_env *env, const char *path,
                              const varve_options *options, const struct vv_report *report,
                              varve_db **db, varve_error *error) VARVE_MUST_CHECK;

/* varve_check() on a given environment. */
varve_status vv_database_check(const struct vv_env *env, const char *path,
                               varve_finding_function found, void *context,
                               varve_check_report *figures, varve_error *error) VARVE_MUST_CHECK;

/* Hands a finding to found, if there is one. file: of the shard's directory; NULL: the database
 * file. */
void vv_tell_finding(varve_finding_function found, void *context, bool is_damage, const char *file,
                     uint64_t offset, const char *message);

/* A handle is 1 more than the ref, so that 0 is never one. */
static inline varve_series vv_series_handle(uint32_t ref)
{
    return (varve_series)ref + 1;
}
static inline bool vv_series_ref(varve_series series, uint32_t *ref)
{
    *ref = (uint32_t)(series - 1);
    return series >= 1 && series - 1 < UINT32_MAX;
}

/* Checks a selection but for what it selects by. INVALID. */
varve_status vv_selection_check(const varve_selection *selection,
                                varve_error *error) VARVE_MUST_CHECK;
/* The same, and compiles its matchers. INVALID. */
varve_status vv_selection_compile(const varve_selection *selection, struct vv_matchers **matchers,
                                  varve_error *error) VARVE_MUST_CHECK;

/* append.c: varve_append_batch() for a batch that depends on what is there, see
 * vv_shard_append_alone(). look nullable; otherwise the batch's columns are the caller's to
 * change. */
varve_status vv_database_append(varve_db *db, const varve_batch *batch, vv_shard_look look,
                                void *context, uint64_t *lsn) VARVE_MUST_CHECK;

/* background.c */
varve_status vv_background_start(struct varve_db *db, varve_error *error) VARVE_MUST_CHECK;
void vv_background_stop(struct varve_db *db);
/* Tells the worker that there may be something to do. Cheap. */
void vv_background_wake(struct varve_db *db);
void vv_background_wake_for_sync(struct varve_db *db);

#endif
