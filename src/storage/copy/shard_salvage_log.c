/*
 * shard_salvage_log.c - log segments on their way into a salvaged shard.
 *
 *   | header | frame | XXXX | frame |    copied as it is: opening the result reads around damage
 *   | XXXXXX | frame | frame |           mended: frames say which LSN stands where
 *
 * A segment without an intact frame and without a header holds nothing.
 * Thread: one. Memory: one segment, if its header is damaged.
 */
#include <errno.h>
#include <stdlib.h>

#include "os/alloc.h"
#include "storage/copy/shard_salvage.h"
#include "storage/shard.h"

enum { FRAME_LSN_OFFSET = 8 }; /* in a frame header */

/* Makes the header that a segment must have had from its first intact frame; false if there is
 * none. */
static bool mend_header(const struct vv_shard_salvage *salvage, const uint8_t *bytes,
                        uint64_t length, uint64_t sequence, uint8_t *header)
{
    struct vv_wal_segment_header made = {.shard = salvage->from.shard, .sequence = sequence};
    memcpy(made.database_uuid, salvage->from.database_uuid, sizeof(made.database_uuid));
    for (uint64_t at = VV_WAL_SEGMENT_HEADER_BYTES; at + VV_WAL_FRAME_HEADER_BYTES <= length;
         at += VV_WAL_ALIGNMENT) {
        struct vv_wal_frame frame;
        uint64_t lsn = vv_load_u64(bytes + at + FRAME_LSN_OFFSET);
        uint64_t before = at - VV_WAL_SEGMENT_HEADER_BYTES;
        if (lsn >= VV_WAL_FIRST_LSN + before &&
            vv_wal_frame_open(bytes + at, length - at, lsn, sequence, &frame)) {
            made.first_lsn = lsn - before;
            made.previous_checksum = before == 0 ? frame.previous_checksum : 0;
            vv_wal_segment_header_encode(&made, header);
            return true;
        }
    }
    return false;
}

/* Reads a whole file; *bytes is from vv_alloc. */
static varve_status read_file(const struct vv_shard_place *place, const char *name, uint8_t **bytes,
                              uint64_t *length)
{
    const struct vv_env *env = place->env;
    struct vv_file_status file_status = {0};
    int file = env->ops->open(env->ctx, place->directory, name, VV_OPEN_READ);
    int result = file < 0 ? file : env->ops->stat(env->ctx, file, &file_status);
    *length = file_status.size;
    *bytes = result == 0 ? vv_alloc((size_t)file_status.size + 1) : NULL;
    bool no_memory = result == 0 && *bytes == NULL;
    if (*bytes != NULL) {
        result = vv_env_read_all(env, file, *bytes, (size_t)file_status.size, 0);
    }
    if (file >= 0) {
        (void)env->ops->close(env->ctx, file);
    }
    if (no_memory) {
        return VARVE_NO_MEMORY;
    }
    return result == 0 ? VARVE_OK : VARVE_IO;
}

static void note_beginning(struct vv_shard_salvage *salvage, const uint8_t *header)
{
    struct vv_wal_segment_header decoded;
    if (vv_wal_segment_header_decode(header, &decoded) == VARVE_OK &&
        decoded.first_lsn < salvage->log_lsn) {
        salvage->log_lsn = decoded.first_lsn;
    }
}

/* Whether the segment has a header of this log; else *mended says if one could be made. */
static varve_status check_segment(struct vv_shard_salvage *salvage, const char *name,
                                  uint64_t sequence, uint64_t *length, uint8_t *header, bool *sound,
                                  bool *mended)
{
    uint8_t *bytes = NULL;
    struct vv_wal_segment_header found;
    *sound = *mended = false;
    varve_status status = read_file(&salvage->from, name, &bytes, length);
    if (status == VARVE_OK && *length >= VV_WAL_SEGMENT_HEADER_BYTES) {
        *sound = vv_wal_segment_header_decode(bytes, &found) == VARVE_OK &&
                 found.sequence == sequence && found.shard == salvage->from.shard &&
                 memcmp(found.database_uuid, salvage->from.database_uuid, 16) == 0;
        *mended = !*sound && mend_header(salvage, bytes, *length, sequence, header);
    }
    if (*sound || *mended) {
        note_beginning(salvage, *sound ? bytes : header);
    }
    vv_free(bytes);
    return status;
}

static varve_status salvage_segment(struct vv_shard_salvage *salvage, const char *name,
                                    varve_error *error)
{
    uint8_t header[VV_WAL_SEGMENT_HEADER_BYTES];
    uint64_t sequence = 0, length = 0;
    bool sound, mended;
    varve_status source = VARVE_OK;
    (void)vv_wal_segment_sequence(name, &sequence);
    varve_status status = check_segment(salvage, name, sequence, &length, header, &sound, &mended);
    if (status == VARVE_NO_MEMORY) {
        return vv_fail(error, status, "no memory to salvage the log");
    }
    if (status != VARVE_OK) {
        vv_report(salvage->report, VARVE_EVENT_DAMAGE, status, name, 0,
                  "log segment %s cannot be read: what it holds is lost", name);
        return VARVE_OK;
    }
    salvage->files++;
    salvage->bytes += length;
    if (mended) {
        vv_report(salvage->report, VARVE_EVENT_NOTE, VARVE_CORRUPT, name, 0,
                  "the header of log segment %s is damaged; its frames told what it was", name);
    }
    if (!sound && !mended) {
        if (length > VV_WAL_SEGMENT_HEADER_BYTES) {
            vv_report(salvage->report, VARVE_EVENT_NOTE, VARVE_CORRUPT, name, 0,
                      "log segment %s has no header of this log and no frame: left out", name);
        }
        return VARVE_OK;
    }
    return vv_salvage_copy(salvage, name, name, length, mended ? header : NULL,
                           mended ? sizeof(header) : 0, &source, error);
}

static int add_segment_name(void *visitor, const char *name)
{
    uint64_t sequence;
    if (!vv_wal_segment_sequence(name, &sequence)) {
        return 0;
    }
    return vv_buffer_append(visitor, name, strlen(name) + 1) == VARVE_OK ? 0 : -ENOMEM;
}

varve_status vv_salvage_log(struct vv_shard_salvage *salvage, varve_error *error)
{
    const struct vv_env *env = salvage->from.env;
    struct vv_buffer names = {0};
    varve_status status = VARVE_OK;
    salvage->log_lsn = UINT64_MAX;
    int listed = env->ops->list(env->ctx, salvage->from.directory, add_segment_name, &names);
    if (listed != 0) {
        status = vv_fail_io(error, vv_status_from_errno(-listed), -listed, NULL, 0,
                            "the directory of the shard cannot be read");
    }
    for (size_t at = 0; at < names.length && status == VARVE_OK;) {
        const char *name = (const char *)names.bytes + at;
        at += strlen(name) + 1;
        status = salvage_segment(salvage, name, error);
    }
    vv_buffer_fini(&names);
    return status;
}
