"""Structured logs: one JSON object a line on standard error, with the request id. Bodies, queries and secrets never get here."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

import msgspec
import structlog
from structlog.typing import EventDict

logger: Any = structlog.get_logger("patchbay")


def configure(level: str) -> None:
    """Write JSON lines of ``level`` (``DEBUG`` … ``ERROR``) and above to standard error."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _without_text,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _json(event: EventDict, **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()


def _without_text(_: Any, __: str, event: EventDict) -> EventDict:
    """A logged exception becomes its type and its place."""
    raised = event.pop("exc_info", None)
    error = raised if isinstance(raised, BaseException) else sys.exc_info()[1] if raised else None
    if error is not None:
        event["error"], event["where"] = type(error).__name__, where_it_failed(error)
    return event


def where_it_failed(error: BaseException) -> list[str]:
    """The call stack of a failure, innermost last, without the exception's text: that may hold values of a request."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rpartition('/src/')[2] or frame.filename}:{frame.lineno} {frame.name}" for frame in frames][-12:]
