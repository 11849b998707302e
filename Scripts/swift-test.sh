#!/usr/bin/env bash
# Runs `swift test` with what it is given, and says again at the end what failed: that stands far above the last lines.
set -uo pipefail
output=$(mktemp)
trap 'rm -f "$output"' EXIT
swift test "$@" 2>&1 | tee "$output"
status=${PIPESTATUS[0]}
if [ "$status" -ne 0 ]; then
  echo "What failed, of the above:"
  grep -aE -A 3 'recorded an issue|error:|Fatal error|SUMMARY: ' "$output" | tail -n 60
fi
exit "$status"
