"""The quickstart, request for request, without its knowledge step."""

from __future__ import annotations

import pytest

from tests.api.guides.conftest import Caller, said

pytestmark = pytest.mark.anyio


async def test_the_quickstart(caller: Caller) -> None:
    created = await caller.ask("POST", "/agents", {"name": "Acme Support"}, status=201)
    agent = created["id"]
    listed = await caller.ask("GET", "/agents")
    assert [row["id"] for row in listed] == [agent]

    body = {"message": "Do you offer same-day appointments?", "draftMode": False}
    refusal = await caller.refused("POST", f"/agents/{agent}/simulate", body)
    assert (refusal["status"], refusal["code"]) == (409, "no_published_version")
    assert refusal["type"] == "https://docs.flowyte.com/errors/no_published_version"
    assert "no_published_version" in refusal["detail"]

    await caller.ask("POST", f"/agents/{agent}/publish", status=201)
    frames = await caller.simulate(agent, **body)
    assert frames[0][0] == "user_utterance"
    assert frames[-1][0] == "done"
    assert said(frames)
    conversation = frames[-1][1]["conversationId"]
    summary = await caller.ask("GET", f"/conversations/{conversation}")
    assert summary["agentId"] == agent
