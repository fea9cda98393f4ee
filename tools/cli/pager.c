/*
 * pager.c - runs $PAGER, or less, with standard output of the command as its input.
 *
 *     varve --pipe--> sh -c "$PAGER" --> terminal
 *
 * P1  less shows what fits on one screen without stopping (-F), keeps colours (-R) and leaves it
 *     there (-X), as git has it.
 * P2  It is not started on a terminal of unknown size, where it would stop at every line.
 * P3  A pager that cannot be found is never started: its output would be lost.
 */
#include "pager.h"

#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t pager = -1;
static int terminal_fd = -1; /* standard output as it was before */

/* Whether the first word of command is a program that can be run. */
static bool can_run(const char *command)
{
    size_t length = strcspn(command, " \t");
    if (memchr(command, '/', length))
        return true;
    const char *path = getenv("PATH");
    while (path && *path) {
        char file[1024];
        size_t folder = strcspn(path, ":");
        snprintf(file, sizeof file, "%.*s/%.*s", (int)folder, path, (int)length, command);
        if (access(file, X_OK) == 0)
            return true;
        path += folder + (path[folder] == ':');
    }
    return false;
}

static const char *pager_command(void)
{
    const char *command = getenv("PAGER");
    const char *terminal = getenv("TERM");
    size_t columns, rows;
    if (!terminal || strcmp(terminal, "dumb") == 0)
        return NULL;
    if (!cli_terminal_size(&columns, &rows))
        return NULL;
    if (!command)
        command = "less";
    if (!command[0] || strcmp(command, "cat") == 0 || !can_run(command))
        return NULL;
    return command;
}

void cli_pager_begin(void)
{
    int ends[2];
    const char *command = pager_command();
    if (!command || pager > 0 || pipe(ends) != 0)
        return;
    pager = fork();
    if (pager == 0) {
        dup2(ends[0], STDIN_FILENO);
        close(ends[0]);
        close(ends[1]);
        setenv("LESS", "FRX", 0);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(ends[0]);
    if (pager > 0) {
        terminal_fd = dup(STDOUT_FILENO);
        dup2(ends[1], STDOUT_FILENO);
    }
    close(ends[1]);
}

bool cli_pager_end(void)
{
    if (pager <= 0)
        return false;
    dup2(terminal_fd, STDOUT_FILENO); /* closes the pipe, which ends the pager's input */
    close(terminal_fd);
    while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
        continue;
    pager = -1;
    return true;
}
