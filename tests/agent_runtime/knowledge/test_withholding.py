"""Who is answered from what: sources behind a search skill's gates, and callers who are being verified."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.agent_runtime.conversation.retrieving import open_to
from patchbay.agent_runtime.frozen import FrozenAgent, FrozenSkill
from patchbay.agent_runtime.gate_settings import put_verification
from patchbay.agent_runtime.hand_made.knowledge import KnowledgeSearchSettings
from patchbay.agent_runtime.hand_made.own import own_call
from patchbay.agent_runtime.knowledge.known import KnownSource
from patchbay.schema_graph.call import KNOWLEDGE
from tests.agent_runtime.conftest import World, types
from tests.agent_runtime.doubles import FakeRunner, agent_draft, call_input, found, frozen_call, output, tool
from tests.agent_runtime.knowledge.shelf import add_source
from tests.agent_runtime.knowledge.test_answering import retrievals, said

MENU, STAFF = (
    KnownSource(name, name, "text", f"kbi_{name}", "", follows) for name, follows in (("menu", False), ("staff", True))
)


def agent(*policies: dict[str, Any], **gates: Any) -> FrozenAgent:
    settings = KnowledgeSearchSettings(source_ids=("staff",))
    outputs: Any = {"passage": ("string", ""), "heading": ("string", ""), "source": ("string", "")}
    call = own_call(KNOWLEDGE, settings, [call_input("query")], outputs, effect="read")
    document = {"id": "skl_1", "name": "Search", "slug": "search", "description": "", "skillType": "knowledge_search"}
    document |= {"tool": tool("Search").schema, "requiresVerifiedIdentity": False, "call": {"digest": "d"}, **gates}
    return FrozenAgent(
        agent_id="agt_1",
        version_id="ver_1",
        number=1,
        sha256="s",
        profile=agent_draft(),
        skills=(FrozenSkill(document, call),),
        guardrails=policies,
        knowledge=(MENU, STAFF),
    )


def test_a_version_is_pinned_but_where_it_follows() -> None:
    assert open_to(agent(), 0) == {"menu": "kbi_menu", "staff": None}


@pytest.mark.parametrize(
    ("policies", "gates", "levels"),
    [
        ([], {"requiresVerifiedIdentity": True}, [False, True, True]),
        ([], {"requiresVerifiedIdentity": True, "verificationLevel": "step_up"}, [False, False, True]),
        ([], {"allowedFields": ["heading"]}, [False, False, False]),
        (
            [{"id": "p1", "policyType": "verify_before_disclose", "name": "p", "appliesToSkillType": "knowledge_search"}],
            {},
            [False, True, True],
        ),
    ],
)
def test_what_a_gated_search_names_is_looked_up_for_whom_its_gates_let_by(
    policies: list[dict[str, Any]], gates: dict[str, Any], levels: list[bool]
) -> None:
    made = agent(*policies, **gates)
    for level, told in enumerate(levels):
        assert ("staff" in open_to(made, level)) is told, level
        assert "menu" in open_to(made, level)


@pytest.mark.anyio
async def test_answers_to_a_verification_are_not_looked_up(world: World) -> None:
    world.runner = FakeRunner(found({"pin": "4071", "customer_id": "c1"}))
    agent_id = await world.agent("Tony's Pizza")
    verifier = await world.skill(
        agent_id, "Check", frozen_call([call_input("account_number")], [output("pin"), output("customer_id")])
    )
    balance = frozen_call([], [output("balance")], verification="basic")
    await world.skill(agent_id, "Account balance", balance)
    await add_source(world.runtime.database, world.org_id, agent_id)
    config = {"method": "account_pin", "requiredFields": ["account_number", "pin"], "verifierSkillId": verifier}
    async with world.runtime.database.tenant(world.org_id) as session:
        await put_verification(session, agent_id, [config], texts=False)
    events = await said(world, agent_id, "What is my account balance?", "AC1001", "my PIN is 4071")
    assert "verification" in types(events)
    assert [one["query"] for one in retrievals(events)] == ["What is my account balance?"]
    assert "4071" not in str(retrievals(events))
