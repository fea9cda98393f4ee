/*
 * bench_import.c - how fast text comes in: reading lines, parsing, and the whole import.
 *
 *   bench_import FORMAT FILE [ROUNDS]
 *
 * The file is read into memory first. Parsing goes through the whole import (lines, series cache,
 * batches) to a sink that only counts, so that what is measured is the text room and nothing of the
 * engine. Beside it stands the time of finding the line ends with memchr(), which no reader of text
 * can do without, and the import into a new database (sync mode none, closed at the end). All three
 * are measured in each round; medians of CPU time are printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support/temporary.h"
#include "text/importer.h"

struct source {
    const char *bytes;
    size_t length;
    size_t at;
};

static int64_t read_source(void *context, char *bytes, size_t capacity)
{
    struct source *source = context;
    size_t left = source->length - source->at;
    size_t count = left < capacity ? left : capacity;
    memcpy(bytes, source->bytes + source->at, count);
    source->at += count;
    return (int64_t)count;
}

struct counts {
    uint64_t series;
    uint64_t samples;
    double sum;
};

static varve_status count_series(void *context, const varve_label *labels, size_t label_count,
                                 varve_series *series, varve_error *error)
{
    (void)labels;
    (void)label_count;
    (void)error;
    struct counts *counts = context;
    *series = ++counts->series;
    return VARVE_OK;
}

static varve_status count_samples(void *context, const varve_batch *batch)
{
    struct counts *counts = context;
    counts->samples += batch->count;
    counts->sum += batch->values[0];
    return VARVE_OK;
}

static void print_bad_line(void *context, const char *message)
{
    (void)context;
    fprintf(stderr, "%s\n", message);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *seconds, size_t count)
{
    qsort(seconds, count, sizeof *seconds, compare);
    return seconds[count / 2];
}

static char *load(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    *length = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*length + 1);
    if (bytes == NULL || fread(bytes, 1, *length, file) != *length) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return bytes;
}

static uint64_t count_lines(const char *bytes, size_t length)
{
    uint64_t lines = 0;
    const char *end = bytes + length;
    for (const char *at = bytes; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) {
        lines++;
    }
    return lines;
}

static varve_format format_of(const char *name)
{
#define FORMAT_NAMED(NAME, value, text)                                                            \
    if (strcmp(name, text) == 0) {                                                                 \
        return VARVE_FORMAT_##NAME;                                                                \
    }
    VARVE_FORMAT_MAP(FORMAT_NAMED)
#undef FORMAT_NAMED
    fprintf(stderr, "no such format: %s\n", name);
    exit(2);
}

enum { ROUNDS_MAX = 101 };

/* What is measured, and what was seen while measuring. */
struct bench {
    varve_import_options options;
    const char *bytes;
    size_t length;
    double parse_seconds[ROUNDS_MAX];
    double scan_seconds[ROUNDS_MAX];
    double import_seconds[ROUNDS_MAX];
    varve_import_report report;
};

static void fail(const char *message)
{
    fprintf(stderr, "%s\n", message);
    exit(1);
}

static void measure_parse(struct bench *bench, size_t round)
{
    struct source source = {.bytes = bench->bytes, .length = bench->length};
    struct counts counts = {0};
    struct vv_import_sink sink = {
        .context = &counts, .resolve = count_series, .append = count_samples};
    varve_error error = {.status = VARVE_OK};
    double start = cpu_seconds();
    if (vv_import_run(&sink, &bench->options, read_source, &source, &bench->report, &error) !=
        VARVE_OK) {
        fail(error.message);
    }
    bench->parse_seconds[round] = cpu_seconds() - start;
}

static void measure_scan(struct bench *bench, size_t round)
{
    double start = cpu_seconds();
    if (count_lines(bench->bytes, bench->length) > bench->report.lines) {
        fail("the import missed a line");
    }
    bench->scan_seconds[round] = cpu_seconds() - start;
}

static void measure_import(struct bench *bench, size_t round)
{
    struct source source = {.bytes = bench->bytes, .length = bench->length};
    char folder[512];
    char path[520];
    varve_options options = VARVE_OPTIONS_INIT;
    varve_error error = {.status = VARVE_OK};
    varve_db *db = NULL;
    if (!vv_test_temporary_create(folder, sizeof folder)) {
        fail("cannot make a temporary folder");
    }
    (void)snprintf(path, sizeof path, "%s/db", folder);
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_NONE;
    double start = cpu_seconds();
    if (varve_open(path, &options, &db, &error) != VARVE_OK ||
        varve_import(db, &bench->options, read_source, &source, &bench->report, &error) !=
            VARVE_OK ||
        varve_close(db, &error) != VARVE_OK) {
        fail(error.message);
    }
    bench->import_seconds[round] = cpu_seconds() - start;
    if (!vv_test_temporary_remove(folder)) {
        fail("cannot remove the temporary folder");
    }
}

static void print_row(const char *name, double seconds, const struct bench *bench)
{
    uint64_t samples = bench->report.samples;
    printf("%-7s %7.0f MB/s  %.4f CPU s per million samples\n", name,
           (double)bench->length / 1e6 / seconds,
           seconds * 1e6 / (double)(samples > 0 ? samples : 1));
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: bench_import FORMAT FILE [ROUNDS]\n");
        return 2;
    }
    size_t rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 5;
    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    static struct bench bench;
    char *bytes = load(argv[2], &bench.length);
    bench.bytes = bytes;
    bench.options = (varve_import_options)VARVE_IMPORT_OPTIONS_INIT;
    bench.options.format = format_of(argv[1]);
    bench.options.name = argv[2];
    bench.options.bad_line = print_bad_line;
    for (size_t round = 0; round < rounds; round++) {
        measure_parse(&bench, round);
        measure_scan(&bench, round);
        measure_import(&bench, round);
    }
    printf("%s: %.1f MB, %llu lines, %llu samples, %llu series, %llu skipped\n", argv[2],
           (double)bench.length / 1e6, (unsigned long long)bench.report.lines,
           (unsigned long long)bench.report.samples, (unsigned long long)bench.report.series,
           (unsigned long long)bench.report.skipped);
    print_row("memchr", median(bench.scan_seconds, rounds), &bench);
    print_row("parse", median(bench.parse_seconds, rounds), &bench);
    print_row("import", median(bench.import_seconds, rounds), &bench);
    free(bytes);
    return 0;
}
