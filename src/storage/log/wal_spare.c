/*
 * wal_spare.c - dropped segments as the files of the next ones.
 *
 *   wal-5 --dropped: renamed, directory synced--> wal-5.spare
 *   wal-5.spare --new header, synced--> wal-5.spare --renamed, directory synced--> wal-9
 *
 * A file that has all its blocks is overwritten in less time than a new one is filled, and cannot
 * run out of space. What stands in it are frames of an earlier segment with valid checksums:
 *
 * S1  Replay reads no spare, and a name ends in ".spare" durably before anything in the file
 *     changes: a name without the suffix always has the header that belongs to it.
 * S2  Sequences are never used twice and are the seed of every frame's checksum: frames of the
 *     earlier segment are worth nothing in the new one, even where their LSNs are expected.
 * S3  A file of which a write or sync failed is never used again, and what is logged again after
 *     such a failure goes to a new file.
 * S4  A reader that still reads the segment finds its manifest changed, and starts again.
 * Thread: with the writing turn, to open one with both.
 */
#include <errno.h>

#include "storage/log/wal_segment.h"

enum { SPARES_MAX = 2, SPARE_SHARE_OF_FREE = 8 };
_Static_assert(SPARES_MAX ==
                   sizeof(((struct vv_wal_new_spares *)NULL)->list) / sizeof(struct vv_wal_segment),
               "all spares may be new ones");

/* Whether the segment is worth being kept: not much smaller than the newest, and on a disk that is
 * far from full. */
static bool is_wanted(const struct vv_wal *wal, const struct vv_wal_segment *segment, size_t kept)
{
    uint64_t newest_bytes = wal->segments.list[wal->segments.count - 1].file_bytes;
    return !segment->damaged && !segment->poisoned && wal->spares.count + kept < SPARES_MAX &&
           segment->file_bytes >= newest_bytes / 2 &&
           segment->file_bytes <= wal->segment_bytes_max &&
           vv_wal_segment_free_bytes(wal) / SPARE_SHARE_OF_FREE >= segment->file_bytes;
}

bool vv_wal_spare_keep(struct vv_wal *wal, const struct vv_wal_segment *segment,
                       struct vv_wal_new_spares *kept)
{
    const struct vv_env *env = wal->place.env;
    char name[VV_WAL_NAME_BYTES], spare[VV_WAL_SPARE_NAME_BYTES];
    if (!is_wanted(wal, segment, kept->count)) {
        return false;
    }
    vv_wal_segment_name(segment->sequence, name);
    vv_wal_spare_name(segment->sequence, spare);
    if (env->ops->rename(env->ctx, wal->place.directory, name, spare) != 0) {
        return false;
    }
    kept->list[kept->count++] = *segment;
    return true;
}

static void remove_spare(struct vv_wal *wal, const struct vv_wal_segment *segment)
{
    const struct vv_env *env = wal->place.env;
    char spare[VV_WAL_SPARE_NAME_BYTES];
    vv_wal_spare_name(segment->sequence, spare);
    (void)env->ops->unlink(env->ctx, wal->place.directory, spare); /* else the next opening does */
}

void vv_wal_spares_settle(struct vv_wal *wal, const struct vv_wal_new_spares *kept)
{
    const struct vv_env *env = wal->place.env;
    if (kept->count == 0) {
        return;
    }
    /* Without the turn: appends do not wait for it. */
    bool named = env->ops->sync_directory(env->ctx, wal->place.directory) == 0; /* S1 */
    (void)vv_turn_take(&wal->writing, VV_TURN_ALWAYS);
    for (size_t i = 0; i < kept->count; i++) {
        if (!named || vv_wal_segments_add(&wal->spares, kept->list[i]) != VARVE_OK) {
            remove_spare(wal, &kept->list[i]);
        }
    }
    vv_turn_give(&wal->writing);
}

void vv_wal_spares_remove(struct vv_wal *wal)
{
    while (wal->spares.count > 0) {
        remove_spare(wal, &wal->spares.list[--wal->spares.count]);
    }
}

void vv_wal_remove_spares(struct vv_wal *wal)
{
    (void)vv_turn_take(&wal->writing, VV_TURN_ALWAYS);
    vv_wal_spares_remove(wal);
    vv_turn_give(&wal->writing);
}

/* Takes the smallest spare that has room for so many bytes of frames. */
static bool take_spare(struct vv_wal *wal, uint64_t needed_bytes, struct vv_wal_segment *spare)
{
    struct vv_wal_segments *spares = &wal->spares;
    size_t best = spares->count;
    for (size_t i = 0; i < spares->count; i++) {
        uint64_t bytes = spares->list[i].file_bytes;
        if (bytes >= needed_bytes + VV_WAL_SEGMENT_HEADER_BYTES + VV_WAL_ALIGNMENT &&
            (best == spares->count || bytes < spares->list[best].file_bytes)) {
            best = i;
        }
    }
    if (best == spares->count) {
        return false;
    }
    *spare = spares->list[best];
    spares->list[best] = spares->list[--spares->count];
    return true;
}

/* Makes the spare the open segment; 0 or -errno, and then its file is gone. */
static int open_spare(struct vv_wal *wal, const struct vv_wal_segment *spare,
                      const struct vv_wal_segment_header *header)
{
    const struct vv_env *env = wal->place.env;
    uint8_t encoded[VV_WAL_SEGMENT_HEADER_BYTES];
    char name[VV_WAL_NAME_BYTES], spare_name[VV_WAL_SPARE_NAME_BYTES];
    vv_wal_spare_name(spare->sequence, spare_name);
    vv_wal_segment_name(header->sequence, name);
    vv_wal_segment_header_encode(header, encoded);
    int file = env->ops->open(env->ctx, wal->place.directory, spare_name, VV_OPEN_WRITE);
    if (file < 0) {
        return file;
    }
    const char *present_name = spare_name;
    int result = vv_env_write_all(env, file, encoded, sizeof(encoded), 0);
    if (result == 0) {
        result = env->ops->fdatasync(env->ctx, file);
    }
    if (result == 0) {
        result = env->ops->rename(env->ctx, wal->place.directory, spare_name, name);
        present_name = result == 0 ? name : spare_name;
    }
    if (result == 0) {
        result = env->ops->sync_directory(env->ctx, wal->place.directory);
    }
    if (result == 0 && vv_wal_segment_adopt(wal, header, file, spare->file_bytes) != VARVE_OK) {
        result = -ENOMEM;
    }
    if (result != 0) {
        vv_wal_segment_discard_file(wal, file, present_name);
    }
    return result;
}

bool vv_wal_spare_open(struct vv_wal *wal, uint64_t first_lsn, uint64_t previous_checksum,
                       uint64_t needed_bytes)
{
    struct vv_wal_segment spare;
    while (take_spare(wal, needed_bytes, &spare)) {
        struct vv_wal_segment_header header =
            vv_wal_segment_next_header(wal, first_lsn, previous_checksum, true);
        int result = open_spare(wal, &spare, &header);
        if (result == 0) {
            return true;
        }
        vv_report(wal->report, VARVE_EVENT_IO_ERROR, vv_status_from_errno(-result), NULL, 0,
                  "a spare log segment cannot be used (errno %d): a new one is made", -result);
    }
    return false;
}
