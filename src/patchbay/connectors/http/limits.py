"""Whether a system refused a request for there having been too many, where its status alone says something else.

Many APIs answer 403 to that: Google Calendar (``reason`` ``rateLimitExceeded``), GitHub (``X-RateLimit-Remaining: 0``),
Salesforce (``errorCode`` ``REQUEST_LIMIT_EXCEEDED``). Taken for a missing permission, it would send a person to look for what
is not wrong. Only codes are read, never what is written for people.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from patchbay.egress.http import Answered

FORBIDDEN, TOO_MANY = 403, 429
_MOST_BYTES = 65_536
_MEMBERS = ("code", "reason", "status", "type", "error", "errorCode", "error_code", "name")
_DEEP = 4
_REMAINING = ("X-RateLimit-Remaining", "RateLimit-Remaining", "X-Rate-Limit-Remaining")
_CODES = frozenset({
    "RATELIMIT", "RATELIMITED", "RATELIMITEXCEEDED", "RATELIMITERROR", "USERRATELIMITEXCEEDED", "REQUESTLIMITEXCEEDED",
    "DAILYLIMITEXCEEDED", "QUOTAEXCEEDED", "LIMITEXCEEDED", "RESOURCEEXHAUSTED", "THROTTLED", "THROTTLING",
    "THROTTLINGEXCEPTION", "TOOMANYREQUESTS", "OVERRATELIMIT", "OVERQUERYLIMIT",
})  # fmt: skip


def meant_status(answered: Answered) -> int:
    """The answer's status; 429 for a 403 that says there were too many requests."""
    if answered.status != FORBIDDEN:
        return answered.status
    headers = answered.headers
    if "Retry-After" in headers or any(headers.get(name, "").strip() == "0" for name in _REMAINING):
        return TOO_MANY
    return TOO_MANY if any(code in _CODES for code in _codes_of(answered.body)) else FORBIDDEN


def _codes_of(body: bytes) -> Iterator[str]:
    if len(body) > _MOST_BYTES:
        return
    try:
        told: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    yield from _codes(told, _DEEP)


def _codes(told: Any, deep: int) -> Iterator[str]:
    """Every code in an error, without what is between its words."""
    if isinstance(told, str):
        yield told.replace("_", "").replace("-", "").upper()
    elif isinstance(told, list) and deep:
        for one in cast("list[Any]", told)[:10]:
            yield from _codes(one, deep - 1)
    elif isinstance(told, dict) and deep:
        held = cast("dict[str, Any]", told)
        for name in (*_MEMBERS, "errors", "details"):
            yield from _codes(held.get(name), deep - 1)
