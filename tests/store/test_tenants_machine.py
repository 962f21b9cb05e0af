"""A state machine that moves between organizations through pooled sessions, and never sees, changes or makes a foreign row."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.accounts.organizations import ensure_organization
from patchbay.agent_runtime.tables import Agent
from patchbay.store.database import Database
from patchbay.store.ids import new_id

PERMISSION_DENIED = "42501"
T = TypeVar("T")
places = st.integers(0, 2)


class Tenants(RuleBasedStateMachine):
    """The model: which agents each of three organizations has. Every check compares the whole of what a session sees."""

    dsn = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.database = Database.at(self.dsn)
        self.orgs = [self.run(ensure_organization(self.database, new_id("name"))).id for _ in range(3)]
        self.agents: dict[str, dict[str, str]] = {org: {} for org in self.orgs}

    def run(self, work: Awaitable[T]) -> T:
        async def complete() -> T:
            return await work

        return self.loop.run(complete())

    def teardown(self) -> None:
        self.run(self.database.close())
        self.loop.close()

    async def within(self, org: str, work: Callable[[AsyncSession], Awaitable[object]]) -> object:
        async with self.database.tenant(org) as session:
            return await work(session)

    def refusal(self, org: str, work: Callable[[AsyncSession], Awaitable[object]]) -> str | None:
        """Do the work; the SQLSTATE it was refused with, or None."""
        try:
            self.run(self.within(org, work))
        except DBAPIError as error:
            return getattr(error.orig, "sqlstate", "unknown")
        return None

    async def seen(self, org: str) -> dict[str, str]:
        async with self.database.tenant(org, read_only=True) as session:
            rows = (await session.scalars(select(Agent))).all()
            assert all(row.org_id == org for row in rows)
            return {row.id: row.name for row in rows}

    @rule(place=places)
    def add(self, place: int) -> None:
        org, agent = self.orgs[place], new_id("agt")

        async def work(session: AsyncSession) -> None:
            session.add(Agent(id=agent, name=agent, draft={}))  # the organization is the session's

        self.run(self.within(org, work))
        self.agents[org][agent] = agent

    @rule(place=places, other=places)
    def add_for_another(self, place: int, other: int) -> None:
        org, target, agent = self.orgs[place], self.orgs[other], new_id("agt")

        async def work(session: AsyncSession) -> None:
            session.add(Agent(id=agent, org_id=target, name=agent, draft={}))

        assert self.refusal(org, work) == (None if org == target else PERMISSION_DENIED)
        if org == target:
            self.agents[org][agent] = agent

    @rule(place=places, other=places, change=st.sampled_from(["name", "org_id", "everything"]))
    def change_another(self, place: int, other: int, change: str) -> None:
        """By id, by organization and without any condition: only the own rows are touched, and none can be given away."""
        org, target = self.orgs[place], self.orgs[other]
        statement = update(Agent).values(org_id=target) if change == "org_id" else update(Agent).values(name=Agent.id + " new")
        if change == "name":
            statement = statement.where(Agent.id.in_(self.agents[target]))

        async def work(session: AsyncSession) -> None:
            await session.execute(statement.execution_options(synchronize_session=False))

        refusal = self.refusal(org, work)
        given_away = change == "org_id" and org != target and self.agents[org]
        assert refusal == (PERMISSION_DENIED if given_away else None)
        if change == "everything" or (change == "name" and org == target):
            self.agents[org] = {agent: f"{agent} new" for agent in self.agents[org]}

    @rule(place=places)
    def give_up_halfway(self, place: int) -> None:
        async def work(session: AsyncSession) -> None:
            session.add(Agent(id=new_id("agt"), name="never", draft={}))
            await session.flush()
            raise KeyError

        try:
            self.run(self.within(self.orgs[place], work))
        except KeyError:
            return
        raise AssertionError

    @rule(place=places)
    def be_cancelled_halfway(self, place: int) -> None:
        async def work() -> None:
            async with self.database.tenant(self.orgs[place]) as session:
                session.add(Agent(id=new_id("agt"), name="never", draft={}))
                await session.flush()
                await session.execute(text("SELECT pg_sleep(60)"))

        async def cancel() -> None:
            task = asyncio.create_task(work())
            await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self.run(cancel())

    @rule(place=places)
    def survive_a_savepoint(self, place: int) -> None:
        org, kept = self.orgs[place], new_id("agt")

        async def work(session: AsyncSession) -> None:
            session.add(Agent(id=kept, name=kept, draft={}))
            await session.flush()
            try:
                async with session.begin_nested():
                    session.add(Agent(id=kept + "x", name=kept, draft={}))  # the name is taken
                    await session.flush()
            except DBAPIError:
                pass

        self.run(self.within(org, work))
        self.agents[org][kept] = kept

    @rule(place=places, other=places)
    def leave_settings_behind(self, place: int, other: int) -> None:
        """What one transaction sets for its whole connection must not reach the next that gets the connection."""

        async def work(session: AsyncSession) -> None:
            leave = "SELECT set_config('app.org', :org, false), set_config('role', 'none', false)"
            await session.execute(text(leave), {"org": self.orgs[other]})

        self.run(self.within(self.orgs[place], work))

    @rule(place=places, other=places)
    def address_another_directly(self, place: int, other: int) -> None:
        org, target = self.orgs[place], self.orgs[other]
        wanted = sorted(self.agents[target])

        async def work(session: AsyncSession) -> None:
            found = [await session.get(Agent, agent) for agent in wanted]
            assert (None not in found) if org == target else not any(found)
            counted = await session.scalars(select(Agent.id).where(Agent.org_id == target))
            assert sorted(counted) == (wanted if org == target else [])

        self.run(self.within(org, work))

    @rule(place=places, other=places)
    def delete_is_not_granted(self, place: int, other: int) -> None:
        async def work(session: AsyncSession) -> None:
            await session.execute(delete(Agent).where(Agent.org_id == self.orgs[other]))

        assert self.refusal(self.orgs[place], work) == PERMISSION_DENIED

    @rule()
    def nobody_sees_nothing(self) -> None:
        async def work() -> None:
            async with self.database.anonymous() as session:
                assert (await session.scalars(select(Agent.id))).all() == []

        self.run(work())

    @invariant()
    def each_sees_its_own_all_at_once(self) -> None:
        async def work() -> None:
            order = [*self.orgs, *reversed(self.orgs)]
            for org, seen in zip(order, await asyncio.gather(*(self.seen(org) for org in order)), strict=True):
                assert seen == self.agents[org]

        self.run(work())


def test_no_session_ever_sees_a_foreign_row(platform_dsn: str) -> None:
    machine = type("PooledTenants", (Tenants,), {"dsn": platform_dsn})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)),
    )
