/* Tests of wal_flush.c: group commit, segments, and what a failing disk does to them. */
#include "storage/log/wal.h"

#include <errno.h>

#include "os/thread.h"
#include "support/wal_fixture.h"

enum { SEGMENT_MAX = 1 << 20 };

static void appending_alone_writes_nothing(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    assert_int_equal(wal_fixture_append(fixture, 1, 100, &lsn), VARVE_OK);
    uint64_t writes = vv_env_fault_count(fixture->fault, VV_CALL_PWRITE);
    assert_int_equal(wal_fixture_append(fixture, 2, 100, &lsn), VARVE_OK);
    assert_int_equal(vv_env_fault_count(fixture->fault, VV_CALL_PWRITE), writes);
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_WRITTEN), VARVE_OK);
    assert_int_equal(vv_env_fault_count(fixture->fault, VV_CALL_PWRITE), writes + 1);
}

static void written_survives_a_kill_and_durable_a_loss_of_power(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 1, 10);
    assert_int_equal(wal_fixture_append(fixture, 11, 100, &lsn), VARVE_OK);
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_WRITTEN), VARVE_OK);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 1, 11);
    wal_fixture_crash(fixture, 1, VV_CRASH_LOSE_ALL);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 1, 10);
}

/* As a manifest may say whose checksum is right for all that. */
static void a_start_that_is_no_position_of_a_frame_is_refused(void **state)
{
    struct wal_fixture *fixture = *state;
    static const uint64_t starts[] = {VV_WAL_FIRST_LSN + 3, VV_RING_POSITION_MAX + 8};
    const struct vv_wal_options options = {.segment_bytes_max = SEGMENT_MAX};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(wal_fixture_replay(fixture, starts[i], true), VARVE_OK);
        assert_int_equal(vv_wal_init(&fixture->wal, &fixture->place, &options, &fixture->recovery,
                                     &fixture->report),
                         VARVE_CORRUPT);
    }
}

static void segments_roll_and_hold_everything(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t segments, bytes;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, 4096);
    (void)wal_fixture_fill(fixture, 1, 500);
    vv_wal_size(&fixture->wal, &segments, &bytes);
    assert_in_range(segments, 15, 30);
    assert_true(bytes >= 500 * 100);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 1, 500);
}

static void a_frame_larger_than_a_segment_gets_one_of_its_own(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, 4096);
    (void)wal_fixture_fill(fixture, 1, 1);
    assert_int_equal(wal_fixture_append(fixture, 2, 1000000, &lsn), VARVE_OK);
    (void)wal_fixture_fill(fixture, 3, 3);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 1, 3);
}

static void dropping_keeps_what_stands_behind_the_start(void **state)
{
    struct wal_fixture *fixture = *state;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, 4096);
    uint64_t start = wal_fixture_fill(fixture, 1, 100);
    (void)wal_fixture_fill(fixture, 101, 200);
    uint64_t before, after, bytes;
    vv_wal_size(&fixture->wal, &before, &bytes);
    vv_wal_drop(&fixture->wal, start);
    vv_wal_size(&fixture->wal, &after, &bytes);
    assert_in_range(after, 1, before - 3);
    assert_false(wal_fixture_has_file(fixture, "wal-0000000000000001"));
    assert_int_equal(wal_fixture_replay(fixture, start, true), VARVE_OK);
    wal_fixture_expect(fixture, 101, 200);
}

static void closing_leaves_no_file_of_an_empty_log(void **state)
{
    struct wal_fixture *fixture = *state;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, 4096);
    uint64_t lsn = wal_fixture_fill(fixture, 1, 100);
    assert_int_equal(vv_wal_close(&fixture->wal, lsn), VARVE_OK);
    wal_fixture_drop(fixture);
    assert_int_equal(wal_fixture_replay(fixture, lsn, true), VARVE_OK);
    assert_int_equal(fixture->recovery.segments.count, 0);
    assert_int_equal(fixture->recovery.end_lsn, lsn);
}

static void closing_makes_durable_and_cuts_preallocated_space_off(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    assert_int_equal(wal_fixture_append(fixture, 1, 100, &lsn), VARVE_OK);
    assert_int_equal(vv_wal_close(&fixture->wal, VV_WAL_FIRST_LSN), VARVE_OK);
    wal_fixture_crash(fixture, 1, VV_CRASH_LOSE_ALL);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 1, 1);
}

/* The call of that kind fails once while 11 to 20 are made durable: they go to a new file. */
static void check_relog(struct wal_fixture *fixture, enum vv_call call, int error)
{
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 1, 10);
    for (uint64_t number = 11; number <= 20; number++) {
        assert_int_equal(wal_fixture_append(fixture, number, 100, &lsn), VARVE_OK);
    }
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(call), 1, error, false);
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_DURABLE), VARVE_OK);
    assert_int_equal(vv_env_fault_hits(fixture->fault), 1);
    assert_int_equal(atomic_load(&fixture->wal.relogged), 1);
    assert_int_equal(wal_fixture_reports(fixture, VARVE_EVENT_IO_ERROR), 1);
    assert_true(wal_fixture_has_file(fixture, "wal-0000000000000002"));
    (void)wal_fixture_fill(fixture, 21, 30);
    wal_fixture_crash(fixture, 7, VV_CRASH_LOSE_ALL);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 1, 30);
}

static void after_a_failed_write_frames_are_logged_again(void **state)
{
    check_relog(*state, VV_CALL_PWRITE, EIO);
}

static void after_a_failed_sync_frames_are_logged_again(void **state)
{
    check_relog(*state, VV_CALL_FDATASYNC, EIO);
}

static void after_a_failed_sync_the_file_is_never_synced_again(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 1, 2);
    int poisoned = fixture->wal.file;
    uint64_t before = vv_env_fault_total(fixture->fault);
    assert_int_equal(wal_fixture_append(fixture, 3, 100, &lsn), VARVE_OK);
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_FDATASYNC), 1, EIO, false);
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_DURABLE), VARVE_OK);
    struct vv_call_record records[64];
    size_t count = vv_env_fault_log(fixture->fault, records, 64);
    bool failed = false, closed = false;
    for (size_t i = 0; i < count; i++) {
        if (records[i].sequence < before || records[i].file != poisoned || closed) {
            continue;
        }
        assert_false(failed &&
                     (records[i].call == VV_CALL_FDATASYNC || records[i].call == VV_CALL_PWRITE));
        failed |= records[i].injected;
        closed = records[i].call == VV_CALL_CLOSE;
    }
    assert_true(failed && closed);
}

static void a_disk_that_stays_dead_makes_the_log_read_only(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn, durable;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    durable = wal_fixture_fill(fixture, 1, 5);
    assert_int_equal(wal_fixture_append(fixture, 6, 100, &lsn), VARVE_OK);
    vv_env_fault_arm(fixture->fault, VV_CALLS_MUTATING, 1, EIO, true);
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_DURABLE), VARVE_UNKNOWN);
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_DURABLE), VARVE_UNKNOWN);
    assert_int_equal(vv_wal_flush(&fixture->wal, durable, VV_WAL_DURABLE), VARVE_OK);
    assert_int_equal(wal_fixture_append(fixture, 7, 100, &lsn), VARVE_READ_ONLY);
    vv_env_fault_arm(fixture->fault, 0, 0, 0, false);
    assert_int_equal(vv_wal_close(&fixture->wal, VV_WAL_FIRST_LSN), VARVE_UNKNOWN);
    wal_fixture_drop(fixture);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    assert_true(fixture->payload_count == 5 || fixture->payload_count == 6);
    wal_fixture_expect(fixture, 1, fixture->payload_count);
}

/* Every call fails once, whichever it is: what was said to be durable is, and nothing else than a
 * prefix comes back, also when the power goes afterwards. */
static void whatever_call_fails_durable_stays_durable(void **state)
{
    (void)state;
    bool was_hit = true;
    for (uint64_t n = 1; was_hit; n++) {
        void *made = NULL;
        (void)wal_fixture_set_up(&made);
        struct wal_fixture *fixture = made;
        wal_fixture_open(fixture, VV_WAL_FIRST_LSN, 4096);
        vv_env_fault_arm(fixture->fault, VV_CALLS_MUTATING, n, EIO, false);
        uint64_t lsn = 0, appended = 0, durable = 0;
        for (uint64_t number = 1; number <= 60; number++) {
            size_t bytes = number % 7 == 0 ? 1500 : 40;
            if (wal_fixture_append(fixture, appended + 1, bytes, &lsn) == VARVE_OK) {
                appended++;
                bool synced = vv_wal_flush(&fixture->wal, lsn, VV_WAL_DURABLE) == VARVE_OK;
                durable = synced ? appended : durable;
            }
        }
        was_hit = vv_env_fault_hits(fixture->fault) > 0;
        enum vv_crash_mode mode = (enum vv_crash_mode)(n % VV_CRASH_MODE_COUNT);
        wal_fixture_crash(fixture, n, mode);
        assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
        assert_in_range(fixture->payload_count, durable, appended);
        wal_fixture_expect(fixture, 1, fixture->payload_count);
        (void)wal_fixture_tear_down(&made);
    }
}

/* The directory entry of a segment that could not be made may come back, its removal not. */
static void a_segment_that_failed_does_not_cut_off_later_frames(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        void *made = NULL;
        uint64_t lsn;
        (void)wal_fixture_set_up(&made);
        struct wal_fixture *fixture = made;
        wal_fixture_open(fixture, VV_WAL_FIRST_LSN, 4096);
        (void)wal_fixture_fill(fixture, 1, 10);
        vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_SYNC_DIRECTORY), 1, EIO, false);
        assert_int_equal(wal_fixture_append(fixture, 99, 3000, &lsn), VARVE_IO);
        (void)wal_fixture_fill(fixture, 11, 13); /* would fit into the old segment */
        wal_fixture_crash(fixture, seed, VV_CRASH_RANDOM);
        assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
        wal_fixture_expect(fixture, 1, 13);
        (void)wal_fixture_tear_down(&made);
    }
}

/* It would be twice as large otherwise. */
static void frames_are_logged_again_in_a_segment_that_the_disk_has_room_for(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn;
    enum { FIRST_SEGMENT = 256 << 10 };
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, 4 << 20);
    (void)wal_fixture_fill(fixture, 1, 10);
    vv_env_sim_set_capacity(fixture->sim, FIRST_SEGMENT + FIRST_SEGMENT * 3 / 2);
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_FDATASYNC), 1, EIO, false);
    assert_int_equal(wal_fixture_append(fixture, 11, 100, &lsn), VARVE_OK);
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_DURABLE), VARVE_OK);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 1, 11);
}

/* What the open segment promised stays promised: the limit of the ring never sinks. */
static void behind_a_failed_segment_a_fuller_disk_takes_no_smaller_one(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, 4096);
    (void)wal_fixture_fill(fixture, 1, 10);
    vv_env_fault_arm(fixture->fault, VV_CALL_BIT(VV_CALL_PREALLOCATE), 1, ENOSPC, false);
    assert_int_equal(wal_fixture_append(fixture, 99, 3500, &lsn), VARVE_NO_SPACE);
    vv_env_sim_set_capacity(fixture->sim, 4096 + 1000);
    assert_int_equal(wal_fixture_append(fixture, 99, 40, &lsn), VARVE_NO_SPACE);
    vv_env_sim_set_capacity(fixture->sim, 100 << 20);
    (void)wal_fixture_fill(fixture, 11, 13);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 1, 13);
}

static void a_full_disk_refuses_before_anything_is_accepted(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    vv_env_sim_set_capacity(fixture->sim, 100);
    assert_int_equal(wal_fixture_append(fixture, 1, 100, &lsn), VARVE_NO_SPACE);
    vv_env_sim_set_capacity(fixture->sim, 100 << 20);
    (void)wal_fixture_fill(fixture, 2, 3);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 2, 3);
}

static void frames_that_a_kill_left_unsynced_become_durable_with_the_next_sync(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    for (uint64_t number = 1; number <= 5; number++) {
        assert_int_equal(wal_fixture_append(fixture, number, 100, &lsn), VARVE_OK);
    }
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_WRITTEN), VARVE_OK);
    wal_fixture_drop(fixture);
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 6, 6);
    wal_fixture_crash(fixture, 3, VV_CRASH_LOSE_ALL);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 1, 6);
}

static void who_writes_syncs_at_half_the_ring_or_later_where_others_do(void **state)
{
    struct wal_fixture *fixture = *state;
    uint64_t lsn;
    fixture->ring_bytes = VV_RING_BYTES_MIN;
    for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
        wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
        uint64_t from = wal_fixture_fill(fixture, 1, 1);
        atomic_store(&fixture->wal.synced_elsewhere, elsewhere == 1);
        bool wanted = false;
        do {
            assert_int_equal(wal_fixture_append(fixture, 1, 1000, &lsn), VARVE_OK);
            assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_WRITTEN), VARVE_OK);
            wanted |= vv_wal_wants_sync(&fixture->wal);
        } while (atomic_load(&fixture->wal.durable_lsn) == from);
        assert_int_equal(atomic_load(&fixture->wal.durable_lsn), lsn);
        uint64_t least = VV_RING_BYTES_MIN / 4 * (elsewhere == 1 ? 3 : 2);
        assert_in_range(lsn - from, least, least + 2000);
        assert_int_equal(wanted, elsewhere == 1);
        wal_fixture_drop(fixture);
    }
}

/* ------------------------------------------------------------------------- group commit */

struct committer {
    struct wal_fixture *fixture;
    struct vv_mutex *append_mutex; /* as the shard's */
    _Atomic uint64_t *next;
    uint64_t failures;
    struct vv_thread thread;
};

static void commit_frames(void *argument)
{
    struct committer *committer = argument;
    for (int i = 0; i < 200; i++) {
        uint64_t lsn = 0;
        vv_mutex_lock(committer->append_mutex);
        uint64_t number = atomic_fetch_add(committer->next, 1);
        varve_status status = wal_fixture_append(committer->fixture, number, 64, &lsn);
        vv_mutex_unlock(committer->append_mutex);
        status = vv_first(status, vv_wal_flush(&committer->fixture->wal, lsn, VV_WAL_DURABLE));
        bool durable = atomic_load(&committer->fixture->wal.durable_lsn) >= lsn;
        committer->failures += status != VARVE_OK || !durable;
    }
}

static void threads_share_syncs(void **state)
{
    struct wal_fixture *fixture = *state;
    struct vv_mutex append_mutex;
    _Atomic uint64_t next = 1;
    struct committer committers[4];
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, 8192);
    vv_mutex_init(&append_mutex);
    for (size_t i = 0; i < 4; i++) {
        committers[i] = (struct committer){fixture, &append_mutex, &next, 0, {0}};
        assert_int_equal(vv_thread_start(&committers[i].thread, commit_frames, &committers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        vv_thread_join(&committers[i].thread);
        assert_int_equal(committers[i].failures, 0);
    }
    vv_mutex_fini(&append_mutex);
    wal_fixture_crash(fixture, 1, VV_CRASH_LOSE_ALL);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 1, 800);
}

/* ------------------------------------------------------------- writing beside a sync */

/* An environment whose syncs last until they are let go. */
struct slow_sync {
    struct vv_env_ops ops;
    struct vv_env env;
    const struct vv_env *below;
    _Atomic bool is_armed;
    _Atomic int entered;
    _Atomic int result; /* 1: wait */
    struct wal_fixture *fixture;
    uint64_t lsn;
    varve_status status;
};

static struct slow_sync slow_sync; /* one at a time: the context is that of the one below */

static int slow_fdatasync(void *ctx, int file)
{
    struct slow_sync *slow = &slow_sync;
    int result = slow->below->ops->fdatasync(ctx, file);
    if (atomic_exchange(&slow->is_armed, false)) {
        atomic_store(&slow->entered, 1);
        while (atomic_load(&slow->result) == 1) {
            vv_thread_yield();
        }
        return atomic_load(&slow->result);
    }
    return result;
}

static void sync_slowly(void *argument)
{
    struct slow_sync *slow = argument;
    slow->status = vv_wal_flush(&slow->fixture->wal, slow->lsn, VV_WAL_DURABLE);
}

/* While frame 2 is synced, frame 3 is appended and written; then the sync ends with result. */
static void write_beside_sync(struct wal_fixture *fixture, int result)
{
    struct slow_sync *slow = &slow_sync;
    struct vv_thread thread;
    uint64_t lsn;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 1, 1);
    memset(slow, 0, sizeof(*slow));
    slow->fixture = fixture;
    slow->below = fixture->place.env;
    slow->ops = *slow->below->ops;
    slow->ops.fdatasync = slow_fdatasync;
    slow->env = (struct vv_env){.ops = &slow->ops, .ctx = slow->below->ctx};
    fixture->wal.place.env = &slow->env;
    assert_int_equal(wal_fixture_append(fixture, 2, 100, &slow->lsn), VARVE_OK);
    atomic_store(&slow->result, 1);
    atomic_store(&slow->is_armed, true);
    assert_int_equal(vv_thread_start(&thread, sync_slowly, slow), 0);
    while (atomic_load(&slow->entered) == 0) {
        vv_thread_yield();
    }
    assert_int_equal(wal_fixture_append(fixture, 3, 100, &lsn), VARVE_OK);
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_WRITTEN), VARVE_OK);
    assert_true(atomic_load(&fixture->wal.durable_lsn) < slow->lsn);
    atomic_store(&slow->result, result);
    vv_thread_join(&thread);
    assert_int_equal(slow->status, VARVE_OK);
    /* A relog takes all that is published along, a sync only what was written before it. */
    uint64_t durable_lsn = result == 0 ? slow->lsn : lsn;
    assert_int_equal(atomic_load(&fixture->wal.durable_lsn), durable_lsn);
    fixture->wal.place.env = slow->below;
    wal_fixture_crash(fixture, 1, VV_CRASH_LOSE_ALL);
    assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
    wal_fixture_expect(fixture, 1, result == 0 ? 2 : 3);
}

static void a_sync_keeps_nobody_from_writing_and_covers_what_was_before_it(void **state)
{
    write_beside_sync(*state, 0);
}

static void a_sync_that_fails_takes_what_was_written_meanwhile_along(void **state)
{
    write_beside_sync(*state, -EIO);
}

/* ------------------------------------------------------- killed while logging again */

/* A disk on which one sync fails; from the so-many-th change behind it on nothing happens any more,
 * as if the process had been killed. */
struct dying_disk {
    struct vv_env_ops ops;
    struct vv_env env;
    const struct vv_env *below;
    struct vv_env_fault *fault;
    uint64_t changes_left;
};

static struct dying_disk dying_disk; /* one at a time, as above */

static int fdatasync_once_failing(void *ctx, int file)
{
    struct dying_disk *dying = &dying_disk;
    if (dying->changes_left == 0) {
        return dying->below->ops->fdatasync(ctx, file);
    }
    vv_env_fault_arm(dying->fault, VV_CALLS_MUTATING, dying->changes_left, EIO, true);
    dying->changes_left = 0;
    return -EIO;
}

/* Frames 1 to 10 are durable and 11 to 20 written when their sync fails, and the process is killed
 * before that many changes more. Returns whether it was. */
static bool kill_while_logging_again(struct wal_fixture *fixture, uint64_t changes)
{
    struct dying_disk *dying = &dying_disk;
    uint64_t lsn = 0;
    wal_fixture_open(fixture, VV_WAL_FIRST_LSN, SEGMENT_MAX);
    (void)wal_fixture_fill(fixture, 1, 10);
    for (uint64_t number = 11; number <= 20; number++) {
        assert_int_equal(wal_fixture_append(fixture, number, 100, &lsn), VARVE_OK);
    }
    assert_int_equal(vv_wal_flush(&fixture->wal, lsn, VV_WAL_WRITTEN), VARVE_OK);
    *dying = (struct dying_disk){
        .below = fixture->place.env, .fault = fixture->fault, .changes_left = changes};
    dying->ops = *dying->below->ops;
    dying->ops.fdatasync = fdatasync_once_failing;
    dying->env = (struct vv_env){.ops = &dying->ops, .ctx = dying->below->ctx};
    fixture->wal.place.env = &dying->env;
    varve_status status = vv_wal_flush(&fixture->wal, lsn, VV_WAL_DURABLE);
    bool killed = vv_env_fault_hits(fixture->fault) > 0;
    assert_true(killed || status == VARVE_OK);
    fixture->wal.place.env = dying->below;
    vv_env_fault_arm(fixture->fault, 0, 0, 0, false);
    wal_fixture_drop(fixture);
    return killed;
}

static void what_was_written_survives_a_kill_while_it_is_logged_again(void **state)
{
    (void)state;
    bool killed = true;
    uint64_t kills = 0;
    for (uint64_t changes = 1; killed; changes++) {
        void *made = NULL;
        (void)wal_fixture_set_up(&made);
        struct wal_fixture *fixture = made;
        killed = kill_while_logging_again(fixture, changes);
        kills += killed;
        assert_int_equal(wal_fixture_replay(fixture, VV_WAL_FIRST_LSN, true), VARVE_OK);
        wal_fixture_expect(fixture, 1, 20);
        (void)wal_fixture_tear_down(&made);
    }
    assert_true(kills >= 6); /* created, reserved, header, frames, synced, renamed, name synced */
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, wal_fixture_set_up, wal_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(appending_alone_writes_nothing),
        TEST(written_survives_a_kill_and_durable_a_loss_of_power),
        TEST(a_start_that_is_no_position_of_a_frame_is_refused),
        TEST(segments_roll_and_hold_everything),
        TEST(a_frame_larger_than_a_segment_gets_one_of_its_own),
        TEST(dropping_keeps_what_stands_behind_the_start),
        TEST(closing_leaves_no_file_of_an_empty_log),
        TEST(closing_makes_durable_and_cuts_preallocated_space_off),
        TEST(after_a_failed_write_frames_are_logged_again),
        TEST(after_a_failed_sync_frames_are_logged_again),
        TEST(after_a_failed_sync_the_file_is_never_synced_again),
        TEST(a_disk_that_stays_dead_makes_the_log_read_only),
        cmocka_unit_test(whatever_call_fails_durable_stays_durable),
        cmocka_unit_test(a_segment_that_failed_does_not_cut_off_later_frames),
        TEST(frames_are_logged_again_in_a_segment_that_the_disk_has_room_for),
        TEST(behind_a_failed_segment_a_fuller_disk_takes_no_smaller_one),
        TEST(a_full_disk_refuses_before_anything_is_accepted),
        TEST(frames_that_a_kill_left_unsynced_become_durable_with_the_next_sync),
        TEST(who_writes_syncs_at_half_the_ring_or_later_where_others_do),
        TEST(threads_share_syncs),
        TEST(a_sync_keeps_nobody_from_writing_and_covers_what_was_before_it),
        TEST(a_sync_that_fails_takes_what_was_written_meanwhile_along),
        cmocka_unit_test(what_was_written_survives_a_kill_while_it_is_logged_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
