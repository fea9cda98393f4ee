/*
 * query_varve.c - the queries over varve, through the public API: loaded, compacted, asked.
 *
 * Series of q1 and q2 are known by their handles, as those of LMDB are by their ids; all others are
 * selected by their labels.
 */
#include "query_varve.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct query_engine {
    const struct query_set *set;
    char path[512];
    varve_db *db;
    varve_series *series; /* by series id */
    varve_profile *profile;
    int64_t end; /* of queries */
    int64_t now;
};

static void check(varve_status status, const varve_error *error)
{
    if (status != VARVE_OK) {
        bench_stop("varve: %s", error->message);
    }
}

static varve_string string_of(const char *text)
{
    return (varve_string){text, strlen(text)};
}

/* ------------------------------------------------------------------- opening and loading */

static void resolve_series(struct query_engine *engine)
{
    const struct query_set *set = engine->set;
    varve_error error = {0};
    for (size_t id = 0; id < set->series_count; id++) {
        varve_label labels[TSBS_TAGS + 1];
        labels[0] =
            (varve_label){VARVE_STRING("__name__"), string_of(set->metrics[id % TSBS_FIELDS])};
        for (size_t tag = 0; tag < TSBS_TAGS; tag++) {
            labels[tag + 1] = (varve_label){string_of(tsbs_tag_names[tag]),
                                            string_of(set->hosts[id / TSBS_FIELDS].tags[tag])};
        }
        check(varve_series_resolve(engine->db, labels, TSBS_TAGS + 1, &engine->series[id], &error),
              &error);
    }
}

static void open_database(struct query_engine *engine)
{
    varve_options options = VARVE_OPTIONS_INIT;
    varve_error error = {0};
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_NONE;
    check(varve_open(engine->path, &options, &engine->db, &error), &error);
    resolve_series(engine);
}

static struct query_engine *engine_open(const struct query_set *set, const char *folder)
{
    struct query_engine *engine = bench_allocate_zeroed(sizeof *engine);
    varve_error error = {0};
    engine->set = set;
    engine->end = INT64_MAX;
    engine->series = bench_allocate_zeroed(set->series_count * sizeof *engine->series);
    (void)snprintf(engine->path, sizeof engine->path, "%s/varve", folder);
    open_database(engine);
    for (size_t id = 0; id < set->series_count; id++) {
        check(varve_append(engine->db, engine->series[id], set->timestamps,
                           set->values + id * set->points, set->points, NULL),
              &(varve_error){.message = "append failed"});
    }
    check(varve_compact(engine->db, &error), &error);
    return engine;
}

static void close_database(struct query_engine *engine)
{
    varve_error error = {0};
    check(varve_close(engine->db, &error), &error);
    engine->db = NULL;
}

static void engine_close(struct query_engine *engine)
{
    close_database(engine);
    free(engine->series);
    free(engine);
}

static int drop_file(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)place;
    int file = kind == FTW_F ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) {
        (void)fsync(file);
        (void)posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        (void)close(file);
    }
    return 0;
}

void query_varve_reopen(struct query_engine *engine, bool drop_pages)
{
    close_database(engine);
    if (drop_pages) {
        (void)nftw(engine->path, drop_file, 16, FTW_PHYS);
    }
    open_database(engine);
}

void query_varve_end(struct query_engine *engine, int64_t end)
{
    engine->end = end;
}

void query_varve_now(struct query_engine *engine, int64_t now)
{
    engine->now = now;
}

varve_db *query_varve_db(struct query_engine *engine)
{
    return engine->db;
}

const varve_series *query_varve_series(const struct query_engine *engine)
{
    return engine->series;
}

/* -------------------------------------------------------------------------------- asking */

static varve_selection selection_init(const struct query_engine *engine)
{
    varve_selection selection = VARVE_SELECTION_INIT;
    selection.profile = engine->profile;
    selection.end = engine->end;
    return selection;
}

static varve_string label_value(const varve_label *labels, size_t count, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < count; i++) {
        if (labels[i].name.length == length && memcmp(labels[i].name.bytes, name, length) == 0) {
            return labels[i].value;
        }
    }
    return (varve_string){"", 0};
}

static void add_row(struct query_answer *answer, const varve_label *labels, size_t label_count,
                    int64_t time, double value)
{
    answer->rows++;
    answer->sum += value;
    if (answer->digesting) {
        varve_string metric = label_value(labels, label_count, "__name__");
        varve_string host = label_value(labels, label_count, "hostname");
        query_digest(answer, metric.bytes, metric.length, host.bytes, host.length, time, value);
    }
}

static void add_span(struct query_answer *answer, const varve_label *labels, size_t label_count,
                     const varve_span *span)
{
    if (answer->digesting) {
        for (size_t i = 0; i < span->count; i++) {
            add_row(answer, labels, label_count, span->timestamps[i], span->values[i]);
        }
        return;
    }
    answer->rows += span->count;
    for (size_t i = 0; i < span->count; i++) {
        answer->sum += span->values[i];
    }
    bench_use(span->timestamps);
}

/* The samples of the selected series; latest: only the last one of each; neither: just the
 * series. */
enum part { ALL_SAMPLES, LAST_SAMPLE, NO_SAMPLES };

static void ask_cursor(struct query_engine *engine, const varve_selection *selection,
                       enum part part, struct query_answer *answer)
{
    varve_cursor *cursor = NULL;
    varve_error error = {0};
    check(varve_select(engine->db, selection, &cursor, &error), &error);
    while (varve_cursor_next(cursor)) {
        const varve_label *labels;
        size_t label_count;
        int64_t time = 0;
        double value = 0;
        varve_span span;
        varve_cursor_labels(cursor, &labels, &label_count);
        while (part == ALL_SAMPLES && varve_cursor_span(cursor, &span)) {
            add_span(answer, labels, label_count, &span);
        }
        if (part == NO_SAMPLES ||
            (part == LAST_SAMPLE && varve_cursor_latest(cursor, &time, &value))) {
            add_row(answer, labels, label_count, time, value);
        }
    }
    check(varve_cursor_status(cursor, &error), &error);
    varve_cursor_close(cursor);
}

/* Functions over the selection; columns: values of one row are rows of the answer. */
static void ask_rows(struct query_engine *engine, const varve_selection *selection,
                     const varve_function *functions, size_t function_count, int64_t step,
                     varve_grouping grouping, struct query_answer *answer)
{
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    varve_rows *rows = NULL;
    varve_row row;
    varve_error error = {0};
    aggregation.functions = functions;
    aggregation.function_count = function_count;
    aggregation.step = step;
    aggregation.grouping = grouping;
    check(varve_aggregate(engine->db, selection, &aggregation, &rows, &error), &error);
    while (varve_rows_next(rows, &row)) {
        for (size_t i = 0; i < row.value_count; i++) {
            int64_t time = row.value_count > 1 ? (int64_t)i : row.time;
            add_row(answer, row.labels, row.label_count, time, row.values[i]);
        }
    }
    check(varve_rows_status(rows, &error), &error);
    varve_rows_close(rows);
}

static void ask_strings(struct query_engine *engine, bool values, struct query_answer *answer)
{
    varve_selection everything = selection_init(engine);
    varve_strings *strings = NULL;
    varve_error error = {0};
    check(values ? varve_label_values(engine->db, VARVE_STRING("hostname"), &everything, &strings,
                                      &error)
                 : varve_label_names(engine->db, &everything, &strings, &error),
          &error);
    for (size_t i = 0; i < varve_strings_count(strings); i++) {
        varve_string text = varve_strings_get(strings, i);
        bool metric = !values && text.length == 8 && memcmp(text.bytes, "__name__", 8) == 0;
        text = metric ? VARVE_STRING("metric") : text;
        answer->rows++;
        if (answer->digesting) {
            query_digest(answer, text.bytes, values ? 0 : text.length, text.bytes,
                         values ? text.length : 0, 0, 0);
        }
    }
    varve_strings_destroy(strings);
}

static void ask_aggregate(struct query_engine *engine, enum query_id query,
                          struct query_answer *answer)
{
    static const varve_function average = VARVE_FUNCTION_AVG, greatest = VARVE_FUNCTION_MAX;
    static const varve_function five[] = {VARVE_FUNCTION_MIN, VARVE_FUNCTION_MAX,
                                          VARVE_FUNCTION_SUM, VARVE_FUNCTION_COUNT,
                                          VARVE_FUNCTION_AVG};
    const varve_matcher metric = {VARVE_MATCH_EQUAL, VARVE_STRING("__name__"),
                                  string_of(engine->set->metrics[QUERY_FIELD])};
    varve_selection selection = selection_init(engine);
    if (query == QUERY_MINUTES) {
        selection.series = &engine->series[QUERY_HOST * TSBS_FIELDS + QUERY_FIELD];
        selection.series_count = 1;
        selection.start = QUERY_MINUTES_START;
        selection.end = QUERY_MINUTES_START + QUERY_HOUR;
        ask_rows(engine, &selection, &average, 1, QUERY_MINUTE, VARVE_GROUP_NONE, answer);
    } else if (query == QUERY_RECENT) {
        selection.series = &engine->series[QUERY_HOST * TSBS_FIELDS];
        selection.series_count = TSBS_FIELDS;
        selection.start = engine->now - QUERY_HOUR;
        selection.end = engine->now;
        ask_rows(engine, &selection, &average, 1, QUERY_MINUTE, VARVE_GROUP_NONE, answer);
    } else if (query == QUERY_MAX) {
        selection.matchers = &metric;
        selection.matcher_count = 1;
        ask_rows(engine, &selection, &greatest, 1, QUERY_HOUR, VARVE_GROUP_BY, answer);
    } else if (query == QUERY_AVERAGES) {
        ask_rows(engine, &selection, &average, 1, QUERY_HOUR, VARVE_GROUP_NONE, answer);
    } else {
        ask_rows(engine, &selection, five, BENCH_COUNT_OF(five), 0, VARVE_GROUP_BY, answer);
    }
}

static void engine_ask(struct query_engine *engine, enum query_id query,
                       struct query_answer *answer)
{
    varve_selection selection = selection_init(engine);
    const varve_matcher hosts = {VARVE_MATCH_REGEX, VARVE_STRING("hostname"),
                                 string_of(engine->set->host_count > 100 ? "host_1.." : "host_1.")};
    switch (query) {
    case QUERY_RAW:
        selection.series = &engine->series[QUERY_HOST * TSBS_FIELDS + QUERY_FIELD];
        selection.series_count = 1;
        ask_cursor(engine, &selection, ALL_SAMPLES, answer);
        return;
    case QUERY_LATEST:
        ask_cursor(engine, &selection, LAST_SAMPLE, answer);
        return;
    case QUERY_SERIES:
        selection.matchers = &hosts;
        selection.matcher_count = 1;
        ask_cursor(engine, &selection, NO_SAMPLES, answer);
        return;
    case QUERY_VALUES:
    case QUERY_NAMES:
        ask_strings(engine, query == QUERY_VALUES, answer);
        return;
    case QUERY_MINUTES:
    case QUERY_MAX:
    case QUERY_AVERAGES:
    case QUERY_WHOLE:
    case QUERY_RECENT:
        ask_aggregate(engine, query, answer);
        return;
    case QUERY_COUNT:
        return;
    }
}

void query_varve_profile(struct query_engine *engine, enum query_id query,
                         struct varve_profile *profile)
{
    struct query_answer answer = {0};
    engine->profile = profile;
    engine_ask(engine, query, &answer);
    engine->profile = NULL;
}

const struct query_engine_ops query_varve = {"varve", engine_open, engine_ask, engine_close};
