/*
 * csv_header.c - gives each column of a CSV input its role.
 *
 * Thread: that of the import.
 */
#include "text/csv_header.h"

#include <inttypes.h>

#include "base/number_text.h"
#include "base/time_text.h"
#include "os/alloc.h"

void vv_csv_header_fini(struct vv_csv_header *header)
{
    vv_free(header->columns);
    vv_free(header->names);
    *header = (struct vv_csv_header){0};
}

static bool equal(varve_string a, varve_string b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

/* A failure of the header, with the line and what is wrong with it. */
static varve_status refuse(struct vv_importer *importer, const struct vv_line *line,
                           const char *problem, varve_string name)
{
    char excerpt[VV_EXCERPT_BYTES];
    char header[VV_EXCERPT_BYTES];
    return vv_fail(importer->error, VARVE_INVALID, "%s:%" PRIu64 ": %s %s; the header is %s",
                   importer->name, line->number, problem,
                   vv_excerpt(excerpt, name.bytes, name.length),
                   vv_excerpt(header, line->text, line->length));
}

/* Copies the names out of the line, each with room for a metric name made of it. */
static varve_status copy_names(struct vv_importer *importer, const struct vv_line *line,
                               const struct vv_csv_cell *cells, struct vv_csv_header *header)
{
    varve_string metric = importer->options->metric;
    size_t bytes = 2 * line->length + header->count * (metric.length + 1) + 1;
    header->names = vv_alloc(bytes);
    if (header->names == NULL) {
        return VARVE_NO_MEMORY;
    }
    char *out = header->names;
    for (size_t index = 0; index < header->count; index++) {
        importer->scratch_used = 0;
        varve_string name = vv_csv_trimmed(importer, line, &cells[index]);
        struct vv_csv_column *column = &header->columns[index];
        *column = (struct vv_csv_column){.role = VV_CSV_VALUE, .name = {out, name.length}};
        memcpy(out, name.bytes, name.length);
        out += name.length;
        column->metric = column->name;
        if (metric.length > 0) {
            column->metric = (varve_string){out, metric.length + 1 + name.length};
            memcpy(out, metric.bytes, metric.length);
            out[metric.length] = '_';
            memcpy(out + metric.length + 1, name.bytes, name.length);
            out += column->metric.length;
        }
    }
    return VARVE_OK;
}

/* The column of that name; header->count if there is none. */
static size_t find_column(const struct vv_csv_header *header, varve_string name)
{
    size_t index = 0;
    while (index < header->count && !equal(header->columns[index].name, name)) {
        index++;
    }
    return index;
}

static bool is_canonical(const struct vv_importer *importer, const struct vv_csv_header *header)
{
    const varve_import_options *options = importer->options;
    return header->count == 3 && options->metric.length == 0 && options->label_column_count == 0 &&
           (options->time_column.length == 0 ||
            equal(options->time_column, VARVE_STRING("time"))) &&
           equal(header->columns[0].name, VARVE_STRING("series")) &&
           equal(header->columns[1].name, VARVE_STRING("time")) &&
           equal(header->columns[2].name, VARVE_STRING("value"));
}

static varve_status find_time(struct vv_importer *importer, const struct vv_line *line,
                              struct vv_csv_header *header)
{
    varve_string wanted = importer->options->time_column;
    if (wanted.length > 0) {
        header->time = find_column(header, wanted);
        return header->time < header->count
                   ? VARVE_OK
                   : refuse(importer, line, "there is no time column", wanted);
    }
    header->time = find_column(header, VARVE_STRING("time"));
    if (header->time == header->count) {
        header->time = find_column(header, VARVE_STRING("timestamp"));
    }
    if (header->time < header->count) {
        return VARVE_OK;
    }
    header->time = 0;
    /* The first column, then; but a time or a number there is a row, not the names of columns. */
    varve_string first = header->columns[0].name;
    int64_t time;
    double value;
    if (vv_rfc3339_parse(first, &time, NULL) == VARVE_OK ||
        vv_double_parse(first.bytes, first.length, &value)) {
        return refuse(importer, line, "the first line must name the columns, but begins with",
                      first);
    }
    return VARVE_OK;
}

static varve_status assign_roles(struct vv_importer *importer, const struct vv_line *line,
                                 struct vv_csv_header *header)
{
    const varve_import_options *options = importer->options;
    VV_TRY(find_time(importer, line, header));
    header->columns[header->time].role = VV_CSV_TIME;
    for (size_t index = 0; index < options->label_column_count; index++) {
        size_t column = find_column(header, options->label_columns[index]);
        if (column == header->count) {
            return refuse(importer, line, "there is no label column",
                          options->label_columns[index]);
        }
        if (column == header->time) {
            return refuse(importer, line,
                          "the time column cannot be a label:", options->label_columns[index]);
        }
        header->columns[column].role = VV_CSV_LABEL;
    }
    size_t values = 0;
    size_t last = 0;
    for (size_t index = 0; index < header->count; index++) {
        struct vv_csv_column *column = &header->columns[index];
        if (find_column(header, column->name) != index) {
            return refuse(importer, line, "two columns are called", column->name);
        }
        if (column->role == VV_CSV_VALUE) {
            values++;
            last = index;
        }
    }
    if (values == 0) {
        return refuse(importer, line, "there is no column of values beside",
                      header->columns[header->time].name);
    }
    if (values == 1 && options->metric.length > 0) {
        header->columns[last].metric = options->metric;
    }
    return VARVE_OK;
}

varve_status vv_csv_header_read(struct vv_importer *importer, struct vv_line *line,
                                struct vv_csv_cell *cells, struct vv_csv_header *header)
{
    size_t count;
    varve_status status = vv_csv_split(importer, line, cells, VV_CSV_COLUMNS_MAX, &count);
    if (status == VARVE_INVALID) {
        return vv_fail(importer->error, VARVE_INVALID, "%s:%" PRIu64 ":%zu: in the header: %s",
                       importer->name, line->number, (size_t)(importer->fault_at - line->text) + 1,
                       importer->fault_reason);
    }
    VV_TRY(status);
    header->columns = vv_alloc(count * sizeof *header->columns);
    if (header->columns == NULL) {
        return VARVE_NO_MEMORY;
    }
    header->count = count;
    VV_TRY(copy_names(importer, line, cells, header));
    header->canonical = is_canonical(importer, header);
    if (header->canonical) {
        header->time = 1;
        return VARVE_OK;
    }
    return assign_roles(importer, line, header);
}
