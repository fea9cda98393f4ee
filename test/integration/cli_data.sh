#!/usr/bin/env bash
# cli_data.sh - answers over real data are those that python computes from the source files.
. "$(dirname "$0")/../support/cli.bash"
command -v python3 >/dev/null || skip 'python3 is missing'
command -v zstd >/dev/null || skip 'zstd is missing'
[ -n "${VARVE_TEST_DATA:-}" ] || skip 'VARVE_TEST_DATA does not name the folder of real data'

zstd -dc --long=27 "$VARVE_TEST_DATA/scrape-10m.prom.zst" 2>/dev/null |
    head -n "${LINES_IN:-40000}" >scrape.prom
python3 "$support/cli_oracle.py" "$VARVE" "$work" scrape.prom "$VARVE_TEST_DATA/nab" || exit 1
