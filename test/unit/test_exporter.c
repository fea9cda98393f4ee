/*
 * test_exporter.c - text out: what is promised to be lossless comes back bit for bit through an
 * import, the rest is refused in words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>

#include "support/fake_export.h"
#include "support/fake_import.h"
#include "support/random.h"

#define LABEL(name, value)                                                                         \
    {                                                                                              \
        {name, sizeof(name) - 1},                                                                  \
        {                                                                                          \
            value, sizeof(value) - 1                                                               \
        }                                                                                          \
    }

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* --------------------------------------------------------------------------- Round trips */

enum { SERIES_MAX = 6, SAMPLES_MAX = 2500, TEXT_BYTES = 24 };

/* Random series: strings of awkward characters, any bits as values. */
struct made_data {
    struct vv_fake_series series[SERIES_MAX];
    varve_label labels[SERIES_MAX][4];
    char text[SERIES_MAX][8][TEXT_BYTES];
    int64_t timestamps[SERIES_MAX][SAMPLES_MAX];
    double values[SERIES_MAX][SAMPLES_MAX];
};

static const char *const characters[] = {
    "a", "B",  "_",  ":",  "0", " ", ",", "=",    "\"",       "\\",           "{",
    "}", "\n", "\r", "\t", "'", "#", "/", "\x7f", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

static varve_string random_string(struct vv_test_random *random, char *text, char first,
                                  size_t character_count)
{
    size_t length = 0;
    text[length++] = first; /* makes names of a series different and sorted */
    size_t count = (size_t)vv_test_random_below(random, 5);
    for (size_t index = 0; index < count; index++) {
        const char *character = characters[vv_test_random_below(random, character_count)];
        memcpy(text + length, character, strlen(character));
        length += strlen(character);
    }
    return (varve_string){text, length};
}

static double random_value(struct vv_test_random *random, bool finite)
{
    double value;
    do {
        switch (vv_test_random_below(random, 5)) {
        case 0:
            value = double_of(vv_test_random_next(random));
            break;
        case 1:
            value = double_of(UINT64_C(0x7ff0000000000000) | (vv_test_random_next(random) >> 12));
            break;
        case 2:
            value = double_of(vv_test_random_below(random, 2) << 63);
            break;
        case 3:
            value = (double)vv_test_random_below(random, 100000) / 100;
            break;
        default:
            value = (double)(int64_t)vv_test_random_next(random);
        }
    } while (finite && !isfinite(value));
    return value;
}

/* nanoseconds: the step in which times are chosen. */
static void make_data(struct made_data *data, struct vv_test_random *random, int64_t nanoseconds,
                      bool finite, size_t character_count)
{
    for (size_t index = 0; index < SERIES_MAX; index++) {
        size_t label_count = 1 + (size_t)vv_test_random_below(random, 4);
        for (size_t label = 0; label < label_count; label++) {
            char(*text)[TEXT_BYTES] = &data->text[index][2 * label];
            data->labels[index][label].name =
                label == 0 ? VARVE_STRING("__name__")
                           : random_string(random, text[0], (char)('a' + label), character_count);
            data->labels[index][label].value =
                random_string(random, text[1], (char)('a' + index), character_count);
        }
        size_t count = 1 + (size_t)vv_test_random_below(random, SAMPLES_MAX);
        int64_t time =
            nanoseconds * (int64_t)vv_test_random_below(random, 1u << 20) - nanoseconds * (1 << 19);
        for (size_t sample = 0; sample < count; sample++) {
            time += nanoseconds * (1 + (int64_t)vv_test_random_below(random, 2000));
            data->timestamps[index][sample] = time;
            data->values[index][sample] = random_value(random, finite);
        }
        data->series[index] = (struct vv_fake_series){
            data->labels[index], label_count, data->timestamps[index], data->values[index], count};
    }
}

/* What an import must make of the data: the lines that vv_fake_import() gives. */
static void expect_data(const struct made_data *data, struct vv_buffer *out)
{
    for (size_t index = 0; index < SERIES_MAX; index++) {
        const struct vv_fake_series *series = &data->series[index];
        char text[512];
        size_t length = varve_series_format(series->labels, series->label_count, text, sizeof text);
        assert_true(length <= sizeof text);
        for (size_t sample = 0; sample < series->count; sample++) {
            char rest[80];
            char value[VV_NUMBER_TEXT_MAX];
            (void)vv_double_format(series->values[sample], value);
            int rest_length =
                snprintf(rest, sizeof rest, " %" PRId64 " %s\n", series->timestamps[sample], value);
            assert_int_equal(vv_buffer_append(out, text, length), VARVE_OK);
            assert_int_equal(vv_buffer_append(out, rest, (size_t)rest_length), VARVE_OK);
        }
    }
    assert_int_equal(vv_buffer_append_u8(out, 0), VARVE_OK);
}

static void round_trip(varve_format format, int64_t nanoseconds, bool finite,
                       size_t character_count)
{
    static struct made_data data;
    struct vv_test_random random = vv_test_random_init((uint64_t)format);
    for (int round = 0; round < 6; round++) {
        make_data(&data, &random, nanoseconds, finite, character_count);
        struct vv_fake_export out;
        vv_fake_export_init(&out, format, data.series, SERIES_MAX);
        out.span_samples_max = 1 + (size_t)vv_test_random_below(&random, 1024);
        assert_int_equal(vv_fake_export(&out), VARVE_OK);
        struct vv_fake_import in;
        vv_fake_import_init(&in, format);
        const char *got = vv_fake_import(&in, vv_fake_export_text(&out), out.out.length - 1);
        struct vv_buffer expected = {0};
        expect_data(&data, &expected);
        assert_string_equal(got, (const char *)expected.bytes);
        assert_int_equal(in.report.skipped, 0);
        vv_buffer_fini(&expected);
        vv_fake_import_fini(&in);
        vv_fake_export_fini(&out);
    }
}

#define ALL_CHARACTERS (sizeof characters / sizeof characters[0])

static void csv_comes_back_bit_for_bit(void **state)
{
    (void)state;
    round_trip(VARVE_FORMAT_CSV, 1, false, ALL_CHARACTERS);
}

static void jsonl_comes_back_bit_for_bit(void **state)
{
    (void)state;
    round_trip(VARVE_FORMAT_JSONL, 1, false, ALL_CHARACTERS);
    round_trip(VARVE_FORMAT_JSONL, 1000000, false, ALL_CHARACTERS);
}

static void prom_comes_back_where_it_does_not_refuse(void **state)
{
    (void)state;
    round_trip(VARVE_FORMAT_PROM, 1000000, true, ALL_CHARACTERS);
}

static void influx_comes_back_where_it_does_not_refuse(void **state)
{
    (void)state;
    /* The first nine characters: no backslash that could end a name, no control character. */
    round_trip(VARVE_FORMAT_INFLUX, 1, true, 9);
}

/* The labels of one line of jsonl as jansson reads them must be those of the series. */
static void assert_json_labels(const char *line, size_t length, const struct vv_fake_series *series)
{
    json_error_t error;
    json_t *object = json_loadb(line, length, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    if (object == NULL) {
        fail_msg("%.*s: %s", (int)length, line, error.text);
    }
    json_t *metric = json_object_get(object, "metric");
    assert_int_equal(json_object_size(metric), series->label_count);
    for (size_t index = 0; index < series->label_count; index++) {
        char name[TEXT_BYTES + 1];
        varve_label label = series->labels[index];
        memcpy(name, label.name.bytes, label.name.length);
        name[label.name.length] = '\0';
        json_t *value = json_object_get(metric, name);
        assert_non_null(value);
        assert_int_equal(json_string_length(value), label.value.length);
        assert_memory_equal(json_string_value(value), label.value.bytes, label.value.length);
    }
    assert_int_equal(json_array_size(json_object_get(object, "values")),
                     json_array_size(json_object_get(object, "timestamps")));
    json_decref(object);
}

static void jsonl_is_json_to_another_reader(void **state)
{
    (void)state;
    static struct made_data data;
    struct vv_test_random random = vv_test_random_init(77);
    for (int round = 0; round < 3; round++) {
        make_data(&data, &random, 1, false, ALL_CHARACTERS);
        struct vv_fake_export out;
        vv_fake_export_init(&out, VARVE_FORMAT_JSONL, data.series, SERIES_MAX);
        assert_int_equal(vv_fake_export(&out), VARVE_OK);
        const char *line = vv_fake_export_text(&out);
        for (size_t index = 0; index < SERIES_MAX; index++) {
            const char *end = strchr(line, '\n');
            assert_non_null(end);
            assert_json_labels(line, (size_t)(end - line), &data.series[index]);
            line = end + 1;
        }
        assert_int_equal(*line, '\0');
        vv_fake_export_fini(&out);
    }
}

/* -------------------------------------------------------------------------- Exact texts */

static const varve_label up_labels[] = {LABEL("__name__", "up"), LABEL("job", "a,\"b\"\n")};
static const int64_t times[] = {INT64_C(1500000000), INT64_C(2000000000)};
static const double values[] = {0.1, -INFINITY};
static const struct vv_fake_series up = {up_labels, 2, times, values, 2};

static void each_format_looks_as_documented(void **state)
{
    (void)state;
    static const struct {
        varve_format format;
        const char *text;
    } cases[] = {
        {VARVE_FORMAT_CSV, "series,time,value\n"
                           "\"up{job=\"\"a,\\\"\"b\\\"\"\\n\"\"}\",1970-01-01T00:00:01.5Z,0.1\n"
                           "\"up{job=\"\"a,\\\"\"b\\\"\"\\n\"\"}\",1970-01-01T00:00:02Z,-Inf\n"},
        {VARVE_FORMAT_PROM, "up{job=\"a,\\\"b\\\"\\n\"} 0.1 1500\nup{job=\"a,\\\"b\\\"\\n\"} -Inf "
                            "2000\n"},
        {VARVE_FORMAT_JSONL, "{\"metric\":{\"__name__\":\"up\",\"job\":\"a,\\\"b\\\"\\n\"},"
                             "\"values\":[0.1,\"-Inf\"],\"timestamps\":[1500,2000]}\n"},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        struct vv_fake_export fake;
        vv_fake_export_init(&fake, cases[index].format, &up, 1);
        assert_int_equal(vv_fake_export(&fake), VARVE_OK);
        assert_string_equal(vv_fake_export_text(&fake), cases[index].text);
        vv_fake_export_fini(&fake);
    }
}

static void names_that_are_no_identifiers_are_quoted_in_prom(void **state)
{
    (void)state;
    static const varve_label labels[] = {LABEL("__name__", "http.requests"), LABEL("a b", "c")};
    static const struct vv_fake_series series[] = {{labels, 2, times, values, 1},
                                                   {labels, 1, times, values, 1}};
    struct vv_fake_export fake;
    vv_fake_export_init(&fake, VARVE_FORMAT_PROM, series, 2);
    assert_int_equal(vv_fake_export(&fake), VARVE_OK);
    assert_string_equal(
        vv_fake_export_text(&fake),
        "{\"http.requests\",\"a b\"=\"c\"} 0.1 1500\n{\"http.requests\"} 0.1 1500\n");
    vv_fake_export_fini(&fake);
}

static void influx_writes_the_field_value_and_escapes(void **state)
{
    (void)state;
    static const varve_label labels[] = {LABEL("__name__", "c, pu"), LABEL("a=b", "c d\\e")};
    static const struct vv_fake_series series = {labels, 2, times, values, 1};
    struct vv_fake_export fake;
    vv_fake_export_init(&fake, VARVE_FORMAT_INFLUX, &series, 1);
    assert_int_equal(vv_fake_export(&fake), VARVE_OK);
    assert_string_equal(vv_fake_export_text(&fake),
                        "c\\,\\ pu,a\\=b=c\\ d\\e value=0.1 1500000000\n");
    vv_fake_export_fini(&fake);
}

static void csv_times_have_the_unit_asked_for(void **state)
{
    (void)state;
    static const struct vv_fake_series series = {up_labels, 1, times, values, 2};
    struct vv_fake_export fake;
    vv_fake_export_init(&fake, VARVE_FORMAT_CSV, &series, 1);
    fake.options.time_precision = VARVE_PRECISION_S;
    fake.options.limit = 1;
    assert_int_equal(vv_fake_export(&fake), VARVE_OK);
    assert_string_equal(vv_fake_export_text(&fake), "series,time,value\nup,1.5,0.1\n");
    vv_fake_export_fini(&fake);
}

static void jsonl_starts_a_new_object_after_ten_thousand_samples(void **state)
{
    (void)state;
    static int64_t many_times[20001];
    static double many_values[20001];
    for (size_t index = 0; index < 20001; index++) {
        many_times[index] = (int64_t)index * 1000000 + (index == 20000 ? 1 : 0);
    }
    const struct vv_fake_series series = {up_labels, 1, many_times, many_values, 20001};
    struct vv_fake_export fake;
    vv_fake_export_init(&fake, VARVE_FORMAT_JSONL, &series, 1);
    assert_int_equal(vv_fake_export(&fake), VARVE_OK);
    const char *last = strrchr(vv_fake_export_text(&fake), '{');
    assert_string_equal(last, "{\"__name__\":\"up\"},\"values\":[0],\"timestamps\":[20000000001],"
                              "\"unit\":\"ns\"}\n");
    size_t lines = 0;
    for (const char *at = vv_fake_export_text(&fake); (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, 3);
    vv_fake_export_fini(&fake);
}

/* ------------------------------------------------------------------------------ Refusals */

struct refusal {
    varve_format format;
    struct vv_fake_series series;
    const char *message;
    const char *lossy; /* text with options.lossy */
};

static const varve_label nameless[] = {LABEL("a", "b")};
static const varve_label comment[] = {LABEL("__name__", "#up")};
static const varve_label backslash[] = {LABEL("__name__", "up"), LABEL("a", "b\\")};
static const varve_label feed[] = {LABEL("__name__", "up"), LABEL("a", "b\nc")};
static const int64_t fine[] = {-1};
static const double one[] = {1};
static const double infinite[] = {INFINITY};

static void what_a_format_cannot_say_is_refused_unless_lossy(void **state)
{
    (void)state;
    const double payload[] = {double_of(UINT64_C(0x7ff8000000000001))};
    const struct refusal refusals[] = {
        {VARVE_FORMAT_PROM,
         {nameless, 1, times, one, 1},
         "{a=\"b\"}: the prom format has no series without a metric name",
         ""},
        {VARVE_FORMAT_PROM,
         {up_labels, 1, fine, one, 1},
         "up at 1969-12-31T23:59:59.999999999Z: the prom format has whole milliseconds only",
         "up 1 -1\n"},
        {VARVE_FORMAT_PROM,
         {up_labels, 1, times, payload, 1},
         "up at 1970-01-01T00:00:01.5Z: the prom format has one NaN only, this is another",
         "up NaN 1500\n"},
        {VARVE_FORMAT_INFLUX,
         {nameless, 1, times, one, 1},
         "{a=\"b\"}: the influx format has no series without a metric name",
         ""},
        {VARVE_FORMAT_INFLUX,
         {comment, 1, times, one, 1},
         "{\"#up\"}: the influx format takes a name that begins with # for a comment",
         ""},
        {VARVE_FORMAT_INFLUX,
         {backslash, 2, times, one, 1},
         "up{a=\"b\\\\\"}: the influx format has no control characters and no backslash at the end "
         "in names and labels",
         ""},
        {VARVE_FORMAT_INFLUX,
         {feed, 2, times, one, 1},
         "up{a=\"b\\nc\"}: the influx format has no control characters and no backslash at the end "
         "in names and labels",
         ""},
        {VARVE_FORMAT_INFLUX,
         {up_labels, 1, times, infinite, 1},
         "up at 1970-01-01T00:00:01.5Z: the influx format has finite values only",
         ""},
    };
    for (size_t index = 0; index < sizeof refusals / sizeof refusals[0]; index++) {
        struct vv_fake_export fake;
        vv_fake_export_init(&fake, refusals[index].format, &refusals[index].series, 1);
        assert_int_equal(vv_fake_export(&fake), VARVE_INVALID);
        char expected[300];
        (void)snprintf(expected, sizeof expected,
                       "%s; csv and jsonl lose nothing, --lossy drops it", refusals[index].message);
        assert_string_equal(fake.error.message, expected);
        fake.options.lossy = true;
        assert_int_equal(vv_fake_export(&fake), VARVE_OK);
        assert_string_equal(vv_fake_export_text(&fake), refusals[index].lossy);
        vv_fake_export_fini(&fake);
    }
}

static void formats_that_are_for_import_only_are_refused(void **state)
{
    (void)state;
    static const varve_format formats[] = {VARVE_FORMAT_AUTO, VARVE_FORMAT_OPENMETRICS};
    for (size_t index = 0; index < 2; index++) {
        struct vv_fake_export fake;
        vv_fake_export_init(&fake, formats[index], &up, 1);
        assert_int_equal(vv_fake_export(&fake), VARVE_INVALID);
        vv_fake_export_fini(&fake);
    }
}

static void a_failed_write_ends_the_export(void **state)
{
    (void)state;
    struct vv_fake_export fake;
    vv_fake_export_init(&fake, VARVE_FORMAT_CSV, &up, 1);
    fake.write_result = -ENOSPC;
    assert_int_equal(vv_fake_export(&fake), VARVE_NO_SPACE);
    assert_int_equal(fake.error.system_errno, ENOSPC);
    vv_fake_export_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_comes_back_bit_for_bit),
        cmocka_unit_test(jsonl_comes_back_bit_for_bit),
        cmocka_unit_test(jsonl_is_json_to_another_reader),
        cmocka_unit_test(prom_comes_back_where_it_does_not_refuse),
        cmocka_unit_test(influx_comes_back_where_it_does_not_refuse),
        cmocka_unit_test(each_format_looks_as_documented),
        cmocka_unit_test(names_that_are_no_identifiers_are_quoted_in_prom),
        cmocka_unit_test(influx_writes_the_field_value_and_escapes),
        cmocka_unit_test(csv_times_have_the_unit_asked_for),
        cmocka_unit_test(jsonl_starts_a_new_object_after_ten_thousand_samples),
        cmocka_unit_test(what_a_format_cannot_say_is_refused_unless_lossy),
        cmocka_unit_test(formats_that_are_for_import_only_are_refused),
        cmocka_unit_test(a_failed_write_ends_the_export),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
