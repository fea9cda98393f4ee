/*
 * labels.h - label sets and keys for tests, from text.
 */
#ifndef VARVE_TEST_SUPPORT_LABELS_H
#define VARVE_TEST_SUPPORT_LABELS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "index/key.h"

static inline varve_string vv_test_string(const char *text)
{
    return (varve_string){text, strlen(text)};
}

static inline varve_label vv_test_label(const char *name, const char *value)
{
    return (varve_label){vv_test_string(name), vv_test_string(value)};
}

/* The key of canonical series text. It points into buffer, which is cleared first. */
static inline struct vv_key vv_test_key(struct vv_buffer *buffer, const char *text)
{
    varve_error error = {.status = VARVE_OK};
    vv_buffer_clear(buffer);
    if (vv_key_parse(vv_test_string(text), buffer, &error) != VARVE_OK) {
        fail_msg("%s: %s", text, error.message);
    }
    return (struct vv_key){buffer->bytes, buffer->length};
}

#endif
