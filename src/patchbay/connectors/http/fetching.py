"""Fetching the document that describes a system, and files beside it, through the guard.

Only what lies on the document's own origin is fetched; what lies on other hosts stays opaque. Credentials are sent only where
the document lies on the system's own origin, and only when it is not to be had without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from urllib.parse import urljoin

from patchbay.connectors.http.asking import ask, authorizer_of, outbound
from patchbay.connectors.http.authorizing import Authorizer, Signature
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.egress.guard import EgressGuard
from patchbay.egress.http import Answered, OutboundClient
from patchbay.egress.urls import read_url
from patchbay.errors import Unprocessable

FETCH_S = 60.0
MOST_BYTES = 64 << 20
AT_ONCE = 4

_ACCEPT = {"Accept": "application/json, application/yaml;q=0.9, text/yaml;q=0.9, */*;q=0.5"}


class DocumentNotFetched(Unprocessable):
    """The document could not be fetched from its URL."""

    code, title = "document_not_fetched", "Document not fetched"


async def fetch_document(credentials: HttpCredentials, guard: EgressGuard, url: str, authorizer: Authorizer | None) -> bytes:
    """The document at ``url``. Raises :class:`DocumentNotFetched`, an OutboundFailed or EgressRefused."""
    async with outbound(credentials, guard) as client:
        return (await Fetching(client, credentials, authorizer).document(url)).body


class Fetching:
    """One document and the files beside it, within a minute and :data:`MOST_BYTES` together."""

    def __init__(self, client: OutboundClient, credentials: HttpCredentials, authorizer: Authorizer | None) -> None:
        self._client = client
        self._credentials = credentials
        self._authorizer = authorizer
        self._deadline = asyncio.get_running_loop().time() + FETCH_S
        self._left = MOST_BYTES
        self._signature: Signature | None = None
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def document(self, url: str) -> Answered:
        """The document itself: without credentials, then, on the system's own origin, with them."""
        answered = await self._plain(url)
        if answered.status in (401, 403) and read_url(url).origin == read_url(self._credentials.base_url).origin:
            self._signature = await authorizer_of(self._credentials, self._authorizer).sign()
            answered = await self._signed(url, self._signature)
        if answered.status != 200:
            raise DocumentNotFetched(
                f"The document's URL answers with status {answered.status} (document_not_fetched).",
                hint="Open the URL in a browser to check it, or upload the document and send its fileId.",
            )
        self._spend(len(answered.body))
        return answered

    async def beside(self, document: Answered, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """Files by their paths from the document; None for one that is not there or not on its origin."""

        async def one(path: str) -> bytes | None:
            url = urljoin(document.url, path)
            if read_url(url).origin != document.at.origin:
                return None
            async with self._at_once:
                answered = await (self._plain(url) if self._signature is None else self._signed(url, self._signature))
            return answered.body if answered.status == 200 and answered.at.origin == document.at.origin else None

        found = await asyncio.gather(*(one(path) for path in paths))
        self._spend(sum(len(body) for body in found if body is not None))
        return dict(zip(paths, found, strict=True))

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left <= 0:
            raise DocumentNotFetched("The files of this document are too large together (document_not_fetched).")

    async def _plain(self, url: str) -> Answered:
        return await self._client.request(
            "GET", url, headers=_ACCEPT, deadline=self._deadline, most_bytes=self._left, follow="get"
        )

    async def _signed(self, url: str, signature: Signature) -> Answered:
        return await ask(
            self._client,
            self._credentials,
            signature,
            method="GET",
            url=url,
            headers=_ACCEPT,
            deadline=self._deadline,
            most_bytes=self._left,
        )
