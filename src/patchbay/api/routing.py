"""How a request reaches its endpoint: admitted first, then its parameters and body read strictly, then the endpoint."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from patchbay.api.access import enter, scope_of
from patchbay.api.bodies import StrictRequest, check_query, is_json, parse_json
from patchbay.api.problems import RouteNotFound, UnsupportedMediaType
from patchbay.api.visit import visit_of
from patchbay.errors import Finding, ValidationFailed

PREFIX = "/api/v1"


class DoorRoute(APIRoute):
    """A route behind the door. It must name a scope: an endpoint without one does not come into being."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        scope = scope_of(self.dependant)
        if scope is None:
            raise TypeError(f"{self.path} must take a principal, such as AgentsRead, from patchbay.api.access")
        self.scope = scope
        # OpenAI's clients send whatever their version knows; that one endpoint ignores what it does not use.
        self.lenient = path.endswith("/chat/completions")

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, behind admission and strict reading."""
        handle = super().get_route_handler()

        async def behind_the_door(request: Request) -> Response:
            visit_of(request).route = self.path_format
            await enter(request, self.scope)
            if any("\x00" in str(value) for value in request.path_params.values()):
                raise RouteNotFound
            if not self.lenient:
                check_query(request, self.dependant)
            return await handle(await self._read(request))

        return behind_the_door

    async def _read(self, request: Request) -> StrictRequest:
        strict = StrictRequest(request.scope, request.receive, request._send)  # pyright: ignore[reportPrivateUsage]
        if request.method == "GET":
            return strict
        raw = await strict.body()
        if not raw:
            return strict
        if not is_json(request.headers.get("content-type")):
            if self.body_field is None:
                return strict
            raise UnsupportedMediaType
        strict.parsed = parse_json(raw)
        if self.body_field is None and strict.parsed:
            finding = Finding("", "unexpected_body", "This endpoint takes no body.")
            raise ValidationFailed(finding.message, errors=[finding])
        return strict


def door_router(path: str, *, tag: str) -> APIRouter:
    """A router for one group of resources under ``/api/v1``."""
    return APIRouter(prefix=PREFIX + path, tags=[tag], route_class=DoorRoute)
