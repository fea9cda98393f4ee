/*
 * life.h - a piece of a database's life that is cut short everywhere: the power goes after each of
 * its changes to the disk, each of its calls to the system fails; what is left is judged.
 *
 * VARVE_TEST_LONG=1 tries every boundary and every call instead of a sample.
 */
#ifndef VARVE_TEST_SUPPORT_LIFE_H
#define VARVE_TEST_SUPPORT_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/env.h"

struct life {
    /* Runs afresh on an empty disk and remembers what was acknowledged; n varies it a little. Gives
     * back all that it holds, whatever the status. */
    varve_status (*run)(void *context, const struct vv_env *env, uint64_t n);
    /* Fails the test unless the disk holds what it may; nothing fails any more. */
    void (*check)(void *context, const struct vv_env *env, const char *what);
    void *context;
};

struct life_fault {
    uint32_t calls; /* VV_CALL_BIT()s */
    int error;
    unsigned stride; /* in a short run every so-manieth call is tried */
};

bool life_is_long(void);

/* Cuts the power after every stride-th change, and judges what every kind of crash leaves. */
void life_cut_power(const struct life *life, unsigned stride);

/* Has calls fail, once and from then on. Also counts that every handle and mapping is given back,
 * and expects success where no fault was met. */
void life_fail_calls(const struct life *life, const struct life_fault *faults, size_t count);

#endif
