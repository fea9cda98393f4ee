/*
 * bench_data.c - the data that `varve bench` measures with, made from nothing.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t cli_bench_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

static double uniform(uint64_t *state)
{
    return (double)(cli_bench_random(state) >> 11) * 0x1p-53;
}

/* About normal: the sum of twelve uniform numbers has a variance of 1. */
static double normal(uint64_t *state)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += uniform(state);
    return sum;
}

struct host {
    char tags[256];
    double walks[CLI_BENCH_FIELDS];
};

static void host_init(struct host *host, size_t number, uint64_t *state)
{
    static const char *const regions[] = {"us-east-1",    "us-west-1",      "us-west-2",
                                          "eu-central-1", "ap-southeast-1", "sa-east-1"};
    static const char *const systems[] = {"Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"};
    static const char *const teams[] = {"SF", "NYC", "LON", "CHI"};
    static const char *const environments[] = {"production", "staging", "test"};
    const char *region = regions[cli_bench_random(state) % 6];
    snprintf(host->tags, sizeof host->tags,
             "cpu,hostname=host_%zu,region=%s,datacenter=%s%c,rack=%u,os=%s,arch=%s,team=%s,"
             "service=%u,service_version=%u,service_environment=%s",
             number, region, region, "abc"[cli_bench_random(state) % 3],
             (unsigned)(cli_bench_random(state) % 100), systems[cli_bench_random(state) % 3],
             cli_bench_random(state) % 2 ? "x64" : "x86", teams[cli_bench_random(state) % 4],
             (unsigned)(cli_bench_random(state) % 20), (unsigned)(cli_bench_random(state) % 2),
             environments[cli_bench_random(state) % 3]);
    for (size_t i = 0; i < CLI_BENCH_FIELDS; i++)
        host->walks[i] = uniform(state) * 100;
}

/* Writes a whole number of at most 100; returns the end. */
static char *put_small(char *to, unsigned number)
{
    if (number >= 100)
        *to++ = '1';
    if (number >= 10)
        *to++ = (char)('0' + number / 10 % 10);
    *to++ = (char)('0' + number % 10);
    return to;
}

static void put_line(struct host *host, int64_t seconds, uint64_t *state, struct cli_text *text)
{
    static const char *const fields[CLI_BENCH_FIELDS] = {
        "usage_user=", "usage_system=",  "usage_idle=",  "usage_nice=",  "usage_iowait=",
        "usage_irq=",  "usage_softirq=", "usage_steal=", "usage_guest=", "usage_guest_nice="};
    char line[512];
    size_t length = strlen(host->tags);
    memcpy(line, host->tags, length);
    char *to = line + length;
    for (size_t i = 0; i < CLI_BENCH_FIELDS; i++) {
        *to++ = i == 0 ? ' ' : ',';
        length = strlen(fields[i]);
        memcpy(to, fields[i], length);
        to = put_small(to + length, (unsigned)host->walks[i]);
        *to++ = 'i';
        double walk = host->walks[i] + normal(state);
        host->walks[i] = walk > 100 ? 100 : walk < 0 ? 0 : walk;
    }
    to += snprintf(to, 32, " %lld000000000\n", (long long)seconds);
    cli_text_append(text, line, (size_t)(to - line));
}

void cli_bench_text(size_t host_count, size_t points, struct cli_text *text)
{
    uint64_t state = 20261121;
    struct host *hosts = cli_allocate(host_count * sizeof *hosts);
    for (size_t i = 0; i < host_count; i++)
        host_init(&hosts[i], i, &state);
    for (size_t point = 0; point < points; point++) {
        int64_t seconds = CLI_BENCH_START_SECONDS + (int64_t)point * CLI_BENCH_STEP_SECONDS;
        for (size_t i = 0; i < host_count; i++)
            put_line(&hosts[i], seconds, &state, text);
    }
    free(hosts);
}

/* A text that is read piece by piece. */
struct source {
    const struct cli_text *text;
    size_t at;
};

static int64_t read_source(void *context, char *bytes, size_t capacity)
{
    struct source *source = context;
    size_t rest = source->text->length - source->at;
    size_t length = rest < capacity ? rest : capacity;
    memcpy(bytes, source->text->bytes + source->at, length);
    source->at += length;
    return (int64_t)length;
}

int cli_bench_import_text(varve_db *db, const struct cli_text *text, uint64_t *samples)
{
    struct source source = {text, 0};
    varve_import_options options = VARVE_IMPORT_OPTIONS_INIT;
    options.format = VARVE_FORMAT_INFLUX;
    varve_import_report report = {0};
    varve_error error = {0};
    varve_status status = varve_import(db, &options, read_source, &source, &report, &error);
    *samples = report.samples;
    return status == VARVE_OK ? 0 : cli_fail(status, &error);
}

int cli_bench_make(struct cli_bench *bench, size_t hosts, size_t points, char *path)
{
    struct cli_text text = {0};
    varve_db *db = NULL;
    uint64_t samples;
    cli_bench_text(hosts, points, &text);
    int code = cli_bench_create(bench, VARVE_SYNC_NONE, path, &db);
    if (code == 0) {
        code = cli_bench_import_text(db, &text, &samples);
        varve_error error = {0};
        varve_status status = code == 0 ? varve_compact(db, &error) : VARVE_OK;
        if (status != VARVE_OK)
            code = cli_fail(status, &error);
        int closed = cli_bench_close(db);
        code = code != 0 ? code : closed;
    }
    free(text.bytes);
    return code;
}
