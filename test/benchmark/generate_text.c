/*
 * generate_text.c - text in the shapes that the import is measured with, the same in every run.
 *
 *   generate_text tsbs HOSTS POINTS influx|samples|series
 *   generate_text scrape SERIES POINTS prom
 *
 * tsbs is the cpu-only case of the Time Series Benchmark Suite: a host has ten tags and ten fields,
 * each field a random walk with normal steps within [0, 100], truncated; a point every ten seconds,
 * all hosts at one time before the next time.
 *   influx   a line for each host and time
 *   samples  the same samples as CSV for a relational table: series id, nanoseconds, value
 *   series   what the ids of samples stand for: id, metric, ten tags
 *
 * scrape is one target scraped every second, at times that jitter by some milliseconds: most series
 * never move, the others are counters and gauges. Lines are about as long as those of real
 * exporters.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "tsbs.h"

enum { SEED = 20261110 };

static const int64_t scrape_start_ms = 1794268800000;

static void print_influx(const struct tsbs_host *host, int64_t seconds)
{
    fputs("cpu", stdout);
    for (size_t i = 0; i < TSBS_TAGS; i++) {
        printf(",%s=%s", tsbs_tag_names[i], host->tags[i]);
    }
    for (size_t i = 0; i < TSBS_FIELDS; i++) {
        printf("%c%s=%di", i == 0 ? ' ' : ',', tsbs_field_names[i], (int)host->walks[i]);
    }
    printf(" %" PRId64 "000000000\n", seconds);
}

static void print_samples(const struct tsbs_host *host, size_t number, int64_t seconds)
{
    for (size_t i = 0; i < TSBS_FIELDS; i++) {
        printf("%zu,%" PRId64 "000000000,%d\n", number * TSBS_FIELDS + i, seconds,
               (int)host->walks[i]);
    }
}

static void print_series(const struct tsbs_host *host, size_t number)
{
    for (size_t i = 0; i < TSBS_FIELDS; i++) {
        printf("%zu,cpu_%s", number * TSBS_FIELDS + i, tsbs_field_names[i]);
        for (size_t tag = 0; tag < TSBS_TAGS; tag++) {
            printf(",%s", host->tags[tag]);
        }
        putchar('\n');
    }
}

static void generate_tsbs(size_t host_count, size_t points, const char *format)
{
    struct vv_test_random random = vv_test_random_seeded(SEED);
    struct tsbs_host *hosts = calloc(host_count, sizeof *hosts);
    if (hosts == NULL) {
        abort();
    }
    for (size_t i = 0; i < host_count; i++) {
        tsbs_host_init(&hosts[i], i, &random);
    }
    if (format[0] == 's' && format[1] == 'e') {
        points = 1;
    }
    for (size_t point = 0; point < points; point++) {
        int64_t seconds = TSBS_START_SECONDS + (int64_t)point * TSBS_STEP_SECONDS;
        for (size_t i = 0; i < host_count; i++) {
            if (format[0] == 'i') {
                print_influx(&hosts[i], seconds);
            } else if (format[1] == 'a') {
                print_samples(&hosts[i], i, seconds);
            } else {
                print_series(&hosts[i], i);
            }
            tsbs_host_step(&hosts[i], &random);
        }
    }
    free(hosts);
}

/* What a series of the scrape shape holds at the next scrape; hundredths stay whole. */
static int64_t scrape_step(struct vv_test_random *random, size_t kind, int64_t value)
{
    double uniform = vv_test_random_uniform(random);
    switch (kind) {
    case 0: /* counter of bytes, moving at every scrape */
        return value + (int64_t)(uniform * 20000) * 100;
    case 1: /* counter of rare events */
        return uniform < 0.05 ? value + 100 : value;
    case 2: /* counter of seconds with hundredths */
        return value + (int64_t)(uniform * 100);
    case 3: /* gauge with two decimals that changes every few scrapes */
        return uniform < 0.3 ? (int64_t)(tsbs_next_normal(random) * 50000 + 500000) : value;
    case 4: /* memory in pages */
        return uniform < 0.4 ? ((int64_t)(tsbs_next_normal(random) * 50) + 100000) * 409600 : value;
    default:
        return value;
    }
}

static void print_prom(size_t number, int64_t hundredths, int64_t ms)
{
    static const char *const handlers[] = {"/metrics", "/api/v1/query", "/api/v1/write", "/"};
    printf("service_%zu_component_operations_total{handler=\"%s\",instance=\"127.0.0.1:9100\","
           "job=\"node\"} ",
           number / 4, handlers[number % 4]);
    if (hundredths % 100 == 0) {
        printf("%" PRId64, hundredths / 100);
    } else {
        printf("%.2f", (double)hundredths / 100);
    }
    printf(" %" PRId64 "\n", ms);
}

static void generate_scrape(size_t series_count, size_t points)
{
    struct vv_test_random random = vv_test_random_seeded(SEED);
    int64_t *values = calloc(series_count, sizeof *values);
    if (values == NULL) {
        abort();
    }
    for (size_t i = 0; i < series_count; i++) {
        values[i] = (int64_t)vv_test_random_below(&random, i % 16 < 5 ? 1000000 : 4) * 100;
    }
    for (size_t point = 0; point < points; point++) {
        int64_t ms = scrape_start_ms + (int64_t)point * 1000 +
                     (int64_t)floor(tsbs_next_normal(&random) * 2 + 0.5);
        for (size_t i = 0; i < series_count; i++) {
            values[i] = scrape_step(&random, i % 16, values[i]);
            print_prom(i, values[i], ms);
        }
    }
    free(values);
}

int main(int argc, char **argv)
{
    size_t series = argc == 5 ? strtoul(argv[2], NULL, 10) : 0;
    size_t points = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
    const char *format = argc == 5 ? argv[4] : "";
    bool tsbs = argc == 5 && strcmp(argv[1], "tsbs") == 0 &&
                (strcmp(format, "influx") == 0 || strcmp(format, "samples") == 0 ||
                 strcmp(format, "series") == 0);
    bool scrape = argc == 5 && strcmp(argv[1], "scrape") == 0 && strcmp(format, "prom") == 0;
    if (series == 0 || points == 0 || (!tsbs && !scrape)) {
        fprintf(stderr, "usage: generate_text tsbs HOSTS POINTS influx|samples|series\n"
                        "       generate_text scrape SERIES POINTS prom\n");
        return 2;
    }
    if (tsbs) {
        generate_tsbs(series, points, format);
    } else {
        generate_scrape(series, points);
    }
    return fflush(stdout) != 0 || ferror(stdout) ? 1 : 0;
}
