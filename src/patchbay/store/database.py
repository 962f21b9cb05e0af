"""The platform's own PostgreSQL: one engine a process, and sessions that are one transaction of one organization each.

A session begins its transaction, drops to the role ``patchbay_app`` and names the organization in one message, all for this
transaction only; row-level security does the rest. So a pooled connection carries nothing from one organization to the next,
and one login suffices on a managed database or behind a transaction pooler. Outside of a session each statement is its own
transaction, as the login role.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import psycopg
import structlog
from psycopg import sql
from sqlalchemy import Connection, Executable, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction

from patchbay.settings import Settings
from patchbay.store.dsn import behind_pooler, libpq_conninfo
from patchbay.store.embedded import EmbeddedUnavailable, release_embedded, revive_embedded, start_embedded
from patchbay.store.liveness import check_before_use

APP_ROLE = "patchbay_app"
LOOKUP_ROLE = "patchbay_lookup"
_REVIVAL_S = 10.0
_log = structlog.get_logger(__name__)

_ENTER = sql.SQL("{begin}; SELECT set_config('role', {role}, true), set_config('app.org', {org}, true)")
_ENTER_ONCE = "SELECT set_config('role', %(role)s, true), set_config('app.org', %(org)s, true)"
_BEGIN = {False: sql.SQL("BEGIN"), True: sql.SQL("BEGIN READ ONLY")}


class TenantSession(Session):
    """A session whose every transaction begins by taking the role and the organization in ``info``."""


@event.listens_for(TenantSession, "after_begin")
def _enter(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if transaction.nested:
        return
    info = session.info
    message = _ENTER.format(begin=_BEGIN[info["read_only"]], role=info["role"], org=info["org"])
    connection.exec_driver_sql(
        message.as_string(connection.connection.driver_connection), execution_options={"no_parameters": True}
    )


class Database:
    """The platform's store. ``dsn`` is libpq's form of its address, for raw connections (``LISTEN``, the worker)."""

    def __init__(self, dsn: str, engine: AsyncEngine, *, embedded_in: Path | None = None) -> None:
        self.dsn = dsn
        self.engine = engine
        self._embedded_in = embedded_in
        self._reviving: asyncio.Task[bool] | None = None
        self._driver_sql: dict[Executable, bytes] = {}

    @classmethod
    async def open(cls, settings: Settings) -> Database:
        """Open the database of ``settings``, starting the embedded server when there is no ``DATABASE_URL``.

        Does not migrate. Raises ``EmbeddedUnavailable`` and ``DatabaseMisconfigured``.
        """
        if settings.database_url is not None:
            return cls.at(settings.database_url.get_secret_value())
        url = await asyncio.to_thread(start_embedded, settings.data_dir)
        return cls.at(url, embedded_in=settings.data_dir)

    @classmethod
    def at(cls, url: str, *, embedded_in: Path | None = None) -> Database:
        """The database at ``url``; connects with the first use. ``embedded_in`` is released on close.

        ``pgbouncer=true`` in the URL says that a transaction pooler is in front: then no statement is prepared.
        """
        dsn = libpq_conninfo(url, application_name="patchbay", connect_timeout=10)
        prepare_threshold = None if behind_pooler(url) else 5

        async def connect() -> psycopg.AsyncConnection[Any]:
            return await database.connect(prepare_threshold=prepare_threshold)

        engine = create_async_engine(
            "postgresql+psycopg://",
            async_creator=connect,
            pool_size=10,
            max_overflow=10,
            pool_timeout=10,
            pool_recycle=1800,
            pool_use_lifo=True,
            isolation_level="AUTOCOMMIT",
        )
        check_before_use(engine)
        database = cls(dsn, engine, embedded_in=embedded_in)
        return database

    async def connect(self, **options: Any) -> psycopg.AsyncConnection[Any]:
        """A raw connection as the login role; whoever asks closes it. An embedded server that was killed is started again."""
        try:
            return await psycopg.AsyncConnection.connect(self.dsn, **options)
        except psycopg.OperationalError:
            if not await self._revived():
                raise
        return await psycopg.AsyncConnection.connect(self.dsn, **options)

    async def _revived(self) -> bool:
        """Whether the embedded server runs again. Nobody else would start it; of many who ask at once, one does."""
        if self._embedded_in is None:
            return False
        if self._reviving is None or self._reviving.done():
            self._reviving = asyncio.ensure_future(asyncio.to_thread(revive_embedded, self._embedded_in))
        try:
            async with asyncio.timeout(_REVIVAL_S):
                return await asyncio.shield(self._reviving)
        except (EmbeddedUnavailable, TimeoutError) as error:
            _log.warning("the embedded server was not started again", error=type(error).__name__)
            return False

    @asynccontextmanager
    async def tenant(self, org_id: str, *, read_only: bool = False) -> AsyncGenerator[AsyncSession]:
        """One transaction as ``patchbay_app`` in the organization ``org_id``: commits on a clean exit, rolls back on an error."""
        if not org_id:
            raise ValueError("a tenant session needs an organization")
        async with self._session(APP_ROLE, org_id, read_only=read_only) as session:
            yield session

    @asynccontextmanager
    async def anonymous(self) -> AsyncGenerator[AsyncSession]:
        """One transaction as ``patchbay_app`` in no organization: sees no row, may call the named look-up functions only."""
        async with self._session(APP_ROLE, "") as session:
            yield session

    @asynccontextmanager
    async def owner(self, org_id: str = "") -> AsyncGenerator[AsyncSession]:
        """One transaction as the login role, for the command line and migrations; never for a request."""
        async with self._session("none", org_id) as session:
            yield session

    @asynccontextmanager
    async def _session(self, role: str, org_id: str, *, read_only: bool = False) -> AsyncGenerator[AsyncSession]:
        info = {"role": role, "org": org_id, "read_only": read_only}
        session = AsyncSession(self.engine, sync_session_class=TenantSession, expire_on_commit=False, info=info)
        async with session, session.begin():
            yield session

    async def once(self, org_id: str, statement: Executable, values: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
        """The rows of one statement that is a transaction of its own as ``patchbay_app`` in ``org_id``, in one round trip.

        For what every turn of a conversation does. Role, organization and statement are sent together, and the server takes
        them as one transaction: it commits all or nothing. ``values`` go to the driver as they are. Raises what a session does.
        """
        if not org_id:
            raise ValueError("a tenant session needs an organization")
        query = self._as_driver_sql(statement, values)
        async with self.engine.connect() as pooled:
            driver: psycopg.AsyncConnection[Any] = cast(Any, await pooled.get_raw_connection()).driver_connection
            try:
                async with driver.pipeline():
                    await driver.execute(_ENTER_ONCE, {"role": APP_ROLE, "org": org_id})
                    cursor = await driver.execute(query, values)
                return await cursor.fetchall() if cursor.description else []
            except psycopg.Error as error:
                if driver.closed:
                    await pooled.invalidate(error)
                raise DBAPIError.instance(query.decode(), None, error, psycopg.Error, hide_parameters=True) from error

    def _as_driver_sql(self, statement: Executable, values: Mapping[str, Any]) -> bytes:
        known = self._driver_sql.get(statement)
        if known is None:
            compiled = cast(Any, statement).compile(dialect=self.engine.dialect, column_keys=list(values))
            known = self._driver_sql[statement] = str(compiled).encode()
        return known

    async def close(self) -> None:
        """Give back every connection, and leave the embedded server."""
        await self.engine.dispose()
        if self._embedded_in is not None:
            data_dir, self._embedded_in = self._embedded_in, None
            await asyncio.to_thread(release_embedded, data_dir)
