"""The practice shop's own PostgreSQL: a second embedded server beside the platform's store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from patchbay.cli.demo.practice.seed import Seeded, seed
from patchbay.store.embedded import start_embedded

DATABASE = "fairmont_repair"
_HBA = """\
# Written by `patchbay demo`. The superuser comes in by the socket in this directory, as the embedded server was set up;
# everybody else has to give a password.
local all {superuser} trust
local all all scram-sha-256
"""


class PracticeDatabase(NamedTuple):
    """A running practice database: how its owner reaches it (``conninfo``), its socket, and what is in it."""

    conninfo: str
    socket: Path
    seeded: Seeded


def open_practice(data_dir: Path) -> PracticeDatabase:
    """Start (or attach to) the practice server in ``data_dir`` and make sure that it holds today's shop."""
    data_dir.mkdir(parents=True, exist_ok=True)
    server = start_embedded(data_dir)
    with psycopg.connect(server, autocommit=True) as admin:
        _demand_passwords(admin)
        exists = admin.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
        if exists is None:
            statement = "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'"
            admin.execute(sql.SQL(statement).format(sql.Identifier(DATABASE)))
    conninfo = make_conninfo(server, dbname=DATABASE)
    with psycopg.connect(conninfo, autocommit=True) as owner:
        seeded = seed(owner)
        socket = Path(owner.info.host) / f".s.PGSQL.{owner.info.port}"
    return PracticeDatabase(conninfo, socket, seeded)


def _demand_passwords(admin: psycopg.Connection) -> None:
    row = admin.execute("SELECT current_setting('hba_file')").fetchone()
    assert row is not None
    path = Path(row[0])
    wanted = _HBA.format(superuser=admin.info.user)
    if path.read_text(encoding="utf-8") == wanted:
        return
    # Replaced in one step and with the owner it had: a server that starts on half a file would not start.
    had = path.stat()
    beside = path.with_suffix(".new")
    beside.write_text(wanted, encoding="utf-8")
    beside.chmod(had.st_mode & 0o777)
    if os.geteuid() == 0:
        os.chown(beside, had.st_uid, had.st_gid)
    beside.replace(path)
    admin.execute("SELECT pg_reload_conf()")
