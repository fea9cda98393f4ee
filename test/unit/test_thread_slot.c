/*
 * test_thread_slot.c - records between threads and objects that end in any order.
 */
#include "pool/thread_slot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/status.h"
#include "os/alloc.h"

struct record {
    struct vv_thread_slot slot;
    int mark;
};

static atomic_int records_made;

static void count_record(struct vv_slot_owner *owner, struct vv_thread_slot *slot)
{
    (void)owner;
    ((struct record *)slot)->mark = 1000;
    atomic_fetch_add(&records_made, 1);
}

static void owner_start(struct vv_slot_owner *owner)
{
    vv_slot_owner_init(owner, sizeof(struct record), count_record);
}

static struct record *record_of(struct vv_slot_owner *owner)
{
    return (struct record *)vv_thread_slot_get(owner);
}

static void a_thread_finds_its_own_record_again(void **state)
{
    (void)state;
    struct vv_slot_owner owners[3];
    struct record *records[3];
    for (int index = 0; index < 3; index++) {
        owner_start(&owners[index]);
        records[index] = record_of(&owners[index]);
        assert_int_equal(records[index]->mark, 1000);
        assert_int_equal((uintptr_t)records[index] % VV_CACHE_LINE_BYTES, 0);
        records[index]->mark = index;
    }
    for (int round = 0; round < 20; round++) {
        int index = round * 7 % 3;
        assert_ptr_equal(record_of(&owners[index]), records[index]);
        assert_int_equal(records[index]->mark, index);
    }
    vv_slot_owner_fini(&owners[1]);
    assert_ptr_equal(record_of(&owners[0]), records[0]);
    assert_ptr_equal(record_of(&owners[2]), records[2]);
    vv_slot_owner_fini(&owners[0]);
    vv_slot_owner_fini(&owners[2]);
}

static void an_owner_at_the_same_address_is_another_owner(void **state)
{
    (void)state;
    struct vv_slot_owner owner;
    owner_start(&owner);
    record_of(&owner)->mark = 5;
    vv_slot_owner_fini(&owner);
    owner_start(&owner);
    assert_int_equal(record_of(&owner)->mark, 1000);
    vv_slot_owner_fini(&owner);
}

/* A thread frees the record of an owner that has ended when it misses another one, and must not
 * look into it for an owner that shares its entry. */
static void a_freed_record_is_not_looked_into(void **state)
{
    (void)state;
    struct vv_slot_owner owners[2 * VV_RECENT_SLOTS];
    for (size_t index = 0; index < 2 * VV_RECENT_SLOTS; index++) {
        owner_start(&owners[index]);
    }
    for (size_t index = 0; index < VV_RECENT_SLOTS; index++) {
        record_of(&owners[index])->mark = 5;
        vv_slot_owner_fini(&owners[index]);
    }
    for (size_t index = VV_RECENT_SLOTS; index < 2 * VV_RECENT_SLOTS; index++) {
        assert_int_equal(record_of(&owners[index])->mark, 1000);
        vv_slot_owner_fini(&owners[index]);
    }
}

static void mark_record(void *argument)
{
    struct record *record = record_of(argument);
    record->mark++;
}

static void a_new_thread_inherits_the_record_of_an_ended_one(void **state)
{
    (void)state;
    struct vv_slot_owner owner;
    owner_start(&owner);
    int made_before = atomic_load(&records_made);
    struct vv_thread thread;
    for (int round = 0; round < 5; round++) {
        assert_int_equal(vv_thread_start(&thread, mark_record, &owner), 0);
        vv_thread_join(&thread);
    }
    assert_int_equal(record_of(&owner)->mark, 1005); /* this thread, too, is new to the owner */
    assert_int_equal(atomic_load(&records_made), made_before + 1);
    vv_slot_owner_fini(&owner);
}

struct two_phases {
    struct vv_slot_owner owner;
    struct vv_slot_owner other;
    struct vv_mutex mutex;
    struct vv_condition condition;
    int phase;
};

static void wait_for_phase(struct two_phases *phases, int phase)
{
    vv_mutex_lock(&phases->mutex);
    while (phases->phase < phase) {
        vv_condition_wait(&phases->condition, &phases->mutex);
    }
    vv_mutex_unlock(&phases->mutex);
}

static void enter_phase(struct two_phases *phases, int phase)
{
    vv_mutex_lock(&phases->mutex);
    phases->phase = phase;
    vv_condition_broadcast(&phases->condition);
    vv_mutex_unlock(&phases->mutex);
}

static void outlive_the_owner(void *argument)
{
    struct two_phases *phases = argument;
    VV_ASSERT(record_of(&phases->owner) != NULL);
    enter_phase(phases, 1);
    wait_for_phase(phases, 2);
    VV_ASSERT(record_of(&phases->other) != NULL); /* a miss: frees the orphan on the way */
}

/* LeakSanitizer is the judge of what becomes of the record. */
static void a_thread_may_outlive_the_owner(void **state)
{
    (void)state;
    static struct two_phases phases;
    owner_start(&phases.owner);
    owner_start(&phases.other);
    vv_mutex_init(&phases.mutex);
    vv_condition_init(&phases.condition);
    struct vv_thread thread;
    assert_int_equal(vv_thread_start(&thread, outlive_the_owner, &phases), 0);
    wait_for_phase(&phases, 1);
    vv_slot_owner_fini(&phases.owner);
    enter_phase(&phases, 2);
    vv_thread_join(&thread);
    vv_slot_owner_fini(&phases.other);
    vv_condition_fini(&phases.condition);
    vv_mutex_fini(&phases.mutex);
}

static void take_record(void *argument)
{
    VV_ASSERT(record_of(argument) != NULL);
}

/* Threads end while the owner does: whoever comes second frees. */
static void owners_and_threads_may_end_together(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        static struct two_phases phases;
        phases = (struct two_phases){.phase = 0};
        owner_start(&phases.owner);
        vv_mutex_init(&phases.mutex);
        vv_condition_init(&phases.condition);
        owner_start(&phases.other);
        struct vv_thread first;
        struct vv_thread second;
        assert_int_equal(vv_thread_start(&first, outlive_the_owner, &phases), 0);
        assert_int_equal(vv_thread_start(&second, take_record, &phases.other), 0);
        wait_for_phase(&phases, 1);
        enter_phase(&phases, 2);
        vv_slot_owner_fini(&phases.owner); /* the first thread is about to end */
        vv_thread_join(&first);
        vv_thread_join(&second);
        vv_slot_owner_fini(&phases.other);
        vv_condition_fini(&phases.condition);
        vv_mutex_fini(&phases.mutex);
    }
}

static void add_mark(struct vv_thread_slot *slot, void *visitor)
{
    *(int *)visitor += ((struct record *)slot)->mark;
}

static void a_visit_sees_every_record(void **state)
{
    (void)state;
    struct vv_slot_owner owner;
    owner_start(&owner);
    record_of(&owner)->mark = 1;
    struct vv_thread thread;
    assert_int_equal(vv_thread_start(&thread, mark_record, &owner), 0);
    vv_thread_join(&thread);
    int sum = 0;
    vv_slot_owner_visit(&owner, add_mark, &sum);
    assert_int_equal(sum, 1 + 1001);
    vv_slot_owner_fini(&owner);
}

static void running_out_of_memory_is_reported(void **state)
{
    (void)state;
    struct vv_slot_owner owner;
    owner_start(&owner);
    vv_alloc_fail_at(1);
    assert_null(vv_thread_slot_get(&owner));
    assert_non_null(vv_thread_slot_get(&owner));
    vv_slot_owner_fini(&owner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_finds_its_own_record_again),
        cmocka_unit_test(an_owner_at_the_same_address_is_another_owner),
        cmocka_unit_test(a_freed_record_is_not_looked_into),
        cmocka_unit_test(a_new_thread_inherits_the_record_of_an_ended_one),
        cmocka_unit_test(a_thread_may_outlive_the_owner),
        cmocka_unit_test(owners_and_threads_may_end_together),
        cmocka_unit_test(a_visit_sees_every_record),
        cmocka_unit_test(running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
