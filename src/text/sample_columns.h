/*
 * sample_columns.h - samples in three columns, as varve_append_batch() takes them, and their
 * grouping by series.
 *
 *     time order, as text has it                grouped
 *     series  1 2 3 4 | 1 2 3 4 | ...    -->    1 1 1 ... 2 2 2 ... 3 3 3 ... 4 4 4 ...
 *
 * What is read line by line comes in the order of time, so that neighbours in a batch belong to
 * different series. The engine takes neighbours of one series at once, which costs a fraction of
 * taking them one by one: 64 Ki samples of 4,000 series are 16 each.
 *
 * Threads: one at a time. Memory: 24 bytes a sample of capacity.
 */
#ifndef VARVE_TEXT_SAMPLE_COLUMNS_H
#define VARVE_TEXT_SAMPLE_COLUMNS_H

#include "base/status.h"

struct vv_sample_columns {
    varve_series *series;
    int64_t *timestamps;
    double *values;
    size_t capacity; /* of each */
};

void vv_sample_columns_fini(struct vv_sample_columns *columns);

/* Room for at least as many samples; what is there stays. NO_MEMORY: as before, but some columns
 * may have grown, which does no harm. */
varve_status vv_sample_columns_reserve(struct vv_sample_columns *columns,
                                       size_t capacity) VARVE_MUST_CHECK;

/* Copies count samples, also within the same columns; to has the room. */
void vv_sample_columns_copy(struct vv_sample_columns *to, size_t to_first,
                            const struct vv_sample_columns *from, size_t from_first, size_t count);

/* Memory of vv_sample_columns_group(); zeroed, it has none yet. */
struct vv_sample_sorter {
    uint32_t *places; /* by handle */
    uint32_t *order;  /* numbers of samples, grouped */
};

void vv_sample_sorter_fini(struct vv_sample_sorter *sorter);

/**
 * vv_sample_columns_group() - the first count samples of from, those of a series side by side.
 *
 * Stable: the samples of a series keep their order, so that the later one of two with the same
 * timestamp stays the later one.
 * False, and nothing has happened, where it would gain too little: few samples, few of each series,
 * most of them side by side already, or handles in no order that are spread too far for counters or
 * for which there is no memory.
 *
 * @to  another one, with room for count samples; count is at most VARVE_BATCH_MAX.
 */
bool vv_sample_columns_group(const struct vv_sample_columns *from, size_t count,
                             struct vv_sample_sorter *sorter, struct vv_sample_columns *to);

#endif
