/*
 * test_out_of_memory.c - every allocation fails once, and from then on: each call says so or does
 * without, nothing is lost or leaked, and the database opens cleanly afterwards.
 *
 * The simulated disk allocates as well: there a failure is one of the disk. Leaks show in a build
 * with the address sanitizer. VARVE_TEST_LONG=1 tries every allocation instead of a sample.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "support/env_count.h"
#include "support/fault_scenario.h"

static const char script[] = "aaqdamquofqcamrqadammqcraoqeqdrqaamoamq";

/* One run with the n-th allocation failing; false if there were fewer. */
static bool run_once(const struct scenario *scenario, uint64_t n, bool lasts, varve_sync_mode sync)
{
    struct vv_env_sim *sim = vv_env_sim_create(1);
    struct env_count count;
    env_count_init(&count, vv_env_sim_env(sim));
    static struct scenario_run run; /* large */
    run = (struct scenario_run){
        .env = &count.env, .sync = sync, .what = lasts ? "no memory any more" : "no memory once"};
    run.n = n;
    uint64_t before = vv_alloc_count();
    if (lasts) {
        vv_alloc_fail_from(n);
    } else {
        vv_alloc_fail_at(n);
    }
    scenario_perform(&run, scenario);
    bool was_hit = vv_alloc_count() - before >= n;
    vv_alloc_fail_at(0);
    if (count.handles != 0 || count.mappings != 0) {
        fail_msg("allocation %llu: %lld files and %lld mappings are held at the end",
                 (unsigned long long)n, (long long)count.handles, (long long)count.mappings);
    }
    if (!was_hit) {
        assert_int_equal(run.failed_calls, 0);
    }
    scenario_verify(&run, &count.env);
    vv_env_sim_destroy(sim);
    return was_hit;
}

static void run_all(bool lasts)
{
    static struct scenario scenario;
    struct vv_test_random random = vv_test_random_init(2);
    scenario_make(&scenario, script, 1);
    bool is_long = getenv("VARVE_TEST_LONG") != NULL;
    uint64_t n = 0, runs = 0;
    for (bool was_hit = true; was_hit; runs++) {
        n += is_long ? 1 : 1 + vv_test_random_below(&random, 151);
        was_hit =
            run_once(&scenario, n, lasts, runs % 2 == 0 ? VARVE_SYNC_COMMIT : VARVE_SYNC_PROCESS);
    }
    print_message("%llu allocations, %llu runs\n", (unsigned long long)n, (unsigned long long)runs);
}

static void an_allocation_that_fails_once_harms_nothing(void **state)
{
    (void)state;
    run_all(false);
}

static void memory_that_is_out_for_good_loses_nothing_acknowledged(void **state)
{
    (void)state;
    run_all(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_allocation_that_fails_once_harms_nothing),
        cmocka_unit_test(memory_that_is_out_for_good_loses_nothing_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
