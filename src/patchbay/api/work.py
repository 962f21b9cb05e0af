"""The unit of work: one transaction a request, committed before the response is sent. Nobody else commits.

Both dependencies are function-scoped, so that no database connection is held while a response streams.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from patchbay.api.auditing import audit_success
from patchbay.api.platform import platform_of
from patchbay.api.visit import visit_of


async def _reading(request: Request) -> AsyncIterator[AsyncSession]:
    async with platform_of(request).database.tenant(visit_of(request).principal.org_id, read_only=True) as session:
        yield session


async def _writing(request: Request) -> AsyncIterator[AsyncSession]:
    visit = visit_of(request)
    async with platform_of(request).database.tenant(visit.principal.org_id) as session:
        yield session
        await audit_success(session, visit, request.scope["route"].status_code or 200)


Reading = Annotated[AsyncSession, Depends(_reading, scope="function")]
Writing = Annotated[AsyncSession, Depends(_writing, scope="function")]
