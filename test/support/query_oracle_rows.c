/*
 * query_oracle_rows.c - rows of the oracle: filled, ranked, ordered, cut off, compared.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/query_oracle.h"

struct query_row *query_rows_add(struct query_rows *rows, const char *series, size_t group,
                                 int64_t time)
{
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity * 2 + 64;
        rows->list = realloc(rows->list, rows->capacity * sizeof(rows->list[0]));
    }
    struct query_row *row = &rows->list[rows->count++];
    memset(row, 0, sizeof(*row));
    (void)snprintf(row->series, sizeof(row->series), "%s", series);
    row->group = group;
    row->time = time;
    return row;
}

void query_rows_fini(struct query_rows *rows)
{
    free(rows->list);
    *rows = (struct query_rows){0};
}

/* ------------------------------------------------------------------------------- Filling */

/* The row of a group at a time. */
static const struct query_row *find_row(const struct query_row *rows, size_t count, int64_t time)
{
    for (size_t at = 0; at < count; at++) {
        if (rows[at].time == time) {
            return &rows[at];
        }
    }
    return NULL;
}

/* A row of a step without samples, if it is filled. before and after are the rows around it. */
static void fill_row(const varve_aggregation *spec, const struct query_row *before,
                     const struct query_row *after, int64_t first, int64_t last,
                     const struct query_row *any, int64_t time, struct query_rows *rows)
{
    int64_t from = before != NULL ? before->time : first;
    int64_t to = after != NULL ? after->time : last;
    bool allowed = spec->fill_gap_max == 0 || to - from <= spec->fill_gap_max;
    bool known = spec->fill == VARVE_FILL_NULL ||
                 (spec->fill == VARVE_FILL_PREVIOUS && before != NULL) ||
                 (spec->fill == VARVE_FILL_LINEAR && before != NULL && after != NULL);
    if (!allowed || !known) {
        return;
    }
    struct query_row *row = query_rows_add(rows, any->series, any->group, time);
    row->filled = true;
    for (size_t index = 0; index < spec->function_count; index++) {
        row->magnitudes[index] = 1;
        row->values[index] = (double)NAN;
        if (spec->fill == VARVE_FILL_PREVIOUS) {
            row->values[index] = before->values[index];
            row->magnitudes[index] = before->magnitudes[index];
        } else if (spec->fill == VARVE_FILL_LINEAR) {
            double weight = (double)(time - before->time) / (double)(after->time - before->time);
            row->values[index] =
                before->values[index] * (1 - weight) + after->values[index] * weight;
            row->magnitudes[index] = before->magnitudes[index] + after->magnitudes[index];
        }
    }
}

static void fill_group(const varve_aggregation *spec, const struct vv_steps *steps,
                       struct vv_range range, const struct query_row *group, size_t count,
                       struct query_rows *rows)
{
    int64_t first = group[0].time, last = group[count - 1].time, end;
    if (spec->fill == VARVE_FILL_NULL && range.start != INT64_MIN) {
        vv_steps_bounds(steps, range.start, &first, &end);
    }
    if (spec->fill != VARVE_FILL_LINEAR && range.end != INT64_MAX) {
        vv_steps_bounds(steps, range.end - 1, &last, &end);
    }
    size_t passed = 0;
    for (int64_t time = first; time <= last; time = end) {
        int64_t start;
        vv_steps_bounds(steps, time, &start, &end);
        const struct query_row *row = find_row(group, count, time);
        if (row != NULL) {
            struct query_row copy = *row;
            *query_rows_add(rows, "", 0, 0) = copy;
            passed++;
        } else {
            fill_row(spec, passed > 0 ? &group[passed - 1] : NULL,
                     passed < count ? &group[passed] : NULL, first, last, &group[0], time, rows);
        }
    }
}

static void fill(const varve_aggregation *spec, const struct vv_steps *steps, struct vv_range range,
                 struct query_rows *rows)
{
    struct query_rows filled = {0};
    for (size_t at = 0, end; at < rows->count; at = end) {
        for (end = at; end < rows->count && rows->list[end].group == rows->list[at].group; end++) {}
        fill_group(spec, steps, range, &rows->list[at], end - at, &filled);
    }
    query_rows_fini(rows);
    *rows = filled;
}

/* ------------------------------------------------------------------------------- Ranking */

/* Whether row a stands before row b in the ranking of their step. */
static bool ranks_before(const struct query_row *a, const struct query_row *b, bool top)
{
    double left = a->values[0], right = b->values[0];
    if (isnan(left) || isnan(right)) {
        return isnan(left) && isnan(right) ? a->group < b->group : !isnan(left);
    }
    return left == right ? a->group < b->group : (left > right) == top;
}

/* How many rows of the same step are better. */
static size_t rank_of(const struct query_rows *rows, size_t at, bool top)
{
    size_t better = 0;
    for (size_t other = 0; other < rows->count; other++) {
        better += rows->list[other].time == rows->list[at].time && other != at &&
                  ranks_before(&rows->list[other], &rows->list[at], top);
    }
    return better;
}

static void rank(const varve_aggregation *spec, struct query_rows *rows)
{
    struct query_rows kept = {0};
    bool top = spec->top > 0;
    size_t keep = top ? spec->top : spec->bottom;
    for (size_t round = 0; round < (spec->step == 0 ? keep : 1); round++) {
        for (size_t at = 0; at < rows->count; at++) {
            size_t place = rank_of(rows, at, top);
            if (spec->step == 0 ? place == round : place < keep) {
                *query_rows_add(&kept, "", 0, 0) = rows->list[at];
            }
        }
        if (round > rows->count) {
            break;
        }
    }
    query_rows_fini(rows);
    *rows = kept;
}

/* ------------------------------------------------------------------------------- Ordering */

static void reverse_groups(struct query_rows *rows)
{
    for (size_t at = 0, end; at < rows->count; at = end) {
        for (end = at; end < rows->count && rows->list[end].group == rows->list[at].group; end++) {}
        for (size_t low = at, high = end - 1; low < high; low++, high--) {
            struct query_row swapped = rows->list[low];
            rows->list[low] = rows->list[high];
            rows->list[high] = swapped;
        }
    }
}

void query_oracle_order(const varve_aggregation *spec, const struct vv_steps *steps,
                        struct vv_range range, bool reverse, struct query_rows *rows)
{
    if (spec->fill != VARVE_FILL_NONE) {
        fill(spec, steps, range, rows);
    }
    if (spec->top > 0 || spec->bottom > 0) {
        rank(spec, rows);
    }
    if (reverse && spec->step > 0) {
        reverse_groups(rows);
    }
    if (spec->limit > 0 && rows->count > spec->limit) {
        rows->count = spec->limit;
    }
}

bool query_row_equal(const struct query_row *expected, const varve_row *row, size_t value_count,
                     double tolerance)
{
    char text[200];
    size_t length = varve_series_format(row->labels, row->label_count, text, sizeof(text) - 1);
    text[length < sizeof(text) ? length : sizeof(text) - 1] = '\0';
    if (strcmp(text, expected->series) != 0 || row->time != expected->time ||
        row->filled != expected->filled || row->value_count != value_count) {
        return false;
    }
    for (size_t at = 0; at < value_count; at++) {
        double a = expected->values[at], b = row->values[at];
        bool same = a == b || (isnan(a) && isnan(b)) ||
                    fabs(a - b) <= tolerance * (fabs(a) + expected->magnitudes[at]);
        if (!same) {
            return false;
        }
    }
    return true;
}
