#!/bin/sh
# Prints nginx.conf with the values of these variables in it; they are what they are here where the environment has no other.
set -eu
export LB_BIND="${LB_BIND-127.0.0.1:8080}"                  # where clients connect
tls="${LB_TLS-}"                                            # HTTPS and WSS: certificate, chain and key in one PEM file
export LB_SSL="${tls:+ ssl; ssl_certificate $tls; ssl_certificate_key $tls}"
LB_NODE_1="${LB_NODE_1-127.0.0.1:8081}"                     # the nodes; "" leaves a place out, and one that isn't there
LB_NODE_2="${LB_NODE_2-127.0.0.1:8082}"                     # yet is tried now and then
LB_NODE_3="${LB_NODE_3-127.0.0.1:8083}"
LB_NODE_4="${LB_NODE_4-127.0.0.1:8084}"
export LB_STICKY="${LB_STICKY-on}"                          # off: every request and connection goes to the next node
export LB_STICKY_SECONDS="${LB_STICKY_SECONDS-3600}"
export LB_IDLE="${LB_IDLE-3600s}"                           # a WebSocket with nothing on it is closed after so long
export LB_ANSWER="${LB_ANSWER-60s}"                         # so long a node has to answer anything else
LB_CHECK_INTERVAL="${LB_CHECK_INTERVAL-30s}"                # a node is left alone for so long …
LB_CHECK_FALL="${LB_CHECK_FALL-2}"                          # … after so many failures within that time
export LB_CHECK_TIMEOUT="${LB_CHECK_TIMEOUT-5s}"            # how long a node may take to accept a connection
export LB_FILES="${LB_FILES-65536}"                         # connections of each worker, two for each client
export LB_BODY="${LB_BODY-2m}"                              # the largest body of a request; nodes take 1 MiB by default
export LB_RUN="${LB_RUN-/run}"                              # where nginx.pid goes
export LB_TEMP="${LB_TEMP-/var/lib/nginx}"                  # where bodies go that are too large for a worker's memory
export LB_ERROR_LOG="${LB_ERROR_LOG-stderr}"
LB_SERVERS=
for node in "$LB_NODE_1" "$LB_NODE_2" "$LB_NODE_3" "$LB_NODE_4"; do
  [ -z "$node" ] || LB_SERVERS="${LB_SERVERS:+$LB_SERVERS
        }server $node max_fails=$LB_CHECK_FALL fail_timeout=$LB_CHECK_INTERVAL;"
done
export LB_SERVERS
# These alone: what nginx calls $host and so on stays.
names='$LB_BIND $LB_SSL $LB_SERVERS $LB_STICKY $LB_STICKY_SECONDS $LB_IDLE $LB_ANSWER $LB_CHECK_TIMEOUT $LB_FILES $LB_BODY $LB_RUN
  $LB_TEMP $LB_ERROR_LOG'
exec envsubst "$names" <"$(dirname "$0")/nginx.conf"
