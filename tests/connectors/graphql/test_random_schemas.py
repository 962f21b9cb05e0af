"""Whatever a schema says, sound or not, the graph of it is sound."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from patchbay.connectors.graphql.normalize.catalog import is_name
from patchbay.connectors.graphql.normalize.inputs import MOST
from patchbay.connectors.graphql.task import graph_of
from patchbay.schema_graph.pack import pack, unpack
from patchbay.schema_graph.scoping import Scoping, View

TYPES = ("Query", "Mutation", "A", "B", "C", "AConnection", "AEdge", "PageInfo", "I", "U", "E", "In", "In2", "Int", "ID", "Date")
names = st.sampled_from(("id", "aId", "node", "nodes", "edges", "pageInfo", "first", "a", "b", "__typename", "A", "bad name", ""))
type_names = st.sampled_from((*TYPES, "Missing", "bad name", "__Type"))
uses = st.recursive(
    st.builds(lambda name: {"kind": "OBJECT", "name": name}, type_names),
    lambda inner: st.builds(lambda kind, of: {"kind": kind, "ofType": of}, st.sampled_from(("LIST", "NON_NULL")), inner),
    max_leaves=3,
)
texts = st.one_of(st.none(), st.text(max_size=12))
inputs = st.fixed_dictionaries({"name": names, "type": uses}, optional={"defaultValue": texts, "description": texts})
fields = st.fixed_dictionaries(
    {"name": names, "type": uses, "args": st.one_of(st.none(), st.lists(inputs, max_size=3))},
    optional={"description": texts, "isDeprecated": st.booleans(), "deprecationReason": texts},
)
mentions = st.lists(st.builds(lambda name: {"name": name}, type_names), max_size=3)
definitions = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(("OBJECT", "OBJECT", "INTERFACE", "UNION", "ENUM", "INPUT_OBJECT", "SCALAR", "ODD")),
        "name": type_names,
    },
    optional={
        "fields": st.one_of(st.none(), st.lists(fields, max_size=6)),
        "inputFields": st.lists(inputs, max_size=4),
        "interfaces": mentions,
        "possibleTypes": mentions,
        "enumValues": st.lists(st.builds(lambda name: {"name": name}, names), max_size=3),
        "isOneOf": st.booleans(),
        "specifiedByURL": texts,
    },
)
roots = st.one_of(
    st.none(), st.builds(lambda name: {"name": name}, st.one_of(st.sampled_from(("Query", "Mutation")), type_names))
)
schemas = st.fixed_dictionaries(
    {"types": st.lists(definitions, max_size=14)}, optional={"queryType": roots, "mutationType": roots, "subscriptionType": roots}
)


@settings(max_examples=300)
@given(schemas)
def test_every_graph_is_sound(schema: dict[str, Any]):
    graph = graph_of(json.dumps({"data": {"__schema": schema}}).encode())
    assert len({obj.slug for obj in graph.objects.values()}) == len(graph.objects)
    for name, obj in graph.objects.items():
        assert obj.name == name
        field_names, edge_names = [f.name for f in obj.fields], [e.name for e in obj.edges]
        assert len(set(field_names)) == len(field_names)
        assert len(set(edge_names)) == len(edge_names)
        assert all(is_name(n) or n == "__typename" for n in field_names)
        for edge in obj.edges:
            assert edge.target in graph.objects
            assert edge.narrows or edge.pairs[0][0] in field_names
    assert len({o.slug for o in graph.operations.values()}) == len(graph.operations)
    for operation in graph.operations.values():
        arguments = [a.name for a in operation.arguments]
        assert len(set(arguments)) == len(arguments)
        assert all(is_name(part) for name in arguments for part in name.split("."))
        assert len(arguments) <= MOST * max(1, len(operation.invoke["variables"]))
        assert operation.unusable or operation.object in graph.objects
        for argument in operation.arguments:
            assert not (argument.required and argument.demanded_by)
            assert argument.demanded_by is None or argument.name.startswith(f"{argument.demanded_by}.")
    again = unpack(pack(graph))
    assert dict(again.objects.items()) == dict(graph.objects)
    assert dict(again.operations.items()) == dict(graph.operations)
    view = View(graph, Scoping(("A",)))
    for name in view.object_names():
        obj = view.object(name)
        assert obj is not None
        assert all(edge.target != "A" for edge in obj.edges)


@given(schemas, st.randoms(use_true_random=False))
def test_the_order_of_types_does_not_matter(schema: dict[str, Any], random: Any):
    seen: set[str] = set()
    once = [t for t in schema["types"] if not (t["name"] in seen or seen.add(t["name"]))]
    shuffled = list(once)
    random.shuffle(shuffled)
    first, second = (graph_of(json.dumps({"__schema": {**schema, "types": types}}).encode()) for types in (once, shuffled))
    assert pack(_without_notes(first)) == pack(_without_notes(second))


def _without_notes(graph: Any) -> Any:
    import msgspec

    def settled(obj: Any) -> Any:
        """Members of unions and interfaces stand in the order the document has them in."""
        edges = tuple(sorted(obj.edges, key=lambda e: e.name))
        fields = tuple(
            msgspec.structs.replace(f, enum=tuple(sorted(f.enum))) if f.name == "__typename" else f for f in obj.fields
        )
        return msgspec.structs.replace(obj, edges=edges, fields=fields)

    objects = {name: settled(obj) for name, obj in graph.objects.items()}
    return msgspec.structs.replace(graph, objects=objects, notes=())
