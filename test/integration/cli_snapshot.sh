#!/usr/bin/env bash
# cli_snapshot.sh - snapshot and restore: beside a writer, again to the same place, out of space,
# and every refusal with its exit code.
. "$(dirname "$0")/../support/cli.bash"
trap 'umount "$work/small" 2>/dev/null; rm -rf "$work"' EXIT

for i in $(seq 2000); do
    echo "x{a=\"$((i % 7))\"} $i.25 $((1700000000000 + i * 1000))"
done >lines.prom
run 0 import db --format prom lines.prom
run 0 compact db
run 0 put db 'late{a="1"}' 5 1700009999s
run 0 export db
cp out expected

# The first one, and what it is: a database that shares blocks with the other
run 0 snapshot db snap
says 'linked'
run 0 check snap
run 0 export snap
cmp -s out expected || fail 'a snapshot differs from its database'
[ "$(stat -c %h snap/shard-0000/block-*)" = 2 ] || fail 'blocks of a snapshot are not links'
[ ! -e snap.varve-new ] || fail 'something was left behind'

# Again, with more data; the database may be gone afterwards
run 0 put db 'later{a="1"}' 6 1700019999s
run 0 export db
cp out expected
run 0 snapshot db snap/
rm -rf db
run 0 export snap
cmp -s out expected || fail 'a renewed snapshot differs from its database'

# Restored: a database of its own
run 0 restore snap db
run 0 export db
cmp -s out expected || fail 'a restored database differs from its snapshot'
[ "$(stat -c %h db/shard-0000/block-*)" = 1 ] || fail 'a restored database shares blocks'
run 0 put db 'own{a="1"}' 1 1700019999s
run 0 delete db 'x{a="1"}'
run 0 compact db
run 0 export snap
cmp -s out expected || fail 'a restored database changes its snapshot'
run 0 snapshot db snap

# Refusals
run 1 restore snap db
says 'exists already'
run 1 snapshot db db
run 1 snapshot missing snap2
run 1 restore missing db2
mkdir folder
run 1 snapshot db folder
run 1 restore folder db2
run 1 snapshot db missing/snap
run 2 snapshot db
run 2 restore snap
run 0 put other x 1
run 1 snapshot other snap
says 'no snapshot of this database'
run 0 put snap 'x{a="1"}' 1
run 1 snapshot db snap
[ ! -e snap2 ] && [ ! -e db2 ] && [ ! -e missing ] || fail 'a refusal created something'

# Beside a writer, which goes on
"$VARVE" collect db --interval 50ms >/dev/null 2>&1 &
writer=$!
for _ in $(seq 200); do
    "$VARVE" latest db node_load1 2>/dev/null | grep -q load && break
    sleep 0.05
done
run 0 snapshot db beside
run 0 check beside
run 0 latest beside node_load1
grep -q node_load1 out || fail 'what a writer has written is not in the snapshot'
run 0 snapshot db beside
kill -INT $writer
wait $writer

# Damage is not restored
run 0 compact db
run 0 snapshot db bad
block=$(ls bad/shard-0000/block-* | head -1)
cp "$block" copy && rm "$block" && cp copy "$block"
printf '\377' | dd of="$block" bs=1 seek=100 conv=notrunc status=none
run 3 restore bad db3
says 'block-'
[ ! -e db3 ] && [ ! -e db3.varve-new ] || fail 'a failed restore left something behind'

# Out of space: another file system, so that blocks are copied
mkdir small
if mount -t tmpfs -o size=64k tmpfs small 2>/dev/null; then
    head -c 61440 /dev/zero >small/full
    run 5 snapshot db small/snap
    says 'No space left'
    run 5 restore beside small/db
    says 'No space left'
    [ "$(ls -A small)" = full ] || fail 'something was left on the full disk'
    umount small
    mount -t tmpfs -o size=64m tmpfs small
    run 0 snapshot db small/snap
    says ' 0 linked'
    run 0 put db 'x{a="1"}' 1
    run 0 snapshot db small/snap
    says ' [12] linked'
    run 0 check small/snap
    umount small
fi
finish
