"""Webhooks that declare no fields: what they answer is kept for later turns, listed in the receipt, and limited like the rest."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from patchbay.agent_runtime.conversation.history import messages
from patchbay.agent_runtime.conversation.model import ToolMessage
from patchbay.schema_graph.call import HttpCall
from tests.agent_runtime.doubles import ScriptedModel, found, frozen_call
from tests.agent_runtime.gated import Business, Talk, gated_agent, skill

CALL = msgspec.structs.replace(frozen_call(), kind="webhook", body=HttpCall("POST", "/x"))
ROW = {"status": "valid", "owner.name": "Ada", "owner.ssn": "SSN-CANARY"}
DENIED = {"policyType": "field_limit", "deniedFields": ["SSN"]}


class Endpoint(Business):
    async def run(self, org_id: str, call: Any, context: Any) -> Any:
        return found(dict(ROW))


def told(**more: Any) -> tuple[Talk, dict[str, Any]]:
    agent = gated_agent(skills=[skill("Ask", CALL, **more)], guardrails=[DENIED], verification=[])
    talk = Talk(agent, ScriptedModel(("ask", {}), "Here it is."), business=Endpoint())
    talk.say("ask it")
    return talk, talk.of("tool_call")[-1]


def test_what_it_answers_is_told_but_for_what_is_denied_however_deep() -> None:
    talk, event = told()
    assert (event["leaves"], event["result"]["rows"]) == (["status", "owner.name"], [{"status": "valid", "owner.name": "Ada"}])
    assert "SSN-CANARY" not in repr(talk.all) + repr(talk.model.asked)


def test_allowed_fields_cap_it() -> None:
    _, event = told(allowedFields=["status"])
    assert (event["leaves"], event["result"]["rows"]) == (["status"], [{"status": "valid"}])


def test_a_later_turn_is_told_it_again_within_the_limits_of_then() -> None:
    talk, event = told()
    gate = talk.agent.gates.of("skl_ask")
    stored = {**event, "result": {**event["result"], "rows": [dict(ROW)]}}
    history = messages([("user_utterance", {"text": "ask"}), ("tool_call", stored)], {"ask": partial(gate.row, level=0)})
    (answer,) = [m for m in history if isinstance(m, ToolMessage)]
    assert answer.outcome.rows == [{"status": "valid", "owner.name": "Ada"}]
