#!/usr/bin/env bash
# cli_query.sh - what `varve query` and `varve labels` compute, and how they refuse what makes no
# sense: exit code 2, and the option by its name.
. "$(dirname "$0")/../support/cli.bash"

cat >in.csv <<'END'
series,time,value
"cpu{host=""a""}",2026-11-11T12:00:00Z,10
"cpu{host=""a""}",2026-11-12T12:00:00Z,20
"cpu{host=""a""}",2026-11-14T12:00:00Z,40
"cpu{host=""b""}",2026-11-11T12:00:00Z,3
"cpu{host=""b""}",2026-11-12T22:30:00Z,6
"mem{dc=""x""}",2026-11-16T00:00:00Z,7
END
run 0 import db in.csv

# Steps of the calendar, in a time zone.
run 0 query db 'cpu{host="a"}' --agg 'avg,quantile(0.5)' --step 1d --tz Europe/Berlin --limit 2
prints 'series,time,avg,quantile(0.5)
"cpu{host=""a""}",2026-11-10T23:00:00Z,10,10
"cpu{host=""a""}",2026-11-11T23:00:00Z,20,20'
run 0 query db 'cpu{host="b"}' --agg sum --step 1d --tz +02:00
prints 'series,time,sum
"cpu{host=""b""}",2026-11-10T22:00:00Z,3
"cpu{host=""b""}",2026-11-12T22:00:00Z,6'
run 0 query db '{}' --agg sum --step 1w --by ''
prints 'series,time,sum
{},2026-11-09T00:00:00Z,79
{},2026-11-16T00:00:00Z,7'
run 0 query db '{}' --agg count --step 1mo --by ''
prints 'series,time,count
{},2026-11-01T00:00:00Z,6'
run 0 query db '{}' --agg count --step 1y --by ''
prints 'series,time,count
{},2026-01-01T00:00:00Z,6'
run 0 query db 'cpu{host="b"}' --agg sum --step 1d --offset 6h
prints 'series,time,sum
"cpu{host=""b""}",2026-11-11T06:00:00Z,3
"cpu{host=""b""}",2026-11-12T06:00:00Z,6'

# Filling.
a='cpu{host="a"}'
run 0 query db "$a" --agg avg --step 1d --fill linear
prints 'series,time,avg
"cpu{host=""a""}",2026-11-11T00:00:00Z,10
"cpu{host=""a""}",2026-11-12T00:00:00Z,20
"cpu{host=""a""}",2026-11-13T00:00:00Z,30
"cpu{host=""a""}",2026-11-14T00:00:00Z,40'
run 0 query db "$a" --agg avg --step 1d --fill previous --fill-gap 1d --start 2026-11-12
prints 'series,time,avg
"cpu{host=""a""}",2026-11-12T00:00:00Z,20
"cpu{host=""a""}",2026-11-14T00:00:00Z,40'
run 0 query db "$a" --agg avg --step 1d --fill null --start 2026-11-13 --end 2026-11-15
prints 'series,time,avg
"cpu{host=""a""}",2026-11-13T00:00:00Z,NaN
"cpu{host=""a""}",2026-11-14T00:00:00Z,40'

# Groups: pooled, or the results of the series reduced.
run 0 query db cpu --agg max --by ''
prints 'series,max
{},40'
run 0 query db cpu --agg max --by '' --reduce avg
prints 'series,max
{},23'
run 0 query db cpu --agg max --by '' --reduce 'quantile(0)'
prints 'series,max
{},6'

# The greatest and the least.
run 0 query db '{}' --agg max --top 1
prints 'series,max
"cpu{host=""a""}",40'
run 0 query db '{}' --agg max --bottom 2
prints 'series,max
"cpu{host=""b""}",6
"mem{dc=""x""}",7'
run 0 query db "$a" --agg 'quantile(0.95)' --step 1d --output prom --limit 1
prints 'cpu_quantile_0_95{host="a"} 10 1794355200000'

# Backwards.
run 0 query db "$a" --reverse --limit 2
prints 'series,time,value
"cpu{host=""a""}",2026-11-14T12:00:00Z,40
"cpu{host=""a""}",2026-11-12T12:00:00Z,20'
run 0 query db cpu --agg sum --step 1w --reverse --by host --limit 1
prints 'series,time,sum
"{host=""a""}",2026-11-09T00:00:00Z,70'
run 0 query db "$a" --reverse --limit 1 --output json
prints '[
{"series":"cpu{host=\"a\"}","time":"2026-11-14T12:00:00Z","value":40}
]'

# What a query did: after a compaction everything is answered from statistics.
run 0 compact db
run 0 query db cpu --agg max --explain
grep -qx 'series_matched,2' out || fail 'series are counted'
grep -qx 'chunks_answered,2' out || fail 'chunks are answered from statistics'
grep -qx 'chunks_decoded,0' out || fail 'no chunk is decoded'
run 0 query db cpu --explain --output json
grep -q '"figure":"samples_read","value":5}' out || fail 'samples are counted'
run 2 query db cpu --explain --plot
says '--plot goes with neither'
run 2 query db cpu --explain --limit 1
says '--explain reads all samples'
run 2 query db cpu --explain --agg avg --step 1d --output prom
says '--explain goes with'

# Labels.
run 0 labels db
prints 'label,values
__name__,2
dc,1
host,2'
run 0 labels db --match cpu --count
prints 'label,values,series
__name__,1,2
host,2,2'
run 0 labels db host --limit 1
prints 'value
a'
run 0 labels db __name__ --count
prints 'value,series
cpu,2
mem,1'
run 0 labels db none
prints 'value'
run 2 labels db --match 'cpu{'
says 'column 5'
run 2 labels db --limit x
says '--limit'

# What makes no sense: the arguments, then what the message has to name.
refuses() {
    local wanted=$1
    shift
    run 2 query db cpu "$@"
    says "$wanted"
}
refuses '--agg: quantile takes one number from 0 to 1' --agg quantile
refuses '--agg: quantile takes one number from 0 to 1' --agg 'quantile(1.5)'
refuses '--agg: avg takes no parameter' --agg 'avg(1)'
refuses 'did you mean rate' --agg rat
refuses '--agg names quantile\(0.5\) twice' --agg 'quantile(0.5),quantile(0.5)'
refuses '--reduce needs --by or --without' --agg avg --reduce max
refuses '--reduce knows no function "rate"' --agg avg --by host --reduce rate
refuses '--reduce: quantile takes one number' --agg avg --by host --reduce quantile
refuses '--fill cannot be "liner"; did you mean linear' --agg avg --step 1d --fill liner
refuses '--fill needs --step' --agg avg --fill null
refuses '--fill-gap needs --fill' --agg avg --step 1d --fill-gap 1h
refuses '--fill-gap' --agg avg --step 1d --fill null --fill-gap 0s
refuses '--tz needs a --step of whole days' --agg avg --step 1h --tz UTC
refuses '--tz: .*Mars/Base' --agg avg --step 1d --tz Mars/Base
refuses '--tz needs --agg' --tz UTC
refuses '--offset' --agg avg --step 1d --offset x
refuses '--top cannot be "0"' --agg avg --top 0
refuses '--top and --bottom' --agg avg --top 1 --bottom 1
refuses '--top and --fill' --agg avg --step 1d --top 1 --fill null
refuses '--step' --agg avg --step 0mo
refuses '--step' --agg avg --step 0s
refuses '--step' --agg avg --step 999999999999y
refuses '--step' --agg avg --step 99999999999999999999d
refuses '--end .* is before --start' --start 2026-11-12 --end 2026-11-11
for option in step by without reduce fill top bottom offset tz fill-gap; do
    refuses "--$option needs --agg" "--$option" "$([ $option = fill ] && echo null || echo 1d)"
done
