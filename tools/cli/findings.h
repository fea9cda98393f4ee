/*
 * findings.h - what `check` and `salvage` find, as lines or as a list in a JSON object.
 */
#ifndef VARVE_TOOLS_FINDINGS_H
#define VARVE_TOOLS_FINDINGS_H

#include "varve/varve.h"

struct cli_findings {
    bool json;
    uint64_t count;
};

/* Begins {"findings":[ if they are to be JSON. */
void cli_findings_begin(struct cli_findings *findings, bool json);
/* Prints one; a varve_finding_function. */
void cli_findings_add(void *findings, const varve_finding *finding);
/* Ends the list: what follows are the other members of the object, from a comma on. */
void cli_findings_end(const struct cli_findings *findings);

#endif
