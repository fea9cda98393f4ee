/*
 * query.h - what `varve query` was asked, read from its options.
 */
#ifndef VARVE_TOOLS_QUERY_H
#define VARVE_TOOLS_QUERY_H

#include "cli.h"
#include "output.h"

#define CLI_GROUP_LABELS_MAX 64u
#define CLI_FUNCTION_NAME_MAX 48u

struct cli_query {
    struct cli_selection selection;
    varve_aggregation aggregation; /* function_count 0: samples are asked for */
    varve_function functions[VARVE_FUNCTIONS_MAX];
    double parameters[VARVE_FUNCTIONS_MAX];
    char names[VARVE_FUNCTIONS_MAX][CLI_FUNCTION_NAME_MAX]; /* as typed: quantile(0.95) */
    varve_string group_labels[CLI_GROUP_LABELS_MAX];
    uint64_t limit; /* of rows; UINT64_MAX: none */
    enum cli_output_format format;
    varve_precision precision;
    bool plot;
    bool explain;
};

/* Reads the options of the verb. Returns 0, or the exit code after a message that names the option;
 * fini is legal in both cases. The query points into itself: it must not be moved. */
int cli_query_init(struct cli_query *query, const struct cli_invocation *invocation);
void cli_query_fini(struct cli_query *query);

#endif
