/*
 * csv_cells.c - splits records of CSV.
 *
 * Thread: that of the import.
 */
#include "text/csv_cells.h"

/* The quoted cell whose opening quote stands at *at, which moves behind the closing one. */
static varve_status take_quoted(struct vv_importer *importer, struct vv_line *line, size_t *at,
                                struct vv_csv_cell *cell)
{
    size_t quote = *at;
    size_t next = quote + 1;
    *cell = (struct vv_csv_cell){.start = next, .quoted = true};
    for (;;) {
        size_t left = line->length > next ? line->length - next : 0;
        const char *found = left > 0 ? memchr(line->text + next, '"', left) : NULL;
        if (found == NULL) {
            next = line->length;
            varve_status status = vv_import_extend(importer, line);
            if (status == VARVE_NOT_FOUND || status == VARVE_LIMIT) {
                return vv_import_fault(importer, line->text + quote, "the quote is not closed");
            }
            VV_TRY(status);
            continue;
        }
        next = (size_t)(found - line->text) + 1;
        if (next >= line->length || line->text[next] != '"') {
            break;
        }
        cell->doubled = true;
        next++;
    }
    cell->length = next - 1 - cell->start;
    *at = next;
    if (next < line->length && line->text[next] != ',') {
        return vv_import_expected(importer, line, line->text + next,
                                  "a comma after the closing quote", ",");
    }
    return VARVE_OK;
}

static varve_status take_plain(struct vv_importer *importer, const struct vv_line *line, size_t *at,
                               struct vv_csv_cell *cell)
{
    const char *start = line->text + *at;
    const char *end = line->text + line->length;
    const char *stop = start;
    while (stop < end && *stop != ',') {
        if (*stop == '"' || *stop == '\0') {
            return vv_import_fault(importer, stop, "%s in a cell that is not quoted",
                                   *stop == '"' ? "quote" : "NUL byte");
        }
        stop++;
    }
    *cell = (struct vv_csv_cell){.start = *at, .length = (size_t)(stop - start)};
    *at += cell->length;
    return VARVE_OK;
}

varve_status vv_csv_split(struct vv_importer *importer, struct vv_line *line,
                          struct vv_csv_cell *cells, size_t capacity, size_t *count)
{
    size_t used = 0;
    size_t at = 0;
    for (;;) {
        if (used == capacity) {
            return vv_import_fault(importer, line->text + at, "more than %zu columns", capacity);
        }
        if (line->text[at] == '"' && at < line->length) {
            VV_TRY(take_quoted(importer, line, &at, &cells[used]));
        } else {
            VV_TRY(take_plain(importer, line, &at, &cells[used]));
        }
        used++;
        if (at >= line->length) {
            break;
        }
        at++;
    }
    *count = used;
    return VARVE_OK;
}

varve_string vv_csv_content(struct vv_importer *importer, const struct vv_line *line,
                            const struct vv_csv_cell *cell)
{
    const char *at = line->text + cell->start;
    if (!cell->doubled) {
        return (varve_string){at, cell->length};
    }
    const char *end = at + cell->length;
    char *start = importer->scratch + importer->scratch_used;
    char *out = start;
    for (; at < end; at++) {
        at += *at == '"' ? 1 : 0;
        *out++ = *at;
    }
    importer->scratch_used += (size_t)(out - start);
    return (varve_string){start, (size_t)(out - start)};
}

varve_string vv_csv_trimmed(struct vv_importer *importer, const struct vv_line *line,
                            const struct vv_csv_cell *cell)
{
    varve_string text = vv_csv_content(importer, line, cell);
    if (cell->quoted) {
        return text;
    }
    while (text.length > 0 && vv_is_blank(text.bytes[0])) {
        text.bytes++;
        text.length--;
    }
    while (text.length > 0 && vv_is_blank(text.bytes[text.length - 1])) {
        text.length--;
    }
    return text;
}
