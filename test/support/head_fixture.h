/*
 * head_fixture.h - a head of five series beside a model of what was ever appended to it, for tests
 * of head_latest.c.
 */
#ifndef VARVE_TEST_SUPPORT_HEAD_FIXTURE_H
#define VARVE_TEST_SUPPORT_HEAD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "storage/head/head_latest.h"
#include "support/database_model.h"

enum { SERIES = 5 };

/* What was ever appended, flushed or not. */
struct fixture {
    struct vv_head head;
    uint64_t generation;
    int64_t time_max; /* of what was inserted */
    uint32_t marks[SERIES + VV_HEAD_LINE_SERIES];
    size_t sealed; /* tails */
    struct model_series models[SERIES];
};

static inline int set_up(void **state)
{
    struct fixture *fixture = vv_alloc_aligned(64, sizeof(*fixture));
    memset(fixture, 0, sizeof(*fixture));
    assert_int_equal(vv_head_init(&fixture->head), VARVE_OK);
    fixture->generation = 1;
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t ref = 0; ref < SERIES; ref++) {
        (void)vv_head_drop(&fixture->head, ref, UINT64_MAX);
        free(fixture->models[ref].samples);
    }
    vv_head_fini(&fixture->head);
    vv_free(fixture);
    return 0;
}

static inline void lock(struct fixture *fixture, uint32_t ref, struct vv_head_locks *locks)
{
    vv_head_locks_init(locks);
    assert_int_equal(vv_head_lock_refs(&fixture->head, &ref, 1, locks), VARVE_OK);
}

static inline void unlock(struct vv_head_locks *locks)
{
    vv_head_unlock_refs(locks);
    vv_head_locks_fini(locks);
}

static inline void insert(struct fixture *fixture, uint32_t ref, varve_duplicates policy,
                          int64_t timestamp, double value)
{
    struct vv_head_locks locks;
    lock(fixture, ref, &locks);
    struct vv_head_batch batch = {&ref, &timestamp, &value, policy, fixture->generation};
    assert_int_equal(vv_head_insert_and_unlock(&fixture->head, &batch, &locks), VARVE_OK);
    unlock(&locks);
    model_append(&fixture->models[ref], policy, timestamp, value);
    fixture->time_max = timestamp > fixture->time_max ? timestamp : fixture->time_max;
}

static inline void delete_range(struct fixture *fixture, uint32_t ref, int64_t start, int64_t end)
{
    struct vv_head_locks locks;
    lock(fixture, ref, &locks);
    assert_int_equal(vv_head_delete(&fixture->head, ref, fixture->generation,
                                    (struct vv_range){start, end}, true),
                     VARVE_OK);
    unlock(&locks);
    model_delete(&fixture->models[ref], start, end);
}

/* The newest sample of all that the series has; false if it has none. */
static inline bool newest(const struct fixture *fixture, uint32_t ref, int64_t *timestamp,
                          double *value)
{
    const struct model_series *model = &fixture->models[ref];
    if (model->count == 0) {
        return false;
    }
    *timestamp = model->samples[model->count - 1].timestamp;
    *value = model->samples[model->count - 1].value;
    return true;
}

static inline void note(struct fixture *fixture, uint32_t ref)
{
    int64_t timestamp;
    double value;
    if (newest(fixture, ref, &timestamp, &value)) {
        vv_head_note_latest(&fixture->head, ref, vv_head_latest_stamp(&fixture->head), timestamp,
                            value);
    }
}

/* What a flush does with all generations but the present one. */
static inline void flush(struct fixture *fixture)
{
    vv_head_note_blocks(&fixture->head, fixture->time_max);
    for (uint32_t ref = 0; ref < SERIES; ref++) {
        (void)vv_head_drop(&fixture->head, ref, fixture->generation - 1);
    }
}

/* As some minutes in which nobody appends. */
static inline void seal_idle(struct fixture *fixture)
{
    for (uint32_t ref = 0; ref < SERIES; ref += VV_HEAD_LINE_SERIES) {
        for (int round = 0; round < 2; round++) {
            fixture->sealed += vv_head_seal_idle(&fixture->head, ref, fixture->generation - 1,
                                                 fixture->marks + ref);
        }
    }
}

#endif
