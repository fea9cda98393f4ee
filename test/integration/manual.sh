#!/usr/bin/env bash
# manual.sh - libvarve(3) has every function, every declaration and every word of varve.h, and is
# set without a complaint.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
header=$VARVE_SOURCE/include/varve/varve.h
awk -f "$VARVE_SOURCE/tools/lib/manual.awk" "$header" >libvarve.3

fail() {
    echo "FAILED: $*"
    exit 1
}

# The words of what the page is made from, without what makes a header of it.
awk '/^#if defined\(__cplusplus\)$/ {cplusplus = 1}
     cplusplus {if (/^#else$/) cplusplus = 0; next} /^#endif/ {next}
     /^ \* 1 Conventions/ || /^\/\* The version of/ {on = 1}
     /^ \*\/$/ && !seen {on = 0; seen = 1} /^#ifdef __cplusplus/ {on = 0} on' "$header" |
    sed 's/VARVE_API//g; s/VARVE_MUST_CHECK//g; s/^\/\* -* [0-9]* .*//' |
    tr -cs 'A-Za-z0-9_' '\n' | tr '[:upper:]' '[:lower:]' | sort -u >header.words
sed 's/\\(../ /g; s/\\f[BIR]/ /g; s/\\./ /g' libvarve.3 |
    tr -cs 'A-Za-z0-9_' '\n' | tr '[:upper:]' '[:lower:]' | sort -u >page.words
lost=$(comm -23 header.words page.words)
[ "$(wc -l <header.words)" -gt 500 ] || fail 'the header has no words'
[ -z "$lost" ] || fail "words of varve.h that the page has lost: $lost"

functions=$(grep -Eo '^VARVE_API .*' "$header" | grep -Eo 'varve_[a-z_]+\(' | sort -u)
[ "$(echo "$functions" | wc -l)" -gt 40 ] || fail 'the header has no functions'
for name in $functions; do
    grep -qF "$name" libvarve.3 || fail "$name) is missing"
done
grep -q 'VARVE_API\|VARVE_MUST_CHECK\|__cplusplus' libvarve.3 && fail 'attributes in the page'
for section in NAME SYNOPSIS DESCRIPTION CONVENTIONS APPENDING 'TEXT IN AND OUT' 'SEE ALSO'; do
    grep -qx "\.SH $section" libvarve.3 || fail "no section $section"
done

if command -v groff >/dev/null; then
    groff -ww -man -Tutf8 libvarve.3 >page.txt 2>complaints
    [ ! -s complaints ] || fail "groff: $(head -3 complaints)"
    [ "$(wc -l <page.txt)" -gt 600 ] || fail 'the page is too short'
fi
if command -v mandoc >/dev/null; then
    mandoc -T lint -W warning libvarve.3 || fail 'mandoc'
fi
echo "libvarve(3): $(wc -l <header.words) words of varve.h"
