#!/usr/bin/env bash
# readme.sh - the README's first program is examples/first_steps.c, and it does what it says.
set -eu
[ -z "${VARVE_SANITIZE:-}" ] || { echo 'sanitizer builds are not for installing'; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sed -n '/^```c$/,/^```$/p' "$VARVE_SOURCE/README.md" | sed '1d;$d' >"$work/from_readme.c"
diff -u "$VARVE_SOURCE/examples/first_steps.c" "$work/from_readme.c" ||
    { echo 'FAILED: README.md does not show examples/first_steps.c'; exit 1; }

cmake --install "$VARVE_BUILD" --prefix "$work/prefix" >/dev/null
library=$(dirname "$(find "$work/prefix" -name libvarve.so)")
export PKG_CONFIG_PATH=$library/pkgconfig
cd "$work"
# shellcheck disable=SC2046
cc -Wall -Werror from_readme.c $(pkg-config --cflags --libs varve) -Wl,-rpath,"$library" -o first
expected='1700000000000000000 21.5
1700000060000000000 21.7
1700000120000000000 22.1'
for run in once again; do
    [ "$(./first)" = "$expected" ] || { echo "FAILED: the program, $run"; exit 1; }
done
