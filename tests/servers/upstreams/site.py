"""A web site: pages by path, a robots.txt, and pages that misbehave."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from tests.servers.upstreams.hostile import Behaviour, Turn, Upstream, misbehaving


@dataclass
class Site:
    """``pages`` are bodies, or what is done instead; ``robots`` None is a site without. ETags are made of the body."""

    pages: dict[str, str | bytes | Behaviour] = field(default_factory=dict)
    robots: str | Behaviour | None = None
    kind: str = "text/html; charset=utf-8"
    conditional: bool = True
    upstream: Upstream = field(default_factory=lambda: Upstream(""))
    asked: list[str] = field(default_factory=list)
    """The paths of the requests, robots.txt left out; with ``!`` those answered "not modified"."""

    def url(self, path: str = "/") -> str:
        return self.upstream.url + path

    async def _serve(self, turn: Turn) -> None:
        request = turn.upstream.requests[-1].decode("latin-1")
        path = request.split(" ", 2)[1]
        if path == "/robots.txt":
            await self._robots(turn)
            return
        page = self.pages.get(path)
        self.asked.append(path)
        if callable(page):
            await page(turn)
        elif page is None:
            await turn.answer(b"<p>secret-in-page", "404 Not Found", self.kind)
        else:
            await self._page(turn, request, page.encode() if isinstance(page, str) else page)

    async def _robots(self, turn: Turn) -> None:
        if callable(self.robots):
            await self.robots(turn)
        elif self.robots is None:
            await turn.answer(b"", "404 Not Found")
        else:
            await turn.answer(self.robots.encode(), kind="text/plain")

    async def _page(self, turn: Turn, request: str, body: bytes) -> None:
        tag = f'"{hash(body)}"'
        if self.conditional and f"If-None-Match: {tag}" in request:
            self.asked[-1] += "!"
            await turn.answer(b"", "304 Not Modified", headers=f"ETag: {tag}\r\n")
        else:
            await turn.answer(body, kind=self.kind, headers=f"ETag: {tag}\r\n" if self.conditional else "")


@contextlib.asynccontextmanager
async def serving(site: Site) -> AsyncGenerator[Site]:
    """``site`` while it is up."""
    async with misbehaving(site._serve) as upstream:
        site.upstream = upstream
        yield site
