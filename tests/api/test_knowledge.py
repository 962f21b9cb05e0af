"""Sources of knowledge over the wire: added, read in the background, shown, refreshed and deleted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from patchbay.agent_runtime.knowledge import bodies, sources
from patchbay.agent_runtime.knowledge.ingestion import EVERY_S
from patchbay.store.database import Database
from tests.api.conftest import MakeKey, problem
from tests.servers.upstreams.site import Site, serving

pytestmark = pytest.mark.anyio

TEXT = {"kind": "text", "label": "House rules", "text": "# Deliveries\n\nWe deliver within five miles, for $4."}
FAQ = {
    "kind": "faq",
    "label": "Questions",
    "faqs": [{"question": "Do you deliver?", "answer": "Yes, for $4."}, {"question": "Are you open on Sunday?", "answer": "No."}],
}


@pytest.fixture
async def agent(client: httpx2.AsyncClient) -> str:
    made = await client.post("/api/v1/agents", json={"name": "Front desk"})
    return made.json()["data"]["id"]


@pytest.fixture
def path(agent: str) -> str:
    return f"/api/v1/agents/{agent}/knowledge/sources"


async def added(client: httpx2.AsyncClient, path: str, body: dict[str, Any], **options: Any) -> dict[str, Any]:
    response = await client.post(path, json=body, **options)
    assert response.status_code == 201, response.text
    return response.json()["data"]


async def read(client: httpx2.AsyncClient, path: str, source: dict[str, Any]) -> dict[str, Any]:
    """The source once it is not pending any more."""
    async with asyncio.timeout(20):
        while True:
            shown = (await client.get(f"{path}/{source['id']}")).json()["data"]
            if shown["status"] != "pending":
                return shown
            await asyncio.sleep(0.02)


async def version(client: httpx2.AsyncClient, path: str) -> int:
    agent = (await client.get(path.partition("/knowledge")[0])).json()["data"]
    return agent["version"]


async def test_a_text_is_read_at_once_and_not_at_the_next_look(client: httpx2.AsyncClient, path: str) -> None:
    before = await version(client, path)
    source = await added(client, path, TEXT)
    assert (source["status"], source["error"], source["passageCount"], source["text"]) == ("pending", None, 0, TEXT["text"])
    began = time.monotonic()
    shown = await read(client, path, source)
    assert time.monotonic() - began < EVERY_S / 2
    assert (shown["status"], shown["passageCount"], shown["autoRefresh"]) == ("indexed", 1, False)
    assert shown["lastCheckedAt"] == shown["lastChangedAt"] is not None
    assert await version(client, path) == before + 1  # the reading is no change of its own


@pytest.fixture
async def site() -> AsyncGenerator[Site]:
    async with serving(Site({"/menu": "<h1>Menu</h1><p>Large $18"})) as up:
        yield up


async def test_questions_are_shown_as_they_were_sent_and_the_list_has_no_text(client: httpx2.AsyncClient, path: str) -> None:
    first, second = await added(client, path, TEXT), await added(client, path, FAQ)
    shown = await read(client, path, second)
    assert (shown["faqs"], shown["passageCount"]) == (FAQ["faqs"], 2)
    assert shown["text"] == "# Do you deliver?\n\nYes, for $4.\n\n# Are you open on Sunday?\n\nNo."
    await read(client, path, first)
    listed = (await client.get(path, params={"limit": 1})).json()
    assert [source["id"] for source in listed["data"]] == [first["id"]]
    assert not {"text", "faqs"} & set(listed["data"][0])
    rest = (await client.get(path, params={"limit": 1, "cursor": listed["pagination"]["nextCursor"]})).json()
    assert [(source["id"], source["passageCount"]) for source in rest["data"]] == [(second["id"], 2)]


@pytest.mark.parametrize("member", ["fileId", "file_id"])
async def test_a_file_is_named_either_way(client: httpx2.AsyncClient, path: str, member: str) -> None:
    upload = await client.post("/api/v1/uploads", files={"file": ("prices.csv", b"Size,Price\nLarge,$18\n", "text/csv")})
    file = upload.json()["data"]["fileId"]
    shown = await read(client, path, await added(client, path, {"kind": "file", "label": "Prices", member: file}))
    assert (shown["status"], shown["fileId"], shown["text"]) == ("indexed", file, "Size Large: Price $18")


async def test_a_page_is_refreshed_now_and_by_itself(
    client: httpx2.AsyncClient, path: str, site: Site, database: Database
) -> None:
    source = await added(client, path, {"kind": "url", "label": "Menu", "url": site.url("/menu")})
    first = await read(client, path, source)
    one = f"{path}/{source['id']}"
    assert (first["text"], first["autoRefresh"], first["cadenceHours"], first["nextCheckAt"]) == (
        "# Menu\n\nLarge $18",
        False,
        None,
        None,
    )
    site.pages["/menu"] = "<h1>Menu</h1><p>Large $19"
    refreshed = await client.post(f"{one}/refresh")
    assert (refreshed.status_code, refreshed.json()["data"]["status"]) == (202, "indexed")
    async with asyncio.timeout(20):
        while (shown := (await client.get(one)).json()["data"])["lastCheckedAt"] == first["lastCheckedAt"]:
            await asyncio.sleep(0.05)
    assert (shown["text"], shown["lastChangedAt"]) == ("# Menu\n\nLarge $19", shown["lastCheckedAt"])

    for sent, cadence in (({"autoRefresh": True}, 168), ({"cadenceHours": 24}, 24), ({"autoRefresh": True}, 24)):
        changed = (await client.patch(one, json=sent)).json()["data"]
        assert (changed["autoRefresh"], changed["cadenceHours"]) == (True, cadence)
        assert changed["nextCheckAt"] > changed["lastCheckedAt"]
    off = (await client.patch(one, json={"autoRefresh": False})).json()["data"]
    assert (off["autoRefresh"], off["cadenceHours"], off["nextCheckAt"]) == (False, None, None)
    async with database.owner() as session:
        assert await session.scalar(text("SELECT due_at FROM knowledge_sources")) is None


async def test_what_cannot_be_reached_ends_in_an_error_a_person_understands(
    client: httpx2.AsyncClient, path: str, site: Site
) -> None:
    for url, code in ((site.url("/gone"), "page_not_found"), ("http://169.254.169.254/latest/", "egress_refused")):
        source = await added(client, path, {"kind": "url", "label": "Page", "url": url})
        shown = await read(client, path, source)
        assert (shown["status"], shown["error"]["code"], shown["passageCount"]) == ("error", code, 0)
        assert shown["error"]["message"].endswith(".")


async def test_only_pages_are_refreshed(client: httpx2.AsyncClient, path: str) -> None:
    source = await added(client, path, TEXT)
    one = f"{path}/{source['id']}"
    problem(await client.post(f"{one}/refresh"), 422, "source_not_refreshable")
    problem(await client.patch(one, json={"autoRefresh": True}), 422, "source_not_refreshable")


async def test_a_cadence_is_a_day_at_least_and_goes_with_auto_refresh(client: httpx2.AsyncClient, path: str, site: Site) -> None:
    source = await added(client, path, {"kind": "url", "label": "Menu", "url": site.url("/menu")})
    one = f"{path}/{source['id']}"
    for sent in ({"autoRefresh": True, "cadenceHours": 23}, {"autoRefresh": False, "cadenceHours": 24}, {"cadenceHours": 24}):
        refused = problem(await client.patch(one, json=sent), 400, "validation_error")
        assert refused["errors"][0]["field"] == "cadenceHours"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "crawl", "label": "x"}, "kind"),
        ({"kind": "text", "text": "x"}, "label"),
        ({"kind": "text", "label": "x"}, "text"),
        ({"kind": "text", "label": "x", "text": " \u200b... "}, "text"),
        ({"kind": "text", "label": "x", "text": "x", "url": "https://a.example/"}, "url"),
        ({"kind": "url", "label": "x", "url": "ftp://a.example/"}, "url"),
        ({"kind": "url", "label": "x", "url": "https://user:secret@a.example/"}, "url"),
        ({"kind": "url", "label": "x", "url": "https://a.example/", "crawl": {"maxPages": 10}}, "crawl"),
        ({"kind": "faq", "label": "x", "faqs": []}, "faqs"),
        ({"kind": "faq", "label": "x", "faqs": [{"question": "x", "answer": ""}]}, "faqs.0.answer"),
        ({"kind": "faq", "label": "x", "faqs": [{"question": "x" * 301, "answer": "x"}]}, "faqs.0.question"),
        ({"kind": "file", "label": "x", "fileID": "fil_x"}, "fileID"),
        ({"kind": "file", "label": "x"}, "fileId"),
    ],
)
async def test_a_body_that_is_wrong_says_where(client: httpx2.AsyncClient, path: str, body: dict[str, Any], field: str) -> None:
    refused = problem(await client.post(path, json=body), 400, "validation_error")
    assert field in [error["field"] for error in refused["errors"]], refused
    assert "secret" not in str(refused)


async def test_a_missing_file_is_told_as_one(client: httpx2.AsyncClient, path: str) -> None:
    problem(await client.post(path, json={"kind": "file", "label": "x", "fileId": "fil_none"}), 404, "file_expired")


async def test_the_same_twice_is_refused_and_so_is_one_too_many(
    client: httpx2.AsyncClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await added(client, path, TEXT)
    problem(await client.post(path, json={**TEXT, "label": "Another name"}), 409, "duplicate_source")
    await added(client, path, {"kind": "url", "label": "x", "url": "https://a.example"})
    page = {"kind": "url", "label": "y", "url": "HTTPS://A.example:443/#top"}
    problem(await client.post(path, json=page), 409, "duplicate_source")
    for refused in (False, True):
        upload = await client.post("/api/v1/uploads", files={"file": ("a.txt", b"Large $18")})
        body = {"kind": "file", "label": "x", "fileId": upload.json()["data"]["fileId"]}
        if refused:
            problem(await client.post(path, json=body), 409, "duplicate_source")
        else:
            await added(client, path, body)
    monkeypatch.setattr(sources, "MOST_SOURCES", 4)
    await added(client, path, FAQ)
    problem(await client.post(path, json={**TEXT, "text": "More"}), 409, "too_many_sources")


async def test_a_retry_with_the_same_key_adds_nothing(client: httpx2.AsyncClient, path: str) -> None:
    key = {"Idempotency-Key": "one"}
    first = await client.post(path, json=TEXT, headers=key)
    again = await client.post(path, json=TEXT, headers=key)
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert first.headers["location"] == f"{path}/{first.json()['data']['id']}"
    problem(await client.post(path, json=FAQ, headers=key), 409, "idempotency_key_reused")
    assert len((await client.get(path)).json()["data"]) == 1


async def test_deleting_takes_everything_away(client: httpx2.AsyncClient, path: str, database: Database) -> None:
    source = await added(client, path, TEXT)
    await read(client, path, source)
    before = await version(client, path)
    gone = await client.delete(f"{path}/{source['id']}")
    assert gone.json()["data"] == {"id": source["id"], "deleted": True}
    assert await version(client, path) == before + 1
    problem(await client.get(f"{path}/{source['id']}"), 404, "not_found")
    async with database.owner() as session:
        left = "SELECT (SELECT count(*) FROM knowledge_indexes) + (SELECT count(*) FROM knowledge_passages)"
        assert await session.scalar(text(left)) == 0
    await added(client, path, TEXT)


async def test_a_source_is_its_organizations_and_its_agents(client: httpx2.AsyncClient, path: str, make_key: MakeKey) -> None:
    source = await added(client, path, TEXT)
    upload = await client.post("/api/v1/uploads", files={"file": ("a.txt", b"secret")})
    globex = (await make_key(org="Globex")).headers
    theirs = (await client.post("/api/v1/agents", json={"name": "Theirs"}, headers=globex)).json()["data"]["id"]
    other = (await client.post("/api/v1/agents", json={"name": "Other"})).json()["data"]["id"]
    for agent, headers in ((theirs, globex), (other, None), (path.split("/")[4], globex)):
        one = f"/api/v1/agents/{agent}/knowledge/sources/{source['id']}"
        asked = [
            ("GET", one, None),
            ("PATCH", one, {"autoRefresh": True}),
            ("DELETE", one, None),
            ("POST", f"{one}/refresh", None),
        ]
        for method, url, body in asked:
            problem(await client.request(method, url, json=body, headers=headers), 404, "not_found")
    stolen = {"kind": "file", "label": "x", "fileId": upload.json()["data"]["fileId"]}
    problem(await client.post(f"/api/v1/agents/{theirs}/knowledge/sources", json=stolen, headers=globex), 404, "file_expired")
    assert (await client.get(f"{path}/{source['id']}")).status_code == 200


async def test_the_longest_text_is_taken(client: httpx2.AsyncClient, path: str) -> None:
    longest = ("A word or two, then more. " * 16_000)[: bodies.MOST_TEXT]
    source = await added(client, path, {**TEXT, "text": longest.strip()})
    assert (await read(client, path, source))["passageCount"] > 400
    problem(await client.post(path, json={**TEXT, "text": longest + "x" * 100}), 400, "validation_error")
