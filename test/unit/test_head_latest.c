/* Tests of head_latest.c: whenever the head says what the newest sample is, it is right. Beside
 * other threads: test_latest_tsan. */
#include "storage/head/head_latest.h"

#include "support/head_fixture.h"
#include "support/random.h"

enum { STEPS = 20000 };

/* A sample comes in a block, as in a bulk import. */
static void import(struct fixture *fixture, uint32_t ref, int64_t timestamp, double value)
{
    model_append(&fixture->models[ref], VARVE_DUPLICATES_LAST, timestamp, value);
    vv_head_note_blocks(&fixture->head, timestamp);
    vv_head_forget_latest(&fixture->head);
}

/* What is known without a lock is the same, as long as it has not expired, and was kept. */
static void ask_without_lock(struct fixture *fixture, uint32_t ref, int64_t timestamp, double value)
{
    int64_t open_timestamp;
    double open_value;
    if (vv_head_latest_open(&fixture->head, ref, &open_timestamp, &open_value)) {
        assert_int_equal(open_timestamp, timestamp);
        assert_memory_equal(&open_value, &value, sizeof(value));
    }
    assert_true(vv_head_latest_near(&fixture->head, ref, INT64_MIN, &open_timestamp, &open_value));
    assert_int_equal(open_timestamp, timestamp);
    assert_memory_equal(&open_value, &value, sizeof(value));
    assert_true(vv_head_latest_near(&fixture->head, ref, timestamp, &open_timestamp, &value));
    assert_false(vv_head_latest_near(&fixture->head, ref, timestamp + 1, &open_timestamp, &value));
}

/* Whether the head knows; then it must be right. */
static bool ask(struct fixture *fixture, uint32_t ref)
{
    int64_t timestamp, expected_timestamp;
    double value, expected_value;
    if (!vv_head_latest(&fixture->head, ref, &timestamp, &value)) {
        return false;
    }
    assert_true(newest(fixture, ref, &expected_timestamp, &expected_value));
    assert_int_equal(timestamp, expected_timestamp);
    assert_memory_equal(&value, &expected_value, sizeof(value));
    ask_without_lock(fixture, ref, timestamp, value);
    return true;
}

static void it_is_not_known_until_somebody_says_so(void **state)
{
    struct fixture *fixture = *state;
    assert_false(ask(fixture, 0));
    import(fixture, 0, 10, 0);
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 10, 1);
    assert_false(ask(fixture, 0)); /* a block could have a later one */
    note(fixture, 0);
    assert_true(ask(fixture, 0));
    assert_false(ask(fixture, 1));
}

static void a_first_sample_that_is_later_than_all_blocks_is_known(void **state)
{
    struct fixture *fixture = *state;
    import(fixture, 0, 10, 0);
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 11, 1);
    assert_true(ask(fixture, 0));
    insert(fixture, 1, VARVE_DUPLICATES_LAST, 9, 1);
    assert_false(ask(fixture, 1));
}

static void a_series_that_lies_in_blocks_only_can_be_noted(void **state)
{
    struct fixture *fixture = *state;
    import(fixture, 0, 10, 1);
    assert_false(ask(fixture, 0));
    note(fixture, 0);
    assert_true(ask(fixture, 0));
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 11, 2);
    assert_true(ask(fixture, 0));
}

static void a_block_from_elsewhere_makes_it_unknown(void **state)
{
    struct fixture *fixture = *state;
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 10, 1);
    assert_true(ask(fixture, 0));
    import(fixture, 0, 20, 2);
    assert_false(ask(fixture, 0));
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 15, 3);
    assert_false(ask(fixture, 0));
}

static void what_was_read_before_a_sample_was_given_back_is_not_believed(void **state)
{
    struct fixture *fixture = *state;
    import(fixture, 0, 10, 1);
    uint64_t stamp = vv_head_latest_stamp(&fixture->head);
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 10, 2); /* the reader has not seen this */
    fixture->generation++;
    flush(fixture);
    vv_head_note_latest(&fixture->head, 0, stamp, 10, 1);
    assert_false(ask(fixture, 0));
}

/* The deletion is in a later generation than the sample, which stays where it is. */
static void what_was_read_before_a_deletion_is_not_believed(void **state)
{
    struct fixture *fixture = *state;
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 10, 1);
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 20, 2);
    uint64_t stamp = vv_head_latest_stamp(&fixture->head);
    fixture->generation++;
    delete_range(fixture, 0, 20, 21);
    vv_head_note_latest(&fixture->head, 0, stamp, 20, 2);
    assert_false(ask(fixture, 0));
}

static void it_stays_known_while_samples_follow(void **state)
{
    struct fixture *fixture = *state;
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 0, 0);
    note(fixture, 0);
    for (int64_t i = 1; i < 5000; i++) {
        insert(fixture, 0, VARVE_DUPLICATES_LAST, i, (double)i);
        assert_true(ask(fixture, 0));
    }
}

static void it_outlives_the_generation(void **state)
{
    struct fixture *fixture = *state;
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 10, 1);
    insert(fixture, 1, VARVE_DUPLICATES_LAST, 7, 3);
    fixture->generation++;
    flush(fixture);
    assert_true(ask(fixture, 0));
    assert_true(ask(fixture, 1));
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 11, 2);
    assert_true(ask(fixture, 0));
}

static void it_outlives_a_seal_and_can_be_noted_after_one(void **state)
{
    struct fixture *fixture = *state;
    for (int64_t i = 0; i < 100; i++) {
        insert(fixture, 0, VARVE_DUPLICATES_LAST, i, (double)i);
        insert(fixture, 1, VARVE_DUPLICATES_LAST, i, (double)i);
    }
    delete_range(fixture, 1, 50, 51); /* makes it unknown */
    seal_idle(fixture);
    assert_int_equal(fixture->sealed, 2);
    assert_true(ask(fixture, 0));
    assert_false(ask(fixture, 1));
    note(fixture, 1);
    assert_true(ask(fixture, 1));
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 200, 7);
    insert(fixture, 1, VARVE_DUPLICATES_LAST, 200, 8);
    assert_true(ask(fixture, 0));
    assert_true(ask(fixture, 1));
    fixture->generation++;
    flush(fixture);
    assert_true(ask(fixture, 0));
    assert_true(ask(fixture, 1));
}

/* What a query has read before a sample came that is sealed by now. */
static void what_was_read_before_a_seal_is_not_believed(void **state)
{
    struct fixture *fixture = *state;
    for (int64_t i = 0; i < 100; i++) {
        insert(fixture, 0, VARVE_DUPLICATES_LAST, i, 1);
    }
    uint64_t stamp = vv_head_latest_stamp(&fixture->head);
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 99, 2);
    seal_idle(fixture);
    vv_head_note_latest(&fixture->head, 0, stamp, 99, 1);
    assert_false(ask(fixture, 0));
    note(fixture, 0);
    assert_true(ask(fixture, 0));
}

static void a_late_sample_of_a_new_generation_is_not_taken_for_it(void **state)
{
    struct fixture *fixture = *state;
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 10, 1);
    note(fixture, 0);
    fixture->generation++;
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 5, 2);
    assert_false(ask(fixture, 0));
}

static void a_deletion_makes_it_unknown(void **state)
{
    struct fixture *fixture = *state;
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 10, 1);
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 20, 2);
    note(fixture, 0);
    delete_range(fixture, 0, 15, 25);
    assert_false(ask(fixture, 0));
}

static void a_sample_that_comes_again_after_a_deletion_has_its_new_value(void **state)
{
    struct fixture *fixture = *state;
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 10, 1);
    fixture->time_max = 10; /* all that gets into the block */
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 20, 2);
    assert_true(ask(fixture, 0));
    delete_range(fixture, 0, 15, 25);
    fixture->time_max = 10;
    fixture->generation++;
    flush(fixture);
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 20, 3);
    assert_true(ask(fixture, 0));
}

static void what_is_not_the_newest_is_not_believed(void **state)
{
    struct fixture *fixture = *state;
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 10, 1);
    insert(fixture, 0, VARVE_DUPLICATES_LAST, 20, 2);
    vv_head_forget_latest(&fixture->head);
    uint64_t stamp = vv_head_latest_stamp(&fixture->head);
    vv_head_note_latest(&fixture->head, 0, stamp, 10, 1);
    assert_false(ask(fixture, 0));
    vv_head_note_latest(&fixture->head, 0, stamp, 20, 3);
    assert_false(ask(fixture, 0));
}

static void one_random_step(struct fixture *fixture, struct vv_test_random *random, bool calm,
                            int64_t *clock)
{
    uint32_t ref = (uint32_t)vv_test_random_below(random, SERIES);
    varve_duplicates policy =
        vv_test_random_below(random, 20) == 0
            ? (varve_duplicates)(VARVE_DUPLICATES_LAST + vv_test_random_below(random, 5))
            : VARVE_DUPLICATES_LAST;
    double value = (double)vv_test_random_below(random, 5);
    int64_t back = (int64_t)vv_test_random_below(random, 30);
    switch (vv_test_random_below(random, 40)) {
    case 0:
        delete_range(fixture, ref, *clock - back, *clock - back / 2);
        break;
    case 1:
        fixture->generation += !calm || back < 2 ? 1 : 0; /* calm: long enough for seals */
        break;
    case 2:
        flush(fixture);
        break;
    case 9:
        seal_idle(fixture);
        break;
    case 8:
        if (back < 5) {
            import(fixture, ref, *clock - back, value);
        }
        break;
    case 3:
    case 4:
        insert(fixture, ref, policy, *clock - back, value);
        break;
    case 5:
    case 6:
    case 7:
        note(fixture, ref);
        break;
    default:
        *clock += (int64_t)vv_test_random_below(random, 3);
        insert(fixture, ref, policy, *clock, value);
    }
}

static void it_is_never_wrong(void **state)
{
    struct fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(1);
    int64_t clock = 1000;
    size_t known = 0;
    for (int step = 0; step < STEPS; step++) {
        one_random_step(fixture, &random, step > STEPS / 2, &clock);
        for (uint32_t ref = 0; ref < SERIES; ref++) { /* not each time: what was kept grows old */
            known += vv_test_random_below(&random, 3) == 0 && ask(fixture, ref) ? 1 : 0;
        }
    }
    assert_true(known > STEPS / 3); /* a fifth of all questions */
    assert_true(fixture->sealed > SERIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_not_known_until_somebody_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_stays_known_while_samples_follow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_first_sample_that_is_later_than_all_blocks_is_known,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_series_that_lies_in_blocks_only_can_be_noted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_block_from_elsewhere_makes_it_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_was_read_before_a_sample_was_given_back_is_not_believed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_read_before_a_deletion_is_not_believed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(it_outlives_the_generation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_outlives_a_seal_and_can_be_noted_after_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_read_before_a_seal_is_not_believed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_late_sample_of_a_new_generation_is_not_taken_for_it,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_deletion_makes_it_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_sample_that_comes_again_after_a_deletion_has_its_new_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_the_newest_is_not_believed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_never_wrong, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
