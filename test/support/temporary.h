/*
 * temporary.h - a directory of its own for a test, and its removal.
 */
#ifndef VARVE_TEST_SUPPORT_TEMPORARY_H
#define VARVE_TEST_SUPPORT_TEMPORARY_H

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Makes a new empty directory under TMPDIR (default /tmp) and writes its path to path. */
static inline bool vv_test_temporary_create(char *path, size_t capacity)
{
    const char *parent = getenv("TMPDIR");
    int length = snprintf(path, capacity, "%s/varve-test-XXXXXX",
                          parent != NULL && *parent != '\0' ? parent : "/tmp");
    return length > 0 && (size_t)length < capacity && mkdtemp(path) != NULL;
}

static inline int vv_test_remove_entry(const char *path, const struct stat *status, int kind,
                                       struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

/* Removes a directory and everything in it. */
static inline bool vv_test_temporary_remove(const char *path)
{
    return nftw(path, vv_test_remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0;
}

#endif
