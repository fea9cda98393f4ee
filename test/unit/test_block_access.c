/* Tests of block_access.c: which turns count, for how long, and what a successor inherits. */
#include "mmap/block_access.h"

#include "support/block_fixture.h"

static struct vv_block *open_block(struct block_fixture *fixture, const char *name)
{
    struct block_model *model = block_model_create(&fixture->random, 3, 10);
    struct vv_block_info info;
    struct vv_block *block = block_fixture_open(fixture, model, name, false, &info);
    block_model_destroy(model);
    return block;
}

/* A number of turns in which the block is read. */
static void read_turns(struct vv_block *block, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        vv_block_note_read(block);
        vv_block_end_turn(block);
    }
}

static void a_turn_counts_once_and_when_it_is_over(void **state)
{
    struct vv_block *block = open_block(*state, "a");
    vv_block_note_read(block);
    vv_block_note_read(block);
    assert_int_equal(vv_block_turns_read(block), 0);
    vv_block_end_turn(block);
    assert_int_equal(vv_block_turns_read(block), 1);
    vv_block_end_turn(block);
    assert_int_equal(vv_block_turns_read(block), 1);
    vv_block_release(block);
}

static void what_is_not_read_any_more_is_forgotten(void **state)
{
    struct vv_block *block = open_block(*state, "a");
    read_turns(block, 2 * VV_BLOCK_TURNS);
    for (unsigned left = VV_BLOCK_TURNS; left > 0; left--) {
        assert_int_equal(vv_block_turns_read(block), left);
        vv_block_end_turn(block);
    }
    assert_int_equal(vv_block_turns_read(block), 0);
    vv_block_release(block);
}

static void of_several_what_was_read_most_is_inherited(void **state)
{
    struct vv_block *seldom = open_block(*state, "a"), *often = open_block(*state, "b");
    struct vv_block *merged = open_block(*state, "c");
    read_turns(seldom, 2);
    read_turns(often, 5);
    vv_block_inherit_reads(merged, often);
    vv_block_inherit_reads(merged, seldom);
    assert_int_equal(vv_block_turns_read(merged), 5);
    vv_block_release(seldom);
    vv_block_release(often);
    vv_block_release(merged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        block_fixture_test(a_turn_counts_once_and_when_it_is_over),
        block_fixture_test(what_is_not_read_any_more_is_forgotten),
        block_fixture_test(of_several_what_was_read_most_is_inherited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
