/* Tests of block.h: what was written is read back, whatever it is and however it is read. */
#include "mmap/block.h"

#include <errno.h>

#include "os/env_fault.h"
#include "support/block_fixture.h"
#include "support/block_golden.h"
#include "support/iter_contract.h"
#include "support/source_tree.h"

static void count_damage(void *context, uint64_t offset, const char *message)
{
    printf("damage at %llu: %s\n", (unsigned long long)offset, message);
    (*(int *)context)++;
}

static void check_info(const struct vv_block_info *found, const struct vv_block_info *expected)
{
    const struct vv_block_identity *identity = &expected->identity;
    assert_memory_equal(found->identity.database_uuid, identity->database_uuid, 16);
    assert_true(found->identity.id == identity->id);
    assert_true(found->identity.lsn_min == identity->lsn_min);
    assert_true(found->identity.lsn_max == identity->lsn_max);
    assert_true(found->identity.shard == identity->shard);
    assert_true(found->identity.cold == identity->cold);
    assert_true(found->file_bytes == expected->file_bytes);
    assert_true(found->checksum == expected->checksum);
    assert_true(found->series_count == expected->series_count);
    assert_true(found->chunk_count == expected->chunk_count);
    assert_true(found->sample_count == expected->sample_count);
    assert_true(found->tombstone_count == expected->tombstone_count);
    assert_true(found->time_min == expected->time_min);
    assert_true(found->time_max == expected->time_max);
}

static void check_everything(struct block_fixture *fixture, size_t series_count, bool cold)
{
    struct block_model *model = block_model_create(&fixture->random, series_count, 3000);
    struct vv_block_info info;
    char name[32];
    (void)snprintf(name, sizeof(name), "b%zu", series_count);
    struct vv_block *block = block_fixture_open(fixture, model, name, cold, &info);
    uint64_t samples;
    int damage = 0;
    check_info(vv_block_info(block), &info);
    assert_int_equal(block_model_compare(model, block), VARVE_OK);
    assert_int_equal(vv_block_verify(block, count_damage, &damage, &samples), VARVE_OK);
    assert_int_equal(damage, 0);
    assert_true(samples == info.sample_count);
    vv_block_release(block);
    block_model_destroy(model);
}

static void a_block_reads_back_as_it_was_written(void **state)
{
    struct block_fixture *fixture = *state;
    static const size_t counts[] = {0, 1, 2, 3, 10, 100, 1000};
    for (size_t at = 0; at < sizeof(counts) / sizeof(counts[0]); at++) {
        check_everything(fixture, counts[at], false);
    }
}

static void a_cold_block_reads_back_as_it_was_written(void **state)
{
    struct block_fixture *fixture = *state;
    static const size_t counts[] = {0, 1, 2, 30, 300};
    for (size_t at = 0; at < sizeof(counts) / sizeof(counts[0]); at++) {
        check_everything(fixture, counts[at], true);
    }
}

static void ranges_cut_edges_exactly(void **state)
{
    struct block_fixture *fixture = *state;
    struct block_model *model = block_model_create(&fixture->random, 20, 4000);
    struct vv_block_info info;
    struct vv_block *block = block_fixture_open(fixture, model, "b", true, &info);
    for (int round = 0; round < 2000; round++) {
        uint32_t id = (uint32_t)vv_test_random_below(&fixture->random, model->series_count);
        const struct block_model_series *series = &model->series[id];
        if (series->layer_count == 0) {
            continue;
        }
        unsigned number = (unsigned)vv_test_random_below(&fixture->random, series->layer_count);
        const struct block_model_layer *layer = &series->layers[number];
        size_t first = vv_test_random_below(&fixture->random, layer->count);
        size_t last = vv_test_random_below(&fixture->random, layer->count);
        int64_t start = layer->timestamps[first];
        int64_t end = layer->timestamps[last];
        start += start > INT64_MIN ? (int64_t)vv_test_random_below(&fixture->random, 3) - 1 : 0;
        end += end > INT64_MIN ? (int64_t)vv_test_random_below(&fixture->random, 3) - 1 : 0;
        assert_int_equal(
            block_model_compare_range(layer, block, id, number, start, end < start ? start : end),
            VARVE_OK);
    }
    vv_block_release(block);
    block_model_destroy(model);
}

struct layer_context {
    struct vv_block *block;
    uint32_t id;
};

static struct vv_iter *make_layer_iter(void *context)
{
    struct layer_context *layer = context;
    struct vv_merge_source source;
    assert_int_equal(vv_block_layer_iter(layer->block, layer->id, 0, INT64_MIN, INT64_MAX, &source),
                     VARVE_OK);
    return source.iter;
}

/* The iterators hold references of their own. */
static void give_block_away(void *context)
{
    struct layer_context *layer = context;
    vv_block_release(layer->block);
    layer->block = NULL;
}

static void layer_iterators_keep_the_contract(void **state)
{
    struct block_fixture *fixture = *state;
    struct block_model *model = block_model_create(&fixture->random, 12, 3000);
    for (size_t at = 0; at < model->series_count; at++) {
        struct vv_block_info info;
        char name[32];
        (void)snprintf(name, sizeof(name), "b%zu", at);
        struct layer_context context = {
            block_fixture_open(fixture, model, name, at % 2 != 0, &info), (uint32_t)at};
        const struct block_model_layer *layer = &model->series[at].layers[0];
        struct vv_iter_contract contract = {.make = make_layer_iter,
                                            .context = &context,
                                            .timestamps = layer->timestamps,
                                            .values = layer->values,
                                            .count = layer->count,
                                            .disturb = give_block_away};
        if (model->series[at].layer_count > 0) {
            iter_contract_check(&contract);
        }
        vv_block_release(context.block);
    }
    block_model_destroy(model);
}

static void a_key_that_is_not_there_is_not_found(void **state)
{
    struct block_fixture *fixture = *state;
    struct block_model *model = block_model_create(&fixture->random, 300, 5);
    struct vv_block_info info;
    struct vv_block *block = block_fixture_open(fixture, model, "b", false, &info);
    struct vv_buffer buffer = {0};
    for (int round = 0; round < 2000; round++) {
        uint32_t id = UINT32_MAX;
        vv_buffer_clear(&buffer);
        block_model_random_key(&fixture->random, &buffer);
        struct vv_key key = {buffer.bytes, buffer.length};
        bool known = false;
        for (size_t at = 0; at < model->series_count; at++) {
            known = known || vv_key_equal(key, block_model_key(&model->series[at]));
        }
        varve_status status = vv_block_find(block, key, vv_key_hash(key), &id);
        assert_int_equal(status, known ? VARVE_OK : VARVE_NOT_FOUND);
        assert_true(!known || vv_key_equal(key, block_model_key(&model->series[id])));
    }
    vv_buffer_fini(&buffer);
    vv_block_release(block);
    block_model_destroy(model);
}

static void check_without_mapping(struct block_fixture *fixture, const char *name, bool cold)
{
    struct block_model *model = block_model_create(&fixture->random, 100, 2000);
    struct vv_env_fault *fault = vv_env_fault_create(fixture->env);
    const struct vv_env *env = vv_env_fault_env(fault);
    struct vv_block_info info;
    struct vv_block *block;
    uint64_t samples;
    assert_int_equal(block_model_write(model, env, fixture->directory, name, cold, &info, NULL),
                     VARVE_OK);
    vv_env_fault_arm(fault, VV_CALL_BIT(VV_CALL_MAP), 1, ENOMEM, true);
    assert_int_equal(vv_block_open(env, fixture->directory, name, &info, &block, NULL), VARVE_OK);
    assert_true(vv_env_fault_hits(fault) > 0);
    assert_int_equal(block_model_compare(model, block), VARVE_OK);
    assert_int_equal(vv_block_verify(block, NULL, NULL, &samples), VARVE_OK);
    vv_block_release(block);
    vv_env_fault_destroy(fault);
    block_model_destroy(model);
}

static void a_block_that_cannot_be_mapped_is_read(void **state)
{
    check_without_mapping(*state, "hot", false);
    check_without_mapping(*state, "cold", true);
}

/* Opens the directory of kept files, which stands beside this file. */
static int open_golden(void)
{
    char path[1024];
    vv_test_source_path(__FILE__, "test/unit/golden", path, sizeof(path));
    return vv_env_posix()->ops->open_directory(vv_env_posix()->ctx, path);
}

static const struct golden {
    const char *name;
    int version;
    bool cold;
    bool rolled_up;
} goldens[] = {
    {"block_v1_hot", 1, false, false},       {"block_v1_cold", 1, true, false},
    {"block_v2_hot", 2, false, true},        {"block_v2_cold", 2, true, true},
    {"block_v3_hot", 3, false, false},       {"block_v3_cold", 3, true, false},
    {"block_v3_rolled_hot", 3, false, true}, {"block_v3_rolled_cold", 3, true, true},
};
enum { GOLDEN_COUNT = sizeof(goldens) / sizeof(goldens[0]), VERSION_WRITTEN = 3 };

/* Makes the kept files of this version in the directory that VARVE_TEST_WRITE_GOLDEN names: needed
 * only when the format changes, which means new files beside the old ones. */
static void write_golden(void)
{
    const char *path = getenv("VARVE_TEST_WRITE_GOLDEN");
    if (path == NULL) {
        return;
    }
    int directory = vv_env_posix()->ops->open_directory(vv_env_posix()->ctx, path);
    assert_true(directory >= 0);
    struct vv_rollup_rules *rules = block_golden_rules();
    struct block_model *model = block_golden_model(VERSION_WRITTEN);
    for (int at = 0; at < GOLDEN_COUNT; at++) {
        const struct golden *golden = &goldens[at];
        struct vv_block_info info;
        if (golden->version == VERSION_WRITTEN) {
            assert_int_equal(block_model_write_rolled_up(
                                 model, vv_env_posix(), directory, golden->name, golden->cold,
                                 golden->rolled_up ? rules : NULL, &info, NULL),
                             VARVE_OK);
        }
    }
    block_model_destroy(model);
    vv_rollup_rules_release(rules);
    (void)vv_env_posix()->ops->close(vv_env_posix()->ctx, directory);
}

static void blocks_written_by_earlier_versions_are_read(void **state)
{
    int directory = open_golden();
    (void)state;
    assert_true(directory >= 0);
    write_golden();
    for (size_t at = 0; at < GOLDEN_COUNT; at++) {
        const struct golden *golden = &goldens[at];
        struct block_model *model = block_golden_model(golden->version);
        struct vv_block *block;
        uint64_t samples;
        varve_error error = {.status = VARVE_OK};
        if (vv_block_open(vv_env_posix(), directory, golden->name, NULL, &block, &error) !=
            VARVE_OK) {
            fail_msg("%s", error.message);
        }
        assert_int_equal(block_model_compare(model, block), VARVE_OK);
        assert_int_equal(vv_block_verify(block, NULL, NULL, &samples), VARVE_OK);
        assert_int_equal(vv_block_info(block)->identity.cold, golden->cold);
        assert_int_equal(vv_block_info(block)->identity.rollup_sequence, golden->rolled_up ? 9 : 0);
        assert_int_equal(vv_block_info(block)->rollup_bytes > 0, golden->rolled_up);
        vv_block_release(block);
        block_model_destroy(model);
    }
    (void)vv_env_posix()->ops->close(vv_env_posix()->ctx, directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        block_fixture_test(a_block_reads_back_as_it_was_written),
        block_fixture_test(a_cold_block_reads_back_as_it_was_written),
        block_fixture_test(ranges_cut_edges_exactly),
        block_fixture_test(layer_iterators_keep_the_contract),
        block_fixture_test(a_key_that_is_not_there_is_not_found),
        block_fixture_test(a_block_that_cannot_be_mapped_is_read),
        block_fixture_test(blocks_written_by_earlier_versions_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
