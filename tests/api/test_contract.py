"""What every route owes, asked of all of them: the routes are read from the application, so a new one is covered at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import update

from patchbay.accounts.keys import revoke_key
from patchbay.accounts.operator_events import Told, tell_alone
from patchbay.accounts.scopes import SCOPES
from patchbay.accounts.tables import ApiKey
from patchbay.agent_runtime.tables import TakenMessage
from patchbay.api.envelope import ApiResponse
from patchbay.api.routing import DoorRoute
from patchbay.api.schema_shown import SchemaShown
from patchbay.store.database import Database
from tests.api.conftest import Key, MakeKey, client_of, problem
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

CLINIC = """
CREATE TABLE patients (id int PRIMARY KEY, phone text NOT NULL, name text, ssn text);
CREATE INDEX ON patients (phone);
CREATE TABLE appointments (
  id int PRIMARY KEY, patient_id int REFERENCES patients, phone text NOT NULL, starts_at timestamptz, status text);
CREATE INDEX ON appointments (phone);
INSERT INTO patients VALUES (1, '+14155550123', 'Ada Lovelace', '000-00-0000');
INSERT INTO appointments VALUES (1, 1, '+14155550123', '2030-01-02 15:00Z', 'confirmed');
"""
BINDING = {
    "toolName": "Look up an appointment",
    "description": "Find the caller's appointment by phone and read back the time and status.",
    "operation": "appointments.read",
    "inputs": [{"param": "caller_phone", "arg": "phone", "required": True}],
    "projection": [
        {"path": ["appointment", "starts_at"], "leaf": "appointment_time"},
        {"path": ["appointment", "status"], "leaf": "appointment_status"},
    ],
    "enabled": True,
}
SOURCE = {"kind": "faq", "faqs": [{"question": "When are you open?", "answer": "Every day, to Ada Lovelace's delight."}]}
ROUTES = {
    "GET /api/v1/audit-logs": "audit:read",
    "GET /api/v1/operator-events": "audit:read",
    "POST /api/v1/agents/{agentId}/geocode-roster": "skills:write",
    "POST /api/v1/agents/{agentId}/knowledge/preview": "knowledge:write",
    "GET /api/v1/agents/{agentId}/messages": "calls:read",
    "GET /api/v1/integrations/catalog": "integrations:read",
    "GET /api/v1/integrations": "integrations:read",
    "POST /api/v1/integrations/{kind}/connect": "integrations:write",
    "DELETE /api/v1/integrations/{kind}": "integrations:write",
    "GET /api/v1/integrations/{kind}/sql/scripts": "integrations:read",
    "POST /api/v1/integrations/{kind}/sql/test": "integrations:write",
    "POST /api/v1/integrations/{kind}/discover": "integrations:write",
    "GET /api/v1/integrations/{kind}/schema": "integrations:read",
    "GET /api/v1/integrations/{kind}/schema/diff": "integrations:read",
    "GET /api/v1/integrations/{kind}/drift": "integrations:read",
    "GET /api/v1/integrations/{kind}/objects": "integrations:read",
    "GET /api/v1/integrations/{kind}/objects/{object}": "integrations:read",
    "GET /api/v1/integrations/{kind}/operations": "integrations:read",
    "GET /api/v1/integrations/{kind}/search": "integrations:read",
    "GET /api/v1/integrations/{kind}/scoping": "integrations:read",
    "PATCH /api/v1/integrations/{kind}/scoping": "integrations:write",
    "GET /api/v1/agents": "agents:read",
    "POST /api/v1/agents": "agents:write",
    "GET /api/v1/agents/{id}": "agents:read",
    "PATCH /api/v1/agents/{id}": "agents:write",
    "DELETE /api/v1/agents/{id}": "agents:write",
    "POST /api/v1/agents/{id}/publish": "agents:write",
    "POST /api/v1/agents/{id}/rollback": "agents:write",
    "GET /api/v1/agents/{id}/versions": "agents:read",
    "GET /api/v1/agents/{id}/prepublish-report": "agents:read",
    "GET /api/v1/agents/{id}/versions/{versionId}/diff": "agents:read",
    "GET /api/v1/agents/{agentId}/skills": "skills:read",
    "POST /api/v1/agents/{agentId}/skills": "skills:write",
    "POST /api/v1/agents/{agentId}/skills/{id}/signing-secret": "skills:write",
    "GET /api/v1/agents/{agentId}/skills/{id}": "skills:read",
    "PATCH /api/v1/agents/{agentId}/skills/{id}": "skills:write",
    "DELETE /api/v1/agents/{agentId}/skills/{id}": "skills:write",
    "GET /api/v1/agents/{agentId}/guardrails": "guardrails:read",
    "PUT /api/v1/agents/{agentId}/guardrails": "guardrails:write",
    "GET /api/v1/agents/{agentId}/caller-verification": "guardrails:read",
    "PUT /api/v1/agents/{agentId}/caller-verification": "guardrails:write",
    "GET /api/v1/agents/{agentId}/variables": "agents:read",
    "POST /api/v1/agents/{agentId}/variables": "agents:write",
    "PATCH /api/v1/agents/{agentId}/variables/{name}": "agents:write",
    "DELETE /api/v1/agents/{agentId}/variables/{name}": "agents:write",
    "POST /api/v1/agents/{agentId}/skills/{id}/call": "chat:write",
    "POST /api/v1/agents/{agentId}/mcp": "chat:write",
    "DELETE /api/v1/agents/{agentId}/mcp": "chat:write",
    "GET /api/v1/skill-types": "skills:read",
    "POST /api/v1/agents/{agentId}/integrations/{kind}/bindings": "skills:write",
    "POST /api/v1/agents/{agentId}/integrations/{kind}/bindings/preview": "skills:write",
    "POST /api/v1/agents/{agentId}/integrations/{kind}/bindings/auto": "skills:write",
    "POST /api/v1/agents/{agentId}/skills/{id}/preview": "skills:write",
    "POST /api/v1/integrations/{kind}/claim": "integrations:write",
    "GET /api/v1/integrations/{kind}/actions": "integrations:read",
    "GET /api/v1/integrations/{kind}/pack": "integrations:read",
    "GET /api/v1/integrations/{kind}/spreadsheet": "integrations:read",
    "POST /api/v1/agents/{agentId}/integrations/{kind}/provision": "skills:write",
    "DELETE /api/v1/agents/{agentId}/integrations/{kind}/provision": "skills:write",
    "POST /api/v1/agents/{agentId}/integrations/{kind}/pack/install": "skills:write",
    "POST /api/v1/uploads": "knowledge:write",
    "GET /api/v1/agents/{agentId}/knowledge/sources": "knowledge:read",
    "POST /api/v1/agents/{agentId}/knowledge/sources": "knowledge:write",
    "GET /api/v1/agents/{agentId}/knowledge/sources/{id}": "knowledge:read",
    "PATCH /api/v1/agents/{agentId}/knowledge/sources/{id}": "knowledge:write",
    "DELETE /api/v1/agents/{agentId}/knowledge/sources/{id}": "knowledge:write",
    "POST /api/v1/agents/{agentId}/knowledge/sources/{id}/refresh": "knowledge:write",
    "POST /api/v1/agents/{agentId}/simulate": "agents:write",
    "POST /api/v1/chat/sessions": "chat:write",
    "GET /api/v1/chat/sessions/{id}": "chat:read",
    "GET /api/v1/chat/sessions/{id}/messages": "chat:read",
    "POST /api/v1/chat/sessions/{id}/messages": "chat:write",
    "POST /api/v1/chat/sessions/{id}/end": "chat:write",
    "POST /api/v1/chat/completions": "chat:write",
    "GET /api/v1/conversations": "analytics:read",
    "GET /api/v1/conversations/{id}": "calls:read",
    "GET /api/v1/conversations/{id}/transcript": "calls:read",
    "GET /api/v1/conversations/{id}/receipt": "calls:read",
}
"""Every route and the scope that the reference names for it."""
BODIES: dict[str, Any] = {
    "POST /api/v1/integrations/{kind}/connect": {"credentials": {"host": "db.example.com"}},
    "POST /api/v1/integrations/{kind}/sql/test": {"credentials": {"host": "db.example.com"}},
    "PATCH /api/v1/integrations/{kind}/scoping": {"blockedTables": []},
    "POST /api/v1/agents": {"name": "Another"},
    "PATCH /api/v1/agents/{id}": {"tone": "warm"},
    "POST /api/v1/agents/{id}/publish": {"note": "x"},
    "POST /api/v1/agents/{id}/rollback": {"versionId": "VERSION"},
    "POST /api/v1/agents/{agentId}/skills": {
        "name": "Verify",
        "skillType": "http_webhook",
        "executionConfig": {"url": "http://127.0.0.1:9/verify"},
    },
    "PATCH /api/v1/agents/{agentId}/skills/{id}": {"description": "x"},
    "POST /api/v1/agents/{agentId}/skills/{id}/call": {"arguments": {"caller_phone": "+14155550123"}},
    "POST /api/v1/agents/{agentId}/integrations/{kind}/bindings": BINDING,
    "POST /api/v1/agents/{agentId}/integrations/{kind}/bindings/auto": {
        "goal": "Look up the caller's appointment by phone and return its time and status"
    },
    "POST /api/v1/agents/{agentId}/integrations/{kind}/bindings/preview": {
        "binding": BINDING,
        "arguments": {"caller_phone": "+14155550123"},
    },
    "POST /api/v1/agents/{agentId}/skills/{id}/preview": {"arguments": {"caller_phone": "+14155550123"}},
    "POST /api/v1/integrations/{kind}/claim": {"shop": "a-shop.example", "claimSecret": "x"},
    "POST /api/v1/agents/{agentId}/integrations/{kind}/provision": {"actions": []},
    "PUT /api/v1/agents/{agentId}/guardrails": [{"policyType": "escalation", "onRequest": True}],
    "PUT /api/v1/agents/{agentId}/caller-verification": [
        {"method": "knowledge_based", "requiredFields": ["caller_phone", "appointment_status"], "verifierSkillId": "SKILL"}
    ],
    "POST /api/v1/agents/{agentId}/variables": {"name": "caller_phone", "note": "Where the caller can be reached"},
    "PATCH /api/v1/agents/{agentId}/variables/{name}": {"note": "x"},
    "POST /api/v1/agents/{agentId}/knowledge/sources": {"kind": "text", "label": "Rules", "text": "We deliver for $4."},
    "PATCH /api/v1/agents/{agentId}/knowledge/sources/{id}": {"autoRefresh": True},
    "POST /api/v1/agents/{agentId}/geocode-roster": {"locations": [{"label": "Shop", "address": "Boulder, CO 80302"}]},
    "POST /api/v1/agents/{agentId}/knowledge/preview": {"query": "Are you open on Sundays?"},
    "POST /api/v1/agents/{agentId}/simulate": {"message": "Hello?"},
    "POST /api/v1/chat/sessions": {"agentId": "AGENT"},
    "POST /api/v1/chat/sessions/{id}/messages": {"content": "Hello?"},
    "POST /api/v1/chat/completions": {"model": "AGENT", "messages": [{"role": "user", "content": "Hello?"}]},
}
"""A body that is valid in shape, for each route that takes one."""


@dataclass(frozen=True)
class Operation:
    """One method of one route."""

    method: str
    path: str
    route: DoorRoute

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def operations(app: FastAPI) -> list[Operation]:
    routes = [context.original_route for context in iter_route_contexts(app.routes)]
    door = [route for route in routes if isinstance(route, DoorRoute)]
    return [Operation(method, route.path_format, route) for route in door for method in sorted(route.methods or ())]


@dataclass(frozen=True)
class World:
    """One real resource of each kind, all of Acme's."""

    agent: str
    version: str
    skill: str
    session: str
    source: str

    def fill(self, path: str) -> str:
        """``path`` with the ids of this world."""
        own = {
            "/agents/{id}": self.agent,
            "/skills/{id}": self.skill,
            "/chat/sessions/{id}": self.session,
            "/sources/{id}": self.source,
        }
        for part, value in {**own, "/conversations/{id}": self.session}.items():
            path = path.replace(part, part.replace("{id}", value))
        path = path.replace("{agentId}", self.agent).replace("{versionId}", self.version)
        return path.replace("{kind}", "postgres").replace("{object}", "appointments").replace("{name}", "caller_phone")

    def body(self, operation: Operation) -> Any:
        """A body of the right shape for ``operation``, or None where it takes none."""
        return _replaced(BODIES.get(operation.name), {"AGENT": self.agent, "VERSION": self.version, "SKILL": self.skill})


def _replaced(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


async def made(response: httpx2.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()["data"]


@pytest.fixture
async def world(client: httpx2.AsyncClient, tls_postgres: PostgresServer, database: Database, key: Key) -> World:
    """Connects a real database, binds it on an agent, publishes and talks: the whole way once. Something is told of it."""
    credentials = tls_postgres.create_database(sql=CLINIC)
    await made(await client.post("/api/v1/integrations/postgres/connect", json={"credentials": credentials}))
    await made(await client.post("/api/v1/integrations/postgres/discover"))
    agent = (await made(await client.post("/api/v1/agents", json={"name": "Front desk", "defaultCountry": "US"}), 201))["id"]
    bound = await client.post(f"/api/v1/agents/{agent}/integrations/postgres/bindings", json=BINDING)
    skill = (await made(bound, 201))["id"]
    version = (await made(await client.post(f"/api/v1/agents/{agent}/publish"), 201))["id"]
    session = (await made(await client.post("/api/v1/chat/sessions", json={"agentId": agent}), 201))["id"]
    await made(await client.post(f"/api/v1/chat/sessions/{session}/messages", json={"content": "Hello?"}))
    await tell_alone(database, key.org_id, Told(type="verification.locked", data={}, agent_id=agent))
    async with database.tenant(key.org_id) as store:
        left = {"caller_name": "Ada", "message": "Call me.", "urgency": "normal", "conversation_id": session}
        store.add(TakenMessage(id="msg_1", agent_id=agent, skill_id=skill, key="k", **left))
    known = await client.post(f"/api/v1/agents/{agent}/knowledge/sources", json={**SOURCE, "label": "Hours"})
    source = (await made(known, 201))["id"]
    while (await made(await client.get(f"/api/v1/agents/{agent}/knowledge/sources/{source}")))["status"] == "pending":
        await asyncio.sleep(0.02)
    return World(agent, version, skill, session, source)


NOWHERE = World("agt_none", "ver_none", "skl_none", "cnv_none", "kbs_none")


async def send(client: httpx2.AsyncClient, operation: Operation, world: World, **options: Any) -> httpx2.Response:
    options.setdefault("json", world.body(operation))
    if operation.path.endswith("/search"):
        options.setdefault("params", {"q": "appointment"})
    if operation.path.endswith("/sql/scripts"):
        options.setdefault("params", {"database": "appdb"})
    if operation.path.endswith("/spreadsheet"):
        options.setdefault("params", {"ref": "x" * 20})
    return await client.request(operation.method, world.fill(operation.path), **options)


async def test_the_routes_and_their_scopes_are_the_references(app: FastAPI) -> None:
    assert {operation.name: operation.route.scope for operation in operations(app)} == ROUTES
    assert {name for name, scope in ROUTES.items() if scope not in SCOPES} == set()


async def test_the_document_says_who_may_and_what_is_refused(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    ids: set[str] = set()
    for operation in operations(app):
        described = paths[operation.path][operation.method.lower()]
        assert described["x-scope"] == operation.route.scope
        assert described["security"] == [{"secretKey": []}]
        assert {"401", "403", "429"} <= set(described["responses"]), operation.name
        assert described["summary"]
        assert described["description"]
        ids.add(described["operationId"])
    assert len(ids) == len(operations(app))


async def test_every_route_needs_a_key_that_is_valid_now(
    app: FastAPI, client: httpx2.AsyncClient, make_key: MakeKey, database: Database
) -> None:
    revoked, expired = await make_key(), await make_key(expires_at=datetime.now(UTC) + timedelta(hours=1))
    await revoke_key(database, org_id=revoked.org_id, key_id=revoked.key_id)
    async with database.tenant(expired.org_id) as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        await session.execute(update(ApiKey).where(ApiKey.id == expired.key_id).values(expires_at=past))
    presented = ["", "Bearer flowyte_sk_nonsense", revoked.headers["Authorization"], expired.headers["Authorization"]]
    for operation in operations(app):
        for header in presented:
            response = await send(client, operation, NOWHERE, headers={"Authorization": header})
            problem(response, 401, "unauthorized")
            assert response.headers["www-authenticate"] == "Bearer"


async def test_every_route_refuses_a_key_with_every_scope_but_its_own(
    app: FastAPI, client: httpx2.AsyncClient, make_key: MakeKey
) -> None:
    lacking = {scope: await make_key(*(SCOPES.keys() - {scope, "*"})) for scope in set(ROUTES.values())}
    for operation in operations(app):
        scope = operation.route.scope
        response = await send(client, operation, NOWHERE, headers=lacking[scope].headers)
        assert problem(response, 403, "insufficient_scope")["scope"] == scope, operation.name


async def test_every_route_takes_a_key_with_its_scope_alone(app: FastAPI, client: httpx2.AsyncClient, make_key: MakeKey) -> None:
    holding = {scope: await make_key(scope) for scope in set(ROUTES.values())}
    for operation in operations(app):
        response = await send(client, operation, NOWHERE, headers=holding[operation.route.scope].headers)
        assert response.status_code not in (401, 403), operation.name


async def test_every_route_refuses_parameters_it_does_not_have(app: FastAPI, client: httpx2.AsyncClient) -> None:
    for operation in operations(app):
        response = await send(client, operation, NOWHERE, params={"nonsense": "1"})
        if operation.route.lenient:
            assert response.status_code == 400
            assert response.json()["code"] == "model_not_found"
        else:
            document = problem(response, 400, "validation_error")
            assert document["errors"][0]["field"] == "nonsense", operation.name


async def test_every_body_refuses_members_it_does_not_have(app: FastAPI, client: httpx2.AsyncClient, world: World) -> None:
    with_body = [operation for operation in operations(app) if operation.route.body_field and not operation.route.lenient]
    assert {operation.name for operation in with_body} == BODIES.keys() - {"POST /api/v1/chat/completions"}
    for operation in with_body:
        body, field = world.body(operation), "nonsense"
        if isinstance(body, list):
            body, field = [{**body[0], "nonsense": 1}], "0.nonsense"
        else:
            body = {**body, "nonsense": 1}
        document = problem(await send(client, operation, world, json=body), 400, "validation_error")
        assert field in [error["field"] for error in document["errors"]], operation.name


async def test_every_body_must_be_an_object(app: FastAPI, client: httpx2.AsyncClient, world: World) -> None:
    for operation in operations(app):
        if operation.route.body_field:
            takes_a_list = isinstance(BODIES.get(operation.name), list)
            for body in ({} if takes_a_list else [], "text", 1):
                response = await send(client, operation, world, json=body)
                assert response.status_code == 400, (operation.name, body, response.text)
                assert response.headers["content-type"] == "application/problem+json"


async def test_every_path_lists_the_methods_it_takes(app: FastAPI, client: httpx2.AsyncClient) -> None:
    methods: dict[str, set[str]] = {}
    for operation in operations(app):
        methods.setdefault(operation.path, set()).add(operation.method)
    for path, taken in methods.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - taken - _taken_by_others(app, path):
            response = await client.request(method, NOWHERE.fill(path))
            problem(response, 405, "method_not_allowed")
            assert taken <= set(response.headers["allow"].split(", ")), path


async def test_every_read_answers_in_the_envelope(app: FastAPI, client: httpx2.AsyncClient, world: World) -> None:
    described = app.openapi()["paths"]
    for operation in operations(app):
        if operation.method != "GET":
            continue
        response = await send(client, operation, world)
        if operation.path.endswith("/spreadsheet"):  # a database has none
            assert problem(response, 400, "validation_error")["errors"][0]["field"] == "kind"
            continue
        assert response.status_code == 200, (operation.name, response.text)
        document = response.json()
        content = described[operation.path]["get"]["responses"]["200"]["content"]["application/json"]
        paginated = content["schema"]["$ref"].rpartition("/")[2].startswith("Paginated")
        assert set(document) == {"success", "data"} | ({"pagination"} if paginated else set()), operation.name
        assert document["success"] is True
        if paginated:
            assert document["pagination"] == {"nextCursor": None, "limit": 25}, operation.name
            assert document["data"], operation.name
        if operation.path.endswith("/schema"):
            ApiResponse[SchemaShown].model_validate(document)


async def test_what_is_anothers_does_not_exist(app: FastAPI, client: httpx2.AsyncClient, world: World, make_key: MakeKey) -> None:
    stranger: Key = await make_key(org="Globex")
    before = {operation.name: await send(client, operation, world) for operation in operations(app) if operation.method == "GET"}
    async with client_of(app, stranger.headers) as theirs:
        for operation in operations(app):
            response = await send(theirs, operation, world)
            if (
                any(part in operation.path for part in ("{id}", "{agentId}", "{versionId}"))
                or operation.name == "POST /api/v1/chat/sessions"
            ):
                problem(response, 404, "not_found")
            elif operation.name == "POST /api/v1/chat/completions":
                problem(response, 400, "model_not_found")
            assert "Ada Lovelace" not in response.text
            # A refusal names the path or the model that the stranger sent, and so does the stranger's own log.
            if operation.route.lenient or operation.path.endswith("/audit-logs"):
                continue
            shown = response.text.replace(response.request.url.path, "")
            assert not any(own in shown for own in (world.agent, world.version, world.skill, world.session, world.source)), (
                operation.name
            )
    for operation in operations(app):
        if operation.method == "GET" and not operation.path.endswith(("/audit-logs", "/sql/scripts", "/spreadsheet")):
            after = await send(client, operation, world)
            assert after.json() == before[operation.name].json(), operation.name


async def test_a_kind_that_is_not_there_is_404_and_a_reserved_one_403(
    app: FastAPI, client: httpx2.AsyncClient, world: World
) -> None:
    for operation in operations(app):
        if "{kind}" in operation.path:
            for kind, status in (("nonsense", 404), ("hubspot", 403), ("calendly", 403), ("opentable", 403)):
                path = world.fill(operation.path.replace("{kind}", kind))
                response = await client.request(operation.method, path, json=world.body(operation), params=_needed(operation))
                assert response.status_code == status, (operation.name, kind, response.text)


def _taken_by_others(app: FastAPI, path: str) -> set[str]:
    """Methods of routes whose parameters also match ``path``: `catalog` may be a kind."""
    return {operation.method for operation in operations(app) if operation.route.path_regex.match(path)}


def _needed(operation: Operation) -> dict[str, str]:
    return {"search": {"q": "x"}, "scripts": {"database": "appdb"}, "spreadsheet": {"ref": "x" * 20}}.get(
        operation.path.rpartition("/")[2], {}
    )


async def test_what_needs_no_key_is_these(app: FastAPI) -> None:
    """The callback is a browser's: its state is the proof (tests/api/test_oauth.py)."""
    described = app.openapi()["paths"]
    keyless = {path for path, item in described.items() for operation in item.values() if "security" not in operation}
    assert keyless == {"/healthz", "/readyz", "/api/v1/integrations/oauth/callback"}


async def test_health_needs_no_key_and_the_document_is_served(app: FastAPI, client: httpx2.AsyncClient) -> None:
    client.headers.pop("authorization")
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/readyz")).json() == {"status": "ready", "database": "ok", "callRunner": "ok"}
    assert (await client.get("/api/v1/openapi.json")).json() == app.openapi()


async def test_not_ready_names_the_part(app: FastAPI, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(app.state.platform.runner), "healthy", False)
    assert problem(await client.get("/readyz"), 503, "not_ready")["part"] == "callRunner"


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1", "/api/v1/nonsense", "/api/v1/agents/", "/" + quote("é%\x00/", safe="")])
async def test_an_unknown_path_is_a_problem(client: httpx2.AsyncClient, path: str) -> None:
    problem(await client.get(path), 404, "not_found")
