/*
 * time_zone_file.h - time zones by name, from the system's database.
 */
#ifndef VARVE_ENGINE_TIME_ZONE_FILE_H
#define VARVE_ENGINE_TIME_ZONE_FILE_H

#include "base/time_zone.h"
#include "os/env.h"

/* A zone and what it refers to: keep it in place. */
struct vv_loaded_zone {
    struct vv_time_zone zone;
    struct vv_zone_change changes[VV_TIME_ZONE_CHANGES_MAX];
};

/* Empty, UTC or +hh:mm need no file. INVALID names time_zone; IO, NO_MEMORY. */
varve_status vv_time_zone_load(varve_string name, struct vv_loaded_zone *loaded,
                               varve_error *error) VARVE_MUST_CHECK;

#endif
