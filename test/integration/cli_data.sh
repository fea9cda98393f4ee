#!/usr/bin/env bash
# cli_data.sh - answers over real data are those that python computes from the source files.
. "$(dirname "$0")/../support/cli.bash"
command -v python3 >/dev/null || skip 'python3 is missing'
command -v zstd >/dev/null || skip 'zstd is missing'
[ -n "${VARVE_TEST_DATA:-}" ] || skip 'VARVE_TEST_DATA does not name the folder of real data'

# Sanitizers make it slow; a few thousand lines hold every series of the scrape.
if [ -n "${VARVE_SANITIZE:-}" ]; then lines=5000; else lines=20000; fi
zstd -dc --long=27 "$VARVE_TEST_DATA/scrape-10m.prom.zst" 2>/dev/null |
    head -n "${LINES_IN:-$lines}" >scrape.prom
python3 "$support/cli_oracle.py" "$VARVE" "$work" scrape.prom "$VARVE_TEST_DATA/nab" || exit 1
