/*
 * storage_impl.h - one shard: a directory with its log, head, blocks and manifest. The contract for
 * engine.
 *
 * The way of a write: resolve (series table) -> append (log, then head) -> flush_log (as durable as
 * asked). The way of a query: select (ids by labels in head and blocks) -> next (series in key
 * order) -> iter (merge). Maintenance (flush of the head, merging of blocks) runs in whoever calls
 * vv_shard_maintain() or vv_shard_compact(): one at a time.
 */
#ifndef VARVE_STORAGE_STORAGE_IMPL_H
#define VARVE_STORAGE_STORAGE_IMPL_H

#include "index/matcher.h"
#include "index/string_list.h"
#include "query/control.h"
#include "query/iter.h"
#include "query/merge.h"
#include "storage/log/wal.h"
#include "storage/manifest/manifest.h"
#include "storage/report.h"

struct vv_shard;

struct vv_shard_options {
    uint64_t head_bytes_max;
    uint64_t wal_bytes_max;
    uint64_t wal_segment_bytes;
    uint64_t ring_bytes; /* of the log in memory: a power of two; 0: the default */
    uint64_t series_max;
    uint64_t cache_bytes_max;        /* of what queries have unpacked */
    uint64_t block_bytes_max;        /* target of merges; 0: 64 MiB, or 1/64 of the data */
    uint64_t merge_bytes_per_second; /* 0: as fast as it goes */
    uint64_t reserve_bytes;          /* 0: a share of the data */
    varve_duplicates duplicates;     /* the database's policy */
    bool read_only;
    bool commits;               /* appends wait for syncs as a rule */
    bool strict;                /* damage found while opening is CORRUPT */
    struct vv_workers *workers; /* encode blocks, too; nullable, must outlive the shard */
};

/* Writes the files of an empty shard into its directory, durably. */
varve_status vv_shard_create(const struct vv_shard_place *place,
                             varve_error *error) VARVE_MUST_CHECK;

/* Opens and recovers. place->directory stays the caller's. Read-only beside a writer that changes
 * things all the time: BUSY. The report must outlive the shard. */
varve_status vv_shard_open(const struct vv_shard_place *place,
                           const struct vv_shard_options *options, const struct vv_report *report,
                           struct vv_shard **shard, varve_error *error) VARVE_MUST_CHECK;
/* Makes everything durable and releases the shard, whatever the status. */
varve_status vv_shard_close(struct vv_shard *shard, varve_error *error);

/* Whether a cursor is open. */
bool vv_shard_is_pinned(struct vv_shard *shard);

/* ---- writing; any thread ---- */

/* The ref of the series with that key, made if it is new. LIMIT, NO_MEMORY. */
varve_status vv_shard_resolve(struct vv_shard *shard, struct vv_key key,
                              uint32_t *ref) VARVE_MUST_CHECK;

/* The same for many keys, in order, while one waits for memory the others do too. *resolved: how
 * many have refs; all of them, unless it fails. */
varve_status vv_shard_resolve_batch(struct vv_shard *shard, const struct vv_key *keys, size_t count,
                                    uint32_t *refs, size_t *resolved) VARVE_MUST_CHECK;

enum { VV_RESOLVE_KEYS_MAX = 32 }; /* of a call of it; at least one */

/* True once each time that vv_shard_maintain() should soon get memory for series to come, so that
 * who makes them need not wait for it. Cheap. */
bool vv_shard_wants_room(struct vv_shard *shard);

/* Samples on their way into a shard. Handles are refs plus 1. */
struct vv_shard_batch {
    varve_duplicates policy;
    size_t count; /* 1 to VARVE_BATCH_MAX */
    const varve_series *handles;
    const int64_t *timestamps;
    const double *values;
    bool one_series; /* handles has one entry, for all samples */
    bool no_wait;    /* BUSY instead of waiting for room in the ring of the log */
};

/* Accepts a batch: all or nothing, see varve_append(). INVALID: no series has a handle, or a
 * timestamp is INT64_MAX. *lsn: what vv_shard_flush_log() makes durable. UNKNOWN: in the log, but
 * not visible before the next open. */
varve_status vv_shard_append(struct vv_shard *shard, const struct vv_shard_batch *batch,
                             uint64_t *lsn) VARVE_MUST_CHECK;
/* shard_append_one.c: the same for one sample, in a fraction of the time. False: nothing was done,
 * since the series is none or something is in the way that vv_shard_append() can deal with;
 * otherwise *status is that of the append. */
bool vv_shard_append_one(struct vv_shard *shard, varve_series series, varve_duplicates policy,
                         int64_t timestamp, double value, varve_status *status, uint64_t *lsn);
/* The same for a batch that depends on what is there, whose columns are the caller's to change:
 * look reads the shard and then sets the values, or leaves entries out (by moving the others up;
 * without any, nothing is logged and *lsn is 0). No other append comes between look and the log;
 * look must not append. A failure of look is returned. Waits for room. */
typedef varve_status (*vv_shard_look)(void *context, struct vv_wal_samples *batch);
varve_status vv_shard_append_alone(struct vv_shard *shard, const struct vv_shard_batch *batch,
                                   vv_shard_look look, void *context,
                                   uint64_t *lsn) VARVE_MUST_CHECK;
/* After NO_SPACE: writes the head as a block if that gives space back, since the log goes then.
 * OK: try again. NO_SPACE, READ_ONLY, IO. */
varve_status vv_shard_make_space(struct vv_shard *shard) VARVE_MUST_CHECK;
/* lsn UINT64_MAX: everything accepted so far. */
varve_status vv_shard_flush_log(struct vv_shard *shard, uint64_t lsn,
                                enum vv_wal_strength strength) VARVE_MUST_CHECK;

/* Deletes the range from these series (count >= 1); handles are refs plus 1. INVALID: no series has
 * a handle. */
varve_status vv_shard_delete_series(struct vv_shard *shard, const varve_series *handles,
                                    size_t count, struct vv_range range, uint64_t *lsn,
                                    varve_error *error) VARVE_MUST_CHECK;
/* Deletes the range from all series that match; *series_count of them. */
varve_status vv_shard_delete(struct vv_shard *shard, const struct vv_matchers *matchers,
                             struct vv_range range, uint64_t *series_count, uint64_t *lsn,
                             varve_error *error) VARVE_MUST_CHECK;

/* The newest sample of a series, if that is known without asking blocks; false: take a stamp, read
 * the series, and note what the newest one is. Any ref. Any thread. vv_shard_latest_near() of
 * shard_latest.h comes first. */
bool vv_shard_latest(struct vv_shard *shard, uint32_t ref, int64_t *timestamp, double *value);
uint64_t vv_shard_latest_stamp(const struct vv_shard *shard);
void vv_shard_note_latest(struct vv_shard *shard, uint32_t ref, uint64_t stamp, int64_t timestamp,
                          double value);
/* For many series, so that their cache misses overlap: step 0 for all, step 1 for all, then the
 * reading. */
void vv_shard_prefetch_latest(const struct vv_shard *shard, uint32_t ref, unsigned step);

/* ---- reading; a cursor belongs to one thread at a time ---- */

struct vv_shard_cursor;

/* Series that match, in key order, of everything that concerns a range: their iterators are asked
 * for nothing outside of it. Pins the present blocks and head generations until it is
 * closed. memory (nullable: the heap) outlives the cursor and its iterators. */
varve_status vv_shard_select(struct vv_shard *shard, const struct vv_matchers *matchers,
                             struct vv_range range, struct vv_query_memory *memory,
                             struct vv_shard_cursor **cursor, varve_error *error) VARVE_MUST_CHECK;
/* These series, in this order; handles are refs plus 1. No label is looked at. refs outlives the
 * call only. INVALID: no series has a handle. */
varve_status vv_shard_select_series(struct vv_shard *shard, const varve_series *handles,
                                    size_t count, struct vv_query_memory *memory,
                                    struct vv_shard_cursor **cursor,
                                    varve_error *error) VARVE_MUST_CHECK;
/* How many series are selected, at most: those of several blocks count more than once. */
size_t vv_shard_cursor_count(const struct vv_shard_cursor *cursor);
/* Blocks of the view, and those in which no series was selected. */
void vv_shard_cursor_blocks(const struct vv_shard_cursor *cursor, uint64_t *blocks,
                            uint64_t *skipped);
/* The next series; false at the end and on error. */
bool vv_shard_cursor_next(struct vv_shard_cursor *cursor);
/* Of the current series; lives until the next call of next or close. Read when it is first asked
 * for; empty if that fails: the status tells. */
struct vv_key vv_shard_cursor_key(struct vv_shard_cursor *cursor);
/* The labels of the current series into room for VARVE_LABELS_MAX; they live until the next call of
 * next() or close(). Cheaper than its key where that is not known yet. */
varve_status vv_shard_cursor_labels(struct vv_shard_cursor *cursor, varve_label *labels,
                                    size_t *count) VARVE_MUST_CHECK;
/* The resolved samples of the current series in *range, which is cut to what has not expired; and
 * nothing outside of it. *iter is that of a series before, which is used again or destroyed, or
 * NULL; on failure it becomes NULL. */
varve_status vv_shard_cursor_iter(struct vv_shard_cursor *cursor, struct vv_range *range,
                                  struct vv_iter **iter) VARVE_MUST_CHECK;
varve_status vv_shard_cursor_status(const struct vv_shard_cursor *cursor);
/* IO once a block of the cursor has lost a page under the guard of mappings: what the cursor and
 * its iterators have said since its opening counts for nothing. Ask after having read. Cheap. */
varve_status vv_shard_cursor_check(const struct vv_shard_cursor *cursor,
                                   varve_error *error) VARVE_MUST_CHECK;
void vv_shard_cursor_close(struct vv_shard_cursor *cursor);

/**
 * vv_shard_list_labels() - label names, or the values of one label, of the series that match.
 *
 * A series counts if it has a sample. Whether one has is known at once unless something was deleted
 * and not compacted yet, or may have expired: then *hidden is set, nothing is said, and the caller
 * has to look at each series.
 * @matchers  NULL: every series; then no series is visited but those that only the head has.
 * @name      the label whose values are listed; NULL: names.
 * @control   asked at every string and every series whether to go on: DEADLINE, CANCELLED, with
 *            the words in error (nullable).
 */
varve_status vv_shard_list_labels(struct vv_shard *shard, const struct vv_matchers *matchers,
                                  const varve_string *name, struct vv_query_control *control,
                                  struct vv_string_list *list, bool *hidden,
                                  varve_error *error) VARVE_MUST_CHECK;
/* The number of series that have a sample; *hidden as above. Cost: nothing in one block with an
 * empty head; else a look-up for each series of the head and, once for every change of the blocks,
 * of the smaller blocks. */
varve_status vv_shard_count_series(struct vv_shard *shard, uint64_t *count,
                                   bool *hidden) VARVE_MUST_CHECK;

/* ---- maintenance; any thread, one works at a time ---- */

/* How full the head and the log are, in percent of the limit that makes a flush due. */
unsigned vv_shard_pressure_percent(struct vv_shard *shard);
/* False only if that is less than 100, as far as somebody knows who appended up to lsn. Cheap. */
bool vv_shard_is_pressed(struct vv_shard *shard, uint64_t lsn);
/* Bytes of the log below lsn that are not written to the kernel yet. */
uint64_t vv_shard_unwritten_bytes(struct vv_shard *shard, uint64_t lsn);
/* Whether somebody should make the log durable now, whose time is cheaper than that of who appends;
 * and telling the shard that there is somebody who looks. */
bool vv_shard_log_wants_sync(struct vv_shard *shard);
void vv_shard_set_log_synced_elsewhere(struct vv_shard *shard);
/* Does one due piece of work, after getting memory for series to come if that is wanted; *worked
 * says whether there was one. */
varve_status vv_shard_maintain(struct vv_shard *shard, bool *worked,
                               varve_error *error) VARVE_MUST_CHECK;
/* Makes a long merge end soon, with CANCELLED: somebody waits to close. Any thread. */
void vv_shard_stop(struct vv_shard *shard);
/* Appends a mark to the log if a sync has happened that none vouches for. */
void vv_shard_mark_log(struct vv_shard *shard);
/* Flushes the head and rewrites all blocks into few cold ones without deleted or expired data. */
varve_status vv_shard_compact(struct vv_shard *shard, varve_error *error) VARVE_MUST_CHECK;

/* Sets the retention rule of a selector in text ("": all series), or removes it (both limits 0),
 * and applies it. What has expired is gone for readers when it returns, and its space as far as
 * there is room to rewrite blocks. INVALID, LIMIT, NOT_FOUND. */
varve_status vv_shard_set_retention(struct vv_shard *shard, varve_string selector, uint64_t age,
                                    uint64_t bytes_max, varve_error *error) VARVE_MUST_CHECK;
/* Copies the rules; only rules and rule_count are written. */
varve_status vv_shard_list_retention(struct vv_shard *shard,
                                     struct vv_manifest *rules) VARVE_MUST_CHECK;

/* Stores the rule that series of a selector in text ("": all) are rolled up in steps of so many
 * nanoseconds (> 0), flushes the head, and rewrites the blocks that have such series without those
 * rows. The rule is there durably if that fails; what is missing comes with later maintenance.
 * INVALID, LIMIT; NO_SPACE: for a rewrite. */
varve_status vv_shard_add_rollup(struct vv_shard *shard, varve_string selector, int64_t step,
                                 varve_error *error) VARVE_MUST_CHECK;
/* Takes the rule away; rows that there are go with later merges. NOT_FOUND. */
varve_status vv_shard_remove_rollup(struct vv_shard *shard, varve_string selector, int64_t step,
                                    varve_error *error) VARVE_MUST_CHECK;
/* Calls visit for each rule; missing: blocks that have series of it without rows. */
typedef void (*vv_shard_rollup_visit)(void *context, const struct vv_rollup_rule *rule,
                                      uint64_t missing);
varve_status vv_shard_list_rollups(struct vv_shard *shard, vv_shard_rollup_visit visit,
                                   void *context) VARVE_MUST_CHECK;

/* Adds the shard's figures to statistics (all but the number of series). */
void vv_shard_statistics(struct vv_shard *shard, varve_statistics *statistics);

/* Reads and verifies every block and looks for files that do not belong. Damage and notes go to
 * report, but for what was reported when the shard was opened. */
varve_status vv_shard_verify(struct vv_shard *shard, const struct vv_report *report,
                             varve_check_report *figures) VARVE_MUST_CHECK;

#endif
