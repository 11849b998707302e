#!/usr/bin/env bash
# Pushes a score, as a server does:      score.sh ajax-porto 1 0
# or plays until it is stopped, a goal a second, in the three matches that the page shows:      score.sh
# ROOST is the server's address. ROOST_TOKEN is a token that may publish to and moderate `score:*`; servers without
# sign-in need none.
set -euo pipefail

push() { # match, home, away
  curl -sS --fail-with-body "${ROOST:-http://127.0.0.1:8080}/rooms/score:$1/messages" \
    -H 'Content-Type: application/json' \
    ${ROOST_TOKEN:+-H "Authorization: Bearer $ROOST_TOKEN"} \
    -d "{\"content\": {\"home\": $2, \"away\": $3}}"
  echo
}

if (($#)); then
  usage="how to use it: score.sh MATCH HOME AWAY"
  push "$1" "${2:?$usage}" "${3:?$usage}"
  exit
fi

matches=(ajax-porto celtic-lyon torino-malmo)
home=(0 0 0)
away=(0 0 0)
while true; do
  i=$((RANDOM % 3))
  if ((RANDOM % 2)); then home[i]=$((home[i] + 1)); else away[i]=$((away[i] + 1)); fi
  push "${matches[i]}" "${home[i]}" "${away[i]}"
  sleep 1
done
