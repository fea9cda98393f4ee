#!/usr/bin/env bash
# session.sh - the terminal session in the README is what the command prints today.
#
#   session.sh            runs each line of the session that begins with "$ " on a terminal of 84
#                         columns, in a folder with examples/weather.csv, and compares
#   session.sh --write    puts what was printed into the README instead
#
# Seconds and rates are not compared.
set -eu
: "${VARVE:?set VARVE to the varve command}" "${VARVE_SOURCE:?set VARVE_SOURCE to the source}"
readme=$VARVE_SOURCE/README.md
if ! command -v script >/dev/null || ! script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    echo 'skipped: no script(1) that gives a terminal'
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/folder" "$work/bin"
ln -s "$(realpath "$VARVE")" "$work/bin/varve"
cp "$VARVE_SOURCE/examples/weather.csv" "$work/folder"
sed -n '/^```console$/,/^```$/p' "$readme" | sed '1d;$d' >"$work/recorded"
[ -s "$work/recorded" ] || { echo 'FAILED: the README has no session'; exit 1; }

cd "$work/folder"
export PATH=$work/bin:$PATH NO_COLOR=1 PAGER='' LC_ALL=C.UTF-8 TERM=dumb
first=yes
while IFS= read -r line; do
    case $line in
    '$ '*)
        [ "$first" = yes ] || echo
        first=no
        printf '%s\n' "$line"
        SHELL=/bin/bash script -qec "stty cols 84 rows 24; ${line#??}" /dev/null </dev/null |
            tr -d '\r' | sed 's/ *$//'
        ;;
    esac
done <"$work/recorded" >"$work/printed"

if [ "${1:-}" = --write ]; then
    {
        sed '/^```console$/q' "$readme"
        cat "$work/printed"
        sed '1,/^```console$/d' "$readme" | sed -n '/^```$/,$p'
    } >"$work/readme"
    cat "$work/readme" >"$readme"
    exit 0
fi
timeless() {
    sed -E 's|[0-9.]+ seconds, [0-9]+ samples/s|N seconds, N samples/s|' "$1"
}
diff -u <(timeless "$work/recorded") <(timeless "$work/printed") ||
    { echo 'FAILED: not what the README shows; session.sh --write records it'; exit 1; }
