/*
 * wal_segment.h - the files of the log, shared by the files of it that write them.
 */
#ifndef VARVE_STORAGE_WAL_SEGMENT_H
#define VARVE_STORAGE_WAL_SEGMENT_H

#include "storage/log/wal.h"

/* wal_append.c: the checksum of what lies in the ring from first to end. */
uint64_t vv_wal_ring_checksum(const struct vv_wal *wal, uint64_t first, uint64_t end);

/* How large a segment that takes needed_bytes of frames is best made. */
uint64_t vv_wal_segment_bytes(const struct vv_wal *wal, uint64_t needed_bytes);

/* The same, but no more than the disk has room for; NO_SPACE. */
varve_status vv_wal_segment_choose_bytes(const struct vv_wal *wal, uint64_t needed_bytes,
                                         uint64_t *bytes) VARVE_MUST_CHECK;

/* Makes the segment that begins at first_lsn, behind the frame of previous_checksum, and makes it
 * the open one: wal->file and all that frames are sealed for. The file before it is the caller's.
 * On failure only wal->sequence_max has changed. Needs both turns. */
varve_status vv_wal_segment_open(struct vv_wal *wal, uint64_t first_lsn, uint64_t previous_checksum,
                                 uint64_t bytes) VARVE_MUST_CHECK;
/* The same in the file of a spare, if one has room for needed_bytes of frames: wal_spare.c. */
bool vv_wal_spare_open(struct vv_wal *wal, uint64_t first_lsn, uint64_t previous_checksum,
                       uint64_t needed_bytes);
/* What the two have in common. The header of the next segment, with a sequence of its own; and
 * making a file the open segment that has it durable under its name. Needs both turns. */
struct vv_wal_segment_header vv_wal_segment_next_header(struct vv_wal *wal, uint64_t first_lsn,
                                                        uint64_t previous_checksum, bool recycled);
varve_status vv_wal_segment_adopt(struct vv_wal *wal, const struct vv_wal_segment_header *header,
                                  int file, uint64_t bytes) VARVE_MUST_CHECK;
/* Closes and takes back a file that came to nothing. */
void vv_wal_segment_discard_file(struct vv_wal *wal, int file, const char *name);
/* The same for frames that stand in the segment before it, which the new one cuts off: nobody reads
 * the new one before vv_wal_segment_finish(), which is called when they are written and synced and
 * returns 0 or -errno; else vv_wal_segment_discard(). Both need both turns. */
varve_status vv_wal_segment_begin(struct vv_wal *wal, uint64_t first_lsn,
                                  uint64_t previous_checksum, uint64_t bytes) VARVE_MUST_CHECK;
int vv_wal_segment_finish(struct vv_wal *wal);
/* Takes a segment back that was begun and came to nothing. */
void vv_wal_segment_discard(struct vv_wal *wal);
/* Removes its file, or sets it aside if it is damaged. */
void vv_wal_segment_remove(struct vv_wal *wal, const struct vv_wal_segment *segment);
/* 0 or -errno: makes what was replayed and not synced since durable. Needs both turns. */
int vv_wal_segment_sync_recovered(struct vv_wal *wal);

/* What the disk has room for. */
uint64_t vv_wal_segment_free_bytes(const struct vv_wal *wal);

/* wal_spare.c: takes a dropped segment out of the log to be overwritten later; false: it has to be
 * removed. Spares count only after vv_wal_spares_settle(), which makes their names durable. The
 * first needs the writing turn, the second takes it. */
struct vv_wal_new_spares {
    struct vv_wal_segment list[2];
    size_t count;
};
bool vv_wal_spare_keep(struct vv_wal *wal, const struct vv_wal_segment *segment,
                       struct vv_wal_new_spares *kept);
void vv_wal_spares_settle(struct vv_wal *wal, const struct vv_wal_new_spares *kept);
/* Needs the writing turn. */
void vv_wal_spares_remove(struct vv_wal *wal);

#endif
