"""Auto-map, as "Map an integration's fields" tells it: a goal in plain language, against PostgreSQL, REST and GraphQL."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.guides.conftest import Caller, calls, said
from tests.api.guides.crm import TOKEN
from tests.api.guides.test_connect_a_sql_database import APPDB
from tests.api.guides.test_map_integration_fields import Served, served
from tests.api.guides.test_writes import ORDERS
from tests.servers.mariadb import MariaDbServer
from tests.servers.postgres import PostgresServer

__all__ = ["served"]

pytestmark = pytest.mark.anyio

GOAL = "Look up the caller by phone and return their name and open tickets"


async def connect_crm(caller: Caller, served: Served, type_: str) -> None:
    body = {"definition": served.definition(type_), "credentials": {"token": TOKEN}, "defaultCountry": "US"}
    await caller.ask("POST", "/integrations/acme_crm/connect", body)


async def an_agent(caller: Caller) -> str:
    return (await caller.ask("POST", "/agents", {"name": "Acme Support"}, status=201))["id"]


@pytest.mark.parametrize("type_", ["rest", "graphql"])
async def test_a_goal_becomes_a_disabled_draft_that_works_once_enabled(caller: Caller, served: Served, type_: str) -> None:
    await connect_crm(caller, served, type_)
    agent = await an_agent(caller)
    auto = f"/agents/{agent}/integrations/acme_crm/bindings/auto"
    early = await caller.refused("POST", auto, {"goal": GOAL})
    assert (early["status"], early["code"]) == (404, "schema_not_discovered")

    await caller.ask("POST", "/integrations/acme_crm/discover")
    skill = await caller.ask("POST", auto, {"goal": GOAL}, status=201)
    assert skill["enabled"] is False
    binding, told = skill["binding"], skill["autoMap"]
    kept = (await caller.ask("GET", f"/agents/{agent}/skills/{skill['id']}"))["autoMap"]
    assert (kept["confidence"], kept["why"]) == (told["confidence"], told["why"])
    assert kept["questions"]
    assert set(kept["questions"]) <= set(told["questions"])
    others = [one["operation"] for one in told["alternatives"]]
    assert not any(name in str(kept) for name in others if name not in binding["operation"])
    assert binding["operation"].rpartition(".")[2] == "findContact"
    assert [(one["arg"], one["source"]) for one in binding["inputs"]] == [("phone", "session")]
    assert {".".join(one["path"]) for one in binding["projection"]} >= {"name", "tickets.title"}
    assert 0 < told["confidence"] <= 1
    assert "phone" in told["why"]
    assert any("source model" in question for question in told["questions"])

    again = await caller.ask("POST", auto, {"goal": GOAL}, status=201)
    assert again["name"] == f"{skill['name']} 2"
    taken = await caller.refused("POST", auto, {"goal": GOAL, "toolName": skill["name"]})
    assert (taken["status"], taken["code"]) == (409, "duplicate_name")

    inputs = [{**binding["inputs"][0], "source": "model"}]
    await caller.ask("PATCH", f"/agents/{agent}/skills/{skill['id']}", {"binding": {"inputs": inputs}, "enabled": True})
    frames = await caller.simulate(agent, transcript=["Look up the caller +1 415 555 0132"], draftMode=True)
    assert ("succeeded", skill["name"]) in calls(frames) or ("refused", skill["name"]) in calls(frames), frames


async def test_what_cannot_be_bound_is_told_with_the_nearest(caller: Caller, served: Served) -> None:
    await connect_crm(caller, served, "rest")
    await caller.ask("POST", "/integrations/acme_crm/discover")
    auto = f"/agents/{await an_agent(caller)}/integrations/acme_crm/bindings/auto"
    refusal = await caller.refused("POST", auto, {"goal": "Calibrate the telescope"})
    assert (refusal["status"], refusal["code"]) == (422, "no_valid_binding")
    assert "no_valid_binding" in refusal["detail"]
    assert isinstance(refusal["candidates"], list)
    for body, field in (({}, "goal"), ({"goal": ""}, "goal"), ({"goal": 7}, "goal"), ({"goal": "x", "gaol": 1}, "gaol")):
        refusal = await caller.refused("POST", auto, body)
        assert (refusal["status"], refusal["code"]) == (400, "validation_error")
        assert [one["field"] for one in refusal["errors"]] == [field]


async def test_a_database_within_its_scoping(caller: Caller, tls_postgres: PostgresServer) -> None:
    await caller.connect(tls_postgres.create_database(sql=APPDB), defaultCountry="US")
    scoping = {"blockedTables": ["payments"], "blockedColumns": {"customers": ["ssn", "card_last4"]}}
    await caller.ask("PATCH", "/integrations/postgres/scoping", scoping)
    agent = await an_agent(caller)
    auto = f"/agents/{agent}/integrations/postgres/bindings/auto"

    goal = "Find the caller's next appointment by their phone number and tell them when it is and who it is for"
    skill = await caller.ask("POST", auto, {"goal": goal, "toolName": "Next appointment"}, status=201)
    binding = skill["binding"]
    assert (skill["name"], binding["operation"], binding["limit"]) == ("Next appointment", "appointments.read", 1)
    assert binding["inputs"] == [
        {"param": "caller_phone", "arg": "phone", "required": True, "source": "session"},
    ]
    assert binding["filters"] == [{"arg": "starts_at", "op": "ge", "value": {"now": True}}]
    assert binding["orderBy"] == [{"path": ["starts_at"]}]
    assert ["starts_at"] in [one["path"] for one in binding["projection"]]

    await caller.ask("PATCH", f"/agents/{agent}/skills/{skill['id']}", {"enabled": True})
    session = {"callerNumber": "+14155550132"}
    frames = await caller.simulate(agent, message="When is my next appointment?", draftMode=True, session=session)
    assert ("succeeded", "Next appointment") in calls(frames), frames
    assert "2031" in said(frames)

    for goal in ("What is a customer's ssn?", "Look up the card of a customer by name", "Show the payments of a customer"):
        response = await caller.http.post(f"/api/v1{auto}", json={"goal": goal})
        told = response.json()
        if response.status_code == 201:
            binding = {k: v for k, v in told["data"]["binding"].items() if k not in ("toolName", "description")}
            assert "payments" not in str(binding)
            assert told["data"]["autoMap"]["confidence"] < 0.8
            told = binding
        assert "card_last4" not in str(told)
        assert "'ssn'" not in str(told)


async def test_whose_data_it_is_must_not_be_left_to_the_model(caller: Caller, tls_postgres: PostgresServer) -> None:
    await caller.connect(tls_postgres.create_database(sql=APPDB), defaultCountry="US")
    agent = await an_agent(caller)
    auto = f"/agents/{agent}/integrations/postgres/bindings/auto"
    skill = await caller.ask("POST", auto, {"goal": "Look up a customer by name and return their id"}, status=201)
    assert skill["requiresVerifiedIdentity"] is True
    assert any("verified" in question for question in skill["autoMap"]["questions"])


async def test_without_a_write_role_a_goal_that_writes_is_refused(caller: Caller, tls_postgres: PostgresServer) -> None:
    await caller.connect(tls_postgres.create_database(sql=APPDB), defaultCountry="US")
    auto = f"/agents/{await an_agent(caller)}/integrations/postgres/bindings/auto"
    told = await caller.refused("POST", auto, {"goal": "Change the status of an appointment"})
    assert (told["status"], told["code"]) == (422, "no_valid_binding")
    assert all(not one["operation"].endswith(".read") for one in told["candidates"])


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
async def test_a_goal_that_writes_becomes_a_disabled_write_that_is_proven(
    caller: Caller, request: pytest.FixtureRequest, kind: str
) -> None:
    server: PostgresServer | MariaDbServer = request.getfixturevalue("tls_postgres" if kind == "postgres" else "tls_mariadb")
    credentials = server.create_database(sql=ORDERS, write_tables=("orders",))
    await caller.ask("POST", f"/integrations/{kind}/connect", {"credentials": credentials})
    await caller.ask("POST", f"/integrations/{kind}/discover")
    agent = await an_agent(caller)
    auto = f"/agents/{agent}/integrations/{kind}/bindings/auto"
    skill = await caller.ask("POST", auto, {"goal": "Change the note of an order by its number"}, status=201)
    assert (skill["enabled"], skill["binding"]["operation"]) == (False, "orders.update")
    assert [(one["arg"], one["param"]) for one in skill["binding"]["filters"]] == [("number", "order_number")]
    path = f"/agents/{agent}/skills/{skill['id']}"
    arguments = {"order_number": "A-100", "order_note": "hold it back"}
    arguments = {one["param"]: arguments[f"order_{one['arg']}"] for one in skill["binding"]["inputs"]}
    tried = await caller.ask("POST", f"{path}/preview", {"arguments": arguments, "execute": True})
    assert "hold it back" in str(tried)
    refused = await caller.refused("PATCH", path, {"enabled": True})
    assert (refused["status"], refused["code"]) == (422, "review_required")
    added = await caller.ask("POST", auto, {"goal": "Add an order with a number and a note"}, status=201)
    assert (added["enabled"], added["binding"]["operation"]) == (False, "orders.insert")
    removed = await caller.refused("POST", auto, {"goal": "Delete an order"})
    assert (removed["status"], removed["code"]) == (422, "no_valid_binding")


@pytest.mark.parametrize("type_", ["rest", "graphql"])
async def test_a_called_write_is_proposed_disabled(caller: Caller, served: Served, type_: str) -> None:
    await connect_crm(caller, served, type_)
    await caller.ask("POST", "/integrations/acme_crm/discover")
    auto = f"/agents/{await an_agent(caller)}/integrations/acme_crm/bindings/auto"
    skill = await caller.ask("POST", auto, {"goal": "Update the name of a contact"}, status=201)
    assert skill["binding"]["operation"].rpartition(".")[2] == "updateContact"
    assert skill["enabled"] is False
    assert {one["arg"].rpartition(".")[2] for one in skill["binding"]["inputs"]} == {"id", "name"}


async def test_the_scope_and_the_agent_are_needed(caller: Caller, make_key: Any) -> None:
    reader = await make_key("skills:read")
    body = {"goal": GOAL}
    agent = await an_agent(caller)
    path = f"/api/v1/agents/{agent}/integrations/postgres/bindings/auto"
    refused = await caller.http.post(path, json=body, headers=reader.headers)
    assert refused.status_code == 403
    other = await make_key(org="Globex")
    refused = await caller.http.post(path, json=body, headers=other.headers)
    assert refused.status_code == 404
