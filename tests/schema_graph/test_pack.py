"""A packed graph is the same graph, in the same bytes whatever the order, and decodes only what is asked for."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings

from patchbay.schema_graph.model import Argument, Field, Graph, Object, Operation
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.pack import NotAGraph, PackedObjects, pack, unpack
from patchbay.schema_graph.scoping import Scoping, View
from tests.schema_graph.clinic import clinic
from tests.schema_graph.graphs import graphs, scopings


def wide(count: int) -> Graph:
    """A graph of many tables."""
    objects = {
        f"t{n}": Object(
            f"t{n}", f"t{n}", "table", "public", f"t{n}", fields=tuple(Field(f"c{i}", "string", "text") for i in range(12))
        )
        for n in range(count)
    }
    return Graph(kind="postgres", default_schema="public", objects=objects, operations=RecordOperations(objects))


@given(graphs(), scopings())
@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_a_view_of_the_packed_graph_shows_the_same(graph: Graph, scoping: Scoping) -> None:
    opened = unpack(pack(graph))
    assert dict(opened.objects) == dict(graph.objects)
    assert dict(opened.operations) == dict(graph.operations)
    packed, plain = View(opened, scoping), View(graph, scoping)
    assert list(packed.object_names()) == list(plain.object_names())
    assert [packed.object(n) for n in packed.object_names()] == [plain.object(n) for n in plain.object_names()]
    assert packed.operations(include_writes=True) == plain.operations(include_writes=True)
    assert packed.unmatched == plain.unmatched


def test_the_bytes_do_not_depend_on_order() -> None:
    graph = clinic()
    turned = dict(reversed(list(graph.objects.items())))
    assert pack(Graph("postgres", "public", turned, RecordOperations(turned))) == pack(graph)
    assert pack(unpack(pack(graph))) == pack(graph)


def test_one_look_up_decodes_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = unpack(pack(wide(1000)))
    assert isinstance(opened.objects, PackedObjects)
    inflated: list[int] = []
    chunk = PackedObjects._chunk
    monkeypatch.setattr(PackedObjects, "_chunk", lambda self, number: inflated.append(number) or chunk(self, number))
    view = View(opened, Scoping(("t1",), {"t2": ("c3",)}))
    assert len(view.object_names()) == 999
    assert view.object("t7") is not None
    assert view.operation("t7.read") is not None
    assert view.object("t1") is None
    assert len(inflated) == 1


def test_decoded_objects_are_let_go() -> None:
    opened = unpack(pack(wide(1500)))
    assert isinstance(opened.objects, PackedObjects)
    assert sum(len(obj.fields) for obj in opened.objects.values()) == 18_000
    assert len(opened.objects._recent) <= 512
    assert len(opened.objects._open) <= 8


def test_stored_operations_come_back() -> None:
    operation = Operation(
        "getCustomer", "getCustomer", "customers", "read", "call",
        arguments=(Argument("phone", "filter", "string", "string"), Argument("ssn", "filter", "string", "string")),
        invoke={"method": "GET", "path": "/customers"},
    )  # fmt: skip
    graph = Graph("rest", None, clinic().objects, {"getCustomer": operation})
    opened = unpack(pack(graph))
    assert dict(opened.operations) == {"getCustomer": operation}
    assert View(opened).operation("getCustomer") == operation
    scoped = View(opened, Scoping((), {"customers": ("ssn",)})).operation("getCustomer")
    assert [a.name for a in scoped.arguments] == ["phone"]
    assert View(opened, Scoping(("customers",))).operation("getCustomer") is None


@pytest.mark.parametrize(
    "data", [b"", b"PBG1", b"PBG1\0\0\0\2\xc0\xc0", pack(clinic())[:-1], pack(clinic()) + b"x", b"XXXX" + pack(clinic())[4:]]
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(NotAGraph):
        unpack(data)
