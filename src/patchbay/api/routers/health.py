"""Is the process up, and can it work? Neither needs a key, and neither says anything about what is inside."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request

from patchbay.api.envelope import Shown
from patchbay.api.platform import platform_of
from patchbay.api.readiness import check_ready

router = APIRouter(tags=["health"])


class Health(Shown):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(Shown):
    """The process can serve requests: each part answered just now."""

    status: Literal["ready"] = "ready"
    database: Literal["ok"] = "ok"
    call_runner: Literal["ok"] = "ok"


@router.get("/healthz", summary="Is the process up")
async def healthz() -> Health:
    """Answers as long as the process runs; touches nothing else. For a supervisor that restarts."""
    return Health()


@router.get("/readyz", summary="Can the process serve", responses={503: {"description": "Not ready; a problem names the part."}})
async def readyz(request: Request) -> Readiness:
    """Asks the store and the call runner. 503 while one of them does not answer. For a load balancer."""
    await check_ready(platform_of(request))
    return Readiness()
