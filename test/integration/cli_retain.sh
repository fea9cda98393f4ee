#!/usr/bin/env bash
# cli_retain.sh - retain: rules by age, size and selector, shown, replaced and removed.
. "$(dirname "$0")/../support/cli.bash"
trap 'rm -rf "$work"' EXIT

for i in $(seq 0 99); do
    echo "x{a=\"$((i % 2))\"} $i $((1700000000000 + i * 3600000))"
done >lines.prom
run 0 import db --format prom lines.prom
run 0 compact db
run 0 retain db
says 'everything is kept'

# By age: gone at once, counted back from the newest sample
run 0 retain db --age 10h
says 'stored and applied'
run 0 query db x
[ "$(wc -l <out)" = 12 ] || fail "$(wc -l <out) lines, 11 samples and a header were wanted"
run 0 retain db
grep -q '^{},10h,,2023-11-18T15:13:20Z$' out || fail "the rule is not shown: $(cat out)"
run 0 check db

# By selector beside it; the strictest counts
run 0 retain db --age 3h --selector 'x{a="1"}'
run 0 query db 'x{a="1"}'
[ "$(wc -l <out)" = 3 ] || fail 'the rule of a selector was not applied'
run 0 query db 'x{a="0"}'
[ "$(wc -l <out)" = 6 ] || fail 'the rule of a selector was applied to other series'

# Removed: what has expired stays gone, what comes stays
run 0 retain db --remove
run 0 retain db --remove --selector 'x{a="1"}'
run 0 query db x
[ "$(wc -l <out)" = 8 ] || fail 'something came back, or went'
run 0 put db 'x{a="1"}' 7 1700000000s
run 0 query db x
[ "$(wc -l <out)" = 9 ] || fail 'a sample was hidden by a rule that is gone'

# Ages are shown as they may be given
for age in 90d 36h 90m 1500ms; do
    run 0 retain db --age $age --selector nothing_like_it
    run 0 retain db
    grep -q "^nothing_like_it,$age," out || fail "an age of $age is not shown: $(cat out)"
done

# Refusals
run 2 retain db x --age 1d
says 'a selector goes behind --selector'
run 1 retain db --remove
run 2 retain db --age 1h --remove
run 2 retain db --selector x
run 2 retain db --age 1h --selector 'x{'
run 2 retain db --bytes 1GiB --selector x
run 2 retain db --bytes lots
run 2 retain db --age -1h
run 1 retain missing --age 1h
[ ! -e missing ] || fail 'a database was made'

# A sample of the far future expires nothing by itself, a limit of bytes in the same rule or not
for limits in '--age 30d' '--age 30d --bytes 1GiB'; do
    rm -rf strays
    for i in $(seq 1 10); do echo "y $i $((1577836800000 + i))"; done >lines.prom
    run 0 import strays --format prom lines.prom
    # shellcheck disable=SC2086
    run 0 retain strays $limits
    echo 'y 1 4102444800000' >stray.prom
    run 0 import strays --format prom stray.prom
    run 0 compact strays
    run 0 query strays y
    [ "$(wc -l <out)" = 12 ] || fail "$limits: of 11 samples $(($(wc -l <out) - 1)) are left"
done

# Blocks of more than 2^63 nanoseconds are cut, too
rm -rf wide
for i in $(seq 1 200); do echo "z{a=\"$i\"} $i -8835984000000"; done >lines.prom
for i in $(seq 1 200); do echo "z{a=\"$i\"} $i 8993376000000"; done >>lines.prom
run 0 import wide --format prom lines.prom
run 0 compact wide
run 0 retain wide --bytes 200
run 0 check wide
finish
