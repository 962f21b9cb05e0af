"""What a header field may be called and hold (RFC 9110, section 5): nothing that could end the line or speak for the client."""

from __future__ import annotations

import re

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")
_CLIENTS = frozenset({
    "host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect", "via",
    "accept-encoding", "content-encoding", "proxy-authorization", "proxy-connection", "forwarded", "x-forwarded-for",
    "x-forwarded-host", "x-forwarded-proto", "x-http-method", "x-http-method-override", "x-method-override",
})  # fmt: skip
"""Fields that are the client's own, that say on whose behalf it asks, or that make one method another."""
_OWN = frozenset({"accept", "content-type", "authorization", "cookie"})
"""OpenAPI 3.1, section 4.8.12.1: parameters of these names are ignored; the request has them from elsewhere."""


def is_field_value(text: str) -> bool:
    """Whether ``text`` is visible ASCII, with spaces and tabs only inside it."""
    return _VALUE.fullmatch(text) is not None


def may_be_set(name: str) -> bool:
    """Whether a definition may set a field of that name on every request."""
    return TOKEN.fullmatch(name) is not None and name.lower() not in _CLIENTS


def may_be_parameter(name: str) -> bool:
    """Whether an operation may take a header parameter of that name."""
    return may_be_set(name) and name.lower() not in _OWN
