#!/usr/bin/env bash
# Plants each bug of Tests/Planted, one at a time, in a copy of the sources, and sees that the simulation finds it.
# SEEDS: how many seeds it has for each, from the first one on (default 4000; of so many `make test` shows that they pass
# without). Arguments: the patches to try, else all.
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${SEEDS:-4000}
jobs=${JOBS:-2}
patches=("$@")
((${#patches[@]})) || patches=(Tests/Planted/*.patch)

copy=.build/planted
mkdir -p "$copy"
git ls-files -z -- Package.swift Sources Tests Web Examples | xargs -0 cp -p --parents -t "$copy"
build() {
  swift build --package-path "$copy" --explicit-target-dependency-import-check error --product simulate >"$copy/build.log" 2>&1 ||
    { tail -20 "$copy/build.log" >&2; echo "planted: it does not build" >&2; exit 1; }
}
simulate() { "$copy/.build/debug/simulate" --jobs "$jobs" "$@"; }

build
simulate --seeds 100 >/dev/null || { echo "planted: the simulation fails without any planted bug" >&2; exit 1; }
missed=0
for patch in "${patches[@]}"; do
  name=$(basename "$patch" .patch)
  git apply --directory="$copy" "$patch" || { echo "planted: $patch no longer applies" >&2; exit 1; }
  build
  if simulate --seeds "$seeds" >"$copy/$name.log" 2>&1; then
    echo "MISSED  $name: $seeds seeds passed"
    missed=1
  elif ! grep -q 'FAILED' "$copy/$name.log"; then
    echo "MISSED  $name: no law was broken, the simulation ended otherwise: $(tail -1 "$copy/$name.log" | cut -c1-150)"
    missed=1
  else
    echo "caught  $name: $(grep -m1 -A1 'FAILED' "$copy/$name.log" | tr -s '\n ' ' ' | cut -c1-150)"
  fi
  git apply -R --directory="$copy" "$patch"
done
exit $missed
