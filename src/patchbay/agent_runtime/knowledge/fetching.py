"""A page from the web, through the guard, if its site's robots.txt lets us (RFC 9309), and only if it is not what we have."""

from __future__ import annotations

import asyncio

import msgspec
from protego import Protego

from patchbay.agent_runtime.knowledge.failures import (
    PageBusy,
    PageForbidden,
    PageNotFound,
    PageNotRead,
    RobotsDisallowed,
    RobotsUnavailable,
)
from patchbay.egress.guard import EgressGuard
from patchbay.egress.http import USER_AGENT, Answered, OutboundClient
from patchbay.egress.urls import Url, read_url

FETCH_S = 30.0
"""For the page and the robots.txt, with all redirects."""
MOST_BYTES = 25_000_000
"""Of a page, as it comes and as it is unpacked."""
ROBOTS_BYTES = 512_000
"""Of a robots.txt; what is longer is cut there (RFC 9309, section 2.5)."""
MOST_WAIT_S = 3_600.0
"""Of what a server says that we should wait, so much is believed."""

_ACCEPT = "text/html, application/pdf;q=0.9, text/plain;q=0.9, text/markdown;q=0.9, text/csv;q=0.9, */*;q=0.5"
_BUSY = frozenset((408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524))


class Fetched(msgspec.Struct, frozen=True):
    """A page as it came, and what to ask with whether there is a newer one."""

    content: bytes
    content_type: str
    name: str
    etag: str | None
    modified: str | None


async def fetch_page(guard: EgressGuard, url: str, *, etag: str | None, modified: str | None) -> Fetched | None:
    """The page at ``url``; None when its server says that it is the one with this ``etag`` or ``modified``.

    Raises :class:`PageNotRead`, an OutboundFailed or EgressRefused.
    """
    client = OutboundClient(guard, connections=2)
    deadline = asyncio.get_running_loop().time() + FETCH_S
    try:
        at = read_url(url)
        await _check_robots(client, at, deadline)
        headers = {"Accept": _ACCEPT}
        headers |= {"If-None-Match": etag} if etag else {"If-Modified-Since": modified} if modified else {}
        answered = await client.request("GET", at, headers=headers, deadline=deadline, most_bytes=MOST_BYTES, follow="get")
        if answered.at != at:
            await _check_robots(client, answered.at, deadline)
    finally:
        await client.close()
    if answered.status == 304 and (etag or modified):
        return None
    if answered.status not in (200, 203):
        raise _refusal(answered)
    return Fetched(
        content=answered.body,
        content_type=answered.headers.get("Content-Type", ""),
        name=answered.at.target.partition("?")[0].rpartition("/")[2],
        etag=_kept(answered.headers.get("ETag")),
        modified=_kept(answered.headers.get("Last-Modified")),
    )


async def _check_robots(client: OutboundClient, page: Url, deadline: float) -> None:
    """Raises :class:`RobotsDisallowed`, and :class:`RobotsUnavailable` where the server answers with an error of its own."""
    answered = await client.request(
        "GET",
        page.at("/robots.txt"),
        headers={"Accept": "text/plain, */*;q=0.5"},
        deadline=deadline,
        most_bytes=ROBOTS_BYTES,
        follow="get",
        whole=False,
    )
    if answered.status == 429 or answered.status >= 500:
        raise RobotsUnavailable(again=True, after_s=_wait(answered))
    if answered.status != 200:
        return
    if not await asyncio.to_thread(_allowed, answered.body, page):
        raise RobotsDisallowed


def _allowed(robots: bytes, page: Url) -> bool:
    return Protego.parse(robots.decode("utf-8", errors="replace")).can_fetch(page.text, USER_AGENT)


def _refusal(answered: Answered) -> PageNotRead:
    match answered.status:
        case 404 | 410:
            return PageNotFound()
        case 401 | 403 | 407 | 451:
            return PageForbidden()
        case 429:
            return PageBusy(again=True, after_s=_wait(answered))
        case status if status in _BUSY:
            told = f"The page's server answers with an error (status {status})."
            return PageNotRead(told, again=True, after_s=_wait(answered))
        case status:
            return PageNotRead(f"The page's server answers with status {status} and no page.")


def _wait(answered: Answered) -> float:
    """Seconds of a ``Retry-After``, up to an hour; a date there is not looked at."""
    value = answered.headers.get("Retry-After", "").strip()
    return min(float(value), MOST_WAIT_S) if value.isascii() and value.isdecimal() and len(value) < 9 else 0.0


def _kept(value: str | None) -> str | None:
    """A header that can be sent back as it came."""
    return value if value and len(value) <= 1_000 and value.isascii() and value.isprintable() else None
