#!/usr/bin/env bash
# Makes the figures of README.md: the server on processor 0, the load generator on processor 1, medians of ROUNDS rounds.
# ROOST_BIN names a release build; SECONDS_EACH is how long each benchmark measures.
set -euo pipefail
roost=${ROOST_BIN:?set ROOST_BIN to a release build of roost}
rounds=${ROUNDS:-3}
seconds=${SECONDS_EACH:-5}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
on_first=() on_second=()
if command -v taskset >/dev/null; then on_first=(taskset -c 0) on_second=(taskset -c 1); fi

one() { # name, store URL, bench arguments…
  local name=$1 store=$2 server url
  shift 2
  : >"$scratch/out"
  "${on_first[@]}" "$roost" serve --port 0 --loops 1 --store "$store" --rate-limit-messages 0 --rate-limit-connects 0 \
    >"$scratch/out" 2>"$scratch/err" &
  server=$!
  until url=$(grep -o 'http://.*' "$scratch/out"); do kill -0 "$server"; done
  "${on_second[@]}" "$roost" bench "$@" --url "$url" --pid "$server" --json 2>/dev/null >>"$scratch/${name:-nothing}"
  kill "$server"
  wait "$server" || true
}

for ((round = 1; round <= rounds; round++)); do
  echo "round $round of $rounds" >&2
  one 1-fanout memory: fanout --readers 1000 --size 512 --in-flight 1 --seconds "$seconds"
  one 2-fanout memory: fanout --readers 1000 --size 512 --in-flight 16 --seconds "$seconds"
  one 3-store "sqlite:$scratch/round$round.db" store --publishers 100 --rooms 1 --size 512 --in-flight 16 --seconds "$seconds"
  one 4-store "sqlite:$scratch/rounds$round.db" store --publishers 100 --rooms 100 --size 512 --in-flight 16 --seconds "$seconds"
  one 5-idle memory: idle --connections "${CONNECTIONS:-10000}"
  one 6-storm "sqlite:$scratch/storm$round.db" storm --rooms 20 --messages 500
  one "" "sqlite:$scratch/restart$round.db" storm --rooms 20 --messages 500 --phase prepare --state "$scratch/state"
  one 7-restart "sqlite:$scratch/restart$round.db" storm --phase resume --state "$scratch/state"
done

python3 - "$scratch"/[0-9]-* <<'PY'
import json, statistics, sys
for path in sys.argv[1:]:
    runs = [json.loads(line) for line in open(path)]
    print(f"\n{path.rsplit('-', 1)[-1]}: {runs[0]['title']}")
    for index, figure in enumerate(runs[0]["figures"]):
        values = [next((f["value"] for f in run["figures"] if f["name"] == figure["name"]), 0) for run in runs]
        print(f"  {figure['name']:<28} {statistics.median(values):>12,.3f} {figure['unit']:<4} "
              f"({min(values):,.3f} … {max(values):,.3f})")
    for warning in sorted({w for run in runs for w in run["warnings"]}):
        print(f"  warning: {warning}")
PY
