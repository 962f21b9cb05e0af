"""What an account calls itself: read once, when it is connected, for people to tell their accounts apart.

It proves nothing: an account that does not say it, or may not be asked, is connected all the same. What comes is the system's
word and only shown: one line, cut, and nothing of it where it repeats what authorizes requests.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec

from patchbay.connectors.definition import Account
from patchbay.connectors.http.asking import ask
from patchbay.connectors.http.authorizing import Signature
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.signing import withheld
from patchbay.egress.failures import OutboundFailed
from patchbay.egress.guard import EgressRefused
from patchbay.egress.http import OutboundClient

ANSWER_S = 4.0
LONGEST = 100


async def account_name(
    client: OutboundClient, credentials: HttpCredentials, signature: Signature, account: Account, verified: bytes, most_bytes: int
) -> str | None:
    """The account's name, from a request of its own or else from ``verified``, the answer to the verification request."""
    body = verified
    if account.path is not None or account.query is not None:
        asked = await _asked(client, credentials, signature, account, most_bytes)
        if asked is None:
            return None
        body = asked
    name = name_in(body, account.label)
    if name is None:
        return None
    plain = msgspec.json.encode(msgspec.json.decode(body))  # however it was escaped
    return None if any(secret in plain for secret in withheld(signature, credentials.secrets)) else name


async def _asked(
    client: OutboundClient, credentials: HttpCredentials, signature: Signature, account: Account, most_bytes: int
) -> bytes | None:
    query = account.query
    try:
        answered = await ask(
            client,
            credentials,
            signature,
            method="GET" if query is None else "POST",
            url=credentials.base_url + (account.path or ""),
            headers=None if query is None else {"Content-Type": "application/json"},
            body=None if query is None else msgspec.json.encode({"query": query}),
            deadline=asyncio.get_running_loop().time() + ANSWER_S,
            most_bytes=most_bytes,
        )
    except (OutboundFailed, EgressRefused):
        return None
    return answered.body if answered.status == 200 else None


def name_in(body: bytes, places: tuple[str, ...]) -> str | None:
    """The first of the places (dotted names) where there is a text, as one line."""
    try:
        answer: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    for place in places:
        found = answer
        for name in place.split("."):
            found = cast("dict[str, Any]", found).get(name) if isinstance(found, dict) else None
        if isinstance(found, str) and (line := _line(found)):
            return line
    return None


def _line(text: str) -> str:
    """What can be seen of a text, in one line."""
    seen = "".join(sign if sign.isprintable() else " " for sign in text[: LONGEST * 4])
    return " ".join(seen.split())[:LONGEST].rstrip()
