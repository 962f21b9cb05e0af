"""A write from connecting to talking through the API, on a REST and a GraphQL system that hold us to their documents."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from graphql import build_schema

from tests.api.guides.conftest import Caller, Frames, calls, said
from tests.servers.certificates import Authority
from tests.servers.upstreams.faithful import FaithfulUpstream, bearer, serving
from tests.servers.upstreams.faithful_graphql import FaithfulGraphql
from tests.servers.upstreams.ledger import Trouble
from tests.servers.upstreams.tls import server_context

pytestmark = pytest.mark.anyio
TOKEN = "t0ken-never-shown"
TEXT = {"type": "string"}
ORDER = {"type": "object", "properties": {"number": TEXT, "note": TEXT}}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Orders", "version": "1"},
    "servers": [{"url": "https://orders.example/api"}],
    "paths": {
        "/orders/{number}/hold": {
            "post": {
                "operationId": "holdOrder",
                "parameters": [
                    {"name": "number", "in": "path", "required": True, "schema": TEXT},
                    {"name": "Idempotency-Key", "in": "header", "schema": TEXT},
                ],
                "requestBody": {
                    "content": {"application/json": {"schema": {"type": "object", "properties": {"note": TEXT}}}},
                },
                "responses": {"200": {"description": "It", "content": {"application/json": {"schema": ORDER}}}},
            }
        },
        "/accounts/{account_number}": {
            "get": {
                "operationId": "account",
                "parameters": [{"name": "account_number", "in": "path", "required": True, "schema": TEXT}],
                "responses": {
                    "200": {
                        "description": "It",
                        "content": {"application/json": {"schema": {"type": "object", "properties": {"pin": TEXT, "id": TEXT}}}},
                    }
                },
            }
        },
    },
}
SDL = """
type Query { account(account_number: String!): Account }
type Account { pin: String  id: ID! }
type Mutation { holdOrder(number: String!, note: String, idempotencyKey: String): Order }
type Order { number: String  note: String }
"""
OPERATIONS = {"rest": ("holdOrder", "body.note", "account"), "graphql": ("mutation.holdOrder", "note", "query.account")}
ASK = "Hold the order A-100"


class Shop:
    """A connected system of one type, and an agent whose skill is the write."""

    def __init__(self, caller: Caller, type_: str, upstream: FaithfulUpstream | FaithfulGraphql) -> None:
        self.caller, self.type, self.upstream = caller, type_, upstream
        self.write, self.note, self.read = OPERATIONS[type_]
        self.agent, self.skill = "", {}

    @property
    def path(self) -> str:
        return f"/agents/{self.agent}/skills/{self.skill['id']}"

    async def bind(self, body: dict[str, Any]) -> dict[str, Any]:
        return await self.caller.ask("POST", f"/agents/{self.agent}/integrations/orders_api/bindings", body, status=201)

    async def enable(self, **change: Any) -> None:
        shown = await self.caller.ask("PATCH", self.path, change) if change else await self.caller.ask("GET", self.path)
        review = {"digest": shown["reviewDigest"], "note": "looked at"}
        assert (await self.caller.ask("PATCH", self.path, {"enabled": True, "review": review}))["enabled"] is True

    async def publish(self) -> None:
        await self.caller.ask("POST", f"/agents/{self.agent}/publish", status=201)

    async def talk(self, *spoken: str, trouble: list[Trouble] | None = None) -> Frames:
        self.upstream.ledger.troubles = trouble or []
        return await self.caller.simulate(self.agent, transcript=list(spoken), draftMode=False)

    def keys(self) -> set[str]:
        """The idempotency keys that arrived."""
        if isinstance(self.upstream, FaithfulUpstream):
            return {seen.headers["Idempotency-Key"] for seen in self.upstream.seen if seen.operation == "holdOrder"}
        return {asked["variables"]["idempotencyKey"] for asked in self.upstream.seen if "holdOrder" in asked["query"]}


@pytest.fixture(params=["rest", "graphql"])
async def shop(request: pytest.FixtureRequest, caller: Caller) -> AsyncGenerator[Shop]:
    """Connected and discovered; the write bound, and so disabled."""
    type_, authority = request.param, Authority()
    upstream: FaithfulUpstream | FaithfulGraphql
    if type_ == "rest":
        upstream = FaithfulUpstream(DOCUMENT, bearer(TOKEN), spoil=lambda record: {**record, "pin": "4071", "id": "c1"})
    else:
        values = {"Account.pin": "4071", "Account.id": "c1"}
        upstream = FaithfulGraphql(build_schema(SDL), bearer(TOKEN), values=values)
    async with serving(upstream, server_context(authority.issue())):
        document = {"document": {"inline": DOCUMENT}} if type_ == "rest" else {}
        definition = {
            "type": type_, "displayName": "Orders", "baseUrl": upstream.url, "auth": {"scheme": "bearer"},
            "caPem": authority.pem, **document,
        }  # fmt: skip
        body = {"definition": definition, "credentials": {"token": TOKEN}}
        await caller.ask("POST", "/integrations/orders_api/connect", body)
        await caller.ask("POST", "/integrations/orders_api/discover")
        upstream.seen.clear()
        made = Shop(caller, type_, upstream)
        made.agent = (await caller.ask("POST", "/agents", {"name": "Shop"}, status=201))["id"]
        made.skill = await made.bind(
            {
                "toolName": "Hold the order",
                "description": "Hold an order back.",
                "operation": made.write,
                "inputs": [
                    {"param": "order_number", "arg": "number", "required": True, "description": "The order's number"},
                    {"param": "note", "arg": made.note, "source": "constant", "value": "hold it back"},
                ],
                "projection": [{"path": ["number"], "leaf": "number"}],
                "enabled": True,
            }
        )
        yield made
        assert upstream.problems == []


async def test_it_is_looked_at_reviewed_and_looked_at_again_after_an_edit(shop: Shop) -> None:
    caller = shop.caller
    assert shop.skill["enabled"] is False
    looked = str(await caller.ask("POST", f"{shop.path}/preview", {"arguments": {"order_number": "A-100"}}))
    assert "A-100" in looked
    assert "hold it back" in looked
    assert TOKEN not in looked
    assert shop.upstream.ledger.asked == 0
    assert (await caller.refused("PATCH", shop.path, {"enabled": True}))["code"] == "review_required"
    stale = await caller.refused("PATCH", shop.path, {"enabled": True, "review": {"digest": "0" * 64}})
    assert (stale["status"], stale["code"]) == (409, "review_stale")
    await shop.enable()
    edited = await caller.ask("PATCH", shop.path, {"description": "Hold an order until somebody calls."})
    assert edited["enabled"] is False
    assert (await caller.refused("PATCH", shop.path, {"enabled": True}))["code"] == "review_required"


async def test_the_caller_confirms_and_it_is_done_once_under_a_key(shop: Shop) -> None:
    await shop.enable()
    await shop.publish()
    asked = await shop.talk(ASK)
    assert "Shall I go ahead?" in said(asked)
    assert "A-100" in said(asked)
    await shop.talk(ASK, "no")
    assert shop.upstream.ledger.asked == 0
    done = await shop.talk(ASK, "yes")
    assert calls(done)[-1] == ("succeeded", "Hold the order")
    assert len(shop.upstream.ledger.done) == 1
    assert len(shop.keys()) == 1
    direct = await shop.caller.ask("POST", f"{shop.path}/call", {"arguments": {"order_number": "A-100"}})
    assert (direct["status"], direct["code"]) == ("refused", "confirmation_required")


async def test_an_answer_lost_once_is_asked_for_again_under_the_same_key(shop: Shop) -> None:
    await shop.enable()
    await shop.publish()
    frames = await shop.talk(ASK, "yes", trouble=["lost"])
    assert calls(frames)[-1] == ("succeeded", "Hold the order")
    ledger = shop.upstream.ledger
    assert (len(ledger.done), ledger.asked, len(shop.keys())) == (1, 2, 1)


async def test_an_answer_lost_for_good_is_unknown_to_the_caller_the_receipt_and_the_operator(shop: Shop) -> None:
    await shop.enable()
    await shop.publish()
    frames = await shop.talk(ASK, "yes", trouble=["lost"] * 5)
    assert "I can't tell whether that went through" in said(frames)
    assert "succeeded" not in {state for state, _ in calls(frames)}
    conversation = frames[-1][1]["conversationId"]
    receipt = await shop.caller.ask("GET", f"/conversations/{conversation}/receipt")
    end = [event["data"] for event in receipt if event["type"] == "tool_call"][-1]
    assert (end["state"], end["code"]) == ("failed", "outcome_unknown")
    (event,) = await shop.caller.ask("GET", f"/operator-events?type=write.unknown&conversationId={conversation}")
    assert (event["skillId"], event["data"]["callId"]) == (shop.skill["id"], end["callId"])
    assert len(shop.upstream.ledger.done) == 1
    assert len(shop.keys()) == 1


async def test_a_gated_write_runs_after_a_verification_and_is_confirmed_too(shop: Shop) -> None:
    verifier = await shop.bind(
        {
            "toolName": "Check the PIN",
            "operation": shop.read,
            "inputs": [{"param": "account_number", "arg": "account_number", "required": True}],
            "projection": [{"path": ["pin"], "leaf": "pin"}, {"path": ["id"], "leaf": "customer_id"}],
            "enabled": True,
        }
    )
    method = {"method": "account_pin", "requiredFields": ["account_number", "pin"], "verifierSkillId": verifier["id"]}
    await shop.caller.ask("PUT", f"/agents/{shop.agent}/caller-verification", [method])
    await shop.enable(requiresVerifiedIdentity=True)
    await shop.publish()
    wrong = await shop.talk(ASK, "AC1001", "1234", "yes")
    assert shop.upstream.ledger.asked == 0
    assert "succeeded" not in {state for state, _ in calls(wrong)}
    frames = await shop.talk(ASK, "AC1001", "4071", "yes")
    assert [f["data"]["state"] for name, f in frames if name == "verification"][-1] == "succeeded"
    assert "Shall I go ahead?" in said(frames)
    assert calls(frames)[-1] == ("succeeded", "Hold the order")
    assert len(shop.upstream.ledger.done) == 1
    assert "4071" not in str(frames)


async def test_the_report_says_what_would_be_written_and_what_holds_it(shop: Shop) -> None:
    policies = [
        {"policyType": "write_gate", "requiresConfirmation": True, "appliesToSkillId": shop.skill["id"]},
        {"policyType": "rate_limit", "scope": "caller", "counts": "tool_calls", "limit": 3, "windowSeconds": 600},
        {"policyType": "field_limit", "deniedFields": ["number"], "liftedBy": "basic"},
    ]
    await shop.caller.ask("PUT", f"/agents/{shop.agent}/guardrails", policies)
    report = f"/agents/{shop.agent}/prepublish-report"
    before = await shop.caller.ask("GET", report)
    assert "write_unreviewed" in {warning["code"] for warning in before["warnings"]}
    await shop.enable()
    shown = await shop.caller.ask("GET", report)
    assert "write_unreviewed" not in {warning["code"] for warning in shown["warnings"]}
    (write,) = shown["writes"]
    assert (write["published"], write["reviewed"], write["confirmedFirst"]) == (True, True, True)
    assert write["guarantee"] == "upstream_key"
    (flow,) = shown["dataFlows"]
    assert flow["connection"]["host"].startswith("https://localhost:")
    sent = {(one["param"], one["source"], one["to"]) for one in flow["inputs"]}
    assert sent == {("order_number", "model", "number"), ("note", "constant", shop.note)}
    assert {rule["policyType"] for rule in shown["guardrails"]} == {"write_gate", "rate_limit", "field_limit"}
    assert all(rule["skills"] == ["Hold the order"] for rule in shown["guardrails"])
    assert "policy_matches_nothing" not in {warning["code"] for warning in shown["warnings"]}
    assert "number" in str(shown["wontSay"])
