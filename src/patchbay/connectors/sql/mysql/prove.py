"""Prove a compiled statement on the live database before anything may run it.

The statement is prepared by the server (never run): names, privileges and types are looked up. Each output has to be a plain
column of the object the plan claims, by the statement's own text, and where that is a table also by what the server says of the
column's origin. Every column it refers to, predicates included, must belong to what the plan says it touches, and the columns
that are compared must be of the type that was discovered: these servers would compare a text with a number as numbers. What
cannot be proven counts as blocked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

import pymysql

from patchbay.connectors.proof import CallNotProvable, Proven, Reason, freeze
from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.mysql.describe import Description, describe
from patchbay.connectors.sql.mysql.estimate import Estimate, estimate
from patchbay.connectors.sql.mysql.quoting import identifier
from patchbay.connectors.sql.mysql.refusals import DENIED, error_number
from patchbay.connectors.sql.mysql.session import Connection, Session, open_session
from patchbay.connectors.sql.mysql.values import DATETIMES, TEXTS, sent_as
from patchbay.connectors.sql.proof import (
    PHONE_MS,
    PHONE_ROWS,
    PHONE_SHAPES,
    PROVE_S,
    check_outputs,
    check_references,
    native_name,
    not_indexed,
    origin,
    position,
    unchecked_formats,
    unseen_formats,
)
from patchbay.egress.guard import EgressGuard
from patchbay.errors import Finding, Unavailable
from patchbay.schema_graph.call import CallInput, Candidate, Column, Filter, Plan, statement_of
from patchbay.schema_graph.phones import shape
from patchbay.schema_graph.scoping import View

UNINDEXED_ROWS_MOST = 1_000_000
"""Rows the optimizer may expect to look at for a filter without an index: about half a second of a small server."""
_LOST = frozenset({0, 1053, 1927, 2006, 2013, 2014, 4031})
_MISSING = frozenset({1049, 1051, 1054, 1146, 1305, 1356})


T = TypeVar("T")


class ProvenStatement(Proven, frozen=True, kw_only=True):
    """With the optimizer's estimate."""

    estimate: Estimate


async def prove_mysql(candidate: Candidate, view: View, *, credentials: SqlCredentials, guard: EgressGuard) -> ProvenStatement:
    """See :func:`patchbay.connectors.proving.prove`; ``candidate`` is a read."""
    read = check_references(statement_of(candidate).sql, candidate.plan, view, dialect="mysql")
    check_outputs(read, columns_of(candidate.plan, statement_of(candidate).compared), view)
    session = await open_session(credentials, guard)
    return await examined(session, lambda connection: _examine(connection, candidate, view), reason)


async def examined(session: Session, examine: Callable[[Connection], T], reason_of: Callable[[int], Reason]) -> T:
    """What ``examine`` finds out in a thread, in time; the session is closed. The server's refusals are CallNotProvable."""
    try:
        async with asyncio.timeout(PROVE_S):
            working = asyncio.ensure_future(asyncio.to_thread(examine, session.connection))
            try:
                return await asyncio.shield(working)
            except asyncio.CancelledError:
                # The thread cannot be cancelled, but what it waits for can be ended.
                session.cut()
                await asyncio.wait([working])
                working.exception()
                raise
    except pymysql.Error as error:
        number = error_number(error) or 0
        if number in _LOST:
            raise _unanswered() from None
        raise CallNotProvable(reason_of(number)) from None
    except TimeoutError:
        raise _unanswered() from None
    finally:
        await session.close()


def _examine(connection: Connection, candidate: Candidate, view: View) -> ProvenStatement:
    plan, call = candidate.plan, statement_of(candidate)
    described = describe(connection, call.sql)
    if described.placeholders != len(call.slots):
        raise CallNotProvable("parameter_mismatch")
    check_columns(described, plan, call.compared, view)
    expected = estimate(connection, candidate)
    if expected.scanned and (expected.rows or 0) > UNINDEXED_ROWS_MOST:
        refusal = not_indexed(plan, view, measure={"estimatedRows": expected.rows or 0, "bound": UNINDEXED_ROWS_MOST})
        if refusal is not None:
            raise refusal
    warnings = _unseen_phone_formats(connection, plan, view)
    return ProvenStatement(freeze(candidate), tuple(warnings), estimate=expected)


def columns_of(plan: Plan, compared: Sequence[Column]) -> list[Column]:
    """What a statement returns: its outputs, then what is compared only."""
    return [*(output.column for output in plan.outputs), *compared]


def check_columns(described: Description, plan: Plan, compared: Sequence[Column], view: View) -> None:
    """Each column is the very one the plan claims, and of its type. Raises :class:`CallNotProvable`."""
    columns = columns_of(plan, compared)
    if len(described.columns) != len(columns):
        raise CallNotProvable("provenance_unproven")
    outputs = len(plan.outputs)
    placed = list(enumerate(zip(columns, described.columns, strict=True)))
    if plan.time_zone is None and any(
        sent.type in DATETIMES for place, (column, sent) in placed if place < outputs or column.many
    ):
        raise CallNotProvable("time_zone_missing")
    for place, (column, sent) in placed:
        if column.many:
            if sent.type not in (sent_as(column) if place >= outputs else TEXTS):
                raise CallNotProvable("parameter_mismatch")
            continue
        if _is_table(view, column) and (sent.database, sent.table, sent.column) != origin(view, column):
            raise CallNotProvable("provenance_unproven")
        if sent.type not in sent_as(column):
            raise CallNotProvable("schema_changed" if place < outputs else "parameter_mismatch")


def _is_table(view: View, column: Column) -> bool:
    seen = view.object(column.object)
    return seen is not None and seen.kind == "table"


def _unseen_phone_formats(connection: Connection, plan: Plan, view: View) -> Sequence[Finding]:
    """Shapes in a bound phone column that the call does not look for; the look is bounded in rows, shapes and time."""
    findings: list[Finding] = []
    for item in plan.inputs:
        condition = next((f for f in plan.filters if f.param == item.param), None)
        if item.codec == "phone" and condition is not None:
            findings += _unseen_formats(connection, item, condition, plan, view)
    return findings


def _unseen_formats(connection: Connection, item: CallInput, condition: Filter, plan: Plan, view: View) -> Sequence[Finding]:
    column, relation = identifier(condition.column.field), _qualified(*native_name(view, condition.column.object))
    masked = "v"
    for digit in range(9):
        masked = f"REPLACE({masked}, '{digit}', '9')"
    sample = f"SELECT CAST({column} AS CHAR) AS v FROM {relation} WHERE {column} IS NOT NULL LIMIT {PHONE_ROWS}"
    query = f"SELECT DISTINCT LEFT({masked}, 64) FROM ({sample}) AS s LIMIT {PHONE_SHAPES}"
    at = position(plan.inputs, item.param)
    try:
        rows = connection.rows(connection.server.bounded(query, PHONE_MS))
    except pymysql.Error:
        if not connection.open:
            raise
        return unchecked_formats(at)
    return unseen_formats(item, {shape(value) for (value,) in rows if value is not None}, at)


def _qualified(schema: str | None, table: str) -> str:
    return identifier(table) if schema is None else identifier(schema, table)


def reason(number: int) -> Reason:
    """Why the server did not take the statement."""
    if number in DENIED:
        return "permission_missing"
    return "schema_changed" if number in _MISSING else "not_accepted"


def _unanswered() -> Unavailable:
    return Unavailable("The database did not answer while the call was being proven.", hint="Try again.")
