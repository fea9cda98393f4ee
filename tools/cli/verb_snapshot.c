/*
 * verb_snapshot.c - `varve snapshot` and `varve restore`: a database at one moment, and back.
 */
#include "cli.h"
#include "progress.h"

static bool on_progress(void *context, uint64_t done, uint64_t total)
{
    cli_progress_update(context, done, total, 0);
    return !cli_interrupted();
}

static void print_summary(const char *what, const char *path, const varve_copy_report *report,
                          int64_t began)
{
    char texts[5][VARVE_TEXT_MAX];
    cli_say("%s %s: %s %s, %s linked, %s in all, %s copied, in %s", what, path,
            cli_human_count(report->blocks, texts[0]),
            cli_plural(report->blocks, "block", "blocks"),
            cli_human_count(report->blocks_linked, texts[1]),
            cli_human_bytes((double)report->bytes, texts[2]),
            cli_human_bytes((double)report->bytes_copied, texts[3]),
            cli_human_duration(cli_monotonic() - began, texts[4]));
}

static varve_copy_options copy_options(struct cli_progress *progress)
{
    varve_copy_options options = VARVE_COPY_OPTIONS_INIT;
    cli_progress_init(progress);
    options.progress = on_progress;
    options.context = progress;
    return options;
}

int cli_verb_snapshot(const struct cli_invocation *invocation)
{
    const char *path = cli_argument(invocation, 1);
    struct cli_events events;
    varve_db *db = NULL;
    int code = cli_open(cli_argument(invocation, 0), VARVE_OPEN_READ_ONLY, VARVE_SYNC_DEFAULT,
                        &events, &db);
    if (code != 0)
        return code;
    struct cli_progress progress;
    varve_copy_options options = copy_options(&progress);
    varve_copy_report report = {0};
    varve_error error = {0};
    varve_status status = varve_snapshot(db, path, &options, &report, &error);
    cli_progress_clear(&progress);
    if (status != VARVE_OK)
        code = cli_fail(status, &error);
    code = cli_close(db, &events, code);
    if (code == 0)
        print_summary("snapshot", path, &report, progress.began);
    return code;
}

int cli_verb_restore(const struct cli_invocation *invocation)
{
    const char *path = cli_argument(invocation, 1);
    struct cli_progress progress;
    varve_copy_options options = copy_options(&progress);
    varve_copy_report report = {0};
    varve_error error = {0};
    varve_status status =
        varve_restore(cli_argument(invocation, 0), path, &options, &report, &error);
    cli_progress_clear(&progress);
    if (status != VARVE_OK)
        return cli_fail(status, &error);
    print_summary("restored", path, &report, progress.began);
    return 0;
}
