#!/usr/bin/env bash
# cli_salvage.sh - salvage: what it saves, tells and refuses.
. "$(dirname "$0")/../support/cli.bash"

# Times that are no multiples of anything, so that there are many pages of values
awk 'BEGIN { srand(1); for (i = 1; i <= 40000; i++)
    printf "x{a=\"%d\"} %.9f %.0f\n", i % 7, rand(), 1700000000000 + i * 1000 }' >lines.prom
run 0 import db --bulk --format prom lines.prom
run 0 put db 'y{a="1"}' 5 1700000000001
run 0 put db 'y{a="1"}' 6 1700000000002
run 0 export db
sort out >expected

# Nothing is lost: exit code 0, the same data
run 0 salvage db whole
grep -q '^salvaged: 40,002 samples' out || fail "summary: $(cat out)"
run 0 export whole
sort out | cmp -s - expected || fail 'a salvaged database differs'

# Without manifest and varve.db
cp -r db bare
rm bare/shard-0000/manifest bare/varve.db
run 3 salvage bare rebuilt
grep -q '^damage: shard-0000/manifest' out || fail 'a lost manifest is not told'
grep -q '^damage: varve.db' out || fail 'a lost varve.db is not told'
run 0 export rebuilt
sort out | cmp -s - expected || fail 'data is lost with the manifest'
run 0 put rebuilt 'y{a="1"}' 7

# A byte of a block: most of it is saved, the rest is told by file and offset
cp -r db bad
block=$(ls bad/shard-0000/block-* | head -1)
printf '\377\377' | dd of="$block" bs=1 seek=20000 conv=notrunc status=none
(cd bad && find . -type f -exec cksum {} + | sort -k3) >before
run 3 salvage bad saved --json
(cd bad && find . -type f -exec cksum {} + | sort -k3) >after
cmp -s before after || fail 'salvage changed its source'
python3 - out <<'EOF' || fail "salvage --json: $(cat out)"
import json, sys
report = json.load(open(sys.argv[1]))
assert report["made"] and report["damages"] == sum(
    finding["kind"] == "damage" for finding in report["findings"])
assert any(finding["file"].startswith("shard-0000/block-") and finding["offset"] > 0
           for finding in report["findings"])
assert report["samples"] + report["samples_lost"] == 40002, report
assert 30000 < report["samples"] < 40002, report
EOF
run 0 check saved
run 0 export saved
sort out >got
[ -z "$(comm -23 got expected)" ] || fail 'salvage invents samples'

# A block that is not there: its samples are told as lost, and nothing else
cp -r db headless
"$VARVE" compact headless 2>/dev/null
"$VARVE" put headless 'z{a="1"}' 8 1700000000003
rm headless/shard-0000/block-*
run 3 salvage headless rest
grep -q '^salvaged: 1 sample .*lost from blocks: 40,002 samples.* 1 damage,' out ||
    fail "more is told than what is lost: $(cat out)"
run 0 latest rest z

# Refusals
run 1 salvage db saved
says 'exists already'
run 1 salvage missing new
mkdir folder
run 1 salvage folder new
run 2 salvage db
[ ! -e new ] && [ ! -e new.varve-new ] || fail 'a refusal created something'
finish
