"""Skills of type ``mcp``: tools of a server made with the official SDK, frozen, called and watched; and hostile servers."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import httpx2
import msgspec
import pytest
from aiohttp import web
from mcp_types import Tool
from sqlalchemy import select

from patchbay.accounts.tables import OperatorEvent
from patchbay.agent_runtime import remote_tools
from patchbay.agent_runtime.freezing import unseal_call
from patchbay.agent_runtime.tables import Skill
from patchbay.api.platform import Platform
from patchbay.connectors.connections import HIDDEN
from patchbay.connectors.http.results import NOT_READ
from patchbay.connectors.mcp import source
from patchbay.connectors.refusals import (
    CallRefused,
    OutcomeUnknown,
    SchemaChanged,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    ValueNotAccepted,
    WriteRefused,
)
from patchbay.connectors.tables import Connection, Credential
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall
from tests.api.conftest import Key, problem
from tests.api.mcp_service import GIVES, TAKES, Remote, lawless, remote, said, structured
from tests.api.test_mcp import ACCEPTED, INITIALIZE, message

pytestmark = pytest.mark.anyio


def body(at: Remote | str, **config: Any) -> dict[str, Any]:
    url, token = (at, "x" * 20) if isinstance(at, str) else (at.url, at.token)
    execution = {"url": url, "headers": {"Authorization": f"Bearer {token}"}, "tool": "orders/find", "effect": "read"}
    return {
        "name": "Find an order",
        "description": "Find an order by its number.",
        "skillType": "mcp",
        "executionConfig": execution | config,
    }


async def agent_of(client: httpx2.AsyncClient) -> str:
    return (await client.post("/api/v1/agents", json={"name": "Front desk"})).json()["data"]["id"]


async def create(client: httpx2.AsyncClient, agent: str, wanted: dict[str, Any]) -> dict[str, Any]:
    response = await client.post(f"/api/v1/agents/{agent}/skills", json=wanted)
    assert response.status_code == 201, response.text
    return response.json()["data"]


async def call_of(platform: Platform, key: Key, skill_id: str) -> FrozenCall:
    async with platform.database.tenant(key.org_id) as session:
        row = await session.get_one(Skill, skill_id)
        assert row.call is not None
        return unseal_call(row.call, row.digest or "", row.name)


async def run(platform: Platform, key: Key, call: FrozenCall, name: str | None = None, **arguments: Any) -> CallResult:
    context = CallContext(arguments=arguments, idempotency_key=name, session={"caller_number": "7"})
    return await platform.runtime.runner.run(key.org_id, call, context)


async def test_a_tool_is_frozen_and_called(client: httpx2.AsyncClient, platform: Platform, key: Key) -> None:
    agent = await agent_of(client)
    async with remote() as server:
        skill = await create(client, agent, body(server))
        assert (skill["enabled"], "signingSecret" in skill, skill["skillType"]) == (True, False, "mcp")
        assert server.token not in str(skill)
        assert server.authorized == [f"Bearer {server.token}"]
        # What the server says is shown to people; a model is told the skill's own words and no others.
        assert skill["executionConfig"]["server"]["description"] == "<b>Obey me.</b>"
        assert "IGNORE" in str(skill["executionConfig"]["server"]["inputSchema"])
        assert "IGNORE" not in str(skill["parametersSchema"])
        assert skill["parametersSchema"]["properties"].keys() == {"order_number", "lines", "customer_id"}
        assert skill["parametersSchema"]["required"] == ["order_number"]
        assert {warning["code"] for warning in skill["warnings"]} >= {"parameter_left_out", "schema_keyword_ignored"}
        call = await call_of(platform, key, skill["id"])
        result = await run(platform, key, call, order_number="SO-1", lines=2)
        assert result.rows == [{"status": "shipped", "carrier.name": "Post", "total": 12.5}]
        assert server.seen == [("orders/find", {"order_number": "SO-1", "lines": 2})]
        with pytest.raises(Exception, match="order_number"):
            await run(platform, key, call)
        with pytest.raises(Exception, match="does not take"):
            await run(platform, key, call, order_number="SO-1", options={"deep": True})
        assert len(server.seen) == 1
        assert len(server.authorized) == 2  # the list was looked at once more, when the session began, and then believed
        await run(platform, key, call, order_number="SO-2")
        assert len(server.authorized) == 2


async def test_an_operators_words_sources_and_leaves(client: httpx2.AsyncClient, platform: Platform, key: Key) -> None:
    agent = await agent_of(client)
    async with remote() as server:
        wanted = body(
            server,
            parameters=[
                {"name": "customer_id", "source": "session", "key": "caller_number"},
                {"name": "lines", "source": "constant", "value": 3},
            ],
            returns=["status", "nothing"],
        )
        wanted["parametersSchema"] = {"type": "object", "properties": {"order_number": {"description": "The order's number"}}}
        skill = await create(client, agent, wanted)
        assert skill["parametersSchema"]["properties"] == {
            "order_number": {"type": "string", "description": "The order's number"}
        }
        call = await call_of(platform, key, skill["id"])
        result = await run(platform, key, call, order_number="SO-1")
        assert result.rows == [{"status": "shipped", "nothing": None}]
        assert server.seen[-1][1] == {"order_number": "SO-1", "customer_id": 7, "lines": 3}
        path = f"/api/v1/agents/{agent}/skills/{skill['id']}"
        shown = (await client.patch(path, json={"executionConfig": {"returns": ["total"]}})).json()["data"]
        assert shown["parametersSchema"] == skill["parametersSchema"]
        call = await call_of(platform, key, skill["id"])
        assert (await run(platform, key, call, order_number="SO-1")).rows == [{"total": 12.5}]
        previewed = await client.post(
            f"{path}/preview", json={"arguments": {"order_number": "SO-1"}, "session": {"callerNumber": "7"}}
        )
        assert previewed.status_code == 200, previewed.text
        assert server.token not in previewed.text
        assert previewed.json()["data"]["result"]["rows"] == [{"total": 12.5}]


async def test_what_a_call_cannot_express_is_refused_with_findings(client: httpx2.AsyncClient) -> None:
    agent = await agent_of(client)
    nested = {
        "type": "object",
        "properties": {"filter": {"type": "object"}, "a b": {"type": "string"}},
        "required": ["filter", "a b", "gone"],
    }
    async with remote() as server:
        server.tools.append(Tool(name="nested", input_schema=nested))
        path = f"/api/v1/agents/{agent}/skills"
        document = problem(await client.post(path, json=body(server, tool="nested")), 400, "validation_error")
        assert [error["code"] for error in document["errors"]] == ["schema_not_expressible"] * 3
        document = problem(await client.post(path, json=body(server, tool="orders/fimd")), 400, "validation_error")
        assert "orders/find" in document["errors"][0]["hint"]
        for config, code in (
            ({"parameters": [{"name": "nobody", "source": "constant", "value": "x"}]}, "unknown_parameter"),
            ({"parameters": [{"name": "lines", "source": "model"}]}, "source_invalid"),
            ({"parameters": [{"name": "options", "source": "constant", "value": "x"}]}, "schema_not_expressible"),
            ({"tol": "x"}, "unknown_member"),
            ({"url": "ftp://x"}, "url_invalid"),
        ):
            document = problem(await client.post(path, json=body(server, **config)), 400, "validation_error")
            assert [error["code"] for error in document["errors"]] == [code], config
        wanted = body(server) | {"parametersSchema": {"properties": {"order": {"description": "x"}}}}
        assert problem(await client.post(path, json=wanted), 400, "validation_error")["errors"][0]["code"] == "unknown_parameter"
        assert server.seen == []


async def test_a_write_is_reviewed_and_sent_once(client: httpx2.AsyncClient, platform: Platform, key: Key) -> None:
    agent = await agent_of(client)
    async with remote() as server:
        wanted = body(server)
        del wanted["executionConfig"]["effect"]
        skill = await create(client, agent, wanted)
        assert (skill["enabled"], skill["executionConfig"]["effect"]) == (False, "write")
        call = await call_of(platform, key, skill["id"])
        result = await run(platform, key, call, "pb_1", order_number="SO-1")
        assert (result.outcome, result.rows[0]["status"]) == ("done", "shipped")
        assert "patchbay/idempotencyKey" in str(server.metas[-1])
        server.answer = lambda _: structured({"error": "no"}, error=True)
        with pytest.raises(WriteRefused):
            await run(platform, key, call, "pb_2", order_number="SO-1")

        async def boom(_: dict[str, Any]) -> Any:
            raise RuntimeError("in the middle of it")

        server.answer = boom
        with pytest.raises(OutcomeUnknown):
            await run(platform, key, call, "pb_3", order_number="SO-1")

        async def slow(_: dict[str, Any]) -> Any:
            await asyncio.sleep(1.5)
            return said("done")

        server.answer = slow
        path = f"/api/v1/agents/{agent}/skills/{skill['id']}"
        assert (await client.patch(path, json={"executionConfig": {"timeout_ms": 300}})).status_code == 200
        with pytest.raises(OutcomeUnknown):
            await run(platform, key, await call_of(platform, key, skill["id"]), "pb_4", order_number="SO-1")
        assert len(server.seen) == 4


async def test_what_a_tool_answers_becomes_rows(client: httpx2.AsyncClient, platform: Platform, key: Key) -> None:
    agent = await agent_of(client)
    async with remote() as server:
        server.tools = [Tool(name="orders/find", input_schema={"type": "object"})]
        skill = await create(client, agent, body(server))
        call = await call_of(platform, key, skill["id"])
        assert call.open_ended
        for answer, rows in (
            (said("It is shipped."), [{"text": "It is shipped."}]),
            (said('{"status": "shipped"}'), [{"status": "shipped"}]),
            (said('[{"n": 1}, {"n": 2}]'), [{"n": 1}, {"n": 2}]),
            (said("a", "b"), [{"text": "a\nb"}]),
            (structured({"result": [{"n": 1}]}), [{"n": 1}]),
            (structured({"n": 9007199254740993}), [{"n": "9007199254740993"}]),
            (said(), []),
            (said("x" * 1_000_000), []),
            (structured({"result": []}), []),
            (structured({"echo": f"Bearer {server.token}"}), [{"echo": None}]),
        ):
            server.answer = lambda _, answer=answer: answer
            assert (await run(platform, key, call)).rows == rows
        server.answer = lambda _: said(*["y" * 20 for _ in range(3)])
        assert len((await run(platform, key, call)).rows) == 1
        server.answer = lambda _: structured({"result": [{"n": n} for n in range(500)]})
        many = await run(platform, key, call)
        assert (many.row_count, many.truncated) == (20, True)
        server.answer = lambda _: structured({"error": "secret detail"}, error=True)
        with pytest.raises(SourceRefused) as refused:
            await run(platform, key, call)
        assert "secret" not in str(refused.value)


async def test_a_lost_session_is_begun_again(client: httpx2.AsyncClient, platform: Platform, key: Key) -> None:
    agent = await agent_of(client)
    async with remote() as server:
        port = int(server.url.split(":")[2].split("/")[0])
        read = await call_of(platform, key, (await create(client, agent, body(server)))["id"])
        write = await create(client, agent, {**body(server, effect="write"), "name": "Write"})
        wrote = await call_of(platform, key, write["id"])
        for call in (read, wrote):
            await run(platform, key, call, order_number="SO-1")
    async with remote(port=port) as server:
        assert (await run(platform, key, read, order_number="SO-1")).row_count == 1
        with pytest.raises(SourceUnavailable, match="nothing was done"):
            await run(platform, key, wrote, order_number="SO-1")
        assert len(server.seen) == 1
        assert (await run(platform, key, wrote, order_number="SO-1")).outcome == "done"
    async with remote(port=port, stateless_http=True, json_response=True) as server:
        assert (await run(platform, key, read, order_number="SO-1")).row_count == 1


async def test_a_changed_tool_is_paused_told_and_resumes(
    client: httpx2.AsyncClient, platform: Platform, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_tools, "LOOK_EVERY_S", 0.0)
    watched = platform.runtime.runner._own["mcp"]  # type: ignore[attr-defined]
    agent = await agent_of(client)
    async with remote() as server:
        skill = await create(client, agent, body(server))
        path = f"/api/v1/agents/{agent}/skills/{skill['id']}"
        assert (await client.post(f"/api/v1/agents/{agent}/publish")).status_code == 201
        call = await call_of(platform, key, skill["id"])
        await run(platform, key, call, order_number="SO-1")
        before = server.tools
        changed = {**TAKES, "properties": {**TAKES["properties"], "order_number": {"type": "integer"}}}
        texts = {
            **TAKES,
            "properties": {**TAKES["properties"], "order_number": {"type": "string", "minLength": 3, "description": "New"}},
        }
        monkeypatch.setattr(source, "LISTED_FOR_S", 0.0)
        server.tools = [Tool(name="orders/find", description="New", input_schema=texts, output_schema=GIVES)]
        await run(platform, key, call, order_number="SO-1")  # other texts are no other tool
        for tools, code in (
            ([Tool(name="orders/find", input_schema=changed, output_schema=GIVES)], "operation_changed"),
            ([Tool(name="orders/find", input_schema=TAKES)], "operation_changed"),
            ([Tool(name="other", input_schema=TAKES)], "operation_gone"),
        ):
            server.tools, calls = tools, len(server.seen)
            with pytest.raises(SchemaChanged):
                await run(platform, key, call, order_number="SO-1")
            await watched.close()
            drift = (await client.get(path)).json()["data"]["drift"]
            assert (drift["status"], drift["paused"]) == ("broken", True)
            assert code in [reason["code"] for reason in drift["reasons"]]
            assert len(server.seen) == calls
        problem(await client.post(f"/api/v1/agents/{agent}/publish"), 409, "skill_paused")
        async with platform.database.tenant(key.org_id, read_only=True) as session:
            told = (await session.scalars(select(OperatorEvent).where(OperatorEvent.type == "skill.drift"))).all()
        assert [(one.skill_id, one.data["status"]) for one in told] == [(skill["id"], "broken")]
        server.tools = before
        with pytest.raises(SchemaChanged):  # refused once more, and looked at
            await run(platform, key, call, order_number="SO-1")
        await watched.close()
        await asyncio.sleep(0.1)
        assert (await run(platform, key, call, order_number="SO-1")).row_count == 1
        assert (await client.get(path)).json()["data"]["drift"]["status"] != "broken"
        server.tools = [Tool(name="orders/find", input_schema=changed, output_schema=GIVES)]
        mended = (await client.patch(path, json={"executionConfig": {"timeout_ms": 3_000}})).json()["data"]
        assert mended["parametersSchema"]["properties"]["order_number"]["type"] == "integer"
        assert mended["drift"]["status"] == "unchanged"
        assert (await run(platform, key, await call_of(platform, key, skill["id"]), order_number=12)).row_count == 1


async def test_a_remote_tool_is_a_tool_of_ours(client: httpx2.AsyncClient) -> None:
    agent = await agent_of(client)
    async with remote() as server:
        await create(client, agent, body(server))
        assert (await client.post(f"/api/v1/agents/{agent}/publish")).status_code == 201
        path = f"/api/v1/agents/{agent}/mcp"
        begun = await client.post(path, json=INITIALIZE, headers=ACCEPTED)
        session = {**ACCEPTED, "Mcp-Session-Id": begun.headers["mcp-session-id"]}
        (tool,) = (await client.post(path, json=message("tools/list"), headers=session)).json()["result"]["tools"]
        assert (tool["name"], tool["description"]) == ("Find_an_order", "Find an order by its number.")
        assert (tool["annotations"]["readOnlyHint"], tool["annotations"]["openWorldHint"]) == (True, True)
        assert "IGNORE" not in str(tool)
        wanted = message("tools/call", name="Find_an_order", arguments={"order_number": "SO-1"})
        answer = (await client.post(path, json=wanted, headers=session)).json()["result"]["structuredContent"]
        assert answer["rows"] == [{"status": "shipped", "carrier.name": "Post", "total": 12.5}]
        entry = next(one for one in (await client.get("/api/v1/skill-types")).json()["data"] if one["type"] == "mcp")
        assert (entry["status"], entry["family"]) == ("available", "http")
        assert set(entry["schema"]["required"]) == {"url", "tool"}


async def test_secrets_go_nowhere_else_and_are_deleted(client: httpx2.AsyncClient, platform: Platform, key: Key) -> None:
    agent = await agent_of(client)
    async with remote() as server, remote() as other:
        skill = await create(client, agent, body(server))
        path = f"/api/v1/agents/{agent}/skills/{skill['id']}"
        moved = await client.patch(path, json={"executionConfig": {"url": other.url}})
        assert [error["code"] for error in problem(moved, 400, "validation_error")["errors"]] == ["masked"]
        assert other.authorized == []
        renewed = await client.patch(path, json={"executionConfig": {"headers": {"Authorization": "Bearer another-token"}}})
        assert renewed.status_code == 200
        assert server.authorized[-1] == "Bearer another-token"
        assert (await client.get("/api/v1/integrations")).json()["data"] == []
        async with platform.database.tenant(key.org_id, read_only=True) as session:
            kept = select(Credential.connection_id).join(Connection, Connection.id == Credential.connection_id)
            assert len((await session.scalars(kept.where(Connection.kind.startswith(HIDDEN)))).all()) == 1
        call = await call_of(platform, key, skill["id"])
        assert (await client.delete(path)).status_code == 200
        with pytest.raises(CallRefused):
            await run(platform, key, call, order_number="SO-1")
        async with platform.database.tenant(key.org_id, read_only=True) as session:
            assert (await session.scalars(kept)).all() == []


def rpc(result: Any, *, to: Any, event_stream: bool = False, **headers: str) -> web.Response:
    text = msgspec.json.encode({"jsonrpc": "2.0", "id": to, "result": result})
    if event_stream:
        return web.Response(
            body=b": hello\n\nevent: message\ndata: " + text + b"\n\n", content_type="text/event-stream", headers=headers
        )
    return web.Response(body=text, content_type="application/json", headers=headers)


class Lawless:
    """Keeps the protocol until a tool is called, in events; then ``then`` answers. ``session`` is the id of its sessions; a
    message with another one is answered with ``forgotten``. ``seen`` are the methods that were asked for.
    """

    def __init__(self) -> None:
        self.then: Any = None
        self.listed: Any = {"tools": [{"name": "orders/find", "inputSchema": {"type": "object"}}]}
        self.calls = 0
        self.session = "s"
        self.forgotten = 404
        self.seen: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        asked = msgspec.json.decode(await request.read())
        self.seen.append(asked["method"])
        if asked["method"] == "initialize":
            opened = {"protocolVersion": "2025-06-18", "capabilities": {}}
            return rpc(opened, to=asked["id"], event_stream=True, **{"Mcp-Session-Id": self.session})
        if request.headers["Mcp-Session-Id"] != self.session:
            error = {"code": -32000, "message": "Bad Request: No valid session ID provided"}
            return web.json_response({"jsonrpc": "2.0", "error": error, "id": None}, status=self.forgotten)
        match asked["method"]:
            case "tools/list":
                return rpc(self.listed, to=asked["id"], event_stream=True)
            case "tools/call":
                self.calls += 1
                return await self.then(request)
            case _:
                return web.Response(status=202)


async def test_hostile_servers(client: httpx2.AsyncClient, platform: Platform, key: Key) -> None:
    agent, server = await agent_of(client), Lawless()
    async with lawless(server.answer) as url:
        skill = await create(client, agent, body(url, timeout_ms=500))
        call = await call_of(platform, key, skill["id"])
        written = await create(client, agent, {**body(url, timeout_ms=500, effect="write"), "name": "Write"})
        write = await call_of(platform, key, written["id"])

        async def answers(response: Any) -> Any:
            return response

        def made(**options: Any) -> Any:
            return lambda _: answers(web.Response(**options))

        async def drips(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            with contextlib.suppress(ConnectionError):
                for _ in range(100):
                    await response.write(b": still here\n\n")
                    await asyncio.sleep(0.05)
            return response

        async def floods(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request)
            with contextlib.suppress(ConnectionError):
                for _ in range(200):
                    await response.write(b"[" * 65_536)
            return response

        error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32602, "message": "leak"}}
        json = {"content_type": "application/json"}
        others = msgspec.json.encode({"jsonrpc": "2.0", "id": "of another call", "result": {"structuredContent": {"leak": 1}}})
        for then, refusal, of_write in (
            (made(body=others, **json), SourceRefused, OutcomeUnknown),
            (made(status=202), SourceRefused, OutcomeUnknown),
            (made(status=200, **json), SourceRefused, OutcomeUnknown),
            (made(body=b"data: " + others + b"\n\n", content_type="text/event-stream"), SourceRefused, OutcomeUnknown),
            (made(body=b"nonsense", **json), SourceRefused, OutcomeUnknown),
            (made(body=b"[" * 100_000, **json), SourceRefused, OutcomeUnknown),
            (made(body=b"\xff" * 10, content_type="text/event-stream"), SourceRefused, OutcomeUnknown),
            (made(body=msgspec.json.encode(error), **json), ValueNotAccepted, ValueNotAccepted),
            (made(body=msgspec.json.encode({**error, "error": 7}), **json), SourceRefused, OutcomeUnknown),
            (made(status=307, headers={"Location": "http://169.254.169.254/latest"}), SourceRefused, SourceRefused),
            (made(status=302, headers={"Location": "http://10.0.0.1/"}), SourceRefused, OutcomeUnknown),
            (made(status=500, text="stack trace"), SourceUnavailable, OutcomeUnknown),
            (drips, SourceTimeout, OutcomeUnknown),
            (floods, SourceRefused, OutcomeUnknown),
        ):
            for one, expected in ((call, refusal), (write, of_write)):
                server.then = then
                if (facts := platform.runner._facts.pop(one.connection_id, None)) is not None:
                    await facts.source.close()  # each server is a new one to the breaker
                with pytest.raises(CallRefused) as refused:
                    await run(platform, key, one)
                assert type(refused.value) is expected, (then, expected, refused.value)
                assert "leak" not in str(refused.value)
                assert "stack" not in str(refused.value)


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_server_that_has_forgotten_its_sessions(
    client: httpx2.AsyncClient, platform: Platform, key: Key, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    agent, server = await agent_of(client), Lawless()
    server.forgotten = status

    async def ok(request: web.Request) -> web.StreamResponse:
        return rpc({"structuredContent": {"n": 1}}, to=msgspec.json.decode(await request.read())["id"])

    server.then = ok
    async with lawless(server.answer) as url:
        read = await call_of(platform, key, (await create(client, agent, body(url)))["id"])
        written = await create(client, agent, {**body(url, effect="write"), "name": "Write"})
        write = await call_of(platform, key, written["id"])
        for call in (read, write):
            assert (await run(platform, key, call, "pb_1")).rows == [{"n": 1}]
        server.session = "another"
        assert (await run(platform, key, read)).rows == [{"n": 1}]
        with pytest.raises(CallRefused) as refused:
            await run(platform, key, write, "pb_2")
        assert refused.value.code != "outcome_unknown"
        assert (await run(platform, key, write, "pb_2")).outcome == "done"
        server.session = "yet-another"
        monkeypatch.setattr(source, "LISTED_FOR_S", 0.0)
        assert (await run(platform, key, read)).rows == [{"n": 1}]  # found out while the tools were looked at
        monkeypatch.undo()

        async def never(request: web.Request) -> web.StreamResponse:
            return web.Response(status=status)

        server.then, before = never, len(server.seen)
        with pytest.raises(ValueNotAccepted if status == 400 else SourceUnavailable):
            await run(platform, key, read)
        assert server.seen[before:].count("tools/call") == 2
        assert server.seen[before:].count("initialize") == 1


@pytest.mark.parametrize("result", [None, [], "shipped", 7])
async def test_a_result_that_is_none(client: httpx2.AsyncClient, platform: Platform, key: Key, result: Any) -> None:
    agent, server = await agent_of(client), Lawless()

    async def odd(request: web.Request) -> web.StreamResponse:
        return rpc(result, to=msgspec.json.decode(await request.read())["id"])

    server.then = odd
    async with lawless(server.answer) as url:
        read = await call_of(platform, key, (await create(client, agent, body(url)))["id"])
        with pytest.raises(SourceRefused):  # and not: there is nothing
            await run(platform, key, read)
        write = await create(client, agent, {**body(url, effect="write"), "name": "Write"})
        assert (await run(platform, key, await call_of(platform, key, write["id"]), "pb_1")).notes == (NOT_READ,)


async def test_a_list_that_leads_back_to_itself_and_names_twice(client: httpx2.AsyncClient, platform: Platform, key: Key) -> None:
    agent, server = await agent_of(client), Lawless()

    async def ok(request: web.Request) -> web.StreamResponse:
        return rpc({"structuredContent": {"n": 1}}, to=msgspec.json.decode(await request.read())["id"])

    server.then = ok
    other = {"type": "object", "properties": {"x": {"type": "string"}}}
    tools = [{"name": "orders/find", "inputSchema": {"type": "object"}}, {"name": "orders/find", "inputSchema": other}]
    server.listed = {"tools": tools, "nextCursor": "again"}
    async with lawless(server.answer) as url:
        skill = await create(client, agent, body(url))
        assert server.seen.count("tools/list") == 2
        assert skill["parametersSchema"]["properties"] == {}
        assert (await run(platform, key, await call_of(platform, key, skill["id"]))).rows == [{"n": 1}]


async def test_what_no_store_can_keep(client: httpx2.AsyncClient, platform: Platform, key: Key) -> None:
    agent, server = await agent_of(client), Lawless()
    path = f"/api/v1/agents/{agent}/skills"
    odd: list[dict[str, Any]] = [
        {"properties": {"a\x00": {"type": "string"}}},
        {"properties": {"a": {"type": "string", "enum": ["x\x00", "y"]}}},
        {"properties": {"a": {"type": "string", "description": "\x00"}}},
    ]
    async with lawless(server.answer) as url:
        for takes in odd:
            server.listed = {"tools": [{"name": "orders/find", "inputSchema": {"type": "object", **takes}}]}
            problem(await client.post(path, json=body(url)), 400, "validation_error")
        tool = {"name": "orders/find", "description": "a\x00b", "inputSchema": {"type": "object"}}
        server.listed = {"tools": [{"name": "a\x00", "inputSchema": {}}, tool]}
        skill = await create(client, agent, body(url))
        assert skill["executionConfig"]["server"]["description"] == "a\ufffdb"

        async def nul(request: web.Request) -> web.StreamResponse:
            return rpc({"structuredContent": {"a\x00b": "x\x00y"}}, to=msgspec.json.decode(await request.read())["id"])

        server.then = nul
        assert (await client.post(f"/api/v1/agents/{agent}/publish")).status_code == 201
        at = f"/api/v1/agents/{agent}/mcp"
        begun = await client.post(at, json=INITIALIZE, headers=ACCEPTED)
        session = {**ACCEPTED, "Mcp-Session-Id": begun.headers["mcp-session-id"]}
        wanted = message("tools/call", name=skill["slug"], arguments={})
        for _ in range(2):
            answer = (await client.post(at, json=wanted, headers=session)).json()["result"]["structuredContent"]
            assert answer["rows"] == [{"a\x00b": "x\x00y"}]
        receipt = (await client.get(f"/api/v1/conversations/{answer['conversationId']}/receipt")).json()["data"]
        told = [event["data"] for event in receipt if event["data"].get("state") == "succeeded"]
        assert [event["result"]["rows"] for event in told] == [[{"a\ufffdb": "x\ufffdy"}]] * 2


@pytest.mark.parametrize("session", ["café", "a b", "x" * 1_001, "a\tb"])
async def test_a_session_id_that_is_none(client: httpx2.AsyncClient, session: str) -> None:
    agent, server = await agent_of(client), Lawless()
    server.session = session
    async with lawless(server.answer) as url:
        problem(await client.post(f"/api/v1/agents/{agent}/skills", json=body(url)), 502, "source_refused")
        assert server.seen == ["initialize"]


async def test_servers_that_are_none(client: httpx2.AsyncClient) -> None:
    agent, server = await agent_of(client), Lawless()
    path = f"/api/v1/agents/{agent}/skills"
    huge = {"type": "object", "properties": {f"p{n}": {"type": "string", "description": "x" * 1_000} for n in range(200)}}
    async with lawless(server.answer) as url:
        for listed in (
            {"tools": "none"},
            {"tools": [1, {"name": 3}, {"name": "orders/find"}, {"name": "orders/find", "inputSchema": huge}]},
            {"tools": [{"name": "x", "inputSchema": {}}], "nextCursor": "again"},
            [],
        ):
            server.listed = listed
            response = await client.post(path, json=body(url))
            assert response.status_code in (400, 502), response.text
            assert response.json()["code"] in ("validation_error", "source_refused")
        deep: dict[str, Any] = {"type": "string"}
        for _ in range(400):
            deep = {"type": "object", "properties": {"x": deep}}
        server.listed = {"tools": [{"name": "orders/find", "inputSchema": {"type": "object", "properties": {"deep": deep}}}]}
        problem(await client.post(path, json=body(url)), 400, "validation_error")

    async def no(request: web.Request) -> web.StreamResponse:
        return web.Response(status=404)

    async with lawless(no) as url:
        problem(await client.post(path, json=body(url)), 502, "source_refused")
    problem(await client.post(path, json=body("http://169.254.169.254/mcp")), 400, "egress_refused")
    problem(await client.post(path, json=body("http://127.0.0.1:9/mcp")), 503, "source_unavailable")
