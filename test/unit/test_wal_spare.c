/* Tests of wal_spare.c: segments that are written over, and what stood in them before. */
#include <errno.h>

#include "support/wal_fixture.h"

enum { SEGMENT_MAX = 4096, BYTES = 100 };

/* Segments that were preallocated since the start, which recycled ones are not. */
static uint64_t made_count(struct wal_fixture *fixture)
{
    return vv_env_fault_count(fixture->fault, VV_CALL_PREALLOCATE);
}

static void a_dropped_segment_becomes_a_later_one(void **state)
{
    struct wal_fixture *fixture = *state;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    uint64_t start = wal_fixture_fill(fixture, 1, 100);
    vv_wal_drop(&fixture->wal, start);
    assert_true(wal_fixture_has_file(fixture, "wal-0000000000000001.spare"));
    assert_false(wal_fixture_has_file(fixture, "wal-0000000000000001"));
    assert_int_equal(fixture->wal.spares.count, 2);
    uint64_t made = made_count(fixture);
    (void)wal_fixture_fill(fixture, 101, 150);
    assert_int_equal(made_count(fixture), made);
    assert_int_equal(fixture->wal.spares.count, 0);
    (void)wal_fixture_fill(fixture, 151, 250);
    assert_true(made_count(fixture) > made);
    assert_int_equal(wal_fixture_replay(fixture, start, true), VARVE_OK);
    wal_fixture_expect(fixture, 101, 250);
    assert_int_equal(wal_fixture_reports(fixture, VARVE_EVENT_NOTE), 0);
}

static void a_log_that_is_dropped_again_and_again_needs_no_new_files(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t segments, bytes;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    uint64_t start = wal_fixture_fill(fixture, 1, 100), made = 0;
    for (uint64_t number = 101; number <= 2000; number += 20) {
        vv_wal_drop(&fixture->wal, start);
        made = number < 200 ? made_count(fixture) : made;
        start = wal_fixture_fill(fixture, number, number + 19);
    }
    assert_int_equal(made_count(fixture), made);
    vv_wal_size(&fixture->wal, &segments, &bytes);
    assert_in_range(bytes, SEGMENT_MAX, 5 * SEGMENT_MAX);
}

static void closing_removes_spares(void **state)
{
    struct wal_fixture *fixture = *state;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    uint64_t start = wal_fixture_fill(fixture, 1, 100);
    vv_wal_drop(&fixture->wal, start);
    assert_int_equal(vv_wal_close(&fixture->wal, start), VARVE_OK);
    assert_false(wal_fixture_has_file(fixture, "wal-0000000000000001.spare"));
    assert_false(wal_fixture_has_file(fixture, "wal-0000000000000002.spare"));
}

static void a_disk_with_little_room_gets_the_space_back_at_once(void **state)
{
    struct wal_fixture *fixture = *state;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    uint64_t start = wal_fixture_fill(fixture, 1, 100);
    vv_env_sim_set_capacity(fixture->sim, 16 << 10);
    vv_wal_drop(&fixture->wal, start);
    assert_int_equal(fixture->wal.spares.count, 0);
    assert_false(wal_fixture_has_file(fixture, "wal-0000000000000001.spare"));
}

static void a_segment_that_a_write_failed_on_is_not_used_again(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 1, 5);
    assert_int_equal(wal_fixture_append(fixture, 6, BYTES, &lsn), VARVE_OK);
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_FDATASYNC), 1, EIO, false);
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_DURABLE), VARVE_OK);
    uint64_t start = wal_fixture_fill(fixture, 7, 100);
    vv_wal_drop(&fixture->wal, start);
    assert_false(wal_fixture_has_file(fixture, "wal-0000000000000001.spare"));
    assert_true(wal_fixture_has_file(fixture, "wal-0000000000000002.spare"));
}

static void what_is_logged_again_goes_to_a_new_file(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    vv_wal_drop(&fixture->wal, wal_fixture_fill(fixture, 1, 100));
    uint64_t made = made_count(fixture), spares = fixture->wal.spares.count;
    assert_int_equal(wal_fixture_append(fixture, 101, BYTES, &lsn), VARVE_OK);
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_PWRITE), 1, EIO, false);
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_DURABLE), VARVE_OK);
    assert_int_equal(made_count(fixture), made + 1);
    assert_int_equal(fixture->wal.spares.count, spares);
}

/* ------------------------------------------------------------------- an earlier life */

/* Three frames reach the kernel, the first is torn, so that recovery finds none of them. Then the
 * file is used again, for the same LSNs, with a frame that is the same byte for byte but for what
 * depends on the sequence: the two behind it continue its chain if the sequence is not part of it.
 */
static void frames_of_an_earlier_life_do_not_come_back(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn = 0;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    for (uint64_t number = 1; number <= 3; number++) {
        assert_int_equal(wal_fixture_append(fixture, number, BYTES, &lsn), VARVE_OK);
    }
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_WRITTEN), VARVE_OK);
    wal_fixture_drop(fixture);
    wal_fixture_overwrite(fixture, 1, VV_WAL_SEGMENT_HEADER_BYTES, 0, 64);
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    assert_int_equal(fixture->payload_count, 0);
    vv_wal_drop(&fixture->wal, VV_WAL_FIRST_LSN);
    assert_true(wal_fixture_has_file(fixture, "wal-0000000000000001.spare"));
    (void)wal_fixture_fill(fixture, 1, 1);
    assert_true(wal_fixture_has_file(fixture, "wal-0000000000000002"));
    assert_false(wal_fixture_has_file(fixture, "wal-0000000000000001.spare"));
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 1, 1);
    assert_true(fixture->recovery.segments.list[0].recycled);
}

static void a_torn_frame_before_an_earlier_life_is_told(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    uint64_t start = wal_fixture_fill(fixture, 1, 100);
    vv_wal_drop(&fixture->wal, start);
    while (fixture->wal.spares.count == 2) { /* until one is in use */
        start = wal_fixture_fill(fixture, 101, 101);
    }
    assert_int_equal(wal_fixture_append(fixture, 102, BYTES, &lsn), VARVE_OK);
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_WRITTEN), VARVE_OK);
    uint64_t end = VV_WAL_SEGMENT_HEADER_BYTES + lsn - fixture->wal.segment_first_lsn;
    uint64_t sequence = fixture->wal.sequence;
    wal_fixture_drop(fixture);
    wal_fixture_overwrite(fixture, sequence, end - 20, 0x55, 8);
    assert_int_equal(wal_fixture_replay(fixture, start, true), VARVE_OK);
    assert_int_equal(fixture->payload_count, 0);
    assert_int_equal(fixture->recovery.end_lsn, start);
    assert_int_equal(wal_fixture_reports(fixture, VARVE_EVENT_NOTE), 1);
}

/* -------------------------------------------------------------------- every call, every cut */

struct history {
    uint64_t appended;
    uint64_t durable;
    uint64_t start_lsn;
    uint64_t start; /* number of the first frame behind it */
};

/* Appends, drops the log behind a start, appends again, for as long as it goes. The start moves
 * only after what is before it is durable, as a manifest would say. */
static void append_and_drop(struct wal_fixture *fixture, struct history *history)
{
    for (uint64_t number = 1; number <= 120; number++) {
        uint64_t lsn = 0;
        size_t bytes = number % 7 == 0 ? 1500 : 40;
        if (wal_fixture_append(fixture, history->appended + 1, bytes, &lsn) != VARVE_OK) {
            continue;
        }
        history->appended++;
        if (number % 3 == 0 && vv_wal_flush(&fixture->wal, lsn, VV_WAL_DURABLE) == VARVE_OK) {
            history->durable = history->appended;
            if (number % 15 == 0) {
                history->start_lsn = lsn;
                history->start = history->appended + 1;
                vv_wal_drop(&fixture->wal, lsn);
            }
        }
    }
}

static void expect_history(struct wal_fixture *fixture, const struct history *history)
{
    assert_int_equal(wal_fixture_replay(fixture, history->start_lsn, true), VARVE_OK);
    assert_in_range(history->start - 1 + fixture->payload_count, history->durable,
                    history->appended);
    if (fixture->payload_count > 0) {
        wal_fixture_expect(fixture, history->start, history->start - 1 + fixture->payload_count);
    }
}

static void whatever_call_fails_durable_stays_durable(void **state)
{
    (void)state;
    bool was_hit = true;
    for (uint64_t n = 1; was_hit; n++) {
        void *made = NULL;
        (void)wal_fixture_set_up(&made);
        struct wal_fixture *fixture = made;
        struct history history = {.start_lsn = VV_WAL_FIRST_LSN, .start = 1};
        fixture->zero_ahead = n % 2 == 0;
        wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
        vv_env_fault_arm(fixture->fault, VV_CALLS_MUTATING, n, n % 3 == 0 ? ENOSPC : EIO, false);
        append_and_drop(fixture, &history);
        was_hit = vv_env_fault_hits(fixture->fault) > 0;
        wal_fixture_crash(fixture, n, (enum vv_crash_mode)(n % VV_CRASH_MODE_COUNT));
        expect_history(fixture, &history);
        (void)wal_fixture_tear_down(&made);
    }
}

/* Cuts the power after n changes, and again while what was recovered is continued on that disk. */
static void wherever_the_power_goes_durable_stays_durable(void **state)
{
    (void)state;
    bool was_off = true;
    for (uint64_t n = 1; was_off; n++) {
        void *made = NULL;
        (void)wal_fixture_set_up(&made);
        struct wal_fixture *fixture = made;
        struct history history = {.start_lsn = VV_WAL_FIRST_LSN, .start = 1};
        fixture->zero_ahead = n % 2 == 0;
        wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
        vv_env_sim_cut_power_after(fixture->sim, n);
        append_and_drop(fixture, &history);
        was_off = vv_env_sim_is_off(fixture->sim);
        for (int life = 0; life < 2; life++) {
            wal_fixture_crash(fixture, n * 3,
                              (enum vv_crash_mode)((n + (uint64_t)life) % VV_CRASH_MODE_COUNT));
            expect_history(fixture, &history);
            history.appended = history.durable = history.start - 1 + fixture->payload_count;
            wal_fixture_open(fixture, history.start_lsn, SEGMENT_MAX);
            vv_wal_drop(&fixture->wal, history.start_lsn);
            vv_env_sim_cut_power_after(fixture->sim, n % 50 + 10);
            append_and_drop(fixture, &history);
        }
        (void)wal_fixture_tear_down(&made);
    }
}

static void zeros_are_written_ahead_of_commits_only(void **state)
{
    struct wal_fixture *fixture = *state;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, 1 << 20);
    (void)wal_fixture_fill(fixture, 1, 1);
    uint64_t plain = vv_env_fault_count(fixture->fault, VV_CALL_PWRITE);
    wal_fixture_drop(fixture);
    fixture->zero_ahead = true;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, 1 << 20);
    (void)wal_fixture_fill(fixture, 2, 2);
    uint64_t ahead = vv_env_fault_count(fixture->fault, VV_CALL_PWRITE);
    assert_true(ahead > 2 * plain);
    assert_true(fixture->wal.zeroed_lsn > atomic_load(&fixture->wal.written_lsn) + (64 << 10));
    for (uint64_t number = 3; number <= 100; number++) {
        (void)wal_fixture_fill(fixture, number, number);
    }
    assert_int_equal(vv_env_fault_count(fixture->fault, VV_CALL_PWRITE), ahead + 98);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 1, 100);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, wal_fixture_set_up, wal_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_dropped_segment_becomes_a_later_one),
        TEST(a_log_that_is_dropped_again_and_again_needs_no_new_files),
        TEST(closing_removes_spares),
        TEST(a_disk_with_little_room_gets_the_space_back_at_once),
        TEST(a_segment_that_a_write_failed_on_is_not_used_again),
        TEST(what_is_logged_again_goes_to_a_new_file),
        TEST(frames_of_an_earlier_life_do_not_come_back),
        TEST(a_torn_frame_before_an_earlier_life_is_told),
        cmocka_unit_test(whatever_call_fails_durable_stays_durable),
        cmocka_unit_test(wherever_the_power_goes_durable_stays_durable),
        TEST(zeros_are_written_ahead_of_commits_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
