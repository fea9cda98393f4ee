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

#include "support/random.h"

enum { FIELDS = 10, TAGS = 10, TAG_BYTES = 32, STEP_SECONDS = 10, SEED = 20261110 };

static const int64_t tsbs_start_seconds = 1794268800;
static const int64_t scrape_start_ms = 1794268800000;

static const char *const field_names[FIELDS] = {
    "usage_user", "usage_system",  "usage_idle",  "usage_nice",  "usage_iowait",
    "usage_irq",  "usage_softirq", "usage_steal", "usage_guest", "usage_guest_nice"};
static const char *const tag_names[TAGS] = {
    "hostname", "region",          "datacenter",         "rack", "os", "arch", "team",
    "service",  "service_version", "service_environment"};

struct host {
    char tags[TAGS][TAG_BYTES];
    double walks[FIELDS];
};

static double next_normal(struct vv_test_random *random)
{
    double radius = sqrt(-2 * log(1 - vv_test_random_uniform(random)));
    return radius * cos(2 * M_PI * vv_test_random_uniform(random));
}

static const char *pick(struct vv_test_random *random, const char *const *names, size_t count)
{
    return names[vv_test_random_below(random, count)];
}

static void host_init(struct host *host, size_t number, struct vv_test_random *random)
{
    static const char *const regions[] = {"us-east-1",      "us-west-1",      "us-west-2",
                                          "eu-west-1",      "eu-central-1",   "ap-southeast-1",
                                          "ap-southeast-2", "ap-northeast-1", "sa-east-1"};
    static const char *const zones[] = {"a", "b", "c"};
    static const char *const systems[] = {"Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"};
    static const char *const machines[] = {"x64", "x86"};
    static const char *const teams[] = {"SF", "NYC", "LON", "CHI"};
    static const char *const environments[] = {"production", "staging", "test"};
    const char *region = pick(random, regions, sizeof regions / sizeof regions[0]);
    const char *texts[TAGS] = {
        [1] = region,
        [4] = pick(random, systems, 3),
        [5] = pick(random, machines, 2),
        [6] = pick(random, teams, 4),
        [9] = pick(random, environments, 3),
    };
    const unsigned rack = (unsigned)vv_test_random_below(random, 100);
    const unsigned service = (unsigned)vv_test_random_below(random, 20);
    const unsigned version = (unsigned)vv_test_random_below(random, 2);
    for (size_t i = 0; i < TAGS; i++) {
        snprintf(host->tags[i], TAG_BYTES, "%s", texts[i] != NULL ? texts[i] : "");
    }
    snprintf(host->tags[0], TAG_BYTES, "host_%zu", number);
    snprintf(host->tags[2], TAG_BYTES, "%s%s", region, pick(random, zones, 3));
    snprintf(host->tags[3], TAG_BYTES, "%u", rack);
    snprintf(host->tags[7], TAG_BYTES, "%u", service);
    snprintf(host->tags[8], TAG_BYTES, "%u", version);
    for (size_t i = 0; i < FIELDS; i++) {
        host->walks[i] = vv_test_random_uniform(random) * 100;
    }
}

static void host_step(struct host *host, struct vv_test_random *random)
{
    for (size_t i = 0; i < FIELDS; i++) {
        double walk = host->walks[i] + next_normal(random);
        host->walks[i] = walk > 100 ? 100 : walk < 0 ? 0 : walk;
    }
}

static void print_influx(const struct host *host, int64_t seconds)
{
    fputs("cpu", stdout);
    for (size_t i = 0; i < TAGS; i++) {
        printf(",%s=%s", tag_names[i], host->tags[i]);
    }
    for (size_t i = 0; i < FIELDS; i++) {
        printf("%c%s=%di", i == 0 ? ' ' : ',', field_names[i], (int)host->walks[i]);
    }
    printf(" %" PRId64 "000000000\n", seconds);
}

static void print_samples(const struct host *host, size_t number, int64_t seconds)
{
    for (size_t i = 0; i < FIELDS; i++) {
        printf("%zu,%" PRId64 "000000000,%d\n", number * FIELDS + i, seconds, (int)host->walks[i]);
    }
}

static void print_series(const struct host *host, size_t number)
{
    for (size_t i = 0; i < FIELDS; i++) {
        printf("%zu,cpu_%s", number * FIELDS + i, field_names[i]);
        for (size_t tag = 0; tag < TAGS; tag++) {
            printf(",%s", host->tags[tag]);
        }
        putchar('\n');
    }
}

static void generate_tsbs(size_t host_count, size_t points, const char *format)
{
    struct vv_test_random random = vv_test_random_seeded(SEED);
    struct host *hosts = calloc(host_count, sizeof *hosts);
    if (hosts == NULL) {
        abort();
    }
    for (size_t i = 0; i < host_count; i++) {
        host_init(&hosts[i], i, &random);
    }
    if (format[0] == 's' && format[1] == 'e') {
        points = 1;
    }
    for (size_t point = 0; point < points; point++) {
        int64_t seconds = tsbs_start_seconds + (int64_t)point * STEP_SECONDS;
        for (size_t i = 0; i < host_count; i++) {
            if (format[0] == 'i') {
                print_influx(&hosts[i], seconds);
            } else if (format[1] == 'a') {
                print_samples(&hosts[i], i, seconds);
            } else {
                print_series(&hosts[i], i);
            }
            host_step(&hosts[i], &random);
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
        return uniform < 0.3 ? (int64_t)(next_normal(random) * 50000 + 500000) : value;
    case 4: /* memory in pages */
        return uniform < 0.4 ? ((int64_t)(next_normal(random) * 50) + 100000) * 409600 : value;
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
                     (int64_t)floor(next_normal(&random) * 2 + 0.5);
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
