"""A published agent as an MCP server, used with the official client over HTTP, and attacked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from mcp import Client
from mcp.client.session import ElicitationFnT
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ElicitResult
from sqlalchemy import select, text

from patchbay.accounts.keys import revoke_key
from patchbay.accounts.tables import OperatorEvent
from patchbay.agent_runtime.mcp import asking, calls, pending
from patchbay.agent_runtime.mcp.sessions import IDLE_S, LASTS_S
from patchbay.store.database import Database
from tests.api.conftest import Key, MakeKey, problem
from tests.api.guides.test_verify_a_caller import ACCOUNTS, BALANCE, VERIFIER
from tests.api.mcp_service import serving_app
from tests.api.webhook_service import Service, lost, serving, slow
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

ORDER: dict[str, Any] = {
    "toolName": "Find a customer",
    "description": "Find a customer by account number.",
    "operation": "customers.read",
    "inputs": [{"param": "account_number", "arg": "account_number", "required": True}],
    "projection": [{"path": ["account_number"], "leaf": "account"}, {"path": ["postcode"], "leaf": "area"}],
    "enabled": True,
}
WRITE: dict[str, Any] = {
    "name": "Book a visit",
    "description": "Book a visit at the caller's home.",
    "skillType": "http_webhook",
    "parametersSchema": {
        "type": "object",
        "properties": {"day": {"type": "string", "description": "The day"}},
        "required": ["day"],
    },
}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
ACCEPTED = {"Accept": "application/json, text/event-stream"}


def message(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


@dataclass
class Practice:
    """A published agent with a read, a verified read and, over a webhook, a write that is confirmed."""

    agent: str
    app: FastAPI
    service: Service
    url: str = ""

    @property
    def path(self) -> str:
        return f"/api/v1/agents/{self.agent}/mcp"

    @asynccontextmanager
    async def client(self, key: Key, asked: ElicitationFnT | None = None, **headers: str) -> AsyncIterator[Client]:
        """The official client, as it connects by default; ``asked`` answers what the person who uses it is asked."""
        transport = None if self.url else httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        sent = {**key.headers, **headers}
        async with httpx2.AsyncClient(transport=transport, headers=sent, timeout=30) as http:
            streams = streamable_http_client(f"{self.url or 'http://patchbay.test'}{self.path}", http_client=http)
            async with Client(streams, elicitation_callback=asked) as client:
                yield client


async def data(response: httpx2.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()["data"]


@pytest.fixture
async def practice(client: httpx2.AsyncClient, app: FastAPI, tls_postgres: PostgresServer) -> AsyncIterator[Practice]:
    credentials = tls_postgres.create_database(sql=ACCOUNTS)
    body = {"credentials": credentials, "defaultCountry": "GB"}
    await data(await client.post("/api/v1/integrations/postgres/connect", json=body))
    await data(await client.post("/api/v1/integrations/postgres/discover"))
    agent = (await data(await client.post("/api/v1/agents", json={"name": "Acme", "defaultCountry": "GB"}), 201))["id"]
    bindings = f"/api/v1/agents/{agent}/integrations/postgres/bindings"
    verifier = (await data(await client.post(bindings, json=VERIFIER), 201))["id"]
    await data(await client.post(bindings, json={**BALANCE, "requiresVerifiedIdentity": True}), 201)
    await data(await client.post(bindings, json=ORDER), 201)
    config = {
        "method": "dob_postcode",
        "requiredFields": ["account_number", "date_of_birth", "postcode"],
        "verifierSkillId": verifier,
        "maxAttempts": 2,
    }
    await data(await client.put(f"/api/v1/agents/{agent}/caller-verification", json=[config]))
    async with serving({"reference": "V-1"}) as service:
        execution = {"url": f"{service.url}/visits", "effect": "write"}
        written = await client.post(f"/api/v1/agents/{agent}/skills", json={**WRITE, "executionConfig": execution})
        skill = await data(written, 201)
        service.secret = skill["signingSecret"]
        review = {"enabled": True, "review": {"digest": skill["reviewDigest"], "note": "Looked at"}}
        await data(await client.patch(f"/api/v1/agents/{agent}/skills/{skill['id']}", json=review))
        await data(await client.post(f"/api/v1/agents/{agent}/publish"), 201)
        yield Practice(agent, app, service)


@pytest.fixture
async def real(practice: Practice) -> AsyncIterator[Practice]:
    """The same behind a real port: what is streamed arrives as it is sent."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        practice.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with serving_app(practice.app, listening):
            yield practice


def told(result: CallToolResult) -> dict[str, Any]:
    answer: dict[str, Any] = result.structured_content
    assert result.is_error == (answer["status"] != "succeeded")
    return answer


async def receipt_of(client: httpx2.AsyncClient, conversation: str) -> list[dict[str, Any]]:
    return await data(await client.get(f"/api/v1/conversations/{conversation}/receipt"))


async def test_the_official_client_lists_and_calls_tools(practice: Practice, client: httpx2.AsyncClient, key: Key) -> None:
    async with practice.client(key) as mcp:
        assert mcp.protocol_version == "2025-11-25"
        assert mcp.server_info is not None
        assert mcp.server_info.name == "Patchbay"
        tools = {tool.name: tool for tool in (await mcp.list_tools()).tools}
        assert set(tools) == {"Find_a_customer", "Account_balance", "Book_a_visit", "verify_caller", "confirm_call"}
        hints = tools["Find_a_customer"].annotations
        assert hints is not None
        assert (hints.read_only_hint, hints.destructive_hint, hints.open_world_hint) == (True, False, False)
        hints = tools["Book_a_visit"].annotations
        assert hints is not None
        assert (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint) == (False, True, False)
        assert tools["Find_a_customer"].input_schema["required"] == ["account_number"]
        assert tools["Account_balance"].input_schema["properties"] == {}
        found = told(await mcp.call_tool("Find_a_customer", {"account_number": "AC1001"}))
        assert (found["status"], found["rows"]) == ("succeeded", [{"account": "AC1001", "area": "SW1A 1AA"}])
        wrong = told(await mcp.call_tool("Find_a_customer", {}))
        assert (wrong["status"], wrong["missing"]) == ("refused", ["account_number"])
        assert found["conversationId"] == wrong["conversationId"]
        with pytest.raises(MCPError, match="no such tool"):
            await mcp.call_tool("Verify_identity", {"account_number": "AC1001"})
        conversation = await data(await client.get(f"/api/v1/conversations/{found['conversationId']}"))
        assert (conversation["channel"], conversation["status"], conversation["turns"]) == ("mcp", "active", 2)
    conversation = await data(await client.get(f"/api/v1/conversations/{found['conversationId']}"))
    assert conversation["status"] == "ended"
    assert [one["id"] for one in await data(await client.get("/api/v1/conversations"))] == [found["conversationId"]]
    events = await receipt_of(client, found["conversationId"])
    assert [event["seq"] for event in events] == [1, 2, 3, 4]
    assert [(event["type"], event["data"]["state"]) for event in events] == [
        ("tool_call", "started"),
        ("tool_call", "succeeded"),
        ("tool_call", "started"),
        ("tool_call", "refused"),
    ]


async def test_a_caller_is_verified_once_in_a_session(practice: Practice, client: httpx2.AsyncClient, key: Key) -> None:
    async with practice.client(key, **{"Patchbay-Caller-Number": "+447700900123"}) as mcp:
        asked = told(await mcp.call_tool("Account_balance", {}))
        assert (asked["code"], asked["rows"]) == ("verification_required", [])
        assert "account number" in asked["message"]
        assert "verify_caller" in asked["message"]
        with_answer = told(await mcp.call_tool("verify_caller", {"answer": "AC 1001"}))
        assert "date of birth" in with_answer["message"]
        again = told(await mcp.call_tool("verify_caller", {}))
        assert "date of birth" in again["message"]
        await mcp.call_tool("verify_caller", {"answer": "the third of May 1980"})
        verified = told(await mcp.call_tool("verify_caller", {"answer": "SW1A 1AA"}))
        assert (verified["status"], verified["message"][:22]) == ("succeeded", "The caller is verified")
        balance = told(await mcp.call_tool("Account_balance", {}))
        assert balance["rows"] == [{"balance": "1250.75", "iban": "GB33BUKB20201555555555"}]
        # The postcode was a secret of this session: it is masked wherever it comes back.
        found = told(await mcp.call_tool("Find_a_customer", {"account_number": "AC1001"}))
        assert found["rows"] == [{"account": "AC1001", "area": "[redacted:postcode]"}]
        receipt = await receipt_of(client, balance["conversationId"])
    states = [event["data"]["state"] for event in receipt if event["type"] == "verification"]
    assert states == ["started", "asked", "asked", "asked", "succeeded"]
    whole = str(receipt)
    for secret in ("1980", "third of May", "SW1A", "1AA"):
        assert secret not in whole, secret
    assert "[redacted:date_of_birth]" in whole
    async with practice.client(key) as other:
        assert told(await other.call_tool("Account_balance", {}))["code"] == "verification_required"


async def test_guesses_are_counted_across_sessions(practice: Practice, client: httpx2.AsyncClient, key: Key) -> None:
    codes: list[str] = []
    for _ in range(3):
        async with practice.client(key) as mcp:
            code = told(await mcp.call_tool("Account_balance", {}))["code"]
            for answer in ("AC1001", "1 January 1980", "M1 1AE"):
                last = told(await mcp.call_tool("verify_caller", {"answer": answer}))
                code = last["code"]
            codes.append(code)
    assert codes == ["verification_required", "verification_locked", "verification_locked"]
    async with practice.client(key) as mcp:  # and who knows the right answers is locked out too
        await mcp.call_tool("Account_balance", {})
        for answer in ("AC1001", "3 May 1980", "SW1A 1AA"):
            last = told(await mcp.call_tool("verify_caller", {"answer": answer}))
        assert last["code"] == "verification_locked"
        assert told(await mcp.call_tool("Account_balance", {}))["code"] == "verification_locked"


async def test_a_write_runs_once_and_only_as_it_was_described(
    practice: Practice, client: httpx2.AsyncClient, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with practice.client(key) as mcp:

        async def ask(day: str) -> dict[str, Any]:
            return told(await mcp.call_tool("Book_a_visit", {"day": day}))

        async def confirm(token: Any) -> dict[str, Any]:
            return told(await mcp.call_tool("confirm_call", {"confirmation": token}))

        asked = await ask("Monday")
        assert (asked["code"], practice.service.seen) == ("confirmation_required", [])
        assert "Monday" in asked["message"]
        assert (await ask("Monday"))["confirmation"] != asked["confirmation"]
        assert (await confirm(asked["confirmation"]))["code"] == "nothing_to_confirm"  # another was asked for meanwhile
        token = (await ask("Tuesday"))["confirmation"]
        assert (await confirm("x" + token))["code"] == "nothing_to_confirm"
        assert (await confirm(token))["code"] == "nothing_to_confirm"  # a wrong one uses it up
        token = (await ask("Wednesday"))["confirmation"]
        done = await confirm(token)
        assert (done["status"], done["rows"]) == ("succeeded", [{"reference": "V-1"}])
        assert practice.service.seen == [("POST", "/visits", {"day": "Wednesday"})]
        assert (await confirm(token))["code"] == "nothing_to_confirm"
        monkeypatch.setattr(pending, "GOOD_FOR_S", -1.0)
        assert (await confirm((await ask("Friday"))["confirmation"]))["code"] == "nothing_to_confirm"
        wrong = told(await mcp.call_tool("Book_a_visit", {}))
        assert (wrong["missing"], wrong["confirmation"]) == (["day"], None)
        receipt = await receipt_of(client, done["conversationId"])
    assert len(practice.service.seen) == 1
    assert token not in str(receipt)
    assert [e["data"]["action"] for e in receipt if e["type"] == "guardrail"].count("confirmed") == 1
    async with practice.client(key) as mcp:
        token = told(await mcp.call_tool("Book_a_visit", {"day": "Sunday"}))["confirmation"]
    async with practice.client(key) as other:  # a confirmation is the session's that asked
        assert told(await other.call_tool("confirm_call", {"confirmation": token}))["code"] == "nothing_to_confirm"


class Person:
    """Whoever uses a client: ``says`` is what they answer, after ``waits`` seconds."""

    def __init__(self, says: ElicitResult, waits: float = 0.0) -> None:
        self.says, self.waits = says, waits
        self.heard: list[str] = []

    async def __call__(self, context: Any, params: Any) -> ElicitResult:
        self.heard.append(params.message)
        await asyncio.sleep(self.waits)
        return self.says


YES = ElicitResult(action="accept", content={"confirm": True})


async def test_the_person_at_the_client_is_asked_where_it_can_ask(
    real: Practice, client: httpx2.AsyncClient, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/v1/agents/{real.agent}/skills/Book_a_visit"
    shown = await data(await client.patch(path, json={"stakes": "high"}))
    review = {"enabled": True, "review": {"digest": shown["reviewDigest"], "note": "x"}}
    await data(await client.patch(path, json=review))
    await data(await client.post(f"/api/v1/agents/{real.agent}/publish"), 201)
    person = Person(YES)
    async with real.client(key, person) as mcp:
        done = told(await mcp.call_tool("Book_a_visit", {"day": "Monday"}))
        assert (done["status"], done["rows"]) == ("succeeded", [{"reference": "V-1"}])
        assert "Monday" in person.heard[0]
        for says in (
            ElicitResult(action="decline"),
            ElicitResult(action="cancel"),
            ElicitResult(action="accept", content={"confirm": False}),
            ElicitResult(action="accept", content={}),
            ElicitResult(action="accept", content={"confirm": True, "note": "x" * 10_000}),
        ):
            monkeypatch.setattr(asking, "WAITS_S", 1.0)
            person.says = says
            declined = told(await mcp.call_tool("Book_a_visit", {"day": "Tuesday"}))
            assert (declined["code"], declined["confirmation"]) == ("confirmation_declined", None)
        assert told(await mcp.call_tool("Find_a_customer", {"account_number": "AC1001"}))["status"] == "succeeded"
        receipt = await receipt_of(client, done["conversationId"])
    assert real.service.seen == [("POST", "/visits", {"day": "Monday"})]
    actions = [e["data"]["action"] for e in receipt if e["type"] == "guardrail"]
    assert actions == ["asked", "confirmed", *["asked"] * 5]


async def test_an_answer_is_taken_from_its_own_session_while_it_is_asked_for(
    real: Practice, client: httpx2.AsyncClient, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "WAITS_S", 1.0)
    person = Person(YES, waits=0.5)
    answer = {"jsonrpc": "2.0", "id": "elc_forged", "result": {"action": "accept", "content": {"confirm": True}}}
    other = Raw(client, real, key)
    await other.begin()
    async with real.client(key, person) as mcp:
        under_way = asyncio.create_task(mcp.call_tool("Book_a_visit", {"day": "Monday"}))
        assert (await other.send(answer)).status_code == 202
        assert real.service.seen == []
        assert told(await under_way)["status"] == "succeeded"
    assert (await other.send(answer)).status_code == 202
    problem(await client.post(real.path, json=answer, headers=key.headers), 400, "mcp_session_required")
    person.waits = 5.0
    async with real.client(key, person) as mcp:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await mcp.call_tool("Book_a_visit", {"day": "Tuesday"})
    assert len(real.service.seen) == 1


async def test_what_is_at_stake_is_confirmed_in_person(practice: Practice, client: httpx2.AsyncClient, key: Key) -> None:
    path = f"/api/v1/agents/{practice.agent}/skills/Book_a_visit"
    shown = await data(await client.patch(path, json={"stakes": "high"}))
    review = {"enabled": True, "review": {"digest": shown["reviewDigest"], "note": "x"}}
    await data(await client.patch(path, json=review))
    await data(await client.post(f"/api/v1/agents/{practice.agent}/publish"), 201)
    async with practice.client(key) as mcp:
        refused = told(await mcp.call_tool("Book_a_visit", {"day": "Monday"}))
    assert (refused["code"], refused["confirmation"], practice.service.seen) == ("confirmation_not_here", None, [])


async def test_an_unknown_outcome_is_said_and_raised(
    practice: Practice, client: httpx2.AsyncClient, key: Key, database: Database
) -> None:
    practice.service.answer = lost
    async with practice.client(key) as mcp:
        token = told(await mcp.call_tool("Book_a_visit", {"day": "Monday"}))["confirmation"]
        unknown = told(await mcp.call_tool("confirm_call", {"confirmation": token}))
    assert (unknown["status"], unknown["code"]) == ("failed", "outcome_unknown")
    async with database.tenant(key.org_id, read_only=True) as session:
        raised = (await session.scalars(select(OperatorEvent).where(OperatorEvent.type == "write.unknown"))).all()
    assert [event.conversation_id for event in raised] == [unknown["conversationId"]]


async def test_calls_of_one_session_take_turns(practice: Practice, client: httpx2.AsyncClient, key: Key) -> None:
    async with practice.client(key) as mcp:
        asked = [mcp.call_tool("Find_a_customer", {"account_number": f"AC100{n % 2 + 1}"}) for n in range(8)]
        results = [told(result) for result in await asyncio.gather(*asked)]
    assert [one["rows"][0]["account"] for one in results] == [f"AC100{n % 2 + 1}" for n in range(8)]
    events = await receipt_of(client, results[0]["conversationId"])
    assert [event["seq"] for event in events] == list(range(1, 17))
    assert [event["turn"] for event in events] == [turn for turn in range(1, 9) for _ in range(2)]


async def test_a_call_that_waits_too_long_is_told_so(
    practice: Practice, client: httpx2.AsyncClient, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "WAITS_S", 0.3)
    practice.service.answer = slow
    async with practice.client(key) as mcp:
        token = told(await mcp.call_tool("Book_a_visit", {"day": "Monday"}))["confirmation"]
        under_way = asyncio.create_task(mcp.call_tool("confirm_call", {"confirmation": token}))
        await asyncio.sleep(0.3)
        with pytest.raises(MCPError, match="turn_in_progress"):
            await mcp.call_tool("Find_a_customer", {"account_number": "AC1001"})
        assert told(await under_way)["status"] == "succeeded"
        assert told(await mcp.call_tool("Find_a_customer", {"account_number": "AC1001"}))["status"] == "succeeded"


async def test_every_message_is_admitted_counted_and_logged(practice: Practice, client: httpx2.AsyncClient, key: Key) -> None:
    mine = Raw(client, practice, key)
    session = await mine.begin()
    response = await mine.send(message("tools/call", name="Find_a_customer", arguments={"account_number": "AC1001"}))
    assert int(response.headers["ratelimit-limit"]) > int(response.headers["ratelimit-remaining"])
    assert response.headers["cache-control"] == "no-store"
    await practice.app.state.platform.runtime.drain()
    logged = await data(await client.get("/api/v1/audit-logs", params={"limit": 2}))
    conversation = session.partition(".")[0]
    assert [(row["path"], row["resourceId"]) for row in logged] == [(practice.path, conversation)] * 2
    assert session not in str(logged)


class Raw:
    """A session without the SDK's client, to break the rules with."""

    def __init__(self, client: httpx2.AsyncClient, practice: Practice, key: Key) -> None:
        self.client, self.path, self.headers = client, practice.path, {**key.headers, **ACCEPTED}

    async def begin(self, **headers: str) -> str:
        response = await self.client.post(self.path, json=INITIALIZE, headers=self._sent(headers))
        assert response.status_code == 200, response.text
        self.headers["Mcp-Session-Id"] = response.headers["mcp-session-id"]
        return self.headers["Mcp-Session-Id"]

    async def send(self, body: Any, **headers: str) -> httpx2.Response:
        return await self.client.post(self.path, json=body, headers=self._sent(headers))

    def _sent(self, headers: dict[str, str]) -> Any:
        return {name: value.encode() for name, value in {**self.headers, **headers}.items()}


async def test_a_session_is_its_keys_alone(
    practice: Practice, client: httpx2.AsyncClient, key: Key, make_key: MakeKey, database: Database
) -> None:
    mine = Raw(client, practice, key)
    session = await mine.begin()
    lists = message("tools/list")
    assert (await mine.send(lists)).status_code == 200
    colleague, stranger, reader = await make_key(), await make_key(org="Globex"), await make_key("chat:read")
    for other, status, code in (
        (colleague, 404, "mcp_session_not_found"),
        (stranger, 404, "not_found"),
        (reader, 403, "insufficient_scope"),
    ):
        problem(await mine.send(lists, **other.headers), status, code)
        response = await client.delete(practice.path, headers={**other.headers, "Mcp-Session-Id": session})
        problem(response, status, code)
    problem(await mine.send(lists, Authorization="Bearer flowyte_pk_abc"), 401, "unauthorized")
    conversation, _, proof = session.partition(".")
    for forged in (conversation, f"{conversation}.{proof[::-1]}", f"cnv_none.{proof}", ".", "é"):
        refused = await mine.send(lists, **{"Mcp-Session-Id": forged})
        problem(refused, 404, "mcp_session_not_found")
    draft = (await data(await client.post("/api/v1/agents", json={"name": "Draft"}), 201))["id"]
    response = await client.post(f"/api/v1/agents/{draft}/mcp", json=INITIALIZE, headers=mine.headers)
    problem(response, 409, "no_published_version")
    chat = (await data(await client.post("/api/v1/chat/sessions", json={"agentId": practice.agent}), 201))["id"]
    problem(await client.post(f"/api/v1/chat/sessions/{conversation}/messages", json={"content": "Hi"}), 404, "not_found")
    problem(await mine.send(lists, **{"Mcp-Session-Id": f"{chat}.{proof}"}), 404, "mcp_session_not_found")
    briefly = await make_key("chat:write")
    leaving = Raw(client, practice, briefly)
    await leaving.begin()
    await revoke_key(database, org_id=key.org_id, key_id=briefly.key_id)
    problem(await leaving.send(lists), 401, "unauthorized")


async def test_sessions_end(practice: Practice, client: httpx2.AsyncClient, key: Key, database: Database) -> None:
    mine, lists = Raw(client, practice, key), message("tools/list")
    await mine.begin()
    assert (await client.delete(practice.path, headers=mine.headers)).status_code == 200
    problem(await mine.send(lists), 404, "mcp_session_not_found")
    problem(await client.delete(practice.path, headers=mine.headers), 404, "mcp_session_not_found")
    session = await mine.begin()
    seen = "jsonb_set(state, '{seenAt}', to_jsonb(extract(epoch FROM now()) - :by))"
    move = text(f"UPDATE conversations SET state = {seen} RETURNING id")
    await database.once(key.org_id, move, {"by": IDLE_S - 5})
    assert (await mine.send(lists)).status_code == 200  # and that it was used is noted
    assert (await mine.send(lists)).status_code == 200
    await database.once(key.org_id, move, {"by": IDLE_S + 5})
    problem(await mine.send(lists), 404, "mcp_session_not_found")
    shown = await data(await client.get(f"/api/v1/conversations/{session.partition('.')[0]}"))
    assert shown["status"] == "ended"
    session = await mine.begin()
    older = text("UPDATE conversations SET started_at = started_at - make_interval(secs => :by) RETURNING id")
    await database.once(key.org_id, older, {"by": LASTS_S - 60})
    assert (await mine.send(lists)).status_code == 200
    await database.once(key.org_id, older, {"by": 61.0})
    problem(await mine.send(lists), 404, "mcp_session_not_found")  # however busy it is
    shown = await data(await client.get(f"/api/v1/conversations/{session.partition('.')[0]}"))
    assert shown["status"] == "ended"
    await mine.begin()
    assert (await client.delete(f"/api/v1/agents/{practice.agent}")).status_code == 200
    problem(await mine.send(lists), 404, "not_found")


async def test_a_session_keeps_its_version_and_its_facts(practice: Practice, client: httpx2.AsyncClient, key: Key) -> None:
    mine, lists = Raw(client, practice, key), message("tools/list")
    number = {"Patchbay-Caller-Number": "+447700900123", "Patchbay-Caller-Name": "Zoë"}
    session = await mine.begin(**number)
    skill = f"/api/v1/agents/{practice.agent}/skills/Find_a_customer"
    await data(await client.patch(skill, json={"enabled": False}))
    await data(await client.post(f"/api/v1/agents/{practice.agent}/publish"), 201)
    names = [tool["name"] for tool in (await mine.send(lists)).json()["result"]["tools"]]
    assert "Find_a_customer" in names
    assert (await mine.send(lists, **number)).status_code == 200
    problem(await mine.send(lists, **{"Patchbay-Caller-Number": "+447700900456"}), 409, "session_facts_differ")
    problem(await mine.send(INITIALIZE, **{"Patchbay-Caller-Number": "1" * 201}), 400, "validation_error")
    broken = {**mine.headers, "Patchbay-Caller-Name": b"\xff"}
    problem(await client.post(practice.path, json=INITIALIZE, headers=broken), 400, "validation_error")
    other = Raw(client, practice, key)
    await other.begin()
    names = [tool["name"] for tool in (await other.send(lists)).json()["result"]["tools"]]
    assert "Find_a_customer" not in names
    assert session != other.headers["Mcp-Session-Id"]


async def test_what_is_no_message_is_refused(practice: Practice, client: httpx2.AsyncClient, key: Key) -> None:
    mine = Raw(client, practice, key)
    problem(await mine.send(message("tools/list")), 400, "mcp_session_required")
    problem(await client.delete(practice.path), 400, "mcp_session_required")
    await mine.begin()
    problem(await mine.send([message("tools/list")]), 400, "validation_error")
    for raw in (b"", b"{", b"[" * 5_000, b'{"a": "\\u0000"}', b"null"):
        headers = {**mine.headers, "Content-Type": "application/json"}
        problem(await client.post(practice.path, content=raw, headers=headers), 400, "validation_error")
    problem(await client.post(practice.path, content=b"{}", headers=mine.headers), 415, "unsupported_media_type")
    huge = message("tools/call", name="Find_a_customer", arguments={"account_number": "9" * 1_000_000})
    problem(await mine.send(huge), 413, "payload_too_large")
    long = message("tools/call", name="Find_a_customer", arguments={"account_number": "9" * 900_000})
    answer = (await mine.send(long)).json()["result"]["structuredContent"]
    assert (answer["status"], answer["invalid"]) == ("refused", ["account_number"])
    for name in ("Find_a_customer'; --", "", "hand_off_to_a_person", "Verify_identity"):
        answer = (await mine.send(message("tools/call", name=name, arguments={}))).json()
        assert answer["error"]["code"] == -32602, name
    for arguments in ({"customer_id": 2}, {"session": {"caller_number": "1"}}, {"verified": True}):
        answer = (await mine.send(message("tools/call", name="Account_balance", arguments=arguments))).json()["result"]
        assert answer["structuredContent"]["rows"] == []
        assert answer["isError"]
    assert (await mine.send(message("resources/list"))).json()["error"]["code"] == -32601
    assert (await mine.send({"jsonrpc": "2.0", "method": "notifications/initialized"})).status_code == 202
    assert (await mine.send({"x": 1})).status_code == 400
    refused = await mine.send(message("tools/list"), **{"MCP-Protocol-Version": "2026-07-28"})
    assert refused.status_code == 400
    assert (refused.json()["error"]["code"], refused.json()["error"]["data"]["requested"]) == (-32022, "2026-07-28")
    response = await client.get(practice.path, headers=mine.headers)
    problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "DELETE, POST"


async def test_pages_of_other_origins_are_refused(practice: Practice, client: httpx2.AsyncClient, key: Key) -> None:
    mine = Raw(client, practice, key)
    for origin in ("http://evil.example", "http://patchbay.test", "null"):
        problem(await mine.send(INITIALIZE, Origin=origin), 403, "origin_refused")
        problem(await client.delete(practice.path, headers={"Origin": origin}), 403, "origin_refused")
    practice.app.state.platform.settings.__dict__["public_url"] = "https://Patchbay.example/"
    assert (await mine.send(INITIALIZE, Origin="https://patchbay.example")).status_code == 200
    problem(await mine.send(INITIALIZE, Origin="https://patchbay.example.evil.test"), 403, "origin_refused")


async def test_rates_and_refusals_hold_as_in_any_conversation(practice: Practice, client: httpx2.AsyncClient, key: Key) -> None:
    policies = [
        {"policyType": "rate_limit", "scope": "caller", "counts": "turns", "limit": 4, "windowSeconds": 600},
        {"policyType": "write_gate", "writes": "off"},
        {"policyType": "escalation", "afterRefusedCalls": 2},
        {"policyType": "field_limit", "deniedFields": ["area"]},
    ]
    await data(await client.put(f"/api/v1/agents/{practice.agent}/guardrails", json=policies))
    await data(await client.post(f"/api/v1/agents/{practice.agent}/publish"), 201)
    async with practice.client(key, **{"Patchbay-Caller-Number": "+447700900123"}) as mcp:
        assert told(await mcp.call_tool("Find_a_customer", {"account_number": "AC1001"}))["rows"] == [{"account": "AC1001"}]
        codes = [told(await mcp.call_tool("Book_a_visit", {"day": "Monday"}))["code"] for _ in range(3)]
        assert codes == ["writes_off", "handed_off", "writes_off"]
    async with practice.client(key, **{"Patchbay-Caller-Number": "+447700900123"}) as mcp:
        assert told(await mcp.call_tool("Find_a_customer", {"account_number": "AC1001"}))["code"] == "rate_limited"
    assert practice.service.seen == []


async def test_a_failure_of_ours_tells_nothing_of_itself(
    practice: Practice, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = await client.post(practice.path, json=INITIALIZE, headers=ACCEPTED)
    session = {**ACCEPTED, "Mcp-Session-Id": begun.headers["mcp-session-id"]}

    async def broken(*_: Any) -> Any:
        raise RuntimeError("UPDATE conversations SET state = 'secret'")

    monkeypatch.setattr(calls._Call, "run", broken)
    wanted = message("tools/call", name="Find_a_customer", arguments={"account_number": "A-1"})
    answer = await client.post(practice.path, json=wanted, headers=session)
    assert answer.json()["error"]["data"] == {"code": "internal_error"}
    assert "secret" not in answer.text
