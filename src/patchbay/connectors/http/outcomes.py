"""What an attempt means to the caller: by its status, or by why it brought no answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from patchbay.connectors.refusals import (
    AlreadyExists,
    CallRefused,
    CredentialsRefused,
    OutcomeUnknown,
    PermissionMissing,
    RecordNotFound,
    SourceBusy,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    ValueNotAccepted,
    WriteRefused,
)
from patchbay.egress.failures import BrokenOff, OutboundFailed, RedirectRefused, TimedOut, TlsFailed, Unreachable
from patchbay.egress.guard import EgressRefused


class Read(msgspec.Struct, frozen=True):
    """An answer as its kind of system means it: ``status`` in HTTP's terms, the decoded ``payload`` of a success, and what is to
    be said of it (``notes``).
    """

    status: int
    payload: Any = None
    notes: tuple[str, ...] = ()


_LONGEST_S = 86_400.0
Outcome = Read | OutboundFailed | EgressRefused


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds, from a number or a date (RFC 9110, section 10.2.3); at most a day, whatever a system asks for."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_S)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (aware - datetime.now(UTC)).total_seconds()), _LONGEST_S)


def refusal_of(outcome: Outcome, retry_after: float | None) -> CallRefused:
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


def refusal_of_write(outcome: Outcome, method: str, retry_after: float | None) -> CallRefused | None:
    """Why a write was not made, or that it is not known whether it was; None for one that was.

    Definite are: what certainly never left, a redirect that asks for the same request elsewhere (307, 308), and every 4xx, by
    which the other side says that it did not carry the request out (RFC 9110, section 15.5). Everything else that is no success
    leaves it open, each 5xx too: a server may fail, or its gateway may give up, after the work was done.
    """
    if isinstance(outcome, Read):
        status = outcome.status
        if 200 <= status < 300:
            return None
        if not 400 <= status < 500:
            return OutcomeUnknown()
        if status in (404, 410):
            return RecordNotFound()
        if status == 409:
            return AlreadyExists() if method == "POST" else WriteRefused()
        made = _BY_STATUS.get(status)
        return made(retry_after) if made is not None else WriteRefused()
    if isinstance(outcome, OutboundFailed) and outcome.sent:
        elsewhere = isinstance(outcome, RedirectRefused) and outcome.answered in (307, 308)
        return SourceRefused("The connected system has moved to another address.") if elsewhere else OutcomeUnknown()
    return refusal_of(outcome, retry_after)


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
