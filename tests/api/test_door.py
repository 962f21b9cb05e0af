"""The door itself, around an application of three routes: what every request meets before and after its endpoint."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy import select
from starlette.requests import Request

from patchbay.accounts.keys import revoke_key
from patchbay.accounts.tables import AuditLog
from patchbay.api import problems
from patchbay.api.access import AgentsRead, AgentsWrite
from patchbay.api.auditing import announce
from patchbay.api.bodies import Body
from patchbay.api.door import Door
from patchbay.api.pages import Paged
from patchbay.api.routing import door_router
from patchbay.api.work import Reading, Writing
from patchbay.errors import Conflict
from patchbay.store.database import Database
from tests.api.conftest import Key, MakeKey, client_of, problem

pytestmark = pytest.mark.anyio
router = door_router("/things", tag="things")


class Thing(Body):
    tool_name: str
    several: list[str] = []


@router.get("")
async def list_things(principal: AgentsRead, session: Reading, page: Paged, q: str | None = None) -> dict[str, Any]:
    return page.slice([f"thing {n}" for n in range(7)], shown=str)


@router.post("", status_code=201)
async def make_thing(principal: AgentsWrite, session: Writing, body: Thing) -> dict[str, Any]:
    if body.tool_name == "taken":
        raise Conflict
    if body.tool_name == "broken":
        raise RuntimeError("a secret that must not be shown")
    return {"success": True, "data": body.sent()}


@router.put("/{id}")
async def run_thing(principal: AgentsWrite, request: Request, id: str) -> dict[str, Any]:
    await announce(request)
    return {"success": True, "data": id}


@pytest.fixture
async def client(bare_platform: Any) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI(redirect_slashes=False)
    app.include_router(router)
    problems.install(app)
    app.add_middleware(Door, max_body=2000)
    app.state.platform = bare_platform
    async with client_of(app) as client:
        yield client


THINGS = "/api/v1/things"


async def audited(database: Database, key: Key) -> list[tuple[str, str, str | None, int]]:
    async with database.tenant(key.org_id) as session:
        rows = (await session.scalars(select(AuditLog).order_by(AuditLog.id))).all()
    return [(row.method, row.path, row.route, row.status) for row in rows]


class TestAuthentication:
    @pytest.mark.parametrize(
        "header",
        [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer nonsense", "flowyte_sk_x", "Bearer flowyte_sk_é"],
    )
    async def test_without_a_key_it_is_401(self, client: httpx2.AsyncClient, header: str | None) -> None:
        headers = {"Authorization": header.encode()} if header is not None else {}
        response = await client.get(THINGS, headers=headers)
        problem(response, 401, "unauthorized")
        assert response.headers["www-authenticate"] == "Bearer"

    async def test_a_revoked_key_is_401(self, client: httpx2.AsyncClient, key: Key, database: Database) -> None:
        await revoke_key(database, org_id=key.org_id, key_id=key.key_id)
        problem(await client.get(THINGS, headers=key.headers), 401, "unauthorized")

    async def test_a_missing_scope_is_403_and_names_it(self, client: httpx2.AsyncClient, make_key: MakeKey) -> None:
        key = await make_key("agents:read")
        document = problem(await client.post(THINGS, headers=key.headers, json={"toolName": "x"}), 403, "insufficient_scope")
        assert document["scope"] == "agents:write"
        assert "agents:write" in document["detail"]

    async def test_the_key_is_checked_before_the_body_is_read(self, client: httpx2.AsyncClient) -> None:
        problem(await client.post(THINGS, content=b"{not json"), 401, "unauthorized")


class TestBodies:
    async def test_what_is_not_json_is_400(self, client: httpx2.AsyncClient, key: Key) -> None:
        headers = {**key.headers, "Content-Type": "application/json"}
        document = problem(await client.post(THINGS, headers=headers, content=b'{"toolName": '), 400, "validation_error")
        assert document["errors"][0]["code"] == "json_invalid"

    @pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
    async def test_another_content_type_is_415(self, client: httpx2.AsyncClient, key: Key, content_type: str | None) -> None:
        headers = {**key.headers, **({"Content-Type": content_type} if content_type else {})}
        problem(await client.post(THINGS, headers=headers, content=b'{"toolName": "x"}'), 415, "unsupported_media_type")

    async def test_an_unknown_member_is_refused_with_the_nearest_name(self, client: httpx2.AsyncClient, key: Key) -> None:
        document = problem(
            await client.post(THINGS, headers=key.headers, json={"toolname": "x", "toolName": "x"}), 400, "validation_error"
        )
        assert document["errors"] == [
            {"field": "toolname", "code": "unknown_field", "message": "is not a known field", "hint": "Did you mean 'toolName'?"}
        ]
        assert document["type"] == "about:blank"

    async def test_all_findings_come_at_once(self, client: httpx2.AsyncClient, key: Key) -> None:
        document = problem(await client.post(THINGS, headers=key.headers, json={"several": [1, "a", 2]}), 400, "validation_error")
        assert [(e["field"], e["code"]) for e in document["errors"]] == [
            ("toolName", "required"),
            ("several.0", "type"),
            ("several.2", "type"),
        ]

    async def test_a_missing_body_says_so(self, client: httpx2.AsyncClient, key: Key) -> None:
        document = problem(await client.post(THINGS, headers=key.headers), 400, "validation_error")
        assert document["errors"][0]["field"] == "body"

    async def test_a_body_where_none_is_taken_is_refused(self, client: httpx2.AsyncClient, key: Key) -> None:
        problem(await client.put(f"{THINGS}/1", headers=key.headers, json={"a": 1}), 400, "validation_error")
        assert (await client.put(f"{THINGS}/1", headers=key.headers, json={})).status_code == 200

    async def test_a_body_over_the_limit_is_413(self, client: httpx2.AsyncClient, key: Key) -> None:
        problem(await client.post(THINGS, headers=key.headers, json={"toolName": "x" * 3000}), 413, "payload_too_large")

    async def test_a_length_that_lies_does_not_help(self, client: httpx2.AsyncClient, key: Key) -> None:
        headers = {**key.headers, "Content-Type": "application/json", "Content-Length": "10"}
        content = json.dumps({"toolName": "x" * 3000}).encode()
        problem(await client.post(THINGS, headers=headers, content=content), 413, "payload_too_large")

    async def test_a_chunked_body_is_counted(self, client: httpx2.AsyncClient, key: Key) -> None:
        sent: list[int] = []

        async def chunks() -> AsyncIterator[bytes]:
            for number in range(100):
                sent.append(number)
                yield b" " * 500

        headers = {**key.headers, "Content-Type": "application/json"}
        problem(await client.post(THINGS, headers=headers, content=chunks()), 413, "payload_too_large")


class TestQueries:
    async def test_an_unknown_parameter_is_refused_with_the_nearest_name(self, client: httpx2.AsyncClient, key: Key) -> None:
        document = problem(await client.get(THINGS, headers=key.headers, params={"limt": 3}), 400, "validation_error")
        assert document["errors"][0]["hint"] == "Did you mean 'limit'?"

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=1&limit=2", "q=%00", "cursor=" + "x" * 2000])
    async def test_a_bad_parameter_is_400(self, client: httpx2.AsyncClient, key: Key, query: str) -> None:
        problem(await client.get(f"{THINGS}?{query}", headers=key.headers), 400, "validation_error")


class TestPages:
    async def test_cursors_walk_the_whole_list_once(self, client: httpx2.AsyncClient, key: Key) -> None:
        seen: list[str] = []
        params: dict[str, Any] = {"limit": 3}
        while True:
            document = (await client.get(THINGS, headers=key.headers, params=params)).json()
            seen += document["data"]
            assert document["success"] is True
            assert document["pagination"]["limit"] == 3
            if document["pagination"]["nextCursor"] is None:
                break
            params["cursor"] = document["pagination"]["nextCursor"]
        assert seen == [f"thing {n}" for n in range(7)]

    async def test_a_cursor_holds_for_its_filters_and_organization_only(
        self, client: httpx2.AsyncClient, key: Key, make_key: MakeKey
    ) -> None:
        first = await client.get(THINGS, headers=key.headers, params={"limit": 2, "q": "thing"})
        cursor = first.json()["pagination"]["nextCursor"]
        again = await client.get(THINGS, headers=key.headers, params={"limit": 5, "q": "thing", "cursor": cursor})
        assert again.json()["data"][0] == "thing 2"
        other = await make_key(org="Globex")
        for headers, params in (
            (key.headers, {"cursor": cursor}),
            (key.headers, {"cursor": cursor, "q": "other"}),
            (other.headers, {"cursor": cursor, "q": "thing"}),
            (key.headers, {"cursor": cursor[:-2] + "AA", "q": "thing"}),
            (key.headers, {"cursor": "!", "q": "thing"}),
            (key.headers, {"cursor": "", "q": "thing"}),
        ):
            problem(await client.get(THINGS, headers=headers, params=params), 400, "invalid_cursor")


class TestAnswers:
    async def test_an_unknown_path_is_a_problem(self, client: httpx2.AsyncClient) -> None:
        problem(await client.get("/api/v1/thingz"), 404, "not_found")

    async def test_a_trailing_slash_is_another_path(self, client: httpx2.AsyncClient) -> None:
        problem(await client.get(THINGS + "/"), 404, "not_found")

    async def test_a_wrong_method_lists_those_that_work(self, client: httpx2.AsyncClient) -> None:
        response = await client.patch(THINGS)
        problem(response, 405, "method_not_allowed")
        assert response.headers["allow"] == "GET, POST"

    async def test_a_failure_shows_nothing_of_itself(
        self, client: httpx2.AsyncClient, key: Key, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        response = await client.post(THINGS, headers=key.headers, json={"toolName": "broken"})
        problem(response, 500, "internal_error")
        assert "secret" not in response.text

    async def test_every_answer_has_an_id_and_the_security_headers(self, client: httpx2.AsyncClient, key: Key) -> None:
        for response in (await client.get(THINGS, headers=key.headers), await client.get("/nowhere"), await client.get(THINGS)):
            assert len(response.headers["x-request-id"]) >= 8
            assert response.headers["x-content-type-options"] == "nosniff"
            assert "access-control-allow-origin" not in response.headers

    @pytest.mark.parametrize(
        ("sent", "kept"), [("trace-12345678", True), ("a b", False), ("x" * 300, False), ("a\tb;rm -rf", False)]
    )
    async def test_a_sane_request_id_is_kept(self, client: httpx2.AsyncClient, sent: str, kept: bool) -> None:
        answered = (await client.get("/nowhere", headers={"X-Request-Id": sent})).headers["x-request-id"]
        assert (answered == sent) is kept

    async def test_answers_say_where_the_rate_window_stands(self, client: httpx2.AsyncClient, key: Key) -> None:
        first, second = await client.get(THINGS, headers=key.headers), await client.get(THINGS, headers=key.headers)
        assert int(first.headers["ratelimit-remaining"]) - 1 == int(second.headers["ratelimit-remaining"])
        assert int(first.headers["ratelimit-limit"]) == 1200
        assert 0 <= int(first.headers["ratelimit-reset"]) <= 60

    async def test_over_the_limit_is_429_for_one_organization_only(
        self, client: httpx2.AsyncClient, key: Key, make_key: MakeKey, bare_platform: Any
    ) -> None:
        bare_platform.settings = bare_platform.settings.model_copy(update={"rate_limit_per_minute": 3})
        answers = [await client.get(THINGS, headers=key.headers) for _ in range(4)]
        assert [answer.status_code for answer in answers[:3]] == [200, 200, 200]
        problem(answers[3], 429, "rate_limited")
        assert int(answers[3].headers["retry-after"]) >= 1
        assert answers[3].headers["ratelimit-remaining"] == "0"
        other = await make_key(org="Globex")
        assert (await client.get(THINGS, headers=other.headers)).status_code == 200


class TestAudit:
    async def test_changes_and_refusals_leave_a_row_and_reads_none(
        self, client: httpx2.AsyncClient, key: Key, database: Database
    ) -> None:
        await client.get(THINGS, headers=key.headers)
        await client.post(THINGS, headers=key.headers, json={"toolName": "x"})
        await client.post(THINGS + "?x=secret", headers=key.headers, json={"toolName": "x"})
        await client.post(THINGS, headers=key.headers, json={"toolName": "taken"})
        await client.post(THINGS, headers=key.headers, json={"toolName": "broken"})
        await client.post(THINGS, json={"toolName": "x"})
        assert await audited(database, key) == [("POST", THINGS, THINGS, status) for status in (201, 400, 409, 500)]

    async def test_a_missing_scope_leaves_a_row(self, client: httpx2.AsyncClient, make_key: MakeKey, database: Database) -> None:
        key = await make_key("agents:read")
        await client.post(THINGS, headers=key.headers, json={"toolName": "x"})
        assert await audited(database, key) == [("POST", THINGS, THINGS, 403)]

    async def test_work_of_several_transactions_is_announced(
        self, client: httpx2.AsyncClient, key: Key, database: Database
    ) -> None:
        await client.put(f"{THINGS}/7", headers=key.headers)
        expected = [("PUT", f"{THINGS}/7", THINGS + "/{id}", status) for status in (102, 200)]
        assert await audited(database, key) == expected

    async def test_a_change_that_cannot_be_logged_does_not_happen(
        self, client: httpx2.AsyncClient, key: Key, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fail(*_: Any, **__: Any) -> None:
            raise RuntimeError

        monkeypatch.setattr("patchbay.accounts.audit.record", fail)
        problem(await client.post(THINGS, headers=key.headers, json={"toolName": "x"}), 500, "internal_error")


async def test_a_store_that_does_not_answer_is_503(client: httpx2.AsyncClient, key: Key, bare_platform: Any) -> None:
    bare_platform.database = Database.at("postgresql://nobody@127.0.0.1:1/none")
    problem(await client.get(THINGS, headers=key.headers), 503, "store_unavailable")


async def test_a_log_line_has_the_request_id_and_neither_query_nor_body(client: httpx2.AsyncClient, key: Key) -> None:
    written = io.StringIO()
    before = structlog.get_config()
    try:
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(written), cache_logger_on_first_use=False)
        response = await client.post(THINGS + "?q=hidden1", headers=key.headers, json={"toolName": "hidden2"})
    finally:
        structlog.configure(**before)
    line = written.getvalue()
    assert response.headers["x-request-id"] in line
    assert "hidden" not in line
    assert key.secret not in line
