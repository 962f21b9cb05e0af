"""A provider that answers from the fixtures of a pack: each request must be the next one expected."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from aiohttp import web

from patchbay.packs.model import Exchange, Expected, Pack
from tests.servers.authorization_server import AuthorizationServer
from tests.servers.providers.provider import Asked, Provider

CLIENT = ("fixture-app", "fixture-secret")


@dataclass
class Replay(Provider):
    """``left`` are the exchanges that are still to come. While there are none, every request is taken for one that verifies the
    credentials. ``pages`` are the paths of the authorization and the token endpoint.
    """

    left: list[Exchange] = field(default_factory=list)
    verified: int = 200
    pages: tuple[str, str] | None = None
    oauth: AuthorizationServer = field(default_factory=lambda: AuthorizationServer(clients={CLIENT[0]: CLIENT[1]}, prompt=None))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.pages is not None and request.path == self.pages[0]:
            return await self.oauth.authorize(request)
        if self.pages is not None and request.path == self.pages[1]:
            return await self.oauth.token(request)
        return await super().handle(request)

    def answer(self, asked: Asked) -> web.Response:
        if not self.left:
            return web.json_response({"data": {}}, status=self.verified)
        exchange = self.left.pop(0)
        self.problems += differences(exchange.expect, asked)
        answer = exchange.answer
        return web.json_response(answer.json, status=answer.status, headers=dict(answer.headers))

    def authorized(self, asked: Asked) -> bool:
        return True

    def unauthorized(self) -> web.Response:
        raise AssertionError

    def limited(self) -> web.Response:
        raise AssertionError

    def failed(self) -> web.Response:
        raise AssertionError

    def writes(self, asked: Asked) -> bool:
        return False


def replay_of(pack: Pack) -> Replay:
    """A server for the fixtures of ``pack``."""
    connect = pack.identity.connect
    pages = None
    if connect.oauth is not None:
        pages = (urlsplit(connect.oauth.authorization_url).path, urlsplit(connect.oauth.token_url).path)
    made = Replay(pages=pages, verified=int((connect.verify or {}).get("expect") or 200))
    if connect.oauth is not None:
        made.oauth.prompt = connect.oauth.parameters.get("prompt")
    return made


def differences(expected: Expected, asked: Asked) -> list[str]:
    """What a request has otherwise than expected, in words."""
    found: list[str] = []
    if (asked.method, unquote(asked.path)) != (expected.method, unquote(expected.path)):
        found.append(f"expected {expected.method} {expected.path}, got {asked.method} {asked.path}")
    query = _query(asked.query)
    if expected.query is not None and query != _texts(expected.query):
        found.append(f"expected the query {_texts(expected.query)}, got {query}")
    if expected.json is not None and asked.json != expected.json:
        found.append(f"expected the body {_short(expected.json)}, got {_short(asked.json)}")
    if expected.partial is not None and not within(expected.partial, asked.json):
        found.append(f"expected in the body {_short(expected.partial)}, got {_short(asked.json)}")
    sent = {name.casefold(): value for name, value in asked.headers.items()}
    for name, value in expected.headers.items():
        if sent.get(name.casefold()) != value:
            found.append(f"expected the header {name}: {value}, got {sent.get(name.casefold())}")
    return found


def within(part: Any, whole: Any) -> bool:
    """Whether every member of ``part`` is in ``whole``; lists item by item."""
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(name in whole and within(value, whole[name]) for name, value in part.items())
    if isinstance(part, (list, tuple)):
        return isinstance(whole, list) and len(part) == len(whole) and all(map(within, part, whole))
    return part == whole


def _query(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        found[name] = value if name not in found else [*(found[name] if isinstance(found[name], list) else [found[name]]), value]
    return found


def _texts(query: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [str(one) for one in value] if isinstance(value, (list, tuple)) else str(value) for name, value in query.items()
    }


def _short(value: Any) -> str:
    return json.dumps(value, default=str)[:600]
