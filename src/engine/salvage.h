/*
 * salvage.h - what varve_salvage() is made of, for tests on an environment of their own.
 */
#ifndef VARVE_ENGINE_SALVAGE_H
#define VARVE_ENGINE_SALVAGE_H

#include "base/status.h"
#include "os/env.h"

/* varve_salvage() on a given environment. */
varve_status vv_database_salvage(const struct vv_env *env, const char *source, const char *path,
                                 varve_finding_function found, void *context,
                                 varve_salvage_report *report, varve_error *error) VARVE_MUST_CHECK;

#endif
