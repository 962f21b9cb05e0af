"""Nothing blocked is reachable in a graph of called operations, for any graph and scoping; against a naive oracle."""

from __future__ import annotations

import json
import re

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from patchbay.schema_graph.blocking import Scoping
from patchbay.schema_graph.call import SliceItem
from patchbay.schema_graph.fingerprint import slice_fingerprint
from patchbay.schema_graph.model import Argument, Edge, Field, Graph, Note, Object, Operation
from patchbay.schema_graph.naming import split_name
from patchbay.schema_graph.pack import pack, unpack
from patchbay.schema_graph.scoping import View, permits
from patchbay.schema_graph.summary import count
from patchbay.schema_graph.touched import touched_by
from tests.schema_graph.embedded import embedded_graphs, embedded_scopings

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


class Oracle:
    """The rules of data scoping for embedded data, written the slow and obvious way."""

    def __init__(self, graph: Graph, scoping: Scoping) -> None:
        self.graph = graph
        self.tables = {spelling for entry in scoping.blocked_tables for spelling in self._spelled(entry)}
        self.columns: dict[str, set[str]] = {}
        for entry, columns in scoping.blocked_columns.items():
            for spelling in self._spelled(entry):
                self.columns.setdefault(spelling, set()).update(column.casefold() for column in columns)

    @staticmethod
    def _spelled(entry: str) -> set[str]:
        return {entry.casefold(), entry.strip('"').casefold()}

    def sees(self, name: str) -> bool:
        return split_name(name)[-1].casefold() not in self.tables

    def reads(self, name: str, path: tuple[str, ...]) -> bool:
        """Whether the member at a path of an object's fields may be read."""
        obj = self.graph.objects[name]
        names = {*path, *(".".join(path[:n]) for n in range(2, len(path) + 1))}
        if not self.sees(name) or self.columns.get(split_name(name)[-1].casefold(), set()) & {n.casefold() for n in names}:
            return False
        held = [edge.target for edge in obj.edges if edge.embedded and any(own == path[0] for own, _ in edge.pairs)]
        if not all(self.sees(target) for target in held):
            return False
        members = [edge.target for edge in obj.edges if edge.narrows]
        sharing = [m for m in members if path[0] == "__typename" or self.graph.objects[m].field(path[0]) is not None]
        return all(self.reads(member, path) for member in sharing)

    def names(self, text: str) -> list[str]:
        """The objects that a text names."""
        return [name for name in self.graph.objects if _stands_in(split_name(name)[-1], text)]

    def gives(self, operation: Operation, argument: Argument) -> bool:
        if not all(self.sees(name) for name in self.names(argument.name)):
            return False
        return operation.object is None or all(self.reads(*meant) for meant in self.about(operation.object, argument.name))

    def about(self, record: str, argument: str) -> list[tuple[str, tuple[str, ...]]]:
        """The members, each with its object, that an argument of an operation on ``record`` is about."""
        parts = [
            piece for part in split_name(argument.casefold()) for piece in dict.fromkeys((part, *re.split(r"\W+", part)))
        ]  # each once: a name of one word is not a way of two steps
        about: list[tuple[str, tuple[str, ...]]] = []
        around: list[tuple[str, tuple[str, ...]]] = [(record, ())]
        for part in parts:
            for name, way in list(around):
                obj = self.graph.objects[name]
                found = [path for path in _paths(obj) if _folded(path) == (*_folded(way), part)]
                about += [(name, path) for path in found]
                around += [(name, path) for path in found]
                around += [(edge.target, ()) for edge in obj.edges if edge.embedded and edge.name.casefold() == part and not way]
        for part in reversed(parts):
            below = [(record, path) for path in _paths(self.graph.objects[record]) if _folded(path)[-1] == part]
            inside = [edge.target for edge in self.graph.objects[record].edges if edge.embedded]
            held = [(name, path) for name in inside for path in _paths(self.graph.objects[name]) if _folded(path) == (part,)]
            about = about or below or held
        return about

    def calls(self, operation: Operation) -> bool:
        if operation.object is not None and not self.sees(operation.object):
            return False
        if not all(self.sees(name) for name in self.names(operation.name)):
            return False
        return all(self.gives(operation, argument) for argument in operation.arguments if argument.required)


def _folded(path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.casefold() for name in path)


def _stands_in(name: str, text: str) -> bool:
    if re.fullmatch(r"\w+", name):
        return name.casefold() in re.findall(r"\w+", text.casefold())
    return name.casefold() in text.casefold()


def _members(field: Field, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    way = (*path, field.name)
    return [way, *(below for inner in field.fields for below in _members(inner, way))]


def _paths(obj: Object) -> set[tuple[str, ...]]:
    return {path for field in obj.fields for path in _members(field)}


@given(embedded_graphs(), embedded_scopings())
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_a_view_shows_exactly_what_the_oracle_leaves(graph: Graph, scoping: Scoping) -> None:
    for view in (View(graph, scoping), View(unpack(pack(graph)), scoping)):
        oracle = Oracle(graph, scoping)
        assert set(view.object_names()) == {name for name in graph.objects if oracle.sees(name)}
        for name in view.object_names():
            seen, whole = view.object(name), graph.objects[name]
            assert seen is not None
            assert view.object(split_name(name)[-1]) == seen
            expected = {path for path in _paths(whole) if all(oracle.reads(name, path[:n]) for n in range(1, len(path) + 1))}
            assert _paths(seen) == expected
            assert {edge.name for edge in seen.edges} == {edge.name for edge in whole.edges if _clear(oracle, name, edge)}
        expected_operations = {name for name, operation in graph.operations.items() if oracle.calls(operation)}
        assert {operation.name for operation in view.operations(include_writes=True)} == expected_operations
        for operation in view.operations(include_writes=True):
            whole_operation = graph.operations[operation.name]
            given_names = {a.name for a in whole_operation.arguments if oracle.gives(whole_operation, a)}
            assert {a.name for a in view.arguments(operation)} == given_names
            assert view.operation(operation.slug) == operation == view.operation(operation.name)


def _clear(oracle: Oracle, name: str, edge: Edge) -> bool:
    return oracle.sees(edge.target) and all(oracle.reads(name, (own,)) for own, _ in edge.pairs)


@given(embedded_graphs(), embedded_scopings())
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_nothing_in_view_names_a_blocked_object(graph: Graph, scoping: Scoping) -> None:
    view, oracle = View(graph, scoping), Oracle(graph, scoping)
    shown = [view.object(name) for name in view.object_names()]
    called = [msgspec.structs.replace(o, invoke={}) for o in view.operations(include_writes=True)]
    text = json.dumps(msgspec.to_builtins([shown, called]))
    for name in graph.objects:
        if not oracle.sees(name):
            assert not _stands_in(split_name(name)[-1], text)
    assert sum(view.operation_count(view.object(name)) for name in view.object_names()) + view.operation_count(None) == len(
        called
    )


@given(embedded_graphs(), embedded_scopings(), st.data())
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_the_runtimes_check_agrees_with_the_view(graph: Graph, scoping: Scoping, data: st.DataObject) -> None:
    """A call made while nothing was blocked runs under a later scoping exactly if that scoping's view shows all it uses."""
    free, scoped = View(graph), View(graph, scoping)
    operation = data.draw(st.sampled_from(sorted(graph.operations.values(), key=lambda one: one.name)))
    if operation.object is None:
        return
    paths = data.draw(st.lists(st.sampled_from(sorted(_paths(graph.objects[operation.object]))), min_size=1, unique=True))
    arguments = [a.name for a in operation.arguments if a.required or data.draw(st.booleans())]
    item = SliceItem(operation.object, tuple(p[0] for p in paths if len(p) == 1), (), tuple(p for p in paths if len(p) > 1))
    touches = [*touched_by(graph, [item]), *free.call_touches(operation, arguments)]
    seen, root = scoped.operation(operation.name), scoped.object(operation.object)
    visible = (
        seen is not None
        and root is not None
        and {a.name for a in scoped.arguments(seen)} >= set(arguments)
        and _paths(root) >= set(paths)
    )
    assert permits(scoping, None, touches) == visible
    if visible:
        assert scoped.slice_fingerprint(operation.name, [item]) == slice_fingerprint(graph, operation.name, [item])


def test_bare_names_encoded_names_and_operations_without_an_object():
    thing = Object("thing", "thing", "type", fields=(Field("id", "string", "string"),))
    named = ("query.thing", "mutation.thing", "query.only", "GET /a/{b}", "POST /a/{b}", "PUT /c", "repos/get")
    operations = {
        name: Operation(name, f"s{n}", None if name == "PUT /c" else "thing", "read", "call") for n, name in enumerate(named)
    }
    view = View(Graph("rest", None, {"thing": thing}, operations))
    spelled = [
        "only",
        "query.only",
        "query%2Eonly",
        "s2",
        "/c",
        "%2Fc",
        "PUT%20/c",
        "repos/get",
        "repos%2Fget",
        "get",
        "thing",
        "/a/{b}",
    ]
    found = {name: view.operation(name) for name in spelled}
    assert {name: one.name if one else None for name, one in found.items()} == {
        "only": "query.only", "query.only": "query.only", "query%2Eonly": "query.only", "s2": "query.only",
        "/c": "PUT /c", "%2Fc": "PUT /c", "PUT%20/c": "PUT /c", "repos/get": "repos/get", "repos%2Fget": "repos/get",
        "get": None, "thing": None, "/a/{b}": None,
    }  # fmt: skip
    assert view.operations_meant_by("thing") == ["mutation.thing", "query.thing"]
    assert [one.name for one in view.operations(q="REPOS")] == ["repos/get"]
    assert view.operations(object="gone") == []
    assert (view.operation_count(None), view.operation_count(view.object("thing"))) == (1, 6)


def test_what_is_named_after_a_blocked_operation_goes_with_it():
    bill = Object("bill", "bill", "type", fields=(Field("id", "string", "string"),))
    answer = Object("GET /bill/{id}/paid response", "paid", "type", fields=(Field("ok", "boolean", "boolean"),))
    paid = Operation("GET /bill/{id}/paid", "paid", answer.name, "read", "call")
    ping = Operation("ping", "ping", None, "read", "call")
    notes = (Note("cut", "The bill is large."), Note("large", "It is large.", "#/paths/~1bill"), Note("old", "It is old."))
    graph = Graph("rest", None, {"bill": bill, answer.name: answer}, {paid.name: paid, "ping": ping}, notes)
    free, seen = View(graph), View(graph, Scoping(blocked_tables=("bill",)))
    assert (len(free.object_names()), len(free.operations()), free.notes) == (2, 2, notes)
    assert (seen.object_names(), [one.name for one in seen.operations()], seen.notes) == ((), ["ping"], notes[2:])
    assert count(free)["operationCount"] == 2
    assert count(seen)["operationCount"] == 1


def test_an_operation_on_what_belongs_to_a_blocked_object_goes_with_it():
    fields = (Field("id", "string", "string"),)
    objects = {name: Object(name, name, "type", fields=fields) for name in ("Company", "Note")}
    listed = Operation("GET /companies/{id}/notes", "notes", "Note", "read", "call")
    named = Operation("listNotes", "listed", "Note", "read", "call", invoke={"method": "GET", "path": "/company/{id}/notes"})
    other = Operation("GET /notes", "all", "Note", "read", "call", invoke={"method": "GET", "path": "/notes"})
    graph = Graph("rest", None, objects, {one.name: one for one in (listed, named, other)})
    scoping = Scoping(blocked_tables=("company",))
    assert [one.name for one in View(graph, scoping).operations()] == ["GET /notes"]
    for one in (listed, named):
        assert not permits(scoping, None, View(graph).call_touches(one, ()))


def test_an_argument_goes_with_the_one_its_parent_must_have():
    thing = Object("thing", "thing", "type", fields=(Field("secret", "string", "string"), Field("id", "string", "string")))
    arguments = tuple(
        Argument(name, "filter", "string", "string", demanded_by=parent)
        for name, parent in (("where.secret", "where"), ("where.id", None), ("id", None))
    )
    graph = Graph(
        "graphql", None, {"thing": thing}, {"query.x": Operation("query.x", "x", "thing", "read", "call", arguments=arguments)}
    )
    seen = View(graph, Scoping(blocked_columns={"thing": ("secret",)})).operation("query.x")
    assert seen is not None
    assert [a.name for a in seen.arguments] == ["id"]


def test_an_unrelated_change_stops_no_call():
    thing = Object("thing", "thing", "type", fields=(Field("id", "string", "string"), Field("n", "object", "object", fields=(
        Field("a", "string", "string"), Field("b", "string", "string")))))  # fmt: skip
    old = Operation(
        "query.x", "x", "thing", "read", "call",
        arguments=(Argument("id", "key", "string", "ID!", required=True),),
        invoke={"field": "x", "variables": {"id": "ID!"}, "arguments": {"id": {"path": ["id"]}}},
    )  # fmt: skip

    def fingerprint(operation: Operation, obj: Object = thing, arguments: tuple[str, ...] | None = ("id",)) -> str | None:
        item = SliceItem("thing", ("id",), (), (("n", "a"),), arguments)
        return slice_fingerprint(Graph("graphql", None, {"thing": obj}, {"query.x": operation}), "query.x", [item])

    def more(**argument: object) -> Operation:
        added = Argument(**{"name": "more", "role": "filter", "type": "string", "native_type": "String"} | argument)
        invoke = {
            "field": "x", "variables": {"id": "ID!", "more": "String"},
            "arguments": {"id": {"path": ["id"]}, "more": {"path": ["more"]}},
        }  # fmt: skip
        return msgspec.structs.replace(old, arguments=(*old.arguments, added), invoke=invoke)

    def members(*names: str) -> Object:
        nested = Field("n", "object", "object", fields=tuple(Field(name, "string", "string") for name in names))
        return msgspec.structs.replace(thing, fields=(thing.fields[0], nested))

    same = fingerprint(old)
    assert fingerprint(more()) == same
    assert fingerprint(more(), arguments=None) != same
    assert fingerprint(more(required=True)) != same
    assert fingerprint(more(demanded_by="id")) == same
    assert fingerprint(old, members("a", "c")) == same
    assert fingerprint(old, members("b")) is None
    assert fingerprint(msgspec.structs.replace(old, many=True)) != same
    assert fingerprint(msgspec.structs.replace(old, unusable="No.")) != same
