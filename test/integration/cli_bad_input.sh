#!/usr/bin/env bash
# cli_bad_input.sh - input that nobody meant to give: giant lines, a million labels, bytes that are
# no text, packed files. Each is named, costs bounded memory, and spoils nothing around it.
. "$(dirname "$0")/../support/cli.bash"

# run_small CODE ARGUMENT...: as run, in 300 MiB of address space. Sanitizers need more than that.
run_small() {
    if [ -z "${VARVE_SANITIZE:-}" ]; then
        (ulimit -v 307200 && exec "$VARVE" "${@:2}") >out 2>err </dev/null
    else
        "$VARVE" "${@:2}" >out 2>err </dev/null
    fi
    local code=$?
    [ "$code" -eq "$1" ] || fail "varve ${*:2}: exit code $code, not $1: $(head -c 300 err)"
}

# A line of a gibibyte, in a sparse file; of NUL bytes, which cost nothing to make
truncate -s 1G giant.prom
printf '\nup 1 1700000000000\n' >>giant.prom
run_small 1 import giant --format prom giant.prom
says '^varve: giant\.prom:1:1: line is longer than 1048576 bytes$'
says 'imported 1 sample, 1 series, 1 skipped'
[ "$(wc -c <err)" -lt 1000 ] || fail 'the giant line was shown'
rm giant.prom

# A million labels: beyond the length of a line, and within it
awk 'BEGIN { printf "m{"; for (i = 0; i < 1000000; i++) printf "l%d=\"%d\",", i, i; print "} 1" }' \
    >many.prom
echo 'up 1 1700000000000' >>many.prom
run_small 1 import many --format prom many.prom
says '^varve: many\.prom:1:1: line is longer than 1048576 bytes$'
says 'imported 1 sample'
awk 'BEGIN { printf "m"; for (i = 0; i < 60000; i++) printf ",l%d=%d", i, i; print " v=1 1" }' \
    >many.influx
run_small 1 import many --format influx many.influx
says '^varve: many\.influx:1:[0-9]+: more than 64 labels$'
awk 'BEGIN { printf "m "; for (i = 0; i < 70000; i++) printf "f%d=1,", i; print "z=1 1" }' \
    >fields.influx
run_small 1 import many --format influx fields.influx
says 'fields\.influx:1:[0-9]+: more than 65536 samples in one line'

# Bytes that are no text
printf 'm{a="x\0y"} 1 1700000000000\nup 1\0 5\nm{a="\377"} 1 1\nup 2 1700000000000\n' >bytes.prom
run 1 import bytes --format prom bytes.prom
says '^varve: bytes\.prom:2:4: expected a number after the series, got "1\\x00"$'
says '^varve: bytes\.prom:3:1: .*UTF-8'
says 'imported 2 samples, 2 series, 2 skipped'

# Marks of other systems, and no line end at the end
printf '\xef\xbb\xbfup 1 1700000000000\r\n\r\nup 2 1700000001000\r\nup 3 1700000002000' >dos.prom
run 0 import dos dos.prom
printf '\xef\xbb\xbftime,v\r\n2026-01-01,1\r\n"2026-01-02",2' >dos.csv
run 0 import dos dos.csv
run 0 query dos '{}' --time-format s
prints 'series,time,value
up,1700000000,1
up,1700000001,2
up,1700000002,3
v,1767225600,1
v,1767312000,2'
# The caret knows of the mark
printf '\xef\xbb\xbfup x 1700000000000\r\n' >mark.prom
run 1 import dos --format prom mark.prom
grep -A2 'mark\.prom:1:4' err | tail -1 | grep -qx '     ^' || fail "the caret: $(cat err)"

# Packed, as a file and through a pipe
for packer in 'gzip -c' 'zstd -c' 'xz -c' 'bzip2 -c'; do
    program=${packer%% *}
    command -v "$program" >/dev/null || continue
    $packer dos.prom >packed 2>/dev/null
    run 2 import never packed
    says "^varve: packed is packed; unpack it first: $program -dc packed \| varve import DB -$"
    "$VARVE" import never - <packed >out 2>err && fail "$program: packed standard input"
    says "unpack it first: $program -dc FILE \| varve import DB -$"
    cat packed | "$VARVE" import never - >out 2>err && fail "$program: a packed pipe"
    says "$program.*$program -dc FILE \| varve import DB -$"
done
iconv -f UTF-8 -t UTF-16 dos.prom >wide 2>/dev/null && {
    run 2 import never wide
    says 'UTF-16'
}
[ ! -e never ] || fail 'packed input created a database'

# A fifo that ends inside a line, and one that says nothing
mkfifo fifo
printf 'up 1 1700000000000\nup 2 17000' >fifo &
run 0 import fifo.db --format prom fifo
says 'imported 2 samples'
: >fifo &
run 0 import fifo.db --format prom fifo
says 'imported 0 samples'
wait
finish
