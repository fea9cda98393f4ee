"""What this machine and this build can measure, and building what measures."""
import datetime
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent


class Machine:
    """What this machine and this build can measure."""

    def __init__(self, build):
        self.build = build
        self.build_type = cached_build_type(build)
        cpu_info = read_text("/proc/cpuinfo")
        self.processor = next((line.split(":", 1)[1].strip() for line in cpu_info.splitlines()
                               if line.startswith("model name")), platform.machine())
        self.flags = set(cpu_info.split())
        self.cores = len(os.sched_getaffinity(0))

    def lacks(self, need):
        """Why a row that needs this cannot be measured here, or None if it can."""
        if need == "data" and not os.path.isdir(os.environ.get("VARVE_TEST_DATA", "")):
            return "no data folder: set VARVE_TEST_DATA"
        if need == "release" and self.build_type != "Release":
            return f"a {self.build_type.lower() or 'nameless'} build"
        if need == "avx2" and "avx2" not in self.flags:
            return "no AVX2"
        if need == "avx512" and not {"avx512f", "avx512_vbmi"} <= self.flags:
            return "no AVX-512"
        if need in ("cores", "idle") and self.cores < 2:
            return "one core"
        if need in ("sqlite3", "strace", "valgrind") and shutil.which(need) is None:
            return f"no {need}"
        return None

    def describe(self):
        return {
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "commit": output_of("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
            "processor": self.processor,
            "cores": self.cores,
            "load": os.getloadavg()[0],
            "kernel": platform.release(),
            "build_type": self.build_type,
        }


IDLE_SECONDS = 0.5
BUSY = 0.25  # of the processors used by others: figures of several threads mean nothing then


def processor_times():
    """(used, all) ticks of all processors since the machine started; what a hypervisor took away
    counts as used."""
    fields = [int(field) for field in read_text("/proc/stat").split("\n")[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def share_in_use():
    """Which share of the processors others use right now: this process sleeps meanwhile."""
    try:
        before = processor_times()
        time.sleep(IDLE_SECONDS)
        after = processor_times()
        return (after[0] - before[0]) / max(1, after[1] - before[1])
    except (IndexError, ValueError):
        return 0.0


def read_text(path):
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def cached_build_type(build):
    for line in read_text(build / "CMakeCache.txt").splitlines():
        if line.startswith("CMAKE_BUILD_TYPE:"):
            return line.split("=", 1)[1]
    return ""


def stop(message):
    print(f"gate: {message}", file=sys.stderr)
    sys.exit(2)


def build_targets(build, targets):
    """Builds those of the targets that this build knows; returns how many."""
    known = output_of("cmake", "--build", str(build), "--target", "help")
    there = [target for target in targets if f"{target}:" in known]
    if there:
        run_or_stop("cmake", "--build", str(build), "--target", *there)
    return len(there)


def run_or_stop(*command, cwd=ROOT):
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    if done.returncode != 0:
        print(done.stdout, file=sys.stderr)
        stop(f"{' '.join(map(str, command))} failed")
    return done.stdout.strip()


def build_release(build, programs):
    """Builds what the measures need, if any of it is missing."""
    needed = [path for program in programs.values() for path in program["binaries"]]
    if all((build / path).exists() for path in needed):
        return
    if build != ROOT / "build" / "release":
        stop(f"{build}: the programs are not built: {' '.join(needed)}")
    targets = [target for program in programs.values() for target in program["targets"]]
    print("gate: building the release preset", file=sys.stderr)
    run_or_stop("cmake", "--preset", "release")
    run_or_stop("cmake", "--build", str(build), "--target", *targets)


def build_without(build, programs, name):
    """Builds the programs again with one phase switched off; returns the folder of them."""
    targets = [f"{target}_without_{name}"
               for program in programs.values() for target in program["targets"]]
    print(f"gate: building without {name}", file=sys.stderr)
    if build_targets(build, targets) == 0:
        stop(f"{build}: none of the programs can be built without {name}")
    return build / "without" / name
