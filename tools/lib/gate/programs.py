"""Runs the benchmark programs and reads what they print."""
import json
import subprocess
import sys
import time

from gate.machine import ROOT

TIMEOUT_SECONDS = {True: 600, False: 7200}  # by whether the run is a quick one


class Programs:
    """Runs the benchmark programs; each once, and again for single subjects."""

    def __init__(self, programs, build, quick, source=ROOT):
        self.programs = programs
        self.build = build
        self.source = source
        self.quick = quick
        self.first = {}   # program: {measure: line}
        self.broken = {}  # program: why it has no complete output
        self.seconds = {}

    def measured(self, name, measure):
        """The line of this measure in the program's first run."""
        if name not in self.first:
            started = time.monotonic()
            self.first[name], self.broken[name] = self.run(name, [])
            self.seconds[name] = time.monotonic() - started
        line = self.first[name].get(measure)
        if line is None:
            return {"broken": self.broken[name] or f"{name} printed nothing of it"}
        return line

    def measure_again(self, name, measure):
        """Runs only what concerns this measure: its subject is what stands before the comma."""
        subject = measure.split(", ")[0]
        again = [word.replace("{subject}", subject) for word in self.programs[name]["again"]]
        return self.run(name, again)[0].get(measure, {})

    def run(self, name, more):
        program = self.programs[name]
        words = program["command"] + (program["quick"] if self.quick else []) + more
        places = {"{build}": str(self.build), "{source}": str(self.source)}
        for place, path in places.items():
            words = [word.replace(place, path) for word in words]
        print(f"gate: {name} {' '.join(more)}".rstrip(), file=sys.stderr)
        try:
            done = subprocess.run(words, stdout=subprocess.PIPE, text=True,
                                  timeout=TIMEOUT_SECONDS[self.quick])
        except (OSError, subprocess.TimeoutExpired) as error:
            return {}, f"{name}: {error}"
        lines = {}
        for text in done.stdout.splitlines():
            line = json.loads(text) if text.startswith("{") else {}
            if "measure" in line:
                lines[line["measure"]] = line
        return lines, f"{name} ended with {done.returncode}" if done.returncode != 0 else None
