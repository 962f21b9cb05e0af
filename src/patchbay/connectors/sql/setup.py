"""Before a SQL database is connected: its scripts and its connection test, by the type of database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from patchbay.connectors.sql.scripts import Scripts
from patchbay.egress.guard import EgressGuard

SQL_TYPES = ("postgres", "mysql")


def scripts(
    type_: str, database: str, tables: Sequence[str] = (), *, read_role: str, write_role: str, password: str | None = None
) -> Scripts:
    """The scripts that make the users, see `sql.scripts.make_scripts`. Raises `ValidationFailed`."""
    make = import_module(f"patchbay.connectors.sql.{_known(type_)}.scripts").scripts
    return make(database, tables, read_role=read_role, write_role=write_role, password=password)


async def run_checks(type_: str, credentials_raw: Mapping[str, Any], guard: EgressGuard) -> dict[str, Any]:
    """Test a connection and report, see `sql.wizard.run.run_steps`."""
    run = import_module(f"patchbay.connectors.sql.{_known(type_)}.wizard").run_checks
    return await run(credentials_raw, guard)


def _known(type_: str) -> str:
    if type_ not in SQL_TYPES:
        raise KeyError(type_)
    return type_
