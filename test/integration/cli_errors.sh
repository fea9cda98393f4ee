#!/usr/bin/env bash
# cli_errors.sh - what may be wrong with a database: the exit code of each case, a sentence, and
# nothing created or changed.
. "$(dirname "$0")/../support/cli.bash"
trap 'umount "$work/small" 2>/dev/null; rm -rf "$work"' EXIT

read_verbs=('query db x' 'latest db x' 'series db' 'labels db' 'stats db' 'export db' 'check db')
for line in "${read_verbs[@]}" 'delete db x' 'compact db'; do
    # shellcheck disable=SC2086
    run 1 $line
    says 'db'
    [ ! -e db ] || fail "$line created a database"
done

# A folder and a file that are no databases
mkdir folder
echo hello >folder/file
echo hello >file
for line in 'query folder x' 'stats folder' 'check folder' 'put folder x 1' 'compact folder' \
    'delete folder x'; do
    # shellcheck disable=SC2086
    run 1 $line
    says 'folder'
done
[ "$(ls -A folder)" = file ] || fail "files were created in a folder that is no database"
run 1 query file x
run 1 import missing/db file
[ ! -e missing ] || fail 'parents were created'

# Input that cannot be read creates no database
run 1 import new nothing.csv
says 'nothing.csv'
run 2 import new folder
says 'directory'
printf '\037\213\010\000' >packed.gz
run 2 import new packed.gz
says 'gzip -dc'
[ ! -e new ] || fail 'an import without input created a database'

# Locked by another process
run 0 put db 'x{a="1"}' 1 1700000000s
"$VARVE" collect db --interval 1h >/dev/null 2>collect.err &
writer=$!
for _ in $(seq 200); do # by reading: a put could hold the lock when collect wants it
    "$VARVE" latest db node_load1 2>/dev/null | grep -q load && break
    sleep 0.05
done
run 4 put db y 1
says 'being written by'
run 4 compact db
run 4 delete db x
run 4 import db file
run 0 query db x
[ "$(wc -l <out)" -eq 2 ] || fail 'a reader beside a writer'
run 0 check db
kill -INT $writer
wait $writer
[ $? -eq 130 ] || fail 'SIGINT does not end collect with 130'
grep -q '^varve: collected' collect.err || fail 'no summary after SIGINT'

# Damage: a flipped byte and a file that was cut
for i in $(seq 300); do
    echo "x{a=\"$((i % 7))\"} $i.25 $((1700000000000 + i * 1000))"
done >lines.prom
run 0 import db2 --format prom lines.prom
run 0 compact db2
run 0 check db2
block=$(find db2 -type f -size +1k -printf '%s %p\n' | sort -n | tail -1 | cut -d' ' -f2)
size=$(stat -c %s "$block")
cp -r db2 flipped
flipped=flipped/${block#db2/}
byte=$(od -An -tu1 -j $((size / 2)) -N 1 "$block" | tr -d ' ')
printf '%b' "\\x$(printf %02x $((byte ^ 0x55)))" |
    dd of="$flipped" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
run 3 check flipped
grep -q "^damage: ${block#db2/} at byte [0-9]*: " out || fail "damage is not named: $(cat out)"
run 3 check flipped --json
grep -q '"ok":false' out || fail 'check --json'
cp -r db2 cut
truncate -s $((size / 2)) "cut/${block#db2/}"
run 3 check cut
run 3 query cut x
says 'warning|damage'

# A log that ends in the middle of a write is worth a note, no more
run 0 import torn --format prom lines.prom
log=$(echo torn/shard-0000/wal-*)
truncate -s -5 "$log"
run 0 check torn
grep -q "^note: ${log#torn/} at byte [0-9]*: .*torn write" out || fail "no note: $(cat out)"
grep -q '0 damages, 1 note$' out || fail "no note is counted: $(cat out)"

# The two files without which nothing opens: which one it is, and what can be done
for file in varve.db shard-0000/manifest; do
    rm -rf headless
    cp -r db2 headless
    printf 'xx' | dd of="headless/$file" bs=1 seek=20 conv=notrunc 2>/dev/null
    run 3 check headless
    grep -q "^damage: $file at byte" out || fail "$file is not named: $(cat out)"
    run 3 query headless x
    says 'varve salvage headless NEW'
done

# A database that may not be written to
if [ "$(id -u)" -ne 0 ]; then
    chmod -R a-w db2
    run 5 put db2 x 1
    run 0 query db2 x
    chmod -R u+w db2
elif mkdir small && mount -t tmpfs -o size=2m tmpfs small 2>/dev/null; then
    # A full disk: what was acknowledged stays, and the reason is said.
    "$VARVE" import small/db --format prom --acks - >out 2>err < <(
        seq 2000000 | awk '{ printf "x{a=\"%d\"} %d.%d %.0f\n", $1 % 100, $1 * 7919 % 32768,
                             $1 * 104729 % 32768, 1700000000000 + $1 * 7919 }' 2>/dev/null
    )
    [ $? -eq 5 ] || fail "import on a full disk: $(tail -2 err)"
    says 'space'
    acked=$(tail -1 out | cut -d' ' -f2)
    run 0 query small/db x --agg count --by ''
    kept=$(tail -1 out | cut -d, -f2)
    [ "${kept:-0}" -ge "${acked:-0}" ] || fail "$acked lines were acknowledged, $kept are there"
    run 0 check small/db
    # Not a byte is left: queries, deletions and retention go on, and make room.
    dd if=/dev/zero of=small/filler bs=4k 2>/dev/null
    [ "$(df --output=avail small | tail -1)" -eq 0 ] || fail 'the disk is not full'
    run 5 put small/db x 1 1700000000s
    run 0 query small/db 'x{a="7"}' --limit 1
    run 0 delete small/db 'x{a="7"}'
    run 0 query small/db 'x{a="7"}' --agg count --by ''
    [ "$(wc -l <out)" -eq 1 ] || fail "deleted on a full disk, and still there: $(cat out)"
    run 0 retain small/db --age 1d
    [ "$(df --output=avail small | tail -1)" -gt 0 ] || fail 'nothing was freed'
    run 0 compact small/db
    run 0 put small/db x 1 1700000000s
    run 0 check small/db
    rm -rf small/db small/filler
    cp -r db2 small/ro
    mount -o remount,ro small
    run 5 put small/ro x 1
    run 0 query small/ro x --limit 1
    run 5 put small/new x 1
    umount small
else
    echo 'full and read-only disks: not tested without root or mounts'
fi
finish
