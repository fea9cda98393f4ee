/*
 * shard.h - the inside of a shard, shared by the files of this room that implement storage_impl.h.
 *
 * Locks, in the order in which they are taken:
 *   maintenance_mutex   one flush or merge at a time, and the manifest
 *   exclusive_mutex     appends that look before they write
 *   (log: syncing, writing)  (series table: create_mutex, index_lock)  views.mutex
 *   (head: series locks; their holder takes nothing else)
 *
 * The order of the log and of the head is the same for every series, because a batch has the locks
 * of all its series from before it is given its place in the log until it is in the head.
 */
#ifndef VARVE_STORAGE_SHARD_H
#define VARVE_STORAGE_SHARD_H

#include "mmap/working_set.h"
#include "pool/thread_slot.h"
#include "storage/head/head.h"
#include "storage/series/series_table.h"
#include "storage/storage_impl.h"
#include "storage/upkeep/reserve.h"
#include "storage/view.h"

/* Which series got no sample for a while: shard_idle.c. Guarded by maintenance_mutex. */
struct vv_idle_sweep {
    uint32_t *marks;               /* of each series, by ref: see vv_head_seal_idle() */
    uint32_t mark_count;           /* a multiple of VV_HEAD_LINE_SERIES */
    uint32_t next_ref;             /* where the round goes on; 0: between two rounds */
    int64_t round_ns;              /* when the last one began */
    _Atomic uint64_t sealed_count; /* tails, ever; read without the mutex */
};

struct vv_shard {
    /* Constant after open. */
    struct vv_shard_place place;
    struct vv_shard_options options;
    const struct vv_report *report;
    struct vv_epoch *epoch;
    struct vv_series_table *table;
    struct vv_working_set *working_set; /* of all blocks */

    struct vv_head head;       /* has its own locks */
    struct vv_view_set views;  /* lock-free for readers */
    struct vv_wal wal;         /* has its own locks */
    struct vv_reserve reserve; /* has its own lock */

    struct vv_slot_owner writers;         /* struct vv_shard_writer of each thread that appends */
    _Alignas(64) _Atomic bool head_lacks; /* something that the log has: vv_shard_head_lacks() */
    _Atomic bool exclusive;               /* somebody has exclusive_mutex and is alone */
    struct vv_mutex exclusive_mutex;

    /* Guarded by maintenance_mutex. */
    _Alignas(64) struct vv_mutex maintenance_mutex;
    struct vv_manifest manifest;      /* as on disk, quarantined blocks included */
    struct vv_rollup_rules *rollups;  /* of the manifest, compiled; NULL: none */
    uint64_t dropped_generation;      /* head generations up to this one have been given back */
    _Atomic uint64_t undropped_bytes; /* of the head: flushed, but not given back yet */
    struct vv_buffer order_buffer;    /* refs in key order: shard_order.c */
    bool publish_unknown;       /* the manifest on disk may be another one: no change any more */
    uint64_t retained_sequence; /* of the manifest: the retention rules were applied to it */
    uint64_t settled_sequence;  /* of the manifest: nothing is to be merged or reclaimed in it */

    struct vv_idle_sweep idle;

    _Atomic uint64_t wal_start_lsn; /* manifest.wal_start_lsn, for readers without the mutex */
    _Atomic uint64_t block_bytes;   /* of all that it lists */
    _Atomic int64_t floor_highest;  /* samples before it may have expired: see retention.h */
    _Atomic bool has_quarantined;   /* the manifest lists blocks that cannot be read */
    _Atomic bool has_unreadable;    /* ... because of errors of the disk, which may pass */
    _Atomic uint64_t damages;       /* found at open, and since */
    _Atomic uint64_t cooled_blocks; /* merged ones, written for size, of which a part was not */
    _Atomic uint64_t warmed_blocks; /* the other way round: small, or read often */
    _Atomic bool replay_damaged;    /* flush and set the damaged segments aside */
    _Atomic bool stopping;          /* long work is to end soon: somebody waits to close */
};

/* shard_sources.c: a series, and where it is. */
#define VV_NO_BLOCK_ID UINT32_MAX
struct vv_series_place {
    struct vv_series *series;  /* NULL if the head does not know it */
    const uint32_t *block_ids; /* its id in each block of the view, or VV_NO_BLOCK_ID; NULL: looked
                                  up by key and hash */
    struct vv_key key;
    uint64_t hash;
};
/* Whether a block can have anything to do with samples in a range: samples of its own, or deletions
 * of those of older blocks. */
static inline bool vv_block_concerns(const struct vv_block *block, struct vv_range range)
{
    const struct vv_block_info *info = vv_block_info(block);
    return info->tombstone_count > 0 ||
           (info->time_min < range.end && info->time_max >= range.start);
}
/* Everything that the view's blocks and the head generations behind it know of a series in a
 * range, resolved. memory is nullable: the heap. */
varve_status vv_shard_series_iter(struct vv_shard *shard, const struct vv_view *view,
                                  const struct vv_series_place *place, struct vv_range range,
                                  struct vv_query_memory *memory,
                                  struct vv_iter **iter) VARVE_MUST_CHECK;
/* A hint that goes with a series: its id in a block, if that is the one in which it was found last.
 * Series of the head only. */
bool vv_shard_remembers_place(struct vv_series *series, const struct vv_block *block, uint32_t *id);
void vv_shard_remember_place(struct vv_series *series, const struct vv_block *block, uint32_t id);
/* Cuts from range what has expired of the series by the view's retention; it may become empty. */
varve_status vv_shard_clip(const struct vv_view *view, struct vv_key key,
                           struct vv_range *range) VARVE_MUST_CHECK;
/* The sources of one series in one block, for merging; *tombstones is to be freed with
 * vv_free(). */
varve_status vv_shard_block_sources(struct vv_block *block, uint32_t id, struct vv_range range,
                                    struct vv_source_list *sources,
                                    struct vv_range **tombstones) VARVE_MUST_CHECK;

/* shard_recover.c: replays the log into the head and prepares it for writing. Needs manifest,
 * table, head and views; what is damaged is reported and counted. CORRUPT: the same, if opening is
 * strict; NO_MEMORY, IO, BUSY (a writer dropped a segment meanwhile). */
varve_status vv_shard_recover_log(struct vv_shard *shard, varve_error *error) VARVE_MUST_CHECK;
/* The generation of what is replayed, and the first one of what is appended. */
enum { VV_SHARD_FIRST_GENERATION = 1 };

/* What a thread needs to append. */
struct vv_shard_writer {
    struct vv_thread_slot slot; /* first: slots and writers are cast into each other */
    struct vv_head_locks locks;
    struct vv_buffer refs; /* of the batch */
    struct vv_buffer record;
    struct vv_buffer definitions; /* a record of them */
    struct vv_buffer defined;     /* the refs in it */
};
/* The calling thread's; NULL: out of memory. */
struct vv_shard_writer *vv_shard_writer(struct vv_shard *shard);
void vv_shard_writers_init(struct vv_shard *shard);
void vv_shard_writers_fini(struct vv_shard *shard);

/* shard_log.c: memory ran out while a logged record was applied. A flush would drop the log that
 * has the rest, and what is logged behind it would be applied to something else than at a replay:
 * nothing is written until the next open. Needs the locks of what was applied; UNKNOWN. */
varve_status vv_shard_head_lacks(struct vv_shard *shard);
/* A change of some series: logged, then applied. */
struct vv_shard_change {
    enum vv_wal_record_type type; /* of the record: what is in the writer's buffer ... */
    const void *more;             /* ... and behind it */
    size_t more_bytes;
    const uint32_t *refs;
    size_t ref_count;
    bool refs_follow; /* each is one more than the one before */
    size_t sample_count;
    bool wait;      /* false: BUSY instead of waiting for room in the ring */
    bool exclusive; /* the caller has exclusive_mutex */
    /* Applies the logged record to the head, under the locks of its series. */
    varve_status (*apply)(struct vv_shard *shard, const void *context, uint64_t generation);
    const void *context;
};
/* shard_log.c: logs the definitions of those series that the log's present generation does not
 * know, then writer->record, and applies that. Nothing but definitions is logged on failure, unless
 * it is UNKNOWN. */
varve_status vv_shard_log_and_apply(struct vv_shard *shard, struct vv_shard_writer *writer,
                                    const struct vv_shard_change *change,
                                    uint64_t *lsn) VARVE_MUST_CHECK;

/* shard_order.c: all series that the table has, by ref, in key order; valid until the next call.
 * Sorts only those that are new since the last call. Needs maintenance_mutex. NO_MEMORY. */
varve_status vv_shard_order_series(struct vv_shard *shard, const uint32_t **refs,
                                   size_t *count) VARVE_MUST_CHECK;

/* shard_log.c: appends a mark to the log, for its place there. READ_ONLY, NO_SPACE, IO. */
varve_status vv_shard_log_mark(struct vv_shard *shard) VARVE_MUST_CHECK;

/* shard_space.c: NO_SPACE where an append has to be refused, because the room that is kept for what
 * frees space is not whole. Cheap as long as it is. */
varve_status vv_shard_check_space(struct vv_shard *shard) VARVE_MUST_CHECK;
/* Makes the reserve as large as head and blocks ask for. Cheap if it is. A writer only. */
void vv_shard_fill_reserve(struct vv_shard *shard);
/* After NO_SPACE, for work that frees space: whether there is more room now, so that it is worth
 * another try (*error, nullable, is emptied for it). Then vv_shard_give_back() once it is over. */
bool vv_shard_borrow(struct vv_shard *shard, varve_status status,
                     varve_error *error) VARVE_MUST_CHECK;
void vv_shard_give_back(struct vv_shard *shard);
/* Whether a closing shard does better to write its head as a block: the log is long, or the disk so
 * full that the next opening may have no room for the block. */
bool vv_shard_closes_with_flush(struct vv_shard *shard);
/* After the log was closed: the reserve for a database that nobody has open. */
void vv_shard_shrink_reserve(struct vv_shard *shard);

/* shard_flush.c: writes the generations up to now as a block. Needs maintenance_mutex. */
varve_status vv_shard_flush_head(struct vv_shard *shard, varve_error *error) VARVE_MUST_CHECK;
/* The same. Something that ends in gap bytes that hold nothing was logged before: the block ends so
 * much earlier. *lsn: where the log begins now. */
varve_status vv_shard_flush_before(struct vv_shard *shard, uint64_t gap, uint64_t *lsn,
                                   varve_error *error) VARVE_MUST_CHECK;
/* Gives back what no view reads any more. Needs maintenance_mutex. True if something was. */
bool vv_shard_drop_flushed(struct vv_shard *shard);
bool vv_shard_flush_is_due(struct vv_shard *shard);
/* shard_idle.c: a bounded part of a round through all series, which seals the tails that got no
 * sample since the round before; a round begins idle_ns after the one before it at the earliest.
 * True: the round goes on, or a tail was sealed. Needs maintenance_mutex. */
#define VV_IDLE_NS INT64_C(120000000000) /* scrapes are a minute apart at most, as a rule */
bool vv_shard_seal_idle(struct vv_shard *shard, int64_t idle_ns);
/* Of the head: what no block has yet. */
uint64_t vv_shard_open_bytes(const struct vv_shard *shard);

/* shard_publish.c: replaces some of the live blocks by others, and moves the start of the log, in
 * one step. Takes the references to the added ones over. Blocks that flushes have published since
 * the removed ones were looked at stay. Needs maintenance_mutex. */
struct vv_publication {
    const uint64_t *removed; /* ids */
    size_t removed_count;
    struct vv_block *const *added;
    size_t added_count;
    uint64_t flushed_generation; /* 0: as it is */
    uint64_t wal_start_lsn;      /* 0: as it is */
    uint64_t added_clean_lsn;    /* of the added blocks; 0: as far as they go */
    const uint64_t *cleaned;     /* ids of blocks that are clean up to cleaned_lsn */
    size_t cleaned_count;
    uint64_t cleaned_lsn;
    const struct vv_retention_rule *rules; /* the new ones, if has_rules */
    size_t rule_count;
    bool has_rules;
    const struct vv_rollup_rule *rollups; /* the new ones, if has_rollups */
    size_t rollup_count;
    bool has_rollups;
};
/* READ_ONLY after an uncertain change of the manifest (B3). */
varve_status vv_shard_can_publish(const struct vv_shard *shard,
                                  varve_error *error) VARVE_MUST_CHECK;
varve_status vv_shard_publish(struct vv_shard *shard, const struct vv_publication *change,
                              varve_error *error) VARVE_MUST_CHECK;
/* A writer for the next block, under a temporary name. */
varve_status vv_shard_begin_block(struct vv_shard *shard, uint64_t lsn_min, uint64_t lsn_max,
                                  bool cold, struct vv_block_writer **writer, uint64_t *id,
                                  varve_error *error) VARVE_MUST_CHECK;
/* Completes it, gives it its name, verifies it and opens it; on failure the file is gone. Destroys
 * writer. */
varve_status vv_shard_finish_block(struct vv_shard *shard, struct vv_block_writer *writer,
                                   uint64_t id, struct vv_block **block,
                                   varve_error *error) VARVE_MUST_CHECK;
/* Releases finished blocks that are not going to be published, and removes their files. */
void vv_shard_discard_blocks(struct vv_shard *shard, struct vv_block *const *blocks, size_t count);
/* Gives up a block after a failure: destroys the writer and removes its file. */
void vv_shard_abandon_block(struct vv_shard *shard, struct vv_block_writer *writer, uint64_t id);

/* shard_layers.c: a series on its way into a block. It is begun with the first thing that is to be
 * said of it, so that series of which nothing is left leave no trace. */
struct vv_series_output {
    struct vv_block_writer *writer;
    struct vv_block_sink *sink;            /* takes the series in its place; nullable */
    struct vv_key key;                     /* of the present series */
    bool begun;                            /* false for each new series */
    uint64_t series_count;                 /* begun so far */
    struct vv_block_carry *const *carries; /* chunks of these may go as they are; nullable */
    size_t carry_count;
};
varve_status vv_series_output_begin(struct vv_series_output *output,
                                    varve_error *error) VARVE_MUST_CHECK;
/* Resolves sources, oldest first, and writes them as layers of the present series. has_older: data
 * older than the sources exists in blocks, so that different policies must stay apart. */
varve_status vv_shard_write_layers(struct vv_series_output *output, struct vv_source_list *sources,
                                   bool has_older, varve_error *error) VARVE_MUST_CHECK;

/* shard_compact.c: does one merge that is due, or else gives space back; *worked says whether there
 * was something. Needs maintenance_mutex. */
varve_status vv_shard_merge_due(struct vv_shard *shard, bool *worked,
                                varve_error *error) VARVE_MUST_CHECK;

/* shard_unlisted.c: whether the block of that name, which the manifest does not list, goes beyond
 * the end of the log; giving it another name, with a report; whether a name is of that kind. */
bool vv_shard_is_beyond_log(struct vv_shard *shard, const char *name);
void vv_shard_set_aside(struct vv_shard *shard, const char *name);
bool vv_is_aside_name(const char *name);

/* shard_delete.c: the deletion of a range from series, as the log says it. view: one that was
 * current at or before the delete's place in the log. Needs the locks of the series where others
 * have the head. */
varve_status vv_shard_apply_delete(struct vv_shard *shard, const struct vv_view *view,
                                   const uint32_t *refs, size_t count, struct vv_range range,
                                   uint64_t generation) VARVE_MUST_CHECK;

#endif
