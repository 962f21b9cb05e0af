"""Drafts the next revision from what the tables modules declare and 0001… do not make yet.

Run ``uv run python -m tests.store.draft_migration "Say what changes"`` from the project's root, then review the file it names:
Alembic does not write row-level security, grants or functions.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import Connection

import patchbay.accounts.tables
import patchbay.agent_runtime.knowledge.tables
import patchbay.agent_runtime.tables
import patchbay.connectors.tables  # noqa: F401
from patchbay.settings import Settings
from patchbay.store.base import Base
from patchbay.store.database import Database
from patchbay.store.migrate import migrate, migrations_config


async def draft(message: str) -> None:
    """Migrate a throw-away database and write what it lacks as a new revision."""

    def compare(connection: Connection) -> None:
        config = migrations_config()
        config.attributes.update(connection=connection, metadata=Base.metadata)
        number = len(list((Path("src/patchbay/store/migrations/versions")).glob("[0-9]*.py"))) + 1
        command.revision(config, message, autogenerate=True, rev_id=f"{number:04d}")

    with tempfile.TemporaryDirectory() as data_dir:
        database = await Database.open(Settings(data_dir=Path(data_dir), database_url=None))
        try:
            await migrate(database)
            async with database.engine.connect() as connection:
                await connection.run_sync(compare)
        finally:
            await database.close()


if __name__ == "__main__":
    asyncio.run(draft(sys.argv[1]))
