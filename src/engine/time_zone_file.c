/*
 * time_zone_file.c - reading a file of /usr/share/zoneinfo.
 *
 * Z1  A name is a relative path of words: it never leaves the folder.
 * Threads: any.
 */
#include "engine/time_zone_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/time_fields.h"
#include "os/alloc.h"

#define ZONE_FOLDER "/usr/share/zoneinfo"

enum { NAME_BYTES_MAX = 100, FILE_BYTES_MAX = 1 << 18 };

static bool is_name(varve_string name)
{
    if (name.length > NAME_BYTES_MAX) {
        return false;
    }
    for (size_t at = 0; at < name.length; at++) {
        char letter = name.bytes[at];
        bool word = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                    (letter >= '0' && letter <= '9') || letter == '_' || letter == '+' ||
                    letter == '-';
        bool slash = letter == '/' && at > 0 && name.bytes[at - 1] != '/';
        if (!word && !slash) {
            return false;
        }
    }
    return true;
}

/* Reads the file into bytes (FILE_BYTES_MAX); its length or -errno. */
static int64_t read_file(const char *path, uint8_t *bytes)
{
    const struct vv_env *env = vv_env_posix();
    char folder[sizeof(ZONE_FOLDER) + NAME_BYTES_MAX + 2];
    (void)snprintf(folder, sizeof(folder), "%s", path);
    char *name = strrchr(folder, '/');
    *name++ = '\0';
    int directory = env->ops->open_directory(env->ctx, folder);
    if (directory < 0) {
        return directory;
    }
    int file = env->ops->open(env->ctx, directory, name, VV_OPEN_READ);
    int64_t length = file;
    if (file >= 0) {
        length = env->ops->pread(env->ctx, file, bytes, FILE_BYTES_MAX, 0);
        (void)env->ops->close(env->ctx, file); /* only read from */
    }
    (void)env->ops->close(env->ctx, directory);
    return length;
}

varve_status vv_time_zone_load(varve_string name, struct vv_loaded_zone *loaded, varve_error *error)
{
    char path[sizeof(ZONE_FOLDER) + NAME_BYTES_MAX + 2];
    if (vv_time_zone_fixed(name, &loaded->zone) == VARVE_OK) {
        return VARVE_OK;
    }
    if (!is_name(name)) {
        return vv_fail(error, VARVE_INVALID,
                       "time_zone: \"%.*s\" is neither a name like Europe/Berlin nor +hh:mm",
                       vv_shown_length(name), name.bytes);
    }
    (void)snprintf(path, sizeof(path), "%s/%.*s", ZONE_FOLDER, (int)name.length, name.bytes);
    uint8_t *bytes = vv_alloc(FILE_BYTES_MAX);
    if (bytes == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to read %s", path);
    }
    int64_t length = read_file(path, bytes);
    varve_status status = VARVE_INVALID;
    if (length >= 0) {
        status = vv_time_zone_read(bytes, (size_t)length, loaded->changes, &loaded->zone);
    }
    vv_free(bytes);
    if (status == VARVE_OK) {
        return VARVE_OK;
    }
    return vv_fail(error, VARVE_INVALID,
                   length == -ENOENT || length == -ENOTDIR
                       ? "time_zone: there is no %s (the package tzdata has the zones)"
                       : "time_zone: %s is no time zone",
                   path);
}
