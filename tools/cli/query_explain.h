/*
 * query_explain.h - `varve query --explain`.
 */
#ifndef VARVE_TOOLS_QUERY_EXPLAIN_H
#define VARVE_TOOLS_QUERY_EXPLAIN_H

#include "query.h"

/* Runs the query and writes what it did as rows of a figure and its value. On failure nothing is
 * written. */
varve_status cli_query_explain(const struct cli_query *query, varve_db *db, varve_error *error);

#endif
