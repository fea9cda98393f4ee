/*
 * importer.h - what every text format shares on its way in: batches, series, faults and the loop.
 *
 *   line_reader --line--> reader of the format --samples--> batch --append--> sink
 *                            |        ^
 *                      raw text       handle       labels, once per series
 *                            v        |                  v
 *                         series_cache <------------- sink.resolve
 *
 * A reader is called line by line. It adds samples with vv_import_add(); they count only when it
 * returns VARVE_OK for the line. What is wrong with a line it says with vv_import_fault(), whose
 * result it returns: then the line is reported and leaves no sample behind. Any other status ends
 * the import.
 *
 * Threads: one at a time; a batch may be appended by another one while the next is read
 * (appender.h), which no callback sees: all of them come from the import's thread, in the order in
 * which they would come without. Memory: about 5 MiB and the caches, whatever the input.
 */
#ifndef VARVE_TEXT_IMPORTER_H
#define VARVE_TEXT_IMPORTER_H

#include <string.h>

#include "text/appender.h"
#include "text/handle_set.h"
#include "text/line_reader.h"
#include "text/number_scan.h"
#include "text/sample_columns.h"
#include "text/series_cache.h"

/* Lines of a batch at most. */
#define VV_IMPORT_BATCH_LINES 10000u
#define VV_IMPORT_REASON_BYTES 320u
/* Characters that vv_excerpt() writes at most, its NUL included. */
#define VV_EXCERPT_BYTES 128u

/* Where series and samples go: the database, or something else in tests. */
struct vv_import_sink {
    void *context;
    varve_status (*resolve)(void *context, const varve_label *labels, size_t label_count,
                            varve_series *series, varve_error *error);
    varve_status (*append)(void *context, const varve_batch *batch);
    bool appends_beside; /* append may run in another thread, beside resolve */
};

struct vv_importer;

/* A batch that was given to be appended, and what the report says when that has been done or has
 * failed. */
struct vv_import_given {
    bool waits; /* nobody has asked yet what became of it */
    bool has_lines;
    uint64_t line_first;
    uint64_t line_last;
    varve_import_report report_stored;
    varve_import_report report_failed;
};

/* One format in. */
struct vv_text_reader {
    /* Allocates the reader's state; nullable. */
    varve_status (*create)(struct vv_importer *importer, void **state);
    /* One line. OK; INVALID from vv_import_fault(); anything else ends the import. */
    varve_status (*line)(struct vv_importer *importer, void *state, struct vv_line *line);
    /* After the last line, as line(), with an empty line behind it; nullable. */
    varve_status (*end)(struct vv_importer *importer, void *state, struct vv_line *line);
    void (*destroy)(void *state); /* nullable; accepts NULL */
};

extern const struct vv_text_reader vv_csv_reader;
extern const struct vv_text_reader vv_prom_reader;
extern const struct vv_text_reader vv_openmetrics_reader;
extern const struct vv_text_reader vv_jsonl_reader;
extern const struct vv_text_reader vv_influx_reader;

struct vv_importer {
    const varve_import_options *options;
    const struct vv_import_sink *sink;
    const char *name; /* of the input */
    varve_read_function read;
    void *read_context;
    int64_t unit; /* nanoseconds in a bare integer time */
    varve_import_report *report;
    varve_error *error;
    struct vv_line_reader lines;
    struct vv_series_cache cache;

    /* The batch: [0, count) of whole lines, [count, used) of the line being read. */
    struct vv_sample_columns batch; /* its capacity grows to VARVE_BATCH_MAX */
    size_t count;
    size_t used;
    struct vv_sample_sorter sorter;

    /* The batch before, which may be under way. */
    struct vv_appender appender;
    struct vv_import_given given;
    varve_status append_status; /* of a batch that was not stored: then nothing more is */
    bool input_is_slow;         /* the last read gave less than was asked for */
    uint64_t batch_line;        /* lines in batches handed out */
    uint64_t done_line;         /* the last line that was read to its end */
    uint64_t line_strings;      /* of the line being read: counted when it is good */
    uint64_t line_rounded;

    /* Entries of the line being read whose series may be new to the count. */
    uint32_t *fresh;
    size_t fresh_count;
    size_t fresh_capacity;
    struct vv_handle_set seen;

    /* Labels of the series being resolved, and the bytes of those that had escapes. */
    varve_label *labels;
    size_t label_count;
    char *scratch; /* at least as many bytes as the line has */
    size_t scratch_used;
    size_t scratch_capacity;

    /* The last time that was read: inputs repeat it line after line. */
    char time_text[24];
    size_t time_length;
    int64_t time;

    /* What is wrong with the line. */
    const char *fault_at;
    char fault_reason[VV_IMPORT_REASON_BYTES];
};

/**
 * vv_import_run() - read all of the input with the reader of options->format, or of the one
 * detected.
 *
 * As varve_import(), with any sink.
 */
varve_status vv_import_run(const struct vv_import_sink *sink, const varve_import_options *options,
                           varve_read_function read, void *read_context,
                           varve_import_report *report, varve_error *error) VARVE_MUST_CHECK;

/* Says what is wrong at a place in the current line; returns VARVE_INVALID. */
varve_status vv_import_fault(struct vv_importer *importer, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "expected WHAT, got EXCERPT" at a place, where the excerpt goes to the next of the stop
 * characters or the end of the line. */
varve_status vv_import_expected(struct vv_importer *importer, const struct vv_line *line,
                                const char *at, const char *what, const char *stops);

/* Forgets the labels and scratch bytes of the series before. */
static inline void vv_import_labels_begin(struct vv_importer *importer)
{
    importer->label_count = 0;
    importer->scratch_used = 0;
}

/* Adds a label, or nothing if its value is empty. The bytes must live until the series is resolved.
 * A fault at `at` if there are too many. */
varve_status vv_import_label(struct vv_importer *importer, const char *at, varve_string name,
                             varve_string value) VARVE_MUST_CHECK;

/* Makes a cache entry for the series with the labels gathered (and options->labels). What the sink
 * has against the labels is a fault at `at`. */
varve_status vv_import_resolve(struct vv_importer *importer, const char *at, uint32_t parent,
                               const char *text, size_t length, uint32_t *entry) VARVE_MUST_CHECK;

/* Takes the next line into the record, as vv_line_reader_extend(). The scratch must not be in
 * use. */
varve_status vv_import_extend(struct vv_importer *importer, struct vv_line *line) VARVE_MUST_CHECK;

/* Gives the whole lines to be appended, after settling the batch before. is_last: nothing will be
 * read meanwhile. */
varve_status vv_import_flush(struct vv_importer *importer, bool is_last) VARVE_MUST_CHECK;

/* Waits until the batch that was given has been appended and tells the caller of the import; does
 * nothing if that has been done. What failed stays failed. */
varve_status vv_import_settle(struct vv_importer *importer) VARVE_MUST_CHECK;

/* Room for one more sample of the line: writes out the whole lines before it if need be. A fault if
 * the line has more samples than a batch. */
varve_status vv_import_make_room(struct vv_importer *importer) VARVE_MUST_CHECK;

/* Notes that the series of the entry gets a sample, to be counted with the line. */
varve_status vv_import_note_fresh(struct vv_importer *importer, uint32_t entry) VARVE_MUST_CHECK;

/* Adds a sample to the line. */
static inline VARVE_MUST_CHECK varve_status vv_import_add(struct vv_importer *importer,
                                                          uint32_t entry, int64_t timestamp,
                                                          double value)
{
    if (importer->used == importer->batch.capacity) {
        VV_TRY(vv_import_make_room(importer));
    }
    const struct vv_series_entry *known = vv_series_cache_entry(&importer->cache, entry);
    if (!known->counted) {
        VV_TRY(vv_import_note_fresh(importer, entry));
    }
    importer->batch.series[importer->used] = known->series;
    importer->batch.timestamps[importer->used] = timestamp;
    importer->batch.values[importer->used] = value;
    importer->used++;
    return VARVE_OK;
}

/* Nanoseconds of an integer time in the importer's unit. False if that is no timestamp. */
static inline bool vv_import_scale(const struct vv_importer *importer, int64_t time,
                                   int64_t *timestamp)
{
    int64_t scaled;
    if (__builtin_mul_overflow(time, importer->unit, &scaled) || scaled == INT64_MAX) {
        return false;
    }
    *timestamp = scaled;
    return true;
}

/* An integer counts as rounded where the double stands for another one. */
static inline double vv_import_integer(struct vv_importer *importer, int64_t integer)
{
    double value = (double)integer;
    bool exact = integer >= -(INT64_C(1) << 53) && integer <= (INT64_C(1) << 53);
    if (!exact && (value >= 0x1p63 || (int64_t)value != integer)) {
        importer->line_rounded++;
    }
    return value;
}

/**
 * vv_import_time_integer() - an integer time that goes to the end of the line.
 *
 * False if it is none (or is followed by anything): the caller finds out what is wrong. Fast where
 * the text is the same as last time.
 */
static inline bool vv_import_time_integer(struct vv_importer *importer, const char *at,
                                          const char *end, int64_t *timestamp)
{
    size_t length = (size_t)(end - at);
    if (length == importer->time_length && memcmp(at, importer->time_text, length) == 0) {
        *timestamp = importer->time;
        return true;
    }
    int64_t time;
    if (vv_scan_integer(at, &time) != end || !vv_import_scale(importer, time, timestamp)) {
        return false;
    }
    if (length <= sizeof importer->time_text) {
        memcpy(importer->time_text, at, length);
        importer->time_length = length;
        importer->time = *timestamp;
    }
    return true;
}

/* Blanks are spaces and tabs. */
static inline bool vv_is_blank(char character)
{
    return character == ' ' || character == '\t';
}

static inline const char *vv_skip_blanks(const char *at)
{
    while (vv_is_blank(*at)) {
        at++;
    }
    return at;
}

/* Behind the spaces at `at`. */
static inline const char *vv_skip_spaces(const char *at)
{
    while (*at == ' ') {
        at++;
    }
    return at;
}

/* The text in quotes as a message shows it: cut after some 24 bytes, what is not printable ASCII as
 * \xNN. excerpt holds VV_EXCERPT_BYTES; returns excerpt. */
const char *vv_excerpt(char *excerpt, const char *text, size_t length);

#endif
