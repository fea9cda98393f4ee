#!/usr/bin/env bash
# examples.sh - every program of examples/ is built against an installed varve through pkg-config,
# runs twice, and says what it should.
set -eu
[ -z "${VARVE_SANITIZE:-}" ] || { echo 'sanitizer builds are not for installing'; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

cmake --install "$VARVE_BUILD" --prefix "$work/prefix" >/dev/null
library=$(dirname "$(find "$work/prefix" -name libvarve.so)")
export PKG_CONFIG_PATH=$library/pkgconfig
cd "$work"
for source in "$VARVE_SOURCE"/examples/*.c; do
    # shellcheck disable=SC2046
    cc -std=c11 -Wall -Wextra -Werror "$source" $(pkg-config --cflags --libs varve) -lm -pthread \
        -Wl,-rpath,"$library" -o "$(basename "$source" .c)"
done

for run in first second; do
    [ "$(./first_steps | wc -l)" = 3 ] || fail "first_steps, $run run"
    [ "$(./batch_import)" = '100000 samples of 100 series' ] || fail "batch_import, $run run"
    [ "$(./threads)" = '80000 samples' ] || fail "threads, $run run"
done
rows=$(./query_aggregate batch.db 'load{host=~"host-[0-4]"}')
[ "$(wc -l <<<"$rows")" = 3 ] || fail "query_aggregate: $rows"
[ "$(head -1 <<<"$rows" | cut -d' ' -f1,2)" = '{} 2023-11-14T22:00:00Z' ] ||
    fail "query_aggregate: $rows"
./query_aggregate nowhere.db load 2>message && fail 'query_aggregate opens what is not there'
grep -q 'does not exist' message || fail "query_aggregate says $(cat message)"
