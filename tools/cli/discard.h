/*
 * discard.h - takes back a database that a failed verb has created.
 */
#ifndef VARVE_TOOLS_DISCARD_H
#define VARVE_TOOLS_DISCARD_H

/* Removes the closed database at path if it is empty and no other process has opened it. Silent:
 * what cannot be removed stays. Only for a path that this process has created. */
void cli_discard_empty(const char *path);

#endif
