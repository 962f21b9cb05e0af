"""Judging a call by a later schema: nothing that a call relies on may go unnoticed, and nothing else may stop it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.bindings.check import Target
from patchbay.bindings.compiled import compile_binding
from patchbay.bindings.model import parse_binding
from patchbay.connectors.proof import freeze
from patchbay.schema_graph.call import Fallback, FrozenCall
from patchbay.schema_graph.canonical import seal, unseal
from patchbay.schema_graph.drift import judge
from patchbay.schema_graph.fingerprint import slice_fingerprint
from patchbay.schema_graph.model import Edge, Field, Graph, Index, Key, Object
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.scoping import View

TARGET = Target(connection_id="con_1", kind="postgres", time_zone="UTC", default_country="US")
PHONE = Field("phone", "string", "character varying(20)", indexed=True, formats=("+99999999999",))
OBJECTS = (
    Object(
        "customers", "customers", "table", "public", "customers",
        fields=(
            Field("id", "integer", "integer", nullable=False, primary_key=True, unique=True, indexed=True),
            Field("name", "string", "text", updatable=True),
            Field("email", "string", "character varying(80)", unique=True, indexed=True),
        ),
        keys=(Key("pk", ("id",), primary=True), Key("one_email", ("email",))),
        updatable=True,
    ),
    Object(
        "visits", "visits", "table", "public", "visits",
        fields=(
            Field("id", "integer", "integer", nullable=False, primary_key=True, unique=True, indexed=True),
            Field("customer_id", "integer", "integer"),
            PHONE,
            Field("starts_at", "datetime", "timestamp with time zone", nullable=False, zoned=True),
            Field("status", "enum", "state", nullable=False, enum=("on", "off")),
            Field("note", "string", "character varying(40)"),
        ),
        edges=(Edge("customer", "customers", "many_to_one", (("customer_id", "id"),)),),
        keys=(Key("pk", ("id",), primary=True),),
    ),
)  # fmt: skip
VISIT: dict[str, Any] = {
    "toolName": "Visit",
    "operation": "visits.read",
    "inputs": [{"param": "caller_phone", "arg": "phone", "required": True}],
    "projection": [
        {"path": ["starts_at"], "leaf": "time"},
        {"path": ["status"], "leaf": "status"},
        {"path": ["note"], "leaf": "note", "optional": True},
        {"path": ["customer", "name"], "leaf": "who", "optional": True},
    ],
}
CUSTOMER: dict[str, Any] = {
    "toolName": "Customer",
    "operation": "customers.read",
    "inputs": [{"param": "email", "arg": "email", "required": True}],
    "projection": [{"path": ["name"], "leaf": "name"}],
}


RENAME: dict[str, Any] = {
    "toolName": "Rename",
    "operation": "customers.update",
    "inputs": [
        {"param": "customer_id", "arg": "id", "required": True, "source": "verified"},
        {"param": "new_name", "arg": "name", "required": True},
    ],
    "projection": [{"path": ["name"], "leaf": "name"}],
}


def graph(objects: tuple[Object, ...] = OBJECTS) -> Graph:
    by_name = {obj.name: obj for obj in objects}
    return Graph(kind="postgres", default_schema="public", objects=by_name, operations=RecordOperations(by_name))


def call(binding: dict[str, Any] = VISIT) -> FrozenCall:
    view = View(graph())
    _, candidate = compile_binding(parse_binding(binding), view, TARGET)
    made = msgspec.structs.replace(freeze(candidate), ground=view.ground(candidate.plan))
    if candidate.fallback is not None:
        fallback = Fallback(candidate.fallback.plan.slice, candidate.fallback.body)
        made = msgspec.structs.replace(made, fallback=fallback)
    sealed = seal(made)
    return unseal(sealed.document, sealed.digest)


def altered(name: str, **changes: Any) -> Graph:
    return graph(tuple(msgspec.structs.replace(obj, **changes) if obj.name == name else obj for obj in OBJECTS))


def fields(name: str, change: Callable[[Field], Field | None]) -> Graph:
    (obj,) = (one for one in OBJECTS if one.name == name)
    return altered(name, fields=tuple(made for field in obj.fields if (made := change(field)) is not None))


def field(name: str, which: str, **changes: Any) -> Graph:
    return fields(name, lambda f: msgspec.structs.replace(f, **changes) if f.name == which else f)


def without(name: str, *gone: str) -> Graph:
    return fields(name, lambda f: None if f.name in gone else f)


CASES: dict[str, tuple[Callable[[], Graph], str, set[str], set[str]]] = {
    "nothing": (graph, "unchanged", set(), set()),
    "an estimate": (lambda: altered("visits", estimate=9), "unchanged", set(), set()),
    "formats": (lambda: field("visits", "phone", formats=("999",)), "unchanged", set(), set()),
    "an unused field": (lambda: field("customers", "email", type="json"), "unchanged", set(), set()),
    "privileges": (lambda: altered("visits", insertable=True), "unchanged", set(), set()),
    "an index more": (lambda: altered("visits", indexes=(Index("n", ("note",)),)), "cosmetic", {"texts_changed"}, set()),
    "a description": (lambda: field("visits", "note", description="x"), "cosmetic", {"texts_changed"}, set()),
    "a value more": (lambda: field("visits", "status", enum=("on", "off", "x")), "cosmetic", {"values_changed"}, set()),
    "a value less, given back": (lambda: field("visits", "status", enum=("on",)), "cosmetic", {"values_changed"}, set()),
    "never null": (lambda: field("visits", "note", nullable=False), "cosmetic", {"nullable_changed"}, set()),
    "wider": (lambda: field("visits", "phone", native_type="text"), "cosmetic", {"widened"}, set()),
    "narrower": (lambda: field("visits", "phone", native_type="character varying(9)"), "broken", {"type_changed"}, set()),
    "no index": (lambda: field("visits", "phone", indexed=False), "degraded", {"index_gone"}, set()),
    "an optional leaf": (lambda: without("visits", "note"), "degraded", {"field_gone"}, {"note"}),
    "an optional neighbour's leaf": (lambda: without("customers", "name"), "degraded", {"field_gone"}, {"who"}),
    "an optional relationship": (lambda: altered("visits", edges=()), "degraded", {"relationship_gone"}, {"who"}),
    "an optional neighbour": (lambda: graph(OBJECTS[1:]), "degraded", {"object_gone"}, {"who"}),
    "what leads to an optional neighbour": (lambda: without("customers", "id"), "degraded", {"field_gone"}, set()),
    "an optional leaf's type": (
        lambda: field("visits", "note", type="json", native_type="json"), "degraded", {"type_changed"}, {"note"},
    ),
    "a leaf": (lambda: without("visits", "status"), "broken", {"field_gone"}, set()),
    "a leaf and an optional one": (lambda: without("visits", "status", "note"), "broken", {"field_gone"}, set()),
    "a filter": (lambda: without("visits", "phone"), "broken", {"field_gone"}, set()),
    "a leaf's zone": (lambda: field("visits", "starts_at", zoned=False), "broken", {"type_changed"}, set()),
    "what a leaf is computed from": (
        lambda: field("visits", "status", computed_from=("note",)), "broken", {"type_changed"}, set(),
    ),
    "the table's place": (lambda: altered("visits", native_schema="old"), "broken", {"object_changed"}, set()),
    "a table that became a view": (lambda: altered("visits", kind="view"), "broken", {"object_changed"}, set()),
    "the table": (lambda: graph(OBJECTS[:1]), "broken", {"operation_gone", "object_gone"}, set()),
    "another system": (lambda: msgspec.structs.replace(graph(), kind="mysql"), "broken", {"kind_changed"}, set()),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_change_means_one_thing(case: str) -> None:
    change, status, codes, missing = CASES[case]
    found = judge(call(), change())
    assert (found.status, {r.code for r in found.reasons}, set(found.missing)) == (status, codes, missing)
    assert found.runs == (status != "broken")
    assert found.lessened == (status == "degraded" and codes != {"index_gone"})


def test_a_read_that_means_one_record_needs_its_unique_key() -> None:
    keys = OBJECTS[0].keys
    assert judge(call(CUSTOMER), altered("customers", keys=keys[1:])).status == "unchanged"
    found = judge(call(CUSTOMER), altered("customers", keys=keys[:1]))
    assert (found.status, [r.code for r in found.reasons]) == ("broken", ["key_gone"])
    assert judge(call(), altered("visits", keys=())).status == "unchanged"


def test_an_update_needs_the_unique_key_it_finds_its_record_by_and_what_it_sets_as_it_was() -> None:
    keys = OBJECTS[0].keys
    assert judge(call(RENAME), altered("customers", keys=keys[:1])).status == "unchanged"
    assert [r.code for r in judge(call(RENAME), altered("customers", keys=keys[1:])).reasons] == ["key_gone"]
    narrower = field("customers", "name", native_type="character varying(9)")
    assert [r.code for r in judge(call(RENAME), narrower).reasons] == ["type_changed"]


def test_a_value_that_is_compared_may_not_go() -> None:
    binding = {**VISIT, "filters": [{"arg": "status", "op": "eq", "value": "off"}]}
    assert judge(call(binding), field("visits", "status", enum=("on",))).status == "broken"
    assert judge(call(binding), field("visits", "status", enum=("on", "off", "x"))).status == "cosmetic"


def test_without_optional_leaves_every_loss_breaks() -> None:
    strict = {**VISIT, "projection": [{**rule, "optional": False} for rule in VISIT["projection"]]}
    for case, (change, status, _, _) in CASES.items():
        if status == "degraded" and case != "no index":
            assert judge(call(strict), change()).status == "broken", case


def test_a_call_of_before_grounds_is_judged_by_its_fingerprint_alone() -> None:
    old = msgspec.structs.replace(call(), ground=None, fallback=None)
    assert judge(old, graph()).status == "unchanged"
    assert judge(old, field("visits", "phone", native_type="text")).status == "broken"


_CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "json"]),
        "native_type": st.sampled_from(["text", "character varying(20)", "integer", "bigint"]),
        "nullable": st.booleans(),
        "enum": st.sampled_from([(), ("on", "off"), ("on",), ("on", "off", "x")]),
        "indexed": st.booleans(),
        "zoned": st.booleans(),
        "description": st.sampled_from([None, "x"]),
    },
)


@st.composite
def later(draw: st.DrawFn) -> Graph:
    objects: list[Object] = []
    for obj in OBJECTS:
        if draw(st.integers(0, 9)) == 0:
            continue
        kept = [f for f in obj.fields if draw(st.integers(0, 9))]
        made = tuple(msgspec.structs.replace(f, **draw(_CHANGES)) if draw(st.booleans()) else f for f in kept)
        edges = obj.edges if draw(st.integers(0, 4)) else ()
        objects.append(msgspec.structs.replace(obj, fields=made, edges=edges))
    return graph(tuple(objects))


@given(later(), st.sampled_from([VISIT, CUSTOMER]))
def test_what_runs_has_everything_it_reads(after: Graph, binding: dict[str, Any]) -> None:
    made = call(binding)
    found = judge(made, after)
    same = slice_fingerprint(after, made.operation, made.slice) == made.slice_fingerprint
    if found.status == "unchanged":
        assert same
    if same:
        assert found.runs
        assert not found.lessened
    if not found.runs:
        return
    assert not found.lessened or made.fallback is not None
    read = made.fallback.slice if found.lessened and made.fallback is not None else made.slice
    for item in read:
        obj = after.objects[item.object]
        before = graph().objects[item.object]
        assert all(obj.edge(name) == before.edge(name) for name in item.edges)
        for name in item.fields:
            now, was = obj.field(name), before.field(name)
            assert now is not None
            assert was is not None
            assert (now.type, now.zoned) == (was.type, was.zoned)
    optional = {output.leaf for output in made.outputs if output.optional}
    assert set(found.missing) <= optional
