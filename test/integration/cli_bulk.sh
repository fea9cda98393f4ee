#!/usr/bin/env bash
# cli_bulk.sh - import --bulk: the same data as without, all of it or nothing.
. "$(dirname "$0")/../support/cli.bash"

for i in $(seq 4000); do
    echo "x{a=\"$((i % 7))\"} $i.25 $((1700000000000 + (i * 7919 % 4000) * 1000))"
done >lines.prom
sed 's/\.25 /.75 /' lines.prom >newer.prom
run 0 import log lines.prom
run 0 import bulk --bulk lines.prom
says '^varve: imported 4000 samples, 7 series, 0 skipped'
run 0 export log
cp out expected
run 0 export bulk
cmp -s out expected || fail 'a bulk import differs from a plain one'
run 0 check bulk
[ -z "$(ls bulk/shard-0000 | grep wal)" ] || fail 'a bulk import wrote a log'

# Onto data in a block and in the log: it is newer than both; what is put afterwards is newer still
run 0 put bulk 'x{a="1"}' 1 1700000000000
run 0 put log 'x{a="1"}' 1 1700000000000
run 0 import bulk --bulk newer.prom lines.prom newer.prom
run 0 import log newer.prom lines.prom newer.prom
run 0 put bulk 'x{a="1"}' 2 1700000000000
run 0 put log 'x{a="1"}' 2 1700000000000
run 0 export log
cp out expected
run 0 export bulk
cmp -s out expected || fail 'a bulk import onto data differs from a plain one'
run 0 compact bulk
run 0 export bulk
cmp -s out expected || fail 'merging changes what was imported'

# Bad lines are skipped and named; with --strict, or with a file that cannot be read, nothing is
# stored
{ cat lines.prom; echo 'this is no line'; } >bad.prom
run 1 import skipped --bulk bad.prom
says 'bad.prom:4001:'
run 0 latest skipped x
[ "$(wc -l <out)" -eq 8 ] || fail 'a bad line stops a bulk import'
run 2 import strict --bulk --strict bad.prom
[ ! -e strict ] || fail 'a bulk import that failed left a database'
run 2 import bulk --bulk --strict newer.prom bad.prom
says '^varve: imported 0 samples'
run 1 import bulk --bulk lines.prom missing.prom
run 0 export bulk
cmp -s out expected || fail 'a bulk import that failed stored something'
run 2 import bulk --bulk --acks lines.prom
says 'acks'

# Killed before the end: nothing, and what it left is swept
mkfifo pipe
"$VARVE" import bulk --bulk --format prom pipe 2>/dev/null &
killed=$!
cat lines.prom >pipe &
exec 3>pipe
wait $!
kill -9 $killed
wait $killed 2>/dev/null
exec 3>&-
run 0 check bulk
run 0 export bulk
cmp -s out expected || fail 'a bulk import that was killed stored something'
finish
