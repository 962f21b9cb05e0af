"""A direct skill call over HTTP: its contract, whom it lets in, and what is left of it when a process is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from fastapi import FastAPI

from patchbay.accounts.keys import revoke_key
from patchbay.api.routers.skill_calls import SkillCallShown
from patchbay.store.clock import TRUSTED_S
from patchbay.store.database import Database
from tests.api.conftest import Key, MakeKey, client_of, problem
from tests.api.test_serve import PATCHBAY, serving
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

CLINIC = """
CREATE TABLE patients (id int PRIMARY KEY, phone text NOT NULL, name text, ssn text);
CREATE INDEX ON patients (phone);
INSERT INTO patients VALUES (1, '+14155550123', 'Ada Lovelace', '000-00-0000'), (2, '+14155550124', 'Alan Turing', '1');
"""
BINDING = {
    "toolName": "Find the patient",
    "description": "Find a patient by phone.",
    "operation": "patients.read",
    "inputs": [{"param": "caller_phone", "arg": "phone", "required": True}],
    "projection": [{"path": ["name"], "leaf": "patient_name"}],
    "enabled": True,
}
ADA = {"arguments": {"caller_phone": "+1 415 555 0123"}}


class Skill:
    """A bound, published skill and where it is called."""

    def __init__(self, agent: str, skill: dict[str, Any]) -> None:
        self.agent, self.id, self.slug = agent, skill["id"], skill["slug"]

    def path(self, name: str | None = None, *, agent: str | None = None) -> str:
        return f"/api/v1/agents/{agent or self.agent}/skills/{name or self.slug}/call"


async def bound(client: httpx2.AsyncClient, credentials: dict[str, Any]) -> Skill:
    async def post(path: str, body: Any = None) -> Any:
        response = await client.post("/api/v1" + path, json=body)
        assert response.status_code < 300, response.text
        return response.json()["data"]

    await post("/integrations/postgres/connect", {"credentials": credentials})
    await post("/integrations/postgres/discover")
    agent = (await post("/agents", {"name": "Front desk", "defaultCountry": "US"}))["id"]
    skill = await post(f"/agents/{agent}/integrations/postgres/bindings", BINDING)
    await post(f"/agents/{agent}/publish")
    return Skill(agent, skill)


@pytest.fixture
async def skill(client: httpx2.AsyncClient, tls_postgres: PostgresServer) -> Skill:
    """The skill on a real PostgreSQL."""
    return await bound(client, tls_postgres.create_database(sql=CLINIC))


async def receipt_of(client: httpx2.AsyncClient, conversation: str) -> list[dict[str, Any]]:
    """The receipt, once it is there: it may come a moment after the answer."""
    give_up = time.monotonic() + 5
    while True:
        response = await client.get(f"/api/v1/conversations/{conversation}/receipt")
        if response.status_code == 200 or time.monotonic() > give_up:
            assert response.status_code == 200, response.text
            return response.json()["data"]
        await asyncio.sleep(0.02)


async def test_a_call_has_the_contracts_shape(client: httpx2.AsyncClient, skill: Skill, key: Key) -> None:
    response = await client.post(skill.path(), json=ADA)
    assert response.status_code == 200, response.text
    document = response.json()
    assert set(document) == {"success", "data"}
    assert document["success"] is True
    shown = SkillCallShown.model_validate(document["data"])
    assert set(document["data"]) == {field.alias for field in SkillCallShown.model_fields.values()}
    assert (shown.status, shown.rows, shown.row_count) == ("succeeded", [{"patient_name": "Ada Lovelace"}], 1)
    assert (shown.code, shown.message, shown.notes, shown.missing, shown.invalid) == (None, None, [], [], [])
    headers = response.headers
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"].startswith("req_")
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
    assert int(headers["ratelimit-limit"]) > int(headers["ratelimit-remaining"]) > 0
    assert 0 < int(headers["ratelimit-reset"]) <= 60
    events = await receipt_of(client, shown.conversation_id)
    assert [(event["type"], event["data"]["state"]) for event in events] == [("tool_call", "started"), ("tool_call", "succeeded")]
    conversation = (await client.get(f"/api/v1/conversations/{shown.conversation_id}")).json()["data"]
    assert (conversation["channel"], conversation["agentId"], conversation["turns"]) == ("api", skill.agent, 1)
    logged = (await client.get("/api/v1/audit-logs", params={"limit": 1})).json()["data"][0]
    assert (logged["path"], logged["status"], logged["resourceId"]) == (skill.path(), 200, shown.conversation_id)
    assert logged["requestId"] == headers["x-request-id"]


async def test_it_is_called_by_its_id_too_and_keeps_the_callers_request_id(client: httpx2.AsyncClient, skill: Skill) -> None:
    response = await client.post(skill.path(skill.id), json=ADA, headers={"X-Request-Id": "orchestrator-42"})
    assert response.json()["data"]["status"] == "succeeded"
    assert response.headers["x-request-id"] == "orchestrator-42"


async def test_outcomes_are_data(client: httpx2.AsyncClient, skill: Skill) -> None:
    for arguments, expected in (
        ({}, {"status": "refused", "missing": ["caller_phone"]}),
        ({"caller_phone": "12"}, {"status": "refused", "invalid": ["caller_phone"]}),
        ({**ADA["arguments"], "ssn": "1"}, {"status": "refused", "rows": []}),
        ({"caller_phone": "+14155550199"}, {"status": "succeeded", "rows": [], "rowCount": 0}),
    ):
        response = await client.post(skill.path(), json={"arguments": arguments})
        assert response.status_code == 200, response.text
        data = response.json()["data"]
        assert {name: data[name] for name in expected} == expected
        assert "Ada" not in response.text
        assert data["status"] == "succeeded" or data["message"]


async def test_what_is_blocked_after_publishing_is_refused(client: httpx2.AsyncClient, skill: Skill) -> None:
    assert (await client.post(skill.path(), json=ADA)).json()["data"]["status"] == "succeeded"
    body = {"blockedColumns": {"patients": ["name"]}}
    assert (await client.patch("/api/v1/integrations/postgres/scoping", json=body)).status_code == 200
    await asyncio.sleep(TRUSTED_S)
    data = (await client.post(skill.path(), json=ADA)).json()["data"]
    assert (data["status"], data["rows"]) == ("refused", [])


async def test_malformed_requests_are_problems(client: httpx2.AsyncClient, skill: Skill, app: FastAPI) -> None:
    path, json_type = skill.path(), {"Content-Type": "application/json"}
    for body, field, code in (
        ({"argument": {}}, "argument", "unknown_member"),
        ({"arguments": []}, "arguments", "type"),
        ({"arguments": {}, "conversationId": 1}, "conversationId", "string_type"),
        ([], "", "type"),
    ):
        document = problem(await client.post(path, json=body), 400, "validation_error")
        assert [(error["field"], error["code"]) for error in document["errors"]] == [(field, code)], body
    assert (
        "Did you mean 'arguments'"
        in problem(await client.post(path, json={"argument": {}}), 400, "validation_error")["errors"][0]["hint"]
    )
    for raw in (b"", b"{", b'{"arguments": {"a": NaN}}', b'{"arguments": {"a": "\\u0000"}}', b"[" * 5_000, b'"\\ud800"'):
        problem(await client.post(path, content=raw, headers=json_type), 400, "validation_error")
    problem(await client.post(path, content=b"a=1", headers={"Content-Type": "text/plain"}), 415, "unsupported_media_type")
    problem(await client.post(path, json=ADA, params={"dryRun": "1"}), 400, "validation_error")
    problem(await client.post(path, content=b" " * 1_000_001, headers=json_type), 413, "payload_too_large")
    problem(await client.post(skill.path("no%00thing"), json=ADA), 404, "not_found")
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        response = await client.request(method, path)
        problem(response, 405, "method_not_allowed")
        assert response.headers["allow"] == "POST"
    problem(await client.post(path + "/", json=ADA), 404, "not_found")


async def test_who_may_and_what_is_there(client: httpx2.AsyncClient, skill: Skill, app: FastAPI, make_key: MakeKey) -> None:
    stranger, reader = await make_key(org="Globex"), await make_key("chat:read", "skills:read")
    for headers, status, code in (
        ({"Authorization": ""}, 401, "unauthorized"),
        (reader.headers, 403, "insufficient_scope"),
        (stranger.headers, 404, "not_found"),
    ):
        response = await client.post(skill.path(), json=ADA, headers=headers)
        problem(response, status, code)
        assert "Ada" not in response.text
    problem(await client.post(skill.path("nonsense"), json=ADA), 404, "not_found")
    problem(await client.post(skill.path(agent="agt_none"), json=ADA), 404, "not_found")
    draft = (await client.post("/api/v1/agents", json={"name": "Draft"})).json()["data"]["id"]
    document = problem(await client.post(skill.path(agent=draft), json=ADA), 409, "no_published_version")
    assert document["type"].endswith("/no_published_version")
    mine = (await client.post(skill.path(), json=ADA)).json()["data"]["conversationId"]
    async with client_of(app, stranger.headers) as theirs:
        problem(await theirs.post(skill.path(), json={**ADA, "conversationId": mine}), 404, "not_found")
        problem(await theirs.get(f"/api/v1/conversations/{mine}/receipt"), 404, "not_found")


async def test_a_chat_does_not_go_on_with_a_calls_conversation(client: httpx2.AsyncClient, skill: Skill) -> None:
    mine = (await client.post(skill.path(), json=ADA)).json()["data"]["conversationId"]
    await receipt_of(client, mine)
    problem(await client.post(f"/api/v1/chat/sessions/{mine}/messages", json={"content": "Hello?"}), 404, "not_found")
    problem(await client.post(f"/api/v1/chat/sessions/{mine}/end"), 404, "not_found")
    chat = (await client.post("/api/v1/chat/sessions", json={"agentId": skill.agent})).json()["data"]["id"]
    problem(await client.post(skill.path(), json={**ADA, "conversationId": chat}), 404, "not_found")


async def test_a_revoked_key_and_a_deleted_agent_end_within_a_second(
    client: httpx2.AsyncClient, skill: Skill, make_key: MakeKey, database: Database
) -> None:
    leaving = await make_key("chat:write")
    for _ in range(10):
        assert (await client.post(skill.path(), json=ADA, headers=leaving.headers)).status_code == 200
    await revoke_key(database, org_id=leaving.org_id, key_id=leaving.key_id)
    assert (await client.delete(f"/api/v1/agents/{skill.agent}")).status_code == 200
    await asyncio.sleep(TRUSTED_S)
    problem(await client.post(skill.path(), json=ADA, headers=leaving.headers), 401, "unauthorized")
    problem(await client.post(skill.path(), json=ADA), 404, "not_found")


async def test_the_rate_limit_is_the_organizations(skill: Skill, client: httpx2.AsyncClient, app: FastAPI) -> None:
    app.state.platform.leases._limit = 60
    statuses = Counter[int]()
    for _ in range(90):
        response = await client.post(skill.path(), json=ADA)
        statuses[response.status_code] += 1
    document = problem(response, 429, "rate_limited")
    assert "60 requests a minute" in document["detail"]
    assert int(response.headers["retry-after"]) >= 1
    assert response.headers["ratelimit-remaining"] == "0"
    assert set(statuses) == {200, 429}
    assert statuses[200] <= 63


async def test_a_store_that_is_away_is_a_problem(client: httpx2.AsyncClient, skill: Skill, app: FastAPI, monkeypatch) -> None:
    from sqlalchemy.exc import OperationalError

    async def away(*_: Any, **__: Any) -> Any:
        raise OperationalError("SELECT secret", None, Exception("at 10.0.0.1"))

    monkeypatch.setattr(app.state.platform.direct_calls._live, "_ask", away)
    response = await client.post(skill.path(), json=ADA)
    problem(response, 503, "store_unavailable")
    assert "10.0.0.1" not in response.text


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A fresh installation that may reach this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_") and name != "DATABASE_URL"}
    settings = {"DATA_DIR": str(tmp_path / "data"), "EGRESS_ALLOW": "127.0.0.1/32", "RATE_LIMIT_PER_MINUTE": "100000"}
    return {**kept, **{f"PATCHBAY_{name}": value for name, value in settings.items()}}


def test_two_processes_serve_and_a_kill_loses_nothing_that_is_older_than_a_moment(
    environment: dict[str, str], tls_postgres: PostgresServer
) -> None:
    credentials = tls_postgres.create_database(sql=CLINIC)
    answered: dict[str, float] = {}
    with serving(environment, "--workers", "2") as (server, url):
        made = [PATCHBAY, "keys", "create", "--org", "Acme", "--scopes", "*"]
        key = subprocess.run(made, env=environment, capture_output=True, text=True, check=True).stdout.strip()
        headers = {"Authorization": f"Bearer {key}"}
        skill = asyncio.run(_bound_at(url, headers, credentials))

        def caller(number: int) -> None:
            with httpx2.Client(base_url=url, headers=headers, timeout=30) as client:
                conversation = None
                for turn in range(1_000_000):
                    body = {**ADA, "conversationId": conversation} if turn % 4 else ADA
                    try:
                        response = client.post(skill.path(), json=body)
                    except httpx2.TransportError:
                        return
                    assert response.status_code == 200, response.text
                    data = response.json()["data"]
                    assert data["rows"] == [{"patient_name": "Ada Lovelace"}]
                    conversation = data["conversationId"]
                    if not turn % 4:
                        answered[conversation] = time.monotonic()

        with ThreadPoolExecutor(6) as callers:
            running = [callers.submit(caller, number) for number in range(6)]
            time.sleep(3)
            workers = psutil.Process(server.pid).children()
            killed = time.monotonic()
            for process in [psutil.Process(server.pid), *workers]:
                process.kill()
            for one in running:
                one.result(30)
    assert len(answered) > 20
    with serving(environment) as (server, url), httpx2.Client(base_url=url, headers=headers, timeout=30) as client:
        lost = 0
        for conversation, at in answered.items():
            response = client.get(f"/api/v1/conversations/{conversation}/receipt")
            if response.status_code == 404:
                lost += 1
                assert killed - at < 5.0, "only what was answered just before the kill may be lost"
                continue
            events = response.json()["data"]
            assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
            assert [event["data"]["state"] for event in events] == ["started", "succeeded"] * (len(events) // 2)
        assert lost < len(answered) / 2
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)


async def _bound_at(url: str, headers: dict[str, str], credentials: dict[str, Any]) -> Skill:
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        return await bound(client, credentials)
