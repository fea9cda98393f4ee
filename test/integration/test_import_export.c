/*
 * test_import_export.c - text through a database: what is exported in a lossless format and
 * imported into another database is the same to the last bit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "support/random.h"
#include "support/temporary.h"
#include "varve/varve.h"

/* Bytes that are written and read again. */
struct text {
    char *bytes;
    size_t length;
    size_t capacity;
    size_t at;
    size_t read_bytes_max;
};

static int write_text(void *context, const char *bytes, size_t length)
{
    struct text *text = context;
    if (text->capacity - text->length < length) {
        text->capacity = (text->length + length) * 2;
        text->bytes = realloc(text->bytes, text->capacity);
        assert_non_null(text->bytes);
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    return 0;
}

static int64_t read_text(void *context, char *bytes, size_t capacity)
{
    struct text *text = context;
    size_t count = text->length - text->at;
    count = count < capacity ? count : capacity;
    count = count < text->read_bytes_max ? count : text->read_bytes_max;
    memcpy(bytes, text->bytes + text->at, count);
    text->at += count;
    return (int64_t)count;
}

/* A directory with databases, opened by number. */
struct house {
    char path[512];
};

static void house_create(struct house *house)
{
    assert_true(vv_test_temporary_create(house->path, sizeof house->path));
}

static void house_remove(struct house *house)
{
    assert_true(vv_test_temporary_remove(house->path));
}

static varve_db *open_database(const struct house *house, int number)
{
    char path[600];
    varve_options options = VARVE_OPTIONS_INIT;
    varve_error error = {.status = VARVE_OK};
    varve_db *db = NULL;
    (void)snprintf(path, sizeof path, "%s/%d", house->path, number);
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_NONE;
    if (varve_open(path, &options, &db, &error) != VARVE_OK) {
        fail_msg("%s", error.message);
    }
    return db;
}

static void close_database(varve_db *db)
{
    assert_int_equal(varve_close(db, NULL), VARVE_OK);
}

static void print_bad_line(void *context, const char *message)
{
    (void)context;
    printf("%s\n", message);
}

static varve_import_report import_text(varve_db *db, varve_format format, struct text *text)
{
    varve_import_options options = VARVE_IMPORT_OPTIONS_INIT;
    varve_import_report report;
    varve_error error = {.status = VARVE_OK};
    options.format = format;
    options.now = 1;
    options.bad_line = print_bad_line;
    text->at = 0;
    if (varve_import(db, &options, read_text, text, &report, &error) != VARVE_OK) {
        fail_msg("%s", error.message);
    }
    return report;
}

static varve_status export_text(varve_db *db, varve_format format, bool lossy, struct text *text,
                                varve_error *error)
{
    varve_selection selection = VARVE_SELECTION_INIT;
    varve_export_options options = VARVE_EXPORT_OPTIONS_INIT;
    options.format = format;
    options.lossy = lossy;
    text->length = 0;
    text->read_bytes_max = SIZE_MAX;
    error->status = VARVE_OK;
    return varve_export(db, &selection, &options, write_text, text, error);
}

/* -------------------------------------------------------------------------- Random data */

static varve_string awkward_string(struct vv_test_random *random, char *text, char first)
{
    static const char *const characters[] = {
        "a",  "_",  ":",  "0", " ", ",",  "=",  "\"", "\\",       "{",           "}",
        "\n", "\r", "\t", "'", "#", "\1", "\0", "/",  "\xc3\xa4", "\xe2\x82\xac"};
    const size_t nul = 17;
    size_t length = 0;
    text[length++] = first;
    for (uint64_t count = vv_test_random_below(random, 8); count > 0; count--) {
        size_t index = (size_t)vv_test_random_below(random, 21);
        size_t bytes = index == nul ? 1 : strlen(characters[index]);
        memcpy(text + length, characters[index], bytes);
        length += bytes;
    }
    return (varve_string){text, length};
}

static double awkward_value(struct vv_test_random *random)
{
    uint64_t bits = vv_test_random_next(random);
    uint64_t kind = vv_test_random_below(random, 4);
    double value = (double)(bits >> 40) / 100;
    if (kind == 0) {
        memcpy(&value, &bits, sizeof value);
    } else if (kind == 1) {
        bits |= UINT64_C(0x7ff0000000000000);
        memcpy(&value, &bits, sizeof value);
    }
    return value;
}

static void append_random(varve_db *db, struct vv_test_random *random, size_t series_count,
                          size_t sample_count)
{
    for (size_t index = 0; index < series_count; index++) {
        char text[8][40];
        varve_label labels[4];
        size_t label_count = 1 + (size_t)vv_test_random_below(random, 4);
        for (size_t label = 0; label < label_count; label++) {
            bool metric = label == 0 && vv_test_random_below(random, 4) > 0;
            labels[label].name = metric
                                     ? VARVE_STRING("__name__")
                                     : awkward_string(random, text[2 * label], (char)('a' + label));
            labels[label].value = awkward_string(random, text[2 * label + 1], 'v');
        }
        varve_series series;
        assert_int_equal(varve_series_resolve(db, labels, label_count, &series, NULL), VARVE_OK);
        for (size_t sample = 0; sample < sample_count; sample++) {
            int64_t time = (int64_t)vv_test_random_next(random);
            double value = awkward_value(random);
            time = time == INT64_MAX ? 0 : time;
            time = vv_test_random_below(random, 2) == 0 ? time : time / 1000000 * 1000000;
            assert_int_equal(varve_append(db, series, &time, &value, 1, NULL), VARVE_OK);
        }
    }
}

static void round_trip(varve_format format)
{
    struct house house;
    struct text first = {0};
    struct text second = {0};
    varve_error error;
    struct vv_test_random random = vv_test_random_init((uint64_t)format);
    house_create(&house);
    varve_db *from = open_database(&house, 1);
    append_random(from, &random, 40, 300);
    assert_int_equal(export_text(from, format, false, &first, &error), VARVE_OK);
    varve_db *to = open_database(&house, 2);
    first.read_bytes_max = 4000;
    varve_import_report report = import_text(to, format, &first);
    assert_int_equal(report.skipped, 0);
    assert_int_equal(report.samples, 40 * 300);
    assert_int_equal(report.bytes, first.length);
    assert_int_equal(export_text(to, format, false, &second, &error), VARVE_OK);
    assert_int_equal(first.length, second.length);
    assert_memory_equal(first.bytes, second.bytes, first.length);
    close_database(from);
    close_database(to);
    free(first.bytes);
    free(second.bytes);
    house_remove(&house);
}

static void csv_loses_nothing(void **state)
{
    (void)state;
    round_trip(VARVE_FORMAT_CSV);
}

static void jsonl_loses_nothing(void **state)
{
    (void)state;
    round_trip(VARVE_FORMAT_JSONL);
}

static void the_bits_themselves_come_back(void **state)
{
    (void)state;
    static const uint64_t bits[] = {0,
                                    UINT64_C(0x8000000000000000),
                                    UINT64_C(0x7ff8000000000000),
                                    UINT64_C(0xfff8000000000000),
                                    UINT64_C(0x7ff0000000000001),
                                    UINT64_C(0xffffffffffffffff),
                                    UINT64_C(0x7ff0000000000000),
                                    1,
                                    UINT64_C(0x3fb999999999999a)};
    enum { COUNT = sizeof bits / sizeof bits[0] };
    static const varve_format formats[] = {VARVE_FORMAT_CSV, VARVE_FORMAT_JSONL};
    for (int index = 0; index < 2; index++) {
        struct house house;
        struct text text = {0};
        varve_error error;
        house_create(&house);
        varve_db *from = open_database(&house, 1);
        varve_series series;
        assert_int_equal(varve_series_parse(from, VARVE_STRING("v"), &series, NULL), VARVE_OK);
        for (int64_t sample = 0; sample < COUNT; sample++) {
            double value;
            memcpy(&value, &bits[sample], sizeof value);
            assert_int_equal(varve_append(from, series, &sample, &value, 1, NULL), VARVE_OK);
        }
        assert_int_equal(export_text(from, formats[index], false, &text, &error), VARVE_OK);
        varve_db *to = open_database(&house, 2);
        (void)import_text(to, formats[index], &text);
        varve_selection selection = VARVE_SELECTION_INIT;
        varve_cursor *cursor;
        varve_span span;
        assert_int_equal(varve_select(to, &selection, &cursor, NULL), VARVE_OK);
        assert_true(varve_cursor_next(cursor) && varve_cursor_span(cursor, &span));
        assert_int_equal(span.count, COUNT);
        assert_memory_equal(span.values, bits, sizeof bits);
        varve_cursor_close(cursor);
        close_database(from);
        close_database(to);
        free(text.bytes);
        house_remove(&house);
    }
}

/* ------------------------------------------------------------------------------ Formats */

static void every_format_is_found_out_and_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "series,time,value\n\"up{a=\"\"b\"\"}\",1970-01-01T00:00:01Z,5\n",
        "up,a=b value=5 1000000000\n",
        "up{a=\"b\"} 5 1000\n# comment\n",
        "# TYPE up gauge\nup{a=\"b\"} 5 1.0\n# EOF\n",
        "{\"metric\":{\"__name__\":\"up\",\"a\":\"b\"},\"values\":[5],\"timestamps\":[1000]}\n",
    };
    struct house house;
    house_create(&house);
    for (int index = 0; index < 5; index++) {
        char bytes[200];
        struct text in = {.bytes = bytes, .length = strlen(texts[index]), .read_bytes_max = 7};
        struct text out = {0};
        varve_error error;
        memcpy(bytes, texts[index], in.length);
        varve_db *db = open_database(&house, index);
        /* Milliseconds of 1970 could be seconds: that one text must be told. */
        varve_import_report report =
            import_text(db, index == 2 ? VARVE_FORMAT_PROM : VARVE_FORMAT_AUTO, &in);
        assert_int_equal(report.samples, 1);
        assert_int_equal(report.series, 1);
        assert_int_equal(report.skipped, 0);
        assert_int_equal(export_text(db, VARVE_FORMAT_PROM, false, &out, &error), VARVE_OK);
        assert_int_equal(out.length, strlen("up{a=\"b\"} 5 1000\n"));
        assert_memory_equal(out.bytes, "up{a=\"b\"} 5 1000\n", out.length);
        close_database(db);
        free(out.bytes);
    }
    house_remove(&house);
}

static void prom_refuses_what_it_would_lose_and_says_why(void **state)
{
    (void)state;
    struct house house;
    struct text text = {0};
    varve_error error;
    house_create(&house);
    varve_db *db = open_database(&house, 1);
    varve_series series;
    const int64_t time = 1500000;
    const double value = 1;
    assert_int_equal(varve_series_parse(db, VARVE_STRING("up{a=\"b\"}"), &series, NULL), VARVE_OK);
    assert_int_equal(varve_append(db, series, &time, &value, 1, NULL), VARVE_OK);
    assert_int_equal(export_text(db, VARVE_FORMAT_PROM, false, &text, &error), VARVE_INVALID);
    assert_string_equal(error.message,
                        "up{a=\"b\"} at 1970-01-01T00:00:00.0015Z: the prom format has whole "
                        "milliseconds only; csv and jsonl lose nothing, --lossy drops it");
    assert_int_equal(export_text(db, VARVE_FORMAT_PROM, true, &text, &error), VARVE_OK);
    assert_int_equal(text.length, strlen("up{a=\"b\"} 1 1\n"));
    close_database(db);
    free(text.bytes);
    house_remove(&house);
}

static void options_that_were_not_initialised_are_refused(void **state)
{
    (void)state;
    struct house house;
    varve_import_options in = {0};
    varve_export_options out = {0};
    varve_import_report report;
    varve_error error;
    struct text text = {0};
    varve_selection selection = VARVE_SELECTION_INIT;
    house_create(&house);
    varve_db *db = open_database(&house, 1);
    assert_int_equal(varve_import(db, &in, read_text, &text, &report, &error), VARVE_INVALID);
    assert_int_equal(varve_export(db, &selection, &out, write_text, &text, &error), VARVE_INVALID);
    close_database(db);
    house_remove(&house);
}

/* Its handles mean other series there. */
static void a_bulk_of_another_database_is_refused(void **state)
{
    (void)state;
    struct house house;
    varve_import_options in = VARVE_IMPORT_OPTIONS_INIT;
    varve_import_report report;
    varve_error error;
    varve_bulk *bulk = NULL;
    char line[] = "guilty 666 1000\n";
    struct text text = {.bytes = line, .length = strlen(line), .read_bytes_max = 100};
    house_create(&house);
    varve_db *db = open_database(&house, 1), *other = open_database(&house, 2);
    assert_int_equal(varve_bulk_begin(other, NULL, &bulk, &error), VARVE_OK);
    assert_true(varve_bulk_database(bulk) == other);
    in.bulk = bulk;
    assert_int_equal(varve_import(db, &in, read_text, &text, &report, &error), VARVE_INVALID);
    assert_non_null(strstr(error.message, "another database"));
    assert_int_equal(text.at, 0);
    varve_bulk_close(bulk);
    close_database(other);
    close_database(db);
    house_remove(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_loses_nothing),
        cmocka_unit_test(jsonl_loses_nothing),
        cmocka_unit_test(the_bits_themselves_come_back),
        cmocka_unit_test(every_format_is_found_out_and_read),
        cmocka_unit_test(prom_refuses_what_it_would_lose_and_says_why),
        cmocka_unit_test(options_that_were_not_initialised_are_refused),
        cmocka_unit_test(a_bulk_of_another_database_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
