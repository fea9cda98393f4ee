/*
 * test_salvage.c - files of a database are changed, cut off and removed: what was not touched is
 * saved, nothing is invented, and the source stays as it is.
 *
 * VARVE_TEST_LONG=1 tries many more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/checksum.h"
#include "engine/directory.h"
#include "engine/salvage.h"
#include "os/env_fault.h"
#include "support/env_count.h"
#include "support/fault_scenario.h"
#include "support/life.h"

enum { SERIES = 9, SAMPLES = 3000, FILES_MAX = 64, NAME_MAX_BYTES = 40 };

/* ------------------------------------------------------------------------------ a database */

/* Sample i is (series i % SERIES, time i, a value that follows from i), so that every one is one of
 * its kind. */
static double value_of(int64_t i)
{
    return (double)(i * 7919 % 1000) + 0.25 * (double)(i % 4);
}

static void append_samples(varve_db *db, int64_t first, int64_t end)
{
    for (int64_t i = first; i < end;) {
        varve_series series[40];
        int64_t timestamps[40];
        double values[40];
        size_t count = 0;
        for (; i < end && count < 40; i++, count++) {
            char digit = (char)('0' + i % SERIES);
            varve_label labels[] = {{VARVE_STRING("__name__"), VARVE_STRING("m")},
                                    {VARVE_STRING("i"), {&digit, 1}}};
            assert_int_equal(varve_series_resolve(db, labels, 2, &series[count], NULL), VARVE_OK);
            timestamps[count] = i;
            values[count] = value_of(i);
        }
        varve_batch batch = VARVE_BATCH_INIT;
        batch.series = series;
        batch.timestamps = timestamps;
        batch.values = values;
        batch.count = count;
        assert_int_equal(varve_append_batch(db, &batch, NULL), VARVE_OK);
    }
}

/* A cold block, some hot ones, and a log of several segments. */
static struct vv_env_sim *make_database(void)
{
    struct vv_env_sim *sim = vv_env_sim_create(1);
    varve_db *db = NULL;
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.background_threads = 0;
    options.head_bytes_max = 12 << 10;
    options.wal_segment_bytes = 4096;
    assert_int_equal(
        vv_database_open(vv_env_sim_env(sim), SCENARIO_PATH, &options, NULL, &db, NULL), VARVE_OK);
    append_samples(db, 0, 1000);
    assert_int_equal(varve_compact(db, NULL), VARVE_OK);
    for (int64_t i = 1000; i < 2600; i += 200) {
        bool worked = false;
        append_samples(db, i, i + 200);
        assert_int_equal(varve_maintain(db, &worked, NULL), VARVE_OK);
        if (i == 1800) { /* blocks that follow have the sections of rollups */
            varve_rollup rule = VARVE_ROLLUP_INIT;
            rule.selector = VARVE_STRING("none");
            rule.step = 200;
            assert_int_equal(varve_roll_up(db, &rule, NULL), VARVE_OK);
        }
    }
    append_samples(db, 2600, SAMPLES);
    assert_int_equal(varve_flush(db, NULL), VARVE_OK);
    struct vv_env_sim *after = vv_env_sim_crash(sim, 1, VV_CRASH_KEEP_ALL); /* no clean close */
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    vv_env_sim_destroy(sim);
    return after;
}

/* Which of the samples are in the database at path; fails on any that was never appended. */
static uint64_t read_samples(const struct vv_env *env, const char *path, bool present[SAMPLES])
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_READ_ONLY | VARVE_OPEN_STRICT;
    varve_db *db = NULL;
    varve_cursor *cursor = NULL;
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_span span;
    uint64_t total = 0;
    memset(present, 0, SAMPLES * sizeof(bool));
    assert_int_equal(vv_database_open(env, path, &options, NULL, &db, NULL), VARVE_OK);
    assert_int_equal(varve_select(db, &everything, &cursor, NULL), VARVE_OK);
    while (varve_cursor_next(cursor)) {
        const varve_label *labels;
        size_t count;
        varve_cursor_labels(cursor, &labels, &count);
        int64_t series = labels[1].value.bytes[0] - '0';
        while (varve_cursor_span(cursor, &span)) {
            for (size_t i = 0; i < span.count; i++, total++) {
                int64_t at = span.timestamps[i];
                assert_in_range(at, 0, SAMPLES - 1);
                assert_int_equal(at % SERIES, series);
                assert_true(span.values[i] == value_of(at));
                assert_false(present[at]);
                present[at] = true;
            }
        }
    }
    assert_int_equal(varve_cursor_status(cursor, NULL), VARVE_OK);
    varve_cursor_close(cursor);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    return total;
}

/* ----------------------------------------------------------------------------------- files */

/* The files of the database, those of the shard first. */
struct files {
    const struct vv_env *env;
    char names[FILES_MAX][NAME_MAX_BYTES];
    size_t count;
    size_t in_shard;
};

static int add_name(void *visitor, const char *name)
{
    struct files *files = visitor;
    if (strncmp(name, "shard-", 6) != 0) {
        assert_true(files->count < FILES_MAX);
        (void)snprintf(files->names[files->count++], NAME_MAX_BYTES, "%s", name);
    }
    return 0;
}

static int open_folder(const struct files *files, size_t index)
{
    int directory = files->env->ops->open_directory(
        files->env->ctx, index < files->in_shard ? "/db/shard-0000" : SCENARIO_PATH);
    assert_true(directory >= 0);
    return directory;
}

static void list_files(const struct vv_env *env, struct files *files)
{
    *files = (struct files){.env = env, .in_shard = 1};
    int directory = open_folder(files, 0);
    assert_int_equal(env->ops->list(env->ctx, directory, add_name, files), 0);
    assert_int_equal(env->ops->close(env->ctx, directory), 0);
    files->in_shard = files->count;
    directory = open_folder(files, files->count);
    assert_int_equal(env->ops->list(env->ctx, directory, add_name, files), 0);
    assert_int_equal(env->ops->close(env->ctx, directory), 0);
}

static void remove_file(const struct files *files, size_t index)
{
    int directory = open_folder(files, index);
    (void)files->env->ops->unlink(files->env->ctx, directory, files->names[index]);
    assert_int_equal(files->env->ops->close(files->env->ctx, directory), 0);
}

/* Flips a bit, writes zeros over a stretch, cuts the file off, or adds bytes to it. */
static void damage_file(const struct files *files, size_t index, struct vv_test_random *random)
{
    static const uint8_t zeros[512];
    const struct vv_env *env = files->env;
    int directory = open_folder(files, index);
    int file = env->ops->open(env->ctx, directory, files->names[index], VV_OPEN_WRITE);
    struct vv_file_status status;
    assert_true(file >= 0);
    assert_int_equal(env->ops->stat(env->ctx, file, &status), 0);
    uint64_t at = status.size > 0 ? vv_test_random_below(random, status.size) : 0;
    uint8_t byte = 0;
    switch (vv_test_random_below(random, 6)) {
    case 0:
        (void)env->ops->truncate(env->ctx, file, at);
        break;
    case 1:
        (void)env->ops->pwrite(env->ctx, file, zeros, sizeof(zeros), at);
        break;
    case 2:
        (void)env->ops->pwrite(env->ctx, file, "more", 4, status.size);
        break;
    default:
        (void)env->ops->pread(env->ctx, file, &byte, 1, at);
        byte ^= (uint8_t)(1u << vv_test_random_below(random, 8));
        (void)env->ops->pwrite(env->ctx, file, &byte, 1, at);
        break;
    }
    assert_int_equal(env->ops->close(env->ctx, file), 0);
    assert_int_equal(env->ops->close(env->ctx, directory), 0);
}

static uint64_t hash_files(const struct files *files)
{
    uint64_t hash = files->count;
    for (size_t i = 0; i < files->count; i++) {
        uint8_t bytes[4096];
        int directory = open_folder(files, i);
        int file = files->env->ops->open(files->env->ctx, directory, files->names[i], VV_OPEN_READ);
        for (uint64_t at = 0;; at += sizeof(bytes)) {
            int64_t got =
                file < 0 ? 0
                         : files->env->ops->pread(files->env->ctx, file, bytes, sizeof(bytes), at);
            if (got <= 0) {
                break;
            }
            hash = vv_checksum(bytes, (size_t)got, hash);
        }
        (void)files->env->ops->close(files->env->ctx, file);
        (void)files->env->ops->close(files->env->ctx, directory);
    }
    return hash;
}

/* --------------------------------------------------------------------------------- salvage */

/* Salvages to /x and reads that; the source must stay as it is. */
static uint64_t salvage(const struct vv_env *env, bool present[SAMPLES],
                        varve_salvage_report *report)
{
    static struct files before, after;
    varve_error error = {0};
    list_files(env, &before);
    uint64_t hash = hash_files(&before);
    varve_status status = vv_database_salvage(env, SCENARIO_PATH, "/x", NULL, NULL, report, &error);
    if (status != VARVE_OK) {
        fail_msg("salvage: %s: %s", varve_status_name(status), error.message);
    }
    list_files(env, &after);
    assert_int_equal(hash_files(&after), hash);
    uint64_t total = read_samples(env, "/x", present);
    assert_int_equal(report->samples, total);
    varve_check_report check;
    assert_int_equal(vv_database_check(env, "/x", NULL, NULL, &check, NULL), VARVE_OK);
    assert_int_equal(check.notes, 0);
    return total;
}

static struct vv_env_sim *copy_of(struct vv_env_sim *sim)
{
    return vv_env_sim_crash(sim, 1, VV_CRASH_KEEP_ALL);
}

static void an_intact_database_is_saved_whole(void **state)
{
    struct vv_env_sim *sim = copy_of(*state);
    static bool present[SAMPLES];
    varve_salvage_report report;
    assert_int_equal(salvage(vv_env_sim_env(sim), present, &report), SAMPLES);
    assert_int_equal(report.damages, 0);
    assert_int_equal(report.notes, 0);
    vv_env_sim_destroy(sim);
}

/* Manifest, varve.db and lock: what the other files hold needs none of them. */
static void files_that_hold_no_samples_can_be_lost(void **state)
{
    static struct files files;
    static bool present[SAMPLES];
    struct vv_test_random random = vv_test_random_init(1);
    for (unsigned lost = 1; lost < 8; lost++) {
        for (int gone = 0; gone < 2; gone++) {
            struct vv_env_sim *sim = copy_of(*state);
            const struct vv_env *env = vv_env_sim_env(sim);
            varve_salvage_report report;
            list_files(env, &files);
            for (size_t i = 0; i < files.count; i++) {
                bool hit = ((lost & 1) != 0 && strcmp(files.names[i], "manifest") == 0) ||
                           ((lost & 2) != 0 && strcmp(files.names[i], "varve.db") == 0) ||
                           ((lost & 4) != 0 && strcmp(files.names[i], "LOCK") == 0);
                if (hit && gone != 0) {
                    remove_file(&files, i);
                } else if (hit) {
                    damage_file(&files, i, &random);
                }
            }
            assert_int_equal(salvage(env, present, &report), SAMPLES);
            assert_true((lost & 3) == 0 || gone == 0 || report.damages > 0);
            vv_env_sim_destroy(sim);
        }
    }
}

/* Of a block without a header the manifest knows what stood there, with rollups and without. */
static void headers_of_blocks_can_be_lost(void **state)
{
    static struct files files;
    static bool present[SAMPLES];
    static const uint8_t zeros[64];
    varve_salvage_report report;
    struct vv_env_sim *sim = copy_of(*state);
    const struct vv_env *env = vv_env_sim_env(sim);
    list_files(env, &files);
    for (size_t i = 0; i < files.in_shard; i++) {
        if (strncmp(files.names[i], "block-", 6) == 0) {
            int directory = open_folder(&files, i);
            int file = env->ops->open(env->ctx, directory, files.names[i], VV_OPEN_WRITE);
            assert_int_equal(env->ops->pwrite(env->ctx, file, zeros, sizeof(zeros), 0), 64);
            assert_int_equal(env->ops->close(env->ctx, file), 0);
            assert_int_equal(env->ops->close(env->ctx, directory), 0);
        }
    }
    assert_int_equal(salvage(env, present, &report), SAMPLES);
    vv_env_sim_destroy(sim);
}

/* Whatever is done to some files costs no more than to lose them, and is told. */
static void damage_costs_no_more_than_what_it_touched(void **state)
{
    static struct files files;
    static bool damaged[SAMPLES], removed[SAMPLES];
    struct vv_test_random random = vv_test_random_init(2);
    uint64_t better = 0, mended = 0;
    for (int turn = 0; turn < (life_is_long() ? 3000 : 120); turn++) {
        struct vv_env_sim *one = copy_of(*state), *other = copy_of(*state);
        varve_salvage_report report, removed_report;
        list_files(vv_env_sim_env(one), &files);
        struct files others = files;
        others.env = vv_env_sim_env(other);
        size_t hits = 1 + (turn % 4 == 3 ? vv_test_random_below(&random, 3) : 0);
        for (size_t i = 0; i < hits; i++) {
            size_t index = vv_test_random_below(&random, files.count);
            damage_file(&files, index, &random);
            remove_file(&others, index);
        }
        uint64_t saved = salvage(files.env, damaged, &report);
        uint64_t least = salvage(others.env, removed, &removed_report);
        for (size_t i = 0; i < SAMPLES; i++) {
            if (removed[i] && !damaged[i]) {
                fail_msg("turn %d: sample %zu is lost that no damage touched", turn, i);
            }
        }
        if (saved < SAMPLES && report.damages == 0 && report.notes == 0) {
            fail_msg("turn %d: %llu samples are lost, and nothing was told", turn,
                     (unsigned long long)(SAMPLES - saved));
        }
        better += saved > least && saved < SAMPLES;
        mended += saved == SAMPLES && least < SAMPLES;
        vv_env_sim_destroy(one);
        vv_env_sim_destroy(other);
    }
    print_message("%llu times a part of a file was saved, %llu times all\n",
                  (unsigned long long)better, (unsigned long long)mended);
    assert_true(better > 0 && mended > 0);
}

/* After a crash at any point files stand about that are not live yet or any more: without the
 * manifest the same state is found as with it. */
static void leftovers_are_told_from_what_is_live(void **state)
{
    (void)state;
    static struct scenario scenario;
    static struct scenario_state expected, found;
    static struct files files;
    bool cut = true;
    uint64_t compared = 0;
    for (uint64_t boundary = 1; cut; boundary += life_is_long() ? 1 : 7) {
        struct vv_env_sim *sim = vv_env_sim_create(1);
        varve_db *db = NULL;
        varve_options options = VARVE_OPTIONS_INIT;
        scenario_make(&scenario, "aaoudaamaodcaoaadamaaoadamcaad", boundary % 5);
        vv_env_sim_cut_power_after(sim, boundary);
        varve_status status =
            scenario_open(vv_env_sim_env(sim), VARVE_SYNC_COMMIT, VARVE_OPEN_CREATE, NULL, &db);
        for (size_t i = 0; i < scenario.count && status == VARVE_OK; i++) {
            status = scenario_step_perform(db, &scenario.steps[i]);
        }
        (void)varve_close(db, NULL);
        cut = vv_env_sim_is_off(sim);
        struct vv_env_sim *one = copy_of(sim), *other = copy_of(sim);
        const struct vv_env *env = vv_env_sim_env(other);
        if (scenario_open(vv_env_sim_env(one), VARVE_SYNC_COMMIT, 0, NULL, &db) == VARVE_OK) {
            assert_int_equal(scenario_read(db, &expected), VARVE_OK);
            assert_int_equal(varve_close(db, NULL), VARVE_OK);
            list_files(env, &files);
            for (size_t i = 0; i < files.count; i++) {
                if (strcmp(files.names[i], "manifest") == 0) {
                    remove_file(&files, i);
                }
            }
            varve_salvage_report report;
            assert_int_equal(
                vv_database_salvage(env, SCENARIO_PATH, "/x", NULL, NULL, &report, NULL), VARVE_OK);
            options.flags = VARVE_OPEN_STRICT;
            options.background_threads = 0;
            assert_int_equal(vv_database_open(env, "/x", &options, NULL, &db, NULL), VARVE_OK);
            assert_int_equal(scenario_read(db, &found), VARVE_OK);
            assert_int_equal(scenario_append(db, &scenario.steps[0]), VARVE_OK);
            assert_int_equal(varve_close(db, NULL), VARVE_OK);
            if (!scenario_states_equal(&found, &expected)) {
                fail_msg("boundary %llu: another state is found without the manifest",
                         (unsigned long long)boundary);
            }
            compared++;
        }
        vv_env_sim_destroy(other);
        vv_env_sim_destroy(one);
        vv_env_sim_destroy(sim);
    }
    print_message("%llu states\n", (unsigned long long)compared);
    assert_true(compared > 10);
}

/* Writing the result fails: an error, and nothing is there, or all of it; nothing leaks. */
static void a_call_that_fails_leaves_nothing_or_all(void **state)
{
    static const int errors[] = {EIO, ENOSPC};
    static bool present[SAMPLES];
    for (size_t kind = 0; kind < 2; kind++) {
        bool hit = true;
        for (uint64_t n = 1; hit; n += life_is_long() ? 1 : 13) {
            struct vv_env_sim *sim = copy_of(*state);
            struct vv_env_fault *injector = vv_env_fault_create(vv_env_sim_env(sim));
            struct env_count count;
            env_count_init(&count, vv_env_fault_env(injector));
            vv_env_fault_arm(injector, kind == 0 ? VV_CALLS_ALL : VV_CALLS_MUTATING, n,
                             errors[kind], n % 2 == 0);
            varve_salvage_report report;
            varve_status status =
                vv_database_salvage(&count.env, SCENARIO_PATH, "/x", NULL, NULL, &report, NULL);
            hit = vv_env_fault_hits(injector) > 0;
            vv_env_fault_arm(injector, 0, 0, 0, false);
            assert_int_equal(count.handles, 0);
            assert_int_equal(count.mappings, 0);
            struct vv_file_status file_status;
            bool exists = count.env.ops->stat_path(count.env.ctx, "/x", &file_status) == 0;
            assert_true(exists || status != VARVE_OK);
            if (exists) {
                uint64_t saved = read_samples(&count.env, "/x", present);
                assert_true(saved == SAMPLES || report.damages > 0);
                assert_int_equal(vv_directory_remove(&count.env, "/x"), 0);
            }
            assert_int_equal(salvage(&count.env, present, &report), SAMPLES);
            assert_int_equal(count.env.ops->stat_path(count.env.ctx, "/x.varve-new", &file_status),
                             -ENOENT);
            vv_env_fault_destroy(injector);
            vv_env_sim_destroy(sim);
        }
    }
}

static void what_is_no_database_is_refused(void **state)
{
    struct vv_env_sim *sim = copy_of(*state);
    const struct vv_env *env = vv_env_sim_env(sim);
    varve_salvage_report report;
    assert_int_equal(vv_database_salvage(env, "/none", "/x", NULL, NULL, &report, NULL),
                     VARVE_NOT_FOUND);
    assert_int_equal(env->ops->make_directory(env->ctx, "/empty"), 0);
    assert_int_equal(vv_database_salvage(env, "/empty", "/x", NULL, NULL, &report, NULL),
                     VARVE_NOT_FOUND);
    assert_int_equal(vv_database_salvage(env, SCENARIO_PATH, "/empty", NULL, NULL, &report, NULL),
                     VARVE_EXISTS);
    assert_int_equal(env->ops->make_directory(env->ctx, "/empty/shard-0000"), 0);
    assert_int_equal(vv_database_salvage(env, "/empty", "/x", NULL, NULL, &report, NULL),
                     VARVE_NOT_FOUND);
    struct vv_file_status file_status;
    assert_int_equal(env->ops->stat_path(env->ctx, "/x", &file_status), -ENOENT);
    vv_env_sim_destroy(sim);
}

static int setup(void **state)
{
    *state = make_database();
    return 0;
}

static int teardown(void **state)
{
    vv_env_sim_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_intact_database_is_saved_whole),
        cmocka_unit_test(files_that_hold_no_samples_can_be_lost),
        cmocka_unit_test(headers_of_blocks_can_be_lost),
        cmocka_unit_test(damage_costs_no_more_than_what_it_touched),
        cmocka_unit_test(leftovers_are_told_from_what_is_live),
        cmocka_unit_test(a_call_that_fails_leaves_nothing_or_all),
        cmocka_unit_test(what_is_no_database_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
