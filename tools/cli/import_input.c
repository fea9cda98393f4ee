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

static int check_file(const char *path, int fd, uint64_t *bytes, bool *sized)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        cli_say("cannot read %s: %s", path, strerror(errno));
        return varve_status_exit_code(VARVE_IO);
    }
    if (S_ISDIR(status.st_mode))
        return cli_usage_error("%s is a directory; name the files in it", path);
    if (!S_ISREG(status.st_mode)) {
        *sized = false;
        return 0;
    }
    *bytes += (uint64_t)status.st_size;
    const char *program = unpacker(fd);
    if (program)
        return cli_usage_error("%s is packed; unpack it first: %s %s | varve import DB -", path,
                               program, path);
    return 0;
}

int cli_input_check(const char *const *paths, uint64_t count, uint64_t *total_bytes)
{
    uint64_t bytes = 0;
    bool sized = true;
    int code = 0;
    for (uint64_t i = 0; i < count && code == 0; i++) {
        int fd;
        code = cli_input_open(paths[i], &fd);
        if (code != 0)
            break;
        code = check_file(is_stdin(paths[i]) ? "standard input" : paths[i], fd, &bytes, &sized);
        cli_input_close(fd);
    }
    *total_bytes = sized ? bytes : 0;
    return code;
}
