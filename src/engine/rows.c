/*
 * rows.c - functions over selected samples: iterators feed the aggregator, rows come out.
 *
 *   without groups: one series at a time: feed, finish, hand its rows out, reset
 *   with groups:    all series first, then the rows
 *
 * V1  What rollups or statistics answer is never decoded: before each span the iterator is asked
 *     what its next row or chunk is, and the aggregator whether that is enough.
 * V2  Labels of a series are read when a row of it is handed out, or a group is looked for.
 */
#include "engine/cursor.h"
#include "engine/time_zone_file.h"
#include "os/alloc.h"
#include "query/aggregate.h"
#include "query/functions.h"

enum { ROWS_PER_CHECK = 256 };

struct varve_rows {
    varve_cursor *cursor; /* owns the memory that these rows live in */
    struct vv_aggregator *aggregator;
    struct vv_loaded_zone *zone; /* NULL: UTC */
    bool holds_all;
    bool needs_key;
    bool wants_summaries;
    bool wants_rollups;
    bool wants_totals;
    struct vv_rollup_wish wish;
    bool feeding; /* the aggregator holds no rows that can be handed out */
    bool done;    /* the cursor is at its end */
    unsigned unchecked_rows;
};

/* Loads the time zone, if there is one. */
static varve_status load_zone(struct varve_rows *rows, const varve_aggregation *aggregation,
                              varve_error *error)
{
    if (aggregation->time_zone.length == 0) {
        return VARVE_OK;
    }
    struct vv_query_memory *memory = &rows->cursor->memory;
    rows->zone = vv_query_alloc(memory, sizeof(*rows->zone));
    if (rows->zone == NULL) {
        return vv_fail(error, vv_query_memory_status(memory), "no memory for a time zone");
    }
    return vv_time_zone_load(aggregation->time_zone, rows->zone, error);
}

static varve_status create_aggregator(struct varve_rows *rows, const varve_aggregation *aggregation,
                                      varve_error *error)
{
    VV_TRY(load_zone(rows, aggregation, error));
    const struct vv_aggregator_place place = {
        .range = rows->cursor->range,
        .reverse = rows->cursor->reverse,
        .zone = rows->zone != NULL ? &rows->zone->zone : NULL,
        .memory = &rows->cursor->memory,
    };
    VV_TRY(vv_aggregator_create(aggregation, &place, &rows->aggregator, error));
    rows->holds_all = vv_aggregator_holds_all(rows->aggregator);
    rows->needs_key = vv_aggregator_needs_key(rows->aggregator);
    rows->wants_summaries = vv_aggregator_wants_summaries(rows->aggregator);
    rows->wants_totals = vv_aggregator_wants_totals(rows->aggregator);
    rows->wants_rollups = vv_aggregator_wants_rows(rows->aggregator, &rows->wish);
    rows->feeding = true;
    return VARVE_OK;
}

varve_status varve_aggregate(varve_db *db, const varve_selection *selection,
                             const varve_aggregation *aggregation, varve_rows **rows,
                             varve_error *error)
{
    varve_cursor *cursor = NULL;
    vv_error_clear(error);
    VV_TRY(vv_aggregation_check(aggregation, error));
    VV_TRY(vv_cursor_open(db, selection, &cursor, error));
    struct varve_rows *created = vv_query_alloc_zeroed(&cursor->memory, sizeof(*created));
    if (created == NULL) {
        varve_status status = vv_query_memory_status(&cursor->memory);
        varve_cursor_close(cursor);
        return vv_fail(error, status, "memory_bytes_max: no memory for a query");
    }
    created->cursor = cursor;
    varve_status status = create_aggregator(created, aggregation, error);
    if (status != VARVE_OK) {
        varve_rows_close(created);
        return status;
    }
    *rows = created;
    return VARVE_OK;
}

/* -------------------------------------------------------------------------------- Feeding */

/* Feeds the row that comes next, if there is one that fits; *fed says so. */
static varve_status feed_rollup(struct varve_rows *rows, bool *fed)
{
    struct vv_iter *iter = rows->cursor->iter;
    struct vv_query_counts *counts = &rows->cursor->memory.counts;
    struct vv_rollup_row row;
    *fed = false;
    if (rows->wants_rollups && vv_iter_peek_row(iter, &rows->wish, &row)) {
        VV_TRY(vv_aggregator_add_row(rows->aggregator, &row, fed));
    }
    if (*fed) {
        counts->rows_answered++;
        counts->samples_answered += row.summary.statistics.count;
        vv_iter_seek(iter, row.summary.time_max + 1); /* no timestamp is INT64_MAX */
    }
    return VARVE_OK;
}

/* Feeds what stands before the next span and can be answered from rollups or statistics (V1). */
static varve_status feed_summaries(struct varve_rows *rows, bool *any)
{
    struct vv_iter *iter = rows->cursor->iter;
    struct vv_summary summary;
    for (bool fed = true; fed; *any |= fed) {
        VV_TRY(feed_rollup(rows, &fed));
        if (!fed && rows->wants_summaries && vv_iter_peek(iter, &summary)) {
            VV_TRY(vv_aggregator_add_summary(rows->aggregator, &summary, &fed));
            if (fed) {
                vv_iter_pass(iter);
            }
        }
    }
    return VARVE_OK;
}

/* Feeds the samples of the current series. */
static varve_status feed_samples(struct varve_rows *rows, bool *any)
{
    struct varve_cursor *cursor = rows->cursor;
    bool with_summaries = rows->wants_summaries || rows->wants_rollups;
    for (;;) {
        varve_span span;
        int64_t before = vv_cursor_clock(cursor);
        if (with_summaries) {
            VV_TRY(feed_summaries(rows, any));
        }
        if (!vv_cursor_goes_on(cursor)) {
            return cursor->error.status;
        }
        bool found = vv_iter_next_span(cursor->iter, &span);
        int64_t read = vv_cursor_clock(cursor);
        if (cursor->profile != NULL) {
            cursor->profile->read_ns += read - before;
        }
        if (!found) {
            return vv_iter_status(cursor->iter);
        }
        *any = true;
        VV_TRY(vv_aggregator_add_span(rows->aggregator, &span, vv_iter_traits(cursor->iter)));
        if (cursor->profile != NULL) {
            cursor->profile->compute_ns += vv_cursor_clock(cursor) - read;
        }
    }
}

/* Feeds all of the current series at once, if statistics tell that; *fed says so. */
static varve_status feed_total(struct varve_rows *rows, bool *fed)
{
    struct varve_cursor *cursor = rows->cursor;
    struct vv_total total;
    *fed = false;
    if (!rows->wants_totals) {
        return VARVE_OK;
    }
    int64_t before = vv_cursor_clock(cursor);
    *fed = vv_iter_take_all(cursor->iter, &total);
    if (cursor->profile != NULL) {
        cursor->profile->read_ns += vv_cursor_clock(cursor) - before;
    }
    return *fed ? vv_aggregator_add_total(rows->aggregator, &total) : vv_iter_status(cursor->iter);
}

/* Feeds the current series. */
static varve_status feed_series(struct varve_rows *rows)
{
    struct vv_key key = {0};
    bool any = false;
    if (rows->needs_key) {
        key = vv_cursor_key(rows->cursor);
        VV_TRY(rows->cursor->error.status);
    }
    VV_TRY(vv_aggregator_add_series(rows->aggregator, key));
    VV_TRY(feed_total(rows, &any));
    if (!any) {
        VV_TRY(feed_samples(rows, &any));
    }
    if (any && rows->cursor->profile != NULL) {
        rows->cursor->profile->series_read++;
    }
    return VARVE_OK;
}

/* Feeds one series, or all of them, until rows can be read. */
static varve_status feed(struct varve_rows *rows)
{
    vv_aggregator_reset(rows->aggregator);
    do {
        if (!vv_cursor_next_iter(rows->cursor)) {
            rows->done = true;
            VV_TRY(rows->cursor->error.status);
            break;
        }
        VV_TRY(feed_series(rows));
    } while (rows->holds_all);
    rows->feeding = false;
    return vv_aggregator_finish(rows->aggregator);
}

/* --------------------------------------------------------------------------------- Rows */

/* Rows of a series come without labels from the aggregator. */
static void add_labels(struct varve_rows *rows, varve_row *row)
{
    varve_cursor *cursor = rows->cursor;
    if (!rows->holds_all && !cursor->has_labels) {
        varve_cursor_labels(cursor, &row->labels, &row->label_count);
    } else if (!rows->holds_all) {
        row->labels = cursor->labels;
        row->label_count = cursor->label_count;
    }
    if (rows->cursor->profile != NULL) {
        rows->cursor->profile->rows++;
    }
}

static bool next_row(struct varve_rows *rows, varve_row *row)
{
    struct varve_cursor *cursor = rows->cursor;
    while (cursor->error.status == VARVE_OK) {
        if (rows->feeding) {
            varve_status status = rows->done ? VARVE_OK : feed(rows);
            if (status != VARVE_OK) {
                return vv_cursor_fail(cursor, status);
            }
            if (rows->feeding) {
                return false;
            }
        }
        if (vv_aggregator_next_row(rows->aggregator, row)) {
            add_labels(rows, row);
            return cursor->error.status == VARVE_OK;
        }
        varve_status status = vv_aggregator_status(rows->aggregator);
        if (status != VARVE_OK) {
            return vv_cursor_fail(cursor, status);
        }
        if (vv_aggregator_is_full(rows->aggregator)) {
            return false;
        }
        rows->feeding = true;
    }
    return false;
}

bool varve_rows_next(varve_rows *rows, varve_row *row)
{
    /* Filled rows cost no reading: look at the deadline here, too. */
    if (++rows->unchecked_rows % ROWS_PER_CHECK == 0 && !vv_cursor_goes_on(rows->cursor)) {
        return false;
    }
    bool found = next_row(rows, row);
    return vv_cursor_is_intact(rows->cursor) && found;
}

varve_status varve_rows_status(const varve_rows *rows, varve_error *error)
{
    return varve_cursor_status(rows->cursor, error);
}

void varve_rows_close(varve_rows *rows)
{
    if (rows == NULL) {
        return;
    }
    struct varve_cursor *cursor = rows->cursor;
    vv_aggregator_destroy(rows->aggregator);
    vv_query_free(&cursor->memory, rows->zone);
    vv_query_free(&cursor->memory, rows);
    varve_cursor_close(cursor);
}

/* ------------------------------------------------------------------------------ Explaining */

varve_status varve_explain(varve_db *db, const varve_selection *selection,
                           const varve_aggregation *aggregation, varve_profile *profile,
                           varve_error *error)
{
    vv_error_clear(error);
    if (selection == NULL || selection->options_size != sizeof(*selection)) {
        return vv_fail(error, VARVE_INVALID, "fill the selection with VARVE_SELECTION_INIT");
    }
    varve_selection profiled = *selection;
    varve_status status;
    profiled.profile = profile;
    if (aggregation != NULL) {
        varve_rows *rows = NULL;
        varve_row row;
        VV_TRY(varve_aggregate(db, &profiled, aggregation, &rows, error));
        while (varve_rows_next(rows, &row)) {}
        status = varve_rows_status(rows, error);
        varve_rows_close(rows);
        return status;
    }
    varve_cursor *cursor = NULL;
    VV_TRY(varve_select(db, &profiled, &cursor, error));
    while (varve_cursor_next(cursor)) {
        varve_span span;
        while (varve_cursor_span(cursor, &span)) {}
    }
    status = varve_cursor_status(cursor, error);
    varve_cursor_close(cursor);
    return status;
}
