/*
 * rows.c - functions over selected samples: the cursor feeds the aggregator, rows come out.
 *
 *   without grouping: one series at a time: feed, finish, hand its rows out, reset
 *   with grouping:    all series first, then the rows
 */
#include "engine/database.h"
#include "engine/time_zone_file.h"
#include "os/alloc.h"
#include "query/aggregate.h"
#include "query/functions.h"

struct varve_rows {
    varve_cursor *cursor;
    struct vv_aggregator *aggregator;
    bool grouped;
    bool feeding;                /* the aggregator holds no rows that can be handed out */
    bool done;                   /* the cursor is at its end */
    struct vv_loaded_zone *zone; /* NULL: UTC */
    varve_error error;
};

/* Loads the time zone, if there is one. */
static varve_status load_zone(struct varve_rows *rows, const varve_aggregation *aggregation,
                              varve_error *error)
{
    if (aggregation->time_zone.length == 0) {
        return VARVE_OK;
    }
    rows->zone = vv_alloc(sizeof(*rows->zone));
    if (rows->zone == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory for a time zone");
    }
    return vv_time_zone_load(aggregation->time_zone, rows->zone, error);
}

varve_status varve_aggregate(varve_db *db, const varve_selection *selection,
                             const varve_aggregation *aggregation, varve_rows **rows,
                             varve_error *error)
{
    vv_error_clear(error);
    struct varve_rows *created = vv_alloc_zeroed(1, sizeof(*created));
    if (created == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory for a query");
    }
    varve_status status = vv_aggregation_check(aggregation, error);
    if (status == VARVE_OK) {
        status = load_zone(created, aggregation, error);
    }
    if (status == VARVE_OK) {
        status = varve_select(db, selection, &created->cursor, error);
    }
    if (status == VARVE_OK) {
        const struct vv_aggregator_place place = {
            .range = {selection->start, selection->end},
            .zone = created->zone != NULL ? &created->zone->zone : NULL,
        };
        status = vv_aggregator_create(aggregation, &place, &created->aggregator, error);
    }
    if (status != VARVE_OK) {
        varve_rows_close(created);
        return status;
    }
    created->grouped = vv_aggregator_holds_all(created->aggregator);
    created->feeding = true;
    *rows = created;
    return VARVE_OK;
}

/* Feeds the current series of the cursor. */
static varve_status feed_series(struct varve_rows *rows)
{
    const varve_label *labels;
    size_t count;
    struct vv_buffer key = {0};
    varve_cursor_labels(rows->cursor, &labels, &count);
    varve_status status = vv_key_encode(labels, count, &key, NULL);
    if (status == VARVE_OK) {
        status = vv_aggregator_add_series(rows->aggregator, (struct vv_key){key.bytes, key.length});
    }
    varve_span span;
    while (status == VARVE_OK && varve_cursor_span(rows->cursor, &span)) {
        status = vv_aggregator_add_span(rows->aggregator, &span);
    }
    vv_buffer_fini(&key);
    return vv_first(status, varve_cursor_status(rows->cursor, NULL));
}

/* Feeds one series, or all of them, until rows can be read. */
static varve_status feed(struct varve_rows *rows)
{
    vv_aggregator_reset(rows->aggregator);
    do {
        if (!varve_cursor_next(rows->cursor)) {
            rows->done = true;
            VV_TRY(varve_cursor_status(rows->cursor, NULL));
            break;
        }
        VV_TRY(feed_series(rows));
    } while (rows->grouped);
    rows->feeding = false;
    return vv_aggregator_finish(rows->aggregator);
}

bool varve_rows_next(varve_rows *rows, varve_row *row)
{
    while (rows->error.status == VARVE_OK) {
        if (rows->feeding) {
            if (rows->done) {
                return false;
            }
            varve_status status = feed(rows);
            if (status != VARVE_OK) {
                if (varve_cursor_status(rows->cursor, &rows->error) == VARVE_OK) {
                    (void)vv_fail(&rows->error, status, "the query failed: %s",
                                  varve_status_text(status));
                }
                return false;
            }
        }
        if (vv_aggregator_next_row(rows->aggregator, row)) {
            return true;
        }
        varve_status status = vv_aggregator_status(rows->aggregator);
        if (status != VARVE_OK) {
            (void)vv_fail(&rows->error, status, "the query failed: %s", varve_status_text(status));
            return false;
        }
        rows->feeding = true;
    }
    return false;
}

varve_status varve_rows_status(const varve_rows *rows, varve_error *error)
{
    if (rows->error.status != VARVE_OK && error != NULL) {
        *error = rows->error;
    }
    return rows->error.status;
}

void varve_rows_close(varve_rows *rows)
{
    if (rows == NULL) {
        return;
    }
    vv_aggregator_destroy(rows->aggregator);
    varve_cursor_close(rows->cursor);
    vv_free(rows->zone);
    vv_free(rows);
}
