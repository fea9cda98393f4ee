#!/usr/bin/env bash
# cli_import.sh - files into a database: formats, bad lines, acks, several files; and out again.
. "$(dirname "$0")/../support/cli.bash"

# Bad lines are named, skipped and counted
cat >bad.prom <<'TEXT'
up{host="a"} 1 1700000000000
up{host="a" 2 1700000001000
up{host="a"} three 1700000002000
up{host="a"} 4 1700000003000
TEXT
run 1 import db --format prom bad.prom
prints ''
says '^varve: bad\.prom:2:[0-9]+: '
says '^varve: bad\.prom:3:[0-9]+: '
grep -A1 -Fx '  up{host="a" 2 1700000001000' err | grep -qx '  *^' ||
    fail 'no caret below the line'
says '^varve: imported 2 samples, 1 series, 2 skipped, [0-9.]+ seconds, [0-9]+ samples/s$'
run 0 query db up --time-format s
prints 'series,time,value
"up{host=""a""}",1700000000,1
"up{host=""a""}",1700000003,4'

# The first twenty are named, the others counted
for i in $(seq 50); do echo "up $i x"; done >worse.prom
run 1 import db --format prom worse.prom
[ "$(grep -c 'worse\.prom:' err)" -eq 20 ] || fail 'twenty bad lines are named'
says '^varve: 30 more bad lines$'
says 'imported 0 samples, 0 series, 50 skipped'

# --strict stops at the first
run 2 import strict --format prom --strict bad.prom
says 'bad\.prom:2:'
[ "$(grep -c 'bad\.prom:2:' err)" -eq 1 ] || fail 'the bad line is named twice'
[ ! -e strict ] || fail 'a batch with a bad line was stored in spite of --strict'

# Acks count the lines of all files, bad ones counted in
run 1 import acks --format prom --sync commit --acks bad.prom bad.prom
prints 'durable 4
durable 8'
seq 25000 | awk '{ printf "n %d %.0f\n", $1, 1700000000000 + $1 }' >long.prom
run 0 import acks2 --format prom --sync process --acks long.prom
[ "$(head -1 out)" = 'durable 10000' ] || fail "first ack: $(head -1 out)"
[ "$(tail -1 out)" = 'durable 25000' ] || fail "last ack: $(tail -1 out)"
run 0 query acks2 n --agg count,sum
prints 'series,count,sum
n,25000,312512500'

# Standard input, by name and without
"$VARVE" import stdin --format prom - <long.prom 2>err || fail 'import -'
says 'imported 25000 samples'
"$VARVE" import stdin2 --format prom <long.prom 2>err || fail 'import without a file'
printf 'up 1 1700000000000' | "$VARVE" import stdin3 --format prom - 2>err ||
    fail 'no final newline'
run 0 latest stdin3 up
[ "$(wc -l <out)" -eq 2 ] || fail 'the last line was lost'

# Influx lines
cat >weather.influx <<'TEXT'
weather,room=attic temperature=-3.5,humidity=40i,open=t,note="cold" 1700000000000000000
weather,room=cellar value=12 1700000000000000000
TEXT
run 0 import influx --format influx weather.influx
says 'text value'
run 0 query influx '{}' --time-format s
prints 'series,time,value
"weather{room=""cellar""}",1700000000,12
"weather_humidity{room=""attic""}",1700000000,40
"weather_open{room=""attic""}",1700000000,1
"weather_temperature{room=""attic""}",1700000000,-3.5'
echo 'weather value=9007199254740993i 1700000001000000000' >rounded.influx
run 0 import influx --format influx rounded.influx
says 'rounded'
echo 'weather value=1 1700000002' >seconds.influx
run 0 import influx --format influx --precision s seconds.influx
run 0 query influx 'weather{room=""}' --time-format s
prints 'series,time,value
weather,1700000001,9007199254740992
weather,1700000002,1'

# CSV: columns, labels, times
cat >rooms.csv <<'TEXT'
when,room,temperature,humidity
2026-01-02 03:04:05,attic,-3.5,40
2026-01-02 03:04:05,"cellar, left",12,80
TEXT
run 0 import rooms --format csv --time-column when --time-format '%Y-%m-%d %H:%M:%S' \
    --label-columns room --label house=b --label floor=1 rooms.csv
run 0 query rooms '{}'
prints 'series,time,value
"humidity{floor=""1"",house=""b"",room=""attic""}",2026-01-02T03:04:05Z,40
"humidity{floor=""1"",house=""b"",room=""cellar, left""}",2026-01-02T03:04:05Z,80
"temperature{floor=""1"",house=""b"",room=""attic""}",2026-01-02T03:04:05Z,-3.5
"temperature{floor=""1"",house=""b"",room=""cellar, left""}",2026-01-02T03:04:05Z,12'
printf 'time,value\n1700000000,1\n1700000001,2\n' >plain.csv
run 1 import plain --metric m plain.csv
says '--time-format'
run 0 import plain --metric m --time-format s plain.csv
run 0 query plain m --time-format s
prints 'series,time,value
m,1700000000,1
m,1700000001,2'

# What is exported comes back the same
run 0 put rooms odd 'NaN(0x7ff8000000000001)' 1700000000000000001ns
run 0 put rooms odd -0 1960-01-01
run 0 put rooms '{"näme with {} and \"quotes\"",b="line\nfeed, comma"}' +Inf 0
for format in csv jsonl; do
    run 0 export rooms --output $format
    cp out all.$format
    run 0 import again_$format all.$format
    run 0 export again_$format --output csv
    cp out again.csv
    run 0 export rooms --output csv
    cmp -s out again.csv ||
        fail "export and import differ in $format: $(diff out again.csv | head -5)"
done

# Packed or binary input by mistake
gzip -c plain.csv 2>/dev/null >packed.gz && {
    run 2 import never packed.gz
    says 'gzip'
}
[ ! -e never ] || fail 'packed input created a database'
head -c 3000 /dev/zero >noise
run 2 import noisy noise
"$VARVE" import noisy <noise >out 2>err && fail 'noise was imported'
[ -s err ] || fail 'noise without a word'
echo 'nothing but this' >words.prom
run 1 import noisy --format prom words.prom
[ ! -e noisy ] || fail 'input without a sample left a database behind'
run 0 import kept /dev/null
run 1 import kept --format prom words.prom
[ -e kept ] || fail 'a database that was there has gone'
finish
