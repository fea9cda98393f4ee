/* Tests of reserve.c: the file that keeps room on the disk, and who gets it. */
#include "storage/upkeep/reserve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>

#include "os/env_fault.h"
#include "os/env_sim.h"

enum { KIB = 1 << 10, MIB = 1 << 20 };

struct fixture {
    struct vv_env_sim *sim;
    struct vv_env_fault *fault;
    struct vv_shard_place place;
    struct vv_report report;
    struct vv_reserve reserve;
    unsigned notes;
};

static void count_notes(void *context, varve_event_kind kind, varve_status status, const char *file,
                        uint64_t offset, const char *message)
{
    (void)status;
    (void)file;
    (void)offset;
    (void)message;
    ((struct fixture *)context)->notes += kind == VARVE_EVENT_NOTE;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->sim = vv_env_sim_create(1);
    fixture->fault = vv_env_fault_create(vv_env_sim_env(fixture->sim));
    fixture->place.env = vv_env_fault_env(fixture->fault);
    fixture->place.directory =
        fixture->place.env->ops->open_directory(fixture->place.env->ctx, "/");
    fixture->report = (struct vv_report){count_notes, fixture};
    vv_reserve_init(&fixture->reserve, &fixture->place, &fixture->report, 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    vv_reserve_fini(&fixture->reserve);
    vv_env_fault_destroy(fixture->fault);
    vv_env_sim_destroy(fixture->sim);
    free(fixture);
    return 0;
}

static uint64_t free_bytes(const struct fixture *fixture)
{
    const struct vv_env *env = fixture->place.env;
    uint64_t bytes = 0;
    assert_int_equal(env->ops->free_bytes(env->ctx, fixture->place.directory, &bytes), 0);
    return bytes;
}

static bool is_short(const struct fixture *fixture)
{
    return atomic_load(&fixture->reserve.is_short);
}

static void its_size_follows_what_is_asked_for_within_bounds(void **state)
{
    struct fixture *fixture = *state;
    struct vv_reserve fixed;
    vv_reserve_init(&fixed, &fixture->place, &fixture->report, 5000);
    assert_int_equal(vv_reserve_bytes(&fixture->reserve, 0), 16 * KIB);
    assert_int_equal(vv_reserve_bytes(&fixture->reserve, 16 * KIB + 1), 20 * KIB);
    assert_int_equal(vv_reserve_bytes(&fixture->reserve, UINT64_MAX), 64 * MIB);
    for (uint64_t asked = 16 * KIB; asked < 64 * MIB; asked += asked / 7) {
        uint64_t bytes = vv_reserve_bytes(&fixture->reserve, asked);
        assert_in_range(bytes, asked, asked + asked / 4);
    }
    assert_int_equal(vv_reserve_bytes(&fixed, 0), 8 * KIB);
    assert_int_equal(vv_reserve_bytes(&fixed, UINT64_MAX), 8 * KIB);
    vv_reserve_fini(&fixed);
}

static void it_takes_room_and_gives_it_to_who_borrows(void **state)
{
    struct fixture *fixture = *state;
    vv_env_sim_set_capacity(fixture->sim, 20 * KIB);
    assert_true(vv_reserve_is_due(&fixture->reserve, 0));
    vv_reserve_fill(&fixture->reserve, 0);
    assert_false(vv_reserve_is_due(&fixture->reserve, 0));
    assert_int_equal(free_bytes(fixture), 4 * KIB);
    assert_true(vv_reserve_lend(&fixture->reserve));
    assert_int_equal(free_bytes(fixture), 20 * KIB);
    assert_true(is_short(fixture));
    assert_true(vv_reserve_lend(&fixture->reserve)); /* shares the room */
    vv_reserve_return(&fixture->reserve, 0);
    vv_reserve_fill(&fixture->reserve, 0); /* not while somebody borrows */
    assert_int_equal(free_bytes(fixture), 20 * KIB);
    vv_reserve_return(&fixture->reserve, 0);
    assert_int_equal(free_bytes(fixture), 4 * KIB);
    assert_false(is_short(fixture));
}

static void it_follows_the_data_up_and_down(void **state)
{
    struct fixture *fixture = *state;
    vv_env_sim_set_capacity(fixture->sim, 10 * MIB);
    vv_reserve_fill(&fixture->reserve, 0);
    vv_reserve_fill(&fixture->reserve, MIB);
    assert_int_equal(free_bytes(fixture), 9 * MIB);
    assert_false(vv_reserve_is_due(&fixture->reserve, MIB / 2));
    assert_true(vv_reserve_is_due(&fixture->reserve, MIB / 4));
    vv_reserve_fill(&fixture->reserve, MIB / 4);
    assert_int_equal(free_bytes(fixture), 10 * MIB - MIB / 4);
    uint64_t calls = vv_env_fault_total(fixture->fault);
    vv_reserve_fill_if_due(&fixture->reserve, MIB / 4); /* another thread has done it meanwhile */
    assert_int_equal(vv_env_fault_total(fixture->fault), calls);
    vv_reserve_fill_if_due(&fixture->reserve, MIB);
    assert_int_equal(free_bytes(fixture), 9 * MIB);
}

static void without_room_it_is_short_until_there_is_some(void **state)
{
    struct fixture *fixture = *state;
    vv_env_sim_set_capacity(fixture->sim, 3 * KIB);
    vv_reserve_fill(&fixture->reserve, 0);
    assert_true(is_short(fixture));
    assert_true(vv_reserve_is_due(&fixture->reserve, 0));
    vv_env_sim_set_capacity(fixture->sim, 10 * KIB);
    vv_reserve_fill(&fixture->reserve, 0);
    assert_true(is_short(fixture));
    assert_int_equal(free_bytes(fixture), 2 * KIB); /* what there is, before others take it */
    vv_env_sim_set_capacity(fixture->sim, MIB);
    vv_reserve_fill(&fixture->reserve, 0);
    assert_false(is_short(fixture));
    vv_reserve_fill(&fixture->reserve, 2 * MIB);
    assert_true(is_short(fixture));
    assert_true(vv_reserve_lend(&fixture->reserve));
    assert_int_equal(free_bytes(fixture), MIB);
    vv_reserve_return(&fixture->reserve, 0);
}

static void a_file_system_that_cannot_preallocate_gets_zeros(void **state)
{
    struct fixture *fixture = *state;
    vv_env_sim_set_capacity(fixture->sim, MIB);
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_PREALLOCATE), 1, EOPNOTSUPP, true);
    vv_reserve_fill(&fixture->reserve, 0);
    assert_false(is_short(fixture));
    assert_int_equal(free_bytes(fixture), MIB - 16 * KIB);
    assert_int_equal(fixture->notes, 0);
}

/* Whatever call fails, it says so once and stands in nobody's way. */
static void a_disk_that_fails_does_not_stop_appends(void **state)
{
    struct fixture *fixture = *state;
    static const uint32_t calls[] = {VV_CALL_BIT(VV_CALL_OPEN), VV_CALL_BIT(VV_CALL_PREALLOCATE)};
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        vv_env_fault_arm(fixture->fault, calls[i], 1, EIO, true);
        vv_reserve_fill(&fixture->reserve, 0);
        assert_false(is_short(fixture));
        assert_false(vv_reserve_is_due(&fixture->reserve, 0)); /* not tried all the time */
    }
    assert_int_equal(fixture->notes, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(its_size_follows_what_is_asked_for_within_bounds),
        TEST(it_takes_room_and_gives_it_to_who_borrows),
        TEST(it_follows_the_data_up_and_down),
        TEST(without_room_it_is_short_until_there_is_some),
        TEST(a_file_system_that_cannot_preallocate_gets_zeros),
        TEST(a_disk_that_fails_does_not_stop_appends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
