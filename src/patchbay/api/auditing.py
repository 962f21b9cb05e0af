"""The audit row of every mutating request, refused ones too once the caller is known.

A change that happens in one transaction writes its row in that transaction (:mod:`patchbay.api.work`): it is either done and
logged or neither. A change that spreads over several transactions writes a row with status 102 first and one with the answer's
status when the answer starts, under the same request id; a process killed in between leaves the 102. A refusal is logged just
before it is sent. What a turn of a conversation does is in its receipt, event by event and durable before the answer: nobody on
the line waits for its row here, which is written beside the answer. Rows are only ever added. A request over the rate limit
leaves none: a flood must not fill the log.
"""

from __future__ import annotations

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from patchbay.accounts import audit
from patchbay.api.platform import Platform, platform_of
from patchbay.api.request_log import logger, where_it_failed
from patchbay.api.visit import Visit, visit_of

UNDER_WAY = 102


async def audit_success(session: AsyncSession, visit: Visit, status: int) -> None:
    """Write the row of a success inside the transaction that makes it so."""
    await audit.record(session, _done(visit, status))
    visit.audited = status


async def announce(request: Request) -> None:
    """Write the row before work that no single transaction holds; its outcome is a second row."""
    visit, platform = visit_of(request), platform_of(request)
    await audit.record_alone(platform.database, visit.principal.org_id, _done(visit, UNDER_WAY))


async def audit_answer(app: FastAPI, visit: Visit) -> None:
    """Write what the log does not hold yet when the answer starts. A log that cannot be written fails no answer."""
    if not visit.mutating or visit.admission is None or visit.status is None or visit.audited == visit.status:
        return
    platform: Platform = app.state.platform
    if visit.receipted:
        platform.runtime.detach(_write(platform, visit, visit.status))
    else:
        await _write(platform, visit, visit.status)


async def _write(platform: Platform, visit: Visit, status: int) -> None:
    try:
        await audit.record_alone(platform.database, visit.principal.org_id, _done(visit, status))
        visit.audited = status
    except Exception as error:
        logger.error("audit_failed", error=type(error).__name__, where=where_it_failed(error))


def _done(visit: Visit, status: int) -> audit.Done:
    return audit.Done(
        principal=visit.principal,
        method=visit.method,
        path=visit.path,
        route=visit.route,
        status=status,
        request_id=visit.request_id,
        resource_id=visit.resource_id,
    )
