#!/usr/bin/env bash
# cli_people.sh - hints, plots, sparklines, completions, the manual, the shell.
. "$(dirname "$0")/../support/cli.bash"

for i in 0 1 2 3 4 5 6 7 8 9; do
    echo "cpu_usage{host=\"web1\",mode=\"user\"} $i $((1700000000000 + i * 60000))"
    echo "cpu_usage{host=\"web2\",mode=\"user\"} $((9 - i)) $((1700000000000 + i * 60000))"
done >lines.prom
run 0 import db --format prom lines.prom

# Nothing was found, and why
run 0 query db cpu_usgae
prints 'series,time,value'
says 'there is no metric cpu_usgae; did you mean cpu_usage\?'
run 0 query db 'cpu_usage{hots="web1"}' --agg avg
says 'there is no label hots; did you mean host\?'
run 0 latest db 'cpu_usage{host="wbe1"}'
says 'there is no value of host wbe1; did you mean web1\?'
run 0 query db cpu_usage --end 1970-01-02 --output json
prints '[]'
says 'no samples in this range'
run 0 labels db moed
prints 'value'
says 'there is no label moed; did you mean mode\?'
run 0 delete db nothing_like_it
says 'there is no metric nothing_like_it$'

# A caret under what is wrong
run 2 query db 'cpu_usage{host=web1}'
grep -Eq '^ +\^' err || fail "no caret: $(cat err)"

# Plots
run 0 query db cpu_usage --plot
[ "$(grep -c '[┤│]' out)" -ge 8 ] || fail 'a plot has rows'
grep -q '2023-11-14T22:13:20Z .*2023-11-14T22:22:20Z' out || fail 'a plot has times'
grep -q '━━ cpu_usage{host="web2",mode="user"}' out || fail 'a plot has a legend'
grep -q "$(printf '\033')" out && fail 'colours without a terminal'
run 0 query db cpu_usage --agg avg --step 2m --by mode --plot
grep -q '━━ {mode="user"}' out || fail 'a plot of aggregates'
run 2 query db cpu_usage --agg avg --plot
says 'needs --step'
run 2 query db cpu_usage --plot --output csv
run 0 query db nothing --plot
prints ''

# A terminal: tables, colours unless NO_COLOR, sparklines, the pager
if command -v script >/dev/null && script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    on_terminal() {
        timeout 60 script -qec "stty rows 24 cols 100; $*" /dev/null </dev/null | tr -d '\r' >out
    }
    export TERM=xterm PAGER=
    on_terminal "'$VARVE' query db cpu_usage --limit 2"
    grep -q "$(printf '\033')\[1mseries" out || fail 'a header in bold'
    grep -q 'cpu_usage{host="web1",mode="user"}  2023-11-14T22:13:20Z' out || fail 'a table'
    wide='cpu_usage{host="a_long_name_of_a_host",rack="another_label_with_a_long_value",b="x"}'
    "$VARVE" put db2 "$wide" 1 1700000000s && "$VARVE" put db2 "$wide" 2 1700000001s
    on_terminal "'$VARVE' query db2 cpu_usage"
    [ "$(grep -c another_label out)" -eq 1 ] || fail 'a wide series is no line of its own'
    grep -Eq '^  2023-11-14T22:13:21Z +2$' out || fail 'rows below a wide series'
    NO_COLOR=1 on_terminal "'$VARVE' query db cpu_usage --limit 2"
    grep -q "$(printf '\033')" out && fail 'NO_COLOR is not honoured'
    on_terminal "'$VARVE' series db"
    grep -q '▁.*█' out || fail 'no sparkline'
    PAGER="sed s/^/paged:/" on_terminal "'$VARVE' query db cpu_usage --limit 2"
    grep -q '^paged:.*web1' out || fail 'the pager was not used'
    PAGER=no-such-pager on_terminal "'$VARVE' query db cpu_usage --limit 2"
    grep -q 'web1' out || fail 'a missing pager swallows the output'
    unset PAGER
else
    echo 'on a terminal: not tested without script(1)'
fi

# Completions and the manual page come from the table of verbs
for shell in bash zsh fish; do
    run 0 completion $shell
    for word in query import collect step label-columns; do
        grep -q -e "$word" out || fail "$shell completion does not know $word"
    done
done
run 2 completion tcsh
run 0 completion bash
cat >complete.bash <<'TEXT'
. ./out
COMP_WORDS=(varve "$@")
COMP_CWORD=$#
_varve
echo "${COMPREPLY[*]}"
TEXT
[ "$(bash complete.bash qu)" = query ] || fail 'bash completes verbs'
[ "$(bash complete.bash query db x --st)" = '--start --step' ] || fail 'bash completes options'
[ "$(bash complete.bash import db --sync p)" = 'process periodic' ] || fail 'bash completes values'
[ "$(bash complete.bash query db x --agg st)" = 'stddev stdvar' ] || fail 'bash completes functions'
run 0 help --man
grep -q '^\.TH VARVE 1' out || fail 'the manual page'
if command -v groff >/dev/null; then
    groff -man -ww -Tutf8 out >/dev/null 2>groff.err
    [ ! -s groff.err ] || fail "groff: $(head -3 groff.err)"
fi

# The shell
cat >script <<'TEXT'
# a comment
cpu_usage{host="web1", mode="user"} --limit 1
latest 'cpu_usage{host="web2"}'
.mode json
labels host
.mode
cpu_usage --agg count --output csv
.schema
TEXT
"$VARVE" shell db <script >out 2>err || fail "shell: $(cat err)"
prints 'series,time,value
"cpu_usage{host=""web1"",mode=""user""}",2023-11-14T22:13:20Z,0
series,time,value
"cpu_usage{host=""web2"",mode=""user""}",2023-11-14T22:22:20Z,0
[
{"value":"web1"},
{"value":"web2"}
]
series,count
"cpu_usage{host=""web1"",mode=""user""}",10
"cpu_usage{host=""web2"",mode=""user""}",10
label,values
__name__,1
host,2
mode,1

value
cpu_usage'
echo '.mode jsno' | "$VARVE" shell db >out 2>err
[ $? -eq 2 ] || fail 'the exit code of a script is that of its first error'
says 'did you mean json'
for word in quit exit .quit; do
    printf '%s\nnothing_like_it\n' $word | "$VARVE" shell db >out 2>err || fail "$word"
    [ ! -s err ] || fail "the shell went on after $word: $(cat err)"
done
run 1 shell nothing
[ ! -e nothing ] || fail 'the shell created a database'
finish
