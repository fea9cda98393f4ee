#!/usr/bin/env bash
# cli_usage.sh - help, version, and what is wrong with a command line: exit code 2 and a sentence.
. "$(dirname "$0")/../support/cli.bash"

verbs='import export query latest put delete series labels stats check compact snapshot collect'

run 0 --version
grep -Eq '^varve [0-9]+\.[0-9]+\.[0-9]+$' out || fail 'version'
run 0 --help
for verb in $verbs; do
    grep -Eq "^  $verb DB" out || fail "help does not name $verb"
done
says_nothing
for verb in $verbs; do
    run 0 "$verb" --help
    grep -q "^Usage: varve $verb DB" out || fail "$verb: usage"
    grep -q '^Examples:' out || fail "$verb: examples"
    cp out long
    run 0 help "$verb"
    cmp -s out long || fail "help $verb differs from $verb --help"
done

run 0 version
grep -Eq '^varve [0-9]' out || fail 'version as a verb'

# Every verb says what its arguments are
all_verbs=$("$VARVE" --help | sed -n '/^Verbs:/,/^$/p' | awk '/^  [a-z]/ { print $1 }')
[ "$(wc -w <<<"$all_verbs")" -gt 15 ] || fail "verbs: $all_verbs"
for verb in $all_verbs; do
    run 0 "$verb" --help
    usage=$(sed -n 's/^Usage: varve [a-z]* \(.*\) \[options\]/\1/p' out | tr -d '[]')
    for argument in $usage; do
        grep -Fq "  $argument " out || fail "$verb --help does not say what $argument is"
    done
done

# Verbs and options that are mistyped
run 2
says 'varve --help'
run 2 qurey db x
says 'did you mean query\?'
run 2 frobnicate
says 'no verb "frobnicate"'
run 2 query db x --stpe 1m
says 'did you mean --step\?'
run 2 query db x --frobnicate
says 'query has no option --frobnicate'
run 2 query db x -x
says 'query has no option -x'
run 2 query db x --output jsno
says 'did you mean json\?'
run 2 query db x --output yaml
says 'it is one of table\|csv\|json'
run 2 import db --sync commti x
says 'did you mean commit\?'
run 2 query db x --agg average
says 'no function "average"; did you mean avg\?'
run 2 query db x --agg agv
says 'did you mean avg\?'

# Missing and superfluous
run 2 query db
says 'varve query DB SELECTOR'
run 2 stats db more
says 'stats does not know what to do with "more"'
run 2 query db x --start
says '--start needs a value'
run 2 query db x --start --end
says '--start needs a value'
run 2 check db --json=1
says '--json takes no value'
run 2 query db x --limit 1 --limit 2
says '--limit is given twice'

# Options that need another one, and values out of range
run 2 query db x --step 1m
says '--step needs --agg'
run 2 query db x --by a
says '--by needs --agg'
run 2 query db x --without a
says '--without needs --agg'
run 2 query db x --agg avg --by a --without b
says 'exclude each other'
run 2 query db x --agg avg,avg
says 'twice'
run 2 query db x --agg ''
says '--agg needs'
run 2 query db x --agg avg --step 0s
says '--step'
run 2 query db x --agg avg --step -1m
says '--step'
run 2 query db x --agg avg --step soon
says '--step'
run 2 query db x --limit many
says '--limit'
run 2 query db x --start yesterday
says '--start'
run 2 query db x --start 2026-01-02 --end 2026-01-01
says 'before'
run 2 query db x --agg avg --output prom
says 'needs --step'
run 2 import db --label host x
says 'NAME=VALUE'
run 2 collect db --interval 0s
says '--interval'
run 2 collect db --for -5s
says '--for'

# Selectors and series
for selector in 'cpu{' 'cpu{host}' 'cpu{host=a}' 'cpu{host="a"' '{host="a"} x' '' '{host="a",}}'; do
    run 2 query db "$selector"
    run 2 delete db "$selector"
done
run 2 put db 'cpu{host=~"a"}' 1
says 'selector'
run 2 put db '{}' 1
says 'name or a label'
run 2 put db 'cpu{a="1",a="2"}' 1
says 'twice'
run 2 put db cpu one
says 'no value'
run 2 put db cpu 1 sometime
run 2 put db cpu 1 9223372036854775807ns
says 'one nanosecond too late'
run 2 put db cpu 1e400
says 'out of range'
run 2 delete db '{}'
says '--all'
run 2 delete db '{__name__=~".+"}'
says '--all'
[ ! -e db ] || fail 'a wrong command line created a database'
finish
