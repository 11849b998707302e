#!/usr/bin/env bash
# Tells a user something, as a server does:
#   notify.sh ada '{"title": "Your parcel", "text": "is at the door"}'
# ROOST is the server's address. ROOST_TOKEN is a token that may publish to `user:*`; servers without sign-in need none.
set -euo pipefail
user=${1:?how to use it: notify.sh USER JSON}
content=${2:?how to use it: notify.sh USER JSON}

# Several messages may go at once; each gets an answer of its own, so 200 does not mean that all went well.
answer=$(curl -sS "${ROOST:-http://127.0.0.1:8080}/messages" \
  -H 'Content-Type: application/json' \
  ${ROOST_TOKEN:+-H "Authorization: Bearer $ROOST_TOKEN"} \
  -d "[{\"room\": \"user:$user\", \"content\": $content}]")

if [[ $answer != *'"seq":'* ]]; then
  echo "notify.sh: not published: $answer" >&2
  exit 1
fi
echo "$answer"
