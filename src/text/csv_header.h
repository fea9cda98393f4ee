/*
 * csv_header.h - what the columns of a CSV input are.
 *
 * The header series,time,value (without options for columns) means rows of one sample each, whose
 * first cell is canonical series text. Otherwise each column is the time, a label
 * (options->label_columns) or values of one metric.
 */
#ifndef VARVE_TEXT_CSV_HEADER_H
#define VARVE_TEXT_CSV_HEADER_H

#include "text/csv_cells.h"

#define VV_CSV_COLUMNS_MAX 4096u

enum vv_csv_role { VV_CSV_VALUE, VV_CSV_TIME, VV_CSV_LABEL };

struct vv_csv_column {
    enum vv_csv_role role;
    varve_string name;
    varve_string metric; /* of a value column */
};

struct vv_csv_header {
    struct vv_csv_column *columns; /* count entries */
    size_t count;                  /* 0 until the header has been read */
    size_t time;                   /* the time column */
    bool canonical;                /* series,time,value */
    char *names;                   /* the bytes of all names */
};

void vv_csv_header_fini(struct vv_csv_header *header);

/**
 * vv_csv_header_read() - take the first line for the header.
 *
 * What is wrong with it ends the import: INVALID with importer->error filled, since no row means
 * anything without it.
 */
varve_status vv_csv_header_read(struct vv_importer *importer, struct vv_line *line,
                                struct vv_csv_cell *cells,
                                struct vv_csv_header *header) VARVE_MUST_CHECK;

#endif
