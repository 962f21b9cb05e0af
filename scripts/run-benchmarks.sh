#!/bin/sh
# Runs every benchmark in turn and prints its table. Each compares its variants within one run: quote the ratios.
set -eu
cd "$(dirname "$0")/.."
UV=$(command -v uv || echo .tools/uv/bin/uv)
for file in benchmarks/*.py; do
  case "$file" in benchmarks/_*) continue ;; esac
  echo "## $file"
  $UV run --locked python "$file"
  echo
done
