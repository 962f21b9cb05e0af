"""Who may use a route: the scope is part of the route's type.

``AgentsRead = Annotated[Principal, Depends(require("agents:read"))]``: an endpoint that takes one is open to keys that hold
the scope, and the OpenAPI document says so. The key is checked before the body is read (:mod:`patchbay.api.routing`).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from starlette.requests import Request

from patchbay.accounts.keys import admit
from patchbay.accounts.principal import Principal
from patchbay.api.platform import platform_of
from patchbay.api.visit import visit_of
from patchbay.errors import Forbidden, NotAuthenticated


class InsufficientScope(Forbidden):
    """This key does not hold the scope that the endpoint needs."""

    code, title = "insufficient_scope", "Insufficient scope"


class Requires:
    """A dependency that stands for one scope and answers with the principal."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Principal:
        """The principal that the door admitted."""
        return visit_of(request).principal


def require(scope: str) -> Requires:
    """A dependency on ``scope``."""
    return Requires(scope)


def scope_of(dependant: Dependant) -> str | None:
    """The scope a route asks for, or None when it asks for none."""
    return next((d.call.scope for d in dependant.dependencies if isinstance(d.call, Requires)), None)


async def enter(request: Request, scope: str) -> None:
    """Admit the caller. Raises :class:`NotAuthenticated`, :class:`RateLimited` or :class:`InsufficientScope`."""
    platform, visit = platform_of(request), visit_of(request)
    presented = _bearer(request.headers.get("authorization"))
    visit.admission = await admit(platform.database, platform.vault, presented, limit=platform.settings.rate_limit_per_minute)
    _check(visit.admission.principal, scope)


async def enter_leased(request: Request, scope: str) -> Principal:
    """:func:`enter`, by a lease of this process: a key that was revoked is noticed within a second."""
    visit = visit_of(request)
    visit.admission = await platform_of(request).leases.admit(_bearer(request.headers.get("authorization")))
    _check(visit.admission.principal, scope)
    return visit.admission.principal


def _check(principal: Principal, scope: str) -> None:
    if not principal.may(scope):
        raise InsufficientScope(
            f"This key does not hold the scope {scope}, which this endpoint needs (insufficient_scope).",
            hint="Make a key with it: patchbay keys create --org NAME --scopes " + scope,
            extensions={"scope": scope},
        )


def _bearer(header: str | None) -> str:
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated(headers={"WWW-Authenticate": "Bearer"})
    return token.strip()


AgentsRead = Annotated[Principal, Depends(require("agents:read"))]
AgentsWrite = Annotated[Principal, Depends(require("agents:write"))]
AuditRead = Annotated[Principal, Depends(require("audit:read"))]
AnalyticsRead = Annotated[Principal, Depends(require("analytics:read"))]
CallsRead = Annotated[Principal, Depends(require("calls:read"))]
ChatRead = Annotated[Principal, Depends(require("chat:read"))]
ChatWrite = Annotated[Principal, Depends(require("chat:write"))]
GuardrailsRead = Annotated[Principal, Depends(require("guardrails:read"))]
GuardrailsWrite = Annotated[Principal, Depends(require("guardrails:write"))]
IntegrationsRead = Annotated[Principal, Depends(require("integrations:read"))]
IntegrationsWrite = Annotated[Principal, Depends(require("integrations:write"))]
SkillsRead = Annotated[Principal, Depends(require("skills:read"))]
KnowledgeRead = Annotated[Principal, Depends(require("knowledge:read"))]
KnowledgeWrite = Annotated[Principal, Depends(require("knowledge:write"))]
SkillsWrite = Annotated[Principal, Depends(require("skills:write"))]
