"""Discovering a connection: read its schema in a worker process, store it as a snapshot, tell the other processes.

No transaction of the platform is open while the other system is read. Several discoveries of one connection at the same time
are one; a killed process leaves the snapshot that was there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.accounts.uploads import read_upload
from patchbay.connectors import snapshots
from patchbay.connectors.connections import IntegrationNotConnected, announce, current, type_of
from patchbay.connectors.definition import DocumentRef
from patchbay.connectors.discovered import Discovered
from patchbay.connectors.drift_log import Judge, told
from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.oauth.authorizers import authorizer_for
from patchbay.connectors.pacing import pacer
from patchbay.connectors.stored_credentials import every_credential
from patchbay.connectors.system import Uploaded
from patchbay.connectors.systems import system_of
from patchbay.connectors.tables import Connection, Snapshot
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.pack import unpack
from patchbay.schema_graph.summary import count, findings_of
from patchbay.store.database import Database
from patchbay.store.ids import new_id
from patchbay.store.vault import Vault

SNAPSHOTS_KEPT = 5


class _Order(msgspec.Struct, frozen=True):
    """What to discover: read from the platform before the other system is asked anything."""

    connection_id: str
    type: str
    credentials: Any
    authorizer: Authorizer | None
    uploaded: Uploaded | None
    scoping: dict[str, Any]
    started_at: datetime


class _Flight:
    """One discovery under way and how many wait for it."""

    def __init__(self, task: asyncio.Task[dict[str, Any]]) -> None:
        self.task = task
        self.waiting = 0


_flights: dict[tuple[str, str], _Flight] = {}


async def discover(
    database: Database, vault: Vault, guard: EgressGuard, *, org_id: str, kind: str, judge: Judge | None = None
) -> dict[str, Any]:
    """Read the whole schema of ``kind`` and make it the current one. ``judge`` is told in the transaction that stores it.

    Returns ``{kind, objectCount, fieldCount, edgeCount, operationCount, fingerprint, changed, discoveredAt, durationMs, badges,
    findings}``; the counts are of what data scoping lets be seen. A request that comes while another is under way in this
    process gets its result. Raises IntegrationNotConnected, EgressRefused, ConnectFailed, or the typed failures of the worker.
    """
    return await _joined((org_id, kind), lambda: _discover(database, vault, guard, org_id, kind, judge))


async def _joined(key: tuple[str, str], start: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """The result of the flight under ``key``, started when there is none; it ends early when the last one waiting leaves."""
    flight = _flights.get(key)
    if flight is None or flight.task.get_loop() is not asyncio.get_running_loop():
        flight = _flights[key] = _Flight(asyncio.ensure_future(_as_coroutine(start)))
        flight.task.add_done_callback(lambda _: _flights.pop(key, None))
    flight.waiting += 1
    try:
        return await asyncio.shield(flight.task)
    except asyncio.CancelledError:
        if flight.waiting == 1 and not flight.task.done():
            flight.task.cancel()
            await asyncio.wait([flight.task])
        raise
    finally:
        flight.waiting -= 1


async def _as_coroutine(start: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    return await start()


async def _discover(
    database: Database, vault: Vault, guard: EgressGuard, org_id: str, kind: str, judge: Judge | None
) -> dict[str, Any]:
    began = time.perf_counter()
    async with database.tenant(org_id, read_only=True) as session:
        order = await _read_order(database, session, vault, guard, kind)
    system = system_of(order.type)
    found = await system.discover(
        order.credentials, guard, scoping=order.scoping, uploaded=order.uploaded, authorizer=order.authorizer
    )
    async with database.tenant(org_id) as session:
        connection, changed, discovered_at = await store_snapshot(session, order.connection_id, order.started_at, found)
        await told(session, judge, connection.id)
        counts, findings = found.counts, found.findings
        if connection.scoping != order.scoping:
            view = await snapshots.load_view(session, connection)
            counts, findings = await asyncio.to_thread(lambda: (count(view, pacer()), findings_of(view, pacer())))
    return {
        "kind": kind,
        **counts,
        "fingerprint": found.fingerprint,
        "changed": changed,
        "discoveredAt": discovered_at,
        "durationMs": round((time.perf_counter() - began) * 1000, 1),
        "findings": findings,
    }


async def _read_order(database: Database, session: AsyncSession, vault: Vault, guard: EgressGuard, kind: str) -> _Order:
    connection = await current(session, kind, connected=True)
    credentials = await every_credential(session, vault, connection)
    uploaded = await _uploaded(session, system_of(type_of(connection)).document(credentials))
    started_at = await session.scalar(select(func.clock_timestamp()))
    assert started_at is not None
    authorizer = authorizer_for(database, vault, guard, connection, credentials)
    return _Order(connection.id, type_of(connection), credentials, authorizer, uploaded, connection.scoping, started_at)


async def _uploaded(session: AsyncSession, document: DocumentRef | None) -> Uploaded | None:
    """The document as it was uploaded or sent along; None where the system is asked, or the document is fetched."""
    if document is None or document.url is not None:
        return None
    if document.inline is not None:
        return Uploaded("inline", document.inline.encode())
    assert document.file_id is not None
    upload = await read_upload(session, document.file_id)
    return Uploaded(upload.name, upload.content)


async def store_snapshot(
    session: AsyncSession, connection_id: str, started_at: datetime, found: Discovered
) -> tuple[Connection, bool, datetime]:
    """Make what was found the connection's snapshot, unless a discovery that began later has already stored its own.

    ``changed`` speaks of the schema. Where only estimates and sampled formats differ, the new snapshot takes the place of the
    last one: what is kept are schemas that differ.
    """
    connection = await session.scalar(select(Connection).where(Connection.id == connection_id).with_for_update())
    if connection is None or connection.replaced_at is not None or connection.status != "connected":
        raise IntegrationNotConnected(
            "Refused with integration_not_connected: it was disconnected while it was being discovered."
        )
    last = await session.get(Snapshot, connection.snapshot_id) if connection.snapshot_id else None
    changed = last is None or last.fingerprint != found.fingerprint
    if last is not None and (last.created_at > started_at or last.body == found.body):
        if last.created_at <= started_at:
            last.created_at = started_at
        return connection, changed, last.created_at
    outdated = None if changed else last
    snapshot = Snapshot(
        id=new_id("snp"),
        connection_id=connection.id,
        fingerprint=found.fingerprint,
        summary=found.counts,
        body=found.body,
        created_at=started_at,
    )
    session.add(snapshot)
    await session.flush()
    connection.snapshot_id = snapshot.id
    await session.flush()
    if outdated is not None:
        await session.delete(outdated)
    await _forget_old(session, connection)
    snapshots.keep_open(snapshot.id, unpack(found.body))
    await announce(session, connection.id)
    return connection, changed, snapshot.created_at


async def _forget_old(session: AsyncSession, connection: Connection) -> None:
    kept = (
        select(Snapshot.id)
        .where(Snapshot.connection_id == connection.id)
        .order_by(Snapshot.created_at.desc())
        .limit(SNAPSHOTS_KEPT)
    )
    await session.execute(
        delete(Snapshot)
        .where(Snapshot.connection_id == connection.id, Snapshot.id.not_in(kept), Snapshot.id != connection.snapshot_id)
        .execution_options(synchronize_session=False)
    )
