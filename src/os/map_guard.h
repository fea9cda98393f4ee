/*
 * map_guard.h - a mapped file that is cut off, or a disk that fails under it, makes a flag and
 * zeros instead of SIGBUS.
 *
 *   touch --SIGBUS--> one of our mappings?  yes: flag set, zeros put over the page, touched again
 *                                           no: whoever had the signal before
 *
 * Mappings of env_posix.c are in a table that the signal handler reads without a lock. The handler
 * is the process's and is installed only if the program asks for it; without it no flag is set.
 */
#ifndef VARVE_OS_MAP_GUARD_H
#define VARVE_OS_MAP_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Installs the handler, once for the process; 0 or -errno. Any thread. */
int vv_map_guard_install(void);

/* Enters a mapping into the table, or takes it out before it is unmapped. If the table is full, it
 * stays unguarded. */
void vv_map_guard_add(const uint8_t *bytes, size_t length);
void vv_map_guard_remove(const uint8_t *bytes);

/* True once a page of the mapping that begins there was lost. The flag may be asked as long as the
 * mapping stands; for anything else it is one that stays false. */
const _Atomic(bool) *vv_map_guard_flag(const uint8_t *bytes);

/* Pages that were lost in this process so far. */
extern _Atomic(uint64_t) vv_map_guard_losses;

#endif
