"""One request of the platform's own to a connected system, while something is being built: to verify, or to read a document."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from patchbay.connectors.http.authorizing import Authorizer, Signature
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.signing import static_authorizer, with_signature
from patchbay.egress.guard import EgressGuard
from patchbay.egress.http import Answered, OutboundClient


@asynccontextmanager
async def outbound(credentials: HttpCredentials, guard: EgressGuard) -> AsyncGenerator[OutboundClient]:
    """A client for a few requests."""
    client = OutboundClient(guard, connections=4, authorities=credentials.ca_pem)
    try:
        yield client
    finally:
        await client.close()


def authorizer_of(credentials: HttpCredentials, authorizer: Authorizer | None) -> Authorizer:
    """Who signs: what brings tokens, where the scheme has them, else the stored secrets."""
    return authorizer or static_authorizer(credentials.auth, credentials.secrets)


async def ask(
    client: OutboundClient,
    credentials: HttpCredentials,
    signature: Signature,
    *,
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    deadline: float,
    most_bytes: int,
) -> Answered:
    """The answer to a signed request; the definition's headers and the signature win over ``headers``.

    Redirects are followed on the same host alone. Raises an OutboundFailed or EgressRefused.
    """
    sent = {"Accept": "application/json", **(headers or {}), **credentials.headers, **signature.headers}
    if signature.cookies:
        sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in signature.cookies.items())
    url = with_signature(url, signature)
    return await client.request(
        method, url, headers=sent, body=body, deadline=deadline, most_bytes=most_bytes, follow="same_host"
    )
