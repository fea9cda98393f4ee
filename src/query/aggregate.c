/*
 * aggregate.c - samples of many series to states by group and step.
 *
 *   series --group key--> group 0: [state][state][state]
 *                         group 1: [state][state]          rows: aggregate_rows.c
 *   current series        its own list, merged into the group's when the next series begins
 *
 * A1  Spans of a series come in order of time, so that a sample belongs to the last state of its
 *     list or to a new one behind it.
 * A2  The first series of a group writes into the group's list itself, unless results are reduced:
 *     where groups have one series, nothing is merged.
 * A3  All functions are answered from one state; parts that nobody asked for are not computed.
 * A4  A stale marker is taken out of a span before anything looks at it.
 * Threads: one at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "query/aggregator.h"
#include "query/ranges.h"

static const int64_t HOUR_NS = INT64_C(3600) * 1000000000;
static const int64_t DAY_NS = INT64_C(86400) * 1000000000;

/* ------------------------------------------------------------------------ Specification */

/* Copies the group labels into one allocation: the strings, then their bytes. */
static varve_status copy_group_labels(struct vv_aggregator *aggregator)
{
    size_t count = aggregator->spec.group_label_count;
    const varve_string *labels = aggregator->spec.group_labels;
    size_t bytes = 0;
    if (count == 0) {
        return VARVE_OK;
    }
    for (size_t index = 0; index < count; index++) {
        bytes += sizeof(labels[0]) + labels[index].length;
    }
    aggregator->group_labels = vv_query_alloc(aggregator->memory, bytes);
    if (aggregator->group_labels == NULL) {
        return vv_query_memory_status(aggregator->memory);
    }
    char *at = (char *)(aggregator->group_labels + count);
    for (size_t index = 0; index < count; index++) {
        memcpy(at, labels[index].bytes, labels[index].length);
        aggregator->group_labels[index] = (varve_string){at, labels[index].length};
        at += labels[index].length;
    }
    aggregator->spec.group_labels = aggregator->group_labels;
    return VARVE_OK;
}

static void copy_functions(struct vv_aggregator *aggregator, const varve_aggregation *spec)
{
    for (size_t index = 0; index < spec->function_count; index++) {
        aggregator->functions[index] = spec->functions[index];
        aggregator->parameters[index] = spec->parameters != NULL ? spec->parameters[index] : 0;
        aggregator->parts |= vv_function_parts(spec->functions[index]);
    }
    aggregator->spec.functions = aggregator->functions;
    aggregator->spec.parameters = aggregator->parameters;
}

varve_status vv_aggregator_create(const varve_aggregation *spec,
                                  const struct vv_aggregator_place *place,
                                  struct vv_aggregator **out, varve_error *error)
{
    VV_TRY(vv_aggregation_check(spec, error));
    struct vv_aggregator *aggregator = vv_query_alloc(place->memory, sizeof(*aggregator));
    if (aggregator == NULL) {
        return vv_fail(error, vv_query_memory_status(place->memory), "no memory to aggregate");
    }
    memset(aggregator, 0, offsetof(struct vv_aggregator, labels));
    aggregator->spec = *spec;
    aggregator->memory = place->memory;
    aggregator->range = place->range;
    aggregator->reverse = place->reverse;
    aggregator->steps = (struct vv_steps){.count = spec->step,
                                          .unit = spec->step_unit,
                                          .offset = spec->offset,
                                          .start = place->range.start};
    if (place->zone != NULL) {
        aggregator->steps.zone = *place->zone;
    }
    copy_functions(aggregator, spec);
    unsigned reduced = spec->reduce != 0 ? vv_function_parts(spec->reduce) : aggregator->parts;
    aggregator->stride = spec->reduce != 0 ? spec->function_count : 1;
    aggregator->table.memory = place->memory;
    aggregator->table.with_more = (reduced & VV_PARTS_MORE) != 0;
    aggregator->reduced.with_more = aggregator->table.with_more;
    aggregator->scratch.with_more = (aggregator->parts & VV_PARTS_MORE) != 0;
    aggregator->single.buckets.with_more = aggregator->scratch.with_more;
    varve_status status = copy_group_labels(aggregator);
    if (status != VARVE_OK) {
        vv_aggregator_destroy(aggregator);
        return vv_fail(error, status, "no memory to aggregate");
    }
    *out = aggregator;
    return VARVE_OK;
}

void vv_aggregator_destroy(struct vv_aggregator *aggregator)
{
    if (aggregator == NULL) {
        return;
    }
    struct vv_query_memory *memory = aggregator->memory;
    vv_group_table_fini(&aggregator->table);
    vv_bucket_list_fini(&aggregator->single.buckets, memory);
    vv_bucket_list_fini(&aggregator->scratch, memory);
    vv_bucket_list_fini(&aggregator->reduced, memory);
    vv_buffer_fini(&aggregator->key);
    vv_query_free(memory, aggregator->group_labels);
    vv_query_free(memory, aggregator->clean_timestamps);
    vv_query_free(memory, aggregator->order);
    vv_query_free(memory, aggregator->ranked);
    vv_query_free(memory, aggregator);
}

bool vv_aggregator_holds_all(const struct vv_aggregator *aggregator)
{
    const varve_aggregation *spec = &aggregator->spec;
    return spec->grouping != VARVE_GROUP_NONE || spec->top > 0 || spec->bottom > 0;
}

/* One group of all series. */
static bool has_one_group(const struct vv_aggregator *aggregator)
{
    return aggregator->spec.grouping == VARVE_GROUP_BY && aggregator->spec.group_label_count == 0;
}

bool vv_aggregator_needs_key(const struct vv_aggregator *aggregator)
{
    return vv_aggregator_holds_all(aggregator) && !has_one_group(aggregator);
}

bool vv_aggregator_wants_summaries(const struct vv_aggregator *aggregator)
{
    return !aggregator->spec.decode_everything &&
           (aggregator->parts & ~(unsigned)VV_PARTS_SUMMARY) == 0;
}

/* The greatest number that both are multiples of; a > 0. */
static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a; /* no less than -a was at first, but for its sign */
}

/* Nanoseconds of a step, about; 0: there is one step. */
static int64_t step_length(const varve_aggregation *spec)
{
    static const int64_t days[] = {[VARVE_STEP_DAYS] = 1,
                                   [VARVE_STEP_WEEKS] = 7,
                                   [VARVE_STEP_MONTHS] = 30,
                                   [VARVE_STEP_YEARS] = 365};
    int64_t length = spec->step;
    if (spec->step_unit != VARVE_STEP_NANOSECONDS &&
        __builtin_mul_overflow(spec->step, days[spec->step_unit] * DAY_NS, &length)) {
        length = INT64_MAX;
    }
    return length;
}

bool vv_aggregator_wants_rows(const struct vv_aggregator *aggregator, struct vv_rollup_wish *wish)
{
    const varve_aggregation *spec = &aggregator->spec;
    if (spec->decode_everything || (aggregator->parts & ~(unsigned)VV_PARTS_ROW) != 0) {
        return false;
    }
    /* Days of the calendar begin at full hours nearly everywhere; a row that lies in two days is
     * not taken. */
    const struct vv_time_zone *zone = &aggregator->steps.zone;
    bool is_utc = zone->change_count == 0 && zone->first_offset == 0 && zone->last_offset == 0;
    int64_t unit = is_utc ? DAY_NS : HOUR_NS;
    if (spec->step == 0 || spec->step_unit == VARVE_STEP_NANOSECONDS) {
        unit = spec->step;
    }
    *wish = (struct vv_rollup_wish){
        .unit = spec->step == 0 ? 0 : common_divisor(unit, spec->offset),
        .length = step_length(spec),
        .parts = aggregator->parts,
    };
    for (size_t index = 0; index < spec->function_count; index++) {
        wish->ends |= aggregator->functions[index] == VARVE_FUNCTION_FIRST ||
                      aggregator->functions[index] == VARVE_FUNCTION_LAST;
    }
    return true;
}

/* ------------------------------------------------------------------------------- Series */

static struct vv_bucket_more *newest_more(const struct vv_aggregator *aggregator)
{
    const struct vv_bucket_list *list = aggregator->list;
    return list->with_more ? &list->more[list->count - 1] : NULL;
}

/* The step that takes samples is over. */
static void close_step(struct vv_aggregator *aggregator)
{
    if (aggregator->open && (aggregator->parts & VV_PARTS_TRACK) != 0) {
        vv_track_close(&aggregator->track, aggregator->step_start, aggregator->step_end,
                       aggregator->list->count - 1, newest_more(aggregator));
    }
    aggregator->open = false;
}

/* The results of the series' states, as states that the reducing function is answered from. */
static varve_status reduce_states(struct vv_aggregator *aggregator)
{
    struct vv_bucket_list *list = &aggregator->scratch;
    struct vv_bucket_list *reduced = &aggregator->reduced;
    unsigned parts = vv_function_parts(aggregator->spec.reduce);
    for (size_t at = 0; at < list->count; at++) {
        const struct vv_bucket *state = &list->entries[at];
        struct vv_bucket_more *more = list->with_more ? &list->more[at] : NULL;
        for (size_t index = 0; index < aggregator->spec.function_count; index++) {
            double value;
            VV_TRY(vv_bucket_value(state, more, aggregator->functions[index],
                                   aggregator->parameters[index], aggregator->memory, &value));
            VV_TRY(vv_bucket_list_append(reduced, state->time, aggregator->memory));
            struct vv_bucket_more *result =
                reduced->with_more ? &reduced->more[reduced->count - 1] : NULL;
            VV_TRY(vv_bucket_add(&reduced->entries[reduced->count - 1], result, &state->time,
                                 &value, 1, parts, aggregator->memory));
        }
    }
    return VARVE_OK;
}

/* Ends the current series: what it has apart goes to its group. */
static varve_status end_series(struct vv_aggregator *aggregator)
{
    if (aggregator->list == NULL) {
        return VARVE_OK;
    }
    close_step(aggregator);
    varve_status status = VARVE_OK;
    if (aggregator->list == &aggregator->scratch && aggregator->scratch.count > 0) {
        struct vv_bucket_list *apart = &aggregator->scratch;
        if (aggregator->spec.reduce != 0) {
            status = reduce_states(aggregator);
            apart = &aggregator->reduced;
        }
        if (status == VARVE_OK) {
            struct vv_group *group = &aggregator->table.groups[aggregator->group];
            status = vv_bucket_list_merge(&group->buckets, apart, aggregator->stride,
                                          aggregator->memory);
        }
        vv_bucket_list_clear(&aggregator->reduced, aggregator->memory);
        vv_bucket_list_clear(&aggregator->scratch, aggregator->memory);
    }
    aggregator->list = NULL;
    return status;
}

/* The group of a series, made if it is new. */
static varve_status find_group(struct vv_aggregator *aggregator, struct vv_key key)
{
    static const uint8_t nothing[] = {0};
    if (has_one_group(aggregator)) {
        aggregator->group = 0;
        key = (struct vv_key){nothing, sizeof(nothing)};
        return aggregator->table.count > 0
                   ? VARVE_OK
                   : vv_group_table_intern(&aggregator->table, key, &aggregator->group);
    }
    VV_TRY(vv_group_key(&aggregator->spec, key, &aggregator->key));
    key = (struct vv_key){aggregator->key.bytes, aggregator->key.length};
    return vv_group_table_intern(&aggregator->table, key, &aggregator->group);
}

varve_status vv_aggregator_add_series(struct vv_aggregator *aggregator, struct vv_key key)
{
    VV_ASSERT(!aggregator->finished);
    VV_TRY(end_series(aggregator));
    vv_track_begin(&aggregator->track, aggregator->parts, aggregator->range);
    if (!vv_aggregator_holds_all(aggregator) && key.length == 0) {
        VV_ASSERT(!aggregator->is_single);
        aggregator->is_single = true;
        aggregator->list = &aggregator->single.buckets;
        return VARVE_OK;
    }
    VV_TRY(find_group(aggregator, key));
    struct vv_bucket_list *own = &aggregator->table.groups[aggregator->group].buckets;
    bool direct = own->count == 0 && aggregator->spec.reduce == 0;
    aggregator->list = direct ? own : &aggregator->scratch;
    return VARVE_OK;
}

/* -------------------------------------------------------------------------------- Steps */

/* The step of a time at or behind the end of the present one. Mostly it is the next, which needs no
 * division. */
static void step_of(const struct vv_aggregator *aggregator, int64_t timestamp, int64_t *start,
                    int64_t *end)
{
    const struct vv_steps *steps = &aggregator->steps;
    int64_t next = aggregator->step_end;
    if (aggregator->open && steps->unit == VARVE_STEP_NANOSECONDS && steps->count > 0 &&
        next <= INT64_MAX - steps->count && timestamp < next + steps->count) {
        *start = next;
        *end = next + steps->count;
        return;
    }
    vv_steps_bounds(steps, timestamp, start, end);
}

static varve_status open_step(struct vv_aggregator *aggregator, int64_t start, int64_t end)
{
    close_step(aggregator);
    VV_TRY(vv_bucket_list_append(aggregator->list, start, aggregator->memory));
    aggregator->step_start = start;
    aggregator->step_end = end;
    aggregator->open = true;
    return VARVE_OK;
}

/* A number comes: now the area under the one before is known through the steps in between. */
static void add_past_area(struct vv_aggregator *aggregator, const double *values, size_t count)
{
    const struct vv_track *track = &aggregator->track;
    size_t at = 0;
    while (at < count && values[at] != values[at]) {
        at++;
    }
    if (at == count || track->count > 0 || !track->has_past) {
        return;
    }
    struct vv_bucket_list *list = aggregator->list;
    for (size_t entry = track->past_entry; entry + 1 < list->count; entry++) {
        int64_t start, end;
        vv_steps_bounds(&aggregator->steps, list->entries[entry].time, &start, &end);
        vv_track_add_past(track, start, end, &list->more[entry]);
    }
}

/* Samples of the open step. */
static varve_status add_run(struct vv_aggregator *aggregator, const int64_t *timestamps,
                            const double *values, size_t count, unsigned parts)
{
    struct vv_bucket_list *list = aggregator->list;
    if ((parts & VV_PARTS_MORE) == 0) {
        vv_bucket_add_numbers(&list->entries[list->count - 1], timestamps, values, count, parts);
        return VARVE_OK;
    }
    struct vv_bucket_more *more = newest_more(aggregator);
    if ((parts & VV_PART_AREA) != 0) {
        add_past_area(aggregator, values, count);
    }
    if ((parts & VV_PARTS_TRACK) != 0) {
        vv_track_add(&aggregator->track, timestamps, values, count, aggregator->step_start, more);
    }
    return vv_bucket_add(&list->entries[list->count - 1], more, timestamps, values, count, parts,
                         aggregator->memory);
}

/* ------------------------------------------------------------------------------- Samples */

/* The span without stale markers (A4). */
static varve_status clean_span(struct vv_aggregator *aggregator, varve_span *span)
{
    if (span->count > aggregator->clean_capacity) {
        vv_query_free(aggregator->memory, aggregator->clean_timestamps);
        aggregator->clean_capacity = 0;
        aggregator->clean_timestamps =
            vv_query_alloc(aggregator->memory, span->count * 2 * sizeof(int64_t));
        if (aggregator->clean_timestamps == NULL) {
            return vv_query_memory_status(aggregator->memory);
        }
        aggregator->clean_capacity = span->count;
    }
    int64_t *timestamps = aggregator->clean_timestamps;
    double *values = (double *)(void *)(timestamps + aggregator->clean_capacity);
    size_t kept = 0;
    for (size_t at = 0; at < span->count; at++) {
        timestamps[kept] = span->timestamps[at];
        values[kept] = span->values[at];
        kept += vv_numbers_any_stale(&span->values[at], 1) ? 0 : 1;
    }
    *span = (varve_span){timestamps, values, kept};
    return VARVE_OK;
}

/* The end of a step in a span, from at on. Samples are mostly as far from each other as they are on
 * average: then the place is where it would be on a line. */
static size_t find_step_end(const varve_span *span, size_t at, int64_t end, double per_nanosecond)
{
    const int64_t *timestamps = span->timestamps;
    if (timestamps[span->count - 1] < end) {
        return span->count;
    }
    /* Signed conversions are one instruction; they hold, or per_nanosecond is 0. */
    double distance = (double)(int64_t)((uint64_t)end - (uint64_t)timestamps[0]);
    size_t guess = (size_t)(int64_t)(distance * per_nanosecond + 0.999);
    if (guess > at && guess < span->count && timestamps[guess - 1] < end &&
        timestamps[guess] >= end) {
        return guess;
    }
    return vv_timestamps_find(timestamps, at, span->count, end);
}

varve_status vv_aggregator_add_span(struct vv_aggregator *aggregator, const varve_span *given,
                                    unsigned traits)
{
    VV_ASSERT(aggregator->list != NULL);
    varve_span span = *given;
    bool numbers = (traits & VV_TRAIT_NUMBERS) != 0;
    bool whole = (traits & VV_TRAIT_WHOLE) != 0;
    unsigned parts = aggregator->parts | (whole ? VV_PART_IS_WHOLE : 0u);
    if (!numbers && vv_numbers_any_stale(span.values, span.count)) {
        VV_TRY(clean_span(aggregator, &span));
    }
    if (span.count == 0) {
        return VARVE_OK;
    }
    uint64_t length = (uint64_t)span.timestamps[span.count - 1] - (uint64_t)span.timestamps[0];
    bool fits = length > 0 && length <= INT64_MAX;
    double per_nanosecond = fits ? (double)(span.count - 1) / (double)(int64_t)length : 0.0;
    for (size_t at = 0; at < span.count;) {
        int64_t timestamp = span.timestamps[at];
        if (!aggregator->open || timestamp >= aggregator->step_end) {
            int64_t start, end;
            step_of(aggregator, timestamp, &start, &end);
            VV_TRY(open_step(aggregator, start, end));
        }
        size_t end = find_step_end(&span, at, aggregator->step_end, per_nanosecond);
        VV_TRY(add_run(aggregator, span.timestamps + at, span.values + at, end - at, parts));
        at = end;
    }
    return VARVE_OK;
}

/* Opens the step of [time_min, time_max] if all of that lies in one; *fits says so. */
static varve_status fit(struct vv_aggregator *aggregator, const struct vv_summary *summary,
                        bool *fits)
{
    int64_t start = aggregator->step_start;
    int64_t end = aggregator->step_end;
    bool fits_open = aggregator->open && summary->time_min < end;
    if (!fits_open) {
        step_of(aggregator, summary->time_min, &start, &end);
    }
    *fits = summary->time_max < end;
    return *fits && !fits_open ? open_step(aggregator, start, end) : VARVE_OK;
}

/* Adds a summary without NaN that fits into the open step. */
static void add_to_open(struct vv_aggregator *aggregator, const struct vv_summary *summary)
{
    const struct vv_value_statistics *statistics = &summary->statistics;
    struct vv_bucket *bucket = &aggregator->list->entries[aggregator->list->count - 1];
    const struct vv_bucket chunk = {
        .count = statistics->count,
        .numbers = {.sum = statistics->sum,
                    .min = statistics->min,
                    .max = statistics->max,
                    .count = statistics->count},
    };
    if (bucket->count == 0) {
        bucket->first_time = summary->time_min;
        bucket->first = statistics->first;
    }
    bucket->last_time = summary->time_max;
    bucket->last = statistics->last;
    bucket->count += chunk.count;
    vv_numbers_merge(&bucket->numbers, &chunk.numbers);
    if ((aggregator->parts & VV_PARTS_TRACK) != 0) {
        vv_track_add_summary(&aggregator->track, summary);
    }
}

varve_status vv_aggregator_add_summary(struct vv_aggregator *aggregator,
                                       const struct vv_summary *summary, bool *taken)
{
    *taken = false;
    if (!vv_aggregator_wants_summaries(aggregator) || summary->statistics.nan_count > 0) {
        return VARVE_OK;
    }
    VV_TRY(fit(aggregator, summary, taken));
    if (*taken) {
        add_to_open(aggregator, summary);
    }
    return VARVE_OK;
}

varve_status vv_aggregator_add_row(struct vv_aggregator *aggregator,
                                   const struct vv_rollup_row *row, bool *taken)
{
    const struct vv_value_statistics *statistics = &row->summary.statistics;
    *taken = false;
    if ((aggregator->parts & ~(unsigned)VV_PARTS_ROW) != 0 || statistics->nan_count > 0) {
        return VARVE_OK;
    }
    VV_TRY(fit(aggregator, &row->summary, taken));
    if (*taken) {
        add_to_open(aggregator, &row->summary);
        if ((aggregator->parts & VV_PART_SPREAD) != 0) {
            vv_bucket_add_spread(newest_more(aggregator), statistics->count, statistics->sum,
                                 row->squares);
        }
    }
    return VARVE_OK;
}

/* ------------------------------------------------------------------------------- Ending */

static int compare_groups(const void *a, const void *b)
{
    const struct vv_group *left = *(const struct vv_group *const *)a;
    const struct vv_group *right = *(const struct vv_group *const *)b;
    return vv_key_compare(vv_group_key_of(left), vv_group_key_of(right));
}

static varve_status sort_groups(struct vv_aggregator *aggregator)
{
    size_t count = aggregator->is_single ? 1 : aggregator->table.count;
    const struct vv_group **order = vv_query_realloc(aggregator->memory, (void *)aggregator->order,
                                                     (count + 1) * sizeof(order[0]));
    if (order == NULL) {
        return vv_query_memory_status(aggregator->memory);
    }
    aggregator->order = order;
    aggregator->order_count = count;
    if (aggregator->is_single) {
        order[0] = &aggregator->single;
        return VARVE_OK;
    }
    for (size_t group = 0; group < count; group++) {
        order[group] = &aggregator->table.groups[group];
    }
    qsort(order, count, sizeof(order[0]), compare_groups);
    return VARVE_OK;
}

varve_status vv_aggregator_finish(struct vv_aggregator *aggregator)
{
    VV_ASSERT(!aggregator->finished);
    VV_TRY(end_series(aggregator));
    VV_TRY(sort_groups(aggregator));
    if (aggregator->spec.top > 0 || aggregator->spec.bottom > 0) {
        VV_TRY(vv_aggregator_rank(aggregator));
    }
    aggregator->finished = true;
    return VARVE_OK;
}

void vv_aggregator_reset(struct vv_aggregator *aggregator)
{
    vv_bucket_list_clear(&aggregator->single.buckets, aggregator->memory);
    vv_bucket_list_clear(&aggregator->scratch, aggregator->memory);
    vv_bucket_list_clear(&aggregator->reduced, aggregator->memory);
    if (aggregator->table.count > 0) {
        vv_group_table_clear(&aggregator->table);
    }
    aggregator->is_single = false;
    aggregator->list = NULL;
    aggregator->open = false;
    aggregator->finished = false;
    aggregator->row_group = 0;
    aggregator->walking = false;
    aggregator->next_ranked = 0;
    aggregator->labels_group = 0;
}
