/*
 * thread_run.h - threads of a test that run until they are told to stop. They must not longjmp:
 * what goes wrong in one of them ends all, and fails the test once they are joined.
 */
#ifndef VARVE_TEST_SUPPORT_THREAD_RUN_H
#define VARVE_TEST_SUPPORT_THREAD_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

struct thread_run {
    _Atomic bool stopping;
    _Atomic(const char *) failure; /* the first one; NULL: none */
};

static inline void thread_run_stop(struct thread_run *run)
{
    atomic_store(&run->stopping, true);
}

static inline bool thread_run_goes_on(struct thread_run *run)
{
    return !atomic_load(&run->stopping);
}

/* Any thread. what must stay where it is. */
static inline void thread_run_fail(struct thread_run *run, const char *what)
{
    const char *none = NULL;
    (void)atomic_compare_exchange_strong(&run->failure, &none, what);
    thread_run_stop(run);
}

/* The thread of the test, after the others are joined. */
static inline void thread_run_assert_no_failure(struct thread_run *run)
{
    const char *failure = atomic_load(&run->failure);
    assert_string_equal(failure == NULL ? "" : failure, "");
}

#endif
