/*
 * phase2_lockfree.c - finding series beside their creation, and threads that do not wait.
 *
 *   lookup    two readers that ask for random series by label set beside one writer that makes new
 *             ones, against a hash map under a mutex and ck's lock-free hash set
 *   futex     system calls of waiting threads: sixteen writers and four readers, mode none
 *   disjoint  locks that were not free: sixteen writers, each with series of its own
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "append_data.h"
#include "engine/database.h"
#include "lookup_data.h"
#include "storage/shard.h"
#include "support/temporary.h"

enum { KINDS = 3, READERS = 2, WRITERS = 16, LATEST_READERS = 4 };

/* ------------------------------------------------------------------------------- lookup */

enum { NEW_AT_ONCE = 8, NEW_PAUSE_NS = 200000 };

/* One table while it is asked. */
struct lookup {
    const struct lookup_kind *kind;
    void *table;
    const struct lookup_keys *asked; /* by both readers, from different places on */
    const struct lookup_keys *fresh; /* to be added by the writer, from next on */
    size_t next;
    size_t lookups; /* of each reader */
    _Atomic size_t reading;
};

/* A few new series, a pause, and so on: some ten thousand a second at most. */
static void add_fresh(struct lookup *lookup)
{
    const struct timespec pause = {0, NEW_PAUSE_NS};
    while (atomic_load(&lookup->reading) > 0) {
        for (size_t i = 0; i < NEW_AT_ONCE && lookup->next < lookup->fresh->count; i++) {
            (void)lookup->kind->add(lookup->table, lookup_key(lookup->fresh, lookup->next++));
        }
        (void)nanosleep(&pause, NULL);
    }
}

static void look_up(void *context, size_t index)
{
    struct lookup *lookup = context;
    if (index == READERS) {
        add_fresh(lookup);
        return;
    }
    size_t at = index * lookup->asked->count / READERS;
    for (size_t i = 0; i < lookup->lookups; i++) {
        if (lookup->kind->find(lookup->table, lookup_key(lookup->asked, at)) == UINT32_MAX) {
            bench_stop("%s lost a series", lookup->kind->name);
        }
        at = at + 1 == lookup->asked->count ? 0 : at + 1;
    }
    atomic_fetch_sub(&lookup->reading, 1);
}

/* Nanoseconds of wall time for a lookup of both readers together. */
static double time_lookups(struct lookup *lookup)
{
    atomic_store(&lookup->reading, READERS);
    struct bench_threads time = bench_run_threads(READERS + 1, look_up, lookup);
    return time.wall_seconds * 1e9 / (double)(lookup->lookups * READERS);
}

static void fill(struct lookup *lookup, size_t series)
{
    struct lookup_keys keys = lookup_keys_range(0, series);
    for (size_t i = 0; i < series; i++) {
        if (lookup->kind->add(lookup->table, lookup_key(&keys, i)) != i) {
            bench_stop("%s has other series", lookup->kind->name);
        }
    }
    lookup_keys_free(&keys);
}

static void report_lookups(const struct bench_run *run, const char *series, double times[KINDS][99])
{
    static const struct lookup_kind *const others[] = {&lookup_mutex, &lookup_ck};
    double own = bench_median(times[0], run->rounds);
    for (size_t i = 0; i < BENCH_COUNT_OF(others); i++) {
        char measure[80];
        double other = bench_median(times[i + 1], run->rounds);
        (void)snprintf(measure, sizeof measure, "lookup, %s series, times %s", series,
                       others[i]->name);
        bench_row(measure, other / own, other, own, "ns");
    }
}

static void measure_lookups_of(const struct bench_run *run, size_t series, const char *name)
{
    static const struct lookup_kind *const kinds[KINDS] = {&lookup_varve, &lookup_mutex,
                                                           &lookup_ck};
    static double times[KINDS][99];
    struct lookup lookups[KINDS];
    struct lookup_keys asked = lookup_keys_random(series, (size_t)1 << 17, run->seed);
    struct lookup_keys fresh = lookup_keys_range(series, (size_t)1 << 18);
    for (size_t i = 0; i < KINDS; i++) {
        memset(&lookups[i], 0, sizeof lookups[i]);
        lookups[i].kind = kinds[i];
        lookups[i].table = kinds[i]->create();
        lookups[i].asked = &asked;
        lookups[i].fresh = &fresh;
        lookups[i].lookups = run->quick ? (size_t)1 << 17 : (size_t)1 << 20;
        fill(&lookups[i], series);
    }
    for (size_t round = 0; round < run->rounds; round++) {
        for (size_t i = 0; i < KINDS; i++) {
            times[i][round] = time_lookups(&lookups[i]);
        }
    }
    for (size_t i = 0; i < KINDS; i++) {
        kinds[i]->destroy(lookups[i].table);
    }
    lookup_keys_free(&asked);
    lookup_keys_free(&fresh);
    report_lookups(run, name, times);
}

static void measure_lookups(const struct bench_run *run)
{
    measure_lookups_of(run, 100000, "100K");
    if (!run->quick) {
        measure_lookups_of(run, 1000000, "1M");
    }
}

/* -------------------------------------------------------- threads that meet without locks */

enum {
    MEETING_SERIES = 256, /* of each writer */
    MEETING_SAMPLES = 16 << 10,
    FOUND_SERIES = 8192 /* with each batch */
};

/* Threads start and end together without a call that may wait. */
struct meeting {
    struct bench_store store;
    struct lookup_keys keys; /* of all its series */
    uint64_t samples;    /* of each writer; few enough that the ring stays less than half full */
    _Atomic size_t next; /* number of the thread that comes next */
    _Atomic size_t ready;
    _Atomic size_t writing;
    _Atomic size_t done;
};

static void wait_until(const _Atomic size_t *counter, size_t wanted)
{
    while (atomic_load(counter) != wanted) {
        (void)sched_yield();
    }
}

/* The handle of a series, by its key: varve_series_resolve() without the making of the key, which
 * takes memory from the heap. */
static varve_series find_series(struct meeting *meeting, size_t number)
{
    struct vv_key key = lookup_key(&meeting->keys, number % meeting->keys.count);
    const struct vv_series *series =
        vv_series_table_find(meeting->store.db->shard->table, key, vv_key_hash(key));
    if (series == NULL) {
        bench_stop("a series is not there");
    }
    return vv_series_handle(series->ref);
}

static void read_latest(struct meeting *meeting, size_t number)
{
    int64_t timestamp;
    double value;
    if (varve_latest(meeting->store.db, find_series(meeting, number), &timestamp, &value) !=
        VARVE_OK) {
        bench_stop("a series has no newest sample");
    }
}

/* Asks for some series by key, then appends a batch, and so on. */
static void write_batches(struct meeting *meeting, struct bench_walk *walk, uint64_t samples)
{
    for (uint64_t done = 0; done < samples; done += BENCH_BATCH_SAMPLES) {
        for (size_t i = 0; i < FOUND_SERIES; i++) {
            (void)find_series(meeting, walk->first + walk->at + i);
        }
        bench_append_batches(&meeting->store, walk, BENCH_BATCH_SAMPLES);
    }
}

/* What a thread does for the first time takes locks: they do it one after the other. */
static void *meet(void *context)
{
    struct meeting *meeting = context;
    size_t index = atomic_fetch_add(&meeting->next, 1);
    size_t share = meeting->store.series_count / WRITERS;
    struct bench_walk walk = bench_walk_make(index % WRITERS * share, share, 0);
    wait_until(&meeting->next, WRITERS + LATEST_READERS); /* nor while others are made */
    wait_until(&meeting->ready, index);
    if (index < WRITERS) {
        write_batches(meeting, &walk, (uint64_t)BENCH_BATCH_SAMPLES * 8);
    } else {
        read_latest(meeting, index);
    }
    atomic_fetch_add(&meeting->ready, 1);
    wait_until(&meeting->ready, WRITERS + LATEST_READERS);
    if (index < WRITERS) {
        write_batches(meeting, &walk, meeting->samples);
        atomic_fetch_sub(&meeting->writing, 1);
    } else {
        for (size_t at = index; atomic_load(&meeting->writing) > 0; at += 7919) {
            read_latest(meeting, at);
        }
    }
    atomic_fetch_add(&meeting->done, 1);
    wait_until(&meeting->done, SIZE_MAX); /* for good: no thread ends */
    return NULL;
}

/* Segments of the log double up to 32 MiB, and whoever needs the next one takes a lock for it: this
 * goes on until the one of 8 MiB has begun, and empties the ring. */
static void write_first_segments(struct bench_store *store)
{
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    struct bench_walk walk = bench_walk_make(0, store->series_count, 0);
    walk.time -= INT64_C(1000000000) * 1000000;
    do {
        bench_append_batches(store, &walk, store->series_count);
        varve_stats(store->db, &statistics);
    } while (statistics.lsn < UINT64_C(8) << 20);
    if (varve_wait_durable(store->db, statistics.lsn) != VARVE_OK) {
        bench_stop("cannot sync the log");
    }
}

/* A line of the head belongs to one writer. */
static void hold_meeting(struct meeting *meeting, uint64_t samples)
{
    memset(meeting, 0, sizeof *meeting);
    bench_store_open(&meeting->store, WRITERS * MEETING_SERIES, VARVE_SYNC_NONE, 0);
    meeting->keys = lookup_keys_range(0, meeting->store.series_count);
    write_first_segments(&meeting->store);
    meeting->samples = samples;
    atomic_store(&meeting->writing, WRITERS);
    for (size_t i = 0; i < WRITERS + LATEST_READERS; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, meet, meeting) != 0) {
            bench_stop("cannot start a thread");
        }
        wait_until(&meeting->next, i + 1); /* the C library locks to begin one and to make one */
    }
    wait_until(&meeting->done, WRITERS + LATEST_READERS);
}

/* The process ends here: joining threads and closing would be counted, too. */
static _Noreturn void leave_meeting(struct meeting *meeting)
{
    (void)vv_test_temporary_remove(meeting->store.folder);
    _exit(0);
}

static void count_futexes(const struct bench_run *run, const char *variant, uint64_t samples)
{
    static struct meeting meeting;
    (void)run;
    (void)variant;
    hold_meeting(&meeting, samples);
    leave_meeting(&meeting);
}

static void measure_futexes(const struct bench_run *run)
{
    static const char measure[] = "futex, calls of sixteen writers and four readers";
    double calls;
    const char *why = bench_count_calls(run, "futex", "varve", MEETING_SAMPLES, "futex", &calls);
    if (why != NULL) {
        bench_missing(measure, why);
    } else {
        bench_figure(measure, calls, "calls");
    }
}

/* Readers take the lock of a line as well: only writers here. */
static void write_disjoint(void *context, size_t index)
{
    struct meeting *meeting = context;
    size_t share = meeting->store.series_count / WRITERS;
    struct bench_walk walk = bench_walk_make(index * share, share, 0);
    bench_append_batches(&meeting->store, &walk, MEETING_SAMPLES);
}

static void measure_disjoint(const struct bench_run *run)
{
    static struct meeting meeting;
    (void)run;
    memset(&meeting, 0, sizeof meeting);
    bench_store_open(&meeting.store, WRITERS * MEETING_SERIES, VARVE_SYNC_NONE, 0);
    const struct vv_head *head = &meeting.store.db->shard->head;
    uint64_t before = atomic_load(&head->contended);
    (void)bench_run_threads(WRITERS, write_disjoint, &meeting);
    bench_figure("disjoint, locks that sixteen writers found taken",
                 (double)(atomic_load(&head->contended) - before), "locks");
    bench_store_close(&meeting.store);
}

int main(int argc, char **argv)
{
    static const struct bench_workload workloads[] = {
        {"lookup", "series by label set, two readers beside a writer", measure_lookups, NULL},
        {"futex", "calls of futex(), sixteen writers and four readers", measure_futexes,
         count_futexes},
        {"disjoint", "contended locks, sixteen writers with series of their own", measure_disjoint,
         NULL},
    };
    return bench_main(argc, argv, "phase2_lockfree", workloads, BENCH_COUNT_OF(workloads));
}
