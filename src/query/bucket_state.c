/*
 * bucket_state.c - partial states of aggregates as bytes, and back.
 *
 *   | version, parts, value count | bucket: 88 bytes | more: 96 bytes | values: 8 bytes each |
 *
 * P1  Floats keep their bits: a state that went through here answers as it did before.
 * P2  Nothing that is read is believed: sizes are checked against the length before memory is taken
 *     for them, and what the merge relies on (samples, order of times) is checked, too.
 * Threads: pure. Format: STATE_FORMAT.md.
 */
#include "query/bucket_state.h"

#include "base/bytes.h"

enum {
    STATE_VERSION = 1,
    PART_MORE = 1,
    PART_VALUES = 2,
    HEAD_BYTES = 96,
    MORE_BYTES = 96,
    RUN_VALUES_MAX = 4000,
};

static void write_double(struct vv_writer *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    vv_write_u64(out, bits);
}

static double read_double(struct vv_reader *in)
{
    uint64_t bits = vv_read_u64(in);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* ------------------------------------------------------------------------------- Writing */

static void write_bucket(struct vv_writer *out, const struct vv_bucket *bucket)
{
    vv_write_u64(out, (uint64_t)bucket->time);
    vv_write_u64(out, bucket->count);
    write_double(out, bucket->numbers.sum);
    write_double(out, bucket->numbers.compensation);
    write_double(out, bucket->numbers.min);
    write_double(out, bucket->numbers.max);
    vv_write_u64(out, bucket->numbers.count);
    vv_write_u64(out, (uint64_t)bucket->first_time);
    vv_write_u64(out, (uint64_t)bucket->last_time);
    write_double(out, bucket->first);
    write_double(out, bucket->last);
}

static void write_more(struct vv_writer *out, const struct vv_bucket_more *more)
{
    write_double(out, more->mean);
    write_double(out, more->squares);
    write_double(out, more->weight);
    write_double(out, more->delta);
    write_double(out, more->increase);
    write_double(out, more->rate);
    write_double(out, more->irate);
    vv_write_u64(out, more->resets);
    vv_write_u64(out, more->changes);
    vv_write_u64(out, more->has_steps ? 1 : 0);
    write_double(out, more->area);
    write_double(out, more->duration);
    for (const struct vv_value_run *run = more->values; run != NULL; run = run->next) {
        for (uint32_t at = 0; at < run->count; at++) {
            write_double(out, run->values[at]);
        }
    }
}

varve_status vv_bucket_state_encode(const struct vv_bucket *bucket,
                                    const struct vv_bucket_more *more, struct vv_buffer *out)
{
    VV_ASSERT(bucket->count >= 1);
    uint64_t values = 0;
    for (const struct vv_value_run *run = more != NULL ? more->values : NULL; run != NULL;
         run = run->next) {
        values += run->count;
    }
    if (values > UINT32_MAX) {
        return VARVE_LIMIT;
    }
    size_t bytes = HEAD_BYTES + (more != NULL ? MORE_BYTES + (size_t)values * sizeof(double) : 0);
    VV_TRY(vv_buffer_reserve(out, bytes));
    struct vv_writer writer = vv_writer_init(out->bytes + out->length, bytes);
    vv_write_u8(&writer, STATE_VERSION);
    vv_write_u8(&writer,
                (uint8_t)((more != NULL ? PART_MORE : 0) | (values > 0 ? PART_VALUES : 0)));
    vv_write_u16(&writer, 0);
    vv_write_u32(&writer, (uint32_t)values);
    write_bucket(&writer, bucket);
    if (more != NULL) {
        write_more(&writer, more);
    }
    VV_ASSERT(!writer.failed && vv_writer_left(&writer) == 0);
    out->length += bytes;
    return VARVE_OK;
}

/* ------------------------------------------------------------------------------- Reading */

static varve_status read_bucket(struct vv_reader *in, struct vv_bucket *bucket)
{
    *bucket = (struct vv_bucket){0};
    bucket->time = (int64_t)vv_read_u64(in);
    bucket->count = vv_read_u64(in);
    bucket->numbers.sum = read_double(in);
    bucket->numbers.compensation = read_double(in);
    bucket->numbers.min = read_double(in);
    bucket->numbers.max = read_double(in);
    bucket->numbers.count = vv_read_u64(in);
    bucket->first_time = (int64_t)vv_read_u64(in);
    bucket->last_time = (int64_t)vv_read_u64(in);
    bucket->first = read_double(in);
    bucket->last = read_double(in);
    bool sane = bucket->count >= 1 && bucket->numbers.count <= bucket->count &&
                bucket->first_time <= bucket->last_time;
    return !in->failed && sane ? VARVE_OK : VARVE_CORRUPT;
}

static varve_status read_more(struct vv_reader *in, struct vv_bucket_more *more)
{
    *more = (struct vv_bucket_more){0};
    more->mean = read_double(in);
    more->squares = read_double(in);
    more->weight = read_double(in);
    more->delta = read_double(in);
    more->increase = read_double(in);
    more->rate = read_double(in);
    more->irate = read_double(in);
    more->resets = vv_read_u64(in);
    more->changes = vv_read_u64(in);
    uint64_t has_steps = vv_read_u64(in);
    more->has_steps = has_steps == 1;
    more->area = read_double(in);
    more->duration = read_double(in);
    return !in->failed && has_steps <= 1 ? VARVE_OK : VARVE_CORRUPT;
}

/* Reads count values, which are all that is left. */
static varve_status read_values(struct vv_reader *in, size_t count, struct vv_query_memory *memory,
                                struct vv_bucket_more *more)
{
    struct vv_value_run **place = &more->values; /* runs keep the order of the values */
    while (count > 0) {
        size_t room = count < RUN_VALUES_MAX ? count : RUN_VALUES_MAX;
        struct vv_value_run *run =
            vv_query_alloc(memory, sizeof(*run) + room * sizeof(run->values[0]));
        if (run == NULL) {
            return vv_query_memory_status(memory);
        }
        *run = (struct vv_value_run){.count = (uint32_t)room, .capacity = (uint32_t)room};
        *place = run;
        place = &run->next;
        for (size_t at = 0; at < room; at++) {
            run->values[at] = read_double(in);
            if (run->values[at] != run->values[at]) {
                return VARVE_CORRUPT;
            }
        }
        count -= room;
    }
    return VARVE_OK;
}

varve_status vv_bucket_state_decode(const void *bytes, size_t length,
                                    struct vv_query_memory *memory, struct vv_bucket *bucket,
                                    struct vv_bucket_more *more)
{
    struct vv_reader in = vv_reader_init(bytes, length);
    uint8_t version = vv_read_u8(&in);
    uint8_t parts = vv_read_u8(&in);
    uint16_t zero = vv_read_u16(&in);
    size_t values = vv_read_u32(&in);
    if (!in.failed && version > STATE_VERSION) {
        return VARVE_VERSION;
    }
    uint8_t wanted = (uint8_t)((more != NULL ? PART_MORE : 0) | (values > 0 ? PART_VALUES : 0));
    if (in.failed || version != STATE_VERSION || zero != 0 || parts != wanted ||
        (values > 0 && more == NULL)) {
        return VARVE_CORRUPT;
    }
    struct vv_bucket read;
    struct vv_bucket_more read_parts;
    VV_TRY(read_bucket(&in, &read));
    if (more == NULL) {
        if (vv_reader_left(&in) > 0) {
            return VARVE_CORRUPT;
        }
        *bucket = read;
        return VARVE_OK;
    }
    VV_TRY(read_more(&in, &read_parts));
    if (vv_reader_left(&in) != values * sizeof(double)) { /* P2: before memory is taken */
        return VARVE_CORRUPT;
    }
    varve_status status = read_values(&in, values, memory, &read_parts);
    if (status != VARVE_OK) {
        vv_bucket_more_fini(&read_parts, memory);
        return status;
    }
    *bucket = read;
    *more = read_parts;
    return VARVE_OK;
}

void vv_bucket_more_fini(struct vv_bucket_more *more, struct vv_query_memory *memory)
{
    while (more->values != NULL) {
        struct vv_value_run *run = more->values;
        more->values = run->next;
        vv_query_free(memory, run);
    }
}
