"""What a GraphQL schema becomes in the graph, rule by rule, on a schema small enough to be read."""

from __future__ import annotations

import json

import pytest

from patchbay.connectors.graphql.task import graph_of
from patchbay.schema_graph.model import Argument, Edge, Field, Graph, Operation
from tests.connectors.graphql.schemas import SHOP, introspected_bytes, shop


def field(graph: Graph, path: str) -> Field:
    owner, _, name = path.partition(".")
    found = graph.objects[owner].field(name)
    assert found is not None, [f.name for f in graph.objects[owner].fields]
    return found


def edge(graph: Graph, path: str) -> Edge:
    owner, _, name = path.partition(".")
    found = graph.objects[owner].edge(name)
    assert found is not None, [e.name for e in graph.objects[owner].edges]
    return found


def arguments(operation: Operation) -> dict[str, Argument]:
    return {argument.name: argument for argument in operation.arguments}


def test_introspection_and_sdl_give_the_same_graph():
    from_sdl, from_introspection = shop(), graph_of(introspected_bytes(SHOP))
    assert from_introspection.objects == from_sdl.objects
    assert from_introspection.operations == from_sdl.operations
    assert from_introspection.notes == from_sdl.notes
    bare = json.dumps(json.loads(introspected_bytes(SHOP))["data"]).encode()
    assert graph_of(bare) == from_introspection


def test_objects_are_what_records_are_of():
    kinds = {name: obj.kind for name, obj in shop().objects.items()}
    assert kinds == {
        **dict.fromkeys(
            ("Customer", "Order", "Line", "Product", "Service", "Invoice", "Visit", "Network", "Station", "Track",
             "CreateOrderPayload", "Problem", "Admin"), "type"
        ),
        "Node": "interface", "Item": "union",
        "customerCount result": "type", "mutation customerCount result": "type", "labels result": "type",
    }  # fmt: skip
    assert len({obj.slug for obj in shop().objects.values()}) == len(kinds)
    assert shop().objects["Customer"].description == "What the shop sells to."
    assert shop().objects["Customer"].badges == ("core",)


@pytest.mark.parametrize(
    ("path", "type_", "native", "nullable", "more"),
    [
        ("Customer.id", "string", "ID", False, {"primary_key": True}),
        ("Customer.name", "string", "String", True, {"description": "As the customer wrote it."}),
        ("Customer.status", "enum", "CustomerStatus", False, {"enum": ("ACTIVE", "GONE")}),
        ("Customer.since", "datetime", "DateTime", True, {"zoned": True}),
        ("Customer.balance", "decimal", "Money", True, {}),
        ("Customer.tags", "array", "[String!]", False, {"item_type": "string"}),
        ("Customer.grid", "array", "[[Int!]!]", False, {"item_type": "array"}),
        ("Customer.statuses", "array", "[CustomerStatus!]", True, {"item_type": "enum", "enum": ("ACTIVE", "GONE")}),
        ("Customer.orders", "array", "OrderConnection", False, {"item_type": "object"}),
        ("Customer.favourite", "object", "Product", True, {}),
        ("Customer.balanceAt", "decimal", "Money", True, {"readable": False}),
        ("Customer.visits", "array", "[Visit!]", False, {"readable": True}),
        ("Customer.nickname", "string", "String", True, {"description": "Deprecated: Use name."}),
        ("Order.ledger", "json", "Ledger", True, {}),
        ("Item.__typename", "enum", "String", False, {"enum": ("Product", "Service")}),
        ("Node.__typename", "enum", "String", False, {"enum": ("Customer", "Order", "Product")}),
        ("customerCount result.value", "integer", "Int", False, {}),
        ("labels result.value", "array", "[CustomerStatus!]", False, {"item_type": "enum"}),
    ],
)
def test_fields(path: str, type_: str, native: str, nullable: bool, more: dict[str, object]):
    found = field(shop(), path)
    assert (found.type, found.native_type, found.nullable) == (type_, native, nullable)
    assert {name: getattr(found, name) for name in more} == more


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Customer.favourite", Edge("favourite", "Product", "many_to_one", (("favourite", ""),), embedded=True)),
        (
            "Customer.orders",
            Edge("orders", "Order", "one_to_many", (("orders", ""),), nullable=False, embedded=True, wrapper=("nodes",),
                 size_argument="first"),
        ),
        (
            "Customer.invoices",
            Edge("invoices", "Invoice", "one_to_many", (("invoices", ""),), nullable=False, embedded=True, size_argument="limit"),
        ),
        ("Order.lines", Edge("lines", "Line", "one_to_many", (("lines", ""),), nullable=False, embedded=True)),
        ("Order.customer", Edge("customer", "Customer", "many_to_one", (("customerId", "id"),), nullable=False, inferred=True,
                                confidence=0.8)),
        ("Item.Product", Edge("Product", "Product", "many_to_one", (), embedded=True, narrows=True)),
        ("Network.nodes", Edge("nodes", "Station", "one_to_many", (("nodes", ""),), nullable=False, embedded=True)),
    ],
)  # fmt: skip
def test_edges(path: str, expected: Edge):
    assert edge(shop(), path) == expected


def test_operations_are_the_root_fields():
    operations = shop().operations
    assert set(operations) == {
        *(f"query.{name}" for name in ("customers", "customer", "find", "orders", "products", "node", "items", "network",
                                       "customerCount", "labels", "admin", "self")),
        *(f"mutation.{name}" for name in ("createOrder", "customerCount", "upload", "attach", "search")),
    }  # fmt: skip
    assert {o.effect for name, o in operations.items() if name.startswith("query.")} == {"read"}
    assert {o.effect for name, o in operations.items() if name.startswith("mutation.")} == {"write"}
    assert {o.verb for o in operations.values()} == {"call"}
    assert operations["query.customers"].slug == "query_customers"
    assert operations["query.customer"].description == "One of them."


def test_a_person_can_mark_a_mutation_as_a_read():
    for named in ("mutation.search", "search"):
        assert graph_of(SHOP.encode(), [named]).operations["mutation.search"].effect == "read"


def test_what_the_compiler_reads_of_a_connection():
    customers = shop().operations["query.customers"]
    assert (customers.object, customers.many) == ("Customer", True)
    invoke = dict(customers.invoke)
    flat = invoke.pop("arguments")
    assert invoke == {
        "kind": "query", "field": "customers", "record": ["edges", "node"], "many": True, "size": "first", "sizeMost": 100,
        "more": ["pageInfo", "hasNextPage"], "variables": {"where": "CustomerWhere", "first": "Int", "after": "String"},
    }  # fmt: skip
    assert flat["where.name.eq"] == {"path": ["where", "name", "eq"]}
    assert set(flat) == {argument.name for argument in customers.arguments}


def test_records_and_lists_of_operations():
    operations = shop().operations
    assert {name: (o.object, o.many, o.invoke.get("record"), o.invoke.get("size")) for name, o in operations.items()} == {
        "query.customers": ("Customer", True, ["edges", "node"], "first"),
        "query.customer": ("Customer", False, None, None),
        "query.find": ("Customer", True, None, None),
        "query.orders": ("Order", True, ["nodes"], "last"),
        "query.products": ("Product", True, None, "limit"),
        "query.node": ("Node", False, None, None),
        "query.items": ("Item", True, None, None),
        "query.network": ("Network", False, None, None),
        "query.customerCount": ("customerCount result", False, None, None),
        "query.labels": ("labels result", False, None, None),
        "query.admin": ("Admin", False, None, None),
        "query.self": (None, False, None, None),
        "mutation.createOrder": ("CreateOrderPayload", False, None, None),
        "mutation.customerCount": ("mutation customerCount result", False, None, None),
        "mutation.upload": ("Problem", False, None, None),
        "mutation.attach": ("Problem", False, None, None),
        "mutation.search": ("Customer", True, None, None),
    }
    assert operations["query.orders"].invoke["more"] == ["pageInfo", "hasPreviousPage"]
    assert operations["query.customerCount"].invoke["scalar"] is True


def test_size_is_never_asked_of_anybody():
    (last,) = shop().operations["query.orders"].arguments
    assert (last.name, last.required, last.has_default) == ("last", False, True)
    limit = arguments(shop().operations["query.products"])["limit"]
    assert (limit.required, limit.has_default) == (False, True)
    assert shop().operations["query.products"].invoke["variables"]["limit"] == "Int"


def test_nested_inputs_are_flat_arguments():
    found = arguments(shop().operations["query.customers"])
    assert list(found) == [
        "where.name.eq", "where.name.oneOf", "where.status.eq", "where.total.field", "where.total.min", "where.total.max",
        "where.AND", "where.NOT", "first", "after",
    ]  # fmt: skip
    assert {a.role for a in found.values()} == {"filter"}
    assert not any(a.required for a in found.values())
    assert (found["where.name.oneOf"].type, found["where.name.oneOf"].item_type) == ("array", "string")
    status = found["where.status.eq"]
    assert (status.type, status.enum, status.has_default) == ("enum", ("ACTIVE", "GONE"), True)
    assert status.description == "Default: ACTIVE."
    assert found["where.total.field"].demanded_by == "where.total"
    assert found["where.total.min"].demanded_by is None
    both = found["where.AND"]
    assert (both.type, both.native_type) == ("json", "[CustomerWhere!]")
    assert both.description is not None
    assert both.description.startswith("A list of objects with name: TextFilter, status: StatusFilter")


def test_what_an_input_demands():
    operation = shop().operations["mutation.createOrder"]
    found = arguments(operation)
    assert {name: (a.type, a.required, a.demanded_by) for name, a in found.items()} == {
        "input.customerId": ("string", True, None),
        "input.lines": ("json", True, None),
        "input.address.street": ("string", True, None),
        "input.address.city": ("string", True, None),
        "input.address.country.code": ("string", False, "input.address.country"),
        "input.options.gift": ("boolean", False, None),
        "input.note": ("string", False, None),
    }
    assert {a.role for a in found.values()} == {"value"}
    # `options` must be sent though nothing in it must be given; `address` is sent with what must be given in it.
    assert operation.invoke["least"] == {"input": {"options": {}}}
    assert operation.invoke["variables"] == {"input": "CreateOrder!"}
    assert found["input.lines"].description == "A list of objects with product: ID!, quantity: Int!."


def test_one_of_inputs_and_keys():
    find = shop().operations["query.find"]
    assert [a.name for a in find.arguments] == ["by.phone", "by.email"]
    assert find.invoke["least"] == {"by": {}}
    (customer,) = shop().operations["query.customer"].arguments
    assert (customer.role, customer.required) == ("key", True)


def test_files_cannot_be_given():
    operations = shop().operations
    assert operations["mutation.upload"].unusable == (
        "Its argument 'file' is needed and asks for a file or for a type that is not defined."
    )
    assert operations["mutation.attach"].unusable is None
    assert [a.name for a in operations["mutation.attach"].arguments] == ["order"]
    assert operations["query.self"].unusable


def test_notes_say_what_is_not_reachable():
    assert {note.code: note.message for note in shop().notes} == {
        "field_needs_arguments": "These fields need arguments of their own and cannot be read: Customer.balanceAt, Admin.users, "
        "Admin.user.",
        "input_taken_as_json": "These inputs are taken as JSON where they nest too deep: CustomerWhere.",
        "operations_not_reachable": "These group operations whose arguments cannot be given from outside: query.admin.",
        "subscriptions_ignored": "Subscriptions are not calls; they are left out.",
    }


def test_an_edge_that_a_mutation_returns_stays_an_object():
    sdl = """
    type Query { people(first: Int): PersonConnection  all: [PersonConnection!] }
    type Mutation { add: Added }
    type Added { edge: PersonEdge }
    type Person { name: String  friends: PersonConnection }
    type PersonConnection { edges: [PersonEdge]  nodes: [Other]  pageInfo: Page }
    type PersonEdge { node: Person  since: String }
    type Other { name: String }
    type Page { hasNextPage: Boolean!  hasPreviousPage: Boolean! }
    """
    graph = graph_of(sdl.encode())
    # A list of connections cannot be taken as a list, so the type stays too; `nodes` of another type is not the short cut.
    assert {"PersonEdge", "PersonConnection", "Page"} <= set(graph.objects)
    assert edge(graph, "Person.friends").wrapper == ("edges", "node")
    assert edge(graph, "Person.friends").target == "Person"
    assert edge(graph, "Added.edge").target == "PersonEdge"


def test_other_root_names_extensions_and_federation():
    sdl = """
    schema { query: Root }
    extend schema { mutation: Changes }
    type Root { a: Thing }
    extend type Root { b: Thing }
    type Thing { id: ID! }
    extend type Thing { name: String }
    extend type Elsewhere @key(fields: "id") { id: ID!  thing: Thing }
    extend enum Colour { RED }
    extend enum Colour { BLUE }
    type Changes { paint(colour: Colour): Elsewhere }
    type Mutation { no: Int }
    """
    graph = graph_of(sdl.encode())
    assert set(graph.operations) == {"query.a", "query.b", "mutation.paint"}
    assert [f.name for f in graph.objects["Thing"].fields] == ["id", "name"]
    assert edge(graph, "Elsewhere.thing").target == "Thing"
    assert graph.operations["mutation.paint"].arguments[0].enum == ("RED", "BLUE")
    assert "Mutation" in graph.objects  # a type like any other: the schema names its roots


def test_bare_subgraph_extension_of_query():
    graph = graph_of(b"extend type Query { me: User }\ntype User { id: ID! }")
    assert set(graph.operations) == {"query.me"}


def test_defects_are_noted_with_their_line_and_left_out():
    sdl = """type Query { a(x: Gone, y: Int): A  b(x: Gone!): A  c: Gone  d: A  e: Filter }
type A {
  id: ID!
  id: String
  f: Missing
  g: Filter
}
type A { other: Int }
union U = A | Nowhere
input Filter { x: Gone  y: Int  y: String }
"""
    graph = graph_of(sdl.encode())
    assert [f.name for f in graph.objects["A"].fields] == ["id"]
    assert field(graph, "A.id").type == "string"
    assert [e.name for e in graph.objects["U"].edges] == ["A"]
    assert {(note.code, note.place) for note in graph.notes} == {
        ("duplicate_field", "line 4"), ("unknown_type", "line 5"), ("unknown_type", "line 6"), ("duplicate_type", "line 8"),
    }  # fmt: skip
    assert [a.name for a in graph.operations["query.a"].arguments] == ["y"]
    assert graph.operations["query.b"].unusable
    assert graph.operations["query.c"].unusable
    assert graph.operations["query.d"].unusable is None
    assert graph.operations["query.e"].unusable


def test_names_that_no_document_could_write_are_left_out():
    bad = "x { a } } mutation { deleteEverything #"
    data = {"__schema": {"queryType": {"name": "Query"}, "types": [
        {"kind": "OBJECT", "name": "Query", "fields": [
            {"name": "ok", "args": [{"name": bad, "type": {"kind": "SCALAR", "name": "Int"}}],
             "type": {"kind": "OBJECT", "name": "Thing"}},
            {"name": bad, "args": [], "type": {"kind": "SCALAR", "name": "Int"}},
        ]},
        {"kind": "OBJECT", "name": "Thing", "fields": [
            {"name": "id", "type": {"kind": "SCALAR", "name": "ID"}},
            {"name": bad, "type": {"kind": "SCALAR", "name": "Int"}},
            {"name": "__secret", "type": {"kind": "SCALAR", "name": "Int"}},
            {"name": "naïve", "type": {"kind": "SCALAR", "name": "Int"}},
            {"name": "of", "type": {"kind": "OBJECT", "name": bad}},
        ]},
        {"kind": "OBJECT", "name": bad, "fields": [{"name": "id", "type": {"kind": "SCALAR", "name": "ID"}}]},
        {"kind": "ENUM", "name": "E", "enumValues": [{"name": "A"}, {"name": bad}]},
        {"kind": "WONDER", "name": "W"},
    ]}}  # fmt: skip
    graph = graph_of(json.dumps(data).encode())
    assert set(graph.objects) == {"Thing"}
    assert [f.name for f in graph.objects["Thing"].fields] == ["id"]
    assert set(graph.operations) == {"query.ok"}
    assert graph.operations["query.ok"].arguments == ()
    assert bad not in repr(graph)
    assert {note.code for note in graph.notes} == {"invalid_name", "unknown_type"}


def test_one_kind_of_finding_does_not_drown_the_others():
    fields = "\n".join(f"f{n}: Missing" for n in range(500))
    graph = graph_of(f"type Query {{ a: A }}\ntype A {{ id: ID\n{fields} }}".encode())
    assert len(graph.notes) == 21
    assert graph.notes[-1].message == "480 more like this."


def test_inputs_in_themselves_end():
    wide = " ".join(f"f{n}: Deep" for n in range(12))
    layers = "\n".join(f"input L{n} {{ {' '.join(f'm{m}: L{n + 1}' for m in range(9))} }}" for n in range(9))
    sdl = f"""
    type Query {{ a(x: Loop!, y: L0, z: Wide, w: Flat): Int }}
    input Loop {{ self: Loop  value: Int!  other: Other }}
    input Other {{ back: Loop  value: Int }}
    input Deep {{ v: Int  w: Int }}
    input Wide {{ {wide} }}
    input Flat {{ {" ".join(f"c{n}: Int" for n in range(1000))} }}
    {layers}
    input L9 {{ v: Int }}
    """
    graph = graph_of(sdl.encode())
    operation = graph.operations["query.a"]
    found = arguments(operation)
    assert [name for name in found if name.startswith("x")] == ["x.self", "x.value", "x.other.back", "x.other.value"]
    assert found["x.self"].type == found["x.other.back"].type == "json"
    assert found["x.value"].required
    assert len([name for name in found if name.startswith("z")]) == 24
    # Nine times nine times nine would be more than may be: two levels are named, the third is JSON.
    assert len([name for name in found if name.startswith("y")]) == 81
    assert found["w"].type == "json"
    assert any(note.code == "input_taken_as_json" for note in graph.notes)


def test_inputs_that_cannot_be_given_end_too():
    layers = "\n".join(f"input L{n} {{ {' '.join(f'm{m}: L{n + 1}' for m in range(60))} }}" for n in range(6))
    graph = graph_of(f"type Query {{ a(x: L0, y: Int): Int }}\n{layers}\ninput L6 {{ v: Missing! }}".encode())
    found = arguments(graph.operations["query.a"])
    assert found["y"].type == "integer"
    assert len(found) <= 400


@pytest.mark.parametrize(
    ("arguments_", "size"),
    [
        ("first: Int, limit: Int", "first"), ("last: Int", "last"), ("limit: Int", "limit"), ("limit: String", None),
        ("size: Int", None), ("size: Int, page: Int", "size"), ("count: Int!, offset: Int", "count"),
        ("top: Float, skip: Int", None),
    ],
)  # fmt: skip
def test_what_says_how_many(arguments_: str, size: str | None):
    graph = graph_of(f"type Query {{ a({arguments_}): [A!] }}\ntype A {{ name: String  more({arguments_}): [A] }}".encode())
    assert graph.operations["query.a"].invoke.get("size") == size
    assert edge(graph, "A.more").size_argument == size


def test_answers_with_lists_in_lists():
    graph = graph_of(b"type Query { a: [[A]]  b: [[Int]] }\ntype A { name: String }")
    assert graph.operations["query.a"].unusable == "It answers with lists in lists."
    assert graph.operations["query.b"].unusable is None


def test_plain_answers_have_names_and_slugs_of_their_own():
    graph = graph_of(b"type Query { a: Int  b: a_result }\ntype Mutation { a: String }\ntype a_result { id: ID }")
    assert {name: obj.kind for name, obj in graph.objects.items()} == {
        "a_result": "type", "a result": "type", "mutation a result": "type",
    }  # fmt: skip
    assert graph.objects["a_result"].slug == "a_result"
    assert len({obj.slug for obj in graph.objects.values()}) == 3
