/*
 * test_importer.c - batches, acknowledgements, strictness, counts and failures of an import.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "support/fake_import.h"

static void add_text(struct vv_buffer *text, const char *added)
{
    assert_int_equal(vv_buffer_append(text, added, strlen(added)), VARVE_OK);
}

/* Adds the text before, a number, and the text behind. */
static void add_line(struct vv_buffer *text, const char *before, int number, const char *behind)
{
    char digits[16];
    (void)snprintf(digits, sizeof digits, "%d", number);
    add_text(text, before);
    add_text(text, digits);
    add_text(text, behind);
}

struct batch_log {
    size_t resolved;
    size_t batches;
    size_t counts[16];
    uint64_t lines[16];
    size_t acknowledged;
    varve_status fail_after_first;
};

static varve_status log_resolve(void *context, const varve_label *labels, size_t label_count,
                                varve_series *series, varve_error *error)
{
    struct batch_log *log = context;
    (void)label_count;
    (void)error;
    log->resolved++;
    *series = labels[0].value.length;
    return VARVE_OK;
}

static varve_status log_append(void *context, const varve_batch *batch)
{
    struct batch_log *log = context;
    if (log->batches > 0 && log->fail_after_first != VARVE_OK) {
        return log->fail_after_first;
    }
    assert_true(log->batches < 16);
    assert_int_equal(batch->sync, VARVE_SYNC_COMMIT);
    log->counts[log->batches++] = batch->count;
    return VARVE_OK;
}

static void log_done(void *context, uint64_t line, const varve_import_report *so_far)
{
    struct batch_log *log = context;
    (void)so_far;
    assert_true(log->acknowledged < 16);
    log->lines[log->acknowledged++] = line;
}

struct text_source {
    const struct vv_buffer *text;
    size_t at;
};

static int64_t read_text(void *context, char *bytes, size_t capacity)
{
    struct text_source *source = context;
    size_t count = source->text->length - source->at;
    count = count < capacity ? count : capacity;
    memcpy(bytes, source->text->bytes + source->at, count);
    source->at += count;
    return (int64_t)count;
}

static varve_status run_logged(struct batch_log *log, varve_format format,
                               const struct vv_buffer *text, bool strict,
                               varve_import_report *report, varve_error *error)
{
    struct text_source source = {text, 0};
    const struct vv_import_sink sink = {
        .context = log, .resolve = log_resolve, .append = log_append};
    varve_import_options options = VARVE_IMPORT_OPTIONS_INIT;
    options.format = format;
    options.name = "in";
    options.sync = VARVE_SYNC_COMMIT;
    options.strict = strict;
    options.batch_done = log_done;
    options.context = log;
    return vv_import_run(&sink, &options, read_text, &source, report, error);
}

static void batches_end_at_ten_thousand_lines(void **state)
{
    (void)state;
    struct vv_buffer text = {0};
    for (int index = 0; index < 25000; index++) {
        add_line(&text, index % 3 == 0 ? "bad 1 x" : "up 1 ", index, "\n");
    }
    struct batch_log log = {0};
    varve_import_report report;
    assert_int_equal(run_logged(&log, VARVE_FORMAT_PROM, &text, false, &report, NULL), VARVE_OK);
    assert_int_equal(log.batches, 3);
    assert_int_equal(log.counts[0] + log.counts[1] + log.counts[2], report.samples);
    assert_int_equal(log.acknowledged, 3);
    assert_int_equal(log.lines[0], 10000);
    assert_int_equal(log.lines[1], 20000);
    assert_int_equal(log.lines[2], 25000);
    assert_int_equal(report.lines, 25000);
    assert_int_equal(report.skipped, 8334);
    assert_int_equal(report.samples, 16666);
    assert_int_equal(report.series, 1);
    assert_int_equal(report.bytes, text.length);
    vv_buffer_fini(&text);
}

static void batches_end_before_the_line_that_does_not_fit(void **state)
{
    (void)state;
    struct vv_buffer text = {0};
    /* 30 samples a line: 65,536 hold 2184 lines and a part of one. */
    for (int index = 0; index < 2500; index++) {
        add_text(&text, "m ");
        for (int field = 0; field < 30; field++) {
            add_line(&text, field == 0 ? "f" : ",f", field, "=1");
        }
        add_line(&text, " ", index, "\n");
    }
    struct batch_log log = {0};
    varve_import_report report;
    assert_int_equal(run_logged(&log, VARVE_FORMAT_INFLUX, &text, false, &report, NULL), VARVE_OK);
    assert_int_equal(log.batches, 2);
    assert_int_equal(log.counts[0], 2184 * 30);
    assert_int_equal(log.lines[0], 2184);
    assert_int_equal(log.counts[1], 316 * 30);
    assert_int_equal(log.lines[1], 2500);
    vv_buffer_fini(&text);
}

static void a_line_with_more_samples_than_a_batch_stores_nothing(void **state)
{
    (void)state;
    struct vv_buffer text = {0};
    add_text(&text, "m v=1 1\nm ");
    for (unsigned index = 0; index <= VARVE_BATCH_MAX; index++) {
        add_text(&text, index == 0 ? "f=1" : ",f=1");
    }
    add_text(&text, " 1\nm v=2 2\n");
    struct vv_fake_import fake;
    vv_fake_import_init(&fake, VARVE_FORMAT_INFLUX);
    fake.show_batches = true;
    assert_string_equal(vv_fake_import(&fake, (const char *)text.bytes, text.length),
                        "m_v 1 1\n= 1\n"
                        "! in:2:1: more than 65536 samples in one line, which is stored whole or "
                        "not at all\n"
                        "m_v 2 2\n= 3\n");
    vv_fake_import_fini(&fake);
    vv_buffer_fini(&text);
}

static void strict_stops_at_the_first_bad_line_and_keeps_earlier_batches(void **state)
{
    (void)state;
    struct vv_buffer text = {0};
    for (int index = 0; index < 10005; index++) {
        add_line(&text, index == 10003 ? "bad 1 x" : "up 1 ", index, "\n");
    }
    struct batch_log log = {0};
    varve_import_report report;
    varve_error error;
    assert_int_equal(run_logged(&log, VARVE_FORMAT_PROM, &text, true, &report, &error),
                     VARVE_INVALID);
    assert_string_equal(error.message,
                        "in:10004:7: expected a whole number as timestamp, got \"x10003\"");
    assert_int_equal(log.batches, 1);
    assert_int_equal(report.samples, 10000);
    assert_int_equal(report.lines, 10004);
    assert_int_equal(report.skipped, 1);
    vv_buffer_fini(&text);
}

static void a_batch_that_is_not_stored_ends_the_import(void **state)
{
    (void)state;
    struct vv_buffer text = {0};
    for (int index = 0; index < 25000; index++) {
        add_line(&text, "up 1 ", index, "\n");
    }
    struct batch_log log = {.fail_after_first = VARVE_NO_SPACE};
    varve_import_report report;
    varve_error error;
    assert_int_equal(run_logged(&log, VARVE_FORMAT_PROM, &text, false, &report, &error),
                     VARVE_NO_SPACE);
    assert_string_equal(error.message, "in: the batch of lines 10001 to 20000 was not stored: no "
                                       "space left on the device");
    assert_int_equal(report.samples, 10000);
    assert_int_equal(log.acknowledged, 1);
    vv_buffer_fini(&text);
}

static void series_are_counted_once_and_only_with_samples(void **state)
{
    (void)state;
    static const char text[] = "a,t=1 x=1,y=2 1\na,t=1 z=bad 2\na,t=1 x=3 3\n"
                               "a,t=2 x=1,y=bad 1\na,t=2 y=1 1\n";
    struct vv_fake_import fake;
    vv_fake_import_init(&fake, VARVE_FORMAT_INFLUX);
    (void)vv_fake_import(&fake, text, sizeof text - 1);
    assert_int_equal(fake.report.series, 3);
    assert_int_equal(fake.report.skipped, 2);
    assert_int_equal(fake.report.samples, 4);
    vv_fake_import_fini(&fake);
}

static void too_long_lines_are_bad_lines(void **state)
{
    (void)state;
    struct vv_buffer text = {0};
    add_text(&text, "up 1 1700000000000\n");
    assert_int_equal(vv_buffer_reserve(&text, 3u << 20), VARVE_OK);
    memset(text.bytes + text.length, 'x', 3u << 20);
    text.length += 3u << 20;
    add_text(&text, "\nup 2 1700000000001");
    struct vv_fake_import fake;
    vv_fake_import_init(&fake, VARVE_FORMAT_AUTO);
    assert_string_equal(vv_fake_import(&fake, (const char *)text.bytes, text.length),
                        "! in:2:1: line is longer than 1048576 bytes\n"
                        "up 1700000000000000000 1\nup 1700000000001000000 2\n");
    vv_fake_import_fini(&fake);
    vv_buffer_fini(&text);
}

static void the_cache_stays_bounded_also_where_batches_are_full_before_their_lines(void **state)
{
    (void)state;
    const size_t fields = 10;
    const size_t lines = VV_SERIES_ENTRIES_MAX / fields;
    struct vv_buffer text = {0};
    for (size_t index = 0; index <= lines; index++) {
        add_line(&text, "m,t=", (int)(index % lines),
                 " a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1 1\n");
    }
    struct batch_log log = {0};
    varve_import_report report;
    assert_int_equal(run_logged(&log, VARVE_FORMAT_INFLUX, &text, false, &report, NULL), VARVE_OK);
    /* The last line is the first again: known, had nothing been forgotten. */
    assert_int_equal(log.resolved, (lines + 1) * fields);
    vv_buffer_fini(&text);
}

static void excerpts_are_short_and_printable(void **state)
{
    (void)state;
    char excerpt[VV_EXCERPT_BYTES];
    assert_string_equal(vv_excerpt(excerpt, "a\"b\n\xff", 5), "\"a\\\"b\\x0a\\xff\"");
    assert_string_equal(vv_excerpt(excerpt, "", 0), "\"\"");
    char long_text[100];
    memset(long_text, '\0', sizeof long_text);
    assert_int_equal(strlen(vv_excerpt(excerpt, long_text, sizeof long_text)), 24 * 4 + 5);
}

static void every_failed_allocation_is_no_memory(void **state)
{
    (void)state;
    static const struct {
        varve_format format;
        const char *text;
    } cases[] = {
        {VARVE_FORMAT_PROM, "up 1 2\n"},
        {VARVE_FORMAT_INFLUX, "m v=1 2\n"},
        {VARVE_FORMAT_CSV, "time,v\n1970-01-01,1\n"},
        {VARVE_FORMAT_JSONL, "{\"metric\":{\"a\":\"b\"},\"values\":[1],\"timestamps\":[1]}\n"},
        {VARVE_FORMAT_OPENMETRICS, "# TYPE up gauge\nup 1 2\n# EOF\n"},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        varve_status status = VARVE_NO_MEMORY;
        for (uint64_t n = 1; status != VARVE_OK; n++) {
            struct vv_buffer text = {(uint8_t *)(uintptr_t)cases[index].text,
                                     strlen(cases[index].text), 0};
            struct batch_log log = {0};
            varve_import_report report;
            varve_error error = {.status = VARVE_OK};
            vv_alloc_fail_at(n);
            status = run_logged(&log, cases[index].format, &text, false, &report, &error);
            assert_true(status == VARVE_OK || status == VARVE_NO_MEMORY);
            assert_int_equal(error.status, status);
            assert_true(n < 100);
        }
        vv_alloc_fail_at(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_end_at_ten_thousand_lines),
        cmocka_unit_test(batches_end_before_the_line_that_does_not_fit),
        cmocka_unit_test(a_line_with_more_samples_than_a_batch_stores_nothing),
        cmocka_unit_test(strict_stops_at_the_first_bad_line_and_keeps_earlier_batches),
        cmocka_unit_test(a_batch_that_is_not_stored_ends_the_import),
        cmocka_unit_test(series_are_counted_once_and_only_with_samples),
        cmocka_unit_test(too_long_lines_are_bad_lines),
        cmocka_unit_test(the_cache_stays_bounded_also_where_batches_are_full_before_their_lines),
        cmocka_unit_test(excerpts_are_short_and_printable),
        cmocka_unit_test(every_failed_allocation_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
