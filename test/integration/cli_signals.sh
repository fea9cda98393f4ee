#!/usr/bin/env bash
# cli_signals.sh - Ctrl-C, readers that go away, kill: the command ends in order and loses nothing.
. "$(dirname "$0")/../support/cli.bash"

lines() {
    seq "$1" | awk '{ printf "n{a=\"%d\"} %d %.0f\n", $1 % 10, $1, 1700000000000 + $1 }'
}

# SIGINT during an import from a pipe that stays open: the whole batches are there
mkfifo pipe
"$VARVE" import db --format prom --sync process --acks - <pipe >acks 2>err &
import=$!
exec 3>pipe
lines 25000 >&3
printf 'n{a="0"} 12' >&3 # half a line
for _ in $(seq 200); do
    grep -q 'durable 20000' acks && break
    sleep 0.05
done
kill -INT $import
wait $import
code=$?
exec 3>&-
[ $code -eq 130 ] || fail "SIGINT during import: exit code $code"
says 'imported'
acked=$(tail -1 acks | cut -d' ' -f2)
[ "${acked:-0}" -ge 20000 ] || fail "acks before the signal: $(cat acks)"
run 0 query db n --agg count --by ''
kept=$(tail -1 out | cut -d, -f2)
[ "$kept" -ge "$acked" ] || fail "$acked lines were acknowledged, $kept are there"
[ "$kept" -le 25000 ] || fail "half a line was imported: $kept"
run 0 check db

# SIGTERM
"$VARVE" collect db2 --interval 1h >out 2>err &
collect=$!
for _ in $(seq 100); do
    [ -d db2 ] && "$VARVE" latest db2 node_load1 2>/dev/null | grep -q load && break
    sleep 0.05
done
kill -TERM $collect
wait $collect
code=$?
[ $code -eq 143 ] || fail "SIGTERM during collect: exit code $code"
run 0 check db2

# A reader that closes the pipe: no word, and soon
lines 200000 >many.prom
run 0 import many --format prom many.prom
for format in csv table json jsonl prom; do
    "$VARVE" query many n --output $format 2>err | head -1 >out
    code=${PIPESTATUS[0]}
    [ "$code" -eq 0 ] || [ "$code" -eq 141 ] || fail "SIGPIPE, $format: exit code $code"
    says_nothing
done
"$VARVE" query many n --agg avg --step 10ms 2>err | head -1 >out
says_nothing

# kill -9 during an import: it opens, it checks, and what was acknowledged is there
for _ in 1 2 3; do
    rm -rf killed acks # an old one must not be taken for the new one
    "$VARVE" import killed --format prom --sync process --acks many.prom >acks 2>err &
    import=$!
    for _ in $(seq 3000); do
        [ -s acks ] && break
        sleep 0.01
    done
    kill -9 $import
    wait $import 2>/dev/null
    acked=$(tail -1 acks | cut -d' ' -f2)
    run 0 check killed
    run 0 query killed n --agg count --by ''
    kept=$(tail -1 out | cut -d, -f2)
    [ "${kept:-0}" -ge "${acked:-0}" ] ||
        fail "$acked lines were acknowledged, $kept survived kill -9"
done
finish
