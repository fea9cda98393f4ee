/*
 * inspect.c - figures of an open database, and checking one that may be open elsewhere.
 *
 * A check opens read-only: damage found on the way in and damage found by verifying go to the same
 * list.
 */
#include <stdio.h>
#include <string.h>

#include "engine/database.h"

/* The series that have a sample. What cannot be read is not counted. */
static uint64_t count_series(varve_db *db)
{
    bool hidden;
    uint64_t count = 0;
    if (vv_shard_count_series(db->shard, &count, &hidden) == VARVE_OK && !hidden) {
        return count;
    }
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    count = 0;
    if (varve_select(db, &everything, &cursor, NULL) == VARVE_OK) {
        while (varve_cursor_next(cursor)) {
            count++;
        }
        varve_cursor_close(cursor);
    }
    return count;
}

void varve_stats(varve_db *db, varve_statistics *statistics)
{
    size_t size = statistics->options_size; /* of the struct that the caller was compiled with */
    varve_statistics complete = {.options_size = size};
    vv_shard_statistics(db->shard, &complete);
    complete.sync = db->options.sync;
    complete.duplicates = db->options.duplicates;
    complete.read_only = db->read_only;
    complete.series = count_series(db);
    memcpy(statistics, &complete, size < sizeof(complete) ? size : sizeof(complete));
}

void vv_tell_finding(varve_finding_function found, void *context, bool is_damage, const char *file,
                     uint64_t offset, const char *message)
{
    if (found == NULL) {
        return;
    }
    char path[VV_SHARD_DIRECTORY_BYTES + 64] = VV_DATABASE_FILE_NAME;
    if (file != NULL) {
        char shard[VV_SHARD_DIRECTORY_BYTES];
        vv_shard_directory_name(0, shard);
        (void)snprintf(path, sizeof(path), "%s/%.48s", shard, file);
    }
    varve_finding finding = {
        .kind = is_damage ? VARVE_FINDING_DAMAGE : VARVE_FINDING_NOTE,
        .file = path,
        .offset = offset,
        .message = message,
    };
    found(context, &finding);
}

/* Where findings go. */
struct check {
    varve_finding_function found;
    void *context;
    varve_check_report *figures;
};

static void report_finding(void *context, varve_event_kind kind, varve_status status,
                           const char *file, uint64_t offset, const char *message)
{
    struct check *check = context;
    (void)status;
    bool is_damage = kind == VARVE_EVENT_DAMAGE || kind == VARVE_EVENT_IO_ERROR;
    if (!is_damage && kind != VARVE_EVENT_NOTE) {
        return;
    }
    if (is_damage) {
        check->figures->damages++;
    } else {
        check->figures->notes++;
    }
    vv_tell_finding(check->found, check->context, is_damage, file, offset, message);
}

/* Whether the file that makes a directory a database is sound. */
static bool is_identified(const struct vv_env *env, const char *path)
{
    struct vv_database_identity identity;
    int directory;
    if (vv_database_identify(env, path, &directory, &identity, NULL) != VARVE_OK) {
        return false;
    }
    (void)env->ops->close(env->ctx, directory);
    return true;
}

varve_status vv_database_check(const struct vv_env *env, const char *path,
                               varve_finding_function found, void *context,
                               varve_check_report *figures, varve_error *error)
{
    *figures = (varve_check_report){0};
    struct check check = {.found = found, .context = context, .figures = figures};
    struct vv_report report = {report_finding, &check};
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_READ_ONLY;
    varve_db *db = NULL;
    varve_error detail = {0};
    varve_status status = vv_database_open(env, path, &options, &report, &db, &detail);
    if (status == VARVE_OK) {
        status = vv_shard_verify(db->shard, &report, figures);
        figures->files += 1; /* the identity, which was read to open; LOCK holds nothing */
        figures->bytes += VV_DATABASE_FILE_BYTES;
        varve_status closed = varve_close(db, NULL);
        status = vv_first(status, closed);
        if (status == VARVE_OK && figures->damages > 0) {
            status = VARVE_CORRUPT;
        }
        return status == VARVE_OK ? status
                                  : vv_fail(error, status, "%s: %llu damaged places", path,
                                            (unsigned long long)figures->damages);
    }
    if (status == VARVE_CORRUPT) { /* so damaged that it does not open: one of two files */
        const char *file = is_identified(env, path) ? VV_MANIFEST_NAME : NULL;
        report_finding(&check, VARVE_EVENT_DAMAGE, status, file, detail.offset, detail.message);
    }
    if (error != NULL) {
        *error = detail;
    }
    return status;
}

varve_status varve_check(const char *path, varve_finding_function found, void *context,
                         varve_check_report *report, varve_error *error)
{
    vv_error_clear(error);
    return vv_database_check(vv_env_posix(), path, found, context, report, error);
}
