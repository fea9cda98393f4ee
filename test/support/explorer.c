/*
 * explorer.c - the search, with a hash table of what was seen.
 *
 * Thread: one.
 */
#include "support/explorer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STATES_MAX = 1 << 22 };

static const struct explorer_model *model;
static const char *broken; /* what was found */
static uint8_t *visited;   /* states, a hash table */
static uint8_t *used;
static uint64_t visited_count;

void explorer_check(bool holds, const char *property)
{
    if (!holds && broken == NULL) {
        broken = property;
    }
}

/* False if that was done before. */
static bool visit(const uint8_t *state)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < model->state_bytes; i++) {
        hash = (hash ^ state[i]) * 1099511628211u;
    }
    for (uint64_t slot = hash ^ hash >> 32;; slot++) {
        slot &= STATES_MAX - 1;
        uint8_t *place = visited + slot * model->state_bytes;
        if (!used[slot]) {
            assert_true(++visited_count < STATES_MAX / 2);
            used[slot] = 1;
            memcpy(place, state, model->state_bytes);
            return true;
        }
        if (memcmp(place, state, model->state_bytes) == 0) {
            return false;
        }
    }
}

static void explore(const uint8_t *state)
{
    bool stuck = true;
    for (int thread = 0; thread < model->thread_count && broken == NULL; thread++) {
        _Alignas(8) uint8_t next[EXPLORER_STATE_BYTES_MAX];
        memcpy(next, state, model->state_bytes);
        if (model->step(next, thread)) {
            stuck &= thread >= model->waited_for_count;
            if (broken == NULL && visit(next)) {
                explore(next);
            }
        }
    }
    if (stuck && broken == NULL) {
        model->end(state);
    }
}

const char *explorer_run(const struct explorer_model *explored, const char *name,
                         uint64_t *state_count)
{
    _Alignas(8) uint8_t start[EXPLORER_STATE_BYTES_MAX] = {0};
    model = explored;
    broken = NULL;
    visited_count = 0;
    visited = calloc(STATES_MAX, model->state_bytes);
    used = calloc(STATES_MAX, 1);
    assert_true(model->state_bytes <= sizeof(start) && visited != NULL && used != NULL);
    model->begin(start);
    (void)visit(start);
    explore(start);
    free(visited);
    free(used);
    print_message("%s: %llu states, %s\n", name, (unsigned long long)visited_count,
                  broken == NULL ? "right" : broken);
    *state_count = visited_count;
    return broken;
}
