/* Tests of view.c: which generations the head must keep for whom. */
#include "storage/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/random.h"

static void publish(struct vv_view_set *set, uint64_t generation)
{
    struct vv_view *view = NULL;
    assert_int_equal(vv_view_create(NULL, 0, generation, &view), VARVE_OK);
    vv_view_publish(set, view);
}

static void a_held_view_keeps_its_generation_until_it_is_released(void **state)
{
    (void)state;
    struct vv_view_set set = {0};
    assert_int_equal(vv_view_set_init(&set, NULL, 0), VARVE_OK);
    struct vv_view *first = vv_view_acquire(&set);
    publish(&set, 1);
    struct vv_view *second = vv_view_acquire(&set);
    publish(&set, 2);
    publish(&set, 3);
    assert_int_equal(first->flushed_generation, 0);
    assert_int_equal(second->flushed_generation, 1);
    assert_int_equal(vv_view_set_droppable(&set), 0);
    vv_view_release(&set, first);
    assert_int_equal(vv_view_set_droppable(&set), 1);
    vv_view_release(&set, second);
    assert_int_equal(vv_view_set_droppable(&set), 3);
    vv_view_set_fini(&set);
}

/* What may be dropped is the least generation that anybody holds, whatever the order. */
static void random_holders_are_all_respected(void **state)
{
    (void)state;
    enum { HOLDERS = 16 };
    struct vv_view_set set = {0};
    struct vv_view *held[HOLDERS] = {0};
    struct vv_test_random random = vv_test_random_init(1);
    uint64_t generation = 0;
    assert_int_equal(vv_view_set_init(&set, NULL, 0), VARVE_OK);
    for (int step = 0; step < 5000; step++) {
        size_t holder = vv_test_random_below(&random, HOLDERS);
        if (vv_test_random_below(&random, 3) == 0) {
            publish(&set, ++generation);
        } else if (held[holder] == NULL) {
            held[holder] = vv_view_acquire(&set);
            assert_int_equal(held[holder]->flushed_generation, generation);
        } else {
            vv_view_release(&set, held[holder]);
            held[holder] = NULL;
        }
        uint64_t least = generation;
        for (size_t i = 0; i < HOLDERS; i++) {
            if (held[i] != NULL && held[i]->flushed_generation < least) {
                least = held[i]->flushed_generation;
            }
        }
        assert_int_equal(vv_view_set_droppable(&set), least);
    }
    for (size_t i = 0; i < HOLDERS; i++) {
        if (held[i] != NULL) {
            vv_view_release(&set, held[i]);
        }
    }
    vv_view_set_fini(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_held_view_keeps_its_generation_until_it_is_released),
        cmocka_unit_test(random_holders_are_all_respected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
