"""What an attempt means to the caller: by its status, or by why it brought no answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from patchbay.connectors.refusals import (
    CallRefused,
    CredentialsRefused,
    PermissionMissing,
    SourceBusy,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    ValueNotAccepted,
)
from patchbay.egress.failures import BrokenOff, OutboundFailed, TimedOut, TlsFailed, Unreachable
from patchbay.egress.guard import EgressRefused


class Read(msgspec.Struct, frozen=True):
    """An answer as its kind of system means it: ``status`` in HTTP's terms, the decoded ``payload`` of a success, and what is to
    be said of it (``notes``).
    """

    status: int
    payload: Any = None
    notes: tuple[str, ...] = ()


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds, from a number or a date (RFC 9110, section 10.2.3)."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def refusal_of(outcome: Read | OutboundFailed | EgressRefused, retry_after: float | None) -> CallRefused:
    """What an attempt that brought nothing means to the caller."""
    if isinstance(outcome, Read):
        return _for_status(outcome.status, retry_after)
    if isinstance(outcome, TimedOut):
        return SourceTimeout()
    if isinstance(outcome, TlsFailed):
        return SourceUnavailable("No secure connection to the connected system could be made.")
    if isinstance(outcome, (Unreachable, BrokenOff, EgressRefused)):
        return SourceUnavailable()
    return SourceRefused("The answer of the connected system was not understood.")


def _for_status(status: int, retry_after: float | None) -> CallRefused:
    """By the status (RFC 9110, section 15)."""
    made = _BY_STATUS.get(status)
    if made is not None:
        return made(retry_after)
    if status >= 500:
        return SourceUnavailable("The connected system reports a failure of its own.", retry_after_s=retry_after)
    return SourceRefused()


_BY_STATUS: Mapping[int, Callable[[float | None], CallRefused]] = {
    400: lambda _: ValueNotAccepted("The connected system does not accept a value of this call."),
    401: lambda _: CredentialsRefused(),
    403: lambda _: PermissionMissing("The stored credentials may not do what this call does."),
    407: lambda _: SourceUnavailable(),
    408: lambda _: SourceTimeout(),
    422: lambda _: ValueNotAccepted("The connected system does not accept a value of this call."),
    429: lambda after: SourceBusy("The connected system takes no more requests at the moment.", retry_after_s=after),
    501: lambda _: SourceRefused(),
    505: lambda _: SourceRefused(),
}
