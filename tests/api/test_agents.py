"""Agents and their versions over HTTP: concurrency control, publishing once, going back."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from patchbay.accounts.tables import AuditLog
from patchbay.store.database import Database
from tests.api.conftest import Key, client_of, problem

pytestmark = pytest.mark.anyio
AGENTS = "/api/v1/agents"


async def make_agent(client: httpx2.AsyncClient, name: str = "Front desk") -> dict[str, Any]:
    response = await client.post(AGENTS, json={"name": name})
    assert response.status_code == 201, response.text
    return response.json()["data"]


class TestAgents:
    async def test_a_new_agent_is_a_draft(self, client: httpx2.AsyncClient) -> None:
        response = await client.post(AGENTS, json={"name": "Front desk", "timeZone": "Europe/London"})
        agent = response.json()["data"]
        assert (agent["status"], agent["version"], agent["timeZone"]) == ("draft", 1, "Europe/London")
        assert response.headers["location"] == f"{AGENTS}/{agent['id']}"
        assert response.headers["etag"] == '"1"'
        again = (await client.get(f"{AGENTS}/{agent['id']}")).json()
        assert again == {"success": True, "data": agent}

    async def test_an_unknown_member_is_refused_with_the_nearest(self, client: httpx2.AsyncClient) -> None:
        document = problem(await client.post(AGENTS, json={"name": "x", "greting": "Hi"}), 400, "validation_error")
        assert "greeting" in document["errors"][0]["hint"]

    async def test_a_name_is_taken_once(self, client: httpx2.AsyncClient) -> None:
        await make_agent(client)
        problem(await client.post(AGENTS, json={"name": "Front desk"}), 409, "duplicate_name")
        assert (await client.post(AGENTS, json={"name": "Café"})).status_code == 201
        problem(await client.post(AGENTS, json={"name": "Cafe\u0301"}), 409, "duplicate_name")

    @pytest.mark.parametrize("sent", ["1", '"1"', " 1 "])
    async def test_the_version_last_read_may_change_it(self, client: httpx2.AsyncClient, sent: str) -> None:
        agent = await make_agent(client)
        response = await client.patch(f"{AGENTS}/{agent['id']}", json={"tone": "warm"}, headers={"If-Match": sent})
        assert (response.status_code, response.json()["data"]["version"], response.headers["etag"]) == (200, 2, '"2"')

    async def test_a_stale_version_is_409_with_the_current_state(self, client: httpx2.AsyncClient) -> None:
        agent = await make_agent(client)
        path = f"{AGENTS}/{agent['id']}"
        await client.patch(path, json={"tone": "warm"})
        document = problem(await client.patch(path, json={"tone": "cold"}, headers={"If-Match": "1"}), 409, "stale_version")
        assert (document["version"], document["agent"]["tone"]) == (2, "warm")
        current = (await client.get(path)).json()["data"]
        assert document["agent"] == current

    @pytest.mark.parametrize("sent", ['W/"1"', "one", '"1', "1, 2", "-1"])
    async def test_what_is_no_version_is_400(self, client: httpx2.AsyncClient, sent: str) -> None:
        agent = await make_agent(client)
        response = await client.patch(f"{AGENTS}/{agent['id']}", json={"tone": "warm"}, headers={"If-Match": sent})
        problem(response, 400, "validation_error")

    async def test_of_two_editors_one_wins(self, client: httpx2.AsyncClient) -> None:
        agent = await make_agent(client)
        path = f"{AGENTS}/{agent['id']}"
        answers = await asyncio.gather(
            *(client.patch(path, json={"tone": tone}, headers={"If-Match": "1"}) for tone in ("warm", "cold", "dry"))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409]

    async def test_the_list_goes_by_state_and_name(self, client: httpx2.AsyncClient) -> None:
        for name in ("Alpha", "Beta", "Alphabet"):
            published = await make_agent(client, name)
        await client.post(f"{AGENTS}/{published['id']}/publish")

        async def names(**params: str) -> list[str]:
            response = await client.get(AGENTS, params=params)
            return [agent["name"] for agent in response.json()["data"]]

        assert await names() == ["Alphabet", "Beta", "Alpha"]
        assert await names(q="alpha") == ["Alphabet", "Alpha"]
        assert await names(status="draft") == ["Beta", "Alpha"]
        assert await names(status="published", q="bet") == ["Alphabet"]

    async def test_a_deleted_agent_is_gone(self, client: httpx2.AsyncClient) -> None:
        agent = await make_agent(client)
        response = await client.delete(f"{AGENTS}/{agent['id']}")
        assert response.json() == {"success": True, "data": {"id": agent["id"], "deleted": True}}
        problem(await client.get(f"{AGENTS}/{agent['id']}"), 404, "not_found")
        problem(await client.delete(f"{AGENTS}/{agent['id']}"), 404, "not_found")


class TestPublishing:
    async def test_publish_compare_roll_back(self, client: httpx2.AsyncClient) -> None:
        agent = await make_agent(client)
        path = f"{AGENTS}/{agent['id']}"
        first = (await client.post(f"{path}/publish", json={"note": "one"})).json()["data"]
        await client.patch(path, json={"greeting": "Good day"})
        changes = (await client.get(f"{path}/versions/{first['id']}/diff")).json()["data"]
        assert changes == [{"field": "greeting", "before": None, "after": "Good day", "kind": "added"}]
        second = (await client.post(f"{path}/publish")).json()["data"]
        assert (first["version"], first["note"], second["version"], second["note"]) == (1, "one", 2, None)
        back = (await client.post(f"{path}/rollback", json={"versionId": first["id"]})).json()["data"]
        assert (back["id"], back["live"]) == (first["id"], True)
        versions = (await client.get(f"{path}/versions")).json()["data"]
        assert [(v["version"], v["live"]) for v in versions] == [(2, False), (1, True)]

    async def test_versions_are_paged(self, client: httpx2.AsyncClient) -> None:
        agent = await make_agent(client)
        path = f"{AGENTS}/{agent['id']}"
        for _ in range(3):
            await client.post(f"{path}/publish")
        first = (await client.get(f"{path}/versions", params={"limit": 2})).json()
        rest = (await client.get(f"{path}/versions", params={"cursor": first["pagination"]["nextCursor"]})).json()
        assert [v["version"] for v in first["data"] + rest["data"]] == [3, 2, 1]
        assert rest["pagination"]["nextCursor"] is None

    async def test_a_version_of_nothing_is_404(self, client: httpx2.AsyncClient) -> None:
        agent = await make_agent(client)
        path = f"{AGENTS}/{agent['id']}"
        problem(await client.post(f"{path}/rollback", json={"versionId": "ver_none"}), 404, "not_found")
        problem(await client.get(f"{path}/versions/ver_none/diff"), 404, "not_found")
        document = problem(await client.post(f"{path}/rollback", json={"versionID": "x"}), 400, "validation_error")
        assert "Did you mean 'versionId'?" in [error.get("hint") for error in document["errors"]]


class TestIdempotency:
    async def test_a_retry_gets_the_first_answer_and_publishes_nothing(self, client: httpx2.AsyncClient) -> None:
        agent = await make_agent(client)
        path = f"{AGENTS}/{agent['id']}"
        headers = {"Idempotency-Key": "a-key"}
        first = await client.post(f"{path}/publish", json={"note": "one"}, headers=headers)
        again = await client.post(f"{path}/publish", json={"note": "one"}, headers=headers)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        assert len((await client.get(f"{path}/versions")).json()["data"]) == 1

    async def test_another_body_or_agent_is_409(self, client: httpx2.AsyncClient) -> None:
        one, other = await make_agent(client), await make_agent(client, "Other")
        headers = {"Idempotency-Key": "a-key"}
        await client.post(f"{AGENTS}/{one['id']}/publish", json={"note": "one"}, headers=headers)
        for path, body in ((one["id"], {"note": "two"}), (other["id"], {"note": "one"})):
            response = await client.post(f"{AGENTS}/{path}/publish", json=body, headers=headers)
            problem(response, 409, "idempotency_key_reused")

    async def test_retries_at_once_publish_once(self, client: httpx2.AsyncClient) -> None:
        agent = await make_agent(client)
        path = f"{AGENTS}/{agent['id']}"
        answers = await asyncio.gather(*(client.post(f"{path}/publish", headers={"Idempotency-Key": "a-key"}) for _ in range(6)))
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert 201 in {answer.status_code for answer in answers}
        assert len((await client.get(f"{path}/versions")).json()["data"]) == 1

    async def test_a_refusal_is_not_kept(self, client: httpx2.AsyncClient) -> None:
        headers = {"Idempotency-Key": "a-key"}
        problem(await client.post(f"{AGENTS}/agt_none/publish", headers=headers), 404, "not_found")
        agent = await make_agent(client)
        assert (await client.post(f"{AGENTS}/{agent['id']}/publish", headers=headers)).status_code == 201

    async def test_a_body_of_numbers_beyond_all_measure_is_refused(self, client: httpx2.AsyncClient) -> None:
        path = f"{AGENTS}/{(await make_agent(client))['id']}/publish"
        for body in ({"note": 2**64}, 10**40):
            for headers in ({}, {"Idempotency-Key": "a-key"}):
                problem(await client.post(path, json=body, headers=headers), 400, "validation_error")

    async def test_two_organizations_may_use_one_key(self, app: FastAPI, client: httpx2.AsyncClient, make_key: Any) -> None:
        headers = {"Idempotency-Key": "a-key"}
        mine = await make_agent(client)
        await client.post(f"{AGENTS}/{mine['id']}/publish", headers=headers)
        other: Key = await make_key(org="Globex")
        async with client_of(app, other.headers) as theirs:
            agent = await make_agent(theirs)
            response = await theirs.post(f"{AGENTS}/{agent['id']}/publish", headers=headers)
            assert (response.status_code, response.headers.get("idempotency-replayed")) == (201, None)


class TestActivity:
    async def test_the_log_is_readable_and_filtered(self, client: httpx2.AsyncClient, key: Key, database: Database) -> None:
        agent = await make_agent(client)
        await client.post(AGENTS, json={"name": "Front desk"})
        await client.post(f"{AGENTS}/{agent['id']}/publish")

        async def entries(**params: str) -> list[dict[str, Any]]:
            response = await client.get("/api/v1/audit-logs", params=params)
            assert response.status_code == 200, response.text
            return response.json()["data"]

        found = await entries()
        assert [(e["method"], e["route"], e["status"]) for e in found] == [
            ("POST", "/api/v1/agents/{id}/publish", 201),
            ("POST", AGENTS, 409),
            ("POST", AGENTS, 201),
        ]
        assert found[0]["actor"] == {"type": "api_key", "id": key.key_id, "label": "test"}
        assert found[2]["resourceId"] == agent["id"]
        assert await entries(actorId=key.key_id, actorType="api_key") == found
        assert await entries(actorId="key_other") == []
        assert await entries(**{"to": found[-1]["at"]}) == []
        assert await entries(**{"from": found[1]["at"]}) == found[:2]
        assert await entries(**{"from": "2999-01-01"}) == []

    async def test_a_success_and_its_row_are_one_transaction(
        self, client: httpx2.AsyncClient, key: Key, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fail(*_: Any, **__: Any) -> None:
            raise RuntimeError

        with monkeypatch.context() as patched:
            patched.setattr("patchbay.accounts.audit.record", fail)
            assert (await client.post(AGENTS, json={"name": "Front desk"})).status_code == 500
        assert (await client.get(AGENTS)).json()["data"] == []
        async with database.tenant(key.org_id) as session:
            assert [row.status for row in await session.scalars(select(AuditLog))] == [500]
