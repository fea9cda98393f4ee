/*
 * control.c - what ends a query from outside.
 *
 * Threads: any; also from signal handlers.
 */
#include "base/status.h"

void varve_cancel_request(varve_cancel *cancel)
{
    /* Relaxed: nothing else is told by the flag. */
    __atomic_store_n(&cancel->requested, 1, __ATOMIC_RELAXED);
}
