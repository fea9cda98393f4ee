/*
 * pager.h - long output on a terminal goes through the user's pager.
 */
#ifndef VARVE_TOOLS_PAGER_H
#define VARVE_TOOLS_PAGER_H

#include <stdbool.h>

/* Starts the pager behind standard output, if that is a terminal and there is one. Whether standard
 * output is a terminal and has colours must be asked before. */
void cli_pager_begin(void);

/* Waits until the user has left the pager, and gives standard output back. It must be flushed.
 * Returns whether there was a pager. */
bool cli_pager_end(void);

#endif
