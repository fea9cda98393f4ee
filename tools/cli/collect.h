/*
 * collect.h - metrics of this host, read from /proc, for `varve collect`.
 *
 * Names and units are those of the Prometheus node exporter, so that what one knows of it holds
 * here. A file that is missing or looks different is passed over: kernels and containers differ.
 */
#ifndef VARVE_TOOLS_COLLECT_H
#define VARVE_TOOLS_COLLECT_H

#include "cli.h"

#include <stdio.h>

/* One round of samples on the way to the database. */
struct cli_round {
    varve_db *db;
    varve_string host;
    int64_t time;
    varve_series *series;
    double *values;
    size_t count;
    size_t capacity;
    varve_status status; /* the first failure; then nothing more is added */
    varve_error error;
};

struct cli_pair {
    const char *name;
    const char *value;
};

/* Adds a sample of the metric with these labels (and host). */
void cli_round_add(struct cli_round *round, const char *metric, double value,
                   const struct cli_pair *labels, size_t label_count);

/* The same without labels. */
void cli_round_add_plain(struct cli_round *round, const char *metric, double value);

/* Calls line for each line of the file, without its line feed. */
void cli_each_line(const char *path, void (*line)(struct cli_round *round, char *text),
                   struct cli_round *round);

/* Reads up to capacity numbers separated by blanks, and returns how many there were. */
size_t cli_read_numbers(const char *text, double *numbers, size_t capacity);

void cli_collect_cpu(struct cli_round *round);
void cli_collect_memory(struct cli_round *round);
void cli_collect_disks(struct cli_round *round);
void cli_collect_network(struct cli_round *round);
void cli_collect_pressure(struct cli_round *round);
void cli_collect_filesystems(struct cli_round *round);

#endif
