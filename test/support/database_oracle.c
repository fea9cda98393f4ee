/*
 * database_oracle.c - making histories: opening, appending, deleting, killing.
 */
#include "support/database_oracle.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "storage/copy/shard_bulk.h"

void oracle_note(struct oracle *oracle, const char *format, ...)
{
    va_list arguments;
    char *note = oracle->notes[oracle->note_count++ % ORACLE_NOTES];
    int length = snprintf(note, ORACLE_NOTE_BYTES, "%d: ", oracle->step);
    va_start(arguments, format);
    (void)vsnprintf(note + length, ORACLE_NOTE_BYTES - (size_t)length, format, arguments);
    va_end(arguments);
}

void oracle_fail(struct oracle *oracle, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    size_t first = oracle->note_count > ORACLE_NOTES ? oracle->note_count - ORACLE_NOTES : 0;
    for (size_t i = first; i < oracle->note_count; i++) {
        print_error("%s\n", oracle->notes[i % ORACLE_NOTES]);
    }
    fail_msg("VARVE_TEST_SEED=%" PRIu64 " history %" PRIu64 " step %d: %s", vv_test_seed(),
             oracle->number, oracle->step, message);
    abort();
}

void oracle_must(struct oracle *oracle, varve_status status, const char *what)
{
    if (status != VARVE_OK) {
        oracle_fail(oracle, "%s: %s: %s", what, varve_status_name(status), oracle->error.message);
    }
}

/* Nothing fails in these histories, so that damage and errors must not be reported. */
static void take_report(void *context, varve_event_kind kind, varve_status status, const char *file,
                        uint64_t offset, const char *message)
{
    (void)file;
    (void)offset;
    if (kind == VARVE_EVENT_DAMAGE || kind == VARVE_EVENT_IO_ERROR) {
        oracle_fail(context, "reported %s: %s", varve_status_name(status), message);
    }
}

static void random_options(struct oracle *oracle)
{
    struct vv_test_random *random = &oracle->random;
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.background_threads = 0;
    options.duplicates = oracle->duplicates;
    options.sync = (varve_sync_mode)(1 + vv_test_random_below(random, 4));
    options.head_bytes_max = 4096U << vv_test_random_below(random, 6);
    options.wal_bytes_max = 16384U << vv_test_random_below(random, 4);
    options.wal_segment_bytes = 4096U << vv_test_random_below(random, 5);
    oracle->options = options;
}

void oracle_open(struct oracle *oracle)
{
    random_options(oracle);
    oracle_note(oracle, "open, sync mode %d, head %llu", (int)oracle->options.sync,
                (unsigned long long)oracle->options.head_bytes_max);
    oracle_must(oracle,
                vv_database_open(oracle->env, oracle->path, &oracle->options, &oracle->report,
                                 &oracle->db, &oracle->error),
                "open");
}

void oracle_init(struct oracle *oracle, uint64_t number, size_t zone_count, const char *directory)
{
    *oracle = (struct oracle){.number = number};
    oracle->random =
        vv_test_random_seeded(vv_test_seed() ^ (number * UINT64_C(0x9e3779b97f4a7c15)));
    oracle->duplicates = (varve_duplicates)(1 + vv_test_random_below(&oracle->random, 6));
    oracle->report = (struct vv_report){take_report, oracle};
    model_init(&oracle->model, zone_count);
    if (directory == NULL) {
        oracle->sim = vv_env_sim_create(number);
        oracle->env = vv_env_sim_env(oracle->sim);
    } else {
        oracle->env = vv_env_posix();
    }
    (void)snprintf(oracle->path, sizeof(oracle->path), "%s/db-%" PRIu64,
                   directory == NULL ? "" : directory, number);
    oracle_open(oracle);
}

void oracle_fini(struct oracle *oracle)
{
    oracle_must(oracle, varve_close(oracle->db, &oracle->error), "varve_close");
    vv_env_sim_destroy(oracle->sim);
    model_fini(&oracle->model);
}

void oracle_kill(struct oracle *oracle)
{
    if (oracle->sim == NULL) {
        return; /* only a simulated disk can be taken over without a process of its own */
    }
    if (oracle->options.sync == VARVE_SYNC_NONE) {
        oracle_must(oracle, varve_flush(oracle->db, &oracle->error), "varve_flush");
    }
    enum vv_crash_mode mode = VV_CRASH_KEEP_ALL;
    if (oracle->options.sync == VARVE_SYNC_COMMIT) {
        mode = (enum vv_crash_mode)vv_test_random_below(&oracle->random, VV_CRASH_MODE_COUNT);
    }
    oracle_note(oracle, "kill, crash mode %d", (int)mode);
    struct vv_env_sim *before = oracle->sim;
    oracle->sim = vv_env_sim_crash(before, vv_test_random_next(&oracle->random), mode);
    oracle_must(oracle, varve_close(oracle->db, &oracle->error), "close of what was left behind");
    vv_env_sim_destroy(before);
    oracle->env = vv_env_sim_env(oracle->sim);
    oracle_open(oracle);
    oracle_check_select(oracle, oracle->db);
}

/* ------------------------------------------------------------------------------ appending */

struct batch {
    size_t count;
    varve_duplicates policy;
    struct model_series **model_series;
    varve_series *series;
    int64_t *timestamps;
    double *values;
};

/* In order mostly; late, or of a sample that is there. */
static int64_t random_timestamp(struct oracle *oracle, struct model_series *series, uint64_t style)
{
    struct vv_test_random *random = &oracle->random;
    if (series->count > 0 && (style == 1 || (style == 2 && vv_test_random_below(random, 4) == 0))) {
        return series->samples[vv_test_random_below(random, series->count)].timestamp;
    }
    if (style == 3) {
        return (int64_t)vv_test_random_below(random, 2 * (uint64_t)series->clock + 100) - 100;
    }
    if (style == 4) {
        static const int64_t odd[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1};
        return odd[vv_test_random_below(random, 6)];
    }
    series->clock += 1 + (vv_test_random_below(random, 8) == 0 ? 7 : 0);
    return series->clock;
}

/* Small integers, so that sums are exact in every order; the usual NaN now and then. */
static double random_value(struct oracle *oracle)
{
    uint64_t choice = vv_test_random_below(&oracle->random, 200);
    return choice == 0 ? (double)NAN : (double)choice - 100;
}

static void fill_batch(struct oracle *oracle, struct batch *batch)
{
    struct vv_test_random *random = &oracle->random;
    uint64_t style = vv_test_random_below(random, 40);
    style = style < 15 ? 0 : style < 20 ? 1 : style < 30 ? 2 : style < 39 ? 3 : 4;
    uint64_t series_count = 1 + vv_test_random_below(random, 4);
    size_t picked[4];
    for (size_t i = 0; i < 4; i++) {
        picked[i] = vv_test_random_below(random, oracle->model.series_count);
    }
    for (size_t i = 0; i < batch->count; i++) {
        size_t pick = series_count == 4 && oracle->model.series_count > 50
                          ? vv_test_random_below(random, oracle->model.series_count)
                          : picked[vv_test_random_below(random, series_count)];
        struct model_series *series = &oracle->model.series[pick];
        batch->model_series[i] = series;
        oracle_must(oracle,
                    varve_series_resolve(oracle->db, series->labels, series->label_count,
                                         &batch->series[i], &oracle->error),
                    "varve_series_resolve");
        batch->timestamps[i] = random_timestamp(oracle, series, style);
        batch->values[i] = random_value(oracle);
    }
    batch->policy = (varve_duplicates)vv_test_random_below(random, VARVE_DUPLICATES_ERROR + 1);
    oracle_note(oracle, "append %zu in %llu series from %lld on, policy %d, style %llu",
                batch->count, (unsigned long long)series_count, (long long)batch->timestamps[0],
                (int)batch->policy, (unsigned long long)style);
}

/* Whether a timestamp of the batch is taken, by older data or by an earlier entry. */
static bool has_duplicates(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (model_has(batch->model_series[i], batch->timestamps[i])) {
            return true;
        }
        for (size_t k = 0; k < i; k++) {
            if (batch->model_series[k] == batch->model_series[i] &&
                batch->timestamps[k] == batch->timestamps[i]) {
                return true;
            }
        }
    }
    return false;
}

static void append_batch(struct oracle *oracle, const struct batch *batch)
{
    varve_duplicates policy =
        batch->policy == VARVE_DUPLICATES_DEFAULT ? oracle->duplicates : batch->policy;
    bool refused = policy == VARVE_DUPLICATES_ERROR && has_duplicates(batch);
    varve_batch given = VARVE_BATCH_INIT;
    given.series = batch->series;
    given.timestamps = batch->timestamps;
    given.values = batch->values;
    given.count = batch->count;
    given.duplicates = batch->policy;
    uint64_t lsn = 0;
    varve_status status = varve_append_batch(oracle->db, &given, &lsn);
    if (status != (refused ? VARVE_EXISTS : VARVE_OK)) {
        oracle_fail(oracle, "append gave %s", varve_status_name(status));
    }
    for (size_t i = 0; i < batch->count && !refused; i++) {
        model_append(batch->model_series[i], policy, batch->timestamps[i], batch->values[i]);
    }
    if (!refused && vv_test_random_below(&oracle->random, 10) == 0) {
        oracle_must(oracle, varve_wait_durable(oracle->db, lsn), "varve_wait_durable");
    }
}

static struct batch make_batch(struct oracle *oracle, uint64_t batch_max)
{
    size_t count = 1 + vv_test_random_below(&oracle->random, batch_max);
    struct batch batch = {
        .count = count,
        .model_series = malloc(count * sizeof(struct model_series *)),
        .series = malloc(count * sizeof(varve_series)),
        .timestamps = malloc(count * sizeof(int64_t)),
        .values = malloc(count * sizeof(double)),
    };
    fill_batch(oracle, &batch);
    return batch;
}

static void free_batch(struct batch *batch)
{
    free(batch->model_series);
    free(batch->series);
    free(batch->timestamps);
    free(batch->values);
}

void oracle_append(struct oracle *oracle, uint64_t batch_max)
{
    struct batch batch = make_batch(oracle, batch_max);
    append_batch(oracle, &batch);
    free_batch(&batch);
}

/* ---------------------------------------------------------------------------------- bulk */

/* Adds the batch to a copy of the model; whether a timestamp was taken. */
static bool load_model(struct oracle *oracle, struct model *copy, const struct batch *batch,
                       varve_duplicates policy)
{
    bool taken = false;
    for (size_t i = 0; i < batch->count; i++) {
        struct model_series *series = &copy->series[batch->model_series[i] - oracle->model.series];
        taken = taken || model_has(series, batch->timestamps[i]);
        model_append(series, policy, batch->timestamps[i], batch->values[i]);
    }
    return taken;
}

static varve_status add_to_bulk(struct vv_shard_bulk *bulk, const struct batch *batch)
{
    uint32_t *refs = malloc(batch->count * sizeof(*refs));
    for (size_t i = 0; i < batch->count; i++) {
        (void)vv_series_ref(batch->series[i], &refs[i]);
    }
    varve_status status =
        vv_shard_bulk_add(bulk, refs, batch->timestamps, batch->values, batch->count, NULL);
    free(refs);
    return status;
}

void oracle_bulk(struct oracle *oracle, uint64_t batch_max)
{
    struct vv_test_random *random = &oracle->random;
    varve_duplicates policy = 1 + (varve_duplicates)vv_test_random_below(random, 6);
    /* One byte: every batch becomes a sorted run. */
    uint64_t memory_bytes = vv_test_random_below(random, 2) == 0 ? 1 : 1 << 20;
    size_t batches = 1 + vv_test_random_below(random, 4);
    bool give_up = vv_test_random_below(random, 6) == 0, taken = false;
    struct vv_shard_bulk *bulk = NULL;
    struct model copy;
    varve_status status = VARVE_OK;
    oracle_must(
        oracle,
        vv_shard_bulk_create(oracle->db->shard, memory_bytes, policy, &bulk, &oracle->error),
        "vv_shard_bulk_create");
    model_copy(&copy, &oracle->model);
    for (size_t i = 0; i < batches; i++) {
        struct batch batch = make_batch(oracle, batch_max);
        taken = load_model(oracle, &copy, &batch, policy) || taken;
        status = vv_first(status, add_to_bulk(bulk, &batch));
        free_batch(&batch);
    }
    oracle_note(oracle, "%s a bulk of these %zu batches, policy %d", give_up ? "give up" : "attach",
                batches, (int)policy);
    if (status == VARVE_OK && !give_up) {
        status = vv_shard_bulk_attach(bulk, NULL);
    }
    vv_shard_bulk_destroy(bulk);
    bool refused = taken && policy == VARVE_DUPLICATES_ERROR;
    bool fits = status == VARVE_EXISTS ? refused : status == VARVE_OK && (!refused || give_up);
    if (!fits) {
        oracle_fail(oracle, "a bulk gave %s", varve_status_name(status));
    }
    if (status == VARVE_OK && !give_up) {
        struct model old = oracle->model;
        oracle->model = copy;
        copy = old;
    }
    model_fini(&copy);
}

/* ------------------------------------------------------------------------------ deleting */

void oracle_delete(struct oracle *oracle)
{
    struct oracle_selection chosen;
    oracle_random_selection(oracle, &chosen);
    oracle_note(oracle, "delete [%lld, %lld) with %zu matchers", (long long)chosen.selection.start,
                (long long)chosen.selection.end, chosen.selection.matcher_count);
    uint64_t deleted = 0, visible = 0, matching = 0;
    for (size_t i = 0; i < oracle->model.series_count; i++) {
        struct model_series *series = &oracle->model.series[i];
        if (model_matches(series, chosen.matchers, chosen.selection.matcher_count)) {
            matching++;
            visible += series->count > 0;
            model_delete(series, chosen.selection.start, chosen.selection.end);
        }
    }
    oracle_must(oracle, varve_delete(oracle->db, &chosen.selection, &deleted, &oracle->error),
                "varve_delete");
    if (deleted < visible || deleted > matching) {
        oracle_fail(oracle, "deleted from %llu series, %llu were visible",
                    (unsigned long long)deleted, (unsigned long long)visible);
    }
}
