"""Every read of real documents can be bound: its required arguments given, its first few leaves read; and what a person would
ask for in words is bound as it was written down by people who did not know how it is checked.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_client_schema, build_schema, parse, validate
from graphql.language import ast

from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.bindings.path_problems import holds_members
from patchbay.bindings.report import BindingInvalid
from patchbay.connectors.graphql.documents import read_document
from patchbay.connectors.graphql.normalize.graph import build_graph
from patchbay.connectors.rest.task import DocumentSettings, read_graph
from patchbay.schema_graph.call import GraphqlCall, HttpCall
from patchbay.schema_graph.model import Argument, Graph, Object, Operation
from patchbay.schema_graph.naming import quote_part
from patchbay.schema_graph.scoping import Scoping, View
from tests.servers.datasets import shared_data

REST = ("stripe/spec3.json", "github/api.github.com.json", "square/api.json", "xero/xero_accounting.yaml")
GRAPHQL = ("shopify-storefront/storefront.schema.json", "saleor/schema.graphql", "github-introspection/schema.json")
SEARCHES = ("SearchAvailability", "SearchCustomers", "SearchLoyaltyAccounts")
FREE = frozenset({"json", "object", "array", "bytes"})


def document(kind: str, name: str) -> Path:
    path = shared_data() / kind / name
    if not path.exists():
        pytest.skip(f"{name} is not among the shared data")
    return path


@functools.cache
def graph(kind: str, name: str) -> Graph:
    body = document(kind, name).read_bytes()
    if kind == "graphql":
        return build_graph(read_document(body))
    return read_graph({name: body}, DocumentSettings(reads=SEARCHES)).graph


def leaves(view: View, obj: Object, deeper: int = 2) -> Iterator[list[str]]:
    """A few paths: the first fields, and those of what is embedded."""
    fields = [field for field in obj.fields if field.readable]
    yield from ([quote_part(field.name)] for field in [f for f in fields if not holds_members(f)][:3])
    yield from (
        [quote_part(f.name), quote_part(f.fields[0].name)] for f in fields[:20] if f.fields and not holds_members(f.fields[0])
    )
    readable = {field.name for field in fields}
    edges = [edge for edge in obj.edges if edge.embedded and all(own in readable for own, _ in edge.pairs)]
    # Of a union one kind of record: what two of them have under one name cannot be told apart in an answer.
    for edge in [*[e for e in edges if not e.narrows][:3], *[e for e in edges if e.narrows][:1]] if deeper else ():
        target = view.object(edge.target)
        below = next(leaves(view, target, deeper - 1), None) if target is not None else None
        if below is not None and not (edge.narrows and below[0] in readable):
            yield [quote_part(edge.name), *below]


def given(argument: Argument, number: int) -> dict[str, Any]:
    kind = (argument.item_type or "json") if argument.type == "array" else argument.type
    fixed = {"source": "constant", "value": "aGk=" if kind == "bytes" else {"x": 1}} if kind in FREE else {}
    return {"param": f"p{number}", "arg": argument.name} | fixed


def body_for(view: View, operation: Operation, obj: Object) -> dict[str, Any]:
    needed = [a for a in view.arguments(operation) if a.required]
    return {
        "toolName": "t",
        "operation": operation.name,
        "inputs": [given(argument, number) for number, argument in enumerate(needed)],
        "projection": [{"path": path, "leaf": f"leaf_{n}"} for n, path in enumerate(list(leaves(view, obj))[:8])],
    }


def bound(view: View) -> Iterator[tuple[Operation, HttpCall | GraphqlCall]]:
    """The calls of all reads that have something to read; the others are counted on to be few."""
    target = Target(connection_id="con_1", kind=view.kind, time_zone="UTC", default_country="CA")
    for operation in view.operations():
        obj = view.object(operation.object) if operation.object is not None and operation.unusable is None else None
        if obj is None:
            continue
        try:
            plan = check(parse_binding(body_for(view, operation, obj)), view, target).plan
        except BindingInvalid as invalid:
            found = {(finding.code, operation.name) for finding in invalid.errors}
            if {code for code, _ in found} != {"ambiguous_path"}:  # a record with a field of its own name
                raise AssertionError(found) from invalid
            continue
        call = compile_plan(plan, view).body
        assert isinstance(call, (HttpCall, GraphqlCall))
        yield operation, call


@pytest.mark.parametrize("name", REST)
def test_every_read_of_a_rest_document_compiles(name: str):
    view = View(graph("openapi", name))
    calls = list(bound(view))
    usable = [o for o in view.operations() if o.unusable is None and o.object is not None]
    assert len(calls) >= 0.98 * len(usable) > 50
    for operation, call in calls:
        assert isinstance(call, HttpCall)
        assert all(call.leaves)
        places = operation.invoke.get("arguments", {}).values()
        in_path = {place["name"] for place in places if place["place"] == "path"}
        assert {slot.name for slot in call.slots if slot.place == "path"} == in_path
        assert all(f"{{{name}}}" in call.path for name in in_path)


def schema_of(name: str) -> GraphQLSchema:
    text = document("graphql", name).read_text()
    if name.endswith(".graphql"):
        return build_schema(text, assume_valid=True)
    loaded = json.loads(text)
    return build_client_schema(loaded.get("data", loaded), assume_valid=True)


@pytest.mark.parametrize("name", GRAPHQL)
def test_every_read_of_a_graphql_schema_compiles_to_a_valid_document(name: str):
    view, schema = View(graph("graphql", name)), schema_of(name)
    calls = [call for _, call in bound(view)]
    assert len(calls) > 20
    for call in calls:
        assert isinstance(call, GraphqlCall)
        found = parse(call.document)
        assert validate(schema, found) == []
        assert len(found.definitions) == 1
        assert isinstance(found.definitions[0], ast.OperationDefinitionNode)


def goals() -> list[dict[str, Any]]:
    path = shared_data() / "eval" / "automap_goals.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("write", [False, True])
def test_what_people_wrote_down_can_be_bound(write: bool):
    seen = 0
    for goal in goals():
        kind, _, name = goal["schema"].partition("/")
        if kind == "sql" or goal.get("write", False) != write:
            continue
        view = View(graph(kind, name))
        body = {
            "toolName": "t",
            "operation": goal["operation"],
            "inputs": [{"param": param, "arg": arg} for param, arg in goal["inputs"].items()],
            "projection": [{"path": [path], "leaf": f"leaf_{n}"} for n, path in enumerate(goal["fields"])],
        }
        refused: set[str] = set()
        try:
            plan = check(parse_binding(body), view, Target(connection_id="c", kind=view.kind, time_zone="UTC")).plan
            assert [one.arg for one in plan.inputs] == list(goal["inputs"].values())
        except BindingInvalid as invalid:
            refused = {finding.code for finding in invalid.errors}
        # Orders of one of them hold `items` and come in `items`: which are meant cannot be told.
        allowed: set[str] = {"ambiguous_path"} if "polar" in name and not write else set()
        if write:  # some goals leave out what only a constant can be, or name a whole record
            allowed = refused & {"argument_required", "path_not_scalar"}
        assert refused == allowed, (goal["operation"], refused)
        seen += 1
    assert seen > 10


def test_a_blocked_object_is_gone_from_a_large_document():
    free = View(graph("openapi", "stripe/spec3.json"))
    seen = View(
        graph("openapi", "stripe/spec3.json"), Scoping(blocked_tables=("customer",), blocked_columns={"invoice": ("number",)})
    )
    assert free.operation("GetCustomers") is not None
    assert seen.operation("GetCustomers") is None
    invoices = seen.operation("GetInvoices")
    assert invoices is not None
    assert "customer" not in {argument.name for argument in seen.arguments(invoices)}
    invoice = seen.object("invoice")
    assert invoice is not None
    assert invoice.field("customer") is None
    assert invoice.field("number") is None
    assert invoice.field("hosted_invoice_url") is not None
    assert all(edge.target != "customer" for name in seen.object_names() for edge in (seen.object(name) or invoice).edges)
    assert len(seen.operations()) < len(free.operations())
