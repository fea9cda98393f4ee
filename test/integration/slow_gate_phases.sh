#!/usr/bin/env bash
# slow_gate_phases.sh - breaking a phase turns rows of that phase red, and no row that does not name
# the phase in its "depends" of gates.json.
#
# Rows are taken that count something, or whose ratio changes beyond all doubt. The quick form looks
# at the rows of the broken phase and at some of the others; VARVE_TEST_LONG=1 at all of them.
. "$(dirname "$0")/../support/cli.bash"

command -v python3 >/dev/null || skip 'no python3'
grep -q '^CMAKE_BUILD_TYPE:STRING=Release$' "$VARVE_BUILD/CMakeCache.txt" || skip 'no release build'
[ -x "$VARVE_BUILD/test/benchmark/phase1_memory" ] || skip 'no benchmarks in this build'

declare -A own=(
    [pools]='one of a thousand replaced, times aligned_alloc|count, round-robin, D1 misses|futex, '
    [lock-free]='futex, '
    [vectors]='tsbs, decode, times scalar'
    [layout]='misses, '
    [mmap]='reopen, '
)
others='misses, |log, bytes|disjoint, |futex, '
if [ -n "${VARVE_TEST_LONG:-}" ]; then
    others=$(IFS='|' && echo "${own[*]}|log, bytes|disjoint, |tsbs, hot, bytes")
fi

# measure NAME ROWS [OPTION...]: what tools/gate says of these rows, in NAME.json.
measure() {
    local name=$1 rows=() row code=0
    IFS='|' read -ra wanted <<<"$2"
    for row in "${wanted[@]}"; do rows+=(--measure "$row"); done
    "$VARVE_SOURCE/tools/gate" --build "$VARVE_BUILD" --quick --tolerance 30 --json "$name.json" \
        "${@:3}" "${rows[@]}" >"$name.out" 2>"$name.err" || code=$?
    [ "$code" -le 1 ] || fail "gate $name: exit code $code: $(cat "$name.err")"
}

all=$(IFS='|' && echo "${own[*]}|$others")
measure everything "$all"
for name in "${!own[@]}"; do
    measure "$name" "${own[$name]}|$others" --without "$name"
done

python3 - "$VARVE_SOURCE/test/benchmark/gates.json" <<'TEXT' || fail 'see above'
import json, sys
plan = json.load(open(sys.argv[1]))
def red(name):
    rows = json.load(open(f"{name}.json"))["rows"]
    return {row["measure"]: row for row in rows
            if row["verdict"] in ("MISSED", "missed, open")}
before = red("everything")
wrong = []
if before:
    wrong.append(f"missed with every phase in place: {', '.join(before)}")
for name, switch in plan["without"].items():
    broken = {measure: row for measure, row in red(name).items() if measure not in before}
    phase = switch["phase"]
    print(f"without {name}: {', '.join(broken) or 'nothing is missed'}")
    measured = [row for row in json.load(open(f"{name}.json"))["rows"]
                if row["phase"] == phase and row["verdict"] != "not measured"]
    if measured and not any(row["phase"] == phase for row in broken.values()):
        wrong.append(f"without {name} no row of phase {phase} is missed")
    for measure, row in broken.items():
        if phase not in row["depends"]:
            wrong.append(f"without {name} \"{measure}\" is missed, which does not depend on it")
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
TEXT
finish
