/* Tests of wal_replay.c: which frames count, what is a torn tail and what is damage. */
#include "storage/log/wal.h"

#include "support/wal_fixture.h"

/* A frame of wal_fixture_fill() with its header and padding. */
enum { FRAME = VV_WAL_FRAME_HEADER_BYTES + 104, HEADER = VV_WAL_SEGMENT_HEADER_BYTES };
enum { SEGMENT_MAX = 1 << 20 };

static void an_empty_directory_is_an_empty_log(void **state)
{
    struct wal_fixture *fixture = *state;
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    assert_int_equal(fixture->recovery.end_lsn, VV_WAL_FIRST_LSN);
    assert_int_equal(fixture->recovery.frames, 0);
    assert_int_equal(fixture->recovery.sequence_max, 0);
}

static void frames_come_back_in_order(void **state)
{
    struct wal_fixture *fixture = *state;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    uint64_t lsn = wal_fixture_fill(fixture, 1, 50);
    for (int round = 0; round < 2; round++) { /* replaying changes nothing */
        assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
        wal_fixture_expect(fixture, 1, 50);
        assert_int_equal(fixture->recovery.end_lsn, lsn);
        assert_int_equal(fixture->recovery.samples, 50);
        assert_int_equal(fixture->report_count, 0);
    }
}

static void a_replay_can_start_at_any_frame(void **state)
{
    struct wal_fixture *fixture = *state;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 1, 20);
    for (uint64_t skipped = 0; skipped < 20; skipped++) {
        assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN + skipped * FRAME, true),
                         VARVE_OK);
        wal_fixture_expect(fixture, skipped + 1, 20);
    }
}

static void a_tail_that_was_not_durable_is_cut_off(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 1, 5);
    for (uint64_t number = 6; number <= 9; number++) {
        assert_int_equal(wal_fixture_append(fixture, number, 100, &lsn), VARVE_OK);
    }
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_WRITTEN), VARVE_OK);
    wal_fixture_overwrite(fixture, 1, HEADER + 6 * FRAME + 60, 0xee, 4); /* within frame 7 */
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 1, 6);
    assert_int_equal(fixture->recovery.damages, 0);
    assert_int_equal(wal_fixture_reports(fixture, VARVE_EVENT_NOTE), 1);
    assert_int_equal(fixture->offsets[0], HEADER + 6 * FRAME);
    assert_true(fixture->recovery.torn_bytes > 0);
}

static void a_hole_before_a_durable_lsn_is_damage(void **state)
{
    struct wal_fixture *fixture = *state;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 1, 8);
    (void)wal_fixture_fill(fixture, 9, 9); /* knows that 1 to 8 are durable */
    wal_fixture_overwrite(fixture, 1, HEADER + 3 * FRAME + 50, 0xee, 1);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, false), VARVE_OK);
    assert_int_equal(fixture->payload_count, 8);
    assert_int_equal(fixture->payloads[2], 3);
    assert_int_equal(fixture->payloads[3], 5);
    assert_int_equal(fixture->recovery.damages, 1);
    assert_int_equal(wal_fixture_reports(fixture, VARVE_EVENT_DAMAGE), 1);
    assert_int_equal(fixture->offsets[0], HEADER + 3 * FRAME);
    char wanted[200];
    (void)snprintf(wanted, sizeof(wanted),
                   "log segment wal-0000000000000001 is damaged at byte %d (its checksums are "
                   "wrong): LSN %d to %d are lost, and what was deleted there may be back",
                   HEADER + 3 * FRAME, 8 + 3 * FRAME, 8 + 4 * FRAME);
    assert_string_equal(fixture->messages[0], wanted);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_CORRUPT);
}

static void a_mark_makes_damage_of_a_lost_last_group(void **state)
{
    struct wal_fixture *fixture = *state;
    static const struct vv_buffer empty;
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 1, 3);
    assert_true(vv_wal_needs_mark(&fixture->wal, VV_WAL_FIRST_LSN));
    assert_int_equal(vv_wal_append(&fixture->wal, VV_WAL_MARK, &empty, 0, &lsn), VARVE_OK);
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_DURABLE), VARVE_OK);
    assert_false(vv_wal_needs_mark(&fixture->wal, VV_WAL_FIRST_LSN));
    wal_fixture_overwrite(fixture, 1, HEADER + 2 * FRAME, 0, 48); /* frame 3 */
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, false), VARVE_OK);
    wal_fixture_expect(fixture, 1, 2);
    assert_int_equal(fixture->recovery.damages, 1);
}

static void a_later_segment_cuts_off_the_one_before(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 1, 3);
    assert_int_equal(wal_fixture_append(fixture, 1000, 100, &lsn), VARVE_OK);
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_WRITTEN), VARVE_OK);
    wal_fixture_overwrite(fixture, 1, HEADER + 3 * FRAME + 60, 0xee, 1);
    wal_fixture_drop(fixture);
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 4, 6);
    /* Even if the torn frame were whole again it would not count. */
    wal_fixture_overwrite(fixture, 1, HEADER + 3 * FRAME + 60, 1000 % 251, 1);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 1, 6);
    assert_int_equal(fixture->recovery.sequence_max, 2);
}

static void a_missing_segment_is_damage(void **state)
{
    struct wal_fixture *fixture = *state;
    const struct vv_env *env = fixture->place.env;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, 2048);
    (void)wal_fixture_fill(fixture, 1, 40);
    assert_true(fixture->wal.segments.count >= 3);
    uint64_t lost_from = fixture->wal.segments.list[1].first_lsn;
    uint64_t lost_to = fixture->wal.segments.list[2].first_lsn;
    assert_int_equal(env->ops->unlink(env->ctx, fixture->place.directory, "wal-0000000000000002"),
                     0);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, false), VARVE_OK);
    assert_int_equal(fixture->recovery.damages, 1);
    assert_int_equal(fixture->payload_count, 40 - (lost_to - lost_from) / FRAME);
    assert_int_equal(fixture->payloads[fixture->payload_count - 1], 40);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_CORRUPT);
    /* From behind the gap on nothing is missing. */
    assert_int_equal(wal_fixture_replay(fixture, lost_to, true), VARVE_OK);
}

static void a_segment_cut_short_before_another_is_damage(void **state)
{
    struct wal_fixture *fixture = *state;
    const struct vv_env *env = fixture->place.env;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, 2048);
    (void)wal_fixture_fill(fixture, 1, 40);
    int file =
        env->ops->open(env->ctx, fixture->place.directory, "wal-0000000000000001", VV_OPEN_WRITE);
    assert_int_equal(env->ops->truncate(env->ctx, file, HEADER + 2 * FRAME), 0);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, false), VARVE_OK);
    assert_int_equal(fixture->recovery.damages, 1);
    assert_int_equal(fixture->offsets[0], HEADER + 2 * FRAME);
    assert_int_equal(fixture->payloads[1], 2);
    assert_int_equal(fixture->payloads[fixture->payload_count - 1], 40);
}

static void frames_of_another_sequence_do_not_count(void **state)
{
    struct wal_fixture *fixture = *state;
    const struct vv_env *env = fixture->place.env;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 1, 5);
    /* The file comes back under another sequence, its header made right: only the seed tells. */
    struct vv_wal_segment_header header = {
        .shard = 2, .sequence = 2, .first_lsn = VV_WAL_FIRST_LSN};
    uint8_t encoded[HEADER];
    memcpy(header.database_uuid, fixture->place.database_uuid, 16);
    vv_wal_segment_header_encode(&header, encoded);
    assert_int_equal(env->ops->rename(env->ctx, fixture->place.directory, "wal-0000000000000001",
                                      "wal-0000000000000002"),
                     0);
    int file =
        env->ops->open(env->ctx, fixture->place.directory, "wal-0000000000000002", VV_OPEN_WRITE);
    assert_int_equal(vv_env_write_all(env, file, encoded, HEADER, 0), 0);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    assert_int_equal(fixture->payload_count, 0);
    assert_int_equal(fixture->recovery.end_lsn, VV_WAL_FIRST_LSN);
}

static void a_header_of_zeros_over_frames_is_damage(void **state)
{
    struct wal_fixture *fixture = *state;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 1, 20);
    wal_fixture_overwrite(fixture, 1, 0, 0, 512);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, false), VARVE_OK);
    assert_int_equal(fixture->recovery.damages, 1);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_CORRUPT);
}

static void a_segment_that_was_never_used_is_no_damage_and_goes(void **state)
{
    struct wal_fixture *fixture = *state;
    const struct vv_env *env = fixture->place.env;
    int file =
        env->ops->open(env->ctx, fixture->place.directory, "wal-0000000000000001", VV_OPEN_CREATE);
    assert_int_equal(env->ops->preallocate(env->ctx, file, 8192), 0);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
    file =
        env->ops->open(env->ctx, fixture->place.directory, "wal-0000000000000002", VV_OPEN_CREATE);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    assert_int_equal(wal_fixture_reports(fixture, VARVE_EVENT_DAMAGE), 0);
    vv_wal_drop(&fixture->wal, VV_WAL_FIRST_LSN);
    assert_false(wal_fixture_has_file(fixture, "wal-0000000000000001"));
    assert_false(wal_fixture_has_file(fixture, "wal-0000000000000002"));
    (void)wal_fixture_fill(fixture, 1, 1);
    assert_true(wal_fixture_has_file(fixture, "wal-0000000000000003"));
}

static void a_segment_of_another_database_is_damage_and_set_aside(void **state)
{
    struct wal_fixture *fixture = *state;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 1, 3);
    wal_fixture_drop(fixture);
    fixture->place.database_uuid[0] ^= 1;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    assert_int_equal(fixture->payload_count, 0);
    assert_int_equal(wal_fixture_reports(fixture, VARVE_EVENT_DAMAGE), 1);
    vv_wal_drop(&fixture->wal, VV_WAL_FIRST_LSN);
    assert_false(wal_fixture_has_file(fixture, "wal-0000000000000001"));
    assert_true(wal_fixture_has_file(fixture, "wal-0000000000000001.damaged"));
}

/* Whatever byte is wrong: what comes back is what was written, in order, and nothing is taken away
 * without a word unless it stood in the last group. */
static void every_wrong_byte_is_found(void **state)
{
    struct wal_fixture *fixture = *state;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 1, 4);
    (void)wal_fixture_fill(fixture, 5, 5);
    uint8_t original[HEADER + 5 * FRAME];
    const struct vv_env *env = fixture->place.env;
    int file =
        env->ops->open(env->ctx, fixture->place.directory, "wal-0000000000000001", VV_OPEN_READ);
    assert_int_equal(vv_env_read_all(env, file, original, sizeof(original), 0), 0);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
    for (size_t at = 0; at < sizeof(original); at++) {
        wal_fixture_overwrite(fixture, 1, at, original[at] ^ 0x10, 1);
        varve_status status = wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, false);
        for (size_t i = 1; i < fixture->payload_count; i++) {
            assert_true(fixture->payloads[i] > fixture->payloads[i - 1]);
        }
        size_t in_frame = at < HEADER ? 0 : (at - HEADER) % FRAME;
        bool padding = in_frame >= VV_WAL_FRAME_HEADER_BYTES + 100;
        bool last = at >= HEADER + 4 * FRAME;
        bool whole = fixture->payload_count == 5;
        assert_true(status != VARVE_OK || whole == padding);
        assert_true(status != VARVE_OK || whole || last || fixture->recovery.damages == 1);
        wal_fixture_overwrite(fixture, 1, at, original[at], 1);
    }
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, wal_fixture_set_up, wal_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_directory_is_an_empty_log),
        TEST(frames_come_back_in_order),
        TEST(a_replay_can_start_at_any_frame),
        TEST(a_tail_that_was_not_durable_is_cut_off),
        TEST(a_hole_before_a_durable_lsn_is_damage),
        TEST(a_mark_makes_damage_of_a_lost_last_group),
        TEST(a_later_segment_cuts_off_the_one_before),
        TEST(a_missing_segment_is_damage),
        TEST(a_segment_cut_short_before_another_is_damage),
        TEST(frames_of_another_sequence_do_not_count),
        TEST(a_header_of_zeros_over_frames_is_damage),
        TEST(a_segment_that_was_never_used_is_no_damage_and_goes),
        TEST(a_segment_of_another_database_is_damage_and_set_aside),
        TEST(every_wrong_byte_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
