"""Prove a compiled insert or update on the live database, in a session of the role that will run it, without running it.

As for a read, the server parses and describes it: what it returns must come from the very columns the plan claims, what it sets
and compares must belong to what the plan touches. Moreover the table must be a plain one, the key it goes by unique now, and the
role must hold every privilege, which EXPLAIN asks for.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence

from patchbay.connectors.proof import CallNotProvable, Proven, freeze
from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.failures import BackendLost, DeadlinePassed, StatementFailed
from patchbay.connectors.sql.postgres.backend import Backend
from patchbay.connectors.sql.postgres.prove import check_outputs, check_parameters, reason
from patchbay.connectors.sql.postgres.session import open_session
from patchbay.connectors.sql.postgres.write_target import write_target
from patchbay.connectors.sql.proof import PROVE_S, check_references, check_written, native_name
from patchbay.connectors.sql.proof import check_outputs as check_said_outputs
from patchbay.connectors.sql.side_effects import WriteTarget, check_target, told
from patchbay.egress.guard import EgressGuard
from patchbay.errors import Unavailable
from patchbay.schema_graph.call import Candidate, SqlSlot, statement_of
from patchbay.schema_graph.scoping import View


async def prove_write(candidate: Candidate, view: View, *, credentials: SqlCredentials, guard: EgressGuard) -> Proven:
    """See :func:`patchbay.connectors.proving.prove`; ``credentials`` hold the write role."""
    plan, call = candidate.plan, statement_of(candidate)
    check_said_outputs(check_written(call.sql, plan, view), [output.column for output in plan.outputs], view)
    if call.confirm is not None:
        check_references(call.confirm.sql, plan, view)

    async def examine(backend: Backend, deadline: float) -> WriteTarget:
        target = await write_target(backend, *native_name(view, plan.object), plan.verb, deadline)
        check_target(target, plan)
        description = await backend.describe(call.sql.encode(), deadline)
        await check_outputs(backend, description, plan, view, deadline)
        await check_parameters(backend, description, call.slots, deadline)
        await _ask_privileges(backend, call.sql, call.slots, deadline)
        if call.confirm is not None:
            described = await backend.describe(call.confirm.sql.encode(), deadline)
            await check_parameters(backend, described, call.confirm.slots, deadline)
            await _ask_privileges(backend, call.confirm.sql, call.confirm.slots, deadline)
        await backend.forget_prepared(deadline)
        return target

    target = await _examined(credentials, guard, examine)
    return Proven(freeze(candidate), tuple(told(target)))


async def live_target(
    credentials: SqlCredentials, guard: EgressGuard, *, schema: str | None, table: str, verb: str
) -> WriteTarget:
    """The table as a write would find it now, by the write role."""
    return await _examined(credentials, guard, lambda backend, ends: write_target(backend, schema, table, verb, ends))


async def _examined(
    credentials: SqlCredentials, guard: EgressGuard, examine: Callable[[Backend, float], Awaitable[WriteTarget]]
) -> WriteTarget:
    """What ``examine`` finds out in a session of the write role that changes nothing, in time."""
    backend = Backend(await open_session(credentials, guard, role="write"))
    deadline = asyncio.get_running_loop().time() + PROVE_S
    try:
        await backend.command(b"BEGIN READ ONLY", deadline)
        target = await examine(backend, deadline)
        await backend.command(b"ROLLBACK", deadline)
    except StatementFailed as failed:
        why = reason(failed.code)
        raise CallNotProvable("write_permission_missing" if why == "permission_missing" else why) from None
    except (BackendLost, DeadlinePassed):
        raise Unavailable("The database did not answer while the call was being proven.", hint="Try again.") from None
    finally:
        await backend.close(cancel=not backend.usable)
    return target


async def _ask_privileges(backend: Backend, sql: str, slots: Sequence[SqlSlot], deadline: float) -> None:
    """EXPLAIN, which runs nothing, is refused like the statement itself."""
    name = f"pb_write_{secrets.token_hex(6)}"
    given = f"({', '.join(['NULL'] * len(slots))})" if slots else ""
    await backend.command(f"PREPARE {name} AS {sql}".encode(), deadline)
    await backend.run(f"EXPLAIN EXECUTE {name}{given}".encode(), [], rows=0, limit=1_048_576, deadline=deadline)
    await backend.command(f"DEALLOCATE {name}".encode(), deadline)
