/* Tests of series_table.c: a map by key and by ref, also while others create. */
#include "storage/series/series_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "os/pages.h"
#include "os/thread.h"
#include "support/ck_series_set.h"
#include "support/labels.h"
#include "support/random.h"

struct fixture {
    struct vv_epoch *epoch;
    struct vv_series_table *table;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_int_equal(vv_epoch_create(&fixture->epoch), VARVE_OK);
    fixture->table = vv_series_table_create(fixture->epoch);
    assert_non_null(fixture->table);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    vv_series_table_destroy(fixture->table);
    vv_epoch_destroy(fixture->epoch);
    free(fixture);
    return 0;
}

/* The key of {n="<number>"}, in buffer. */
static struct vv_key numbered_key(struct vv_buffer *buffer, uint64_t number)
{
    char digits[24];
    vv_buffer_clear(buffer);
    (void)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
    varve_label label = vv_test_label("n", digits);
    varve_status status = vv_key_encode(&label, 1, buffer, NULL);
    return (struct vv_key){buffer->bytes, status == VARVE_OK ? buffer->length : 0};
}

static varve_status create(struct fixture *fixture, struct vv_key key, uint64_t hash,
                           struct vv_series **series)
{
    return vv_series_table_find_or_create(fixture->table, key, hash, UINT64_MAX, series);
}

static void a_random_history_is_that_of_a_map(void **state)
{
    enum { NUMBERS = 6000 };
    struct fixture *fixture = *state;
    static struct vv_series *known[NUMBERS]; /* the map */
    struct vv_test_random random = vv_test_random_init(1);
    struct vv_buffer buffer = {0};
    uint32_t count = 0;
    for (int step = 0; step < 30000; step++) {
        uint64_t number = vv_test_random_below(&random, NUMBERS);
        struct vv_key key = numbered_key(&buffer, number);
        uint64_t hash = vv_key_hash(key);
        assert_ptr_equal(vv_series_table_find(fixture->table, key, hash), known[number]);
        if (vv_test_random_below(&random, 2) == 0) {
            struct vv_series *series = NULL;
            assert_int_equal(create(fixture, key, hash, &series), VARVE_OK);
            assert_true(known[number] == NULL ? series->ref == count : series == known[number]);
            count += known[number] == NULL;
            known[number] = series;
            assert_true(vv_key_equal(vv_series_key(series), key));
            assert_ptr_equal(vv_series_table_get(fixture->table, series->ref), series);
        }
        assert_int_equal(vv_series_table_count(fixture->table), count);
    }
    assert_null(vv_series_table_get(fixture->table, count));
    assert_null(vv_series_table_get(fixture->table, UINT32_MAX));
    vv_buffer_fini(&buffer);
}

/* Different keys may have one hash: the key decides. */
static void equal_hashes_are_told_apart(void **state)
{
    struct fixture *fixture = *state;
    struct vv_buffer buffer = {0};
    struct vv_series *series[50];
    for (uint64_t number = 0; number < 50; number++) {
        assert_int_equal(create(fixture, numbered_key(&buffer, number), 42, &series[number]),
                         VARVE_OK);
    }
    for (uint64_t number = 0; number < 50; number++) {
        assert_ptr_equal(vv_series_table_find(fixture->table, numbered_key(&buffer, number), 42),
                         series[number]);
    }
    assert_null(vv_series_table_find(fixture->table, numbered_key(&buffer, 50), 42));
    vv_buffer_fini(&buffer);
}

static void the_limit_holds_for_new_series_only(void **state)
{
    struct fixture *fixture = *state;
    struct vv_buffer buffer = {0};
    struct vv_series *series, *again;
    struct vv_key key = numbered_key(&buffer, 1);
    uint64_t hash = vv_key_hash(key);
    assert_int_equal(vv_series_table_find_or_create(fixture->table, key, hash, 1, &series),
                     VARVE_OK);
    assert_int_equal(vv_series_table_find_or_create(fixture->table, key, hash, 1, &again),
                     VARVE_OK);
    assert_ptr_equal(series, again);
    key = numbered_key(&buffer, 2);
    assert_int_equal(
        vv_series_table_find_or_create(fixture->table, key, vv_key_hash(key), 1, &series),
        VARVE_LIMIT);
    vv_buffer_fini(&buffer);
}

/* Keys with few hashes, so that runs of full buckets and equal tags come about; ck_hs as oracle. */
static void a_random_history_is_that_of_ck_hs(void **state)
{
    struct fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(7);
    struct ck_series_set *oracle = ck_series_set_create();
    struct vv_buffer buffer = {0};
    for (int step = 0; step < 60000; step++) {
        uint64_t number = vv_test_random_below(&random, 20000);
        struct vv_key key = numbered_key(&buffer, number);
        uint64_t hash = number % 5 == 0 ? number % 800 << 40 : vv_key_hash(key);
        struct vv_series *series = vv_series_table_find(fixture->table, key, hash);
        uint32_t expected = ck_series_set_find(oracle, key, hash);
        assert_int_equal(series == NULL ? UINT32_MAX : series->ref, expected);
        if (vv_test_random_below(&random, 2) == 0) {
            assert_int_equal(create(fixture, key, hash, &series), VARVE_OK);
            assert_int_equal(series->ref, ck_series_set_add(oracle, key, hash));
        }
    }
    vv_buffer_fini(&buffer);
    ck_series_set_destroy(oracle);
}

static void growing_moves_a_bounded_number_of_entries_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    struct vv_buffer buffer = {0};
    for (uint64_t number = 0; number < 50000; number++) {
        struct vv_key key = numbered_key(&buffer, number);
        struct vv_series *series;
        assert_int_equal(create(fixture, key, vv_key_hash(key), &series), VARVE_OK);
    }
    struct vv_series_table_stats stats = vv_series_table_stats(fixture->table);
    assert_in_range(stats.moved_max, 1, 28);
    assert_in_range(stats.bucket_bytes, 50000 * 10, 50000 * 32);
    assert_true(stats.growths > 256);
    vv_buffer_fini(&buffer);
}

static void a_batch_finds_what_single_searches_find(void **state)
{
    enum { KEYS = 100 };
    struct fixture *fixture = *state;
    struct vv_buffer buffers[KEYS] = {{0}};
    struct vv_key keys[KEYS];
    uint64_t hashes[KEYS];
    struct vv_series *series[KEYS], *created;
    for (uint64_t i = 0; i < KEYS; i++) {
        keys[i] = numbered_key(&buffers[i], i);
        hashes[i] = vv_key_hash(keys[i]);
        if (i % 3 != 0) {
            assert_int_equal(create(fixture, keys[i], hashes[i], &created), VARVE_OK);
        }
    }
    vv_series_table_find_batch(fixture->table, keys, hashes, KEYS, series);
    for (uint64_t i = 0; i < KEYS; i++) {
        assert_ptr_equal(series[i], vv_series_table_find(fixture->table, keys[i], hashes[i]));
        assert_true((series[i] == NULL) == (i % 3 == 0));
        vv_buffer_fini(&buffers[i]);
    }
}

/* What was created before an allocation failed is found; what failed can be created later. */
static void without_memory_the_table_stays_whole(void **state)
{
    struct fixture *fixture = *state;
    struct vv_buffer buffer = {0};
    for (uint64_t number = 0; number < 3000; number++) {
        struct vv_key key = numbered_key(&buffer, number);
        struct vv_series *series = NULL;
        vv_alloc_fail_at(1 + number % 4);
        varve_status status = create(fixture, key, vv_key_hash(key), &series);
        vv_alloc_fail_at(0);
        assert_true(status == VARVE_OK || status == VARVE_NO_MEMORY);
        assert_int_equal(create(fixture, key, vv_key_hash(key), &series), VARVE_OK);
        assert_int_equal(series->ref, number);
        assert_ptr_equal(vv_series_table_find(fixture->table, key, vv_key_hash(key)), series);
    }
    vv_buffer_fini(&buffer);
}

enum { ROOMY = 130000 }; /* series that fill some huge pages */

static void room_is_wanted_once_for_each_slab(void **state)
{
    struct fixture *fixture = *state;
    struct vv_series_table *table = fixture->table;
    struct vv_buffer buffer = {0};
    struct vv_series *series = NULL;
    int wanted = 0;
    for (uint64_t number = 0; number < ROOMY; number++) {
        struct vv_key key = numbered_key(&buffer, number);
        assert_int_equal(create(fixture, key, vv_key_hash(key), &series), VARVE_OK);
        bool wants = vv_series_table_wants_room(table);
        assert_false(wants && vv_series_table_wants_room(table));
        if (wants || number < 100) { /* nobody wants it in the beginning */
            uint64_t bytes = vv_series_table_stats(table).series_bytes;
            vv_series_table_make_room(table);
            assert_int_equal(vv_series_table_stats(table).series_bytes,
                             bytes + (wants ? VV_PAGES_HUGE_BYTES : 0));
            wanted += wants;
        }
    }
    assert_in_range(wanted, 2, ROOMY * 100 / VV_PAGES_HUGE_BYTES);
    vv_buffer_fini(&buffer);
}

/* ---------------------------------------------------------------------------- threads */

enum { CREATORS = 3, FINDERS = 2, CREATED = 3000 };

struct worker {
    struct fixture *fixture;
    uint64_t seed;
    _Atomic uint64_t *created; /* numbers below are in the table */
    const char *failure;
    struct vv_thread thread;
};

/* Creators walk the same numbers, so that they race for each. */
static void create_all(void *argument)
{
    struct worker *worker = argument;
    struct vv_buffer buffer = {0};
    for (uint64_t number = 0; number < CREATED; number++) {
        struct vv_series *series = NULL;
        struct vv_key key = numbered_key(&buffer, number);
        if (create(worker->fixture, key, vv_key_hash(key), &series) != VARVE_OK ||
            !vv_key_equal(vv_series_key(series), key)) {
            worker->failure = "create";
        }
        uint64_t before = number;
        (void)atomic_compare_exchange_strong(worker->created, &before, number + 1);
    }
    vv_buffer_fini(&buffer);
}

static void find_created(void *argument)
{
    struct worker *worker = argument;
    struct vv_test_random random = vv_test_random_seeded(worker->seed);
    struct vv_buffer buffer = {0};
    for (uint64_t created = 0; created < CREATED;) {
        created = atomic_load(worker->created);
        if (created == 0) {
            continue;
        }
        struct vv_key key = numbered_key(&buffer, vv_test_random_below(&random, created));
        struct vv_series *series =
            vv_series_table_find(worker->fixture->table, key, vv_key_hash(key));
        uint32_t count = vv_series_table_count(worker->fixture->table);
        struct vv_series *newest = vv_series_table_get(worker->fixture->table, count - 1);
        if (series == NULL || !vv_key_equal(vv_series_key(series), key)) {
            worker->failure = "find";
        }
        if (newest == NULL || newest->ref != count - 1) {
            worker->failure = "get";
        }
    }
    vv_buffer_fini(&buffer);
}

static void finding_needs_no_lock_while_others_create(void **state)
{
    struct fixture *fixture = *state;
    _Atomic uint64_t created = 0;
    struct worker workers[CREATORS + FINDERS];
    for (uint64_t i = 0; i < CREATORS + FINDERS; i++) {
        workers[i] = (struct worker){.fixture = fixture, .seed = i, .created = &created};
        assert_int_equal(vv_thread_start(&workers[i].thread,
                                         i < CREATORS ? create_all : find_created, &workers[i]),
                         0);
    }
    for (size_t i = 0; i < CREATORS + FINDERS; i++) {
        vv_thread_join(&workers[i].thread);
        assert_null(workers[i].failure);
    }
    assert_int_equal(vv_series_table_count(fixture->table), CREATED);
}

struct roomy {
    struct fixture *fixture;
    _Atomic bool ended;
    bool failed;
};

static void create_many(void *argument)
{
    struct roomy *roomy = argument;
    struct vv_buffer buffer = {0};
    for (uint64_t number = 0; number < ROOMY; number++) {
        struct vv_series *series = NULL;
        struct vv_key key = numbered_key(&buffer, number);
        roomy->failed |= create(roomy->fixture, key, vv_key_hash(key), &series) != VARVE_OK ||
                         series->ref != number;
    }
    vv_buffer_fini(&buffer);
    atomic_store(&roomy->ended, true);
}

static void room_is_made_while_another_creates(void **state)
{
    struct roomy roomy = {.fixture = *state};
    struct vv_series_table *table = roomy.fixture->table;
    struct vv_thread thread;
    struct vv_buffer buffer = {0};
    assert_int_equal(vv_thread_start(&thread, create_many, &roomy), 0);
    while (!atomic_load(&roomy.ended)) {
        if (vv_series_table_wants_room(table)) {
            vv_series_table_make_room(table);
        }
    }
    vv_thread_join(&thread);
    assert_false(roomy.failed);
    for (uint32_t ref = 0; ref < ROOMY; ref++) {
        struct vv_key key = numbered_key(&buffer, ref);
        assert_true(vv_key_equal(vv_series_key(vv_series_table_get(table, ref)), key));
    }
    vv_buffer_fini(&buffer);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_random_history_is_that_of_a_map),
        TEST(equal_hashes_are_told_apart),
        TEST(the_limit_holds_for_new_series_only),
        TEST(a_random_history_is_that_of_ck_hs),
        TEST(growing_moves_a_bounded_number_of_entries_at_a_time),
        TEST(a_batch_finds_what_single_searches_find),
        TEST(without_memory_the_table_stays_whole),
        TEST(room_is_wanted_once_for_each_slab),
        TEST(finding_needs_no_lock_while_others_create),
        TEST(room_is_made_while_another_creates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
