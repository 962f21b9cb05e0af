"""What is blocked of a named schema is blocked wherever its members are: unions, ``allOf``, values read as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchbay.schema_graph.blocking import Scoping, permits
from patchbay.schema_graph.model import Field, Graph
from patchbay.schema_graph.scoping import View
from tests.connectors.rest.apis import TEXT, answer, api, graph_of, ref

CUSTOMER = {"type": "object", "properties": {"id": TEXT, "email": TEXT}}
EXTRA = {"type": "object", "properties": {"extra": TEXT}}
NO_EMAIL = Scoping(blocked_columns={"Customer": ("email",)})
NO_CUSTOMER = Scoping(blocked_tables=("Customer",))


def answering(schemas: dict[str, Any], **inline: Any) -> Graph:
    """The graph of an API that answers with each of ``schemas``, and with inline ones; 3.1, where a reference has siblings."""
    paths = {f"/{name.lower()}": {"get": answer(ref(name))} for name in schemas}
    paths |= {f"/{name}": {"get": answer(schema)} for name, schema in inline.items()}
    return graph_of(api(schemas, paths, version="3.1.0"))


def members(fields: Iterable[Field], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for field in fields:
        yield (*path, field.name)
        yield from members(field.fields, (*path, field.name))


def seen(graph: Graph, scoping: Scoping | None = None) -> set[tuple[str, ...]]:
    """Every field in view, with its object in front."""
    view = View(graph, scoping)
    shown = {name: view.object(name) for name in view.object_names()}
    return {(name, *path) for name, obj in shown.items() if obj is not None for path in members(obj.fields)}


def holding(schema: Any) -> dict[str, Any]:
    return {"Customer": CUSTOMER, "Holder": {"type": "object", "properties": {"who": schema, "own": TEXT}}}


@pytest.mark.parametrize(
    "schema",
    [
        {"oneOf": [ref("Customer"), EXTRA]},
        {"anyOf": [EXTRA, ref("Customer"), TEXT]},
        {**EXTRA, "anyOf": [ref("Customer"), {"type": "null"}]},
        {"allOf": [ref("Customer"), EXTRA]},
        {"allOf": [{"allOf": [ref("Customer"), {"properties": {"more": TEXT}}]}, EXTRA]},
        {**ref("Customer"), **EXTRA},
        {"type": "array", "items": {"oneOf": [ref("Customer"), EXTRA]}},
        {"oneOf": [{"allOf": [ref("Customer"), EXTRA]}, {"properties": {"other": TEXT}}]},
    ],
)
def test_members_of_a_named_schema_merged_with_others_stay_its_own(schema: Any) -> None:
    graph = answering(holding(schema), inline=schema)
    for name in ("Holder who", "GET /inline response"):
        assert {(name, "email"), (name, "extra")} <= seen(graph)
        assert seen(graph) - seen(graph, NO_EMAIL) >= {(name, "email")}
        assert {(name, "id"), (name, "extra")} <= seen(graph, NO_EMAIL)
        assert {(name, "id"), (name, "email")}.isdisjoint(seen(graph, NO_CUSTOMER))
        assert ("Holder", "own") in seen(graph, NO_CUSTOMER)
        touches = View(graph).touches(name, ["email"])
        assert not permits(NO_EMAIL, None, touches)
        assert permits(NO_EMAIL, None, View(graph).touches(name, ["extra", "id"]))


def test_a_named_schema_that_extends_another() -> None:
    middle = {"allOf": [ref("Customer"), {"properties": {"level": TEXT}}]}
    last = {"allOf": [ref("Middle"), {"properties": {"email": {"enum": ["a"]}, "address": TEXT}}]}
    graph = answering({"Customer": CUSTOMER, "Middle": middle, "Last": last})
    assert {name: obj.extends for name, obj in graph.objects.items() if obj.extends} == {
        "Middle": ("Customer",),
        "Last": ("Customer", "Middle"),
    }
    kept = {("Customer", "id"), ("Middle", "id"), ("Middle", "level"), ("Last", "id"), ("Last", "level"), ("Last", "address")}
    assert seen(graph, NO_EMAIL) == kept
    assert {path for path in seen(graph, NO_CUSTOMER) if path[0] != "Customer"} == {
        ("Middle", "level"), ("Last", "level"), ("Last", "address"),
    }  # fmt: skip


def test_what_extends_a_schema_that_is_else_only_sent_keeps_it() -> None:
    paths = {
        "/vip": {"get": answer({"allOf": [ref("Customer"), EXTRA]})},
        "/c": {"post": {"requestBody": {"content": {"application/json": {"schema": ref("Customer")}}}, "responses": {}}},
    }
    graph = graph_of(api({"Customer": CUSTOMER}, paths))
    assert ("GET /vip response", "email") not in seen(graph, NO_EMAIL)
    assert ("GET /vip response", "extra") in seen(graph, NO_EMAIL)


def test_a_value_read_as_a_whole_goes_with_the_records_it_may_hold() -> None:
    properties = {
        "by_name": {"type": "object", "additionalProperties": ref("Customer")},
        "lists": {"additionalProperties": {"type": "array", "items": {"properties": {"who": ref("Customer")}}}},
        "nested": {"properties": {"maps": {"additionalProperties": {"anyOf": [TEXT, ref("Customer")]}}}},
        "several": {"anyOf": [{"type": "array", "items": ref("Customer")}, {"type": "array", "items": ref("Pet")}]},
        "labels": {"additionalProperties": TEXT},
    }
    schemas = {"Customer": CUSTOMER, "Pet": {"properties": {"name": TEXT}}, "Holder": {"properties": properties}}
    graph = answering(schemas)
    hidden = {("Holder", "by_name"), ("Holder", "lists"), ("Holder nested", "maps"), ("Holder", "several")}
    for scoping in (NO_EMAIL, NO_CUSTOMER):
        assert {path for path in seen(graph) - seen(graph, scoping) if path[0] != "Customer"} == hidden
    elsewhere = seen(graph) - seen(graph, Scoping(blocked_columns={"Pet": ("name",)}))
    assert elsewhere == {("Pet", "name"), ("Holder", "several")}


def test_alternatives_that_are_unions_themselves_have_all_members() -> None:
    schemas = {
        "A": {"properties": {"a": TEXT}}, "B": {"properties": {"b": TEXT}}, "C": {"properties": {"c": TEXT}},
        "Some": {"oneOf": [ref("A"), ref("B")]}, "All": {"oneOf": [ref("Some"), ref("C")]},
    }  # fmt: skip
    graph = answering(schemas, it={"properties": {"held": {"oneOf": [ref("C"), ref("Some")]}, "n": TEXT}})
    assert {field.name for field in graph.objects["All"].fields} == {"a", "b", "c"}
    assert {edge.target for edge in graph.objects["GET /it response"].edges} == {"All"}
    assert ("All", "a") not in seen(graph, Scoping(blocked_columns={"A": ("a",)}))


def test_an_alternative_named_like_a_member_still_counts() -> None:
    card = {"properties": {"number": TEXT}}
    source = {"oneOf": [ref("card"), {"properties": {"card": {"properties": {"last4": TEXT, "card": ref("card")}}}}]}
    graph = answering({"card": card, "Source": source})
    edges = {edge.name: (edge.target, edge.narrows) for edge in graph.objects["Source"].edges}
    assert edges == {"card": ("Source card", False), "on_card": ("card", True)}
    assert ("Source", "number") not in seen(graph, Scoping(blocked_columns={"card": ("number",)}))


def test_a_named_record_that_may_be_null_is_an_object() -> None:
    graph = answering(holding(ref("Maybe")) | {"Maybe": {**CUSTOMER, "type": ["object", "null"]}})
    assert set(graph.objects) == {"Customer", "Holder", "Maybe"}
    assert [(edge.target, edge.nullable) for edge in graph.objects["Holder"].edges] == [("Maybe", True)]


NAMES = "ABCDE"


@st.composite
def values(draw: st.DrawFn, prefix: str) -> dict[str, Any]:
    """A property's schema; whatever it names itself begins with ``prefix``, so that a name tells where it is from."""
    other = draw(st.sampled_from(NAMES))
    inline = {"type": "object", "properties": {f"{prefix}_in": TEXT, f"{prefix}_to": draw(st.sampled_from([TEXT, ref(other)]))}}
    forms = (
        TEXT, inline, ref(other), {"type": "array", "items": ref(other)}, {"type": "array", "items": inline},
        {"allOf": [ref(other), inline]}, {"oneOf": [ref(other), inline]}, {"anyOf": [ref(other), TEXT]},
        {"oneOf": [ref(other), ref(draw(st.sampled_from(NAMES)))]}, {**ref(other), **inline},
    )  # fmt: skip
    return draw(st.sampled_from(forms))


@st.composite
def named(draw: st.DrawFn, name: str) -> dict[str, Any]:
    own: dict[str, Any] = {"type": "object", "properties": {f"{name}_own": TEXT, f"{name}_held": draw(values(name))}}
    if draw(st.booleans()):
        mapped = draw(st.sampled_from(NAMES))
        own["properties"][f"{name}_map_of_{mapped}"] = {"type": "object", "additionalProperties": ref(mapped)}
    others = [ref(other) for other in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True))]
    forms = (own, own, {"allOf": [*others, own]}, {"oneOf": [*others, own]}, {**own, "anyOf": others}, {**others[0], **own})
    return draw(st.sampled_from(forms))


random_schemas = st.fixed_dictionaries({name: named(name) for name in NAMES})


@settings(max_examples=300, deadline=None)
@given(random_schemas, st.sampled_from(NAMES), st.booleans())
def test_blocking_a_field_of_a_schema_blocks_it_wherever_it_was_merged(schemas: Any, name: str, whole: bool) -> None:
    graph = answering(schemas, inline={"allOf": [ref(name), EXTRA]}, either={"oneOf": [ref(name), EXTRA]})
    own = f"{name}_own"
    scoping = Scoping(blocked_tables=(name,)) if whole else Scoping(blocked_columns={name: (own,)})
    before, after = seen(graph), seen(graph, scoping)
    assert after <= before
    assert not [path for path in after if own in path or path[-1].endswith(f"_map_of_{name}")]
    if not whole:
        unclear = {field.name for obj in graph.objects.values() for field in obj.fields if field.row_of or field.opaque}
        assert {path[-1] for path in before - after} <= {own, *unclear}
    view = View(graph, scoping)
    for path in before - after:
        if view.object(path[0]) is not None and len(path) == 2:
            assert not permits(scoping, None, View(graph).touches(path[0], [path[1]]))
    for path in after:
        if len(path) == 2:
            assert permits(scoping, None, view.touches(path[0], [path[1]]))
