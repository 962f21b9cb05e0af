"""Nothing blocked is reachable through any method of a view, for any graph and any scoping; against a naive oracle."""

from __future__ import annotations

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from patchbay.schema_graph.blocking import Scoping
from patchbay.schema_graph.model import Edge, Field, Graph, Object
from patchbay.schema_graph.scoping import View, permits
from tests.schema_graph.graphs import graphs, scopings

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # shrinking such graphs takes minutes


class Oracle:
    """The rules of data scoping, written the slow and obvious way: repeat until nothing more becomes hidden."""

    def __init__(self, graph: Graph, scoping: Scoping) -> None:
        self.graph, self.scoping = graph, scoping
        self.anything = bool(scoping.blocked_tables) or any(scoping.blocked_columns.values())
        self.hidden: set[str] = set()
        self.hidden_fields: set[tuple[str, str]] = set()
        before = (-1, -1)
        while before != (len(self.hidden), len(self.hidden_fields)):
            before = (len(self.hidden), len(self.hidden_fields))
            for obj in graph.objects.values():
                self._look_at(obj)

    def _spellings(self, name: str) -> set[str]:
        obj = self.graph.objects.get(name)
        schema, bare = (obj.native_schema, obj.native_name) if obj else ("public", name)
        quoted = [schema, f'"{schema}"'], [bare, f'"{bare}"']
        spelled = {*quoted[1], *(f"{s}.{b}" for s in quoted[0] for b in quoted[1])}
        if "." in str(schema):  # unquoted, its dots part it
            spelled -= {f"{schema}.{b}" for b in quoted[1]}
        if "." in str(bare):
            spelled -= {f"{s}.{bare}" for s in quoted[0]}
        return {s.casefold() for s in spelled}

    def blocks_table(self, name: str) -> bool:
        return any(entry.casefold() in self._spellings(name) for entry in self.scoping.blocked_tables)

    def blocks_field(self, name: str, field: str) -> bool:
        entries = [c for entry, c in self.scoping.blocked_columns.items() if entry.casefold() in self._spellings(name)]
        return any(column.casefold() in {field.casefold(), f'"{field}"'.casefold()} for columns in entries for column in columns)

    def blocks_any_field(self, name: str) -> bool:
        return any(c for entry, c in self.scoping.blocked_columns.items() if entry.casefold() in self._spellings(name))

    def allowed(self, name: str) -> bool:
        obj = self.graph.objects[name]
        spelled = {name, f"{obj.native_schema}.{name}" if obj.native_schema == "public" else name}
        return bool(spelled & set(self.scoping.allowed_opaque))

    def _above(self, name: str) -> set[str]:
        """The tables whose rows those of ``name`` are as well."""
        found: set[str] = set()
        while more := {o.name for o in self.graph.objects.values() if {name, *found} & set(o.partitions)} - found:
            found |= more
        return found

    def _below(self, name: str) -> set[str]:
        """The tables whose rows a read of ``name`` returns as well, at any depth: one in between may lack a field."""
        found: set[str] = set()
        todo = [name]
        while todo:
            obj = self.graph.objects.get(todo.pop())
            fresh = set(obj.partitions if obj is not None else ()) - found
            found |= fresh
            todo += fresh
        return found - {name}

    def _reads_nothing_hidden(self, name: str, fields: tuple[str, ...] | None) -> bool:
        above = self._above(name)
        if name in self.hidden or any(self.blocks_table(one) for one in {name, *above}):
            return False
        if fields is None:
            return self._reads_nothing_hidden_at_all(name, set())
        if any(self.blocks_field(one, f) for one in {name, *above} for f in fields):
            return False
        return not any((name, f) in self.hidden_fields for f in fields)

    def _reads_nothing_hidden_at_all(self, name: str, below: set[str]) -> bool:
        """Any field of it, and of every table below it: what a child adds counts too."""
        if name in below:
            return True
        below.add(name)
        obj = self.graph.objects.get(name)
        if name in self.hidden or any(self.blocks_table(one) or self.blocks_any_field(one) for one in {name, *self._above(name)}):
            return False
        if obj is None:
            return True
        if any((name, f.name) in self.hidden_fields for f in obj.fields):
            return False
        return all(self._reads_nothing_hidden_at_all(child, below) for child in obj.partitions)

    def _look_at(self, obj: Object) -> None:
        fine = self._reads_nothing_hidden(obj.name, ())
        fine = fine and not (obj.opaque and self.anything and not self.allowed(obj.name))
        fine = fine and all(self._reads_nothing_hidden(child, ()) for child in obj.partitions)
        if not fine or not all(self._reads_nothing_hidden(d.object, d.fields) for d in obj.reads):
            self.hidden.add(obj.name)
        for field in obj.fields:
            if obj.name in self.hidden or not self._sees_field(obj, field):
                self.hidden_fields.add((obj.name, field.name))

    def _sees_field(self, obj: Object, field: Field) -> bool:
        whole = {obj.name, *self._above(obj.name)}
        if any(self.blocks_field(one, field.name) for one in whole) or (
            field.opaque and self.anything and not self.allowed(obj.name)
        ):
            return False
        sources = [(obj.name, (name,)) for name in field.computed_from] + [(one, (field.name,)) for one in self._below(obj.name)]
        return all(self._reads_nothing_hidden(*s) for s in sources) and (
            field.row_of is None or self._reads_nothing_hidden(field.row_of, None)
        )


def _everything(view: View, graph: Graph) -> list[Object]:
    spellings = {s for obj in graph.objects.values() for s in (obj.name, obj.slug, f"{obj.native_schema}.{obj.native_name}")}
    spellings |= {str(obj.native_name) for obj in graph.objects.values()}
    found = [view.object(name) for name in [*view.object_names(), *sorted(spellings)]]
    return [obj for obj in found if obj is not None]


@given(graphs(), scopings())
@settings(max_examples=100, deadline=None, phases=PHASES)
def test_a_view_shows_exactly_what_the_oracle_leaves(graph: Graph, scoping: Scoping) -> None:
    view, oracle = View(graph, scoping), Oracle(graph, scoping)
    assert set(view.object_names()) == set(graph.objects) - oracle.hidden
    for obj in _everything(view, graph):
        assert obj.name not in oracle.hidden
        visible = {f.name for f in graph.objects[obj.name].fields if (obj.name, f.name) not in oracle.hidden_fields}
        assert {f.name for f in obj.fields} == visible
        for key in obj.keys:
            assert set(key.fields) <= visible
        for index in obj.indexes:
            assert {f for f in index.fields if f is not None} <= visible
            if None in index.fields or index.partial:
                assert len(visible) == len(graph.objects[obj.name].fields)
        expected = {e.name for e in graph.objects[obj.name].edges if _edge_is_clear(obj, e, oracle)}
        assert {e.name for e in obj.edges} == expected


def _edge_is_clear(obj: Object, edge: Edge, oracle: Oracle) -> bool:
    if edge.target in oracle.hidden or edge.via in oracle.hidden:
        return False
    ends = [(obj.name, a) for a, _ in edge.pairs]
    if edge.via is None:
        ends += [(edge.target, b) for _, b in edge.pairs]
    else:
        ends += [(edge.via, b) for _, b in edge.pairs] + [(edge.via, a) for a, _ in edge.via_pairs]
        ends += [(edge.target, b) for _, b in edge.via_pairs]
    return not any(end in oracle.hidden_fields for end in ends)


@given(graphs(), scopings())
@settings(max_examples=100, deadline=None, phases=PHASES)
def test_operations_and_arguments_stay_inside_the_view(graph: Graph, scoping: Scoping) -> None:
    view = View(graph, scoping)
    operations = view.operations(include_writes=True)
    assert {o.object for o in operations} <= set(view.object_names())
    for name in graph.operations:
        operation = view.operation(name)
        if name in {o.name for o in operations}:
            assert operation is not None
            assert operation.name == name
            assert view.operation(operation.slug) == operation
        if operation is None:
            continue
        assert operation in operations
        obj = view.object(operation.object)
        assert obj is not None
        own = {f.name for f in obj.fields}
        to_one = {e.name: view.object(e.target) for e in obj.edges if e.to_one}
        for argument in view.arguments(operation):
            edge, _, field = argument.name.rpartition(".")
            if edge:
                assert field in {f.name for f in to_one[edge].fields}
            else:
                assert argument.name in own


@given(graphs(), scopings(), st.data())
@settings(max_examples=100, deadline=None, phases=PHASES)
def test_the_runtimes_check_agrees_with_the_view(graph: Graph, scoping: Scoping, data: st.DataObject) -> None:
    """A call made while nothing was blocked runs under a later scoping exactly if that scoping's view shows all it uses."""
    free, scoped = View(graph), View(graph, scoping)
    name = data.draw(st.sampled_from(sorted(graph.objects)))
    fields = data.draw(st.lists(st.sampled_from([f.name for f in graph.objects[name].fields]), unique=True))
    seen = scoped.object(name)
    seen = seen if seen is not None and seen.name == name else None
    visible = seen is not None and {f.name for f in seen.fields} >= set(fields)
    assert permits(scoping, "public", free.touches(name, fields)) == visible
    if visible:
        assert permits(scoping, "public", scoped.touches(name, fields))


@given(graphs(), scopings())
@settings(max_examples=50, deadline=None, phases=PHASES)
def test_views_and_scopings_survive_their_stored_form(graph: Graph, scoping: Scoping) -> None:
    again = Scoping.from_json(msgspec.json.decode(msgspec.json.encode(scoping.to_json())))
    assert again == scoping
    assert View(graph, again).object_names() == View(graph, scoping).object_names()
    unmatched = View(graph, scoping).unmatched
    assert "gone" not in scoping.blocked_tables or "gone" in unmatched["blockedTables"]
    blocking = set(scoping.blocked_tables) - set(unmatched["blockedTables"])
    assert all(View(graph, Scoping((entry,))).object_names() != View(graph).object_names() for entry in blocking)
