/*
 * sparkline.h - the course of a series in sixteen cells, for tables on a terminal.
 */
#ifndef VARVE_TOOLS_SPARKLINE_H
#define VARVE_TOOLS_SPARKLINE_H

#include "cli.h"

#define CLI_SPARKLINE_CELLS 16u
/* Bytes of a sparkline at most. */
#define CLI_SPARKLINE_BYTES (CLI_SPARKLINE_CELLS * 4)

struct cli_sparklines;

/* Starts the aggregation of the selected series over the range of the whole database. NULL: there
 * is none to show. */
struct cli_sparklines *cli_sparklines_create(varve_db *db, const varve_selection *selection);

/**
 * cli_sparkline_next() - the sparkline of a series.
 *
 * @labels  ask in the order of varve_select(), each series once at most.
 * @text    CLI_SPARKLINE_BYTES of room.
 * Returns the bytes written.
 */
size_t cli_sparkline_next(struct cli_sparklines *sparklines, const varve_label *labels,
                          size_t label_count, char *text);

void cli_sparklines_destroy(struct cli_sparklines *sparklines);

#endif
