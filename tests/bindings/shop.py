"""A small shop behind GraphQL, as a schema and as the graph of it: connections, unions, nested inputs, a plain value."""

from __future__ import annotations

from typing import Any

from patchbay.bindings.check import Checked, Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.bindings.report import BindingInvalid
from patchbay.errors import Finding
from patchbay.schema_graph.call import GraphqlCall
from patchbay.schema_graph.model import Argument, Field, Graph, Object, Operation
from patchbay.schema_graph.scoping import Scoping, View
from tests.bindings.crm import held, holds, is_a, query, text

SDL = """
scalar DateTime
scalar Decimal
type Query {
  orders(where: OrderWhere, first: Int, sort: Sort = NEWEST): OrderConnection!
  order(id: ID!): Order
  search(text: String!, first: Int = 10): [Found!]!
  customers(filter: CustomerFilter!, first: Int): CustomerConnection
  openTotal(since: DateTime): Decimal!
  shop: Shop!
}
type Mutation { order(id: ID!): Order cancel(id: ID!): Order }
enum Sort { NEWEST OLDEST }
input OrderWhere { number: TextMatch ids: [ID!] placed: Range total: MoneyMatch }
input CustomerFilter { active: Boolean! = true phone: String name: TextMatch }
input TextMatch { eq: String contains: String }
input Range { gte: DateTime lte: DateTime }
input MoneyMatch { amount: Decimal! currency: String! exact: Boolean }
type OrderConnection { edges: [OrderEdge!]! pageInfo: PageInfo! }
type OrderEdge { node: Order! }
type CustomerConnection { nodes: [Customer] pageInfo: PageInfo! }
type LineConnection { nodes: [Line!]! }
type PageInfo { hasNextPage: Boolean! }
type Shop { name: String! owner: Customer }
type Order { id: ID! number: String! total: Decimal placedAt: DateTime! customer: Customer lines(first: Int): LineConnection!
  parcels: [Parcel!]! tags: [String!]! subject: Found events(after: DateTime!): [String!] }
type Customer { id: ID! name: String! phone: String boss: Customer orders(first: Int): OrderConnection }
type Line { sku: String! quantity: Int! product: Product }
type Parcel { number: String! events: [Event!]! }
type Event { at: DateTime! text: String }
interface Titled { title: String! }
type Product implements Titled { title: String! price: Decimal code: String! }
type Article implements Titled { title: String! body: String code: Int }
type Page { title: String url: String! }
union Found = Product | Article | Page
"""

FIRST = {"size_argument": "first"}


def typed(name: str, kind: str, native: str, **more: Any) -> Field:
    return text(name, type=kind, native_type=native, nullable=not native.endswith("!"), **more)


OBJECTS = (
    Object("Shop", "Shop", "type", fields=(text("name", native_type="String!"), held("owner", "Customer")),
           edges=(holds("owner", "Customer"),)),
    Object(
        "Order", "Order", "type",
        fields=(
            text("id", native_type="ID!", primary_key=True), text("number", native_type="String!"),
            typed("total", "decimal", "Decimal"), typed("placedAt", "datetime", "DateTime!", zoned=True),
            held("customer", "Customer"), held("lines", "LineConnection!", many=True),
            held("parcels", "[Parcel!]!", many=True), text("tags", type="array", native_type="[String!]!", item_type="string"),
            held("subject", "Found"),
            text("events", type="array", native_type="[String!]", item_type="string", readable=False),
        ),
        edges=(
            holds("customer", "Customer"), holds("lines", "Line", many=True, wrapper=("nodes",), **FIRST),
            holds("parcels", "Parcel", many=True), holds("subject", "Found"),
        ),
    ),
    Object(
        "Customer", "Customer", "type",
        fields=(
            text("id", native_type="ID!"), text("name", native_type="String!"), text("phone", native_type="String"),
            held("boss", "Customer"), held("orders", "OrderConnection", many=True),
        ),
        edges=(holds("boss", "Customer"), holds("orders", "Order", many=True, wrapper=("edges", "node"), **FIRST)),
    ),
    Object("Line", "Line", "type", edges=(holds("product", "Product"),), fields=(
        text("sku", native_type="String!"), typed("quantity", "integer", "Int!"), held("product", "Product"))),
    Object("Parcel", "Parcel", "type", fields=(text("number", native_type="String!"), held("events", "[Event!]!", many=True)),
           edges=(holds("events", "Event", many=True),)),
    Object("Event", "Event", "type", fields=(
        typed("at", "datetime", "DateTime!", zoned=True), text("text", native_type="String"))),
    Object("Product", "Product", "type", fields=(
        text("title", native_type="String!"), typed("price", "decimal", "Decimal"), text("code", native_type="String!"))),
    Object("Article", "Article", "type", fields=(
        text("title", native_type="String!"), text("body", native_type="String"), typed("code", "integer", "Int"))),
    Object("Page", "Page", "type", fields=(text("title", native_type="String"), text("url", native_type="String!"))),
    Object("Titled", "Titled", "interface", fields=(text("title", native_type="String!"),),
           edges=(is_a("Product"), is_a("Article"))),
    Object("Found", "Found", "union", edges=(is_a("Product"), is_a("Article"), is_a("Page")),
           fields=(text("__typename", native_type="String!"),)),
    Object("openTotal result", "openTotal_result", "type", fields=(typed("value", "decimal", "Decimal!"),)),
)  # fmt: skip


def operation(name: str, object_: str | None, variables: dict[str, str], *arguments: Argument, **more: Any) -> Operation:
    kind, _, field = name.partition(".")
    invoke: dict[str, Any] = {"kind": kind, "field": field, "variables": variables}
    invoke["arguments"] = {one.name: {"path": one.name.split(".")} for one in arguments}
    invoke |= {"size": "first", "sizeMost": 100} if "first" in variables else {}
    invoke |= more.pop("invoke", {})
    return Operation(
        **{"name": name, "slug": name.replace(".", "_"), "object": object_, "verb": "call", "arguments": arguments}
        | {"effect": "read" if kind == "query" else "write", "invoke": invoke}
        | more
    )


PAGE: dict[str, Any] = {"more": ["pageInfo", "hasNextPage"]}
ID = query("id", native="ID!", role="key", required=True)
FIRST_ARGUMENT = query("first", "integer", "Int")
IN_MONEY = {"demanded_by": "where.total"}
OPERATIONS = (
    operation("query.orders", "Order", {"where": "OrderWhere", "first": "Int", "sort": "Sort"},
              query("where.number.eq", native="String"), query("where.number.contains", native="String"),
              query("where.ids", "array", "[ID!]", item_type="string"), query("where.placed.gte", "datetime", "DateTime"),
              query("where.placed.lte", "datetime", "DateTime"), query("where.total.amount", "decimal", "Decimal!", **IN_MONEY),
              query("where.total.currency", native="String!", **IN_MONEY), query("where.total.exact", "boolean", "Boolean"),
              FIRST_ARGUMENT, query("sort", "enum", "Sort", enum=("NEWEST", "OLDEST"), has_default=True),
              many=True, invoke={"record": ["edges", "node"]} | PAGE),
    operation("query.order", "Order", {"id": "ID!"}, ID),
    operation("query.search", "Found", {"text": "String!", "first": "Int"}, query("text", native="String!", required=True),
              FIRST_ARGUMENT, many=True),
    operation("query.customers", "Customer", {"filter": "CustomerFilter!", "first": "Int"},
              query("filter.active", "boolean", "Boolean!", has_default=True), query("filter.phone", native="String"),
              query("filter.name.eq", native="String"), FIRST_ARGUMENT, many=True,
              invoke={"record": ["nodes"], "least": {"filter": {}}} | PAGE),
    operation("query.openTotal", "openTotal result", {"since": "DateTime"}, query("since", "datetime", "DateTime"),
              invoke={"scalar": True}),
    operation("query.shop", "Shop", {}),
    operation("mutation.order", "Order", {"id": "ID!"}, ID),
    operation("mutation.cancel", "Order", {"id": "ID!"}, ID),
)  # fmt: skip
GRAPH = Graph("graphql", None, {one.name: one for one in OBJECTS}, {one.name: one for one in OPERATIONS})
TARGET = Target(connection_id="con_1", kind="graphql", time_zone="America/Toronto", default_country="CA")
BY_NUMBER: dict[str, Any] = {
    "toolName": "Look up an order",
    "operation": "query.orders",
    "inputs": [{"param": "order_number", "arg": "where.number.eq", "required": True}],
    "projection": [{"path": ["edges", "node", "number"], "leaf": "number"}, {"path": ["total"], "leaf": "total"}],
    "enabled": True,
}


def shop(**scoping: Any) -> View:
    return View(GRAPH, Scoping(**scoping))


def bind(view: View | None = None, target: Target = TARGET, **members: Any) -> Checked:
    return check(parse_binding(BY_NUMBER | members), view or shop(), target)


def compiled(view: View | None = None, target: Target = TARGET, **members: Any) -> GraphqlCall:
    view = view or shop()
    body = compile_plan(bind(view, target, **members).plan, view).body
    assert isinstance(body, GraphqlCall)
    return body


def refused(view: View | None = None, target: Target = TARGET, **members: Any) -> list[Finding]:
    try:
        bind(view, target, **members)
    except BindingInvalid as invalid:
        return list(invalid.errors)
    raise AssertionError("the binding was accepted")
