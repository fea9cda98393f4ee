/* Tests of head_latest.c: whenever the head says what the newest sample is, it is right. */
#include "storage/head/head_latest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "os/thread.h"
#include "support/database_model.h"
#include "support/random.h"

enum { SERIES = 5, STEPS = 20000 };

/* What was ever appended, flushed or not. */
struct fixture {
    struct vv_head head;
    uint64_t generation;
    int64_t time_max; /* of what was inserted */
    uint32_t marks[SERIES + VV_HEAD_LINE_SERIES];
    size_t sealed; /* tails */
    struct model_series models[SERIES];
};

static int set_up(void **state)
{
    struct fixture *fixture = vv_alloc_aligned(64, sizeof(*fixture));
    memset(fixture, 0, sizeof(*fixture));
    assert_int_equal(vv_head_init(&fixture->head), VARVE_OK);
    fixture->generation = 1;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t ref = 0; ref < SERIES; ref++) {
        (void)vv_head_drop(&fixture->head, ref, UINT64_MAX);
        free(fixture->models[ref].samples);
    }
    vv_head_fini(&fixture->head);
    vv_free(fixture);
    return 0;
}

static void lock(struct fixture *fixture, uint32_t ref, struct vv_head_locks *locks)
{
    vv_head_locks_init(locks);
    assert_int_equal(vv_head_lock_refs(&fixture->head, &ref, 1, locks), VARVE_OK);
}

static void unlock(struct vv_head_locks *locks)
{
    vv_head_unlock_refs(locks);
    vv_head_locks_fini(locks);
}

static void insert(struct fixture *fixture, uint32_t ref, varve_duplicates policy,
                   int64_t timestamp, double value)
{
    struct vv_head_locks locks;
    lock(fixture, ref, &locks);
    struct vv_head_batch batch = {&ref, &timestamp, &value, policy, fixture->generation};
    assert_int_equal(vv_head_insert_and_unlock(&fixture->head, &batch, &locks), VARVE_OK);
    unlock(&locks);
    model_append(&fixture->models[ref], policy, timestamp, value);
    fixture->time_max = timestamp > fixture->time_max ? timestamp : fixture->time_max;
}

static void delete_range(struct fixture *fixture, uint32_t ref, int64_t start, int64_t end)
{
    struct vv_head_locks locks;
    lock(fixture, ref, &locks);
    assert_int_equal(vv_head_delete(&fixture->head, ref, fixture->generation,
                                    (struct vv_range){start, end}, true),
                     VARVE_OK);
    unlock(&locks);
    model_delete(&fixture->models[ref], start, end);
}

/* The newest sample of all that the series has; false if it has none. */
static bool newest(const struct fixture *fixture, uint32_t ref, int64_t *timestamp, double *value)
{
    const struct model_series *model = &fixture->models[ref];
    if (model->count == 0) {
        return false;
    }
    *timestamp = model->samples[model->count - 1].timestamp;
    *value = model->samples[model->count - 1].value;
    return true;
}

static void note(struct fixture *fixture, uint32_t ref)
{
    int64_t timestamp;
    double value;
    if (newest(fixture, ref, &timestamp, &value)) {
        vv_head_note_latest(&fixture->head, ref, vv_head_latest_stamp(&fixture->head), timestamp,
                            value);
    }
}

/* What a flush does with all generations but the present one. */
static void flush(struct fixture *fixture)
{
    vv_head_note_blocks(&fixture->head, fixture->time_max);
    for (uint32_t ref = 0; ref < SERIES; ref++) {
        (void)vv_head_drop(&fixture->head, ref, fixture->generation - 1);
    }
}

/* As some minutes in which nobody appends. */
static void seal_idle(struct fixture *fixture)
{
    for (uint32_t ref = 0; ref < SERIES; ref += VV_HEAD_LINE_SERIES) {
        for (int round = 0; round < 2; round++) {
            fixture->sealed += vv_head_seal_idle(&fixture->head, ref, fixture->generation - 1,
                                                 fixture->marks + ref);
        }
    }
}

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
        cmocka_unit_test_setup_teardown(readers_beside_a_writer_see_what_was_acknowledged, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            beside_deletions_flushes_and_notes_it_was_true_at_some_moment, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
