/*
 * test_workers.c - loops over worker threads: every index once, results there at the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>

#include "os/thread.h"
#include "os/workers.h"

enum { COUNT = 1000, ROUNDS = 200 };

struct marks {
    unsigned char plain[COUNT]; /* written without atomics: the loop's end must order them */
    atomic_uint calls;
};

static void mark(void *context, size_t index)
{
    struct marks *marks = context;
    marks->plain[index]++;
    atomic_fetch_add(&marks->calls, 1);
}

static void check_loop(struct vv_workers *workers, size_t count)
{
    struct marks marks = {0};
    vv_workers_run(workers, mark, &marks, count);
    assert_int_equal(atomic_load(&marks.calls), count);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(marks.plain[i], i < count ? 1 : 0);
    }
}

static void every_index_is_run_once(void **state)
{
    (void)state;
    for (unsigned threads = 0; threads <= 4; threads++) {
        struct vv_workers *workers = NULL;
        assert_int_equal(vv_workers_create(threads, &workers), VARVE_OK);
        for (size_t round = 0; round < ROUNDS; round++) {
            check_loop(workers, round % 7 == 0 ? round % 3 : COUNT - round);
        }
        vv_workers_destroy(workers);
    }
}

static void without_workers_the_caller_does_it(void **state)
{
    (void)state;
    check_loop(NULL, COUNT);
    vv_workers_destroy(NULL);
}

static void run_loops(void *argument)
{
    for (int round = 0; round < ROUNDS; round++) {
        check_loop(argument, 50);
    }
}

static void loops_of_several_threads_wait_for_each_other(void **state)
{
    (void)state;
    struct vv_workers *workers = NULL;
    assert_int_equal(vv_workers_create(2, &workers), VARVE_OK);
    struct vv_thread callers[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(vv_thread_start(&callers[i], run_loops, workers), 0);
    }
    for (int i = 0; i < 3; i++) {
        vv_thread_join(&callers[i]);
    }
    vv_workers_destroy(workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_is_run_once),
        cmocka_unit_test(without_workers_the_caller_does_it),
        cmocka_unit_test(loops_of_several_threads_wait_for_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
