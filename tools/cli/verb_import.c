/*
 * verb_import.c - `varve import`: reads files into a database and says what became of them.
 *
 *     file --read--> varve_import() --batch_done--> acks on stdout, progress on stderr
 *
 * I1  Line numbers of acks count over all files; those of bad lines are of their file.
 * I2  An interrupt ends the input with an error, never with an end: the last line might be half
 *     read.
 * I3  A read that gives less than was asked for tells varve_import() that the next one may wait for
 *     the other end of a pipe: then it acknowledges what it has first.
 */
#include "cli.h"
#include "discard.h"
#include "import_excerpt.h"
#include "import_input.h"
#include "progress.h"
#include "stdout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BAD_LINES_SHOWN 20u
#define LABELS_MAX VARVE_LABELS_MAX

struct import {
    varve_import_options options;
    varve_label labels[LABELS_MAX];
    varve_string label_columns[LABELS_MAX];
    bool acks;
    bool bulk;
    int fd;
    bool seekable;               /* reading never waits for anybody */
    varve_import_report total;   /* of the files that are done */
    varve_import_report current; /* of the present file, so far */
    uint64_t bytes_read;
    uint64_t bytes_total;
    uint64_t bad_lines;
    struct cli_excerpt excerpt; /* of the present file */
    struct cli_progress progress;
};

/* I3: of a pipe, as many bytes as asked for are only given while more of them stand there. */
static size_t limit_read(const struct import *import, size_t capacity)
{
    int waiting = 0;
    if (import->seekable || ioctl(import->fd, FIONREAD, &waiting) != 0)
        return capacity;
    return waiting > 0 && (size_t)waiting > capacity ? capacity : capacity - 1;
}

static int64_t read_input(void *context, char *bytes, size_t capacity)
{
    struct import *import = context;
    capacity = limit_read(import, capacity);
    for (;;) {
        if (cli_interrupted())
            return -EINTR;
        if (cli_stdout_failed())
            return -cli_stdout_errno();
        ssize_t length = read(import->fd, bytes, capacity);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return -errno;
        import->bytes_read += (uint64_t)length;
        cli_progress_update(&import->progress, import->bytes_read, import->bytes_total,
                            import->total.samples + import->current.samples);
        return length;
    }
}

static void on_bad_line(void *context, const char *message)
{
    struct import *import = context;
    /* With --strict the import ends with this very message. */
    if (import->options.strict || ++import->bad_lines > BAD_LINES_SHOWN)
        return;
    cli_progress_clear(&import->progress);
    cli_say("%s", message);
    cli_excerpt_show(&import->excerpt, import->options.name, message);
}

static void on_batch_done(void *context, uint64_t line, const varve_import_report *so_far)
{
    struct import *import = context;
    import->current = *so_far;
    if (!import->acks)
        return;
    cli_stdout_print("durable %" PRIu64 "\n", import->total.lines + line);
    cli_stdout_flush();
}

static int parse_labels(struct import *import, const struct cli_invocation *invocation)
{
    const struct cli_values *values = &invocation->values[CLI_OPTION_LABEL];
    if (values->count > LABELS_MAX)
        return cli_usage_error("--label is given more than %u times", LABELS_MAX);
    for (size_t i = 0; i < values->count; i++) {
        const char *text = values->items[i];
        const char *equals = strchr(text, '=');
        if (!equals || equals == text)
            return cli_usage_error("--label cannot be \"%s\"; it is NAME=VALUE, for example host=a",
                                   text);
        import->labels[i] = (varve_label){{text, (size_t)(equals - text)}, cli_string(equals + 1)};
    }
    import->options.labels = import->labels;
    import->options.label_count = values->count;
    return 0;
}

static varve_format parse_format(const char *name)
{
#define MATCH_FORMAT(id, number, text)                                                             \
    if (strcmp(name, text) == 0)                                                                   \
        return VARVE_FORMAT_##id;
    VARVE_FORMAT_MAP(MATCH_FORMAT)
#undef MATCH_FORMAT
    return VARVE_FORMAT_AUTO;
}

static varve_string string_option(const struct cli_invocation *invocation,
                                  enum cli_option_id option)
{
    const char *text = cli_value(invocation, option);
    return text ? cli_string(text) : (varve_string){NULL, 0};
}

static int parse_options(struct import *import, const struct cli_invocation *invocation)
{
    varve_import_options *options = &import->options;
    const char *format = cli_value(invocation, CLI_OPTION_FORMAT);
    const char *precision = cli_value(invocation, CLI_OPTION_PRECISION);
    const char *sync = cli_value(invocation, CLI_OPTION_SYNC);
    const char *columns = cli_value(invocation, CLI_OPTION_LABEL_COLUMNS);
    *options = (varve_import_options)VARVE_IMPORT_OPTIONS_INIT;
    if (format)
        options->format = parse_format(format);
    if (precision)
        cli_parse_precision(precision, &options->precision);
    if (sync)
        cli_parse_sync(sync, &options->sync);
    options->strict = cli_given(invocation, CLI_OPTION_STRICT);
    options->now = cli_now();
    options->metric = string_option(invocation, CLI_OPTION_METRIC);
    options->time_column = string_option(invocation, CLI_OPTION_TIME_COLUMN);
    options->time_format = string_option(invocation, CLI_OPTION_CSV_TIME_FORMAT);
    if (columns) {
        options->label_column_count = cli_split(columns, import->label_columns, LABELS_MAX);
        options->label_columns = import->label_columns;
        if (options->label_column_count > LABELS_MAX)
            return cli_usage_error("--label-columns takes at most %u columns", LABELS_MAX);
    }
    options->bad_line = on_bad_line;
    options->batch_done = on_batch_done;
    options->context = import;
    import->acks = cli_given(invocation, CLI_OPTION_ACKS);
    import->bulk = cli_given(invocation, CLI_OPTION_BULK);
    if (import->acks && import->bulk)
        return cli_usage_error("--acks cannot be used with --bulk: nothing is stored before the "
                               "end of a bulk import");
    return parse_labels(import, invocation);
}

static void add_report(varve_import_report *total, const varve_import_report *report)
{
    total->lines += report->lines;
    total->samples += report->samples;
    total->series += report->series;
    total->skipped += report->skipped;
    total->strings += report->strings;
    total->rounded += report->rounded;
    total->bytes += report->bytes;
}

/* What the result of a file means. */
static int end_file(struct import *import, varve_status status, const varve_error *error)
{
    cli_progress_clear(&import->progress);
    if (cli_interrupted())
        return cli_interrupt_exit_code();
    if (cli_stdout_failed())
        return cli_stdout_errno() == EPIPE ? CLI_EXIT_PIPE : CLI_EXIT_OUTPUT;
    if (status == VARVE_OK)
        return 0;
    int code = cli_fail(status, error);
    cli_excerpt_show(&import->excerpt, import->options.name, error->message);
    return code;
}

static int import_file(struct import *import, varve_db *db, const char *path)
{
    int code = cli_input_open(path, &import->fd);
    if (code != 0)
        return code;
    import->options.name = strcmp(path, "-") == 0 ? "stdin" : path;
    if (import->fd == STDIN_FILENO && isatty(STDIN_FILENO))
        cli_say("reading lines from the terminal; Ctrl-D ends them");
    import->seekable = lseek(import->fd, 0, SEEK_CUR) >= 0;
    varve_import_report report = {0};
    varve_error error = {0};
    varve_status status = varve_import(db, &import->options, read_input, import, &report, &error);
    code = end_file(import, status, &error);
    cli_excerpt_fini(&import->excerpt);
    cli_input_close(import->fd);
    import->current = (varve_import_report){0};
    add_report(&import->total, &report);
    return code;
}

static void print_summary(const struct import *import, bool several)
{
    const varve_import_report *total = &import->total;
    if (import->bad_lines > BAD_LINES_SHOWN)
        cli_say("%" PRIu64 " more bad lines", import->bad_lines - BAD_LINES_SHOWN);
    if (total->strings > 0)
        cli_say("%" PRIu64 " %s left out: varve stores numbers", total->strings,
                cli_plural(total->strings, "text value was", "text values were"));
    if (total->rounded > 0)
        cli_say("warning: %" PRIu64 " %s rounded: beyond 2^53 not every integer is a double",
                total->rounded, cli_plural(total->rounded, "integer was", "integers were"));
    double seconds = (double)(cli_monotonic() - import->progress.began) / 1e9;
    /* Series that occur in several files are counted in each. */
    cli_say("imported %" PRIu64 " %s, %s%" PRIu64 " series, %" PRIu64
            " skipped, %.3f seconds, %.0f samples/s",
            total->samples, cli_plural(total->samples, "sample", "samples"),
            several && total->series > 0 ? "at most " : "", total->series, total->skipped, seconds,
            seconds > 0 ? (double)total->samples / seconds : 0);
}

/* *created: there was nothing at path before. */
static int open_database(const char *path, varve_sync_mode sync, struct cli_events *events,
                         varve_db **db, bool *created)
{
    struct stat status;
    *created = lstat(path, &status) != 0 && errno == ENOENT;
    return cli_open(path, VARVE_OPEN_CREATE, sync, events, db);
}

/* All files as one bulk: everything or nothing. */
static int import_bulk(struct import *import, varve_db *db, const char *const *files, size_t count)
{
    varve_error error = {0};
    int code = 0;
    varve_status status = varve_bulk_begin(db, NULL, &import->options.bulk, &error);
    if (status != VARVE_OK)
        return cli_fail(status, &error);
    for (size_t i = 0; i < count && code == 0; i++)
        code = import_file(import, db, files[i]);
    if (code == 0) {
        status = varve_bulk_commit(import->options.bulk, &error);
        if (status != VARVE_OK)
            code = cli_fail(status, &error);
    }
    varve_bulk_close(import->options.bulk);
    if (code != 0)
        import->total.samples = import->total.series = 0;
    return code;
}

static int run_import(struct import *import, const char *path, const char *const *files,
                      size_t count)
{
    struct cli_events events;
    varve_db *db = NULL;
    bool created;
    int code = open_database(path, import->options.sync, &events, &db, &created);
    if (code != 0)
        return code;
    cli_progress_init(&import->progress);
    if (import->bulk)
        code = import_bulk(import, db, files, count);
    for (size_t i = 0; i < count && code == 0 && !import->bulk; i++)
        code = import_file(import, db, files[i]);
    code = cli_close(db, &events, code);
    if (code == 0 && import->total.skipped > 0)
        code = 1;
    if (created && code != 0 && import->total.samples == 0)
        cli_discard_empty(path);
    print_summary(import, count > 1);
    return code;
}

int cli_verb_import(const struct cli_invocation *invocation)
{
    static const char *const only_stdin[] = {"-"};
    size_t count = invocation->argument_count - 1;
    const char *const *files = count > 0 ? invocation->arguments + 1 : only_stdin;
    count = count > 0 ? count : 1;
    struct import *import = cli_allocate(sizeof *import);
    int code = parse_options(import, invocation);
    if (code == 0)
        code = cli_input_check(files, count, &import->bytes_total);
    if (code == 0)
        code = run_import(import, cli_argument(invocation, 0), files, count);
    free(import);
    return code;
}
