#!/usr/bin/env bash
# Draws where the time of a fan-out goes, as Docs/fanout.svg: ROOST_BIN names a release build; needs Debian's linux-perf.
# Arguments are for `roost bench fanout`, instead of 1 room × 1000 readers, 64 B, one in flight.
set -euo pipefail
cd "$(dirname "$0")/.."
roost=${ROOST_BIN:?set ROOST_BIN to a release build of roost}
load=("$@")
((${#load[@]})) || load=(--readers 1000 --size 64)
command -v perf >/dev/null || { echo "flamegraph: perf is missing; install it with: apt-get install linux-perf" >&2; exit 1; }
scratch=$(mktemp -d)
server="" recorder=""
finish() {
  for pid in $server $recorder; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$scratch"
}
trap finish EXIT

: >"$scratch/out"
taskset -c 0 "$roost" serve --port 0 --loops 1 --store memory: --rate-limit-messages 0 --rate-limit-connects 0 \
  >"$scratch/out" 2>"$scratch/err" &
server=$!
until url=$(grep -o 'http://.*' "$scratch/out"); do kill -0 "$server"; done
# Delayed past connecting and warming up.
perf record --delay 3000 -F 1999 -g -o "$scratch/perf.data" -p "$server" >/dev/null 2>&1 &
recorder=$!
taskset -c 1 "$roost" bench fanout "${load[@]}" --seconds 8 --url "$url" --pid "$server"
kill -INT "$recorder"
wait "$recorder" || true
recorder=""
perf script -i "$scratch/perf.data" 2>/dev/null | swift demangle --simplified |
  Benchmarks/flamegraph.py "roost bench fanout ${load[*]}" >Docs/fanout.svg
echo "Docs/fanout.svg is written"
