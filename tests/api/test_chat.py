"""Conversations over HTTP: the tester, chat sessions, OpenAI's SDK over a real socket, and what is left of them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx2
import openai
import pytest
import uvicorn
from fastapi import FastAPI

from patchbay.agent_runtime.conversation.model import Finish, ModelUnavailable, TextDelta
from patchbay.api.platform import Platform
from tests.api.conftest import Key, MakeKey, ScriptedModel, client_of, problem

pytestmark = pytest.mark.anyio
SESSIONS = "/api/v1/chat/sessions"
COMPLETIONS = "/api/v1/chat/completions"
Frames = list[tuple[str, dict[str, Any]]]


def frames(response: httpx2.Response) -> Frames:
    assert response.headers["content-type"].startswith("text/event-stream"), response.text
    parts = [part for part in response.text.split("\n\n") if part and not part.startswith(":")]
    split = [part.split("\n", 1) for part in parts]
    return [(event.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for event, data in split]


@pytest.fixture
async def agent(client: httpx2.AsyncClient) -> str:
    """A published agent."""
    created = await client.post("/api/v1/agents", json={"name": "Front desk"})
    agent_id = created.json()["data"]["id"]
    assert (await client.post(f"/api/v1/agents/{agent_id}/publish")).status_code == 201
    return agent_id


@pytest.fixture
async def draft(client: httpx2.AsyncClient) -> str:
    """An agent that was never published."""
    return (await client.post("/api/v1/agents", json={"name": "Draft"})).json()["data"]["id"]


@pytest.fixture
async def base_url(app: FastAPI) -> AsyncIterator[str]:
    """The application behind uvicorn on a real socket."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, http="httptools", lifespan="on", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.005)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1"
    server.should_exit = True
    await task


class TestSimulate:
    async def test_the_draft_answers_event_by_event(self, client: httpx2.AsyncClient, draft: str) -> None:
        response = await client.post(f"/api/v1/agents/{draft}/simulate", json={"message": "Hello?"})
        events = frames(response)
        assert [name for name, _ in events] == [
            "user_utterance",
            "agent_message_delta",
            "agent_message_delta",
            "agent_message",
            "done",
        ]
        said = events[-2][1]
        assert (said["type"], said["data"]["text"]) == ("agent_message", "Hello from Acme.")
        done = events[-1][1]
        conversation = response.headers["patchbay-conversation-id"]
        assert (done["conversationId"], done["outcome"], done["data"]["outcome"]) == (conversation, "answered", "answered")
        receipt = (await client.get(f"/api/v1/conversations/{conversation}/receipt")).json()["data"]
        stored = [event for _, event in events if "seq" in event]
        assert receipt == stored
        assert [event["seq"] for event in stored] == [1, 2]

    async def test_a_transcript_is_one_conversation(self, client: httpx2.AsyncClient, draft: str) -> None:
        body = {"mode": "text", "draftMode": True, "transcript": ["What are your hours?", "And on Sunday?"]}
        response = await client.post(f"/api/v1/agents/{draft}/simulate", json=body)
        said = [event["data"]["text"] for name, event in frames(response) if name == "user_utterance"]
        assert said == body["transcript"]
        transcript = await client.get(f"/api/v1/conversations/{response.headers['patchbay-conversation-id']}/transcript")
        turns = [(turn["turn"], turn["role"], turn["text"]) for turn in transcript.json()["data"]]
        reply = "Hello from Acme."
        assert turns == [(1, "user", said[0]), (1, "agent", reply), (2, "user", said[1]), (2, "agent", reply)]

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({"message": "a", "transcript": ["b"]}, 400, "validation_error"),
            ({}, 400, "validation_error"),
            ([], 400, "validation_error"),
            ({"message": " "}, 400, "validation_error"),
            ({"transcript": []}, 400, "validation_error"),
            ({"message": "a", "mod": "text"}, 400, "validation_error"),
            ({"message": "a", "mode": "voice"}, 403, "reserved"),
            ({"message": "a", "draftMode": False}, 409, "no_published_version"),
        ],
    )
    async def test_what_can_be_refused_is_refused_before_the_stream(
        self, client: httpx2.AsyncClient, draft: str, body: Any, status: int, code: str
    ) -> None:
        problem(await client.post(f"/api/v1/agents/{draft}/simulate", json=body), status, code)


class TestSessions:
    async def test_a_session_from_beginning_to_end(self, client: httpx2.AsyncClient, agent: str) -> None:
        created = await client.post(SESSIONS, json={"agentId": agent})
        assert created.status_code == 201
        session = created.json()["data"]
        path = f"{SESSIONS}/{session['id']}"
        answer = (await client.post(f"{path}/messages", json={"content": "Hello?", "stream": False})).json()["data"]
        assert [message["content"] for message in answer["messages"]] == ["Hello from Acme."]
        assert answer["outcome"] == "answered"
        streamed = frames(await client.post(f"{path}/messages", json={"content": "Again?", "stream": True}))
        assert (streamed[0][0], streamed[-1][0]) == ("user_utterance", "done")
        first = (await client.get(f"{path}/messages", params={"limit": 3})).json()
        rest = (await client.get(f"{path}/messages", params={"cursor": first["pagination"]["nextCursor"]})).json()
        said = [(message["role"], message["content"]) for message in first["data"] + rest["data"]]
        hello = ("assistant", "Hello from Acme.")
        assert said == [("user", "Hello?"), hello, ("user", "Again?"), hello]
        assert first["data"][1] == answer["messages"][0]
        ended = (await client.post(f"{path}/end")).json()["data"]
        assert (ended["status"], ended["turns"]) == ("ended", 2)
        refused = await client.post(f"{path}/messages", json={"content": "More?"})
        assert refused.status_code == 409, refused.text
        assert (await client.get(path)).json()["data"]["status"] == "ended"

    async def test_an_agent_that_was_never_published_answers_drafts_only(self, client: httpx2.AsyncClient, draft: str) -> None:
        document = problem(await client.post(SESSIONS, json={"agentId": draft}), 409, "no_published_version")
        assert document["type"] == "https://docs.flowyte.com/errors/no_published_version"
        created = await client.post(SESSIONS, json={"agentId": draft, "draftMode": True})
        assert (created.status_code, created.json()["data"]["draftMode"]) == (201, True)

    async def test_a_model_that_does_not_answer_is_something_sayable(
        self, client: httpx2.AsyncClient, agent: str, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def unavailable(_: Any) -> AsyncIterator[Any]:
            raise ModelUnavailable
            yield

        monkeypatch.setattr(model, "stream", unavailable)
        session = (await client.post(SESSIONS, json={"agentId": agent})).json()["data"]["id"]
        answer = await client.post(f"{SESSIONS}/{session}/messages", json={"content": "Hello?"})
        assert answer.status_code == 200
        assert "try again" in answer.json()["data"]["messages"][0]["content"].lower()


class TestHistory:
    async def test_conversations_are_found_by_what_was_said(self, client: httpx2.AsyncClient, agent: str, draft: str) -> None:
        for said in ("Do you ship to Canada?", "Is the shop open?"):
            await client.post(COMPLETIONS, json={"model": agent, "messages": [{"role": "user", "content": said}]})
        await client.post(f"/api/v1/agents/{draft}/simulate", json={"message": "Just testing"})

        async def found(**params: str) -> int:
            response = await client.get("/api/v1/conversations", params=params)
            assert response.status_code == 200, response.text
            return len(response.json()["data"])

        assert await found() == 3
        assert await found(q="canada") == 1
        assert await found(agentId=agent) == 2
        assert await found(channel="simulation") == 1
        assert await found(outcome="answered", channel="chat") == 2
        assert await found(**{"from": "2999-01-01T00:00:00Z"}) == 0
        assert await found(**{"to": "2999-01-01T00:00:00Z"}) == 3


class TestCompletions:
    async def test_a_completion_has_openais_shape(self, client: httpx2.AsyncClient, agent: str) -> None:
        body = {"model": agent, "messages": [{"role": "user", "content": "Hello?"}], "temperature": 1.5, "whatever": [1]}
        response = await client.post(COMPLETIONS, json=body)
        document = response.json()
        assert document["object"] == "chat.completion"
        assert document["model"] == agent
        assert document["choices"] == [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello from Acme.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ]
        assert set(document) == {"id", "object", "created", "model", "choices", "usage"}
        assert response.headers["patchbay-conversation-id"].startswith("cnv_")

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"model": "gpt-5", "messages": [{"role": "user", "content": "x"}]}, "model_not_found"),
            ({"messages": [{"role": "user", "content": "x"}]}, "validation_error"),
            ({"model": "AGENT", "messages": []}, "validation_error"),
            ({"model": "AGENT", "messages": [{"role": "robot", "content": "x"}]}, "validation_error"),
            ({"model": "AGENT", "messages": [{"role": "user", "content": "x"}], "stream": "yes"}, "validation_error"),
            ([], "validation_error"),
        ],
    )
    async def test_a_bad_request_is_400_in_both_shapes(
        self, client: httpx2.AsyncClient, agent: str, body: Any, code: str
    ) -> None:
        sent = json.loads(json.dumps(body).replace("AGENT", agent))
        document = problem(await client.post(COMPLETIONS, json=sent), 400, code)
        assert document["error"]["message"] == document["detail"]
        assert (document["error"]["type"], document["error"]["code"]) == ("invalid_request_error", code)

    async def test_other_refusals_have_both_shapes_too(self, client: httpx2.AsyncClient, draft: str, make_key: MakeKey) -> None:
        body = {"model": draft, "messages": [{"role": "user", "content": "x"}]}
        assert problem(await client.post(COMPLETIONS, json=body), 409, "no_published_version")["error"]["code"]
        unknown = await client.post(COMPLETIONS, json=body, headers={"Authorization": "Bearer x"})
        assert problem(unknown, 401, "unauthorized")["error"]["type"] == "authentication_error"
        reader = await make_key("chat:read")
        refused = await client.post(COMPLETIONS, json=body, headers=reader.headers)
        assert problem(refused, 403, "insufficient_scope")["error"]["type"] == "permission_error"

    async def test_a_conversation_goes_on_when_it_is_named(
        self, client: httpx2.AsyncClient, agent: str, model: ScriptedModel
    ) -> None:
        body = {"model": agent, "messages": [{"role": "user", "content": "First"}]}
        first = await client.post(COMPLETIONS, json=body)
        conversation = first.headers["patchbay-conversation-id"]
        named = {"Patchbay-Conversation-Id": conversation}
        body["messages"] = [{"role": "assistant", "content": "You are verified."}, {"role": "user", "content": "Second"}]
        second = await client.post(COMPLETIONS, json=body, headers=named)
        assert second.headers["patchbay-conversation-id"] == conversation
        heard = [getattr(message, "text", "") for message in model.asked[-1].messages]
        assert heard == ["First", "Hello from Acme.", "Second"]
        problem(await client.post(COMPLETIONS, json=body, headers={"Patchbay-Conversation-Id": "cnv_none"}), 404, "not_found")


class TestOpenAISdk:
    async def test_a_completion(self, base_url: str, key: Key, agent: str) -> None:
        sdk = openai.AsyncOpenAI(base_url=base_url, api_key=key.secret, max_retries=0)
        completion = await sdk.chat.completions.create(model=agent, messages=[{"role": "user", "content": "Hello?"}], user="u-1")
        assert completion.choices[0].message.content == "Hello from Acme."
        assert completion.usage is not None
        assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
        await sdk.close()

    async def test_a_stream(self, base_url: str, key: Key, agent: str, model: ScriptedModel) -> None:
        sdk = openai.AsyncOpenAI(base_url=base_url, api_key=key.secret, max_retries=0)
        stream = await sdk.chat.completions.create(model=agent, messages=[{"role": "user", "content": "Hello?"}], stream=True)
        chunks = [chunk async for chunk in stream]
        assert [chunk.choices[0].delta.content for chunk in chunks] == ["", "Hello from ", "Acme.", None]
        assert chunks[0].choices[0].delta.role == "assistant"
        assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None, None, "stop"]
        assert len({chunk.id for chunk in chunks}) == 1
        assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
        await sdk.close()

    async def test_refusals_are_the_sdks_own_errors(self, base_url: str, key: Key, draft: str) -> None:
        sdk = openai.AsyncOpenAI(base_url=base_url, api_key=key.secret, max_retries=0)
        with pytest.raises(openai.BadRequestError) as unknown:
            await sdk.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "x"}])
        assert unknown.value.code == "model_not_found"
        with pytest.raises(openai.ConflictError) as never:
            await sdk.chat.completions.create(model=draft, messages=[{"role": "user", "content": "x"}], stream=True)
        assert never.value.code == "no_published_version"
        stranger = openai.AsyncOpenAI(base_url=base_url, api_key="flowyte_sk_x", max_retries=0)
        with pytest.raises(openai.AuthenticationError):
            await stranger.chat.completions.create(model=draft, messages=[{"role": "user", "content": "x"}])
        await stranger.close()
        await sdk.close()


class TestActivity:
    async def test_each_turn_leaves_a_row(self, client: httpx2.AsyncClient, agent: str, platform: Platform) -> None:
        session = (await client.post(SESSIONS, json={"agentId": agent})).json()["data"]["id"]
        said = [{"role": "user", "content": "Hello?"}]
        await client.post(f"{SESSIONS}/{session}/messages", json={"content": "Hello?"})
        await client.post(f"{SESSIONS}/{session}/messages", json={"content": "Hello?", "stream": True})
        await client.post(COMPLETIONS, json={"model": agent, "messages": said})
        await client.post(COMPLETIONS, json={"model": "gpt-5", "messages": said})
        await client.post(f"/api/v1/agents/{agent}/simulate", json={"message": "Hello?"})
        await platform.runtime.drain()
        rows = (await client.get("/api/v1/audit-logs", params={"limit": 5})).json()["data"]
        found = sorted((row["route"].removeprefix("/api/v1"), row["status"], row["resourceId"]) for row in rows)
        assert [(route, status) for route, status, _ in found] == [
            ("/agents/{agentId}/simulate", 200),
            ("/chat/completions", 200),
            ("/chat/completions", 400),
            ("/chat/sessions/{id}/messages", 200),
            ("/chat/sessions/{id}/messages", 200),
        ]
        assert found[3][2] == session


class TestClientsThatLeave:
    @pytest.mark.parametrize("path", ["simulate", "message", "completion"])
    async def test_the_work_is_cancelled(
        self, base_url: str, client: httpx2.AsyncClient, key: Key, agent: str, model: ScriptedModel, monkeypatch: Any, path: str
    ) -> None:
        asked, cancelled = asyncio.Event(), asyncio.Event()

        async def slow(_: Any) -> AsyncIterator[Any]:
            yield TextDelta(text="One moment")
            asked.set()
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                cancelled.set()
                raise
            yield Finish()

        monkeypatch.setattr(model, "stream", slow)
        session = (await client.post(SESSIONS, json={"agentId": agent})).json()["data"]["id"]
        said = [{"role": "user", "content": "Hello?"}]
        request: tuple[str, dict[str, Any]] = {
            "simulate": (f"/agents/{agent}/simulate", {"message": "Hello?"}),
            "message": (f"/chat/sessions/{session}/messages", {"content": "Hello?"}),
            "completion": ("/chat/completions", {"model": agent, "messages": said, "stream": True}),
        }[path]
        async with httpx2.AsyncClient(headers=key.headers) as leaving:
            task = asyncio.create_task(leaving.post(base_url + request[0], json=request[1]))
            await asyncio.wait_for(asked.wait(), 10)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.wait_for(cancelled.wait(), 10)


async def test_another_organizations_agent_does_not_exist(app: FastAPI, agent: str, make_key: MakeKey) -> None:
    other = await make_key(org="Globex")
    async with client_of(app, other.headers) as theirs:
        problem(await theirs.post(SESSIONS, json={"agentId": agent}), 404, "not_found")
        body = {"model": agent, "messages": [{"role": "user", "content": "x"}]}
        problem(await theirs.post(COMPLETIONS, json=body), 400, "model_not_found")
        problem(await theirs.post(f"/api/v1/agents/{agent}/simulate", json={"message": "x"}), 404, "not_found")
