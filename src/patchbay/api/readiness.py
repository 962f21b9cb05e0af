"""Whether this process can serve: its store answers, is migrated, and its call runner hears about changes."""

from __future__ import annotations

import asyncio

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from patchbay.api.platform import Platform
from patchbay.errors import Unavailable

DATABASE_DEADLINE_S = 2.0


class NotReady(Unavailable):
    """This server is not ready to serve."""

    code, title = "not_ready", "Not ready"


async def check_ready(platform: Platform) -> None:
    """Return when everything answers. Raises :class:`NotReady` naming the part that does not."""
    try:
        async with asyncio.timeout(DATABASE_DEADLINE_S), platform.database.anonymous() as session:
            await session.execute(text("SELECT 1"))
    except (TimeoutError, SQLAlchemyError, OSError):
        raise NotReady("The platform's database does not answer.", extensions={"part": "database"}) from None
    if not platform.runner.healthy:
        raise NotReady("The call runner has not confirmed its connections lately.", extensions={"part": "callRunner"})
