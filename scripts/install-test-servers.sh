#!/bin/sh
# Installs what the tests start for themselves, from Debian's packages: PostgreSQL, PgBouncer, MariaDB (its
# programs alone, without the service), Node.js for its openai client, and the curl of the guide.
set -eu
missing=""
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
{ command -v pgbouncer || ls /usr/sbin/pgbouncer; } >/dev/null 2>&1 || missing="$missing pgbouncer"
{ command -v mariadbd || ls /usr/sbin/mariadbd; } >/dev/null 2>&1 || missing="$missing mariadb-server-core"
command -v mariadb >/dev/null 2>&1 || missing="$missing mariadb-client-core"
command -v curl >/dev/null 2>&1 || missing="$missing curl"
command -v node >/dev/null 2>&1 || missing="$missing nodejs"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || { echo "The tests need these servers:$missing. Install them and try again." >&2; exit 1; }
as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
echo "Installing for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# The tests start servers of their own; Debian's need not run.
$as_root apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $missing >/dev/null
