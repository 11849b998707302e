#!/usr/bin/env bash
# Installs the servers that Roost is compared with: nginx with nchan and Node's ws from Debian,
# nats-server and FastAPI from PyPI into .venv-bench; and builds limit.c there. Does nothing where they are there
# already.
set -euo pipefail
cd "$(dirname "$0")/../.."
wanted=Benchmarks/peers/requirements.txt

if [[ $(uname) != Linux ]] || ! command -v apt-get >/dev/null; then
  echo "peers: nchan and ws come from Debian's packages; compare on a Debian machine" >&2
  exit 1
fi

missing=()
need() { # package, file of it that is used
  [[ -e $2 ]] || missing+=("$1")
}
need nginx /usr/sbin/nginx
need libnginx-mod-nchan /usr/lib/nginx/modules/ngx_nchan_module.so
need nodejs /usr/bin/nodejs
need node-ws /usr/share/nodejs/ws/package.json
need gcc /usr/bin/cc
need libc6-dev /usr/include/stdio.h
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)

if ((${#missing[@]})); then
  run=()
  [[ $(id -u) == 0 ]] || run=(sudo -n)
  echo "peers: installing ${missing[*]}"
  "${run[@]}" apt-get update -qq || true
  if ! "${run[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null; then
    echo "peers: could not install them; please run: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  # Where systemd runs, Debian starts nginx with its own page on port 80; the comparison starts one of its own.
  if [[ " ${missing[*]} " == *" nginx "* && -d /run/systemd/system ]]; then
    "${run[@]}" systemctl disable --now nginx || echo "peers: nginx now serves port 80; stop it before comparing" >&2
  fi
fi

if ! cmp -s "$wanted" .venv-bench/installed.txt; then
  echo "peers: installing the Python packages into .venv-bench"
  python3 -m venv .venv-bench
  .venv-bench/bin/pip -q install -r "$wanted"
  cp "$wanted" .venv-bench/installed.txt
fi

if [[ ! -x .venv-bench/limit || Benchmarks/peers/limit.c -nt .venv-bench/limit ]]; then
  cc -O2 -Wall -Wextra -D_GNU_SOURCE -o .venv-bench/limit Benchmarks/peers/limit.c
fi
