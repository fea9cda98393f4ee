/*
 * time_zone.h - how far the clocks of a place are ahead of UTC, and when that changes.
 *
 * Reads the TZif format (RFC 8536), versions 1 to 4, with the rule for the time behind the last
 * transition (a POSIX TZ string). Threads: immutable once made; any.
 */
#ifndef VARVE_BASE_TIME_ZONE_H
#define VARVE_BASE_TIME_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "varve/varve.h"

enum { VV_TIME_ZONE_CHANGES_MAX = 512 };

/* When one offset ends and another begins; in a year's rule or once. */
struct vv_zone_change {
    int64_t at;             /* seconds since the epoch */
    int32_t offset_seconds; /* east of UTC from then on */
};

/* A day of each year on which clocks change. */
struct vv_zone_rule {
    enum { VV_RULE_NONE, VV_RULE_MONTH, VV_RULE_JULIAN, VV_RULE_DAY } kind;
    int32_t month; /* MONTH: 1 to 12; the weekday (0 Sunday) of the week (1 to 5: the last) */
    int32_t week;
    int32_t day;  /* MONTH: weekday; JULIAN: 1 to 365 without leap days; DAY: 0 to 365 */
    int32_t time; /* seconds of the day, in the time that ends */
};

/* A zeroed struct is UTC. */
struct vv_time_zone {
    int32_t first_offset; /* before the first change */
    int32_t last_offset;  /* behind the last one: standard time of the rule */
    int32_t summer_offset;
    struct vv_zone_rule to_summer; /* NONE: no rule */
    struct vv_zone_rule to_winter;
    size_t change_count;
    struct vv_zone_change *changes; /* ascending; the owner's */
};

/* Reads a TZif file: changes has room for VV_TIME_ZONE_CHANGES_MAX and is referred to. Older
 * changes are left out where there are more. INVALID: it is none. */
varve_status vv_time_zone_read(const uint8_t *bytes, size_t length, struct vv_zone_change *changes,
                               struct vv_time_zone *zone) VARVE_MUST_CHECK;
/* UTC, Z or a fixed offset (+hh:mm, -hhmm, +hh). INVALID: something else. */
varve_status vv_time_zone_fixed(varve_string text, struct vv_time_zone *zone) VARVE_MUST_CHECK;

/* Seconds east of UTC at a time (seconds since the epoch). */
int32_t vv_time_zone_offset(const struct vv_time_zone *zone, int64_t seconds);
/* The first time (UTC) at which clocks show local or later: a midnight that a change of the clocks
 * leaves out is the time of the change. */
int64_t vv_time_zone_to_utc(const struct vv_time_zone *zone, int64_t local);

#endif
