/*
 * ck_series_set.h - series keys in a ck_hs: what the series table is tested against, and measured.
 *
 * Any number of readers beside one writer at a time (a mutex); what the set outgrows is kept until
 * it is destroyed, so that readers need no protection. ThreadSanitizer cannot see ck.
 */
#ifndef VARVE_TEST_SUPPORT_CK_SERIES_SET_H
#define VARVE_TEST_SUPPORT_CK_SERIES_SET_H

#include "index/key.h"

struct ck_series_set;

/* Ends the program when memory is out, as all of these. */
struct ck_series_set *ck_series_set_create(void);
void ck_series_set_destroy(struct ck_series_set *set);
/* The number of the key; UINT32_MAX if it is not there. */
uint32_t ck_series_set_find(struct ck_series_set *set, struct vv_key key, uint64_t hash);
/* The same; if it is not there it gets the next number. */
uint32_t ck_series_set_add(struct ck_series_set *set, struct vv_key key, uint64_t hash);

#endif
