/*
 * shard_fixture.h - a shard on a simulated disk behind a fault injector.
 */
#ifndef VARVE_TEST_SUPPORT_SHARD_FIXTURE_H
#define VARVE_TEST_SUPPORT_SHARD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "os/env_fault.h"
#include "os/env_sim.h"
#include "storage/shard.h"
#include "support/labels.h"

struct shard_fixture {
    struct vv_env_sim *sim;
    struct vv_env_fault *fault;
    struct vv_shard_place place;
    struct vv_shard_options options;
    struct vv_report report;
    struct vv_shard *shard;
    size_t damage_reports;
};

static inline void shard_fixture_report(void *context, varve_event_kind kind, varve_status status,
                                        const char *file, uint64_t offset, const char *message)
{
    struct shard_fixture *fixture = context;
    (void)status;
    (void)file;
    (void)offset;
    (void)message;
    fixture->damage_reports += kind == VARVE_EVENT_DAMAGE;
}

static inline void shard_fixture_open(struct shard_fixture *fixture)
{
    varve_error error = {.status = VARVE_OK};
    fixture->damage_reports = 0;
    if (vv_shard_open(&fixture->place, &fixture->options, &fixture->report, &fixture->shard,
                      &error) != VARVE_OK) {
        fail_msg("%s", error.message);
    }
}

static inline int shard_fixture_set_up(void **state)
{
    struct shard_fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->sim = vv_env_sim_create(1);
    fixture->fault = vv_env_fault_create(vv_env_sim_env(fixture->sim));
    fixture->place.env = vv_env_fault_env(fixture->fault);
    fixture->place.directory =
        fixture->place.env->ops->open_directory(fixture->place.env->ctx, "/");
    fixture->report = (struct vv_report){shard_fixture_report, fixture};
    fixture->options = (struct vv_shard_options){.head_bytes_max = 1 << 20,
                                                 .wal_bytes_max = 1 << 20,
                                                 .wal_segment_bytes = 64 << 10,
                                                 .ring_bytes = 1 << 20,
                                                 .series_max = 100000,
                                                 .duplicates = VARVE_DUPLICATES_LAST};
    assert_int_equal(vv_shard_create(&fixture->place, NULL), VARVE_OK);
    shard_fixture_open(fixture);
    *state = fixture;
    return 0;
}

static inline int shard_fixture_tear_down(void **state)
{
    struct shard_fixture *fixture = *state;
    if (fixture->shard != NULL) {
        (void)vv_shard_close(fixture->shard, NULL);
    }
    vv_env_fault_destroy(fixture->fault);
    vv_env_sim_destroy(fixture->sim);
    free(fixture);
    return 0;
}

static inline void shard_fixture_reopen(struct shard_fixture *fixture)
{
    struct vv_shard *shard = fixture->shard;
    fixture->shard = NULL; /* nothing to be closed if it cannot be opened again */
    assert_int_equal(vv_shard_close(shard, NULL), VARVE_OK);
    shard_fixture_open(fixture);
}

static inline uint32_t shard_fixture_ref(struct shard_fixture *fixture, const char *text)
{
    struct vv_buffer buffer = {0};
    uint32_t ref = 0;
    assert_int_equal(vv_shard_resolve(fixture->shard, vv_test_key(&buffer, text), &ref), VARVE_OK);
    vv_buffer_fini(&buffer);
    return ref;
}

/* Appends (timestamp, value) to the series of that text. */
static inline varve_status shard_fixture_append(struct shard_fixture *fixture, const char *text,
                                                varve_duplicates policy, int64_t timestamp,
                                                double value)
{
    varve_series handle = (varve_series)shard_fixture_ref(fixture, text) + 1;
    uint64_t lsn;
    struct vv_shard_batch batch = {policy, 1, &handle, &timestamp, &value, false, false};
    varve_status status = vv_shard_append(fixture->shard, &batch, &lsn);
    return status == VARVE_OK ? vv_shard_flush_log(fixture->shard, lsn, VV_WAL_DURABLE) : status;
}

static inline varve_status shard_fixture_flush(struct shard_fixture *fixture)
{
    vv_mutex_lock(&fixture->shard->maintenance_mutex);
    varve_status status = vv_shard_flush_head(fixture->shard, NULL);
    vv_mutex_unlock(&fixture->shard->maintenance_mutex);
    return status;
}

static inline void shard_fixture_delete(struct shard_fixture *fixture, int64_t start, int64_t end)
{
    struct vv_matchers *matchers = NULL;
    uint64_t count, lsn;
    assert_int_equal(vv_matchers_compile(NULL, 0, &matchers, NULL), VARVE_OK);
    assert_int_equal(vv_shard_delete(fixture->shard, matchers, (struct vv_range){start, end},
                                     &count, &lsn, NULL),
                     VARVE_OK);
    vv_matchers_destroy(matchers);
}

/* Everything in the shard as text: "name:time=value;time=value name:..." */
static inline void shard_fixture_expect(struct shard_fixture *fixture, const char *wanted)
{
    char text[4096] = "";
    size_t length = 0;
    struct vv_matchers *matchers = NULL;
    struct vv_shard_cursor *cursor = NULL;
    const struct vv_range everything = {INT64_MIN, INT64_MAX};
    assert_int_equal(vv_matchers_compile(NULL, 0, &matchers, NULL), VARVE_OK);
    assert_int_equal(vv_shard_select(fixture->shard, matchers, everything, NULL, &cursor, NULL),
                     VARVE_OK);
    while (vv_shard_cursor_next(cursor)) {
        varve_label labels[VARVE_LABELS_MAX];
        size_t count = vv_key_labels(vv_shard_cursor_key(cursor), labels);
        struct vv_iter *iter = NULL;
        varve_span span;
        assert_int_equal(
            vv_shard_cursor_iter(cursor, &(struct vv_range){INT64_MIN, INT64_MAX}, &iter),
            VARVE_OK);
        bool any = false;
        while (vv_iter_next_span(iter, &span)) {
            for (size_t i = 0; i < span.count && length < 4000; i++) {
                if (!any) {
                    length += length > 0 ? (size_t)snprintf(text + length, 4096 - length, " ") : 0;
                    length += varve_series_format(labels, count, text + length, 100);
                }
                length +=
                    (size_t)snprintf(text + length, 4096 - length, "%c%lld=%g", any ? ';' : ':',
                                     (long long)span.timestamps[i], span.values[i]);
                any = true;
            }
        }
        assert_int_equal(vv_iter_status(iter), VARVE_OK);
        vv_iter_destroy(iter);
    }
    assert_int_equal(vv_shard_cursor_status(cursor), VARVE_OK);
    vv_shard_cursor_close(cursor);
    vv_matchers_destroy(matchers);
    assert_string_equal(text, wanted);
}

static inline void shard_fixture_rename(struct shard_fixture *fixture, const char *from,
                                        const char *to)
{
    const struct vv_env *env = fixture->place.env;
    assert_int_equal(env->ops->rename(env->ctx, fixture->place.directory, from, to), 0);
}

#endif
