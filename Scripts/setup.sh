#!/usr/bin/env bash
# Installs what building and testing need and this machine lacks, or says what to install.
# `setup.sh build` looks after the build only; without an argument, the tests' needs too.
set -euo pipefail
cd "$(dirname "$0")/.."
want=${1:-all}

missing=()
need() { # package, test that it is there
  if ! eval "$2" >/dev/null 2>&1; then missing+=("$1"); fi
}

if [[ $(uname) == Darwin ]]; then
  manager="brew install"
  [[ $want == build ]] || need chromium "test -x '/Applications/Chromium.app/Contents/MacOS/Chromium' || command -v chromium"
  [[ $want == build ]] || need chromedriver "command -v chromedriver"
  [[ $want == build ]] || need node "command -v node"
  [[ $want == build ]] || need redis "command -v redis-server"
  [[ $want == build ]] || need haproxy "command -v haproxy"
  [[ $want == build ]] || need nginx "command -v nginx"
  [[ $want == build ]] || need gettext "command -v envsubst"
else
  manager="apt-get install -y --no-install-recommends"
  need libsqlite3-dev "test -e /usr/include/sqlite3.h"
  need zlib1g-dev "test -e /usr/include/zlib.h"
  if [[ $want != build ]]; then
    need openssl "command -v openssl"
    need python3-venv "python3 -c 'import venv, ensurepip'"
    need chromium "command -v chromium"
    need chromium-driver "command -v chromedriver"
    need nodejs "command -v node"
    need redis-server "command -v redis-server"
    # Both may be where a user's path does not lead.
    need haproxy "test -x /usr/sbin/haproxy || command -v haproxy"
    need nginx "test -x /usr/sbin/nginx || command -v nginx"
    need gettext-base "command -v envsubst"
    need node-react "test -e /usr/share/nodejs/react/umd/react.production.min.js"
    need node-react-dom "test -e /usr/share/nodejs/react-dom/umd/react-dom.production.min.js"
  fi
fi

if ((${#missing[@]})); then
  run=()
  if [[ $(uname) != Darwin && $(id -u) != 0 ]]; then run=(sudo -n); fi
  echo "setup: installing ${missing[*]}"
  if [[ $(uname) != Darwin ]]; then
    "${run[@]}" apt-get update -qq || true
  fi
  # shellcheck disable=SC2086
  if ! DEBIAN_FRONTEND=noninteractive "${run[@]}" $manager "${missing[@]}" >/dev/null; then
    echo "setup: could not install them; please run: $manager ${missing[*]}" >&2
    exit 1
  fi
fi

if [[ $want != build ]] && ! cmp -s Tests/requirements.txt .venv/installed.txt; then
  echo "setup: installing the tests' Python packages into .venv"
  python3 -m venv .venv
  .venv/bin/pip -q install -r Tests/requirements.txt
  cp Tests/requirements.txt .venv/installed.txt
fi
