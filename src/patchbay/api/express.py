"""Routes that callers wait for while somebody is on the line: straight from the door to the endpoint.

The framework's way (middlewares, routing, solving of dependencies, validation of what is sent back) takes several times as long
as what such a route does. An express route is declared and documented like any other, and owes all that any other owes: its
scope, strict parameters and body, the problems, the headers. It only gets there on a shorter way: it is found by its path, keys
are admitted by lease (:mod:`patchbay.accounts.leases`), and what the endpoint returns is encoded as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from patchbay.api.access import enter_leased
from patchbay.api.bodies import check_query, is_json, parse_json
from patchbay.api.door import MAX_BODY, Door
from patchbay.api.problems import RouteNotFound, UnsupportedMediaType
from patchbay.api.routing import PREFIX, DoorRoute
from patchbay.api.visit import visit_of
from patchbay.errors import Finding, ValidationFailed

_JSON = "application/json"


class _Success(msgspec.Struct, kw_only=True):
    success: bool = True
    data: Any


class ExpressRoute(DoorRoute):
    """A route whose endpoint takes ``principal``, ``request``, path parameters and ``body``, and returns the success's data."""

    def __init__(self, path: str, endpoint: Callable[..., Coroutine[Any, Any, Any]], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._names = {field.alias: field.name for field in self.dependant.path_params}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The same answer for whoever comes by the framework's way."""
        return self.answer

    def params_of(self, scope: Scope) -> Mapping[str, str] | None:
        """The path parameters when this is the route of the request."""
        if scope["method"] not in (self.methods or ()):
            return None
        match = self.path_regex.match(scope["path"])
        return match.groupdict() if match is not None else None

    async def answer(self, request: Request) -> Response:
        """Admit, read strictly, do it."""
        visit = visit_of(request)
        visit.route = self.path_format
        principal = await enter_leased(request, self.scope)
        if "\x00" in visit.path:
            raise RouteNotFound
        if request.scope["query_string"]:
            check_query(request, self.dependant)
        raw = await _body(request.receive)
        if not raw:
            finding = Finding("body", "required", "a JSON body is required")
            raise ValidationFailed(f"{finding.field} {finding.message}", errors=[finding])
        if not _says_json(request):
            raise UnsupportedMediaType
        parsed = parse_json(raw)
        given = {self._names[alias]: value for alias, value in request.path_params.items()}
        data = await self.endpoint(principal=principal, request=request, body=parsed, **given)
        return Response(msgspec.json.encode(_Success(data=data)), self.status_code or 200, media_type=_JSON)


def _says_json(request: Request) -> bool:
    said = request.headers.get("content-type")
    return said == _JSON or is_json(said)


async def _body(receive: Receive) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        return message.get("body", b"")
    parts: list[bytes] = []
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()
    raise ClientDisconnect


class Express:
    """The express routes of one application, behind a door of their own that is like the one of the others."""

    def __init__(self, routes: Sequence[ExpressRoute], *, max_body: int = MAX_BODY) -> None:
        self._routes = routes
        self._door = Door(_answer, max_body=max_body)

    async def answered(self, app: FastAPI, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer the request when it is one for an express route; else False, and nothing has happened."""
        for route in self._routes:
            params = route.params_of(scope)
            if params is not None:
                scope["app"], scope["route"], scope["path_params"] = app, route, params
                await self._door(scope, receive, send)
                return True
        return False


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    route: ExpressRoute = scope["route"]
    response = await route.answer(Request(scope, receive))
    await response(scope, receive, send)


def express_router(path: str, *, tag: str) -> APIRouter:
    """A router for express routes under ``/api/v1``."""
    return APIRouter(prefix=PREFIX + path, tags=[tag], route_class=ExpressRoute)


def express_routes(routers: Iterable[APIRouter]) -> tuple[ExpressRoute, ...]:
    """The express routes of these routers."""
    return tuple(route for router in routers for route in router.routes if isinstance(route, ExpressRoute))
