#!/usr/bin/env bash
# cli_rollup.sh - rollup: rules stored, built, shown, used and removed; answers stay the same.
. "$(dirname "$0")/../support/cli.bash"
trap 'rm -rf "$work"' EXIT

for i in $(seq 0 2999); do
    echo "x{a=\"$((i % 2))\"} $((i % 97)) $((1700000000000 + i * 60000))"
done >lines.prom
run 0 import db --format prom lines.prom
run 0 rollup db
says 'no rollup'

# Aggregates of an hour, six hours and a day: the same with rows and without
ask() {
    for step in 1h 6h 1d 1w 1mo '6h --offset 90m' '1d --tz Asia/Kolkata' '1d --tz Europe/Berlin'; do
        # shellcheck disable=SC2086
        run 0 query db x --step $step --agg count,sum,min,max,avg,first,last,increase,resets
        cat out
    done
}
rows() {
    run 0 query db x --step 1d --agg avg --explain
    sed -n 's/^rollup_rows,//p' out
}
ask >without
[ "$(rows)" = 0 ] || fail 'rows without a rollup'
run 0 rollup db x --step 1h
says 'stored and its rows are built'
run 0 rollup db
grep -q '^x,1h,0$' out || fail "the rule is not shown: $(cat out)"
ask >with
cmp -s with without || fail "a rollup changed answers: $(diff with without | head -5)"
[ "$(rows)" -ge 100 ] || fail "$(rows) rows were used"
run 0 stats db
grep -q '^rollup_bytes,[1-9]' out || fail 'no bytes of rollups'
grep -q '^rollup_blocks,1$' out || fail 'no block with rollups'
run 0 check db

# Late data: right at once, and rows again after a merge
before=$(rows)
run 0 put db 'x{a="1"}' 1000 1700003601s
run 0 query db 'x{a="1"}' --step 1h --agg max
grep -q ',1000$' out || fail 'a late sample is not seen'
[ "$(rows)" -lt "$before" ] || fail 'a row was used that does not have the late sample'
ask >late
run 0 compact db
ask >merged
cmp -s late merged || fail 'a merge changed answers'
[ "$(rows)" -ge "$before" ] || fail 'a merge left rows out'

# A copy has the rules and the rows
run 0 snapshot db copy
run 0 restore copy restored
run 0 rollup restored --output jsonl
grep -q '"step":"1h"' out || fail 'a restored database has no rule'
run 0 query restored x --step 1d --agg avg --explain
grep -q '^rollup_rows,1' out || fail 'a restored database has no rows'
run 0 salvage db saved
run 0 rollup saved
grep -q '^x,1h,0$' out || fail 'a salvaged database has no rule'

# Several levels; the same rule twice is one
run 0 rollup db '{}' --step 1d
run 0 rollup db '{}' --step 1d
run 0 rollup db
[ "$(wc -l <out)" = 3 ] || fail "two rules were wanted: $(cat out)"
run 0 rollup db x --step 1h --remove
run 0 rollup db '{}' --step 1d --remove
run 0 compact db
run 0 stats db
grep -q '^rollup_bytes,0$' out || fail 'rows stayed after their rules were removed'
ask >last
cmp -s last merged || fail 'removing changed answers'

# Refusals
run 1 rollup db x --step 1h --remove
run 2 rollup db x
run 2 rollup db --step 1h
run 2 rollup db x --step 0
run 2 rollup db x --step -1h
run 2 rollup db x --step 1mo
run 2 rollup db x --step 0.5ns
run 2 rollup db x --step 1h2
run 2 rollup db 'x{' --step 1h
run 1 rollup missing x --step 1h
[ ! -e missing ] || fail 'a database was made'
for i in $(seq 1 8); do run 0 rollup db x --step "${i}m"; done
run 1 rollup db x --step 9m
says '8 rollups already'
run 0 rollup --help
grep -q 'rollup db cpu_usage --step 1h' out || fail 'help has no example'
finish
