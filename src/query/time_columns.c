/*
 * time_columns.c - a small table of decoded columns of timestamps.
 *
 *   columns[number % COLUMNS] -> timestamps        taken by another column when nobody uses it
 *
 * T1  A column that somebody uses stays as it is: spans point into it.
 * T2  The table belongs to the memory of the query, beside its budget: it is of one size, and is
 *     there or not.
 * Threads: one at a time.
 */
#include "query/time_columns.h"

#include "compress/codec.h"
#include "os/alloc.h"

enum { COLUMNS = 8 };

struct vv_time_columns {
    struct vv_time_column columns[COLUMNS];
    _Alignas(VV_QUERY_ALIGNMENT) int64_t timestamps[COLUMNS][VV_COLUMN_MAX];
};

static struct vv_time_columns *create(struct vv_query_memory *memory)
{
    struct vv_time_columns *columns = vv_alloc_aligned(VV_QUERY_ALIGNMENT, sizeof(*columns));
    if (columns == NULL) {
        return NULL;
    }
    for (size_t at = 0; at < COLUMNS; at++) {
        columns->columns[at] = (struct vv_time_column){.timestamps = columns->timestamps[at]};
    }
    memory->allocations++;
    memory->time_columns = columns;
    return columns;
}

struct vv_time_column *vv_time_column_acquire(struct vv_query_memory *memory, uint64_t owner,
                                              uint32_t number)
{
    struct vv_time_columns *columns = memory->time_columns;
    if (columns == NULL) {
        columns = create(memory);
        if (columns == NULL) {
            return NULL;
        }
    }
    struct vv_time_column *column = &columns->columns[number % COLUMNS];
    if (!column->filled || column->owner != owner || column->number != number) {
        if (column->users > 0) { /* T1 */
            return NULL;
        }
        column->owner = owner;
        column->number = number;
        column->filled = false;
    }
    column->users++;
    return column;
}

void vv_time_column_release(struct vv_time_column *column)
{
    if (column != NULL) {
        column->users--;
    }
}

void vv_time_columns_fini(struct vv_query_memory *memory)
{
    vv_free(memory->time_columns);
    memory->time_columns = NULL;
}
