/*
 * turn.h - group commit: one thread works for all that wait for the same thing.
 *
 *   reached ----------->|          what is done, a position that only grows
 *   waiting:   4   7   9   12      positions that threads want it to be at
 *   holder:    works up to 10, gives its turn back: 4, 7 and 9 return together, 12 may try
 *
 * Whoever finds the turn free has it and works, for everybody's wishes as far as it sees them; the
 * others sleep until somebody has done what they want, or until it is theirs to do. Without
 * contention taking and giving are one atomic exchange each, without a system call.
 */
#ifndef VARVE_OS_TURN_H
#define VARVE_OS_TURN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "os/thread.h"

struct vv_turn_waiter;

struct vv_turn {
    /* Constant after init. */
    const _Atomic uint64_t *reached;
    unsigned looks_max; /* a waiter looks so often before it sleeps */

    /* Shared. */
    _Alignas(64) atomic_bool taken;
    atomic_uint waiting; /* in the line, or about to enter it */

    /* Guarded by mutex. */
    struct vv_mutex mutex;
    struct vv_turn_waiter *first; /* the line, oldest first */
    struct vv_turn_waiter **end;
};

/* A wish that nobody else's work fulfils: to have the turn, whatever is reached. */
#define VV_TURN_ALWAYS UINT64_MAX

/* reached outlives the turn. looks_max: about how long the work is: some hundred for a system call
 * that does not wait, 0 for one that waits for a disk. */
void vv_turn_init(struct vv_turn *turn, const _Atomic uint64_t *reached, unsigned looks_max);
void vv_turn_fini(struct vv_turn *turn); /* nobody has it or waits */

/**
 * vv_turn_take() - wait until reached is at least wanted, or the turn is the caller's.
 *
 * True: it is, until vv_turn_give(), and the caller has to work. False: nothing is left to do.
 * No order among waiters is promised, but that nobody is forgotten.
 */
bool vv_turn_take(struct vv_turn *turn, uint64_t wanted);
/* Never waits: false if somebody has it. */
static inline bool vv_turn_try_take(struct vv_turn *turn)
{
    /* Acquire pairs with the release in vv_turn_give(). */
    return !atomic_load_explicit(&turn->taken, memory_order_relaxed) &&
           !atomic_exchange_explicit(&turn->taken, true, memory_order_acquire);
}
/* Gives it back; who wanted what is reached by now returns, and one of the others tries. */
void vv_turn_give(struct vv_turn *turn);

#endif
