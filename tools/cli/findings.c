/*
 * findings.c - findings on standard output: by kind, file, offset and sentence.
 */
#include "findings.h"

#include "cli.h"
#include "output_format.h"
#include "stdout.h"

#include <inttypes.h>
#include <string.h>

void cli_findings_begin(struct cli_findings *findings, bool json)
{
    *findings = (struct cli_findings){.json = json};
    if (json)
        cli_stdout_print("{\"findings\":[");
}

void cli_findings_add(void *context, const varve_finding *finding)
{
    struct cli_findings *findings = context;
    const char *kind = finding->kind == VARVE_FINDING_DAMAGE ? "damage" : "note";
    if (!findings->json) {
        cli_stdout_print("%s: %s at byte %" PRIu64 ": %s\n", kind, finding->file, finding->offset,
                         finding->message);
        return;
    }
    cli_stdout_print("%s{\"kind\":\"%s\",\"file\":", findings->count > 0 ? ",\n" : "\n", kind);
    cli_json_string(finding->file, strlen(finding->file));
    cli_stdout_print(",\"offset\":%" PRIu64 ",\"message\":", finding->offset);
    cli_json_string(finding->message, strlen(finding->message));
    cli_stdout_print("}");
    findings->count++;
}

void cli_findings_end(const struct cli_findings *findings)
{
    if (findings->json)
        cli_stdout_print("%s]", findings->count > 0 ? "\n" : "");
}
