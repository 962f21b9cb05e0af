"""Small schemas that the GraphQL tests share, and the introspection results made from them."""

from __future__ import annotations

import json
from functools import cache

from graphql import build_schema, get_introspection_query, graphql_sync

from patchbay.connectors.graphql.task import graph_of
from patchbay.schema_graph.model import Graph

SHOP = '''
"""What the shop sells to."""
type Customer implements Node {
  id: ID!
  "As the customer wrote it."
  name: String
  email: String
  phone: String
  status: CustomerStatus!
  since: DateTime
  balance: Money
  tags: [String!]!
  grid: [[Int!]!]!
  statuses: [CustomerStatus!]
  orders(first: Int, after: String): OrderConnection!
  invoices(limit: Int = 10): [Invoice!]!
  favourite: Product
  balanceAt(day: Date!): Money
  visits(first: Int!): [Visit!]!
  nickname: String @deprecated(reason: "Use name.")
}
interface Node { id: ID! }
enum CustomerStatus { ACTIVE GONE }
scalar DateTime
scalar Date
scalar Money
scalar Ledger @specifiedBy(url: "https://www.rfc-editor.org/rfc/rfc8259")
scalar Upload
type Order implements Node { id: ID!  number: String!  customerId: ID!  total: Money!  lines: [Line!]!  ledger: Ledger }
type Line { quantity: Int!  product: Product  item: Item }
type Product implements Node { id: ID!  title: String!  weight: Float }
type Service { title: String  minutes: Int }
union Item = Product | Service
type Invoice { id: ID!  amount: Money }
type Visit { at: DateTime }
type OrderConnection { edges: [OrderEdge!]!  nodes: [Order]  pageInfo: PageInfo!  totalCount: Int! }
type OrderEdge { cursor: String!  node: Order }
type CustomerConnection { edges: [CustomerEdge!]!  pageInfo: PageInfo! }
type CustomerEdge { cursor: String!  node: Customer! }
type PageInfo { hasNextPage: Boolean!  hasPreviousPage: Boolean!  endCursor: String }
"Nodes and edges of another kind: no list."
type Network { nodes: [Station!]!  edges: [Track!]! }
type Station { name: String }
type Track { length: Float  node: Station }
input CustomerWhere {
  name: TextFilter
  status: StatusFilter
  total: RangeFilter
  AND: [CustomerWhere!]
  NOT: CustomerWhere
}
input TextFilter { eq: String  oneOf: [String!] }
input StatusFilter { eq: CustomerStatus = ACTIVE }
input RangeFilter { field: String!  min: Float  max: Float }
input CreateOrder { customerId: ID!  lines: [NewLine!]!  address: Address!  options: Options!  note: String = "none" }
input NewLine { product: ID!  quantity: Int! }
input Address { street: String!  city: String!  country: Country }
input Country { code: String! }
input Options { gift: Boolean }
input Search @oneOf { phone: String  email: String }
type CreateOrderPayload { order: Order  errors: [Problem!]! }
type Problem { field: String  message: String! }
type Admin { users(role: String!): [Customer!]!  user(id: ID!): Customer }
type Query {
  customers(where: CustomerWhere, first: Int, after: String): CustomerConnection
  "One of them."
  customer(id: ID!): Customer
  find(by: Search!): [Customer!]!
  orders(last: Int!): OrderConnection!
  products(page: Int, limit: Int! = 20, tags: [String!]): [Product!]!
  node(id: ID!): Node
  items: [Item!]!
  network: Network
  customerCount(status: CustomerStatus): Int!
  labels: [CustomerStatus!]!
  admin: Admin!
  self: Query
}
type Mutation {
  createOrder(input: CreateOrder!): CreateOrderPayload
  customerCount: Int
  upload(file: Upload!): Problem
  attach(file: Upload, order: ID!): Problem
  search(by: Search!): [Customer!]
}
type Subscription { orderCreated: Order }
'''


@cache
def shop() -> Graph:
    """The shop's graph, from SDL."""
    return graph_of(SHOP.encode())


def introspected(sdl: str) -> dict[str, object]:
    """What a server with this schema answers to the introspection query, with all members that the query can ask for."""
    query = get_introspection_query(specified_by_url=True, input_value_deprecation=True, one_of=True)
    result = graphql_sync(build_schema(sdl), query)
    assert result.errors is None
    assert result.data is not None
    return {"data": result.data}


def introspected_bytes(sdl: str) -> bytes:
    """The same as it comes over the wire."""
    return json.dumps(introspected(sdl)).encode()
