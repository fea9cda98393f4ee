/*
 * status.c - names of statuses, filling of error records, and the end after a failed assertion.
 *
 * S1  An error record is filled by the first failure; later ones leave it alone.
 * S2  message is always NUL-terminated, cut off where the record is full.
 *
 * Thread: all functions touch only their arguments. strerrordesc_np() is used because, unlike
 * strerror(), it has no static buffer and does not follow the host's locale.
 */
#include "base/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct status_row {
    const char *name;
    const char *text;
    int exit_code;
};

static const struct status_row status_rows[] = {
#define STATUS_ROW(name, value, exit_code, text) [value] = {#name, text, exit_code},
    VARVE_STATUS_MAP(STATUS_ROW)
#undef STATUS_ROW
};

/* The row of a status, or NULL for a number that is none. */
static const struct status_row *status_row_find(varve_status status)
{
    unsigned index = (unsigned)status;
    if (index >= sizeof status_rows / sizeof status_rows[0]) {
        return NULL;
    }
    return &status_rows[index];
}

const char *varve_version(void)
{
    return VARVE_VERSION_STRING;
}

const char *varve_status_name(varve_status status)
{
    const struct status_row *row = status_row_find(status);
    return row != NULL ? row->name : "?";
}

const char *varve_status_text(varve_status status)
{
    const struct status_row *row = status_row_find(status);
    return row != NULL ? row->text : "not a status of varve";
}

int varve_status_exit_code(varve_status status)
{
    const struct status_row *row = status_row_find(status);
    return row != NULL ? row->exit_code : status_row_find(VARVE_UNKNOWN)->exit_code;
}

_Noreturn void vv_assert_failed(const char *file, int line, const char *expression)
{
    fprintf(stderr, "varve: %s:%d: assertion failed: %s\n", file, line, expression);
    abort();
}

/* Appends to the message, cutting off at its end. */
static void message_append(varve_error *error, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void message_append(varve_error *error, const char *format, va_list arguments)
{
    size_t used = strlen(error->message);
    (void)vsnprintf(error->message + used, sizeof error->message - used, format, arguments);
}

static void message_add(varve_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void message_add(varve_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message_append(error, format, arguments);
    va_end(arguments);
}

/* Whether this failure is the one to be told; if so, the record is emptied for it. */
static bool error_claim(varve_error *error, varve_status status)
{
    VV_ASSERT(status != VARVE_OK);
    if (error == NULL || error->status != VARVE_OK) {
        return false;
    }
    error->status = status;
    error->system_errno = 0;
    error->offset = 0;
    error->message[0] = '\0';
    return true;
}

varve_status vv_fail(varve_error *error, varve_status status, const char *format, ...)
{
    if (error_claim(error, status)) {
        va_list arguments;
        va_start(arguments, format);
        message_append(error, format, arguments);
        va_end(arguments);
    }
    return status;
}

varve_status vv_refuse(varve_error *error, const char *format, ...)
{
    vv_error_clear(error);
    if (error_claim(error, VARVE_INVALID)) {
        va_list arguments;
        va_start(arguments, format);
        message_append(error, format, arguments);
        va_end(arguments);
    }
    return VARVE_INVALID;
}

varve_status vv_fail_io(varve_error *error, varve_status status, int system_errno, const char *file,
                        uint64_t offset, const char *format, ...)
{
    if (!error_claim(error, status)) {
        return status;
    }
    error->system_errno = system_errno;
    error->offset = offset;
    if (file != NULL) {
        message_add(error, "%s: ", file);
    }
    va_list arguments;
    va_start(arguments, format);
    message_append(error, format, arguments);
    va_end(arguments);
    if (system_errno != 0) {
        const char *text = strerrordesc_np(system_errno);
        if (text != NULL) {
            message_add(error, ": %s", text);
        } else {
            message_add(error, ": errno %d", system_errno);
        }
    }
    return status;
}

varve_status vv_fail_with(varve_error *error, const varve_error *detail)
{
    if (error != NULL && error->status == VARVE_OK) {
        *error = *detail;
    }
    return detail->status;
}

varve_status vv_status_from_errno(int system_errno)
{
    switch (system_errno) {
    case ENOSPC:
    case EDQUOT:
        return VARVE_NO_SPACE;
    case ENOMEM:
        return VARVE_NO_MEMORY;
    case EROFS:
    case EACCES:
        return VARVE_READ_ONLY;
    case ENOENT:
        return VARVE_NOT_FOUND;
    case EEXIST:
        return VARVE_EXISTS;
    default:
        return VARVE_IO;
    }
}
