/*
 * rollup_row.h - rows of rollups: made from samples, and runs of them encoded.
 *
 *   samples of a layer --step--> rows, one for each bucket with samples --128 each--> runs
 *
 * A row says of the samples in one bucket [k * step, (k + 1) * step) what statistics say of a
 * chunk. The same samples in the same chunks give the same bits on every machine. Threads: pure.
 */
#ifndef VARVE_MMAP_ROLLUP_ROW_H
#define VARVE_MMAP_ROLLUP_ROW_H

#include "compress/codec.h"
#include "query/iter.h"
#include "query/numbers.h"

enum { VV_ROLLUP_RUN_ROWS = 128 };

/* ---- making rows of samples that come in order of time ---- */

struct vv_rollup_maker {
    int64_t step;
    bool open;               /* row is under way */
    int64_t end;             /* of its bucket */
    struct vv_numbers total; /* of its values */
    struct vv_rollup_row row;
};

/* Takes samples from *at on until a row is complete, which is told, or until all are taken: then
 * false. A bucket of more than 2^30 samples has several rows. */
bool vv_rollup_make(struct vv_rollup_maker *maker, const int64_t *timestamps, const double *values,
                    size_t count, size_t *at, struct vv_rollup_row *row);
/* The row under way, if there is one. */
bool vv_rollup_make_last(struct vv_rollup_maker *maker, struct vv_rollup_row *row);

/* ---- runs ---- */

/* Columns of a run, in the order in which they are stored. */
enum vv_rollup_column {
    VV_ROLLUP_TIME_MIN, /* integers */
    VV_ROLLUP_TIME_SPAN,
    VV_ROLLUP_COUNT,
    VV_ROLLUP_NAN_COUNT,
    VV_ROLLUP_RESETS,
    VV_ROLLUP_SUM, /* floats */
    VV_ROLLUP_SQUARES,
    VV_ROLLUP_MIN,
    VV_ROLLUP_MAX,
    VV_ROLLUP_FIRST,
    VV_ROLLUP_LAST,
    VV_ROLLUP_INCREASE,
    VV_ROLLUP_COLUMNS,
    VV_ROLLUP_INTEGERS = VV_ROLLUP_SUM,
    VV_ROLLUP_FLOATS = VV_ROLLUP_COLUMNS - VV_ROLLUP_INTEGERS,
};

/* Bytes that are enough for a run of count rows: its columns are never longer than raw ones. */
#define VV_ROLLUP_RUN_BYTES_MAX(count)                                                             \
    (2 + VV_ROLLUP_COLUMNS * (2 + sizeof(uint64_t) * (size_t)(count)))

/* Encodes 1 to VV_ROLLUP_RUN_ROWS rows into out; returns the bytes used. */
size_t vv_rollup_run_encode(const struct vv_rollup_row *rows, size_t count, uint8_t *out);

/* A run decoded. */
struct vv_rollup_run {
    size_t count;
    unsigned columns; /* a bit for each that was wished for: the others have no content */
    int64_t integers[VV_ROLLUP_INTEGERS][VV_ROLLUP_RUN_ROWS];
    double floats[VV_ROLLUP_FLOATS][VV_ROLLUP_RUN_ROWS];
};

/* Decodes exactly length bytes, followed by VV_DECODE_PADDING readable ones. CORRUPT: they are no
 * run, or its rows do not follow each other in time. */
varve_status vv_rollup_run_decode(const uint8_t *in, size_t length,
                                  const struct vv_rollup_wish *wish,
                                  struct vv_rollup_run *run) VARVE_MUST_CHECK;

static inline int64_t vv_rollup_run_time_min(const struct vv_rollup_run *run, size_t at)
{
    return run->integers[VV_ROLLUP_TIME_MIN][at];
}
static inline int64_t vv_rollup_run_time_max(const struct vv_rollup_run *run, size_t at)
{
    return (int64_t)((uint64_t)run->integers[VV_ROLLUP_TIME_MIN][at] +
                     (uint64_t)run->integers[VV_ROLLUP_TIME_SPAN][at]);
}
/* Row at of the run (< count); zeros where there was no wish. */
void vv_rollup_run_row(const struct vv_rollup_run *run, size_t at, struct vv_rollup_row *row);

#endif
