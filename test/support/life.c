/*
 * life.c - the loops over boundaries and calls.
 *
 * Thread: one.
 */
#include "support/life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdio.h>

#include "os/env_fault.h"
#include "os/env_sim.h"
#include "support/env_count.h"

bool life_is_long(void)
{
    return getenv("VARVE_TEST_LONG") != NULL;
}

/* Judges what the crashes at one boundary leave. */
static void crash(const struct life *life, struct vv_env_sim *sim, uint64_t boundary)
{
    for (int mode = 0; mode < VV_CRASH_MODE_COUNT; mode++) {
        char what[64];
        (void)snprintf(what, sizeof(what), "boundary %llu, crash mode %d",
                       (unsigned long long)boundary, mode);
        struct vv_env_sim *after =
            vv_env_sim_crash(sim, boundary * 8 + (uint64_t)mode, (enum vv_crash_mode)mode);
        life->check(life->context, vv_env_sim_env(after), what);
        vv_env_sim_destroy(after);
    }
}

void life_cut_power(const struct life *life, unsigned stride)
{
    bool cut = true;
    uint64_t boundaries = 0;
    for (uint64_t boundary = 1; cut; boundary += life_is_long() ? 1 : stride) {
        struct vv_env_sim *sim = vv_env_sim_create(1);
        vv_env_sim_cut_power_after(sim, boundary);
        varve_status status = life->run(life->context, vv_env_sim_env(sim), boundary);
        cut = vv_env_sim_is_off(sim);
        assert_true(cut || status == VARVE_OK);
        crash(life, sim, boundary);
        vv_env_sim_destroy(sim);
        boundaries++;
    }
    print_message("%llu crash states\n", (unsigned long long)boundaries * VV_CRASH_MODE_COUNT);
}

/* One life with the n-th call failing; false if the fault was not met. */
static bool fail_call(const struct life *life, const struct life_fault *fault, uint64_t n,
                      bool persistent)
{
    char what[64];
    struct vv_env_sim *sim = vv_env_sim_create(1);
    struct vv_env_fault *injector = vv_env_fault_create(vv_env_sim_env(sim));
    struct env_count count;
    env_count_init(&count, vv_env_fault_env(injector));
    (void)snprintf(what, sizeof(what), "errno %d at call %llu%s", fault->error,
                   (unsigned long long)n, persistent ? " and from then on" : "");
    vv_env_fault_arm(injector, fault->calls, n, fault->error, persistent);
    varve_status status = life->run(life->context, &count.env, n);
    bool was_hit = vv_env_fault_hits(injector) > 0;
    vv_env_fault_arm(injector, 0, 0, 0, false);
    if (count.handles != 0 || count.mappings != 0) {
        fail_msg("%s: %lld files and %lld mappings are held at the end", what,
                 (long long)count.handles, (long long)count.mappings);
    }
    assert_true(was_hit || status == VARVE_OK);
    life->check(life->context, &count.env, what);
    vv_env_fault_destroy(injector);
    vv_env_sim_destroy(sim);
    return was_hit;
}

void life_fail_calls(const struct life *life, const struct life_fault *faults, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool hit = true;
        for (uint64_t n = 1; hit; n += life_is_long() ? 1 : faults[i].stride) {
            hit = fail_call(life, &faults[i], n, false);
            hit |= fail_call(life, &faults[i], n, true);
        }
    }
}
