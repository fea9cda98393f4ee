/*
 * report.c - formats what happens in a shard for whoever listens, now or later.
 */
#include "storage/report.h"

#include <stdio.h>

#include "os/alloc.h"

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

/* ------------------------------------------------------------------------------- kept */

struct vv_kept_report {
    struct vv_kept_report *next;
    varve_event_kind kind;
    varve_status status;
    uint64_t offset;
    bool has_file;
    char file[64]; /* longer than any name in a shard's directory */
    char message[sizeof(((varve_error *)0)->message)];
};

static void keep(void *context, varve_event_kind kind, varve_status status, const char *file,
                 uint64_t offset, const char *message)
{
    struct vv_report_keeper *keeper = context;
    struct vv_kept_report *kept = vv_alloc(sizeof(*kept));
    if (kept == NULL) {
        keeper->incomplete = true;
        return;
    }
    kept->next = NULL;
    kept->kind = kind;
    kept->status = status;
    kept->offset = offset;
    kept->has_file = file != NULL;
    (void)snprintf(kept->file, sizeof(kept->file), "%s", file != NULL ? file : "");
    (void)snprintf(kept->message, sizeof(kept->message), "%s", message);
    *(keeper->last != NULL ? &keeper->last->next : &keeper->first) = kept;
    keeper->last = kept;
}

void vv_report_keeper_init(struct vv_report_keeper *keeper)
{
    *keeper = (struct vv_report_keeper){.report = {keep, keeper}};
}

void vv_report_keeper_fini(struct vv_report_keeper *keeper)
{
    while (keeper->first != NULL) {
        struct vv_kept_report *next = keeper->first->next;
        vv_free(keeper->first);
        keeper->first = next;
    }
    keeper->last = NULL;
}

varve_status vv_report_keeper_tell(const struct vv_report_keeper *keeper,
                                   const struct vv_report *report)
{
    if (keeper->incomplete) {
        return VARVE_NO_MEMORY;
    }
    const struct vv_kept_report *kept = keeper->first;
    for (; kept != NULL && report->function != NULL; kept = kept->next) {
        report->function(report->context, kept->kind, kept->status,
                         kept->has_file ? kept->file : NULL, kept->offset, kept->message);
    }
    return VARVE_OK;
}
