/*
 * bench_query.c - q1 to q6 and whole-range aggregates over 10,000,000 samples, in one process with
 * LMDB and SQLite, which are asked the same in turn.
 *
 * The database is compacted first. Times are CPU time of the asking thread, medians of interleaved
 * repetitions, in which a short query is asked many times. SQLite takes seconds for what reads
 * everything: there it is asked once, to compare the answers, and not timed.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <threads.h>

#include "heap_count.h"
#include "query_varve.h"
#include "support/temporary.h"

struct question {
    const char *name; /* of the workload: q1 */
    const char *part; /* of the measure, behind the name; "" or ", values" */
    enum query_id query;
    unsigned times[2]; /* asked in one repetition: of the full set, of the quick one */
    bool lmdb;
    bool sqlite_is_timed;
};

static const struct question questions[] = {
    {"q1", "", QUERY_RAW, {200, 200}, true, true},
    {"q2", "", QUERY_MINUTES, {500, 500}, true, true},
    {"q3", "", QUERY_MAX, {3, 20}, true, false},
    {"q4", "", QUERY_AVERAGES, {1, 3}, true, false},
    {"q5", "", QUERY_LATEST, {5, 20}, true, false},
    {"q6", ", series", QUERY_SERIES, {20, 100}, false, true},
    {"q6", ", values", QUERY_VALUES, {100, 200}, false, true},
    {"q6", ", names", QUERY_NAMES, {200, 200}, false, false},
    {"whole", "", QUERY_WHOLE, {3, 10}, true, false},
};

/* The set and the engines, made when they are first needed and kept for all workloads. */
static struct {
    bool ready;
    char folder[256];
    struct query_set set;
    struct query_engine *varve, *lmdb, *sqlite;
} bench;

static void bench_release(void)
{
    query_varve.close(bench.varve);
    if (bench.lmdb != NULL) {
        query_lmdb->close(bench.lmdb);
    }
    if (bench.sqlite != NULL) {
        query_sqlite->close(bench.sqlite);
    }
    query_set_fini(&bench.set);
    (void)vv_test_temporary_remove(bench.folder);
}

static struct query_engine *load(const struct query_engine_ops *ops)
{
    if (ops == NULL) {
        return NULL;
    }
    double begin = bench_seconds(BENCH_PROCESS_CPU);
    struct query_engine *engine = ops->open(&bench.set, bench.folder);
    bench_note("%s is loaded: %.1f s", ops->name, bench_seconds(BENCH_PROCESS_CPU) - begin);
    return engine;
}

static void prepare(const struct bench_run *run)
{
    if (bench.ready) {
        return;
    }
    bench.ready = true;
    if (!vv_test_temporary_create(bench.folder, sizeof bench.folder)) {
        bench_stop("cannot make a temporary folder");
    }
    query_set_init(&bench.set, run);
    bench.varve = load(&query_varve);
    bench.lmdb = load(query_lmdb);
    bench.sqlite = load(query_sqlite);
    (void)atexit(bench_release);
}

/* ----------------------------------------------------------------------------- questions */

struct asking {
    const struct query_engine_ops *ops;
    struct query_engine *engine;
    enum query_id query;
    unsigned times;
    struct query_answer answer;
};

static void ask(void *context)
{
    struct asking *asking = context;
    for (unsigned i = 0; i < asking->times; i++) {
        asking->ops->ask(asking->engine, asking->query, &asking->answer);
    }
    bench_use(&asking->answer);
}

static void name_measure(char *measure, size_t capacity, const struct question *question,
                         const char *what)
{
    (void)snprintf(measure, capacity, "%s%s, %s", question->name, question->part, what);
}

/* Times varve's answer beside those of the peers. */
static void time_question(const struct bench_run *run, const struct question *question)
{
    struct asking askings[3];
    struct bench_candidate candidates[3];
    struct bench_time times[3];
    size_t count = 0;
    const struct {
        const struct query_engine_ops *ops;
        struct query_engine *engine;
    } sides[3] = {{&query_varve, bench.varve},
                  {query_lmdb, question->lmdb ? bench.lmdb : NULL},
                  {query_sqlite, question->sqlite_is_timed ? bench.sqlite : NULL}};
    for (size_t i = 0; i < 3; i++) {
        if (sides[i].engine != NULL) {
            askings[count] = (struct asking){.ops = sides[i].ops,
                                             .engine = sides[i].engine,
                                             .query = question->query,
                                             .times = question->times[run->quick]};
            candidates[count] = (struct bench_candidate){
                .name = sides[i].ops->name, .context = &askings[count], .work = ask};
            count++;
        }
    }
    bench_interleave(run, BENCH_THREAD_CPU, candidates, count, times);
    double each = 1e3 / question->times[run->quick]; /* to milliseconds of one asking */
    char measure[96];
    name_measure(measure, sizeof measure, question, "milliseconds");
    bench_figure(measure, times[0].median * each, "ms");
    for (size_t i = 1; i < count; i++) {
        name_measure(measure, sizeof measure, question,
                     askings[i].ops == query_lmdb ? "times LMDB" : "times SQLite");
        bench_row(measure, times[i].median / times[0].median, times[i].median * each,
                  times[0].median * each, "ms");
    }
    if (question->lmdb && bench.lmdb == NULL) {
        name_measure(measure, sizeof measure, question, "times LMDB");
        bench_missing(measure, "no LMDB");
    }
    if (question->sqlite_is_timed && bench.sqlite == NULL) {
        name_measure(measure, sizeof measure, question, "times SQLite");
        bench_missing(measure, "no SQLite");
    }
}

static struct query_answer digest_of(const struct query_engine_ops *ops,
                                     struct query_engine *engine, enum query_id query)
{
    struct query_answer answer = {.digesting = true};
    ops->ask(engine, query, &answer);
    return answer;
}

/* 1 if the answers are the same, row by row. */
static double equal_answers(const struct query_answer *a, const struct query_answer *b)
{
    return a->rows == b->rows && a->digest == b->digest ? 1 : 0;
}

static void compare_answers(const struct question *question)
{
    char measure[96];
    struct query_answer own = digest_of(&query_varve, bench.varve, question->query);
    if (question->lmdb && bench.lmdb != NULL) {
        struct query_answer other = digest_of(query_lmdb, bench.lmdb, question->query);
        name_measure(measure, sizeof measure, question, "answer equals LMDB's");
        bench_row(measure, equal_answers(&own, &other), (double)other.rows, (double)own.rows,
                  "rows");
    }
    name_measure(measure, sizeof measure, question, "answer equals SQLite's");
    if (bench.sqlite == NULL) {
        bench_missing(measure, "no SQLite");
        return;
    }
    struct query_answer other = digest_of(query_sqlite, bench.sqlite, question->query);
    bench_row(measure, equal_answers(&own, &other), (double)other.rows, (double)own.rows, "rows");
}

/* Whatever takes memory from the heap in a query like the one before. */
static uint64_t count_heap_calls(enum query_id query)
{
    struct query_answer answer = {0};
    query_varve.ask(bench.varve, query, &answer);
    uint64_t before = bench_heap_calls();
    query_varve.ask(bench.varve, query, &answer);
    return bench_heap_calls() - before;
}

static void count_work(const struct question *question)
{
    char measure[96];
    varve_profile profile = VARVE_PROFILE_INIT;
    query_varve_profile(bench.varve, question->query, &profile);
    name_measure(measure, sizeof measure, question, "chunks decoded");
    bench_figure(measure, (double)profile.chunks_decoded, "chunks");
    name_measure(measure, sizeof measure, question, "chunks answered from statistics");
    bench_figure(measure, (double)profile.chunks_answered, "chunks");
    name_measure(measure, sizeof measure, question, "allocations");
    bench_figure(measure, (double)count_heap_calls(question->query), "allocations");
}

static void measure_name(const struct bench_run *run, const char *name)
{
    prepare(run);
    for (size_t i = 0; i < BENCH_COUNT_OF(questions); i++) {
        const struct question *question = &questions[i];
        if (strcmp(question->name, name) == 0) {
            compare_answers(question);
            time_question(run, question);
            if (question->query != QUERY_VALUES && question->query != QUERY_NAMES) {
                count_work(question);
            }
        }
    }
}

static void measure_q1(const struct bench_run *run)
{
    measure_name(run, "q1");
}

static void measure_q2(const struct bench_run *run)
{
    measure_name(run, "q2");
}

static void measure_q3(const struct bench_run *run)
{
    measure_name(run, "q3");
}

static void measure_q4(const struct bench_run *run)
{
    measure_name(run, "q4");
}

static void measure_q5(const struct bench_run *run)
{
    measure_name(run, "q5");
}

static void measure_q6(const struct bench_run *run)
{
    measure_name(run, "q6");
}

static void measure_whole(const struct bench_run *run)
{
    measure_name(run, "whole");
}

/* ------------------------------------------------------------------- cold, and disturbed */

/* The first asking after the database was opened. */
static void measure_first(const struct question *question, bool drop_pages)
{
    char measure[96];
    struct query_answer answer = {0};
    query_varve_reopen(bench.varve, drop_pages);
    double begin = bench_seconds(BENCH_WALL);
    query_varve.ask(bench.varve, question->query, &answer);
    double seconds = bench_seconds(BENCH_WALL) - begin;
    (void)snprintf(measure, sizeof measure, "cold, %s, %s", question->name,
                   drop_pages ? "not in the page cache" : "in the page cache");
    bench_figure(measure, seconds * 1e3, "ms");
}

static void measure_cold(const struct bench_run *run)
{
    prepare(run);
    for (size_t i = 0; i < BENCH_COUNT_OF(questions); i++) {
        if (questions[i].lmdb) {
            measure_first(&questions[i], false);
            measure_first(&questions[i], true);
        }
    }
}

enum { WRITERS = 2, WRITER_BATCH = 1000 };

struct writer {
    thrd_t thread;
    size_t number;
    uint64_t samples;
    atomic_bool *stop;
    _Atomic(int64_t) newest; /* every series of its half has samples up to here */
};

/* Appends points behind those of the set, series by series of an own half, until told to stop. */
static int write_on(void *context)
{
    struct writer *writer = context;
    const varve_series *series = query_varve_series(bench.varve);
    varve_series refs[WRITER_BATCH];
    int64_t times[WRITER_BATCH];
    double values[WRITER_BATCH];
    size_t half = bench.set.series_count / WRITERS;
    int64_t begin = atomic_load(&writer->newest);
    size_t at = 0;
    while (!atomic_load(writer->stop)) {
        for (size_t i = 0; i < WRITER_BATCH; i++, at++) {
            refs[i] = series[writer->number * half + at % half];
            times[i] = begin + (int64_t)(at / half + 1) * QUERY_STEP;
            values[i] = (double)(at % 100);
        }
        varve_batch batch = VARVE_BATCH_INIT;
        batch.series = refs;
        batch.timestamps = times;
        batch.values = values;
        batch.count = WRITER_BATCH;
        if (varve_append_batch(query_varve_db(bench.varve), &batch, NULL) != VARVE_OK) {
            bench_stop("a writer failed");
        }
        writer->samples += WRITER_BATCH;
        atomic_store(&writer->newest, begin + (int64_t)(at / half) * QUERY_STEP);
    }
    return 0;
}

/* Two threads that append where those before ended. */
struct writing {
    struct writer writers[WRITERS];
    atomic_bool stop;
    uint64_t samples;
};

/* Returns when both have appended: their first memory and the caches that they take are no part of
 * it. */
static void start_writing(struct writing *writing, int64_t begin)
{
    atomic_init(&writing->stop, false);
    for (size_t i = 0; i < WRITERS; i++) {
        struct writer *writer = &writing->writers[i];
        *writer = (struct writer){.number = i, .stop = &writing->stop};
        atomic_init(&writer->newest, begin);
        if (thrd_create(&writer->thread, write_on, writer) != thrd_success) {
            bench_stop("cannot start a thread");
        }
    }
    for (size_t i = 0; i < WRITERS; i++) {
        while (atomic_load(&writing->writers[i].newest) == begin) {
            thrd_yield();
        }
    }
}

/* Returns the newest time of all. */
static int64_t stop_writing(struct writing *writing)
{
    int64_t newest = INT64_MIN;
    atomic_store(&writing->stop, true);
    writing->samples = 0;
    for (size_t i = 0; i < WRITERS; i++) {
        (void)thrd_join(writing->writers[i].thread, NULL);
        writing->samples += writing->writers[i].samples;
        int64_t own = atomic_load(&writing->writers[i].newest);
        newest = own > newest ? own : newest;
    }
    return newest;
}

enum { REPEATED = 5, ASKED_MIN = 500 };

/* Medians need some hundreds beside writers, in the quick form too. */
static size_t times_asked(const struct bench_run *run)
{
    return run->rounds * REPEATED > ASKED_MIN ? run->rounds * REPEATED : ASKED_MIN;
}

static double time_of_queries(const struct bench_run *run)
{
    static const enum query_id asked[] = {QUERY_RAW, QUERY_MINUTES, QUERY_MAX};
    size_t count = times_asked(run);
    double *seconds = bench_allocate_zeroed(count * sizeof *seconds);
    for (size_t at = 0; at < count; at++) {
        struct query_answer answer = {0};
        double begin = bench_seconds(BENCH_THREAD_CPU);
        for (size_t i = 0; i < BENCH_COUNT_OF(asked); i++) {
            query_varve.ask(bench.varve, asked[i], &answer);
        }
        seconds[at] = bench_seconds(BENCH_THREAD_CPU) - begin;
    }
    double median = bench_median(seconds, count);
    free(seconds);
    return median;
}

/* The last hour of ten series, count times, while it moves on with the writer of these series;
 * writer NULL: it stands still. */
static void time_recent(struct writer *writer, double *seconds, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        struct query_answer answer = {0};
        if (writer != NULL) {
            query_varve_now(bench.varve, atomic_load(&writer->newest) + 1);
        }
        double begin = bench_seconds(BENCH_THREAD_CPU);
        query_varve.ask(bench.varve, QUERY_RECENT, &answer);
        seconds[at] = bench_seconds(BENCH_THREAD_CPU) - begin;
    }
}

/* In turn beside writers and without: how much of the hour a flush has taken out of the head
 * changes all the time, and is the same for both on the whole. */
static void measure_recent(const struct bench_run *run, int64_t now)
{
    enum { ASKED = 50 };
    size_t turns = times_asked(run) / 10, count = turns * ASKED;
    double *moving = bench_allocate_zeroed(count * sizeof *moving);
    double *still = bench_allocate_zeroed(count * sizeof *still);
    struct writing writing;
    for (size_t turn = 0; turn < turns; turn++) {
        start_writing(&writing, now);
        time_recent(&writing.writers[0], moving + turn * ASKED, ASKED);
        now = stop_writing(&writing);
        query_varve_now(bench.varve, atomic_load(&writing.writers[0].newest) + 1);
        time_recent(NULL, still + turn * ASKED, ASKED);
    }
    double moves = bench_median(moving, count), stands = bench_median(still, count);
    bench_row("writers, CPU per query of the last hour, times idle", moves / stands, stands * 1e3,
              moves * 1e3, "ms");
    free(moving);
    free(still);
}

static void measure_writers(const struct bench_run *run)
{
    prepare(run);
    struct writing writing;
    int64_t now = bench.set.timestamps[bench.set.points - 1];
    query_varve_end(bench.varve, now + 1);
    (void)time_of_queries(run);
    double idle = time_of_queries(run);
    start_writing(&writing, now);
    double disturbed = time_of_queries(run);
    now = stop_writing(&writing);
    bench_note("the writers appended %llu samples meanwhile", (unsigned long long)writing.samples);
    bench_row("writers, CPU per query, times idle", disturbed / idle, idle * 1e3, disturbed * 1e3,
              "ms");
    /* The same data, and nobody writes: what head and new blocks cost, beside the writers. */
    double after = time_of_queries(run);
    bench_row("writers, CPU per query, times idle with what they wrote", disturbed / after,
              after * 1e3, disturbed * 1e3, "ms");
    measure_recent(run, now);
}

int main(int argc, char **argv)
{
    static const struct bench_workload workloads[] = {
        {"q1", "all samples of one series", measure_q1, NULL},
        {"q2", "60 averages of a minute of one series", measure_q2, NULL},
        {"q3", "max per hour over all hosts of one metric", measure_q3, NULL},
        {"q4", "average per host and hour of ten metrics", measure_q4, NULL},
        {"q5", "last sample of every series", measure_q5, NULL},
        {"q6", "series by regex, values of a label, label names", measure_q6, NULL},
        {"whole", "min, max, sum, count and avg of everything", measure_whole, NULL},
        {"cold", "the first query after the database was opened", measure_cold, NULL},
        {"writers", "CPU of queries while two threads append", measure_writers, NULL},
    };
    return bench_main(argc, argv, "bench_query", workloads, BENCH_COUNT_OF(workloads));
}
