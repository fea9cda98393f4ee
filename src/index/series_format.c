/*
 * series_format.c - varve_series_format(): the canonical text of a label set.
 *
 *   name{a="x",b="y"}    {"odd name","odd label"="y"}    {a="x"}    {}
 *
 * T1  Two label sets have the same text exactly if they are the same set in any order.
 * T2  vv_key_parse() reads the text back. For that NUL, which selectors refuse, becomes \x00; the
 *     other escapes are those of Prometheus: backslash, double quote and line feed.
 * Threads: pure.
 */
#include <string.h>

#include "varve/varve.h"

/* A place in the caller's memory that counts on where it no longer writes. */
struct text {
    char *bytes;
    size_t capacity;
    size_t length;
};

static void text_add(struct text *text, const char *bytes, size_t length)
{
    if (text->length < text->capacity && length > 0) {
        size_t room = text->capacity - text->length;
        memcpy(text->bytes + text->length, bytes, length < room ? length : room);
    }
    text->length += length;
}

static void text_add_quoted(struct text *text, varve_string string)
{
    text_add(text, "\"", 1);
    for (size_t index = 0; index < string.length; index++) {
        switch (string.bytes[index]) {
        case '\\':
            text_add(text, "\\\\", 2);
            break;
        case '"':
            text_add(text, "\\\"", 2);
            break;
        case '\n':
            text_add(text, "\\n", 2);
            break;
        case '\0':
            text_add(text, "\\x00", 4);
            break;
        default:
            text_add(text, &string.bytes[index], 1);
            break;
        }
    }
    text_add(text, "\"", 1);
}

static bool is_identifier(varve_string string, bool colon_allowed)
{
    for (size_t index = 0; index < string.length; index++) {
        char c = string.bytes[index];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool digit = c >= '0' && c <= '9' && index > 0;
        if (!letter && !digit && !(colon_allowed && c == ':')) {
            return false;
        }
    }
    return string.length > 0;
}

static bool is_metric(const varve_label *label)
{
    return label->name.length == 8 && memcmp(label->name.bytes, "__name__", 8) == 0;
}

static int name_compare(varve_string a, varve_string b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter > 0 ? memcmp(a.bytes, b.bytes, shorter) : 0;
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

/* The label with the least name greater than that of previous (NULL: any), the metric name left
 * out. Quadratic in the labels, of which there are few, and needs no memory. */
static const varve_label *next_label(const varve_label *labels, size_t count,
                                     const varve_label *previous)
{
    const varve_label *next = NULL;
    for (size_t index = 0; index < count; index++) {
        const varve_label *label = &labels[index];
        if (is_metric(label) || label->value.length == 0 ||
            (previous != NULL && name_compare(label->name, previous->name) <= 0)) {
            continue;
        }
        if (next == NULL || name_compare(label->name, next->name) < 0) {
            next = label;
        }
    }
    return next;
}

size_t varve_series_format(const varve_label *labels, size_t label_count, char *text,
                           size_t capacity)
{
    struct text out = {.bytes = text, .capacity = capacity};
    varve_string metric = {NULL, 0};
    for (size_t index = 0; index < label_count; index++) {
        if (is_metric(&labels[index])) {
            metric = labels[index].value;
        }
    }
    const varve_label *label = next_label(labels, label_count, NULL);
    bool bare = is_identifier(metric, true);
    if (bare) {
        text_add(&out, metric.bytes, metric.length);
        if (label == NULL) {
            return out.length;
        }
    }
    text_add(&out, "{", 1);
    if (metric.length > 0 && !bare) {
        text_add_quoted(&out, metric);
        text_add(&out, ",", label != NULL);
    }
    while (label != NULL) {
        if (is_identifier(label->name, false)) {
            text_add(&out, label->name.bytes, label->name.length);
        } else {
            text_add_quoted(&out, label->name);
        }
        text_add(&out, "=", 1);
        text_add_quoted(&out, label->value);
        label = next_label(labels, label_count, label);
        text_add(&out, ",", label != NULL);
    }
    text_add(&out, "}", 1);
    return out.length;
}
