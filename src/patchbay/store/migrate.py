"""Bringing the platform's schema up to this version: at start, and as ``patchbay migrate``."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import Connection, NullPool, create_engine, text

from patchbay.errors import PatchbayError
from patchbay.store.database import Database
from patchbay.store.roles import ensure_roles

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0008"
"""The newest revision. A store that has it is left alone without loading Alembic, which takes longer than to attach to it."""

# Any fixed number: whoever migrates this database holds the lock of it until their transaction ends.
_LOCK = 0x70617463
LOCK_TIMEOUT = "10s"
_one_at_a_time = threading.Lock()


class DatabaseNewer(PatchbayError):
    """The database was migrated by a newer version of Patchbay than this one."""

    code, status, title = "database_newer", 500, "Database newer than this version"


def migrations_config() -> Config:
    """Alembic's configuration, made in code: there is no ini file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "patchbay.store:migrations")
    return config


async def migrate(database: Database) -> list[str]:
    """Apply what is missing and return the revisions applied, oldest first; none when the schema is current.

    Everything happens in one transaction under an advisory lock: a process that is killed leaves nothing behind, and of two
    that start at once one waits and then finds nothing to do. Raises :class:`DatabaseNewer` and ``RolesMissing``.
    """
    if not await pending(database):
        return []
    await ensure_roles(database)
    return await asyncio.to_thread(_upgrade, database.dsn)


async def pending(database: Database) -> list[str]:
    """The revisions this database lacks, oldest first. Raises :class:`DatabaseNewer`."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(_missing)


def _missing(connection: Connection) -> list[str]:
    if _is_current(connection):
        return []
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.script.revision import RevisionError

    script = ScriptDirectory.from_config(migrations_config())
    current = MigrationContext.configure(connection).get_current_revision()
    try:
        return [revision.revision for revision in script.iterate_revisions("head", current or "base")][::-1]
    except RevisionError:
        raise DatabaseNewer(hint="Install the version that migrated it, or a later one.") from None


def _is_current(connection: Connection) -> bool:
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return False
    return connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [HEAD]


def _upgrade(dsn: str) -> list[str]:
    """Apply what is missing on a connection of its own. Alembic's context is one a process, hence one at a time."""
    from alembic import command

    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=NullPool)
    with _one_at_a_time, engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        connection.execute(text("SELECT set_config('lock_timeout', :limit, true)"), {"limit": LOCK_TIMEOUT})
        missing = _missing(connection)
        if missing:
            config = migrations_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return missing
