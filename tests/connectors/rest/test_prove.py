"""A compiled request is proven against the view, or refused: no template that says more than its plan gets through."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors.proof import CallNotProvable
from patchbay.connectors.rest.prove import prove_rest
from patchbay.connectors.rest.task import DocumentSettings, read_graph
from patchbay.schema_graph.call import Candidate, Output, RequestSlot, SqlCall, Touch
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.scoping import Scoping, View

TEXT = {"type": "string"}


def document() -> dict[str, Any]:
    customer = {
        "id": TEXT,
        "name": TEXT,
        "address": {"type": "object", "properties": {"city": TEXT, "card": TEXT}},
        "orders": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}},
        "secret": TEXT,
    }
    listed = {"type": "object", "properties": {"data": {"type": "array", "items": {"$ref": "#/components/schemas/Customer"}},
                                               "has_more": {"type": "boolean"}}}  # fmt: skip
    answer = {"200": {"description": "", "content": {"application/json": {"schema": listed}}}}
    shop = {"name": "shop", "in": "path", "required": True, "schema": TEXT}
    query = [{"name": name, "in": "query", "schema": TEXT} for name in ("name", "state")]
    search = {"content": {"application/json": {"schema": {"type": "object", "properties": {"q": TEXT}}}}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Acme", "version": "1"},
        "servers": [{"url": "https://api.example.com"}],
        "paths": {
            "/{shop}/customers": {
                "get": {"operationId": "find", "parameters": [shop, *query], "responses": answer},
                "post": {"operationId": "search", "parameters": [shop], "requestBody": search, "responses": answer},
            }
        },
        "components": {
            "schemas": {
                "Customer": {"type": "object", "properties": customer},
                "Order": {"type": "object", "properties": {"total": TEXT}},
            }
        },
    }


def graph(*reads: str) -> Graph:
    files = {"document.json": msgspec.json.encode(document())}
    return read_graph(files, DocumentSettings(base_url="https://api.example.com", reads=reads)).graph


VIEW = View(graph("search"))
BODY: dict[str, Any] = {
    "toolName": "Find",
    "operation": "find",
    "inputs": [{"param": "caller_name", "arg": "name", "required": True},
               {"param": "the_shop", "arg": "shop", "source": "constant", "value": "s1"}],
    "projection": [{"path": ["name"], "leaf": "name"}, {"path": ["address", "city"], "leaf": "city"},
                   {"path": ["orders", "total"], "leaf": "totals"}],
}  # fmt: skip


def candidate(**more: Any) -> Candidate:
    plan = check(parse_binding(BODY | more), VIEW, Target(connection_id="con_1", kind="rest")).plan
    return compile_plan(plan, VIEW)


def changed(**body: Any) -> Candidate:
    made = candidate()
    return Candidate(made.plan, msgspec.structs.replace(made.body, **body))


def replanned(**plan: Any) -> Candidate:
    made = candidate()
    return Candidate(msgspec.structs.replace(made.plan, **plan), made.body)


def test_what_was_compiled_is_proven() -> None:
    call = prove_rest(candidate(), VIEW).call
    assert call.body == candidate().body
    assert (call.kind, call.effect, call.connection_id) == ("rest", "read", "con_1")
    search = {"operation": "search", "inputs": [{"param": "words", "arg": "body.q"}, BODY["inputs"][1]]}
    assert prove_rest(candidate(**search), VIEW).call.body.content_type == "application/json"


SLOTS = candidate().body.slots
LEAVES = candidate().body.leaves


@pytest.mark.parametrize(
    "body",
    [
        {"method": "POST"},
        {"method": "DELETE"},
        {"path": "/{shop}/secrets"},
        {"path": "/{shop}/customers/../admin"},
        {"server": "https://elsewhere.example.com"},
        {"content_type": "application/json"},
        {"record": ("other",)},
        {"many": False},
        {"more": ("data",)},
        {"slots": SLOTS[:1]},
        {"slots": (*SLOTS, SLOTS[0])},
        {"slots": (*SLOTS, RequestSlot("query", "admin", "string", "string", value="1"))},
        {"slots": (*SLOTS, RequestSlot("header", "X-Admin", "string", "string", value="1"))},
        {"slots": (*SLOTS, RequestSlot("query", "state", "string", "string", param="caller_name"))},
        {"slots": tuple(msgspec.structs.replace(one, place="header") for one in SLOTS)},
        {"slots": tuple(msgspec.structs.replace(one, type="json") for one in SLOTS)},
        {"slots": tuple(msgspec.structs.replace(one, style="deepObject") for one in SLOTS)},
        {"slots": tuple(msgspec.structs.replace(one, param="someone") for one in SLOTS)},
        {"leaves": LEAVES[:2]},
        {"leaves": (("secret",), *LEAVES[1:])},
        {"leaves": (("address",), *LEAVES[1:])},
        {"leaves": ((), *LEAVES[1:])},
        {"leaves": (LEAVES[0], ("address", "card"), LEAVES[2])},
    ],
)
def test_a_template_that_says_something_else_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(CallNotProvable):
        prove_rest(changed(**body), VIEW)


OUTPUTS = candidate().plan.outputs


def of(column: dict[str, Any], number: int = 0) -> tuple[Output, ...]:
    made = msgspec.structs.replace(OUTPUTS[number].column, **column)
    return (*OUTPUTS[:number], msgspec.structs.replace(OUTPUTS[number], column=made), *OUTPUTS[number + 1 :])


@pytest.mark.parametrize(
    "plan",
    [
        {"operation": "search"},
        {"operation": "nothing"},
        {"object": "Order"},
        {"effect": "write"},
        {"given": ()},
        {"touches": ()},
        {"touches": (Touch("Customer", ("name",)),)},
        {"outputs": of({"field": "secret"})},
        {"outputs": of({"object": "Order"})},
        {"outputs": of({"via": ("orders",)})},
        {"outputs": of({"many": True})},
        {"outputs": of({"type": "json"})},
        {"outputs": of({"field": "orders"})},
        {"outputs": of({"many": False}, 2)},
    ],
)
def test_a_plan_that_means_something_else_is_refused(plan: dict[str, Any]) -> None:
    with pytest.raises(CallNotProvable):
        prove_rest(replanned(**plan), VIEW)


@pytest.mark.parametrize(
    "scoping",
    [
        Scoping(blocked_columns={"Customer": ("name",)}),
        Scoping(blocked_columns={"Customer": ("orders",)}),
        Scoping(blocked_columns={"Order": ("total",)}),
        Scoping(blocked_tables=("Order",)),
        Scoping(blocked_tables=("Customer",)),
    ],
)
def test_what_was_blocked_meanwhile_is_refused(scoping: Scoping) -> None:
    with pytest.raises(CallNotProvable):
        prove_rest(candidate(), View(graph("search"), scoping))


def test_a_search_by_post_is_a_read_on_a_person_s_word_alone() -> None:
    made = candidate(operation="search", inputs=[{"param": "words", "arg": "body.q"}, BODY["inputs"][1]])
    with pytest.raises(CallNotProvable):
        prove_rest(made, View(graph()))


def test_a_statement_is_no_request() -> None:
    with pytest.raises(CallNotProvable):
        prove_rest(Candidate(candidate().plan, SqlCall("SELECT 1")), VIEW)
