"""Fingerprints: the same content gives the same one, an unrelated change leaves a slice's alone, each relevant one alters it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from patchbay.schema_graph.call import SliceItem
from patchbay.schema_graph.fingerprint import graph_fingerprint, slice_fingerprint
from patchbay.schema_graph.model import Dependency, Edge, Field, Graph, Index, Object
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.pack import pack, unpack
from tests.schema_graph.clinic import clinic
from tests.schema_graph.graphs import graphs

SLICE = (
    SliceItem("appointments", ("starts_at",), ("customer",)),
    SliceItem("customers", ("name",)),
    SliceItem("board", ("who",)),
    SliceItem("staff", ("mood",)),
)


def _graph(objects: dict[str, Object]) -> Graph:
    return Graph(kind="postgres", default_schema="public", objects=objects, operations=RecordOperations(objects))


def _with(name: str, **changes: Any) -> Graph:
    objects = dict(clinic().objects)
    objects[name] = msgspec.structs.replace(objects[name], **changes)
    return _graph(objects)


def _with_field(name: str, field: str, **changes: Any) -> Graph:
    fields = tuple(msgspec.structs.replace(f, **changes) if f.name == field else f for f in clinic().objects[name].fields)
    return _with(name, fields=fields)


def _of(graph: Graph) -> str | None:
    return slice_fingerprint(graph, "appointments.read", SLICE)


UNRELATED: dict[str, Callable[[], Graph]] = {
    "description": lambda: _with("customers", description="Other words."),
    "field description": lambda: _with_field("customers", "name", description="Their name."),
    "estimate": lambda: _with("customers", estimate=5),
    "index": lambda: _with("customers", indexes=(Index("new", ("name",)),)),
    "indexed": lambda: _with_field("customers", "name", indexed=True),
    "privileges": lambda: _with("appointments", readable=False, insertable=True),
    "field privileges": lambda: _with_field("customers", "name", readable=False, updatable=False),
    "formats": lambda: _with_field("customers", "phone", formats=("999",)),
    "unused field": lambda: _with_field("customers", "phone", native_type="varchar(20)"),
    "new field": lambda: _with("customers", fields=(*clinic().objects["customers"].fields, Field("more", "string", "text"))),
    "new edge": lambda: _with(
        "staff", edges=(*clinic().objects["staff"].edges, Edge("x", "customers", "many_to_one", (("id", "id"),)))
    ),
    "new partition": lambda: _with(
        "appointments", partitions=("appointments_2025", "appointments_2026", "archive.appointments_2024")
    ),
    "other object": lambda: _graph({**clinic().objects, "more": Object("more", "more", "table")}),
    "other object gone": lambda: _graph({n: o for n, o in clinic().objects.items() if n != "magic"}),
}
RELEVANT: dict[str, Callable[[], Graph]] = {
    "type": lambda: _with_field("customers", "name", type="json"),
    "native type": lambda: _with_field("customers", "name", native_type="varchar(3)"),
    "enum": lambda: _with_field("staff", "mood", enum=("sad", "ok", "happy")),
    "zone": lambda: _with_field("appointments", "starts_at", zoned=False),
    "element type": lambda: _with_field("customers", "name", item_type="integer"),
    "generated from": lambda: _with_field("customers", "name", computed_from=("ssn",)),
    "edge pairs": lambda: _with("appointments", edges=(Edge("customer", "customers", "many_to_one", (("staff_id", "id"),)),)),
    "edge target": lambda: _with("appointments", edges=(Edge("customer", "staff", "many_to_one", (("customer_id", "id"),)),)),
    "kind": lambda: _with("customers", kind="view"),
    "native name": lambda: _with("customers", native_name="people"),
    "native schema": lambda: _with("customers", native_schema="crm"),
    "definition": lambda: _with("board", definition_hash="other"),
    "definition below": lambda: _with("upcoming", definition_hash="other"),
}


@pytest.mark.parametrize("what", UNRELATED)
def test_an_unrelated_change_leaves_the_slice_alone(what: str) -> None:
    assert _of(UNRELATED[what]()) == _of(clinic())


@pytest.mark.parametrize("what", RELEVANT)
def test_a_relevant_change_alters_the_slice(what: str) -> None:
    assert _of(RELEVANT[what]()) not in (None, _of(clinic()))


@pytest.mark.parametrize("item", [SliceItem("gone"), SliceItem("customers", ("gone",)), SliceItem("customers", (), ("gone",))])
def test_a_slice_of_which_something_is_gone_has_none(item: SliceItem) -> None:
    assert slice_fingerprint(clinic(), "customers.read", [item]) is None
    assert slice_fingerprint(clinic(), "gone.read", []) is None


def test_the_slice_does_not_depend_on_how_its_items_are_cut_or_ordered() -> None:
    whole = slice_fingerprint(clinic(), "customers.read", [SliceItem("customers", ("name", "phone"), ("appointment",))])
    parts = [SliceItem("customers", ("phone",), ("appointment",)), SliceItem("customers", ("name", "phone"))]
    assert slice_fingerprint(clinic(), "customers.read", parts) == whole
    assert slice_fingerprint(clinic(), "staff.read", parts) != whole


@pytest.mark.parametrize("what", [w for w in {**UNRELATED, **RELEVANT} if w not in ("estimate", "formats")])
def test_the_graphs_fingerprint_sees_every_change_of_the_schema(what: str) -> None:
    assert graph_fingerprint({**UNRELATED, **RELEVANT}[what]()) != graph_fingerprint(clinic())


@pytest.mark.parametrize("what", ["estimate", "formats"])
def test_the_graphs_fingerprint_does_not_follow_the_data(what: str) -> None:
    assert graph_fingerprint(UNRELATED[what]()) == graph_fingerprint(clinic())


@given(graphs(), st.randoms())
@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_the_order_of_discovery_does_not_matter(graph: Graph, random: Any) -> None:
    def shuffled(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(random.sample(items, len(items)))

    objects = {
        name: msgspec.structs.replace(
            obj, fields=shuffled(obj.fields), edges=shuffled(obj.edges), indexes=shuffled(obj.indexes), reads=shuffled(obj.reads)
        )
        for name, obj in random.sample(list(graph.objects.items()), len(graph.objects))
    }
    other = _graph(objects)
    assert graph_fingerprint(other) == graph_fingerprint(graph)
    items = [SliceItem(o.name, tuple(f.name for f in o.fields), tuple(e.name for e in o.edges)) for o in graph.objects.values()]
    operation = f"{items[0].object}.read"
    made = slice_fingerprint(graph, operation, items)
    assert made is not None
    assert slice_fingerprint(unpack(pack(other)), operation, shuffled(tuple(items))) == made


def test_dependencies_with_and_without_fields_differ() -> None:
    whole = _with("board", reads=(Dependency("upcoming"),))
    assert graph_fingerprint(whole) != graph_fingerprint(clinic())
