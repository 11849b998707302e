#!/usr/bin/env bash
# Puts the Autobahn suite and what it needs into .venv beside this file, from PyPI, unless it is there already.
set -euo pipefail
cd "$(dirname "$0")"
suite=autobahntestsuite==25.10.1
sources=(requirements.txt install.sh port.py shims/*.py)

cat "${sources[@]}" | cmp -s - .venv/installed && exit
echo "autobahn: installing the suite into Tests/Autobahn/.venv" >&2
rm -rf .venv
python3 -m venv .venv
.venv/bin/pip -q install -r requirements.txt
.venv/bin/pip -q download --no-deps --no-binary :all: --no-build-isolation -d .venv/source "$suite"
tar xzf .venv/source/*.tar.gz -C .venv/source --strip-components 1
.venv/bin/python -W ignore port.py .venv/source/autobahntestsuite .venv/suite/autobahntestsuite
cp shims/*.py .venv/suite/
cat "${sources[@]}" >.venv/installed
