"""The store as commands open it: reached, migrated, and closed again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from patchbay.settings import Settings
    from patchbay.store.database import Database


@asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[Database]:
    """The database of ``settings``, brought up to this version first."""
    from patchbay.store.database import Database
    from patchbay.store.migrate import migrate

    database = await Database.open(settings)
    try:
        await migrate(database)
        yield database
    finally:
        await database.close()
