/*
 * import_input.c - opens the files of an import, and finds out early what cannot be read.
 */
#include "import_input.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_stdin(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* A pipe that holds several reads keeps both ends busy at once. What is no pipe, or must not be
 * widened, stays as it is. */
static void widen_pipe(int fd)
{
    enum { PIPE_BYTES = 1 << 20 };
    int result = fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
    (void)result;
}

int cli_input_open(const char *path, int *fd)
{
    if (is_stdin(path)) {
        *fd = STDIN_FILENO;
        widen_pipe(*fd);
        return 0;
    }
    int opened = open(path, O_RDONLY | O_CLOEXEC);
    if (opened < 0) {
        cli_say("cannot read %s: %s", path, strerror(errno));
        return varve_status_exit_code(errno == ENOENT ? VARVE_NOT_FOUND : VARVE_IO);
    }
    posix_fadvise(opened, 0, 0, POSIX_FADV_SEQUENTIAL);
    *fd = opened;
    return 0;
}

void cli_input_close(int fd)
{
    if (fd != STDIN_FILENO)
        close(fd);
}

/* The program that unpacks the file, or NULL if it is not packed. */
static const char *unpacker(int fd)
{
    static const struct {
        const char *magic;
        size_t length;
        const char *program;
    } packers[] = {
        {"\x1f\x8b", 2, "gzip -dc"},
        {"\x28\xb5\x2f\xfd", 4, "zstd -dc"},
        {"BZh", 3, "bzip2 -dc"},
        {"\xfd"
         "7zXZ",
         5, "xz -dc"},
    };
    char begin[8] = "";
    ssize_t length = pread(fd, begin, sizeof begin, 0);
    for (size_t i = 0; i < sizeof packers / sizeof packers[0]; i++) {
        if (length >= (ssize_t)packers[i].length &&
            memcmp(begin, packers[i].magic, packers[i].length) == 0)
            return packers[i].program;
    }
    return NULL;
}

/* Whether it can be read at all. A pipe or the like is not opened: what its other end writes is
 * meant for the import. */
static int check_access(const char *path, bool *is_regular)
{
    struct stat status;
    const char *name = is_stdin(path) ? "standard input" : path;
    int failed = is_stdin(path) ? fstat(STDIN_FILENO, &status) : stat(path, &status);
    *is_regular = failed == 0 && S_ISREG(status.st_mode);
    if (failed == 0 && S_ISDIR(status.st_mode))
        return cli_usage_error("%s is a directory; name the files in it", name);
    if (failed == 0 && !is_stdin(path))
        failed = access(path, R_OK);
    if (failed != 0) {
        cli_say("cannot read %s: %s", name, strerror(errno));
        return varve_status_exit_code(errno == ENOENT ? VARVE_NOT_FOUND : VARVE_IO);
    }
    return 0;
}

/* Adds the size of a regular file that is not packed. */
static int check_file(const char *path, uint64_t *bytes)
{
    int fd;
    int code = cli_input_open(path, &fd);
    if (code != 0)
        return code;
    struct stat status;
    if (fstat(fd, &status) == 0)
        *bytes += (uint64_t)status.st_size;
    const char *program = unpacker(fd);
    if (program)
        code = cli_usage_error("%s is packed; unpack it first: %s %s | varve import DB -",
                               is_stdin(path) ? "standard input" : path, program,
                               is_stdin(path) ? "FILE" : path);
    cli_input_close(fd);
    return code;
}

int cli_input_check(const char *const *paths, uint64_t count, uint64_t *total_bytes)
{
    uint64_t bytes = 0;
    bool sized = true;
    int code = 0;
    for (uint64_t i = 0; i < count && code == 0; i++) {
        bool is_regular;
        code = check_access(paths[i], &is_regular);
        if (code == 0 && is_regular)
            code = check_file(paths[i], &bytes);
        sized = sized && is_regular;
    }
    *total_bytes = sized ? bytes : 0;
    return code;
}
