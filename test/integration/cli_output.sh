#!/usr/bin/env bash
# cli_output.sh - put, latest, query, export: every output format, byte for byte.
. "$(dirname "$0")/../support/cli.bash"

t=1700000000
run 0 put db 'cpu{host="a",mode="user"}' 1.5 ${t}s
says_nothing
prints ''
run 0 put db 'cpu{mode="user",host="a"}' -2 1700000001
run 0 put db 'cpu{host="b"}' -Inf ${t}s
run 0 put db 'cpu{host="b"}' NaN 1700000000500ms
run 0 put db --sync commit '{"http.requests",path="a,\"b\""}' 12 ${t}000000001ns
run 0 put db temperature -3.25 1969-12-31T23:59:59Z
run 0 put db huge 1e300 1970-01-01

run 0 query db cpu
prints 'series,time,value
"cpu{host=""a"",mode=""user""}",2023-11-14T22:13:20Z,1.5
"cpu{host=""a"",mode=""user""}",2023-11-14T22:13:21Z,-2
"cpu{host=""b""}",2023-11-14T22:13:20Z,-Inf
"cpu{host=""b""}",2023-11-14T22:13:20.5Z,NaN'
says_nothing

run 0 query db 'cpu{host="b"}' --output table
prints 'series         time                    value
cpu{host="b"}  2023-11-14T22:13:20Z     -Inf
cpu{host="b"}  2023-11-14T22:13:20.5Z    NaN'

run 0 query db 'cpu{host="b"}' --output json
prints '[
{"series":"cpu{host=\"b\"}","time":"2023-11-14T22:13:20Z","value":"-Inf"},
{"series":"cpu{host=\"b\"}","time":"2023-11-14T22:13:20.5Z","value":"NaN"}
]'
run 0 query db 'cpu{host="b"}' --output json --time-format s
prints '[
{"series":"cpu{host=\"b\"}","time":1700000000,"value":"-Inf"},
{"series":"cpu{host=\"b\"}","time":1700000000.5,"value":"NaN"}
]'
run 0 query db nothing --output json
prints '[]'
run 0 query db nothing
prints 'series,time,value'
run 0 query db nothing --output jsonl
prints ''

run 0 query db 'cpu{host="b"}' --output jsonl
prints '{"metric":{"__name__":"cpu","host":"b"},'\
'"values":["-Inf","NaN"],"timestamps":[1700000000000,1700000000500]}'
run 0 query db 'cpu{host="a"}' --output prom
prints 'cpu{host="a",mode="user"} 1.5 1700000000000
cpu{host="a",mode="user"} -2 1700000001000'
run 0 query db 'cpu{host="a"}' --output influx --limit 1
prints 'cpu,host=a,mode=user value=1.5 1700000000000000000'

for unit in s:1700000001 ms:1700000001000 us:1700000001000000 ns:1700000001000000000; do
    run 0 query db 'cpu{host="a"}' --start ${t}500ms --time-format "${unit%%:*}" --output csv
    prints "series,time,value
\"cpu{host=\"\"a\"\",mode=\"\"user\"\"}\",${unit#*:},-2"
done

# Half-open ranges, limits, times before the epoch
run 0 query db 'cpu{host="a"}' --start ${t}s --end $((t + 1))s
[ "$(wc -l <out)" -eq 2 ] || fail 'the end belongs to the range'
run 0 query db cpu --limit 3
[ "$(wc -l <out)" -eq 4 ] || fail 'limit'
run 0 query db cpu --limit 0
prints 'series,time,value'
run 0 query db temperature
prints 'series,time,value
temperature,1969-12-31T23:59:59Z,-3.25'
run 0 query db '{__name__=~"huge|temperature"}' --start=1900-01-01 --end 1970-01-02
[ "$(wc -l <out)" -eq 3 ] || fail 'a negative time'
run 0 query db '{"http.requests"}' --time-format ns
prints 'series,time,value
"{""http.requests"",path=""a,\""b\""""}",1700000000000000001,12'

# Order: metric name, then labels, then time
run 0 query db '{}' --time-format s --output csv
cut -d, -f1 out | tr -d '"' | cut -c1-8 | uniq | tr '\n' ' ' >order
[ "$(cat order)" = 'series cpu{host {http.re huge temperat ' ] ||
    [ "$(cat order)" = 'series cpu{host {http. huge temperat ' ] || fail "order: $(cat order)"

# The newest sample of each series
run 0 latest db cpu
prints 'series,time,value
"cpu{host=""a"",mode=""user""}",2023-11-14T22:13:21Z,-2
"cpu{host=""b""}",2023-11-14T22:13:20.5Z,NaN'
run 0 latest db cpu --output prom
prints 'cpu{host="a",mode="user"} -2 1700000001000
cpu{host="b"} NaN 1700000000500'
run 0 latest db 'cpu{host="a"}' --output influx
prints 'cpu,host=a,mode=user value=-2 1700000001000000000'
run 0 latest db 'cpu{host="b"}' --output jsonl
prints '{"metric":{"__name__":"cpu","host":"b"},"values":["NaN"],"timestamps":[1700000000500]}'
run 2 latest db '{"http.requests"}' --output prom
says 'finer than a millisecond'
run 2 latest db 'cpu{host="b"}' --output influx
says 'influx cannot'

# Aggregates
run 0 query db cpu --agg count,min,max,first,last
prints 'series,count,min,max,first,last
"cpu{host=""a"",mode=""user""}",2,-2,1.5,1.5,-2
"cpu{host=""b""}",2,-Inf,-Inf,-Inf,NaN'
run 0 query db 'cpu{host="a"}' --agg sum,avg --step 1m --time-format s
prints 'series,time,sum,avg
"cpu{host=""a"",mode=""user""}",1699999980,-0.5,-0.25'
run 0 query db cpu --agg count --by host --output json
prints '[
{"series":"{host=\"a\"}","count":2},
{"series":"{host=\"b\"}","count":2}
]'
run 0 query db cpu --agg count --by ''
prints 'series,count
{},4'
run 0 query db cpu --agg count --without host --output jsonl --step 1d
prints '{"metric":{"__name__":"cpu_count"},"values":[2],"timestamps":[1699920000000]}
{"metric":{"__name__":"cpu_count","mode":"user"},"values":[2],"timestamps":[1699920000000]}'
run 0 query db 'cpu{host="a"}' --agg min,max --step 1d --output prom
prints 'cpu_min{host="a",mode="user"} -2 1699920000000
cpu_max{host="a",mode="user"} 1.5 1699920000000'
run 0 query db 'cpu{host="a"}' --agg min,max --step 1d --output influx
prints 'cpu,host=a,mode=user min=-2,max=1.5 1699920000000000000'
run 0 query db 'cpu{host="a"}' --agg max --by host --step 1d --output influx
prints 'max,host=a value=1.5 1699920000000000000'
run 0 query db nothing --agg avg --step 1h
prints 'series,time,avg'

# Export says what query says
for format in csv jsonl; do
    run 0 export db cpu --output $format
    cp out exported
    run 0 query db cpu --output $format
    cmp -s out exported || fail "query and export differ in $format"
done
run 0 export db --limit 2
[ "$(wc -l <out)" -eq 3 ] || fail 'export --limit'
run 2 export db --output prom
says 'lossy|csv'
run 0 export db --output prom --lossy

# What can be listed
run 0 series db 'cpu{host="a"}'
prints 'series,samples,time,value
"cpu{host=""a"",mode=""user""}",2,2023-11-14T22:13:21Z,-2'
run 0 series db --output json
grep -q '"samples":2' out || fail 'series --output json'
run 0 labels db
prints 'label,values
__name__,4
host,2
mode,1
path,1'
run 0 labels db host
prints 'value
a
b'
run 0 labels db host --output json
prints '[
{"value":"a"},
{"value":"b"}
]'
run 0 labels db nothing
prints 'value'
run 0 stats db
grep -qx 'series,5' out || fail 'stats: series'
grep -qx 'samples,7' out || fail 'stats: samples'
grep -qx 'time_max,2023-11-14T22:13:21Z' out || fail 'stats: time_max'
grep -Eqx 'bytes_per_sample,[0-9.]+' out || fail 'stats: bytes per sample'
"$VARVE" put db3 x 1 -30d
run 0 stats db3 --output table
grep -q ' 30d00h ago' out || fail "stats: the age of the newest sample: $(grep time_max out)"
run 0 stats db --time-format s --output json
grep -qx '{"figure":"time_max","value":1700000001},' out || fail 'stats --time-format'
run 0 check db
grep -q '^ok: .* 0 damages' out || fail 'check'
run 0 check db --json
grep -q '"ok":true' out || fail 'check --json'

# Standard output that cannot be written to is noticed
if [ -w /dev/full ]; then
    "$VARVE" query db cpu >/dev/full 2>err
    [ $? -eq 5 ] || fail 'a full standard output goes unnoticed'
    says 'standard output'
fi
finish
