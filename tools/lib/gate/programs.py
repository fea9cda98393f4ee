"""Runs the benchmark programs and reads what they print."""
import json
import os
import subprocess
import sys
import time

from gate.machine import BUSY, ROOT, share_in_use

TIMEOUT_SECONDS = {True: 600, False: 7200}  # by whether the run is a quick one


def subject_of(measure):
    """What a program is asked for to measure this: what stands before the first comma."""
    return measure.split(", ")[0]


class Programs:
    """Runs the benchmark programs; each once, and again for single subjects."""

    def __init__(self, programs, build, quick, source=ROOT):
        self.programs = programs
        self.build = build
        self.source = source
        self.quick = quick
        self.subjects = {}     # program: the only ones wanted of it; all if it is not there
        self.stand_in = None   # folder of programs that are run instead, where they are there
        self.environment = {}  # more of it
        self.first = {}   # program: {measure: line}
        self.broken = {}  # program: why it has no complete output
        self.seconds = {}
        self.in_use = {}  # program: share of the processors that others used when it started

    def measured(self, name, measure):
        """The line of this measure in the program's first run."""
        if name not in self.first:
            self.in_use[name] = share_in_use()
            started = time.monotonic()
            self.first[name], self.broken[name] = self.run_first(name)
            self.seconds[name] = time.monotonic() - started
        line = self.first[name].get(measure)
        if line is None:
            return {"broken": self.broken[name] or f"{name} printed nothing of it"}
        return line

    def lines(self):
        """All that was measured, gated or not: {measure: line}."""
        return {measure: line for lines in self.first.values() for measure, line in lines.items()}

    def disturbed(self, name):
        """Why figures of several threads in the program's first run cannot be believed, or None."""
        share = self.in_use.get(name, 0)
        return f"a busy machine: others use {share:.0%} of it" if share > BUSY else None

    def run_first(self, name):
        """All that is wanted of the program: in one run, or in one for each subject."""
        if name not in self.subjects or not self.programs[name]["again"]:
            return self.run(name, [])
        lines, broken = {}, None
        for subject in self.subjects[name]:
            more, why = self.run(name, self.words_for(name, subject))
            lines.update(more)
            broken = broken or why
        return lines, broken

    def words_for(self, name, subject):
        return [word.replace("{subject}", subject) for word in self.programs[name]["again"]]

    def measure_again(self, name, measure):
        """Runs only what concerns this measure."""
        return self.run(name, self.words_for(name, subject_of(measure)))[0].get(measure, {})

    def place(self, word):
        """The word with the places of builds and sources filled in."""
        word = word.replace("{source}", str(self.source))
        if self.stand_in is not None and "{build}" in word:
            instead = word.replace("{build}", str(self.stand_in))
            if os.path.exists(instead):
                return instead
        return word.replace("{build}", str(self.build))

    def run(self, name, more):
        program = self.programs[name]
        words = program["command"] + (program["quick"] if self.quick else []) + more
        words = [self.place(word) for word in words]
        print(f"gate: {name} {' '.join(more)}".rstrip(), file=sys.stderr)
        try:
            done = subprocess.run(words, stdout=subprocess.PIPE, text=True,
                                  timeout=TIMEOUT_SECONDS[self.quick],
                                  env={**os.environ, **self.environment})
        except (OSError, subprocess.TimeoutExpired) as error:
            return {}, f"{name}: {error}"
        lines = {}
        for text in done.stdout.splitlines():
            line = json.loads(text) if text.startswith("{") else {}
            if "measure" in line:
                lines[line["measure"]] = line
        return lines, f"{name} ended with {done.returncode}" if done.returncode != 0 else None
