/*
 * discard.c - removes a database that was created by mistake, without ever removing a sample.
 *
 *     db --rename--> db.discarded.PID --lock, empty?--> files removed
 *                          |
 *                          +-- locked, or not empty --rename--> db
 *
 * D1  Between closing it and the rename another process may have begun to write. It then holds the
 *     lock of the renamed directory, or has left samples in it, and gets its name back.
 * D2  Once the lock was ours and the database empty, nobody can come: nobody knows the new name.
 */
#include "discard.h"

#include "cli.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_empty(const char *path)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.background_threads = 0;
    varve_db *db = NULL;
    if (varve_open(path, &options, &db, NULL) != VARVE_OK)
        return false;
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(db, &statistics);
    return varve_close(db, NULL) == VARVE_OK && statistics.samples == 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)place;
    return type == FTW_DP ? rmdir(path) : unlink(path);
}

void cli_discard_empty(const char *path)
{
    struct cli_text aside = {0};
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    cli_text_print(&aside, "%.*s.discarded.%ld", (int)length, path, (long)getpid());
    cli_text_append(&aside, "", 1); /* the NUL */
    if (rename(path, aside.bytes) == 0) {
        if (is_empty(aside.bytes))
            nftw(aside.bytes, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        else if (rename(aside.bytes, path) != 0)
            cli_say("warning: the database at %s is now %s", path, aside.bytes);
    }
    free(aside.bytes);
}
