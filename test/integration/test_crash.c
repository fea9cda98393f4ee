/*
 * test_crash.c - power cuts at every boundary: after any crash the database opens and holds a
 * prefix.
 *
 * A scenario of appends, late samples, duplicates, deletions, flushes, merges and reopenings runs
 * on a simulated disk whose power goes after the n-th change, for every n. What may be on the disk
 * then is chosen by mode and seed; the database is opened on it and must hold exactly the state
 * after some operation k, where k is at least the last one acknowledged as durable and at most the
 * last one started. Then it must take more samples, survive a second crash during that, and check
 * clean.
 *
 * VARVE_TEST_LONG=1 tries many more seeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/checksum.h"
#include "engine/database.h"
#include "os/env_sim.h"
#include "support/random.h"

enum {
    SERIES = 4,
    TIMES = 64, /* timestamps are 0 to TIMES - 1 */
    OPERATIONS = 36,
    BATCH_MAX = 24,
    BUCKET = 32, /* of rollups */
};

static const char path[] = "/db";

/* ----------------------------------------------------------------------------- the model */

/* What the database must hold: one value per series and timestamp. */
struct model {
    bool present[SERIES][TIMES];
    double values[SERIES][TIMES];
};

enum kind { APPEND, DELETE, FLUSH, MAINTAIN, COMPACT, REOPEN, ROLL_UP };

struct operation {
    enum kind kind;
    size_t count; /* APPEND */
    unsigned series[BATCH_MAX];
    int64_t timestamps[BATCH_MAX];
    double values[BATCH_MAX];
    int64_t start; /* DELETE: of series[0] */
    int64_t end;
};

struct scenario {
    struct operation operations[OPERATIONS];
    uint64_t hashes[OPERATIONS + 1]; /* of the model after so many operations */
};

/* What happened before the power went. */
struct progress {
    size_t started;  /* operations begun */
    size_t returned; /* operations that returned OK */
    size_t durable;  /* operations known to be durable */
};

static uint64_t hash_sample(uint64_t hash, unsigned series, int64_t timestamp, double value)
{
    struct {
        uint64_t series;
        int64_t timestamp;
        double value;
    } sample = {series, timestamp, value};
    return vv_checksum(&sample, sizeof sample, hash);
}

static uint64_t hash_model(const struct model *model)
{
    uint64_t hash = 0;
    for (unsigned s = 0; s < SERIES; s++) {
        for (int t = 0; t < TIMES; t++) {
            if (model->present[s][t]) {
                hash = hash_sample(hash, s, t, model->values[s][t]);
            }
        }
    }
    return hash;
}

static void apply(struct model *model, const struct operation *operation)
{
    for (size_t i = 0; i < operation->count; i++) {
        model->present[operation->series[i]][operation->timestamps[i]] = true;
        model->values[operation->series[i]][operation->timestamps[i]] = operation->values[i];
    }
    if (operation->kind == DELETE) {
        for (int64_t t = operation->start; t < operation->end; t++) {
            model->present[operation->series[0]][t] = false;
        }
    }
}

static enum kind random_kind(struct vv_test_random *random)
{
    static const enum kind kinds[] = {APPEND, APPEND,   APPEND,  APPEND, APPEND, DELETE, DELETE,
                                      FLUSH,  MAINTAIN, COMPACT, REOPEN, APPEND, ROLL_UP};
    return kinds[vv_test_random_below(random, sizeof kinds / sizeof kinds[0])];
}

static void make_scenario(struct scenario *scenario, struct vv_test_random *random)
{
    struct model model = {0};
    scenario->hashes[0] = hash_model(&model);
    for (size_t i = 0; i < OPERATIONS; i++) {
        struct operation *operation = &scenario->operations[i];
        *operation = (struct operation){.kind = random_kind(random)};
        operation->series[0] = (unsigned)vv_test_random_below(random, SERIES);
        if (operation->kind == APPEND) {
            operation->count = 1 + vv_test_random_below(random, BATCH_MAX);
        }
        for (size_t k = 0; k < operation->count; k++) {
            operation->series[k] = (unsigned)vv_test_random_below(random, SERIES);
            operation->timestamps[k] = (int64_t)vv_test_random_below(random, TIMES);
            operation->values[k] = (double)(i * 1000 + k);
        }
        operation->start = (int64_t)vv_test_random_below(random, TIMES);
        operation->end = operation->start + (int64_t)vv_test_random_below(
                                                random, (uint64_t)(TIMES - operation->start) + 1);
        apply(&model, operation);
        scenario->hashes[i + 1] = hash_model(&model);
    }
}

/* -------------------------------------------------------------------------- the database */

static varve_status open_database(const struct vv_env *env, varve_sync_mode sync, varve_db **db)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.sync = sync;
    options.background_threads = 0;
    options.head_bytes_max = 2000; /* so that maintenance has something to do */
    options.wal_segment_bytes = 1024;
    return vv_database_open(env, path, &options, NULL, db, NULL);
}

static varve_status append(varve_db *db, const struct operation *operation)
{
    varve_series series[BATCH_MAX];
    for (size_t i = 0; i < operation->count; i++) {
        char digit = (char)('0' + operation->series[i]);
        varve_label labels[] = {{VARVE_STRING("__name__"), VARVE_STRING("m")},
                                {VARVE_STRING("i"), {&digit, 1}}};
        varve_status status = varve_series_resolve(db, labels, 2, &series[i], NULL);
        if (status != VARVE_OK) {
            return status;
        }
    }
    varve_batch batch = VARVE_BATCH_INIT;
    batch.series = series;
    batch.timestamps = operation->timestamps;
    batch.values = operation->values;
    batch.count = operation->count;
    return varve_append_batch(db, &batch, NULL);
}

static varve_status delete_range(varve_db *db, const struct operation *operation)
{
    char digit = (char)('0' + operation->series[0]);
    varve_matcher matcher = {VARVE_MATCH_EQUAL, VARVE_STRING("i"), {&digit, 1}};
    varve_selection selection = VARVE_SELECTION_INIT;
    selection.matchers = &matcher;
    selection.matcher_count = 1;
    selection.start = operation->start;
    selection.end = operation->end;
    return varve_delete(db, &selection, NULL, NULL);
}

static varve_status perform(const struct vv_env *env, varve_sync_mode sync, varve_db **db,
                            const struct operation *operation)
{
    varve_status status;
    switch (operation->kind) {
    case APPEND:
        return append(*db, operation);
    case DELETE:
        return delete_range(*db, operation);
    case FLUSH:
        return varve_flush(*db, NULL);
    case MAINTAIN:
        return varve_maintain(*db, NULL, NULL);
    case COMPACT:
        return varve_compact(*db, NULL);
    case ROLL_UP:
        return varve_roll_up(
            *db, &(varve_rollup){.options_size = sizeof(varve_rollup), .step = BUCKET}, NULL);
    case REOPEN:
    default:
        status = varve_close(*db, NULL);
        *db = NULL;
        return status != VARVE_OK ? status : open_database(env, sync, db);
    }
}

static bool makes_durable(const struct operation *operation, varve_sync_mode sync)
{
    bool is_write = operation->kind == APPEND || operation->kind == DELETE;
    return (sync == VARVE_SYNC_COMMIT && is_write) || operation->kind == FLUSH ||
           operation->kind == COMPACT || operation->kind == REOPEN;
}

/* Runs the scenario until it ends or the power goes. */
static struct progress run(const struct scenario *scenario, const struct vv_env *env,
                           varve_sync_mode sync)
{
    struct progress progress = {0};
    varve_db *db = NULL;
    varve_status status = open_database(env, sync, &db);
    for (size_t i = 0; i < OPERATIONS && status == VARVE_OK; i++) {
        progress.started = i + 1;
        status = perform(env, sync, &db, &scenario->operations[i]);
        if (status == VARVE_OK) {
            progress.returned = i + 1;
            if (makes_durable(&scenario->operations[i], sync)) {
                progress.durable = i + 1;
            }
        }
    }
    if (db != NULL && status != VARVE_OK) {
        (void)varve_close(db, NULL); /* the handle only: the power is off */
    } else if (db != NULL && varve_close(db, NULL) == VARVE_OK) {
        progress.durable = progress.returned;
    }
    return progress;
}

static uint64_t hash_database(varve_db *db)
{
    uint64_t hash = 0;
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor = NULL;
    assert_int_equal(varve_select(db, &everything, &cursor, NULL), VARVE_OK);
    while (varve_cursor_next(cursor)) {
        const varve_label *labels;
        size_t count;
        varve_cursor_labels(cursor, &labels, &count);
        unsigned series = (unsigned)(labels[count - 1].value.bytes[0] - '0');
        varve_span span;
        while (varve_cursor_span(cursor, &span)) {
            for (size_t i = 0; i < span.count; i++) {
                hash = hash_sample(hash, series, span.timestamps[i], span.values[i]);
            }
        }
    }
    assert_int_equal(varve_cursor_status(cursor, NULL), VARVE_OK);
    varve_cursor_close(cursor);
    return hash;
}

/* The samples of all buckets, counted one by one or as it goes fastest. */
static double count_samples(varve_db *db, bool decode)
{
    static const varve_function count[] = {VARVE_FUNCTION_COUNT};
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    varve_rows *rows = NULL;
    varve_row row;
    double samples = 0;
    aggregation.functions = count;
    aggregation.function_count = 1;
    aggregation.step = BUCKET;
    aggregation.decode_everything = decode;
    assert_int_equal(varve_aggregate(db, &everything, &aggregation, &rows, NULL), VARVE_OK);
    while (varve_rows_next(rows, &row)) {
        samples = samples * 3 + row.values[0]; /* so that it matters which bucket has them */
    }
    assert_int_equal(varve_rows_status(rows, NULL), VARVE_OK);
    varve_rows_close(rows);
    return samples;
}

/* ----------------------------------------------------------------------------- the check */

static void fail_with(const char *what, uint64_t boundary, int mode, uint64_t seed,
                      const struct progress *progress)
{
    fail_msg(
        "%s: boundary %llu, crash mode %d, seed %llu; %zu operations started, %zu returned, %zu "
        "durable",
        what, (unsigned long long)boundary, mode, (unsigned long long)seed, progress->started,
        progress->returned, progress->durable);
}

static void count_finding(void *context, const varve_finding *finding)
{
    (void)context;
    if (finding->kind == VARVE_FINDING_DAMAGE) {
        print_message("damage: %s at %llu: %s\n", finding->file,
                      (unsigned long long)finding->offset, finding->message);
    }
}

/* Opens what a crash left and finds out after how many operations it stands. */
static size_t recovered_operations(const struct scenario *scenario, varve_db *db, size_t least,
                                   size_t most)
{
    uint64_t hash = hash_database(db);
    for (size_t k = least; k <= most; k++) {
        if (scenario->hashes[k] == hash) {
            return k;
        }
    }
    return SIZE_MAX;
}

/* One crash: recover, compare, write on, lose power again, recover again. */
static void check_crash(const struct scenario *scenario, struct vv_env_sim *sim, uint64_t boundary,
                        enum vv_crash_mode mode, uint64_t seed, varve_sync_mode sync,
                        const struct progress *progress)
{
    struct vv_env_sim *after = vv_env_sim_crash(sim, seed, mode);
    const struct vv_env *env = vv_env_sim_env(after);
    varve_check_report report;
    varve_status status = vv_database_check(env, path, count_finding, NULL, &report, NULL);
    if (status == VARVE_NOT_FOUND && progress->durable == 0 && progress->started == 0) {
        vv_env_sim_destroy(after); /* the power went before the database was there */
        return;
    }
    if (status != VARVE_OK || report.damages != 0) {
        fail_with("check finds damage", boundary, mode, seed, progress);
    }
    varve_db *db = NULL;
    if (open_database(env, sync, &db) != VARVE_OK) {
        fail_with("does not open", boundary, mode, seed, progress);
    }
    size_t least = mode == VV_CRASH_KEEP_ALL ? progress->returned : progress->durable;
    size_t k = recovered_operations(scenario, db, least, progress->started);
    if (k == SIZE_MAX) {
        fail_with("what was recovered is no prefix", boundary, mode, seed, progress);
    }
    if (count_samples(db, false) != count_samples(db, true)) {
        fail_with("rollups do not count what there is", boundary, mode, seed, progress);
    }
    struct operation more = {.kind = APPEND, .count = 1, .timestamps = {5}, .values = {-1}};
    assert_int_equal(append(db, &more), VARVE_OK);
    assert_int_equal(varve_flush(db, NULL), VARVE_OK);
    uint64_t hash = hash_database(db);
    struct vv_env_sim *again = vv_env_sim_crash(after, seed ^ 1, VV_CRASH_RANDOM);
    varve_db *second = NULL;
    if (open_database(vv_env_sim_env(again), sync, &second) != VARVE_OK ||
        hash_database(second) != hash) {
        fail_with("a second crash loses what was synced", boundary, mode, seed, progress);
    }
    assert_int_equal(varve_close(second, NULL), VARVE_OK);
    vv_env_sim_destroy(again);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    vv_env_sim_destroy(after);
}

static uint64_t tries(uint64_t few, uint64_t many)
{
    return getenv("VARVE_TEST_LONG") != NULL ? many : few;
}

/* The scenario with the power cut after every n-th change. */
static void check_scenario(uint64_t salt, varve_sync_mode sync)
{
    struct vv_test_random random = vv_test_random_init(salt);
    static struct scenario scenario;
    make_scenario(&scenario, &random);
    bool cut = true;
    uint64_t states = 0;
    for (uint64_t boundary = 1; cut; boundary++) {
        struct vv_env_sim *sim = vv_env_sim_create(salt);
        vv_env_sim_cut_power_after(sim, boundary);
        struct progress progress = run(&scenario, vv_env_sim_env(sim), sync);
        cut = vv_env_sim_is_off(sim);
        for (int mode = 0; mode < VV_CRASH_MODE_COUNT; mode++) {
            bool chance = mode != VV_CRASH_LOSE_ALL && mode != VV_CRASH_KEEP_ALL;
            uint64_t seeds = chance ? tries(2, 40) : 1;
            for (uint64_t seed = 0; seed < seeds; seed++) {
                check_crash(&scenario, sim, boundary, (enum vv_crash_mode)mode,
                            vv_test_random_next(&random), sync, &progress);
                states++;
            }
        }
        vv_env_sim_destroy(sim);
    }
    print_message("%llu crash states\n", (unsigned long long)states);
}

static void committed_operations_survive_any_power_cut(void **state)
{
    (void)state;
    for (uint64_t salt = 1; salt <= tries(3, 60); salt++) {
        check_scenario(salt, VARVE_SYNC_COMMIT);
    }
}

static void processed_operations_survive_a_kill_and_lose_only_a_suffix(void **state)
{
    (void)state;
    for (uint64_t salt = 101; salt <= 100 + tries(3, 60); salt++) {
        check_scenario(salt, VARVE_SYNC_PROCESS);
    }
}

static void unsynced_operations_lose_only_a_suffix(void **state)
{
    (void)state;
    for (uint64_t salt = 201; salt <= 200 + tries(2, 60); salt++) {
        struct vv_test_random random = vv_test_random_init(salt);
        static struct scenario scenario;
        make_scenario(&scenario, &random);
        struct vv_env_sim *sim = vv_env_sim_create(salt);
        struct progress progress = run(&scenario, vv_env_sim_env(sim), VARVE_SYNC_NONE);
        assert_int_equal(progress.durable, OPERATIONS);
        check_crash(&scenario, sim, 0, VV_CRASH_LOSE_ALL, 1, VARVE_SYNC_NONE, &progress);
        vv_env_sim_destroy(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(committed_operations_survive_any_power_cut),
        cmocka_unit_test(processed_operations_survive_a_kill_and_lose_only_a_suffix),
        cmocka_unit_test(unsynced_operations_lose_only_a_suffix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
