#!/usr/bin/env bash
# Starts one of the servers that Roost is compared with, in the foreground and as this very process:
#   start.sh NAME PORT        on 127.0.0.1:PORT
#   start.sh NAME --version   prints what it is instead
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bench=$here/../../.venv-bench
name=${1:?name a peer: limit, nchan, node-ws, nats or fastapi} port=${2:?name a port, or --version}

case $name in
  limit) program=$bench/limit ;;
  nchan) program=/usr/sbin/nginx ;;
  # Debian's, whatever other Node is on the path.
  node-ws) program=/usr/bin/nodejs ;;
  nats) program=$bench/bin/nats-server ;;
  fastapi) program=$bench/bin/uvicorn ;;
  *) echo "peers: there is no peer called $name" >&2; exit 2 ;;
esac
[[ -x $program ]] || { echo "peers: $name is not installed; run Benchmarks/peers/install.sh" >&2; exit 1; }

if [[ $port == --version ]]; then
  case $name in
    limit) echo "limit.c by $(cc --version | head -n 1)" ;;
    nchan) dpkg-query -W -f '${Package} ${Version}\n' nginx libnginx-mod-nchan ;;
    node-ws) echo "node $("$program" --version)"; dpkg-query -W -f '${Package} ${Version}\n' node-ws ;;
    nats) "$program" --version ;;
    fastapi) grep -E '^(fastapi|uvicorn|uvloop|websockets)==' "$here/requirements.txt" | tr -s = ' ' ;;
  esac | paste -sd, | sed 's/,/, /g'
  exit
fi

ulimit -n "$(ulimit -Hn)"
case $name in
  limit) exec "$program" "$port" ;;
  nchan)
    mkdir -p "$bench/nginx"
    # nginx takes no port from outside; its configuration is read from a file that has no name any more.
    configuration=$(mktemp)
    exec 3<>"$configuration"
    rm "$configuration"
    sed "s/@PORT@/$port/" "$here/nchan.conf" >&3
    exec "$program" -p "$bench/nginx/" -e stderr -c /dev/fd/3
    ;;
  node-ws)
    NODE_PATH=/usr/share/nodejs exec "$program" "$here/node_ws.js" "$port"
    ;;
  nats)
    PEER_PORT=$port exec "$program" --config "$here/nats.conf"
    ;;
  fastapi)
    exec "$program" fastapi_rooms:app --app-dir "$here" --host 127.0.0.1 --port "$port" --backlog 4096 \
      --loop uvloop --http httptools --ws auto --ws-per-message-deflate false --no-access-log --log-level warning
    ;;
esac
