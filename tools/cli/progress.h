/*
 * progress.h - a line on standard error that tells how far a long job is, on terminals only.
 */
#ifndef VARVE_TOOLS_PROGRESS_H
#define VARVE_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct cli_progress {
    bool wanted;
    bool shown;
    int64_t began;
    int64_t last; /* when the line was printed last */
};

void cli_progress_init(struct cli_progress *progress);

/* Prints the line if it is time: bytes of total (0: not known) are read, and so many samples
 * stored. */
void cli_progress_update(struct cli_progress *progress, uint64_t bytes, uint64_t total,
                         uint64_t samples);

/* Removes the line, so that something else can be printed. */
void cli_progress_clear(struct cli_progress *progress);

#endif
