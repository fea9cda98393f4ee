/*
 * import_excerpt.h - shows the line that an import could not read, with a caret under the column.
 */
#ifndef VARVE_TOOLS_IMPORT_EXCERPT_H
#define VARVE_TOOLS_IMPORT_EXCERPT_H

#include <stdint.h>
#include <stdio.h>

/* A second look at a file that is being imported. Start with {0}. */
struct cli_excerpt {
    FILE *file;
    uint64_t line;  /* lines read so far */
    uint64_t bytes; /* and their bytes */
};

/* Shows on standard error what message ("PATH:LINE:COLUMN: reason") is about, if it can be found
 * without reading far. Messages come in the order of their lines. */
void cli_excerpt_show(struct cli_excerpt *excerpt, const char *path, const char *message);

void cli_excerpt_fini(struct cli_excerpt *excerpt);

#endif
