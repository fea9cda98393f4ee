/*
 * retention.h - which samples have expired: the floors of the retention rules, compiled.
 *
 * A floor hides at once, for every reader, what is older; the blocks behind it go later. So a rule
 * takes effect with one record of the manifest, whatever the size of the data and with a full disk.
 */
#ifndef VARVE_STORAGE_RETENTION_H
#define VARVE_STORAGE_RETENTION_H

#include "index/key.h"
#include "index/matcher.h"
#include "storage/manifest/manifest.h"

struct vv_retention; /* immutable, reference-counted; any number of threads */

/* The rules' floors, with one reference; *retention is NULL if no rule has one. NO_MEMORY; INVALID:
 * a selector makes no sense. */
varve_status vv_retention_create(const struct vv_retention_rule *rules, size_t rule_count,
                                 struct vv_retention **retention,
                                 varve_error *error) VARVE_MUST_CHECK;
/* NULL is fine; returns retention. */
struct vv_retention *vv_retention_acquire(struct vv_retention *retention);
void vv_retention_release(struct vv_retention *retention); /* NULL is fine */

/* Samples of the series before *floor have expired; INT64_MIN: none. retention is nullable. LIMIT:
 * a regex ran into its limits. Cost: a match for each rule that has a selector. */
varve_status vv_retention_floor(struct vv_retention *retention, struct vv_key key,
                                int64_t *floor) VARVE_MUST_CHECK;

/* The floor that all series share, and whether some may have a higher one. */
int64_t vv_retention_common_floor(const struct vv_retention *retention);
bool vv_retention_has_selectors(const struct vv_retention *retention);
/* The highest floor of all. */
int64_t vv_retention_highest_floor(const struct vv_retention *retention);

/* The matchers of a selector in text, "" for all series. INVALID, NO_MEMORY. */
varve_status vv_retention_matchers(const char *selector, size_t length,
                                   struct vv_matchers **matchers,
                                   varve_error *error) VARVE_MUST_CHECK;

#endif
