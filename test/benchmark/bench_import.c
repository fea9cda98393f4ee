/*
 * bench_import.c - how fast text comes in: parsing alone, and reading lines alone.
 *
 *   bench_import FORMAT FILE [ROUNDS]
 *
 * The file is read into memory first. Parsing goes through the whole import (lines, series cache,
 * batches) to a sink that only counts, so what is measured is the text room and nothing of the
 * engine. Beside it stands the time of finding the line ends with memchr(), which no reader of text
 * can do without. Prints medians over the rounds, in CPU time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: bench_import FORMAT FILE [ROUNDS]\n");
        return 2;
    }
    enum { ROUNDS_MAX = 101 };
    size_t rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 7;
    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    size_t length;
    char *bytes = load(argv[2], &length);
    double parse[ROUNDS_MAX];
    double scan[ROUNDS_MAX];
    struct counts counts = {0};
    uint64_t lines = 0;
    varve_import_report report = {0};
    for (size_t round = 0; round < rounds; round++) {
        struct source source = {.bytes = bytes, .length = length};
        counts = (struct counts){0};
        struct vv_import_sink sink = {&counts, count_series, count_samples};
        varve_import_options options = VARVE_IMPORT_OPTIONS_INIT;
        options.format = format_of(argv[1]);
        options.name = argv[2];
        options.bad_line = print_bad_line;
        varve_error error = {.status = VARVE_OK};
        double start = cpu_seconds();
        if (vv_import_run(&sink, &options, read_source, &source, &report, &error) != VARVE_OK) {
            fprintf(stderr, "%s\n", error.message);
            return 1;
        }
        double middle = cpu_seconds();
        lines = count_lines(bytes, length);
        parse[round] = middle - start;
        scan[round] = cpu_seconds() - middle;
    }
    double seconds = median(parse, rounds);
    double scan_seconds = median(scan, rounds);
    double megabytes = (double)length / 1e6;
    printf("%s: %.1f MB, %llu lines, %llu samples, %llu series, %llu skipped\n", argv[2], megabytes,
           (unsigned long long)lines, (unsigned long long)counts.samples,
           (unsigned long long)report.series, (unsigned long long)report.skipped);
    printf("parse  %7.0f MB/s  %.4f CPU s per million samples\n", megabytes / seconds,
           seconds * 1e6 / (double)(counts.samples > 0 ? counts.samples : 1));
    printf("memchr %7.0f MB/s  ratio %.1f\n", megabytes / scan_seconds, seconds / scan_seconds);
    free(bytes);
    return 0;
}
