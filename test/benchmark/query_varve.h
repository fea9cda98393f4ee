/*
 * query_varve.h - varve with the set in it, and what only varve is asked.
 */
#ifndef VARVE_TEST_BENCHMARK_QUERY_VARVE_H
#define VARVE_TEST_BENCHMARK_QUERY_VARVE_H

#include "query_set.h"
#include "varve/varve.h"

/* What one more asking does. */
void query_varve_profile(struct query_engine *engine, enum query_id query,
                         struct varve_profile *profile);
/* The database, for writers beside the queries. */
varve_db *query_varve_db(struct query_engine *engine);
const varve_series *query_varve_series(const struct query_engine *engine);
/* From now on queries end before this time: for answers that do not grow with what writers add. */
void query_varve_end(struct query_engine *engine, int64_t end);
/* When QUERY_RECENT's hour ends: where writers are. */
void query_varve_now(struct query_engine *engine, int64_t now);
/* Closes the database and opens it again: nothing of it is verified or remembered then.
 * drop_pages: nor in the page cache of the system, as far as it lets go. */
void query_varve_reopen(struct query_engine *engine, bool drop_pages);

#endif
