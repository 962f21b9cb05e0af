"""One connected HTTP system under one set of credentials: how requests reach it while a caller waits.

A request goes through, in this order: the breaker is closed, a place is free, the request is signed, sent through the guarded
client, and judged. What may be sent again is sent again while the call's deadline allows it; everything else ends in a refusal
that says nothing of what the system sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping
from typing import Protocol

from patchbay.connectors.breaker import Breaker
from patchbay.connectors.http.authorizing import Authorizer, Signature
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.outcomes import Read, refusal_of, retry_after_s
from patchbay.connectors.http.request import Request
from patchbay.connectors.http.signing import FixedAuthorizer, static_authorizer, with_signature, withheld
from patchbay.connectors.refusals import (
    CallRefused,
    SchemaChanged,
    SourceBusy,
    SourceTimeout,
    SourceUnavailable,
)
from patchbay.connectors.system import SourceClosed
from patchbay.egress.failures import OutboundFailed, TlsFailed, Unreachable
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.egress.http import Answered, OutboundClient
from patchbay.egress.urls import BadUrl, Url, read_url

AT_ONCE = 16
"""Requests to one system at the same time; those above wait for a place."""
MOST_BYTES = 4_194_304
"""A larger answer is not read: the records a call wants are a small part of what a system may send."""
_ATTEMPTS = 3
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 1.0
_WORTH_TRYING_S = 0.05
"""With less time left than this, another attempt cannot bring an answer."""
_ACCEPT = {"Accept": "application/json"}
_AGAIN = frozenset((429, 502, 503, 504))
_SAID_WHEN = frozenset((429, 503))


class Reader(Protocol):
    """Reads an answer, or says that it cannot be understood."""

    def __call__(self, answered: Answered) -> Read:
        """What the answer means. Raises SourceRefused for one that cannot be understood."""
        ...


class HttpSource:
    """One REST or GraphQL system. Lazy: nothing is opened before the first request.

    ``withheld`` is what of its credentials no result may bring, as it stands in JSON.
    """

    def __init__(
        self,
        credentials: HttpCredentials,
        guard: EgressGuard,
        authorizer: Authorizer | None = None,
        *,
        at_once: int = AT_ONCE,
        authorities: str | None = None,
    ) -> None:
        self._base = _base(credentials.base_url)
        self._fixed = dict(credentials.headers)
        self._authorizer = authorizer or static_authorizer(credentials.auth, credentials.secrets)
        self._client = OutboundClient(guard, connections=at_once, authorities=authorities)
        self._loop = asyncio.get_running_loop()
        self._places = asyncio.Semaphore(at_once)
        self._secrets = credentials.secrets
        self.withheld: tuple[bytes, ...] = ()
        self._signed: tuple[Signature, dict[str, str], dict[str, str]] | None = None
        self._servers: dict[str, Url] = {}
        self._under_way = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._closing: asyncio.Task[None] | None = None
        self._retired = False
        self.breaker = Breaker()

    @property
    def ended(self) -> bool:
        """Whether it is retired and its connections are closed."""
        return self._retired and self._under_way == 0 and (self._closing is None or self._closing.done())

    def retire(self) -> None:
        """Take no more requests; the connections close once the last answer is there."""
        if not self._retired:
            self._retired = True
            self._close_when_free()

    def end_idle(self, now: float) -> None:
        """Nothing to do: the client closes idle connections by itself."""

    async def close(self, *, patience_s: float = 5.0) -> None:
        """Retire, wait a while for what is under way, and close."""
        self.retire()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._quiet.wait()
        await self._client.close()
        if self._closing is not None:
            await self._closing

    async def send(self, request: Request, read: Reader, *, server: str | None = None, deadline: float) -> Read:
        """The answer of the system: a success, or 404 for what it does not have. ``deadline`` is in the loop's time.

        ``server`` is another base URL of the same host. Raises a :class:`~patchbay.connectors.refusals.CallRefused` for
        everything else, :class:`SourceClosed` once retired.
        """
        if self._retired:
            raise SourceClosed
        wait = self.breaker.admit(self._loop.time())
        if wait > 0:
            raise SourceUnavailable(retry_after_s=wait)
        self._under_way += 1
        self._quiet.clear()
        try:
            answer = await self._in_a_place(request, read, server, deadline)
        except (SourceUnavailable, SourceTimeout):
            self.breaker.failed(self._loop.time())
            raise
        except SourceBusy:
            self.breaker.abandoned()
            raise
        except CallRefused:
            self.breaker.succeeded()
            raise
        except BaseException:
            self.breaker.abandoned()
            raise
        finally:
            self._under_way -= 1
            if self._under_way == 0:
                self._quiet.set()
                if self._retired:
                    self._close_when_free()
        self.breaker.succeeded()
        return answer

    async def _in_a_place(self, request: Request, read: Reader, server: str | None, deadline: float) -> Read:
        if self._places.locked():
            try:
                # A place that comes free with no time left to use it is none.
                async with asyncio.timeout_at(deadline - _WORTH_TRYING_S):
                    await self._places.acquire()
            except TimeoutError:
                raise SourceBusy from None
        else:
            await self._places.acquire()
        try:
            return await self._attempts(request, read, self._at(server), deadline)
        finally:
            self._places.release()

    async def _attempts(self, request: Request, read: Reader, at: Url, deadline: float) -> Read:
        signature = await self._sign(deadline, renew=False)
        renewed = False
        attempt = 1
        while True:
            outcome, retry_after = await self._once(request, read, at, signature, deadline)
            if isinstance(outcome, Read) and outcome.status == 401 and not renewed:
                # Refused before anything was done, so this is safe for every method.
                signature, renewed = await self._sign(deadline, renew=True), True
                continue
            if isinstance(outcome, Read) and (outcome.status < 300 or outcome.status in (404, 410)):
                return outcome
            pause = self._pause(request, outcome, retry_after, attempt, deadline)
            if pause is None:
                raise refusal_of(outcome, retry_after)
            attempt += 1
            await asyncio.sleep(pause)

    async def _once(
        self, request: Request, read: Reader, at: Url, signature: Signature, deadline: float
    ) -> tuple[Read | OutboundFailed | EgressRefused, float | None]:
        """What came of one attempt, and after how many seconds the system wants to be asked again."""
        try:
            answered = await self._client.request(
                request.method,
                _signed_url(at, request.target, signature),
                headers=self._headers(request, signature),
                body=request.body,
                deadline=deadline,
                most_bytes=MOST_BYTES,
                follow="same_host" if request.repeatable else "never",
            )
        except (OutboundFailed, EgressRefused) as failed:
            return failed, None
        outcome = read(answered)
        return outcome, retry_after_s(answered.headers) if outcome.status in _SAID_WHEN else None

    def _pause(
        self,
        request: Request,
        outcome: Read | OutboundFailed | EgressRefused,
        retry_after: float | None,
        attempt: int,
        deadline: float,
    ) -> float | None:
        """How long to wait before the next attempt; None when there is to be none."""
        if not request.repeatable or attempt >= _ATTEMPTS:
            return None
        if isinstance(outcome, Read):
            # 429 without a word of when: asking again at once is what it complains about.
            if outcome.status not in _AGAIN or (outcome.status == 429 and retry_after is None):
                return None
        elif not isinstance(outcome, Unreachable) or isinstance(outcome, TlsFailed):
            return None
        longest = min(_FIRST_PAUSE_S * 2 ** (attempt - 1), _LONGEST_PAUSE_S)
        pause = retry_after if retry_after is not None else random.uniform(longest / 2, longest)
        return pause if self._loop.time() + pause + _WORTH_TRYING_S < deadline else None

    async def _sign(self, deadline: float, *, renew: bool) -> Signature:
        """A signature of the authorizer, which may have to ask for a token first."""
        if not renew and isinstance(self._authorizer, FixedAuthorizer):
            return self._authorizer.signature
        try:
            async with asyncio.timeout_at(deadline):
                return await self._authorizer.sign(renew=renew)
        except TimeoutError:
            raise SourceTimeout from None
        except (OutboundFailed, EgressRefused) as failed:
            raise refusal_of(failed, None) from None

    def _headers(self, request: Request, signature: Signature) -> dict[str, str]:
        """The request's own, then the definition's, then what authorizes it: no value of a call can replace those."""
        signed = self._signed
        if signed is None or signed[0] is not signature:
            cookies = "; ".join(f"{name}={value}" for name, value in signature.cookies.items())
            own = self._fixed | signature.headers | ({"Cookie": cookies} if cookies else {})
            signed = self._signed = (signature, own, _without(_ACCEPT, own) | own)
            self.withheld = withheld(signature, self._secrets)
        _, own, alone = signed
        if not request.headers and not request.cookies:
            return alone
        headers = _without(_ACCEPT | request.headers, own) | own
        if request.cookies:
            headers["Cookie"] = f"{headers['Cookie']}; {request.cookies}" if "Cookie" in headers else request.cookies
        return headers

    def _at(self, server: str | None) -> Url:
        """The base URL. Another one is taken only on the host the credentials are for, and never less secure."""
        if server is None:
            return self._base
        at = self._servers.get(server)
        if at is None:
            at = _base(server)
            if at.origin != self._base.origin:
                raise SchemaChanged
            self._servers[server] = at
        return at

    def _close_when_free(self) -> None:
        if self._under_way == 0 and self._closing is None:
            self._closing = self._loop.create_task(self._client.close())


def _without(headers: Mapping[str, str], replaced: Mapping[str, str]) -> dict[str, str]:
    """The headers that are not among ``replaced``, whatever the case of their names."""
    names = {name.lower() for name in replaced}
    return {name: value for name, value in headers.items() if name.lower() not in names}


def _base(text: str) -> Url:
    try:
        url = read_url(text)
    except BadUrl:
        raise SourceUnavailable from None
    return Url(url.scheme, url.host, url.port, url.target.partition("?")[0])


def _signed_url(at: Url, target: str, signature: Signature) -> Url:
    target = with_signature(target, signature)
    below = at.target.rstrip("/") + target if target.startswith("/") else at.target + target
    return Url(at.scheme, at.host, at.port, below)
