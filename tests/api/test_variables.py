"""Interaction variables: found in the draft, noted by people, and nobody else's business."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from patchbay.agent_runtime.variables import MOST_NOTES
from tests.api.conftest import MakeKey, client_of, problem
from tests.api.test_skill_calls import CLINIC
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

BINDING = {
    "toolName": "Find the patient",
    "description": "Greets {caller_name} and finds a patient.",
    "operation": "patients.read",
    "inputs": [
        {"param": "patient_id", "arg": "id", "required": True},
        {"param": "phone", "arg": "phone", "source": "session", "key": "caller_number"},
    ],
    "projection": [{"path": ["name"], "leaf": "patient_name"}],
    "enabled": True,
}


async def data(response: httpx2.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()["data"]


@pytest.fixture
async def agent(client: httpx2.AsyncClient, tls_postgres: PostgresServer) -> str:
    credentials = tls_postgres.create_database(sql=CLINIC)
    await data(await client.post("/api/v1/integrations/postgres/connect", json={"credentials": credentials}))
    await data(await client.post("/api/v1/integrations/postgres/discover"))
    draft = {"name": "Desk", "defaultCountry": "US", "greeting": "Hello {caller_name}, about {{ topic }}?"}
    agent = (await data(await client.post("/api/v1/agents", json=draft), 201))["id"]
    await data(await client.post(f"/api/v1/agents/{agent}/integrations/postgres/bindings", json=BINDING), 201)
    return agent


def by_name(variables: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in variables}


async def test_variables_are_found_in_the_draft(client: httpx2.AsyncClient, agent: str) -> None:
    path = f"/api/v1/agents/{agent}/variables"
    found = await data(await client.get(path))
    assert [one["name"] for one in found] == ["caller_name", "caller_number", "patient_id", "patient_name", "topic"]
    named = by_name(found)
    assert {name: [use["flow"] for use in one["uses"]] for name, one in named.items()} == {
        "caller_name": ["referenced", "referenced"],
        "caller_number": ["session"],
        "patient_id": ["collected"],
        "patient_name": ["produced"],
        "topic": ["referenced"],
    }
    assert (named["patient_id"]["type"], named["patient_name"]["type"], named["topic"]["type"]) == ("integer", "string", None)
    assert named["caller_number"]["reserved"]
    assert not any(one["annotated"] for one in found)
    skill = (await data(await client.get(f"/api/v1/agents/{agent}/skills")))[0]["id"]
    assert {use["skillId"] for use in named["patient_id"]["uses"]} == {skill}
    await data(await client.patch(f"/api/v1/agents/{agent}/skills/{skill}", json={"enabled": False}))
    assert [one["name"] for one in await data(await client.get(path))] == ["caller_name", "topic"]


async def test_what_scoping_blocks_is_not_named(client: httpx2.AsyncClient, agent: str) -> None:
    await data(await client.patch("/api/v1/integrations/postgres/scoping", json={"blockedColumns": {"patients": ["name"]}}))
    names = [one["name"] for one in await data(await client.get(f"/api/v1/agents/{agent}/variables"))]
    assert names == ["caller_name", "topic"]


async def test_notes_are_made_changed_and_forgotten(client: httpx2.AsyncClient, agent: str) -> None:
    path = f"/api/v1/agents/{agent}/variables"
    before = (await client.get(f"/api/v1/agents/{agent}")).json()["data"]
    noted = await data(await client.post(path, json={"name": "patient_id", "note": "On the card"}), 200)
    assert (noted["note"], noted["derived"], noted["annotated"]) == ("On the card", True, True)
    declared = await data(await client.post(path, json={"name": "Topic2", "typeHint": "enum"}), 201)
    assert (declared["typeHint"], declared["derived"], declared["uses"]) == ("enum", False, [])
    again = await data(await client.post(path, json={"name": "Topic2", "note": "What it is about"}), 200)
    assert (again["typeHint"], again["note"]) == ("enum", "What it is about")
    changed = await data(await client.patch(f"{path}/Topic2", json={"typeHint": None}))
    assert (changed["typeHint"], changed["note"]) == (None, "What it is about")
    problem(await client.patch(f"{path}/topic2", json={"note": "x"}), 404, "not_found")
    problem(await client.patch(f"{path}/topic", json={"note": "x"}), 404, "not_found")
    for _ in range(2):
        assert await data(await client.delete(f"{path}/Topic2")) == {"id": "Topic2", "deleted": True}
    assert "Topic2" not in by_name(await data(await client.get(path)))
    await data(await client.delete(f"{path}/patient_id"))
    assert by_name(await data(await client.get(path)))["patient_id"]["annotated"] is False
    assert (await client.get(f"/api/v1/agents/{agent}")).json()["data"] == before


async def test_names_are_held_to_their_form(client: httpx2.AsyncClient, agent: str) -> None:
    path = f"/api/v1/agents/{agent}/variables"
    for name, code in (
        ("caller_info", "name_reserved"),
        ("caller_number", "name_reserved"),
        ("caller_name", "name_reserved"),
        ("verified", "name_reserved"),
        ("1st", "name_invalid"),
        ("a-b", "name_invalid"),
        ("näme", "name_invalid"),
        ("a\n", "name_invalid"),
    ):
        response = await client.post(path, json={"name": name})
        if name == "a\n":  # white space around it means nothing
            await data(response, 201)
            continue
        document = problem(response, 400, "validation_error")
        assert [(error["field"], error["code"]) for error in document["errors"]] == [("name", code)], name
    await data(await client.post(path, json={"name": "Verified"}), 201)


async def test_the_list_is_paged_and_bounded(client: httpx2.AsyncClient, agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/api/v1/agents/{agent}/variables"
    first = (await client.get(path, params={"limit": 2})).json()
    rest = (await client.get(path, params={"limit": 100, "cursor": first["pagination"]["nextCursor"]})).json()
    names = [one["name"] for one in [*first["data"], *rest["data"]]]
    assert names == sorted(names)
    assert len(names) == 5
    monkeypatch.setattr("patchbay.agent_runtime.variables.MOST_NOTES", 1)
    assert MOST_NOTES > 1
    await data(await client.post(path, json={"name": "one"}), 201)
    problem(await client.post(path, json={"name": "two"}), 409, "too_many_variables")


async def test_another_organizations_variables_are_not_there(
    client: httpx2.AsyncClient, agent: str, app: FastAPI, make_key: MakeKey
) -> None:
    stranger = await make_key(org="Globex")
    async with client_of(app, stranger.headers) as theirs:
        path = f"/api/v1/agents/{agent}/variables"
        problem(await theirs.get(path), 404, "not_found")
        problem(await theirs.post(path, json={"name": "mine"}), 404, "not_found")
        problem(await theirs.patch(f"{path}/topic", json={"note": "x"}), 404, "not_found")
        problem(await theirs.delete(f"{path}/topic"), 404, "not_found")
