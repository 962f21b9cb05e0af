"""The transfer step of the guides "Warm transfer to a human" and "Build an HVAC answering agent", and what may go wrong there."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.agent_runtime.conversation.model import Finish, ToolCallRequest
from tests.api.guides.conftest import Caller, calls, said
from tests.api.guides.operator_desk import Desk

pytestmark = pytest.mark.anyio
BILLING = {
    "name": "Transfer to billing",
    "description": "Transfer the caller to a billing specialist when they ask about an invoice, charge, or refund.",
    "skillType": "transfer",
    "executionConfig": {"destination": "+14155550111"},
    "requiresConfirmation": True,
    "stakes": "medium",
}
ALWAYS_CLOSED: dict[str, Any] = {"monday": []}


async def agent_with(caller: Caller, **skill: Any) -> tuple[str, dict[str, Any]]:
    agent = await caller.ask("POST", "/agents", {"name": "Capital Comfort"}, status=201)
    made = await caller.ask("POST", f"/agents/{agent['id']}/skills", {**BILLING, **skill}, status=201)
    await caller.ask("POST", f"/agents/{agent['id']}/publish", status=201)
    return agent["id"], made


async def test_the_caller_confirms_and_is_handed_over_once(caller: Caller) -> None:
    agent, skill = await agent_with(caller)
    assert (skill["enabled"], skill["connectionId"], "signingSecret" in skill) == (True, None, False)
    talk = ["Transfer me to billing", "I was charged twice", "Yes please", "Thanks"]
    frames = await caller.simulate(agent, transcript=talk, draftMode=False)
    handoffs = [frame["data"] for name, frame in frames if name == "handoff"]
    assert [h["destination"] for h in handoffs] == ["+14155550111"]
    assert (handoffs[0]["reason"], handoffs[0]["skillId"]) == ("I was charged twice", skill["id"])
    assert "You can reach them at +14155550111." in said(frames)
    asked = next(f["data"] for n, f in frames if n == "guardrail" and f["data"]["action"] == "asked")
    assert asked["policy"] == "confirmation_required"
    assert ("succeeded", "Transfer to billing") in calls(frames)
    receipt = await caller.ask("GET", f"/conversations/{frames[-1][1]['conversationId']}/receipt")
    assert [e["type"] for e in receipt].count("handoff") == 1


async def test_saying_no_transfers_nobody(caller: Caller) -> None:
    agent, _ = await agent_with(caller)
    frames = await caller.simulate(agent, transcript=["Transfer me to billing", "A refund", "No"], draftMode=False)
    assert not [name for name, _ in frames if name == "handoff"]


@pytest.mark.parametrize("number", ["(415) 555-0199", "+1 415 555 0199", "415-555-0199"])
async def test_a_number_is_kept_in_one_form(caller: Caller, number: str) -> None:
    _, skill = await agent_with(caller, executionConfig={"destination": number})
    assert skill["executionConfig"] == {"destination": "+14155550199"}


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"destination": "12"},
        {"destination": "sip:a@b\r\nVia: x"},
        {"destination": "javascript:alert(1)"},
        {"departments": [{"name": "A", "destination": "+14155550111"}, {"name": "a", "destination": "Front desk"}]},
        {"destination": "+14155550111", "afterHours": {"message": "Later"}},
        {"destination": "+14155550111", "hours": {"monday": [{"from": "9", "to": "17:00"}]}},
        {"destination": "+14155550111", "timeZone": "Mars/Olympus"},
        {"destination": "+14155550111", "to": "+1"},
    ],
)
async def test_what_is_no_transfer_is_refused(caller: Caller, config: dict[str, Any]) -> None:
    agent = await caller.ask("POST", "/agents", {"name": "Front desk"}, status=201)
    refusal = await caller.refused("POST", f"/agents/{agent['id']}/skills", {**BILLING, "executionConfig": config})
    assert (refusal["status"], refusal["errors"][0]["field"].split(".")[0]) == (400, "executionConfig")


async def test_departments_hours_and_a_change(caller: Caller) -> None:
    departments = [
        {"name": "Billing", "destination": "sip:billing@pbx.example.com", "when": "an invoice or a refund"},
        {"name": "Emergencies", "destination": "+14155550199", "when": "a gas smell"},
    ]
    agent, skill = await agent_with(caller, executionConfig={"departments": departments}, requiresConfirmation=False)
    path = f"/agents/{agent}/skills/{skill['id']}"
    tried = await caller.ask("POST", f"{path}/preview", {"arguments": {"department": "Emergencies"}})
    assert tried["result"]["rows"][0]["destination"] == "+14155550199"
    assert (await caller.refused("POST", f"{path}/preview", {"arguments": {}}))["code"] == "arguments_missing"
    assert (await caller.refused("POST", f"{path}/preview", {"arguments": {"department": "+1900"}}))[
        "code"
    ] == "arguments_invalid"
    closed = {"hours": ALWAYS_CLOSED, "afterHours": {"message": "We open at nine."}}
    await caller.ask("PATCH", path, {"executionConfig": closed})
    refusal = await caller.refused("POST", f"{path}/preview", {"arguments": {"department": "Billing"}})
    assert (refusal["code"], refusal["say"]) == ("outside_hours", "We open at nine.")
    await caller.ask("PATCH", path, {"executionConfig": {"afterHours": {"destination": "Night desk"}}})
    tried = await caller.ask("POST", f"{path}/preview", {"arguments": {"department": "Billing"}})
    assert tried["result"]["rows"][0]["destination"] == "Night desk"
    shown = await caller.ask("PATCH", path, {"executionConfig": {"hours": None, "afterHours": None}})
    assert shown["executionConfig"] == {"departments": departments}
    assert (await caller.refused("PATCH", path, {"requiredParams": ["x"]}))["errors"][0]["code"] == "not_taken"


async def test_no_model_chooses_the_destination_and_none_is_told_what_is_withheld(desk: Desk) -> None:
    skill = await desk.caller.ask(
        "POST",
        f"/agents/{desk.agent}/skills",
        {**BILLING, "requiresConfirmation": None, "allowedFields": ["message"]},
        status=201,
    )
    odd = '{"reason": "a\\nb\\u202e"}'
    forged = '{"destination": "+19005550000", "reason": "x"}'
    desk.model.answers = [[ToolCallRequest(call_id="c1", name=skill["slug"], arguments=forged), Finish()], [Finish()]]
    frames = await desk.caller.simulate(desk.agent, message="hello")
    assert ("refused", "Transfer to billing") in calls(frames)
    assert not [name for name, _ in frames if name == "handoff"]
    desk.model.answers = [[ToolCallRequest(call_id="c1", name=skill["slug"], arguments=odd), Finish()], [Finish()]]
    frames = await desk.caller.simulate(desk.agent, message="hello")
    (handoff,) = [frame["data"] for name, frame in frames if name == "handoff"]
    assert handoff["destination"] == "+14155550111"
    done = next(f["data"] for n, f in frames if n == "tool_call" and f["data"]["state"] == "succeeded")
    assert done["result"]["rows"] == [{"message": "I'm putting you through to a person."}]


async def test_a_direct_call_says_where_to_and_a_verified_caller_may_be_required(caller: Caller) -> None:
    agent, skill = await agent_with(caller, requiresConfirmation=None)
    answer = await caller.ask("POST", f"/agents/{agent}/skills/{skill['slug']}/call", {"arguments": {"reason": "refund"}})
    assert (answer["status"], answer["rows"][0]["destination"]) == ("succeeded", "+14155550111")
    await caller.ask("PATCH", f"/agents/{agent}/skills/{skill['id']}", {"requiresVerifiedIdentity": True})
    await caller.ask("POST", f"/agents/{agent}/publish", status=201)
    report = await caller.ask("GET", f"/agents/{agent}/prepublish-report")
    assert "Transfer to billing: nothing before the caller is verified" in str(report)
