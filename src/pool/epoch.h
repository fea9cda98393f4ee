/*
 * epoch.h - memory is given back only when no reader can still see it.
 *
 * Readers of lock-free structures stay inside a section while they hold pointers. Whoever takes an
 * object out of such a structure defers its destructor, which runs when every section that was open
 * at that moment has ended. Built on ck_epoch; one domain per database.
 *
 *   reader                                   writer
 *   r = vv_epoch_enter(epoch)                old = atomic_exchange(&shared, new)
 *   p = atomic_load(&shared)  ... use p      vv_epoch_defer(epoch, &old->entry, free_old)
 *   vv_epoch_exit(r)                         vv_epoch_poll(epoch)   now and then
 *
 * Sections are short: no I/O, no waiting, never across calls into varve. An open one holds back
 * every destructor of its domain. They nest.
 *
 * Threads: any, without registration. A domain may be destroyed while threads that have used it
 * live on. Cost: enter and exit together about one uncontended atomic exchange (5 ns); the first
 * enter of a thread in a domain may allocate its record. Defer takes a mutex.
 */
#ifndef VARVE_POOL_EPOCH_H
#define VARVE_POOL_EPOCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct vv_epoch;
struct vv_epoch_section; /* the calling thread's record in a domain */

/* Embedded in objects whose end is deferred. Nothing to initialise. */
struct vv_epoch_entry {
    void *reserved[2];
    void (*destructor)(struct vv_epoch_entry *entry);
};

/* VARVE_NO_MEMORY, or a domain in *epoch. */
varve_status vv_epoch_create(struct vv_epoch **epoch);
/* Drains, then frees. No section may be open, none may be entered. NULL is fine. */
void vv_epoch_destroy(struct vv_epoch *epoch);

/* Opens a section; NULL if memory is out, which can happen only the first time that a thread enters
 * a domain. The section belongs to the calling thread. */
struct vv_epoch_section *vv_epoch_enter(struct vv_epoch *epoch);
void vv_epoch_exit(struct vv_epoch_section *section);

/* The object of entry has been unlinked: nobody who enters from now on can find it. Its destructor
 * will run once, in a thread that polls or drains, outside of all locks of the domain; it may defer
 * others. From any thread, inside or outside of sections. */
void vv_epoch_defer(struct vv_epoch *epoch, struct vv_epoch_entry *entry,
                    void (*destructor)(struct vv_epoch_entry *entry));
/* Runs the destructors that may run already; returns how many did. Never waits for readers. An
 * entry needs up to three polls while readers come and go. */
size_t vv_epoch_poll(struct vv_epoch *epoch);
/* Polls until nothing is pending: waits for readers. Not from inside a section. */
void vv_epoch_drain(struct vv_epoch *epoch);
/* Entries deferred whose destructors have not run yet; a hint when to poll. */
size_t vv_epoch_pending(const struct vv_epoch *epoch);

#endif
