/*
 * verb_salvage.c - `varve salvage`: a database from what is intact of a damaged one, and a report.
 */
#include "cli.h"
#include "findings.h"
#include "output_format.h"
#include "stdout.h"

#include <inttypes.h>

static void print_json_summary(const varve_salvage_report *report, varve_status status)
{
    cli_stdout_print(",\n\"files\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"blocks\":%" PRIu64
                     ",\"blocks_damaged\":%" PRIu64 ",\"blocks_lost\":%" PRIu64,
                     report->files, report->bytes, report->blocks, report->blocks_damaged,
                     report->blocks_lost);
    cli_stdout_print(",\"samples\":%" PRIu64 ",\"samples_lost\":%" PRIu64 ",\"notes\":%" PRIu64
                     ",\"damages\":%" PRIu64 ",\"made\":%s}\n",
                     report->samples, report->samples_lost, report->notes, report->damages,
                     status == VARVE_OK ? "true" : "false");
}

static void print_summary(const varve_salvage_report *report)
{
    char texts[4][VARVE_TEXT_MAX];
    cli_stdout_print("salvaged: %s %s of %s %s, %s; ", cli_human_count(report->samples, texts[0]),
                     cli_plural(report->samples, "sample", "samples"),
                     cli_human_count(report->files, texts[1]),
                     cli_plural(report->files, "file", "files"),
                     cli_human_bytes((double)report->bytes, texts[2]));
    cli_stdout_print("lost from blocks: %s %s, with %s whole and %s damaged %s; ",
                     cli_human_count(report->samples_lost, texts[0]),
                     cli_plural(report->samples_lost, "sample", "samples"),
                     cli_human_count(report->blocks_lost, texts[1]),
                     cli_human_count(report->blocks_damaged, texts[2]),
                     cli_plural(report->blocks_damaged, "block", "blocks"));
    cli_stdout_print("%s %s, ", cli_human_count(report->damages, texts[0]),
                     cli_plural(report->damages, "damage", "damages"));
    cli_stdout_print("%s %s\n", cli_human_count(report->notes, texts[0]),
                     cli_plural(report->notes, "note", "notes"));
}

int cli_verb_salvage(const struct cli_invocation *invocation)
{
    struct cli_findings findings;
    varve_salvage_report report = {0};
    varve_error error = {0};
    cli_findings_begin(&findings, cli_given(invocation, CLI_OPTION_JSON));
    varve_status status = varve_salvage(cli_argument(invocation, 0), cli_argument(invocation, 1),
                                        cli_findings_add, &findings, &report, &error);
    cli_findings_end(&findings);
    if (findings.json)
        print_json_summary(&report, status);
    else if (status == VARVE_OK)
        print_summary(&report);
    if (status != VARVE_OK)
        return cli_fail(status, &error);
    return report.damages > 0 ? CLI_EXIT_DAMAGE : 0;
}
