/*
 * explorer.h - every interleaving of a protocol that is modelled as steps of threads on one state.
 *
 * All states that can be reached are visited once, depth first. A step is one access to something
 * shared; whatever must hold is checked by the steps themselves.
 */
#ifndef VARVE_TEST_SUPPORT_EXPLORER_H
#define VARVE_TEST_SUPPORT_EXPLORER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXPLORER_STATE_BYTES_MAX = 256 };

struct explorer_model {
    size_t state_bytes; /* of bytes only, so that states can be compared as such */
    int thread_count;
    int waited_for_count; /* the threads behind may stop without anybody being stuck */

    void (*begin)(void *state); /* state is zeroed */
    /* The next step of a thread; false: it cannot go on in this state, or is done. */
    bool (*step)(void *state, int thread);
    /* No thread can go on: checks that all are done. */
    void (*end)(const void *state);
};

/* Called by steps: the first property that does not hold ends the run. */
void explorer_check(bool holds, const char *property);

/* Visits all states, prints how many there are; NULL, or the property that was broken. */
const char *explorer_run(const struct explorer_model *model, const char *name,
                         uint64_t *state_count);

#endif
