/*
 * progress.c - the progress line: bar, share, samples, rate, time that is left.
 *
 *     [##########..........]  48%  4,800,000 samples  2,410,000/s  2.11 s left
 */
#include "progress.h"

#include "cli.h"

#include <stdio.h>
#include <unistd.h>

#define BAR_CELLS 20
#define MILLISECONDS INT64_C(1000000)
#define QUIET_TIME (500 * MILLISECONDS) /* short jobs show nothing */
#define UPDATE_TIME (100 * MILLISECONDS)

void cli_progress_init(struct cli_progress *progress)
{
    *progress = (struct cli_progress){.wanted = isatty(STDERR_FILENO), .began = cli_monotonic()};
    progress->last = progress->began;
}

static void print_bar(uint64_t bytes, uint64_t total)
{
    static const char full[] = "####################", empty[] = "....................";
    double share = bytes < total ? (double)bytes / (double)total : 1;
    int cells = (int)(share * BAR_CELLS);
    fprintf(stderr, "[%.*s%.*s] %3.0f%%  ", cells, full, BAR_CELLS - cells, empty, share * 100);
}

void cli_progress_update(struct cli_progress *progress, uint64_t bytes, uint64_t total,
                         uint64_t samples)
{
    int64_t now = progress->wanted ? cli_monotonic() : 0;
    if (!progress->wanted || now - progress->began < QUIET_TIME ||
        now - progress->last < UPDATE_TIME)
        return;
    progress->last = now;
    progress->shown = true;
    char texts[3][VARVE_TEXT_MAX];
    double seconds = (double)(now - progress->began) / 1e9;
    fputc('\r', stderr);
    if (total > 0)
        print_bar(bytes, total);
    else if (bytes > 0)
        fprintf(stderr, "%s  ", cli_human_bytes((double)bytes, texts[0]));
    fprintf(stderr, "%s samples  %s/s", cli_human_count(samples, texts[1]),
            cli_human_count((uint64_t)((double)samples / seconds), texts[2]));
    if (total > bytes && bytes > 0) {
        double left = seconds * (double)(total - bytes) / (double)bytes;
        fprintf(stderr, "  %s left", cli_human_duration((int64_t)(left * 1e9), texts[0]));
    }
    fputs("\033[K", stderr);
    fflush(stderr);
}

void cli_progress_clear(struct cli_progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}
