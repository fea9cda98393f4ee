/*
 * rules.h - lists of the rules that a database has: of retention, of rollups.
 */
#ifndef VARVE_CLI_RULES_H
#define VARVE_CLI_RULES_H

#include "cli.h"
#include "output.h"

struct cli_rules {
    const char *const *columns;
    size_t column_count;
    /* Writes a row for each rule. */
    varve_status (*list)(varve_db *db, struct cli_output *output, varve_error *error);
    const char *none; /* is said where there is no rule */
};

/* Lists the rules of the database that the invocation names; returns the exit code. */
int cli_list_rules(const struct cli_invocation *invocation, const struct cli_rules *rules);

/* The selector of a rule, as it may be given to it. */
void cli_output_selector(struct cli_output *output, varve_string selector);

/* A duration in the largest unit that has it whole, 90d or 1500ms; 0: an empty cell. */
void cli_output_duration(struct cli_output *output, uint64_t duration);

#endif
