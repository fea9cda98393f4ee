/*
 * strings.c - lists of label names and values.
 *
 * A series counts only if it has a sample, so that what was deleted is not listed. The shard knows
 * without looking at samples unless there are deletions that no compaction has carried out yet:
 * then the cursor says it, series by series.
 */
#include "engine/database.h"
#include "index/string_list.h"
#include "os/alloc.h"
#include "query/control.h"

enum { LIST_BYTES_MAX_DEFAULT = 64 << 20 };

struct varve_strings {
    struct vv_string_list list;
};

/* Adds the names of the current series, or its value of one label if name is not NULL. */
static varve_status add_series(struct vv_string_list *list, varve_cursor *cursor,
                               const varve_string *name)
{
    const varve_label *labels;
    size_t count;
    varve_cursor_labels(cursor, &labels, &count);
    for (size_t i = 0; i < count; i++) {
        if (name == NULL) {
            VV_TRY(vv_string_list_add(list, labels[i].name));
        } else if (vv_string_compare(labels[i].name, *name) == 0) {
            VV_TRY(vv_string_list_add(list, labels[i].value));
        }
    }
    return VARVE_OK;
}

/* Looks at every selected series. */
static varve_status list_by_cursor(varve_db *db, const varve_selection *selection,
                                   const varve_string *name, struct vv_string_list *list,
                                   varve_error *error)
{
    varve_cursor *cursor = NULL;
    varve_selection whole = *selection;
    whole.start = INT64_MIN;
    whole.end = INT64_MAX;
    VV_TRY(varve_select(db, &whole, &cursor, error));
    varve_status status = VARVE_OK;
    while (status == VARVE_OK && varve_cursor_next(cursor)) {
        status = add_series(list, cursor, name);
    }
    if (status == VARVE_OK) {
        status = varve_cursor_status(cursor, error);
    }
    varve_cursor_close(cursor);
    return status;
}

static varve_status fill_list(varve_db *db, const varve_selection *selection,
                              const varve_string *name, struct vv_string_list *list,
                              varve_error *error)
{
    struct vv_query_control control;
    struct vv_matchers *matchers = NULL;
    bool hidden = selection->series_count > 0; /* handles, not matchers: the cursor knows them */
    VV_TRY(vv_query_control_begin(&control, db->env, selection->limits, error));
    VV_TRY(vv_selection_check(selection, error));
    if (selection->matcher_count > 0) { /* all series need none */
        VV_TRY(
            vv_matchers_compile(selection->matchers, selection->matcher_count, &matchers, error));
    }
    varve_status status = VARVE_OK;
    if (!hidden) {
        status = vv_shard_list_labels(db->shard, matchers, name, &control, list, &hidden, error);
    }
    vv_matchers_destroy(matchers);
    if (status == VARVE_OK && hidden) {
        status = list_by_cursor(db, selection, name, list, error);
    }
    return status == VARVE_OK ? vv_string_list_sort(list) : status;
}

static varve_status list(varve_db *db, const varve_selection *selection, const varve_string *name,
                         varve_strings **strings, varve_error *error)
{
    varve_error detail = {.status = VARVE_OK};
    vv_error_clear(error);
    if (selection == NULL || selection->options_size != sizeof(*selection)) {
        return vv_fail(error, VARVE_INVALID, "fill the selection with VARVE_SELECTION_INIT");
    }
    struct varve_strings *created = vv_alloc_zeroed(1, sizeof(*created));
    if (created == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory for a list of labels");
    }
    uint64_t bytes_max = selection->limits != NULL ? selection->limits->memory_bytes_max : 0;
    created->list.bytes_max = bytes_max != 0 ? bytes_max : LIST_BYTES_MAX_DEFAULT;
    varve_status status = fill_list(db, selection, name, &created->list, &detail);
    if (status == VARVE_OK) {
        *strings = created;
        return VARVE_OK;
    }
    varve_strings_destroy(created);
    if (detail.status != VARVE_OK) {
        if (error != NULL) {
            *error = detail;
        }
        return status;
    }
    return vv_fail(error, status, "cannot list labels: %s%s", varve_status_text(status),
                   status == VARVE_LIMIT ? " (memory_bytes_max, or that of a regular expression)"
                                         : "");
}

varve_status varve_label_names(varve_db *db, const varve_selection *selection,
                               varve_strings **names, varve_error *error)
{
    return list(db, selection, NULL, names, error);
}

varve_status varve_label_values(varve_db *db, varve_string name, const varve_selection *selection,
                                varve_strings **values, varve_error *error)
{
    return list(db, selection, &name, values, error);
}

size_t varve_strings_count(const varve_strings *strings)
{
    return strings->list.count;
}

varve_string varve_strings_get(const varve_strings *strings, size_t index)
{
    VV_ASSERT(index < strings->list.count);
    return strings->list.sorted[index];
}

void varve_strings_destroy(varve_strings *strings)
{
    if (strings != NULL) {
        vv_string_list_fini(&strings->list);
        vv_free(strings);
    }
}
