/*
 * report.h - how a shard tells its owner what happens: recovery, notes, damage, background errors.
 *
 * The sentence goes to the event function of the host or to the findings of a check.
 */
#ifndef VARVE_STORAGE_REPORT_H
#define VARVE_STORAGE_REPORT_H

#include "base/status.h"

/* file: relative to the database directory, or NULL; offset: byte in it. Called with locks held. */
typedef void (*vv_report_function)(void *context, varve_event_kind kind, varve_status status,
                                   const char *file, uint64_t offset, const char *message);

struct vv_report {
    vv_report_function function; /* NULL: nobody listens */
    void *context;
};

void vv_report(const struct vv_report *report, varve_event_kind kind, varve_status status,
               const char *file, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

#endif
