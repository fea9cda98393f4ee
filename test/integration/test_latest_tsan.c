/* The newest sample of a series beside threads that append, delete, flush and note: what is read
 * was true at some moment between question and answer (head_latest.h). */
#include "support/head_fixture.h"
#include "support/random.h"

#include "os/thread.h"

/* ------------------------------------------------------------------------- beside a writer */

enum { READERS = 2, ROUNDS = 30000, LATE_EVERY = 37, SEAL_EVERY = 45, FLUSH_EVERY = 50 };

struct beside {
    struct fixture *fixture;
    _Atomic int64_t acknowledged; /* all series have a sample of that time */
    _Atomic bool stop;
};

static double value_of(uint32_t ref, int64_t timestamp)
{
    return (double)(timestamp * 8 + ref);
}

/* What is read belongs together, to the series, and is no older than what had been appended. */
static void read_beside_writer(void *argument)
{
    struct beside *beside = argument;
    size_t known = 0;
    do {
        for (uint32_t ref = 0; ref < SERIES; ref++) {
            int64_t least = atomic_load(&beside->acknowledged), timestamp;
            double value;
            struct vv_head *head = &beside->fixture->head;
            if (vv_head_latest_near(head, ref, INT64_MIN, &timestamp, &value) ||
                vv_head_latest(head, ref, &timestamp, &value)) {
                VV_ASSERT(timestamp >= least && value == value_of(ref, timestamp));
                known++;
            }
        }
    } while (!atomic_load(&beside->stop) || known == 0);
}

static void insert_round(struct fixture *fixture, int64_t timestamp)
{
    for (uint32_t ref = 0; ref < SERIES; ref++) {
        insert(fixture, ref, VARVE_DUPLICATES_LAST, timestamp, value_of(ref, timestamp));
    }
}

static void readers_beside_a_writer_see_what_was_acknowledged(void **state)
{
    struct beside beside = {.fixture = *state};
    struct vv_thread readers[READERS];
    insert_round(beside.fixture, 0);
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(vv_thread_start(&readers[i], read_beside_writer, &beside), 0);
    }
    for (int64_t time = 10; time < 10 * ROUNDS; time += 10) {
        insert_round(beside.fixture, time);
        atomic_store(&beside.acknowledged, time);
        if (time / 10 % LATE_EVERY == 0) {
            insert_round(beside.fixture, time - 15); /* extents are changed and given back */
        }
        if (time / 10 % SEAL_EVERY == 0) {
            seal_idle(beside.fixture);
        }
        /* Often for a while: memory goes from series to series. */
        if (time / 10 % FLUSH_EVERY == 0 || time % 10000 < 5000) {
            beside.fixture->generation++;
            flush(beside.fixture);
        }
    }
    assert_true(beside.fixture->sealed > SERIES);
    atomic_store(&beside.stop, true);
    for (size_t i = 0; i < READERS; i++) {
        vv_thread_join(&readers[i]);
    }
}

/* ---------------------------------------------------- beside everything that makes it wrong */

enum { CHANGES = 20000 /* of each series */ };

/* The newest sample of a series after each of its changes, written by the writer alone. */
struct news {
    struct model_sample newest[CHANGES + 1];
    bool exists[CHANGES + 1];
    _Atomic size_t begun; /* changes that may be seen */
    _Atomic size_t done;  /* changes that must be seen */
};

struct storm {
    struct fixture *fixture;
    struct news news[SERIES];
    struct vv_mutex maintenance;
    _Atomic uint64_t generation;
    _Atomic int64_t time_max;
    _Atomic bool stop;
    _Atomic size_t answered; /* readers that have had an answer */
};

/* Whether the series' newest sample was this one after one of the changes [first, last]. */
static bool was_newest(const struct news *news, size_t first, size_t last, int64_t timestamp,
                       double value)
{
    for (size_t change = first; change <= last; change++) {
        const struct model_sample *newest = &news->newest[change];
        if (news->exists[change] && newest->timestamp == timestamp &&
            memcmp(&newest->value, &value, sizeof(value)) == 0) {
            return true;
        }
    }
    return false;
}

/* An answer is right if it was at some moment between question and answer. */
static void read_in_storm(void *argument)
{
    struct storm *storm = argument;
    bool answered = false;
    for (uint32_t turn = 0; !atomic_load(&storm->stop); turn++) {
        uint32_t ref = turn % SERIES;
        struct news *news = &storm->news[ref];
        struct vv_head *head = &storm->fixture->head;
        size_t first = atomic_load(&news->done);
        int64_t timestamp;
        double value;
        bool found = turn % 4 == 0 ? vv_head_latest_open(head, ref, &timestamp, &value)
                     : turn % 4 == 1
                         ? vv_head_latest(head, ref, &timestamp, &value)
                         : vv_head_latest_near(head, ref, INT64_MIN, &timestamp, &value);
        if (found) {
            VV_ASSERT(was_newest(news, first, atomic_load(&news->begun), timestamp, value));
            if (!answered) {
                atomic_fetch_add(&storm->answered, 1);
                answered = true;
            }
        }
    }
}

/* As a query that has asked all sources: what it notes may be out of date by then. */
static void note_in_storm(void *argument)
{
    struct storm *storm = argument;
    for (uint32_t ref = 0; !atomic_load(&storm->stop); ref = (ref + 1) % SERIES) {
        struct news *news = &storm->news[ref];
        uint64_t stamp = vv_head_latest_stamp(&storm->fixture->head);
        size_t change = atomic_load(&news->done);
        bool is_all = atomic_load(&news->begun) == change; /* else a query might see more */
        vv_thread_yield();                                 /* it takes its time */
        if (is_all && news->exists[change]) {
            vv_head_note_latest(&storm->fixture->head, ref, stamp, news->newest[change].timestamp,
                                news->newest[change].value);
        }
    }
}

/* As a flush: a new generation begins, who still writes to the old one is waited for, then it is
 * given back. */
static void flush_once(struct storm *storm)
{
    struct vv_head *head = &storm->fixture->head;
    vv_mutex_lock(&storm->maintenance);
    uint64_t old = atomic_fetch_add(&storm->generation, 1);
    for (uint32_t ref = 0; ref < SERIES; ref++) {
        struct vv_head_locks locks;
        lock(storm->fixture, ref, &locks);
        unlock(&locks);
    }
    vv_head_note_blocks(head, atomic_load(&storm->time_max));
    for (uint32_t ref = 0; ref < SERIES; ref++) {
        (void)vv_head_drop(head, ref, old);
    }
    vv_mutex_unlock(&storm->maintenance);
}

static void flush_in_storm(void *argument)
{
    struct storm *storm = argument;
    while (!atomic_load(&storm->stop)) {
        flush_once(storm);
        vv_thread_yield();
    }
}

/* Writes down what will be the newest sample, before it can be seen. */
static void announce(struct storm *storm, uint32_t ref)
{
    struct news *news = &storm->news[ref];
    size_t change = atomic_load(&news->begun) + 1;
    struct model_sample *newest_sample = &news->newest[change];
    news->exists[change] =
        newest(storm->fixture, ref, &newest_sample->timestamp, &newest_sample->value);
    atomic_store(&news->begun, change);
}

static void change_in_storm(struct storm *storm, struct vv_test_random *random, uint32_t ref,
                            int64_t *clock, double value)
{
    struct fixture *fixture = storm->fixture;
    uint64_t kind = vv_test_random_below(random, 50);
    int64_t back = (int64_t)vv_test_random_below(random, 20);
    struct vv_range range = {*clock - back, *clock - back / 2 + 1};
    *clock += kind > 5 ? 1 + (int64_t)vv_test_random_below(random, 3) : 0;
    int64_t timestamp = kind > 5 ? *clock : *clock - back; /* equal ones and late ones, too */
    struct vv_head_locks locks;
    if (kind == 0) {
        model_delete(&fixture->models[ref], range.start, range.end);
    } else {
        model_append(&fixture->models[ref], VARVE_DUPLICATES_LAST, timestamp, value);
        if (timestamp > atomic_load(&storm->time_max)) {
            atomic_store(&storm->time_max, timestamp);
        }
    }
    announce(storm, ref);
    lock(fixture, ref, &locks);
    uint64_t generation = atomic_load(&storm->generation); /* under the lock: it has not ended */
    if (kind == 0) {
        assert_int_equal(vv_head_delete(&fixture->head, ref, generation, range, true), VARVE_OK);
    } else {
        struct vv_head_batch batch = {&ref, &timestamp, &value, VARVE_DUPLICATES_LAST, generation};
        assert_int_equal(vv_head_insert_and_unlock(&fixture->head, &batch, &locks), VARVE_OK);
    }
    unlock(&locks);
    atomic_store(&storm->news[ref].done, atomic_load(&storm->news[ref].begun));
}

static void beside_deletions_flushes_and_notes_it_was_true_at_some_moment(void **state)
{
    struct vv_test_random random = vv_test_random_init(2);
    struct storm *storm = vv_alloc_zeroed(1, sizeof(*storm));
    void (*const roles[])(void *) = {read_in_storm, read_in_storm, note_in_storm, flush_in_storm};
    struct vv_thread threads[4];
    int64_t clock = 1000;
    assert_non_null(storm);
    storm->fixture = *state;
    vv_mutex_init(&storm->maintenance);
    atomic_store(&storm->generation, 1);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(vv_thread_start(&threads[i], roles[i], storm), 0);
    }
    for (size_t change = 0; change < CHANGES; change++) {
        for (uint32_t ref = 0; ref < SERIES; ref++) {
            change_in_storm(storm, &random, ref, &clock, value_of(ref, (int64_t)change));
            if (change % 1000 < 300) { /* at once: memory goes from series to series */
                flush_once(storm);
            }
        }
        while (atomic_load(&storm->answered) < READERS) { /* on a busy machine they begin late */
            vv_thread_yield();
        }
    }
    atomic_store(&storm->stop, true);
    for (size_t i = 0; i < 4; i++) {
        vv_thread_join(&threads[i]);
    }
    vv_mutex_fini(&storm->maintenance);
    vv_free(storm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(readers_beside_a_writer_see_what_was_acknowledged, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            beside_deletions_flushes_and_notes_it_was_true_at_some_moment, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
