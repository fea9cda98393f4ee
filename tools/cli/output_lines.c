/*
 * output_lines.c - samples as lines of the import formats.
 *
 * L1  What is printed reads back to the same bits, or the verb ends with an error: prom has no
 *     times finer than a millisecond, influx no NaN and no line feeds in names.
 */
#include "output_lines.h"

#include "output_format.h"
#include "stdout.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MILLISECOND 1000000

bool cli_is_lines(enum cli_output_format format)
{
    return format == CLI_OUTPUT_PROM || format == CLI_OUTPUT_JSONL || format == CLI_OUTPUT_INFLUX;
}

static bool is_metric_name(varve_string name)
{
    return name.length == 8 && memcmp(name.bytes, "__name__", 8) == 0;
}

/* The labels of the sample that function gives: as labels, but with another metric name. name holds
 * the text of that; renamed has room for one label more than labels. */
static size_t rename_labels(const varve_label *labels, size_t label_count, const char *function,
                            struct cli_text *name, varve_label *renamed)
{
    varve_string old = {"", 0};
    for (size_t i = 0; i < label_count; i++) {
        if (is_metric_name(labels[i].name))
            old = labels[i].value;
    }
    name->length = 0;
    cli_text_append(name, old.bytes, old.length);
    if (function)
        cli_text_print(name, "%s%s", old.length > 0 ? "_" : "", function);
    varve_label metric = {VARVE_STRING("__name__"), {name->bytes, name->length}};
    size_t count = 0;
    bool placed = name->length == 0;
    for (size_t i = 0; i < label_count; i++) {
        if (is_metric_name(labels[i].name))
            continue;
        size_t shorter = labels[i].name.length < 8 ? labels[i].name.length : 8;
        if (!placed && memcmp(labels[i].name.bytes, "__name__", shorter) > 0) {
            renamed[count++] = metric;
            placed = true;
        }
        renamed[count++] = labels[i];
    }
    if (!placed)
        renamed[count++] = metric;
    return count;
}

static int write_prom(const varve_label *labels, size_t label_count, double value, int64_t time)
{
    if (time % MILLISECOND != 0)
        return cli_usage_error("prom cannot say times finer than a millisecond; use --output csv");
    struct cli_text series = {0};
    char text[VARVE_TEXT_MAX];
    cli_text_series(&series, labels, label_count);
    cli_stdout_write(series.bytes, series.length);
    cli_stdout_write(" ", 1);
    cli_stdout_write(text, varve_value_format(value, text));
    cli_stdout_print(" %" PRId64 "\n", time / MILLISECOND);
    free(series.bytes);
    return 0;
}

static void write_jsonl(const varve_label *labels, size_t label_count, double value, int64_t time)
{
    cli_stdout_print("{\"metric\":{");
    for (size_t i = 0; i < label_count; i++) {
        if (i > 0)
            cli_stdout_write(",", 1);
        cli_json_string(labels[i].name.bytes, labels[i].name.length);
        cli_stdout_write(":", 1);
        cli_json_string(labels[i].value.bytes, labels[i].value.length);
    }
    char text[VARVE_TEXT_MAX];
    size_t length = varve_value_format(value, text);
    const char *quote = isfinite(value) ? "" : "\"";
    bool whole = time % MILLISECOND == 0;
    cli_stdout_print("},\"values\":[%s%.*s%s],\"timestamps\":[%" PRId64 "]%s}\n", quote,
                     (int)length, text, quote, whole ? time / MILLISECOND : time,
                     whole ? "" : ",\"unit\":\"ns\"");
}

/* A name or value of an influx line, with a backslash before the characters of special. False if it
 * cannot be said: a line feed, or a backslash before a character that it would escape. */
static bool write_influx_word(varve_string word, const char *special)
{
    for (size_t i = 0; i < word.length; i++) {
        char c = word.bytes[i];
        char next = i + 1 < word.length ? word.bytes[i + 1] : ' ';
        if (c == '\n' || c == '\0' || (c == '\\' && (next == '\\' || strchr(special, next))))
            return false;
        if (strchr(special, c))
            cli_stdout_write("\\", 1);
        cli_stdout_write(&c, 1);
    }
    return word.length > 0;
}

static bool write_influx_fields(const char *const *functions, bool named, const double *values,
                                size_t value_count)
{
    for (size_t i = 0; i < value_count; i++) {
        char text[VARVE_TEXT_MAX];
        if (!isfinite(values[i]))
            return false;
        cli_stdout_print("%s%s=", i > 0 ? "," : " ", functions && named ? functions[i] : "value");
        cli_stdout_write(text, varve_value_format(values[i], text));
    }
    return true;
}

/* With a metric name all functions are fields of one line; without one, each is a line of its own.
 * */
static int write_influx(const varve_label *labels, size_t label_count, const char *const *functions,
                        const double *values, size_t value_count, int64_t time)
{
    varve_string metric = {"", 0};
    for (size_t i = 0; i < label_count; i++) {
        if (is_metric_name(labels[i].name))
            metric = labels[i].value;
    }
    bool named = metric.length > 0, said = true;
    size_t lines = named ? 1 : value_count;
    for (size_t line = 0; line < lines && said; line++) {
        said = write_influx_word(named       ? metric
                                 : functions ? cli_string(functions[line])
                                             : metric,
                                 ", ");
        for (size_t i = 0; i < label_count && said; i++) {
            if (is_metric_name(labels[i].name))
                continue;
            cli_stdout_write(",", 1);
            said = write_influx_word(labels[i].name, ",= ");
            cli_stdout_write("=", 1);
            said = said && write_influx_word(labels[i].value, ",= ");
        }
        said =
            said && write_influx_fields(functions, named, values + line, named ? value_count : 1);
        cli_stdout_print(" %" PRId64 "\n", time);
    }
    return said ? 0
                : cli_usage_error("influx cannot say NaN, Inf, an empty name, or a line feed in a "
                                  "name; use --output csv");
}

int cli_lines_write(enum cli_output_format format, const varve_label *labels, size_t label_count,
                    const char *const *functions, const double *values, size_t value_count,
                    int64_t time)
{
    if (format == CLI_OUTPUT_INFLUX)
        return write_influx(labels, label_count, functions, values, value_count, time);
    varve_label renamed[VARVE_LABELS_MAX + 1];
    struct cli_text name = {0};
    int code = 0;
    for (size_t i = 0; i < value_count && code == 0; i++) {
        size_t count =
            rename_labels(labels, label_count, functions ? functions[i] : NULL, &name, renamed);
        if (format == CLI_OUTPUT_PROM)
            code = write_prom(renamed, count, values[i], time);
        else
            write_jsonl(renamed, count, values[i], time);
    }
    free(name.bytes);
    return code;
}
