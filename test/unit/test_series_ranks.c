/* Tests of series_ranks.c: series in key order, whether their ranks are known or not. */
#include "storage/series/series_ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/labels.h"
#include "support/random.h"

enum { SERIES_MAX = 2000 };

struct fixture {
    struct vv_epoch *epoch;
    struct vv_series_table *table;
    size_t count;
    struct vv_series *by_key[SERIES_MAX];
};

/* count series, whose keys come in no order. */
static void set_up(struct fixture *fixture, struct vv_test_random *random, size_t count)
{
    struct vv_buffer buffer = {0};
    assert_int_equal(vv_epoch_create(&fixture->epoch), VARVE_OK);
    fixture->table = vv_series_table_create(fixture->epoch);
    fixture->count = count;
    for (size_t i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "s%u_%zu", (unsigned)vv_test_random_below(random, 1000),
                       i);
        struct vv_key key = vv_test_key(&buffer, name);
        assert_int_equal(vv_series_table_find_or_create(fixture->table, key, vv_key_hash(key),
                                                        SERIES_MAX, &fixture->by_key[i]),
                         VARVE_OK);
        assert_int_equal(fixture->by_key[i]->ref, i);
    }
    vv_buffer_fini(&buffer);
}

static void tear_down(struct fixture *fixture)
{
    vv_series_table_destroy(fixture->table);
    vv_epoch_destroy(fixture->epoch);
}

static struct vv_series_ranks *rank_first(const struct fixture *fixture, size_t known)
{
    static struct vv_series *sorted[SERIES_MAX];
    static uint32_t order[SERIES_MAX];
    memcpy(sorted, fixture->by_key, known * sizeof(*sorted)); /* still by ref */
    qsort(sorted, known, sizeof(*sorted), vv_series_compare);
    for (size_t i = 0; i < known; i++) {
        order[i] = sorted[i]->ref;
    }
    return vv_series_ranks_create(order, known);
}

/* Some of the series, in a random order: they come sorted, each once. */
static void expect_sorted(const struct fixture *fixture, const struct vv_series_ranks *ranks,
                          struct vv_test_random *random)
{
    static uint32_t refs[SERIES_MAX];
    static uint64_t room[2 * SERIES_MAX];
    static struct vv_series *sorted[SERIES_MAX], *expected[SERIES_MAX];
    size_t count = 0;
    uint64_t share = 1 + vv_test_random_below(random, 4);
    for (uint32_t ref = 0; ref < fixture->count; ref++) {
        if (vv_test_random_below(random, share) == 0) {
            refs[count++] = ref;
        }
    }
    for (size_t i = count; i > 1; i--) {
        size_t other = vv_test_random_below(random, i);
        uint32_t ref = refs[i - 1];
        refs[i - 1] = refs[other];
        refs[other] = ref;
    }
    for (size_t i = 0; i < count; i++) {
        expected[i] = vv_series_table_get(fixture->table, refs[i]);
    }
    qsort(expected, count, sizeof(*expected), vv_series_compare);
    vv_series_ranks_sort(ranks, fixture->table, refs, count, room, sorted);
    assert_memory_equal(sorted, expected, count * sizeof(*sorted));
}

static void series_come_in_key_order(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 255, 256, 257, 700, SERIES_MAX};
    struct vv_test_random random = vv_test_random_init(1);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        static struct fixture fixture;
        size_t count = counts[i];
        const size_t known[] = {0, 1, count / 2, count - 1, count};
        set_up(&fixture, &random, count);
        expect_sorted(&fixture, NULL, &random);
        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
            struct vv_series_ranks *ranks = rank_first(&fixture, known[k]);
            assert_non_null(ranks);
            for (int round = 0; round < 4; round++) {
                expect_sorted(&fixture, ranks, &random);
            }
            vv_series_ranks_release(vv_series_ranks_acquire(ranks));
            expect_sorted(&fixture, ranks, &random);
            vv_series_ranks_release(ranks);
        }
        tear_down(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_come_in_key_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
