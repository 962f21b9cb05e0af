"""Calls of remote MCP servers' tools, watched: a server that has changed is looked at again, and its skills are judged.

A source that lists the tools anew and finds one that is not as it was frozen refuses the call; what the server lists then
becomes the connection's schema of today, by which drift is judged as everywhere (``docs/drift.md``). A skill that is paused is
looked at again when somebody calls it, so it resumes once the server is as it was.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import structlog
from sqlalchemy import func, select

from patchbay.agent_runtime.services import Runner
from patchbay.connectors.connections import type_of
from patchbay.connectors.discovery import store_snapshot
from patchbay.connectors.drift_log import Judge, told
from patchbay.connectors.refusals import SchemaChanged
from patchbay.connectors.stored_credentials import read_credentials
from patchbay.connectors.systems import system_of
from patchbay.connectors.tables import Connection
from patchbay.egress.guard import EgressGuard
from patchbay.errors import PatchbayError
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall
from patchbay.store.database import Database
from patchbay.store.vault import Vault

LOOK_EVERY_S = 30.0
"""How often one server is looked at at most, in one process, however often its calls are refused."""
_KEPT = 4_096
_log = structlog.get_logger(__name__)


class RemoteTools:
    """Runs calls of remote tools; closed by the composition root."""

    def __init__(self, calls: Runner, database: Database, vault: Vault, guard: EgressGuard, judge: Judge) -> None:
        self._calls = calls
        self._database = database
        self._vault = vault
        self._guard = guard
        self._judge = judge
        self._looked: OrderedDict[str, float] = OrderedDict()
        self._looking: set[asyncio.Task[None]] = set()

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        """The result of ``call``; every refusal is a :class:`~patchbay.errors.PatchbayError`."""
        try:
            return await self._calls.run(org_id, call, context)
        except SchemaChanged:
            self._look_soon(org_id, call.connection_id)
            raise

    async def close(self) -> None:
        """Wait for looks that are under way."""
        while self._looking:
            await asyncio.gather(*self._looking, return_exceptions=True)

    def _look_soon(self, org_id: str, connection_id: str) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - self._looked.get(connection_id, float("-inf")) < LOOK_EVERY_S:
            return
        self._looked[connection_id] = loop.time()
        self._looked.move_to_end(connection_id)
        if len(self._looked) > _KEPT:
            self._looked.popitem(last=False)
        task = loop.create_task(self._look(org_id, connection_id), name="patchbay look at tools")
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _look(self, org_id: str, connection_id: str) -> None:
        """What goes wrong here is made up for by the next look."""
        try:
            await look_again(self._database, self._vault, self._guard, org_id, connection_id, self._judge)
        except PatchbayError as refusal:
            _log.info("remote tools were not looked at", connection=connection_id, code=refusal.code)
        except Exception as error:
            _log.warning("remote tools were not looked at", connection=connection_id, error=type(error).__name__)


async def look_again(database: Database, vault: Vault, guard: EgressGuard, org_id: str, connection_id: str, judge: Judge) -> None:
    """List the tools of a connection's server, make that its schema of today, and judge its skills in the same transaction."""
    async with database.tenant(org_id, read_only=True) as session:
        connection = await session.scalar(select(Connection).where(Connection.id == connection_id))
        started_at = await session.scalar(select(func.clock_timestamp()))
        if connection is None or started_at is None:
            return
        system = system_of(type_of(connection))
        credentials = await read_credentials(session, vault, connection)
    found = await system.discover(credentials, guard, scoping={}, uploaded=None, authorizer=None)
    async with database.tenant(org_id) as session:
        await store_snapshot(session, connection_id, started_at, found)
        await told(session, judge, connection_id)
