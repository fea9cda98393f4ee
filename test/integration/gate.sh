#!/usr/bin/env bash
# gate.sh - tools/gate with targets and a program of its own: verdicts, tries, and what is missing.
. "$(dirname "$0")/../support/cli.bash"

command -v python3 >/dev/null || skip 'no python3'
mkdir build
echo 'CMAKE_BUILD_TYPE:STRING=Release' >build/CMakeCache.txt

# The program measures what the file lines says; each time it is run again, the next of tries.
cat >program <<'TEXT'
#!/bin/sh
if [ "$1" = again ]; then
    echo "$2" >>asked
    head -1 tries
    sed -i 1d tries
else
    cat lines
    [ ! -e broken ] || exit 3
fi
TEXT
chmod +x program

# row MEASURE RELATION TARGET KIND [MORE]: a row of the plan.
row() {
    printf '{"phase": "1", "program": "p", "measure": "%s", "relation": "%s", "target": %s,
        "kind": "%s", "quick": true, "depends": [], "source": "here"%s}' \
        "$1" "$2" "$3" "$4" "${5:-}"
}

# plan ROW...
plan() {
    local IFS=,
    local rows="$*"
    cat >plan.json <<TEXT
{"phases": {"1": "first", "2": "second"},
 "programs": {"p": {"command": ["./program"], "quick": [], "again": ["again", "{subject}"],
                    "targets": [], "binaries": []}},
 "gates": [$rows]}
TEXT
}

# gate CODE ARGUMENT...: runs tools/gate with that plan.
gate() {
    local want=$1 code=0
    shift
    "$VARVE_SOURCE/tools/gate" --plan plan.json --build build "$@" >out 2>err </dev/null || code=$?
    [ "$code" -eq "$want" ] || fail "gate $*: exit code $code, not $want: $(cat out err)"
}

# shows EXPRESSION: a line of the table.
shows() { grep -Eq "$1" out || fail "no \"$1\" in: $(cat out)"; }

# What meets its target is met, with equality too; what does not is missed and the exit code says so
cat >lines <<'TEXT'
some other output
{"measure": "a, speed", "value": 3, "baseline": 6, "varve": 2, "unit": "ns"}
{"measure": "b, size", "value": 0.5}
{"measure": "c, lost", "value": 0}
TEXT
plan "$(row 'a, speed' '>=' 3 ratio)" "$(row 'b, size' '<=' 0.5 bytes)" \
    "$(row 'c, lost' '==' 0 count)"
gate 0
shows '^first +a, speed +6 +2 ns +3 +>= 3 +met$'
shows '^first +b, size +0\.5 +<= 0\.5 +met$'
shows '^first +c, lost +0 +== 0 +met$'
plan "$(row 'a, speed' '>=' 9 ratio)" "$(row 'b, size' '<=' 0.5 bytes)"
gate 1
shows '^first +a, speed .* MISSED$'
shows '^gate: 2 rows, 1 missed'

# A bare time is an aim and fails nothing
plan "$(row 'a, speed' '<=' 1 time)"
gate 0
shows ' aim$'

# A ratio that misses by less than 5 % is tried again until it holds, three times at most
plan "$(row 'a, speed' '>=' 3.1 ratio)"
echo '{"measure": "a, speed", "value": 3.2}' >tries
gate 0
shows ' met \(3, 3\.2\)$'
[ "$(cat asked)" = a ] || fail "asked again for \"$(cat asked)\", not for the subject"
printf '{"measure": "a, speed", "value": %s}\n' 3.05 3.09 3.2 >tries
gate 1
shows ' MISSED \(3, 3\.05, 3\.09\)$'

# A tolerance lets a ratio miss by so much; a row known to be missed says why and fails nothing
plan "$(row 'a, speed' '>=' 3.5 ratio)"
gate 1 --tolerance 10
gate 0 --tolerance 20
shows ' missed within the tolerance$'
plan "$(row 'b, size' '<=' 0.49 bytes)"
gate 1 --tolerance 20
plan "$(row 'b, size' '<=' 0.49 bytes ', "open": "later"')"
gate 0
shows ' missed, open: later$'

# Bytes are the same in every run: one try
rm asked
plan "$(row 'b, size' '<=' 0.49 bytes)"
gate 1
[ ! -e asked ] || fail 'bytes were measured twice'

# What cannot be measured says why; in a debug build that is every ratio of times
plan "$(row 'a, speed' '>=' 3 ratio ', "needs": ["data"]')"
VARVE_TEST_DATA='' gate 0
shows 'not measured: no data folder'
echo '{"measure": "a, speed", "missing": "too dark"}' >lines
plan "$(row 'a, speed' '>=' 3 ratio)"
gate 0
shows 'not measured: too dark$'
echo 'CMAKE_BUILD_TYPE:STRING=Debug' >build/CMakeCache.txt
gate 0
shows 'not measured: a debug build$'
echo 'CMAKE_BUILD_TYPE:STRING=Release' >build/CMakeCache.txt

# What a machine lacks
python3 - "$VARVE_SOURCE/tools/lib" <<'TEXT' || fail 'what a machine lacks'
import os, pathlib, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from gate import programs, verdict
from gate.machine import Machine
machine = Machine(pathlib.Path("build"))
machine.flags, machine.cores, os.environ["PATH"] = {"sse2"}, 1, "/nowhere"
for need, why in [("avx2", "no AVX2"), ("avx512", "no AVX-512"), ("cores", "one core"),
                  ("idle", "one core"), ("valgrind", "no valgrind"), ("strace", "no strace")]:
    assert machine.lacks(need) == why, need
machine.flags, machine.cores = {"avx2", "avx512f", "avx512_vbmi"}, 2
assert not any(machine.lacks(need) for need in ("avx2", "avx512", "cores", "idle", "release"))
gate = {"program": "p", "measure": "a", "relation": ">=", "target": 1, "kind": "ratio",
        "needs": ["idle"]}
runs = programs.Programs({}, "build", True)
runs.first, runs.in_use = {"p": {"a": {"value": 2}}}, {"p": 0.6}
row = verdict.judge(gate, machine, runs)
assert row["verdict"] == "not measured", row
assert row["why"] == "a busy machine: others use 60% of it", row
runs.in_use["p"] = 0.1
assert verdict.judge(gate, machine, runs)["verdict"] == "met"
TEXT

# A program that breaks or forgets a measure misses it
echo >lines
gate 1
shows 'MISSED: p printed nothing of it$'
touch broken
gate 1
shows 'MISSED: p ended with 3$'
rm broken

# The same as JSON and Markdown
echo '{"measure": "a, speed", "value": 3}' >lines
gate 0 --json table.json --markdown table.md
python3 -c 'import json; assert json.load(open("table.json"))["rows"][0]["verdict"] == "met"' ||
    fail 'the JSON has no verdict'
grep -Fq '| first | a, speed |  |  | 3 | >= 3 | met | here |' table.md || fail "$(cat table.md)"

# Phases by number or name; an unknown one is told which there are
gate 0 --phase first
gate 2 --phase second
gate 2 --phase 7
grep -q 'no phase 7; there are: 1 or first, 2 or second' err || fail "$(cat err)"

# Only some rows: the program is asked for their subjects alone
rm -f asked
plan "$(row 'a, speed' '>=' 3 ratio)" "$(row 'b, size' '<=' 0.5 bytes)" \
    "$(row 'b, count' '==' 1 count)"
printf '{"measure": "b, size", "value": 0.5}\n' >tries
gate 0 --measure size
shows '^first +b, size .* met$'
shows '^gate: 1 rows'
[ "$(cat asked)" = b ] || fail "asked for \"$(cat asked)\", not for the subject of the row"
gate 2 --measure colour
grep -q 'no such row' err || fail "$(cat err)"

# One phase switched off: by the environment, or by programs that are run instead
cat >program <<'TEXT'
#!/bin/sh
printf '{"measure": "a, speed", "value": %s}\n' "${SHADE:-3}"
TEXT
sed -i '1s/{/{"without": {"vectors": {"phase": "1", "environment": {"SHADE": "2"}}},/' plan.json
gate 0 --measure speed
gate 1 --measure speed --without vectors
shows '^first +a, speed +2 +>= 3 +MISSED'
gate 2 --without colours
grep -q 'nothing is called colours that can be switched off; there are: vectors' err ||
    fail "$(cat err)"

# Comparing two revisions: more CPU time, bytes or misses is worse, and so is a lower rate; the best
# of each side counts; wall time is shown
python3 - "$VARVE_SOURCE/tools/lib" <<'TEXT' || fail 'comparing'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from gate.compare import compare_measure
def verdict(old, new, unit, **more):
    lines = [[{"value": v, "varve": v, "unit": unit, **more} for v in side] for side in (old, new)]
    return compare_measure("m", *lines)["verdict"]
assert verdict([10], [11.5], "ns") == "WORSE"
assert verdict([10, 12], [15, 10.5], "ns") == "same"
assert verdict([10], [8], "bytes") == "better"
assert verdict([100], [80], "/CPU s") == "WORSE"
assert verdict([100], [120], "M/s") == "better"
assert verdict([0], [1], "misses") == "WORSE"
assert verdict([10], [20], "ms") == "slower"
assert compare_measure("m", [], [{"value": 1}])["verdict"] == "only in one"
TEXT

# Pictures: a bar for each measure that is there, in proportion, a curve, and text that is escaped
python3 - "$VARVE_SOURCE/tools/lib" <<'TEXT' || fail 'plots'
import pathlib, sys
import xml.etree.ElementTree as tree
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from gate.plots import write_plots
lines = {"a": {"value": 2, "varve": 1}, "b": {"value": 4}, "at 1": {"value": 10},
         "at 3": {"value": 1000}}
plot = {"file": "p.svg", "title": "1 < 2", "unit": "x", "series": ["A & a", "B"],
        "groups": [["one", ["a", "value"], ["b", "value"]], ["none", ["c", "value"]]]}
empty = dict(plot, file="q.svg", groups=[["C", ["c", "value"]]])
curve = {"file": "r.svg", "title": "grows", "unit": "x", "x": ["1", "2", "3"],
         "lines": [["a < b", "at {x}", "value"], ["missing", "{x}", "value"]]}
assert write_plots([plot, empty, curve], lines, pathlib.Path("pictures")) == [
    ("p.svg", "1 < 2"), ("r.svg", "grows")]
svg = "{http://www.w3.org/2000/svg}"
bars = [bar for bar in tree.parse("pictures/p.svg").getroot().findall(svg + "rect")
        if bar.get("class") == "bar"]
widths = [int(bar.get("width")) for bar in bars]
assert len(widths) == 2 and widths[1] == 2 * widths[0], widths
curves = tree.parse("pictures/r.svg").getroot().findall(svg + "polyline")
assert len(curves) == 1 and len(curves[0].get("points").split()) == 2
TEXT

# The page: figures by size, what is missed and why, what a phase gives
python3 - "$VARVE_SOURCE/tools/lib" <<'TEXT' || fail 'results'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from gate.report import write_results
row = {"phase": "1", "measure": "a, speed", "relation": ">=", "target": 3, "value": 2,
       "why": "slow", "verdict": "missed, open", "tries": [2], "source": "plan",
       "reading": "as it is read"}
write_results("page.md", {
    "rows": [row], "phases": {"1": "first"}, "description": {"cores": 2}, "command": "gate",
    "pictures": [("p.svg", "a picture")],
    "plan": {"without": {"pools": {"phase": "1", "instead": "the heap"}},
             "tables": [{"title": "Growth", "head": "n", "rows": ["1K", "1M", "1G"],
                         "columns": [["cost", "grown, {row}"], ["size", "size, {row}"]]}]},
    "gains": {"a, speed": {"": {"varve": 2, "unit": "ns"}, "pools": {"varve": 8}}},
    "lines": {"grown, 1K": {"value": 5}, "grown, 1M": {"value": 7}, "size, 1M": {"value": 9}}})
page = open("page.md").read()
for text in ["| 1K | 5 | not measured |", "| 1M | 7 | 9 |", "![a picture](results/p.svg)",
             "without pools: the heap", "| a, speed | ns | 2 | 8 (4x) |",
             "**first: a, speed**: 2, target >= 3. slow", "plan (as it is read)"]:
    assert text in page, (text, page)
assert "1G" not in page
TEXT

# The real plan names each measure once, and programs and phases that exist
python3 - "$VARVE_SOURCE/test/benchmark/gates.json" <<'TEXT' || fail 'gates.json'
import json, sys
plan = json.load(open(sys.argv[1]))
measures = [gate["measure"] for gate in plan["gates"]]
rows = [(gate["measure"], gate["phase"]) for gate in plan["gates"]]
assert len(rows) == len(set(rows)), "a measure stands there twice for one phase"
for gate in plan["gates"]:
    assert gate["program"] in plan["programs"], gate
    assert gate["phase"] in plan["phases"], gate
    assert gate["kind"] in ("ratio", "count", "bytes", "time"), gate
    assert gate["relation"] in ("<=", ">=", "=="), gate
    assert gate["source"] and isinstance(gate["quick"], bool), gate
    assert all(phase in plan["phases"] for phase in gate["depends"]), gate
for name, switch in plan["without"].items():
    assert switch["phase"] in plan["phases"] and switch["instead"], name
assert all(gain in measures for gain in plan["gains"]), plan["gains"]
for plot in plan["plots"]:
    for label, *places in plot.get("groups", []):
        assert len(places) == len(plot["series"]), plot
        assert all(field in ("value", "varve", "baseline") for _, field in places), plot
TEXT
finish
