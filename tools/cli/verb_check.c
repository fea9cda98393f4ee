/*
 * verb_check.c - `varve check`: verifies every byte, and says what it found by file and offset.
 */
#include "cli.h"
#include "findings.h"
#include "output_format.h"
#include "stdout.h"

#include <inttypes.h>

static void print_json_summary(const varve_check_report *report, varve_status status)
{
    cli_stdout_print(",\n\"files\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"samples\":%" PRIu64
                     ",\"notes\":%" PRIu64 ",\"damages\":%" PRIu64 ",\"ok\":%s}\n",
                     report->files, report->bytes, report->samples, report->notes, report->damages,
                     status == VARVE_OK ? "true" : "false");
}

static void print_summary(const varve_check_report *report, varve_status status)
{
    char texts[4][VARVE_TEXT_MAX];
    cli_stdout_print("%s: %s %s, %s, %s %s read; ", status == VARVE_OK ? "ok" : "damaged",
                     cli_human_count(report->files, texts[0]),
                     cli_plural(report->files, "file", "files"),
                     cli_human_bytes((double)report->bytes, texts[1]),
                     cli_human_count(report->samples, texts[2]),
                     cli_plural(report->samples, "sample", "samples"));
    cli_stdout_print("%s %s, ", cli_human_count(report->damages, texts[0]),
                     cli_plural(report->damages, "damage", "damages"));
    cli_stdout_print("%s %s\n", cli_human_count(report->notes, texts[0]),
                     cli_plural(report->notes, "note", "notes"));
}

int cli_verb_check(const struct cli_invocation *invocation)
{
    struct cli_findings findings;
    varve_check_report report = {0};
    varve_error error = {0};
    cli_findings_begin(&findings, cli_given(invocation, CLI_OPTION_JSON));
    varve_status status =
        varve_check(cli_argument(invocation, 0), cli_findings_add, &findings, &report, &error);
    bool read = status == VARVE_OK || status == VARVE_CORRUPT;
    cli_findings_end(&findings);
    if (findings.json)
        print_json_summary(&report, status);
    else if (read)
        print_summary(&report, status);
    if (!read)
        return cli_fail(status, &error);
    return status == VARVE_OK ? 0 : CLI_EXIT_DAMAGE;
}
