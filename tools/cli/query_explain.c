/*
 * query_explain.c - `varve query --explain`: runs the query to its end and tells what it did
 * instead of what it found.
 */
#include "query_explain.h"

#include <stdio.h>
#include <string.h>

struct figures {
    struct cli_output *output;
    bool table; /* with a column for people */
};

static void put(const struct figures *figures, const char *name, uint64_t value,
                const char *meaning)
{
    cli_output_text(figures->output, name, strlen(name));
    cli_output_count(figures->output, value);
    if (figures->table)
        cli_output_text(figures->output, meaning, strlen(meaning));
    (void)cli_output_row_end(figures->output);
}

static void put_time(const struct figures *figures, const char *name, int64_t time,
                     const char *meaning)
{
    char text[VARVE_TEXT_MAX], words[2 * VARVE_TEXT_MAX];
    (void)snprintf(words, sizeof words, "%s: %s", meaning, cli_human_duration(time, text));
    put(figures, name, (uint64_t)time, words);
}

static void write_profile(const struct figures *figures, const varve_profile *profile)
{
    put(figures, "series_matched", profile->series_matched, "that the selector named");
    put(figures, "series_read", profile->series_read, "that have a sample in the range");
    put(figures, "series_merged", profile->series_merged, "with sources that overlap in time");
    put(figures, "blocks", profile->blocks, "of the database");
    put(figures, "blocks_skipped", profile->blocks_skipped, "without a series or out of the range");
    put(figures, "chunks", profile->chunks, "of the matched series");
    put(figures, "chunks_skipped", profile->chunks_skipped,
        "out of the range, not asked for, or in rollups");
    put(figures, "chunks_answered", profile->chunks_answered, "from statistics, not decoded");
    put(figures, "chunks_decoded", profile->chunks_decoded, "");
    put(figures, "rollup_rows", profile->rollup_rows, "buckets answered from rollups");
    put(figures, "samples_answered", profile->samples_answered, "that were not decoded");
    put(figures, "samples_read", profile->samples_read, "decoded, or taken from memory");
    put(figures, "bytes_decoded", profile->bytes_decoded, "of encoded chunks");
    put(figures, "rows", profile->rows, "of aggregates");
    put(figures, "memory_bytes", profile->memory_bytes, "at most at once");
    put(figures, "allocations", profile->allocations, "from the heap of the system");
    put_time(figures, "select_ns", profile->select_ns, "labels to series");
    put_time(figures, "read_ns", profile->read_ns, "finding, decoding, merging");
    put_time(figures, "compute_ns", profile->compute_ns, "functions, groups, rows");
}

varve_status cli_query_explain(const struct cli_query *query, varve_db *db, varve_error *error)
{
    static const char *const columns[] = {"figure", "value", "meaning"};
    varve_profile profile = VARVE_PROFILE_INIT;
    bool aggregated = query->aggregation.function_count > 0;
    varve_status status = varve_explain(db, &query->selection.selection,
                                        aggregated ? &query->aggregation : NULL, &profile, error);
    if (status != VARVE_OK)
        return status;
    struct figures figures = {.table = query->format == CLI_OUTPUT_TABLE};
    figures.output =
        cli_output_create(query->format, query->precision, columns, figures.table ? 3 : 2);
    write_profile(&figures, &profile);
    cli_output_close(figures.output);
    return VARVE_OK;
}
