"""What a binding is checked against and proven on: a view, where it will run, and the credentials to prove it with."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.agents import get_agent
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.tables import Agent
from patchbay.bindings.check import Target
from patchbay.bindings.compiled import compile_binding
from patchbay.bindings.model import Binding
from patchbay.connectors.connections import current
from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.oauth.authorizers import authorizer_for
from patchbay.connectors.proving import Proven, prove
from patchbay.connectors.snapshots import load_view
from patchbay.connectors.stored_credentials import read_credentials
from patchbay.connectors.systems import system_of
from patchbay.connectors.tables import Connection
from patchbay.schema_graph.operations import split_operation, split_operation_slug
from patchbay.schema_graph.scoping import View


class Ground(msgspec.Struct, frozen=True):
    """Read in one transaction; what was proven on it may be stored while it is still the same."""

    view: View
    target: Target
    credentials: Any
    authorizer: Authorizer | None
    scoping_version: int
    snapshot_id: str | None

    def same(self, other: Ground) -> bool:
        """Whether a binding proven on one holds on the other."""
        mine = (self.target, self.scoping_version, self.snapshot_id)
        return mine == (other.target, other.scoping_version, other.snapshot_id)


async def read_ground(session: AsyncSession, runtime: Runtime, agent_id: str, kind: str, operation: str) -> Ground:
    """``operation`` is the one that is bound: a write is proven with the credentials it will run with."""
    agent = await get_agent(session, agent_id)
    connection = await current(session, kind, connected=True)
    view = await load_view(session, connection)
    target = target_of(connection, agent, view)
    apart = system_of(view.kind).writes_apart and _writes(view, operation)
    credentials = await read_credentials(session, runtime.vault, connection, role="write" if apart else "read")
    authorizer = authorizer_for(runtime.database, runtime.vault, runtime.guard, connection, credentials)
    return Ground(view, target, credentials, authorizer, connection.scoping_version, connection.snapshot_id)


def target_of(connection: Connection, agent: Agent, view: View) -> Target:
    """Where a binding of this agent on this connection will run."""
    return Target(
        connection_id=connection.id,
        kind=view.kind,
        time_zone=connection.time_zone,
        default_country=connection.default_country,
        agent_country=agent.draft.get("defaultCountry"),
    )


async def prove_binding(runtime: Runtime, binding: Binding, ground: Ground) -> Proven:
    """Check, compile and prove; no transaction may be open while the live system is asked. The warnings are of all three.

    Raises ``BindingInvalid`` or ``CallNotProvable`` (422), or the typed failure of reaching the system.
    """
    checked, candidate = compile_binding(binding, ground.view, ground.target)
    proven = await prove(
        candidate, ground.view, credentials=ground.credentials, guard=runtime.guard, authorizer=ground.authorizer
    )
    return msgspec.structs.replace(proven, warnings=(*checked.warnings, *proven.warnings))


def _writes(view: View, operation: str) -> bool:
    """Whether an operation is a write, one that is not offered too: without a write role none is."""
    found = view.operation(operation)
    if found is not None:
        return found.effect == "write"
    parsed = split_operation(operation) or split_operation_slug(operation)
    return parsed is not None and parsed[1] != "read"
