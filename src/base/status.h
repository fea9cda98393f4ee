/*
 * status.h - statuses, the error record and assertions inside varve.
 *
 * Three kinds of failure, never blurred:
 *   programmer error     VV_ASSERT, always on: the process stops before it can write nonsense
 *   operating error      a varve_status: I/O, space, limits, bad input
 *   impossible disk byte VARVE_CORRUPT: bytes that came from disk are never asserted on
 *
 * Detail goes into a caller-owned varve_error, filled once, where the failure happens. Hot calls
 * return the status only.
 */
#ifndef VARVE_BASE_STATUS_H
#define VARVE_BASE_STATUS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "varve/varve.h"

/* Stops the process with file, line and expression. Stays on in release builds. */
#define VV_ASSERT(expression)                                                                      \
    ((expression) ? (void)0 : vv_assert_failed(__FILE__, __LINE__, #expression))

/* Returns the status of a failed call. Only for functions that own nothing at that point. */
#define VV_TRY(call)                                                                               \
    do {                                                                                           \
        varve_status vv_try_status = (call);                                                       \
        if (vv_try_status != VARVE_OK) {                                                           \
            return vv_try_status;                                                                  \
        }                                                                                          \
    } while (0)

_Noreturn void vv_assert_failed(const char *file, int line, const char *expression);

/* The first of two statuses that is an error: cleanup never hides what went wrong before it. */
static inline varve_status vv_first(varve_status first, varve_status second)
{
    return first != VARVE_OK ? first : second;
}

/* Empties a caller's record, nullable. Public calls do so first: it may be uninitialised memory,
 * which the rule that the first error wins must not take for an error. */
static inline void vv_error_clear(varve_error *error)
{
    if (error != NULL) {
        error->status = VARVE_OK;
    }
}

/**
 * vv_fail() - fill an error record and return its status.
 *
 * @error    nullable; when it holds an error already, it is left alone (first error wins).
 * @status   what to return; not VARVE_OK.
 * @format   one sentence: what, where, what to do. Cut off where the record is full.
 */
varve_status vv_fail(varve_error *error, varve_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Fills the record, nullable, of a call that reads text and returns INVALID: whatever the record
 * held before, since it may be uninitialised and this is the one failure of the call. */
varve_status vv_refuse(varve_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * vv_fail_io() - as vv_fail(), with the errno of the system call and where it happened.
 *
 * The message becomes "<file>: <sentence>: <system error>", so the sentence repeats neither.
 *
 * @system_errno  0 where no system call failed (damage): nothing is appended then.
 * @file          nullable.
 * @offset        byte in the file; in the record only, not in the message.
 */
varve_status vv_fail_io(varve_error *error, varve_status status, int system_errno, const char *file,
                        uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* Passes on what another call put into detail, unless error holds a failure already; returns its
 * status. */
varve_status vv_fail_with(varve_error *error, const varve_error *detail);

/* The status for an errno: ENOSPC and EDQUOT are NO_SPACE, ENOMEM NO_MEMORY, EROFS and EACCES
 * READ_ONLY, ENOENT NOT_FOUND, EEXIST EXISTS, everything else IO. */
varve_status vv_status_from_errno(int system_errno);

#endif
