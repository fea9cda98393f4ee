/*
 * report.c - formats what happens in a shard for whoever listens. No state.
 */
#include "storage/report.h"

#include <stdio.h>

void vv_report(const struct vv_report *report, varve_event_kind kind, varve_status status,
               const char *file, uint64_t offset, const char *format, ...)
{
    if (report->function == NULL) {
        return;
    }
    char message[sizeof(((varve_error *)0)->message)];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    report->function(report->context, kind, status, file, offset, message);
}
