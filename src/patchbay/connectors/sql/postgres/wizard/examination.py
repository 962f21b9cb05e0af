"""The connection test of PostgreSQL: its sessions, and what its errors mean."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from contextlib import AbstractAsyncContextManager

import psycopg

from patchbay.connectors.sql.postgres.session import Session, open_session
from patchbay.connectors.sql.postgres.tls import encrypted
from patchbay.connectors.sql.wizard import checks
from patchbay.connectors.sql.wizard.checks import Role, Verdict
from patchbay.egress.guard import CheckedAddress

STATEMENT_TIMEOUT_MS = 3000

_BY_STATE: dict[str, tuple[str, str]] = {
    "57014": checks.RAN_OUT,
    "55P03": checks.LOCKED,
    "42501": checks.NOT_ALLOWED,
}


class Examination(checks.Examination[Session]):
    """See `sql.wizard.checks.Examination`."""

    def encrypted(self, target: CheckedAddress, context: ssl.SSLContext) -> AbstractAsyncContextManager[asyncio.StreamWriter]:
        """By an SSLRequest."""
        return encrypted(target, context)

    async def connect(self, role: Role, timeout_s: float) -> Session:
        """A psycopg connection."""
        return await open_session(
            self.known,
            self.guard,
            role=role,
            connect_timeout_s=timeout_s,
            statement_timeout_ms=STATEMENT_TIMEOUT_MS,
            application_name="patchbay test",
            pinned=self.checked,
        )

    def cut_off(self, session: Session) -> None:
        """By its socket."""
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(session.fileno())) as other:
            other.shutdown(socket.SHUT_RDWR)

    def explain(self, error: Exception) -> Verdict | None:
        """By SQLSTATE."""
        if not isinstance(error, psycopg.Error):
            return None
        message, hint = _BY_STATE.get(error.sqlstate or "", checks.BROKE_OFF)
        return Verdict("failed", message, hint, {"sqlstate": error.sqlstate} if error.sqlstate else {})
