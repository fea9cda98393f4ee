#!/usr/bin/env bash
# cli_collect.sh - metrics of this host: they are there, they are plausible, and they go on.
. "$(dirname "$0")/../support/cli.bash"

run 0 collect db --interval 200ms --for 1s
prints ''
says '^varve: collected [0-9]+ samples, [0-9]+ series, [0-9]+ rounds, [0-9.]+ s$'
run 0 labels db __name__
for metric in node_cpu_seconds_total node_memory_MemTotal_bytes node_load1 node_uptime_seconds \
    node_context_switches_total node_forks_total node_network_receive_bytes_total; do
    grep -qx "$metric" out || fail "$metric is missing"
done
run 0 query db node_load1 --agg count
rounds=$(tail -1 out | sed 's/.*,//')
[ "$rounds" -ge 4 ] && [ "$rounds" -le 7 ] || fail "$rounds rounds in 1 s at 200 ms"
run 0 latest db node_memory_MemTotal_bytes --output prom
total=$(awk '{ print $2 }' out)
want=$(($(awk '/^MemTotal/ { print $2 }' /proc/meminfo) * 1024))
[ "$(printf '%.0f' "$total")" -eq "$want" ] || fail "memory: $total, not $want"
run 0 labels db cpu
[ "$(wc -l <out)" -eq $(($(grep -c '^cpu[0-9]' /proc/stat) + 1)) ] || fail 'not every core is there'
run 0 query db '{host!=""}' --agg count --by ''
before=$(tail -1 out | cut -d, -f2)
run 0 collect db --interval 100ms --for 100ms
run 0 query db '{host!=""}' --agg count --by ''
after=$(tail -1 out | cut -d, -f2)
[ "$after" -gt "$before" ] || fail 'a second collect added nothing'
run 0 check db
finish
