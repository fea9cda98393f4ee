/* Tests of block_write.c: what the writer refuses, what it leaves out, and disks that fail it. */
#include "mmap/block_reader.h"

#include <errno.h>

#include "os/alloc.h"
#include "os/env_fault.h"
#include "support/block_fixture.h"
#include "support/labels.h"
#include "support/source_tree.h"

static struct vv_block_writer *create_writer(struct block_fixture *fixture, const char *name)
{
    struct vv_block_identity identity = block_model_identity(false);
    struct vv_block_writer *writer;
    assert_int_equal(
        vv_block_writer_create(fixture->env, fixture->directory, name, &identity, &writer, NULL),
        VARVE_OK);
    return writer;
}

/* Begins a series given as text. */
static varve_status begin(struct vv_block_writer *writer, const char *text, varve_error *error)
{
    struct vv_buffer buffer = {0};
    varve_status status = vv_block_writer_begin_series(writer, vv_test_key(&buffer, text), error);
    vv_buffer_fini(&buffer);
    return status;
}

static const int64_t times[] = {1000, 2000, 3000};
static const double values[] = {1, 2, 3};

static varve_status add(struct vv_block_writer *writer, unsigned layer, varve_duplicates policy,
                        size_t first, size_t count)
{
    return vv_block_writer_add_chunk(writer, layer, policy, times + first, values + first, count,
                                     NULL);
}

static void a_file_that_exists_is_not_overwritten(void **state)
{
    struct block_fixture *fixture = *state;
    struct vv_block_identity identity = block_model_identity(false);
    struct vv_block_writer *writer;
    block_fixture_write(fixture, "b", (const uint8_t *)"x", 1);
    assert_int_equal(
        vv_block_writer_create(fixture->env, fixture->directory, "b", &identity, &writer, NULL),
        VARVE_EXISTS);
}

static void series_out_of_order_are_refused(void **state)
{
    struct block_fixture *fixture = *state;
    struct vv_block_writer *writer = create_writer(fixture, "b");
    struct vv_block_info info;
    varve_error error = {.status = VARVE_OK};
    assert_int_equal(begin(writer, "b", NULL), VARVE_OK);
    assert_int_equal(begin(writer, "b", &error), VARVE_INVALID);
    assert_int_equal(error.status, VARVE_INVALID);
    /* The first failure stays. */
    assert_int_equal(begin(writer, "c", NULL), VARVE_INVALID);
    assert_int_equal(add(writer, 0, VARVE_DUPLICATES_LAST, 0, 1), VARVE_INVALID);
    assert_int_equal(vv_block_writer_finish(writer, &info, NULL), VARVE_INVALID);
    vv_block_writer_destroy(writer);
}

static void chunks_out_of_order_are_refused(void **state)
{
    struct block_fixture *fixture = *state;
    struct vv_block_writer *writer = create_writer(fixture, "b");
    assert_int_equal(begin(writer, "a", NULL), VARVE_OK);
    assert_int_equal(add(writer, 0, VARVE_DUPLICATES_LAST, 0, 2), VARVE_OK);
    assert_int_equal(add(writer, 0, VARVE_DUPLICATES_LAST, 1, 1), VARVE_INVALID);
    vv_block_writer_destroy(writer);
}

static void timestamps_that_do_not_increase_are_refused(void **state)
{
    struct block_fixture *fixture = *state;
    struct vv_block_writer *writer = create_writer(fixture, "b");
    const int64_t same[] = {5, 6, 6};
    assert_int_equal(begin(writer, "a", NULL), VARVE_OK);
    assert_int_equal(
        vv_block_writer_add_chunk(writer, 0, VARVE_DUPLICATES_LAST, same, values, 3, NULL),
        VARVE_INVALID);
    vv_block_writer_destroy(writer);
}

static void a_layer_has_one_policy(void **state)
{
    struct block_fixture *fixture = *state;
    struct vv_block_writer *writer = create_writer(fixture, "b");
    assert_int_equal(begin(writer, "a", NULL), VARVE_OK);
    assert_int_equal(add(writer, 0, VARVE_DUPLICATES_LAST, 0, 1), VARVE_OK);
    assert_int_equal(add(writer, 0, VARVE_DUPLICATES_SUM, 1, 1), VARVE_INVALID);
    vv_block_writer_destroy(writer);
}

static void layers_have_no_gaps(void **state)
{
    struct block_fixture *fixture = *state;
    struct vv_block_writer *writer = create_writer(fixture, "b");
    assert_int_equal(begin(writer, "a", NULL), VARVE_OK);
    assert_int_equal(add(writer, 1, VARVE_DUPLICATES_LAST, 0, 1), VARVE_INVALID);
    vv_block_writer_destroy(writer);
}

static void layers_may_overlap(void **state)
{
    struct block_fixture *fixture = *state;
    struct vv_block_writer *writer = create_writer(fixture, "b");
    struct vv_block_info info;
    assert_int_equal(begin(writer, "a", NULL), VARVE_OK);
    assert_int_equal(add(writer, 0, VARVE_DUPLICATES_LAST, 0, 3), VARVE_OK);
    assert_int_equal(add(writer, 1, VARVE_DUPLICATES_SUM, 1, 1), VARVE_OK);
    assert_int_equal(vv_block_writer_finish(writer, &info, NULL), VARVE_OK);
    assert_int_equal(info.sample_count, 4);
    assert_int_equal(info.chunk_count, 2);
    assert_true(info.time_min == 1000 && info.time_max == 3000);
    vv_block_writer_destroy(writer);
}

/* Whatever the metric, wherever its name stands among the others, and without one. */
static void equal_label_sets_are_stored_once(void **state)
{
    static const char *const texts[] = {
        "{A=\"1\",host=\"x\"}",
        "{A=\"1\",host=\"y\"}",
        "a",
        "a{A=\"1\"}",
        "a{A=\"1\",host=\"x\"}",
        "a{host=\"x\"}",
        "b{A=\"1\"}",
        "b{A=\"1\",host=\"x\"}",
        "b{A=\"1x\"}",
        "c",
        "c{A=\"1\",host=\"y\"}",
    };
    enum { SERIES = sizeof(texts) / sizeof(texts[0]), SETS = 6 };
    struct block_fixture *fixture = *state;
    struct vv_block_writer *writer = create_writer(fixture, "b");
    struct vv_buffer wanted = {0}, key = {0};
    struct vv_block_series series;
    struct vv_block_info info;
    struct vv_block *block;
    for (size_t i = 0; i < SERIES; i++) {
        assert_int_equal(begin(writer, texts[i], NULL), VARVE_OK);
        assert_int_equal(add(writer, 0, VARVE_DUPLICATES_LAST, 0, 3), VARVE_OK);
    }
    assert_int_equal(vv_block_writer_finish(writer, &info, NULL), VARVE_OK);
    vv_block_writer_destroy(writer);
    assert_int_equal(vv_block_open(fixture->env, fixture->directory, "b", &info, &block, NULL),
                     VARVE_OK);
    assert_int_equal(block->set_count, SETS);
    for (uint32_t i = 0; i < SERIES; i++) {
        vv_buffer_clear(&wanted);
        assert_int_equal(vv_block_series(block, i, &key, &series), VARVE_OK);
        assert_true(vv_key_equal(series.key, vv_test_key(&wanted, texts[i])));
    }
    vv_block_release(block);
    vv_buffer_fini(&wanted);
    vv_buffer_fini(&key);
}

/* Writes count series with the columns given; how many samples differ between series is up to what
 * differ says. */
static uint64_t size_with(struct block_fixture *fixture, const char *name, bool differ_in_time,
                          bool differ_in_value)
{
    enum { SERIES = 50, SAMPLES = 500 };
    struct vv_block_writer *writer = create_writer(fixture, name);
    struct vv_block_info info;
    for (int series = 0; series < SERIES; series++) {
        char text[32];
        int64_t timestamps[SAMPLES];
        double numbers[SAMPLES];
        struct vv_test_random random = vv_test_random_seeded(1);
        (void)snprintf(text, sizeof(text), "m%02d", series);
        assert_int_equal(begin(writer, text, NULL), VARVE_OK);
        for (int at = 0; at < SAMPLES; at++) {
            uint64_t noise = vv_test_random_next(&random);
            timestamps[at] = (int64_t)at * 1000000 + (int64_t)(noise % 1000) +
                             (differ_in_time && at == 77 ? series : 0);
            numbers[at] = (double)(noise >> 32 & 255) + (differ_in_value && at == 77 ? series : 0);
        }
        assert_int_equal(vv_block_writer_add_chunk(writer, 0, VARVE_DUPLICATES_LAST, timestamps,
                                                   numbers, SAMPLES, NULL),
                         VARVE_OK);
    }
    assert_int_equal(vv_block_writer_finish(writer, &info, NULL), VARVE_OK);
    vv_block_writer_destroy(writer);
    return info.file_bytes;
}

static void equal_columns_are_stored_once(void **state)
{
    struct block_fixture *fixture = *state;
    uint64_t all_differ = size_with(fixture, "all", true, true);
    uint64_t values_shared = size_with(fixture, "values", true, false);
    uint64_t times_shared = size_with(fixture, "times", false, true);
    uint64_t both_shared = size_with(fixture, "both", false, false);
    assert_true(values_shared < all_differ - 49 * 400);
    assert_true(times_shared < all_differ - 49 * 400);
    assert_true(both_shared < 49 * 400);
}

/* The size of a block of one constant series with regular timestamps. */
static uint64_t size_of_regular(struct block_fixture *fixture, const char *name, size_t count)
{
    struct vv_block_writer *writer = create_writer(fixture, name);
    struct vv_block_info info;
    int64_t timestamps[VV_COLUMN_MAX];
    double zeros[VV_COLUMN_MAX] = {0};
    for (size_t at = 0; at < count; at++) {
        timestamps[at] = INT64_C(1794268800000000000) + (int64_t)at * INT64_C(10000000000);
    }
    assert_int_equal(begin(writer, "a", NULL), VARVE_OK);
    assert_int_equal(
        vv_block_writer_add_chunk(writer, 0, VARVE_DUPLICATES_LAST, timestamps, zeros, count, NULL),
        VARVE_OK);
    assert_int_equal(vv_block_writer_finish(writer, &info, NULL), VARVE_OK);
    vv_block_writer_destroy(writer);
    return info.file_bytes;
}

static void regular_timestamps_take_no_bytes(void **state)
{
    struct block_fixture *fixture = *state;
    assert_int_equal(size_of_regular(fixture, "long", VV_COLUMN_MAX),
                     size_of_regular(fixture, "short", 1));
}

/* Writes a model on a disk whose n-th call fails; false if there were fewer calls. */
static bool write_with_fault(struct block_fixture *fixture, const struct block_model *model,
                             bool cold, uint32_t calls, uint64_t n, int system_errno)
{
    struct vv_env_fault *fault = vv_env_fault_create(fixture->env);
    const struct vv_env *env = vv_env_fault_env(fault);
    struct vv_block_info info;
    struct vv_block *block;
    char name[64];
    (void)snprintf(name, sizeof(name), "f%d-%d-%d-%u", cold, system_errno, (int)n, (unsigned)calls);
    vv_env_fault_arm(fault, calls, n, system_errno, false);
    varve_status status =
        block_model_write(model, env, fixture->directory, name, cold, &info, NULL);
    bool hit = vv_env_fault_hits(fault) > 0;
    vv_env_fault_destroy(fault);
    if (status == VARVE_OK) {
        assert_int_equal(vv_block_open(fixture->env, fixture->directory, name, &info, &block, NULL),
                         VARVE_OK);
        assert_int_equal(block_model_compare(model, block), VARVE_OK);
        vv_block_release(block);
    } else {
        assert_true(hit);
        assert_int_equal(status, vv_status_from_errno(system_errno));
    }
    return hit;
}

static void a_failed_call_fails_the_block_or_does_not_matter(void **state)
{
    struct block_fixture *fixture = *state;
    static const int faults[] = {EIO, ENOSPC, EDQUOT, VV_FAULT_SHORT};
    struct block_model *model = block_model_create(&fixture->random, 30, 200);
    for (size_t fault = 0; fault < 4; fault++) {
        for (int cold = 0; cold < 2; cold++) {
            uint64_t n = 1;
            while (write_with_fault(fixture, model, cold != 0, VV_CALLS_ALL, n, faults[fault])) {
                n++;
            }
            assert_true(n > 1);
        }
    }
    block_model_destroy(model);
}

static void a_large_block_survives_short_writes_and_refused_reservations(void **state)
{
    struct block_fixture *fixture = *state;
    /* Values that cannot be compressed, so that several pieces are written. */
    struct block_model *model = block_model_create(&fixture->random, 200, 1);
    for (size_t at = 0; at < model->series_count; at++) {
        struct block_model_series *series = &model->series[at];
        for (size_t layer = 0; layer < series->layer_count; layer++) {
            struct block_model_layer *samples = &series->layers[layer];
            samples->count = 3000;
            samples->chunk_samples = VV_COLUMN_MAX;
            samples->timestamps = realloc(samples->timestamps, 3000 * sizeof(int64_t));
            samples->values = realloc(samples->values, 3000 * sizeof(double));
            for (size_t sample = 0; sample < 3000; sample++) {
                uint64_t bits = vv_test_random_next(&fixture->random);
                samples->timestamps[sample] = (int64_t)sample * 1000;
                memcpy(&samples->values[sample], &bits, sizeof(bits));
            }
        }
    }
    assert_true(
        write_with_fault(fixture, model, false, VV_CALL_BIT(VV_CALL_PWRITE), 2, VV_FAULT_SHORT));
    assert_true(
        write_with_fault(fixture, model, false, VV_CALL_BIT(VV_CALL_PREALLOCATE), 1, ENOSPC));
    assert_true(write_with_fault(fixture, model, false, VV_CALL_BIT(VV_CALL_TRUNCATE), 1, EIO));
    block_model_destroy(model);
}

static void memory_that_runs_out_is_reported(void **state)
{
    struct block_fixture *fixture = *state;
    struct block_model *model = block_model_create(&fixture->random, 30, 100);
    for (int cold = 0; cold < 2; cold++) {
        varve_status status = VARVE_NO_MEMORY;
        for (uint64_t n = 1; status != VARVE_OK; n++) {
            struct vv_block_info info;
            char name[32];
            (void)snprintf(name, sizeof(name), "m%d-%d", cold, (int)n);
            vv_alloc_fail_at(n);
            status = block_model_write(model, fixture->env, fixture->directory, name, cold != 0,
                                       &info, NULL);
            vv_alloc_fail_at(0);
            /* The disk is simulated, in memory too. */
            assert_true(status == VARVE_OK || status == VARVE_NO_MEMORY || status == VARVE_IO);
            assert_true(n < 1000);
        }
    }
    block_model_destroy(model);
}

static void the_same_block_has_the_same_bytes(void **state)
{
    struct block_fixture *fixture = *state;
    struct block_model *model = block_model_create(&fixture->random, 100, 500);
    for (int cold = 0; cold < 2; cold++) {
        struct vv_block_info first;
        struct vv_block_info second;
        const char *name = cold != 0 ? "cold" : "hot";
        const char *again = cold != 0 ? "cold again" : "hot again";
        assert_int_equal(block_model_write(model, fixture->env, fixture->directory, name, cold != 0,
                                           &first, NULL),
                         VARVE_OK);
        assert_int_equal(block_model_write(model, fixture->env, fixture->directory, again,
                                           cold != 0, &second, NULL),
                         VARVE_OK);
        assert_true(first.file_bytes == second.file_bytes && first.checksum == second.checksum);
    }
    block_model_destroy(model);
}

/* The file beside the sources that a path in the tree names. */
static FILE *open_source(const char *relative)
{
    char path[1024];
    vv_test_source_path(__FILE__, relative, path, sizeof(path));
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail_msg("%s cannot be read", path);
    }
    return file;
}

/* Reads the lines of the example, "offset  sixteen bytes", into bytes; returns the length, which
 * is the offset of the last line. */
static size_t read_example(uint8_t *bytes, size_t capacity)
{
    FILE *file = open_source("src/mmap/BLOCK_FORMAT.md");
    char line[256];
    size_t length = 0;
    bool inside = false;
    while (fgets(line, sizeof(line), file) != NULL) {
        char *at;
        inside = inside || strncmp(line, "## Worked example", 17) == 0;
        unsigned long offset = strtoul(line, &at, 16);
        if (!inside || at != line + 6) {
            continue;
        }
        assert_true(offset + 16 <= capacity);
        length = offset;
        for (size_t index = 0; *at == ' '; index++) {
            bytes[offset + index] = (uint8_t)strtoul(at, &at, 16);
        }
    }
    (void)fclose(file);
    return length;
}

static void the_example_of_the_format_document_is_exact(void **state)
{
    struct block_fixture *fixture = *state;
    struct vv_block_identity identity = {
        .database_uuid = "sixteen letters.", .id = 7, .lsn_min = 8, .lsn_max = 200};
    const double ones[] = {1, 1, 1};
    struct vv_block_writer *writer;
    struct vv_block_info info;
    uint8_t expected[4096] = {0};
    assert_int_equal(
        vv_block_writer_create(fixture->env, fixture->directory, "b", &identity, &writer, NULL),
        VARVE_OK);
    assert_int_equal(begin(writer, "cpu{host=\"a\"}", NULL), VARVE_OK);
    assert_int_equal(
        vv_block_writer_add_chunk(writer, 0, VARVE_DUPLICATES_LAST, times, ones, 3, NULL),
        VARVE_OK);
    assert_int_equal(vv_block_writer_finish(writer, &info, NULL), VARVE_OK);
    vv_block_writer_destroy(writer);
    assert_int_equal(read_example(expected, sizeof(expected)), info.file_bytes);
    uint8_t *bytes = block_fixture_read(fixture, "b", info.file_bytes);
    assert_memory_equal(bytes, expected, info.file_bytes);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        block_fixture_test(a_file_that_exists_is_not_overwritten),
        block_fixture_test(series_out_of_order_are_refused),
        block_fixture_test(chunks_out_of_order_are_refused),
        block_fixture_test(timestamps_that_do_not_increase_are_refused),
        block_fixture_test(a_layer_has_one_policy),
        block_fixture_test(layers_have_no_gaps),
        block_fixture_test(layers_may_overlap),
        block_fixture_test(equal_columns_are_stored_once),
        block_fixture_test(equal_label_sets_are_stored_once),
        block_fixture_test(regular_timestamps_take_no_bytes),
        block_fixture_test(a_failed_call_fails_the_block_or_does_not_matter),
        block_fixture_test(a_large_block_survives_short_writes_and_refused_reservations),
        block_fixture_test(memory_that_runs_out_is_reported),
        block_fixture_test(the_same_block_has_the_same_bytes),
        block_fixture_test(the_example_of_the_format_document_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
