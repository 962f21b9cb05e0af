"""Drift of skills on REST and GraphQL systems: by what their documents say, and by what they answer."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from patchbay.api.platform import Platform
from patchbay.connectors.refusals import SchemaChanged
from tests.api.conftest import Key
from tests.api.guides.conftest import Caller
from tests.api.guides.test_drift import ARGUMENTS, Desk
from tests.connectors.http.platform_of_apis import FIND_CUSTOMER, KIND, definition
from tests.servers.certificates import Authority
from tests.servers.upstreams import hostile
from tests.servers.upstreams.hostile import Turn, Upstream
from tests.servers.upstreams.tls import server_context

pytestmark = pytest.mark.anyio

AUTHORITY = Authority()
ADA = {"id": "c1", "name": "Ada", "email": "ada@example.com", "balance": 7, "created": "2026-03-05T14:30:00Z"}
BINDING = {
    **FIND_CUSTOMER,
    "enabled": True,
    "projection": [
        {**leaf, "optional": True} if leaf["leaf"] in ("email", "city") else leaf for leaf in FIND_CUSTOMER["projection"]
    ],
}
ARGUMENTS["Find the customer over HTTP"] = {"customer_id": "c1"}
SDL = """
type Query { contact(id: ID!): Contact }
type Contact { id: ID! name: String! email: String status: Status! }
enum Status { ACTIVE GONE }
"""
CONTACT = {
    "toolName": "Find the contact",
    "operation": "query.contact",
    "inputs": [{"param": "contact_id", "arg": "id", "required": True}],
    "projection": [
        {"path": ["name"], "leaf": "name"},
        {"path": ["status"], "leaf": "status"},
        {"path": ["email"], "leaf": "email", "optional": True},
    ],
    "enabled": True,
}
ARGUMENTS["Find the contact"] = {"contact_id": "c1"}


class System:
    """The connected system: ``answer`` is what it says to everything, ``requests`` what it was asked."""

    def __init__(self) -> None:
        self.answer: Any = ADA
        self.upstream: Upstream | None = None

    @property
    def url(self) -> str:
        assert self.upstream is not None
        return self.upstream.url


@pytest.fixture
async def system() -> AsyncGenerator[System]:
    made = System()

    async def behave(turn: Turn) -> None:
        await turn.answer(json.dumps(made.answer).encode())

    async with hostile.misbehaving(behave, tls=server_context(AUTHORITY.issue())) as upstream:
        made.upstream = upstream
        yield made


async def connected(caller: Caller, body: dict[str, Any]) -> None:
    await caller.ask("POST", f"/integrations/{KIND}/connect", {"credentials": {"token": "t0k"}, "timeZone": "UTC", **body})
    await caller.ask("POST", f"/integrations/{KIND}/discover")


async def desk(caller: Caller, patchbay: Platform, key: Key, binding: dict[str, Any]) -> Desk:
    agent = (await caller.ask("POST", "/agents", {"name": "Desk"}, status=201))["id"]
    skill = await caller.ask("POST", f"/agents/{agent}/integrations/{KIND}/bindings", binding, status=201)
    await caller.ask("POST", f"/agents/{agent}/publish", status=201)
    return Desk(caller, patchbay, key.org_id, KIND, agent, {binding["toolName"]: skill["id"]})


def _customer(described: dict[str, Any]) -> dict[str, Any]:
    return described["document"]["inline"]["components"]["schemas"]["Customer"]["properties"]


def _operation(described: dict[str, Any]) -> dict[str, Any]:
    return described["document"]["inline"]["paths"]["/customers/{id}"]["get"]


def _added(described: dict[str, Any], **parameter: Any) -> None:
    _operation(described)["parameters"].append({"in": "query", "schema": {"type": "string"}, **parameter})


def _moved(described: dict[str, Any]) -> None:
    paths = described["document"]["inline"]["paths"]
    paths["/v2/customers/{id}"] = paths.pop("/customers/{id}")


REST: dict[str, tuple[Callable[[dict[str, Any]], Any], str, str | None]] = {
    "a text": (lambda d: _customer(d)["name"].update(description="Who."), "cosmetic", "texts_changed"),
    "an unused property": (lambda d: _customer(d).pop("open"), "unchanged", None),
    "an optional parameter": (lambda d: _added(d, name="expand"), "unchanged", None),
    "an optional leaf": (lambda d: _customer(d).pop("email"), "degraded", "field_gone"),
    "an optional leaf's type": (lambda d: _customer(d).update(email={"type": "integer"}), "degraded", "type_changed"),
    "an optional leaf's object": (lambda d: _customer(d).pop("address"), "degraded", "relationship_gone"),
    "a leaf": (lambda d: _customer(d).pop("balance"), "broken", "field_gone"),
    "a leaf's type": (lambda d: _customer(d).update(balance={"type": "boolean"}), "broken", "type_changed"),
    "a parameter that is demanded": (lambda d: _added(d, name="region", required=True), "broken", "argument_required"),
    "the path": (_moved, "broken", "operation_changed"),
    "the operation": (lambda d: _operation(d).update(operationId="fetchCustomer"), "broken", "operation_gone"),
}


@pytest.mark.parametrize("case", REST)
async def test_each_version_of_a_rest_document_means_one_thing(
    caller: Caller, patchbay: Platform, key: Key, system: System, case: str
) -> None:
    change, status, code = REST[case]
    described = definition(system.url, AUTHORITY.pem)
    await connected(caller, {"definition": described})
    made = await desk(caller, patchbay, key, {**BINDING, "toolName": "Find the customer over HTTP"})
    later = copy.deepcopy(described)
    change(later)
    await connected(caller, {"definition": later})
    entry = (await made.drift())["Find the customer over HTTP"]
    assert entry["status"] == status
    assert (code is None and entry["reasons"] == []) or code in [reason["code"] for reason in entry["reasons"]]
    if status == "broken":
        with pytest.raises(SchemaChanged):
            await made.run("Find the customer over HTTP")
        return
    result = await made.run("Find the customer over HTTP")
    assert (result.rows[0]["name"], result.rows[0]["balance"]) == ("Ada", 7)
    assert bool(result.notes) == (status == "degraded")


GRAPHQL: dict[str, tuple[str, str, str, str | None]] = {
    "a value more": ("ACTIVE GONE", "ACTIVE GONE NEW", "cosmetic", "values_changed"),
    "may now be null": ("name: String!", "name: String", "cosmetic", "nullable_changed"),
    "an optional leaf": ("email: String", "", "degraded", "field_gone"),
    "a leaf": ("name: String!", "", "broken", "field_gone"),
    "a leaf's type": ("name: String!", "name: Int!", "broken", "type_changed"),
    "an argument demanded": ("contact(id: ID!)", "contact(id: ID!, region: String!)", "broken", "argument_required"),
}


@pytest.mark.parametrize("case", GRAPHQL)
async def test_each_version_of_a_graphql_schema_means_one_thing(
    caller: Caller, patchbay: Platform, key: Key, system: System, case: str
) -> None:
    before, after, status, code = GRAPHQL[case]
    described = {"type": "graphql", "displayName": "Acme", "baseUrl": system.url, "document": {"inline": SDL},
                 "auth": {"scheme": "bearer"}, "caPem": AUTHORITY.pem}  # fmt: skip
    await connected(caller, {"definition": described})
    made = await desk(caller, patchbay, key, CONTACT)
    await connected(caller, {"definition": {**described, "document": {"inline": SDL.replace(before, after)}}})
    entry = (await made.drift())["Find the contact"]
    assert entry["status"] == status
    assert code in [reason["code"] for reason in entry["reasons"]]
    system.answer = {"data": {"contact": {"name": "Ada", "status": "ACTIVE"}}}
    if status == "broken":
        with pytest.raises(SchemaChanged):
            await made.run("Find the contact")
        return
    assert (await made.run("Find the contact")).rows == [{"name": "Ada", "status": "ACTIVE", "email": None}]
    assert system.upstream is not None
    assert (b"email" in system.upstream.requests[-1]) == (status != "degraded")


async def test_what_live_calls_meet_raises_the_same_signal(caller: Caller, patchbay: Platform, key: Key, system: System) -> None:
    await connected(caller, {"definition": definition(system.url, AUTHORITY.pem)})
    name = "Find the customer over HTTP"
    made = await desk(caller, patchbay, key, {**BINDING, "toolName": name})
    system.answer = {**ADA, "balance": "seven"}
    for _ in range(3):
        assert (await made.run(name)).rows[0]["balance"] is None
    await patchbay.runner.drift.flush()
    entry = (await made.drift())[name]
    assert (entry["status"], entry["paused"]) == ("degraded", False)
    assert [(r["code"], r["leaves"]) for r in entry["reasons"]] == [("live_mismatch", ["balance"])]
    assert "3 times" in entry["reasons"][0]["message"]
    assert [(o["leaf"], o["count"]) for o in entry["observed"]] == [("balance", 3)]
    await made.run(name)
    await patchbay.runner.drift.flush()
    assert (await made.drift())[name]["observed"][0]["count"] == 4
    told = [(event["data"]["was"], event["data"]["status"]) for event in await made.events()]
    assert told == [("unchanged", "degraded")]
    system.answer = ADA
    await made.discover()
    assert (await made.drift())[name]["status"] == "unchanged"
    system.answer = {**ADA, "balance": "eight"}
    await made.run(name)
    await patchbay.runner.drift.flush()
    assert [o["count"] for o in (await made.drift())[name]["observed"]] == [1]
