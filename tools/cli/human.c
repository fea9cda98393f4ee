/*
 * human.c - numbers and widths for people: bytes with units, counts with separators, durations.
 */
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

const char *cli_human_bytes(double bytes, char *text)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, VARVE_TEXT_MAX, "%.*f %s",
             unit == 0    ? 0
             : bytes < 10 ? 2
                          : 1,
             bytes, units[unit]);
    return text;
}

const char *cli_human_count(uint64_t count, char *text)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    char *to = text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

const char *cli_human_duration(int64_t duration, char *text)
{
    double seconds = (double)duration / 1e9;
    if (seconds < 1e-3)
        snprintf(text, VARVE_TEXT_MAX, "%.0f us", seconds * 1e6);
    else if (seconds < 1)
        snprintf(text, VARVE_TEXT_MAX, "%.0f ms", seconds * 1e3);
    else if (seconds < 60)
        snprintf(text, VARVE_TEXT_MAX, "%.2f s", seconds);
    else if (seconds < 3600)
        snprintf(text, VARVE_TEXT_MAX, "%dm%02ds", (int)seconds / 60, (int)seconds % 60);
    else if (seconds < 86400)
        snprintf(text, VARVE_TEXT_MAX, "%dh%02dm", (int)seconds / 3600, (int)seconds / 60 % 60);
    else
        snprintf(text, VARVE_TEXT_MAX, "%lldd%02dh", (long long)(duration / 86400000000000),
                 (int)(duration / 3600000000000 % 24));
    return text;
}

const char *cli_plural(uint64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

/* Whether a character takes two cells: East Asian wide letters and emoji, by their usual ranges. */
static bool is_wide(uint32_t point)
{
    return (point >= 0x1100 && point <= 0x115f) || (point >= 0x2e80 && point <= 0xa4cf) ||
           (point >= 0xac00 && point <= 0xd7a3) || (point >= 0xf900 && point <= 0xfaff) ||
           (point >= 0xfe30 && point <= 0xfe6f) || (point >= 0xff00 && point <= 0xff60) ||
           (point >= 0x1f300 && point <= 0x1faff) || (point >= 0x20000 && point <= 0x3fffd);
}

static bool is_combining(uint32_t point)
{
    return (point >= 0x300 && point <= 0x36f) || point == 0x200d ||
           (point >= 0xfe00 && point <= 0xfe0f);
}

size_t cli_display_width(const char *bytes, size_t length)
{
    size_t width = 0;
    for (size_t i = 0; i < length;) {
        unsigned char first = (unsigned char)bytes[i];
        size_t size = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        uint32_t point = size == 1 ? first : first & (0xffu >> (size + 1));
        for (size_t k = 1; k < size && i + k < length; k++)
            point = point << 6 | ((unsigned char)bytes[i + k] & 0x3f);
        width += is_combining(point) ? 0 : is_wide(point) ? 2 : 1;
        i += size;
    }
    return width;
}

bool cli_terminal_size(size_t *columns, size_t *rows)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return false;
    *columns = size.ws_col;
    *rows = size.ws_row;
    return true;
}

bool cli_colours(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    if (no_color && no_color[0])
        return false;
    return isatty(fd) && terminal && strcmp(terminal, "dumb") != 0;
}
