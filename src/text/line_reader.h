/*
 * line_reader.h - lines of text from a varve_read_function, in bounded memory.
 *
 * A line ends with LF or CRLF, the last one also with the end of the input. A UTF-8 byte order mark
 * at the very start is left out. Lines of more than VV_LINE_BYTES_MAX bytes are skipped without
 * being held. Formats whose records may span lines (quoted line feeds) make a line longer with
 * vv_line_reader_extend().
 *
 * Threads: one at a time. Memory: one buffer, 320 KiB until a long line comes, then 1.3 MiB.
 */
#ifndef VARVE_TEXT_LINE_READER_H
#define VARVE_TEXT_LINE_READER_H

#include <stddef.h>
#include <string.h>

#include "base/status.h"

/* Bytes of a line or record, its line end not counted. */
#define VV_LINE_BYTES_MAX (1u << 20)
/* Bytes behind a line that may be read, whatever stands there. */
#define VV_LINE_PADDING 64u

struct vv_line {
    const char *text; /* text[length] is LF or CR: scanning may rely on it */
    size_t length;
    uint64_t number; /* of its first physical line, from 1 */
    bool too_long;   /* longer than VV_LINE_BYTES_MAX: length is 0 and the bytes are gone */
};

struct vv_line_reader {
    varve_read_function read;
    void *read_context;
    const char *name; /* of the input, for errors */
    char *buffer;
    size_t capacity;
    size_t at;         /* start of the current line */
    size_t next;       /* start of the line after it */
    size_t first_next; /* start of the line after its first physical line */
    size_t end;        /* of the bytes read */
    bool started;      /* the byte order mark has been looked for */
    bool ended;        /* the input has no more bytes */
    uint64_t number;   /* physical lines handed out */
    uint64_t bytes;    /* bytes read from the input */
};

/* name is kept, not copied. NO_MEMORY: nothing to clean up. */
varve_status vv_line_reader_init(struct vv_line_reader *reader, varve_read_function read,
                                 void *read_context, const char *name) VARVE_MUST_CHECK;
void vv_line_reader_fini(struct vv_line_reader *reader);

/**
 * vv_line_reader_peek() - the beginning of the input, before the first line is taken.
 *
 * Reads until there are at least `wanted` bytes (at most 256 KiB) or the input ends; the byte order
 * mark is left out. The bytes stay for vv_line_reader_next().
 */
varve_status vv_line_reader_peek(struct vv_line_reader *reader, size_t wanted, const char **bytes,
                                 size_t *length, bool *ended, varve_error *error) VARVE_MUST_CHECK;

/* vv_line_reader_next() for a line that does not end in the buffer, or is too long. */
varve_status vv_line_reader_next_slowly(struct vv_line_reader *reader, struct vv_line *line,
                                        varve_error *error) VARVE_MUST_CHECK;

/* The next line, valid until the next call. NOT_FOUND: the input has ended (error is left alone).
 * IO and the like: reading failed. */
static inline VARVE_MUST_CHECK varve_status vv_line_reader_next(struct vv_line_reader *reader,
                                                                struct vv_line *line,
                                                                varve_error *error)
{
    const char *text = reader->buffer + reader->next;
    const char *found = memchr(text, '\n', reader->end - reader->next);
    if (found == NULL || found - text > (ptrdiff_t)VV_LINE_BYTES_MAX) {
        return vv_line_reader_next_slowly(reader, line, error);
    }
    reader->at = reader->next;
    reader->next += (size_t)(found - text) + 1;
    reader->first_next = reader->next;
    line->text = text;
    line->length = (size_t)(found - text) - (found > text && found[-1] == '\r' ? 1 : 0);
    line->number = ++reader->number;
    line->too_long = false;
    return VARVE_OK;
}

/**
 * vv_line_reader_extend() - add the next physical line, with the line end between, to the line.
 *
 * line->text may move: keep offsets. NOT_FOUND: there is no further line; LIMIT: the record would
 * become too long. In both the line is its first physical line again and the reader goes on behind
 * that: a stray quote costs one line, not the rest of the input.
 */
varve_status vv_line_reader_extend(struct vv_line_reader *reader, struct vv_line *line,
                                   varve_error *error) VARVE_MUST_CHECK;

#endif
