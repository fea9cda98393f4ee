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

/* Keeps reports until it is known whether they count. One thread at a time. */
struct vv_report_keeper {
    struct vv_report report; /* give its address to who reports; the keeper must not move */
    struct vv_kept_report *first;
    struct vv_kept_report *last;
    bool incomplete; /* there was no memory for one of them */
};
void vv_report_keeper_init(struct vv_report_keeper *keeper);
void vv_report_keeper_fini(struct vv_report_keeper *keeper);
/* Tells everything that was kept, in order. NO_MEMORY: nothing, since some of it is missing. */
varve_status vv_report_keeper_tell(const struct vv_report_keeper *keeper,
                                   const struct vv_report *report) VARVE_MUST_CHECK;

#endif
