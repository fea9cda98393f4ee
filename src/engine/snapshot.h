/*
 * snapshot.h - what varve_restore() is made of, for tests on an environment of their own.
 */
#ifndef VARVE_ENGINE_SNAPSHOT_H
#define VARVE_ENGINE_SNAPSHOT_H

#include "base/status.h"
#include "os/env.h"

/* varve_restore() on a given environment. */
varve_status vv_database_restore(const struct vv_env *env, const char *source, const char *path,
                                 const varve_copy_options *options, varve_copy_report *report,
                                 varve_error *error) VARVE_MUST_CHECK;

#endif
