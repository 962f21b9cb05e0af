#!/bin/sh
# Installs the servers that the tests start for themselves: PostgreSQL and PgBouncer, from Debian's packages.
set -eu
missing=""
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
{ command -v pgbouncer || ls /usr/sbin/pgbouncer; } >/dev/null 2>&1 || missing="$missing pgbouncer"
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || { echo "The tests need these servers:$missing. Install them and try again." >&2; exit 1; }
as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
echo "Installing for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# The tests start servers of their own; Debian's need not run.
$as_root apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $missing >/dev/null
