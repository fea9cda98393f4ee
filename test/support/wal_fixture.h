/*
 * wal_fixture.h - a log on a simulated disk behind a fault injector, and what a replay of it finds.
 */
#ifndef VARVE_TEST_SUPPORT_WAL_FIXTURE_H
#define VARVE_TEST_SUPPORT_WAL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "os/env_fault.h"
#include "os/env_sim.h"
#include "storage/log/wal.h"

enum { WAL_FRAMES_MAX = 4096, WAL_REPORTS_MAX = 16 };

struct wal_fixture {
    struct vv_env_sim *sim;
    struct vv_env_fault *fault;
    struct vv_wal_place place;
    struct vv_report report;
    struct vv_wal wal;
    uint64_t ring_bytes; /* 0: the default */
    bool zero_ahead;
    bool is_open;

    /* What the last replay found. */
    struct vv_wal_recovery recovery;
    uint64_t payloads[WAL_FRAMES_MAX]; /* the number in each samples frame, in order */
    size_t payload_count;

    varve_event_kind kinds[WAL_REPORTS_MAX];
    uint64_t offsets[WAL_REPORTS_MAX];
    char messages[WAL_REPORTS_MAX][200];
    size_t report_count;
};

static inline void wal_fixture_report(void *context, varve_event_kind kind, varve_status status,
                                      const char *file, uint64_t offset, const char *message)
{
    struct wal_fixture *fixture = context;
    (void)status;
    (void)file;
    if (fixture->report_count < WAL_REPORTS_MAX) {
        fixture->kinds[fixture->report_count] = kind;
        fixture->offsets[fixture->report_count] = offset;
        (void)snprintf(fixture->messages[fixture->report_count], 200, "%s", message);
    }
    fixture->report_count++;
}

static inline size_t wal_fixture_reports(const struct wal_fixture *fixture, varve_event_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < fixture->report_count && i < WAL_REPORTS_MAX; i++) {
        count += fixture->kinds[i] == kind;
    }
    return count;
}

static inline varve_status wal_fixture_apply(void *context, const struct vv_wal_frame *frame,
                                             const uint8_t *payload)
{
    struct wal_fixture *fixture = context;
    if (frame->type == VV_WAL_SAMPLES) {
        assert_true(fixture->payload_count < WAL_FRAMES_MAX && frame->payload_bytes >= 8);
        fixture->payloads[fixture->payload_count++] = vv_load_u64(payload);
    }
    return frame->type <= VV_WAL_MARK ? VARVE_OK : VARVE_CORRUPT;
}

/* Uses the disk sim from now on. */
static inline void wal_fixture_attach(struct wal_fixture *fixture, struct vv_env_sim *sim)
{
    fixture->sim = sim;
    fixture->fault = vv_env_fault_create(vv_env_sim_env(sim));
    fixture->place = (struct vv_wal_place){.env = vv_env_fault_env(fixture->fault), .shard = 2};
    memset(fixture->place.database_uuid, 9, 16);
    fixture->place.directory =
        fixture->place.env->ops->open_directory(fixture->place.env->ctx, "/");
}

static inline int wal_fixture_set_up(void **state)
{
    struct wal_fixture *fixture = vv_alloc_aligned(64, sizeof(*fixture));
    memset(fixture, 0, sizeof(*fixture));
    fixture->report = (struct vv_report){wal_fixture_report, fixture};
    wal_fixture_attach(fixture, vv_env_sim_create(1));
    *state = fixture;
    return 0;
}

/* As if the process had been killed. */
static inline void wal_fixture_drop(struct wal_fixture *fixture)
{
    if (fixture->is_open) {
        vv_wal_fini(&fixture->wal);
        fixture->is_open = false;
    }
}

static inline int wal_fixture_tear_down(void **state)
{
    struct wal_fixture *fixture = *state;
    wal_fixture_drop(fixture);
    vv_wal_recovery_fini(&fixture->recovery);
    vv_env_fault_destroy(fixture->fault);
    vv_env_sim_destroy(fixture->sim);
    vv_free(fixture);
    return 0;
}

/* Loses power and goes on with the disk that is left. */
static inline void wal_fixture_crash(struct wal_fixture *fixture, uint64_t seed,
                                     enum vv_crash_mode mode)
{
    struct vv_env_sim *before = fixture->sim, *after = vv_env_sim_crash(before, seed, mode);
    wal_fixture_drop(fixture);
    vv_env_fault_destroy(fixture->fault);
    vv_env_sim_destroy(before);
    wal_fixture_attach(fixture, after);
}

static inline varve_status wal_fixture_replay(struct wal_fixture *fixture, uint64_t start_lsn,
                                              bool strict)
{
    varve_error error = {.status = VARVE_OK};
    vv_wal_recovery_fini(&fixture->recovery);
    fixture->payload_count = 0;
    fixture->report_count = 0;
    return vv_wal_replay(&fixture->place, start_lsn, strict, wal_fixture_apply, fixture,
                         &fixture->report, &fixture->recovery, &error);
}

/* Replays and opens for writing. */
static inline void wal_fixture_open(struct wal_fixture *fixture, uint64_t start_lsn,
                                    uint64_t segment_bytes_max)
{
    assert_int_equal(wal_fixture_replay(fixture, start_lsn, false), VARVE_OK);
    struct vv_wal_options options = {.segment_bytes_max = segment_bytes_max,
                                     .ring_bytes = fixture->ring_bytes,
                                     .zero_ahead = fixture->zero_ahead};
    assert_int_equal(
        vv_wal_init(&fixture->wal, &fixture->place, &options, &fixture->recovery, &fixture->report),
        VARVE_OK);
    fixture->is_open = true;
}

/* Appends a frame with a payload of that size which begins with number. */
static inline varve_status wal_fixture_append(struct wal_fixture *fixture, uint64_t number,
                                              size_t bytes, uint64_t *lsn)
{
    struct vv_buffer payload = {0};
    assert_int_equal(vv_buffer_reserve(&payload, bytes), VARVE_OK);
    memset(payload.bytes, (int)(number % 251), bytes);
    vv_store_u64(payload.bytes, number);
    payload.length = bytes;
    varve_status status = vv_wal_append(&fixture->wal, VV_WAL_SAMPLES, &payload, 1, lsn);
    vv_buffer_fini(&payload);
    return status;
}

/* Appends frames first to last of 100 bytes and makes them durable; returns the last LSN. */
static inline uint64_t wal_fixture_fill(struct wal_fixture *fixture, uint64_t first, uint64_t last)
{
    uint64_t lsn = 0;
    for (uint64_t number = first; number <= last; number++) {
        assert_int_equal(wal_fixture_append(fixture, number, 100, &lsn), VARVE_OK);
    }
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_DURABLE), VARVE_OK);
    return lsn;
}

/* The replay delivered first to last and nothing else. */
static inline void wal_fixture_expect(const struct wal_fixture *fixture, uint64_t first,
                                      uint64_t last)
{
    assert_int_equal(fixture->payload_count, last + 1 - first);
    for (size_t i = 0; i < fixture->payload_count; i++) {
        assert_int_equal(fixture->payloads[i], first + i);
    }
}

/* Changes bytes of a segment. */
static inline void wal_fixture_overwrite(struct wal_fixture *fixture, uint64_t sequence,
                                         uint64_t offset, int byte, size_t count)
{
    char name[VV_WAL_NAME_BYTES];
    uint8_t bytes[4096];
    const struct vv_env *env = fixture->place.env;
    vv_wal_segment_name(sequence, name);
    int file = env->ops->open(env->ctx, fixture->place.directory, name, VV_OPEN_WRITE);
    assert_true(file >= 0 && count <= sizeof(bytes));
    memset(bytes, byte, count);
    assert_int_equal(vv_env_write_all(env, file, bytes, count, offset), 0);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
}

static inline bool wal_fixture_has_file(struct wal_fixture *fixture, const char *name)
{
    const struct vv_env *env = fixture->place.env;
    int file = env->ops->open(env->ctx, fixture->place.directory, name, VV_OPEN_READ);
    if (file >= 0) {
        (void)env->ops->close(env->ctx, file);
    }
    return file >= 0;
}

#endif
