/*
 * verb_stats.c - `varve stats`: the figures of a database, as a table of name and value.
 *
 * Tables show what the value means beside it (12582912 is 12.0 MiB); csv and json leave that out.
 */
#include "cli.h"
#include "output.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* nftw() has no context. */
static uint64_t directory_bytes;

static int add_file(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)path;
    (void)place;
    if (type == FTW_F || type == FTW_D)
        directory_bytes += (uint64_t)status->st_size;
    return 0;
}

struct figures {
    struct cli_output *output;
    bool table;
};

static void end_row(const struct figures *figures, const char *meaning)
{
    if (figures->table)
        cli_output_text(figures->output, meaning, strlen(meaning));
    cli_output_row_end(figures->output);
}

static void put_name(const struct figures *figures, const char *name)
{
    cli_output_text(figures->output, name, strlen(name));
}

static void put_count(const struct figures *figures, const char *name, uint64_t count)
{
    char text[VARVE_TEXT_MAX];
    put_name(figures, name);
    cli_output_count(figures->output, count);
    end_row(figures, count < 1000 ? "" : cli_human_count(count, text));
}

static void put_bytes(const struct figures *figures, const char *name, uint64_t bytes)
{
    char text[VARVE_TEXT_MAX];
    put_name(figures, name);
    cli_output_count(figures->output, bytes);
    end_row(figures, bytes < 1024 ? "" : cli_human_bytes((double)bytes, text));
}

static void put_time(const struct figures *figures, const char *name, int64_t time)
{
    char text[VARVE_TEXT_MAX], age[VARVE_TEXT_MAX] = "";
    int64_t now = cli_now();
    put_name(figures, name);
    cli_output_time(figures->output, time);
    if (time <= now && now - time < INT64_C(100) * 86400 * 1000000000)
        snprintf(age, sizeof age, "%s ago", cli_human_duration(now - time, text));
    end_row(figures, age);
}

static void put_word(const struct figures *figures, const char *name, const char *word)
{
    put_name(figures, name);
    cli_output_text(figures->output, word, strlen(word));
    end_row(figures, "");
}

static void put_ratio(const struct figures *figures, const char *name, uint64_t dividend,
                      uint64_t divisor)
{
    /* Rounded to thousandths: more digits would only look precise. */
    double ratio = divisor > 0 ? (double)dividend / (double)divisor : 0;
    put_name(figures, name);
    cli_output_value(figures->output, (double)(uint64_t)(ratio * 1000 + 0.5) / 1000);
    end_row(figures, "");
}

static const char *sync_name(varve_sync_mode sync)
{
    static const char *const names[] = {"default", "none", "process", "periodic", "commit"};
    return (size_t)sync < sizeof names / sizeof names[0] ? names[sync] : "?";
}

static const char *duplicates_name(varve_duplicates duplicates)
{
    static const char *const names[] = {"default", "last", "first", "min", "max", "sum", "error"};
    return (size_t)duplicates < sizeof names / sizeof names[0] ? names[duplicates] : "?";
}

static void write_figures(const struct figures *figures, const varve_statistics *statistics)
{
    put_count(figures, "series", statistics->series);
    put_count(figures, "samples", statistics->samples);
    if (statistics->samples > 0) {
        put_time(figures, "time_min", statistics->time_min);
        put_time(figures, "time_max", statistics->time_max);
    }
    put_ratio(figures, "bytes_per_sample", directory_bytes, statistics->samples);
    put_bytes(figures, "directory_bytes", directory_bytes);
    put_count(figures, "blocks", statistics->blocks);
    put_bytes(figures, "block_bytes", statistics->block_bytes);
    put_count(figures, "cold_blocks", statistics->cold_blocks);
    put_count(figures, "cold_samples", statistics->cold_samples);
    put_bytes(figures, "cold_bytes", statistics->cold_bytes);
    put_count(figures, "often_read_blocks", statistics->often_read_blocks);
    put_count(figures, "rollup_blocks", statistics->rollup_blocks);
    put_bytes(figures, "rollup_bytes", statistics->rollup_bytes);
    put_count(figures, "head_samples", statistics->head_samples);
    put_bytes(figures, "head_bytes", statistics->head_bytes);
    put_count(figures, "sealed_samples", statistics->sealed_samples);
    put_bytes(figures, "sealed_bytes", statistics->sealed_bytes);
    put_count(figures, "wal_segments", statistics->wal_segments);
    put_bytes(figures, "wal_bytes", statistics->wal_bytes);
    put_count(figures, "lsn", statistics->lsn);
    put_count(figures, "durable_lsn", statistics->durable_lsn);
    put_count(figures, "damaged", statistics->damaged);
    put_count(figures, "relogged", statistics->relogged);
    put_count(figures, "cache_hits", statistics->cache_hits);
    put_count(figures, "cache_misses", statistics->cache_misses);
    put_count(figures, "cache_evictions", statistics->cache_evictions);
    put_bytes(figures, "cache_bytes", statistics->cache_bytes);
    put_word(figures, "sync", sync_name(statistics->sync));
    put_word(figures, "duplicates", duplicates_name(statistics->duplicates));
}

int cli_verb_stats(const struct cli_invocation *invocation)
{
    static const char *const columns[] = {"figure", "value", "meaning"};
    const char *path = cli_argument(invocation, 0);
    struct cli_events events;
    varve_db *db = NULL;
    int code = cli_open(path, VARVE_OPEN_READ_ONLY, VARVE_SYNC_DEFAULT, &events, &db);
    if (code != 0)
        return code;
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(db, &statistics);
    directory_bytes = 0;
    nftw(path, add_file, 16, FTW_PHYS);
    enum cli_output_format format = cli_output_format(invocation, CLI_OPTION_LIST_OUTPUT);
    struct figures figures = {.table = format == CLI_OUTPUT_TABLE};
    figures.output =
        cli_output_create(format, cli_output_precision(invocation), columns, figures.table ? 3 : 2);
    write_figures(&figures, &statistics);
    cli_output_close(figures.output);
    return cli_close(db, &events, 0);
}
