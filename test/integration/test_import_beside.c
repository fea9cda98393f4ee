/*
 * test_import_beside.c - an import that appends one batch while it reads the next says and stores
 * exactly what one without a second thread does.
 *
 * Text of every format, with bad lines and new series all along, goes through the import twice, to
 * a sink that writes down what it gets. Compared are the samples in their order, the callbacks in
 * theirs, and the end. Run with the thread sanitizer, this also shows that nothing is shared that
 * should not be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>

#include "os/thread.h"
#include "pool/buffer.h"
#include "support/random.h"
#include "support/temporary.h"
#include "text/importer.h"

/* How an import is to go. */
struct plan {
    varve_format format;
    bool strict;
    size_t read_bytes_max;
    uint64_t fail_at_batch; /* from 1; 0: none fails */
    uint64_t fail_at_byte;  /* reading fails there; 0: it does not */
};

/* One import, and what became of it. samples is the appending side's, the rest the import's. */
struct run {
    const struct plan *plan;
    const struct vv_buffer *text;
    size_t at;
    uint64_t series;
    uint64_t batches;
    struct vv_test_random pauses; /* of the appending side */
    struct vv_buffer samples;
    struct vv_buffer words;        /* callbacks and the end */
    struct vv_buffer series_words; /* series, in the order in which they were resolved */
    varve_import_report report;
};

static void note(struct vv_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void note(struct vv_buffer *buffer, const char *format, ...)
{
    char text[1200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert_int_equal(vv_buffer_append(buffer, text, strlen(text)), VARVE_OK);
}

static void note_report(struct vv_buffer *buffer, const varve_import_report *report)
{
    note(buffer, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
         report->lines, report->samples, report->series, report->skipped, report->strings,
         report->rounded, report->bytes);
}

static varve_status run_resolve(void *context, const varve_label *labels, size_t label_count,
                                varve_series *series, varve_error *error)
{
    struct run *run = context;
    (void)error;
    note(&run->series_words, "%zu %.*s\n", label_count, (int)labels[0].value.length,
         labels[0].value.bytes);
    *series = ++run->series;
    return VARVE_OK;
}

static varve_status run_append(void *context, const varve_batch *batch)
{
    struct run *run = context;
    for (uint64_t i = vv_test_random_below(&run->pauses, 200); i > 0; i--) {
        vv_thread_yield();
    }
    if (++run->batches == run->plan->fail_at_batch) {
        return VARVE_NO_SPACE;
    }
    assert_int_equal(vv_buffer_append_u64(&run->samples, batch->count), VARVE_OK);
    assert_int_equal(vv_buffer_append(&run->samples, batch->series, batch->count * 8), VARVE_OK);
    assert_int_equal(vv_buffer_append(&run->samples, batch->timestamps, batch->count * 8),
                     VARVE_OK);
    assert_int_equal(vv_buffer_append(&run->samples, batch->values, batch->count * 8), VARVE_OK);
    return VARVE_OK;
}

static int64_t run_read(void *context, char *bytes, size_t capacity)
{
    struct run *run = context;
    const struct plan *plan = run->plan;
    size_t count = run->text->length - run->at;
    if (plan->fail_at_byte > 0 && run->at >= plan->fail_at_byte) {
        return -5; /* EIO */
    }
    count = count < capacity ? count : capacity;
    count = count < plan->read_bytes_max ? count : plan->read_bytes_max;
    memcpy(bytes, run->text->bytes + run->at, count);
    run->at += count;
    return (int64_t)count;
}

static void run_bad_line(void *context, const char *message)
{
    struct run *run = context;
    note(&run->words, "bad %s\n", message);
}

static void run_batch_done(void *context, uint64_t line, const varve_import_report *so_far)
{
    struct run *run = context;
    note(&run->words, "done %" PRIu64 ": ", line);
    note_report(&run->words, so_far);
    note(&run->words, "\n");
}

static void import_text(struct run *run, const struct plan *plan, const struct vv_buffer *text,
                        bool beside)
{
    *run = (struct run){.plan = plan, .text = text, .pauses = vv_test_random_seeded(1)};
    const struct vv_import_sink sink = {
        .context = run, .resolve = run_resolve, .append = run_append, .appends_beside = beside};
    varve_import_options options = VARVE_IMPORT_OPTIONS_INIT;
    varve_error error = {.status = VARVE_OK};
    options.format = plan->format;
    options.name = "in";
    options.strict = plan->strict;
    options.precision = plan->format == VARVE_FORMAT_CSV ? VARVE_PRECISION_S : 0;
    options.bad_line = run_bad_line;
    options.batch_done = run_batch_done;
    options.context = run;
    varve_status status = vv_import_run(&sink, &options, run_read, run, &run->report, &error);
    note(&run->words, "end %s %s\n", varve_status_name(status),
         status == VARVE_OK ? "" : error.message);
    note_report(&run->words, &run->report);
}

static void expect_equal(const struct vv_buffer *a, const struct vv_buffer *b)
{
    assert_int_equal(a->length, b->length);
    if (a->length > 0) {
        assert_memory_equal(a->bytes, b->bytes, a->length);
    }
}

static void run_fini(struct run *run)
{
    vv_buffer_fini(&run->series_words);
    vv_buffer_fini(&run->words);
    vv_buffer_fini(&run->samples);
}

static void compare_runs(const struct plan *plan, const struct vv_buffer *text)
{
    struct run alone, beside;
    import_text(&alone, plan, text, false);
    import_text(&beside, plan, text, true);
    expect_equal(&alone.words, &beside.words);
    expect_equal(&alone.samples, &beside.samples);
    if (plan->fail_at_batch == 0) {
        /* Else series may be known of lines that were read after the batch that failed: they have
         * no samples, so nobody sees them. */
        expect_equal(&alone.series_words, &beside.series_words);
    }
    assert_true(alone.batches > 1 || plan->strict || plan->fail_at_byte > 0);
    run_fini(&alone);
    run_fini(&beside);
}

/* Line n of a text in this format: now and then a bad one or a comment. */
static void add_line(struct vv_buffer *text, varve_format format, int number, bool bad)
{
    const char *value = bad ? "x" : "1.5";
    int series = number % 40 + number / 5000;
    switch (format) {
    case VARVE_FORMAT_INFLUX:
        note(text, "m,s=%d a=%d,b=%s,c=\"t\",d=9007199254740993i %d\n", series, number, value,
             number / 40);
        break;
    case VARVE_FORMAT_CSV:
        note(text, "\"m{s=\"\"%d\"\"}\",%d,%s\n", series, number / 40, value);
        break;
    case VARVE_FORMAT_JSONL:
        note(text, "{\"metric\":{\"__name__\":\"m%d\"},\"values\":[1,%s],\"timestamps\":[%d,%d]}\n",
             series, value, number / 40, number);
        break;
    case VARVE_FORMAT_PROM:
    case VARVE_FORMAT_OPENMETRICS:
        note(text, "m%d{s=\"a\"} %s %d\n", series, value, number / 40);
        break;
    case VARVE_FORMAT_AUTO:
        break;
    }
}

static void make_text(struct vv_buffer *text, varve_format format, int lines, int bad_every)
{
    *text = (struct vv_buffer){0};
    if (format == VARVE_FORMAT_CSV) {
        note(text, "series,time,value\n");
    }
    for (int number = 0; number < lines; number++) {
        add_line(text, format, number, bad_every > 0 && number % bad_every == bad_every / 2);
    }
    if (format == VARVE_FORMAT_OPENMETRICS) {
        note(text, "# EOF\n");
    }
}

static const varve_format formats[] = {VARVE_FORMAT_CSV, VARVE_FORMAT_PROM, VARVE_FORMAT_JSONL,
                                       VARVE_FORMAT_INFLUX, VARVE_FORMAT_OPENMETRICS};

static void every_format_gives_the_same(void **state)
{
    (void)state;
    for (size_t index = 0; index < sizeof formats / sizeof formats[0]; index++) {
        static const int bad_every[] = {0, 900};
        struct plan plan = {.format = formats[index], .read_bytes_max = SIZE_MAX};
        for (size_t bad = 0; bad < 2; bad++) {
            struct vv_buffer text;
            make_text(&text, plan.format, 23000, bad_every[bad]);
            compare_runs(&plan, &text);
            vv_buffer_fini(&text);
        }
    }
}

static void a_slow_input_gives_the_same(void **state)
{
    (void)state;
    struct plan plan = {.format = VARVE_FORMAT_INFLUX, .read_bytes_max = 4096};
    struct vv_buffer text;
    make_text(&text, plan.format, 23000, 500);
    compare_runs(&plan, &text);
    vv_buffer_fini(&text);
}

static void strict_ends_at_the_same_line(void **state)
{
    (void)state;
    for (size_t index = 0; index < sizeof formats / sizeof formats[0]; index++) {
        struct plan plan = {.format = formats[index], .strict = true, .read_bytes_max = SIZE_MAX};
        struct vv_buffer text;
        make_text(&text, plan.format, 23000, 43000);
        compare_runs(&plan, &text);
        vv_buffer_fini(&text);
    }
}

static void a_batch_that_fails_ends_it_the_same_way(void **state)
{
    (void)state;
    struct plan plan = {.format = VARVE_FORMAT_INFLUX, .read_bytes_max = SIZE_MAX};
    struct vv_buffer text;
    make_text(&text, plan.format, 52000, 700);
    for (plan.fail_at_batch = 2; plan.fail_at_batch < 8; plan.fail_at_batch++) {
        compare_runs(&plan, &text);
    }
    vv_buffer_fini(&text);
}

static void a_read_that_fails_ends_it_the_same_way(void **state)
{
    (void)state;
    struct plan plan = {.format = VARVE_FORMAT_PROM, .read_bytes_max = SIZE_MAX};
    struct vv_buffer text;
    make_text(&text, plan.format, 52000, 0);
    for (plan.fail_at_byte = 100000; plan.fail_at_byte < 600000; plan.fail_at_byte += 250000) {
        compare_runs(&plan, &text);
    }
    vv_buffer_fini(&text);
}

/* ----------------------------------------------------------------------- a real database */

static int write_text(void *context, const char *bytes, size_t length)
{
    return vv_buffer_append(context, bytes, length) == VARVE_OK ? 0 : -12; /* ENOMEM */
}

/* What a database that was opened with or without threads exports after importing the text. */
static void through_database(const struct vv_buffer *text, uint32_t background_threads,
                             struct vv_buffer *exported)
{
    char folder[512];
    char path[520];
    varve_db *db = NULL;
    struct plan plan = {.format = VARVE_FORMAT_INFLUX, .read_bytes_max = SIZE_MAX};
    struct run run = {.plan = &plan, .text = text};
    varve_options options = VARVE_OPTIONS_INIT;
    varve_import_options import = VARVE_IMPORT_OPTIONS_INIT;
    varve_export_options export = VARVE_EXPORT_OPTIONS_INIT;
    varve_selection selection = VARVE_SELECTION_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.background_threads = background_threads;
    import.format = VARVE_FORMAT_INFLUX;
    export.format = VARVE_FORMAT_CSV;
    assert_true(vv_test_temporary_create(folder, sizeof folder));
    (void)snprintf(path, sizeof path, "%s/db", folder);
    assert_int_equal(varve_open(path, &options, &db, NULL), VARVE_OK);
    assert_int_equal(varve_background_threads(db), background_threads);
    assert_int_equal(varve_import(db, &import, run_read, &run, &run.report, NULL), VARVE_OK);
    assert_int_equal(varve_export(db, &selection, &export, write_text, exported, NULL), VARVE_OK);
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
    assert_true(vv_test_temporary_remove(folder));
}

static void a_database_gets_the_same_with_and_without_threads(void **state)
{
    (void)state;
    struct vv_buffer text, without = {0}, with = {0};
    make_text(&text, VARVE_FORMAT_INFLUX, 60000, 91);
    through_database(&text, 0, &without);
    through_database(&text, 1, &with);
    assert_true(without.length > 1000000);
    assert_int_equal(without.length, with.length);
    assert_memory_equal(without.bytes, with.bytes, with.length);
    vv_buffer_fini(&text);
    vv_buffer_fini(&without);
    vv_buffer_fini(&with);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_gives_the_same),
        cmocka_unit_test(a_slow_input_gives_the_same),
        cmocka_unit_test(strict_ends_at_the_same_line),
        cmocka_unit_test(a_batch_that_fails_ends_it_the_same_way),
        cmocka_unit_test(a_read_that_fails_ends_it_the_same_way),
        cmocka_unit_test(a_database_gets_the_same_with_and_without_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
