"""The one family of refusals.

A refusal is a class: its docstring is the default message, its ``code`` is stable, its ``status`` is the HTTP status the
door answers with. ``named`` refusals are documented problems and get a ``type`` URI of their own; the others are
``about:blank`` (RFC 9457, section 4.2.1). No message, hint or extension may carry SQL text, an upstream body, a secret, or
the name of a blocked table or column.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing wrong with one place of an input.

    ``field`` is a dotted path into what was sent (``inputs.0.arg``), ``code`` a stable word, ``message`` a sentence,
    ``hint`` what to do or the nearest valid names.
    """

    field: str
    code: str
    message: str
    hint: str | None = None


class PatchbayError(Exception):
    """The request could not be carried out."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Error"
    named: ClassVar[bool] = False

    def __init__(
        self,
        detail: str | None = None,
        *,
        hint: str | None = None,
        errors: Sequence[Finding] = (),
        extensions: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.detail = detail or inspect.cleandoc(type(self).__doc__ or "The request could not be carried out.")
        self.hint = hint
        self.errors = tuple(errors)
        self.extensions: dict[str, Any] = dict(extensions or {})
        self.headers = dict(headers or {})
        super().__init__(self.detail)


class ValidationFailed(PatchbayError):
    """The request body or a parameter is not valid."""

    code, status, title = "validation_error", 400, "Validation failure"


class NotAuthenticated(PatchbayError):
    """A valid secret key is needed: Authorization: Bearer flowyte_sk_…"""

    code, status, title = "unauthorized", 401, "Unauthorized"


class Forbidden(PatchbayError):
    """This key may not do that."""

    code, status, title = "forbidden", 403, "Forbidden"


class Reserved(Forbidden):
    """This endpoint is reserved: it exists, but is not open yet."""

    code, title = "reserved", "Reserved"


class NotFound(PatchbayError):
    """There is no such resource in your organization."""

    code, status, title = "not_found", 404, "Not found"


class Conflict(PatchbayError):
    """The request conflicts with the current state."""

    code, status, title = "conflict", 409, "Conflict"


class TooLarge(PatchbayError):
    """The request body is larger than this endpoint accepts."""

    code, status, title = "payload_too_large", 413, "Payload too large"


class Unprocessable(PatchbayError):
    """The request is well-formed, but what it asks for cannot work."""

    code, status, title = "unprocessable", 422, "Unprocessable"


class RateLimited(PatchbayError):
    """Too many requests; wait for the time in Retry-After and try again."""

    code, status, title = "rate_limited", 429, "Too many requests"


class Unavailable(PatchbayError):
    """A system this request needs does not answer right now."""

    code, status, title = "unavailable", 503, "Unavailable"
