"""The one HTTP client for what lies outside: calls to REST and GraphQL systems, their documents, OAuth.

Every new connection asks the guard: the name is looked up once, the address that passed is the one connected to, and TLS is
verified against the name. Nothing is taken from the environment or from an earlier answer: no proxies, no netrc, no cookies.
Redirects are followed here, each hop through the guard, or not at all. An answer is read within a deadline and a byte cap, both
as it comes over the wire and as it is decoded. A request that must not arrive twice goes over a connection of its own, which
nobody else has used and nobody has closed meanwhile, and the client library does not send it again by itself.

Plain ``http`` is spoken only to addresses that the operator's allow-list covers: a system on the public internet is reached
over TLS or not at all.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, Literal

import aiohttp
import msgspec
from yarl import URL

from patchbay.egress.decoding import ACCEPTED, decode
from patchbay.egress.doors import Door, client_tls
from patchbay.egress.failures import (
    BrokenOff,
    NotHttp,
    OutboundFailed,
    RedirectRefused,
    TimedOut,
    TlsFailed,
    TooLarge,
    Unreachable,
)
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.egress.urls import BadUrl, Scheme, Url, read_url

CONNECTIONS = 16
MOST_REDIRECTS = 5
IDLE_S = 45.0
USER_AGENT = "Patchbay"
_LONGEST_LINE, _MOST_HEADERS = 8_190, 100
_IN_A_THREAD = 262_144
"""Decoding to more bytes than this could hold up other calls, so it is done in a thread."""
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_KEPT_ACROSS_HOSTS = frozenset(("accept", "accept-language", "user-agent", "if-none-match", "if-modified-since"))
_NO_LIMIT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)

Follow = Literal["never", "same_host", "get"]
"""Which redirects are followed: none; those that stay on the host (or go from its http to its https); or, for a GET without
credentials, those to any host the guard lets through."""


class Answered(msgspec.Struct, frozen=True):
    """An answer: ``headers`` are looked up without regard to case, ``body`` is decoded, ``at`` is where it came from.

    ``cut``: the body was longer than the cap and ``body`` is its beginning.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    at: Url
    cut: bool = False

    @property
    def url(self) -> str:
        """Where it came from, after all redirects."""
        return self.at.text


class OutboundClient:
    """Keeps connections open to the hosts it talks to, at most ``connections`` to each.

    ``authorities`` (PEM) are trusted beside the machine's own certificate authorities. Belongs to the event loop it is first
    used in.
    """

    def __init__(self, guard: EgressGuard, *, connections: int = CONNECTIONS, authorities: str | None = None) -> None:
        self._guard = guard
        self._connections = connections
        self._authorities = authorities
        self._sessions: dict[tuple[Scheme, bool], aiohttp.ClientSession] = {}

    async def request(
        self,
        method: str,
        url: str | Url,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        deadline: float,
        most_bytes: int,
        follow: Follow = "never",
        whole: bool = True,
        once: bool = False,
    ) -> Answered:
        """The answer to one request, whatever its status. ``deadline`` is in the loop's time and covers everything.

        With ``once`` it is sent at most once, and a failure's ``sent`` says whether it may have arrived.

        A body of more than ``most_bytes`` raises :class:`TooLarge`, or is cut where not the ``whole`` is needed. A redirect that
        is not followed raises :class:`RedirectRefused`. Everything else that brings no answer is another
        :class:`OutboundFailed`, or the guard's :class:`EgressRefused`.
        """
        at = _read(url) if isinstance(url, str) else url
        alarm = _Alarm(deadline)
        leaving = _Leaving() if once else None
        try:
            answered = await self._once(method, at, headers, body, most_bytes, whole, leaving)
            if answered.status in _REDIRECTS:
                return await self._followed(answered, method, at, headers, body, most_bytes, follow, whole)
            return answered
        except asyncio.CancelledError:
            if alarm.answers_for_it():
                late = TimedOut()
                late.sent = leaving is None or leaving.left
                raise late from None
            raise
        finally:
            alarm.off()

    async def close(self) -> None:
        """Close every connection, also those in use."""
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    async def _followed(
        self,
        answered: Answered,
        method: str,
        at: Url,
        headers: Mapping[str, str],
        body: bytes | None,
        most_bytes: int,
        follow: Follow,
        whole: bool,
    ) -> Answered:
        for _ in range(MOST_REDIRECTS):
            at = _target_of(answered, at, method, headers, follow)
            answered = await self._once(method, at, headers, body, most_bytes, whole)
            if answered.status not in _REDIRECTS:
                return answered
        raise RedirectRefused("The other system redirects too often.")

    async def _once(
        self,
        method: str,
        at: Url,
        headers: Mapping[str, str],
        body: bytes | None,
        most: int,
        whole: bool,
        leaving: _Leaving | None = None,
    ) -> Answered:
        once = leaving is not None
        session = self._sessions.get((at.scheme, once)) or self._open_session(at.scheme, once=once)
        try:
            response = await session.request(
                method, _library_url(at), headers=headers, data=body, allow_redirects=False, trace_request_ctx=leaving
            )
            try:
                if response.status < 200:
                    raise NotHttp
                raw, ended = await _receive(response, most, whole=whole and response.status not in _REDIRECTS)
            except BaseException:
                response.close()
                raise
            if not ended:
                response.close()
        except (aiohttp.ClientError, OSError) as error:
            raise _failure(error) from None
        coding = response.headers.get("Content-Encoding")
        if coding is None:
            return Answered(response.status, response.headers, raw, at, not ended)
        decoded = await _decoded(raw, coding, most, whole=ended)
        if len(decoded) <= most:
            return Answered(response.status, response.headers, decoded, at, not ended)
        if whole:
            raise TooLarge
        return Answered(response.status, response.headers, decoded[:most], at, True)

    def _open_session(self, scheme: Scheme, *, once: bool) -> aiohttp.ClientSession:
        door = Door(self._guard, plain=scheme == "http")
        connector = aiohttp.TCPConnector(
            resolver=door,
            use_dns_cache=False,
            happy_eyeballs_delay=None,
            socket_factory=door.open_socket,
            ssl=client_tls(self._authorities, ssl.get_default_verify_paths()) if scheme == "https" else True,
            limit=0,
            limit_per_host=self._connections,
            force_close=once,
            keepalive_timeout=None if once else IDLE_S,
        )
        session = self._sessions[scheme, once] = aiohttp.ClientSession(
            connector=connector,
            middlewares=(_sent_once,) if once else (),
            trace_configs=[_leavings()] if once else None,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": ACCEPTED},
            timeout=_NO_LIMIT,
            trust_env=False,
            auto_decompress=False,
            requote_redirect_url=False,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
            max_headers=_MOST_HEADERS,
        )
        return session


class _Lost(aiohttp.ClientConnectionError):
    """The connection was lost once it was there."""


class _Leaving:
    """Whether any of a request may have left."""

    left = False


async def _sent_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """The library sends PUT and DELETE again by itself after a lost connection (RFC 9112, section 9.3.1); here it must not."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as lost:
        raise _Lost from lost


def _leavings() -> aiohttp.TraceConfig:
    """Notes that a request's first bytes are about to be written."""

    async def note(_session: aiohttp.ClientSession, context: Any, _params: aiohttp.TraceRequestHeadersSentParams) -> None:
        context.trace_request_ctx.left = True

    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(note)
    return tracing


class _Alarm:
    """Cancels the current task at ``deadline`` (loop time): what asyncio.timeout_at does, at a quarter of its cost per call."""

    __slots__ = ("_before", "_handle", "_rang", "_task")

    def __init__(self, deadline: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._before = task.cancelling()
        self._rang = False
        self._handle = asyncio.get_running_loop().call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._rang = True
        self._task.cancel()

    def answers_for_it(self) -> bool:
        """Whether a cancellation was this alarm's, and nobody else's."""
        if not self._rang:
            return False
        self._rang = False
        return self._task.uncancel() <= self._before

    def off(self) -> None:
        """Not needed any more. A cancellation that something else was made of on the way is taken back."""
        self._handle.cancel()
        if self._rang:
            self._task.uncancel()


def _library_url(at: Url) -> URL:
    """The same URL for the client library, which is told that there is nothing left to encode."""
    if ":" in at.host:
        return URL(at.text, encoded=True)
    path, _, query = at.target.partition("?")
    return URL.build(scheme=at.scheme, host=at.host, port=at.port, path=path, query_string=query, encoded=True)


def _read(url: str) -> Url:
    try:
        return read_url(url)
    except BadUrl as error:
        raise EgressRefused(
            f"The URL cannot be used: {error}.", reason="malformed", hint="Give a URL such as https://api.example.com/v1."
        ) from None


async def _receive(response: aiohttp.ClientResponse, most: int, *, whole: bool) -> tuple[bytes, bool]:
    """The body as it comes over the wire, and whether that is all of it."""
    content = response.content
    part = await content.readany()
    if content.at_eof() and len(part) <= most:
        return part, True
    if whole and (response.content_length or 0) > most:
        raise TooLarge
    parts = bytearray(part)
    while len(parts) <= most and not content.at_eof():
        parts += await content.readany()
    if len(parts) <= most:
        return bytes(parts), True
    if whole:
        raise TooLarge
    return bytes(parts[:most]), False


async def _decoded(raw: bytes, coding: str, most: int, *, whole: bool) -> bytes:
    if most > _IN_A_THREAD:
        return await asyncio.to_thread(decode, raw, coding, most, whole=whole)
    return decode(raw, coding, most, whole=whole)


def _target_of(answered: Answered, at: Url, method: str, headers: Mapping[str, str], follow: Follow) -> Url:
    """Where a redirect leads, if this request may follow it there."""
    location = answered.headers.get("Location")
    keeps_method = answered.status in (307, 308) or method in ("GET", "HEAD")
    if follow == "never" or location is None or not keeps_method:
        refused = RedirectRefused()
        refused.answered = answered.status
        raise refused
    try:
        to = at.joined(location)
    except BadUrl:
        raise RedirectRefused from None
    if at.scheme == "https" and to.scheme == "http":
        raise RedirectRefused("The other system redirects from https to http.")
    if to.host == at.host and (to.port == at.port or (at.port, to.port) == (80, 443)):
        return to
    carried = {name.lower() for name in headers} - _KEPT_ACROSS_HOSTS
    if follow == "get" and method == "GET" and not carried:
        return to
    raise RedirectRefused("The other system redirects to another host.")


def _failure(error: Exception) -> OutboundFailed:
    """What a failure of the client library means. Its own text may quote what was received, so none of it is kept."""
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return TlsFailed()
    if isinstance(error, aiohttp.ClientConnectorError):
        return Unreachable()
    if isinstance(error, aiohttp.ClientResponseError):
        return NotHttp()
    return BrokenOff()
