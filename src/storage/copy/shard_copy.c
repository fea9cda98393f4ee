/*
 * shard_copy.c - a shard as it is at one moment, made again in another directory.
 *
 *   manifest read -> its blocks opened -> end of the log found -> log copied up to there
 *     -> manifest still the same?   no: all of it again
 *                                   yes: blocks linked or copied, at leisure -> manifest written
 *
 * C1  A writer removes blocks and log segments only after it has replaced the manifest. So what was
 *     read under one manifest belongs together, and blocks that were opened stay readable.
 * C2  The log is copied up to an LSN that was found before the copying: bytes below it do not
 *     change. The copy is replayed before it is believed.
 * C3  The manifest of the copy is written last: without it the copy is no shard.
 * Thread: one. Memory: one log segment, and a handle for each block.
 */
#include "storage/copy/shard_copy.h"

#include <errno.h>
#include <stdio.h>

#include "os/alloc.h"
#include "storage/shard.h"

enum {
    TRIES = 20,
    DAMAGE_TRIES = 4, /* bytes that a writer is just writing can look like damage */
    PIECE_BYTES = 1 << 20,
};

/* A state of the shard that cannot go away any more. */
struct pinned {
    struct vv_manifest manifest;
    int *files; /* of its blocks */
    size_t file_count;
    struct vv_wal_recovery recovery;
    uint8_t *piece;     /* for copying */
    varve_error damage; /* the first that the log reported */
};

static void unpin(struct vv_shard_copy *copy, struct pinned *pinned)
{
    const struct vv_env *env = copy->from.env;
    for (size_t i = 0; i < pinned->file_count; i++) {
        (void)env->ops->close(env->ctx, pinned->files[i]);
    }
    vv_free(pinned->files);
    vv_manifest_fini(&pinned->manifest);
    vv_wal_recovery_fini(&pinned->recovery);
    uint8_t *piece = pinned->piece;
    *pinned = (struct pinned){.piece = piece};
}

static varve_status open_blocks(const struct vv_shard_copy *copy, struct pinned *pinned,
                                varve_error *error)
{
    const struct vv_env *env = copy->from.env;
    const struct vv_manifest *manifest = &pinned->manifest;
    pinned->files = vv_alloc_zeroed(manifest->block_count + 1, sizeof(*pinned->files));
    if (pinned->files == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to copy a shard");
    }
    for (size_t i = 0; i < manifest->block_count; i++) {
        char name[VV_BLOCK_NAME_BYTES];
        vv_block_name(manifest->blocks[i].identity.id, name);
        int file = env->ops->open(env->ctx, copy->from.directory, name, VV_OPEN_READ);
        if (file < 0) {
            varve_status status = file == -ENOENT ? VARVE_CORRUPT : vv_status_from_errno(-file);
            return vv_fail_io(error, status, -file, name, 0, "cannot open a block to be copied");
        }
        pinned->files[pinned->file_count++] = file;
    }
    return VARVE_OK;
}

/* -------------------------------------------------------------------------------- bytes */

/* Copies the first length bytes of file into a new file, durably but for its name. */
static varve_status copy_bytes(const struct vv_shard_copy *copy, struct pinned *pinned, int file,
                               const char *name, uint64_t length, varve_error *error)
{
    const struct vv_env *env = copy->from.env;
    int made = env->ops->open(env->ctx, copy->to, name, VV_OPEN_CREATE);
    int written = made < 0 ? made : 0, read = 0;
    for (uint64_t at = 0; at < length && written == 0;) {
        size_t part = length - at < PIECE_BYTES ? (size_t)(length - at) : PIECE_BYTES;
        read = vv_env_read_all(env, file, pinned->piece, part, at);
        if (read != 0) {
            break;
        }
        written = vv_env_write_all(env, made, pinned->piece, part, at);
        at += part;
    }
    if (written == 0 && read == 0) {
        written = env->ops->fdatasync(env->ctx, made);
    }
    if (made >= 0) {
        int closed = env->ops->close(env->ctx, made);
        written = written == 0 ? closed : written;
    }
    if (read == -ENODATA) {
        return vv_fail_io(error, VARVE_CORRUPT, 0, name, 0, "the file was cut off");
    }
    if (read != 0) {
        return vv_fail_io(error, VARVE_IO, -read, name, 0, "cannot be read");
    }
    return written == 0 ? VARVE_OK
                        : vv_fail_io(error, vv_status_from_errno(-written), -written, name, 0,
                                     "cannot be copied");
}

/* ---------------------------------------------------------------------------------- log */

static varve_status ignore_frame(void *context, const struct vv_wal_frame *frame,
                                 const uint8_t *payload)
{
    (void)context;
    (void)frame;
    (void)payload;
    return VARVE_OK;
}

static void keep_damage(void *context, varve_event_kind kind, varve_status status, const char *file,
                        uint64_t offset, const char *message)
{
    varve_error *damage = context;
    (void)file; /* the sentence names it */
    if (kind == VARVE_EVENT_DAMAGE && damage->status == VARVE_OK) {
        (void)vv_fail_io(damage, status, 0, NULL, offset, "%s", message);
    }
}

/* Reads the log in a directory to its end. */
static varve_status read_log(const struct vv_shard_copy *copy, int directory,
                             const struct vv_manifest *manifest, struct vv_wal_recovery *recovery,
                             varve_error *damage, varve_error *error)
{
    struct vv_wal_place place = {
        .env = copy->from.env, .directory = directory, .shard = copy->from.shard};
    memcpy(place.database_uuid, copy->from.database_uuid, sizeof(place.database_uuid));
    struct vv_report report = {keep_damage, damage};
    return vv_wal_replay(&place, manifest->wal_start_lsn, false, ignore_frame, NULL, &report,
                         recovery, error);
}

/* Copies what the segments hold below the end of the log (C2). */
static varve_status copy_log(struct vv_shard_copy *copy, struct pinned *pinned, varve_error *error)
{
    const struct vv_env *env = copy->from.env;
    const struct vv_wal_recovery *recovery = &pinned->recovery;
    for (size_t i = 0; i < recovery->segments.count; i++) {
        const struct vv_wal_segment *segment = &recovery->segments.list[i];
        uint64_t length = segment->file_bytes;
        if (segment->first_lsn >= recovery->end_lsn ||
            segment->first_lsn + length <= recovery->start_lsn) {
            continue;
        }
        uint64_t used = VV_WAL_SEGMENT_HEADER_BYTES + recovery->end_lsn - segment->first_lsn;
        length = used < length ? used : length;
        char name[VV_WAL_NAME_BYTES];
        vv_wal_segment_name(segment->sequence, name);
        int file = env->ops->open(env->ctx, copy->from.directory, name, VV_OPEN_READ);
        if (file < 0) {
            return vv_fail_io(error, file == -ENOENT ? VARVE_BUSY : vv_status_from_errno(-file),
                              -file, name, 0, "cannot open a log segment to be copied");
        }
        varve_status status = copy_bytes(copy, pinned, file, name, length, error);
        (void)env->ops->close(env->ctx, file);
        VV_TRY(status);
        copy->bytes += length;
        copy->bytes_copied += length;
    }
    return VARVE_OK;
}

/* Whether the copy of the log says what the log says. */
static varve_status check_log(const struct vv_shard_copy *copy, const struct pinned *pinned,
                              varve_error *error)
{
    struct vv_wal_recovery recovery = {0};
    varve_error damage = {0};
    varve_status status = read_log(copy, copy->to, &pinned->manifest, &recovery, &damage, error);
    if (status == VARVE_OK &&
        (recovery.damages > 0 || recovery.end_lsn != pinned->recovery.end_lsn)) {
        status = vv_fail(error, VARVE_BUSY, "the log changed while it was copied");
    }
    vv_wal_recovery_fini(&recovery);
    return status;
}

/* Removes the segments that a try which was overtaken has copied. */
static void remove_log(const struct vv_shard_copy *copy, const struct pinned *pinned)
{
    const struct vv_env *env = copy->from.env;
    for (size_t i = 0; i < pinned->recovery.segments.count; i++) {
        char name[VV_WAL_NAME_BYTES];
        vv_wal_segment_name(pinned->recovery.segments.list[i].sequence, name);
        (void)env->ops->unlink(env->ctx, copy->to, name);
    }
}

/* ---------------------------------------------------------------------------------- pin */

/* BUSY if the manifest is another one than that which was read. */
static varve_status check_unchanged(const struct vv_shard_copy *copy, const struct pinned *pinned,
                                    varve_error *error)
{
    struct vv_manifest now;
    VV_TRY(vv_manifest_load(&copy->from, &now, error));
    bool unchanged = now.sequence == pinned->manifest.sequence;
    vv_manifest_fini(&now);
    return unchanged ? VARVE_OK : VARVE_BUSY;
}

static varve_status pin_once(struct vv_shard_copy *copy, struct pinned *pinned, varve_error *error)
{
    copy->bytes = copy->bytes_copied = 0;
    VV_TRY(vv_manifest_load(&copy->from, &pinned->manifest, error));
    VV_TRY(open_blocks(copy, pinned, error));
    VV_TRY(read_log(copy, copy->from.directory, &pinned->manifest, &pinned->recovery,
                    &pinned->damage, error));
    if (pinned->damage.status != VARVE_OK) {
        return vv_fail_with(error, &pinned->damage);
    }
    VV_TRY(copy_log(copy, pinned, error));
    VV_TRY(check_unchanged(copy, pinned, error));
    copy->lsn = pinned->recovery.end_lsn;
    return check_log(copy, pinned, error);
}

/* Tries until a state holds still (C1). On failure nothing is pinned. */
static varve_status pin(struct vv_shard_copy *copy, struct pinned *pinned, varve_error *error)
{
    const struct vv_env *env = copy->from.env;
    for (int i = 0;; i++) {
        varve_error detail = {0};
        varve_status status = pin_once(copy, pinned, &detail);
        if (status == VARVE_OK) {
            return VARVE_OK;
        }
        remove_log(copy, pinned);
        /* What looked damaged or was not there may have been overtaken. */
        bool again = status == VARVE_BUSY || (status == VARVE_CORRUPT && i + 1 < DAMAGE_TRIES);
        unpin(copy, pinned);
        if (!again) {
            return detail.status == status ? vv_fail_with(error, &detail)
                                           : vv_fail(error, status, "a shard cannot be copied");
        }
        if (i + 1 == TRIES) {
            return vv_fail(error, VARVE_BUSY,
                           "the writer changes the database all the time: try again");
        }
        env->ops->sleep_ns(env->ctx, 1000000LL << (i < 6 ? i : 6));
    }
}

/* ------------------------------------------------------------------------------- blocks */

/* Opens the block in the copy: header, footer and size are those that the manifest says. */
static varve_status check_block(const struct vv_shard_copy *copy, const char *name,
                                const struct vv_block_info *info, varve_error *error)
{
    struct vv_block *block = NULL;
    VV_TRY(vv_block_open(copy->from.env, copy->to, name, info, &block, error));
    vv_block_release(block);
    return VARVE_OK;
}

/* Whether a link to the block could be made that is what the manifest says. */
static bool link_block(const struct vv_shard_copy *copy, int from, const char *name,
                       const struct vv_block_info *info)
{
    const struct vv_env *env = copy->from.env;
    if (from < 0 || env->ops->link(env->ctx, from, name, copy->to, name) != 0) {
        return false;
    }
    if (check_block(copy, name, info, NULL) == VARVE_OK) {
        return true;
    }
    (void)env->ops->unlink(env->ctx, copy->to, name);
    return false;
}

static varve_status copy_block(struct vv_shard_copy *copy, struct pinned *pinned, size_t index,
                               varve_error *error)
{
    const struct vv_block_info *info = &pinned->manifest.blocks[index];
    char name[VV_BLOCK_NAME_BYTES];
    vv_block_name(info->identity.id, name);
    if (copy->may_link && (link_block(copy, copy->from.directory, name, info) ||
                           link_block(copy, copy->previous, name, info))) {
        copy->blocks_linked++;
    } else {
        VV_TRY(copy_bytes(copy, pinned, pinned->files[index], name, info->file_bytes, error));
        VV_TRY(check_block(copy, name, info, error));
        copy->bytes_copied += info->file_bytes;
    }
    copy->blocks++;
    copy->bytes += info->file_bytes;
    return VARVE_OK;
}

static varve_status copy_blocks(struct vv_shard_copy *copy, struct pinned *pinned,
                                varve_error *error)
{
    uint64_t total = 0, done = 0;
    for (size_t i = 0; i < pinned->manifest.block_count; i++) {
        total += pinned->manifest.blocks[i].file_bytes;
    }
    for (size_t i = 0; i < pinned->manifest.block_count; i++) {
        if (copy->progress != NULL && !copy->progress(copy->context, done, total)) {
            return vv_fail(error, VARVE_CANCELLED, "cancelled");
        }
        VV_TRY(copy_block(copy, pinned, i, error));
        done += pinned->manifest.blocks[i].file_bytes;
    }
    return VARVE_OK;
}

/* ---------------------------------------------------------------------------------- all */

/* pin_mutex (nullable) is held while the state is pinned. */
static varve_status copy_shard(struct vv_shard_copy *copy, struct vv_mutex *pin_mutex,
                               varve_error *error)
{
    struct pinned pinned = {.piece = vv_alloc(PIECE_BYTES)};
    if (pinned.piece == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to copy a shard");
    }
    copy->blocks = copy->blocks_linked = 0;
    if (pin_mutex != NULL) {
        vv_mutex_lock(pin_mutex);
    }
    varve_status status = pin(copy, &pinned, error);
    if (pin_mutex != NULL) {
        vv_mutex_unlock(pin_mutex);
    }
    if (status == VARVE_OK) {
        status = copy_blocks(copy, &pinned, error);
    }
    if (status == VARVE_OK) { /* C3; syncs the directory, too */
        struct vv_shard_place to = copy->from;
        to.directory = copy->to;
        status = vv_manifest_store(&to, &pinned.manifest, error);
    }
    unpin(copy, &pinned);
    vv_free(pinned.piece);
    return status;
}

varve_status vv_shard_copy(struct vv_shard_copy *copy, varve_error *error)
{
    return copy_shard(copy, NULL, error);
}

varve_status vv_shard_copy_open(struct vv_shard *shard, struct vv_shard_copy *copy,
                                varve_error *error)
{
    copy->from = shard->place;
    if (shard->options.read_only) {
        return copy_shard(copy, NULL, error);
    }
    varve_status status = vv_shard_flush_log(shard, UINT64_MAX, VV_WAL_WRITTEN);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "the log cannot be written: %s", varve_status_text(status));
    }
    return copy_shard(copy, &shard->maintenance_mutex, error);
}

varve_status vv_shard_copy_verify(const struct vv_shard_place *place, varve_duplicates duplicates,
                                  varve_check_report *figures, varve_error *error)
{
    varve_error damage = {0};
    struct vv_report report = {keep_damage, &damage};
    struct vv_shard_options options = {
        .head_bytes_max = UINT64_MAX,
        .wal_bytes_max = UINT64_MAX,
        .wal_segment_bytes = 32 << 20,
        .series_max = UINT32_MAX,
        .duplicates = duplicates,
        .read_only = true,
        .strict = true,
    };
    struct vv_shard *shard = NULL;
    VV_TRY(vv_shard_open(place, &options, &report, &shard, error));
    varve_status status = vv_shard_verify(shard, &report, figures);
    varve_status closed = vv_shard_close(shard, NULL);
    if (damage.status != VARVE_OK) {
        return vv_fail_with(error, &damage);
    }
    status = vv_first(status, closed);
    return status == VARVE_OK ? status
                              : vv_fail(error, status, "what was copied cannot be verified: %s",
                                        varve_status_text(status));
}
