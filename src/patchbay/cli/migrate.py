"""``patchbay migrate``: bring the database up to this version."""

from __future__ import annotations

import asyncio

import typer


def migrate() -> None:
    """Bring the database up to this version. `serve` does so too; running it twice, or twice at once, does no harm."""
    applied = asyncio.run(_migrate())
    typer.echo(f"Applied {', '.join(applied)}." if applied else "The database is up to date.")


async def _migrate() -> list[str]:
    from patchbay.settings import Settings
    from patchbay.store.database import Database
    from patchbay.store.migrate import migrate as bring_up_to_date

    database = await Database.open(Settings())
    try:
        return await bring_up_to_date(database)
    finally:
        await database.close()
