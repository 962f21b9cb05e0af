"""What a GraphQL answer means: data, errors, or data with errors in it (GraphQL, section 7; GraphQL over HTTP, section 6).

Of an error only its code is read. Its message may quote anything and goes nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from patchbay.connectors.http.answers import NOT_UNDERSTOOD, Decoder, decoded
from patchbay.connectors.http.outcomes import Read
from patchbay.connectors.http.results import gathered
from patchbay.connectors.refusals import OutcomeUnknown, SchemaChanged, SourceRefused, WriteRefused
from patchbay.egress.http import Answered

PARTIAL = "The connected system could not give everything that was asked for; what is missing is null."
_BY_STATUS_ALONE = frozenset((401, 403, 407, 408, 429))
_CODES: Mapping[str, int] = {
    "UNAUTHENTICATED": 401, "AUTHENTICATION_REQUIRED": 401, "UNAUTHORIZED": 401, "INVALID_TOKEN": 401,
    "FORBIDDEN": 403, "ACCESS_DENIED": 403, "INSUFFICIENT_SCOPES": 403, "PERMISSION_DENIED": 403,
    "THROTTLED": 429, "RATE_LIMITED": 429, "RATE_LIMIT": 429, "TOO_MANY_REQUESTS": 429, "MAX_NODE_LIMIT_EXCEEDED": 429,
    "NOT_FOUND": 404,
    "BAD_USER_INPUT": 422, "ARGUMENT_ERROR": 422, "INVALID": 422,
    "INTERNAL_SERVER_ERROR": 500, "SERVICE_UNAVAILABLE": 503, "TIMEOUT": 504,
}  # fmt: skip
_CHANGED = frozenset({
    "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "UNDEFINEDFIELD", "UNDEFINEDTYPE", "ARGUMENTNOTACCEPTED",
    "VARIABLEMISMATCH",
})  # fmt: skip
_UNKNOWN = 501


def read_answer(answered: Answered, decoder: Decoder) -> Read:
    """The answer's ``data``, or the status its errors amount to.

    Raises SchemaChanged when the endpoint no longer takes the document, SourceRefused for what is no GraphQL answer.
    """
    opened = _opened(answered, decoder)
    if isinstance(opened, Read):
        return opened
    data, errors, again_s = opened
    if not errors:
        return Read(200, data)
    if any(value is not None for value in (data or {}).values()):
        return Read(200, data, (PARTIAL,))
    return Read(_status_of(errors), again_s=again_s)


def read_mutation(answered: Answered, decoder: Decoder, refusals: Sequence[Sequence[str]]) -> Read:
    """What a mutation's answer means: done (with what its payload holds), or the status its errors amount to.

    ``refusals`` lead from ``data`` to what the payload holds when it was refused. An error below the mutation's field came after
    it was carried out (GraphQL specification, section 6.2.2), so with its payload gone nobody can tell what came of it. Raises
    WriteRefused, SchemaChanged, and OutcomeUnknown for everything that leaves it open.
    """
    try:
        opened = _opened(answered, decoder)
    except SourceRefused:
        if 400 <= answered.status < 500:
            return Read(answered.status)
        raise OutcomeUnknown from None
    if isinstance(opened, Read):
        return opened
    data, errors, again_s = opened
    if any(gathered(data, path) for path in refusals):
        raise WriteRefused
    payload = next(iter((data or {}).values()), None)
    if payload is None and any(_is_below(error) for error in errors):
        raise OutcomeUnknown
    if payload is None and errors:
        status = _status_of(errors)
        if status == _UNKNOWN:
            raise WriteRefused
        return Read(status, again_s=again_s)
    if any(_is_hidden(payload, path[1], failed=bool(errors)) for path in refusals):
        raise OutcomeUnknown
    return Read(200, data, (PARTIAL,) if errors else ())


def _is_below(error: Any) -> bool:
    """Whether an error's place is inside the payload."""
    path: Any = cast("dict[str, Any]", error).get("path") if isinstance(error, dict) else None
    return isinstance(path, list) and len(cast("list[Any]", path)) > 1


def _is_hidden(payload: Any, name: str, *, failed: bool) -> bool:
    """Whether the payload does not say if it was refused: the list for that is not there, or null for the sake of an error."""
    if not isinstance(payload, dict):
        return True
    held = cast("dict[str, Any]", payload)
    return name not in held or (failed and held[name] is None)


def _opened(answered: Answered, decoder: Decoder) -> Read | tuple[dict[str, Any] | None, list[Any], float | None]:
    """Data and errors of an answer, and after how many seconds to ask again; or its status, where that alone counts. Raises
    SourceRefused for what is no answer.
    """
    status = answered.status
    if status in _BY_STATUS_ALONE or status >= 500:
        return Read(status)
    try:
        body: Any = decoded(answered, decoder)
    except SourceRefused:
        if status >= 300:
            return Read(status)
        raise
    if not isinstance(body, dict):
        raise SourceRefused(NOT_UNDERSTOOD)
    envelope = cast("dict[str, Any]", body)
    errors: Any = envelope.get("errors") or []
    data: Any = envelope.get("data")
    if not isinstance(errors, list) or not (isinstance(data, dict) or data is None) or (data is None and not errors):
        raise SourceRefused(NOT_UNDERSTOOD)
    return (
        cast("dict[str, Any] | None", data),
        cast("list[Any]", errors),
        _again_s(envelope.get("extensions")) if errors else None,
    )


def _again_s(extensions: Any) -> float | None:
    """When what was asked for will be affordable, by what servers that let queries be paid for tell of its cost
    (``extensions.cost``); None where that is not told, or where it never will.
    """
    cost = _inside(extensions, "cost")
    status = _inside(cost, "throttleStatus")
    wanted, available = _number(cost, "requestedQueryCost"), _number(status, "currentlyAvailable")
    most, rate = _number(status, "maximumAvailable"), _number(status, "restoreRate")
    if wanted is None or available is None or most is None or rate is None or rate <= 0 or wanted > most:
        return None
    return max(0.0, (wanted - available) / rate)


def _inside(held: Any, name: str) -> Any:
    return cast("dict[str, Any]", held).get(name) if isinstance(held, dict) else None


def _number(held: Any, name: str) -> float | None:
    value = _inside(held, name)
    return float(value) if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) and abs(value) < 1e9 else None


def _status_of(errors: list[Any]) -> int:
    """The first code that is known; else that the call was refused for no reason we know."""
    codes = [code for error in errors if (code := _code(error)) is not None]
    if any(code in _CHANGED for code in codes):
        raise SchemaChanged
    return next((_CODES[code] for code in codes if code in _CODES), _UNKNOWN)


def _code(error: Any) -> str | None:
    """``extensions.code``, or the ``type`` that some servers write beside the message."""
    if not isinstance(error, dict):
        return None
    given = cast("dict[str, Any]", error)
    extensions = given.get("extensions")
    code = cast("dict[str, Any]", extensions).get("code") if isinstance(extensions, dict) else None
    found = code or given.get("type")
    return found.upper() if isinstance(found, str) else None
