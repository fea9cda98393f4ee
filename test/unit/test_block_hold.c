/* Tests of block_hold.c: readers in many threads, and how long a page that is held lives. */
#include "mmap/block_reader.h"

#include "os/thread.h"
#include "support/block_fixture.h"

enum { THREADS = 4, ROUNDS = 3 };

struct reader {
    struct vv_thread thread;
    const struct block_model *model;
    struct vv_block *block;
    varve_status status;
};

/* Everything that is made or loaded on first use is met by all threads at once. */
static void read_everything(void *argument)
{
    struct reader *reader = argument;
    for (uint32_t id = 0; id < reader->model->series_count; id++) {
        const struct block_model_series *series = &reader->model->series[id];
        for (unsigned number = 0; number < series->layer_count; number++) {
            struct vv_merge_source source;
            varve_span span;
            size_t count = 0;
            reader->status =
                vv_first(reader->status, vv_block_layer_iter(reader->block, id, number, INT64_MIN,
                                                             INT64_MAX, &source));
            while (reader->status == VARVE_OK && vv_iter_next_span(source.iter, &span)) {
                count += span.count;
            }
            if (reader->status == VARVE_OK) {
                reader->status = count == series->layers[number].count ? VARVE_OK : VARVE_CORRUPT;
                vv_iter_destroy(source.iter);
            }
        }
    }
    struct vv_label_source labels = vv_block_labels(reader->block);
    struct vv_id_runs *ids = vv_id_runs_create();
    for (uint32_t label = 0; label < reader->block->label_count; label++) {
        reader->status = vv_first(reader->status, labels.ops->add_posting(labels.ctx, label, ids));
    }
    vv_id_runs_destroy(ids);
}

static void check_threads(struct block_fixture *fixture, const char *name, bool cold)
{
    struct block_model *model = block_model_create(&fixture->random, 120, 1000);
    struct vv_block_info info;
    for (int round = 0; round < ROUNDS; round++) {
        char file[32];
        struct reader readers[THREADS];
        (void)snprintf(file, sizeof(file), "%s%d", name, round);
        struct vv_block *block = block_fixture_open(fixture, model, file, cold, &info);
        for (size_t at = 0; at < THREADS; at++) {
            readers[at] = (struct reader){.model = model, .block = block};
            assert_int_equal(vv_thread_start(&readers[at].thread, read_everything, &readers[at]),
                             0);
        }
        for (size_t at = 0; at < THREADS; at++) {
            vv_thread_join(&readers[at].thread);
            assert_int_equal(readers[at].status, VARVE_OK);
        }
        vv_block_release(block);
    }
    block_model_destroy(model);
}

static void threads_may_read_a_hot_block_together(void **state)
{
    check_threads(*state, "hot", false);
}

static void threads_may_read_a_cold_block_together(void **state)
{
    check_threads(*state, "cold", true);
}

/* A cold block of noise, so that it has many pages of columns. */
static struct vv_block *open_noise(struct block_fixture *fixture, size_t series_count)
{
    struct vv_block_identity identity = block_model_identity(true);
    struct vv_block_writer *writer;
    struct vv_block_info info;
    struct vv_block *block;
    int64_t timestamps[VV_COLUMN_MAX];
    double values[VV_COLUMN_MAX];
    assert_int_equal(
        vv_block_writer_create(fixture->env, fixture->directory, "noise", &identity, &writer, NULL),
        VARVE_OK);
    for (size_t at = 0; at < series_count; at++) {
        struct vv_buffer key = {0};
        char name[32];
        int length = snprintf(name, sizeof(name), "s%05zu", at);
        varve_label label = {{"__name__", 8}, {name, (size_t)length}};
        assert_int_equal(vv_key_encode(&label, 1, &key, NULL), VARVE_OK);
        for (size_t index = 0; index < VV_COLUMN_MAX; index++) {
            uint64_t bits = vv_test_random_next(&fixture->random);
            timestamps[index] = (int64_t)index;
            memcpy(&values[index], &bits, sizeof(bits));
        }
        assert_int_equal(
            vv_block_writer_begin_series(writer, (struct vv_key){key.bytes, key.length}, NULL),
            VARVE_OK);
        assert_int_equal(vv_block_writer_add_chunk(writer, 0, VARVE_DUPLICATES_LAST, timestamps,
                                                   values, VV_COLUMN_MAX, NULL),
                         VARVE_OK);
        vv_buffer_fini(&key);
    }
    assert_int_equal(vv_block_writer_finish(writer, &info, NULL), VARVE_OK);
    vv_block_writer_destroy(writer);
    assert_int_equal(vv_block_open(fixture->env, fixture->directory, "noise", &info, &block, NULL),
                     VARVE_OK);
    return block;
}

/* A working set of 2 MiB for a block of some 5 MiB. */
static struct vv_working_set *use_working_set(struct block_fixture *fixture, struct vv_block *block,
                                              struct vv_epoch **epoch)
{
    (void)fixture;
    assert_int_equal(vv_epoch_create(epoch), VARVE_OK);
    struct vv_working_set *set = vv_working_set_create(*epoch, 2 << 20);
    assert_non_null(set);
    vv_block_use_working_set(block, set);
    return set;
}

static void column_pages_are_kept_within_the_working_set(void **state)
{
    struct block_fixture *fixture = *state;
    struct vv_block *block = open_noise(fixture, 600);
    struct vv_epoch *epoch;
    struct vv_working_set *set = use_working_set(fixture, block, &epoch);
    const struct vv_block_section_info *values = &block->sections[VV_SECTION_VALUES];
    double decoded[VV_COLUMN_MAX];
    struct vv_block_hold hold = {0};
    uint64_t all_bytes = 0;
    for (uint32_t page = 0; page < values->page_count; page++) {
        all_bytes += vv_block_page_length(block, values->first_page + page);
    }
    assert_true(all_bytes > (4 << 20));
    for (uint32_t chunk = 0; chunk < block->info.chunk_count; chunk++) {
        struct vv_block_chunk entry;
        assert_int_equal(vv_block_chunk_read(block, chunk, &entry), VARVE_OK);
        assert_int_equal(vv_block_chunk_values(block, &entry, &hold, decoded), VARVE_OK);
        assert_true(vv_working_set_figures(set).bytes <= (2 << 20));
    }
    assert_true(vv_working_set_figures(set).bytes > 0);
    vv_block_hold_release(&hold);
    vv_block_release(block);
    assert_int_equal(vv_working_set_figures(set).bytes, 0);
    vv_working_set_destroy(set);
    vv_epoch_destroy(epoch);
}

static void a_second_reader_finds_what_the_first_one_has_unpacked(void **state)
{
    struct block_fixture *fixture = *state;
    struct vv_block *block = open_noise(fixture, 20);
    struct vv_epoch *epoch;
    struct vv_working_set *set = use_working_set(fixture, block, &epoch);
    double decoded[VV_COLUMN_MAX];
    for (int reader = 0; reader < 2; reader++) {
        struct vv_block_hold hold = {0};
        struct vv_block_chunk entry;
        assert_int_equal(vv_block_chunk_read(block, 0, &entry), VARVE_OK);
        assert_int_equal(vv_block_chunk_values(block, &entry, &hold, decoded), VARVE_OK);
        vv_block_hold_release(&hold);
        assert_int_equal(vv_working_set_figures(set).hits, reader);
        assert_int_equal(vv_working_set_figures(set).misses, 1);
    }
    vv_block_release(block);
    vv_working_set_destroy(set);
    vv_epoch_destroy(epoch);
}

static void a_page_that_is_held_outlives_its_place_in_the_working_set(void **state)
{
    struct block_fixture *fixture = *state;
    struct vv_block *block = open_noise(fixture, 600);
    struct vv_epoch *epoch;
    struct vv_working_set *set = use_working_set(fixture, block, &epoch);
    double first[VV_COLUMN_MAX];
    double again[VV_COLUMN_MAX];
    struct vv_block_hold held = {0};
    struct vv_block_hold other = {0};
    struct vv_block_chunk entry;
    const uint8_t *bytes;
    assert_int_equal(vv_block_chunk_read(block, 0, &entry), VARVE_OK);
    assert_int_equal(vv_block_chunk_values(block, &entry, &held, first), VARVE_OK);
    assert_int_equal(vv_block_column(block, VV_SECTION_VALUES, entry.values, &held, &bytes),
                     VARVE_OK);
    for (uint32_t chunk = 0; chunk < block->info.chunk_count; chunk++) {
        struct vv_block_chunk passing;
        assert_int_equal(vv_block_chunk_read(block, chunk, &passing), VARVE_OK);
        assert_int_equal(vv_block_chunk_values(block, &passing, &other, again), VARVE_OK);
    }
    assert_int_equal(vv_values_decode(bytes, entry.values.bytes, entry.count, again), VARVE_OK);
    assert_memory_equal(first, again, sizeof(first));
    assert_true(vv_working_set_figures(set).evictions > 0);
    vv_block_hold_release(&held);
    vv_block_hold_release(&other);
    vv_block_release(block);
    vv_working_set_destroy(set);
    vv_epoch_destroy(epoch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        block_fixture_test(threads_may_read_a_hot_block_together),
        block_fixture_test(threads_may_read_a_cold_block_together),
        block_fixture_test(column_pages_are_kept_within_the_working_set),
        block_fixture_test(a_second_reader_finds_what_the_first_one_has_unpacked),
        block_fixture_test(a_page_that_is_held_outlives_its_place_in_the_working_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
