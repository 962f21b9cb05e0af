"""Random graphs and scopings: tables, views over views (cycles too), partitions, generated fields, junctions, opaque things."""

from __future__ import annotations

from hypothesis import strategies as st

from patchbay.schema_graph.blocking import Scoping
from patchbay.schema_graph.model import Dependency, Edge, Field, Graph, Index, Key, Object
from patchbay.schema_graph.naming import object_name, unique_slugs
from patchbay.schema_graph.operations import RecordOperations

SCHEMAS = ("public", "sales", "Odd.One")
NAMES = ("a", "A", "b", "orders", "order", "x.y", "Weird Table", "people")
COLUMNS = ("id", "Id", "name", "secret", "a_id", "total")


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A graph of up to nine objects whose lineage may be anything at all."""
    picked = draw(st.lists(st.tuples(st.sampled_from(SCHEMAS), st.sampled_from(NAMES)), min_size=1, max_size=9, unique=True))
    names = [object_name(schema, name, "public") for schema, name in picked]
    children = [object_name("public", f"part_{n}", "public") for n in range(2)]
    slugs = unique_slugs(names)
    columns = {name: draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=5, unique=True)) for name in names}
    objects = {}
    for (schema, native), name in zip(picked, names, strict=True):
        objects[name] = Object(
            name=name,
            slug=slugs[name],
            kind=draw(st.sampled_from(["table", "view", "foreign_table"])),
            native_schema=schema,
            native_name=native,
            fields=tuple(draw(_field(column, columns[name], names)) for column in columns[name]),
            edges=tuple(draw(_edges(columns, name))),
            keys=tuple(draw(st.lists(st.builds(Key, st.just("k"), _some(columns[name])), max_size=2))),
            indexes=tuple(draw(st.lists(_index(columns[name]), max_size=2))),
            reads=tuple(draw(st.lists(_dependency(columns, children), max_size=2))),
            opaque=draw(st.sampled_from([None, None, None, "it calls a function"])),
            partitions=tuple(draw(st.lists(st.sampled_from(children + names), max_size=1))),
            insertable=draw(st.booleans()),
            updatable=draw(st.booleans()),
            readable=draw(st.sampled_from([True, True, False])),
        )
    return Graph(kind="postgres", default_schema="public", objects=objects, operations=RecordOperations(objects))


def _some(columns: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(columns), min_size=1, max_size=2, unique=True).map(tuple)


@st.composite
def _field(draw: st.DrawFn, name: str, siblings: list[str], objects: list[str]) -> Field:
    computed = draw(st.one_of(st.just(()), st.just(()), _some(siblings)))
    return Field(
        name=name,
        type=draw(st.sampled_from(["string", "integer", "json"])),
        native_type="text",
        nullable=draw(st.booleans()),
        computed_from=computed,
        opaque=draw(st.sampled_from([False, False, False, True])),
        row_of=draw(st.sampled_from([None] * 8 + objects)),
        insertable=True,
        updatable=True,
    )


def _index(columns: list[str]) -> st.SearchStrategy[Index]:
    fields = st.lists(st.sampled_from([*columns, None]), min_size=1, max_size=2).map(tuple)
    return st.builds(Index, st.just("i"), fields, partial=st.booleans())


@st.composite
def _dependency(draw: st.DrawFn, columns: dict[str, list[str]], children: list[str]) -> Dependency:
    target = draw(st.sampled_from([*columns, *children]))
    fields = draw(st.one_of(st.none(), st.lists(st.sampled_from(columns.get(target, list(COLUMNS))), max_size=2).map(tuple)))
    return Dependency(target, fields)


@st.composite
def _edges(draw: st.DrawFn, columns: dict[str, list[str]], own: str) -> list[Edge]:
    edges = []
    for number in range(draw(st.integers(0, 3))):
        target = draw(st.sampled_from(list(columns)))
        via = draw(st.sampled_from([None, *columns]))
        start, end = draw(st.sampled_from(columns[own])), draw(st.sampled_from(columns[target]))
        if via is None:
            edges.append(Edge(f"e{number}", target, draw(st.sampled_from(["many_to_one", "one_to_many"])), ((start, end),)))
        else:
            first, second = draw(st.sampled_from(columns[via])), draw(st.sampled_from(columns[via]))
            edges.append(Edge(f"e{number}", target, "many_to_many", ((start, first),), via, ((second, end),)))
    return edges


_qualified = ["sales.orders", "SALES.Orders", "public.a", '"x.y"', 'sales."x.y"', '"Odd.One".a', "part_0", "gone"]
_spelled = st.sampled_from([*NAMES, *(name.upper() for name in NAMES), *_qualified])


@st.composite
def scopings(draw: st.DrawFn) -> Scoping:
    """A scoping with names in every spelling, most of which mean something in :func:`graphs`."""
    columns = st.sampled_from([*COLUMNS, "NAME", '"Id"', "nothing"])
    return Scoping(
        blocked_tables=tuple(draw(st.lists(_spelled, max_size=2))),
        blocked_columns=draw(st.dictionaries(_spelled, st.lists(columns, max_size=2).map(tuple), max_size=2)),
        allowed_opaque=tuple(draw(st.lists(st.sampled_from(["a", "public.b", "sales.orders", '"x.y"']), max_size=2))),
    )
