"""One connected HTTP system under one set of credentials: how requests reach it while a caller waits.

A request goes through, in this order: the breaker is closed, a place is free, the request is signed, sent through the guarded
client, and judged. What may be sent again is sent again while the call's deadline allows it (:mod:`.repeating`); everything
else ends in a refusal that says nothing of what the system sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from patchbay.connectors.breaker import Breaker
from patchbay.connectors.http.assembling import ACCEPT, base_of, own_headers, request_headers, signed_url, without
from patchbay.connectors.http.authorizing import Authorizer, Signature
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.limits import TOO_MANY, meant_status
from patchbay.connectors.http.outcomes import Outcome, Read, refusal_of, refusal_of_write, retry_after_s
from patchbay.connectors.http.repeating import WORTH_TRYING_S, Write, passes, pause_before
from patchbay.connectors.http.request import Request
from patchbay.connectors.http.signing import FixedAuthorizer, static_authorizer, withheld
from patchbay.connectors.refusals import (
    CallRefused,
    OutcomeUnknown,
    SchemaChanged,
    SourceBusy,
    SourceTimeout,
    SourceUnavailable,
)
from patchbay.connectors.system import SourceClosed
from patchbay.egress.failures import OutboundFailed
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.egress.http import Answered, OutboundClient
from patchbay.egress.urls import Url

AT_ONCE = 16
"""Requests to one system at the same time; those above wait for a place."""
MOST_BYTES = 4_194_304
"""A larger answer is not read: the records a call wants are a small part of what a system may send."""
_SAID_WHEN = frozenset((429, 503))


class Reader(Protocol):
    """Reads an answer, or says that it cannot be understood."""

    def __call__(self, answered: Answered) -> Read:
        """What the answer means. Raises SourceRefused for one that cannot be understood."""
        ...


class HttpSource:
    """One REST or GraphQL system. Lazy: nothing is opened before the first request.

    ``withheld`` is what of its credentials no result may bring, as it stands in JSON. ``stamp`` gives further headers for each
    attempt of a request, made of the request itself.
    """

    def __init__(
        self,
        credentials: HttpCredentials,
        guard: EgressGuard,
        authorizer: Authorizer | None = None,
        *,
        at_once: int = AT_ONCE,
        authorities: str | None = None,
        stamp: Callable[[Request], dict[str, str]] | None = None,
    ) -> None:
        self._base = base_of(credentials.base_url)
        self._fixed = dict(credentials.headers)
        self._authorizer = authorizer or static_authorizer(credentials.auth, credentials.secrets)
        self._client = OutboundClient(guard, connections=at_once, authorities=authorities)
        self._loop = asyncio.get_running_loop()
        self._places = asyncio.Semaphore(at_once)
        self._secrets = credentials.secrets
        self._stamp = stamp
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

    async def finds(self, values: object, deadline: float) -> bool:
        """Never: what an API took can only be asked for by sending it again, and that nobody does unasked."""
        return False

    async def send(self, request: Request, read: Reader, *, server: str | None = None, deadline: float) -> Read:
        """The answer of the system: a success, or 404 for what it does not have. ``deadline`` is in the loop's time.

        ``server`` is another base URL of the same host. Raises a :class:`~patchbay.connectors.refusals.CallRefused` for
        everything else, :class:`SourceClosed` once retired. A write is either answered with a success, refused, or its outcome is
        unknown (:class:`~patchbay.connectors.refusals.OutcomeUnknown`).
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
        except (SourceUnavailable, SourceTimeout, OutcomeUnknown):
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
                async with asyncio.timeout_at(deadline - WORTH_TRYING_S):
                    await self._places.acquire()
            except TimeoutError:
                raise SourceBusy from None
        else:
            await self._places.acquire()
        try:
            attempts = self._write if request.write else self._attempts
            return await attempts(request, read, self._at(server), deadline)
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
            attempt += 1
            again = request.repeatable and passes(outcome, retry_after)
            pause = pause_before(attempt, retry_after, self._loop.time(), deadline) if again else None
            if pause is None:
                raise refusal_of(outcome, retry_after)
            await asyncio.sleep(pause)

    async def _write(self, request: Request, read: Reader, at: Url, deadline: float) -> Read:
        """The answer to a write that was made."""
        write = Write(keyed=request.key is not None)
        signature = await self._sign(deadline, renew=False)
        renewed = False
        attempt = 1
        while True:
            outcome: Outcome | None = None
            retry_after: float | None = None
            try:
                until = write.deadline(self._loop.time(), deadline)
                outcome, retry_after = await self._once(request, read, at, signature, until)
                refusal = refusal_of_write(outcome, request.method, retry_after)
            except CallRefused as told:
                refusal = told
            if refusal is None:
                assert isinstance(outcome, Read)
                return outcome
            if isinstance(outcome, Read) and outcome.status == 401 and not renewed:
                try:
                    signature, renewed = await self._sign(deadline, renew=True), True
                except CallRefused as refused:
                    raise write.final(refused, told=False) from None
                continue
            attempt += 1
            again = write.may_repeat(outcome, refusal, retry_after)
            pause = pause_before(attempt, retry_after, self._loop.time(), deadline) if again else None
            if pause is None:
                raise write.final(refusal, told=outcome is None)
            await asyncio.sleep(pause)

    async def _once(
        self, request: Request, read: Reader, at: Url, signature: Signature, deadline: float
    ) -> tuple[Outcome, float | None]:
        """What came of one attempt, and after how many seconds the system wants to be asked again."""
        try:
            answered = await self._client.request(
                request.method,
                signed_url(at, request.target, signature),
                headers=self._headers(request, signature),
                body=request.body,
                deadline=deadline,
                most_bytes=MOST_BYTES,
                follow="same_host" if request.repeatable else "never",
                whole=not request.write,
                once=request.write,
            )
        except (OutboundFailed, EgressRefused) as failed:
            return failed, None
        if meant_status(answered) != answered.status:
            return Read(TOO_MANY), retry_after_s(answered.headers)
        outcome = read(answered)
        return outcome, retry_after_s(answered.headers) if outcome.status in _SAID_WHEN else None

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
        """The request's own, then the definition's, then what authorizes it, then the stamp."""
        signed = self._signed
        if signed is None or signed[0] is not signature:
            own = own_headers(self._fixed, signature)
            signed = self._signed = (signature, own, without(ACCEPT, own) | own)
            self.withheld = withheld(signature, self._secrets)
        _, own, alone = signed
        headers = request_headers(request, own) if request.headers or request.cookies else alone
        return headers if self._stamp is None else headers | self._stamp(request)

    def _at(self, server: str | None) -> Url:
        """The base URL. Another one is taken only on the host the credentials are for, and never less secure."""
        if server is None:
            return self._base
        at = self._servers.get(server)
        if at is None:
            at = base_of(server)
            if at.origin != self._base.origin:
                raise SchemaChanged
            self._servers[server] = at
        return at

    def _close_when_free(self) -> None:
        if self._under_way == 0 and self._closing is None:
            self._closing = self._loop.create_task(self._client.close())
