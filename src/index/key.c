/*
 * key.c - series keys: canonical bytes from label sets, and labels, order and text from keys.
 *
 *   02 | 08 __name__ 03 cpu | 04 host 01 a
 *   count, then name and value of each label, every string behind its length (varints)
 *
 * K1  A label set has exactly one key: labels sorted by name, lengths in their only varint form.
 * K2  Whoever reads a key relies on vv_key_validate(): keys are made here or validated once, when
 *     they come from disk. A broken one is a programmer error from then on.
 * Threads: pure functions; only vv_key_encode() writes, to the caller's buffer.
 */
#include "index/key.h"

#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/utf8.h"

/* How much of a label name an error message shows. */
enum { NAME_SHOWN_BYTES = 64 };

enum { COUNT_BYTES = 1 }; /* of a key: the varint of its number of labels */
_Static_assert(VARVE_LABELS_MAX < 128, "the number of labels is a varint of one byte");

static const varve_string metric_label = {"__name__", 8};

static int string_compare(varve_string a, varve_string b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter > 0 ? memcmp(a.bytes, b.bytes, shorter) : 0;
    if (order != 0) {
        return order;
    }
    return a.length < b.length ? -1 : a.length > b.length;
}

static bool string_equal(varve_string a, varve_string b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

/* ----------------------------------------------------------------------------- Encoding */

static int shown_length(varve_string name)
{
    return name.length < NAME_SHOWN_BYTES ? (int)name.length : NAME_SHOWN_BYTES;
}

/* Checks one label by itself; number counts from 1, for names that cannot be printed. */
static varve_status label_check(const varve_label *label, size_t number, varve_error *error)
{
    varve_string name = label->name;
    if (name.length == 0) {
        return vv_fail(error, VARVE_INVALID, "label %zu has an empty name", number);
    }
    if (name.length > VARVE_LABEL_NAME_BYTES_MAX) {
        return vv_fail(error, VARVE_LIMIT,
                       "the name of label %zu has %zu bytes; at most %u are allowed", number,
                       name.length, VARVE_LABEL_NAME_BYTES_MAX);
    }
    if (!vv_utf8_valid(name.bytes, name.length)) {
        return vv_fail(error, VARVE_INVALID, "the name of label %zu is not UTF-8", number);
    }
    if (label->value.length > VARVE_LABEL_VALUE_BYTES_MAX) {
        return vv_fail(
            error, VARVE_LIMIT, "the value of label \"%.*s\" has %zu bytes; at most %u are allowed",
            shown_length(name), name.bytes, label->value.length, VARVE_LABEL_VALUE_BYTES_MAX);
    }
    if (!vv_utf8_valid(label->value.bytes, label->value.length)) {
        return vv_fail(error, VARVE_INVALID, "the value of label \"%.*s\" is not UTF-8",
                       shown_length(name), name.bytes);
    }
    return VARVE_OK;
}

/* Puts label behind those in sorted (count of them), or refuses a name that is there. Labels mostly
 * come sorted already, so that insertion is one comparison each. */
static varve_status label_insert(const varve_label **sorted, size_t count, const varve_label *label,
                                 varve_error *error)
{
    size_t at = count;
    while (at > 0) {
        int order = string_compare(sorted[at - 1]->name, label->name);
        if (order == 0) {
            return vv_fail(error, VARVE_INVALID, "label \"%.*s\" comes twice",
                           shown_length(label->name), label->name.bytes);
        }
        if (order < 0) {
            break;
        }
        at--;
    }
    memmove(&sorted[at + 1], &sorted[at], (count - at) * sizeof(sorted[0]));
    sorted[at] = label;
    return VARVE_OK;
}

static size_t string_size(varve_string string)
{
    return vv_varint_size(string.length) + string.length;
}

static void string_write(struct vv_writer *writer, varve_string string)
{
    vv_write_varint(writer, string.length);
    vv_write_bytes(writer, string.bytes, string.length);
}

static varve_status key_write(const varve_label *const *sorted, size_t count, struct vv_buffer *out,
                              varve_error *error)
{
    size_t bytes = vv_varint_size(count);
    for (size_t index = 0; index < count; index++) {
        bytes += string_size(sorted[index]->name) + string_size(sorted[index]->value);
    }
    if (bytes > VARVE_SERIES_KEY_BYTES_MAX) {
        return vv_fail(error, VARVE_LIMIT,
                       "the labels of the series take %zu bytes together; at most %u are allowed",
                       bytes, VARVE_SERIES_KEY_BYTES_MAX);
    }
    if (vv_buffer_reserve(out, bytes) != VARVE_OK) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory for the key of a series");
    }
    struct vv_writer writer = vv_writer_init(out->bytes + out->length, bytes);
    vv_write_varint(&writer, count);
    for (size_t index = 0; index < count; index++) {
        string_write(&writer, sorted[index]->name);
        string_write(&writer, sorted[index]->value);
    }
    VV_ASSERT(!writer.failed && vv_writer_left(&writer) == 0);
    out->length += bytes;
    return VARVE_OK;
}

varve_status vv_key_encode(const varve_label *labels, size_t label_count, struct vv_buffer *out,
                           varve_error *error)
{
    const varve_label *sorted[VARVE_LABELS_MAX];
    size_t count = 0;
    for (size_t index = 0; index < label_count; index++) {
        const varve_label *label = &labels[index];
        VV_TRY(label_check(label, index + 1, error));
        if (label->value.length == 0) {
            continue;
        }
        if (count == VARVE_LABELS_MAX) {
            return vv_fail(error, VARVE_LIMIT, "a series has at most %u labels", VARVE_LABELS_MAX);
        }
        VV_TRY(label_insert(sorted, count, label, error));
        count++;
    }
    if (count == 0) {
        return vv_fail(error, VARVE_INVALID, "a series needs at least one label");
    }
    return key_write(sorted, count, out, error);
}

varve_status vv_key_encode_group(const varve_label *labels, size_t label_count,
                                 struct vv_buffer *out)
{
    const varve_label *sorted[VARVE_LABELS_MAX];
    VV_ASSERT(label_count <= VARVE_LABELS_MAX);
    for (size_t index = 0; index < label_count; index++) {
        VV_ASSERT(index == 0 || string_compare(labels[index - 1].name, labels[index].name) < 0);
        sorted[index] = &labels[index];
    }
    return key_write(sorted, label_count, out, NULL);
}

/* ------------------------------------------------------------------------------ Reading */

static __attribute__((noinline)) varve_string long_string_read(struct vv_reader *reader)
{
    uint64_t length = vv_read_varint(reader);
    const uint8_t *bytes = vv_read_bytes(reader, length);
    return (varve_string){(const char *)bytes, bytes != NULL ? (size_t)length : 0};
}

/* Nearly all strings have fewer than 128 bytes: then one byte says how many. */
static inline varve_string string_read(struct vv_reader *reader)
{
    size_t left = vv_reader_left(reader);
    if (left > 0 && *reader->at < 0x80 && *reader->at < left) {
        varve_string string = {(const char *)reader->at + 1, *reader->at};
        reader->at += 1 + string.length;
        return string;
    }
    return long_string_read(reader);
}

/* Labels left in a key, and where the next one stands. */
struct label_walk {
    struct vv_reader reader;
    uint64_t left;
};

static struct label_walk walk_begin(struct vv_key key)
{
    VV_ASSERT(key.length >= COUNT_BYTES && key.bytes[0] <= VARVE_LABELS_MAX);
    return (struct label_walk){
        .reader = vv_reader_init(key.bytes + COUNT_BYTES, key.length - COUNT_BYTES),
        .left = key.bytes[0]};
}

static bool walk_next(struct label_walk *walk, varve_label *label)
{
    if (walk->left == 0) {
        return false;
    }
    walk->left--;
    label->name = string_read(&walk->reader);
    label->value = string_read(&walk->reader);
    VV_ASSERT(!walk->reader.failed);
    return true;
}

static bool string_acceptable(varve_string string, size_t bytes_max)
{
    return string.length > 0 && string.length <= bytes_max &&
           vv_utf8_valid(string.bytes, string.length);
}

varve_status vv_key_validate(struct vv_key key)
{
    struct vv_reader reader = vv_reader_init(key.bytes, key.length);
    uint64_t count = vv_read_varint(&reader);
    if (key.length > VARVE_SERIES_KEY_BYTES_MAX || count == 0 || count > VARVE_LABELS_MAX) {
        return VARVE_CORRUPT;
    }
    varve_string previous = {NULL, 0};
    for (uint64_t index = 0; index < count; index++) {
        varve_string name = string_read(&reader);
        varve_string value = string_read(&reader);
        if (reader.failed || !string_acceptable(name, VARVE_LABEL_NAME_BYTES_MAX) ||
            !string_acceptable(value, VARVE_LABEL_VALUE_BYTES_MAX) ||
            string_compare(previous, name) >= 0) {
            return VARVE_CORRUPT;
        }
        previous = name;
    }
    return vv_reader_left(&reader) == 0 ? VARVE_OK : VARVE_CORRUPT;
}

uint64_t vv_key_hash(struct vv_key key)
{
    return vv_hash(key.bytes, key.length);
}

size_t vv_key_labels(struct vv_key key, varve_label *labels)
{
    struct label_walk walk = walk_begin(key);
    size_t count = 0;
    while (walk_next(&walk, &labels[count])) {
        count++;
    }
    return count;
}

varve_string vv_key_value(struct vv_key key, varve_string name)
{
    struct label_walk walk = walk_begin(key);
    varve_label label;
    while (walk_next(&walk, &label)) {
        if (string_equal(label.name, name)) {
            return label.value;
        }
    }
    return (varve_string){"", 0};
}

bool vv_key_equal(struct vv_key a, struct vv_key b)
{
    return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

/* The next label but the metric name, which has been compared before the others. */
static bool walk_next_other(struct label_walk *walk, varve_label *label)
{
    while (walk_next(walk, label)) {
        if (!string_equal(label->name, metric_label)) {
            return true;
        }
    }
    return false;
}

/* Compares what the walks have left, metric names aside. */
static int compare_others(struct label_walk *walk_a, struct label_walk *walk_b)
{
    for (;;) {
        varve_label a = {0}, b = {0};
        bool more_a = walk_next_other(walk_a, &a);
        bool more_b = walk_next_other(walk_b, &b);
        if (!more_a || !more_b) {
            return (int)more_a - (int)more_b;
        }
        int order = string_compare(a.name, b.name);
        order = order != 0 ? order : string_compare(a.value, b.value);
        if (order != 0) {
            return order;
        }
    }
}

/* With how many equal bytes both begin. */
static size_t common_length(const uint8_t *a, const uint8_t *b, size_t length)
{
    size_t at = 0;
    while (length - at >= sizeof(uint64_t) && vv_load_u64(a + at) == vv_load_u64(b + at)) {
        at += sizeof(uint64_t);
    }
    while (at < length && a[at] == b[at]) {
        at++;
    }
    return at;
}

/* Moves both walks, which stand at their first label, over the labels that the keys have in common;
 * whether the metric name is among them. */
static bool skip_common(struct vv_key a, struct vv_key b, struct label_walk *walk_a,
                        struct label_walk *walk_b)
{
    const uint8_t *from = a.bytes + COUNT_BYTES;
    size_t shorter = a.length < b.length ? a.length : b.length;
    const uint8_t *common_end =
        from + common_length(from, b.bytes + COUNT_BYTES, shorter - COUNT_BYTES);
    bool has_metric = false;
    struct label_walk next = *walk_a;
    varve_label label;
    while (walk_b->left > 0 && walk_next(&next, &label)) {
        const uint8_t *label_end = (const uint8_t *)label.value.bytes + label.value.length;
        if (label_end > common_end) {
            break;
        }
        has_metric = has_metric || string_equal(label.name, metric_label);
        *walk_a = next;
        walk_b->left--;
        walk_b->reader = vv_reader_init(b.bytes + (label_end - a.bytes),
                                        b.length - (size_t)(label_end - a.bytes));
    }
    return has_metric;
}

int vv_key_compare(struct vv_key a, struct vv_key b)
{
    struct label_walk walk_a = walk_begin(a);
    struct label_walk walk_b = walk_begin(b);
    /* Neighbours in an index have most of their bytes in common, and mostly the metric name. */
    if (skip_common(a, b, &walk_a, &walk_b)) {
        return compare_others(&walk_a, &walk_b);
    }
    int order = string_compare(vv_key_value(a, metric_label), vv_key_value(b, metric_label));
    return order != 0 ? order : compare_others(&walk_a, &walk_b);
}
