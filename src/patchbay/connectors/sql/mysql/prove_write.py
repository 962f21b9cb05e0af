"""Prove a compiled insert or update on the live database, in a session of the role that will run it, without running it.

The server prepares it: names, privileges and types are looked up. What it sets, compares and reads back must belong to what the
plan touches; the columns that are compared and read back must be of the types that were discovered. Moreover the table must be
a plain one that can undo a write, and the key it goes by unique now.
"""

from __future__ import annotations

from patchbay.connectors.proof import CallNotProvable, Proven, Reason, freeze
from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.mysql.describe import describe
from patchbay.connectors.sql.mysql.prove import check_columns, columns_of, examined, reason
from patchbay.connectors.sql.mysql.session import Connection, open_session
from patchbay.connectors.sql.mysql.write_target import write_target
from patchbay.connectors.sql.proof import check_outputs, check_references, check_written, native_name
from patchbay.connectors.sql.side_effects import WriteTarget, check_target, told
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import Candidate, SqlRead, statement_of
from patchbay.schema_graph.scoping import View


async def prove_write(candidate: Candidate, view: View, *, credentials: SqlCredentials, guard: EgressGuard) -> Proven:
    """See :func:`patchbay.connectors.proving.prove`; ``credentials`` hold the write role."""
    plan, call = candidate.plan, statement_of(candidate)
    check_outputs(check_written(call.sql, plan, view, dialect="mysql"), [], view)
    for read in _reads(candidate):
        said = check_references(read.sql, plan, view, dialect="mysql")
        check_outputs(said, columns_of(plan, read.compared), view)
    session = await open_session(credentials, guard, role="write")
    return await examined(session, lambda connection: _examine(connection, candidate, view), _reason)


async def live_target(
    credentials: SqlCredentials, guard: EgressGuard, *, schema: str | None, table: str, verb: str
) -> WriteTarget:
    """The table as a write would find it now, by the write role."""
    session = await open_session(credentials, guard, role="write")
    database = schema or credentials.database
    return await examined(session, lambda connection: write_target(connection, database, table, verb), _reason)


def _reads(candidate: Candidate) -> list[SqlRead]:
    call = statement_of(candidate)
    return [read for read in (call.read_back, call.confirm) if read is not None]


def _examine(connection: Connection, candidate: Candidate, view: View) -> Proven:
    plan, call = candidate.plan, statement_of(candidate)
    schema, table = native_name(view, plan.object)
    target = write_target(connection, schema or "", table, plan.verb)
    check_target(target, plan)
    if describe(connection, call.sql).placeholders != len(call.slots):
        raise CallNotProvable("parameter_mismatch")
    for read in _reads(candidate):
        described = describe(connection, read.sql)
        if described.placeholders != len(read.slots):
            raise CallNotProvable("parameter_mismatch")
        check_columns(described, plan, read.compared, view)
    return Proven(freeze(candidate), tuple(told(target)))


def _reason(number: int) -> Reason:
    why = reason(number)
    return "write_permission_missing" if why == "permission_missing" else why
