/*
 * test_damage.c - a small database of every kind of file, damaged in every way: never other data
 * without a word.
 *
 *   golden: varve.db, manifest, a cold block, hot blocks, log segments
 *   damage: bits, sectors, lengths, swapped, stale and missing files
 *
 * Whatever is done to one file, opening and reading gives the same answers, or an error, or reports
 * damage; a check says the same; a writer opens all the same and writes on. What was never stored
 * is never returned. One thing cannot be told from a loss of power before a sync, and is allowed:
 * the end of the last log segment may be missing as a whole.
 *
 * VARVE_TEST_LONG=1 flips every bit and cuts at every length instead of a sample.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "storage/log/wal_format.h"
#include "storage/manifest/manifest.h"
#include "support/fault_scenario.h"

enum { FILES_MAX = 24, NAME_BYTES = 48, SECTOR_BYTES = 512, GOLDEN_BYTES_MAX = 1 << 18 };

static const char shard_path[] = SCENARIO_PATH "/shard-0000";
static const char script[] = "aoaucaaduaaoduaaoaodaooaa";

struct golden_file {
    bool in_shard; /* else in the directory of the database */
    char name[NAME_BYTES];
    uint8_t *bytes;
    size_t length;
};

struct golden {
    struct vv_env_sim *sim;
    struct golden_file files[FILES_MAX];
    size_t file_count;
    struct golden_file *last_segment;
    uint8_t old_manifests[2][GOLDEN_BYTES_MAX / 64];
    size_t old_manifest_lengths[2];
    struct scenario scenario;
    struct scenario_state states[SCENARIO_STEPS_MAX + 1]; /* after so many steps */
    size_t step_count;
};

static struct golden golden;
static uint64_t outcomes_same, outcomes_reported, outcomes_shorter;

/* --------------------------------------------------------------------------------- files */

static int open_directory_of(const struct vv_env *env, bool in_shard)
{
    int directory = env->ops->open_directory(env->ctx, in_shard ? shard_path : SCENARIO_PATH);
    assert_true(directory >= 0);
    return directory;
}

static size_t read_file(const struct vv_env *env, bool in_shard, const char *name, uint8_t *bytes,
                        size_t capacity)
{
    int directory = open_directory_of(env, in_shard);
    int file = env->ops->open(env->ctx, directory, name, VV_OPEN_READ);
    assert_true(file >= 0);
    int64_t length = env->ops->pread(env->ctx, file, bytes, capacity, 0);
    assert_true(length >= 0 && (size_t)length < capacity);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
    assert_int_equal(env->ops->close(env->ctx, directory), 0);
    return (size_t)length;
}

static void write_file(const struct vv_env *env, const struct golden_file *to, const uint8_t *bytes,
                       size_t length)
{
    int directory = open_directory_of(env, to->in_shard);
    int file = env->ops->open(env->ctx, directory, to->name, VV_OPEN_TRUNCATE);
    assert_true(file >= 0);
    if (length > 0) {
        assert_int_equal(vv_env_write_all(env, file, bytes, length, 0), 0);
    }
    assert_int_equal(env->ops->close(env->ctx, file), 0);
    assert_int_equal(env->ops->close(env->ctx, directory), 0);
}

static void remove_file(const struct vv_env *env, const struct golden_file *file)
{
    int directory = open_directory_of(env, file->in_shard);
    assert_int_equal(env->ops->unlink(env->ctx, directory, file->name), 0);
    assert_int_equal(env->ops->close(env->ctx, directory), 0);
}

static int add_file(void *visitor, const char *name)
{
    bool in_shard = *(bool *)visitor;
    if (strncmp(name, "shard-", 6) != 0) {
        assert_true(golden.file_count < FILES_MAX);
        struct golden_file *file = &golden.files[golden.file_count++];
        *file = (struct golden_file){.in_shard = in_shard};
        (void)snprintf(file->name, sizeof(file->name), "%s", name);
    }
    return 0;
}

static bool is_segment(const struct golden_file *file)
{
    uint64_t sequence;
    return vv_wal_segment_sequence(file->name, &sequence);
}

static void load_files(const struct vv_env *env)
{
    static uint8_t bytes[GOLDEN_BYTES_MAX];
    for (int in_shard = 0; in_shard < 2; in_shard++) {
        bool flag = in_shard != 0;
        int directory = open_directory_of(env, flag);
        assert_int_equal(env->ops->list(env->ctx, directory, add_file, &flag), 0);
        assert_int_equal(env->ops->close(env->ctx, directory), 0);
    }
    for (size_t i = 0; i < golden.file_count; i++) {
        struct golden_file *file = &golden.files[i];
        file->length = read_file(env, file->in_shard, file->name, bytes, sizeof(bytes));
        file->bytes = malloc(file->length + 1);
        memcpy(file->bytes, bytes, file->length);
        if (is_segment(file) &&
            (golden.last_segment == NULL || strcmp(file->name, golden.last_segment->name) > 0)) {
            golden.last_segment = file;
        }
    }
}

static size_t count_files(const char *prefix)
{
    size_t count = 0;
    for (size_t i = 0; i < golden.file_count; i++) {
        count += strncmp(golden.files[i].name, prefix, strlen(prefix)) == 0;
    }
    return count;
}

/* -------------------------------------------------------------------------- the golden one */

static void keep_manifest(const struct vv_env *env, int which)
{
    golden.old_manifest_lengths[which] =
        read_file(env, true, VV_MANIFEST_NAME, golden.old_manifests[which],
                  sizeof(golden.old_manifests[which]));
}

/* As scenario_open(), but flushed only when the script says so: the log gets several segments. */
static varve_status open_golden(const struct vv_env *env, varve_db **db)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_COMMIT;
    options.background_threads = 0;
    options.wal_segment_bytes = 1024;
    return vv_database_open(env, SCENARIO_PATH, &options, NULL, db, NULL);
}

static int build_golden(void **state)
{
    (void)state;
    golden.sim = vv_env_sim_create(5);
    const struct vv_env *env = vv_env_sim_env(golden.sim);
    scenario_make(&golden.scenario, script, 5);
    golden.step_count = golden.scenario.count;
    scenario_state_clear(&golden.states[0]);
    varve_db *db = NULL;
    assert_int_equal(open_golden(env, &db), VARVE_OK);
    keep_manifest(env, 0);
    for (size_t i = 0; i < golden.step_count; i++) {
        const struct scenario_step *step = &golden.scenario.steps[i];
        assert_int_equal(scenario_step_perform(db, step), VARVE_OK);
        golden.states[i + 1] = golden.states[i];
        scenario_apply(&golden.states[i + 1], step);
        if (step->kind == 'c') {
            keep_manifest(env, 1);
        }
    }
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    load_files(env);
    assert_true(count_files("block-") >= 2);
    assert_true(count_files("wal-") >= 2);
    return 0;
}

static int destroy_golden(void **state)
{
    (void)state;
    for (size_t i = 0; i < golden.file_count; i++) {
        free(golden.files[i].bytes);
    }
    vv_env_sim_destroy(golden.sim);
    print_message("same answers %llu, reported %llu, end of the log missing %llu\n",
                  (unsigned long long)outcomes_same, (unsigned long long)outcomes_reported,
                  (unsigned long long)outcomes_shorter);
    return 0;
}

/* ------------------------------------------------------------------------------- judging */

/* One damage: the file and words for messages. */
struct damage {
    const char *what;
    const struct golden_file *file;
    size_t at;
    bool may_shorten; /* the end of the last segment may be gone as after a loss of power */
};

static void wrong(const struct damage *damage, const char *why, varve_status status)
{
    fail_msg("%s: %s of %s at %zu: %s", why, damage->what, damage->file->name, damage->at,
             varve_status_name(status));
}

/* Whether the value was ever given to that timestamp. */
static bool was_stored(size_t series, size_t timestamp, double value)
{
    for (size_t i = 0; i <= golden.step_count; i++) {
        if (golden.states[i].values[series][timestamp] == value) {
            return true;
        }
    }
    return false;
}

static void expect_nothing_invented(const struct damage *damage, const struct scenario_state *found)
{
    for (size_t s = 0; s < SCENARIO_SERIES; s++) {
        for (size_t t = 0; t < SCENARIO_TIMES; t++) {
            if (!isnan(found->values[s][t]) && !was_stored(s, t, found->values[s][t])) {
                wrong(damage, "an invented sample", VARVE_OK);
            }
        }
    }
}

enum outcome { SAME, SHORTER, REPORTED };

static void count_damage(void *context, varve_event_kind kind, varve_status status,
                         const char *file, uint64_t offset, const char *message)
{
    (void)status;
    (void)file;
    (void)offset;
    (void)message;
    *(uint64_t *)context += kind == VARVE_EVENT_DAMAGE;
}

/* Judges what reading gave: status, damages reported so far, samples. */
static enum outcome judge(const struct damage *damage, varve_status status, uint64_t damages,
                          const struct scenario_state *found)
{
    if (status != VARVE_OK) {
        return REPORTED;
    }
    expect_nothing_invented(damage, found);
    if (damages > 0) {
        return REPORTED;
    }
    if (scenario_states_equal(found, &golden.states[golden.step_count])) {
        return SAME;
    }
    for (size_t i = 0; i < golden.step_count && damage->may_shorten; i++) {
        if (scenario_states_equal(found, &golden.states[i])) {
            return SHORTER;
        }
    }
    wrong(damage, "other data without a word", status);
    return REPORTED;
}

static enum outcome open_and_judge(const struct vv_env *env, const struct damage *damage,
                                   uint32_t flags, varve_db **db)
{
    uint64_t damages = 0;
    struct vv_report report = {count_damage, &damages};
    struct scenario_state found;
    *db = NULL;
    varve_status status = scenario_open(env, VARVE_SYNC_DEFAULT, flags, &report, db);
    if (status == VARVE_OK) {
        status = scenario_read(*db, &found);
    } else {
        assert_null(*db);
    }
    if ((flags & VARVE_OPEN_STRICT) != 0 && damages > 0 && *db != NULL) {
        wrong(damage, "a strict opening goes on", status);
    }
    return judge(damage, status, damages, &found);
}

/* A writer sets aside what is damaged, writes on, and loses nothing more. */
static void write_on(const struct vv_env *env, const struct damage *damage)
{
    varve_db *db;
    struct scenario_state before, after;
    (void)open_and_judge(env, damage, 0, &db);
    if (db == NULL) {
        return;
    }
    struct scenario_step more = {.kind = 'o', .count = 1, .timestamps = {90}, .values = {-1}};
    varve_status appended = scenario_append(db, &more);
    if (appended != VARVE_OK) {
        wrong(damage, "a writer cannot go on", appended);
    }
    varve_status read = scenario_read(db, &before);
    for (int i = 0; i < 4; i++) {
        varve_status maintained = varve_maintain(db, NULL, NULL);
        (void)maintained; /* a merge of a damaged block fails, and says so */
    }
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    assert_int_equal(scenario_open(env, VARVE_SYNC_DEFAULT, 0, NULL, &db), VARVE_OK);
    if (read == VARVE_OK &&
        (scenario_read(db, &after) != VARVE_OK || !scenario_states_equal(&before, &after))) {
        wrong(damage, "a writer lost more", VARVE_OK);
    }
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
}

/* Replaces the file (removes it if bytes is NULL) on a copy of the disk and looks at everything. */
static void try_damage(const struct damage *damage, const uint8_t *bytes, size_t length)
{
    struct vv_env_sim *sim = vv_env_sim_crash(golden.sim, 0, VV_CRASH_KEEP_ALL);
    const struct vv_env *env = vv_env_sim_env(sim);
    if (bytes == NULL) {
        remove_file(env, damage->file);
    } else {
        write_file(env, damage->file, bytes, length);
    }
    varve_db *db;
    enum outcome outcome = open_and_judge(env, damage, VARVE_OPEN_READ_ONLY, &db);
    (void)varve_close(db, NULL);
    varve_check_report figures;
    varve_status checked = vv_database_check(env, SCENARIO_PATH, NULL, NULL, &figures, NULL);
    if (outcome == REPORTED && checked == VARVE_OK) {
        wrong(damage, "a check finds nothing", checked);
    }
    if (checked == VARVE_CORRUPT && figures.damages == 0) {
        wrong(damage, "a check does not say what", checked);
    }
    (void)open_and_judge(env, damage, VARVE_OPEN_STRICT | VARVE_OPEN_READ_ONLY, &db);
    (void)varve_close(db, NULL);
    write_on(env, damage);
    vv_env_sim_destroy(sim);
    outcomes_same += outcome == SAME;
    outcomes_shorter += outcome == SHORTER;
    outcomes_reported += outcome == REPORTED;
}

static bool is_long(void)
{
    return getenv("VARVE_TEST_LONG") != NULL;
}

/* ----------------------------------------------------------------------------------- tests */

static void flipped_bits_are_found(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    for (size_t i = 0; i < golden.file_count; i++) {
        const struct golden_file *file = &golden.files[i];
        size_t bits = file->length * 8;
        for (size_t n = 0; n < (is_long() ? bits : bits == 0 ? 0 : 20); n++) {
            size_t bit = is_long() ? n : vv_test_random_below(&random, bits);
            struct damage damage = {"a flipped bit", file, bit / 8, false};
            file->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            try_damage(&damage, file->bytes, file->length);
            file->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void overwritten_sectors_are_found(void **state)
{
    (void)state;
    static uint8_t bytes[GOLDEN_BYTES_MAX];
    for (size_t i = 0; i < golden.file_count; i++) {
        const struct golden_file *file = &golden.files[i];
        for (size_t at = 0; at < file->length; at += SECTOR_BYTES) {
            size_t length = file->length - at < SECTOR_BYTES ? file->length - at : SECTOR_BYTES;
            bool at_end = file == golden.last_segment && at + 2 * SECTOR_BYTES > file->length;
            static const char *const names[] = {"a zeroed sector", "a sector of ones",
                                                "a sector from elsewhere"};
            for (int kind = 0; kind < 3; kind++) {
                memcpy(bytes, file->bytes, file->length);
                memset(bytes + at, kind == 0 ? 0 : 0xff, length);
                if (kind == 2) {
                    memcpy(bytes + at, file->bytes + (at == 0 ? file->length - length : 0), length);
                }
                struct damage damage = {names[kind], file, at, at_end};
                try_damage(&damage, bytes, file->length);
            }
        }
    }
}

static void wrong_lengths_are_found(void **state)
{
    (void)state;
    static uint8_t bytes[GOLDEN_BYTES_MAX];
    struct vv_test_random random = vv_test_random_init(2);
    for (size_t i = 0; i < golden.file_count; i++) {
        const struct golden_file *file = &golden.files[i];
        bool is_last = file == golden.last_segment;
        for (size_t n = 0; n < (is_long() ? file->length : file->length == 0 ? 0 : 10); n++) {
            size_t length = is_long() || n == 0 ? n : vv_test_random_below(&random, file->length);
            struct damage damage = {"a cut", file, length, is_last};
            try_damage(&damage, file->bytes, length);
        }
        memcpy(bytes, file->bytes, file->length);
        for (size_t more = 1; more < 3 * SECTOR_BYTES; more += 173) {
            for (size_t k = 0; k < more; k++) {
                bytes[file->length + k] = (uint8_t)vv_test_random_next(&random);
            }
            struct damage damage = {"an extension", file, file->length + more, false};
            try_damage(&damage, bytes, file->length + more);
        }
    }
}

static void missing_files_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < golden.file_count; i++) {
        const struct golden_file *file = &golden.files[i];
        struct damage damage = {"removal", file, 0, file == golden.last_segment};
        try_damage(&damage, NULL, 0);
    }
}

/* A file in place of another of its kind: the same prefix of the name. */
static void misplaced_files_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < golden.file_count; i++) {
        for (size_t k = 0; k < golden.file_count; k++) {
            const struct golden_file *to = &golden.files[i], *from = &golden.files[k];
            if (i != k && strncmp(to->name, from->name, 4) == 0) {
                struct damage damage = {"another file in place", to, k, false};
                try_damage(&damage, from->bytes, from->length);
            }
        }
    }
}

static void stale_manifests_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < golden.file_count; i++) {
        for (int which = 0; which < 2; which++) {
            if (strcmp(golden.files[i].name, VV_MANIFEST_NAME) == 0) {
                struct damage damage = {"an older version", &golden.files[i], (size_t)which, false};
                try_damage(&damage, golden.old_manifests[which],
                           golden.old_manifest_lengths[which]);
            }
        }
    }
}

static int note_damaged_name(void *visitor, const char *name)
{
    *(bool *)visitor |= strstr(name, ".damaged") != NULL;
    return 0;
}

static bool has_damaged_file(const struct vv_env *env)
{
    bool found = false;
    int directory = open_directory_of(env, true);
    assert_int_equal(env->ops->list(env->ctx, directory, note_damaged_name, &found), 0);
    assert_int_equal(env->ops->close(env->ctx, directory), 0);
    return found;
}

/* Where the payload of the last frame of a segment begins; behind that frame there may be others,
 * of the segment that the file was before. */
static size_t last_payload(const struct golden_file *file)
{
    struct vv_wal_segment_header header;
    struct vv_wal_frame frame;
    size_t at = VV_WAL_SEGMENT_HEADER_BYTES, payload = 0;
    assert_int_equal(vv_wal_segment_header_decode(file->bytes, &header), VARVE_OK);
    for (uint64_t lsn = header.first_lsn;
         vv_wal_frame_open(file->bytes + at, file->length - at, lsn, header.sequence, &frame);) {
        payload = at + VV_WAL_FRAME_HEADER_BYTES;
        at += (size_t)vv_wal_frame_bytes(frame.payload_bytes);
        lsn += vv_wal_frame_bytes(frame.payload_bytes);
    }
    assert_true(payload > 0);
    return payload;
}

static void a_damaged_segment_is_set_aside_and_what_follows_it_is_kept(void **state)
{
    (void)state;
    struct golden_file *before_last = NULL;
    for (size_t i = 0; i < golden.file_count; i++) {
        struct golden_file *file = &golden.files[i];
        if (is_segment(file) && file != golden.last_segment &&
            (before_last == NULL || strcmp(file->name, before_last->name) > 0)) {
            before_last = file;
        }
    }
    assert_non_null(before_last);
    struct vv_env_sim *sim = vv_env_sim_crash(golden.sim, 0, VV_CRASH_KEEP_ALL);
    const struct vv_env *env = vv_env_sim_env(sim);
    struct scenario_state found, whole = golden.states[golden.step_count];
    varve_db *db = NULL;
    size_t at = last_payload(before_last);
    before_last->bytes[at] ^= 1;
    write_file(env, before_last, before_last->bytes, before_last->length);
    before_last->bytes[at] ^= 1;
    assert_int_equal(scenario_open(env, VARVE_SYNC_DEFAULT, VARVE_OPEN_STRICT, NULL, &db),
                     VARVE_CORRUPT);
    assert_false(has_damaged_file(env));
    assert_int_equal(scenario_open(env, VARVE_SYNC_DEFAULT, 0, NULL, &db), VARVE_OK);
    assert_int_equal(scenario_read(db, &found), VARVE_OK);
    const struct scenario_step *last = &golden.scenario.steps[golden.step_count - 1];
    assert_int_equal(last->kind, 'a'); /* it stands in the last segment */
    for (size_t i = 0; i < last->count; i++) {
        assert_true(found.values[last->series[i]][last->timestamps[i]] ==
                    whole.values[last->series[i]][last->timestamps[i]]);
    }
    assert_int_equal(varve_maintain(db, NULL, NULL), VARVE_OK);
    assert_true(has_damaged_file(env));
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    vv_env_sim_destroy(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_segment_is_set_aside_and_what_follows_it_is_kept),
        cmocka_unit_test(missing_files_are_found),
        cmocka_unit_test(misplaced_files_are_found),
        cmocka_unit_test(stale_manifests_are_found),
        cmocka_unit_test(wrong_lengths_are_found),
        cmocka_unit_test(overwritten_sectors_are_found),
        cmocka_unit_test(flipped_bits_are_found),
    };
    return cmocka_run_group_tests(tests, build_golden, destroy_golden);
}
