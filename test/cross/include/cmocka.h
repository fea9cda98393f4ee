/*
 * cmocka.h - the part of cmocka that the tests of base and compress use, in one header, for
 * machines for which no cmocka is installed. The first failed assertion ends the program with exit
 * code 1.
 */
#ifndef VARVE_TEST_CROSS_CMOCKA_H
#define VARVE_TEST_CROSS_CMOCKA_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
    int (*setup)(void **state);
    int (*teardown)(void **state);
    void *initial_state;
};

#define cmocka_unit_test(function)                                                                 \
    {                                                                                              \
#function, function, NULL, NULL, NULL                                                      \
    }
#define cmocka_unit_test_setup_teardown(function, setup, teardown)                                 \
    {                                                                                              \
#function, function, setup, teardown, NULL                                                 \
    }
#define cmocka_unit_test_prestate(function, state)                                                 \
    {                                                                                              \
#function, function, NULL, NULL, state                                                     \
    }

static inline void cross_check(int holds, const char *text, const char *file, int line)
{
    if (!holds) {
        fprintf(stderr, "%s:%d: failed: %s\n", file, line, text);
        exit(1);
    }
}

#define cross_assert(condition) cross_check((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
#define assert_true(condition) cross_assert(condition)
#define assert_false(condition) cross_assert(!(condition))
#define assert_non_null(pointer) cross_assert((pointer) != NULL)
#define assert_null(pointer) cross_assert((pointer) == NULL)
#define assert_ptr_equal(a, b) cross_assert((const void *)(a) == (const void *)(b))
#define assert_ptr_not_equal(a, b) cross_assert((const void *)(a) != (const void *)(b))
#define assert_int_equal(a, b) cross_assert((uintmax_t)(a) == (uintmax_t)(b))
#define assert_int_not_equal(a, b) cross_assert((uintmax_t)(a) != (uintmax_t)(b))
#define assert_string_equal(a, b) cross_assert(strcmp((a), (b)) == 0)
#define assert_string_not_equal(a, b) cross_assert(strcmp((a), (b)) != 0)
#define assert_memory_equal(a, b, bytes) cross_assert(memcmp((a), (b), (bytes)) == 0)
#define assert_memory_not_equal(a, b, bytes) cross_assert(memcmp((a), (b), (bytes)) != 0)
#define assert_in_range(value, low, high)                                                          \
    cross_assert((uintmax_t)(value) >= (uintmax_t)(low) && (uintmax_t)(value) <= (uintmax_t)(high))
#define fail() cross_check(0, "fail()", __FILE__, __LINE__)
#define fail_msg(...)                                                                              \
    do {                                                                                           \
        fprintf(stderr, __VA_ARGS__);                                                              \
        cross_check(0, "", __FILE__, __LINE__);                                                    \
    } while (0)
#define skip()                                                                                     \
    do {                                                                                           \
        printf("skipped\n");                                                                       \
        return;                                                                                    \
    } while (0)
#define print_message(...) printf(__VA_ARGS__)

static inline int cross_run(const struct CMUnitTest *tests, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        void *state = tests[index].initial_state;
        if (tests[index].setup != NULL) {
            cross_check(tests[index].setup(&state) == 0, "setup", tests[index].name, 0);
        }
        tests[index].run(&state);
        if (tests[index].teardown != NULL) {
            cross_check(tests[index].teardown(&state) == 0, "teardown", tests[index].name, 0);
        }
        printf("ok %s\n", tests[index].name);
    }
    return 0;
}

#define cmocka_run_group_tests(tests, setup, teardown)                                             \
    cross_run((tests), sizeof(tests) / sizeof((tests)[0]))

#endif
