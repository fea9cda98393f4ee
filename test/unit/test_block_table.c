/* Tests of block_table.c: what was added is found, by content and not by hash alone. */
#include "mmap/block_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "os/alloc.h"

enum { THINGS = 5000 };

static uint32_t things[THINGS];

static bool thing_equal(const void *all, uint32_t id, const void *wanted)
{
    return ((const uint32_t *)all)[id] == *(const uint32_t *)wanted;
}

/* Adds every thing under a hash of its own or, with few hashes, under one that many share. */
static void check_table(uint64_t hashes)
{
    struct vv_block_table table = {0};
    uint32_t id;
    for (uint32_t at = 0; at < THINGS; at++) {
        uint64_t hash = things[at] * UINT64_C(0x9e3779b97f4a7c15) % hashes;
        assert_false(vv_block_table_find(&table, hash, thing_equal, things, &things[at], &id));
        assert_int_equal(vv_block_table_add(&table, hash, at), VARVE_OK);
    }
    for (uint32_t at = 0; at < THINGS; at++) {
        uint64_t hash = things[at] * UINT64_C(0x9e3779b97f4a7c15) % hashes;
        assert_true(vv_block_table_find(&table, hash, thing_equal, things, &things[at], &id));
        assert_int_equal(id, at);
    }
    vv_block_table_fini(&table);
}

static void what_was_added_is_found(void **state)
{
    (void)state;
    check_table(UINT64_MAX);
}

static void equal_hashes_are_told_apart(void **state)
{
    (void)state;
    check_table(50);
}

static void an_empty_table_finds_nothing(void **state)
{
    struct vv_block_table table = {0};
    uint32_t id;
    (void)state;
    assert_false(vv_block_table_find(&table, 7, thing_equal, things, &things[0], &id));
    vv_block_table_fini(&table);
}

static void a_table_that_cannot_grow_stays_as_it_is(void **state)
{
    struct vv_block_table table = {0};
    uint32_t id;
    uint32_t added = 0;
    varve_status status = VARVE_OK;
    (void)state;
    while (status == VARVE_OK) {
        vv_alloc_fail_at(added == 0 ? 0 : 1);
        status = vv_block_table_add(&table, things[added], added);
        vv_alloc_fail_at(0);
        added += status == VARVE_OK;
    }
    assert_int_equal(status, VARVE_NO_MEMORY);
    for (uint32_t at = 0; at < added; at++) {
        assert_true(vv_block_table_find(&table, things[at], thing_equal, things, &things[at], &id));
        assert_int_equal(id, at);
    }
    assert_false(
        vv_block_table_find(&table, things[added], thing_equal, things, &things[added], &id));
    vv_block_table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found),
        cmocka_unit_test(equal_hashes_are_told_apart),
        cmocka_unit_test(an_empty_table_finds_nothing),
        cmocka_unit_test(a_table_that_cannot_grow_stays_as_it_is),
    };
    for (uint32_t at = 0; at < THINGS; at++) {
        things[at] = at * 2654435761u;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
