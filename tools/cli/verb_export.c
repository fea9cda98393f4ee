/*
 * verb_export.c - `varve export`: samples as text that can be imported again.
 */
#include "cli.h"
#include "samples.h"

static varve_format format_of(const char *name)
{
    switch (name ? name[0] : 'c') {
    case 'j':
        return VARVE_FORMAT_JSONL;
    case 'p':
        return VARVE_FORMAT_PROM;
    case 'i':
        return VARVE_FORMAT_INFLUX;
    default:
        return VARVE_FORMAT_CSV;
    }
}

static int run_export(const struct cli_invocation *invocation,
                      const struct cli_selection *selection, uint64_t limit)
{
    varve_export_options options = VARVE_EXPORT_OPTIONS_INIT;
    options.format = format_of(cli_value(invocation, CLI_OPTION_EXPORT_OUTPUT));
    options.time_precision = cli_output_precision(invocation);
    options.lossy = cli_given(invocation, CLI_OPTION_LOSSY);
    options.limit = limit == UINT64_MAX ? 0 : limit;
    struct cli_events events;
    varve_db *db = NULL;
    int code = cli_open(cli_argument(invocation, 0), VARVE_OPEN_READ_ONLY, VARVE_SYNC_DEFAULT,
                        &events, &db);
    if (code != 0)
        return code;
    if (limit > 0)
        code = cli_samples_export(db, selection, &options);
    else if (options.format == VARVE_FORMAT_CSV)
        code = cli_samples_write(db, selection, CLI_OUTPUT_CSV, options.time_precision, 0);
    return cli_close(db, &events, code);
}

int cli_verb_export(const struct cli_invocation *invocation)
{
    uint64_t limit;
    struct cli_selection selection;
    int code = cli_parse_limit(invocation, &limit);
    if (code == 0)
        code = cli_selection_init(&selection, invocation, cli_argument(invocation, 1));
    if (code != 0)
        return code;
    code = run_export(invocation, &selection, limit);
    cli_selection_fini(&selection);
    return code;
}
