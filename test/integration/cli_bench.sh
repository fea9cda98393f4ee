#!/usr/bin/env bash
# cli_bench.sh - `varve bench`: figures of a workload, as a table and as JSON, and nothing left
# behind.
. "$(dirname "$0")/../support/cli.bash"

mkdir here
run 0 bench --quick open --folder here
head -1 out | grep -qx 'workload,measure,value,unit' || fail 'the header'
grep -Eq '^open,a sample on disk,0\.[0-9]+,bytes$' out || fail 'the size of a sample'
says_nothing
run 0 bench --quick open --json --folder here
line='^\{"measure":"open, .*","value":[0-9.e+-]+,"varve":[0-9.e+-]+,"unit":"(ms|bytes)"\}$'
[ "$(grep -Ec "$line" out)" -eq 3 ] || fail 'three results in JSON'
[ -z "$(ls here)" ] || fail 'the folder is not empty afterwards'

# What is wrong with a command line
run 2 bench levles
says 'no workload "levles"; did you mean levels\?'
run 2 bench frobnicate
says 'no workload "frobnicate"; there are:'
says '^  append '
run 5 bench open --folder "$work/missing"
says 'cannot make a folder in .*missing: No such file or directory'

# An interrupt ends it and removes what it wrote
"$VARVE" bench append --folder here >out 2>err &
bench=$!
for _ in $(seq 100); do
    [ -n "$(ls here)" ] && break
    sleep 0.05
done
kill -INT $bench
wait $bench
code=$?
[ $code -eq 130 ] || fail "SIGINT: exit code $code"
[ -z "$(ls here)" ] || fail 'the folder is not empty after an interrupt'
finish
