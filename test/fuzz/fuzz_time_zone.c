/*
 * fuzz_time_zone.c - zones from any bytes: files of the IANA database, and fixed offsets.
 *
 * Whatever is accepted gives an offset within the bounds of the format for every time, and finds
 * the time of every local time without an endless loop.
 */
#include <stdint.h>

#include "base/status.h"
#include "base/time_zone.h"

enum { DAY_SECONDS = 86400 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_zone(const struct vv_time_zone *zone)
{
    /* Past and future beyond what nanoseconds can say, and a spread of times between. */
    for (int64_t at = INT64_C(-9223372036); at < INT64_C(9223372036);
         at += INT64_C(9223372036) / 97) {
        int32_t offset = vv_time_zone_offset(zone, at);
        VV_ASSERT(offset > -2 * DAY_SECONDS && offset < 2 * DAY_SECONDS);
        int64_t utc = vv_time_zone_to_utc(zone, at);
        VV_ASSERT(utc > at - 4 * DAY_SECONDS && utc < at + 4 * DAY_SECONDS);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct vv_zone_change changes[VV_TIME_ZONE_CHANGES_MAX];
    struct vv_time_zone zone;
    varve_string text = {(const char *)bytes, length};
    varve_status status = vv_time_zone_read(bytes, length, changes, &zone);
    VV_ASSERT(status == VARVE_OK || status == VARVE_INVALID);
    if (status == VARVE_OK) {
        check_zone(&zone);
    }
    status = vv_time_zone_fixed(text, &zone);
    VV_ASSERT(status == VARVE_OK || status == VARVE_INVALID);
    if (status == VARVE_OK) {
        check_zone(&zone);
    }
    return 0;
}
