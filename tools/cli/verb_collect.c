/*
 * verb_collect.c - `varve collect`: stores metrics of this host, round by round.
 *
 * C1  All samples of a round have the same time, in whole milliseconds, and are one batch.
 * C2  Rounds start at multiples of the interval after the first, however long each takes; a round
 *     that is late is not made up for.
 */
#include "collect.h"
#include "progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND INT64_C(1000000)
#define LABELS_MAX 8u

void cli_round_add(struct cli_round *round, const char *metric, double value,
                   const struct cli_pair *labels, size_t label_count)
{
    varve_label all[LABELS_MAX + 2];
    size_t count = 0;
    if (round->status != VARVE_OK || label_count > LABELS_MAX || round->count == VARVE_BATCH_MAX)
        return;
    all[count++] = (varve_label){VARVE_STRING("__name__"), cli_string(metric)};
    all[count++] = (varve_label){VARVE_STRING("host"), round->host};
    for (size_t i = 0; i < label_count; i++)
        all[count++] = (varve_label){cli_string(labels[i].name), cli_string(labels[i].value)};
    if (round->count == round->capacity) {
        round->capacity = round->capacity > 0 ? round->capacity * 2 : 256;
        round->series = cli_reallocate(round->series, round->capacity * sizeof *round->series);
        round->values = cli_reallocate(round->values, round->capacity * sizeof *round->values);
    }
    varve_series series;
    varve_status status = varve_series_resolve(round->db, all, count, &series, &round->error);
    /* A name that is no UTF-8, of a mount for example, is not worth ending for. */
    if (status == VARVE_INVALID)
        return;
    round->status = status;
    round->series[round->count] = series;
    round->values[round->count] = value;
    round->count += status == VARVE_OK;
}

void cli_round_add_plain(struct cli_round *round, const char *metric, double value)
{
    cli_round_add(round, metric, value, NULL, 0);
}

void cli_each_line(const char *path, void (*line)(struct cli_round *round, char *text),
                   struct cli_round *round)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    char *text = NULL;
    size_t capacity = 0;
    while (getline(&text, &capacity, file) > 0) {
        text[strcspn(text, "\n")] = '\0';
        line(round, text);
    }
    free(text);
    fclose(file);
}

size_t cli_read_numbers(const char *text, double *numbers, size_t capacity)
{
    size_t count = 0;
    while (count < capacity) {
        text += strspn(text, " \t");
        varve_string word = {text, strcspn(text, " \t\n")};
        if (word.length == 0 || varve_value_parse(word, &numbers[count]) != VARVE_OK)
            break;
        text += word.length;
        count++;
    }
    return count;
}

static varve_status append_round(const struct cli_round *round)
{
    int64_t *times = cli_allocate(round->count * sizeof *times);
    for (size_t i = 0; i < round->count; i++)
        times[i] = round->time;
    varve_batch batch = VARVE_BATCH_INIT;
    batch.series = round->series;
    batch.timestamps = times;
    batch.values = round->values;
    batch.count = round->count;
    varve_status status = varve_append_batch(round->db, &batch, NULL);
    free(times);
    return status;
}

static varve_status collect_round(struct cli_round *round)
{
    round->count = 0;
    round->time = cli_now() / MILLISECOND * MILLISECOND;
    cli_collect_cpu(round);
    cli_collect_memory(round);
    cli_collect_disks(round);
    cli_collect_network(round);
    cli_collect_pressure(round);
    cli_collect_filesystems(round);
    return round->status == VARVE_OK ? append_round(round) : round->status;
}

/* Sleeps until then; false if it was interrupted. */
static bool sleep_until(int64_t then)
{
    struct timespec until = {then / 1000000000, then % 1000000000};
    while (!cli_interrupted() && cli_monotonic() < then)
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    return !cli_interrupted();
}

/* The time of the round after the one at last, on the raster of the interval, not before now. */
static int64_t next_time(int64_t last, int64_t interval)
{
    int64_t late = cli_monotonic() - last;
    return last + (late < interval ? interval : late / interval * interval);
}

static int run_rounds(struct cli_round *round, const char *path, int64_t interval, int64_t duration)
{
    struct cli_progress progress;
    cli_progress_init(&progress);
    uint64_t rounds = 0, samples = 0;
    size_t series = 0;
    varve_status status = VARVE_OK;
    for (int64_t then = progress.began; !cli_interrupted(); then = next_time(then, interval)) {
        if (then - progress.began > duration || !sleep_until(then))
            break;
        status = collect_round(round);
        if (status != VARVE_OK)
            break;
        rounds++;
        samples += round->count;
        series = round->count > series ? round->count : series;
        cli_progress_update(&progress, 0, 0, samples);
    }
    cli_progress_clear(&progress);
    char text[VARVE_TEXT_MAX];
    cli_say("collected %" PRIu64 " samples, %zu series, %" PRIu64 " %s, %s", samples, series,
            rounds, cli_plural(rounds, "round", "rounds"),
            cli_human_duration(cli_monotonic() - progress.began, text));
    if (status == VARVE_OK)
        return 0;
    return round->status != VARVE_OK ? cli_fail(status, &round->error)
                                     : cli_fail_on(status, "store samples in", path);
}

static int collect_into(const char *path, varve_sync_mode sync, int64_t interval, int64_t duration)
{
    struct cli_round round = {0};
    struct cli_events events;
    int code = cli_open(path, VARVE_OPEN_CREATE, sync, &events, &round.db);
    if (code != 0)
        return code;
    char host[256] = "localhost";
    gethostname(host, sizeof host - 1);
    round.host = cli_string(host);
    code = run_rounds(&round, path, interval, duration);
    free(round.series);
    free(round.values);
    return cli_close(round.db, &events, code);
}

int cli_verb_collect(const struct cli_invocation *invocation)
{
    const char *interval_text = cli_value(invocation, CLI_OPTION_INTERVAL);
    const char *duration_text = cli_value(invocation, CLI_OPTION_FOR);
    int64_t interval = 1000 * MILLISECOND, duration = INT64_MAX;
    varve_sync_mode sync = VARVE_SYNC_DEFAULT;
    int code = 0;
    if (interval_text)
        code = cli_parse_duration("interval", interval_text, &interval);
    if (code == 0 && duration_text)
        code = cli_parse_duration("for", duration_text, &duration);
    if (code != 0)
        return code;
    if (cli_given(invocation, CLI_OPTION_SYNC))
        cli_parse_sync(cli_value(invocation, CLI_OPTION_SYNC), &sync);
    return collect_into(cli_argument(invocation, 0), sync, interval, duration);
}
