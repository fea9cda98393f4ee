/*
 * harness_count.c - counts what time cannot show: memory, cache misses, system calls.
 *
 *   program --benchmarks=W --count-variant V --count-times N   under cachegrind or strace
 *   ... and once more with N = 0: the difference is what the work cost
 */
#include "harness.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness_internal.h"

enum { LINE_BYTES = 4096, WORD_BYTES = 32 };

/* ------------------------------------------------------------------------------- memory */

/* The number behind "FIELD:" in a file of /proc; 0 if there is none. */
static uint64_t number_of_field(const char *path, const char *field)
{
    char line[256];
    uint64_t number = 0;
    size_t length = strlen(field);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, field, length) == 0 && line[length] == ':') {
            number = strtoull(line + length + 1, NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return number;
}

uint64_t bench_resident_bytes(void)
{
    return number_of_field("/proc/self/status", "VmRSS") * 1024;
}

uint64_t bench_peak_bytes(void)
{
    return number_of_field("/proc/self/status", "VmHWM") * 1024;
}

uint64_t bench_read_bytes(void)
{
    return number_of_field("/proc/self/io", "rchar");
}

void bench_reset_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file != NULL) {
        (void)fputs("5", file);
        (void)fclose(file);
    }
}

/* ---------------------------------------------------------------------- running a child */

static bool is_installed(const char *tool)
{
    const char *path = getenv("PATH");
    char name[LINE_BYTES];
    for (const char *at = path; at != NULL && *at != '\0';) {
        size_t length = strcspn(at, ":");
        (void)snprintf(name, sizeof name, "%.*s/%s", (int)length, at, tool);
        if (access(name, X_OK) == 0) {
            return true;
        }
        at += length + (at[length] == ':');
    }
    return false;
}

/* What the child is to count. */
struct job {
    const char *workload;
    const char *variant;
    uint64_t times;
    bool quick;
};

/* Runs tool (a NULL-terminated list of words) on this program; its output is dropped. */
static bool run_child(const char *const *tool, const struct job *job)
{
    char workload[WORD_BYTES * 4];
    char times[WORD_BYTES];
    const char *words[WORD_BYTES];
    size_t count = 0;
    (void)snprintf(workload, sizeof workload, "--benchmarks=%s", job->workload);
    (void)snprintf(times, sizeof times, "%" PRIu64, job->times);
    const char *own[] = {bench_program_path,
                         workload,
                         job->quick ? "--quick" : "--full",
                         "--count-variant",
                         job->variant,
                         "--count-times",
                         times,
                         NULL};
    for (size_t i = 0; tool[i] != NULL; i++) {
        words[count++] = tool[i];
    }
    for (size_t i = 0; i < BENCH_COUNT_OF(own); i++) {
        words[count++] = own[i];
    }
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
        const char *isa = getenv("VARVE_ISA");
        if (isa == NULL || strcmp(isa, "scalar") != 0) {
            (void)setenv("VARVE_ISA", "avx2", 1);
        }
        (void)execvp(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

/* A file for the tool's figures; false if none can be made. */
static bool make_file(char *path, size_t size)
{
    const char *folder = getenv("TMPDIR");
    (void)snprintf(path, size, "%s/varve-count-XXXXXX", folder != NULL ? folder : "/tmp");
    int file = mkstemp(path);
    return file >= 0 && close(file) == 0;
}

/* --------------------------------------------------------------------------- cachegrind */

/* Reads the events of a cachegrind file by their names. */
static bool read_counts(const char *path, struct bench_counts *counts)
{
    char events[LINE_BYTES] = "";
    char summary[LINE_BYTES] = "";
    char line[LINE_BYTES];
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "events:", 7) == 0) {
            (void)snprintf(events, sizeof events, "%s", line + 7);
        } else if (strncmp(line, "summary:", 8) == 0) {
            (void)snprintf(summary, sizeof summary, "%s", line + 8);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    *counts = (struct bench_counts){0};
    char *event_rest = NULL, *figure_rest = NULL;
    char *event = strtok_r(events, " \n", &event_rest);
    char *figure = strtok_r(summary, " \n", &figure_rest);
    bool any = false;
    for (; event != NULL && figure != NULL; any = true) {
        double value = strtod(figure, NULL);
        counts->instructions += strcmp(event, "Ir") == 0 ? value : 0;
        counts->references += strcmp(event, "Dr") == 0 || strcmp(event, "Dw") == 0 ? value : 0;
        counts->d1_misses += strcmp(event, "D1mr") == 0 || strcmp(event, "D1mw") == 0 ? value : 0;
        counts->ll_misses += strcmp(event, "DLmr") == 0 || strcmp(event, "DLmw") == 0 ? value : 0;
        event = strtok_r(NULL, " \n", &event_rest);
        figure = strtok_r(NULL, " \n", &figure_rest);
    }
    return any;
}

static const char *count_once(const struct job *job, struct bench_counts *counts)
{
    char path[LINE_BYTES];
    char out[LINE_BYTES + WORD_BYTES];
    if (!make_file(path, sizeof path)) {
        return "no temporary file can be made";
    }
    (void)snprintf(out, sizeof out, "--cachegrind-out-file=%s", path);
    const char *tool[] = {
        "valgrind", "--tool=cachegrind", "--cache-sim=yes", "-q", BENCH_CACHES, out, NULL};
    bool done = run_child(tool, job) && read_counts(path, counts);
    (void)unlink(path);
    return done ? NULL : "the work failed under cachegrind";
}

const char *bench_count(const struct bench_run *run, const char *workload, const char *variant,
                        uint64_t times, struct bench_counts *counts)
{
    if (!is_installed("valgrind")) {
        return "no valgrind";
    }
    struct job job = {workload, variant, 0, run->quick};
    struct bench_counts idle;
    const char *why = count_once(&job, &idle);
    job.times = times;
    if (why == NULL) {
        why = count_once(&job, counts);
    }
    if (why != NULL) {
        return why;
    }
    counts->instructions = (counts->instructions - idle.instructions) / (double)times;
    counts->references = (counts->references - idle.references) / (double)times;
    counts->d1_misses = (counts->d1_misses - idle.d1_misses) / (double)times;
    counts->ll_misses = (counts->ll_misses - idle.ll_misses) / (double)times;
    return NULL;
}

/* ------------------------------------------------------------------------- system calls */

/* Adds the column "calls" of strace's table; true if the table is there. */
static bool read_calls(const char *path, double *total)
{
    char line[LINE_BYTES];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    *total = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        double percent, seconds, each, calls;
        /* % time, seconds, usecs/call, calls, [errors], name */
        if (sscanf(line, "%lf %lf %lf %lf", &percent, &seconds, &each, &calls) == 4 &&
            strstr(line, "total") == NULL) {
            *total += calls;
        }
    }
    (void)fclose(file);
    return true;
}

static const char *count_calls_once(const struct job *job, const char *calls, double *total)
{
    char path[LINE_BYTES];
    char filter[LINE_BYTES];
    if (!make_file(path, sizeof path)) {
        return "no temporary file can be made";
    }
    (void)snprintf(filter, sizeof filter, "trace=%s", calls);
    const char *tool[] = {"strace", "-f", "-c", "-q", "-o", path, "-e", filter, NULL};
    bool done = run_child(tool, job) && read_calls(path, total);
    (void)unlink(path);
    return done ? NULL : "strace is not allowed here, or the work failed under it";
}

const char *bench_count_calls(const struct bench_run *run, const char *workload,
                              const char *variant, uint64_t times, const char *calls, double *total)
{
    if (!is_installed("strace")) {
        return "no strace";
    }
    struct job job = {workload, variant, 0, run->quick};
    double idle = 0;
    const char *why = count_calls_once(&job, calls, &idle);
    job.times = times;
    if (why == NULL) {
        why = count_calls_once(&job, calls, total);
    }
    if (why == NULL) {
        *total -= idle;
    }
    return why;
}
