"""Two revisions side by side: builds both, runs them in turn, and finds what got worse."""
import pathlib
import sys

from gate.machine import ROOT, build_targets, run_or_stop
from gate.programs import Programs

ROUNDS = 3
WORSE = 0.10  # what fails: CPU time, bytes or misses grew by more
WALL_UNITS = ("us", "ms", "M/s", "MB/s")  # of wall time: shown, but other work may explain them
RATE_UNITS = ("/s", "/CPU s", "M/s", "MB/s", "x", "%")


def build_revision(revision, targets):
    """Checks the revision out beside this one and builds it; returns its source and build."""
    commit = run_or_stop("git", "rev-parse", "--verify", f"{revision}^{{commit}}")
    source = ROOT / "build" / "compare" / commit[:12]
    build = source / "build" / "release"
    if not source.exists():
        run_or_stop("git", "worktree", "add", "--detach", source, commit)
    print(f"gate: building {revision} ({commit[:12]})", file=sys.stderr)
    run_or_stop("cmake", "--preset", "release", cwd=source)
    build_targets(build, targets)
    return source, build


def remove_revision(source):
    run_or_stop("git", "worktree", "remove", "--force", source)


def is_rate(line):
    """Whether more of it is better: its unit says so."""
    return line.get("unit", "").endswith(RATE_UNITS)


def own_figure(line):
    """What the program measured of varve alone, without the baseline; None if it does not say."""
    return line.get("varve", line["value"] if "baseline" not in line else None)


def best(lines):
    """The best of several runs: what the machine did meanwhile only makes figures worse."""
    figures = [own_figure(line) for line in lines if line and own_figure(line) is not None]
    if not figures:
        return None
    return max(figures) if is_rate(lines[0]) else min(figures)


def compare_measure(measure, old_lines, new_lines):
    """A row for the table; change is how much worse the new one is, 0.1 for a tenth."""
    old, new = best(old_lines), best(new_lines)
    row = {"measure": measure, "old": old, "new": new, "change": None, "verdict": "only in one"}
    if old is None or new is None:
        return row
    if is_rate(new_lines[0]):
        change = old / new - 1 if new > 0 else (0 if old <= 0 else float("inf"))
    else:
        change = new / old - 1 if old > 0 else (0 if new <= 0 else float("inf"))
    row["change"] = change
    worse = "slower" if new_lines[0].get("unit") in WALL_UNITS else "WORSE"
    row["verdict"] = worse if change > WORSE else "better" if change < -WORSE else "same"
    return row


def run_rounds(names, sides):
    """lines[name][measure][side] = list of lines, the sides running in turn."""
    lines = {}
    for name in names:
        for _ in range(ROUNDS):
            for side, programs in enumerate(sides):
                printed, _ = programs.run_first(name)
                for measure, line in printed.items():
                    if "value" in line:
                        found = lines.setdefault((name, measure), ([], []))
                        found[side].append(line)
    return lines


def compare(revision, build, plan, quick, subjects):
    """Prints the table of all measures of both; returns how many got worse. subjects: by program,
    what alone is wanted of it."""
    targets = [target for program in plan["programs"].values() for target in program["targets"]]
    build_targets(build, targets)
    source, other_build = build_revision(revision, targets)
    try:
        sides = (Programs(plan["programs"], other_build, quick, source),
                 Programs(plan["programs"], pathlib.Path(build), quick))
        for programs in sides:
            programs.subjects = subjects
        names = [name for name, program in plan["programs"].items()
                 if all((other_build / path).exists() for path in program["binaries"])]
        lines = run_rounds(names, sides)
    finally:
        remove_revision(source)
    rows = [compare_measure(measure, *found) for (_, measure), found in lines.items()]
    width = max([len(row["measure"]) for row in rows] + [7])
    print(f"{'measure'.ljust(width)}  {revision[:12]:>12}  {'here':>12}  {'worse by':>9}  verdict")
    for row in rows:
        figures = [f"{row[side]:12.5g}" if row[side] is not None else " " * 12
                   for side in ("old", "new")]
        change = f"{row['change'] * 100:+8.1f}%" if row["change"] is not None else " " * 9
        print(f"{row['measure'].ljust(width)}  {figures[0]}  {figures[1]}  {change}  "
              f"{row['verdict']}")
    worse = sum(row["verdict"] == "WORSE" for row in rows)
    print(f"gate: {len(rows)} measures, {worse} worse by more than {WORSE * 100:.0f} %")
    return worse
