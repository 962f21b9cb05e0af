"""The connection test of MySQL and MariaDB: its sessions, and what their errors mean."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import pymysql

from patchbay.connectors.sql.mysql.privileges import Holdings, Table, holdings, visible_tables
from patchbay.connectors.sql.mysql.refusals import DENIED, error_number
from patchbay.connectors.sql.mysql.session import Session, open_session
from patchbay.connectors.sql.mysql.tls import encrypted
from patchbay.connectors.sql.wizard import checks
from patchbay.connectors.sql.wizard.checks import Role, Verdict
from patchbay.egress.guard import CheckedAddress

STATEMENT_TIMEOUT_MS = 3000

_BY_NUMBER: dict[int, tuple[str, str]] = {
    **dict.fromkeys((1317, 1969, 3024), checks.RAN_OUT),
    1205: checks.LOCKED,
    **dict.fromkeys(DENIED, checks.NOT_ALLOWED),
}


@dataclass
class Examination(checks.Examination[Session]):
    """See `sql.wizard.checks.Examination`. ``held`` and ``seen`` are kept once somebody asked."""

    held: Holdings | None = None
    seen: list[Table] | None = None

    async def holdings(self) -> Holdings:
        """What the read account holds."""
        if self.held is None:
            self.held = await holdings(await self.reading())
        return self.held

    async def tables(self) -> list[Table]:
        """The tables and views that the read account sees."""
        if self.seen is None:
            self.seen = await visible_tables(await self.reading())
        return self.seen

    def encrypted(self, target: CheckedAddress, context: ssl.SSLContext) -> AbstractAsyncContextManager[asyncio.StreamWriter]:
        """After the server's greeting."""
        return encrypted(target, context)

    async def connect(self, role: Role, timeout_s: float) -> Session:
        """A PyMySQL connection, in threads."""
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
        session.cut()

    def explain(self, error: Exception) -> Verdict | None:
        """By error number."""
        if not isinstance(error, pymysql.Error):
            return None
        number = error_number(error)
        message, hint = _BY_NUMBER.get(number or 0, checks.BROKE_OFF)
        return Verdict("failed", message, hint, {"errorNumber": number} if number else {})
