/*
 * line_reader.c - cuts the input into lines inside one buffer.
 *
 *   buffer |  lines done  |at  current line   |next    bytes read ahead   |end   room   | padding
 *
 * L1  at <= first_next <= next <= end <= capacity, behind which there are VV_LINE_PADDING bytes.
 * L2  Bytes before `at` are forgotten: when more are needed, the rest moves to the front, which is
 *     at most one line and therefore short against what is read.
 * L3  A refill leaves room for READ_BYTES, since a line that is held has at most VV_LINE_BYTES_MAX
 *     bytes and a line end.
 * L4  buffer[end] is a line feed of our own while the input has ended, so the last line has its end
 *     too.
 *
 * Thread: that of the import.
 */
#include "text/line_reader.h"

#include "os/alloc.h"

/* Read at once: large enough to make the call vanish, small enough to stay in the second-level
 * cache. */
#define READ_BYTES (256u << 10)
#define CAPACITY_FIRST (READ_BYTES + (64u << 10))
#define CAPACITY_MAX (VV_LINE_BYTES_MAX + 2 + READ_BYTES)

varve_status vv_line_reader_init(struct vv_line_reader *reader, varve_read_function read,
                                 void *read_context, const char *name)
{
    char *buffer = vv_alloc(CAPACITY_FIRST + VV_LINE_PADDING);
    if (buffer == NULL) {
        return VARVE_NO_MEMORY;
    }
    *reader = (struct vv_line_reader){.read = read,
                                      .read_context = read_context,
                                      .name = name,
                                      .buffer = buffer,
                                      .capacity = CAPACITY_FIRST};
    return VARVE_OK;
}

void vv_line_reader_fini(struct vv_line_reader *reader)
{
    vv_free(reader->buffer);
    reader->buffer = NULL;
}

static varve_status grow(struct vv_line_reader *reader)
{
    char *buffer = vv_realloc(reader->buffer, CAPACITY_MAX + VV_LINE_PADDING);
    if (buffer == NULL) {
        return VARVE_NO_MEMORY;
    }
    reader->buffer = buffer;
    reader->capacity = CAPACITY_MAX;
    return VARVE_OK;
}

/* Moves the current line to the front and reads more behind it. Sets ended at the end. */
static varve_status refill(struct vv_line_reader *reader, varve_error *error)
{
    if (reader->at > 0) {
        memmove(reader->buffer, reader->buffer + reader->at, reader->end - reader->at);
        reader->first_next -= reader->at;
        reader->next -= reader->at;
        reader->end -= reader->at;
        reader->at = 0;
    }
    if (reader->capacity - reader->end < READ_BYTES) {
        VV_TRY(grow(reader));
    }
    VV_ASSERT(reader->end + READ_BYTES <= reader->capacity);
    int64_t count = reader->read(reader->read_context, reader->buffer + reader->end, READ_BYTES);
    if (count < 0) {
        int system_errno = count > -4096 ? (int)-count : 0;
        return vv_fail_io(error, vv_status_from_errno(system_errno), system_errno, reader->name,
                          reader->bytes, "reading the input failed");
    }
    VV_ASSERT(count <= (int64_t)READ_BYTES);
    reader->end += (size_t)count;
    reader->bytes += (uint64_t)count;
    reader->ended = count == 0;
    reader->buffer[reader->end] = '\n';
    return VARVE_OK;
}

static varve_status start(struct vv_line_reader *reader, varve_error *error)
{
    while (reader->end < 3 && !reader->ended) {
        VV_TRY(refill(reader, error));
    }
    reader->started = true;
    if (reader->end >= 3 && memcmp(reader->buffer, "\xef\xbb\xbf", 3) == 0) {
        reader->at = 3;
        reader->next = 3;
        reader->first_next = 3;
    }
    return VARVE_OK;
}

varve_status vv_line_reader_peek(struct vv_line_reader *reader, size_t wanted, const char **bytes,
                                 size_t *length, bool *ended, varve_error *error)
{
    VV_ASSERT(reader->number == 0 && wanted <= READ_BYTES);
    if (!reader->started) {
        VV_TRY(start(reader, error));
    }
    while (reader->end - reader->at < wanted && !reader->ended) {
        VV_TRY(refill(reader, error));
    }
    *bytes = reader->buffer + reader->at;
    *length = reader->end - reader->at;
    *ended = reader->ended;
    return VARVE_OK;
}

/* Finds the end of the physical line that starts at *from (moved along when the buffer moves);
 * false: the line exceeds `limit` bytes from `at` on. */
static varve_status find_end(struct vv_line_reader *reader, size_t from, size_t *line_end,
                             bool *fits, varve_error *error)
{
    size_t looked = from - reader->at; /* relative to at, which moves */
    for (;;) {
        const char *start_bytes = reader->buffer + reader->at + looked;
        size_t count = reader->end - reader->at - looked;
        const char *found = count > 0 ? memchr(start_bytes, '\n', count) : NULL;
        if (found != NULL) {
            *line_end = (size_t)(found - reader->buffer);
        } else if (reader->ended) {
            *line_end = reader->end;
        }
        if (found != NULL || reader->ended) {
            /* A carriage return before the line feed is not counted. */
            *fits = *line_end - reader->at <= VV_LINE_BYTES_MAX + 1;
            return VARVE_OK;
        }
        looked = reader->end - reader->at;
        if (looked > VV_LINE_BYTES_MAX + 1) {
            *fits = false;
            return VARVE_OK;
        }
        VV_TRY(refill(reader, error));
    }
}

/* Drops bytes up to and including the next line feed. */
static varve_status skip_line(struct vv_line_reader *reader, varve_error *error)
{
    for (;;) {
        const char *begin = reader->buffer + reader->at;
        const char *found = memchr(begin, '\n', reader->end - reader->at);
        reader->at = found != NULL ? (size_t)(found - reader->buffer) + 1 : reader->end;
        reader->next = reader->at;
        reader->first_next = reader->at;
        if (found != NULL || reader->ended) {
            return VARVE_OK;
        }
        VV_TRY(refill(reader, error));
    }
}

static void set_line(struct vv_line_reader *reader, size_t line_end, struct vv_line *line)
{
    line->text = reader->buffer + reader->at;
    line->length = line_end - reader->at;
    if (line->length > 0 && line->text[line->length - 1] == '\r') {
        line->length--;
    }
    reader->next = line_end < reader->end ? line_end + 1 : reader->end;
}

varve_status vv_line_reader_next_slowly(struct vv_line_reader *reader, struct vv_line *line,
                                        varve_error *error)
{
    if (!reader->started) {
        VV_TRY(start(reader, error));
    }
    reader->at = reader->next;
    size_t line_end = 0;
    bool fits = true;
    VV_TRY(find_end(reader, reader->at, &line_end, &fits, error));
    if (fits && line_end == reader->end && line_end == reader->at) {
        return VARVE_NOT_FOUND;
    }
    *line = (struct vv_line){.number = ++reader->number, .text = reader->buffer};
    if (fits) {
        set_line(reader, line_end, line);
        fits = line->length <= VV_LINE_BYTES_MAX;
    }
    if (!fits) {
        *line = (struct vv_line){.number = reader->number, .text = "\n", .too_long = true};
        return skip_line(reader, error);
    }
    reader->first_next = reader->next;
    return VARVE_OK;
}

varve_status vv_line_reader_extend(struct vv_line_reader *reader, struct vv_line *line,
                                   varve_error *error)
{
    size_t line_end = 0;
    bool fits = true;
    bool more = reader->next < reader->end || !reader->ended;
    if (more) {
        size_t from = reader->next;
        size_t held = from - reader->at;
        VV_TRY(find_end(reader, from, &line_end, &fits, error));
        more = reader->at + held < reader->end;
    }
    if (more && fits) {
        set_line(reader, line_end, line);
        fits = line->length <= VV_LINE_BYTES_MAX;
        reader->number++;
    }
    if (more && fits) {
        return VARVE_OK;
    }
    reader->next = reader->first_next;
    reader->number = line->number;
    size_t first_end = reader->first_next;
    if (first_end > reader->at && reader->buffer[first_end - 1] == '\n') {
        first_end--;
    }
    set_line(reader, first_end, line);
    reader->next = reader->first_next;
    return more ? VARVE_LIMIT : VARVE_NOT_FOUND;
}
