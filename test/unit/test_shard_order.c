/* Tests of shard_order.c: the order of series, kept while series come. */
#include "storage/shard.h"

#include "os/alloc.h"
#include "support/random.h"
#include "support/shard_fixture.h"

/* As many refs as there are series, each once, keys ascending. */
static void expect_order(struct shard_fixture *fixture, size_t expected)
{
    const uint32_t *refs;
    size_t count;
    vv_mutex_lock(&fixture->shard->maintenance_mutex);
    assert_int_equal(vv_shard_order_series(fixture->shard, &refs, &count), VARVE_OK);
    assert_int_equal(count, expected);
    for (size_t i = 1; i < count; i++) {
        const struct vv_series *before = vv_series_table_get(fixture->shard->table, refs[i - 1]);
        const struct vv_series *series = vv_series_table_get(fixture->shard->table, refs[i]);
        assert_true(vv_key_compare(vv_series_key(before), vv_series_key(series)) < 0);
    }
    vv_mutex_unlock(&fixture->shard->maintenance_mutex);
}

static void series_that_come_later_find_their_place(void **state)
{
    struct shard_fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(1);
    size_t count = 0;
    expect_order(fixture, 0);
    for (int round = 0; round < 30; round++) {
        uint64_t more = vv_test_random_below(&random, 40);
        for (uint64_t i = 0; i < more; i++) {
            char text[64];
            (void)snprintf(text, sizeof(text), "m%" PRIu64 "{a=\"%zu\"}",
                           vv_test_random_below(&random, 5), count);
            assert_int_equal(shard_fixture_ref(fixture, text), count++);
        }
        expect_order(fixture, count);
    }
}

static void without_memory_the_order_stays_what_it_was(void **state)
{
    struct shard_fixture *fixture = *state;
    const uint32_t *refs;
    size_t count;
    (void)shard_fixture_ref(fixture, "b");
    (void)shard_fixture_ref(fixture, "c");
    expect_order(fixture, 2);
    (void)shard_fixture_ref(fixture, "a");
    varve_status status = VARVE_NO_MEMORY;
    for (uint64_t nth = 1; status == VARVE_NO_MEMORY; nth++) {
        assert_true(nth < 10);
        vv_alloc_fail_at(nth);
        status = vv_shard_order_series(fixture->shard, &refs, &count);
        vv_alloc_fail_at(0);
    }
    assert_int_equal(status, VARVE_OK);
    expect_order(fixture, 3);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, shard_fixture_set_up, shard_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(series_that_come_later_find_their_place),
        TEST(without_memory_the_order_stays_what_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
