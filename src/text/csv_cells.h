/*
 * csv_cells.h - the cells of a record of CSV, as RFC 4180 has them.
 *
 * Cells are separated by commas. A cell that begins with a double quote ends with the next one that
 * is not doubled, and may hold commas, doubled quotes and line feeds; other cells hold no quotes.
 *
 * Cells are kept as places in the line, since a record that goes on over line feeds may move.
 */
#ifndef VARVE_TEXT_CSV_CELLS_H
#define VARVE_TEXT_CSV_CELLS_H

#include "text/importer.h"

struct vv_csv_cell {
    size_t start;  /* of its content, in the line: behind the quote if it has one */
    size_t length; /* of its content, doubled quotes still doubled */
    bool quoted;
    bool doubled; /* has doubled quotes */
};

/**
 * vv_csv_split() - the cells of the record that begins with the line; more lines are taken if need
 * be.
 *
 * @cells  capacity entries; a fault if there are more cells.
 * @count  out; at least 1.
 */
varve_status vv_csv_split(struct vv_importer *importer, struct vv_line *line,
                          struct vv_csv_cell *cells, size_t capacity,
                          size_t *count) VARVE_MUST_CHECK;

/* The content of a cell: in the line, or with its doubled quotes undone in the scratch. */
varve_string vv_csv_content(struct vv_importer *importer, const struct vv_line *line,
                            const struct vv_csv_cell *cell);

/* The content without spaces and tabs around it, unless it is quoted. */
varve_string vv_csv_trimmed(struct vv_importer *importer, const struct vv_line *line,
                            const struct vv_csv_cell *cell);

#endif
