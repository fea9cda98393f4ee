/*
 * collect_host.c - the files of /proc as samples: processor, memory, disks, network, pressure, file
 * systems. One function per file, one metric per number in it.
 */
#include "collect.h"

#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])
#define SECTOR_BYTES 512

/* cpu0 10132153 290696 3084719 46828483 16683 0 25195 0 175628 0 */
static void read_cpu_line(struct cli_round *round, const char *text)
{
    static const char *const modes[] = {"user",   "nice", "system",  "idle",
                                        "iowait", "irq",  "softirq", "steal"};
    double ticks[LENGTH(modes)];
    char cpu[16];
    int begin = 0;
    if (sscanf(text, "cpu%15[0-9] %n", cpu, &begin) != 1)
        return;
    size_t count = cli_read_numbers(text + begin, ticks, LENGTH(ticks));
    double ticks_per_second = (double)sysconf(_SC_CLK_TCK);
    for (size_t i = 0; i < count; i++) {
        struct cli_pair labels[] = {{"cpu", cpu}, {"mode", modes[i]}};
        cli_round_add(round, "node_cpu_seconds_total", ticks[i] / ticks_per_second, labels, 2);
    }
}

static void read_stat_line(struct cli_round *round, char *text)
{
    static const char *const names[][2] = {
        {"intr ", "node_intr_total"},
        {"ctxt ", "node_context_switches_total"},
        {"btime ", "node_boot_time_seconds"},
        {"processes ", "node_forks_total"},
        {"procs_running ", "node_procs_running"},
        {"procs_blocked ", "node_procs_blocked"},
    };
    double number;
    if (strncmp(text, "cpu", 3) == 0) {
        read_cpu_line(round, text);
        return;
    }
    for (size_t i = 0; i < LENGTH(names); i++) {
        size_t length = strlen(names[i][0]);
        if (strncmp(text, names[i][0], length) == 0 && cli_read_numbers(text + length, &number, 1))
            cli_round_add_plain(round, names[i][1], number);
    }
}

static void read_load_line(struct cli_round *round, char *text)
{
    static const char *const names[] = {"node_load1", "node_load5", "node_load15"};
    double loads[LENGTH(names)];
    size_t count = cli_read_numbers(text, loads, LENGTH(loads));
    for (size_t i = 0; i < count; i++)
        cli_round_add_plain(round, names[i], loads[i]);
}

static void read_uptime_line(struct cli_round *round, char *text)
{
    double uptime;
    if (cli_read_numbers(text, &uptime, 1) == 1)
        cli_round_add_plain(round, "node_uptime_seconds", uptime);
}

void cli_collect_cpu(struct cli_round *round)
{
    cli_each_line("/proc/stat", read_stat_line, round);
    cli_each_line("/proc/loadavg", read_load_line, round);
    cli_each_line("/proc/uptime", read_uptime_line, round);
}

/* Active(anon):     123456 kB */
static void read_meminfo_line(struct cli_round *round, char *text)
{
    char metric[96] = "node_memory_";
    size_t length = strlen(metric);
    char *colon = strchr(text, ':');
    double number;
    if (!colon || cli_read_numbers(colon + 1, &number, 1) != 1)
        return;
    for (const char *from = text; from < colon && length + 8 < sizeof metric; from++) {
        if (*from != ')')
            metric[length++] = *from == '(' ? '_' : *from;
    }
    if (strstr(colon, " kB")) {
        memcpy(metric + length, "_bytes", 7);
        number *= 1024;
    }
    cli_round_add_plain(round, metric, number);
}

static void read_vmstat_line(struct cli_round *round, char *text)
{
    static const char *const names[] = {"pgpgin",  "pgpgout",    "pswpin",  "pswpout",
                                        "pgfault", "pgmajfault", "oom_kill"};
    double number;
    char *blank = strchr(text, ' ');
    if (!blank || cli_read_numbers(blank, &number, 1) != 1)
        return;
    *blank = '\0';
    for (size_t i = 0; i < LENGTH(names); i++) {
        char metric[48];
        snprintf(metric, sizeof metric, "node_vmstat_%s", names[i]);
        if (strcmp(text, names[i]) == 0)
            cli_round_add_plain(round, metric, number);
    }
}

void cli_collect_memory(struct cli_round *round)
{
    cli_each_line("/proc/meminfo", read_meminfo_line, round);
    cli_each_line("/proc/vmstat", read_vmstat_line, round);
}

/* A number of a line, and what it is multiplied by to be of the metric's unit. */
struct field {
    const char *metric;
    double factor;
};

/*   8       0 sda 1210 0 72408 396 1058 2013 42464 1480 0 1220 1876 ... */
static void read_disk_line(struct cli_round *round, char *text)
{
    static const struct field fields[] = {
        {"node_disk_reads_completed_total", 1},
        {"node_disk_reads_merged_total", 1},
        {"node_disk_read_bytes_total", SECTOR_BYTES},
        {"node_disk_read_time_seconds_total", 1e-3},
        {"node_disk_writes_completed_total", 1},
        {"node_disk_writes_merged_total", 1},
        {"node_disk_written_bytes_total", SECTOR_BYTES},
        {"node_disk_write_time_seconds_total", 1e-3},
        {"node_disk_io_now", 1},
        {"node_disk_io_time_seconds_total", 1e-3},
        {"node_disk_io_time_weighted_seconds_total", 1e-3},
    };
    double numbers[LENGTH(fields)];
    char device[64];
    int begin = 0;
    if (sscanf(text, " %*u %*u %63s %n", device, &begin) != 1 || begin == 0)
        return;
    if (strncmp(device, "ram", 3) == 0 || strncmp(device, "loop", 4) == 0)
        return;
    struct cli_pair label = {"device", device};
    size_t count = cli_read_numbers(text + begin, numbers, LENGTH(numbers));
    for (size_t i = 0; i < count; i++)
        cli_round_add(round, fields[i].metric, numbers[i] * fields[i].factor, &label, 1);
}

void cli_collect_disks(struct cli_round *round)
{
    cli_each_line("/proc/diskstats", read_disk_line, round);
}

/*  eth0: 1296 16 0 0 0 0 0 0 1296 16 0 0 0 0 0 0 */
static void read_network_line(struct cli_round *round, char *text)
{
    static const char *const counters[] = {"bytes", "packets", "errs", "drop"};
    double numbers[12];
    char *colon = strrchr(text, ':');
    if (!colon || cli_read_numbers(colon + 1, numbers, LENGTH(numbers)) != LENGTH(numbers))
        return;
    *colon = '\0';
    struct cli_pair label = {"device", text + strspn(text, " ")};
    for (size_t i = 0; i < 2 * LENGTH(counters); i++) {
        bool receive = i < LENGTH(counters);
        size_t counter = i % LENGTH(counters);
        char metric[64];
        snprintf(metric, sizeof metric, "node_network_%s_%s_total",
                 receive ? "receive" : "transmit", counters[counter]);
        cli_round_add(round, metric, numbers[receive ? counter : counter + 8], &label, 1);
    }
}

void cli_collect_network(struct cli_round *round)
{
    cli_each_line("/proc/net/dev", read_network_line, round);
}

/* some avg10=0.00 avg60=0.00 avg300=0.00 total=12345 */
static void read_pressure(struct cli_round *round, const char *resource)
{
    char path[64], line[160], metric[64];
    snprintf(path, sizeof path, "/proc/pressure/%s", resource);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        double total;
        const char *at = strstr(line, "total=");
        if (!at || cli_read_numbers(at + 6, &total, 1) != 1)
            continue;
        snprintf(metric, sizeof metric, "node_pressure_%s_%s_seconds_total", resource,
                 strncmp(line, "some", 4) == 0 ? "waiting" : "stalled");
        cli_round_add_plain(round, metric, total / 1e6);
    }
    if (file)
        fclose(file);
}

void cli_collect_pressure(struct cli_round *round)
{
    read_pressure(round, "cpu");
    read_pressure(round, "io");
    read_pressure(round, "memory");
}

static void add_filesystem(struct cli_round *round, const struct mntent *mount)
{
    struct statvfs space;
    if (mount->mnt_fsname[0] != '/' || statvfs(mount->mnt_dir, &space) != 0 || !space.f_blocks)
        return;
    struct cli_pair labels[] = {
        {"device", mount->mnt_fsname}, {"fstype", mount->mnt_type}, {"mountpoint", mount->mnt_dir}};
    double unit = (double)space.f_frsize;
    cli_round_add(round, "node_filesystem_size_bytes", (double)space.f_blocks * unit, labels, 3);
    cli_round_add(round, "node_filesystem_free_bytes", (double)space.f_bfree * unit, labels, 3);
    cli_round_add(round, "node_filesystem_avail_bytes", (double)space.f_bavail * unit, labels, 3);
}

void cli_collect_filesystems(struct cli_round *round)
{
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    if (!mounts)
        return;
    struct mntent entry;
    char text[4096];
    while (getmntent_r(mounts, &entry, text, sizeof text))
        add_filesystem(round, &entry);
    endmntent(mounts);
}
