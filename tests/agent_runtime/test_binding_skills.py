"""From a binding to an answered caller, on a real PostgreSQL over TLS."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from patchbay.accounts.organizations import ensure_organization
from patchbay.agent_runtime import binding_skills, channels
from patchbay.agent_runtime.agents import DuplicateName, create_agent, get_agent
from patchbay.agent_runtime.binding_skills import GroundMoved, change_skill, save_binding
from patchbay.agent_runtime.planner.client import Planner
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.skills import SkillNotFound, list_skills
from patchbay.agent_runtime.skills_shown import show_skills
from patchbay.agent_runtime.tables import Skill
from patchbay.agent_runtime.versions import diff, publish
from patchbay.bindings.report import BindingInvalid
from patchbay.connectors import connecting, connections, scoping
from patchbay.connectors.discovery import discover
from patchbay.connectors.runtime import CallRunner
from patchbay.egress.guard import EgressGuard
from patchbay.errors import PatchbayError, ValidationFailed
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.agent_runtime.doubles import ScriptedModel
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

GUARD = EgressGuard([ip_network("127.0.0.1/32")])
CLINIC = """
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, phone text, ssn text);
CREATE TABLE appointments (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, phone text,
    starts_at timestamptz NOT NULL, status text NOT NULL);
CREATE INDEX ON appointments (phone);
INSERT INTO customers SELECT n, 'Customer ' || n, '613-555-' || lpad(n::text, 4, '0'), 's' || n FROM generate_series(1, 500) n;
INSERT INTO appointments SELECT n, n, '613-555-' || lpad(n::text, 4, '0'), '2031-03-04 15:30Z', 'confirmed'
    FROM generate_series(1, 500) n;
ANALYZE;
"""
APPOINTMENT: dict[str, Any] = {
    "toolName": "Look up an appointment",
    "description": "Find the caller's appointment by phone and read back the time and status.",
    "operation": "appointments.read",
    "inputs": [{"param": "caller_phone", "arg": "phone", "required": True}],
    "projection": [
        {"path": ["appointment", "starts_at"], "leaf": "appointment_time"},
        {"path": ["appointment", "status"], "leaf": "appointment_status"},
        {"path": ["appointment", "customer", "name"], "leaf": "customer_name"},
    ],
    "enabled": True,
}


class Clinic:
    def __init__(self, runtime: Runtime, org_id: str, agent_id: str) -> None:
        self.runtime, self.org_id, self.agent_id = runtime, org_id, agent_id

    async def save(self, **changes: Any) -> Skill:
        return await save_binding(self.runtime, self.org_id, self.agent_id, "postgres", {**APPOINTMENT, **changes})

    async def change(self, skill: str, **body: Any) -> Skill:
        return await change_skill(self.runtime, self.org_id, self.agent_id, skill, body)

    async def scope(self, **body: Any) -> None:
        async with self.runtime.database.tenant(self.org_id) as session:
            await scoping.patch_scoping(session, await connections.current(session, "postgres"), body)

    async def skills(self) -> list[Skill]:
        async with self.runtime.database.tenant(self.org_id) as session:
            return list((await session.scalars(select(Skill))).all())

    async def version(self) -> int:
        async with self.runtime.database.tenant(self.org_id) as session:
            return (await get_agent(session, self.agent_id)).version

    async def simulate(self, message: str, **more: Any) -> list[Any]:
        body = {"message": message, **more}
        turn = await channels.prepare_simulation(self.runtime, self.org_id, self.agent_id, body)
        return await turn.collect()


@pytest.fixture
async def clinic(database: Database, vault: Vault, settings: Settings, tls_postgres: PostgresServer) -> AsyncGenerator[Clinic]:
    org_id = (await ensure_organization(database, "Clinic")).id
    credentials = tls_postgres.create_database(sql=CLINIC)
    async with database.tenant(org_id) as session:
        body = {"credentials": credentials, "defaultCountry": "US"}
        await connecting.connect(database, session, vault, GUARD, org_id=org_id, kind="postgres", body=body)
        agent_id = (await create_agent(session, {"name": "Clinic", "timeZone": "America/Toronto"})).id
    await discover(database, vault, GUARD, org_id=org_id, kind="postgres")
    runner = CallRunner(database, vault, GUARD)
    await runner.start()
    runtime = Runtime(database, vault, GUARD, runner, lambda _agent: Planner(), settings)
    yield Clinic(runtime, org_id, agent_id)
    await runtime.drain()
    await runner.stop()


async def test_a_saved_binding_answers_a_caller_from_the_row(clinic: Clinic) -> None:
    before = await clinic.version()
    skill = await clinic.save()
    assert (skill.enabled, skill.skill_type, skill.slug) == (True, "postgres", "Look_up_an_appointment")
    assert "model_chosen_identity" in [w["code"] for w in skill.warnings]
    assert await clinic.version() == before + 1
    events = await clinic.simulate("When is my appointment? My number is (613) 555-0042")
    said = next(e.data["text"] for e in events if e.type == "agent_message")
    assert "Tuesday, March 4, 2031 at 10:30 AM" in said
    assert "Customer 42" in said
    async with clinic.runtime.database.tenant(clinic.org_id) as session:
        await publish(session, clinic.agent_id)
    events = await clinic.simulate("and my appointment status?", draftMode=False, session={"callerNumber": "+16135550007"})
    assert "Customer 7" in next(e.data["text"] for e in events if e.type == "agent_message")


async def test_nothing_is_stored_when_the_binding_is_refused(clinic: Clinic) -> None:
    with pytest.raises(BindingInvalid) as refusal:
        await clinic.save(projection=[{"path": ["statsu"], "leaf": "status"}])
    assert "status" in (refusal.value.errors[0].hint or refusal.value.errors[0].message)
    with pytest.raises(ValidationFailed):
        await clinic.save(nonsense=1)
    assert await clinic.skills() == []
    await clinic.save()
    with pytest.raises(DuplicateName):
        await clinic.save()
    assert len(await clinic.skills()) == 1


async def test_names_that_share_a_slug_get_slugs_of_their_own(clinic: Clinic) -> None:
    names = ("Look up!", "Look up?", "hand_off_to_a_person")
    slugs = [(await clinic.save(toolName=name)).slug for name in names]
    cafe = await clinic.save(toolName="Café")
    with pytest.raises(DuplicateName):
        await clinic.save(toolName="Cafe\u0301")
    other = await clinic.save(toolName="Another")
    with pytest.raises(DuplicateName):
        await clinic.change(other.id, name="Cafe\u0301")
    assert cafe.name == "Café"
    assert slugs == ["Look_up", "Look_up_2", "hand_off_to_a_person_2"]


async def test_an_edit_proves_anew_and_keeps_id_and_slug(clinic: Clinic) -> None:
    skill = await clinic.save()
    async with clinic.runtime.database.tenant(clinic.org_id) as session:
        version = await publish(session, clinic.agent_id)
    changed = await clinic.change(skill.id, binding={"projection": APPOINTMENT["projection"][:1]}, name="Next visit")
    assert (changed.id, changed.slug, changed.name, changed.enabled) == (skill.id, skill.slug, "Next visit", True)
    assert changed.digest != skill.digest
    with pytest.raises(BindingInvalid):
        await clinic.change(skill.id, binding={"operation": "appointmnts.read"})
    async with clinic.runtime.database.tenant(clinic.org_id) as session:
        fields = {c["field"]: c["kind"] for c in await diff(session, clinic.agent_id, version.id)}
    assert fields == {"skills.Look up an appointment": "removed", "skills.Next visit": "added"}
    with pytest.raises(SkillNotFound):
        await clinic.change("skl_nope", enabled=False)


async def test_gating_a_skill_stops_it_for_the_unverified_caller(clinic: Clinic) -> None:
    skill = await clinic.save()
    gated = await clinic.change(skill.id, requiresVerifiedIdentity=True)
    assert gated.digest != skill.digest
    events = await clinic.simulate("When is my appointment? 613-555-0042")
    assert [e.type for e in events if e.type in ("guardrail", "tool_call")] == ["guardrail", "tool_call"]
    assert "Customer 42" not in repr([e.data for e in events])
    assert (await clinic.change(skill.id, requiresVerifiedIdentity=False)).digest == skill.digest
    events = await clinic.simulate("When is my appointment? 613-555-0042")
    assert "Customer 42" in repr([e.data for e in events])


async def test_only_the_allowed_fields_come_back(clinic: Clinic) -> None:
    skill = await clinic.save()
    with pytest.raises(ValidationFailed) as refusal:
        await clinic.change(skill.id, allowedFields=["appointment_tme"])
    assert "appointment_time" in (refusal.value.errors[0].hint or "")
    await clinic.change(skill.id, allowedFields=["appointment_time"])
    events = await clinic.simulate("When is my appointment? 613-555-0042")
    assert "Customer 42" not in repr([e.data for e in events])
    assert "2031" in repr([e.data for e in events])


async def test_null_takes_the_allowed_fields_away_also_beside_a_binding(clinic: Clinic) -> None:
    skill = await clinic.save()
    await clinic.change(skill.id, allowedFields=["appointment_time"], verificationLevel="step_up", requiresVerifiedIdentity=True)
    changed = await clinic.change(skill.id, binding={"limit": 3}, allowedFields=None, verificationLevel=None)
    assert changed.binding is not None
    assert "allowedFields" not in changed.binding
    assert changed.settings["allowedFields"] is None
    assert (changed.settings["verificationLevel"], changed.settings["requiresVerifiedIdentity"]) == (None, True)
    kept = await clinic.change(skill.id, allowedFields=["appointment_time"])
    assert (await clinic.change(kept.id, binding={"limit": 2})).settings["allowedFields"] == ["appointment_time"]


async def test_a_scoping_change_while_proving_is_noticed(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    from patchbay.agent_runtime import ground

    proving, calls = ground.prove, 0

    async def interfere(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        proven = await proving(*args, **more)
        await clinic.scope(blockedColumns={"customers": ["ssn"] if calls == 1 else ["ssn", f"c{calls}"]})
        return proven

    monkeypatch.setattr(ground, "prove", interfere)
    with pytest.raises(GroundMoved):
        await clinic.save()
    assert calls == 2
    assert await clinic.skills() == []

    async def interfere_once(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        proven = await proving(*args, **more)
        if calls == 1:
            await clinic.scope(blockedColumns={"customers": ["name"]})
        return proven

    calls = 0
    monkeypatch.setattr(ground, "prove", interfere_once)
    with pytest.raises(PatchbayError) as refusal:
        await clinic.save()
    assert refusal.value.status == 422
    assert await clinic.skills() == []


async def test_a_skill_shows_nothing_of_what_was_blocked_since(clinic: Clinic) -> None:
    skill = await clinic.save(toolName="Look up")
    other = await clinic.save(toolName="Other", projection=APPOINTMENT["projection"][:1])
    async with clinic.runtime.database.tenant(clinic.org_id) as session:
        version = await publish(session, clinic.agent_id)

    async def shown() -> tuple[dict[str, Any], str]:
        async with clinic.runtime.database.tenant(clinic.org_id) as session:
            rows = await show_skills(session, await list_skills(session, clinic.agent_id))
            changes = await diff(session, clinic.agent_id, version.id)
        return {row["id"]: row for row in rows}, repr([rows, changes])

    before, _ = await shown()
    await clinic.scope(blockedColumns={"customers": ["name"]})
    rows, everything = await shown()
    assert rows[skill.id]["binding"] is None
    assert [w["code"] for w in rows[skill.id]["warnings"]] == ["scoped_out"]
    assert rows[other.id] == before[other.id]
    assert "'name']" not in everything
    with pytest.raises(BindingInvalid) as refusal:
        await clinic.change(skill.id, binding={"limit": 3})
    assert "'name'" not in repr([msgspec.to_builtins(found) for found in refusal.value.errors])
    changed = await clinic.change(skill.id, binding={"projection": APPOINTMENT["projection"][:1]})
    assert (await shown())[0][skill.id]["binding"] == changed.binding
    assert "'name']" not in (await shown())[1]
    await clinic.scope(blockedColumns={})
    assert "'name']" in (await shown())[1]


async def test_a_model_is_not_told_again_what_was_blocked_since(clinic: Clinic) -> None:
    await clinic.save()
    asked = ScriptedModel(("Look_up_an_appointment", {"caller_phone": "613-555-0042"}), "Tuesday.", "I cannot say.")
    clinic.runtime.models = lambda _agent: asked
    body = {"agentId": clinic.agent_id, "draftMode": True}
    async with clinic.runtime.database.tenant(clinic.org_id) as session:
        conversation = (await channels.create_session(session, clinic.org_id, body)).id

    async def say(text: str) -> str:
        turn = await channels.prepare_message(clinic.runtime, clinic.org_id, conversation, {"content": text})
        await turn.collect()
        return repr(asked.asked[-1].messages)

    assert "Customer 42" in await say("When is my appointment?")
    assert "Customer 42" in await say("What was my name?")
    await clinic.scope(blockedColumns={"customers": ["name"]})
    told = await say("What was my name?")
    assert "Customer 42" not in told
    assert "2031" not in told
    await clinic.scope(blockedColumns={})
    skill = (await clinic.skills())[0]
    await clinic.change(skill.id, allowedFields=["appointment_status"])
    told = await say("What was my name?")
    assert "Customer 42" not in told
    assert "confirmed" in told


async def test_a_gate_that_is_set_while_a_binding_is_being_proven_stays(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another request set meanwhile is not undone by the one that took longer."""
    skill = await clinic.save()
    prove, gated = binding_skills.prove_binding, False

    async def prove_while_another_gates(*given: Any) -> Any:
        nonlocal gated
        if not gated:
            gated = True
            await clinic.change(skill.id, requiresVerifiedIdentity=True, verificationLevel="step_up", enabled=False)
        return await prove(*given)

    monkeypatch.setattr(binding_skills, "prove_binding", prove_while_another_gates)
    changed = await clinic.change(skill.id, binding={"limit": 2})
    assert (changed.settings or {})["requiresVerifiedIdentity"] is True
    assert (changed.settings or {})["verificationLevel"] == "step_up"
    assert (changed.enabled, (changed.binding or {})["limit"]) == (False, 2)
