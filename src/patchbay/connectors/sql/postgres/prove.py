"""Prove a compiled statement on the live database before anything may run it.

The statement is parsed and described by the server (never run): each output column must come from the very column the plan
claims, each placeholder must take what the plan will send. Of a list the server tells no origin: it must be of the claimed column
by the statement's own text, and its type that column's array. Every column it refers to, predicates included, must belong to what
the plan says it touches. What cannot be proven counts as blocked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from patchbay.connectors.proof import CallNotProvable, Proven, Reason, freeze
from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.failures import BackendLost, DeadlinePassed, StatementFailed
from patchbay.connectors.sql.postgres.backend import Backend, Description
from patchbay.connectors.sql.postgres.estimate import Estimate, estimate
from patchbay.connectors.sql.postgres.quoting import identifier
from patchbay.connectors.sql.postgres.session import open_session
from patchbay.connectors.sql.postgres.values import TIMESTAMP, TIMESTAMPS
from patchbay.connectors.sql.proof import (
    PHONE_MS,
    PHONE_ROWS,
    PHONE_SHAPES,
    PROVE_S,
    check_references,
    native_name,
    not_indexed,
    origin,
    position,
    unchecked_formats,
    unseen_formats,
)
from patchbay.connectors.sql.proof import check_outputs as check_said_outputs
from patchbay.egress.guard import EgressGuard
from patchbay.errors import Finding, Unavailable
from patchbay.schema_graph.call import CallInput, Candidate, Filter, Plan, SqlSlot, statement_of
from patchbay.schema_graph.phones import shape
from patchbay.schema_graph.scoping import View

UNINDEXED_COST_MOST = 25_000.0
"""The planner's total cost up to which a filter may go without an index: about a million narrow rows read from end to end."""


class ProvenStatement(Proven, frozen=True, kw_only=True):
    """With the planner's estimate."""

    estimate: Estimate


_ORIGINS = b"""
SELECT c.oid, a.attnum, n.nspname, c.relname, a.attname
FROM ROWS FROM (pg_catalog.unnest($1::oid[]), pg_catalog.unnest($2::int2[])) AS wanted(relation, number)
JOIN pg_catalog.pg_class c ON c.oid = wanted.relation
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = wanted.number AND NOT a.attisdropped
"""
_TYPES = b"""
SELECT t.oid, coalesce(e.typcategory, t.typcategory), e.oid IS NOT NULL
FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e ON t.typcategory = 'A' AND e.oid = t.typelem
WHERE t.oid = ANY ($1::oid[])
"""
_ELEMENT = b"""
WITH RECURSIVE element AS (
  SELECT a.atttypid AS at FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 AND NOT a.attisdropped
  UNION ALL
  SELECT t.typbasetype FROM element JOIN pg_catalog.pg_type t ON t.oid = element.at WHERE t.typtype = 'd'
)
SELECT 1 FROM element JOIN pg_catalog.pg_type t ON t.oid = element.at WHERE t.typarray = $4::oid
"""
"""Whether a type is the array of a column's, or of the type under its domain."""
_CATEGORIES: Mapping[str, str] = {
    "string": "SUEDIVNBTX", "integer": "N", "decimal": "N", "number": "N", "boolean": "B", "date": "D",
    "time": "D", "datetime": "D", "duration": "T", "uuid": "U", "bytes": "U", "json": "U", "enum": "ES",
}  # fmt: skip
"""The categories of PostgreSQL's type system (``pg_type.typcategory``) that a placeholder of a field type may have."""


async def prove_postgres(candidate: Candidate, view: View, *, credentials: SqlCredentials, guard: EgressGuard) -> ProvenStatement:
    """See :func:`patchbay.connectors.proving.prove`; ``candidate`` is a read."""
    plan, sql = candidate.plan, statement_of(candidate).sql
    read = check_references(sql, plan, view)
    check_said_outputs(read, [output.column for output in plan.outputs], view)
    backend = Backend(await open_session(credentials, guard))
    deadline = asyncio.get_running_loop().time() + PROVE_S
    try:
        await backend.command(b"BEGIN READ ONLY", deadline)
        description = await backend.describe(sql.encode(), deadline)
        await check_outputs(backend, description, plan, view, deadline)
        await check_parameters(backend, description, statement_of(candidate).slots, deadline)
        expected = await estimate(backend, candidate, deadline)
        _check_indexes(expected, plan, view)
        warnings = await _unseen_phone_formats(backend, plan, view, deadline)
        await backend.forget_prepared(deadline)
        await backend.command(b"ROLLBACK", deadline)
    except StatementFailed as failed:
        raise CallNotProvable(reason(failed.code)) from None
    except (BackendLost, DeadlinePassed):
        raise Unavailable("The database did not answer while the call was being proven.", hint="Try again.") from None
    finally:
        await backend.close(cancel=not backend.usable)
    return ProvenStatement(freeze(candidate), tuple(warnings), estimate=expected)


async def check_outputs(backend: Backend, described: Description, plan: Plan, view: View, deadline: float) -> None:
    """Each output is the very column the plan claims, by what the server says. Raises :class:`CallNotProvable`."""
    if len(described.columns) != len(plan.outputs):
        raise CallNotProvable("provenance_unproven")
    if plan.time_zone is None and any(type_ in (TIMESTAMP, TIMESTAMPS) for _, type_, _, _ in described.columns):
        raise CallNotProvable("time_zone_missing")
    relations = "{" + ",".join(str(table) for _, _, table, _ in described.columns) + "}"
    numbers = "{" + ",".join(str(number) for _, _, _, number in described.columns) + "}"
    answer = await backend.run(_ORIGINS, [relations.encode(), numbers.encode()], rows=10_000, limit=4_194_304, deadline=deadline)
    names = {(int(row[0] or 0), int(row[1] or 0)): tuple((value or b"").decode() for value in row[2:]) for row in answer.rows}
    for output, (_, type_, table, number) in zip(plan.outputs, described.columns, strict=True):
        if output.column.many:
            await _check_list(backend, type_, origin(view, output.column), deadline)
        elif names.get((table, number)) != origin(view, output.column):
            raise CallNotProvable("provenance_unproven")


async def _check_list(backend: Backend, type_: int, column: tuple[str | None, str, str], deadline: float) -> None:
    """The elements of an array are of the type of the column they come from."""
    schema, table, name = column
    wanted = [(schema or "").encode(), table.encode(), name.encode(), str(type_).encode()]
    answer = await backend.run(_ELEMENT, wanted, rows=1, limit=65_536, deadline=deadline)
    if not answer.rows:
        raise CallNotProvable("provenance_unproven")


async def check_parameters(backend: Backend, described: Description, slots: Sequence[SqlSlot], deadline: float) -> None:
    """Each placeholder takes what will be sent. Raises :class:`CallNotProvable`."""
    if len(described.parameters) != len(slots):
        raise CallNotProvable("parameter_mismatch")
    if not slots:
        return
    oids = "{" + ",".join(map(str, described.parameters)) + "}"
    answer = await backend.run(_TYPES, [oids.encode()], rows=1_000, limit=1_048_576, deadline=deadline)
    types = {int(row[0] or 0): ((row[1] or b"").decode(), row[2] == b"t") for row in answer.rows}
    for slot, oid in zip(slots, described.parameters, strict=True):
        category, is_array = types.get(oid, ("", False))
        if is_array != (slot.many or slot.type == "array") or category not in _CATEGORIES.get(slot.type, category):
            raise CallNotProvable("parameter_mismatch")


def _check_indexes(expected: Estimate, plan: Plan, view: View) -> None:
    if expected.cost <= UNINDEXED_COST_MOST or not expected.scanned:
        return
    refusal = not_indexed(plan, view, measure={"estimatedCost": round(expected.cost), "bound": UNINDEXED_COST_MOST})
    if refusal is not None:
        raise refusal


async def _unseen_phone_formats(backend: Backend, plan: Plan, view: View, deadline: float) -> Sequence[Finding]:
    """Shapes in a bound phone column that the call does not look for; the look is bounded in rows, shapes and time."""
    findings: list[Finding] = []
    for item in plan.inputs:
        condition = next((f for f in plan.filters if f.param == item.param), None)
        if item.codec == "phone" and condition is not None and backend.usable:
            findings += await _unseen_formats(backend, item, condition, plan, view, deadline)
    return findings


async def _unseen_formats(
    backend: Backend, item: CallInput, condition: Filter, plan: Plan, view: View, deadline: float
) -> Sequence[Finding]:
    schema, table = native_name(view, condition.column.object)
    column, relation = identifier(condition.column.field), _qualified(schema, table)
    masked = r"pg_catalog.left(pg_catalog.regexp_replace(v, '\d', '9', 'g'), 64)"
    sample = f"SELECT {column}::text AS v FROM {relation} WHERE {column} IS NOT NULL LIMIT {PHONE_ROWS}"
    query = f"SELECT DISTINCT {masked} FROM ({sample}) AS s LIMIT {PHONE_SHAPES}"
    field = position(plan.inputs, item.param)
    try:
        await backend.command(b"SET LOCAL statement_timeout = %d" % PHONE_MS, deadline)
        answer = await backend.run(query.encode(), [], rows=PHONE_SHAPES, limit=1_048_576, deadline=deadline)
    except StatementFailed:
        await backend.command(b"ROLLBACK", deadline)
        await backend.command(b"BEGIN READ ONLY", deadline)
        return unchecked_formats(field)
    found = {shape(row[0].decode(errors="replace")) for row in answer.rows if row[0] is not None}
    return unseen_formats(item, found, field)


def _qualified(schema: str | None, table: str) -> str:
    return identifier(table) if schema is None else identifier(schema, table)


def reason(sqlstate: str) -> Reason:
    """Why the server did not take the statement."""
    if sqlstate == "42501":
        return "permission_missing"
    if sqlstate in ("42703", "42P01", "42704", "3F000", "0A000"):
        return "schema_changed"
    if sqlstate in ("42804", "42883", "42P18", "42P08", "42846"):
        return "parameter_mismatch"
    return "not_accepted"
