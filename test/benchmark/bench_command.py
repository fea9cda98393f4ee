#!/usr/bin/env python3
"""bench_command - what the command costs, beside sqlite3 and wc doing the same work.

Prints a JSON line per measure; tools/gate knows the targets. Every cost is the CPU time (user and
system) or the peak memory of a whole process, as the kernel counts it. Varve runs several times
around the baseline and its median counts. The text comes from generate_text, and where
VARVE_TEST_DATA names the folder, from the scrape in it.
"""
import argparse
import functools
import json
import os
import pathlib
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 3
FIELDS = 10  # samples of an Influx line
TAGS = ["hostname", "region", "datacenter", "rack", "os", "arch", "team", "service",
        "service_version", "service_environment"]
TABLES = ["create table series(sid integer primary key, metric, " + ", ".join(TAGS) + ")",
          "create table samples(sid integer, ts integer, value real, primary key(sid, ts)) "
          "without rowid"]
SQLITE_FAST = ["pragma journal_mode=off", "pragma synchronous=off", "pragma cache_size=-262144"]
ACKS_QUIET_SECONDS = 3.0


def has_sqlite():
    if shutil.which("sqlite3"):
        return True
    print("bench_command: no sqlite3, nothing to compare with", file=sys.stderr)
    return False


def usage_of(command, stdin=None, stdout=subprocess.DEVNULL):
    """What the kernel counted for a process that must succeed."""
    process = subprocess.Popen(list(map(str, command)), stdin=stdin, stdout=stdout,
                               stderr=subprocess.PIPE)
    complaint = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"bench_command: {' '.join(map(str, command))}: {complaint}")
    return usage


def run(command, stdin=None, stdout=subprocess.DEVNULL):
    """CPU seconds and peak memory in bytes of a process that must succeed."""
    usage = usage_of(command, stdin, stdout)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def report(measure, value, baseline=None, varve=None, unit=None):
    line = {"measure": measure, "value": value, "baseline": baseline, "varve": varve, "unit": unit}
    print(json.dumps({key: item for key, item in line.items() if item is not None}), flush=True)


def directory_bytes(path):
    """Everything in it, the folders themselves included, as du -sb counts."""
    return sum(item.stat().st_size for item in [path, *path.rglob("*")])


class Bench:
    """The text and the databases, each made when first needed."""

    def __init__(self, arguments, folder):
        self.varve = arguments.varve
        self.generator = arguments.generator
        self.quick = arguments.quick
        self.folder = folder
        self.imports = []  # (CPU seconds, peak bytes) of importing set A

    # Hosts and points of the two sets: of set B every series is short.
    def shape(self, name):
        if name == "A":
            return (100, 2500) if self.quick else (400, 2500)
        return (2500, 100) if self.quick else (10000, 100)

    def samples(self, name):
        hosts, points = self.shape(name)
        return hosts * points * FIELDS

    @functools.cache
    def text(self, name, form):
        path = self.folder / f"{name}.{form}"
        with open(path, "wb") as file:
            run([self.generator, "tsbs", *self.shape(name), form], stdout=file)
        return path

    @functools.cache
    def scrape(self):
        """Prometheus text: the scrape of the data folder, or one of its shape."""
        path = self.folder / "scrape.prom"
        packed = pathlib.Path(os.environ.get("VARVE_TEST_DATA", "")) / "scrape-10m.prom.zst"
        with open(path, "wb") as file:
            if packed.is_file() and shutil.which("zstd"):
                run(["zstd", "-dcq", "--long=27", packed], stdout=file)
            else:
                run([self.generator, "scrape", 1700, 600, "prom"], stdout=file)
        return path

    def import_new(self, database, form, path):
        shutil.rmtree(database, ignore_errors=True)
        return run([self.varve, "import", database, "--format", form, path])

    def import_set_a(self):
        """CPU seconds, median; the database stays for what comes after."""
        text = self.text("A", "influx")
        while len(self.imports) < ROUNDS:
            self.imports.append(self.import_new(self.folder / "a", "influx", text))
        return statistics.median(cpu for cpu, _ in self.imports)

    @functools.cache
    def sqlite_import(self):
        """CPU seconds of sqlite3 for the same samples. A series table stands ready for queries."""
        samples, series = self.text("A", "samples"), self.text("A", "series")
        database = self.folder / "a.sqlite"
        database.unlink(missing_ok=True)
        run(["sqlite3", database, *TABLES, ".mode csv", f".import {series} series"])
        words = [*SQLITE_FAST, ".mode csv", f".import {samples} samples"]
        return run(["sqlite3", database, *words])[0]


def bench_import_influx(bench):
    subject = "import of Influx lines"
    million = bench.samples("A") / 1e6
    bench.imports.clear()
    cpu = bench.import_set_a()
    report(f"{subject}, CPU s per million samples", cpu / million)
    report(f"{subject}, peak memory, bytes", max(peak for _, peak in bench.imports))
    if has_sqlite():
        baseline = bench.sqlite_import()
        report(f"{subject}, CPU, times sqlite3", baseline / cpu, baseline / million,
               cpu / million, "s/M")


def bench_import_prom(bench):
    path = bench.scrape()
    counts, imports = [], []
    for _ in range(ROUNDS):
        counts += [run(["wc", "-l", path])[0] for _ in range(3)]
        imports.append(bench.import_new(bench.folder / "scrape", "prom", path)[0])
    baseline, cpu = statistics.median(counts), statistics.median(imports)
    report("import of prom text, CPU, times wc -l", cpu / baseline, baseline, cpu, "s")


def bench_export(bench):
    """Both print the same: every sample with its metric, its labels and its time."""
    if not has_sqlite():
        return
    bench.import_set_a()
    bench.sqlite_import()
    columns = ", ".join(["metric", *TAGS])
    query = (f"select {columns}, ts, value from series cross join samples using (sid) "
             "order by sid, ts")
    exports = [run([bench.varve, "export", bench.folder / "a", "--output", "csv"])[0]
               for _ in range(ROUNDS)]
    baseline = run(["sqlite3", "-csv", bench.folder / "a.sqlite", query])[0]
    cpu = statistics.median(exports)
    million = bench.samples("A") / 1e6
    report("export as csv, CPU, times sqlite3", baseline / cpu, baseline / million, cpu / million,
           "s/M")


def bench_disk(bench):
    sets = [(f"set {name}", bench.samples(name), "influx", bench.text(name, "influx"))
            for name in "AB"]
    if os.path.isdir(os.environ.get("VARVE_TEST_DATA", "")):
        with open(bench.scrape(), "rb") as file:
            sets.append(("scrape-10m", sum(1 for _ in file), "prom", bench.scrape()))
    database = bench.folder / "disk"
    for name, samples, form, path in sets:
        shutil.rmtree(database, ignore_errors=True)
        commands = [[bench.varve, "import", database, "--format", form, path],
                    [bench.varve, "compact", database]]
        # In blocks of 512 bytes, when they are written to the page cache or past it.
        written = 512 * sum(usage_of(command).ru_oublock for command in commands)
        report(f"disk, {name}, bytes a sample", directory_bytes(database) / samples)
        if written > 0:  # a file system in memory has nothing to tell
            report(f"disk, {name}, bytes written a sample", written / samples)


def read_acks(stream, last):
    """The line of the last "durable LINE", once no more of them came for a while or it is last."""
    acked, rest = 0, b""
    while acked < last and select.select([stream], [], [], ACKS_QUIET_SECONDS)[0]:
        bytes_read = os.read(stream.fileno(), 65536)
        if not bytes_read:
            break
        *lines, rest = (rest + bytes_read).split(b"\n")
        if lines:
            acked = int(lines[-1].split()[1])
    return acked


def kill_import(bench, name, database):
    """Kills an import whose input has been read but not ended; the lines it has acknowledged."""
    shutil.rmtree(database, ignore_errors=True)
    process = subprocess.Popen([bench.varve, "import", database, "--format", "influx", "--acks",
                                "--sync", "process", "-"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    # The end of input stays open in this process, so that the import never closes its database.
    feeder = subprocess.Popen(["cat", bench.text(name, "influx")], stdout=process.stdin)
    feeder.wait()
    acked = read_acks(process.stdout, bench.samples(name) // FIELDS)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if acked == 0:
        sys.exit("bench_command: nothing was acknowledged before the kill")
    return acked


def bench_restart(bench):
    """Kills an import, then opens the database, which replays the log."""
    for name in "AB":
        subject, database = f"restart after kill -9, set {name}", bench.folder / "killed"
        acked = kill_import(bench, name, database)
        with open(bench.folder / "stats", "w+b") as stats:
            reopen = run([bench.varve, "stats", database, "--output", "csv"], stdout=stats)[0]
            stats.seek(0)
            figures = dict(line.decode().strip().split(",", 1) for line in stats)
        stored = int(figures["samples"])
        report(f"{subject}, acknowledged samples lost", max(0, acked * FIELDS - stored),
               acked * FIELDS, stored)
        imports = [bench.import_new(bench.folder / "whole", "influx", bench.text(name, "influx"))
                   for _ in range(ROUNDS)] if name == "B" else []
        cpu = statistics.median(cpu for cpu, _ in imports) if imports else bench.import_set_a()
        report(f"{subject}, CPU, share of the import", reopen / cpu, cpu, reopen, "s")


SUBJECTS = {
    "import of Influx lines": bench_import_influx,
    "import of prom text": bench_import_prom,
    "export as csv": bench_export,
    "disk": bench_disk,
    "restart after kill -9": bench_restart,
}


def main():
    parser = argparse.ArgumentParser(prog="bench_command", description=__doc__.split("\n")[0])
    parser.add_argument("--varve", required=True, type=pathlib.Path, help="the command")
    parser.add_argument("--generator", required=True, type=pathlib.Path, help="generate_text")
    parser.add_argument("--quick", action="store_true", help="a quarter of the data")
    parser.add_argument("--only", choices=SUBJECTS, help="only what concerns this")
    parser.add_argument("--folder", help="where to work (default: the temporary folder)")
    arguments = parser.parse_args()
    arguments.varve = arguments.varve.resolve()
    arguments.generator = arguments.generator.resolve()
    with tempfile.TemporaryDirectory(prefix="bench_command.", dir=arguments.folder) as folder:
        bench = Bench(arguments, pathlib.Path(folder))
        for name in [arguments.only] if arguments.only else SUBJECTS:
            started = time.monotonic()
            SUBJECTS[name](bench)
            print(f"bench_command: {name}: {time.monotonic() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
