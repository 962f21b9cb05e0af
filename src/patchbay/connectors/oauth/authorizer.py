"""Signs requests with tokens: from memory while they are good, renewed beside the calls before they end."""

from __future__ import annotations

import asyncio
import time

import msgspec

from patchbay.connectors.http.authorizing import Signature
from patchbay.connectors.oauth.renewal import STORE_FAILURES, Held, current_tokens
from patchbay.connectors.oauth.tokens import Tokens
from patchbay.connectors.refusals import CredentialsRefused, SourceUnavailable

AGAIN_S = 5.0
"""After a renewal that failed, nobody tries again for this long."""
RENEWED_S = 10.0
"""A token that took the place of a refused one so lately is not replaced again: another one would be refused too."""


class _Ready(msgspec.Struct, frozen=True):
    """Tokens with everything worked out that a request needs. ``replaced``: when they took the place of refused ones."""

    tokens: Tokens
    signature: Signature
    due_at: float
    useless_at: float
    replaced: float


class OAuthAuthorizer:
    """The :class:`~patchbay.connectors.http.authorizing.Authorizer` of a connection with tokens, in one process.

    Everybody who waits for a renewal waits for the same one, and none of them can cancel it.
    """

    def __init__(self, held: Held) -> None:
        self._held = held
        self._ready: _Ready | None = None
        self._flight: asyncio.Task[_Ready] | None = None
        self._refused_until = 0.0
        self._not_before = 0.0

    async def sign(self, *, renew: bool = False) -> Signature:
        """The signature, without I/O while the token is good. See the port.

        Raises CredentialsRefused when somebody has to connect or agree again, SourceUnavailable when our own store does not
        answer, an OutboundFailed or EgressRefused when the authorization server cannot be reached.
        """
        ready, now = self._ready, time.time()
        if ready is not None and not renew:
            if now < ready.due_at:
                return ready.signature
            if now < ready.useless_at:
                self._renew_beside(now)
                return ready.signature
        if now < self._refused_until:
            raise CredentialsRefused
        if ready is None or not renew:
            return (await self._joined(None)).signature
        if now - ready.replaced < RENEWED_S:
            return ready.signature
        refused = ready.tokens.access_token
        joined = await self._joined(refused)
        if joined.tokens.access_token == refused:
            # That renewal had begun before the token was refused.
            joined = await self._joined(refused)
        return joined.signature

    def _renew_beside(self, now: float) -> None:
        if now >= self._not_before:
            self._not_before = now + AGAIN_S
            self._start(None)

    async def _joined(self, refused: str | None) -> _Ready:
        return await asyncio.shield(self._start(refused))

    def _start(self, refused: str | None) -> asyncio.Task[_Ready]:
        if self._flight is None or self._flight.done():
            self._flight = asyncio.get_running_loop().create_task(self._renew(refused), name="patchbay token renewal")
            self._flight.add_done_callback(_look_at)
        return self._flight

    async def _renew(self, refused: str | None) -> _Ready:
        try:
            tokens = await current_tokens(self._held, refused)
        except CredentialsRefused:
            self._ready, self._refused_until = None, time.time() + AGAIN_S
            raise
        except STORE_FAILURES:
            raise SourceUnavailable from None
        replaced = time.time() if refused is not None else 0.0
        ready = self._ready = _Ready(tokens, tokens.signature(), tokens.due_at, tokens.useless_at, replaced)
        return ready


def _look_at(task: asyncio.Task[_Ready]) -> None:
    """Whoever waited has the error; one that nobody waited for is not worth a warning."""
    if not task.cancelled():
        task.exception()
