/*
 * source_tree.h - where the files of this source tree are, for tests that read some of them.
 */
#ifndef VARVE_TEST_SUPPORT_SOURCE_TREE_H
#define VARVE_TEST_SUPPORT_SOURCE_TREE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes the path of a file of the tree, "src/mmap/BLOCK_FORMAT.md". ctest says in VARVE_SOURCE
 * where the tree is; without it, a test that was compiled by its absolute path knows itself: file
 * is its __FILE__, which stands in test/unit. */
static inline void vv_test_source_path(const char *file, const char *relative, char *path,
                                       size_t bytes)
{
    const char *tree = getenv("VARVE_SOURCE");
    const char *slash = strrchr(file, '/');
    if (tree != NULL) {
        (void)snprintf(path, bytes, "%s/%s", tree, relative);
    } else {
        int folder = slash != NULL ? (int)(slash + 1 - file) : 0;
        (void)snprintf(path, bytes, "%.*s../../%s", folder, file, relative);
    }
}

#endif
