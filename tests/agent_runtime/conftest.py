"""An organization, a runtime on a real store, and agents with ready-made skills."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from patchbay.accounts.organizations import ensure_organization
from patchbay.agent_runtime.agents import create_agent
from patchbay.agent_runtime.conversation.model import ModelClient
from patchbay.agent_runtime.planner.client import Planner
from patchbay.agent_runtime.reviews import review_digest, writes
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.tables import Skill
from patchbay.agent_runtime.versions import publish
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import FrozenCall
from patchbay.schema_graph.canonical import seal
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.ids import new_id
from patchbay.store.vault import Vault
from tests.agent_runtime.doubles import FakeRunner, found, frozen_call, output, phone_input


@dataclass
class World:
    """One organization with its runtime. ``model`` and ``runner`` may be replaced at any time."""

    runtime: Runtime
    org_id: str
    runner: FakeRunner
    model: ModelClient = field(default_factory=Planner)

    async def agent(self, name: str = "Corner Clinic", **body: Any) -> str:
        async with self.runtime.database.tenant(self.org_id) as session:
            return (await create_agent(session, {"name": name, **body})).id

    async def skill(self, agent_id: str, name: str, call: FrozenCall | None = None, **more: Any) -> str:
        sealed = seal(call or appointment_call())
        row = Skill(
            id=new_id("skl"),
            agent_id=agent_id,
            name=name,
            slug=more.pop("slug", name.lower().replace(" ", "_")),
            description=more.pop("description", ""),
            skill_type="postgres",
            enabled=more.pop("enabled", True),
            binding=more.pop("binding", {"toolName": name, "operation": "appointments.read"}),
            call=sealed.document,
            digest=sealed.digest,
            settings=more,
            warnings=[],
        )
        if row.enabled and writes(row):
            row.review = {"digest": review_digest(row)}
        async with self.runtime.database.tenant(self.org_id) as session:
            session.add(row)
        return row.id

    async def publish(self, agent_id: str, **more: Any) -> str:
        async with self.runtime.database.tenant(self.org_id) as session:
            return (await publish(session, agent_id, **more)).id

    async def live_agent(self, *skills: tuple[str, FrozenCall], **body: Any) -> str:
        """A published agent with one appointment skill, or with ``skills``."""
        agent_id = await self.agent(**body)
        for name, call in skills or (("Look up an appointment", appointment_call()),):
            await self.skill(agent_id, name, call)
        await self.publish(agent_id)
        return agent_id


def appointment_call(**more: Any) -> FrozenCall:
    outputs = (output("appointment_time", "datetime"), output("appointment_status", "enum"))
    return frozen_call([phone_input(description="The caller's phone number")], outputs, **more)


APPOINTMENT = found({"appointment_time": "2031-03-04T15:30:00+00:00", "appointment_status": "confirmed"})


@pytest.fixture
async def make_world(database: Database, vault: Vault, settings: Settings) -> AsyncGenerator[Callable[[str], Awaitable[World]]]:
    runtimes: list[Runtime] = []

    async def make(name: str = "Acme") -> World:
        organization = await ensure_organization(database, name)
        runner = FakeRunner(APPOINTMENT)
        runtime = Runtime(database, vault, EgressGuard(()), runner, lambda _agent: Planner(), settings)
        world = World(runtime, organization.id, runner)
        runtime.runner = _Delegate(world)
        runtime.models = lambda _agent: world.model
        runtimes.append(runtime)
        return world

    yield make
    for runtime in runtimes:
        await runtime.drain()


@pytest.fixture
async def world(make_world: Callable[[str], Awaitable[World]]) -> World:
    return await make_world("Acme")


class _Delegate:
    def __init__(self, world: World) -> None:
        self._world = world

    async def run(self, org_id: str, call: FrozenCall, context: Any) -> Any:
        return await self._world.runner.run(org_id, call, context)

    async def settle(self, org_id: str, call: FrozenCall, context: Any) -> bool:
        return await self._world.runner.settle(org_id, call, context)


def types(events: Sequence[Any]) -> list[str]:
    return [e.type for e in events if e.type != "agent_message_delta"]
