"""Systems that answer 200 whatever came of a write: what their answer says is what is told, and never more."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from graphql import build_schema

from patchbay.egress.urls import read_url
from tests.api.guides.conftest import Caller
from tests.api.guides.operator_desk import TOKEN, Api, Desk, openapi, operation, parameter
from tests.api.guides.operator_desk import serving as serving_api
from tests.servers.certificates import Authority
from tests.servers.upstreams.faithful import bearer, serving
from tests.servers.upstreams.faithful_graphql import FaithfulGraphql
from tests.servers.upstreams.tls import server_context

pytestmark = pytest.mark.anyio
TEXT = {"type": "string"}
ANSWER = {
    "type": "object",
    "properties": {
        "ok": {"type": "boolean"},
        "error": TEXT,
        "ts": TEXT,
        "status": {"type": "string", "enum": ["accepted", "held"]},
        "level": {"type": "integer"},
    },
}
ASKING = {"requiresConfirmation": False, "stakes": "low"}


def document(**left_out: Any) -> dict[str, Any]:
    properties = {name: kind for name, kind in ANSWER["properties"].items() if name not in left_out}
    posted = operation("post", {**ANSWER, "properties": properties}, parameter("text"))
    return openapi({"/post": {"post": posted}})


async def bound(desk: Desk, api: Api, **more: Any) -> dict[str, Any]:
    """The write, enabled and published."""
    await desk.connect("chat_api", {"token": TOKEN}, definition=api.definition)
    skill = await desk.bind("chat_api", "post", ["text"], ["ts"], **more)
    path = f"/agents/{desk.agent}/skills/{skill['id']}"
    shown = await desk.caller.ask("PATCH", path, ASKING)
    await desk.caller.ask("PATCH", path, {"enabled": True, "review": {"digest": shown["reviewDigest"]}})
    await desk.publish()
    return skill


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ({"ok": True, "ts": "1"}, "succeeded", None),
        ({"ok": False, "error": "channel_not_found"}, "refused", "write_refused"),
        ({"ok": False, "ts": "1"}, "refused", "write_refused"),
        ({"ok": "yes", "ts": "1"}, "refused", "write_refused"),
        ({"ok": 1, "ts": "1"}, "refused", "write_refused"),
        ({"ts": "1"}, "succeeded", None),
    ],
)
async def test_ok_is_looked_at_unasked(desk: Desk, answer: Any, status: str, code: str | None) -> None:
    async with serving_api(document(), {"/post": answer}) as api:
        skill = await bound(desk, api)
        told = await desk.call(skill, {"text": "Hello"})
    assert (told["status"], told["code"]) == (status, code)
    assert told["rows"] == ([{"ts": "1"}] if status == "succeeded" else [])
    assert "channel_not_found" not in str(told)


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ({"status": "accepted", "ts": "1"}, "succeeded", None),
        ({"status": "held", "ts": "1"}, "refused", "write_refused"),
        ({"ok": True, "status": "held"}, "refused", "write_refused"),
        ({"ts": "1"}, "failed", "outcome_unknown"),
        ([], "failed", "outcome_unknown"),
        ("done", "failed", "outcome_unknown"),
    ],
)
async def test_a_binding_says_what_else_to_look_at(desk: Desk, answer: Any, status: str, code: str | None) -> None:
    async with serving_api(document(), {"/post": answer}) as api:
        skill = await bound(desk, api, succeeds={"path": ["status"], "equals": "accepted"})
        told = await desk.call(skill, {"text": "Hello"})
    assert (told["status"], told["code"]) == (status, code)


async def test_what_cannot_be_meant_is_refused(desk: Desk) -> None:
    async with serving_api(document(), {}) as api:
        await desk.connect("chat_api", {"token": TOKEN}, definition=api.definition)

        async def codes(succeeds: Any) -> set[tuple[str, str]]:
            refused = await desk.refused("chat_api", "post", ["text"], ["ts"], succeeds=succeeds)
            return {(error["field"], error["code"]) for error in refused["errors"]}

        assert await codes({"path": ["status"], "equals": "acepted"}) == {("succeeds.equals", "value_not_of_type")}
        assert await codes({"path": ["level"], "equals": True}) == {("succeeds.equals", "value_not_of_type")}
        assert {field for field, _ in await codes({"path": ["stats"], "equals": "x"})} == {"succeeds.path"}
        assert {field for field, _ in await codes({"path": ["status"]})} == {"succeeds"}
        assert {field for field, _ in await codes({"path": ["status"], "equals": "x", "else": 1})} == {"succeeds"}
        holding = (await desk.caller.ask("GET", "/integrations/chat_api/objects"))[0]["name"]
        await desk.caller.ask("PATCH", "/integrations/chat_api/scoping", {"blockedColumns": {holding: ["status"]}})
        assert {field for field, _ in await codes({"path": ["status"], "equals": "accepted"})} == {"succeeds.path"}


SDL = """
type Query { hello: String }
type Mutation { hold(number: String!): HoldPayload }
type HoldPayload { success: Boolean  message: String  number: String }
"""


@pytest.fixture(params=[True, False, None])
async def graphql(request: pytest.FixtureRequest) -> AsyncGenerator[tuple[bool | None, dict[str, Any]]]:
    authority = Authority()
    upstream = FaithfulGraphql(build_schema(SDL), bearer(TOKEN), values={"HoldPayload.success": request.param})
    async with serving(upstream, server_context(authority.issue())):
        assert read_url(upstream.url).host == "localhost"
        yield request.param, {
            "type": "graphql", "displayName": "Holds", "baseUrl": upstream.url, "auth": {"scheme": "bearer"},
            "caPem": authority.pem,
        }  # fmt: skip
        assert upstream.problems == []


async def test_a_payload_that_says_it_failed_is_no_success(desk: Desk, graphql: tuple[bool | None, dict[str, Any]]) -> None:
    success, definition = graphql
    caller: Caller = desk.caller
    await desk.connect("holds", {"token": TOKEN}, definition=definition)
    skill = await desk.bind("holds", "mutation.hold", ["number"], ["number"])
    path = f"/agents/{desk.agent}/skills/{skill['id']}"
    shown = await caller.ask("PATCH", path, ASKING)
    await caller.ask("PATCH", path, {"enabled": True, "review": {"digest": shown["reviewDigest"]}})
    await desk.publish()
    told = await desk.call(skill, {"number": "A-100"})
    assert told["status"] == ("refused" if success is False else "succeeded")
    assert all("success" not in row for row in told["rows"])


UNION = """
type Query { hello: String }
type Mutation { place(number: String!): PlaceResult!  keep(number: String!): KeepResult! }
union PlaceResult = Placed | StockError
union KeepResult = Placed | Kept
type Placed { number: String }
type Kept { number: String }
type StockError { message: String }
"""


async def test_an_answer_that_may_be_an_error_of_another_type_is_not_bound(desk: Desk) -> None:
    authority = Authority()
    upstream = FaithfulGraphql(build_schema(UNION), bearer(TOKEN))
    async with serving(upstream, server_context(authority.issue())):
        definition = {
            "type": "graphql", "displayName": "Orders", "baseUrl": upstream.url, "auth": {"scheme": "bearer"},
            "caPem": authority.pem,
        }  # fmt: skip
        await desk.connect("orders", {"token": TOKEN}, definition=definition)
        refused = await desk.refused("orders", "mutation.place", ["number"], [])
        assert [(error["field"], error["code"]) for error in refused["errors"]] == [("operation", "refusals_not_told_apart")]
        await desk.bind("orders", "mutation.keep", ["number"], [])
