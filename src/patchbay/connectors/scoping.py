"""The data scoping of a connection: what no agent may see, bind or be told. Kept whole through disconnects and discoveries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors.connections import announce
from patchbay.connectors.snapshots import SchemaNotDiscovered, load_graph, load_view
from patchbay.connectors.tables import Connection
from patchbay.errors import Finding, ValidationFailed
from patchbay.nearest import did_you_mean
from patchbay.schema_graph.call import FrozenCall, OwnCall
from patchbay.schema_graph.scoping import Scoping, permits

MEMBERS = ("blockedTables", "blockedColumns", "allowedOpaque")
NAMES_MOST = 10_000
NAME_LONGEST = 400


async def get_scoping(session: AsyncSession, connection: Connection) -> dict[str, Any]:
    """``{blockedTables, blockedColumns, allowedOpaque, scopingVersion, unmatched}``; empty lists allow everything."""
    scoping = Scoping.from_json(connection.scoping)
    return {
        "blockedTables": list(scoping.blocked_tables),
        "blockedColumns": {table: list(columns) for table, columns in scoping.blocked_columns.items()},
        "allowedOpaque": list(scoping.allowed_opaque),
        "scopingVersion": connection.scoping_version,
        "unmatched": await _unmatched(session, connection),
    }


async def patch_scoping(session: AsyncSession, connection: Connection, body: Mapping[str, Any]) -> dict[str, Any]:
    """Replace each member that ``body`` has and keep the others; live calls follow within a second of the commit.

    Names that match nothing are kept and returned in ``unmatched``. Raises ValidationFailed with every finding.
    """
    change = parse_scoping(body)
    await session.refresh(connection, attribute_names=["scoping", "scoping_version", "snapshot_id"], with_for_update=True)
    kept = Scoping.from_json(connection.scoping).to_json()
    scoping = Scoping.from_json({**kept, **change}).to_json()
    if scoping != kept:
        connection.scoping = scoping
        connection.scoping_version = Connection.scoping_version + 1
        await session.flush()
        await session.refresh(connection)
        await announce(session, connection.id)
    return await get_scoping(session, connection)


async def scoped_out(session: AsyncSession, calls: Mapping[str, FrozenCall]) -> set[str]:
    """The names of those ``calls`` that touch what is blocked now. A connection that was replaced has its successor's scoping;
    of a connection that is not there nothing can be told, so its calls are among them. A call without one touches nothing.
    """
    blocked: set[str] = set()
    grounds: dict[str, tuple[Scoping, str | None] | None] = {}
    for name, call in calls.items():
        if isinstance(call.body, OwnCall) and not call.connection_id:
            continue
        if call.connection_id not in grounds:
            grounds[call.connection_id] = await _ground(session, call.connection_id)
        ground = grounds[call.connection_id]
        if ground is None or not permits(*ground, call.touches):
            blocked.add(name)
    return blocked


async def _ground(session: AsyncSession, connection_id: str) -> tuple[Scoping, str | None] | None:
    """The scoping that holds for a connection's calls, and the default schema their names leave out."""
    made_for = await session.get(Connection, connection_id)
    if made_for is None:
        return None
    now = made_for
    if made_for.replaced_at is not None:
        query = select(Connection).where(Connection.kind == made_for.kind, Connection.replaced_at.is_(None))
        now = await session.scalar(query) or made_for
    scoping = Scoping.from_json(now.scoping)
    if not scoping.blocks_anything or made_for.snapshot_id is None:
        return scoping, None
    return scoping, (await load_graph(session, made_for.snapshot_id)).default_schema


def parse_scoping(body: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a patch, checked: names without surrounding blanks, doubles removed, order kept."""
    findings = [
        Finding(name[:64], "unknown_field", f"There is no member {name[:64]!r} here.", did_you_mean(name[:64], MEMBERS))
        for name in body
        if name not in MEMBERS
    ]
    change: dict[str, Any] = {}
    for member in ("blockedTables", "allowedOpaque"):
        if member in body:
            change[member] = _names(member, body[member], findings)
    if "blockedColumns" in body:
        change["blockedColumns"] = _columns(body["blockedColumns"], findings)
    if findings:
        raise ValidationFailed("The data scoping is not valid.", errors=findings)
    return change


def _names(field: str, value: Any, findings: list[Finding]) -> list[str]:
    if not isinstance(value, list):
        findings.append(Finding(field, "type", "This must be a list of names."))
        return []
    items = cast("list[Any]", value)
    if len(items) > NAMES_MOST:
        findings.append(Finding(field, "too_many", f"At most {NAMES_MOST} names."))
        return []
    names: dict[str, None] = {}
    for position, item in enumerate(items):
        if not isinstance(item, str) or not item.strip() or len(item) > NAME_LONGEST:
            findings.append(Finding(f"{field}.{position}", "name_invalid", f"A name of 1 to {NAME_LONGEST} characters."))
        else:
            names[item.strip()] = None
    return list(names)


def _columns(value: Any, findings: list[Finding]) -> dict[str, list[str]]:
    if not isinstance(value, dict):
        findings.append(
            Finding("blockedColumns", "type", "This must be an object of column lists by table.", '{"customers": ["ssn"]}')
        )
        return {}
    tables = cast("dict[str, Any]", value)
    columns: dict[str, list[str]] = {}
    for table, names in tables.items():
        found = _names(f"blockedColumns.{table[:64]}", names, findings)
        if not table.strip() or len(table) > NAME_LONGEST:
            findings.append(Finding(f"blockedColumns.{table[:64]}", "name_invalid", "This is no table's name."))
        elif found:
            columns[table.strip()] = [*columns.get(table.strip(), []), *found]
    return columns


async def _unmatched(session: AsyncSession, connection: Connection) -> dict[str, Any]:
    """The entries that match nothing discovered; before the first discovery nothing can be told."""
    try:
        view = await load_view(session, connection)
    except SchemaNotDiscovered:
        return {"blockedTables": [], "blockedColumns": {}}
    return dict(view.unmatched)
