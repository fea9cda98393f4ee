/*
 * block_rollup.h - rollups in a block: the rows of its layers, in runs, with a directory.
 *
 *   rollups | step, layer, first run |   runs | times, place |   rows: pages of encoded runs
 *
 * A layer has rows for all of its samples or none. Since a row tells of one layer alone, it stays
 * true for as long as the block exists: whoever merges layers, blocks and head asks whether
 * anything else lies in the row's time, and decodes if so. Bytes: BLOCK_FORMAT.md.
 */
#ifndef VARVE_MMAP_BLOCK_ROLLUP_H
#define VARVE_MMAP_BLOCK_ROLLUP_H

#include "mmap/block_pages.h"
#include "mmap/block_reader.h"
#include "mmap/rollup_row.h"
#include "mmap/rollup_rules.h"

/* ---- writing ---- */

struct vv_rollup_writer;

/* pages outlive it; of rules it takes a reference. */
varve_status vv_rollup_writer_create(struct vv_rollup_rules *rules, struct vv_block_pages *pages,
                                     struct vv_rollup_writer **writer) VARVE_MUST_CHECK;
void vv_rollup_writer_destroy(struct vv_rollup_writer *writer); /* NULL is fine */
/* The layers that follow are of this series. */
varve_status vv_rollup_writer_begin_series(struct vv_rollup_writer *writer, struct vv_key key,
                                           varve_error *error) VARVE_MUST_CHECK;
/* Samples of the layer with this number in the block's table; layers ascend. */
varve_status vv_rollup_writer_add(struct vv_rollup_writer *writer, uint32_t layer,
                                  const int64_t *timestamps, const double *values, size_t count,
                                  varve_error *error) VARVE_MUST_CHECK;
/* Ends the last layer and writes the sections. */
varve_status vv_rollup_writer_finish(struct vv_rollup_writer *writer,
                                     varve_error *error) VARVE_MUST_CHECK;

/* ---- reading ---- */

/* The rows of a layer in one step. */
struct vv_rollup_level {
    int64_t step;
    uint64_t row_count;
    uint32_t first_run;
    uint32_t run_end; /* behind its last */
};

/* The levels of a layer by ascending step; levels has room for VV_ROLLUP_RULES_MAX. */
varve_status vv_block_rollup_levels(const struct vv_block *block, uint32_t layer,
                                    struct vv_rollup_level *levels, size_t *count) VARVE_MUST_CHECK;
/* The level that serves a wish best, of a layer with so many samples; *found is false: none. */
varve_status vv_block_rollup_choose(const struct vv_block *block, uint32_t layer,
                                    uint64_t sample_count, const struct vv_rollup_wish *wish,
                                    struct vv_rollup_level *level, bool *found) VARVE_MUST_CHECK;

/* A place in the rows of a level, going forward. */
struct vv_rollup_reader {
    const struct vv_block *block;
    struct vv_rollup_wish wish;
    struct vv_rollup_level level;
    uint32_t next_run; /* the loaded one stands before it */
    size_t at;         /* row of the loaded run */
    struct vv_block_hold hold;
    struct vv_rollup_run run; /* count 0: none is loaded */
};

/* Begins before the first row. reader is zeroed; who ends it releases its hold. */
void vv_rollup_reader_init(struct vv_rollup_reader *reader, const struct vv_block *block,
                           const struct vv_rollup_level *level, const struct vv_rollup_wish *wish);
void vv_rollup_reader_restart(struct vv_rollup_reader *reader);
/* Goes forward to the first row that ends at or after time; *found is false if there is none. */
varve_status vv_rollup_reader_seek(struct vv_rollup_reader *reader, int64_t time,
                                   bool *found) VARVE_MUST_CHECK;

/* ---- verifying: all rows of a layer, compared with what its samples say, chunk by chunk ---- */

struct vv_rollup_check;
varve_status vv_rollup_check_create(const struct vv_block *block,
                                    struct vv_rollup_check **check) VARVE_MUST_CHECK;
void vv_rollup_check_destroy(struct vv_rollup_check *check); /* NULL is fine */
/* A layer without rows agrees with everything. CORRUPT: the directory makes no sense, or rows and
 * samples differ. */
varve_status vv_rollup_check_begin(struct vv_rollup_check *check, uint32_t layer) VARVE_MUST_CHECK;
varve_status vv_rollup_check_add(struct vv_rollup_check *check, const int64_t *timestamps,
                                 const double *values, size_t count) VARVE_MUST_CHECK;
varve_status vv_rollup_check_end(struct vv_rollup_check *check) VARVE_MUST_CHECK;

#endif
