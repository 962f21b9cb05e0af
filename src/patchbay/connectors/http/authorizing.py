"""Who a request says it is from: the port that signs requests to a connected HTTP system."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Signature(msgspec.Struct, frozen=True):
    """What authorizes one request: headers, query parameters and cookies to add."""

    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    cookies: dict[str, str] = {}


class Authorizer(Protocol):
    """Signs requests under one connection's credentials."""

    async def sign(self, *, renew: bool = False) -> Signature:
        """What to add to a request. ``renew`` once, after the system refused the last signature (401).

        Raises CredentialsRefused when there is nothing valid to sign with.
        """
        ...
