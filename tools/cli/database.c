/*
 * database.c - opening and closing of a database by a verb, and what the library reports meanwhile.
 */
#include "cli.h"

/* May be called from the library's background thread: it writes one flag and one line. */
static void on_event(void *context, const varve_event *event)
{
    struct cli_events *events = context;
    switch (event->kind) {
    case VARVE_EVENT_DAMAGE:
        atomic_store(&events->damage, true);
        cli_say("warning: %s", event->message);
        break;
    case VARVE_EVENT_IO_ERROR:
        cli_say("warning: %s", event->message);
        break;
    case VARVE_EVENT_RECOVERED:
    case VARVE_EVENT_NOTE:
        break;
    }
}

int cli_open(const char *path, uint32_t flags, varve_sync_mode sync, struct cli_events *events,
             varve_db **db)
{
    atomic_init(&events->damage, false);
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = flags;
    options.sync = sync;
    options.event = on_event;
    options.event_context = events;
    if (flags & VARVE_OPEN_READ_ONLY)
        options.background_threads = 0;
    varve_error error = {0};
    varve_status status = varve_open(path, &options, db, &error);
    if (status == VARVE_OK)
        return 0;
    int code = cli_fail(status, &error);
    if (status == VARVE_CORRUPT)
        cli_say("to go on with what is sound: varve salvage %s NEW", path);
    return code;
}

int cli_close(varve_db *db, const struct cli_events *events, int exit_code)
{
    varve_error error = {0};
    varve_status status = varve_close(db, &error);
    if (status != VARVE_OK) {
        int code = cli_fail(status, &error);
        return exit_code != 0 ? exit_code : code;
    }
    return exit_code == 0 && atomic_load(&events->damage) ? CLI_EXIT_DAMAGE : exit_code;
}
