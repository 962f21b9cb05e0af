"""What the simulated providers have in common: they are asked over TLS, keep what they were asked, and can be made to misbehave.

A provider here has state and speaks its vendor's wire: paths, headers, authorization, errors, limits. ``problems`` says what a
client did that the vendor would not take; a test that goes well ends with none.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web


@dataclass(frozen=True)
class Asked:
    """One request. ``json`` is its body decoded, None without one."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    json: Any = None
    raw_query: str = ""

    def one(self, name: str) -> str | None:
        """The value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)


@dataclass
class Trouble:
    """What goes wrong with the next requests; each count goes down by one with every request that met it.

    ``limited``: too many requests; ``failed``: a server error before anything is done; ``lost``: the connection breaks after the
    work of a write; ``slow_s``: every answer takes that long. Only requests for the path ``at`` meet any of it, where it is set.
    """

    limited: int = 0
    failed: int = 0
    lost: int = 0
    slow_s: float = 0.0
    at: str | None = None

    def take(self, name: str, path: str) -> bool:
        """Whether a request meets this trouble."""
        if self.at not in (None, path):
            return False
        left: int = getattr(self, name)
        setattr(self, name, max(0, left - 1))
        return left > 0


@dataclass
class Provider(ABC):
    """``url`` is the origin here, ``ca`` the PEM of whoever vouches for it; ``asked`` are the requests, whatever came of them."""

    url: str = ""
    ca: str = ""
    base: str = ""
    trouble: Trouble = field(default_factory=Trouble)
    asked: list[Asked] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request, with the troubles of the moment."""
        raw = await request.read()
        asked = self._understood(request, raw)
        self.asked.append(asked)
        if self.trouble.slow_s and self.trouble.at in (None, asked.path):
            await asyncio.sleep(self.trouble.slow_s)
        if self.trouble.take("failed", asked.path):
            return self.failed()
        if not self.authorized(asked):
            return self.unauthorized()
        if self.trouble.take("limited", asked.path):
            return self.limited()
        answer = self.answer(asked)
        if self.writes(asked) and self.trouble.take("lost", asked.path):
            assert request.transport is not None
            request.transport.abort()
        return answer

    def _understood(self, request: web.Request, raw: bytes) -> Asked:
        path, _, query = request.raw_path.partition("?")
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw.decode(errors="replace")
        return Asked(request.method, path, tuple(parse_qsl(query, keep_blank_values=True)), dict(request.headers), body, query)

    def problem(self, said: str) -> None:
        """Note what a client should not have done."""
        self.problems.append(said)

    @abstractmethod
    def authorized(self, asked: Asked) -> bool:
        """Whether the request carries what opens this account."""

    @abstractmethod
    def unauthorized(self) -> web.Response:
        """The vendor's answer to wrong credentials."""

    @abstractmethod
    def limited(self) -> web.Response:
        """The vendor's answer to too many requests."""

    @abstractmethod
    def failed(self) -> web.Response:
        """The vendor's answer when something of its own is broken."""

    @abstractmethod
    def writes(self, asked: Asked) -> bool:
        """Whether the request changes something."""

    @abstractmethod
    def answer(self, asked: Asked) -> web.Response:
        """Do what is asked."""


def bearer(asked: Asked) -> str | None:
    """The token of an Authorization header."""
    scheme, _, token = asked.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" and token else None
