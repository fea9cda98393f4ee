/*
 * database.c - opening and closing a database.
 *
 *   varve_open: directory and identity -> lock (a writer) -> shard (recovery) -> background threads
 *
 * E1  A handle exists only when everything of it does; a failed open leaves nothing behind.
 * E2  Options are copied with every default filled in: nobody else asks what 0 means.
 * Thread: open and close belong to one thread; everything else may come from any.
 */
#include "engine/database.h"
#include "engine/cursor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os/alloc.h"
#include "os/map_guard.h"

enum {
    FLAGS_KNOWN = VARVE_OPEN_CREATE | VARVE_OPEN_READ_ONLY | VARVE_OPEN_STRICT |
                  VARVE_OPEN_EXCLUSIVE | VARVE_OPEN_IO_URING
};

/* More have no work: vv_block_group packs so many groups at once. */
enum { BLOCK_THREADS_MAX = 8 };

static const varve_options default_options = {
    .options_size = sizeof(varve_options),
    .background_threads = 1,
    .sync_interval_ms = 1000,
    .flush_interval_ms = 100,
    .head_bytes_max = 64ULL << 20,
    .wal_bytes_max = 256ULL << 20,
    .wal_segment_bytes = 32ULL << 20,
    .series_max = 10000000,
    .cache_bytes_max = 64ULL << 20,
};

static void or_default_u32(uint32_t *field, uint32_t value)
{
    *field = *field == 0 ? value : *field;
}

static void or_default_u64(uint64_t *field, uint64_t value)
{
    *field = *field == 0 ? value : *field;
}

/* The caller's options with defaults filled in. INVALID names the field. */
static varve_status complete_options(const varve_options *given, varve_options *options,
                                     varve_error *error)
{
    *options = default_options;
    if (given == NULL) {
        return VARVE_OK;
    }
    /* A program compiled against an older header knows fewer fields; a newer one's are not
     * understood. */
    if (given->options_size < offsetof(varve_options, sync) ||
        given->options_size > sizeof(*options)) {
        return vv_fail(error, VARVE_INVALID,
                       "options_size is %zu: fill the options with VARVE_OPTIONS_INIT",
                       given->options_size);
    }
    memset(options, 0, sizeof(*options));
    memcpy(options, given, given->options_size);
    options->options_size = sizeof(*options);
    or_default_u32(&options->sync_interval_ms, default_options.sync_interval_ms);
    or_default_u32(&options->flush_interval_ms, default_options.flush_interval_ms);
    or_default_u64(&options->head_bytes_max, default_options.head_bytes_max);
    or_default_u64(&options->wal_bytes_max, default_options.wal_bytes_max);
    or_default_u64(&options->wal_segment_bytes, default_options.wal_segment_bytes);
    or_default_u64(&options->series_max, default_options.series_max);
    or_default_u64(&options->cache_bytes_max, default_options.cache_bytes_max);
    if ((options->flags & ~(uint32_t)FLAGS_KNOWN) != 0) {
        return vv_fail(error, VARVE_INVALID, "options.flags has unknown bits: 0x%x",
                       options->flags);
    }
    if ((unsigned)options->sync > VARVE_SYNC_COMMIT) {
        return vv_fail(error, VARVE_INVALID, "options.sync is %d: no such mode", options->sync);
    }
    if ((unsigned)options->duplicates > VARVE_DUPLICATES_ERROR) {
        return vv_fail(error, VARVE_INVALID, "options.duplicates is %d: no such policy",
                       options->duplicates);
    }
    if (options->block_threads > BLOCK_THREADS_MAX) {
        return vv_fail(error, VARVE_INVALID, "options.block_threads is %u: at most %d",
                       options->block_threads, BLOCK_THREADS_MAX);
    }
    if ((options->flags & VARVE_OPEN_READ_ONLY) != 0 &&
        (options->flags & (VARVE_OPEN_CREATE | VARVE_OPEN_EXCLUSIVE)) != 0) {
        return vv_fail(error, VARVE_INVALID, "a read-only opening cannot create a database");
    }
    return VARVE_OK;
}

/* Passes reports on to the host's event function. */
static void report_event(void *context, varve_event_kind kind, varve_status status,
                         const char *file, uint64_t offset, const char *message)
{
    struct varve_db *db = context;
    (void)file; /* the sentence names it */
    (void)offset;
    varve_event event = {.kind = kind, .status = status, .message = message};
    db->options.event(db->options.event_context, &event);
}

/* Creates the database if the options ask for it and nothing is there. */
static varve_status create_if_asked(struct varve_db *db, const char *path, varve_error *error)
{
    if ((db->options.flags & VARVE_OPEN_CREATE) == 0) {
        return VARVE_OK;
    }
    struct vv_file_status file_status;
    int result = db->env->ops->stat_path(db->env->ctx, path, &file_status);
    bool exclusive = (db->options.flags & VARVE_OPEN_EXCLUSIVE) != 0;
    if (result == 0) {
        return exclusive ? vv_fail(error, VARVE_EXISTS, "%s exists already", path) : VARVE_OK;
    }
    struct vv_database_identity identity = {
        .sync = db->options.sync == VARVE_SYNC_DEFAULT ? VARVE_SYNC_PERIODIC : db->options.sync,
        .duplicates = db->options.duplicates == VARVE_DUPLICATES_DEFAULT ? VARVE_DUPLICATES_LAST
                                                                         : db->options.duplicates};
    varve_error detail = {0};
    varve_status status = vv_database_create(db->env, path, &identity, &detail);
    if (status == VARVE_EXISTS && !exclusive) {
        return VARVE_OK; /* somebody else was faster */
    }
    if (status != VARVE_OK && error != NULL) {
        *error = detail;
    }
    return status;
}

static varve_status adopt_identity(struct varve_db *db, varve_error *error)
{
    varve_duplicates wanted = db->options.duplicates;
    if (wanted != VARVE_DUPLICATES_DEFAULT && wanted != db->identity.duplicates) {
        return vv_fail(error, VARVE_INVALID,
                       "the database was created with duplicate policy %d and cannot be opened "
                       "with %d",
                       db->identity.duplicates, wanted);
    }
    db->options.duplicates = db->identity.duplicates;
    if (db->options.sync == VARVE_SYNC_DEFAULT) {
        db->options.sync = db->identity.sync;
    }
    return VARVE_OK;
}

/* Puts the directory before a message that names only a file in it. */
static void name_place(const char *place, varve_error *error)
{
    if (error != NULL) {
        char message[sizeof(error->message)];
        (void)snprintf(message, sizeof(message), "%s", error->message);
        (void)snprintf(error->message, sizeof(error->message), "%.200s/%.280s", place, message);
    }
}

/* Opens the shard whose directory db has, as the options say. */
static varve_status open_shard_state(struct varve_db *db, struct vv_shard **shard,
                                     varve_error *error)
{
    struct vv_shard_place place = {.env = db->env, .directory = db->shard_directory};
    memcpy(place.database_uuid, db->identity.uuid, sizeof(place.database_uuid));
    struct vv_shard_options options = {
        .head_bytes_max = db->options.head_bytes_max,
        .wal_bytes_max = db->options.wal_bytes_max,
        .wal_segment_bytes = db->options.wal_segment_bytes,
        .series_max = db->options.series_max,
        .cache_bytes_max = db->options.cache_bytes_max,
        .block_bytes_max = db->options.block_bytes_max,
        .merge_bytes_per_second = db->options.merge_bytes_per_second,
        .reserve_bytes = db->options.reserve_bytes,
        .duplicates = db->options.duplicates,
        .read_only = db->read_only,
        .commits = db->options.sync == VARVE_SYNC_COMMIT,
        .strict = (db->options.flags & VARVE_OPEN_STRICT) != 0,
        .workers = db->workers,
    };
    return vv_shard_open(&place, &options, &db->report, shard, error);
}

static varve_status open_shard(struct varve_db *db, const char *path, varve_error *error)
{
    char name[VV_SHARD_DIRECTORY_BYTES], shard_path[4096 + 64];
    vv_shard_directory_name(0, name);
    (void)snprintf(shard_path, sizeof(shard_path), "%.4096s/%s", path, name);
    db->shard_directory = db->env->ops->open_directory(db->env->ctx, shard_path);
    if (db->shard_directory < 0) {
        int result = db->shard_directory;
        varve_status status = result == -ENOENT ? VARVE_CORRUPT : vv_status_from_errno(-result);
        return vv_fail_io(error, status, -result, name, 0, "cannot open %s", shard_path);
    }
    varve_status status = open_shard_state(db, &db->shard, error);
    if (status != VARVE_OK) {
        name_place(shard_path, error);
    }
    return status;
}

/* Gives back whatever of the handle exists. */
static void release(struct varve_db *db)
{
    vv_cursors_drop_idle(db);
    if (db->shard_directory >= 0) {
        (void)db->env->ops->close(db->env->ctx, db->shard_directory);
    }
    if (db->lock_file >= 0) {
        vv_env_close_locked(db->env, db->lock_file);
    }
    if (db->directory >= 0) {
        (void)db->env->ops->close(db->env->ctx, db->directory);
    }
    vv_workers_destroy(db->workers);
    vv_condition_fini(&db->wake_log);
    vv_condition_fini(&db->wake_work);
    vv_mutex_fini(&db->mutex);
    vv_free(db);
}

/* The threads that share the work of whoever writes a block. */
static varve_status create_workers(struct varve_db *db, varve_error *error)
{
    if (db->read_only || db->options.background_threads == 0) {
        return VARVE_OK;
    }
    uint32_t threads = db->options.block_threads;
    if (threads == 0) {
        threads = vv_thread_processors();
        threads = threads < BLOCK_THREADS_MAX ? threads : BLOCK_THREADS_MAX;
    }
    varve_status status = vv_workers_create(threads - 1, &db->workers);
    return status == VARVE_OK ? VARVE_OK : vv_fail(error, status, "no memory to open a database");
}

static varve_status open_parts(struct varve_db *db, const char *path, varve_error *error)
{
    VV_TRY(create_if_asked(db, path, error));
    VV_TRY(vv_database_identify(db->env, path, &db->directory, &db->identity, error));
    VV_TRY(adopt_identity(db, error));
    if (!db->read_only) {
        VV_TRY(vv_database_lock(db->env, db->directory, path, &db->lock_file, error));
        VV_TRY(vv_database_sync_name(db->env, path, error));
        if (db->identity.is_snapshot) {
            VV_TRY(vv_database_leave_snapshot(db->env, db->directory, &db->identity, error));
        }
    }
    VV_TRY(create_workers(db, error));
    VV_TRY(open_shard(db, path, error));
    varve_status status = VARVE_OK;
    if (!db->read_only && db->options.background_threads > 0) {
        status = vv_background_start(db, error);
    }
    if (status != VARVE_OK) {
        (void)vv_shard_close(db->shard, NULL);
    }
    return status;
}

varve_status vv_database_open(const struct vv_env *env, const char *path,
                              const varve_options *options, const struct vv_report *report,
                              varve_db **opened, varve_error *error)
{
    vv_error_clear(error);
    varve_options complete;
    VV_TRY(complete_options(options, &complete, error));
    struct varve_db *db = vv_alloc_zeroed(1, sizeof(*db));
    if (db == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to open a database");
    }
    db->env = env;
    db->options = complete;
    db->read_only = (complete.flags & VARVE_OPEN_READ_ONLY) != 0;
    db->directory = db->shard_directory = db->lock_file = -1;
    vv_mutex_init(&db->mutex);
    vv_condition_init(&db->wake_log);
    vv_condition_init(&db->wake_work);
    if (report != NULL) {
        db->report = *report;
    } else if (complete.event != NULL) {
        db->report = (struct vv_report){report_event, db};
    }
    varve_status status = open_parts(db, path, error);
    if (status != VARVE_OK) {
        release(db);
        return status;
    }
    *opened = db;
    return VARVE_OK;
}

varve_status varve_open(const char *path, const varve_options *options, varve_db **db,
                        varve_error *error)
{
    if (path == NULL || db == NULL) {
        return vv_fail(error, VARVE_INVALID,
                       "varve_open() needs a path and a place for the handle");
    }
    bool uring = options != NULL && (options->flags & VARVE_OPEN_IO_URING) != 0;
    return vv_database_open(uring ? vv_env_uring() : vv_env_posix(), path, options, NULL, db,
                            error);
}

varve_status varve_sigbus_guard(varve_error *error)
{
    vv_error_clear(error);
    int result = vv_map_guard_install();
    return result == 0 ? VARVE_OK
                       : vv_fail_io(error, VARVE_IO, -result, NULL, 0,
                                    "the handler of SIGBUS cannot be installed");
}

varve_status varve_refresh(varve_db *db, varve_error *error)
{
    vv_error_clear(error);
    if (!db->read_only) {
        return VARVE_OK;
    }
    if (vv_shard_is_pinned(db->shard)) {
        return vv_fail(error, VARVE_BUSY, "close the cursors of the database before a refresh");
    }
    struct vv_shard *shard = NULL;
    VV_TRY(open_shard_state(db, &shard, error));
    vv_cursors_drop_idle(db); /* what they keep is named by numbers that the shard gave */
    varve_status status = vv_shard_close(db->shard, NULL);
    (void)status; /* a reader has nothing to lose */
    db->shard = shard;
    return VARVE_OK;
}

varve_status varve_close(varve_db *db, varve_error *error)
{
    vv_error_clear(error);
    if (db == NULL) {
        return VARVE_OK;
    }
    vv_background_stop(db);
    varve_status status = vv_shard_close(db->shard, error);
    release(db);
    return status;
}
