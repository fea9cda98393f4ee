/*
 * verb_compact.c - `varve compact`: rewrites everything for size.
 */
#include "cli.h"

static uint64_t stored_bytes(varve_db *db)
{
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(db, &statistics);
    return statistics.block_bytes + statistics.wal_bytes;
}

int cli_verb_compact(const struct cli_invocation *invocation)
{
    struct cli_events events;
    varve_db *db = NULL;
    int code = cli_open(cli_argument(invocation, 0), 0, VARVE_SYNC_DEFAULT, &events, &db);
    if (code != 0)
        return code;
    int64_t began = cli_monotonic();
    uint64_t before = stored_bytes(db), after = before;
    varve_error error = {0};
    varve_status status = varve_compact(db, &error);
    if (status != VARVE_OK)
        code = cli_fail(status, &error);
    else
        after = stored_bytes(db);
    code = cli_close(db, &events, code);
    char texts[3][VARVE_TEXT_MAX];
    if (code == 0)
        cli_say("compacted from %s to %s in %s", cli_human_bytes((double)before, texts[0]),
                cli_human_bytes((double)after, texts[1]),
                cli_human_duration(cli_monotonic() - began, texts[2]));
    return code;
}
