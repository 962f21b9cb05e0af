"""The outermost layer of the server: request ids, body limits, security headers, the audit row and one log line a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from patchbay.accounts.keys import rate_headers
from patchbay.api.auditing import audit_answer
from patchbay.api.problems import Internal, problem_response
from patchbay.api.request_log import logger, where_it_failed
from patchbay.api.visit import Visit, open_visit
from patchbay.errors import PatchbayError, TooLarge, Unavailable

MAX_BODY = 1_000_000
LARGE_BODIES = {"/api/v1/uploads": 26_000_000}
"""Paths that take larger bodies than :data:`MAX_BODY`, in bytes: a file and what wraps it."""
REQUEST_ID = "X-Request-Id"

SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_SECURITY = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

_STORE_AWAY = (OperationalError, InterfaceError, PoolTimeout)


class StoreUnavailable(Unavailable):
    """The platform's database does not answer right now. Try again in a moment."""

    code, title = "store_unavailable", "Store unavailable"


class Door:
    """ASGI middleware around the whole application. ``max_body`` is in bytes, whatever Content-Length says, for all paths but
    those of :data:`LARGE_BODIES`.
    """

    def __init__(self, app: ASGIApp, *, max_body: int = MAX_BODY) -> None:
        self.app = app
        self.max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing escapes as an exception once the visit is open."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        most = max(self.max_body, LARGE_BODIES.get(scope["path"], 0))
        visit = open_visit(scope, headers.get(REQUEST_ID))
        sender = _Sender(scope["app"], visit, send)
        with structlog.contextvars.bound_contextvars(request_id=visit.request_id):
            try:
                _refuse_declared(headers.getlist("content-length"), most)
                await self.app(scope, _limited(receive, most), sender)
            except ClientDisconnect:
                visit.status = 499
            except PatchbayError as error:
                await self._answer(error, scope, receive, sender)
            except Exception as error:
                logger.error("request_failed", error=type(error).__name__, where=where_it_failed(error))
                await self._answer(StoreUnavailable() if isinstance(error, _STORE_AWAY) else Internal(), scope, receive, sender)
            finally:
                _log(visit)

    @staticmethod
    async def _answer(error: PatchbayError, scope: Scope, receive: Receive, sender: _Sender) -> None:
        if not sender.started:
            await problem_response(Request(scope), error)(scope, receive, sender)


def _refuse_declared(lengths: Iterable[str], most: int) -> None:
    if any(length.isdigit() and int(length) > most for length in lengths):
        raise TooLarge(f"The body is larger than the {most} bytes that this endpoint accepts.")


def _limited(receive: Receive, most: int) -> Receive:
    """Count what really arrives: a length may be wrong, and a chunked body has none."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise TooLarge(f"The body is larger than the {most} bytes that this endpoint accepts.")
        return message

    return limited


class _Sender:
    """Sends the response, after its headers are complete and its audit row is written."""

    def __init__(self, app: FastAPI, visit: Visit, send: Send) -> None:
        self.app = app
        self.visit = visit
        self.send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.visit.status = message["status"]
            await audit_answer(self.app, self.visit)
            self.started = True
            message["headers"] = _completed(message.get("headers", ()), self.visit)
        await self.send(message)


def _completed(sent: Iterable[tuple[bytes, bytes]], visit: Visit) -> list[tuple[bytes, bytes]]:
    """The headers of the answer: the request's id and where the organization stands are ours to say, others where unsaid."""
    own = {b"x-request-id": visit.request_id.encode()}
    if visit.admission is not None:
        admission = visit.admission
        for name, value in rate_headers(admission.limit, admission.remaining, admission.reset_s).items():
            own[name.lower().encode()] = value.encode()
    kept = [(name, value) for name, value in sent if name not in own]
    said = {name for name, _ in kept}
    kept += own.items()
    kept += [header for header in _SECURITY if header[0] not in said]
    if visit.status == 401 and b"www-authenticate" not in said:
        kept.append((b"www-authenticate", b"Bearer"))
    return kept


def _log(visit: Visit) -> None:
    """One line a request: the path without its query, never a body."""
    principal = visit.admission.principal if visit.admission else None
    probe = visit.path in ("/healthz", "/readyz") and visit.status == 200
    (logger.debug if probe else logger.info)(
        "request",
        method=visit.method,
        path=visit.path,
        route=visit.route,
        status=visit.status,
        duration_ms=visit.elapsed_ms,
        org_id=principal.org_id if principal else None,
        key_id=principal.key_id if principal else None,
    )
