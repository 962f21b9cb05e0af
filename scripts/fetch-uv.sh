#!/bin/sh
# Puts uv into .tools/uv, with nothing but Python's own venv and pip.
set -eu
cd "$(dirname "$0")/.."
command -v python3 >/dev/null || { echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv" >&2; exit 1; }
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "Python 3.11 or newer is needed; python3 here is $(python3 --version)." >&2
  exit 1
fi
if ! python3 -m venv .tools/uv 2>/dev/null; then
  rm -rf .tools/uv
  as_root=""
  [ "$(id -u)" = 0 ] || as_root=sudo
  command -v apt-get >/dev/null || { echo "Python's venv module is missing; install it and try again." >&2; exit 1; }
  $as_root apt-get update -qq && $as_root apt-get install -y -qq python3-venv
  python3 -m venv .tools/uv
fi
.tools/uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.13'
