"""Random graphs of called operations: embedded edges, nested values, unions, arguments named after what they are about."""

from __future__ import annotations

from hypothesis import strategies as st

from patchbay.schema_graph.blocking import Scoping
from patchbay.schema_graph.model import Argument, Edge, Field, Graph, Object, Operation
from patchbay.schema_graph.naming import quote_part, unique_slugs

NAMES = ("Alpha", "Beta", "Gamma", "delta-line", "x.epsilon", "Zeta")
FIELDS = ("id", "name", "secret", "total", "Place")
INNER = ("street", "secret", "geo")
WORDS = ("find", "list", "of", "all")


@st.composite
def embedded_graphs(draw: st.DrawFn) -> Graph:
    """A graph of up to six objects, each of which may hold any other, and a few operations on them."""
    bare = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=6, unique=True))
    names = [quote_part(one) for one in bare]
    slugs = unique_slugs(names)
    objects: dict[str, Object] = {}
    for name in names:
        fields = [
            draw(_scalar(one, bare)) for one in draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4, unique=True))
        ]
        edges: list[Edge] = []
        for number in range(draw(st.integers(0, 2))):
            target = draw(st.sampled_from(names))
            fields.append(Field(f"held_{number}", "object", target))
            edges.append(Edge(f"held_{number}", target, "many_to_one", ((f"held_{number}", ""),), embedded=True))
        objects[name] = Object(name, slugs[name], "type", fields=tuple(fields), edges=tuple(edges), description=draw(_said(bare)))
    if draw(st.booleans()):
        union = draw(_union(objects))
        objects[union.name] = union
    operations = {one.name: one for number in range(draw(st.integers(1, 4))) for one in [draw(_operation(number, objects, bare))]}
    return Graph("graphql", None, objects, operations)


@st.composite
def _scalar(draw: st.DrawFn, name: str, objects: list[str]) -> Field:
    if name == "Place":
        inner = draw(st.lists(st.sampled_from(INNER), min_size=1, max_size=3, unique=True))
        geo = (Field("lat", "number", "number"), Field("secret", "string", "string"))
        return Field(
            name, "object", "object", fields=tuple(Field(i, "string", "string", fields=geo * (i == "geo")) for i in inner)
        )
    return Field(name, "string", draw(st.sampled_from(["string", *objects])), description=draw(_said(objects)))


def _said(objects: list[str]) -> st.SearchStrategy[str | None]:
    return st.one_of(st.none(), st.builds("{} of {}.".format, st.sampled_from(FIELDS), st.sampled_from(objects)))


@st.composite
def _union(draw: st.DrawFn, objects: dict[str, Object]) -> Object:
    members = draw(st.lists(st.sampled_from(sorted(objects)), min_size=1, max_size=3, unique=True))
    every = list(dict.fromkeys(f.name for member in members for f in objects[member].fields if not f.name.startswith("held")))
    fields = [Field(name, "string", "string") for name in [*every, "own", "__typename"]]
    edges = tuple(Edge(member, member, "many_to_one", (), embedded=True, narrows=True) for member in members)
    return Object("Any", "Any", "union", fields=tuple(fields), edges=edges)


@st.composite
def _operation(draw: st.DrawFn, number: int, objects: dict[str, Object], bare: list[str]) -> Operation:
    name = f"GET /{'/'.join(draw(st.lists(st.sampled_from([*WORDS, *(one.lower() for one in bare)]), max_size=2)))}/{number}"
    parts = st.lists(st.sampled_from([*FIELDS, "held_0", "eq", *bare]), min_size=1, max_size=3)
    arguments = [
        Argument(
            name=".".join(quote_part(part) for part in draw(parts)),
            role="filter",
            type="string",
            native_type=draw(st.sampled_from(["string", *bare])),
            required=draw(st.sampled_from([False, False, True])),
            description=draw(_said(bare)),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    return Operation(
        name=name,
        slug=f"op_{number}",
        object=draw(st.sampled_from([None, *sorted(objects)])),
        effect=draw(st.sampled_from(["read", "read", "write"])),
        verb="call",
        arguments=tuple({one.name: one for one in arguments}.values()),
        description=draw(_said(bare)),
        many=draw(st.booleans()),
        unusable=draw(_said(bare)),
    )


@st.composite
def embedded_scopings(draw: st.DrawFn) -> Scoping:
    """A scoping whose entries mostly mean something in :func:`embedded_graphs`."""
    spelled = st.sampled_from([*NAMES, "ALPHA", '"x.epsilon"', "Any", "nothing"])
    columns = st.sampled_from([*FIELDS, "SECRET", "Place.street", "place.geo.secret", "lat", "held_0", "own"])
    return Scoping(
        blocked_tables=tuple(draw(st.lists(spelled, max_size=2))),
        blocked_columns=draw(st.dictionaries(spelled, st.lists(columns, max_size=2).map(tuple), max_size=2)),
    )
