/*
 * bench_block.c - what blocks cost: bytes by section, time to write, to scan and to look things up.
 *
 *   bench_block A|B|a|b|FILE...      A = TSBS shape, 400 hosts x 10 series x 2,500 points
 *                                    B = 10,000 hosts x 10 x 100; a and b are a tenth of them
 *                                    FILE = Prometheus text lines: name{labels} value milliseconds
 *
 * Each set is written hot and cold to a temporary directory. The full scan (decode and add) is
 * compared with a memcpy of as many bytes as it decodes, from memory beyond the caches, in the same
 * run.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mmap/block_reader.h"
#include "support/random.h"
#include "support/temporary.h"

enum { FIELDS = 10, TAGS = 10, CHUNK_SAMPLES = 1024, ROUNDS = 5, LOOKUPS = 10000 };

static const int64_t second_ns = 1000000000;

struct series {
    struct vv_buffer key;
    int64_t *timestamps;
    double *values;
    size_t count;
    size_t capacity;
};

struct data_set {
    const char *name;
    struct series *series; /* in key order before it is used */
    size_t series_count;
    size_t sample_count;
};

static double now_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static _Noreturn void stop(const char *what, const varve_error *error)
{
    fprintf(stderr, "bench_block: %s: %s\n", what, error->message);
    exit(1);
}

static int compare_series(const void *left, const void *right)
{
    const struct series *a = left;
    const struct series *b = right;
    return vv_key_compare((struct vv_key){a->key.bytes, a->key.length},
                          (struct vv_key){b->key.bytes, b->key.length});
}

/* ------------------------------------------------------------------------ The TSBS shape */

static double random_normal(struct vv_test_random *random)
{
    double u = 1 - vv_test_random_uniform(random);
    double v = vv_test_random_uniform(random);
    return sqrt(-2 * log(u)) * sin(6.283185307179586 * v);
}

/* The tags of one host: region and datacenter belong together, the rest is independent. */
static void make_tags(struct vv_test_random *random, size_t host, char tags[TAGS][32])
{
    static const char *const regions[] = {"us-east-1",      "us-west-1",      "us-west-2",
                                          "eu-west-1",      "eu-central-1",   "ap-southeast-1",
                                          "ap-southeast-2", "ap-northeast-1", "sa-east-1"};
    static const char *const zones[] = {"abce", "ab", "abc", "abc", "ab", "ab", "ab", "ac", "abc"};
    static const char *const systems[] = {"Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"};
    static const char *const teams[] = {"SF", "NYC", "LON", "CHI"};
    static const char *const environments[] = {"production", "staging", "test"};
    size_t region = vv_test_random_below(random, 9);
    size_t zone = vv_test_random_below(random, strlen(zones[region]));
    (void)snprintf(tags[0], 32, "host_%zu", host);
    (void)snprintf(tags[1], 32, "%s", regions[region]);
    (void)snprintf(tags[2], 32, "%s%c", regions[region], zones[region][zone]);
    (void)snprintf(tags[3], 32, "%u", (unsigned)vv_test_random_below(random, 100));
    (void)snprintf(tags[4], 32, "%s", systems[vv_test_random_below(random, 3)]);
    (void)snprintf(tags[5], 32, "%s", vv_test_random_below(random, 2) != 0 ? "x64" : "x86");
    (void)snprintf(tags[6], 32, "%s", teams[vv_test_random_below(random, 4)]);
    (void)snprintf(tags[7], 32, "%u", (unsigned)vv_test_random_below(random, 20));
    (void)snprintf(tags[8], 32, "%u", (unsigned)vv_test_random_below(random, 2));
    (void)snprintf(tags[9], 32, "%s", environments[vv_test_random_below(random, 3)]);
}

static void make_key(struct vv_buffer *key, const char *field, char tags[TAGS][32])
{
    static const char *const names[TAGS] = {
        "hostname", "region",          "datacenter",         "rack", "os", "arch", "team",
        "service",  "service_version", "service_environment"};
    varve_label labels[TAGS + 1];
    char metric[64];
    varve_error error = {.status = VARVE_OK};
    int length = snprintf(metric, sizeof(metric), "cpu_%s", field);
    labels[0] = (varve_label){{"__name__", 8}, {metric, (size_t)length}};
    for (int tag = 0; tag < TAGS; tag++) {
        labels[tag + 1] =
            (varve_label){{names[tag], strlen(names[tag])}, {tags[tag], strlen(tags[tag])}};
    }
    if (vv_key_encode(labels, TAGS + 1, key, &error) != VARVE_OK) {
        stop("key", &error);
    }
}

/* A random walk with normal steps, clamped to [0, 100] and cut to integers. */
static void make_walk(struct vv_test_random *random, double *values, size_t count)
{
    double walk = vv_test_random_uniform(random) * 100;
    for (size_t at = 0; at < count; at++) {
        values[at] = floor(walk);
        walk = fmin(100, fmax(0, walk + random_normal(random)));
    }
}

static struct data_set make_tsbs(const char *name, size_t hosts, size_t points)
{
    static const char *const fields[FIELDS] = {
        "usage_user", "usage_system",  "usage_idle",  "usage_nice",  "usage_iowait",
        "usage_irq",  "usage_softirq", "usage_steal", "usage_guest", "usage_guest_nice"};
    struct vv_test_random random = vv_test_random_seeded(42);
    struct data_set set = {.name = name, .series_count = hosts * FIELDS};
    set.series = calloc(set.series_count, sizeof(*set.series));
    for (size_t host = 0; host < hosts; host++) {
        char tags[TAGS][32];
        make_tags(&random, host, tags);
        for (size_t field = 0; field < FIELDS; field++) {
            struct series *series = &set.series[host * FIELDS + field];
            make_key(&series->key, fields[field], tags);
            series->timestamps = malloc(points * sizeof(int64_t));
            series->values = malloc(points * sizeof(double));
            for (size_t at = 0; at < points; at++) {
                series->timestamps[at] = (1794268800 + (int64_t)at * 10) * second_ns;
            }
            series->count = points;
            make_walk(&random, series->values, points);
            set.sample_count += points;
        }
    }
    return set;
}

/* ---------------------------------------------------------------------------- A text file */

static void append_sample(struct series *series, int64_t timestamp, double value)
{
    if (series->count == series->capacity) {
        series->capacity = series->capacity == 0 ? 64 : series->capacity * 2;
        series->timestamps =
            realloc(series->timestamps, series->capacity * sizeof(*series->timestamps));
        series->values = realloc(series->values, series->capacity * sizeof(*series->values));
    }
    if (series->count == 0 || series->timestamps[series->count - 1] < timestamp) {
        series->timestamps[series->count] = timestamp;
        series->values[series->count++] = value;
    }
}

/* The series with the text before the value, found by its hash among slots (a power of two of
 * them). */
static struct series *find_series(struct data_set *set, uint32_t *slots, size_t mask,
                                  const char *text, size_t length)
{
    struct vv_buffer key = {0};
    varve_error error = {.status = VARVE_OK};
    if (vv_key_parse((varve_string){text, length}, &key, &error) != VARVE_OK) {
        stop(text, &error);
    }
    size_t at = vv_key_hash((struct vv_key){key.bytes, key.length}) & mask;
    for (; slots[at] != 0; at = (at + 1) & mask) {
        struct series *known = &set->series[slots[at] - 1];
        if (known->key.length == key.length &&
            memcmp(known->key.bytes, key.bytes, key.length) == 0) {
            vv_buffer_fini(&key);
            return known;
        }
    }
    set->series[set->series_count].key = key;
    slots[at] = (uint32_t)++set->series_count;
    return &set->series[set->series_count - 1];
}

static struct data_set read_prometheus(const char *path)
{
    enum { SERIES_MAX = 1 << 17, SLOTS = 1 << 18 };
    struct data_set set = {.name = path};
    FILE *file = fopen(path, "r");
    uint32_t *slots = calloc(SLOTS, sizeof(*slots));
    char *line = NULL;
    size_t capacity = 0;
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    set.series = calloc(SERIES_MAX, sizeof(*set.series));
    while (getline(&line, &capacity, file) > 0) {
        char *time_text = strrchr(line, ' ');
        if (line[0] == '#' || time_text == NULL) {
            continue;
        }
        *time_text = '\0';
        char *value_text = strrchr(line, ' ');
        if (value_text == NULL || set.series_count == SERIES_MAX) {
            continue;
        }
        struct series *series =
            find_series(&set, slots, SLOTS - 1, line, (size_t)(value_text - line));
        append_sample(series, strtoll(time_text + 1, NULL, 10) * 1000000,
                      strtod(value_text + 1, NULL));
    }
    for (size_t at = 0; at < set.series_count; at++) {
        set.sample_count += set.series[at].count;
    }
    free(line);
    free(slots);
    fclose(file);
    return set;
}

static void free_set(struct data_set *set)
{
    for (size_t at = 0; at < set->series_count; at++) {
        vv_buffer_fini(&set->series[at].key);
        free(set->series[at].values);
        free(set->series[at].timestamps);
    }
    free(set->series);
}

/* ------------------------------------------------------------------------------ Measuring */

static double write_block(const struct data_set *set, int directory, const char *name, bool cold,
                          struct vv_block_info *info)
{
    const struct vv_block_identity identity = {.id = 1, .cold = cold};
    struct vv_block_writer *writer;
    varve_error error = {.status = VARVE_OK};
    double begin = now_seconds();
    varve_status status =
        vv_block_writer_create(vv_env_posix(), directory, name, &identity, &writer, &error);
    for (size_t at = 0; status == VARVE_OK && at < set->series_count; at++) {
        const struct series *series = &set->series[at];
        struct vv_key key = {series->key.bytes, series->key.length};
        status = vv_block_writer_begin_series(writer, key, &error);
        for (size_t done = 0; status == VARVE_OK && done < series->count; done += CHUNK_SAMPLES) {
            size_t left = series->count - done;
            status = vv_block_writer_add_chunk(writer, 0, VARVE_DUPLICATES_LAST,
                                               series->timestamps + done, series->values + done,
                                               left < CHUNK_SAMPLES ? left : CHUNK_SAMPLES, &error);
        }
    }
    if (status == VARVE_OK) {
        status = vv_block_writer_finish(writer, info, &error);
    }
    if (status != VARVE_OK) {
        stop("writing", &error);
    }
    vv_block_writer_destroy(writer);
    return now_seconds() - begin;
}

/* Adds in four lanes, so that the sum does not wait for each addition. */
static double add_values(const double *values, size_t count)
{
    double lanes[4] = {0};
    size_t at = 0;
    for (; at + 4 <= count; at += 4) {
        for (size_t lane = 0; lane < 4; lane++) {
            lanes[lane] += values[at + lane];
        }
    }
    for (; at < count; at++) {
        lanes[0] += values[at];
    }
    return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

/* Decodes and adds everything; the sum keeps the work from being optimised away. */
static double scan(struct vv_block *block, double *sum)
{
    double begin = now_seconds();
    for (uint32_t id = 0; id < vv_block_info(block)->series_count; id++) {
        struct vv_merge_source source;
        varve_span span;
        if (vv_block_layer_iter(block, id, 0, INT64_MIN, INT64_MAX, &source) != VARVE_OK) {
            exit(1);
        }
        while (vv_iter_next_span(source.iter, &span)) {
            *sum += add_values(span.values, span.count);
        }
        if (vv_iter_status(source.iter) != VARVE_OK) {
            exit(1);
        }
        vv_iter_destroy(source.iter);
    }
    return now_seconds() - begin;
}

/* Copies the raw timestamps and values of every series to one buffer, 1024 samples at a time. */
static double copy_raw(const struct data_set *set)
{
    static int64_t timestamps[CHUNK_SAMPLES];
    static double values[CHUNK_SAMPLES];
    double begin = now_seconds();
    for (size_t at = 0; at < set->series_count; at++) {
        const struct series *series = &set->series[at];
        for (size_t done = 0; done < series->count; done += CHUNK_SAMPLES) {
            size_t left = series->count - done;
            size_t count = left < CHUNK_SAMPLES ? left : CHUNK_SAMPLES;
            memcpy(timestamps, series->timestamps + done, count * sizeof(int64_t));
            memcpy(values, series->values + done, count * sizeof(double));
            __asm__ volatile("" : : "r"(timestamps), "r"(values) : "memory");
        }
    }
    return now_seconds() - begin;
}

static double find_random(const struct data_set *set, const struct vv_block *block)
{
    struct vv_test_random random = vv_test_random_seeded(1);
    double begin = now_seconds();
    for (int round = 0; round < LOOKUPS; round++) {
        const struct series *series =
            &set->series[vv_test_random_below(&random, set->series_count)];
        struct vv_key key = {series->key.bytes, series->key.length};
        uint32_t id;
        if (vv_block_find(block, key, vv_key_hash(key), &id) != VARVE_OK) {
            exit(1);
        }
    }
    return (now_seconds() - begin) / LOOKUPS;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare_doubles);
    return values[count / 2];
}

static void print_sections(const struct vv_block *block, double samples)
{
    static const char *const names[VV_SECTION_COUNT] = {
        [VV_SECTION_VALUES] = "values",
        [VV_SECTION_TIMES] = "times",
        [VV_SECTION_TEXT] = "text",
        [VV_SECTION_ROWS] = "rows",
        [VV_SECTION_TIME_COLUMNS] = "time col",
        [VV_SECTION_CHUNKS] = "chunks",
        [VV_SECTION_STATISTICS] = "statistics",
        [VV_SECTION_LAYERS] = "layers",
        [VV_SECTION_SERIES] = "series",
        [VV_SECTION_TOMBSTONES] = "tombstones",
        [VV_SECTION_NAMES] = "names",
        [VV_SECTION_LABELS] = "labels",
        [VV_SECTION_SHAPES] = "shapes",
        [VV_SECTION_SHAPE_NAMES] = "shape names",
        [VV_SECTION_POSTINGS] = "postings",
        [VV_SECTION_BUCKETS] = "buckets",
        [VV_SECTION_HASHES] = "hashes",
        [VV_SECTION_ROLLUP_ROWS] = "rollup rows",
        [VV_SECTION_ROLLUP_RUNS] = "rollup runs",
        [VV_SECTION_ROLLUPS] = "rollups",
    };
    for (int section = 0; section < VV_SECTION_COUNT; section++) {
        const struct vv_block_section_info *info = &block->sections[section];
        uint64_t bytes = 0;
        for (uint32_t page = 0; page < info->page_count; page++) {
            const uint8_t *entry =
                block->page_table + (size_t)(info->first_page + page) * VV_BLOCK_PAGE_ENTRY_BYTES;
            bytes += vv_load_u32(entry + VV_PAGE_STORED_BYTES);
        }
        if (bytes > 0) {
            printf("    %-12s %10" PRIu64 " B  %7.4f B/sample  %7.2f B/series  %u pages\n",
                   names[section], bytes, (double)bytes / samples,
                   (double)bytes / (double)block->info.series_count, info->page_count);
        }
    }
    printf("    %-12s %10" PRIu64 " B  %7.4f B/sample\n", "tail",
           block->info.file_bytes - block->tail_offset,
           (double)(block->info.file_bytes - block->tail_offset) / samples);
}

static void measure(const struct data_set *set, int directory, bool cold)
{
    const char *name = cold ? "cold" : "hot";
    struct vv_block_info info;
    struct vv_block *block;
    varve_error error = {.status = VARVE_OK};
    double scans[ROUNDS];
    double copies[ROUNDS];
    double sum = 0;
    double samples = (double)set->sample_count;
    double write_seconds = write_block(set, directory, name, cold, &info);
    double begin = now_seconds();
    if (vv_block_open(vv_env_posix(), directory, name, &info, &block, &error) != VARVE_OK) {
        stop("opening", &error);
    }
    double open_seconds = now_seconds() - begin;
    double first_scan = scan(block, &sum);
    for (int round = 0; round < ROUNDS; round++) {
        scans[round] = scan(block, &sum);
        copies[round] = copy_raw(set);
    }
    double find_seconds = find_random(set, block);
    printf("  %s: %" PRIu64 " B, %.4f B/sample, %" PRIu64 " chunks\n", name, info.file_bytes,
           (double)info.file_bytes / samples, info.chunk_count);
    print_sections(block, samples);
    printf("    write %.1f M samples/s, open %.2f ms, first scan %.0f M samples/s, scan %.0f M "
           "samples/s (%.2f of memcpy), find %.0f ns (sum %g)\n",
           samples / write_seconds / 1e6, open_seconds * 1e3, samples / first_scan / 1e6,
           samples / median(scans, ROUNDS) / 1e6, median(copies, ROUNDS) / median(scans, ROUNDS),
           find_seconds * 1e9, sum);
    vv_block_release(block);
}

static struct data_set make_set(const char *name)
{
    if (strcmp(name, "A") == 0) {
        return make_tsbs(name, 400, 2500);
    }
    if (strcmp(name, "B") == 0) {
        return make_tsbs(name, 10000, 100);
    }
    if (strcmp(name, "a") == 0) {
        return make_tsbs(name, 40, 2500);
    }
    if (strcmp(name, "b") == 0) {
        return make_tsbs(name, 1000, 100);
    }
    return read_prometheus(name);
}

int main(int argc, char **argv)
{
    char path[256];
    if (argc < 2) {
        fprintf(stderr, "usage: bench_block A|B|a|b|FILE...\n");
        return 2;
    }
    for (int argument = 1; argument < argc; argument++) {
        struct data_set set = make_set(argv[argument]);
        qsort(set.series, set.series_count, sizeof(*set.series), compare_series);
        printf("%s: %zu series, %zu samples\n", set.name, set.series_count, set.sample_count);
        if (!vv_test_temporary_create(path, sizeof(path))) {
            return 1;
        }
        int directory = vv_env_posix()->ops->open_directory(vv_env_posix()->ctx, path);
        measure(&set, directory, false);
        measure(&set, directory, true);
        (void)vv_env_posix()->ops->close(vv_env_posix()->ctx, directory);
        (void)vv_test_temporary_remove(path);
        free_set(&set);
    }
    return 0;
}
