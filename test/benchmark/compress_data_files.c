/*
 * compress_data_files.c - reads the real data sets: ALP's columns, NAB's CSV files, a recorded
 * scrape.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

#include "base/checksum.h"
#include "compress_data_internal.h"

/* Reads a whole file, with a NUL behind it; NULL if it cannot be read. */
static char *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *bytes = bench_allocate((size_t)size + 1);
    *length = fread(bytes, 1, (size_t)size, file);
    bytes[*length] = '\0';
    fclose(file);
    return bytes;
}

bool bench_set_alp(struct bench_set *set, const char *folder, const char *file, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/alp/%s", folder, file);
    size_t length;
    char *bytes = read_file(path, &length);
    if (bytes == NULL) {
        return false;
    }
    bench_set_begin(set, name, length / 8, false);
    memcpy(set->values, bytes, length / 8 * 8);
    bench_set_add_series(set, length / 8);
    free(bytes);
    return true;
}

/* One CSV file `timestamp,value` as a series. */
static void add_nab_series(struct bench_set *set, char *text)
{
    size_t count = 0;
    char *line = strchr(text, '\n');
    while (line != NULL && line[1] != '\0') {
        line++;
        struct tm tm = {0};
        char *comma = strptime(line, "%Y-%m-%d %H:%M:%S", &tm);
        if (comma == NULL) {
            break;
        }
        size_t at = set->value_count + count++;
        set->timestamps[at] = (int64_t)timegm(&tm) * 1000000000;
        set->values[at] = strtod(comma + 1, NULL);
        line = strchr(line, '\n');
    }
    bench_set_add_series(set, count);
}

static int is_csv(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot != NULL && strcmp(dot, ".csv") == 0;
}

bool bench_set_nab(struct bench_set *set, const char *folder)
{
    static const char *const groups[] = {"realAWSCloudwatch", "realAdExchange", "realKnownCause",
                                         "realTraffic"};
    char path[4096];
    bool any = false;
    bench_set_begin(set, "nab", 400000, true);
    for (size_t group = 0; group < sizeof groups / sizeof groups[0]; group++) {
        snprintf(path, sizeof path, "%s/nab/%s", folder, groups[group]);
        struct dirent **files = NULL;
        int file_count = scandir(path, &files, is_csv, alphasort);
        for (int i = 0; i < file_count; i++) {
            size_t length;
            snprintf(path, sizeof path, "%s/nab/%s/%s", folder, groups[group], files[i]->d_name);
            char *text = read_file(path, &length);
            if (text != NULL) {
                add_nab_series(set, text);
                any = true;
            }
            free(text);
            free(files[i]);
        }
        free(files);
    }
    if (!any) {
        bench_set_free(set);
    }
    return any;
}

/* Unpacks a zstd file of unknown size; NULL if it cannot be read. */
static char *read_zstd(const char *path, size_t *length)
{
    size_t packed_length;
    char *packed = read_file(path, &packed_length);
    if (packed == NULL) {
        return NULL;
    }
    size_t capacity = (size_t)128 << 20;
    char *text = bench_allocate(capacity + 1);
    ZSTD_DCtx *context = ZSTD_createDCtx();
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27);
    ZSTD_inBuffer in = {packed, packed_length, 0};
    ZSTD_outBuffer out = {text, capacity, 0};
    size_t state = 1;
    while (in.pos < in.size && state != 0 && !ZSTD_isError(state)) {
        state = ZSTD_decompressStream(context, &out, &in);
    }
    ZSTD_freeDCtx(context);
    free(packed);
    text[out.pos] = '\0';
    *length = out.pos;
    return text;
}

struct scrape_line {
    uint32_t series;
    int64_t timestamp;
    double value;
};

struct scrape_series {
    const char *key;
    size_t key_length;
    uint32_t id;
    size_t samples;
};

enum { SERIES_SLOTS = 1 << 14 };

struct scrape {
    struct scrape_series series[SERIES_SLOTS / 2];
    uint32_t slots[SERIES_SLOTS]; /* id + 1 */
    uint32_t series_count;
    struct scrape_line *lines;
    size_t line_count;
};

static uint32_t find_series(struct scrape *scrape, const char *key, size_t length)
{
    size_t slot = (size_t)vv_hash(key, length) % SERIES_SLOTS;
    while (scrape->slots[slot] != 0) {
        struct scrape_series *series = &scrape->series[scrape->slots[slot] - 1];
        if (series->key_length == length && memcmp(series->key, key, length) == 0) {
            return series->id;
        }
        slot = (slot + 1) % SERIES_SLOTS;
    }
    uint32_t id = scrape->series_count++;
    if (scrape->series_count > SERIES_SLOTS / 2) {
        abort();
    }
    scrape->series[id] = (struct scrape_series){.key = key, .key_length = length, .id = id};
    scrape->slots[slot] = id + 1;
    return id;
}

static int compare_series(const void *left, const void *right)
{
    const struct scrape_series *a = left;
    const struct scrape_series *b = right;
    size_t shorter = a->key_length < b->key_length ? a->key_length : b->key_length;
    int order = memcmp(a->key, b->key, shorter);
    return order != 0 ? order : (a->key_length > b->key_length) - (a->key_length < b->key_length);
}

static void parse_scrape(struct scrape *scrape, char *text)
{
    char *line = text;
    while (*line != '\0') {
        char *end = strchr(line, '\n');
        char *close = memchr(line, '}', (size_t)(end - line));
        /* Label values may hold braces: the series ends at the last one. */
        for (char *next = close; next != NULL;
             next = memchr(next + 1, '}', (size_t)(end - next) - 1)) {
            close = next;
        }
        char *number = close != NULL ? close + 1 : strchr(line, ' ');
        char *rest;
        struct scrape_line *parsed = &scrape->lines[scrape->line_count++];
        parsed->series = find_series(scrape, line, (size_t)(number - line));
        parsed->value = strtod(number, &rest);
        parsed->timestamp = strtoll(rest, NULL, 10) * 1000000;
        scrape->series[parsed->series].samples++;
        line = end + 1;
    }
}

/* Lays the samples out series by series, in the order of their keys. */
static void sort_scrape(struct scrape *scrape, struct bench_set *set)
{
    size_t *next = bench_allocate(scrape->series_count * sizeof *next);
    qsort(scrape->series, scrape->series_count, sizeof scrape->series[0], compare_series);
    for (uint32_t i = 0; i < scrape->series_count; i++) {
        next[scrape->series[i].id] = set->value_count;
        bench_set_add_series(set, scrape->series[i].samples);
    }
    for (size_t i = 0; i < scrape->line_count; i++) {
        const struct scrape_line *line = &scrape->lines[i];
        size_t at = next[line->series]++;
        set->values[at] = line->value;
        set->timestamps[at] = line->timestamp;
    }
    free(next);
}

bool bench_set_scrape(struct bench_set *set, const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/scrape-10m.prom.zst", folder);
    size_t length;
    char *text = read_zstd(path, &length);
    if (text == NULL) {
        return false;
    }
    size_t lines = 0;
    for (size_t i = 0; i < length; i++) {
        lines += text[i] == '\n';
    }
    struct scrape *scrape = bench_allocate(sizeof *scrape);
    memset(scrape, 0, sizeof *scrape);
    scrape->lines = bench_allocate(lines * sizeof *scrape->lines);
    parse_scrape(scrape, text);
    bench_set_begin(set, "scrape-10m", scrape->line_count, true);
    sort_scrape(scrape, set);
    free(scrape->lines);
    free(scrape);
    free(text);
    return true;
}
