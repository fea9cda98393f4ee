/*
 * import_input.h - the files that `varve import` reads, one after the other.
 */
#ifndef VARVE_TOOLS_IMPORT_INPUT_H
#define VARVE_TOOLS_IMPORT_INPUT_H

#include <stdbool.h>
#include <stdint.h>

/**
 * cli_input_check() - whether all files can be read, before anything is created.
 *
 * Refuses what is missing, a directory, or packed by gzip, zstd, bzip2 or xz. "-" is standard
 * input.
 * @total_bytes  size of all files; 0 if one has no size (a pipe).
 * Returns 0, or the exit code after a message.
 */
int cli_input_check(const char *const *paths, uint64_t count, uint64_t *total_bytes);

/* Opens path for reading. Returns 0, or the exit code after a message. */
int cli_input_open(const char *path, int *fd);
void cli_input_close(int fd);

#endif
